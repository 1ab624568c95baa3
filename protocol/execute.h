/* The head of COM_STMT_EXECUTE and COM_STMT_BULK_EXECUTE: where the types of the parameters are, or
 * where they would be (MySQL: "COM_STMT_EXECUTE"; MariaDB: "COM_STMT_BULK_EXECUTE"). A client sends
 * the types at the first execution and may leave them out later. If silogate prepares the statement
 * anew, the server needs them again.
 */
#ifndef PROTOCOL_EXECUTE_H
#define PROTOCOL_EXECUTE_H

#include "protocol/capabilities.h"
#include "protocol/packet.h"

struct execute {
    bool has_types;
    bool named;      /* each type is followed by a length-encoded name: query attributes */
    size_t flag_at;  /* offset of the byte that says whether there are types */
    uint8_t flag;    /* the bit in this byte */
    size_t types_at; /* offset of the types, or where they would be */
    uint32_t count;  /* of parameters, attributes included */
};

/* `start`: the part of the payload that has arrived, command byte included; `length`: of the whole
 * payload; `parameters`: the statement's number of them, at least one. PARSE_MORE: more of the
 * payload is needed. PARSE_BAD: it is malformed, and the server may read it in another way. */
enum parse execute_read(struct text start, size_t length, uint32_t parameters,
                        capabilities_t capabilities, struct execute *execute);

/* How many bytes of the payload are enough to read its head and its types, if the names are empty.
 */
size_t execute_head(uint32_t parameters);

/* Copies the types of the first `parameters`, 2 bytes each. PARSE_MORE and PARSE_BAD as above. */
enum parse execute_types(struct text start, size_t length, const struct execute *execute,
                         uint32_t parameters, uint8_t *types);

/* Writes the bytes that are to be inserted at `types_at`, at most EXECUTE_TYPE per parameter;
 * returns their number. */
enum { EXECUTE_TYPE = 3 };
size_t execute_write_types(const struct execute *execute, uint32_t parameters, const uint8_t *types,
                           uint8_t *to);

#endif
