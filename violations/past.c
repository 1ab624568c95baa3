/* Reads records back and counts them as the workers did: with the same tables of a fixed size, by
 * the same edges. Runs once, on the thread that serves the pages.
 */
#include "violations/past.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "policy/verdict.h"
#include "violations/record.h"
#include "violations/seen.h"

enum { TAIL = 16 << 20 };

static const int64_t month = (int64_t)SUMMARY_DAYS * 86400 * 1000000;

static const char *string(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "";
}

static void copy(char *to, size_t size, const char *from)
{
    struct text t = record_cut(text_of(from), size - 1);

    memcpy(to, t.at, t.length);
    to[t.length] = '\0';
}

/* "2026-11-20T13:38:15.123456Z", as record_start writes it; 0 if it is not a time. */
static int64_t read_time(const char *text)
{
    struct tm parts = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);

    if (!rest)
        return 0;
    /* The time when the process started, to the microsecond: what this process writes in its first
     * second must not count as the past.
     */
    return (int64_t)timegm(&parts) * 1000000 +
           (*rest == '.' ? strtol(rest + 1, NULL, 10) % 1000000 : 0);
}

static uint8_t read_reason(const char *name)
{
    for (unsigned i = 0; i < REASON_COUNT; i++) {
        if (strcmp(name, verdict_reason_name((enum verdict_reason)i)) == 0)
            return (uint8_t)i;
    }
    return REASON_UNDETERMINED;
}

/* Of an object that is not allowed; see violations/describe.c. */
static const char *owner_of(const json_t *object)
{
    const char *owner = json_string_value(json_object_get(object, "owner"));

    return owner                                             ? owner
           : strcmp(string(object, "reason"), "system") == 0 ? SUMMARY_SYSTEM
                                                             : SUMMARY_UNOWNED;
}

static void list_object(struct summary_query *query, const json_t *object)
{
    const json_t *accesses = json_object_get(object, "access"), *access;
    size_t length = strlen(query->objects), room = sizeof(query->objects) - length, i;
    char line[sizeof(query->objects)], list[64] = "";

    json_array_foreach(accesses, i, access)
    {
        size_t at = strlen(list);
        const char *word = json_string_value(access);
        snprintf(list + at, sizeof(list) - at, "%s%s", at > 0 ? "," : "", word ? word : "");
    }
    int size =
        snprintf(line, sizeof(line), "%.63s\t%s\t%.20s\t%.128s\t%.128s", owner_of(object), list,
                 string(object, "type"), string(object, "schema"), string(object, "name"));
    if (size < 0 || (size_t)size + 2 > room)
        return;
    for (char *c = line; *c; c++) {
        if (*c == '\n')
            *c = ' ';
    }
    memcpy(query->objects + length, line, (size_t)size);
    memcpy(query->objects + length + (size_t)size, "\n", 2);
}

static void fill(struct seen *seen, struct summary_query *query, const json_t *record)
{
    const json_t *objects = json_object_get(record, "objects"), *object;
    const char *reason = string(record, "reason");
    struct text service = text_of(string(record, "service"));
    size_t i;

    query->digest = strtoull(string(record, "digest"), NULL, 16);
    query->id = strtoull(string(record, "id"), NULL, 16);
    query->reason = read_reason(reason);
    query->blocked = strcmp(string(record, "action"), "blocked") == 0;
    query->in_transaction = json_array_size(json_object_get(record, "transaction")) > 1;
    copy(query->service, sizeof(query->service), string(record, "service"));
    copy(query->user, sizeof(query->user), string(record, "user"));
    copy(query->database, sizeof(query->database), string(record, "database"));
    copy(query->kind, sizeof(query->kind), string(record, "kind"));
    copy(query->policy, sizeof(query->policy), string(record, "policy"));
    copy(query->statement, sizeof(query->statement), string(record, "statement"));
    json_array_foreach(objects, i, object)
    {
        if (strcmp(string(object, "verdict"), "allow") == 0)
            continue;
        seen_edge(seen, query, service, text_of(owner_of(object)));
        list_object(query, object);
    }
    if (query->reason == REASON_ADMINISTRATION)
        seen_edge(seen, query, service, TEXT(SUMMARY_SERVER));
    else if (query->reason == REASON_UNDETERMINED || query->edge_count == 0)
        seen_edge(seen, query, service, TEXT(SUMMARY_UNDETERMINED));
}

