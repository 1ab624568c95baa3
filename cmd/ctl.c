/* silogate ctl: sends a request to the control socket of the running silogate and prints the
 * answer. */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin/ask.h"
#include "admin/control.h"
#include "base/arena.h"
#include "base/clock.h"
#include "cmd/cmd.h"
#include "cmd/ctl.h"
#include "config/config.h"
#include "config/keys.h"

static const char usage[] =
    "usage: silogate ctl [-c FILE | --socket PATH] [--json] CALL\n"
    "\n"
    "  sessions [--service S] [--user U] [--in-transaction]\n"
    "                                   the sessions, and what keeps each from being drained\n"
    "  show ID                          all that is known of a session or a violation\n"
    "  kill ID [--query]                ends a session, or only the statement that it runs\n"
    "  drain [--service S]              ends all sessions at their boundary (error 1053)\n"
    "  mode SERVICE log|block --for TIME [--ticket T]\n"
    "  allow SERVICE on NAME access read[,write...] --for TIME [--ticket T]\n"
    "  hold OWNER --writes --for TIME   makes statements wait that would write the owner's tables\n"
    "  overrides                        what mode, allow and hold have changed, and until when\n"
    "  undo ID                          ends an override early\n"
    "  instances                        the instances before the same upstreams, and whether "
    "their\n"
    "                                   policies agree\n"
    "  reload                           reads proxy.ini again, as SIGHUP does\n"
    "\n"
    "  -c, --config FILE   the proxy.ini that names the socket ([proxy] control)\n"
    "      --socket PATH   the socket itself; default: /run/silogate/control.sock\n"
    "      --json          prints the answer as JSON\n"
    "\n"
    "TIME is a number with ms, s, m, h or d. Exits 0 when it was done, 1 when it could not be "
    "done,\n"
    "2 for misuse or if no silogate answers.\n";

/* How often, and how long, a call is sent again that has met a takeover. */
enum { AGAIN_MS = 100, AGAIN_MOST_MS = 5000 };

struct options {
    const char *config, *socket, *service, *user, *length, *ticket;
    bool json, in_transaction, query, writes;
};

enum {
    OPTION_SOCKET = 256,
    OPTION_SERVICE,
    OPTION_USER,
    OPTION_FOR,
    OPTION_TICKET,
    OPTION_JSON,
    OPTION_IN_TRANSACTION,
    OPTION_QUERY,
    OPTION_WRITES
};

enum {
    TAKES_SERVICE = 1,
    TAKES_USER = 2,
    TAKES_FOR = 4,
    TAKES_TICKET = 8,
    TAKES_IN_TRANSACTION = 16,
    TAKES_QUERY = 32,
    TAKES_WRITES = 64,
    TAKES_END = TAKES_FOR | TAKES_TICKET
};

static const struct option long_options[] = {
    {"config",         required_argument, NULL, 'c'                  },
    {"help",           no_argument,       NULL, 'h'                  },
    {"socket",         required_argument, NULL, OPTION_SOCKET        },
    {"service",        required_argument, NULL, OPTION_SERVICE       },
    {"user",           required_argument, NULL, OPTION_USER          },
    {"for",            required_argument, NULL, OPTION_FOR           },
    {"ticket",         required_argument, NULL, OPTION_TICKET        },
    {"json",           no_argument,       NULL, OPTION_JSON          },
    {"in-transaction", no_argument,       NULL, OPTION_IN_TRANSACTION},
    {"query",          no_argument,       NULL, OPTION_QUERY         },
    {"writes",         no_argument,       NULL, OPTION_WRITES        },
    {NULL,             0,                 NULL, 0                    },
};

/* The first word of the command line names a call; from `least` to `most` words may follow it. */
struct call {
    const char *name;
    int least, most;
    unsigned takes; /* options that it accepts; if TAKES_FOR is in it, --for is required */
    /* Fills in the path, and the body of a POST; false if the words are wrong. */
    bool (*ask)(const struct options *options, char **words, int count, struct ask *request);
    void (*print)(const json_t *answer);
};

static bool milliseconds(const struct options *options, json_int_t *to)
{
    static const struct key key = {.name = "--for", .type = KEY_DURATION, .most = INT64_MAX};
    struct config_number number = {0};
    struct value_place place = {0};
    struct error why;
    struct key with = key;

    with.field = 0;
    if (value_read(&with, &number, text_of(options->length), &place, &why)) {
        *to = number.value;
        return true;
    }
    fprintf(stderr, "silogate ctl: --for %s: %s\n", options->length, why.text);
    return false;
}

static bool ask_sessions(const struct options *options, char **words, int count,
                         struct ask *request)
{
    (void)words;
    (void)count;
    ask_path(request, "/control/sessions");
    ask_argument(request, "service", options->service);
    ask_argument(request, "user", options->user);
    ask_argument(request, "in_transaction", options->in_transaction ? "1" : NULL);
    return true;
}

static bool ask_show(const struct options *options, char **words, int count, struct ask *request)
{
    (void)options;
    (void)count;
    ask_path(request, "/control/show");
    ask_argument(request, "id", words[0]);
    return true;
}

