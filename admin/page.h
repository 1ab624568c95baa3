/* What the pages of admin/ share. Each page writes itself to a stream in memory; none keeps
 * anything.
 */
#ifndef ADMIN_PAGE_H
#define ADMIN_PAGE_H

#include <stdio.h>

#include "admin/admin.h"

/* What was asked for; none where it was not. */
struct page_request {
    const struct admin_view *view;
    const struct admin_source *source;
    struct text search, user, database, sql, refresh;
};

/* The pages: */
void page_metrics(const struct page_request *request, FILE *to);
void page_dashboard(const struct page_request *request, FILE *to);
void page_policy(const struct page_request *request, FILE *to);
void page_why(const struct page_request *request, FILE *to);
void page_style(const struct page_request *request, FILE *to);
void page_api(const struct page_request *request, FILE *to);
void page_api_services(const struct page_request *request, FILE *to);
void page_api_matrix(const struct page_request *request, FILE *to);
void page_api_upstreams(const struct page_request *request, FILE *to);
void page_api_queries(const struct page_request *request, FILE *to);
void page_api_violations(const struct page_request *request, FILE *to);
void page_api_policy(const struct page_request *request, FILE *to);
void page_api_why(const struct page_request *request, FILE *to);

/* Everything before and behind a page's own part. `title` is the page's, `path` its own path. */
void page_begin(const struct page_request *request, const char *path, const char *title, FILE *to);
void page_end(FILE *to);
/* A table begins and ends: `id` of its section, headings until a NULL; a heading that begins with
 * '#' is of numbers. With `cards` each row becomes one where the screen is narrow. */
void page_table(FILE *to, const char *id, const char *title, const char *const *headings,
                bool cards);
void page_table_end(FILE *to);
/* Cells. */
void page_words(FILE *to, struct text words);
void page_number(FILE *to, uint64_t number);
/* "3 min ago", with the moment itself in UTC. */
void page_ago(FILE *to, int64_t then, int64_t now);
/* Does one of the texts, until one that is none, hold what is searched for? Always, without a
 * search. */
bool page_matches(struct text search, const struct text *texts);

/* JSON: a string with its quotes, null where there is none. */
void page_json(FILE *to, struct text t);

/* The queries of all workers as one list, the most frequent or the latest first: for the caller to
 * free. */
struct violations_seen *page_queries(const struct admin_view *view, bool latest, size_t *count);

/* Sums over a service. */
uint64_t page_judged(const struct admin_service *service);
uint64_t page_done(const struct admin_service *service, enum verdict_action action);

/* "log" */
const char *page_mode(int mode);
/* The service's mode, or the default that holds for it. */
int page_mode_of(const struct config *config, const struct config_service *service);

/* Each line of the policy in force that decides verdicts: called with its section, key and value.
 */
void page_rules(const struct config *config,
                void (*put)(void *context, unsigned line, struct text section, const char *key,
                            struct text value),
                void *context);

#endif
