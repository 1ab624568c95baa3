/* The frame and the small parts of pages, and what several of them compute. HTML and CSS alone: no
 * scripts, nothing from elsewhere. What is said by a colour is said in words too.
 */
#include "admin/page.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/table.h"

static const char style[] =
    "header{display:flex;flex-wrap:wrap;gap:.5rem 1.5rem;align-items:baseline;"
    "border-bottom:3px solid var(--ink);padding-bottom:.6rem}"
    "h1{font-size:1.5rem;margin:0}h2{font-size:1.15rem;margin:2.2rem 0 .6rem}"
    "nav a[aria-current]{color:var(--ink);font-weight:700;text-decoration:none}"
    ".skip{position:absolute;left:-999rem}.skip:focus{position:static}"
    "form{display:flex;flex-wrap:wrap;gap:.5rem;align-items:end;margin:0}"
    "header form{margin-left:auto;align-items:center}.full{flex-basis:100%;margin:0}"
    "form p{margin:.5rem 0 0}label{font-weight:600}"
    "input,textarea,button{font:inherit;color:inherit;border:1px solid var(--edge);"
    "border-radius:4px;padding:.3rem .5rem;background:var(--paper)}input{min-width:0}"
    "::placeholder{color:var(--quiet);opacity:1}"
    "textarea{width:100%;min-height:9rem;font:.9rem/1.4 ui-monospace,monospace;"
    "box-sizing:border-box}"
    "button{background:var(--ink);color:var(--paper);font-weight:600;padding:.3rem .9rem;"
    "cursor:pointer}"
    ".tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(8.5rem,1fr));gap:.75rem;"
    "margin:1.2rem 0 0;padding:0;list-style:none}"
    ".tiles li{background:var(--raised);border-radius:4px;padding:.5rem .8rem;"
    "color:var(--quiet)}"
    ".tiles b{display:block;font-size:1.35rem;color:var(--ink);"
    "font-variant-numeric:tabular-nums}"
    ".alarm{border:3px solid var(--bad);border-left-width:12px;padding:.5rem .9rem;"
    "margin:.8rem 0;font-weight:600}"
    ".block,.log,.allow,.off,.down{padding:0 .35rem;border-radius:3px;border:1px solid "
    "var(--line)}"
    ".block{font-weight:700;border:2px solid var(--bad);color:var(--bad)}"
    ".log{font-weight:600;border:1px dashed var(--edge)}"
    ".down{font-weight:700;background:var(--bad);color:var(--paper);border-color:var(--bad)}"
    "td code+small{display:block}"
    "#rules tbody th{padding-top:1rem}#rules code{overflow-wrap:anywhere}"
    "@media screen and (max-width:48rem){header form{margin:0;flex-basis:100%}"
    "header input{flex:1}}"
    "@media print{header form{display:none}}";

void page_style(const struct page_request *request, FILE *to)
{
    (void)request;
    fputs(table_style, to);
    fputs(style, to);
}

static void put_nav(const char *path, FILE *to)
{
    static const char *const pages[][2] = {
        {"/",        "Overview"},
        {"/policy",  "Policy"  },
        {"/why",     "Why?"    },
        {"/metrics", "Metrics" },
    };

    fputs("<nav aria-label=\"Pages\">", to);
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
        fprintf(to, "<a href=\"%s\"%s>%s</a>", pages[i][0],
                strcmp(path, pages[i][0]) == 0 ? " aria-current=\"page\"" : "", pages[i][1]);
    fputs("</nav>", to);
}

void page_begin(const struct page_request *request, const char *path, const char *title, FILE *to)
{
    uint64_t seconds;
    bool refreshes = text_number(request->refresh, &seconds) && seconds > 0 && seconds <= 3600;

    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n",
          to);
    if (refreshes)
        fprintf(to, "<meta http-equiv=\"refresh\" content=\"%" PRIu64 "\">\n", seconds);
    fprintf(to,
            "<title>silogate: %s</title><link rel=\"stylesheet\" href=\"/style.css\">"
            "<link rel=\"icon\" href=\"data:,\"></head>\n<body><a class=\"skip\" href=\"#main\">"
            "To the content</a><header><h1>silogate</h1>",
            title);
    put_nav(path, to);
    if (strcmp(path, "/why") != 0) {
        fprintf(to,
                "<form role=\"search\" action=\"%s\" method=\"get\"><label for=\"q\">Search</label>"
                "<input id=\"q\" name=\"q\" type=\"search\" size=\"24\" value=\"",
                path);
        table_put_html(request->search, to);
        fputs("\"><button>Find</button></form>", to);
    }
    fputs("</header>\n<main id=\"main\" tabindex=\"-1\">\n", to);
}

void page_end(FILE *to)
{
    fputs("</main></body></html>\n", to);
}

void page_table(FILE *to, const char *id, const char *title, const char *const *headings,
                bool cards)
{
    fprintf(to,
            "<section id=\"%s\" aria-labelledby=\"%s-title\"><h2 id=\"%s-title\">%s</h2>\n"
            "<div class=\"wide%s\" tabindex=\"0\" role=\"region\" aria-labelledby=\"%s-title\">"
            "<table><thead><tr>",
            id, id, id, title, cards ? " cards" : "", id);
    for (; *headings; headings++)
        fprintf(to, "<th scope=\"col\"%s>%s</th>", **headings == '#' ? " class=\"n\"" : "",
                *headings + (**headings == '#'));
    fputs("</tr></thead><tbody>\n", to);
}

