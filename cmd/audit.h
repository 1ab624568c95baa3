/* What the parts of `silogate audit` share. Private to cmd/. */
#ifndef CMD_AUDIT_H
#define CMD_AUDIT_H

#include <stdio.h>

#include "base/error.h"
#include "catalogue/audit.h"

/* The output formats. `is_new`: which findings are new compared with the baseline; NULL: there is
 * no baseline. */
void audit_print_text(const struct audit *audit, const bool *is_new, FILE *to);
void audit_print_markdown(const struct audit *audit, const bool *is_new, FILE *to);
void audit_print_sarif(const struct audit *audit, const bool *is_new, FILE *to);
void audit_print_json(const struct audit *audit, const bool *is_new, FILE *to);
/* Statements for the mysql client. Lines `-- back: ` undo them; run those from the last to the
 * first. */
void audit_print_sql(const struct audit *audit, const bool *is_new, FILE *to);

/* Adds to each excess right what the violation logs show: how many statements its REVOKE would have
 * refused, or since when nobody has used it. False if a log cannot be read or has no record. */
bool audit_rehearse(struct audit *audit, char **paths, size_t count_of, struct error *error);

/* Which findings are not in the baseline (an earlier output of --json); one entry for each finding;
 * the caller frees the array. A finding is not new if only its verdict, its users or its number of
 * threads has changed, or if its account has lost rights. NULL with `error` if the file cannot be
 * used. */
bool *audit_baseline_new(const struct audit *audit, const char *path, struct error *error);

#endif
