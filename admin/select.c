/* Which queries a page or an API call shows, and in which order; and the URLs of pages, so that
 * each number links to what it counts.
 */
#include <stdlib.h>
#include <string.h>

#include "admin/page.h"
#include "base/arena.h"
#include "base/table.h"

static const struct {
    const char *name, *words;
} ranges[SUMMARY_RANGES] = {
    [SUMMARY_START] = {"start", "since the start"},
    [SUMMARY_HOUR] = {"hour",  "last hour"      },
    [SUMMARY_DAY] = {"day",   "last day"       },
    [SUMMARY_MONTH] = {"month", "last 30 days"   },
};

const char *page_range_words(enum summary_range range)
{
    return ranges[range].words;
}

const char *page_range_name(enum summary_range range)
{
    return ranges[range].name;
}

uint32_t page_now(const struct page_request *request)
{
    return summary_piece(request->view->now);
}

uint64_t page_count(const struct page_request *request, const struct summary_query *query)
{
    return summary_query_count(query, request->range, page_now(request));
}

uint64_t page_crossings(const struct page_request *request, const struct summary_edge *edge)
{
    return summary_edge_logged(edge, request->range, page_now(request)) +
           summary_edge_blocked(edge, request->range, page_now(request)) +
           (request->range == SUMMARY_START ? edge->allowed : 0);
}

/* Does the search match "billing > clinical" of one of the query's edges? */
static bool edge_matches(const struct page_request *request, const struct summary_query *query)
{
    const struct summary *summary = request->view->summary;
    char edge[2 * SUMMARY_NAME + 4];

    for (unsigned i = 0; i < query->edge_count; i++) {
        snprintf(edge, sizeof(edge), "%s > %s", query->service,
                 summary->edges[query->edges[i]].owner);
        const struct text texts[] = {
            text_of(edge), {NULL, 0}
        };
        if (page_matches(request->search, texts))
            return true;
    }
    return false;
}

static bool matches(const struct page_request *request, const struct summary_query *query)
{
    char digest[17], id[17];

    snprintf(digest, sizeof(digest), "%016llx", (unsigned long long)query->digest);
    if (request->service.at && !text_equal(request->service, text_of(query->service)))
        return false;
    if (request->digest.at && !text_equal(request->digest, text_of(digest)))
        return false;
    if (request->owner.at && !summary_reaches(request->view->summary, query, request->owner))
        return false;
    if (page_count(request, query) == 0)
        return false;
    snprintf(id, sizeof(id), "%016llx", (unsigned long long)query->id);
    const struct text texts[] = {
        text_of(query->object),
        text_of(query->objects),
        text_of(query->statement),
        text_of(query->callers[0]),
        text_of(query->callers[1]),
        text_of(query->callers[2]),
        text_of(query->callers[3]),
        text_of(query->user),
        text_of(query->rule),
        text_of(query->kind),
        text_of(digest),
        text_of(id),
        text_of(verdict_reason_name((enum verdict_reason)query->reason)),
        text_of(query->blocked ? "blocked" : "logged"),
        {NULL, 0}
    };
    return page_matches(request->search, texts) || edge_matches(request, query);
}

static int compare_numbers(uint64_t a, uint64_t b)
{
    return (a < b) - (a > b); /* the larger first */
}

static int by_count(const void *a, const void *b, void *context)
{
    const struct page_request *request = context;
    const struct summary_query *one = *(const struct summary_query *const *)a;
    const struct summary_query *other = *(const struct summary_query *const *)b;
    int order = compare_numbers(page_count(request, one), page_count(request, other));

    order = order ? order : compare_numbers(one->digest, other->digest);
    return order ? order : strcmp(one->objects, other->objects);
}

static int by_sort(const void *a, const void *b, void *context)
{
    const struct page_request *request = context;
    const struct summary_query *one = *(const struct summary_query *const *)a;
    const struct summary_query *other = *(const struct summary_query *const *)b;
    int order = 0;

    if (text_equal(request->sort, TEXT("last")))
        order = compare_numbers((uint64_t)one->last, (uint64_t)other->last);
    else if (text_equal(request->sort, TEXT("first")))
        order = compare_numbers((uint64_t)one->first, (uint64_t)other->first);
    else if (text_equal(request->sort, TEXT("action")))
        order = other->blocked - one->blocked;
    else if (text_equal(request->sort, TEXT("service")))
        order = strcmp(one->service, other->service);
    else if (text_equal(request->sort, TEXT("statement")))
        order = strcmp(one->statement, other->statement);
    return order ? order : by_count(a, b, context);
}

