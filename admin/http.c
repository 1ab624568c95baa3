/* The HTTP server: a thread of libmicrohttpd, a table of paths, and the checks before them. It
 * answers only GET and HEAD; nothing can be changed through it.
 */
#include <assert.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/guard.h"
#include "admin/http.h"
#include "admin/page.h"
#include "base/arena.h"
#include "base/listen.h"
#include "base/log.h"

enum {
    BACKLOG = 64,
    TIMEOUT_SECONDS = 15,
    CONNECTION_MEMORY = 128 << 10, /* for request line (with a statement for /why) and headers */
};

struct admin {
    struct MHD_Daemon *daemon;
    struct crowd crowd;
    struct admin_source source;
    pthread_mutex_t looks; /* one look at a time: a view is valid until the next one */
    int quiet;             /* the descriptor from http_let_go, after a takeover; -1: none */
    struct text host;      /* as configured; empty for a Unix socket */
    char token_file[4096]; /* empty: none */
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)]; /* of a Unix socket */
};

/* /healthz and /readyz are not in this table: they are answered without asking the workers and
 * without a token, because they are for load balancers and tell little. */
struct route {
    const char *path, *type;
    bool queries; /* the page shows queries */
    void (*write)(const struct page_request *request, FILE *to);
};

#define HTML "text/html; charset=utf-8"
#define JSON "application/json"

static const struct route routes[] = {
    {"/",               HTML,                                       true,  page_dashboard     },
    {"/queries",        HTML,                                       true,  page_queries       },
    {"/query",          HTML,                                       true,  page_query         },
    {"/service",        HTML,                                       true,  page_service       },
    {"/policy",         HTML,                                       false, page_policy        },
    {"/why",            HTML,                                       false, page_why           },
    {"/style.css",      "text/css; charset=utf-8",                  false, page_style         },
    {"/live.js",        "text/javascript; charset=utf-8",           false, page_script        },
    {"/metrics",        "text/plain; version=0.0.4; charset=utf-8", false, page_metrics       },
    {"/api/",           JSON,                                       true,  page_api           },
    {"/api/services",   JSON,                                       false, page_api_services  },
    {"/api/matrix",     JSON,                                       false, page_api_matrix    },
    {"/api/upstreams",  JSON,                                       false, page_api_upstreams },
    {"/api/queries",    JSON,                                       true,  page_api_queries   },
    {"/api/violations", JSON,                                       true,  page_api_violations},
    {"/api/catalogue",  JSON,                                       false, page_api_catalogue },
    {"/api/policy",     JSON,                                       false, page_api_policy    },
    {"/api/why",        JSON,                                       false, page_api_why       },
};

static struct text header(struct MHD_Connection *connection, const char *name)
{
    return text_of(MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name));
}

static struct text argument(struct MHD_Connection *connection, const char *name)
{
    struct text value = {0};

    MHD_lookup_connection_value_n(connection, MHD_GET_ARGUMENT_KIND, name, strlen(name), &value.at,
                                  &value.length);
    return value;
}

/* Each connection is closed after one request. A kept connection would stay with this silogate
 * after a takeover: /readyz would say not ready, and the numbers would no longer change. */
enum MHD_Result http_answer(struct MHD_Connection *connection, unsigned status, const char *type,
                            char *body, size_t length)
{
    static const char *const headers[][2] = {
        {"Content-Security-Policy",
         "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
         "img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"},
        {"X-Content-Type-Options",       "nosniff"                                   },
        {"X-Frame-Options",              "DENY"                                      },
        {"Referrer-Policy",              "no-referrer"                               },
        {"Cross-Origin-Resource-Policy", "same-origin"                               },
        {"Cache-Control",                "no-store"                                  },
        {"Connection",                   "close"                                     },
    };
    struct MHD_Response *response =
        MHD_create_response_from_buffer(length, body, MHD_RESPMEM_MUST_FREE);

    if (!response) {
        free(body);
        return MHD_NO;
    }
    MHD_add_response_header(response, "Content-Type", type);
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        MHD_add_response_header(response, headers[i][0], headers[i][1]);
    if (status == MHD_HTTP_UNAUTHORIZED)
        MHD_add_response_header(response, "WWW-Authenticate", "Basic realm=\"silogate\"");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, "Allow", "GET, HEAD");
    enum MHD_Result queued = MHD_queue_response(connection, status, response);
    crowd_answered(connection);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result say(struct MHD_Connection *connection, unsigned status, const char *words)
{
    size_t length = strlen(words);
    char *body = memory_take(length + 2);

    memcpy(body, words, length);
    body[length] = '\n';
    return http_answer(connection, status, "text/plain; charset=utf-8", body, length + 1);
}

/* "Authorization: Bearer TOKEN", or Basic with the token as the password, for browsers. */
static bool has_token(struct MHD_Connection *connection, const char *token)
{
    static const char bearer[] = "Bearer ";
    struct text given = header(connection, MHD_HTTP_HEADER_AUTHORIZATION);
    const size_t length = sizeof(bearer) - 1;
    char *password = NULL;

    if (given.length > length && text_equal_fold((struct text){given.at, length}, TEXT("Bearer ")))
        return guard_same(text_trim((struct text){given.at + length, given.length - length}),
                          token);
    char *user = MHD_basic_auth_get_username_password(connection, &password);
    bool same = password && guard_same(text_of(password), token);
    MHD_free(user);
    MHD_free(password);
    return same;
}

