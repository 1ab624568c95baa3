/* Transactions that wrote to data of several services, from the log's events `transaction`: whose
 * data, by which statements, and which of these could run after the commit. docs/violations.md has
 * the rule and says what it cannot know.
 */
#include <stdlib.h>

#include "report/names.h"
#include "report/tables.h"

static bool names_hold(const json_t *names, struct text wanted)
{
    const json_t *name;
    size_t i;

    json_array_foreach(names, i, name)
    {
        if (json_is_string(name) &&
            text_equal((struct text){json_string_value(name), json_string_length(name)}, wanted))
            return true;
    }
    return false;
}

static uint64_t hash_list(const json_t *list, uint64_t seed)
{
    char *text = json_dumps(list, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);

    seed = text_hash(text ? text_of(text) : TEXT("?"), seed, false);
    free(text);
    return seed;
}

static void keep_steps(struct report *report, struct report_transaction *transaction,
                       const json_t *record)
{
    const json_t *steps = json_object_get(record, "statements"), *step;
    const json_t *again = json_object_get(record, "read_again");
    size_t i;

    json_array_foreach(steps, i, step)
    {
        struct text digest = names_string(step, "digest"), owner = names_string(step, "owner");
        if (!digest.at || !owner.at)
            continue;
        if (transaction->step_count == REPORT_STEPS) {
            transaction->more = true;
            return;
        }
        transaction->steps[transaction->step_count++] =
            (struct report_step){.owner = names_add(&report->services, owner),
                                 .digest = strtoull(digest.at, NULL, 16),
                                 .is_read_again = names_hold(again, owner)};
    }
}

void report_take_transaction(struct report *report, const json_t *record, uint64_t count,
                             const struct report_span *span)
{
    struct text service = names_string(record, "service");
    const json_t *owners = json_object_get(record, "owners");
    struct {
        uint64_t service, shape;
    } key = {0};

    service = service.at ? service : TEXT("(no service)");
    if ((report->only_service.at && !text_equal(service, report->only_service)) ||
        (report->only_owner.at && !names_hold(owners, report->only_owner)) || report->only_id.at)
        return;
    key.service = names_add(&report->services, service);
    key.shape = hash_list(json_object_get(record, "statements"), hash_list(owners, 0));
    key.shape = hash_list(json_object_get(record, "read_again"), key.shape);
    struct text bytes = {(const char *)&key, sizeof(key)};
    uint32_t before = report->transaction_keys.count;
    uint32_t number = before < REPORT_TRANSACTIONS
                          ? hash_table_add(&report->transaction_keys, bytes)
                          : hash_table_find(&report->transaction_keys, bytes);
    if (number == HASH_TABLE_NONE) {
        report->transactions_left_out = true;
        return;
    }
    if (number == report->transaction_room) {
        report->transaction_room = number < 32 ? 64 : number * 2;
        report->transactions = memory_resize(
            report->transactions, report->transaction_room * sizeof(*report->transactions));
    }
    struct report_transaction *transaction = &report->transactions[number];
    if (number == before) {
        *transaction = (struct report_transaction){
            .service = (uint32_t)key.service,
            .owners = names_join(report, owners),
            .more = json_is_true(json_object_get(record, "more")),
            .span = *span,
        };
        keep_steps(report, transaction, record);
    }
    transaction->times += count;
    if (span->first < transaction->span.first)
        transaction->span.first = span->first;
    if (span->last > transaction->span.last)
        transaction->span.last = span->last;
}

static int by_times(const void *a, const void *b, void *context)
{
    const struct report *report = context;
    uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;
    uint64_t first = report->transactions[one].times, second = report->transactions[other].times;

    return first != second ? (first < second) - (first > second) : (one > other) - (one < other);
}

uint32_t *report_rank_transactions(const struct report *report, uint32_t *count)
{
    uint32_t *numbers = memory_take((report->transaction_keys.count + 1) * sizeof(*numbers));

    *count = report->transaction_keys.count;
    for (uint32_t i = 0; i < *count; i++)
        numbers[i] = i;
    qsort_r(numbers, *count, sizeof(*numbers), by_times, (void *)report);
    return numbers;
}

struct text report_step_statement(const struct report *report,
                                  const struct report_transaction *transaction,
                                  const struct report_step *step)
{
    uint32_t pair[2] = {transaction->service, step->owner};
    struct {
        uint64_t edge, digest;
    } key = {hash_table_find(&report->edge_keys, (struct text){(const char *)pair, sizeof(pair)}),
             step->digest};

    if (key.edge == HASH_TABLE_NONE)
        return TEXT("(not in these logs)");
    uint32_t query =
        hash_table_find(&report->query_keys, (struct text){(const char *)&key, sizeof(key)});
    return query == HASH_TABLE_NONE ? TEXT("(not in these logs)")
                                    : report_statement(&report->queries[query]);
}

const char *report_show_after(const struct report_transaction *transaction,
                              const struct report_step *step)
{
    return step->is_read_again ? "no: read again before the commit"
           : transaction->more ? "not known: there is more in it"
                               : "yes";
}

void report_transaction_table(const struct report *report, struct table *table)
{
    static const struct table_column columns[] = {
        {"transactions",     TABLE_NUMBER   },
        {"service",          TABLE_CODE     },
        {"writes to",        TABLE_CODE     },
        {"statement",        TABLE_STATEMENT},
        {"of",               TABLE_CODE     },
        {"after the commit", TABLE_WORDS    },
        {"last seen",        TABLE_WORDS    },
    };
    uint32_t count, *numbers = report_rank_transactions(report, &count);
    char shown[32];

    table_init(table, REPORT_COLUMNS(columns));
    for (uint32_t i = 0; i < count; i++) {
        const struct report_transaction *transaction = &report->transactions[numbers[i]];
        for (unsigned s = 0; s < transaction->step_count; s++) {
            const struct report_step *step = &transaction->steps[s];
            table_number(table, transaction->times);
            table_text(table, report_service_name(report, transaction->service));
            table_text(table, transaction->owners);
            table_text(table, report_step_statement(report, transaction, step));
            table_text(table, report_service_name(report, step->owner));
            table_text(table, text_of(report_show_after(transaction, step)));
            table_text(table, text_of(report_show_time(transaction->span.last, shown)));
        }
    }
    free(numbers);
}
