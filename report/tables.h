/* The tables that several forms of the report share, and words for a query. */
#ifndef REPORT_TABLES_H
#define REPORT_TABLES_H

#include "base/table.h"
#include "report/report.h"

/* For table_init. */
#define REPORT_COLUMNS(array) (array), sizeof(array) / sizeof((array)[0])

enum { TABLE_WORDS_SIZE = 1200 };

/* Each fills an uninitialized table; the caller calls table_fini. */
void report_edge_table(const struct report *report, struct table *table);
/* `edge` HASH_TABLE_NONE: the hard queries of all edges. */
void report_query_table(const struct report *report, uint32_t edge, struct table *table);
void report_hard_table(const struct report *report, struct table *table);
/* What prevents a move: objects that other services still touch, with service and frequency. */
void report_blocker_table(const struct report *report, int64_t since, struct table *table);
/* Transactions over owners: which of their statements could run after the commit. */
void report_transaction_table(const struct report *report, struct table *table);
struct text report_step_statement(const struct report *report,
                                  const struct report_transaction *transaction,
                                  const struct report_step *step);
/* "yes", or the reason why not. */
const char *report_show_after(const struct report_transaction *transaction,
                              const struct report_step *step);
/* What would keep a move from succeeding. */
void report_rehearsal_table(const struct report *report, struct table *table);
/* What no other service has touched since `since`. */
void report_ready_table(const struct report *report, int64_t since, struct table *table);
void report_day_table(const struct report *report, struct table *table);

struct text report_service_name(const struct report *report, uint32_t service);
/* The statement, or words that say why it is not known. */
struct text report_statement(const struct report_query *query);
/* "clinical_data.patients, clinical_data.encounters"; "node /bills/:id, flyway". */
const char *report_show_uses(const struct report *report, const struct report_query *query,
                             char to[TABLE_WORDS_SIZE]);
const char *report_show_places(const struct report *report, const struct report_query *query,
                               char to[TABLE_WORDS_SIZE]);
/* "read", "write", "read and write", or "" if it is not known. */
const char *report_show_access(const struct report_counts *counts);
/* "active", "quiet", or "catalogue" for what is not a statement. */
const char *report_show_state(const struct report *report, const struct report_span *span);
/* The summary's lines, one fact each. */
void report_put_summary(const struct report *report, FILE *to, const char *before,
                        const char *after);

#endif
