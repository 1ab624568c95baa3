/* Proposes owners for what nobody owns: the service that writes an object most; where none writes
 * it, the one that reads it most. The evidence stands beside each as a comment, and what is in
 * doubt is only a comment itself, so that the output is proxy.ini that claims nothing unclear.
 */
#include <stdlib.h>

#include "violations/report_sheets.h"

/* One object's users. */
struct candidate {
    uint32_t object, best; /* best: a service; TABLE_NONE: nobody with a name */
    uint64_t writes, reads, other_writes, other_reads;
};

static uint64_t weight(const struct report_touch *touch)
{
    return touch->counts.writes;
}

static bool is_service(const struct report *report, uint32_t service)
{
    return report->services.keys[service].at[0] != '(';
}

/* The touches of one object stand together, `count` of them. */
static struct candidate judge(const struct report *report, const uint32_t *touches, uint32_t count)
{
    struct candidate candidate = {.object = report->touches[touches[0]].object, .best = TABLE_NONE};
    const struct report_touch *best = NULL;

    for (uint32_t i = 0; i < count; i++) {
        const struct report_touch *touch = &report->touches[touches[i]];
        bool more = !best || weight(touch) > weight(best) ||
                    (weight(touch) == weight(best) && touch->counts.reads > best->counts.reads);
        if (is_service(report, touch->service) && more)
            best = touch;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct report_touch *touch = &report->touches[touches[i]];
        candidate.other_writes += touch == best ? 0 : touch->counts.writes;
        candidate.other_reads += touch == best ? 0 : touch->counts.reads;
    }
    if (best) {
        candidate.best = best->service;
        candidate.writes = best->counts.writes;
        candidate.reads = best->counts.reads;
    }
    return candidate;
}

/* One service writes it and nobody else does, or at most a tenth as often. */
static bool is_clear(const struct candidate *candidate)
{
    if (candidate->writes > 0)
        return candidate->other_writes * 10 <= candidate->writes;
    return candidate->other_writes == 0 && candidate->other_reads == 0;
}

/* A name that can stand in proxy.ini as it is: no wildcard, nothing that ends or hides the line. */
static bool can_be_written(const struct report *report, uint32_t object)
{
    struct text name = report->object_names.keys[object];
    const char *dot = memchr(name.at, '.', name.length);

    if (!dot || name.length > 150 ||
        memchr(dot + 1, '.', name.length - (size_t)(dot + 1 - name.at)))
        return false;
    for (size_t i = 0; i < name.length; i++) {
        if (strchr("*?;#= \"'\\[]", name.at[i]) || (unsigned char)name.at[i] < 33)
            return false;
    }
    return true;
}

static void put_candidate(const struct report *report, const struct candidate *candidate, FILE *to)
{
    bool writable = can_be_written(report, candidate->object);
    bool clear = is_clear(candidate);

    fprintf(to, "; writes %llu, reads %llu; by others: writes %llu, reads %llu%s\n",
            (unsigned long long)candidate->writes, (unsigned long long)candidate->reads,
            (unsigned long long)candidate->other_writes, (unsigned long long)candidate->other_reads,
            !writable ? "; this name needs a hand"
            : clear   ? ""
                      : "; AMBIGUOUS: decide, then uncomment");
    fprintf(to, "%sowns = %.*s\n", writable && clear ? "" : "; ",
            TEXT_ARGS(report->object_names.keys[candidate->object]));
}

static bool is_wanted(const struct report *report, const struct report_touch *touch)
{
    const struct report_object *object = &report->objects[touch->object];
    return object->owner == TABLE_NONE && text_equal(object->type, TEXT("table"));
}

static uint32_t find_candidates(const struct report *report, struct candidate *candidates)
{
    uint32_t count, found = 0, *touches = report_rank_touches(report, &count);

    for (uint32_t i = 0; i < count;) {
        uint32_t end = i;
        const struct report_touch *touch = &report->touches[touches[i]];
        while (end < count && report->touches[touches[end]].object == touch->object)
            end++;
        if (is_wanted(report, touch))
            candidates[found++] = judge(report, touches + i, end - i);
        i = end;
    }
    free(touches);
    return found;
}

void report_print_suggestions(const struct report *report, FILE *to)
{
    struct candidate *candidates =
        memory_take((report->object_names.count + 1) * sizeof(*candidates));
    uint32_t found = find_candidates(report, candidates);
    uint32_t count, *services = report_rank_services(report, &count);

    fprintf(to,
            "; owners for what nobody owns, out of %llu records; look at each before you use it\n",
            (unsigned long long)report->records);
    for (uint32_t s = 0; s < count; s++) {
        bool headed = false;
        for (uint32_t i = 0; i < found; i++) {
            if (candidates[i].best != services[s])
                continue;
            if (!headed)
                fprintf(to, "\n[service:%.*s]\n", TEXT_ARGS(report->services.keys[services[s]]));
            headed = true;
            put_candidate(report, &candidates[i], to);
        }
    }
    for (uint32_t i = 0; i < found; i++) {
        if (candidates[i].best == TABLE_NONE)
            fprintf(to, "; only touched by users without a service: %.*s\n",
                    TEXT_ARGS(report->object_names.keys[candidates[i].object]));
    }
    if (found == 0)
        fputs("; nothing: every table in these logs has an owner\n", to);
    free(candidates);
    free(services);
}
