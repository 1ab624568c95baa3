/* Lists, for services in mode log, what their clients notice although the mode refuses nothing. It
 * makes no decisions.
 */
#include "cmd/check_changes.h"

#include <stdio.h>

static bool is_in_log(const struct config *config, const struct config_service *service)
{
    int mode = service->mode.line ? service->mode.value : config->policy.mode.value;

    return mode == CONFIG_LOG;
}

/* Prints a line of the list: the section, the setting and its place (or "the default"), and its
 * effect. */
static bool print(const struct config *config, unsigned line, const char *section,
                  const char *setting, const char *what)
{
    printf("  [%s] %s, %s: %s\n", section, setting,
           line ? config_line(&config->files, line) : "the default", what);
    return true;
}

/* The functions below return whether they printed anything. */
static bool print_policy(const struct config *config)
{
    const struct {
        const struct config_choice *choice;
        const char *setting, *what;
    } kinds[] = {
        {&config->policy.undetermined,   "undetermined = block",
         "what cannot be determined is refused"                                                 },
        {&config->policy.unowned,        "unowned = block",        "what nobody owns is refused"},
        {&config->policy.administration, "administration = block",
         "statements on the server are refused"                                                 },
    };

    bool printed = false;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (kinds[i].choice->value == CONFIG_BLOCK)
            printed =
                print(config, kinds[i].choice->line, "policy", kinds[i].setting, kinds[i].what);
    }
    return printed;
}

static bool print_service(const struct config *config, const struct config_service *service)
{
    char section[200];
    bool printed = false;

    snprintf(section, sizeof(section), "service:%.*s", TEXT_ARGS(service->name));
    if (service->certificate_name.line)
        printed = print(config, service->certificate_name.line, section, "certificate_name",
                        "clients without that certificate are refused");
    for (size_t i = 0; i < config->edge_count; i++) {
        const struct config_edge *edge = &config->edges[i];
        if (!text_equal(edge->user, service->name) || edge->mode.value != CONFIG_BLOCK)
            continue;
        snprintf(section, sizeof(section), "edge:%.*s->%.*s", TEXT_ARGS(edge->user),
                 TEXT_ARGS(edge->owner));
        printed =
            print(config, edge->line, section, "mode = block", "what crosses there is refused");
    }
    return printed;
}

void check_changes_print(const struct config *config)
{
    size_t count = 0, with_database = 0;
    bool printed = false;

    for (size_t i = 0; i < config->service_count; i++) {
        bool in_log = is_in_log(config, &config->services[i]);
        count += in_log;
        with_database += in_log && config->services[i].database.line;
    }
    if (count == 0)
        return;
    printf("%zu service%s in log; what still changes for clients:\n", count, count == 1 ? "" : "s");
    if (config->proxy.unknown_user.value == CONFIG_REJECT)
        printed |= print(config, config->proxy.unknown_user.line, "proxy", "unknown_user = reject",
                         "users of no service are refused");
    if (config->tls.client.value == CONFIG_TLS_REQUIRED)
        printed |= print(config, config->tls.client.line, "tls", "client = required",
                         "clients without TLS are refused");
    printed |= print_policy(config);
    if (with_database)
        printf("  database, of %zu of them: sessions that name none, or an alias, begin there\n",
               with_database);
    for (size_t i = 0; i < config->service_count; i++) {
        if (is_in_log(config, &config->services[i]))
            printed |= print_service(config, &config->services[i]);
    }
    if (!printed && !with_database)
        puts("  nothing");
}