/* 0, or the HTTP status to refuse the request with. A page of another site cannot send the token,
 * so a request with the token may use any host name. */
static unsigned check(const struct admin *admin, struct MHD_Connection *connection, bool open)
{
    struct text host = header(connection, MHD_HTTP_HEADER_HOST);
    struct text origin = header(connection, "Origin");
    char token[GUARD_TOKEN_SIZE];
    struct error error;
    bool trusted = false;

    if (origin.at && !guard_origin(origin, host))
        return MHD_HTTP_FORBIDDEN;
    if (admin->token_file[0] && !open) {
        if (!guard_read_token(admin->token_file, token, &error)) {
            log_error("admin_token_file = %s: %s; all requests are refused", admin->token_file,
                      error.text);
            return MHD_HTTP_UNAUTHORIZED;
        }
        trusted = has_token(connection, token);
        if (!trusted)
            return MHD_HTTP_UNAUTHORIZED;
    }
    if (!trusted && !open && admin->host.length > 0 && !guard_host(host, admin->host))
        return MHD_HTTP_FORBIDDEN;
    return 0;
}

static size_t number(struct MHD_Connection *connection, const char *name, size_t most)
{
    uint64_t value;

    if (!text_number(argument(connection, name), &value))
        return 0;
    return value < most ? (size_t)value : most;
}

static enum summary_range range(struct MHD_Connection *connection)
{
    struct text wanted = argument(connection, "range");

    for (unsigned i = SUMMARY_START; i < SUMMARY_RANGES; i++) {
        if (text_equal(wanted, text_of(page_range_name((enum summary_range)i))))
            return (enum summary_range)i;
    }
    return SUMMARY_START;
}

static enum MHD_Result write_page(struct admin *admin, struct MHD_Connection *connection,
                                  const struct route *route)
{
    struct page_request request = {.source = &admin->source,
                                   .search = argument(connection, "q"),
                                   .user = argument(connection, "user"),
                                   .database = argument(connection, "database"),
                                   .sql = argument(connection, "sql"),
                                   .refresh = argument(connection, "refresh"),
                                   .service = argument(connection, "service"),
                                   .owner = argument(connection, "owner"),
                                   .digest = argument(connection, "digest"),
                                   .sort = argument(connection, "sort"),
                                   .range = range(connection),
                                   .limit = number(connection, "limit", PAGE_QUERIES_MOST),
                                   .offset = number(connection, "offset", UINT32_MAX)};
    char *body = NULL;
    size_t length = 0;
    FILE *to = open_memstream(&body, &length);

    if (!to)
        return MHD_NO;
    pthread_mutex_lock(&admin->looks);
    request.view = admin->source.look(admin->source.context, route->queries);
    route->write(&request, to);
    pthread_mutex_unlock(&admin->looks);
    fclose(to);
    return http_answer(connection, MHD_HTTP_OK, route->type, body, length);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *upload, size_t *upload_size, void **state)
{
    struct admin *admin = context;
    bool health = strcmp(path, "/healthz") == 0, ready = strcmp(path, "/readyz") == 0;

    (void)version;
    (void)upload;
    (void)state;
    if (*upload_size > 0) {
        *upload_size = 0; /* a body is read and ignored */
        return MHD_YES;
    }
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return say(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET and HEAD alone");
    switch (check(admin, connection, health || ready)) {
    case 0:
        break;
    case MHD_HTTP_UNAUTHORIZED:
        return say(connection, MHD_HTTP_UNAUTHORIZED, "the token of admin_token_file is needed");
    default:
        return say(connection, MHD_HTTP_FORBIDDEN,
                   "this Host or Origin is not known here; use an address, localhost, or the name "
                   "in admin");
    }
    if (health)
        return say(connection, MHD_HTTP_OK, "ok");
    if (ready) {
        const char *why = admin->source.unready(admin->source.context);
        return say(connection, why ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_OK,
                   why ? why : "ready");
    }
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (strcmp(path, routes[i].path) == 0)
            return write_page(admin, connection, &routes[i]);
    }
    return say(connection, MHD_HTTP_NOT_FOUND, "there is no such page");
}

static bool is_loopback(struct text host)
{
    return text_equal_fold(host, TEXT("localhost")) || text_equal(host, TEXT("::1")) ||
           (host.length > 4 && memcmp(host.at, "127.", 4) == 0);
}

/* The library's thread inherits the signal mask: only the main thread handles signals. */
struct MHD_Daemon *http_start(int listening, unsigned flags, MHD_AccessHandlerCallback handler,
                              MHD_RequestCompletedCallback completed, void *context,
                              struct crowd *crowd)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNALLY | MHD_USE_ITC | flags, 0, NULL, NULL, handler, context,
        MHD_OPTION_LISTEN_SOCKET, listening, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CROWD_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_SECONDS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_NOTIFY_COMPLETED,
        completed, NULL, MHD_OPTION_NOTIFY_CONNECTION, crowd_notify, crowd, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return daemon;
}

