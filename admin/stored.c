/* What crosses inside the servers, on the pages: how many stored objects reach into a service's
 * data, the table of them, and the crossings that a query causes. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "admin/page.h"
#include "base/table.h"
#include "sql/facts.h"

enum { SHOWN = 100 };

static const struct {
    const char *finding, *one, *many;
} kinds[PAGE_STORED_KINDS] = {
    {"view",        "view",         "views"        },
    {"trigger",     "trigger",      "triggers"     },
    {"foreign_key", "foreign key",  "foreign keys" },
    {"routine",     "routine",      "routines"     },
    {"event",       "event",        "events"       },
    {"column",      "default",      "defaults"     },
    {"table",       "merged table", "merged tables"},
};

static size_t kind_of(struct text finding)
{
    size_t kind = 0;

    while (kind < PAGE_STORED_KINDS - 1 && !text_equal(finding, text_of(kinds[kind].finding)))
        kind++;
    return kind;
}

static bool is_same_thing(const struct crossing *a, const struct crossing *b)
{
    return text_equal(a->finding, b->finding) && text_equal(a->name, b->name) &&
           text_equal(a->schema, b->schema) && text_equal(a->on, b->on) &&
           text_equal(a->service, b->service);
}

/* A stored object has one crossing for each object that it touches; they are adjacent. Did an
 * earlier crossing of the same stored object reach this owner? With `out`: did one reach any other
 * owner? */
static bool was_counted(const struct crossings *set, size_t i, bool out)
{
    for (size_t k = i; k-- > 0 && is_same_thing(&set->items[k], &set->items[i]);) {
        if (set->items[k].crosses && (out || text_equal(set->items[k].owner, set->items[i].owner)))
            return true;
    }
    return false;
}

static void count(struct page_stored *stored, struct text finding)
{
    stored->counts[kind_of(finding)]++;
    stored->all++;
}

void page_count_stored(const struct admin_view *view, struct text service, struct page_stored *in,
                       struct page_stored *out)
{
    for (size_t s = 0; s < view->crossing_sets; s++) {
        const struct crossings *set = view->crossings[s];
        for (size_t i = 0; i < set->count; i++) {
            const struct crossing *one = &set->items[i];
            if (!one->crosses)
                continue;
            if (text_equal(one->owner, service) && !was_counted(set, i, false))
                count(in, one->finding);
            if (text_equal(one->service, service) && !was_counted(set, i, true))
                count(out, one->finding);
        }
    }
}

void page_put_stored_words(const struct page_stored *stored, FILE *to)
{
    size_t left = 0;

    for (size_t k = 0; k < PAGE_STORED_KINDS; k++)
        left += stored->counts[k] > 0;
    for (size_t k = 0; k < PAGE_STORED_KINDS; k++) {
        if (stored->counts[k] == 0)
            continue;
        fprintf(to, "%zu %s%s", stored->counts[k],
                stored->counts[k] == 1 ? kinds[k].one : kinds[k].many,
                left > 2    ? ", "
                : left == 2 ? " and "
                            : "");
        left--;
    }
}

static const char *verb(const struct crossing *one)
{
    return one->access & SQL_EXECUTE                ? "runs"
           : one->access & (SQL_WRITE | SQL_DEFINE) ? "writes"
                                                    : "reads";
}

static void put_full(struct text schema, struct text name, FILE *to)
{
    table_put_html(schema, to);
    fputs(schema.length > 0 && name.length > 0 ? "." : "", to);
    table_put_html(name, to);
}

static void put_row(const struct page_request *request, const struct crossing *one, FILE *to)
{
    fprintf(to, "<tr><td>%s</td><th scope=\"row\"><code>", kinds[kind_of(one->finding)].one);
    put_full(one->schema, one->name, to);
    fputs("</code>", to);
    if (one->on.length > 0) {
        bool carried = page_is_carried(one);
        fputs(" <small>on <code>", to);
        put_full(carried ? one->parent_schema : one->on_schema, carried ? one->parent : one->on,
                 to);
        fputs("</code></small>", to);
    }
    fputs("</th><td>", to);
    page_put_service(request, one->service.length > 0 ? one->service : TEXT(SUMMARY_UNOWNED), to);
    fprintf(to, "</td><td>%s <code>", verb(one));
    put_full(one->to_schema, one->to, to);
    fputs("</code></td><td>", to);
    page_put_service(request, one->owner.length > 0 ? one->owner : TEXT(SUMMARY_UNOWNED), to);
    fprintf(to, "</td><td><span class=\"%s\">%s</span> <small>%s</small></td></tr>\n",
            verdict_action_name((enum verdict_action)one->action),
            verdict_action_name((enum verdict_action)one->action),
            verdict_reason_name((enum verdict_reason)one->reason));
}

void page_put_stored(const struct page_request *request, struct text service, FILE *to)
{
    static const char *const headings[] = {"what",  "name",    "of", "touches",
                                           "whose", "verdict", NULL};
    const struct admin_view *view = request->view;
    size_t found = 0;

    if (view->crossing_sets == 0)
        return;
    page_table(to, "stored",
               "Stored on the servers: what reaches into it, and what of it reaches out", headings,
               false);
    for (int out = 0; out < 2; out++) {
        for (size_t s = 0; s < view->crossing_sets; s++) {
            const struct crossings *set = view->crossings[s];
            for (size_t i = 0; i < set->count; i++) {
                const struct crossing *one = &set->items[i];
                if (one->crosses && text_equal(out ? one->service : one->owner, service) &&
                    found++ < SHOWN)
                    put_row(request, one, to);
            }
        }
    }
    if (found == 0)
        fputs("<tr><td colspan=\"6\">Nothing.</td></tr>\n", to);
    page_table_end(to);
    if (found > SHOWN)
        fprintf(to, "<p>And %zu more: <code>/api/catalogue</code>.</p>\n", found - SHOWN);
}

struct lines {
    const struct summary_query *query;
    FILE *to;
};

/* Writes "this INSERT of billing writes clinical_data.audit_log of clinical by trigger x on y". */
static void write_cause(void *user, const struct crossing *one)
{
    const struct lines *lines = user;
    FILE *to = lines->to;

    fputs("this ", to);
    for (const char *at = lines->query->kind; *at; at++)
        putc(*at == '_' ? ' ' : toupper((unsigned char)*at), to);
    fprintf(to, " %s %.*s%s%.*s of %.*s by %s %.*s.%.*s", verb(one), TEXT_ARGS(one->to_schema),
            one->to.length > 0 ? "." : "", TEXT_ARGS(one->to),
            TEXT_ARGS(one->owner.length > 0 ? one->owner : TEXT("nobody")),
            kinds[kind_of(one->finding)].one, TEXT_ARGS(one->schema), TEXT_ARGS(one->name));
    if (page_is_carried(one))
        fprintf(to, " on %.*s.%.*s", TEXT_ARGS(one->parent_schema), TEXT_ARGS(one->parent));
    else if (one->on.length > 0)
        fprintf(to, " on %.*s.%.*s", TEXT_ARGS(one->on_schema), TEXT_ARGS(one->on));
    putc('\n', to);
}

void page_write_causes(const struct page_request *request, const struct summary_query *query,
                       FILE *to)
{
    struct lines lines = {query, to};

    page_causes(request->view, query, write_cause, &lines);
}