struct page_selection page_select(const struct page_request *request)
{
    const struct summary *summary = request->view->summary;
    struct page_selection selection = {
        .items = memory_take((summary->query_count + 1) * sizeof(struct summary_query *))};

    for (size_t i = 0; i < summary->query_count; i++) {
        if (!matches(request, &summary->queries[i]))
            continue;
        selection.items[selection.count++] = &summary->queries[i];
        selection.statements += page_count(request, &summary->queries[i]);
    }
    if (selection.count > 0)
        qsort_r(selection.items, selection.count, sizeof(selection.items[0]), by_sort,
                (void *)request);
    return selection;
}

void page_put_url(FILE *to, struct text t)
{
    for (size_t i = 0; i < t.length; i++) {
        unsigned char c = (unsigned char)t.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '_' || c == '.' || c == '~';
        fprintf(to, plain ? "%c" : "%%%02X", c);
    }
}

static const char *put_part(FILE *to, const char *before, const char *name, struct text value)
{
    if (!value.at)
        return before;
    fprintf(to, "%s%s=", before, name);
    page_put_url(to, value);
    return "&amp;";
}

void page_put_link(FILE *to, const struct page_link *link)
{
    const char *before = "?";
    char number[32];

    fputs(link->path, to);
    before = put_part(to, before, "service", link->service);
    before = put_part(to, before, "owner", link->owner);
    before = put_part(to, before, "digest", link->digest);
    before = put_part(to, before, "q", link->search.length > 0 ? link->search : (struct text){0});
    before = put_part(to, before, "sort", link->sort);
    if (link->range != SUMMARY_START)
        before = put_part(to, before, "range", text_of(page_range_name(link->range)));
    snprintf(number, sizeof(number), "%zu", link->offset);
    if (link->offset > 0)
        put_part(to, before, "offset", text_of(number));
}

bool page_is_stand_in(struct text owner)
{
    return owner.length > 0 && owner.at[0] == '(';
}

void page_put_service(const struct page_request *request, struct text name, FILE *to)
{
    if (name.length == 0 || page_is_stand_in(name)) {
        table_put_html(name.length > 0 ? name : TEXT("(no service)"), to);
        return;
    }
    fputs("<a href=\"", to);
    page_put_link(
        to, &(struct page_link){.path = "/service", .service = name, .range = request->range});
    fputs("\">", to);
    table_put_html(name, to);
    fputs("</a>", to);
}

void page_put_ranges(const struct page_request *request, const struct page_link *link, FILE *to)
{
    fputs("<nav class=\"ranges\" aria-label=\"Time\">", to);
    for (unsigned i = SUMMARY_HOUR; i <= SUMMARY_RANGES; i++) {
        struct page_link other = *link;
        other.range = i == SUMMARY_RANGES ? SUMMARY_START : (enum summary_range)i;
        fputs("<a href=\"", to);
        page_put_link(to, &other);
        fprintf(to, "\"%s>%s</a>", other.range == request->range ? " aria-current=\"true\"" : "",
                page_range_words(other.range));
    }
    fputs("</nav>\n", to);
}

const char *page_version(const char *version)
{
    return strncmp(version, "5.5.5-", 6) == 0 ? version + 6 : version;
}

const char *page_show_short(uint64_t number, char to[16])
{
    static const char units[] = "kMGT";
    double value = (double)number / 1000;
    unsigned unit = 0;

    if (number < 10000) {
        snprintf(to, 16, "%llu", (unsigned long long)number);
        return to;
    }
    while (value >= 999.5 && unit < 3) {
        value /= 1000;
        unit++;
    }
    snprintf(to, 16, value < 99.95 ? "%.1f%c" : "%.0f%c", value, units[unit]);
    return to;
}

bool page_in_force(const struct page_request *request, const struct summary_query *query)
{
    return strcmp(query->policy, policy_hash(request->view->policy)) == 0;
}

bool page_next_object(const char **lines, struct page_object *object)
{
    struct text *const fields[] = {&object->owner, &object->access, &object->type, &object->schema,
                                   &object->name};
    const char *at = *lines;

    if (!*at)
        return false;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        size_t length = strcspn(at, "\t\n");
        *fields[i] = (struct text){at, length};
        at += length + (at[length] != '\0');
    }
    *lines = at;
    return true;
}
