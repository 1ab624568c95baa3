/* What is nobody's silo: the server's own schemas, and silogate's. Private to policy/. */
#ifndef POLICY_SYSTEM_H
#define POLICY_SYSTEM_H

#include <stdbool.h>
#include <stdint.h>

#include "sql/facts.h"

/* mysql, sys, performance_schema. */
bool system_schema(struct text schema);
/* Of those: may every account read it (`access` as facts have it)? */
bool system_is_open(struct text schema, struct text name, uint8_t access);
/* A table of information_schema: does it hold others' statements or values? */
bool system_tells_of_others(struct text name);
/* Where silogate keeps its moves and overrides. */
bool system_is_silogates(struct text schema);

#endif
