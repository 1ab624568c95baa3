/* What crosses inside the servers, as JSON and as metrics: `/api/catalogue`, the crossings that the
 * queries of `/api/queries` cause, and the number of crossings of each edge. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "admin/page.h"
#include "admin/samples.h"
#include "sql/facts.h"

static void put_access(FILE *to, uint8_t access)
{
    const char *before = "";

    fputs("[", to);
    for (unsigned bit = SQL_READ; bit <= SQL_EXECUTE; bit <<= 1) {
        if (access & bit) {
            fprintf(to, "%s\"%s\"", before, sql_access_name((enum sql_access)bit));
            before = ",";
        }
    }
    fputs("]", to);
}

static struct text some(struct text t)
{
    return t.length > 0 ? t : (struct text){0};
}

static void put_member(FILE *to, const char *name, struct text value)
{
    fprintf(to, ",\"%s\":", name);
    page_json(to, some(value));
}

static void put_table(FILE *to, const char *key, struct text schema, struct text name)
{
    fprintf(to, ",\"%s\":{\"schema\":", key);
    page_json(to, schema);
    put_member(to, "name", name);
    fputs("}", to);
}

static void put_crossing(FILE *to, const struct crossing *one)
{
    fputs("{\"finding\":", to);
    page_json(to, one->finding);
    put_member(to, "schema", one->schema);
    put_member(to, "name", one->name);
    if (one->on.length > 0)
        put_table(to, "on", one->on_schema, one->on);
    if (one->parent.length > 0)
        put_table(to, "parent", one->parent_schema, one->parent);
    if (one->event.length > 0)
        put_member(to, "fires", one->event);
    put_member(to, "service", one->service);
    put_member(to, "owner", one->owner);
    fputs(",\"touches\":{\"schema\":", to);
    page_json(to, one->to_schema);
    put_member(to, "name", one->to);
    fputs(",\"access\":", to);
    put_access(to, one->access);
    fprintf(to, "},\"verdict\":\"%s\",\"reason\":\"%s\"}",
            verdict_action_name((enum verdict_action)one->action),
            verdict_reason_name((enum verdict_reason)one->reason));
}

void page_api_catalogue(const struct page_request *request, FILE *to)
{
    const struct admin_view *view = request->view;

    fputs("[", to);
    for (size_t s = 0; s < view->crossing_sets; s++) {
        const struct crossings *set = view->crossings[s];
        const char *before = "\n";
        fputs(s > 0 ? ",\n{\"upstream\":" : "\n{\"upstream\":", to);
        page_json(to, set->upstream);
        fprintf(to, ",\"read\":%.6f,\"more\":%" PRIu64 ",\"crossings\":[",
                (double)set->read_at / 1e6, set->more);
        for (size_t i = 0; i < set->count; i++) {
            if (!set->items[i].crosses)
                continue;
            fputs(before, to);
            put_crossing(to, &set->items[i]);
            before = ",\n";
        }
        fputs("]}", to);
    }
    fputs("]\n", to);
}

uint64_t page_catalogue_count(const struct admin_view *view, struct text service, struct text owner)
{
    uint64_t count = 0;

    for (size_t s = 0; s < view->crossing_sets; s++) {
        const struct crossings *set = view->crossings[s];
        for (size_t i = 0; i < set->count; i++)
            count += set->items[i].crosses && text_equal(set->items[i].service, service) &&
                     text_equal(set->items[i].owner, owner);
    }
    return count;
}

/* Is item `i` of set `s` the first crossing of its edge? */
static bool is_first(const struct admin_view *view, size_t s, size_t i)
{
    const struct crossing *one = &view->crossings[s]->items[i];

    for (size_t before = 0; before <= s; before++) {
        const struct crossings *set = view->crossings[before];
        for (size_t k = 0; k < (before < s ? set->count : i); k++) {
            if (set->items[k].crosses && text_equal(set->items[k].service, one->service) &&
                text_equal(set->items[k].owner, one->owner))
                return false;
        }
    }
    return true;
}

void page_catalogue_edges(const struct admin_view *view,
                          void (*take)(void *user, const struct crossing *one, uint64_t count),
                          void *user)
{
    for (size_t s = 0; s < view->crossing_sets; s++) {
        for (size_t i = 0; i < view->crossings[s]->count; i++) {
            const struct crossing *one = &view->crossings[s]->items[i];
            if (one->crosses && is_first(view, s, i))
                take(user, one, page_catalogue_count(view, one->service, one->owner));
        }
    }
}

