/* `/policy`: each line of proxy.ini that decides a verdict, as it is in force, with its file and
 * line. Made from the configuration's structs, never from the file, which may have changed since.
 */
#include "admin/page.h"
#include "base/table.h"

/* Receives the lines, one by one. */
struct rules {
    void (*put)(void *context, unsigned line, struct text section, const char *key,
                struct text value);
    void *context;
};

static void put_list(const struct rules *rules, struct text section, const char *key,
                     const struct config_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        rules->put(rules->context, list->items[i].line, section, key, list->items[i].value);
}

static void put_text(const struct rules *rules, struct text section, const char *key,
                     const struct config_text *value)
{
    if (value->value.at)
        rules->put(rules->context, value->line, section, key, value->value);
}

static void put_choice(const struct rules *rules, struct text section, const char *key,
                       const struct config_choice *choice)
{
    rules->put(rules->context, choice->line, section, key, text_of(page_mode(choice->value)));
}

static struct text section_name(char *to, size_t size, const char *kind, struct text name)
{
    int length = snprintf(to, size, "%s:%.*s", kind, TEXT_ARGS(name));

    return (struct text){to, length < (int)size ? (size_t)length : size - 1};
}

static void put_service(const struct rules *rules, const struct config_service *service)
{
    char name[300];
    struct text section = section_name(name, sizeof(name), "service", service->name);

    put_list(rules, section, "user", &service->users);
    put_text(rules, section, "upstream", &service->upstream);
    put_text(rules, section, "database", &service->database);
    put_list(rules, section, "alias", &service->aliases);
    put_list(rules, section, "owns", &service->owns);
    put_list(rules, section, "reads", &service->reads);
    if (service->mode.line)
        put_choice(rules, section, "mode", &service->mode);
    put_text(rules, section, "certificate_name", &service->certificate_name);
}

static void put_grant(const struct rules *rules, const struct config_grant *grant)
{
    static const char *const accesses[] = {"read", "write", "define", "execute"};
    char name[300];
    struct text section = section_name(name, sizeof(name), "grant", grant->name);

    put_text(rules, section, "service", &grant->service);
    put_list(rules, section, "on", &grant->on);
    for (unsigned i = 0; i < sizeof(accesses) / sizeof(accesses[0]); i++) {
        if (grant->access.bits & 1u << i)
            rules->put(rules->context,
                       grant->access.lines[i] ? grant->access.lines[i] : grant->line, section,
                       "access", text_of(accesses[i]));
    }
    if (grant->until.line)
        rules->put(rules->context, grant->until.line, section, "until", grant->until.written);
    put_text(rules, section, "ticket", &grant->ticket);
}

static void put_edge(const struct rules *rules, const struct config_edge *edge)
{
    char name[300];
    int length = snprintf(name, sizeof(name), "edge:%.*s->%.*s", TEXT_ARGS(edge->user),
                          TEXT_ARGS(edge->owner));
    struct text section = {name, length < (int)sizeof(name) ? (size_t)length : sizeof(name) - 1};

    put_choice(rules, section, "mode", &edge->mode);
}

void page_rules(const struct config *config,
                void (*put)(void *context, unsigned line, struct text section, const char *key,
                            struct text value),
                void *context)
{
    const struct rules rules = {put, context};

    put_choice(&rules, TEXT("policy"), "mode", &config->policy.mode);
    put_choice(&rules, TEXT("policy"), "undetermined", &config->policy.undetermined);
    put_choice(&rules, TEXT("policy"), "unowned", &config->policy.unowned);
    put_choice(&rules, TEXT("policy"), "administration", &config->policy.administration);
    for (size_t i = 0; i < config->service_count; i++)
        put_service(&rules, &config->services[i]);
    for (size_t i = 0; i < config->grant_count; i++)
        put_grant(&rules, &config->grants[i]);
    for (size_t i = 0; i < config->edge_count; i++)
        put_edge(&rules, &config->edges[i]);
}

struct rows {
    const struct page_request *request;
    FILE *to;
    size_t shown;
    char section[320]; /* the section of the current rows */
};

static void put_section(struct rows *rows, struct text section)
{
    char name[sizeof(rows->section)];

    snprintf(name, sizeof(name), "%.*s", TEXT_ARGS(section));
    if (strcmp(name, rows->section) == 0)
        return;
    memcpy(rows->section, name, sizeof(name));
    fputs("</tbody><tbody><tr><th colspan=\"3\" scope=\"rowgroup\">[", rows->to);
    table_put_html(section, rows->to);
    fputs("]</th></tr>\n", rows->to);
}

static void put_row(void *context, unsigned line, struct text section, const char *key,
                    struct text value)
{
    struct rows *rows = context;
    const struct text texts[] = {
        section, text_of(key), value, {NULL, 0}
    };

    if (!page_matches(rows->request->search, texts))
        return;
    rows->shown++;
    put_section(rows, section);
    fputs("<tr>", rows->to);
    const struct config_files *files = &rows->request->view->config->files;
    struct config_place place = config_place(files, line);
    if (line > 0 && place.file != files->items[0].path.at) {
        fputs("<td class=\"n\">", rows->to);
        table_put_html(text_of(place.file), rows->to);
        fprintf(rows->to, ":%u</td>", place.line);
    } else if (line > 0)
        fprintf(rows->to, "<td class=\"n\">%u</td>", line);
    else
        fputs("<td class=\"n\">default</td>", rows->to);
    fprintf(rows->to, "<td>%s</td><td><code>", key);
    table_put_html(value, rows->to);
    fputs("</code></td></tr>\n", rows->to);
}

/* The overrides of `silogate ctl`, which replace settings of the file until they end. */
static void put_overrides(const struct admin_view *view, FILE *to)
{
    static const char *const headings[] = {"id", "override", NULL};

    if (view->override_count == 0)
        return;
    page_table(to, "overrides", "Overrides: over the file until they end", headings, false);
    for (size_t i = 0; i < view->override_count; i++) {
        char words[700];
        override_words(&view->overrides[i], words, sizeof(words));
        fprintf(to, "<tr><td><code>%s</code></td><td>", view->overrides[i].id);
        table_put_html(text_of(words), to);
        fputs("</td></tr>\n", to);
    }
    page_table_end(to);
}

void page_policy(const struct page_request *request, FILE *to)
{
    static const char *const headings[] = {"#line", "key", "value", NULL};
    struct rows rows = {.request = request, .to = to};

    page_begin(request, "/policy", "policy", to);
    fputs("<h1>Policy</h1>\n", to);
    fputs("<p>What is in force, of the file <code>", to);
    table_put_html(request->view->config->path, to);
    fprintf(to,
            "</code>, policy <b>%s</b>: each line that decides who may touch what, and the "
            "line it stands in.</p>\n",
            policy_hash(request->view->policy));
    if (request->view->last_reload_refused)
        fputs("<p class=\"alarm\" role=\"alert\">The file has been changed since, and was refused: "
              "<code>silogate check</code> says why.</p>\n",
              to);
    put_overrides(request->view, to);
    page_table(to, "rules", "Policy in force", headings, false);
    page_rules(request->view->config, put_row, &rows);
    if (rows.shown == 0)
        fputs("<tr><td colspan=\"3\">No line matches the search.</td></tr>\n", to);
    page_table_end(to);
    page_end(to);
}