static bool ask_overrides(const struct options *options, char **words, int count,
                          struct ask *request)
{
    (void)options;
    (void)words;
    (void)count;
    ask_path(request, "/control/overrides");
    return true;
}

static bool ask_instances(const struct options *options, char **words, int count,
                          struct ask *request)
{
    (void)options;
    (void)words;
    (void)count;
    ask_path(request, "/control/instances");
    return true;
}

static bool ask_kill(const struct options *options, char **words, int count, struct ask *request)
{
    uint64_t id;

    (void)count;
    if (!text_number(text_of(words[0]), &id) || id == 0 || id > UINT32_MAX) {
        fprintf(stderr,
                "silogate ctl: '%s' is not the number of a session; `silogate ctl sessions` has "
                "them\n",
                words[0]);
        return false;
    }
    ask_path(request, "/control/kill");
    request->body = json_pack("{sIsb}", "id", (json_int_t)id, "query", options->query);
    return true;
}

static bool ask_drain(const struct options *options, char **words, int count, struct ask *request)
{
    (void)words;
    (void)count;
    ask_path(request, "/control/drain");
    request->body =
        options->service ? json_pack("{ss}", "service", options->service) : json_object();
    return true;
}

/* Fills in what all overrides have. */
static bool begin_override(const struct options *options, const char *path, struct ask *request)
{
    json_int_t length;

    if (!milliseconds(options, &length))
        return false;
    ask_path(request, path);
    request->body = json_pack("{sI}", "milliseconds", length);
    if (options->ticket)
        json_object_set_new(request->body, "ticket", json_string(options->ticket));
    return true;
}

static bool ask_mode(const struct options *options, char **words, int count, struct ask *request)
{
    (void)count;
    if (!begin_override(options, "/control/mode", request))
        return false;
    json_object_set_new(request->body, "service", json_string(words[0]));
    json_object_set_new(request->body, "mode", json_string(words[1]));
    return true;
}

static bool ask_allow(const struct options *options, char **words, int count, struct ask *request)
{
    json_t *access = json_array();

    if (strcmp(words[1], "on") != 0 || strcmp(words[3], "access") != 0 ||
        !begin_override(options, "/control/allow", request)) {
        json_decref(access);
        return false;
    }
    for (int i = 4; i < count; i++) {
        for (char *word = strtok(words[i], ","); word; word = strtok(NULL, ","))
            json_array_append_new(access, json_string(word));
    }
    json_object_set_new(request->body, "service", json_string(words[0]));
    json_object_set_new(request->body, "on", json_string(words[2]));
    json_object_set_new(request->body, "access", access);
    return true;
}

static bool ask_hold(const struct options *options, char **words, int count, struct ask *request)
{
    (void)count;
    if (!options->writes || !begin_override(options, "/control/hold", request))
        return false;
    json_object_set_new(request->body, "owner", json_string(words[0]));
    return true;
}

static bool ask_undo(const struct options *options, char **words, int count, struct ask *request)
{
    (void)options;
    (void)count;
    ask_path(request, "/control/undo");
    request->body = json_pack("{ss}", "id", words[0]);
    return true;
}

static bool ask_reload(const struct options *options, char **words, int count, struct ask *request)
{
    (void)options;
    (void)words;
    (void)count;
    ask_path(request, "/control/reload");
    request->body = json_object();
    return true;
}

static const struct call calls[] = {
    {"sessions",  0, 0, TAKES_SERVICE | TAKES_USER | TAKES_IN_TRANSACTION, ask_sessions,
     ctl_print_sessions                                                                                      },
    {"show",      1, 1, 0,                                                 ask_show,      ctl_print_shown    },
    {"kill",      1, 1, TAKES_QUERY,                                       ask_kill,      ctl_print_fields   },
    {"drain",     0, 0, TAKES_SERVICE,                                     ask_drain,     ctl_print_fields   },
    {"mode",      2, 2, TAKES_END,                                         ask_mode,      ctl_print_override },
    {"allow",     5, 9, TAKES_END,                                         ask_allow,     ctl_print_override },
    {"hold",      1, 1, TAKES_END | TAKES_WRITES,                          ask_hold,      ctl_print_override },
    {"overrides", 0, 0, 0,                                                 ask_overrides, ctl_print_overrides},
    {"undo",      1, 1, 0,                                                 ask_undo,      ctl_print_undone   },
    {"instances", 0, 0, 0,                                                 ask_instances, ctl_print_instances},
    {"reload",    0, 0, 0,                                                 ask_reload,    ctl_print_reload   },
};

/* The socket's path; false, with a message, if the configuration does not have it. */
static bool find_socket(const struct options *options, char *to, size_t size)
{
    struct config_problems problems = {0};

    if (!options->config) {
        snprintf(to, size, "%s", options->socket ? options->socket : CTL_SOCKET);
        return true;
    }
    struct config *config = config_read(options->config, &problems);
    bool said = config && config->proxy.control.host.at && config->proxy.control.is_unix;
    if (!config)
        config_problems_print(&problems, options->config);
    else if (!said)
        fprintf(stderr,
                "%s:1: there is no [proxy] control; write control = unix:/path and restart\n",
                options->config);
    if (said)
        snprintf(to, size, "%.*s", TEXT_ARGS(config->proxy.control.host));
    config_problems_fini(&problems);
    config_free(config);
    return said;
}

