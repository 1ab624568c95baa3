/* What a session may still hold on the server after its transaction has ended: it keeps the
 * session from a boundary (boundary.c) and inside of a move (moving.c). Valid in every state from
 * the login on.
 */
#ifndef PROXY_HELD_H
#define PROXY_HELD_H

#include <stdbool.h>
#include <stdint.h>

enum { HELD_NAMES = 2 };

/* Things that are taken and released by name. */
struct held_names {
    uint64_t names[HELD_NAMES]; /* hashes */
    uint16_t may[HELD_NAMES];   /* taken by this name, and not certainly released */
    uint16_t sure[HELD_NAMES];  /* of these, certainly taken and not perhaps released; not used for
                                   handlers, which a server closes without saying so */
    bool more;                  /* there may be others */
};

struct held {
    bool tables : 1;    /* LOCK TABLES or a similar lock is in force */
    bool branches : 1;  /* XA transactions were prepared: see proxy/branches.h */
    bool worked : 1;    /* the open transaction certainly holds the lock of a table */
    bool saved : 1;     /* it may have a savepoint */
    bool rooted : 1;    /* it had worked before the first one */
    bool server : 1;    /* FLUSH TABLES WITH READ LOCK */
    bool stage : 1;     /* BACKUP STAGE */
    bool backup : 1;    /* BACKUP LOCK, LOCK INSTANCE */
    bool unread : 1;    /* whatever a statement that could not be read leaves */
    uint16_t sure;      /* enum sql_leaves: which of these locks it certainly holds */
    uint16_t long_data; /* statements with long data that no execution has used yet */
    struct held_names locks, handlers; /* locks of GET_LOCK; of HANDLER OPEN */
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
/* May it hold a lock of GET_LOCK; may a handler be open? */
bool held_user_lock(const struct held *held);
bool held_handler(const struct held *held);
/* Does it certainly hold a lock, beside those of a transaction? Certain is what the servers'
 * answers have said, and no later statement may have ended. */
bool held_surely(const struct held *held);
/* A server's status says that no transaction is open. */
void held_over(struct session *session);

#endif
