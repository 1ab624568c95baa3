/* Compares ownership with the existing objects: finds objects without an owner, patterns that match
 * nothing, services whose database does not exist, names that exist on two servers.
 */
#include <string.h>

#include "base/hash_table.h"
#include "catalogue/internal.h"
#include "policy/pattern.h"

static uint8_t sql_type_of(const struct audit_object *object)
{
    return object->type >= AUDIT_PROCEDURE ? SQL_ROUTINE : SQL_TABLE;
}

void audit_unowned(struct audit *audit, struct audit_server *server)
{
    for (size_t i = 0; i < server->object_count; i++) {
        const struct audit_object *object = &server->objects[i];
        if (object->owner != SERVICE_NONE || text_equal(object->schema, TEXT("silogate")))
            continue;
        struct audit_finding *finding = audit_add(audit, server, AUDIT_UNOWNED);
        finding->schema = object->schema;
        finding->name = object->name;
        finding->verdict = audit_judge(audit, server, SERVICE_NONE, object->schema, object->name,
                                       sql_type_of(object), SQL_READ);
    }
}

static const struct audit_server *server_of(const struct audit *audit, size_t upstream)
{
    for (size_t i = 0; i < audit->server_count; i++) {
        if (audit->servers[i].upstream == upstream)
            return &audit->servers[i];
    }
    return NULL;
}

/* SCHEMA.* matches the schema itself, which may still be empty. */
static bool matches_something(const struct audit_server *server, const struct pattern *pattern)
{
    for (size_t i = 0; glob_any(pattern->name) && i < server->schema_count; i++) {
        if (glob_match(pattern->schema, server->schemas[i]))
            return true;
    }
    for (size_t i = 0; i < server->object_count; i++) {
        if (glob_match(pattern->schema, server->objects[i].schema) &&
            glob_match(pattern->name, server->objects[i].name))
            return true;
    }
    return false;
}

static struct audit_finding *add_unmatched(struct audit *audit, const struct audit_server *server,
                                           int owner, const char *key, struct text value)
{
    struct audit_finding *finding = audit_add(audit, server, AUDIT_UNMATCHED);

    finding->owner = owner;
    finding->name = audit_keep(audit, value);
    finding->why = text_of(key);
    return finding;
}

static void check_patterns(struct audit *audit, const struct audit_server *server, int service,
                           const char *key, const struct config_list *list)
{
    struct pattern pattern;
    struct error why;

    for (size_t i = 0; i < list->count; i++) {
        if (pattern_read(list->items[i].value, &audit->arena, &pattern, &why) &&
            !matches_something(server, &pattern))
            add_unmatched(audit, server, service, key, list->items[i].value);
    }
}

static bool has_schema(const struct audit_server *server, struct text name)
{
    for (size_t i = 0; i < server->schema_count; i++) {
        if (server->lower_case_table_names ? text_equal_fold(server->schemas[i], name)
                                           : text_equal(server->schemas[i], name))
            return true;
    }
    return false;
}

static void check_service(struct audit *audit, int index)
{
    const struct config_service *service = &audit->config->services[index];
    const struct audit_server *server = server_of(audit, service->upstream_index);

    if (!server)
        return;
    check_patterns(audit, server, index, "owns", &service->owns);
    check_patterns(audit, server, index, "reads", &service->reads);
    if (service->database.line && !has_schema(server, service->database.value))
        add_unmatched(audit, server, index, "database", service->database.value);
}

/* A grant's objects may be on any server: they are on the one of their owner. */
static void check_grant(struct audit *audit, const struct config_grant *grant)
{
    struct pattern pattern;
    struct error why;

    for (size_t i = 0; i < grant->on.count; i++) {
        bool found = !pattern_read(grant->on.items[i].value, &audit->arena, &pattern, &why);
        for (size_t j = 0; j < audit->server_count && !found; j++)
            found = matches_something(&audit->servers[j], &pattern);
        if (!found)
            add_unmatched(audit, NULL, policy_service(audit->policy, grant->service.value),
                          "grant on", grant->on.items[i].value);
    }
}

static struct text key_of(struct audit *audit, const struct audit_object *object)
{
    return audit_format(audit, "%d %.*s.%.*s", sql_type_of(object), TEXT_ARGS(object->schema),
                        TEXT_ARGS(object->name));
}

/* The policy takes the same name on two servers for one object: reports its owner and its servers.
 */
static void find_duplicates(struct audit *audit)
{
    struct hash_table names = {0};

    for (size_t i = 0; i < audit->server_count; i++) {
        const struct audit_server *server = &audit->servers[i];
        for (size_t j = 0; j < server->object_count; j++) {
            const struct audit_object *object = &server->objects[j];
            if (text_equal(object->schema, TEXT("silogate")) ||
                hash_table_find(&names, key_of(audit, object)) == HASH_TABLE_NONE)
                continue;
            struct audit_finding *finding = audit_add(audit, server, AUDIT_DUPLICATE);
            finding->schema = object->schema;
            finding->name = object->name;
            finding->owner = object->owner;
        }
        for (size_t j = 0; j < server->object_count; j++)
            hash_table_add(&names, key_of(audit, &server->objects[j]));
    }
    hash_table_fini(&names);
}

void audit_compare(struct audit *audit)
{
    for (size_t i = 0; i < audit->config->service_count; i++)
        check_service(audit, (int)i);
    if (audit->server_count == audit->config->upstream_count) {
        for (size_t i = 0; i < audit->config->grant_count; i++)
            check_grant(audit, &audit->config->grants[i]);
    }
    if (audit->server_count > 1)
        find_duplicates(audit);
}
