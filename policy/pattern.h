/* Patterns of names: schema.name, `*` for any run of characters in either part. For policy/, and
 * for the audit, which looks for patterns that match nothing.
 *
 * A pattern's rank is a number that says how specific it is: first the number of parts without a
 * wildcard counts (two before one before none), then the number of characters that are not
 * wildcards in both parts. So of two patterns that match a name, the more specific one decides.
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

/* False: no name could ever match it, see `why`. The texts are copied to the arena. */
bool pattern_read(struct text written, struct arena *arena, struct pattern *pattern,
                  struct error *why);

/* Is there a name that both match, without case? */
bool pattern_overlap(const struct pattern *a, const struct pattern *b);

/* Does `whole` match each name that `part` matches, without case? */
bool pattern_covers(const struct pattern *whole, const struct pattern *part);

/* Does a part with wildcards match a name, without case? */
bool glob_match(struct text glob, struct text name);

/* The text before the first star, and the text after the last one; without a star the whole text.
 */
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
