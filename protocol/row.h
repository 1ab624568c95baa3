/* Reads the answer to silogate's own queries, such as SELECT DATABASE(), @@sql_mode: one row of
 * text (MySQL Internals, "Text Resultset").
 */
#ifndef PROTOCOL_ROW_H
#define PROTOCOL_ROW_H

#include "protocol/capabilities.h"
#include "protocol/packet.h"

enum row {
    ROW_DONE, /* the values are there */
    ROW_MORE, /* the answer is not complete yet */
    ROW_NONE, /* it is complete, but an error, or has no row of `count` values */
    ROW_BAD,  /* the protocol does not allow it, or a row of 16 MB */
};

/* `bytes`: the server's answer to a COM_QUERY so far, from its first packet on. With ROW_DONE
 * values[0] to values[count - 1] are those of the first row and point into `bytes` (`at` NULL for
 * NULL); further columns are ignored. With ROW_DONE and ROW_NONE *size is the size of the whole
 * answer. */
enum row row_read(struct text bytes, capabilities_t capabilities, struct text *values, size_t count,
                  size_t *size);

#endif
