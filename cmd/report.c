/* silogate report: what crosses between services, out of violation logs; and the ratchet for CI. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "report/tables.h"

static const char usage[] =
    "usage: silogate report [OPTION...] LOG...\n"
    "\n"
    "Reads violation logs, plain or compressed with gzip, also of several silogates; - is "
    "standard\n"
    "input. Prints who reaches into whose tables, with which statements, sent by whom.\n"
    "\n"
    "  --text --markdown --html --csv --json\n"
    "                      the form: for a terminal (default), a ticket, a browser (one page that\n"
    "                      needs nothing else), a spreadsheet, a tool\n"
    "  --since T           only what was seen at or after T: 2026-11-20 or 2026-11-20T13:00:00Z\n"
    "  --until T           only what was seen before T; a date counts to its end\n"
    "  --ready-since T     what no other service has touched since T is ready to move: default is\n"
    "                      a week before the last record\n"
    "  --baseline FILE     the first time: writes down in FILE what crosses today; later: lists\n"
    "                      what has come since. Prints no report unless a form is asked for\n"
    "  --fail-on-new       with --baseline: exit status 1 when something new has come\n"
    "\n"
    "Exit status: 0, 1 with --fail-on-new, 2 for misuse or a log that cannot be read.\n";

typedef void print_form(const struct report *report, int64_t since, FILE *to);

static void print_csv(const struct report *report, int64_t since, FILE *to)
{
    (void)since;
    report_print_csv(report, to);
}

struct asked {
    print_form *form;
    const char *baseline;
    bool fail_on_new;
    int64_t ready_since;
};

static bool read_time(const char *option, const char *value, bool end, int64_t *time)
{
    if (report_time(text_of(value), end, time))
        return true;
    fprintf(stderr,
            "silogate report: --%s '%s' is no time; write 2026-11-20 or 2026-11-20T13:00:00Z\n",
            option, value);
    return false;
}

static void print_new(const struct report *report, const uint32_t *queries, uint32_t count)
{
    char number[TABLE_NUMBER_SIZE];

    printf("%u new since the baseline:\n", count);
    for (uint32_t i = 0; i < count; i++) {
        const struct report_query *query = &report->queries[queries[i]];
        struct text user = report_service_name(report, report->edges[query->edge].user);
        struct text owner = report_service_name(report, report->edges[query->edge].owner);
        printf("  %.*s -> %.*s  %016llx  %s  %.*s\n", TEXT_ARGS(user), TEXT_ARGS(owner),
               (unsigned long long)query->digest,
               table_show_number(query->counts.statements, number), TEXT_ARGS(query->statement));
    }
}

static int compare(const struct report *report, const struct asked *asked)
{
    struct error error;
    uint32_t count;

    if (access(asked->baseline, F_OK) != 0) {
        if (!report_baseline_write(report, asked->baseline, &error)) {
            fprintf(stderr, "silogate report: %s\n", error.text);
            return CMD_MISUSE;
        }
        fprintf(stderr, "silogate report: there was no baseline; %s is one now, with %u queries\n",
                asked->baseline, report->query_keys.count);
        return CMD_YES;
    }
    uint32_t *queries = report_baseline_new(report, asked->baseline, &count, &error);
    if (!queries) {
        fprintf(stderr, "silogate report: %s\n", error.text);
        return CMD_MISUSE;
    }
    if (report->queries_left_out) {
        fprintf(stderr, "silogate report: too many distinct queries to compare all of them\n");
        free(queries);
        return CMD_MISUSE;
    }
    if (count > 0)
        print_new(report, queries, count);
    else
        puts("nothing new since the baseline");
    free(queries);
    return count > 0 && asked->fail_on_new ? CMD_NO : CMD_YES;
}

static int print(struct report *report, struct asked *asked)
{
    int status = CMD_YES;

    if (asked->ready_since == INT64_MIN)
        asked->ready_since = report_ready_since(report);
    if (!asked->baseline && !asked->form)
        asked->form = report_print_text;
    if (asked->form)
        asked->form(report, asked->ready_since, stdout);
    if (asked->baseline)
        status = compare(report, asked);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("silogate report: the report could not be written to the end\n", stderr);
        return CMD_MISUSE;
    }
    return status;
}

/* CMD_YES: go on. */
static int parse(int argc, char **argv, struct report *report, struct asked *asked)
{
    static const struct option options[] = {
        {"text",        no_argument,       NULL, 't'},
        {"markdown",    no_argument,       NULL, 'm'},
        {"html",        no_argument,       NULL, 'w'},
        {"csv",         no_argument,       NULL, 'c'},
        {"json",        no_argument,       NULL, 'j'},
        {"since",       required_argument, NULL, 's'},
        {"until",       required_argument, NULL, 'u'},
        {"ready-since", required_argument, NULL, 'r'},
        {"baseline",    required_argument, NULL, 'b'},
        {"fail-on-new", no_argument,       NULL, 'f'},
        {"help",        no_argument,       NULL, 'h'},
        {NULL,          0,                 NULL, 0  },
    };
    int option;
    bool good = true;

    while (good && (option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (option) {
        case 't':
            asked->form = report_print_text;
            break;
        case 'm':
            asked->form = report_print_markdown;
            break;
        case 'w':
            asked->form = report_print_html;
            break;
        case 'c':
            asked->form = print_csv;
            break;
        case 'j':
            asked->form = report_print_json;
            break;
        case 's':
            good = read_time("since", optarg, false, &report->since);
            break;
        case 'u':
            good = read_time("until", optarg, true, &report->until);
            break;
        case 'r':
            good = read_time("ready-since", optarg, false, &asked->ready_since);
            break;
        case 'b':
            asked->baseline = optarg;
            break;
        case 'f':
            asked->fail_on_new = true;
            break;
        case 'h':
            fputs(usage, stdout);
            exit(CMD_YES);
        default:
            good = false;
        }
    }
    if (good && optind < argc && (!asked->fail_on_new || asked->baseline))
        return CMD_YES;
    fputs(usage, stderr);
    return CMD_MISUSE;
}

int cmd_report(int argc, char **argv)
{
    struct asked asked = {.ready_since = INT64_MIN};
    struct report report;
    struct error error;

    report_init(&report);
    report.progress = isatty(STDERR_FILENO);
    int status = parse(argc, argv, &report, &asked);
    bool readable = true;
    for (int i = optind; status == CMD_YES && i < argc; i++) {
        if (report_read(&report, argv[i], &error))
            continue;
        fprintf(stderr, "silogate report: %s\n", error.text);
        readable = false;
    }
    /* What could be read is told of all the same, but for a baseline, and where it is nothing. */
    if (status == CMD_YES && (readable || (report.logs > 0 && !asked.baseline)))
        status = print(&report, &asked);
    report_fini(&report);
    return readable ? status : CMD_MISUSE;
}
