/* The control socket: one thread of libmicrohttpd, a table of calls, and who is calling. */
#include "admin/control.h"

#include <jansson.h>
#include <microhttpd.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "admin/control_json.h"
#include "admin/http.h"
#include "admin/page.h"
#include "admin/upgrade.h"
#include "base/arena.h"
#include "base/listen.h"
#include "base/log.h"

enum { BACKLOG = 16, BODY_MAX = 65536 };

struct control {
    struct MHD_Daemon *daemon;
    struct control_source source;
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    int quiet; /* as admin's */
    struct upgrade takeover;
};

/* One request: its body as it comes, then what it is answered with. */
struct call {
    struct control *control;
    struct MHD_Connection *connection;
    char *body;
    size_t length;
    bool too_large;
    json_t *json; /* of a POST: an object */
    FILE *to;
    char who[80];
};

/* 0: fine, what is in `to` is the answer; else the status, and `why` is. */
struct route {
    const char *path;
    bool changes;
    unsigned (*run)(struct call *call, struct error *why);
};

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

/* A text into a field of fixed size; false where it does not fit, is none, or holds what would not
 * stay on its line. */
static bool take_member(const struct call *call, const char *key, char *to, size_t size,
                        bool needed, struct error *why)
{
    struct text value = member(call, key);

    if (!value.at && needed)
        return error_set(why, "\"%s\" is missing", key);
    if (value.length >= size)
        return error_set(why, "\"%s\" is longer than %zu bytes", key, size - 1);
    for (size_t i = 0; value.at && i < value.length; i++) {
        if ((unsigned char)value.at[i] < ' ' || value.at[i] == 0x7f)
            return error_set(why, "\"%s\" holds a control character", key);
    }
    if (value.at)
        memcpy(to, value.at, value.length);
    to[value.length] = 0;
    return true;
}

static unsigned run_sessions(struct call *call, struct error *why)
{
    const struct control_filter filter = {.service = argument(call, "service"),
                                          .user = argument(call, "user"),
                                          .in_transaction = argument(call, "in_transaction").at};
    const struct control_source *source = &call->control->source;
    size_t count;
    unsigned late;
    struct control_session *list = source->sessions(source->context, &filter, &count, &late);

    (void)why;
    fputs("{\"sessions\":[", call->to);
    for (size_t i = 0; i < count; i++) {
        fputs(i ? ",\n" : "\n", call->to);
        control_put_session(call->to, &list[i]);
    }
    fprintf(call->to, "],\"late\":%u}\n", late);
    free(list);
    return 0;
}

static unsigned run_overrides(struct call *call, struct error *why)
{
    const struct control_source *source = &call->control->source;
    struct override *list = memory_take(OVERRIDES_MAX * sizeof(*list));
    size_t count = source->overrides(source->context, list);

    (void)why;
    fputs("{\"overrides\":[", call->to);
    for (size_t i = 0; i < count; i++) {
        fputs(i ? ",\n" : "\n", call->to);
        control_put_override(call->to, &list[i]);
    }
    fputs("]}\n", call->to);
    free(list);
    return 0;
}

static unsigned show_session(struct call *call, uint32_t id)
{
    const struct control_source *source = &call->control->source;
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

static unsigned run_show(struct call *call, struct error *why)
{
    const struct control_source *source = &call->control->source;
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
        if (show_session(call, (uint32_t)number) == 0)
            return 0;
    } else {
        error_set(why, "an id is a session's number, or a violation's 16 hex digits");
        return MHD_HTTP_BAD_REQUEST;
    }
    error_set(why, "there is no session and no violation of this id here");
    return MHD_HTTP_NOT_FOUND;
}

static unsigned run_kill(struct call *call, struct error *why)
{
    const struct control_source *source = &call->control->source;
    json_int_t id = json_integer_value(json_object_get(call->json, "id"));
    bool query = json_is_true(json_object_get(call->json, "query"));

    if (id <= 0 || id > UINT32_MAX) {
        error_set(why, "\"id\" is no session's number");
        return MHD_HTTP_BAD_REQUEST;
    }
    if (!source->end(source->context, (uint32_t)id, query, why))
        return why->line ? MHD_HTTP_CONFLICT : MHD_HTTP_NOT_FOUND;
    log_notice("control: %s %s session %u", call->who, query ? "ends the statement of" : "ends",
               (unsigned)id);
    fprintf(call->to, "{\"killed\":%u}\n", (unsigned)id);
    return 0;
}

