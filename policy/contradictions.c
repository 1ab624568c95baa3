/* Finds names that two services would own (patterns of the same rank that have a name in common),
 * and useless patterns: duplicates, and permissions for what the service itself owns. Names are
 * compared without case here, because it depends on the server whether case counts.
 *
 * Only patterns of the same rank are compared, and only those of which one's beginning is a prefix
 * of the other's: they are sorted, so that a prefix comes before everything that begins with it.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/built.h"

enum shape { SHAPE_EXACT, SHAPE_SCHEMA_EXACT, SHAPE_NAME_EXACT, SHAPE_OPEN };

struct sorted {
    struct owned *owned;
    struct text same;  /* two patterns of one shape can overlap only if this is equal */
    struct text begin; /* two can overlap only if one of these is a prefix of the other */
    enum shape shape;
};

static struct sorted sorted_of(struct owned *owned)
{
    const struct pattern *pattern = &owned->pattern[CASEFOLDED];
    struct sorted sorted = {.owned = owned};

    if (pattern->schema_exact) {
        sorted.shape = pattern->name_exact ? SHAPE_EXACT : SHAPE_SCHEMA_EXACT;
        sorted.same = pattern->schema;
        sorted.begin = glob_first(pattern->name);
    } else if (pattern->name_exact) {
        sorted.shape = SHAPE_NAME_EXACT;
        sorted.same = pattern->name;
        sorted.begin = glob_first(pattern->schema);
    } else {
        sorted.shape = SHAPE_OPEN;
        sorted.same = TEXT("");
        sorted.begin = glob_first(pattern->name);
    }
    return sorted;
}

static int text_order(struct text a, struct text b)
{
    size_t least = a.length < b.length ? a.length : b.length;
    int order = least ? memcmp(a.at, b.at, least) : 0;

    return order ? order : (a.length > b.length) - (a.length < b.length);
}

static int group_order(const struct sorted *a, const struct sorted *b)
{
    if (a->owned->pattern[0].rank != b->owned->pattern[0].rank)
        return a->owned->pattern[0].rank < b->owned->pattern[0].rank ? -1 : 1;
    if (a->shape != b->shape)
        return a->shape < b->shape ? -1 : 1;
    return text_order(a->same, b->same);
}

static int order(const void *left, const void *right)
{
    const struct sorted *a = left, *b = right;
    int before = group_order(a, b);

    if (before == 0)
        before = text_order(a->begin, b->begin);
    if (before)
        return before;
    return a->owned < b->owned ? -1 : a->owned > b->owned;
}

static bool begins_with(struct text t, struct text start)
{
    return t.length >= start.length && text_equal((struct text){t.at, start.length}, start);
}

static bool same_pattern(const struct pattern *a, const struct pattern *b)
{
    return text_equal(a->schema, b->schema) && text_equal(a->name, b->name);
}

#define tell(building, late, warning, ...)                                                         \
    (config_problem_add((building)->problems, (late)->line, warning, __VA_ARGS__),                 \
     (late)->told = true)

/* Reports each pair of patterns that have a name in common; for each pattern only the first one. */
static void compare(struct building *building, struct owned *a, struct owned *b)
{
    struct owned *early = a->line <= b->line ? a : b, *late = early == a ? b : a;
    bool same = same_pattern(&a->pattern[CASEFOLDED], &b->pattern[CASEFOLDED]);

    if (late->told)
        return;
    if (a->service == b->service) {
        if (same_pattern(&a->pattern[AS_WRITTEN], &b->pattern[AS_WRITTEN]))
            tell(building, late, true, "owns = %s is on %s already; take one out", late->written,
                 config_line(&building->config->files, early->line));
        return;
    }
    const char *owner = building->policy->names[early->service].at;
    if (same)
        tell(building, late, false,
             "owns = %s belongs to [service:%s] already (%s); a name has one owner", late->written,
             owner, config_line(&building->config->files, early->line));
    else if (pattern_overlap(&a->pattern[CASEFOLDED], &b->pattern[CASEFOLDED]))
        tell(building, late, false,
             "owns = %s is as specific as [service:%s] owns = %s (%s), and there "
             "are names that both match; write one of them more exactly",
             late->written, owner, early->written,
             config_line(&building->config->files, early->line));
}

