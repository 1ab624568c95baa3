/* How `silogate explain` prints one statement: as a line of JSON, or as lines for people. */
#ifndef CMD_EXPLAIN_PRINT_H
#define CMD_EXPLAIN_PRINT_H

#include <stdint.h>
#include <stdio.h>

#include "policy/policy.h"
#include "sql/facts.h"
#include "sql/state.h"

struct explain_statement {
    uint64_t item;
    unsigned part;
    const char *path; /* NULL: standard input */
    uint64_t line;    /* in that file */
    struct text text; /* this statement only */
    const struct sql_state *state;
    const char *why; /* if it is not determined */
    const struct sql_facts *facts;
    const struct config_files *files; /* the files of the policy */
    const struct policy *policy;
    int service;
    int32_t today;
    const struct verdict *verdict;
};

/* An output format that needs more than a line for each statement: begin and end are called once,
 * before and after all statements. Any function may be NULL.
 */
struct explain_form {
    void (*begin)(FILE *to);
    void (*file)(const char *path, FILE *to); /* the next file begins; NULL: standard input */
    void (*statement)(const struct explain_statement *statement, FILE *to);
    void (*end)(FILE *to);
};
extern const struct explain_form explain_as_text, explain_as_json, explain_as_sarif,
    explain_as_junit, explain_as_github;

/* The statement without its values, at most `size` bytes, stored in `to`. */
struct text explain_start(const struct explain_statement *statement, char *to, size_t size);
/* Writes text of the input; what is no character of UTF-8, or unfit for a terminal (base/text.h),
 * becomes '?'. */
void explain_print_clean(struct text t, FILE *to);
/* The verdict in one sentence: "service 'billing' may read clinical_data.patients only ...". */
void explain_sentence(const struct explain_statement *statement, char *to, size_t size);

/* Writes the line to `to`. */
void explain_print_json(const struct explain_statement *statement, FILE *to);
void explain_print_text(const struct explain_statement *statement, FILE *to);

#endif
