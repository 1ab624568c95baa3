/* Reads and writes baselines, and compares a report with one. */
#include "report/baseline.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static const char first_line[] = "# silogate baseline 1: service, owner, digest, statement\n";
static const char strict_word[] = "# strict ";

enum { KEY_SIZE = 2 * REPORT_NAME_BYTES + 32, PATH_SIZE = 4096 };

static struct text key_of(const struct report *report, const struct report_query *query,
                          char key[KEY_SIZE])
{
    const struct report_edge *edge = &report->edges[query->edge];
    int length =
        snprintf(key, KEY_SIZE, "%.*s\t%.*s\t%016llx", TEXT_ARGS(report->services.keys[edge->user]),
                 TEXT_ARGS(report->services.keys[edge->owner]), (unsigned long long)query->digest);
    return (struct text){key, (size_t)length};
}

/* "service->owner" out of a key. */
static struct text edge_of(struct text key, char edge[KEY_SIZE])
{
    const char *tab = memchr(key.at, '\t', key.length);
    const char *end = memchr(tab + 1, '\t', key.length - (size_t)(tab + 1 - key.at));
    int length = snprintf(edge, KEY_SIZE, "%.*s->%.*s", (int)(tab - key.at), key.at,
                          (int)(end - tab - 1), tab + 1);
    return (struct text){edge, (size_t)length};
}

static FILE *open_beside(const char *path, char beside[PATH_SIZE], struct error *error)
{
    if (snprintf(beside, PATH_SIZE, "%s.%d", path, (int)getpid()) >= PATH_SIZE) {
        error_set(error, "%s: the name is too long", path);
        return NULL;
    }
    FILE *to = fopen(beside, "wx");
    if (!to)
        error_set(error, "%s: %s; the baseline cannot be written", beside, strerror(errno));
    else
        fputs(first_line, to);
    return to;
}

static bool put_in_place(FILE *to, const char *path, const char *beside, struct error *error)
{
    bool good = !ferror(to);
    good = fclose(to) == 0 && good;
    if (good && rename(beside, path) == 0)
        return true;
    error_set(error, "%s: %s; the baseline was not written", path, strerror(errno));
    unlink(beside);
    return false;
}

bool report_baseline_write(const struct report *report, const char *path, struct error *error)
{
    char beside[PATH_SIZE], key[KEY_SIZE];
    uint32_t count;
    FILE *to = open_beside(path, beside, error);

    if (!to)
        return false;
    uint32_t *queries = report_rank_queries(report, HASH_TABLE_NONE, &count);
    for (uint32_t i = 0; i < count; i++) {
        const struct report_query *query = &report->queries[queries[i]];
        fprintf(to, "%s\t%.*s\n", key_of(report, query, key).at, TEXT_ARGS(query->statement));
    }
    free(queries);
    return put_in_place(to, path, beside, error);
}

/* The length of a line's first three fields; 0 where there are not three. */
static size_t key_length(const char *line, size_t length)
{
    size_t tabs = 0;

    for (size_t i = 0; i < length; i++) {
        tabs += line[i] == '\t' || line[i] == '\n';
        if (tabs == 3)
            return i;
    }
    return 0;
}

static void add_key(struct report_baseline *baseline, struct text key, struct text statement)
{
    uint32_t number = hash_table_add(&baseline->keys, key);

    if (number >= baseline->room) {
        baseline->room = number * 2 + 64;
        baseline->statements =
            memory_resize(baseline->statements, baseline->room * sizeof(*baseline->statements));
    }
    baseline->statements[number] = arena_text(&baseline->arena, statement);
}

static bool read_line(struct report_baseline *baseline, struct text line)
{
    static const size_t strict_length = sizeof(strict_word) - 1;
    size_t key = line.at[0] == '#' ? 0 : key_length(line.at, line.length);

    if (key > 0) {
        size_t after = key < line.length ? key + 1 : key;
        add_key(baseline, (struct text){line.at, key},
                text_trim((struct text){line.at + after, line.length - after}));
    } else if (line.length > strict_length && memcmp(line.at, strict_word, strict_length) == 0) {
        struct text edge = {line.at + strict_length, line.length - strict_length};
        hash_table_add(&baseline->strict, text_trim(edge));
    }
    return key > 0 || line.at[0] == '#';
}