static unsigned run_drain(struct call *call, struct error *why)
{
    const struct control_source *source = &call->control->source;
    struct text service = member(call, "service");

    (void)why;
    size_t count = source->leave(source->context, service);
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
    struct timespec now;

    if (length < 100 || length > OVERRIDE_MONTH * INT64_C(1000))
        return error_set(why, "an override needs an end: from 100ms to 31d");
    clock_gettime(CLOCK_REALTIME, &now);
    override->since = now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
    override->until = override->since + length * 1000;
    memcpy(override->who, call->who, sizeof(override->who));
    return take_member(call, whose, override->service, sizeof(override->service), true, why) &&
           take_member(call, "ticket", override->ticket, sizeof(override->ticket), false, why);
}

static unsigned add_override(struct call *call, struct override *override, struct error *why)
{
    const struct control_source *source = &call->control->source;

    if (!source->override(source->context, override, why))
        return MHD_HTTP_CONFLICT;
    control_put_override(call->to, override);
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

static unsigned run_allow(struct call *call, struct error *why)
{
    struct override override = {.kind = OVERRIDE_ALLOW};

    if (!begin_override(call, &override, "service", why) ||
        !take_member(call, "on", override.on, sizeof(override.on), true, why))
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
    const struct control_source *source = &call->control->source;
    struct text id = member(call, "id");

    if (!source->undo(source->context, id, text_of(call->who), why))
        return MHD_HTTP_NOT_FOUND;
    fputs("{\"undone\":", call->to);
    page_json(call->to, id);
    fputs("}\n", call->to);
    return 0;
}

static unsigned run_reload(struct call *call, struct error *why)
{
    const struct control_source *source = &call->control->source;

    log_notice("control: %s asks for a reload", call->who);
    if (!source->reload(source->context, why))
        return MHD_HTTP_CONFLICT;
    fputs("{\"reloaded\":true}\n", call->to);
    return 0;
}

static const struct route routes[] = {
    {"/control/sessions",  false, run_sessions },
    {"/control/overrides", false, run_overrides},
    {"/control/show",      false, run_show     },
    {"/control/kill",      true,  run_kill     },
    {"/control/drain",     true,  run_drain    },
    {"/control/mode",      true,  run_mode     },
    {"/control/allow",     true,  run_allow    },
    {"/control/hold",      true,  run_hold     },
    {"/control/undo",      true,  run_undo     },
    {"/control/reload",    true,  run_reload   },
};

/* The kernel says who has opened the connection. */
static void find_caller(struct call *call)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct ucred caller = {.uid = (uid_t)-1};
    socklen_t length = sizeof(caller);
    struct passwd entry, *found = NULL;
    char room[1024];

    if (info)
        getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &caller, &length);
    if (getpwuid_r(caller.uid, &entry, room, sizeof(room), &found) == 0 && found)
        snprintf(call->who, sizeof(call->who), "%.40s (uid %u)", found->pw_name,
                 (unsigned)caller.uid);
    else
        snprintf(call->who, sizeof(call->who), "uid %u", (unsigned)caller.uid);
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status,
                              const struct error *why)
{
    char *body = NULL;
    size_t length = 0;
    FILE *to = open_memstream(&body, &length);

    if (!to)
        return MHD_NO;
    fputs("{\"error\":", to);
    page_json(to, text_of(why->text));
    fputs("}\n", to);
    fclose(to);
    return http_answer(connection, status, "application/json", body, length);
}

static enum MHD_Result run(struct call *call, const struct route *route)
{
    char *body = NULL;
    size_t length = 0;
    struct error why = {.line = 0};

    call->to = open_memstream(&body, &length);
    if (!call->to)
        return MHD_NO;
    find_caller(call);
    unsigned status = route->run(call, &why);
    fclose(call->to);
    if (status == 0)
        return http_answer(call->connection, MHD_HTTP_OK, "application/json", body, length);
    free(body);
    return refuse(call->connection, status, &why);
}

