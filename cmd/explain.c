/* silogate explain: what statements touch and what the policy says of it, without a server. Owns
 * the options, the reading of the input and the state that runs through it; every statement is
 * taken to succeed, so that USE, SET sql_mode, temporary tables and PREPARE count for those behind
 * it, in items of --null too.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "cmd/cmd.h"
#include "cmd/explain_print.h"
#include "router/router.h"
#include "sql/analyze.h"
#include "sql/script.h"

enum { READ_AT_ONCE = 1 << 18 };
static const size_t longest_item = (size_t)1 << 30; /* the largest max_allowed_packet */

struct explain {
    const char *config_path, *user, *database, *sql_mode, *version, *dialect, *charset, *path;
    bool null, json;
    struct config *config;
    struct policy *policy;
    struct router *router;
    int service;
    int32_t today;
    struct sql_state state;
    struct sql_session *session;
    uint64_t items;
    bool violated;
};

static const char usage[] =
    "usage: silogate explain -c proxy.ini --user U [OPTION...] [FILE]\n"
    "\n"
    "Reads SQL statements from FILE or standard input and prints what each one touches and what "
    "the\n"
    "policy says of it. Exit status: 0 when all are allowed, 1 when any is a violation, 2 for "
    "misuse.\n"
    "Statements are taken to succeed, one after another: a USE, a SET sql_mode, a temporary table "
    "or\n"
    "a PREPARE counts for those behind it.\n"
    "\n"
    "  -c, --config FILE        the proxy.ini\n"
    "  --user U                 the database user; decides the service\n"
    "  --database D             the current database at the start; else the service's own\n"
    "  --dialect D              mysql (default) or mariadb\n"
    "  --server-version V       of the server: default 9.7, with mariadb 11.8\n"
    "  --sql-mode M             @@sql_mode at the start: default empty\n"
    "  --charset C              character_set_client: default utf8mb4\n"
    "  --null                   items end with a NUL byte, each the whole text of one command;\n"
    "                           else the input is split at ; as the mysql client does\n"
    "  --json                   one JSON object a line for each statement\n";

static bool parse_options(struct explain *explain, int argc, char **argv)
{
    enum { DATABASE = 256, DIALECT, VERSION, MODE, CHARSET, USER };
    const struct option options[] = {
        {"config",         required_argument, NULL, 'c'     },
        {"user",           required_argument, NULL, USER    },
        {"database",       required_argument, NULL, DATABASE},
        {"dialect",        required_argument, NULL, DIALECT },
        {"server-version", required_argument, NULL, VERSION },
        {"sql-mode",       required_argument, NULL, MODE    },
        {"charset",        required_argument, NULL, CHARSET },
        {"null",           no_argument,       NULL, '0'     },
        {"json",           no_argument,       NULL, 'j'     },
        {"help",           no_argument,       NULL, 'h'     },
        {NULL,             0,                 NULL, 0       }
    };
    int option;

    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            explain->config_path = optarg;
            break;
        case USER:
            explain->user = optarg;
            break;
        case DATABASE:
            explain->database = optarg;
            break;
        case DIALECT:
            explain->dialect = optarg;
            break;
        case VERSION:
            explain->version = optarg;
            break;
        case MODE:
            explain->sql_mode = optarg;
            break;
        case CHARSET:
            explain->charset = optarg;
            break;
        case '0':
            explain->null = true;
            break;
        case 'j':
            explain->json = true;
            break;
        case 'h':
            fputs(usage, stdout);
            exit(CMD_YES);
        default: /* getopt has said what is wrong */
            fputs("silogate explain --help lists the options\n", stderr);
            return false;
        }
    }
    if (argc - optind > 1)
        fprintf(stderr, "silogate explain: two files; give one, or none for standard input\n");
    if (!explain->config_path || !explain->user)
        fprintf(stderr, "silogate explain: -c and --user must be there; see --help\n");
    explain->path = argc - optind == 1 ? argv[optind] : NULL;
    return argc - optind <= 1 && explain->config_path && explain->user;
}

