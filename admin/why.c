/* `/why`: what the policy in force says about a statement of a user: the same analysis and the same
 * verdicts as on the wire, but nothing is sent or stored. It is silogate explain as a page.
 */
#include <stdlib.h>
#include <string.h>

#include "admin/page.h"
#include "base/table.h"
#include "sql/analyze.h"

enum { PARTS = 100 };

/* The request, prepared for the analysis. */
struct why {
    const struct page_request *request;
    const struct admin_view *view;
    int service;
    int32_t today;
    struct sql_state state;
    struct router_server server;
    FILE *to;
};

/* NULL, or the reason why it cannot be judged. */
static const char *prepare(struct why *why)
{
    const struct page_request *request = why->request;
    const struct admin_view *view = request->view;
    struct text database = text_trim(request->database);
    struct router_server *server = &why->server;

    why->service = router_service(view->router, text_trim(request->user));
    why->today = policy_today(view->now / 1000000);
    if (why->service == SERVICE_NONE && view->config->proxy.unknown_user.value == CONFIG_REJECT)
        return "No service has this user, and unknown_user = reject: its login is refused.";
    if (why->service == SERVICE_NONE)
        return "No service has this user, and unknown_user = pass: it is not judged.";
    router_server(view->router, router_upstream(view->router, why->service), server);
    why->state.mode_known = true;
    why->state.charset = SQL_UTF8;
    if (!server->known || !sql_state_set_version(&why->state, text_of(server->version)))
        sql_state_set_version(&why->state, TEXT("9.7"));
    if (server->known && server->lower_case_table_names > 0)
        why->state.lower_case_table_names = (uint8_t)server->lower_case_table_names;
    if (database.length == 0)
        database = (struct text){0};
    sql_state_set_database(&why->state, router_database(view->router, why->service, database,
                                                        why->state.lower_case_table_names > 0));
    return NULL;
}

/* As on the wire, USE of an alias selects the service's own database. */
static void map_database(const struct why *why, struct sql_facts *facts)
{
    struct text name = facts->database;

    if (!(facts->effects & SQL_EFFECT_DATABASE) || !name.at)
        return;
    facts->database = router_database(why->view->router, why->service, name,
                                      why->state.lower_case_table_names > 0);
    for (uint32_t i = 0; i < facts->object_count; i++) {
        struct sql_object *object = &facts->objects[i];
        if (object->type == SQL_DATABASE && text_equal(object->schema, name))
            object->schema = facts->database;
    }
}

/* Calls `put` for each statement, with its verdict; each statement is assumed to succeed. */
static void judge_all(struct why *why,
                      void (*put)(const struct why *why, const struct sql_facts *facts,
                                  const struct verdict *verdict, unsigned part))
{
    static struct sql_facts facts; /* admin has one thread */
    const struct text text = why->request->sql;
    struct sql_session *session = NULL;
    struct verdict verdict;
    size_t offset = 0;
    unsigned part = 0;

    do {
        struct sql_state before = why->state; /* `facts` may point into it */
        offset = sql_analyze(text, offset, &before, session, &facts);
        if (part > 0 && facts.kind == SQL_EMPTY && facts.determined && offset >= text.length)
            break;
        map_database(why, &facts);
        policy_check(why->view->policy, why->service, &facts, why->state.lower_case_table_names > 0,
                     why->today, &verdict);
        put(why, &facts, &verdict, ++part);
        sql_state_apply(&why->state, &facts);
        if (facts.effects & SQL_EFFECT_SESSION)
            sql_session_apply(&session, &facts);
    } while (offset < text.length && part < PARTS);
    sql_session_free(&session);
}

static void check_object(const struct why *why, const struct sql_object *object,
                         struct verdict *verdict)
{
    policy_check_object(why->view->policy, why->service, object,
                        why->state.lower_case_table_names > 0, why->today, verdict);
}

static const char *action_of(const struct verdict *verdict)
{
    return verdict_action_name((enum verdict_action)verdict->action);
}

static const char *reason_of(const struct verdict *verdict)
{
    return verdict_reason_name((enum verdict_reason)verdict->reason);
}

static struct text owner_of(const struct why *why, const struct verdict *verdict)
{
    return verdict->owner == SERVICE_NONE ? (struct text){0}
                                          : policy_service_name(why->view->policy, verdict->owner);
}

