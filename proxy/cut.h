/* One whole command out of the client's gate: its packets in a row, its payload in one piece. */
#ifndef PROXY_CUT_H
#define PROXY_CUT_H

#include "proxy/session.h"

struct command_row;

/* One command in the client's gate: its packets with their headers, and its payload in one piece.
 */
struct command {
    const struct command_row *row;
    size_t size;               /* of all its packets that are here */
    uint8_t last;              /* sequence id of the last packet */
    struct text payload;       /* the command byte included */
    uint8_t *copy;             /* the payload, where it came in several packets */
    struct prepared *prepared; /* that it names; NULL: none */
};

/* How many bytes of the command at the front of the gate are looked at before it is judged: its
 * byte, and for a statement its id and the flags of an execution. */
size_t command_start(const struct gate *gate);

enum cut { CUT_WHOLE, CUT_MORE, CUT_LARGE, CUT_BAD };

/* Finds all packets of the command at the front of the client's gate; where more must come
 * (CUT_MORE), makes room for it. CUT_WHOLE fills all but `row`; `copy` is then the caller's to
 * free. */
enum cut command_cut(struct session *session, struct command *command);

#endif
