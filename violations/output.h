/* One destination of lines: a file, standard output or the system's log. Lines that cannot be
 * written now are the backlog: they are kept in memory and written later, each line once and
 * complete. Used only by the writer's thread, except output_open.
 */
#ifndef VIOLATIONS_OUTPUT_H
#define VIOLATIONS_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/text.h"

enum output_kind { OUTPUT_FILE, OUTPUT_STDOUT, OUTPUT_SYSLOG };

enum {
    OUTPUT_BACKLOG_MOST = 64 << 20,
    OUTPUT_SYSLOG_MOST =
        8000, /* bytes of a record there: what rsyslog and journald take as they are */
};

struct output {
    struct output *next;
    enum output_kind kind;
    int file; /* -1: not open */
    dev_t device;
    ino_t inode;
    bool has_reader;    /* it is no file on a disk: a pipe, a terminal, a socket */
    bool leaving;       /* removed by a reload: closed when its backlog is written */
    bool fresh;         /* nothing was written since it was opened */
    bool reopen;        /* the path is to be opened again */
    bool failing;       /* the last write failed; this is logged only once */
    int64_t retry;      /* milliseconds of the monotonic clock: when to try again */
    uint64_t failures;  /* writes that failed, and lines the system's log refuses for their size */
    uint64_t shortened; /* lines that were shortened for the system's log */
    uint64_t written;   /* lines that were written */
    char *backlog;      /* whole lines, from `start` to `length` */
    size_t start, length, size;
    size_t out;  /* bytes of the first line of the backlog that have been written already */
    off_t end;   /* where the last write ended; 0: none yet */
    char name[]; /* as in proxy.ini */
};

/* "stdout", "syslog", or a path, which is created with mode 0640. NULL with `error` filled. */
struct output *output_open(struct text name, struct error *error);
/* The backlog is discarded. */
void output_close(struct output *output);

/* Adds bytes; output_flush writes them. Between two flushes whole lines must have been added. */
void output_add(struct output *output, struct text run);
/* Writes as much of the backlog as possible; does not wait for long where nobody reads. After a
 * failure it tries again when a second has passed, or at once if `now` is INT64_MAX. Opens the path
 * again first if this was asked for. */
void output_flush(struct output *output, int64_t now);
/* `old` has the same name: takes over its backlog, and closes it. */
void output_adopt(struct output *output, struct output *old);

static inline size_t output_backlog(const struct output *output)
{
    return output->length - output->start;
}

/* The system calls; tests replace them to simulate failures. */
struct output_calls {
    ssize_t (*write)(int file, const void *from, size_t size);
    int (*open)(const char *path);
};
extern struct output_calls output_calls;

#endif
