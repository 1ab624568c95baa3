/* How `silogate explain` shows one statement: a line of JSON, or lines for people. */
#ifndef CMD_EXPLAIN_PRINT_H
#define CMD_EXPLAIN_PRINT_H

#include <stdint.h>
#include <stdio.h>

#include "policy/policy.h"
#include "sql/facts.h"

struct explain_statement {
    uint64_t item;
    unsigned part;
    const struct sql_facts *facts;
    const struct config_files *files; /* that the policy stands in */
    const struct policy *policy;
    int service;
    int32_t today;
    const struct verdict *verdict;
};

/* Writes the line to `to`. */
void explain_print_json(const struct explain_statement *statement, FILE *to);
void explain_print_text(const struct explain_statement *statement, FILE *to);

#endif
