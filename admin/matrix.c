/* The two pictures of the overview: who reaches into whose silo, as a table in which each number is
 * a link to its queries; and the number of crossings over time, as bars.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin/page.h"
#include "base/arena.h"
#include "base/table.h"

enum {
    SHADES = 6,
    SIDE_MOST = 120, /* at most so many names on a side, so that the page stays small */
    MANY = 18,       /* from so many owners on, column heads are written vertically */
    BARS = SUMMARY_DAYS,
    CHART_WIDTH = 1200,
    CHART_TOP = 16,
    CHART_BOTTOM = 120,
    CHART_LEFT = 56,
    CHART_RIGHT = 1185, /* leaves room for the last label */
};

/* The names on one side, in the order of proxy.ini; names that are no services there come last. */
struct side {
    const char **names;
    size_t count;
};

static size_t find(const struct side *side, const char *name)
{
    size_t at = 0;

    while (at < side->count && strcmp(side->names[at], name) != 0)
        at++;
    return at;
}

static const char *name_of(const struct summary_edge *edge, bool owners)
{
    return owners ? edge->owner : edge->service;
}

/* Edges from the servers' catalogues; names are cut to the length that the summary uses. */
struct stored {
    char service[SUMMARY_NAME], owner[SUMMARY_NAME];
    uint64_t count;
};
struct all_stored {
    struct stored *items;
    size_t count, room;
};

static void take_stored(void *user, const struct crossing *one, uint64_t count)
{
    struct all_stored *all = user;
    const struct text owner = one->owner.length > 0 ? one->owner : TEXT(SUMMARY_UNOWNED);

    if (all->count == all->room) {
        all->room = all->room * 2 + 16;
        all->items = memory_resize(all->items, all->room * sizeof(*all->items));
    }
    struct stored *to = &all->items[all->count++];
    snprintf(to->service, sizeof(to->service), "%.*s", TEXT_ARGS(one->service));
    snprintf(to->owner, sizeof(to->owner), "%.*s", TEXT_ARGS(owner));
    to->count = count;
}

static void add_name(struct side *side, const char *name)
{
    if (find(side, name) == side->count)
        side->names[side->count++] = name;
}

static struct side make_side(const struct page_request *request, const struct all_stored *stored,
                             bool owners)
{
    const struct admin_view *view = request->view;
    const struct summary *summary = view->summary;
    const size_t room = (summary->edge_count + stored->count + 1) * sizeof(char *);
    struct side all = {memory_take(room), 0}, side = {memory_take(room), 0};

    for (size_t e = 0; e < summary->edge_count; e++) {
        if (page_crossings(request, &summary->edges[e]) > 0)
            add_name(&all, name_of(&summary->edges[e], owners));
    }
    for (size_t i = 0; i < stored->count; i++)
        add_name(&all, owners ? stored->items[i].owner : stored->items[i].service);
    for (size_t s = 0; s < view->service_count; s++) {
        char name[SUMMARY_NAME];
        snprintf(name, sizeof(name), "%.*s", TEXT_ARGS(view->services[s].name));
        size_t at = name[0] ? find(&all, name) : all.count;
        if (at < all.count)
            add_name(&side, all.names[at]);
    }
    for (size_t i = 0; i < all.count; i++)
        add_name(&side, all.names[i]);
    free(all.names);
    return side;
}

static int descending(const void *a, const void *b)
{
    uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;

    return (one < other) - (one > other);
}

/* If there are too many names for the page, keeps the busiest, in the same order. */
static void shorten(const struct page_request *request, struct side *side, bool owners)
{
    const struct summary *summary = request->view->summary;

    if (side->count <= SIDE_MOST)
        return;
    uint64_t *sums = memory_take_zeroed(side->count * sizeof(*sums));
    uint64_t *sorted = memory_take(side->count * sizeof(*sorted));
    for (size_t e = 0; e < summary->edge_count; e++) {
        size_t at = find(side, name_of(&summary->edges[e], owners));
        if (at < side->count)
            sums[at] += page_crossings(request, &summary->edges[e]);
    }
    memcpy(sorted, sums, side->count * sizeof(*sorted));
    qsort(sorted, side->count, sizeof(*sorted), descending);
    const uint64_t least = sorted[SIDE_MOST - 1];
    size_t kept = 0;
    for (size_t i = 0; i < side->count && kept < SIDE_MOST; i++) {
        if (sums[i] >= least)
            side->names[kept++] = side->names[i];
    }
    side->count = kept;
    free(sums);
    free(sorted);
}