static bool set_state(struct explain *explain)
{
    struct sql_state *state = &explain->state;
    bool mariadb = explain->dialect && strcmp(explain->dialect, "mariadb") == 0;
    const char *version = explain->version ? explain->version : mariadb ? "11.8" : "9.7";

    if (explain->dialect && !mariadb && strcmp(explain->dialect, "mysql") != 0) {
        fprintf(stderr, "silogate explain: no dialect '%s'; write mysql or mariadb\n",
                explain->dialect);
        return false;
    }
    state->mode_known = true;
    state->mode = sql_mode_of(text_of(explain->sql_mode ? explain->sql_mode : ""));
    struct text unknown = sql_mode_unknown(text_of(explain->sql_mode ? explain->sql_mode : ""));
    if (unknown.length > 0) {
        fprintf(stderr, "silogate explain: no sql_mode '%.*s'; write modes as in @@sql_mode\n",
                TEXT_ARGS(unknown));
        return false;
    }
    state->charset =
        (uint8_t)sql_charset_of(text_of(explain->charset ? explain->charset : "utf8mb4"));
    if (!sql_state_set_version(state, text_of(version))) {
        fprintf(stderr, "silogate explain: '%s' is no version; write one like 9.7.4 or 10.11.19\n",
                version);
        return false;
    }
    if (explain->dialect)
        state->dialect = mariadb ? SQL_MARIADB : SQL_MYSQL;
    if (state->charset == SQL_CHARSET_UNKNOWN) {
        fprintf(
            stderr,
            "silogate explain: no character set of clients '%s'; write a name as in SET NAMES\n",
            explain->charset);
        return false;
    }
    return true;
}

/* The service's own name for what the client asks for; a user without a service is judged by the
 * policy's defaults. */
static bool find_service(struct explain *explain)
{
    struct text user = text_of(explain->user);

    explain->service = router_service(explain->router, user);
    if (explain->service == SERVICE_NONE &&
        explain->config->proxy.unknown_user.value == CONFIG_REJECT) {
        fprintf(stderr,
                "silogate explain: no service has the user '%s', and unknown_user = reject\n",
                explain->user);
        return false;
    }
    if (explain->service == SERVICE_NONE)
        fprintf(stderr,
                "silogate explain: no service has the user '%s': judged as somebody without one\n",
                explain->user);
    sql_state_set_database(&explain->state, router_database(explain->router, explain->service,
                                                            text_of(explain->database), false));
    return true;
}

static bool read_policy(struct explain *explain)
{
    struct config_problems problems = {0};

    explain->today = policy_today((int64_t)time(NULL));
    explain->config = config_read(explain->config_path, &problems);
    if (explain->config)
        explain->policy = policy_build(explain->config, explain->today, &problems);
    bool good = explain->config && explain->policy && problems.errors == 0;
    if (!good)
        config_problems_print(&problems, explain->config_path);
    config_problems_fini(&problems);
    if (!good)
        return false;
    explain->router = router_build(explain->config, NULL);
    return find_service(explain);
}

/* No session is there to be ended but others', which is how the proxy judges it. */
static void judge_kill(struct sql_facts *facts)
{
    facts->administration |= (facts->effects & SQL_EFFECT_KILL) != 0;
}

/* USE of an alias means the service's own database, as the proxy has it. */
static void map_database(const struct explain *explain, struct sql_facts *facts)
{
    struct text name = facts->database;

    if (!(facts->effects & SQL_EFFECT_DATABASE) || !name.at)
        return;
    facts->database = router_database(explain->router, explain->service, name, false);
    for (uint32_t i = 0; i < facts->object_count; i++) {
        struct sql_object *object = &facts->objects[i];
        if (object->type == SQL_DATABASE && text_equal(object->schema, name))
            object->schema = facts->database;
    }
}

static void judge_part(struct explain *explain, struct sql_facts *facts, unsigned part)
{
    struct verdict verdict;
    const struct explain_statement statement = {.item = explain->items,
                                                .part = part,
                                                .facts = facts,
                                                .files = &explain->config->files,
                                                .policy = explain->policy,
                                                .service = explain->service,
                                                .today = explain->today,
                                                .verdict = &verdict};

    map_database(explain, facts);
    judge_kill(facts);
    policy_check(explain->policy, explain->service, facts, false, explain->today, &verdict);
    if (explain->json)
        explain_print_json(&statement, stdout);
    else
        explain_print_text(&statement, stdout);
    explain->violated |= verdict.action != VERDICT_ALLOW;
    sql_state_apply(&explain->state, facts);
    if (facts->effects & SQL_EFFECT_SESSION)
        sql_session_apply(&explain->session, facts);
}

