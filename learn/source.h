/* A file line by line, plain or compressed with gzip, in constant memory. Used by the readers of
 * learn/. The files belong to the operator, so a problem with them is an error, never an assertion.
 */
#ifndef LEARN_SOURCE_H
#define LEARN_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#include "base/error.h"
#include "base/text.h"

enum { SOURCE_LINE_MOST = 64 << 20 }; /* bytes of a line that are kept; the rest is dropped */

struct source {
    const char *path; /* as it is shown in messages */
    uint64_t number;  /* number of the line that was returned last, from 1 */
    uint64_t bytes;   /* uncompressed bytes read so far */
    bool cut;         /* the line that was returned last was longer than SOURCE_LINE_MOST */
    /* private */
    gzFile file;
    int64_t size;
    int percent; /* the percentage that was shown last; -1: none */
    bool progress;
    char *at;
    size_t start, end, room;
};

/* "-" is standard input. `progress`: shows a progress bar on standard error. False with `error`. */
bool source_open(struct source *lines, const char *path, bool progress, struct error *error);
/* The next line, without its newline, a CR before it and the file's byte order mark; valid until
 * the next call. False at the end, and if the file cannot be read any further. */
bool source_line(struct source *lines, struct text *line);
/* False with `error` if the file could not be read to its end. */
bool source_close(struct source *lines, struct error *error);

#endif
