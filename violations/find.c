/* Finds a record in the violation logs by its id, for `silogate ctl show`. Reads each file from its
 * end, and no further back than a limit.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "violations/violations.h"

enum { LOOKED_THROUGH = 64 << 20, BLOCK = 1 << 20, RECORD_MAX = 1 << 18 };

/* The whole line around `at`, as a copy; NULL if the line is not complete here. `first`: the bytes
 * are the first of the file. */
static char *line_around(const char *bytes, size_t length, const char *at, bool first)
{
    const char *start = memrchr(bytes, '\n', (size_t)(at - bytes));
    const char *end = memchr(at, '\n', length - (size_t)(at - bytes));

    if (!end || (!start && !first))
        return NULL;
    start = start ? start + 1 : bytes;
    return strndup(start, (size_t)(end - start));
}

/* Two blocks overlap by the length of a record, so each record is complete in at least one of them.
 */
static char *find_in(int file, const char *key)
{
    off_t end = lseek(file, 0, SEEK_END), least = end > LOOKED_THROUGH ? end - LOOKED_THROUGH : 0;
    char *bytes = memory_take(BLOCK + RECORD_MAX), *found = NULL;

    for (off_t at = end; at > least && !found;) {
        off_t from = at > BLOCK ? at - BLOCK : 0;
        size_t wanted = (size_t)(at - from) + RECORD_MAX;
        ssize_t got = pread(file, bytes, wanted, from);
        const char *hit = got > 0 ? memmem(bytes, (size_t)got, key, strlen(key)) : NULL;
        if (hit)
            found = line_around(bytes, (size_t)got, hit, from == 0);
        at = from;
        if (got <= 0)
            break;
    }
    free(bytes);
    return found;
}

char *violations_find(const struct text *outputs, size_t count, struct text id)
{
    char key[40], *found = NULL;

    snprintf(key, sizeof(key), "\"id\":\"%.16s\"", id.at);
    for (size_t i = 0; i < id.length; i++) {
        if (!strchr("0123456789abcdef", id.at[i]))
            return NULL;
    }
    for (size_t i = 0; i < count && !found && id.length == 16; i++) {
        if (text_equal(outputs[i], TEXT("stdout")) || text_equal(outputs[i], TEXT("syslog")))
            continue;
        int file = open(outputs[i].at, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (file < 0)
            continue;
        found = find_in(file, key);
        close(file);
    }
    return found;
}
