/* Shortens records as text. Inside a JSON string each quote has a backslash before it, so
 * `,"owners":[` can only be found where the field begins.
 */
#include "violations/shorten.h"

#include <string.h>

struct piece {
    const char *start, *end;
};

/* The text between `before` and the next `after`. */
static bool find(struct text line, const char *before, const char *after, struct piece *piece)
{
    const char *end = line.at + line.length;
    const char *start = memmem(line.at, line.length, before, strlen(before));

    if (!start)
        return false;
    piece->start = start + strlen(before);
    piece->end = memmem(piece->start, (size_t)(end - piece->start), after, strlen(after));
    return piece->end != NULL;
}

static bool put(char *to, size_t most, size_t *length, const char *from, size_t count)
{
    if (count > most - *length)
        return false;
    memcpy(to + *length, from, count);
    *length += count;
    return true;
}

/* At most `most` bytes; never ends inside an escape or a character. */
static size_t cut(struct piece piece, size_t most)
{
    size_t length = (size_t)(piece.end - piece.start);

    if (length <= most)
        return length;
    for (length = most; length > 0; length--) {
        size_t back = length < 6 ? length : 6;
        if (!memchr(piece.start + length - back, '\\', back) &&
            ((unsigned char)piece.start[length] & 0xc0) != 0x80)
            break;
    }
    return length;
}

size_t shorten_record(struct text line, char *to, size_t most)
{
    static const char tail[] = ",\"shortened\":true}";
    struct piece objects, statement = {NULL, NULL};
    size_t length = 0;

    if (line.length < 2 || line.at[line.length - 1] != '}' ||
        !find(line, ",\"objects\":[", "],\"owners\":[", &objects))
        return 0;
    if (!find(line, ",\"statement\":\"", "\",\"app\":", &statement))
        statement.start = statement.end = line.at + line.length - 1;
    size_t spare = line.length + sizeof(tail) - 2;
    size_t shown = (size_t)(statement.end - statement.start);
    size_t rest = spare - shown, listed = (size_t)(objects.end - objects.start);
    bool lists = rest + 64 <= most; /* keeps at least a few bytes of the statement */
    if (!lists)
        rest -= listed;
    if (rest > most)
        return 0;
    bool good = put(to, most, &length, line.at, (size_t)(objects.start - line.at));
    good = good && (!lists || put(to, most, &length, objects.start, listed));
    good = good && put(to, most, &length, objects.end, (size_t)(statement.start - objects.end));
    good = good && put(to, most, &length, statement.start, cut(statement, most - rest));
    good = good && put(to, most, &length, statement.end,
                       (size_t)(line.at + line.length - 1 - statement.end));
    good = good && put(to, most, &length, tail, sizeof(tail) - 1);
    return good ? length : 0;
}
