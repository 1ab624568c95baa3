/* The ratchet: what crosses today is written down once; what comes later and is not in there is
 * new. One line a query: service, owner, digest, statement, with tabs between. Only the first three
 * count.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "report/report.h"

static const char first_line[] = "# silogate baseline 1: service, owner, digest, statement\n";

enum { KEY_SIZE = 2 * REPORT_NAME_BYTES + 32 };

static struct text key_of(const struct report *report, const struct report_query *query,
                          char key[KEY_SIZE])
{
    const struct report_edge *edge = &report->edges[query->edge];
    int length =
        snprintf(key, KEY_SIZE, "%.*s\t%.*s\t%016llx", TEXT_ARGS(report->services.keys[edge->user]),
                 TEXT_ARGS(report->services.keys[edge->owner]), (unsigned long long)query->digest);
    return (struct text){key, (size_t)length};
}

/* Written beside and renamed, so that a baseline is whole or not there. */
bool report_baseline_write(const struct report *report, const char *path, struct error *error)
{
    char beside[4096], key[KEY_SIZE];
    uint32_t count;

    if (snprintf(beside, sizeof(beside), "%s.%d", path, (int)getpid()) >= (int)sizeof(beside))
        return error_set(error, "%s: the name is too long", path);
    FILE *to = fopen(beside, "wx");
    if (!to)
        return error_set(error, "%s: %s; the baseline cannot be written", beside, strerror(errno));
    fputs(first_line, to);
    uint32_t *queries = report_rank_queries(report, HASH_TABLE_NONE, &count);
    for (uint32_t i = 0; i < count; i++) {
        const struct report_query *query = &report->queries[queries[i]];
        fprintf(to, "%s\t%.*s\n", key_of(report, query, key).at, TEXT_ARGS(query->statement));
    }
    free(queries);
    bool good = !ferror(to);
    good = fclose(to) == 0 && good;
    if (good && rename(beside, path) == 0)
        return true;
    error_set(error, "%s: %s; the baseline was not written", path, strerror(errno));
    unlink(beside);
    return false;
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

static bool read_keys(FILE *from, const char *path, struct hash_table *keys, struct error *error)
{
    char *line = NULL;
    size_t size = 0, number = 0;
    ssize_t length;
    bool good = true;

    while (good && (length = getline(&line, &size, from)) > 0) {
        number++;
        size_t key = line[0] == '#' ? 0 : key_length(line, (size_t)length);
        if (number == 1 && strcmp(line, first_line) != 0)
            good = error_set(error, "%s:1: not a baseline; make one with --baseline", path);
        else if (key > 0)
            hash_table_add(keys, (struct text){line, key});
        else if (line[0] != '#')
            good = error_set(error, "%s:%zu: not a line of a baseline; make it anew", path, number);
    }
    free(line);
    if (good && number == 0)
        good = error_set(error, "%s: empty; remove it and make a baseline anew", path);
    return good;
}

uint32_t *report_baseline_new(const struct report *report, const char *path, uint32_t *count,
                              struct error *error)
{
    struct hash_table keys = {0};
    char key[KEY_SIZE];
    uint32_t all, *queries = NULL;
    FILE *from = fopen(path, "r");

    *count = 0;
    if (!from) {
        error_set(error, "%s: %s; make it first, with --baseline alone", path, strerror(errno));
        return NULL;
    }
    if (read_keys(from, path, &keys, error)) {
        queries = report_rank_queries(report, HASH_TABLE_NONE, &all);
        for (uint32_t i = 0; i < all; i++) {
            const struct report_query *query = &report->queries[queries[i]];
            if (hash_table_find(&keys, key_of(report, query, key)) == HASH_TABLE_NONE)
                queries[(*count)++] = queries[i];
        }
    }
    hash_table_fini(&keys);
    fclose(from);
    return queries;
}
