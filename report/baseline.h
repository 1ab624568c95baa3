/* The baseline: a file with the crossings of one day. A crossing of a later day that is not in the
 * file is new. Each line has service, owner, digest and statement, separated by tabs; only the
 * first three are compared. A comment
 *
 *     # strict billing->clinical
 *
 * names an edge on which every crossing counts as new, whatever else the file says. Used by cmd/.
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

/* All of the report as a new baseline. Written to a temporary file and renamed, so that it is there
 * completely or not at all. */
bool report_baseline_write(const struct report *report, const char *path, struct error *error);
/* The baseline without these keys. An edge that has none left becomes strict. */
bool report_baseline_prune(const struct report_baseline *baseline, const uint32_t *keys,
                           uint32_t count, const char *path, struct error *error);

#endif
