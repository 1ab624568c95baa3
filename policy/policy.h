/* Who may use what: proxy.ini's ownership, grants, edges and modes, compiled. Built once for a
 * configuration, never changed, read by all threads at the same time. Never sees SQL text.
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

/* The index of a service by name (SERVICE_NONE: there is none), and the name by index. Indexes are
 * those of config->services. */
int policy_service(const struct policy *policy, struct text name);
struct text policy_service_name(const struct policy *policy, int service);

/* A short hash of everything that decides verdicts: 8 hex digits, in the record's field `policy`.
 */
const char *policy_hash(const struct policy *policy);

/* The number of its grants that have ended: if it changes, verdicts may change. */
size_t policy_ended(const struct policy *policy, int32_t today);

/* Judges a statement of `service` (SERVICE_NONE: a user without a service, for whom the defaults
 * hold), as docs/policy.md says: each object gets the first rule that applies, the statement the
 * strictest verdict of its objects, of equally strict ones the first. `fold`: the upstream's
 * lower_case_table_names is not 0, so names are compared without case; names of routines are
 * always compared so, and without accents. The cost does not depend on the size of the policy. */
void policy_check(const struct policy *policy, int service, const struct sql_facts *facts,
                  bool fold, int32_t today, struct verdict *verdict);

/* The same for one object, for explain and records. */
void policy_check_object(const struct policy *policy, int service, const struct sql_object *object,
                         bool fold, int32_t today, struct verdict *verdict);

#endif
