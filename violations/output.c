/* One output. All lines pass through `backlog`: a flush writes it with one call, and after a
 * partial write `out` says how many bytes of the first line are written. A line that was written in
 * part stays in memory as a whole, so that it can be written again from its start if the file is
 * replaced by another one.
 */
#include "violations/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"
#include "violations/shorten.h"

enum { RETRY_MILLISECONDS = 1000, KEPT_BYTES = 1 << 20, HALF_LINE_MS = 200, READER_MS = 200 };

/* If nobody reads the pipe, opening it is an error instead of a wait. */
static int open_path(const char *path)
{
    int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);

    if (file >= 0)
        fcntl(file, F_SETFL, O_APPEND); /* from here on writes block */
    return file;
}

struct output_calls output_calls = {.write = write, .open = open_path};

static int open_system_log(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
    int file = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (file >= 0 && connect(file, (struct sockaddr *)&address, sizeof(address)) != 0) {
        int error = errno;
        close(file);
        errno = error;
        return -1;
    }
    return file;
}

/* The size of the log if it does not end with a newline; 0: it does, or this cannot be known.
 */
static off_t half_line(const struct output *output)
{
    char last = '\n';
    int file = open(output->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status = {.st_size = 0};

    if (file < 0)
        return 0;
    if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0 &&
        status.st_dev == output->device && status.st_ino == output->inode &&
        pread(file, &last, 1, status.st_size - 1) != 1)
        last = '\n';
    close(file);
    return last == '\n' ? 0 : status.st_size;
}

/* A process that was killed may have left half a line at the end of the file. An older generation
 * that is still writing may be in the middle of a line; then its line is completed later. */
static bool ends_in_mid_line(const struct output *output)
{
    const struct timespec moment = {.tv_nsec = HALF_LINE_MS * 1000000L};
    off_t size = half_line(output), before = 0;

    while (size > 0 && size != before) {
        nanosleep(&moment, NULL);
        before = size;
        size = half_line(output);
    }
    return size > 0;
}

/* Is the end of the file not where this process left it? Then another process writes to it too, or
 * it was truncated. */
static bool is_elsewhere(const struct output *output)
{
    struct stat status;

    return output->end > 0 && fstat(output->file, &status) == 0 && S_ISREG(status.st_mode) &&
           status.st_size != output->end;
}

/* Opens the path again; the open file is replaced only if this succeeds. */
static bool open_again(struct output *output)
{
    int file = output->kind == OUTPUT_STDOUT   ? dup(STDOUT_FILENO)
               : output->kind == OUTPUT_SYSLOG ? open_system_log()
                                               : output_calls.open(output->name);
    struct stat status;

    if (file < 0)
        return false;
    memset(&status, 0, sizeof(status));
    if (fstat(file, &status) != 0)
        status.st_ino = 0;
    bool same = output->file >= 0 && status.st_dev == output->device &&
                status.st_ino == output->inode && status.st_ino != 0;
    if (output->file >= 0)
        close(output->file);
    output->file = file;
    output->has_reader = status.st_ino != 0 && !S_ISREG(status.st_mode);
    output->device = status.st_dev;
    output->inode = status.st_ino;
    output->reopen = false;
    if (same)
        return true;
    /* it is another file: a line that was written in part is written again from its start */
    output->out = 0;
    output->end = 0;
    output->fresh = true;
    return true;
}

struct output *output_open(struct text name, struct error *error)
{
    struct output *output = memory_take_zeroed(sizeof(*output) + name.length + 1);

    memcpy(output->name, name.at, name.length);
    output->file = -1;
    output->kind = text_equal(name, TEXT("stdout"))   ? OUTPUT_STDOUT
                   : text_equal(name, TEXT("syslog")) ? OUTPUT_SYSLOG
                                                      : OUTPUT_FILE;
    if (!open_again(output)) {
        error_set(error, "the violation log %s cannot be opened: %s; %s", output->name,
                  strerror(errno),
                  output->kind == OUTPUT_SYSLOG ? "start a syslog daemon or name a path"
                                                : "create its folder or change its rights");
        free(output);
        return NULL;
    }
    return output;
}

void output_close(struct output *output)
{
    if (output->file >= 0)
        close(output->file);
    free(output->backlog);
    free(output);
}

void output_add(struct output *output, struct text run)
{
    if (output->size - output->length < run.length && output->start > 0) {
        memmove(output->backlog, output->backlog + output->start, output->length - output->start);
        output->length -= output->start;
        output->start = 0;
    }
    if (output->size - output->length < run.length) {
        size_t size = output->size ? output->size : 65536;
        while (size - output->length < run.length)
            size *= 2;
        output->backlog = memory_resize(output->backlog, size);
        output->size = size;
    }
    memcpy(output->backlog + output->length, run.at, run.length);
    output->length += run.length;
}

/* `written` more bytes are written: removes the lines that are complete. */
static void forget_written(struct output *output, size_t written)
{
    const char *at = output->backlog + output->start;
    const char *end = at + output->out + written;
    const char *newline;

    for (const char *from = at + output->out;
         (newline = memchr(from, '\n', (size_t)(end - from))) != NULL; from = newline + 1) {
        output->written++;
        at = newline + 1;
    }
    output->start = (size_t)(at - output->backlog);
    output->out = (size_t)(end - at);
    if (output->start < output->length)
        return;
    output->start = output->length = 0;
    if (output->size > KEPT_BYTES) {
        free(output->backlog);
        output->backlog = NULL;
        output->size = 0;
    }
}