void page_table_end(FILE *to)
{
    fputs("</tbody></table></div></section>\n", to);
}

void page_words(FILE *to, struct text words)
{
    fputs("<td>", to);
    table_put_html(words, to);
    fputs("</td>", to);
}

void page_number(FILE *to, uint64_t number)
{
    char shown[TABLE_NUMBER_SIZE];

    fprintf(to, "<td class=\"n%s\">%s</td>", number == 0 ? " zero" : "",
            table_show_number(number, shown));
}

void page_ago(FILE *to, int64_t then, int64_t now)
{
    int64_t seconds = now > then ? (now - then) / 1000000 : 0;
    time_t at = (time_t)(then / 1000000);
    struct tm utc;
    char moment[32];

    gmtime_r(&at, &utc);
    strftime(moment, sizeof(moment), "%Y-%m-%dT%H:%M:%SZ", &utc);
    fprintf(to, "<td><time datetime=\"%s\" title=\"%s\">", moment, moment);
    if (seconds < 120)
        fprintf(to, "%" PRId64 " s ago", seconds);
    else if (seconds < 7200)
        fprintf(to, "%" PRId64 " min ago", seconds / 60);
    else if (seconds < 172800)
        fprintf(to, "%" PRId64 " h ago", seconds / 3600);
    else
        fprintf(to, "%.10s", moment);
    fputs("</time></td>", to);
}

static bool holds(struct text t, struct text part)
{
    for (size_t i = 0; i + part.length <= t.length; i++) {
        if (text_equal_fold((struct text){t.at + i, part.length}, part))
            return true;
    }
    return false;
}

bool page_matches(struct text search, const struct text *texts)
{
    struct text part = text_trim(search);

    if (part.length == 0)
        return true;
    for (; texts->at; texts++) {
        if (holds(*texts, part))
            return true;
    }
    return false;
}

void page_json(FILE *to, struct text t)
{
    enum { AT_ONCE = 4096 };
    char buffer[AT_ONCE * 6 + 2];
    struct json json = {.at = buffer, .size = sizeof(buffer)};

    if (!t.at) {
        fputs("null", to);
        return;
    }
    json_text(&json, (struct text){t.at, t.length < AT_ONCE ? t.length : AT_ONCE});
    fwrite(buffer, 1, json.length, to);
}

static int same_query(const void *a, const void *b)
{
    const struct violations_seen *one = a, *other = b;

    if (one->digest != other->digest)
        return one->digest < other->digest ? -1 : 1;
    if (one->reason != other->reason)
        return one->reason - other->reason;
    if (one->blocked != other->blocked)
        return one->blocked - other->blocked;
    return strcmp(one->service, other->service);
}

static int more_frequent(const void *a, const void *b)
{
    const struct violations_seen *one = a, *other = b;

    return (one->count < other->count) - (one->count > other->count);
}

static int later(const void *a, const void *b)
{
    const struct violations_seen *one = a, *other = b;

    return (one->last < other->last) - (one->last > other->last);
}

struct violations_seen *page_queries(const struct admin_view *view, bool latest, size_t *count)
{
    struct violations_seen *all =
        memory_take((view->recent_count + 1) * VIOLATIONS_RECENT * sizeof(*all));
    size_t found = 0, kept = 0;

    for (size_t i = 0; i < view->recent_count; i++) {
        const struct violations_recent *recent = view->recents[i];
        size_t more = latest ? recent->latest_count : recent->busiest_count;
        memcpy(all + found, latest ? recent->latest : recent->busiest, more * sizeof(*all));
        found += more;
    }
    qsort(all, found, sizeof(*all), same_query);
    for (size_t i = 0; i < found; i++) {
        if (kept == 0 || same_query(&all[kept - 1], &all[i]) != 0) {
            all[kept++] = all[i];
            continue;
        }
        struct violations_seen *to = &all[kept - 1];
        to->count += all[i].count;
        to->first = all[i].first < to->first ? all[i].first : to->first;
        to->last = all[i].last > to->last ? all[i].last : to->last;
    }
    qsort(all, kept, sizeof(*all), latest ? later : more_frequent);
    *count = kept < VIOLATIONS_RECENT ? kept : VIOLATIONS_RECENT;
    return all;
}

uint64_t page_done(const struct admin_service *service, enum verdict_action action)
{
    uint64_t sum = 0;

    for (unsigned r = 0; r < REASON_COUNT; r++)
        sum += service->statements[r][action];
    return sum;
}

uint64_t page_judged(const struct admin_service *service)
{
    return page_done(service, VERDICT_ALLOW) + page_done(service, VERDICT_LOG) +
           page_done(service, VERDICT_BLOCK);
}

const char *page_mode(int mode)
{
    static const char *const names[] = {[CONFIG_OFF] = "off",
                                        [CONFIG_LOG] = "log",
                                        [CONFIG_BLOCK] = "block",
                                        [CONFIG_ALLOW] = "allow",
                                        [CONFIG_AS_MODE] = "mode"};

    return (size_t)mode < sizeof(names) / sizeof(names[0]) ? names[mode] : "";
}

int page_mode_of(const struct config *config, const struct config_service *service)
{
    return service->mode.line ? service->mode.value : config->policy.mode.value;
}
