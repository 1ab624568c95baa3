/* Reads an ini file line by line for inih, and does not give it what it would misread: lines that
 * do not fit its buffer, indented lines, bytes that are not text. Handles the section lines
 * itself. */
#include "config/lines.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

enum { FILE_MAX = 64 << 20 };

void lines_init(struct lines *lines, FILE *file, struct config_problems *problems,
                void (*section)(struct reading *reading, struct text form), struct reading *reading)
{
    *lines =
        (struct lines){.file = file, .problems = problems, .section = section, .reading = reading};
}

void lines_go_on(struct lines *lines, FILE *file)
{
    lines->file = file;
    lines->before = ++lines->line;
}

void lines_problem(struct lines *lines, const char *format, ...)
{
    char text[sizeof(((struct config_problem *)NULL)->text)];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    config_problem_add(lines->problems, lines->line, false, "%s", text);
}

/* Valid UTF-8 (RFC 3629) without control characters except the tab. */
static bool is_text(struct text t)
{
    for (size_t i = 0; i < t.length;) {
        unsigned char first = (unsigned char)t.at[i];
        size_t more = first < 0x80 ? 0 : first < 0xc2 ? 4 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
        unsigned char second = i + 1 < t.length ? (unsigned char)t.at[i + 1] : 0;
        if ((first < ' ' && first != '\t') || first == 0x7f || first > 0xf4 || more == 4 ||
            more >= t.length - i)
            return false;
        if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
            (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
            return false;
        for (size_t j = 1; j <= more; j++) {
            if (((unsigned char)t.at[i + j] & 0xc0) != 0x80)
                return false;
        }
        i += more + 1;
    }
    return true;
}

/* The next line without its end, cut to `room`; false at the end of the file. */
static bool read_line(struct lines *lines, char *to, size_t room, size_t *length)
{
    int c = getc_unlocked(lines->file);

    if (c == EOF)
        return false;
    lines->line++;
    for (*length = 0; c != EOF && c != '\n'; c = getc_unlocked(lines->file)) {
        if (*length < room)
            to[*length] = (char)c;
        *length += 1;
        if (++lines->bytes > FILE_MAX)
            return true;
    }
    return true;
}

/* A line that begins with '['. False: inih must not get it. */
static bool take_section(struct lines *lines, struct text line)
{
    const char *end = memchr(line.at, ']', line.length);

    if (!end) {
        lines_problem(lines, "a section without ]; write [section]");
        return false;
    }
    struct text rest = {end + 1, line.length - (size_t)(end + 1 - line.at)};
    bool comment = rest.length > 1 && (rest.at[0] == ' ' || rest.at[0] == '\t') &&
                   text_trim(rest).length > 0 && text_trim(rest).at[0] == ';';
    if (rest.length > 0 && !comment)
        lines_problem(lines, "something stands behind ]; write [section] alone on its line");
    lines->section(lines->reading,
                   text_trim((struct text){line.at + 1, (size_t)(end - line.at) - 1}));
    return true;
}

/* Checks a line. False: inih must not get it. */
static bool take_line(struct lines *lines, struct text whole)
{
    struct text line = text_trim(whole);

    if (line.length == 0 || line.at[0] == ';' || line.at[0] == '#')
        return false;
    if (!is_text(line)) {
        lines_problem(lines, "bytes that are no text in UTF-8; save the file as UTF-8");
        return false;
    }
    if (line.at != whole.at) {
        lines_problem(lines,
                      "the line begins with white space, which would add it to the value above; "
                      "begin it at the margin, with a key of its own");
        return false;
    }
    if (line.at[0] == '[')
        return take_section(lines, line);
    lines->pending = true;
    return true;
}

char *lines_next(char *to, int size, void *stream)
{
    struct lines *lines = stream;
    /* inih 58 and later take a line that fills the whole buffer for one that is continued. */
    size_t room = (size_t)size - 2, length, start = 0;

    lines_end(lines);
    if (lines->bytes > FILE_MAX || !read_line(lines, to, room, &length))
        return NULL;
    if (lines->bytes > FILE_MAX) {
        lines_problem(lines, "with this file there are more than %d MB; name ini files",
                      FILE_MAX >> 20);
        return NULL;
    }
    if (length > room) {
        lines_problem(lines,
                      "the line has %zu bytes, and at most %zu can be read; make it shorter, and "
                      "put a comment on a line of its own",
                      length, room);
        length = 0;
    }
    if (length >= 3 && memcmp(to, "\xef\xbb\xbf", 3) == 0)
        start = 3;
    if (start > 0 && lines->line != lines->before + 1)
        lines_problem(lines, "the line begins with the bytes EF BB BF (a byte order mark, which "
                             "editors do not show); take them out");
    memmove(to, to + start, length - start);
    length -= start;
    if (!take_line(lines, (struct text){to, length}))
        length = 0;
    to[length] = 0;
    return to;
}

void lines_end(struct lines *lines)
{
    if (lines->pending)
        lines_problem(lines, "neither [section] nor key = value; write key = value, or ; in front");
    lines->pending = false;
    if (ferror(lines->file)) {
        config_problem_add(lines->problems, lines->before, false,
                           "cannot be read: %s; name a file that can be read", strerror(errno));
        clearerr(lines->file);
    }
}
