/* Decides what the report takes from a line of a log: which event it is, when it happened, and
 * whether it was asked for. crossings.c decides what a violation counts for.
 */
#include <stdlib.h>

#include "report/findings.h"
#include "report/names.h"
#include "report/taken.h"

void report_init(struct report *report)
{
    memset(report, 0, sizeof(*report));
    report->since = INT64_MIN;
    report->until = INT64_MAX;
}

void report_fini(struct report *report)
{
    struct hash_table *tables[] = {
        &report->services,         &report->places,     &report->object_names, &report->edge_keys,
        &report->query_keys,       &report->touch_keys, &report->day_keys,     &report->seen_by_day,
        &report->transaction_keys, &report->first_lines};

    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        hash_table_fini(tables[i]);
    free(report->edges);
    free(report->queries);
    free(report->objects);
    free(report->touches);
    free(report->days);
    free(report->log_lines);
    free(report->transactions);
    arena_fini(&report->arena);
}

/* The owner of an object, or the name that stands for a missing owner. */
static struct text owner_or_stand_in(const json_t *object)
{
    struct text owner = names_string(object, "owner");

    if (owner.at)
        return owner;
    return text_equal(names_string(object, "reason"), TEXT("system")) ? TEXT(SUMMARY_SYSTEM)
                                                                      : TEXT(SUMMARY_UNOWNED);
}

/* --service, --owner and --id: does the record belong to what was asked for? */
static bool is_wanted(const struct report *report, const json_t *record)
{
    const json_t *objects = json_object_get(record, "objects"), *object;
    struct text service = names_string(record, "service"), id = names_string(record, "id");
    struct text digest = names_string(record, "digest");
    size_t i;

    if (report->only_service.at &&
        !text_equal(service.at ? service : TEXT("(no service)"), report->only_service))
        return false;
    if (report->only_id.at && !text_equal(id, report->only_id) &&
        !text_equal(digest, report->only_id))
        return false;
    if (!report->only_owner.at)
        return true;
    json_array_foreach(objects, i, object)
    {
        if (!text_equal(names_string(object, "verdict"), TEXT("allow")) &&
            text_equal(owner_or_stand_in(object), report->only_owner))
            return true;
    }
    struct text reason = names_string(record, "reason");
    return text_equal(report->only_owner, text_equal(reason, TEXT("administration"))
                                              ? TEXT(SUMMARY_SERVER)
                                              : TEXT(SUMMARY_UNDETERMINED)) &&
           (json_array_size(objects) == 0 || text_equal(reason, TEXT("administration")) ||
            text_equal(reason, TEXT("undetermined")));
}

static bool take_finding(struct report *report, const json_t *finding)
{
    json_t *record = findings_record(finding);
    struct taken taken = {.record = record, .catalogue = true};

    if (record && is_wanted(report, record))
        report_take_violation(report, &taken);
    json_decref(record);
    return true;
}

static bool take_times(struct taken *taken)
{
    if (!report_time(names_string(taken->record, "ts"), false, &taken->time))
        return false;
    if (!report_time(names_string(taken->record, "first"), false, &taken->span.first))
        taken->span.first = taken->time;
    if (!report_time(names_string(taken->record, "last"), false, &taken->span.last))
        taken->span.last = taken->time;
    return taken->time >= 0;
}

static bool take_record(struct report *report, json_t *record)
{
    struct text event = names_string(record, "event");
    json_int_t times = json_integer_value(json_object_get(record, "count"));
    struct taken taken = {.record = record, .count = times > 0 ? (uint64_t)times : 1};

    if (!event.at && json_is_string(json_object_get(record, "finding"))) {
        report->lines++;
        return take_finding(report, record);
    }
    if (!event.at || !take_times(&taken))
        return false;
    report->lines++;
    if (taken.span.last < report->since || taken.span.first >= report->until)
        return true;
    if (text_equal(event, TEXT("violation")) && !is_wanted(report, record))
        return true;
    report->records++;
    report_widen(&report->span, &taken.span);
    if (text_equal(event, TEXT("violation")))
        report_take_violation(report, &taken);
    else if (text_equal(event, TEXT("transaction")))
        report_take_transaction(report, record, taken.count, &taken.span);
    else if (text_equal(event, TEXT("rehearsal")))
        report_take_rehearsal(report, record, taken.count, &taken.span);
    else if (text_equal(event, TEXT("login_refused")))
        report->logins_refused += taken.count;
    else if (text_equal(event, TEXT("reload")))
        report->reloads += taken.count;
    else if (text_equal(event, TEXT("upstream_up")) || text_equal(event, TEXT("upstream_down")))
        report->upstream_events += taken.count;
    return true;
}

bool report_add_line(struct report *report, struct text line)
{
    json_t *record = json_loadb(line.at, line.length, JSON_ALLOW_NUL, NULL);
    bool good = json_is_object(record) && take_record(report, record);

    json_decref(record);
    return good;
}
