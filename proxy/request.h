/* The command at hand and its answer, or the answer to silogate's own question. A part of the
 * session, and no block of its own: nothing may be allocated on the path of a command.
 *
 * Between two commands (SESSION_BOUNDARY) nothing of it is in force but `command`, `kind`, `failed`
 * and `forwarded_at`, which tell of the last; session_enter asserts that.
 */
#ifndef PROXY_REQUEST_H
#define PROXY_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/answer.h"

struct change;

struct request {
    struct answer answer;
    struct change *change; /* what the command makes of the belief; NULL: nothing */
    double forwarded_at;   /* by the loop's clock; 0: none was yet */
    uint32_t packet_left;  /* bytes of the client's packet that are still to come and may pass */
    uint8_t command;       /* the command byte */
    uint8_t locking;       /* enum ruling_locks */
    uint8_t kind;          /* enum sql_kind of the statement that was passed last */
    uint8_t asking;        /* ASK: which of its texts is under way */
    bool locks_alone : 1;  /* `locking` is by the command's only statement */
    bool in_flight : 1;    /* it was forwarded, its answer is not complete */
    bool discarding : 1;   /* PASS: too large a command is read and forgotten */
    bool packet_continues : 1; /* the client's packet is continued by the next one */
    bool answered : 1;         /* some of the answer has been passed on */
    bool failed : 1;           /* an ERR was seen in the answer */
    bool redefines : 1;        /* it may change what stands where: see proxy/moving.h */
    bool asks : 1;             /* a dump: the event at hand asks to be acknowledged */
    bool recounts : 1;         /* ... and has been passed: the next frame is the first */
};

#endif
