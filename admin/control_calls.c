/* What each call of the control socket does: read its arguments, ask the part of silogate that
 * knows the answer, write the answer as JSON. */
#include "admin/control_calls.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin/control_json.h"
#include "admin/control_older.h"
#include "admin/page.h"
#include "base/arena.h"
#include "base/log.h"
#include "policy/pattern.h"

enum { INSTANCES_ROOM = 256, MEETINGS_ROOM = 64, OLDER_ROOM = 16 };

static struct text argument(const struct call *call, const char *name)
{
    struct text value = {0};

    MHD_lookup_connection_value_n(call->connection, MHD_GET_ARGUMENT_KIND, name, strlen(name),
                                  &value.at, &value.length);
    return value;
}

static struct text member(const struct call *call, const char *key)
{
    const json_t *value = json_object_get(call->json, key);

    if (!json_is_string(value))
        return (struct text){0};
    return (struct text){json_string_value(value), json_string_length(value)};
}

/* Copies a text into a field of fixed size. False if it does not fit, has a control character,
 * or is missing and `needed`. */
static bool take_member(const struct call *call, const char *key, char *to, size_t size,
                        bool needed, struct error *why)
{
    struct text value = member(call, key);

    if (!value.at && needed)
        return error_set(why, "\"%s\" is missing", key);
    if (value.length >= size)
        return error_set(why, "\"%s\" is longer than %zu bytes", key, size - 1);
    for (size_t i = 0, size_of_one; i < value.length; i += size_of_one) {
        size_of_one = text_character((struct text){value.at + i, value.length - i});
        if (size_of_one == 0 || text_is_unfit((struct text){value.at + i, size_of_one}))
            return error_set(why, "\"%s\" holds a control character", key);
    }
    if (value.at)
        memcpy(to, value.at, value.length);
    to[value.length] = 0;
    return true;
}

/* An unknown member is an error: if a misspelled "service" were ignored, all services would be
 * drained. */
bool control_members(const struct call *call, const struct route *route, struct error *why)
{
    static const struct {
        char letter;
        json_type type;
        const char *words;
    } types[] = {
        {'s', JSON_STRING,  "string"        },
        {'i', JSON_INTEGER, "whole number"  },
        {'b', JSON_TRUE,    "true nor false"},
        {'a', JSON_ARRAY,   "list"          },
    };
    const char *key;
    json_t *value;

    json_object_foreach(call->json, key, value)
    {
        const char *at = route->members, *end = NULL;
        size_t length = strlen(key);
        while (*at && !(strncmp(at, key, length) == 0 && at[length] == ':')) {
            end = strchr(at, ' ');
            at = end ? end + 1 : "";
        }
        if (!*at || length == 0)
            return error_set(why, "this call takes no \"%.64s\"", key);
        for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
            bool same = json_typeof(value) == types[i].type ||
                        (types[i].type == JSON_TRUE && json_is_false(value));
            if (at[length + 1] == types[i].letter && !same)
                return error_set(why, "\"%s\" is no %s", key, types[i].words);
        }
    }
    return true;
}

static unsigned run_sessions(struct call *call, struct error *why)
{
    const struct control_filter filter = {.service = argument(call, "service"),
                                          .user = argument(call, "user"),
                                          .in_transaction = argument(call, "in_transaction").at};
    const struct control_source *source = call->source;
    size_t count;
    unsigned late;
    struct control_session *list = source->sessions(source->context, &filter, &count, &late);

    (void)why;
    fprintf(call->to, "{\"process\":%ld,\"sessions\":[", (long)getpid());
    for (size_t i = 0; i < count; i++) {
        fputs(i ? ",\n" : "\n", call->to);
        control_put_session(call->to, &list[i]);
    }
    free(list);
    const unsigned unreached = older_sessions(call, count);
    fprintf(call->to, "],\"late\":%u,\"unreached\":%u}\n", late, unreached);
    return 0;
}

static unsigned run_overrides(struct call *call, struct error *why)
{
    const struct control_source *source = call->source;
    struct override *list = memory_take(OVERRIDES_MAX * sizeof(*list));
    size_t count = source->overrides(source->context, list);

    (void)why;
    fputs("{\"overrides\":[", call->to);
    for (size_t i = 0; i < count; i++) {
        fputs(i ? ",\n" : "\n", call->to);
        control_put_override(call->to, &list[i], NULL);
    }
    fputs("]}\n", call->to);
    free(list);
    return 0;
}

static unsigned run_instances(struct call *call, struct error *why)
{
    const struct control_source *source = call->source;
    struct instance *list = memory_take(INSTANCES_ROOM * sizeof(*list));
    struct meeting *meetings = memory_take(MEETINGS_ROOM * sizeof(*meetings));
    size_t count = source->instances(source->context, list, INSTANCES_ROOM);
    size_t met = source->meetings(source->context, meetings, MEETINGS_ROOM);

    (void)why;
    fputs("{\"instances\":[", call->to);
    for (size_t i = 0; i < count; i++) {
        fputs(i ? ",\n" : "\n", call->to);
        control_put_instance(call->to, &list[i]);
    }
    fputs("],\"meetings\":[", call->to);
    for (size_t i = 0; i < met; i++) {
        fputs(i ? ",\n" : "\n", call->to);
        control_put_meeting(call->to, &meetings[i]);
    }
    fputs("]}\n", call->to);
    free(list);
    free(meetings);
    return 0;
}

