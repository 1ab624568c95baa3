/* Schemas that are in no silo: the server's own, and silogate's. Private to policy/. */
#ifndef POLICY_SYSTEM_H
#define POLICY_SYSTEM_H

#include <stdbool.h>
#include <stdint.h>

#include "sql/facts.h"

/* mysql, sys, performance_schema. */
bool system_schema(struct text schema);
/* May every account read this table of them (`access` as in the facts)? */
bool system_is_open(struct text schema, struct text name, uint8_t access);
/* Does this table of information_schema contain others' statements or values? */
bool system_tells_of_others(struct text name);
/* The schema in which silogate keeps its moves and overrides. */
bool system_is_silogates(struct text schema);

#endif
