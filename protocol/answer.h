/* The tracker: knows, from the bytes the server sends, when its answer to a command is complete. It
 * looks at headers and at the few packets that end something; rows are skipped, never held.
 *
 * The caller feeds the bytes it has and may pass on as many as answer_feed says. Bytes that it does
 * not pass on (an incomplete packet that the tracker must see whole) are fed again later, longer.
 * Such packets are: the first of each result, and OK, ERR and EOF; one that is longer than
 * ANSWER_WHOLE bytes is let through unseen behind its first ANSWER_WHOLE bytes.
 */
#ifndef PROTOCOL_ANSWER_H
#define PROTOCOL_ANSWER_H

#include "protocol/capabilities.h"
#include "protocol/command.h"
#include "protocol/packet.h"

enum { ANSWER_WHOLE = 16384 };

/* Events of one answer_feed call, united. */
enum answer_event {
    ANSWER_COMPLETE = 1, /* the answer is over; what follows in the bytes is not part of it */
    ANSWER_INFILE = 2,   /* the server waits for the client's file: relay the client's packets up to
                            and including an empty one, then feed on */
    ANSWER_OK_SEEN = 4,  /* `status` was told, `session_state` too where there was any */
    ANSWER_ERROR_SEEN = 8, /* `error_code` was told */
    ANSWER_PREPARED = 16,  /* `statement` was told */
    ANSWER_BROKEN = 32,    /* not what the protocol allows here: close both sides */
};

struct answer {
    /* told */
    uint16_t status;           /* of the last OK or EOF */
    uint16_t error_code;       /* of an ERR */
    uint32_t results;          /* OKs and result sets completed so far */
    uint32_t statement;        /* id of ANSWER_PREPARED */
    uint16_t parameters;       /* its number of parameters */
    struct text session_state; /* the session state changes of the last OK, raw; points into the
                                  bytes of this answer_feed call */
    /* the tracker's own */
    uint8_t expected; /* enum command_answer */
    uint8_t phase;
    uint8_t sequence;
    bool binary, continued;
    uint32_t skip; /* bytes of the current packet still to come */
    uint64_t columns;
    capabilities_t capabilities;
};

/* A command with this answer is on its way. `capabilities`: those in force between silogate and the
 * server (and, as nothing is rewritten, the client). */
void answer_start(struct answer *answer, enum command_answer expected, capabilities_t capabilities);

/* Looks at `size` bytes; *passed is how many of them may go on to the client (0 <= *passed <=
 * size). Returns the union of enum answer_event. After ANSWER_COMPLETE, ANSWER_INFILE or
 * ANSWER_BROKEN no further bytes were looked at. */
unsigned answer_feed(struct answer *answer, const uint8_t *bytes, size_t size, size_t *passed);

/* The sequence id of the last packet seen whole or in part. */
static inline uint8_t answer_sequence(const struct answer *answer)
{
    return answer->sequence;
}

/* The next change out of session_state (MySQL: Protocol::OK_Packet, session state information):
 * type 0 system variable, 1 schema, 2 state change, ...; `data` the rest of the entry. False at the
 * end. */
bool session_state_next(struct text *state, uint8_t *type, struct text *data);

#endif
