/* silogate explain: what statements touch and what the policy says about it, without a server. This
 * file has the options and the state that is kept through a file. Every statement is assumed to
 * succeed, so USE, SET sql_mode, temporary tables and PREPARE affect later statements, also in
 * items of --null. learn/scripts.c reads, learn/offline.c judges, cmd/explain_print.c and
 * cmd/explain_ci.c print.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/explain_print.h"
#include "cmd/state_options.h"
#include "learn/offline.h"
#include "learn/scripts.h"

struct explain {
    const char *config_path, *user, *database;
    struct state_options options;
    bool null;
    const struct explain_form *form;
    struct placeholders values;
    struct offline offline;
    struct offline_session session;
    struct sql_state start;                    /* at the start of each file */
    const struct scripts_statement *statement; /* the current one */
    char why[160];
    uint64_t items;
    bool violated;
};

static const char usage[] =
    "usage: silogate explain -c proxy.ini --user U [OPTION...] [FILE or FOLDER...]\n"
    "\n"
    "Reads SQL statements from files, folders (all *.sql in them and below) or standard input and\n"
    "prints what each one touches and what the policy says of it. Exit status: 0 when all are\n"
    "allowed, 1 when any is a violation, 2 for misuse or where something cannot be read.\n"
    "Every statement is assumed to succeed: a USE, a SET sql_mode, a temporary table or a PREPARE\n"
    "has its effect on the statements after it in the same file.\n"
    "\n"
    "  -c, --config FILE        the proxy.ini\n"
    "  --user U                 the database user, which decides the service\n"
    "  --database D             the current database at the start; default: the service's own\n"
    "  --dialect D              mysql (default) or mariadb\n"
    "  --server-version V       the server's version; default: 9.7, with mariadb 11.8\n"
    "  --sql-mode M             @@sql_mode at the start; default: empty\n"
    "  --charset C              character_set_client; default: utf8mb4\n"
    "  --set NAME=VALUE         the value of a placeholder ${NAME}, {{ NAME }} or :NAME; "
    "repeatable\n"
    "  --null                   statements end with a NUL byte, each the whole text of one "
    "command;\n"
    "                           without it the input is split at ; as the mysql client does\n"
    "  --json                   one JSON object a line for each statement\n"
    "  --github --junit --sarif forms that CI systems show: one annotation, test case or result "
    "for\n"
    "                           each violation\n";

static bool add_value(struct explain *explain, const char *setting)
{
    if (placeholders_add(&explain->values, setting))
        return true;
    fprintf(stderr, "silogate explain: --set %s; write NAME=VALUE\n", setting);
    return false;
}

static bool parse_options(struct explain *explain, int argc, char **argv)
{
    enum { DATABASE = STATE_OPTION_LAST, USER, SET, NUL, JSON, SARIF, JUNIT, GITHUB };
    const struct option options[] = {
        STATE_OPTIONS,
        {"config",   required_argument, NULL, 'c'     },
        {"user",     required_argument, NULL, USER    },
        {"database", required_argument, NULL, DATABASE},
        {"set",      required_argument, NULL, SET     },
        {"null",     no_argument,       NULL, NUL     },
        {"json",     no_argument,       NULL, JSON    },
        {"sarif",    no_argument,       NULL, SARIF   },
        {"junit",    no_argument,       NULL, JUNIT   },
        {"github",   no_argument,       NULL, GITHUB  },
        {"help",     no_argument,       NULL, 'h'     },
        {NULL,       0,                 NULL, 0       }
    };
    const struct explain_form *const forms[] = {&explain_as_json, &explain_as_sarif,
                                                &explain_as_junit, &explain_as_github};
    bool good = true;
    int option;

    while (good && (option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (state_options_take(&explain->options, option, optarg))
            continue;
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
        case SET:
            good = add_value(explain, optarg);
            break;
        case NUL:
            explain->null = true;
            break;
        case JSON:
        case SARIF:
        case JUNIT:
        case GITHUB:
            explain->form = forms[option - JSON];
            break;
        case 'h':
            fputs(usage, stdout);
            exit(CMD_YES);
        default: /* getopt has printed the error */
            fputs("silogate explain --help lists the options\n", stderr);
            return false;
        }
    }
    if (good && (!explain->config_path || !explain->user))
        fprintf(stderr,
                "silogate explain: -c and --user must be there; write both, as --help has them\n");
    return good && explain->config_path && explain->user;
}

