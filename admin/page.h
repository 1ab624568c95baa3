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
    const char *path;
    struct text search, user, database, sql, refresh;
};

void page_metrics(const struct page_request *request, FILE *to);

#endif