/* The shade by order of magnitude: each is for ten times the number of the one before. */
static int shade_of(uint64_t number)
{
    int shade = 0;

    for (; number > 0 && shade < SHADES - 1; number /= 10)
        shade++;
    return shade;
}

/* The content of one cell of the matrix. */
struct place {
    const struct summary_edge *edge; /* NULL: no statement */
    const struct stored *stored;     /* NULL: no crossing in a catalogue */
};

/* A cell without statements, but with stored objects: it links to the owner's page. */
static void put_stored_cell(const struct stored *stored, FILE *to)
{
    char shown[TABLE_NUMBER_SIZE], brief[16];

    fputs("<td class=\"s0\"><a href=\"", to);
    page_put_link(to,
                  &(struct page_link){
                      .path = "/service",
                      .service = text_of(page_is_stand_in(text_of(stored->owner)) ? stored->service
                                                                                  : stored->owner),
                  });
    fputs("#stored\" title=\"", to);
    table_put_html(stored->service[0] ? text_of(stored->service) : TEXT("(nobody)"), to);
    fputs(" reaches into ", to);
    table_put_html(text_of(stored->owner), to);
    fprintf(to, ": %s stored on the servers\"><small>&#9671; %s</small></a></td>",
            table_show_number(stored->count, shown), page_show_short(stored->count, brief));
}

static void put_cell(const struct page_request *request, const struct place *place, bool same,
                     FILE *to)
{
    const struct summary_edge *edge = place->edge;
    char shown[TABLE_NUMBER_SIZE], brief[16];

    if (!edge || page_crossings(request, edge) == 0) {
        if (place->stored)
            put_stored_cell(place->stored, to);
        else
            fputs(same ? "<td class=\"self\"><span><i>own</i></span></td>"
                       : "<td class=\"s0\"></td>",
                  to);
        return;
    }
    uint64_t crossings = page_crossings(request, edge);
    uint64_t blocked = summary_edge_blocked(edge, request->range, page_now(request));
    fprintf(to, "<td class=\"s%d\"><a href=\"", shade_of(crossings));
    page_put_link(to, &(struct page_link){.path = "/queries",
                                          .service = text_of(edge->service),
                                          .owner = text_of(edge->owner),
                                          .range = request->range});
    fputs("\" title=\"", to);
    table_put_html(edge->service[0] ? text_of(edge->service) : TEXT("(no service)"), to);
    fputs(" reaches into ", to);
    table_put_html(text_of(edge->owner), to);
    fprintf(to, ": %s statements", table_show_number(crossings, shown));
    fprintf(to, ", %s blocked", table_show_number(blocked, shown));
    if (edge->allowed > 0 && request->range == SUMMARY_START)
        fprintf(to, ", %s in mode off", table_show_number(edge->allowed, shown));
    if (place->stored)
        fprintf(to, ", and %s stored on the servers",
                table_show_number(place->stored->count, shown));
    fprintf(to, "\">%s", page_show_short(crossings, brief));
    if (blocked > 0)
        fprintf(to, "<small>&#8856; %s</small>", page_show_short(blocked, brief));
    if (place->stored)
        fprintf(to, "<small>&#9671; %s</small>", page_show_short(place->stored->count, brief));
    fputs("</a></td>", to);
}

static void put_head(const struct page_request *request, const struct side *owners, FILE *to)
{
    fprintf(to,
            "<div class=\"wide tall\" tabindex=\"0\" role=\"region\" "
            "aria-labelledby=\"matrix-title\"><table class=\"heat%s\"><thead><tr>"
            "<th scope=\"col\"><small>uses &#8595; &nbsp; owns &#8594;</small></th>",
            owners->count > MANY ? " many" : "");
    for (size_t o = 0; o < owners->count; o++) {
        fputs("<th scope=\"col\"><span>", to);
        page_put_service(request, text_of(owners->names[o]), to);
        fputs("</span></th>", to);
    }
    fputs("</tr></thead><tbody>\n", to);
}

