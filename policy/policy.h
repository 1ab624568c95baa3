/* Who may touch what: proxy.ini's ownership, grants, edges and modes, compiled. Built once a
 * configuration, never changed, read by all threads at once. Never sees SQL text.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "policy/verdict.h"
#include "sql/facts.h"

struct policy;

/* Builds the policy of a configuration that config_read has accepted. Contradictions (two services
 * with equally specific patterns for one name), patterns that can never match, unknown services in
 * grants and edges, and grants that have expired by `today` (a warning) are added to `problems`.
 * NULL when a problem is an error. Keeps no pointer into `config`. Free with policy_free. */
struct policy *policy_build(const struct config *config, int32_t today,
                            struct config_problems *problems);
void policy_free(struct policy *policy);

/* Days since 1970-01-01, UTC, for `today` below. */
int32_t policy_today(int64_t unix_seconds);

/* The index of a service by name, SERVICE_NONE where there is none; and back. Indexes are those of
 * config->services. */
int policy_service(const struct policy *policy, struct text name);
struct text policy_service_name(const struct policy *policy, int service);

/* A short hash of all that decides verdicts: 8 hex digits, in the record's field `policy`. */
const char *policy_hash(const struct policy *policy);

/* How many of its grants have ended: where it is another number, other verdicts may be. */
size_t policy_ended(const struct policy *policy, int32_t today);

/* Judges a statement of `service` (SERVICE_NONE: somebody without a service, for whom the defaults
 * hold). Spec, "Verdict": each object gets the first rule that holds, the statement the strictest
 * of its objects'; of equally strict ones the first. `fold`: the upstream's lower_case_table_names
 * is not 0, names compare without case; those of routines always do, and without accents.
 * Costs the same whatever the size of the policy. */
void policy_check(const struct policy *policy, int service, const struct sql_facts *facts,
                  bool fold, int32_t today, struct verdict *verdict);

/* The same for one object alone: what explain and the records list. */
void policy_check_object(const struct policy *policy, int service, const struct sql_object *object,
                         bool fold, int32_t today, struct verdict *verdict);

#endif
