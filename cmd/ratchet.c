/* The ratchet for CI. It also fails if it cannot compare: without a baseline, or if the logs are
 * empty or have lines that are no records.
 */
#include "cmd/ratchet.h"

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "report/baseline.h"
#include "report/tables.h"

static int fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int fail(int status, const char *format, ...)
{
    va_list arguments;

    fflush(stdout);
    fputs("silogate report: failed: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs("\n", stderr);
    return status;
}

static int write_first(const struct report *report, const struct ratchet *ratchet)
{
    struct error error;

    if (!report_baseline_write(report, ratchet->baseline, &error))
        return fail(CMD_MISUSE, "%s", error.text);
    fprintf(stderr, "silogate report: there was no baseline; %s is one now, with %u queries\n",
            ratchet->baseline, report->query_keys.count);
    return CMD_YES;
}

static void print_new(const struct report *report, const struct report_baseline *baseline,
                      const uint32_t *queries, uint32_t count)
{
    char number[TABLE_NUMBER_SIZE];

    printf("%u new since the baseline:\n", count);
    for (uint32_t i = 0; i < count; i++) {
        const struct report_query *query = &report->queries[queries[i]];
        struct text user = report_service_name(report, report->edges[query->edge].user);
        struct text owner = report_service_name(report, report->edges[query->edge].owner);
        bool strict = report_baseline_is_strict(report, baseline, queries[i]);
        printf("  %.*s -> %.*s%s  %016llx  %s  %.*s\n", TEXT_ARGS(user), TEXT_ARGS(owner),
               strict ? " (strict)" : "", (unsigned long long)query->digest,
               table_show_number(query->counts.statements, number), TEXT_ARGS(query->statement));
    }
}

/* Prints "billing<tab>clinical<tab>404ce9c55bdae90d". */
static void print_key(struct text key, struct text statement)
{
    const char *first = memchr(key.at, '\t', key.length);
    const char *second = memchr(first + 1, '\t', key.length - (size_t)(first + 1 - key.at));

    printf("  %.*s -> %.*s  %.*s  %.*s\n", (int)(first - key.at), key.at, (int)(second - first - 1),
           first + 1, (int)(key.at + key.length - second - 1), second + 1, TEXT_ARGS(statement));
}

static int show_stale(const struct report *report, const struct ratchet *ratchet,
                      const struct report_baseline *baseline)
{
    struct error error;
    uint32_t count, *stale = report_baseline_stale(report, baseline, &count);
    int status = CMD_YES;

    if (count > 0)
        printf(ratchet->prune ? "%u taken out of the baseline:\n"
                              : "%u in the baseline and not in these logs (--prune takes them "
                                "out):\n",
               count);
    for (uint32_t i = 0; i < count; i++)
        print_key(baseline->keys.keys[stale[i]], baseline->statements[stale[i]]);
    if (ratchet->prune && count > 0 &&
        !report_baseline_prune(baseline, stale, count, ratchet->baseline, &error))
        status = fail(CMD_MISUSE, "%s", error.text);
    free(stale);
    return status;
}

static int compare(const struct report *report, const struct ratchet *ratchet,
                   const struct report_baseline *baseline)
{
    uint32_t count, strict = 0, *queries = report_baseline_new(report, baseline, &count);

    if (count > 0)
        print_new(report, baseline, queries, count);
    else
        puts("nothing new since the baseline");
    for (uint32_t i = 0; i < count; i++)
        strict += report_baseline_is_strict(report, baseline, queries[i]);
    free(queries);
    int status = show_stale(report, ratchet, baseline);
    if (status != CMD_YES || count == 0 || !ratchet->fail_on_new)
        return status;
    if (strict > 0)
        return fail(CMD_NO, "%u new since the baseline, %u of them on edges that are strict", count,
                    strict);
    return fail(CMD_NO, "%u new since the baseline", count);
}

/* Are the logs complete enough to be compared? */
static int check_logs(const struct report *report)
{
    if (report->bad_lines > 0)
        return fail(CMD_MISUSE,
                    "%llu lines of the logs are not records; what was in them is not known",
                    (unsigned long long)report->bad_lines);
    if (report->lines == 0)
        return fail(CMD_MISUSE,
                    "the logs hold no record at all; are they those of [log] violations?");
    if (report->queries_left_out)
        return fail(CMD_MISUSE, "too many distinct queries to compare all of them");
    return CMD_YES;
}

int ratchet_compare(const struct report *report, const struct ratchet *ratchet)
{
    struct report_baseline baseline;
    struct error error;
    bool strict = ratchet->fail_on_new || ratchet->prune;
    int status = strict || report->queries_left_out ? check_logs(report) : CMD_YES;

    if (status != CMD_YES)
        return status;
    if (!strict && access(ratchet->baseline, F_OK) != 0)
        return write_first(report, ratchet);
    if (report_baseline_read(&baseline, ratchet->baseline, &error))
        status = compare(report, ratchet, &baseline);
    else
        status = fail(CMD_MISUSE, "%s", error.text);
    report_baseline_fini(&baseline);
    return status;
}