static unsigned show_session(struct call *call, uint32_t id)
{
    const struct control_source *source = call->source;
    const struct control_filter filter = {.id = id};
    size_t count;
    unsigned late;
    struct control_session *list = source->sessions(source->context, &filter, &count, &late);

    if (count > 0) {
        fputs("{\"session\":", call->to);
        control_put_session(call->to, list);
        fputs("}\n", call->to);
    }
    free(list);
    return count > 0 ? 0 : MHD_HTTP_NOT_FOUND;
}

/* If a process gave no answer, it may have the session: adds that to `why`. */
static void tell_unreached(const struct call *call, struct error *why)
{
    const struct error found = *why;

    if (call->unreached)
        error_set(why, "%s; the older silogate with process %u gave no answer", found.text,
                  (unsigned)call->unreached);
}

static unsigned run_show(struct call *call, struct error *why)
{
    const struct control_source *source = call->source;
    struct text id = argument(call, "id");
    uint64_t number;

    if (id.length == 16) {
        char *record = source->record(source->context, id);
        if (record)
            fprintf(call->to, "{\"violation\":%s}\n", record);
        bool found = record != NULL;
        free(record);
        if (found)
            return 0;
    } else if (text_number(id, &number) && number > 0 && number <= UINT32_MAX) {
        if (show_session(call, (uint32_t)number) == 0 || older_show(call, (uint32_t)number))
            return 0;
    } else {
        error_set(why, "an id is a session's number, or a violation's 16 hex digits");
        return MHD_HTTP_BAD_REQUEST;
    }
    error_set(why, "there is no session and no violation of this id here");
    tell_unreached(call, why);
    return MHD_HTTP_NOT_FOUND;
}

static unsigned run_whose(struct call *call, struct error *why)
{
    const struct text upstream = argument(call, "upstream");
    struct sought_thread found = {.id = 0};
    char name[65];
    uint64_t id;

    if (!text_number(argument(call, "id"), &id) || id == 0 || id > UINT32_MAX ||
        upstream.length >= sizeof(name)) {
        error_set(why, "an upstream and the number of a session are needed");
        return MHD_HTTP_BAD_REQUEST;
    }
    found.id = (uint32_t)id;
    snprintf(name, sizeof(name), "%.*s", TEXT_ARGS(upstream));
    if (!call->source->whose(name, &found)) {
        error_set(why, "there is no session %u here", (unsigned)id);
        return MHD_HTTP_NOT_FOUND;
    }
    fprintf(call->to, "{\"thread\":%u,\"service\":", (unsigned)found.thread);
    page_json(call->to, text_of(found.service));
    fputs("}\n", call->to);
    return 0;
}

/* Ends a session of this process, of an older generation, or of another instance. */
static unsigned end_session(struct call *call, uint32_t id, bool query, struct error *why)
{
    const struct control_source *source = call->source;

    if (source->end(source->context, id, query, why))
        return 0;
    if (why->line)
        return MHD_HTTP_CONFLICT;
    unsigned status = older_end(call, id, query, why);
    if (status != MHD_HTTP_NOT_FOUND || older_only(call))
        return status;
    if (source->end_elsewhere(source->context, id, query, why))
        return 0;
    return why->line ? MHD_HTTP_CONFLICT : MHD_HTTP_NOT_FOUND;
}

static unsigned run_kill(struct call *call, struct error *why)
{
    json_int_t id = json_integer_value(json_object_get(call->json, "id"));
    bool query = json_is_true(json_object_get(call->json, "query"));

    if (id <= 0 || id > UINT32_MAX) {
        error_set(why, "\"id\" is not the number of a session");
        return MHD_HTTP_BAD_REQUEST;
    }
    const unsigned status = end_session(call, (uint32_t)id, query, why);
    if (status == MHD_HTTP_NOT_FOUND)
        tell_unreached(call, why);
    if (status != 0)
        return status;
    log_notice("control: %s %s session %u", call->who, query ? "ends the statement of" : "ends",
               (unsigned)id);
    fprintf(call->to, "{\"killed\":%u}\n", (unsigned)id);
    return 0;
}

static unsigned run_drain(struct call *call, struct error *why)
{
    const struct control_source *source = call->source;
    struct text service = member(call, "service");
    size_t count;

    if (!source->leave(source->context, service, &count, why))
        return MHD_HTTP_NOT_FOUND;
    log_notice("control: %s drains %s%.*s: %zu sessions", call->who,
               service.at ? "service " : "all services", TEXT_ARGS(service), count);
    fprintf(call->to, "{\"leaving\":%zu}\n", count);
    return 0;
}

