/* The answer to a query of silogate's own, such as SELECT DATABASE(), @@sql_mode: one row of text.
 */
#ifndef PROTOCOL_ROW_H
#define PROTOCOL_ROW_H

#include "protocol/capabilities.h"
#include "protocol/packet.h"

enum row_outcome {
    ROW_DONE,  /* the answer is whole */
    ROW_MORE,  /* feed it again with more bytes behind it */
    ROW_ERROR, /* it is an ERR: `error_code` */
    ROW_BAD,   /* not what the protocol allows, or a row of 16 MB */
};

struct row {
    size_t columns;      /* of the first row; 0 where there is no row */
    uint16_t status;     /* of the end */
    uint16_t error_code; /* of ROW_ERROR */
    size_t size;         /* of the answer: what follows is not part of it */
};

/* Reads the answer to a COM_QUERY from its first byte on, with the connection's capabilities. The
 * first row's values go into values[0] to values[count - 1]; one that is NULL, or that the row does
 * not have, is none (`at` is NULL). They point into `bytes`. Of several results the first that has
 * a row counts. */
enum row_outcome row_read(const uint8_t *bytes, size_t size, capabilities_t capabilities,
                          struct text *values, size_t count, struct row *row);

#endif