static void put_rows(const struct page_request *request, const struct all_stored *stored,
                     const struct side *users, const struct side *owners, FILE *to)
{
    const struct summary *summary = request->view->summary;
    struct place *grid =
        memory_take_zeroed((users->count + 1) * (owners->count + 1) * sizeof(*grid));

    for (size_t e = 0; e < summary->edge_count; e++) {
        size_t u = find(users, summary->edges[e].service);
        size_t o = find(owners, summary->edges[e].owner);
        if (u < users->count && o < owners->count)
            grid[u * owners->count + o].edge = &summary->edges[e];
    }
    for (size_t i = 0; i < stored->count; i++) {
        size_t u = find(users, stored->items[i].service), o = find(owners, stored->items[i].owner);
        if (u < users->count && o < owners->count)
            grid[u * owners->count + o].stored = &stored->items[i];
    }
    for (size_t u = 0; u < users->count; u++) {
        fputs("<tr><th scope=\"row\">", to);
        page_put_service(request, text_of(users->names[u]), to);
        fputs("</th>", to);
        for (size_t o = 0; o < owners->count; o++)
            put_cell(request, &grid[u * owners->count + o],
                     strcmp(users->names[u], owners->names[o]) == 0, to);
        fputs("</tr>\n", to);
    }
    free(grid);
}

void page_put_matrix(const struct page_request *request, FILE *to)
{
    struct all_stored stored = {NULL, 0, 0};
    page_catalogue_edges(request->view, take_stored, &stored);
    struct side users = make_side(request, &stored, false);
    struct side owners = make_side(request, &stored, true);
    const size_t all_users = users.count, all_owners = owners.count;

    fputs("<section id=\"matrix\"><h2 id=\"matrix-title\">Who "
          "reaches into whose silo</h2>\n",
          to);
    if (users.count == 0) {
        fprintf(to, "<p class=\"none\">Nobody, %s.</p>\n", page_range_words(request->range));
    } else {
        fputs("<p class=\"quiet\">Rows use, columns own. A number leads to its queries; each shade "
              "is ten times the one before; &#8856; was blocked",
              to);
        fputs(stored.count > 0 ? "; &#9671; is stored on the servers: views, triggers, foreign "
                                 "keys.</p>"
                               : ".</p>",
              to);
        shorten(request, &users, false);
        shorten(request, &owners, true);
        if (users.count < all_users || owners.count < all_owners)
            fprintf(to,
                    "<p class=\"quiet\">Of %zu that use and %zu that own, the busiest are "
                    "shown.</p>",
                    all_users, all_owners);
        put_head(request, &owners, to);
        put_rows(request, &stored, &users, &owners, to);
        fputs("</tbody></table></div>", to);
    }
    fputs("</section>\n", to);
    free(users.names);
    free(owners.names);
    free(stored.items);
}

static unsigned bar_count(enum summary_range range)
{
    return range == SUMMARY_HOUR  ? SUMMARY_FIVES
           : range == SUMMARY_DAY ? SUMMARY_HOURS
                                  : SUMMARY_DAYS;
}

/* The time when the piece `ago` pieces before now began: "14:05", "Nov 28". */
static const char *when(const struct page_request *request, unsigned ago, char to[32])
{
    static const time_t lengths[SUMMARY_RANGES] = {86400, 300, 3600, 86400};
    time_t length = lengths[request->range];
    time_t at = (time_t)(request->view->now / 1000000) / length * length - (time_t)ago * length;
    struct tm utc;

    gmtime_r(&at, &utc);
    strftime(to, 32, length == 86400 ? "%b %e" : "%H:%M", &utc);
    return to;
}

/* Rounds up to 1, 2 or 5 times a power of ten. */
static uint64_t round_up(uint64_t most)
{
    uint64_t top = 1;

    for (int i = 0; top < most; i++)
        top = i % 3 == 1 ? top / 2 * 5 : top * 2;
    return top;
}

struct bars {
    uint64_t logged[BARS], blocked[BARS], most;
    unsigned count;
};

