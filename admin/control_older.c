/* Asks older generations over their own sockets, by the same calls as `silogate ctl`. */
#include "admin/control_older.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "admin/ask.h"
#include "admin/page.h"
#include "base/clock.h"

enum { OLDER_MOST = 16, OLDER_SECONDS = 2, SILENT_MS = 5000, SEEK_SECONDS = 1 };

/* Processes that gave no answer; they are not asked again for SILENT_MS. The control socket has one
 * thread: when several calls waited for such processes one after the other, a successor had to wait
 * too, and gave up. Only the control socket's thread uses this list. */
static struct {
    uint32_t process;
    int64_t until;
} silent[OLDER_MOST];

static bool is_silent(uint32_t process)
{
    for (size_t i = 0; i < OLDER_MOST; i++) {
        if (silent[i].process == process && silent[i].until > clock_ms())
            return true;
    }
    return false;
}

/* Uses the process's own entry, or replaces the one that ends first. */
static void remember_silent(uint32_t process)
{
    size_t at = 0;

    for (size_t i = 0; i < OLDER_MOST; i++) {
        if (silent[i].process == process || silent[i].until < silent[at].until)
            at = i;
        if (silent[i].process == process)
            break;
    }
    silent[at].process = process;
    silent[at].until = clock_ms() + SILENT_MS;
}

static const char *argument(const struct call *call, const char *name)
{
    return MHD_lookup_connection_value(call->connection, MHD_GET_ARGUMENT_KIND, name);
}

bool older_only(const struct call *call)
{
    return argument(call, "only") || json_is_true(json_object_get(call->json, "only"));
}

static size_t find(const struct call *call, uint32_t *processes)
{
    if (older_only(call))
        return 0;
    return call->source->older(call->source->context, processes, OLDER_MOST);
}

/* Returns the HTTP status and the answer's object, which the caller drops; 0 if there was no
 * answer. */
static unsigned ask_process(const struct control *control, uint32_t process, struct ask *ask,
                            json_t **answer)
{
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 12], *text = NULL;
    struct error why;

    ask->seconds = ask->seconds > 0 ? ask->seconds : OLDER_SECONDS;
    snprintf(path, sizeof(path), OLDER_PATH, control_at(control), (unsigned)process);
    unsigned status = process > 0 ? ask_send(path, ask, &text, &why) : 0;
    *answer = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    free(text);
    if (json_is_object(*answer))
        return status;
    json_decref(*answer);
    *answer = NULL;
    return 0;
}

/* The same, for a call of the control socket; notes processes that give no answer. */
static unsigned ask_one(struct call *call, uint32_t process, struct ask *ask, json_t **answer)
{
    *answer = NULL;
    const unsigned status =
        is_silent(process) ? 0 : ask_process(call->control, process, ask, answer);
    if (status > 0)
        return status;
    if (!is_silent(process))
        remember_silent(process);
    call->unreached = process;
    return 0;
}

unsigned older_sessions(struct call *call, size_t count)
{
    uint32_t processes[OLDER_MOST];
    const size_t found = find(call, processes);
    unsigned unreached = 0;
    json_t *answer, *session;
    size_t place;

    for (size_t i = 0; i < found; i++) {
        struct ask ask = {.body = NULL};
        ask_path(&ask, "/control/sessions?only=1");
        ask_argument(&ask, "service", argument(call, "service"));
        ask_argument(&ask, "user", argument(call, "user"));
        ask_argument(&ask, "in_transaction", argument(call, "in_transaction"));
        if (ask_one(call, processes[i], &ask, &answer) != MHD_HTTP_OK) {
            unreached++;
            json_decref(answer);
            continue;
        }
        json_array_foreach(json_object_get(answer, "sessions"), place, session)
        {
            fputs(count++ > 0 ? ",\n" : "\n", call->to);
            json_dumpf(session, call->to, JSON_COMPACT);
        }
        unreached += json_integer_value(json_object_get(answer, "late")) > 0;
        json_decref(answer);
    }
    return unreached;
}

bool older_show(struct call *call, uint32_t id)
{
    uint32_t processes[OLDER_MOST];
    const size_t count = find(call, processes);
    char path[64];
    json_t *answer;
    bool found = false;

    snprintf(path, sizeof(path), "/control/show?only=1&id=%u", (unsigned)id);
    for (size_t i = 0; i < count && !found; i++) {
        struct ask ask = {.body = NULL};
        ask_path(&ask, path);
        found = ask_one(call, processes[i], &ask, &answer) == MHD_HTTP_OK;
        if (found)
            json_dumpf(answer, call->to, JSON_COMPACT);
        json_decref(answer);
    }
    return found;
}

unsigned older_end(struct call *call, uint32_t id, bool query, struct error *why)
{
    uint32_t processes[OLDER_MOST];
    const size_t count = find(call, processes);
    unsigned status = MHD_HTTP_NOT_FOUND;
    json_t *answer;

    for (size_t i = 0; i < count && status == MHD_HTTP_NOT_FOUND; i++) {
        struct ask ask = {
            .body = json_pack("{s:I,s:b,s:b}", "id", (json_int_t)id, "query", query, "only", true)};
        ask_path(&ask, "/control/kill");
        const unsigned got = ask_one(call, processes[i], &ask, &answer);
        if (got == MHD_HTTP_OK)
            status = 0;
        if (got == MHD_HTTP_CONFLICT) {
            status = got;
            error_set(why, "%s", json_string_value(json_object_get(answer, "error")));
        }
        json_decref(answer);
        json_decref(ask.body);
    }
    return status;
}

static void seek(const struct control *control, uint32_t process, const char *upstream, uint32_t id,
                 struct sought *sought)
{
    struct ask ask = {.seconds = SEEK_SECONDS};
    struct sought_thread found = {.id = id};
    char number[16];
    json_t *answer;

    snprintf(number, sizeof(number), "%u", (unsigned)id);
    ask_path(&ask, "/control/whose");
    ask_argument(&ask, "id", number);
    ask_argument(&ask, "upstream", upstream);
    if (ask_process(control, process, &ask, &answer) == MHD_HTTP_OK) {
        const char *service = json_string_value(json_object_get(answer, "service"));
        found.thread = (uint32_t)json_integer_value(json_object_get(answer, "thread"));
        if (service && service[0] && strlen(service) < sizeof(found.service) && found.thread > 0) {
            snprintf(found.service, sizeof(found.service), "%s", service);
            sought_add(sought, &found);
        }
    }
    json_decref(answer);
}

void control_seek(const struct control *control, const uint32_t *processes, size_t count,
                  const char *upstream, struct sought *sought)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < sought->count; j++)
            seek(control, processes[i], upstream, sought->ids[j], sought);
    }
}