/* Finds the user's service and database; a user without a service is judged by the policy's
 * defaults. */
static bool find_service(struct explain *explain)
{
    int service = router_service(explain->offline.router, text_of(explain->user));

    if (service == SERVICE_NONE &&
        explain->offline.config->proxy.unknown_user.value == CONFIG_REJECT) {
        fprintf(stderr,
                "silogate explain: no service has the user '%s', and unknown_user = reject; write "
                "one of proxy.ini's\n",
                explain->user);
        return false;
    }
    if (service == SERVICE_NONE)
        fprintf(stderr,
                "silogate explain: no service has the user '%s': judged as somebody without one\n",
                explain->user);
    explain->session = (struct offline_session){.service = service, .state = explain->start};
    offline_enter(&explain->offline, &explain->session, text_of(explain->database));
    explain->start = explain->session.state;
    return true;
}

/* Each new file begins a new session. */
static void begin_file(void *context, const char *path)
{
    struct explain *explain = context;

    sql_session_free(&explain->session.sql);
    explain->session.state = explain->start;
    if (explain->form->file)
        explain->form->file(path, stdout);
}

static bool has_braces(struct text name)
{
    return name.length > 0 && (name.at[0] == '$' || memchr(name.at, '{', name.length));
}

/* If a placeholder has no value: removes the objects with one in their name, and the
 * statement is not determined. */
static void miss_placeholder(struct explain *explain, const struct offline_part *part,
                             struct verdict *verdict)
{
    if (!explain->statement->placeholder)
        return;
    struct sql_facts *facts = part->facts;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < facts->object_count; i++) {
        if (!has_braces(facts->objects[i].schema) && !has_braces(facts->objects[i].name))
            facts->objects[kept++] = facts->objects[i];
    }
    facts->object_count = kept;
    facts->determined = false;
    snprintf(explain->why, sizeof(explain->why),
             "the placeholder %s has no value; --set NAME=VALUE says what it stands for",
             explain->statement->placeholder);
    facts->why = explain->why;
    offline_judge_facts(&explain->offline, &explain->session, facts, verdict);
}

static void print_part(void *context, const struct offline_part *part)
{
    struct explain *explain = context;
    struct verdict verdict = part->verdict;

    miss_placeholder(explain, part, &verdict);
    const struct explain_statement statement = {
        .item = explain->items,
        .part = part->number,
        .path = explain->statement->path,
        .line = explain->statement->line,
        .text = part->text,
        .state = part->state,
        .why = part->facts->why ? part->facts->why : "not understood",
        .facts = part->facts,
        .files = &explain->offline.config->files,
        .policy = explain->offline.policy,
        .service = explain->session.service,
        .today = explain->offline.today,
        .verdict = &verdict,
    };
    explain->violated |= verdict.action != VERDICT_ALLOW;
    explain->form->statement(&statement, stdout);
}

static void judge_statement(void *context, const struct scripts_statement *statement)
{
    struct explain *explain = context;

    explain->items++;
    explain->statement = statement;
    offline_judge(&explain->offline, &explain->session, statement->text, print_part, explain, NULL);
}

static bool read_all(struct explain *explain, char **paths)
{
    struct scripts scripts = {.null = explain->null,
                              .state = &explain->session.state,
                              .values = &explain->values,
                              .visit = judge_statement,
                              .begin = begin_file,
                              .context = explain};
    bool good = true;

    if (explain->form->begin)
        explain->form->begin(stdout);
    if (!*paths)
        good = scripts_read(&scripts, NULL);
    for (; *paths; paths++)
        good &= scripts_read(&scripts, *paths);
    if (explain->form->end)
        explain->form->end(stdout);
    scripts_fini(&scripts);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return good;
    fprintf(stderr, "silogate explain: standard output: %s\n", strerror(errno));
    return false;
}

int cmd_explain(int argc, char **argv)
{
    struct explain explain = {.form = &explain_as_text};
    bool good = parse_options(&explain, argc, argv) &&
                state_options_set(&explain.options, "explain", &explain.start) &&
                offline_open(&explain.offline, explain.config_path) && find_service(&explain) &&
                read_all(&explain, argv + optind);

    sql_session_free(&explain.session.sql);
    offline_close(&explain.offline);
    return !good ? CMD_MISUSE : explain.violated ? CMD_NO : CMD_YES;
}
