/* The tracker: tells from the bytes that the server sends when its answer to a command is complete.
 * It reads packet headers and the few packets that end a result; it skips rows and buffers nothing.
 *
 * The caller feeds the bytes that it has, and may pass on as many as answer_feed says. It feeds the
 * other bytes again later, with more bytes after them: a part of a header, or an incomplete packet
 * that the tracker must see whole. Such packets are the first one of each result, OK, ERR and EOF.
 * If one is longer than ANSWER_WHOLE bytes, header included, its first ANSWER_WHOLE bytes are
 * enough.
 *
 * A call stops after a packet that gave an event, so that the next packet does not overwrite the
 * fields that were set for it: feed the rest at once.
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

enum { ANSWER_WHOLE = 16384, ANSWER_ROW = 12 };

/* Events of one answer_feed call, a union; 0: more bytes are needed. */
enum answer_event {
    ANSWER_COMPLETE = 1,   /* the answer is over; the bytes after *passed are not part of it */
    ANSWER_INFILE = 2,     /* the server waits for the client's file: relay the client's packets up
                              to and including an empty one, then feed on */
    ANSWER_OK_SEEN = 4,    /* an OK, or the end of rows: `status` and `session_state` are set */
    ANSWER_ERROR_SEEN = 8, /* `error_code` is set */
    ANSWER_PREPARED = 16,  /* `statement` and `parameters` are set */
    ANSWER_BROKEN = 32,    /* the protocol does not allow these bytes here: close both sides */
};

/* What the next packet is expected to be. */
enum answer_phase {
    PHASE_FIRST,          /* a result's first packet */
    PHASE_FILE,           /* the OK after the client's file */
    PHASE_COLUMNS,        /* one of `definitions` */
    PHASE_BEHIND_COLUMNS, /* the EOF after the definitions, a row, or the end of the rows */
    PHASE_ROWS,           /* a row or their end */
    PHASE_PREPARE,        /* COM_STMT_PREPARE_OK */
    PHASE_PREPARED,       /* one of `definitions`, or an EOF, which is counted among them */
    PHASE_FIELDS,         /* a definition or their end */
    PHASE_STRING,         /* the one packet */
    PHASE_OK,             /* the one packet */
    PHASE_CLOSING,        /* anything, until the connection closes */
    PHASE_END,            /* no packet: the answer is over once the last packet has passed */
};

struct answer {
    /* results, for the caller */
    uint16_t status;              /* of the last OK, or EOF at the end of rows */
    uint16_t error_code;          /* of an ERR */
    uint32_t results;             /* OKs and result sets completed so far */
    uint32_t statement;           /* statement id of ANSWER_PREPARED */
    uint16_t parameters, columns; /* how many it has */
    bool warned;                  /* there were warnings so far */
    struct text session_state; /* session state changes of the last OK, not decoded; points into the
                                  bytes of this answer_feed call */
    bool is_unproven; /* the EOF was taken for the end of the answer, because a cursor was asked
                         for; but it may be an EOF before rows */
    bool session_state_cut; /* `session_state` is not complete (longer than ANSWER_WHOLE, or
                               malformed): there may be other changes */
    /* set by the caller after answer_start: `row` gets the first bytes of the last row */
    bool keeps_row;
    uint8_t row_length; /* 0: there was no row */
    uint8_t row[ANSWER_ROW];
    /* private to the tracker */
    enum command_answer expected;
    enum answer_phase phase;
    uint8_t sequence;
    bool more_follow; /* more results follow: the EOF before the rows says so, the one after them
                         may not */
    bool packet_continues; /* the current packet has 0xffffff bytes: the next one continues it */
    uint32_t skip;         /* bytes of the current packet still to come */
    uint32_t definitions;  /* column definitions still to come */
    capabilities_t capabilities;
};

/* Call it when a command with this answer is sent. `capabilities`: those in force between silogate
 * and the server; the client has the same ones. ANSWER_NONE is complete at the first feed.
 * ANSWER_CLOSE passes everything and is never complete. ANSWER_LOGIN is not allowed: proxy/ follows
 * it. */
void answer_start(struct answer *answer, enum command_answer expected, capabilities_t capabilities);

/* Reads `size` bytes; *passed is how many of them may be sent to the client (0 <= *passed <= size).
 * Returns a union of enum answer_event. Feed the bytes after *passed again. */
unsigned answer_feed(struct answer *answer, const uint8_t *bytes, size_t size, size_t *passed);

/* The sequence id of the last packet whose header has passed. */
static inline uint8_t answer_sequence(const struct answer *answer)
{
    return answer->sequence;
}

/* Takes the next change off session_state (MySQL: Protocol::OK_Packet, session state information):
 * type 0 system variable, 1 schema, 2 state change, ...; `data` is the entry's content (for a
 * variable: name and value, each length-encoded). False at the end, or if it is malformed. */
bool session_state_next(struct text *state, uint8_t *type, struct text *data);

#endif
