/* The first row of a small text result set: how silogate reads the answers to its own questions
 * (MySQL Internals, "Text Resultset").
 */
#ifndef PROTOCOL_ROW_H
#define PROTOCOL_ROW_H

#include "protocol/capabilities.h"
#include "protocol/packet.h"

enum row {
    ROW_DONE, /* the values are there */
    ROW_MORE, /* the answer is not complete yet */
    ROW_NONE, /* it is complete, but an error or without such a row */
    ROW_BAD,
};

/* `bytes`: the server's answer so far, from its first packet on. With ROW_DONE the first `count`
 * values point into it (`at` NULL for NULL). With ROW_DONE and ROW_NONE *size is the whole answer's
 * size. */
enum row row_read(struct text bytes, capabilities_t capabilities, struct text *values, size_t count,
                  size_t *size);

#endif
