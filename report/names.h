/* Names out of records, cleaned and numbered. */
#ifndef REPORT_NAMES_H
#define REPORT_NAMES_H

#include <jansson.h>

#include "report/report.h"

/* A field that is a string; `at` NULL if it is not. */
struct text names_string(const json_t *object, const char *key);
/* Control characters, and those that change the direction of writing, become '?'; white space
 * becomes a blank. At most `size` bytes, never a part of a character. */
struct text names_clean(struct text t, char *to, size_t size);
uint32_t names_add(struct hash_table *table, struct text name);
/* "node /bills/:id", "rails bills#show": the application, and the place in its code. A number in
 * `places`; HASH_TABLE_NONE if nothing is known. */
uint32_t names_place(struct report *report, const json_t *record);
/* ["billing","clinical"] -> "billing, clinical" */
struct text names_join(struct report *report, const json_t *names);

/* An event `transaction`, which counts for `count` transactions (report/transactions.c). */
void report_take_transaction(struct report *report, const json_t *record, uint64_t count,
                             const struct report_span *span);
/* An event `rehearsal` (report/rehearsals.c). */
void report_take_rehearsal(struct report *report, const json_t *record, uint64_t count,
                           const struct report_span *span);

#endif
