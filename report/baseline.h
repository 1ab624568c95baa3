/* The ratchet: what crosses today is written down once; what comes later and is not in there is
 * new. A file of lines: service, owner, digest, statement, with tabs between, of which the first
 * three count; and comments
 *
 *     # strict billing->clinical
 *
 * for an edge on which nothing may cross any more, whatever else the file says. Used by cmd/.
 */
#ifndef REPORT_BASELINE_H
#define REPORT_BASELINE_H

#include "report/report.h"

struct report_baseline {
    struct hash_table keys;   /* "service<tab>owner<tab>digest" */
    struct text *statements;  /* of each key */
    struct hash_table strict; /* "service->owner" */
    uint32_t room;
    struct arena arena;
};

/* False with `error` where the file is not there or is no baseline. */
bool report_baseline_read(struct report_baseline *baseline, const char *path, struct error *error);
void report_baseline_fini(struct report_baseline *baseline);

/* Numbers of the report's queries that are not in the baseline or are on a strict edge, ranked. To
 * be freed. */
uint32_t *report_baseline_new(const struct report *report, const struct report_baseline *baseline,
                              uint32_t *count);
bool report_baseline_is_strict(const struct report *report, const struct report_baseline *baseline,
                               uint32_t query);
/* Numbers of the baseline's keys that the report does not have. To be freed. */
uint32_t *report_baseline_stale(const struct report *report, const struct report_baseline *baseline,
                                uint32_t *count);

/* All that the report has, as a new baseline. Written beside and renamed: whole or not there. */
bool report_baseline_write(const struct report *report, const char *path, struct error *error);
/* The baseline without these keys. An edge that has none left becomes strict. */
bool report_baseline_prune(const struct report_baseline *baseline, const uint32_t *keys,
                           uint32_t count, const char *path, struct error *error);

#endif
