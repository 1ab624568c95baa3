/* The tracker: knows, from the bytes the server sends, when its answer to a command is complete. It
 * looks at headers and at the few packets that end something; rows are skipped, never held.
 *
 * The caller feeds the bytes it has and may pass on as many as answer_feed says. Bytes that it does
 * not pass on (a header, or an incomplete packet that the tracker must see whole) are fed again
 * later, longer. Such packets are: the first of each result, and OK, ERR and EOF; of one that is
 * longer than ANSWER_WHOLE bytes, header included, the first ANSWER_WHOLE bytes are enough.
 *
 * A call stops behind the packet that gave an event, so that what was told of it is not overwritten
 * by the next: feed the rest at once.
 *     do {
 *         events = answer_feed(&answer, bytes, size, &passed);
 *         ...
 *         bytes += passed, size -= passed;
 *     } while (events && !(events & (ANSWER_COMPLETE | ANSWER_INFILE | ANSWER_BROKEN)));
 */
#ifndef PROTOCOL_ANSWER_H
#define PROTOCOL_ANSWER_H

#include "protocol/capabilities.h"
#include "protocol/command.h"
#include "protocol/packet.h"

enum { ANSWER_WHOLE = 16384 };

/* Events of one answer_feed call, united; 0: more bytes are needed. */
enum answer_event {
    ANSWER_COMPLETE = 1,   /* the answer is over; what follows in the bytes is not part of it */
    ANSWER_INFILE = 2,     /* the server waits for the client's file: relay the client's packets up
                              to and including an empty one, then feed on */
    ANSWER_OK_SEEN = 4,    /* an OK, or the end of rows: `status` was told, and `session_state` */
    ANSWER_ERROR_SEEN = 8, /* `error_code` was told */
    ANSWER_PREPARED = 16,  /* `statement` and `parameters` were told */
    ANSWER_BROKEN = 32,    /* not what the protocol allows here: close both sides */
};

/* What the next packet is expected to be. */
enum answer_phase {
    PHASE_FIRST,          /* a result's first packet */
    PHASE_FILE,           /* the OK behind the client's file */
    PHASE_COLUMNS,        /* one of `definitions` */
    PHASE_BEHIND_COLUMNS, /* the EOF behind them, a row, or the end of the rows */
    PHASE_ROWS,           /* a row or their end */
    PHASE_PREPARE,        /* COM_STMT_PREPARE_OK */
    PHASE_PREPARED,       /* one of `definitions`, an EOF behind some of them included */
    PHASE_FIELDS,         /* a definition or their end */
    PHASE_STRING,         /* the one packet */
    PHASE_OK,             /* the one packet */
    PHASE_CLOSING,        /* anything, until the connection closes */
    PHASE_END,            /* nothing, once the packet before has passed */
};

struct answer {
    /* told */
    uint16_t status;           /* of the last OK, or EOF at the end of rows */
    uint16_t error_code;       /* of an ERR */
    uint32_t results;          /* OKs and result sets completed so far */
    uint32_t statement;        /* id of ANSWER_PREPARED */
    uint16_t parameters;       /* its number of parameters */
    struct text session_state; /* the session state changes of the last OK, raw; points into the
                                  bytes of this answer_feed call */
    bool is_unproven;       /* complete, but another reading of it would not be: where a cursor was
                               asked for, and no CLIENT_DEPRECATE_EOF tells an end from an EOF
                               before rows */
    bool session_state_cut; /* there were more than ANSWER_WHOLE had room for: unknown changes */
    /* the tracker's own */
    enum command_answer expected;
    enum answer_phase phase;
    uint8_t sequence;
    bool more_follow;      /* what the end of the rows will not say: the EOF before them has */
    bool packet_continues; /* the current packet goes on behind its 0xffffff bytes */
    uint32_t skip;         /* bytes of the current packet still to come */
    uint32_t definitions;  /* column definitions still to come */
    capabilities_t capabilities;
};

/* A command with this answer is on its way. `capabilities`: those in force between silogate and the
 * server (and, as nothing is rewritten, the client). ANSWER_NONE is complete at the first feed;
 * ANSWER_CLOSE passes everything and never is; ANSWER_LOGIN is not the tracker's. */
void answer_start(struct answer *answer, enum command_answer expected, capabilities_t capabilities);

/* Looks at `size` bytes; *passed is how many of them may go on to the client (0 <= *passed <=
 * size). Returns the union of enum answer_event. Bytes behind *passed were not looked at. */
unsigned answer_feed(struct answer *answer, const uint8_t *bytes, size_t size, size_t *passed);

/* The sequence id of the last packet seen whole or in part. */
static inline uint8_t answer_sequence(const struct answer *answer)
{
    return answer->sequence;
}

/* The next change out of session_state (MySQL: Protocol::OK_Packet, session state information):
 * type 0 system variable, 1 schema, 2 state change, ...; `data` the entry's content (for a variable
 * name and value, each length-encoded). False at the end. */
bool session_state_next(struct text *state, uint8_t *type, struct text *data);

#endif
