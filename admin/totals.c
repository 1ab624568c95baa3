/* The other texts' series are sorted by name; for each line of `own` the same series is looked up.
 */
#include "admin/totals.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"

struct series {
    struct text name, value; /* name with labels; value as written */
    double sum;
    bool whole, used; /* whole: all its values are integers */
};

struct all {
    struct series *items;
    size_t count, room;
};

/* Gauges that are added up too, because each generation has a part of the sum. */
static const char *const parts[] = {"silogate_sessions_open",
                                    "silogate_sessions",
                                    "silogate_service_sessions_open",
                                    "silogate_upstream_sessions_open",
                                    "silogate_violation_log_queued_bytes",
                                    "silogate_violation_log_backlog_bytes"};

static struct text next_line(struct text *rest)
{
    const char *end = memchr(rest->at, '\n', rest->length);
    const struct text line = {rest->at, end ? (size_t)(end - rest->at) : rest->length};
    const size_t taken = line.length + (end ? 1 : 0);

    rest->at += taken;
    rest->length -= taken;
    return line;
}

/* Cuts at the last space: a label's value may have spaces, a number has none. */
static bool cut(struct text line, struct series *to)
{
    size_t at = line.length;

    if (line.length == 0 || line.at[0] == '#')
        return false;
    while (at > 0 && line.at[at - 1] != ' ')
        at--;
    if (at < 2)
        return false;
    *to = (struct series){
        .name = {line.at,      at - 1          },
          .value = {line.at + at, line.length - at}
    };
    to->sum = strtod(to->value.at, NULL); /* strtod stops at the end of the line */
    to->whole = !memchr(to->value.at, '.', to->value.length);
    return true;
}

static int compare_names(struct text a, struct text b)
{
    const size_t least = a.length < b.length ? a.length : b.length;
    const int order = memcmp(a.at, b.at, least);

    return order ? order : (a.length > b.length) - (a.length < b.length);
}

static int compare(const void *a, const void *b)
{
    return compare_names(((const struct series *)a)->name, ((const struct series *)b)->name);
}

static void collect(struct all *all, const char *text)
{
    struct text rest = text_of(text);
    struct series one;

    while (rest.length > 0) {
        if (!cut(next_line(&rest), &one))
            continue;
        if (all->count == all->room) {
            all->room = all->room * 2 + 256;
            all->items = memory_resize(all->items, all->room * sizeof(all->items[0]));
        }
        all->items[all->count++] = one;
    }
}

/* Sorts by name and adds up entries of the same name. */
static void sort(struct all *all)
{
    size_t kept = 0;

    if (all->count > 0)
        qsort(all->items, all->count, sizeof(all->items[0]), compare);
    for (size_t i = 0; i < all->count; i++) {
        if (kept > 0 && compare(&all->items[kept - 1], &all->items[i]) == 0) {
            all->items[kept - 1].sum += all->items[i].sum;
            all->items[kept - 1].whole &= all->items[i].whole;
        } else
            all->items[kept++] = all->items[i];
    }
    all->count = kept;
}

static void put(FILE *to, struct text name, double value, bool whole)
{
    fprintf(to, whole ? "%.*s %.0f\n" : "%.*s %.9f\n", TEXT_ARGS(name), value);
}

static bool starts(struct text text, struct text with)
{
    return text.length >= with.length && memcmp(text.at, with.at, with.length) == 0;
}

/* Does this series belong to the metric? The series of a histogram have three names. */
static bool is_of(struct text series, struct text metric)
{
    static const char *const ends[] = {"", "_bucket", "_sum", "_count"};

    if (!starts(series, metric))
        return false;
    const struct text rest = {series.at + metric.length, series.length - metric.length};
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        const size_t length = strlen(ends[i]);
        if (starts(rest, text_of(ends[i])) && (rest.length == length || rest.at[length] == '{'))
            return true;
    }
    return false;
}

/* Writes the series of a metric that only the others have. */
static void put_rest(FILE *to, struct all *all, struct text metric)
{
    for (size_t i = 0; metric.length > 0 && i < all->count; i++) {
        struct series *one = &all->items[i];
        if (one->used || !is_of(one->name, metric))
            continue;
        one->used = true;
        put(to, one->name, one->sum, one->whole);
    }
}

/* The metric's name from "# TYPE silogate_x counter", if the metric is to be added up, else empty.
 * Reloads are not added up: one reload is passed on to all generations. */
static struct text summed(struct text line, bool counters)
{
    static const struct text type = {"# TYPE ", 7};
    const struct text rest = {line.at + type.length, line.length - type.length};
    const char *space = memchr(rest.at, ' ', rest.length);
    const struct text name = {rest.at, space ? (size_t)(space - rest.at) : 0};
    const struct text kind = {name.at + name.length, rest.length - name.length};
    bool adds =
        starts(name, TEXT("silogate_")) && !text_equal(name, TEXT("silogate_reloads_total"));
    bool part = text_equal(kind, TEXT(" counter")) || text_equal(kind, TEXT(" histogram"));

    for (size_t i = 0; !counters && i < sizeof(parts) / sizeof(parts[0]); i++)
        part |= text_equal(name, text_of(parts[i]));
    return adds && part ? name : (struct text){0};
}

static void put_sample(FILE *to, struct text line, struct all *all)
{
    struct series own;

    if (!cut(line, &own))
        return;
    struct series *found =
        all->count > 0 ? bsearch(&own, all->items, all->count, sizeof(own), compare) : NULL;
    if (!found) {
        fprintf(to, "%.*s\n", TEXT_ARGS(line));
        return;
    }
    found->used = true;
    put(to, own.name, own.sum + found->sum, own.whole && found->whole);
}

void totals_write(FILE *to, const char *own, char *const *others, size_t count, bool counters)
{
    struct text rest = text_of(own), metric = {0};
    struct all all = {0};

    for (size_t i = 0; i < count; i++)
        collect(&all, others[i]);
    sort(&all);
    while (rest.length > 0) {
        const struct text line = next_line(&rest);
        const bool head = starts(line, TEXT("# ")), type = starts(line, TEXT("# TYPE "));
        if (head && metric.length > 0) {
            put_rest(to, &all, metric);
            metric = (struct text){0};
        }
        if (type)
            metric = summed(line, counters);
        if (!head && metric.length > 0)
            put_sample(to, line, &all);
        else if (!counters || (type && metric.length > 0))
            fprintf(to, "%.*s\n", TEXT_ARGS(line));
    }
    put_rest(to, &all, metric);
    free(all.items);
}

/* The value of a series with this full name, which must follow a newline; 0: there is none. */
static double value_of(const char *text, const char *series)
{
    const size_t length = strlen(series);

    for (const char *at = strstr(text, series); at; at = strstr(at + length, series)) {
        if (at > text && at[-1] == '\n' && at[length] == ' ')
            return strtod(at + length, NULL);
    }
    return 0;
}

void totals_end(FILE *to, const char *text)
{
    const double open = value_of(text, "silogate_sessions_open");
    const double on_their_way = value_of(text, "silogate_commands_total{outcome=\"forwarded\"}") -
                                value_of(text, "silogate_answers_total{outcome=\"complete\"}") -
                                value_of(text, "silogate_answers_total{outcome=\"failed\"}");

    fprintf(to,
            "silogate_sessions_closed_total{reason=\"ended\"} %.0f\n"
            "silogate_answers_total{outcome=\"failed\"} %.0f\n",
            open, on_their_way);
}
