/* silogate report: what crosses between services, from violation logs; and the ratchet for CI. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/ratchet.h"
#include "report/tables.h"

static const char usage[] =
    "usage: silogate report [OPTION...] LOG...\n"
    "\n"
    "Reads violation logs, plain or compressed with gzip, of one or several silogates, and the\n"
    "findings of silogate audit --json; - is standard input. Prints which service uses whose\n"
    "tables, with which statements, and which applications send them.\n"
    "\n"
    "  --text --markdown --html --csv --json\n"
    "                      the form: for a terminal (default), a ticket, a browser (one page that\n"
    "                      loads nothing else), a spreadsheet, a program\n"
    "  --plan              one page of Markdown for the week: what can move, what prevents the\n"
    "                      other moves, what each team replaces next\n"
    "  --stubs --openapi   the calls of an API that would replace the queries: in Markdown, or as "
    "a\n"
    "                      draft of OpenAPI\n"
    "  --service S         only what service S does\n"
    "  --owner S           only what others do in S's silo; also (unowned), (system), (server)\n"
    "  --id ID             only the record, or the digest, with these 16 hex digits\n"
    "  --top N             only the N most frequent edges, and queries of each edge\n"
    "  --since T           only what was seen at or after T: 2026-11-20, 2026-11-20T13:00:00Z, or "
    "7d\n"
    "                      for the last seven days (m, h, d, w)\n"
    "  --until T           only what was seen before T; a date includes that day\n"
    "  --ready-since T     what no other service has touched since T is ready to move; default:\n"
    "                      a week before the last record\n"
    "  --baseline FILE     the first time: writes to FILE what crosses today; later: lists what "
    "is\n"
    "                      not in FILE. Prints no report unless a form is asked for\n"
    "  --fail-on-new       with --baseline: exit status 1 when something is new\n"
    "  --prune             with --baseline: also takes out of FILE what is not in these logs\n"
    "\n"
    "Exit status: 0, 1 with --fail-on-new, 2 for misuse, or a log that cannot be read or holds\n"
    "no record although it is not empty.\n";

typedef void print_form(const struct report *report, int64_t since, FILE *to);

static void print_csv(const struct report *report, int64_t since, FILE *to)
{
    (void)since;
    report_print_csv(report, to);
}

struct asked {
    print_form *form;
    struct ratchet ratchet;
    int64_t ready_since;
};

static bool read_time(const char *option, const char *value, bool end, int64_t *time)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (report_time_or_ago(text_of(value), end, (int64_t)now.tv_sec * 1000000, time))
        return true;
    fprintf(
        stderr,
        "silogate report: --%s '%s' is not a time; write 2026-11-20, 2026-11-20T13:00:00Z or 7d\n",
        option, value);
    return false;
}

static int print(struct report *report, struct asked *asked)
{
    int status = CMD_YES;

    if (asked->ready_since == INT64_MIN)
        asked->ready_since = report_ready_since(report);
    if (!asked->ratchet.baseline && !asked->form)
        asked->form = report_print_text;
    if (asked->form)
        asked->form(report, asked->ready_since, stdout);
    if (asked->ratchet.baseline)
        status = ratchet_compare(report, &asked->ratchet);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("silogate report: the report could not be written to the end\n", stderr);
        return CMD_MISUSE;
    }
    return status;
}

static bool read_top(const char *value, uint32_t *top)
{
    uint64_t number;

    if (text_number(text_of(value), &number) && number > 0 && number < UINT32_MAX) {
        *top = (uint32_t)number;
        return true;
    }
    fprintf(stderr, "silogate report: --top '%s' is not a number; write 10\n", value);
    return false;
}

/* A baseline must be of the whole report: after a baseline of a part, the rest would look new. */
static bool is_whole(const struct report *report)
{
    return !report->only_service.at && !report->only_owner.at && !report->only_id.at &&
           report->top == 0;
}

static const struct option options[] = {
    {"text",        no_argument,       NULL, 't'},
    {"markdown",    no_argument,       NULL, 'm'},
    {"html",        no_argument,       NULL, 'w'},
    {"csv",         no_argument,       NULL, 'c'},
    {"json",        no_argument,       NULL, 'j'},
    {"plan",        no_argument,       NULL, 'l'},
    {"stubs",       no_argument,       NULL, 'a'},
    {"openapi",     no_argument,       NULL, 'o'},
    {"service",     required_argument, NULL, 'S'},
    {"owner",       required_argument, NULL, 'O'},
    {"id",          required_argument, NULL, 'I'},
    {"top",         required_argument, NULL, 'T'},
    {"since",       required_argument, NULL, 's'},
    {"until",       required_argument, NULL, 'u'},
    {"ready-since", required_argument, NULL, 'r'},
    {"baseline",    required_argument, NULL, 'b'},
    {"fail-on-new", no_argument,       NULL, 'f'},
    {"prune",       no_argument,       NULL, 'p'},
    {"help",        no_argument,       NULL, 'h'},
    {NULL,          0,                 NULL, 0  },
};

static const struct form {
    char option;
    print_form *print;
} forms[] = {
    {'t', report_print_text    },
    {'m', report_print_markdown},
    {'w', report_print_html    },
    {'c', print_csv            },
    {'j', report_print_json    },
    {'l', report_print_plan    },
    {'a', report_print_stubs   },
    {'o', report_print_openapi },
};

static bool take_option(int option, struct report *report, struct asked *asked)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (forms[i].option == option) {
            asked->form = forms[i].print;
            return true;
        }
    }
    switch (option) {
    case 'S':
        report->only_service = text_of(optarg);
        break;
    case 'O':
        report->only_owner = text_of(optarg);
        break;
    case 'I':
        report->only_id = text_of(optarg);
        break;
    case 'T':
        return read_top(optarg, &report->top);
    case 's':
        return read_time("since", optarg, false, &report->since);
    case 'u':
        return read_time("until", optarg, true, &report->until);
    case 'r':
        return read_time("ready-since", optarg, false, &asked->ready_since);
    case 'b':
        asked->ratchet.baseline = optarg;
        break;
    case 'f':
        asked->ratchet.fail_on_new = true;
        break;
    case 'p':
        asked->ratchet.prune = true;
        break;
    case 'h':
        fputs(usage, stdout);
        exit(CMD_YES);
    default:
        return false;
    }
    return true;
}

/* Returns CMD_YES to go on, else the exit status. */
static int parse(int argc, char **argv, struct report *report, struct asked *asked)
{
    bool good = true;
    int option;

    while (good && (option = getopt_long(argc, argv, "h", options, NULL)) != -1)
        good = take_option(option, report, asked);
    if (good && asked->ratchet.baseline && !is_whole(report)) {
        fputs("silogate report: a baseline is of all that crosses; leave out --service, --owner, "
              "--id and --top\n",
              stderr);
        good = false;
    }
    if (good && optind < argc &&
        (!(asked->ratchet.fail_on_new || asked->ratchet.prune) || asked->ratchet.baseline))
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
        fprintf(stderr, "%s\n", error.text);
        readable = false;
    }
    /* If some logs could not be read, prints the report of the others, but not if there are none or
     * if there is a baseline. */
    if (status == CMD_YES && (readable || (report.logs > 0 && !asked.ratchet.baseline)))
        status = print(&report, &asked);
    report_fini(&report);
    return readable ? status : CMD_MISUSE;
}