/* Compares within one group [from, to): each pattern with those before it whose beginning is a
 * prefix of its own.
 */
static void sweep(struct building *building, const struct sorted *sorted, size_t from, size_t to,
                  size_t *stack)
{
    size_t depth = 0;

    for (size_t i = from; i < to; i++) {
        while (depth > 0 && !begins_with(sorted[i].begin, sorted[stack[depth - 1]].begin))
            depth--;
        for (size_t j = 0; j < depth; j++)
            compare(building, sorted[stack[j]].owned, sorted[i].owned);
        stack[depth++] = i;
    }
}

/* `s.a*` and `*t.b` have one rank and different shapes, so the sorted sweep does not compare them.
 */
static void cross(struct building *building, const struct sorted *sorted, size_t from,
                  size_t middle, size_t to)
{
    for (size_t i = from; i < middle; i++) {
        for (size_t j = middle; j < to; j++) {
            if (begins_with(sorted[j].same, sorted[i].begin))
                compare(building, sorted[i].owned, sorted[j].owned);
        }
    }
}

/* Does another service own a part of what is granted, by a pattern that comes before `own`? */
static bool reaches_others(const struct building *building, const struct granted *granted,
                           const struct owned *own)
{
    for (size_t i = 0; i < building->owned_count; i++) {
        const struct owned *other = &building->owned[i];
        if (other->service != own->service && other->pattern->rank > own->pattern->rank &&
            pattern_overlap(&other->pattern[CASEFOLDED], &granted->pattern[CASEFOLDED]))
            return true;
    }
    return false;
}

/* Ownership is judged first, so a permission for the service's own objects never decides. `first`:
 * the first pattern of its service. */
static void find_needless(struct building *building, const struct granted *granted, size_t first)
{
    for (size_t i = first; i < building->owned_count; i++) {
        const struct owned *own = &building->owned[i];
        if (own->service != granted->service || granted->follows)
            return;
        if (!pattern_covers(own->pattern, granted->pattern) ||
            reaches_others(building, granted, own))
            continue;
        config_problem_add(building->problems, granted->line, true,
                           "%s = %s never decides: [service:%s] owns = %s (%s) comes first; "
                           "take it out, or name what another service owns",
                           granted->key, granted->written, building->policy->names[own->service].at,
                           own->written, config_line(&building->config->files, own->line));
        return;
    }
}

static void find_all_needless(struct building *building)
{
    size_t services = building->policy->service_count;
    size_t *first = memory_take_zeroed((services + 1) * sizeof(*first));

    for (size_t i = building->owned_count; i > 0; i--)
        first[building->owned[i - 1].service] = i - 1;
    for (size_t i = 0; i < building->granted_count; i++)
        find_needless(building, &building->granted[i], first[building->granted[i].service]);
    free(first);
}

void contradictions_find(struct building *building)
{
    size_t count = building->owned_count;
    struct sorted *sorted = memory_take(count * sizeof(*sorted));
    size_t *stack = memory_take(count * sizeof(*stack));

    for (size_t i = 0; i < count; i++)
        sorted[i] = sorted_of(&building->owned[i]);
    if (count > 0)
        qsort(sorted, count, sizeof(*sorted), order);
    for (size_t from = 0, to; from < count; from = to) {
        for (to = from + 1; to < count && group_order(&sorted[from], &sorted[to]) == 0; to++)
            continue;
        sweep(building, sorted, from, to, stack);
    }
    for (size_t from = 0, middle, to; from < count; from = to) {
        uint32_t rank = sorted[from].owned->pattern[0].rank;
        for (to = from; to < count && sorted[to].owned->pattern[0].rank == rank; to++)
            continue;
        for (middle = from; middle < to && sorted[middle].shape != SHAPE_NAME_EXACT; middle++)
            continue;
        if (rank < PATTERN_EXACT && sorted[from].shape == SHAPE_SCHEMA_EXACT)
            cross(building, sorted, from, middle, to);
    }
    free(stack);
    free(sorted);
    find_all_needless(building);
}
