/* Prints the summary on standard error: what was read, and what the source cannot show. */
#include <time.h>

#include "base/table.h"
#include "learn/internal.h"
#include "report/report.h"

enum { NAMES_SHOWN = 12 };

static void tell_number(FILE *to, const char *what, uint64_t number)
{
    char shown[TABLE_NUMBER_SIZE];

    if (number > 0)
        fprintf(to, "  %10s  %s\n", table_show_number(number, shown), what);
}

static void tell_read(const struct learn *learn, FILE *to)
{
    const struct learn_counts *counts = &learn->counts;
    char number[TABLE_NUMBER_SIZE], first[32], last[32];

    fprintf(to, "silogate learn: %s statements",
            table_show_number(counts->statements + counts->without_service, number));
    fprintf(to, " in %llu file%s", (unsigned long long)counts->files,
            counts->files == 1 ? "" : "s");
    if (counts->first)
        fprintf(to, ", from %s to %s UTC", report_show_time(counts->first, first),
                report_show_time(counts->last, last));
    fputs("\n", to);
    fprintf(to, "  %10s  violations", table_show_number(counts->violations, number));
    if (counts->blocked)
        fprintf(to, ", %s of them would be blocked", table_show_number(counts->blocked, number));
    fputs("\n", to);
    if (counts->undetermined)
        fprintf(to, "  %10s  undetermined (%.2f %%)\n",
                table_show_number(counts->undetermined, number),
                100.0 * (double)counts->undetermined / (double)counts->statements);
}

static void tell_names(const struct learn *learn, bool with_service, const char *what, FILE *to)
{
    char number[TABLE_NUMBER_SIZE];
    unsigned shown = 0, more = 0;

    for (uint32_t i = 0; i < learn->user_names.count; i++) {
        if ((learn->users[i].service != SERVICE_NONE) != with_service)
            continue;
        if (shown == NAMES_SHOWN) {
            more++;
            continue;
        }
        fprintf(to, "%s%.*s (%s)", shown++ ? ", " : what, TEXT_ARGS(learn->user_names.keys[i]),
                table_show_number(learn->users[i].statements, number));
    }
    if (more)
        fprintf(to, " and %u more", more);
    if (shown)
        fputs("\n", to);
}

static bool was_seen(const struct learn *learn, int service)
{
    for (uint32_t i = 0; i < learn->user_names.count; i++) {
        if (learn->users[i].service == service && learn->users[i].statements > 0)
            return true;
    }
    return false;
}

static void tell_not_seen(const struct learn *learn, FILE *to)
{
    const struct config *config = learn->offline.config;
    unsigned shown = 0;

    for (size_t i = 0; i < config->service_count; i++) {
        if (config->services[i].users.count > 0 && !was_seen(learn, (int)i))
            fprintf(to, "%s%.*s",
                    shown++ ? ", " : "  services not seen: ", TEXT_ARGS(config->services[i].name));
    }
    if (shown)
        fputs("\n", to);
}

/* What this kind of source never contains. */
static const char *never_shown(enum learn_format format, bool mysql)
{
    switch (format) {
    case LEARN_GENERAL:
        return mysql
                   ? "  never in such a log: statements with a syntax error, applications' names, "
                     "whether a\n  statement succeeded\n"
                   : "  never in such a log: applications' names, whether a statement "
                     "succeeded\n";
    case LEARN_SLOW:
        return "  never in such a log: what was fast, and what a session had set up before\n";
    case LEARN_DIGESTS:
        return "  never in such a table: sessions, and what the table had no room for\n";
    case LEARN_EXPLAIN:
        return "  never in such files: how often a statement is sent\n";
    }
    return "";
}

void learn_tell(const struct learn *learn, enum learn_format format, FILE *to)
{
    const struct learn_counts *counts = &learn->counts;
    bool digests = format == LEARN_DIGESTS;

    tell_read(learn, to);
    tell_number(to, "executions of prepared statements among them", counts->executions);
    tell_number(to,
                digests ? "of nobody: the table has no users; judged as somebody without a service "
                          "(--user U says whose)"
                        : "of sessions whose login is not in the log: not judged (--user U says "
                          "whose)",
                counts->of_nobody);
    tell_number(to, "of users that no service has: not judged", counts->without_service);
    tell_number(to,
                format == LEARN_EXPLAIN ? "with placeholders that stand for nothing: undetermined"
                                        : "cut off by the server: undetermined",
                counts->cut_off);
    tell_number(to, "in rows without a text", counts->without_text);
    tell_number(to, "of more than 64 MB: left out", counts->too_long);
    tell_number(to, "PREPARE in SQL without its text: left out", counts->prepares);
    tell_number(to, "sessions forgotten: too many were open at once", counts->sessions_forgotten);
    tell_number(to, "lines not understood: left out", counts->lines_unknown);
    tell_names(learn, true, "  users seen: ", to);
    tell_names(learn, false, "  users without a service: ", to);
    tell_not_seen(learn, to);
    fputs(never_shown(format, learn->start.dialect == SQL_MYSQL), to);
}