bool report_baseline_read(struct report_baseline *baseline, const char *path, struct error *error)
{
    char *line = NULL;
    size_t size = 0, number = 0;
    ssize_t length;
    bool good = true;
    FILE *from = fopen(path, "r");

    *baseline = (struct report_baseline){.room = 0};
    if (!from)
        return error_set(error,
                         "%s:1: cannot be read: %s; make the baseline first, with --baseline alone",
                         path, strerror(errno));
    while (good && (length = getline(&line, &size, from)) > 0) {
        number++;
        if (number == 1 && strcmp(line, first_line) != 0)
            good = error_set(error, "%s:1: not a baseline; make one with --baseline", path);
        else if (!read_line(baseline, (struct text){line, (size_t)length}))
            good = error_set(error, "%s:%zu: not a line of a baseline; make it anew", path, number);
    }
    if (good && ferror(from))
        good = error_set(error, "%s:%zu: cannot be read: %s; make it anew", path, number,
                         strerror(errno));
    if (good && number == 0)
        good = error_set(error, "%s:1: empty; remove it and make a baseline anew", path);
    free(line);
    fclose(from);
    return good;
}

void report_baseline_fini(struct report_baseline *baseline)
{
    hash_table_fini(&baseline->keys);
    hash_table_fini(&baseline->strict);
    free(baseline->statements);
    arena_fini(&baseline->arena);
}

bool report_baseline_is_strict(const struct report *report, const struct report_baseline *baseline,
                               uint32_t query)
{
    char key[KEY_SIZE], edge[KEY_SIZE];
    struct text name = edge_of(key_of(report, &report->queries[query], key), edge);

    return hash_table_find(&baseline->strict, name) != HASH_TABLE_NONE;
}

uint32_t *report_baseline_new(const struct report *report, const struct report_baseline *baseline,
                              uint32_t *count)
{
    char key[KEY_SIZE];
    uint32_t all, *queries = report_rank_queries(report, HASH_TABLE_NONE, &all);

    *count = 0;
    for (uint32_t i = 0; i < all; i++) {
        struct text name = key_of(report, &report->queries[queries[i]], key);
        if (hash_table_find(&baseline->keys, name) == HASH_TABLE_NONE ||
            report_baseline_is_strict(report, baseline, queries[i]))
            queries[(*count)++] = queries[i];
    }
    return queries;
}

uint32_t *report_baseline_stale(const struct report *report, const struct report_baseline *baseline,
                                uint32_t *count)
{
    struct hash_table seen = {0};
    char key[KEY_SIZE];
    uint32_t *stale = memory_take((baseline->keys.count + 1) * sizeof(*stale));

    for (uint32_t i = 0; i < report->query_keys.count; i++)
        hash_table_add(&seen, key_of(report, &report->queries[i], key));
    *count = 0;
    for (uint32_t i = 0; i < baseline->keys.count; i++) {
        if (hash_table_find(&seen, baseline->keys.keys[i]) == HASH_TABLE_NONE)
            stale[(*count)++] = i;
    }
    hash_table_fini(&seen);
    return stale;
}

bool report_baseline_prune(const struct report_baseline *baseline, const uint32_t *keys,
                           uint32_t count, const char *path, struct error *error)
{
    char beside[PATH_SIZE], edge[KEY_SIZE];
    struct hash_table left = {0}, strict = {0};
    bool *pruned = memory_take_zeroed(baseline->keys.count + 1);
    FILE *to = open_beside(path, beside, error);

    for (uint32_t i = 0; i < count; i++)
        pruned[keys[i]] = true;
    for (uint32_t i = 0; i < baseline->keys.count; i++) {
        if (!pruned[i])
            hash_table_add(&left, edge_of(baseline->keys.keys[i], edge));
    }
    for (uint32_t i = 0; i < baseline->strict.count; i++)
        hash_table_add(&strict, baseline->strict.keys[i]);
    for (uint32_t i = 0; i < count; i++) {
        struct text name = edge_of(baseline->keys.keys[keys[i]], edge);
        if (hash_table_find(&left, name) == HASH_TABLE_NONE)
            hash_table_add(&strict, name);
    }
    for (uint32_t i = 0; to && i < strict.count; i++)
        fprintf(to, "%s%.*s\n", strict_word, TEXT_ARGS(strict.keys[i]));
    for (uint32_t i = 0; to && i < baseline->keys.count; i++) {
        if (!pruned[i])
            fprintf(to, "%.*s\t%.*s\n", TEXT_ARGS(baseline->keys.keys[i]),
                    TEXT_ARGS(baseline->statements[i]));
    }
    hash_table_fini(&left);
    hash_table_fini(&strict);
    free(pruned);
    return to && put_in_place(to, path, beside, error);
}
