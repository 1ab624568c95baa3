/* What a session may still hold on the server when its transaction is over: what keeps it from a
 * boundary (boundary.c) and inside of a move (moving.c). In force from the login to the end, in
 * every state.
 */
#ifndef PROXY_HELD_H
#define PROXY_HELD_H

#include <stdbool.h>
#include <stdint.h>

struct held {
    bool tables : 1;     /* LOCK TABLES and its kin are in force */
    bool handler : 1;    /* a HANDLER was opened */
    bool branches : 1;   /* XA transactions were prepared: see proxy/branches.h */
    bool only_begun : 1; /* its open transaction has done nothing but begin */
    uint8_t user_locks;  /* GET_LOCKs */
    uint16_t long_data;  /* statements that some was sent for, and no execution yet */
};

/* The server has begun the session anew. What was prepared for XA outlives that. */
static inline void held_forget(struct held *held)
{
    *held = (struct held){.branches = held->branches};
}

#endif
