/* silogate test: checks a policy against the expectations of its owners, one expectation a line;
 * and shows what a change of it would do to the statements of the logs.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "cmd/cmd.h"
#include "cmd/state_options.h"
#include "cmd/test.h"
#include "sql/normalize.h"

enum { WHO = 256, START = 100 };

static const char usage[] =
    "usage: silogate test -c proxy.ini [OPTION...] FILE...\n"
    "       silogate test -c proxy.ini --against OLD.ini LOG...\n"
    "\n"
    "Reads policy tests, one a line, and prints those where the policy's verdict is another:\n"
    "\n"
    "  # a comment\n"
    "  billing: SELECT * FROM clinical.patients -> block foreign\n"
    "  billing: UPDATE invoices SET status = 'paid' -> allow\n"
    "  readonly_service@nilecare: SELECT * FROM payments -> allow granted\n"
    "\n"
    "Before the colon: a service or a user; after @ the current database, by default the "
    "service's\n"
    "own. After the last arrow: allow, log or block, and a reason if it matters.\n"
    "Also lists the rules of the policy that no test touches.\n"
    "\n"
    "  -c, --config FILE        the proxy.ini\n"
    "  --against OLD.ini        reads violation logs and lists what OLD.ini let through and this "
    "file\n"
    "                           would block, and what it would newly allow: by edge, with the "
    "callers\n"
    "                           and when it was last seen\n"
    "  --dialect D              mysql (default) or mariadb\n"
    "  --server-version V       the server's version; default: 9.7, with mariadb 11.8\n"
    "  --sql-mode M             @@sql_mode; default: empty\n"
    "  --charset C              character_set_client; default: utf8mb4\n"
    "\n"
    "Exit status: 0, 1 where a verdict is another or something would be newly blocked, 2 for "
    "misuse\n"
    "or where something cannot be read.\n";

struct tests {
    const char *config_path, *old_path;
    struct state_options options;
    struct sql_state start;
    struct offline offline;
    struct coverage *coverage;
    uint64_t count, failed;
    bool bad; /* a line is no test, or a file cannot be read */
    /* Of the current test. */
    const char *path;
    uint64_t line;
    struct offline_session session;
    struct verdict strictest;
    bool some;
    const char *why;
};

struct expected {
    struct text who, database, statement;
    int action, reason; /* reason -1: any */
};

static bool wrong(struct tests *tests, const char *what)
{
    fflush(stdout);
    fprintf(stderr, "%s:%llu: %s\n", tests->path, (unsigned long long)tests->line, what);
    tests->bad = true;
    return false;
}

static struct text next_word(struct text *rest)
{
    size_t length = 0;

    *rest = text_trim(*rest);
    while (length < rest->length && (unsigned char)rest->at[length] > ' ')
        length++;
    struct text word = {rest->at, length};
    *rest = text_trim((struct text){rest->at + length, rest->length - length});
    return word;
}

/* "block foreign" */
static bool read_verdict(struct text text, struct expected *expected)
{
    struct text action = next_word(&text), reason = next_word(&text);

    expected->action = expected->reason = -1;
    for (int i = VERDICT_ALLOW; i <= VERDICT_BLOCK; i++) {
        if (text_equal(action, text_of(verdict_action_name((enum verdict_action)i))))
            expected->action = i;
    }
    for (int i = 0; i < REASON_COUNT && reason.length > 0; i++) {
        if (text_equal(reason, text_of(verdict_reason_name((enum verdict_reason)i))))
            expected->reason = i;
    }
    return expected->action >= 0 && text.length == 0 &&
           (reason.length == 0 || expected->reason >= 0);
}

static bool read_test(struct tests *tests, struct text line, struct expected *expected)
{
    const char *colon = memchr(line.at, ':', line.length), *arrow = NULL;

    for (size_t i = 0; i + 1 < line.length; i++) {
        if (line.at[i] == '-' && line.at[i + 1] == '>')
            arrow = line.at + i;
    }
    if (!colon || !arrow || colon > arrow)
        return wrong(tests, "not a test; write SERVICE: STATEMENT -> VERDICT");
    if (!read_verdict((struct text){arrow + 2, (size_t)(line.at + line.length - arrow) - 2},
                      expected))
        return wrong(tests, "no verdict behind the arrow; write allow, log or block, and perhaps a "
                            "reason like foreign");
    struct text who = text_trim((struct text){line.at, (size_t)(colon - line.at)});
    const char *at = who.length ? memchr(who.at, '@', who.length) : NULL;
    expected->who = at ? (struct text){who.at, (size_t)(at - who.at)} : who;
    expected->database =
        at ? (struct text){at + 1, (size_t)(who.at + who.length - at) - 1} : (struct text){NULL, 0};
    expected->statement = text_trim((struct text){colon + 1, (size_t)(arrow - colon) - 1});
    return expected->statement.length > 0 || wrong(tests, "no statement before the arrow");
}

static bool begin_session(struct tests *tests, const struct expected *expected)
{
    int service = policy_service(tests->offline.policy, expected->who);

    if (service == SERVICE_NONE)
        service = router_service(tests->offline.router, expected->who);
    if (service == SERVICE_NONE)
        return wrong(tests, "neither a service nor a user of one before the colon");
    tests->session = (struct offline_session){.service = service, .state = tests->start};
    offline_enter(&tests->offline, &tests->session, expected->database);
    return true;
}

static void visit(void *context, const struct offline_part *part)
{
    struct tests *tests = context;

    coverage_note(tests->coverage, &tests->session, part);
    if (tests->some && part->verdict.action <= tests->strictest.action)
        return;
    tests->some = true;
    tests->strictest = part->verdict;
    tests->why = part->facts->determined ? NULL : part->facts->why;
}

