/* The compressed protocol on a session's leg: a layer between the gates and the stream's kind,
 * plain or TLS, so that gates and states see ordinary packets. */
#ifndef PROXY_COMPRESSED_H
#define PROXY_COMPRESSED_H

#include "base/stream.h"
#include "base/text.h"
#include "protocol/compress.h"

/* From here on the other side uses compression. `early`: bytes that were already read from the
 * stream; they are copied. `is_client`: a client's leg, where the sequence ids of frames are
 * checked; else an upstream's. */
void compressed_begin(struct stream *stream, enum compression kind, int level, bool is_client,
                      struct text early);

/* Sets the sequence id of our next frame. */
void compressed_count(struct stream *stream, uint8_t next);

#endif
