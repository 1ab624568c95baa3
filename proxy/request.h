/* The present command and its answer, or the answer to silogate's own query. It is a part of the
 * session, because nothing may be allocated on the path of a command.
 *
 * Between two commands (SESSION_BOUNDARY) only `command`, `kind`, `failed` and `forwarded_at` are
 * valid, for the last command; session_enter asserts that.
 */
#ifndef PROXY_REQUEST_H
#define PROXY_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/answer.h"

struct change;
struct prepared;

struct request {
    struct answer answer;
    struct change *change;      /* the command's change of the belief; NULL: none */
    struct prepared *execution; /* the statement that it executes; NULL: another command */
    struct prepared *cursor;    /* the statement that it executes or fetches from */
    double forwarded_at;        /* by the event loop's clock; 0: no command yet */
    uint32_t packet_left;       /* bytes of the client's present packet that may still pass */
    uint32_t carried;           /* so many bytes of each of its packets go into the next one */
    uint8_t command;            /* the command byte */
    uint64_t lock_name;         /* of the lock of GET_LOCK, or the handler, with `user_lock` */
    uint16_t leaves;            /* enum sql_leaves: what it may leave on the server */
    uint8_t user_lock;          /* enum sql_user_lock */
    uint8_t locking;            /* enum ruling_locks */
    uint8_t kind;               /* enum sql_kind of the statement that was passed last */
    uint8_t asking;             /* ASK: which of its statements was sent */
    bool alone : 1;             /* it has only one statement, which leaves nothing if it fails */
    bool works : 1;             /* see struct ruling, as the next three */
    bool breaks : 1;
    bool reverts : 1;
    bool opaque : 1;
    bool unread : 1;           /* a statement in it is undetermined */
    bool in_flight : 1;        /* it was sent to the server, and its answer is not complete */
    bool discarding : 1;       /* PASS: the bytes of this command are read and dropped */
    bool packet_continues : 1; /* the client's packet is continued by the next one */
    bool answered : 1;         /* some of the answer has been passed on */
    bool failed : 1;           /* an ERR was seen in the answer */
    bool executes : 1;         /* it executes a statement */
    bool anew : 1;             /* it uses a table and calls no routine: see judge_sets_anew */
    bool stale : 1;            /* its statement was prepared while its tables were elsewhere */
    bool may_begin : 1;        /* it may have opened a transaction and fail even so */
    bool redefines : 1;        /* it may create, rename or drop a table of a move */
    bool asks : 1;             /* a dump: the present event must be acknowledged */
    bool opens_cursor : 1;     /* it executes `cursor` and asks for one */
    bool recounts : 1;         /* ... and was passed: the next frame has sequence id 0 */
};

#endif