/* Is this the answer of a process that a start takes over from right now? It has done nothing, and
 * who asks at the same path again reaches the new one. */
static bool is_taken_over(const char *wrong, const char *socket)
{
    const size_t starting = sizeof(CONTROL_STARTING) - 1, taken = sizeof(CONTROL_TAKEN) - 1;

    return wrong &&
           (strncmp(wrong, CONTROL_STARTING, starting) == 0 ||
            (strncmp(wrong, CONTROL_TAKEN, taken) == 0 && strcmp(wrong + taken, socket) == 0));
}

/* As ask_send; asks for some seconds again while a start takes over. `*answer` is owned by the
 * caller, and is NULL if `*text` is no JSON. */
static unsigned ask_newest(const char *socket, const struct ask *request, char **text,
                           json_t **answer, struct error *why)
{
    const struct timespec moment = {.tv_nsec = AGAIN_MS * 1000000L};
    const int64_t end = clock_ms() + AGAIN_MOST_MS;

    for (;;) {
        const unsigned code = ask_send(socket, request, text, why);
        *answer = code ? json_loads(*text, 0, NULL) : NULL;
        const char *wrong = json_string_value(json_object_get(*answer, "error"));
        if (!is_taken_over(wrong, socket) || clock_ms() >= end)
            return code;
        json_decref(*answer);
        free(*text);
        nanosleep(&moment, NULL);
    }
}

static int run(const struct call *call, const struct options *options, char **words, int count)
{
    struct ask request = {0};
    char socket[200];
    struct error why;
    json_t *answer = NULL;
    char *text = NULL;
    int status = CMD_MISUSE;

    if (!call->ask(options, words, count, &request)) {
        fputs(usage, stderr);
    } else if (find_socket(options, socket, sizeof(socket))) {
        const unsigned code = ask_newest(socket, &request, &text, &answer, &why);
        const char *wrong = json_string_value(json_object_get(answer, "error"));
        if (code == 0 || !answer)
            fprintf(stderr, "silogate ctl: %s\n", code ? "the answer is no JSON" : why.text);
        else if (code != 200)
            ctl_print_wrong(wrong ? wrong : "it was refused");
        if (code == 200 && answer && options->json)
            fputs(text, stdout);
        else if (code == 200 && answer)
            call->print(answer);
        if (code && answer)
            status = code == 200 ? CMD_YES : code == 400 ? CMD_MISUSE : CMD_NO;
    }
    json_decref(answer);
    json_decref(request.body);
    free(text);
    return status;
}

static bool read_options(int argc, char **argv, struct options *options, int *status)
{
    int option;

    *status = CMD_MISUSE;
    while ((option = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1) {
        switch (option) {
        case 'c':
            options->config = optarg;
            break;
        case OPTION_SOCKET:
            options->socket = optarg;
            break;
        case OPTION_SERVICE:
            options->service = optarg;
            break;
        case OPTION_USER:
            options->user = optarg;
            break;
        case OPTION_FOR:
            options->length = optarg;
            break;
        case OPTION_TICKET:
            options->ticket = optarg;
            break;
        case OPTION_JSON:
            options->json = true;
            break;
        case OPTION_IN_TRANSACTION:
            options->in_transaction = true;
            break;
        case OPTION_QUERY:
            options->query = true;
            break;
        case OPTION_WRITES:
            options->writes = true;
            break;
        case 'h':
            fputs(usage, stdout);
            *status = CMD_YES;
            return false;
        default:
            fputs(usage, stderr);
            return false;
        }
    }
    return true;
}

/* An option that the call does not accept is an error: `drain --user U` must not drain all
 * sessions. */
static bool takes(const struct call *call, const struct options *options)
{
    unsigned given = (options->service ? TAKES_SERVICE : 0) | (options->user ? TAKES_USER : 0) |
                     (options->length ? TAKES_FOR : 0) | (options->ticket ? TAKES_TICKET : 0) |
                     (options->in_transaction ? TAKES_IN_TRANSACTION : 0) |
                     (options->query ? TAKES_QUERY : 0) | (options->writes ? TAKES_WRITES : 0);

    return !(given & ~call->takes) && (given & TAKES_FOR) == (call->takes & TAKES_FOR);
}

int cmd_ctl(int argc, char **argv)
{
    struct options options = {0};
    int status;

    if (!read_options(argc, argv, &options, &status))
        return status;
    for (size_t i = 0; optind < argc && i < sizeof(calls) / sizeof(calls[0]); i++) {
        const struct call *call = &calls[i];
        int count = argc - optind - 1;
        if (strcmp(argv[optind], call->name) != 0)
            continue;
        if (count < call->least || count > call->most || !takes(call, &options))
            break;
        return run(call, &options, argv + optind + 1, count);
    }
    fputs(usage, stderr);
    return CMD_MISUSE;
}