static void put_accesses(const struct sql_object *object, const char *between, const char *quote,
                         FILE *to)
{
    const char *before = "";

    for (unsigned access = SQL_READ; access <= SQL_EXECUTE; access <<= 1) {
        if (!(object->access & access))
            continue;
        fprintf(to, "%s%s%s%s", before, quote, sql_access_name((enum sql_access)access), quote);
        before = between;
    }
}

static void put_rule(const struct why *why, const struct verdict *verdict)
{
    FILE *to = why->to;

    if (!verdict->rule || verdict->reason == REASON_SESSION)
        return;
    table_put_html(text_of(verdict->rule), to);
    if (verdict->line) {
        fputs(", ", to);
        table_put_html(text_of(config_line(&why->view->config->files, verdict->line)), to);
    }
}

static void put_object(const struct why *why, const struct sql_object *object)
{
    struct verdict verdict;
    FILE *to = why->to;

    check_object(why, object, &verdict);
    fputs("<tr><th scope=\"row\" class=\"statement\">", to);
    table_put_html(object->schema.at ? object->schema : TEXT("(no database)"), to);
    if (object->type != SQL_DATABASE) {
        fputs(".", to);
        table_put_html(object->name, to);
    }
    fprintf(to, "</th><td>%s</td><td>", sql_type_name((enum sql_type)object->type));
    put_accesses(object, ", ", "", to);
    fputs("</td>", to);
    fputs("<td data-label=\"owner\">", to);
    table_put_html(verdict.owner == SERVICE_NONE ? TEXT("nobody") : owner_of(why, &verdict), to);
    fprintf(to, "</td><td><span class=\"%s\">%s</span></td><td>%s</td><td data-label=\"by\">",
            action_of(&verdict), action_of(&verdict), reason_of(&verdict));
    put_rule(why, &verdict);
    fputs("</td></tr>\n", to);
}

static void put_statement(const struct why *why, const struct sql_facts *facts,
                          const struct verdict *verdict, unsigned part)
{
    static const char *const headings[] = {"object",  "type",   "access", "owner",
                                           "verdict", "reason", "rule",   NULL};
    char id[32], title[200];
    FILE *to = why->to;

    snprintf(id, sizeof(id), "statement-%u", part);
    snprintf(title, sizeof(title), "Statement %u, %s: <span class=\"%s\">%s</span> %s", part,
             sql_kind_name((enum sql_kind)facts->kind), action_of(verdict), action_of(verdict),
             reason_of(verdict));
    if (facts->object_count == 0)
        fprintf(to, "<section id=\"%s\"><h2>%s</h2>%s</section>\n", id, title,
                facts->determined ? "<p>It touches no object.</p>" : "");
    if (!facts->determined) {
        fputs("<p class=\"alarm\">It could not be determined: ", to);
        table_put_html(text_of(facts->why ? facts->why : "it was not understood"), to);
        fputs(".</p>\n", to);
    }
    if (verdict->object == VERDICT_NO_OBJECT && verdict->rule &&
        verdict->reason != REASON_SESSION) {
        fputs("<p>Decided by ", to);
        put_rule(why, verdict);
        fputs(".</p>\n", to);
    }
    if (facts->object_count == 0)
        return;
    page_table(to, id, title, headings, true);
    for (uint32_t i = 0; i < facts->object_count; i++)
        put_object(why, &facts->objects[i]);
    page_table_end(to);
}

static void put_form(const struct page_request *request, FILE *to)
{
    const struct config *config = request->view->config;

    fputs("<p>What a user may do, and why: nothing is sent to a server and nothing is kept; the "
          "page's address holds what is asked.</p>\n<form action=\"/why\" method=\"get\">"
          "<p><label for=\"user\">User</label><br><input id=\"user\" name=\"user\" list=\"users\" "
          "required value=\"",
          to);
    table_put_html(request->user, to);
    fputs("\"></p><p><label for=\"database\">Current database</label><br><input id=\"database\" "
          "name=\"database\" placeholder=\"the service's own\" value=\"",
          to);
    table_put_html(request->database, to);
    fputs("\"></p><datalist id=\"users\">", to);
    for (size_t i = 0; i < config->service_count; i++) {
        const struct config_list *users = &config->services[i].users;
        for (size_t u = 0; u < users->count; u++) {
            fputs("<option value=\"", to);
            table_put_html(users->items[u].value, to);
            fputs("\">", to);
        }
    }
    fputs("</datalist><p class=\"full\"><label for=\"sql\">Statement</label><textarea id=\"sql\" "
          "name=\"sql\" required "
          "spellcheck=\"false\">\n",
          to);
    table_put_html(request->sql, to);
    fputs("</textarea></p><button>Why?</button></form>\n", to);
}