/* Can it be written to without waiting for whoever reads it? */
static bool has_room(const struct output *output, int64_t now)
{
    struct pollfd room = {.fd = output->file, .events = POLLOUT};

    return !output->has_reader || poll(&room, 1, now == INT64_MAX ? 0 : READER_MS) != 0;
}

static ssize_t write_file(struct output *output)
{
    const bool elsewhere = output->kind == OUTPUT_FILE && is_elsewhere(output);

    if (elsewhere || (output->fresh && output->out == 0 && output->kind == OUTPUT_FILE)) {
        /* writes the line again from its start, because the rest of it alone would not be a
         * record */
        output->out = 0;
        if (ends_in_mid_line(output)) {
            ssize_t written = output_calls.write(output->file, "\n", 1);
            if (written <= 0)
                return written;
        }
    }
    output->fresh = false;
    const char *from = output->backlog + output->start + output->out;
    const size_t size = output_backlog(output) - output->out;
    ssize_t written =
        output_calls.write(output->file, from, output->has_reader ? text_piece(from, size) : size);
    if (output->kind == OUTPUT_FILE && written > 0)
        output->end = lseek(output->file, 0, SEEK_CUR);
    return written;
}

/* One datagram a line: facility daemon (3), severity notice (5). */
static ssize_t write_system_log(struct output *output)
{
    const char *line = output->backlog + output->start;
    const char *newline = memchr(line, '\n', output_backlog(output));
    size_t length = newline ? (size_t)(newline - line) : output_backlog(output);
    char head[80];
    time_t now = time(NULL);
    struct tm parts;

    localtime_r(&now, &parts);
    size_t head_length = strftime(head, sizeof(head), "<29>%b %e %H:%M:%S", &parts);
    head_length += (size_t)snprintf(head + head_length, sizeof(head) - head_length,
                                    " silogate[%d]: ", (int)getpid());
    char datagram[sizeof(head) + OUTPUT_SYSLOG_MOST];
    size_t shown = length;
    memcpy(datagram, head, head_length);
    if (length > OUTPUT_SYSLOG_MOST) {
        shown =
            shorten_record((struct text){line, length}, datagram + head_length, OUTPUT_SYSLOG_MOST);
        output->shortened++;
    }
    if (length <= OUTPUT_SYSLOG_MOST || shown == 0) {
        /* not a record of silogate's: as many bytes as are allowed */
        shown = shown > 0 ? shown : OUTPUT_SYSLOG_MOST;
        memcpy(datagram + head_length, line, shown);
    }
    ssize_t sent = output_calls.write(output->file, datagram, head_length + shown);
    if (sent < 0 && length > OUTPUT_SYSLOG_MOST)
        output->shortened--; /* a failure that may pass: tried again later */
    if (sent < 0 && errno == EMSGSIZE) {
        output->failures++;
        log_error("a violation record of %zu bytes is too long for syslog and was left out there",
                  shown);
        sent = 0;
    }
    return sent < 0 ? sent : (ssize_t)(length + (newline != NULL));
}

static void note_failure(struct output *output, int error, int64_t now)
{
    output->failures++;
    output->retry = now == INT64_MAX ? 0 : now + RETRY_MILLISECONDS;
    if (output->kind == OUTPUT_SYSLOG)
        output->reopen = true; /* the daemon may have been restarted */
    if (output->failing)
        return;
    output->failing = true;
    log_error("the violation log %s cannot be written: %s; records are kept in memory until it can",
              output->name, strerror(error));
}

static void open_where_due(struct output *output)
{
    if (!output->reopen || open_again(output))
        return;
    output->failures++;
    if (output->failing)
        return;
    output->failing = true;
    log_error("the violation log %s cannot be opened again: %s; tried again each second",
              output->name, strerror(errno));
}

void output_flush(struct output *output, int64_t now)
{
    if (now < output->retry)
        return;
    if (output->reopen) {
        open_where_due(output);
        if (output->reopen)
            output->retry = now == INT64_MAX ? 0 : now + RETRY_MILLISECONDS;
    }
    while (output_backlog(output) > 0 && has_room(output, now)) {
        ssize_t written =
            output->kind == OUTPUT_SYSLOG ? write_system_log(output) : write_file(output);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            note_failure(output, written < 0 ? errno : ENOSPC, now);
            return;
        }
        forget_written(output, (size_t)written);
    }
    if (output->failing && !output->reopen && output_backlog(output) == 0) {
        output->failing = false;
        log_notice("the violation log %s can be written again, and its backlog is written",
                   output->name);
    }
}

void output_adopt(struct output *output, struct output *old)
{
    bool same = output->device == old->device && output->inode == old->inode && old->inode != 0;

    if (output_backlog(old) > 0)
        output_add(output, (struct text){old->backlog + old->start, output_backlog(old)});
    output->out = same ? old->out : 0;
    output->end = same ? old->end : 0;
    output->failing = old->failing;
    output->failures += old->failures;
    output->shortened += old->shortened;
    output->written += old->written;
    output_close(old);
}
