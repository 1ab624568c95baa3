/* What the parts of `silogate audit` share. Private to cmd/. */
#ifndef CMD_AUDIT_H
#define CMD_AUDIT_H

#include <stdio.h>

#include "base/error.h"
#include "catalogue/audit.h"

/* The forms. `is_new`: which findings are new, where there is a baseline; NULL: there is none. */
void audit_print_text(const struct audit *audit, const bool *is_new, FILE *to);
void audit_print_markdown(const struct audit *audit, const bool *is_new, FILE *to);
void audit_print_sarif(const struct audit *audit, const bool *is_new, FILE *to);
void audit_print_json(const struct audit *audit, const bool *is_new, FILE *to);
/* Statements for the mysql client; `-- back: ` lines are their way back, to be run from the last to
 * the first. */
void audit_print_sql(const struct audit *audit, const bool *is_new, FILE *to);

/* Says of each right that is too much what the violation logs tell: how many statements its REVOKE
 * would have refused, or since when nobody has used it. False where a log cannot be read or has no
 * record. */
bool audit_rehearse(struct audit *audit, char **paths, size_t count_of, struct error *error);

/* Which findings the baseline (the output of --json of some day) does not have; one entry a
 * finding, to be freed. What only changes its verdict, its users or its number of threads is not
 * new, nor an account that has lost rights. NULL with `error` where the file cannot be used. */
bool *audit_baseline_new(const struct audit *audit, const char *path, struct error *error);

#endif
