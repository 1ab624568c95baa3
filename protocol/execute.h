/* The head of COM_STMT_EXECUTE and COM_STMT_BULK_EXECUTE: where the types of the parameters stand,
 * or would stand (MySQL: "COM_STMT_EXECUTE"; MariaDB: "COM_STMT_BULK_EXECUTE"). A client sends them
 * once and leaves them out from then on; a statement that was prepared anew needs them again.
 */
#ifndef PROTOCOL_EXECUTE_H
#define PROTOCOL_EXECUTE_H

#include "protocol/capabilities.h"
#include "protocol/packet.h"

struct execute {
    bool has_types;
    bool named;     /* a length-encoded name stands behind each type: query attributes */
    size_t flag_at; /* the byte that says whether there are types */
    uint8_t flag;   /* its bit */
    size_t
        types_at; /* from the start of the payload; where they would stand if they are not there */
    uint32_t count; /* of parameters, attributes among them */
};

/* `start`: the payload, as much of it as is here, with its command byte; `length` of it whole;
 * `parameters` of the statement, at least one. PARSE_MORE: more of the payload is needed.
 * PARSE_BAD: not to be read; the server may see it otherwise. */
enum parse execute_read(struct text start, size_t length, uint32_t parameters,
                        capabilities_t capabilities, struct execute *execute);

/* Bytes of the payload that are enough to read it and its types without names. */
size_t execute_head(uint32_t parameters);

/* Copies the types of the first `parameters`, 2 bytes each. PARSE_MORE, PARSE_BAD as above. */
enum parse execute_types(struct text start, size_t length, const struct execute *execute,
                         uint32_t parameters, uint8_t *types);

/* The bytes that are to be put in at `types_at`: EXECUTE_TYPE for each at most. Their number. */
enum { EXECUTE_TYPE = 3 };
size_t execute_write_types(const struct execute *execute, uint32_t parameters, const uint8_t *types,
                           uint8_t *to);

#endif