static void tell_failure(const struct tests *tests, const struct expected *expected)
{
    const struct verdict *found = &tests->strictest;
    char start[START];
    size_t length;

    sql_normalize(expected->statement, &tests->start, start, sizeof(start), &length);
    printf("%s:%llu: %.*s: %.*s\n    expected %s%s%s, found %s %s", tests->path,
           (unsigned long long)tests->line, TEXT_ARGS(expected->who), (int)length, start,
           verdict_action_name((enum verdict_action)expected->action),
           expected->reason < 0 ? "" : " ",
           expected->reason < 0 ? "" : verdict_reason_name((enum verdict_reason)expected->reason),
           verdict_action_name((enum verdict_action)found->action),
           verdict_reason_name((enum verdict_reason)found->reason));
    if (tests->why)
        printf(": %s", tests->why);
    if (found->rule && found->line)
        printf(", by %s, %s", found->rule, config_line(&tests->offline.config->files, found->line));
    puts("");
}

static void run_test(struct tests *tests, struct text line)
{
    struct expected expected = {.action = -1, .reason = -1};

    if (!read_test(tests, line, &expected) || !begin_session(tests, &expected))
        return;
    tests->count++;
    tests->some = false;
    tests->strictest = (struct verdict){.action = VERDICT_ALLOW};
    tests->why = NULL;
    offline_judge(&tests->offline, &tests->session, expected.statement, visit, tests, NULL);
    if (tests->strictest.action != expected.action ||
        (expected.reason >= 0 && tests->strictest.reason != expected.reason)) {
        tests->failed++;
        tell_failure(tests, &expected);
    }
    sql_session_free(&tests->session.sql);
}

static void run_file(struct tests *tests, const char *path)
{
    bool named = strcmp(path, "-") != 0;
    FILE *from = named ? fopen(path, "r") : stdin;
    char *line = NULL;
    size_t size = 0;
    ssize_t length;

    tests->path = named ? path : "standard input";
    tests->line = 0;
    if (!from) {
        fprintf(stderr, "%s:1: cannot be read: %s; name a file that can be read\n", path,
                strerror(errno));
        tests->bad = true;
        return;
    }
    while ((length = getline(&line, &size, from)) > 0) {
        struct text text = text_trim((struct text){line, (size_t)length});
        tests->line++;
        if (tests->line == 1 && text.length >= 3 && memcmp(text.at, "\xef\xbb\xbf", 3) == 0)
            text = text_trim((struct text){text.at + 3, text.length - 3});
        if (text.length > 0 && text.at[0] != '#')
            run_test(tests, text);
    }
    if (ferror(from)) {
        fprintf(stderr, "%s:%llu: cannot be read: %s; name a file that can be read\n", path,
                (unsigned long long)tests->line + 1, strerror(errno));
        tests->bad = true;
    }
    free(line);
    if (named)
        fclose(from);
}

static int run_tests(struct tests *tests, char **files)
{
    for (; *files; files++)
        run_file(tests, *files);
    printf("%llu test%s, %llu failed\n", (unsigned long long)tests->count,
           tests->count == 1 ? "" : "s", (unsigned long long)tests->failed);
    coverage_tell(tests->coverage, stdout);
    fflush(stdout);
    if (tests->count == 0 && !tests->bad) {
        fputs("silogate test: no test in these files\n", stderr);
        return CMD_MISUSE;
    }
    return tests->bad ? CMD_MISUSE : tests->failed ? CMD_NO : CMD_YES;
}

static int run_what_if(struct tests *tests, char **logs)
{
    struct offline before;
    bool good = true, blocked = false;

    if (offline_open(&before, tests->old_path))
        blocked = what_if(&before, &tests->offline, logs, &good);
    else
        good = false;
    offline_close(&before);
    return !good ? CMD_MISUSE : blocked ? CMD_NO : CMD_YES;
}

static bool parse(struct tests *tests, int argc, char **argv)
{
    enum { AGAINST = STATE_OPTION_LAST };
    const struct option options[] = {
        STATE_OPTIONS,
        {"config",  required_argument, NULL, 'c'    },
        {"against", required_argument, NULL, AGAINST},
        {"help",    no_argument,       NULL, 'h'    },
        {NULL,      0,                 NULL, 0      }
    };
    int option;

    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (state_options_take(&tests->options, option, optarg))
            continue;
        switch (option) {
        case 'c':
            tests->config_path = optarg;
            break;
        case AGAINST:
            tests->old_path = optarg;
            break;
        case 'h':
            fputs(usage, stdout);
            exit(CMD_YES);
        default: /* getopt has printed the error */
            fputs("silogate test --help lists the options\n", stderr);
            return false;
        }
    }
    if (!tests->config_path)
        fputs("silogate test: -c must be there; see --help\n", stderr);
    else if (optind == argc)
        fprintf(stderr, "silogate test: no file; name %s\n",
                tests->old_path ? "violation logs" : "files of tests, or - for standard input");
    return tests->config_path && optind < argc;
}

int cmd_test(int argc, char **argv)
{
    struct tests tests = {.config_path = NULL};
    int status = CMD_MISUSE;

    if (parse(&tests, argc, argv) && state_options_set(&tests.options, "test", &tests.start) &&
        offline_open(&tests.offline, tests.config_path)) {
        tests.coverage = memory_take_zeroed(sizeof(*tests.coverage));
        tests.coverage->offline = &tests.offline;
        status =
            tests.old_path ? run_what_if(&tests, argv + optind) : run_tests(&tests, argv + optind);
    }
    free(tests.coverage);
    offline_close(&tests.offline);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    fprintf(stderr, "silogate test: standard output: %s\n", strerror(errno));
    return CMD_MISUSE;
}