/* The fields that all overrides have. */
static bool begin_override(struct call *call, struct override *override, const char *whose,
                           struct error *why)
{
    json_int_t length = json_integer_value(json_object_get(call->json, "milliseconds"));

    if (length < 100 || length > OVERRIDE_MONTH * INT64_C(1000))
        return error_set(why, "an override needs an end: from 100ms to 31d");
    override_set_times(override, 0, length * 1000);
    memcpy(override->who, call->who, sizeof(override->who));
    return take_member(call, whose, override->service, sizeof(override->service), true, why) &&
           take_member(call, "ticket", override->ticket, sizeof(override->ticket), false, why);
}

static unsigned add_override(struct call *call, struct override *override, struct error *why)
{
    const struct control_source *source = call->source;
    struct told told;

    if (!source->override(source->context, override, &told, why))
        return MHD_HTTP_CONFLICT;
    control_put_override(call->to, override, &told);
    fputs("\n", call->to);
    return 0;
}

static unsigned run_mode(struct call *call, struct error *why)
{
    struct override override = {.kind = OVERRIDE_MODE};
    struct text mode = member(call, "mode");

    if (!begin_override(call, &override, "service", why))
        return MHD_HTTP_BAD_REQUEST;
    if (!text_equal(mode, TEXT("log")) && !text_equal(mode, TEXT("block"))) {
        error_set(why, "the mode can be log or block");
        return MHD_HTTP_BAD_REQUEST;
    }
    override.mode = text_equal(mode, TEXT("block")) ? CONFIG_BLOCK : CONFIG_LOG;
    return add_override(call, &override, why);
}

static bool is_pattern(const char *written, struct error *why)
{
    struct arena arena = {0};
    struct pattern pattern;
    const bool good = pattern_read(text_of(written), &arena, &pattern, why);

    arena_fini(&arena);
    return good;
}

static unsigned run_allow(struct call *call, struct error *why)
{
    struct override override = {.kind = OVERRIDE_ALLOW};

    if (!begin_override(call, &override, "service", why) ||
        !take_member(call, "on", override.on, sizeof(override.on), true, why) ||
        !is_pattern(override.on, why))
        return MHD_HTTP_BAD_REQUEST;
    override.access = control_access_of(json_object_get(call->json, "access"));
    if (override.access == 0) {
        error_set(why, "the access can be read, write, define, execute or all");
        return MHD_HTTP_BAD_REQUEST;
    }
    return add_override(call, &override, why);
}

static unsigned run_hold(struct call *call, struct error *why)
{
    struct override override = {.kind = OVERRIDE_HOLD, .access = 2 | 4};

    if (!begin_override(call, &override, "owner", why))
        return MHD_HTTP_BAD_REQUEST;
    if (override.until - override.since > INT64_C(60) * 1000000) {
        error_set(why, "a hold lasts 60s at most: clients are waiting");
        return MHD_HTTP_BAD_REQUEST;
    }
    return add_override(call, &override, why);
}

static unsigned run_undo(struct call *call, struct error *why)
{
    const struct control_source *source = call->source;
    struct text id = member(call, "id");

    struct override undone;
    struct told told;

    if (!source->undo(source->context, id, text_of(call->who), &undone, &told, why))
        return MHD_HTTP_NOT_FOUND;
    fputs("{\"undone\":", call->to);
    page_json(call->to, id);
    control_put_told(call->to, &undone, &told);
    fputs("}\n", call->to);
    return 0;
}

static unsigned run_reload(struct call *call, struct error *why)
{
    const struct control_source *source = call->source;

    uint32_t behind[OLDER_ROOM];
    size_t count;

    log_notice("control: %s asks for a reload", call->who);
    if (!source->reload(source->context, behind, OLDER_ROOM, &count, why))
        return MHD_HTTP_CONFLICT;
    fputs("{\"reloaded\":true,\"not_followed\":[", call->to);
    for (size_t i = 0; i < count; i++)
        fprintf(call->to, "%s%u", i ? "," : "", (unsigned)behind[i]);
    fputs("]}\n", call->to);
    return 0;
}

/* Types of members: s a string, i a whole number, b true or false, a a list. */
const struct route control_routes[] = {
    {"/control/sessions",  NULL,                                              run_sessions },
    {"/control/overrides", NULL,                                              run_overrides},
    {"/control/instances", NULL,                                              run_instances},
    {"/control/show",      NULL,                                              run_show     },
    {"/control/whose",     NULL,                                              run_whose    },
    {"/control/kill",      "id:i query:b only:b",                             run_kill     },
    {"/control/drain",     "service:s",                                       run_drain    },
    {"/control/mode",      "service:s mode:s milliseconds:i ticket:s",        run_mode     },
    {"/control/allow",     "service:s on:s access:a milliseconds:i ticket:s", run_allow    },
    {"/control/hold",      "owner:s milliseconds:i ticket:s",                 run_hold     },
    {"/control/undo",      "id:s",                                            run_undo     },
    {"/control/reload",    "",                                                run_reload   },
};

const size_t control_route_count = sizeof(control_routes) / sizeof(control_routes[0]);
