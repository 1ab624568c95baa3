/* Names out of records, cleaned and numbered. */
#ifndef REPORT_NAMES_H
#define REPORT_NAMES_H

#include <jansson.h>

#include "report/report.h"

/* A field that is a string; none where it is not. */
struct text names_string(const json_t *object, const char *key);
/* Control characters, and those that turn the direction of writing, become '?'; white space a
 * blank. At most `size` bytes, cut between characters. */
struct text names_clean(struct text t, char *to, size_t size);
uint32_t names_add(struct hash_table *table, struct text name);
/* "node /bills/:id", "rails bills#show": the application, and where in it. Into `places`;
 * HASH_TABLE_NONE where nothing is known. */
uint32_t names_place(struct report *report, const json_t *record);
/* ["billing","clinical"] -> "billing, clinical" */
struct text names_join(struct report *report, const json_t *names);

/* An event `transaction`, which stands for `count` of them (report/transactions.c). */
void report_take_transaction(struct report *report, const json_t *record, uint64_t count,
                             const struct report_span *span);
/* An event `rehearsal` (report/rehearsals.c). */
void report_take_rehearsal(struct report *report, const json_t *record, uint64_t count,
                           const struct report_span *span);

#endif