static void take(struct seen *seen, const json_t *record, int64_t until)
{
    int64_t at = read_time(string(record, "last")), written = read_time(string(record, "ts"));
    json_int_t count = json_integer_value(json_object_get(record, "count"));

    if (strcmp(string(record, "event"), "violation") != 0 || count < 1 || written >= until ||
        at == 0 || at > until || at < until - month)
        return;
    uint64_t key = text_hash(text_of(string(record, "digest")), 1, false);
    key = text_hash(text_of(string(record, "service")), key, false);
    key = text_hash(text_of(string(record, "reason")), key, false);
    key = text_hash(text_of(string(record, "action")), key, false);
    char *objects = json_dumps(json_object_get(record, "objects"), JSON_COMPACT | JSON_ENCODE_ANY);
    key = text_hash(text_of(objects), key, false);
    free(objects);
    if (seen_again(seen, key, at, (uint64_t)count))
        return;
    struct summary_query *query = seen_put(seen, key, at);
    fill(seen, query, record);
    seen_again(seen, key, at, (uint64_t)count);
}

static void read_tail(struct seen *seen, const char *path, int64_t until)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;

    if (file < 0)
        return;
    if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size == 0) {
        close(file);
        return;
    }
    off_t start = status.st_size > TAIL ? status.st_size - TAIL : 0;
    size_t size = (size_t)(status.st_size - start), length = 0;
    char *bytes = memory_take(size + 1);
    ssize_t got;
    while (length < size &&
           (got = pread(file, bytes + length, size - length, start + (off_t)length)) > 0)
        length += (size_t)got;
    close(file);
    char *line = bytes, *newline;
    if (start > 0) /* it begins in the middle of a line */
        line = memchr(bytes, '\n', length);
    while (line && (newline = memchr(line, '\n', length - (size_t)(line - bytes))) != NULL) {
        json_t *record = json_loadb(line, (size_t)(newline - line), 0, NULL);
        if (json_is_object(record))
            take(seen, record, until);
        json_decref(record);
        line = newline + 1;
    }
    free(bytes);
}

/* The totals count only what this process has seen, so of an earlier record only the time is kept.
 */
static void forget_totals(struct summary *summary)
{
    for (size_t i = 0; i < summary->edge_count; i++)
        summary->edges[i].logged = summary->edges[i].blocked = 0;
    for (size_t i = 0; i < summary->query_count; i++)
        summary->queries[i].count = 0;
    summary->all.logged = summary->all.blocked = 0;
}

void past_read(struct summary *to, const char *path, int64_t until)
{
    struct seen *seen = seen_new();
    struct summary_slice *slice = memory_take_zeroed(sizeof(*slice));
    struct summary_edge *edges = memory_take(SUMMARY_EDGES * sizeof(*edges));
    size_t edge_count = 0;
    char rotated[4096];

    if (snprintf(rotated, sizeof(rotated), "%s.1", path) < (int)sizeof(rotated))
        read_tail(seen, rotated, until);
    read_tail(seen, path, until);
    do { /* all edges first, because the queries refer to them by number */
        seen_copy(seen, slice);
        memcpy(edges + edge_count, slice->edges, slice->edge_count * sizeof(*edges));
        edge_count += slice->edge_count;
    } while (slice->more);
    summary_add(to, edges, edge_count, NULL, 0);
    summary_add_all(to, &slice->all);
    *slice = (struct summary_slice){.wants_queries = true, .edge = slice->edge};
    do {
        seen_copy(seen, slice);
        summary_add_queries(to, edges, edge_count, slice->queries, slice->query_count);
    } while (slice->more);
    forget_totals(to);
    free(edges);
    free(slice);
    seen_free(seen);
}