static bool begins(const char *kind, const char *word)
{
    return strncmp(kind, word, strlen(word)) == 0;
}

bool page_is_carried(const struct crossing *one)
{
    return one->parent.length > 0 && one->event.length > 0;
}

/* A trigger for another event than the statement's does not fire. But an INSERT may become an
 * UPDATE (ON DUPLICATE KEY UPDATE), and a REPLACE may become a DELETE. */
static bool fires(const struct crossing *one, const char *kind)
{
    if (begins(kind, "update"))
        return text_equal(one->event, TEXT("UPDATE"));
    return !begins(kind, "delete") || text_equal(one->event, TEXT("DELETE"));
}

/* A foreign key's referential action runs if existing rows of the parent are changed or deleted. A
 * new row has no children yet. */
static bool carries(const struct crossing *one, const struct summary_query *query)
{
    bool on_delete = memmem(one->event.at, one->event.length, "DELETE", 6) != NULL;
    bool on_update = memmem(one->event.at, one->event.length, "UPDATE", 6) != NULL;

    if (begins(query->kind, "insert"))
        return on_update && strcasestr(query->statement, "DUPLICATE KEY") != NULL;
    return begins(query->kind, "update")                                     ? on_update
           : begins(query->kind, "delete") || begins(query->kind, "replace") ? on_delete
                                                                             : true;
}

/* Does a use of `object` cause an access to what `one` touches? It does by a trigger or foreign key
 * on a table that is written, or if `object` is the view or routine itself. */
static bool leads(const struct crossing *one, const struct page_object *object,
                  const struct summary_query *query)
{
    bool writes = memmem(object->access.at, object->access.length, "write", 5) != NULL;

    if (one->on.length == 0)
        return text_equal(one->schema, object->schema) && text_equal(one->name, object->name);
    if (page_is_carried(one))
        return writes && text_equal(one->parent_schema, object->schema) &&
               text_equal(one->parent, object->name) && carries(one, query);
    return writes && text_equal(one->on_schema, object->schema) &&
           text_equal(one->on, object->name) &&
           (one->event.length == 0 ? !begins(query->kind, "delete") : fires(one, query->kind));
}

void page_causes(const struct admin_view *view, const struct summary_query *query,
                 void (*take)(void *user, const struct crossing *one), void *user)
{
    const char *lines = query->objects;
    struct page_object object;

    while (view->crossing_sets > 0 && page_next_object(&lines, &object)) {
        for (size_t s = 0; object.schema.length > 0 && s < view->crossing_sets; s++) {
            const struct crossings *set = view->crossings[s];
            for (size_t i = 0; i < set->count; i++) {
                if (leads(&set->items[i], &object, query))
                    take(user, &set->items[i]);
            }
        }
    }
}

struct causes {
    FILE *to;
    const char *before;
};

static void put_cause(void *user, const struct crossing *one)
{
    struct causes *causes = user;

    fputs(causes->before, causes->to);
    put_crossing(causes->to, one);
    causes->before = ",";
}

void page_put_causes(const struct admin_view *view, const struct summary_query *query, FILE *to)
{
    struct causes causes = {to, ""};

    fputs(",\"causes\":[", to);
    page_causes(view, query, put_cause, &causes);
    fputs("]", to);
}

static void put_sample(void *user, const struct crossing *one, uint64_t count)
{
    FILE *to = user;

    sample_label(to, "silogate_catalogue_crossings{", "service", one->service);
    sample_label(to, ",", "owner", one->owner);
    fprintf(to, "} %" PRIu64 "\n", count);
}

void samples_put_catalogue(const struct admin_view *view, FILE *to)
{
    sample_head(to, "catalogue_crossings", "gauge",
                "Views, triggers, foreign keys and routines of a service that use what another "
                "owns, as the servers' catalogues have it.");
    page_catalogue_edges(view, put_sample, to);
    sample_head(to, "catalogue_read_timestamp_seconds", "gauge",
                "When an upstream's catalogue was last read; where it has an account.");
    for (size_t s = 0; s < view->crossing_sets; s++) {
        sample_label(to, "silogate_catalogue_read_timestamp_seconds{", "upstream",
                     view->crossings[s]->upstream);
        fprintf(to, "} %" PRId64 "\n", view->crossings[s]->read_at / 1000000);
    }
}