int http_inherited(int inherited, const struct config_address *address)
{
    if (inherited >= 0 &&
        (address->is_unix ? listen_is_unix(inherited, address->host.at)
                          : listen_is_tcp(inherited, address->host.at, address->port)))
        return inherited;
    if (inherited >= 0)
        close(inherited);
    return -1;
}

/* The daemon's thread may still use the descriptor number, so it stays open, on /dev/null. But the
 * socket itself must be closed here: if the successor is killed, the next silogate would find that
 * somebody still listens. */
int http_let_go(struct MHD_Daemon *daemon, char *path)
{
    path[0] = 0;
    const int quiet = MHD_quiesce_daemon(daemon), nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (quiet >= 0 && nothing >= 0)
        dup3(nothing, quiet, O_CLOEXEC);
    if (nothing >= 0)
        close(nothing);
    return quiet;
}

int http_socket(struct MHD_Daemon *daemon)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_LISTEN_FD);

    return info ? info->listen_fd : -1;
}

int admin_socket(const struct admin *admin)
{
    return admin ? http_socket(admin->daemon) : -1;
}

void admin_let_go(struct admin *admin)
{
    if (admin)
        admin->quiet = http_let_go(admin->daemon, admin->path);
}

char *admin_counts(struct admin *admin, const struct admin_source *source, size_t *length)
{
    char *text = NULL;
    FILE *to = open_memstream(&text, length);

    if (!to)
        return NULL;
    if (admin)
        pthread_mutex_lock(&admin->looks);
    const struct page_request request = {.view = source->look(source->context, false),
                                         .source = source};
    page_own_metrics(&request, to);
    if (admin)
        pthread_mutex_unlock(&admin->looks);
    fclose(to);
    return text;
}

/* A socket that listens at the configured address, inherited or opened; -1 with the reason in
 * `error`. */
static int open_listener(const struct config_address *address, int inherited, struct error *error)
{
    struct error why;
    int listening = http_inherited(inherited, address);

    if (listening < 0)
        listening = address->is_unix
                        ? listen_unix(address->host.at, 0660, BACKLOG, &why)
                        : listen_tcp(address->host.at, address->port, BACKLOG, false, &why);
    if (listening < 0)
        error_at(error, address->line, "admin = %s: %s; write another address or path, or off",
                 address->written.at, why.text);
    return listening;
}

/* Can the token be read now, and is its path short enough to be stored? */
static bool check_token(const struct config_text *file, struct error *error)
{
    char token[GUARD_TOKEN_SIZE];
    struct error why;

    if (!file->value.at)
        return true;
    if (!guard_read_token(file->value.at, token, &why))
        return error_at(error, file->line,
                        "admin_token_file = %s: %s; name a file whose first line is the token",
                        file->value.at, why.text);
    if (file->value.length >= sizeof(((struct admin *)NULL)->token_file))
        return error_at(error, file->line,
                        "admin_token_file: the path is too long; name a shorter one");
    return true;
}

bool admin_start(const struct config *config, const struct admin_source *source, int inherited,
                 struct admin **result, struct error *error)
{
    const struct config_address *address = &config->proxy.admin;
    const struct text token_file = config->proxy.admin_token_file.value;

    *result = NULL;
    if (!address->host.at)
        return true;
    if (!check_token(&config->proxy.admin_token_file, error))
        return false;
    int listening = open_listener(address, inherited, error);
    if (listening < 0)
        return false;
    struct admin *admin = memory_take_zeroed(sizeof(*admin));
    admin->quiet = -1;
    admin->source = *source;
    pthread_mutex_init(&admin->looks, NULL);
    if (token_file.at)
        memcpy(admin->token_file, token_file.at, token_file.length);
    if (address->is_unix)
        memcpy(admin->path, address->host.at, address->host.length);
    else
        admin->host =
            (struct text){strndup(address->host.at, address->host.length), address->host.length};
    admin->daemon = http_start(listening, 0, on_request, NULL, admin, &admin->crowd);
    if (!admin->daemon) {
        close(listening);
        if (listening == inherited)
            admin->path[0] = 0; /* it belongs to the silogate that runs */
        admin_stop(admin);
        return error_at(error, address->line,
                        "admin = %s: the HTTP server does not start; see to the limits of files "
                        "and threads, or write off",
                        address->written.at);
    }
    if (!address->is_unix && !is_loopback(address->host) && !token_file.at)
        log_warning("admin = %s: everybody who can reach it may read it; set admin_token_file",
                    address->written.at);
    log_notice("admin listens on %s", address->written.at);
    *result = admin;
    return true;
}

void admin_stop(struct admin *admin)
{
    if (!admin)
        return;
    if (admin->daemon)
        MHD_stop_daemon(admin->daemon); /* closes the socket, unless it was let go */
    if (admin->quiet >= 0)
        close(admin->quiet);
    if (admin->path[0])
        unlink(admin->path);
    free((char *)admin->host.at);
    pthread_mutex_destroy(&admin->looks);
    free(admin);
}
