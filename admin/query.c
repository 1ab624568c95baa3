/* `/query`: all data about one violating query, and texts to copy: the grant that would allow it,
 * the command of explain, the edge's mode.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin/page.h"
#include "base/table.h"

enum { GRANT_DAYS = 30 };

/* Can the text be written in an ini file as it is? */
static bool is_plain(struct text t)
{
    for (size_t i = 0; i < t.length; i++) {
        unsigned char c = (unsigned char)t.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '$' || c == '-' || c >= 0x80))
            return false;
    }
    return t.length > 0;
}

static const char *last_day(const struct page_request *request, char to[16])
{
    time_t at = (time_t)(request->view->now / 1000000) + GRANT_DAYS * (time_t)86400;
    struct tm utc;

    gmtime_r(&at, &utc);
    strftime(to, 16, "%Y-%m-%d", &utc);
    return to;
}

static void write_accesses(struct text list, FILE *to)
{
    while (list.length > 0) {
        const char *comma = memchr(list.at, ',', list.length);
        size_t length = comma ? (size_t)(comma - list.at) : list.length;
        fprintf(to, "access = %.*s\n", (int)length, list.at);
        length += comma != NULL;
        list = (struct text){list.at + length, list.length - length};
    }
}

static void write_one(const struct page_request *request, const struct summary_query *query,
                      const struct page_object *object, unsigned number, FILE *to)
{
    struct text name = object->name.length > 0 ? object->name : TEXT("*");
    char day[16];

    if (text_equal(object->owner, TEXT(SUMMARY_SYSTEM))) {
        fprintf(to, "; %.*s is the server's own: see [policy] administration\n",
                TEXT_ARGS(object->schema));
        return;
    }
    if (!is_plain(object->schema) || (object->name.length > 0 && !is_plain(object->name))) {
        fputs("; an object whose name has odd characters: write its line by hand\n", to);
        return;
    }
    if (text_equal(object->owner, TEXT(SUMMARY_UNOWNED))) {
        fprintf(to, "; nobody owns it: in the section of the service that does\nowns = %.*s.%.*s\n",
                TEXT_ARGS(object->schema), TEXT_ARGS(name));
        return;
    }
    fprintf(to, "[grant:%s-%.*s-%.8" PRIx64 "-%u]\nservice = %s\non = %.*s.%.*s\n", query->service,
            TEXT_ARGS(object->owner), query->digest >> 32, number, query->service,
            TEXT_ARGS(object->schema), TEXT_ARGS(name));
    write_accesses(object->access, to);
    fprintf(to, "until = %s\n; ticket = \n", last_day(request, day));
}

void page_write_grant(const struct page_request *request, const struct summary_query *query,
                      FILE *to)
{
    const char *lines = query->objects;
    struct page_object object;
    unsigned number = 0;

    if (query->reason == REASON_UNDETERMINED || query->reason == REASON_ADMINISTRATION) {
        fprintf(to, "; no grant allows it: see [policy] %s\n",
                query->reason == REASON_UNDETERMINED ? "undetermined" : "administration");
        return;
    }
    if (!query->service[0]) {
        fputs("; its user is no service's: add it to one with user =\n", to);
        return;
    }
    while (page_next_object(&lines, &object))
        write_one(request, query, &object, ++number, to);
}

static void put_pre(const char *id, const char *title, const char *words, size_t length, FILE *to)
{
    fprintf(to,
            "<h2 id=\"%s-title\">%s</h2><pre id=\"%s\" tabindex=\"0\" role=\"region\" "
            "aria-labelledby=\"%s-title\" data-copy>",
            id, title, id, id);
    table_put_html((struct text){words, length}, to);
    fputs("</pre>\n", to);
}

static void put_grant(const struct page_request *request, const struct summary_query *query,
                      FILE *to)
{
    char *words = NULL;
    size_t length = 0;
    FILE *grant = open_memstream(&words, &length);

    if (!grant)
        return;
    page_write_grant(request, query, grant);
    fclose(grant);
    put_pre("grant", "To allow it for 30 days: lines for proxy.ini", words, length, to);
    free(words);
}

