/* A text that stands right before a page that cannot be read: who reads past its end, dies. */
#ifndef TESTS_UNIT_SQL_GUARD_H
#define TESTS_UNIT_SQL_GUARD_H

#include <assert.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/text.h"

enum { GUARD_SIZE = 1 << 16 };

static inline char *guard_end(void)
{
    static char *end;

    if (!end) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        char *at = mmap(NULL, GUARD_SIZE + page, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert(at != MAP_FAILED && mprotect(at + GUARD_SIZE, page, PROT_NONE) == 0);
        end = at + GUARD_SIZE;
    }
    return end;
}

/* The copy lasts until the next call. */
static inline struct text guard_text(struct text text)
{
    assert(text.length <= GUARD_SIZE);
    char *at = guard_end() - text.length;
    if (text.length > 0)
        memcpy(at, text.at, text.length);
    return (struct text){at, text.length};
}

#endif
