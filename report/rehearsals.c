/* What would keep a move from succeeding, from the log's events `rehearsal`: by service and reason,
 * the statements that cannot be mapped and the transactions that are longer than the hold
 * (docs/moves.md).
 */
#include <stdio.h>
#include <stdlib.h>

#include "report/names.h"
#include "report/tables.h"

static bool is_of(const struct report_rehearsal *one, uint32_t service, struct text reason)
{
    return one->service == service && text_equal(one->reason, reason);
}

void report_take_rehearsal(struct report *report, const json_t *record, uint64_t count,
                           const struct report_span *span)
{
    const json_t *digests = json_object_get(record, "digests");
    const char *digest = json_string_value(json_array_get(digests, 0));
    struct text name = names_string(record, "service"), reason = names_string(record, "reason");
    char cleaned[100];
    unsigned i = 0;

    name = name.at ? name : TEXT("(no service)");
    if ((report->only_service.at && !text_equal(name, report->only_service)) || report->only_id.at)
        return;
    reason = names_clean(reason.at ? reason : TEXT("?"), cleaned, sizeof(cleaned));
    const uint32_t service = names_add(&report->services, name);
    while (i < report->rehearsal_count && !is_of(&report->rehearsals[i], service, reason))
        i++;
    if (i == REPORT_REHEARSALS) {
        report->rehearsals_left_out = true;
        return;
    }
    struct report_rehearsal *one = &report->rehearsals[i];
    if (i == report->rehearsal_count) {
        report->rehearsal_count++;
        *one = (struct report_rehearsal){
            .service = service, .reason = arena_text(&report->arena, reason), .span = *span};
    }
    one->times += count;
    if (digest && strtoull(digest, NULL, 16) > 0)
        one->digest = strtoull(digest, NULL, 16);
    if (span->first < one->span.first)
        one->span.first = span->first;
    if (span->last > one->span.last)
        one->span.last = span->last;
}

void report_rehearsal_table(const struct report *report, struct table *table)
{
    static const struct table_column columns[] = {
        {"times",         TABLE_NUMBER},
        {"service",       TABLE_CODE  },
        {"what",          TABLE_WORDS },
        {"such a digest", TABLE_CODE  },
        {"last seen",     TABLE_WORDS },
    };
    char shown[32];

    table_init(table, REPORT_COLUMNS(columns));
    for (unsigned i = 0; i < report->rehearsal_count; i++) {
        const struct report_rehearsal *one = &report->rehearsals[i];
        table_number(table, one->times);
        table_text(table, report_service_name(report, one->service));
        table_text(table, one->reason);
        snprintf(shown, sizeof(shown), "%016llx", (unsigned long long)one->digest);
        table_text(table, one->digest ? text_of(shown) : TEXT("-"));
        table_text(table, text_of(report_show_time(one->span.last, shown)));
    }
}