/* Writes a word for the shell, in single quotes. */
static void write_word(struct text t, FILE *to)
{
    putc('\'', to);
    for (size_t i = 0; i < t.length; i++)
        fprintf(to,
                t.at[i] == '\''                 ? "'\\''"
                : (unsigned char)t.at[i] < 0x20 ? "?"
                                                : "%c",
                t.at[i]);
    putc('\'', to);
}

static void put_calls(const struct page_request *request, const struct summary_query *query,
                      FILE *to)
{
    const struct summary *summary = request->view->summary;
    char *words = NULL;
    size_t length = 0;
    FILE *call = open_memstream(&words, &length);

    if (!call)
        return;
    fputs("silogate explain -c ", call);
    write_word(request->view->config->path, call);
    fputs(" --user ", call);
    write_word(text_of(query->user), call);
    if (query->database[0]) {
        fputs(" --database ", call);
        write_word(text_of(query->database), call);
    }
    fputs(" <<'SQL'\n", call);
    /* On one line only: a line "SQL" would end the here-document. */
    for (const char *at = query->statement; *at; at++)
        putc((unsigned char)*at < 0x20 ? ' ' : *at, call);
    fputs(";\nSQL\n", call);
    fclose(call);
    if (query->statement[0])
        put_pre("explain", "To ask again on a terminal, or in a CI", words, length, to);
    free(words);
    if (!query->service[0] || query->edge_count == 0 ||
        page_is_stand_in(text_of(summary->edges[query->edges[0]].owner)))
        return;
    words = NULL;
    call = open_memstream(&words, &length);
    if (!call)
        return;
    for (unsigned i = 0; i < query->edge_count; i++) {
        const char *owner = summary->edges[query->edges[i]].owner;
        if (!page_is_stand_in(text_of(owner)))
            fprintf(call, "[edge:%s->%s]\nmode = %s\n", query->service, owner,
                    query->blocked ? "log" : "block");
    }
    fclose(call);
    put_pre("edge",
            query->blocked ? "To let the whole edge through and log it"
                           : "To block the whole edge, once it is empty",
            words, length, to);
    free(words);
}

static void put_causes(const struct page_request *request, const struct summary_query *query,
                       FILE *to)
{
    char *words = NULL;
    size_t length = 0;
    FILE *lines = open_memstream(&words, &length);

    if (!lines)
        return;
    page_write_causes(request, query, lines);
    fclose(lines);
    if (length > 0)
        put_pre("causes", "What it leads to inside the server, for a ticket", words, length, to);
    free(words);
}

static const struct config_grant *grant_of(const struct page_request *request, const char *rule)
{
    const struct config *config = request->view->config;
    static const char before[] = "[grant:";

    if (strncmp(rule, before, sizeof(before) - 1) != 0)
        return NULL;
    const char *name = rule + sizeof(before) - 1;
    for (size_t i = 0; i < config->grant_count; i++) {
        struct text grant = config->grants[i].name;
        if (strncmp(name, grant.at, grant.length) == 0 && name[grant.length] == ']')
            return &config->grants[i];
    }
    return NULL;
}

static void put_row(const char *label, const char *words, FILE *to)
{
    fprintf(to, "<dt>%s</dt><dd>", label);
    table_put_html(text_of(words[0] ? words : "-"), to);
    fputs("</dd>", to);
}

static void put_objects(const struct page_request *request, const struct summary_query *query,
                        FILE *to)
{
    const char *lines = query->objects;
    struct page_object object;

    fputs("<dt>touches</dt><dd>", to);
    if (!*lines)
        fputs("nothing that could be named", to);
    while (page_next_object(&lines, &object)) {
        fputs("<div><code>", to);
        table_put_html(object.schema, to);
        fputs(object.schema.length > 0 && object.name.length > 0 ? "." : "", to);
        table_put_html(object.name, to);
        fputs("</code> <small>", to);
        table_put_html(object.type, to);
        fputs(", ", to);
        table_put_html(object.access, to);
        fputs(", of </small>", to);
        page_put_service(request, object.owner, to);
        fputs("</div>", to);
    }
    fputs("</dd>", to);
}

