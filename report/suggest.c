/* Proposes owners for objects that have none: the service that writes an object most; if none
 * writes it, the one that reads it most. The numbers stand beside each proposal as a comment, and a
 * proposal that is not clear is itself a comment: the output is a proxy.ini that claims nothing
 * uncertain.
 */
#include <stdlib.h>

#include "report/tables.h"

/* One object's users. */
struct candidate {
    uint32_t object, best; /* best: a service; HASH_TABLE_NONE: no user has a service */
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

/* The touches of one object stand one after the other; there are `count`. */
static struct candidate judge(const struct report *report, const uint32_t *touches, uint32_t count)
{
    struct candidate candidate = {.object = report->touches[touches[0]].object,
                                  .best = HASH_TABLE_NONE};
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

/* Can the name be written in proxy.ini as it is? Not with a wildcard, nor with a character that
 * would end the line or start a comment. */
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
    return object->owner == HASH_TABLE_NONE && text_equal(object->type, TEXT("table"));
}

static bool has_owner_now(const struct report *report, struct report_owners owners, uint32_t object)
{
    struct text name = report->object_names.keys[object];
    const char *dot = memchr(name.at, '.', name.length);

    if (!owners.has_owner || !dot)
        return false;
    const struct sql_object touched = {
        .schema = {name.at, (size_t)(dot - name.at)                  },
        .name = {dot + 1, name.length - (size_t)(dot + 1 - name.at)},
        .type = SQL_TABLE,
        .access = SQL_READ,
    };
    return owners.has_owner(owners.policy, &touched);
}

static uint32_t find_candidates(const struct report *report, struct report_owners owners,
                                struct candidate *candidates)
{
    uint32_t count, found = 0, *touches = report_rank_touches(report, &count);

    for (uint32_t i = 0; i < count;) {
        uint32_t end = i;
        const struct report_touch *touch = &report->touches[touches[i]];
        while (end < count && report->touches[touches[end]].object == touch->object)
            end++;
        if (is_wanted(report, touch) && !has_owner_now(report, owners, touch->object))
            candidates[found++] = judge(report, touches + i, end - i);
        i = end;
    }
    free(touches);
    return found;
}

struct suggestions {
    const struct report *report;
    struct candidate *candidates;
    uint32_t found;
    bool *told; /* by candidate */
    FILE *to;
};

/* The proposals for one service, after `heading` if there are any. */
static void put_service(struct suggestions *suggestions, struct text service, bool heading)
{
    const struct report *report = suggestions->report;

    for (uint32_t i = 0; i < suggestions->found; i++) {
        uint32_t best = suggestions->candidates[i].best;
        if (best == HASH_TABLE_NONE || !text_equal(report->services.keys[best], service))
            continue;
        if (heading)
            fprintf(suggestions->to, "\n[service:%.*s]\n", TEXT_ARGS(service));
        heading = false;
        put_candidate(report, &suggestions->candidates[i], suggestions->to);
        suggestions->told[i] = true;
    }
}

static void put_sections(struct suggestions *suggestions)
{
    uint32_t count, *services = report_rank_services(suggestions->report, &count);

    fprintf(suggestions->to,
            "; owners for what nobody owns, out of %llu records; look at each before you use it\n",
            (unsigned long long)suggestions->report->records);
    for (uint32_t i = 0; i < count; i++)
        put_service(suggestions, suggestions->report->services.keys[services[i]], true);
    free(services);
}

static struct text section_of(struct text line)
{
    static const struct text start = {"[service:", sizeof("[service:") - 1};
    struct text t = text_trim(line);
    const char *end = t.length ? memchr(t.at, ']', t.length) : NULL;

    if (!end || t.length < start.length || memcmp(t.at, start.at, start.length) != 0)
        return (struct text){NULL, 0};
    return text_trim((struct text){t.at + start.length, (size_t)(end - t.at) - start.length});
}

/* Prints the file unchanged, with the proposals after the last key of their sections. */
static void put_file(struct suggestions *suggestions, FILE *from)
{
    struct arena arena = {0};
    struct text section = {NULL, 0};
    char *line = NULL, *held = NULL;
    size_t size = 0, held_size = 0;
    ssize_t length;
    FILE *hold = open_memstream(&held, &held_size); /* lines that may belong to the next section */

    while (hold && (length = getline(&line, &size, from)) > 0) {
        struct text t = text_trim((struct text){line, (size_t)length});
        bool is_heading = t.length > 0 && t.at[0] == '[';
        if (is_heading && section.at)
            put_service(suggestions, section, false);
        if (is_heading)
            section = arena_text(&arena, section_of(t));
        if (is_heading && section.length == 0)
            section.at = NULL;
        if (t.length > 0 && t.at[0] != ';' && t.at[0] != '#') {
            fflush(hold);
            fwrite(held, 1, held_size, suggestions->to);
            rewind(hold);
            fprintf(suggestions->to, "%.*s\n", TEXT_ARGS(t));
        } else {
            fprintf(hold, "%.*s\n", TEXT_ARGS(t));
        }
    }
    if (section.at)
        put_service(suggestions, section, false);
    if (hold) {
        fclose(hold);
        fwrite(held, 1, held_size, suggestions->to);
    }
    free(held);
    free(line);
    arena_fini(&arena);
}

/* Proposals for sections that are not in the file: printed only as comments. */
static void put_rest(const struct suggestions *suggestions)
{
    const struct report *report = suggestions->report;

    for (uint32_t i = 0; i < suggestions->found; i++) {
        const struct candidate *candidate = &suggestions->candidates[i];
        struct text object = report->object_names.keys[candidate->object];
        if (candidate->best == HASH_TABLE_NONE)
            fprintf(suggestions->to, "; only touched by users without a service: %.*s\n",
                    TEXT_ARGS(object));
        else if (!suggestions->told[i])
            fprintf(suggestions->to, "; for %.*s, which has no section here: owns = %.*s\n",
                    TEXT_ARGS(report->services.keys[candidate->best]), TEXT_ARGS(object));
    }
    if (suggestions->found == 0)
        fputs("; nothing: every table in these logs has an owner\n", suggestions->to);
}

void report_print_suggestions(const struct report *report, struct report_owners owners, FILE *ini,
                              FILE *to)
{
    struct suggestions suggestions = {
        .report = report,
        .candidates =
            memory_take((report->object_names.count + 1) * sizeof(*suggestions.candidates)),
        .told = memory_take_zeroed(report->object_names.count + 1),
        .to = to,
    };

    suggestions.found = find_candidates(report, owners, suggestions.candidates);
    if (ini)
        put_file(&suggestions, ini);
    else
        put_sections(&suggestions);
    put_rest(&suggestions);
    free(suggestions.candidates);
    free(suggestions.told);
}
