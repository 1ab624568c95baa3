/* The frame and the small parts of pages, and computations that several pages share. Pages work
 * without scripts and load nothing from other sites. A colour is never the only sign: words say the
 * same.
 */
#include "admin/page.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/table.h"

static void put_nav(const char *path, FILE *to)
{
    static const char *const pages[][2] = {
        {"/",        "Overview"},
        {"/queries", "Queries" },
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

static void put_hidden(FILE *to, const char *name, struct text value)
{
    if (!value.at)
        return;
    fprintf(to, "<input type=\"hidden\" name=\"%s\" value=\"", name);
    table_put_html(value, to);
    fputs("\">", to);
}

/* Pages whose numbers are refreshed automatically if the browser runs scripts. */
static bool is_live(const char *path)
{
    return strcmp(path, "/") == 0 || strcmp(path, "/queries") == 0 || strcmp(path, "/service") == 0;
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
            "<link rel=\"icon\" href=\"data:,\"><script src=\"/live.js\" defer></script></head>\n"
            "<body><a class=\"skip\" href=\"#main\">To the content</a><header>"
            "<p class=\"brand\"><a href=\"/\">silogate</a></p>",
            title);
    put_nav(path, to);
    if (strcmp(path, "/why") != 0) {
        fprintf(to,
                "<form role=\"search\" action=\"%s\" method=\"get\"><label for=\"q\">Search</label>"
                "<input id=\"q\" name=\"q\" type=\"search\" size=\"24\" value=\"",
                strcmp(path, "/query") == 0 ? "/queries" : path);
        table_put_html(request->search, to);
        fputs("\">", to);
        put_hidden(to, "service", request->service);
        put_hidden(to, "owner", request->owner);
        if (request->range != SUMMARY_START)
            put_hidden(to, "range", text_of(page_range_name(request->range)));
        fputs("<button>Find</button></form>", to);
    }
    fprintf(to, "</header>\n<main id=\"main\" tabindex=\"-1\"%s>\n",
            is_live(path) ? " data-live" : "");
}

void page_end(FILE *to)
{
    fputs("</main></body></html>\n", to);
}

void page_table(FILE *to, const char *id, const char *title, const char *const *headings,
                bool cards)
{
    fprintf(to,
            "<section id=\"%s\"><h2 id=\"%s-title\">%s</h2>\n"
            "<div class=\"wide%s\" tabindex=\"0\" role=\"region\" aria-labelledby=\"%s-title\">"
            "<table><thead><tr>",
            id, id, title, cards ? " cards" : "", id);
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
    fputs("<td>", to);
    page_put_ago(to, then, now);
    fputs("</td>", to);
}

void page_put_ago(FILE *to, int64_t then, int64_t now)
{
    int64_t seconds = now > then ? (now - then) / 1000000 : 0;
    time_t at = (time_t)(then / 1000000);
    struct tm utc;
    char moment[32];

    gmtime_r(&at, &utc);
    strftime(moment, sizeof(moment), "%Y-%m-%dT%H:%M:%SZ", &utc);
    fprintf(to, "<time datetime=\"%s\" title=\"%s\">", moment, moment);
    if (seconds < 120)
        fputs(seconds < 10 ? "just now" : "a minute ago", to);
    else if (seconds < 7200)
        fprintf(to, "%" PRId64 " min ago", seconds / 60);
    else if (seconds < 172800)
        fprintf(to, "%" PRId64 " h ago", seconds / 3600);
    else
        fprintf(to, "%.10s", moment);
    fputs("</time>", to);
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
    return service->mode.line || service->mode_by.at ? service->mode.value
                                                     : config->policy.mode.value;
}
