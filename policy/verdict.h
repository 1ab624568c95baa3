/* What the policy decides about a statement; used by policy/, judge/, violations/ and proxy/. */
#ifndef POLICY_VERDICT_H
#define POLICY_VERDICT_H

#include <stdint.h>

/* Ordered by strictness. */
enum verdict_action { VERDICT_ALLOW, VERDICT_LOG, VERDICT_BLOCK };

/* reason, its name in explain, records and metrics. Every judged statement has exactly one. */
#define VERDICT_REASONS(R)                                                                         \
    R(REASON_SESSION, "session") /* uses nothing, or only objects of the session */                \
    R(REASON_OWN, "own")                                                                           \
    R(REASON_GRANTED, "granted")                                                                   \
    R(REASON_SYSTEM, "system")                                                                     \
    R(REASON_UNOWNED, "unowned")                                                                   \
    R(REASON_FOREIGN, "foreign")                                                                   \
    R(REASON_EXPIRED_GRANT, "expired_grant")                                                       \
    R(REASON_ADMINISTRATION, "administration")                                                     \
    R(REASON_UNDETERMINED, "undetermined")

enum verdict_reason {
#define R(symbol, name) symbol,
    VERDICT_REASONS(R)
#undef R
        REASON_COUNT
};

enum { SERVICE_NONE = -1, VERDICT_NO_OBJECT = UINT16_MAX };

struct verdict {
    uint8_t action;   /* enum verdict_action */
    uint8_t reason;   /* enum verdict_reason */
    uint16_t object;  /* the object that decided; VERDICT_NO_OBJECT for the statement as a whole */
    int16_t owner;    /* the deciding object's owner: index of a service, or SERVICE_NONE */
    uint32_t line;    /* of the rule (see config_place); 0: a default of silogate has decided */
    const char *rule; /* "[edge:billing->clinical] mode", lives as long as the policy */
};

/* "allow", "log", "block" */
const char *verdict_action_name(enum verdict_action action);
const char *verdict_reason_name(enum verdict_reason reason);

#endif
