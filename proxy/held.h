/* What a session may still hold on the server after its transaction has ended: it keeps the
 * session from a boundary (boundary.c) and inside of a move (moving.c). Valid in every state from
 * the login on.
 */
#ifndef PROXY_HELD_H
#define PROXY_HELD_H

#include <stdbool.h>
#include <stdint.h>

enum { HELD_LOCKS = 2 };

struct held {
    bool tables : 1;                  /* LOCK TABLES or a similar lock is in force */
    bool handler : 1;                 /* a HANDLER was opened */
    bool branches : 1;                /* XA transactions were prepared: see proxy/branches.h */
    bool only_begun : 1;              /* its open transaction has done nothing but begin */
    bool server : 1;                  /* FLUSH TABLES WITH READ LOCK */
    bool stage : 1;                   /* BACKUP STAGE */
    bool backup : 1;                  /* BACKUP LOCK, LOCK INSTANCE */
    bool more_locks : 1;              /* locks of GET_LOCK that are not counted below */
    bool unread : 1;                  /* whatever a statement that could not be read leaves */
    uint16_t long_data;               /* statements with long data that no execution has used yet */
    uint16_t lock_counts[HELD_LOCKS]; /* GET_LOCKs of these names, which no RELEASE_LOCK ended */
    uint64_t lock_names[HELD_LOCKS];  /* hashes */
};

/* The server has reset the session. Prepared XA transactions survive that. */
static inline void held_forget(struct held *held)
{
    *held = (struct held){.branches = held->branches};
}

struct session;
struct ruling;
struct request;

/* Does the command run statements? */
bool held_runs(const struct request *request);

/* The command passes: notes what it may leave on the server. */
void held_passed(struct session *session, const struct ruling *ruling);
/* It is answered, and only now that is held. */
void held_answered(struct session *session);
/* May it hold a lock of GET_LOCK? */
bool held_user_lock(const struct held *held);

#endif
