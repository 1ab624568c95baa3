/* State RENEW: the commands that silogate sends to prepare a statement again, or to enter the
 * present database once more, and their answers. Private to renew.c, which decides when.
 */
#ifndef PROXY_RENEWAL_H
#define PROXY_RENEWAL_H

#include "proxy/session.h"

/* By SQL's PREPARE a statement is prepared under this name first: a PREPARE that fails deletes the
 * one that has its name. */
#define TRIED "silogate prepares again"

enum renewal_step {
    RENEWAL_KEEP,
    RENEWAL_HERE,
    RENEWAL_ENTER,
    RENEWAL_TRY,
    RENEWAL_PREPARE,
    RENEWAL_RESTORE,
    RENEWAL_FORGET,
    RENEWAL_BACK,
    RENEWAL_GIVE,
    RENEWAL_CLEAR,
    RENEWAL_STEPS,
};

struct renewal {
    uint32_t id;   /* the client's statement id */
    uint64_t hash; /* of the name of SQL's PREPARE; 0: a statement of COM_STMT_PREPARE */
    uint64_t print;
    enum renewal_step step;
    bool enters;   /* nothing is prepared: the present database is entered once more */
    bool moves;    /* a change to the database `there` and back is needed */
    bool late;     /* it is done before a later command than its execution */
    bool failed;   /* the present step has failed */
    bool prepared; /* the server has prepared it, as `statement` with so many parameters */
    uint16_t parameters;
    uint32_t statement;
    struct sql_state there, back;
    /* of `text`: the statement to send, followed by the one that restores, and the one that tries
     */
    size_t length, restoring, trying;
    char text[];
};

/* The renewal is filled in, but for `moves`, `step` and `back`, and on the heap: it begins. */
void renewal_begin(struct session *session, struct renewal *renewal, bool moves);
void renewal_free(struct session *session);

/* Nothing is prepared again before a later command until tables move, or until one is executed that
 * would have to be. */
void renewal_none(struct session *session, uint64_t places);

#endif