static bool asks_for_takeover(const struct call *call, const char *path)
{
    const char *upgrade =
        MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_UPGRADE);

    return strcmp(path, "/control/takeover") == 0 && upgrade &&
           strcmp(upgrade, "silogate-takeover") == 0;
}

static enum MHD_Result dispatch(struct call *call, const char *path, const char *method)
{
    struct error why;
    bool posts = strcmp(method, MHD_HTTP_METHOD_POST) == 0;

    if (!posts && asks_for_takeover(call, path))
        return upgrade_begin(&call->control->takeover, call->connection);
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (strcmp(path, routes[i].path) != 0)
            continue;
        if (posts != routes[i].changes || (!posts && strcmp(method, MHD_HTTP_METHOD_GET) != 0)) {
            error_set(&why, "this call is a %s", routes[i].changes ? "POST" : "GET");
            return refuse(call->connection, MHD_HTTP_METHOD_NOT_ALLOWED, &why);
        }
        if (posts)
            call->json = json_loadb(call->body ? call->body : "{}", call->body ? call->length : 2,
                                    JSON_REJECT_DUPLICATES, NULL);
        if (posts && (call->too_large || !json_is_object(call->json))) {
            error_set(&why, "the body is no JSON object of at most %d bytes", BODY_MAX);
            return refuse(call->connection, MHD_HTTP_BAD_REQUEST, &why);
        }
        return run(call, &routes[i]);
    }
    error_set(&why, "there is no such call");
    return refuse(call->connection, MHD_HTTP_NOT_FOUND, &why);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *upload, size_t *upload_size, void **state)
{
    struct call *call = *state;

    (void)version;
    if (!call) { /* the headers are here */
        call = *state = memory_take_zeroed(sizeof(*call));
        call->control = context;
        call->connection = connection;
        return MHD_YES;
    }
    if (*upload_size > 0) {
        call->too_large |= call->length + *upload_size > BODY_MAX;
        if (!call->too_large) {
            call->body = memory_resize(call->body, call->length + *upload_size);
            memcpy(call->body + call->length, upload, *upload_size);
            call->length += *upload_size;
        }
        *upload_size = 0;
        return MHD_YES;
    }
    return dispatch(call, path, method);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    struct call *call = *state;

    (void)context;
    (void)connection;
    (void)code;
    if (!call)
        return;
    json_decref(call->json);
    free(call->body);
    free(call);
    *state = NULL;
}

int control_socket(const struct control *control)
{
    return control ? http_socket(control->daemon) : -1;
}

void control_let_go(struct control *control)
{
    if (control)
        control->quiet = http_let_go(control->daemon, control->path);
}

bool control_start(const struct config *config, const struct control_source *source, int inherited,
                   struct control **result, struct error *error)
{
    const struct config_address *address = &config->proxy.control;
    struct error why;

    *result = NULL;
    if (!address->host.at)
        return true;
    int listening = http_inherited(inherited, address);
    if (listening < 0)
        listening = listen_unix(address->host.at, 0660, BACKLOG, &why);
    if (listening < 0)
        return error_at(error, address->line, "control = %s: %s; write another path, or off",
                        address->written.at, why.text);
    struct control *control = memory_take_zeroed(sizeof(*control));
    control->source = *source;
    control->quiet = -1;
    upgrade_init(&control->takeover, "silogate-takeover", source->takeover, source->context);
    memcpy(control->path, address->host.at, address->host.length);
    control->daemon = http_start(listening, MHD_ALLOW_UPGRADE, on_request, on_completed, control);
    if (!control->daemon) {
        close(listening);
        control_stop(control);
        return error_at(error, address->line,
                        "control = %s: the HTTP server does not start; see to the limits of files "
                        "and threads, or write off",
                        address->written.at);
    }
    log_notice("control listens on %s", address->written.at);
    *result = control;
    return true;
}

void control_stop(struct control *control)
{
    if (!control)
        return;
    upgrade_stop(&control->takeover);
    if (control->daemon)
        MHD_stop_daemon(control->daemon);
    if (control->quiet >= 0)
        close(control->quiet);
    if (control->path[0])
        unlink(control->path);
    upgrade_fini(&control->takeover);
    free(control);
}
