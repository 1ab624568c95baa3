/* Patterns of names: schema.name, `*` for any run of characters in either part. For
 * policy/, and for the audit, which looks for patterns that match nothing.
 *
 * How specific a pattern is, is one number, its rank: first the parts without a wildcard are
 * counted (two before one before none), then the characters that are not wildcards, both parts
 * together. So whatever one pattern matches and a wider one matches too belongs to the narrower
 * one.
 */
#ifndef POLICY_PATTERN_H
#define POLICY_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"

struct pattern {
    struct text schema, name; /* two stars together are one */
    bool schema_exact, name_exact;
    uint32_t rank;
};

/* The rank of a pattern without wildcards is at least this, that of any other is below. */
enum { PATTERN_EXACT = 2 << 16 };

/* False with `why` where no name could ever match it. The texts are copied to the arena. */
bool pattern_read(struct text written, struct arena *arena, struct pattern *pattern,
                  struct error *why);

/* Is there a name that both match, case aside? */
bool pattern_overlap(const struct pattern *a, const struct pattern *b);

/* Does `whole` match each name that `part` matches, case aside? */
bool pattern_covers(const struct pattern *whole, const struct pattern *part);

/* Does a part with wildcards match a name, case aside? */
bool glob_match(struct text glob, struct text name);

/* The text up to the first star, and behind the last: the whole of it where there is none. */
struct text glob_first(struct text glob);
struct text glob_last(struct text glob);

static inline bool glob_exact(struct text glob)
{
    return glob.length == 0 || !memchr(glob.at, '*', glob.length);
}

/* `*` alone. */
static inline bool glob_any(struct text glob)
{
    return glob.length == 1 && glob.at[0] == '*';
}

#endif
