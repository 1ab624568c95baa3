/* Reads patterns, and tells whether two overlap. Called when a policy is built. */
#include "policy/pattern.h"

enum { NAME_CHARACTERS = 64 };

#define REMEDY "write schema.name, with * as wildcard in either part"

struct text glob_first(struct text glob)
{
    const char *star = memchr(glob.at, '*', glob.length);

    return (struct text){glob.at, star ? (size_t)(star - glob.at) : glob.length};
}

struct text glob_last(struct text glob)
{
    const char *star = memrchr(glob.at, '*', glob.length);
    size_t cut = star ? (size_t)(star - glob.at) + 1 : 0;

    return (struct text){glob.at + cut, glob.length - cut};
}

static bool starts_with(struct text t, struct text start)
{
    return t.length >= start.length && text_equal_fold((struct text){t.at, start.length}, start);
}

static bool ends_with(struct text t, struct text end)
{
    return t.length >= end.length &&
           text_equal_fold((struct text){t.at + t.length - end.length, end.length}, end);
}

/* Cuts `t` to the rest after the first occurrence of `part`. False: `part` does not occur. */
static bool skip_past(struct text *t, struct text part)
{
    for (; t->length >= part.length; t->at++, t->length--) {
        if (!starts_with(*t, part))
            continue;
        t->at += part.length;
        t->length -= part.length;
        return true;
    }
    return false;
}

bool glob_match(struct text glob, struct text name)
{
    struct text first = glob_first(glob), last = glob_last(glob);

    if (glob_exact(glob))
        return text_equal_fold(glob, name);
    if (name.length < first.length + last.length || !starts_with(name, first) ||
        !ends_with(name, last))
        return false;
    /* Each piece between two stars is matched at its first position, which leaves the longest rest
     * for the next. */
    struct text left = {name.at + first.length, name.length - first.length - last.length};
    glob.at += first.length;
    glob.length -= first.length + last.length;
    while (glob.length > 1) {
        glob.at++;
        glob.length--;
        struct text piece = glob_first(glob);
        if (!skip_past(&left, piece))
            return false;
        glob.at += piece.length;
        glob.length -= piece.length;
    }
    return true;
}

/* Two parts with wildcards have a name in common if their beginnings and their ends are
 * compatible: the longer beginning, all middle pieces of one, all of the other, and the longer end
 * make such a name. */
static bool glob_overlap(struct text a, struct text b)
{
    if (glob_exact(a))
        return glob_match(b, a);
    if (glob_exact(b))
        return glob_match(a, b);
    struct text first_a = glob_first(a), first_b = glob_first(b);
    struct text last_a = glob_last(a), last_b = glob_last(b);
    return (starts_with(first_a, first_b) || starts_with(first_b, first_a)) &&
           (ends_with(last_a, last_b) || ends_with(last_b, last_a));
}

bool pattern_overlap(const struct pattern *a, const struct pattern *b)
{
    return glob_overlap(a->name, b->name) && glob_overlap(a->schema, b->schema);
}

/* A star in `part` is replaced by a byte that no name has: only a star in `whole` can match it. */
static bool glob_covers(struct text whole, struct text part)
{
    char name[256];

    if (part.length > sizeof(name))
        return false;
    for (size_t i = 0; i < part.length; i++)
        name[i] = part.at[i] == '*' ? '\1' : part.at[i];
    return glob_match(whole, (struct text){name, part.length});
}

bool pattern_covers(const struct pattern *whole, const struct pattern *part)
{
    return glob_covers(whole->schema, part->schema) && glob_covers(whole->name, part->name);
}

/* Characters that are not wildcards. */
static uint32_t literals(struct text glob)
{
    uint32_t count = 0;

    for (size_t i = 0; i < glob.length; i++)
        count += glob.at[i] != '*' && ((unsigned char)glob.at[i] & 0xc0) != 0x80;
    return count;
}

static bool part_check(struct text part, const char *which, struct error *why)
{
    if (part.length == 0)
        return error_set(why, "the %s part is empty; " REMEDY, which);
    if (part.at[0] == ' ' || part.at[part.length - 1] == ' ')
        return error_set(why, "white space around the %s part; " REMEDY, which);
    if (memchr(part.at, '`', part.length))
        return error_set(why, "write names without quotes here; " REMEDY);
    if (literals(part) > NAME_CHARACTERS)
        return error_set(why,
                         "no name has more than %d characters, so this can match none; " REMEDY,
                         NAME_CHARACTERS);
    return true;
}

/* A copy in which a run of stars is one star. */
static struct text part_copy(struct text part, struct arena *arena)
{
    char *copy = arena_take(arena, part.length + 1);
    size_t length = 0;

    for (size_t i = 0; i < part.length; i++) {
        if (part.at[i] != '*' || length == 0 || copy[length - 1] != '*')
            copy[length++] = part.at[i];
    }
    return (struct text){copy, length};
}

bool pattern_read(struct text written, struct arena *arena, struct pattern *pattern,
                  struct error *why)
{
    const char *dot = memchr(written.at, '.', written.length);

    if (!dot)
        return error_set(why, "no dot; write %.*s.* for all of that schema", TEXT_ARGS(written));
    struct text schema = {written.at, (size_t)(dot - written.at)};
    struct text name = {dot + 1, written.length - schema.length - 1};
    if (memchr(name.at, '.', name.length))
        return error_set(why, "more than one dot; " REMEDY " (* matches a dot within a name)");
    if (!part_check(schema, "schema", why) || !part_check(name, "name", why))
        return false;
    *pattern = (struct pattern){
        .schema = part_copy(schema, arena),
        .name = part_copy(name, arena),
        .schema_exact = glob_exact(schema),
        .name_exact = glob_exact(name),
    };
    pattern->rank = (uint32_t)(pattern->schema_exact + pattern->name_exact) << 16 |
                    (literals(schema) + literals(name));
    return true;
}
