/* What the pages of admin/ share. Each page writes itself to a stream in memory and keeps no state.
 */
#ifndef ADMIN_PAGE_H
#define ADMIN_PAGE_H

#include <stdio.h>

#include "admin/admin.h"
#include "violations/summary.h"

/* What the request asks for; a text is none if the request does not have it. */
struct page_request {
    const struct admin_view *view;
    const struct admin_source *source;
    struct text search, user, database, sql, refresh;
    struct text service, owner, digest, sort; /* service empty: users without one */
    enum summary_range range;
    size_t limit, offset; /* limit 0: not given */
};

enum { PAGE_QUERIES = 50, PAGE_QUERIES_MOST = 1000 };

/* The pages: */
void page_metrics(const struct page_request *request, FILE *to);
/* The same, of this process only. */
void page_own_metrics(const struct page_request *request, FILE *to);
void page_dashboard(const struct page_request *request, FILE *to);
void page_queries(const struct page_request *request, FILE *to);
void page_query(const struct page_request *request, FILE *to);
void page_service(const struct page_request *request, FILE *to);
void page_policy(const struct page_request *request, FILE *to);
void page_why(const struct page_request *request, FILE *to);
void page_style(const struct page_request *request, FILE *to);
void page_script(const struct page_request *request, FILE *to);
void page_api(const struct page_request *request, FILE *to);
void page_api_services(const struct page_request *request, FILE *to);
void page_api_matrix(const struct page_request *request, FILE *to);
void page_api_upstreams(const struct page_request *request, FILE *to);
void page_api_queries(const struct page_request *request, FILE *to);
void page_api_violations(const struct page_request *request, FILE *to);
void page_api_policy(const struct page_request *request, FILE *to);
void page_api_catalogue(const struct page_request *request, FILE *to);
void page_api_why(const struct page_request *request, FILE *to);

/* Everything before and after a page's own content. `title` is the page's title, `path` its own
 * path. */
void page_begin(const struct page_request *request, const char *path, const char *title, FILE *to);
void page_end(FILE *to);
/* Begins and ends a table: `id` of its section; headings, with NULL at the end. A heading that
 * begins with '#' is for a column of numbers. With `cards`, each row becomes a card on a narrow
 * screen. */
void page_table(FILE *to, const char *id, const char *title, const char *const *headings,
                bool cards);
void page_table_end(FILE *to);
/* Cells. */
void page_words(FILE *to, struct text words);
void page_number(FILE *to, uint64_t number);
/* "3 min ago", with the time in UTC. */
void page_ago(FILE *to, int64_t then, int64_t now);
/* Does one of the texts contain the search text? The list ends with a text that is none. True if
 * there is no search. */
bool page_matches(struct text search, const struct text *texts);

/* JSON: a string with its quotes; null if the text is none. */
void page_json(FILE *to, struct text t);

/* The queries that the request asks for (service, owner, digest, search, range), sorted by
 * request->sort: "last", "first", "statement", else by count. It ignores limit and offset: the
 * caller applies them. The caller frees it with free(items). */
struct page_selection {
    const struct summary_query **items;
    size_t count;
    uint64_t statements; /* in the range */
};
struct page_selection page_select(const struct page_request *request);
/* Number of statements of the query, or of the edge, in the request's range. */
uint64_t page_count(const struct page_request *request, const struct summary_query *query);
uint64_t page_crossings(const struct page_request *request, const struct summary_edge *edge);
/* "last hour", "since the start" */
const char *page_range_words(enum summary_range range);
const char *page_range_name(enum summary_range range); /* in URLs: "hour" */
uint32_t page_now(const struct page_request *request); /* the piece of now (summary_piece) */

/* A URL of silogate's own pages, escaped for an attribute. Parameters that are none are left out.
 */
struct page_link {
    const char *path;
    struct text service, owner, digest, search, sort;
    enum summary_range range;
    size_t offset;
};
void page_put_link(FILE *to, const struct page_link *link);
/* A link to a service's page; names that stand for no service ("unowned") get no link. */
void page_put_service(const struct page_request *request, struct text name, FILE *to);
bool page_is_stand_in(struct text owner);
/* Bytes, escaped as a part of a URL. */
void page_put_url(FILE *to, struct text t);
/* The links that choose the range, for the page at `link`. */
void page_put_ranges(const struct page_request *request, const struct page_link *link, FILE *to);
/* MariaDB puts "5.5.5-" before its version for old replicas; this returns the version without it.
 */
