/* Reads files through zlib, which also reads uncompressed files. The buffer grows with the longest
 * line up to a limit; the rest of a longer line is read and dropped.
 */
#include "learn/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"

enum { CHUNK = 1 << 18 };

static void show_progress(struct source *lines)
{
    static const char bar[] = "##############################";
    int percent = lines->size > 0 ? (int)(gzoffset(lines->file) * 100 / lines->size) : -1;

    if (!lines->progress || percent < 0 || percent == lines->percent)
        return;
    percent = percent > 100 ? 100 : percent;
    lines->percent = percent;
    fprintf(stderr, "\r\033[K%3d %% [%-30.*s] %s", percent, percent * 30 / 100, bar, lines->path);
}

/* Reads more bytes after those in the buffer; false at the end. */
static bool read_chunk(struct source *lines)
{
    if (lines->room - lines->end < CHUNK) {
        lines->room *= 2;
        lines->at = memory_resize(lines->at, lines->room);
    }
    int got = gzread(lines->file, lines->at + lines->end, CHUNK);
    if (got <= 0)
        return false;
    lines->end += (size_t)got;
    lines->bytes += (uint64_t)got;
    show_progress(lines);
    return true;
}

/* A file that only another program can read would come out as lines not understood. */
static bool check_start(const struct source *lines, struct error *error)
{
    const char *packer = text_packer((struct text){lines->at, lines->end});

    return !packer ||
           error_set(error, "%s:1: is packed; unpack it with %s, and write - for its output",
                     lines->path, packer);
}

bool source_open(struct source *lines, const char *path, bool progress, struct error *error)
{
    struct stat status;

    *lines = (struct source){.path = path, .percent = -1, .progress = progress};
    if (strcmp(path, "-") == 0) {
        lines->path = "standard input";
        lines->file = gzdopen(dup(STDIN_FILENO), "rb");
    } else {
        if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
            return error_set(error, "%s:1: is a folder; name the files in it", path);
        if (stat(path, &status) == 0 && S_ISREG(status.st_mode))
            lines->size = status.st_size;
        lines->file = gzopen(path, "rb");
    }
    if (!lines->file)
        return error_set(error, "%s:1: cannot be read: %s; name a file or - for standard input",
                         path, strerror(errno));
    gzbuffer(lines->file, CHUNK);
    lines->room = (size_t)2 * CHUNK;
    lines->at = memory_take(lines->room);
    read_chunk(lines);
    if (check_start(lines, error))
        return true;
    free(lines->at);
    gzclose(lines->file);
    return false;
}

static void move_to_front(struct source *lines)
{
    memmove(lines->at, lines->at + lines->start, lines->end - lines->start);
    lines->end -= lines->start;
    lines->start = 0;
}

/* The line at the front is longer than the limit: drops its rest. */
static void drop_rest(struct source *lines)
{
    char *newline;

    do {
        newline = memchr(lines->at + SOURCE_LINE_MOST, '\n', lines->end - SOURCE_LINE_MOST);
        if (newline) {
            size_t left = lines->end - (size_t)(newline + 1 - lines->at);
            memmove(lines->at + SOURCE_LINE_MOST, newline + 1, left);
            lines->end = SOURCE_LINE_MOST + left;
            break;
        }
        lines->end = SOURCE_LINE_MOST;
    } while (read_chunk(lines));
    lines->start = SOURCE_LINE_MOST;
}

/* A file that was edited on Windows may have a byte order mark, and a CR at the end of each line,
 * which inside a statement becomes a blank. */
static void fit_line(struct text *line, bool is_first)
{
    if (is_first && line->length >= 3 && memcmp(line->at, "\xef\xbb\xbf", 3) == 0)
        *line = (struct text){line->at + 3, line->length - 3};
    line->length -= line->length > 0 && line->at[line->length - 1] == '\r';
}

bool source_line(struct source *lines, struct text *line)
{
    size_t looked = 0;
    char *newline = NULL;

    for (;;) {
        char *from = lines->at + lines->start + looked;
        newline = memchr(from, '\n', lines->end - lines->start - looked);
        looked = lines->end - lines->start;
        if (newline || looked > SOURCE_LINE_MOST)
            break;
        move_to_front(lines);
        if (!read_chunk(lines))
            break;
    }
    if (!newline && looked == 0)
        return false;
    lines->number++;
    size_t length = newline ? (size_t)(newline - lines->at) - lines->start : looked;
    lines->cut = length > SOURCE_LINE_MOST;
    if (lines->cut) {
        move_to_front(lines);
        drop_rest(lines);
        *line = (struct text){lines->at, SOURCE_LINE_MOST};
        return true;
    }
    *line = (struct text){lines->at + lines->start, length};
    lines->start += length + (newline ? 1 : 0);
    fit_line(line, lines->number == 1);
    return true;
}

bool source_close(struct source *lines, struct error *error)
{
    int code = Z_OK;
    const char *message = gzerror(lines->file, &code);

    if (lines->percent >= 0)
        fputs("\r\033[K", stderr);
    if (code == Z_BUF_ERROR)
        message = "the compressed file ends too soon";
    else if (code == Z_ERRNO)
        message = strerror(errno);
    bool good = code == Z_OK || code == Z_STREAM_END;
    if (!good)
        error_set(error, "%s:%llu: %s; what came before it was read", lines->path,
                  (unsigned long long)lines->number, message);
    free(lines->at);
    gzclose(lines->file);
    return good;
}
