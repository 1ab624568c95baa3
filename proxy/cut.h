/* Finds one whole command in the client's gate. */
#ifndef PROXY_CUT_H
#define PROXY_CUT_H

#include "proxy/session.h"

struct command_row;

/* One command in the client's gate: its packets with their headers, and its payload in one piece.
 */
struct command {
    const struct command_row *row;
    size_t size;               /* of all its packets in the gate */
    uint8_t last;              /* sequence id of the last packet */
    struct text payload;       /* the command byte included */
    uint8_t *copy;             /* the payload, where it came in several packets */
    struct prepared *prepared; /* that it names; NULL: none */
};

/* How many bytes of the command at the front of the gate are read before it is judged: its command
 * byte, and for a statement its id and the flags of an execution. */
size_t command_start(const struct gate *gate);

/* The sequence id of the answer to the command at the front of the gate, of which a part or nothing
 * may have come: 1, or one more for each packet of 16 MB before its last one. `whole`: has all of
 * it come? */
uint8_t command_answer_id(const struct gate *gate, bool *whole);

enum cut { CUT_WHOLE, CUT_MORE, CUT_LARGE, CUT_BAD };

/* Finds all packets of the command at the front of the client's gate. CUT_MORE: more bytes are
 * needed, and there is room for them now. CUT_WHOLE: all fields except `row` are set; the caller
 * must free `copy`. */
enum cut command_cut(struct session *session, struct command *command);

#endif