static void read_bars(const struct page_request *request, struct bars *bars)
{
    const struct summary_edge *all = &request->view->summary->all;

    *bars = (struct bars){.count = bar_count(request->range)};
    for (unsigned i = 0; i < bars->count; i++) {
        unsigned ago = bars->count - 1 - i;
        bars->logged[i] =
            summary_times_ago(&all->logged_times, request->range, ago, page_now(request));
        bars->blocked[i] =
            summary_times_ago(&all->blocked_times, request->range, ago, page_now(request));
        if (bars->logged[i] + bars->blocked[i] > bars->most)
            bars->most = bars->logged[i] + bars->blocked[i];
    }
}

static void put_axis(uint64_t top, FILE *to)
{
    char brief[16];

    for (unsigned i = 0; i <= 2; i++) {
        double y = CHART_BOTTOM - i * (CHART_BOTTOM - CHART_TOP) / 2.0;
        fprintf(to, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", CHART_LEFT, CHART_RIGHT,
                y, y);
        if (i != 1 || top > 1)
            fprintf(to, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", CHART_LEFT - 8,
                    y + 4, page_show_short(top * i / 2, brief));
    }
}

static void put_bars(const struct page_request *request, const struct bars *bars, FILE *to)
{
    double step = (double)(CHART_RIGHT - CHART_LEFT) / bars->count;
    uint64_t top = round_up(bars->most);
    double scale = (double)(CHART_BOTTOM - CHART_TOP) / (double)top;
    /* Every so many bars have a label. */
    const unsigned labelled = bars->count > 6 ? (bars->count - 1) / 6 : 1;
    char shown[TABLE_NUMBER_SIZE], at[32];

    put_axis(top, to);
    for (unsigned i = 0; i < bars->count; i++) {
        double x = CHART_LEFT + i * step + step * 0.14, width = step * 0.72;
        double blocked = (double)bars->blocked[i] * scale;
        double logged = (double)bars->logged[i] * scale;
        if (bars->logged[i] > 0 && logged < 1.5)
            logged = 1.5; /* so that a small number is still visible */
        if (bars->blocked[i] > 0 && blocked < 1.5)
            blocked = 1.5;
        if (bars->logged[i] + bars->blocked[i] > 0)
            fprintf(to,
                    "<g><title>%s: %s statements, %llu of them blocked</title>"
                    "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"any\"/>"
                    "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
                    "class=\"hot\"/></g>\n",
                    when(request, bars->count - 1 - i, at),
                    table_show_number(bars->logged[i] + bars->blocked[i], shown),
                    (unsigned long long)bars->blocked[i], x, CHART_BOTTOM - blocked - logged, width,
                    logged, x, CHART_BOTTOM - blocked, width, blocked);
        if ((bars->count - 1 - i) % labelled == 0)
            fprintf(to, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
                    CHART_LEFT + (i + 0.5) * step, CHART_BOTTOM + 18,
                    when(request, bars->count - 1 - i, at));
    }
}

void page_put_trend(const struct page_request *request, FILE *to)
{
    static const char *const pieces[SUMMARY_RANGES] = {"by day, the last 30", "by five minutes",
                                                       "by hour", "by day"};
    struct bars bars;
    uint64_t sum = 0;
    char shown[TABLE_NUMBER_SIZE];

    read_bars(request, &bars);
    for (unsigned i = 0; i < bars.count; i++)
        sum += bars.logged[i] + bars.blocked[i];
    fprintf(to,
            "<section id=\"trend\"><h2 id=\"trend-title\">Over "
            "time <small>%s, UTC</small></h2>\n",
            pieces[request->range]);
    if (sum == 0) {
        fputs("<p class=\"none\">Nothing yet.</p></section>\n", to);
        return;
    }
    fprintf(to,
            "<div class=\"chart wide\" tabindex=\"0\" role=\"region\" "
            "aria-labelledby=\"trend-title\"><svg viewBox=\"0 0 %d %d\" role=\"img\" "
            "aria-label=\"%s statements that were logged or blocked, %s\">\n",
            CHART_WIDTH, CHART_BOTTOM + 24, table_show_number(sum, shown), pieces[request->range]);
    put_bars(request, &bars, to);
    fputs("</svg></div><p class=\"key\"><i class=\"any\"></i> logged <i class=\"hot\"></i> "
          "blocked</p></section>\n",
          to);
}
