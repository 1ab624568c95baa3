/* The control socket: a thread of libmicrohttpd, and the check who is calling. The calls themselves
 * are in control_calls.c. */
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

#include "admin/control_calls.h"
#include "admin/http.h"
#include "admin/page.h"
#include "admin/upgrade.h"
#include "base/arena.h"
#include "base/listen.h"
#include "base/log.h"
#include "base/owner.h"

enum {
    BACKLOG = 16,
    BODY_MAX = 65536,
    CONTROL_PATH = sizeof(((struct sockaddr_un *)NULL)->sun_path)
};

struct control {
    struct MHD_Daemon *daemon, *older; /* older listens at older_path; NULL: it is not used */
    struct crowd crowd, older_crowd;
    struct control_source source;
    char at[CONTROL_PATH];              /* as in the configuration */
    char path[CONTROL_PATH];            /* "": the socket belongs to a successor */
    char older_path[CONTROL_PATH + 12]; /* "": none */
    int quiet;                          /* as in struct admin */
    struct upgrade takeover, adoption;
};

/* The kernel tells who has opened the connection. */
static struct ucred peer_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t length = sizeof(peer);

    if (info)
        getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &length);
    return peer;
}

/* 0, or why the caller gets no sockets. Whoever gets them is sent this process's clients, so it
 * must be of the same user; the socket's group may call everything else. A successor in another PID
 * namespace (its id is 0 here) could send this process no signal: no reload would reach the
 * sessions that stay here. One in a namespace whose process 1 is this process is ended by the
 * kernel together with it. */
static unsigned forbids(struct MHD_Connection *connection, struct error *why)
{
    const struct ucred caller = peer_of(connection);

    if (!owner_is_own(caller.uid) && caller.uid != 0) {
        log_warning("uid %u (process %ld) has asked for the sockets, and is not the user of this "
                    "silogate%s: refused",
                    (unsigned)caller.uid, (long)caller.pid,
                    caller.uid == geteuid() ? ", or cannot be told from others: give silogate a "
                                              "user of its own that is mapped into its namespace"
                                            : "");
        error_set(why, "only a process of this silogate's user may take over");
        return MHD_HTTP_FORBIDDEN;
    }
    if (getpid() != 1 && caller.pid != 0)
        return 0;
    error_set(why, "this is process 1 of a container, or the caller is in another container");
    return MHD_HTTP_CONFLICT;
}

static void find_caller(struct call *call)
{
    const struct ucred caller = peer_of(call->connection);
    struct passwd entry, *found = NULL;
    char room[1024];

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

/* The upgrade that the request asks for; NULL: it is a normal call. */
static struct upgrade *find_upgrade(struct control *control, const struct call *call,
                                    const char *path)
{
    const char *upgrade =
        MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_UPGRADE);

    if (!upgrade)
        return NULL;
    if (strcmp(path, "/control/takeover") == 0 && strcmp(upgrade, "silogate-takeover") == 0)
        return &control->takeover;
    if (strcmp(path, "/control/adoption") == 0 && strcmp(upgrade, "silogate-adoption") == 0)
        return &control->adoption;
    return NULL;
}

static enum MHD_Result dispatch(struct call *call, const char *path, const char *method)
{
    struct error why;
    bool posts = strcmp(method, MHD_HTTP_METHOD_POST) == 0;

    struct upgrade *upgrade = posts ? NULL : find_upgrade(call->control, call, path);
    if (upgrade) {
        const unsigned forbidden = forbids(call->connection, &why);
        return forbidden ? refuse(call->connection, forbidden, &why)
                         : upgrade_begin(upgrade, call->connection);
    }
    for (size_t i = 0; i < control_route_count; i++) {
        const struct route *route = &control_routes[i];
        if (strcmp(path, route->path) != 0)
            continue;
        if (posts != !!route->members || (!posts && strcmp(method, MHD_HTTP_METHOD_GET) != 0)) {
            error_set(&why, "this call is a %s", route->members ? "POST" : "GET");
            return refuse(call->connection, MHD_HTTP_METHOD_NOT_ALLOWED, &why);
        }
        if (posts)
            call->json = json_loadb(call->body ? call->body : "{}", call->body ? call->length : 2,
                                    JSON_REJECT_DUPLICATES, NULL);
        if (posts && (call->too_large || !json_is_object(call->json))) {
            error_set(&why, "the body is no JSON object of at most %d bytes", BODY_MAX);
            return refuse(call->connection, MHD_HTTP_BAD_REQUEST, &why);
        }
        if (posts && !control_members(call, route, &why))
            return refuse(call->connection, MHD_HTTP_BAD_REQUEST, &why);
        return run(call, route);
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
    if (!call) { /* the headers are read */
        call = *state = memory_take_zeroed(sizeof(*call));
        call->control = context;
        call->source = &call->control->source;
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

const char *control_at(const struct control *control)
{
    return control->at;
}

int control_socket(const struct control *control)
{
    return control ? http_socket(control->daemon) : -1;
}

/* Listens where a successor asks about the sessions that are still in this process. */
static void listen_on(struct control *control)
{
    struct error why = {.line = 0};

    snprintf(control->older_path, sizeof(control->older_path), OLDER_PATH, control->at,
             (unsigned)getpid());
    int listening = listen_unix(control->older_path, 0660, BACKLOG, &why);
    if (listening >= 0)
        control->older = http_start(listening, MHD_ALLOW_UPGRADE, on_request, on_completed, control,
                                    &control->older_crowd);
    if (control->older)
        return;
    log_warning("control: %s: %s; the sessions that are left here are not shown",
                control->older_path, listening < 0 ? why.text : "the HTTP server does not start");
    if (listening >= 0) {
        close(listening);
        unlink(control->older_path);
    }
    control->older_path[0] = 0;
}

void control_let_go(struct control *control, bool serves)
{
    if (!control)
        return;
    if (serves)
        listen_on(control);
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
    upgrade_init(&control->adoption, "silogate-adoption", source->adoption, source->context);
    memcpy(control->at, address->host.at, address->host.length);
    memcpy(control->path, control->at, sizeof(control->path));
    control->daemon = http_start(listening, MHD_ALLOW_UPGRADE, on_request, on_completed, control,
                                 &control->crowd);
    if (!control->daemon) {
        close(listening);
        if (listening == inherited)
            control->path[0] = 0; /* it belongs to the silogate that runs */
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
    upgrade_stop(&control->adoption);
    if (control->older)
        MHD_stop_daemon(control->older);
    if (control->daemon)
        MHD_stop_daemon(control->daemon);
    if (control->quiet >= 0)
        close(control->quiet);
    if (control->path[0])
        unlink(control->path);
    if (control->older_path[0])
        unlink(control->older_path);
    upgrade_fini(&control->takeover);
    upgrade_fini(&control->adoption);
    free(control);
}
