/* The compressed protocol on a session's leg: a layer between the gates and the stream's kind,
 * plain or TLS, so that gates and states see ordinary packets. */
#ifndef PROXY_COMPRESSED_H
#define PROXY_COMPRESSED_H

#include "base/stream.h"
#include "base/text.h"
#include "protocol/compress.h"

/* From here on the other side speaks it. `early`: what was read off the stream already; it is
 * copied. `is_client`: the leg is a client's, whose frames' sequence ids are checked; else it is an
 * upstream's. */
void compressed_begin(struct stream *stream, enum compression kind, int level, bool is_client,
                      struct text early);

/* The next frame of ours has this sequence id. */
void compressed_count(struct stream *stream, uint8_t next);

#endif