/* One command: every statement in it is a part. What follows the last `;` is none if it is empty.
 */
static void judge_item(struct explain *explain, struct text text)
{
    static struct sql_facts facts;
    size_t offset = 0;
    unsigned part = 0;

    explain->items++;
    do {
        struct sql_state before = explain->state; /* `facts` may point into it */
        offset = sql_analyze(text, offset, &before, explain->session, &facts);
        if (part > 0 && facts.kind == SQL_EMPTY && facts.determined && offset >= text.length)
            break;
        judge_part(explain, &facts, ++part);
    } while (offset < text.length);
}

struct input {
    FILE *from;
    char *bytes;
    size_t start, end, size; /* what is read and not used yet is bytes[start..end) */
    bool last;               /* nothing more comes */
};

/* Fills the buffer up, after making room where an item is larger than it. */
static bool refill(struct input *input, const char *path)
{
    size_t left = input->end - input->start;

    if (input->start > 0 && left > 0)
        memmove(input->bytes, input->bytes + input->start, left);
    input->start = 0;
    input->end = left;
    if (left > longest_item) {
        fprintf(stderr, "silogate explain: a statement of more than 1 GiB\n");
        return false;
    }
    if (left > input->size / 2) {
        input->size *= 2;
        input->bytes = memory_resize(input->bytes, input->size);
    }
    input->end += fread(input->bytes + left, 1, input->size - left, input->from);
    if (ferror(input->from)) {
        fprintf(stderr, "silogate explain: %s: %s\n", path ? path : "standard input",
                strerror(errno));
        return false;
    }
    input->last = input->end < input->size;
    return true;
}

static bool next_null_item(struct text *rest, bool last, struct text *item)
{
    const char *nul = rest->length ? memchr(rest->at, 0, rest->length) : NULL;

    if (!nul && !(last && rest->length > 0))
        return false;
    *item = (struct text){rest->at, nul ? (size_t)(nul - rest->at) : rest->length};
    size_t used = item->length + (nul ? 1 : 0);
    *rest = (struct text){rest->at + used, rest->length - used};
    return true;
}

static bool next_item(struct explain *explain, struct sql_script *script, struct text *rest,
                      bool last, struct text *item)
{
    if (explain->null)
        return next_null_item(rest, last, item);
    script->no_backslash_escapes = explain->state.mode & SQL_NO_BACKSLASH_ESCAPES;
    return sql_script_next(script, rest, last, item);
}

static bool judge_all(struct explain *explain, struct input *input)
{
    struct sql_script script;
    struct text item;

    sql_script_init(&script, (enum sql_charset)explain->state.charset);
    script.dollar_quotes = explain->state.dialect == SQL_MYSQL && explain->state.version >= 90000;
    while (!input->last) {
        if (!refill(input, explain->path))
            return false;
        struct text rest = {input->bytes, input->end};
        while (next_item(explain, &script, &rest, input->last, &item))
            judge_item(explain, item);
        input->start = input->end - rest.length;
    }
    return true;
}

static bool read_input(struct explain *explain)
{
    struct input input = {.from = stdin, .size = READ_AT_ONCE};
    bool named = explain->path && strcmp(explain->path, "-") != 0;

    if (named)
        input.from = fopen(explain->path, "rb");
    if (!input.from) {
        fprintf(stderr, "silogate explain: %s: %s\n", explain->path, strerror(errno));
        return false;
    }
    input.bytes = memory_take(input.size);
    bool read = judge_all(explain, &input);
    free(input.bytes);
    if (named)
        fclose(input.from);
    return read;
}

int cmd_explain(int argc, char **argv)
{
    struct explain explain = {0};
    bool good = parse_options(&explain, argc, argv) && set_state(&explain) &&
                read_policy(&explain) && read_input(&explain);

    if (good && fflush(stdout) != 0) {
        fprintf(stderr, "silogate explain: standard output: %s\n", strerror(errno));
        good = false;
    }
    sql_session_free(&explain.session);
    router_free(explain.router);
    policy_free(explain.policy);
    config_free(explain.config);
    return !good ? CMD_MISUSE : explain.violated ? CMD_NO : CMD_YES;
}