const char *page_version(const char *version);
/* "12.3k": at most four digits. */
const char *page_show_short(uint64_t number, char to[16]);
/* "3 min ago", with the time in UTC; without a table cell. */
void page_put_ago(FILE *to, int64_t then, int64_t now);

/* Parts of several pages: the matrix, the trend, a table of queries. */
void page_put_matrix(const struct page_request *request, FILE *to);
void page_put_trend(const struct page_request *request, FILE *to);
/* Queries `first` to `first` + `count` - 1 of the selection. `link`: the URL of the column heads,
 * which sort by their column; path NULL: no sorting. */
void page_put_queries(const struct page_request *request, const struct page_selection *selection,
                      size_t first, size_t count, const char *id, const char *title,
                      const struct page_link *link, FILE *to);
/* The lines of proxy.ini that would allow the query: a grant, or what to do instead. Plain text. */
void page_write_grant(const struct page_request *request, const struct summary_query *query,
                      FILE *to);
/* Reads the next line of summary_query.objects into the five fields; false at the end. */
struct page_object {
    struct text owner, access, type, schema, name;
};
/* Is the policy that judged the query still in force? Only then the query's policy line is right.
 */
bool page_in_force(const struct page_request *request, const struct summary_query *query);
bool page_next_object(const char **lines, struct page_object *object);
/* Stored objects on the servers, by kind. */
enum { PAGE_STORED_KINDS = 7 };
struct page_stored {
    size_t counts[PAGE_STORED_KINDS], all;
};
/* Whether the service's data can move: "can move: nothing reaches into it". */
struct page_readiness {
    size_t edges_in, queries_in, edges_out, queries_out;
    int64_t last_in;
    struct page_stored stored_in, stored_out; /* that reach into its data, its own that reach out */
};
struct page_readiness *page_readiness(const struct page_request *request);
bool page_is_held(const struct page_readiness *one); /* by queries, or by stored objects */
void page_put_readiness(const struct page_request *request, const struct page_readiness *one,
                        FILE *to);

/* What crosses inside the servers (crossings.h): how many crossings an edge has; each edge once,
 * with one of its crossings; and, as the JSON member `causes`, the crossings that a query causes.
 */
uint64_t page_catalogue_count(const struct admin_view *view, struct text service,
                              struct text owner);
void page_catalogue_edges(const struct admin_view *view,
                          void (*take)(void *user, const struct crossing *one, uint64_t count),
                          void *user);
void page_put_causes(const struct admin_view *view, const struct summary_query *query, FILE *to);
/* Is it a foreign key whose referential actions pass writes of its parent on to its own table? */
bool page_is_carried(const struct crossing *one);
/* The crossings that a query causes, one by one, and as lines of text for a ticket. */
void page_causes(const struct admin_view *view, const struct summary_query *query,
                 void (*take)(void *user, const struct crossing *one), void *user);
void page_write_causes(const struct page_request *request, const struct summary_query *query,
                       FILE *to);
/* page_count_stored adds the stored objects that reach into a service's data to `in`, and those of
 * the service that reach out to `out`. page_put_stored_words writes "2 views and 1 trigger".
 * page_put_stored writes the table, or nothing if no catalogue is read. */
void page_count_stored(const struct admin_view *view, struct text service, struct page_stored *in,
                       struct page_stored *out);
void page_put_stored_words(const struct page_stored *stored, FILE *to);
void page_put_stored(const struct page_request *request, struct text service, FILE *to);

/* The instances before each upstream that has an account; do those that serve differ? */
void page_put_instances(const struct admin_view *view, FILE *to);
bool page_instances_differ(const struct admin_view *view);

/* Sums of a service. */
uint64_t page_judged(const struct admin_service *service);
uint64_t page_done(const struct admin_service *service, enum verdict_action action);

/* "log" */
const char *page_mode(int mode);
/* The service's mode, or the default if it has none. */
int page_mode_of(const struct config *config, const struct config_service *service);

/* Calls the function for each line of the policy in force that decides verdicts, with its section,
 * key and value.
 */
void page_rules(const struct config *config,
                void (*put)(void *context, unsigned line, struct text section, const char *key,
                            struct text value),
                void *context);

#endif