void page_why(const struct page_request *request, FILE *to)
{
    struct why why = {.request = request, .view = request->view, .to = to};

    page_begin(request, "/why", "why", to);
    fputs("<h1>Why?</h1>\n", to);
    put_form(request, to);
    if (request->sql.length > 0) {
        const char *problem = prepare(&why);
        if (problem) {
            fprintf(to, "<p class=\"alarm\" role=\"alert\">%s</p>\n", problem);
        } else {
            struct text service = policy_service_name(request->view->policy, why.service);
            fputs("<p>Service <b>", to);
            table_put_html(service, to);
            fputs("</b>, current database <b>", to);
            table_put_html(why.state.has_database ? sql_state_database(&why.state) : TEXT("none"),
                           to);
            fprintf(to, "</b>, read as %s of version ",
                    why.state.dialect == SQL_MARIADB ? "MariaDB" : "MySQL");
            table_put_html(
                why.server.known ? text_of(page_version(why.server.version)) : TEXT("9.7"), to);
            fprintf(to, ", policy <b>%s</b>.</p>\n", policy_hash(request->view->policy));
            judge_all(&why, put_statement);
        }
    }
    page_end(to);
}

/* Writes the place of the rule: the file, and the line in it. */
static void put_json_place(const struct why *why, const struct verdict *verdict)
{
    struct config_place place = config_place(&why->view->config->files, verdict->line);

    fputs(",\"file\":", why->to);
    page_json(why->to, verdict->line ? text_of(place.file) : (struct text){0});
    fprintf(why->to, ",\"line\":%u}", place.line);
}

static void put_json_object(const struct why *why, const struct sql_object *object)
{
    struct verdict verdict;
    FILE *to = why->to;

    check_object(why, object, &verdict);
    fputs("{\"schema\":", to);
    page_json(to, object->schema);
    fputs(",\"name\":", to);
    page_json(to, object->name.at ? object->name : TEXT(""));
    fprintf(to, ",\"type\":\"%s\",\"access\":[", sql_type_name((enum sql_type)object->type));
    put_accesses(object, ",", "\"", to);
    fputs("],\"owner\":", to);
    page_json(to, owner_of(why, &verdict));
    fprintf(to, ",\"verdict\":\"%s\",\"reason\":\"%s\",\"rule\":", action_of(&verdict),
            reason_of(&verdict));
    page_json(to, text_of(verdict.rule));
    put_json_place(why, &verdict);
}

static void put_json(const struct why *why, const struct sql_facts *facts,
                     const struct verdict *verdict, unsigned part)
{
    FILE *to = why->to;

    fprintf(to, "%s{\"part\":%u,\"kind\":\"%s\",\"determined\":%s", part > 1 ? "," : "", part,
            sql_kind_name((enum sql_kind)facts->kind), facts->determined ? "true" : "false");
    if (!facts->determined) {
        fputs(",\"why\":", to);
        page_json(to, text_of(facts->why ? facts->why : "not understood"));
    }
    fputs(",\"objects\":[", to);
    for (uint32_t i = 0; i < facts->object_count; i++) {
        fputs(i > 0 ? "," : "", to);
        put_json_object(why, &facts->objects[i]);
    }
    fprintf(to, "],\"verdict\":\"%s\",\"reason\":\"%s\",\"rule\":", action_of(verdict),
            reason_of(verdict));
    page_json(to, text_of(verdict->rule));
    put_json_place(why, verdict);
}

void page_api_why(const struct page_request *request, FILE *to)
{
    struct why why = {.request = request, .view = request->view, .to = to};
    const char *problem = prepare(&why);

    if (problem) {
        fputs("{\"problem\":", to);
        page_json(to, text_of(problem));
        fputs("}\n", to);
        return;
    }
    fputs("{\"service\":", to);
    page_json(to, policy_service_name(request->view->policy, why.service));
    fprintf(to, ",\"policy\":\"%s\",\"statements\":[", policy_hash(request->view->policy));
    judge_all(&why, put_json);
    fputs("]}\n", to);
}
