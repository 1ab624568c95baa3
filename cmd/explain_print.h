/* How `silogate explain` shows one statement: a line of JSON, or lines for people. */
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
    uint64_t line;    /* in it */
    struct text text; /* this statement alone */
    const struct sql_state *state;
    const char *why; /* where it is not determined */
    const struct sql_facts *facts;
    const struct config_files *files; /* that the policy stands in */
    const struct policy *policy;
    int service;
    int32_t today;
    const struct verdict *verdict;
};

/* A form that needs more than a line a statement: begin and end frame all of them. Any may be NULL.
 */
struct explain_form {
    void (*begin)(FILE *to);
    void (*file)(const char *path, FILE *to); /* another file begins; NULL: standard input */
    void (*statement)(const struct explain_statement *statement, FILE *to);
    void (*end)(FILE *to);
};
extern const struct explain_form explain_as_text, explain_as_json, explain_as_sarif,
    explain_as_junit, explain_as_github;

/* The statement without its values, at most `size` bytes, in `to`. */
struct text explain_start(const struct explain_statement *statement, char *to, size_t size);
/* Text out of the input: what is no character to show becomes '?'. */
void explain_print_clean(struct text t, FILE *to);
/* "service 'billing' may read clinical_data.patients only ..." in one sentence. */
void explain_sentence(const struct explain_statement *statement, char *to, size_t size);

/* Writes the line to `to`. */
void explain_print_json(const struct explain_statement *statement, FILE *to);
void explain_print_text(const struct explain_statement *statement, FILE *to);

#endif