static void put_rule(const struct page_request *request, const struct summary_query *query,
                     FILE *to)
{
    const struct config_grant *grant = grant_of(request, query->rule);

    fputs("<dt>rule</dt><dd>", to);
    table_put_html(text_of(query->rule[0] ? query->rule : "a default of silogate's"), to);
    if (query->line > 0 && page_in_force(request, query)) {
        fputs(", ", to);
        table_put_html(text_of(config_line(&request->view->config->files, query->line)), to);
    }
    fprintf(to, " <small>policy %s%s</small></dd>", query->policy,
            page_in_force(request, query) ? "" : ", no longer in force");
    if (grant && grant->ticket.value.at) {
        fputs("<dt>ticket</dt><dd>", to);
        table_put_html(grant->ticket.value, to);
        fputs("</dd>", to);
    }
}

static void put_facts(const struct page_request *request, const struct summary_query *query,
                      FILE *to)
{
    char shown[TABLE_NUMBER_SIZE];

    fputs("<dl>", to);
    fprintf(to, "<dt>count</dt><dd>%s <small>%s</small></dd>",
            table_show_number(page_count(request, query), shown), page_range_words(request->range));
    fputs("<dt>first, last</dt><dd>", to);
    page_put_ago(to, query->first, request->view->now);
    fputs(", ", to);
    page_put_ago(to, query->last, request->view->now);
    fputs("</dd>", to);
    put_objects(request, query, to);
    put_rule(request, query, to);
    put_row("user", query->user, to);
    put_row("database", query->database, to);
    fputs("<dt>sent by</dt><dd>", to);
    for (unsigned i = 0; i < query->caller_count; i++) {
        fputs("<div>", to);
        table_put_html(text_of(query->callers[i]), to);
        fputs("</div>", to);
    }
    fputs(query->more_callers   ? "and others</dd>"
          : query->caller_count ? "</dd>"
                                : "it does not say</dd>",
          to);
    if (query->in_transaction)
        fputs("<dt>transaction</dt><dd>it ran in one that writes to several owners</dd>", to);
    fprintf(to, "<dt>record</dt><dd><code>%016" PRIx64 "</code></dd></dl>\n", query->id);
}

static void put_query(const struct page_request *request, const struct summary_query *query,
                      FILE *to)
{
    fprintf(to, "<section class=\"card\"><h2><span class=\"%s\">%s</span> %s</h2>",
            query->blocked ? "block" : "log", query->blocked ? "blocked" : "logged",
            verdict_reason_name((enum verdict_reason)query->reason));
    put_facts(request, query, to);
    fputs("</section>\n", to);
}

static void put_why(const struct summary_query *query, FILE *to)
{
    fputs("<p><a class=\"button\" href=\"/why?user=", to);
    page_put_url(to, text_of(query->user));
    if (query->database[0]) {
        fputs("&amp;database=", to);
        page_put_url(to, text_of(query->database));
    }
    fputs("&amp;sql=", to);
    page_put_url(to, text_of(query->statement));
    fputs("\">Why? as the policy is now</a></p>\n", to);
}

void page_query(const struct page_request *request, FILE *to)
{
    struct page_selection selection = page_select(request);

    page_begin(request, "/query", "query", to);
    if (selection.count == 0) {
        fputs("<h1>No such query</h1><p>It has not been seen in this time, or is too rare to be "
              "kept here: <code>silogate report --id</code> reads the log.</p>\n",
              to);
    } else {
        const struct summary_query *query = selection.items[0];
        fputs("<h1>", to);
        page_put_service(request, text_of(query->service), to);
        fprintf(to, ": query <code>%016" PRIx64 "</code></h1>\n", query->digest);
        fputs("<pre class=\"sql\" tabindex=\"0\" role=\"region\" aria-label=\"Statement\">", to);
        table_put_html(text_of(query->statement[0] ? query->statement : query->kind), to);
        fputs("</pre>\n", to);
        put_grant(request, query, to);
        for (size_t i = 0; i < selection.count && i < PAGE_QUERIES; i++)
            put_query(request, selection.items[i], to);
        put_causes(request, query, to);
        put_calls(request, query, to);
        if (query->statement[0])
            put_why(query, to);
    }
    free(selection.items);
    page_end(to);
}
