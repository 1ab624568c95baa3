/* What a session may still hold on the server after its transaction has ended: it keeps the
 * session from a boundary (boundary.c) and inside of a move (moving.c). Valid in every state from
 * the login on.
 */
#ifndef PROXY_HELD_H
#define PROXY_HELD_H

#include <stdbool.h>
#include <stdint.h>

struct held {
    bool tables : 1;     /* LOCK TABLES or a similar lock is in force */
    bool handler : 1;    /* a HANDLER was opened */
    bool branches : 1;   /* XA transactions were prepared: see proxy/branches.h */
    bool only_begun : 1; /* its open transaction has done nothing but begin */
    uint8_t user_locks;  /* GET_LOCKs */
    uint16_t long_data;  /* statements with long data that no execution has used yet */
};

/* The server has reset the session. Prepared XA transactions survive that. */
static inline void held_forget(struct held *held)
{
    *held = (struct held){.branches = held->branches};
}

#endif
