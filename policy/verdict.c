/* The names of actions and reasons. */
#include "policy/verdict.h"

#include <assert.h>
#include <stddef.h>

const char *verdict_action_name(enum verdict_action action)
{
    static const char *const names[] = {"allow", "log", "block"};

    assert((size_t)action < sizeof(names) / sizeof(names[0]));
    return names[action];
}

const char *verdict_reason_name(enum verdict_reason reason)
{
    static const char *const names[] = {
#define R(symbol, name) [symbol] = name,
        VERDICT_REASONS(R)
#undef R
    };

    assert((size_t)reason < sizeof(names) / sizeof(names[0]));
    return names[reason];
}
