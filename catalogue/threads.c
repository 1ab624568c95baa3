/* Reads the threads of services' accounts from performance_schema, which has their connection
 * attributes, or, if that is off, from the process list, which has none. */
#include "catalogue/threads.h"

#include "catalogue/internal.h"
#include "policy/pattern.h"

static int service_of(const struct config *config, struct text user)
{
    for (size_t i = 0; i < config->service_count; i++) {
        for (size_t j = 0; j < config->services[i].users.count; j++) {
            if (text_equal(config->services[i].users.items[j].value, user))
                return (int)i;
        }
    }
    return -1;
}

/* Does `direct` name this account? Entries are "user@host", with `*` as wildcard; without a host
 * any host matches. */
static bool is_named(const struct config_list *direct, struct text user, struct text host)
{
    for (size_t i = 0; i < direct->count; i++) {
        const struct text written = direct->items[i].value;
        const char *at = memrchr(written.at, '@', written.length);
        size_t length = at ? (size_t)(at - written.at) : written.length;
        if (glob_match((struct text){written.at, length}, user) &&
            (!at || glob_match((struct text){at + 1, written.length - length - 1}, host)))
            return true;
    }
    return false;
}

bool threads_read(const struct config *config, size_t upstream, struct connection *connection,
                  void (*take)(void *user, const struct threads_group *group), void *user,
                  bool *told, struct error *error)
{
    static const char with_attributes[] =
        "SELECT t.processlist_user, COALESCE(t.processlist_host, ''), COALESCE(p.attr_value, ''),"
        " o.attr_value IS NOT NULL, COUNT(*) FROM performance_schema.threads t"
        " LEFT JOIN performance_schema.session_connect_attrs o"
        " ON o.processlist_id = t.processlist_id AND o.attr_name = 'silogate_session'"
        " LEFT JOIN performance_schema.session_connect_attrs p"
        " ON p.processlist_id = t.processlist_id AND p.attr_name = 'program_name'"
        " WHERE t.processlist_user IS NOT NULL AND t.processlist_id IS NOT NULL"
        " GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4";
    static const char without[] =
        "SELECT user, SUBSTRING_INDEX(host, ':', 1), '', 0, COUNT(*)"
        " FROM information_schema.processlist GROUP BY 1, 2 ORDER BY 1, 2";
    struct rows *rows = connection_query(connection, "SELECT @@performance_schema", NULL, error);

    if (!rows)
        return false;
    *told = rows_next(rows) && rows_number(rows, 0, 0) == 1;
    rows_free(rows);
    rows = connection_query(connection, *told ? with_attributes : without, NULL, error);
    while (rows && rows_next(rows)) {
        const struct text *cells = rows->cells;
        struct threads_group group = {
            .service = service_of(config, cells[0]),
            .user = cells[0],
            .host = cells[1],
            .program = cells[2],
            .ours = rows_number(rows, 3, 0) == 1,
            .count = (uint64_t)rows_number(rows, 4, 0),
        };
        group.excepted =
            !group.ours && is_named(&config->upstreams[upstream].direct, group.user, group.host);
        if (group.service >= 0)
            take(user, &group);
    }
    rows_free(rows);
    return rows != NULL;
}

struct taking {
    struct audit *audit;
    struct audit_server *server;
};

static void take_group(void *user, const struct threads_group *group)
{
    struct taking *taking = user;
    struct audit_server *server = taking->server;

    server->threads += group->count;
    server->ours += group->ours ? group->count : 0;
    server->excepted += group->excepted ? group->count : 0;
    if (group->ours || group->excepted || !server->threads_told)
        return;
    server->past += group->count;
    struct audit_finding *finding = audit_add(taking->audit, server, AUDIT_BYPASS);
    finding->name = audit_keep(taking->audit, group->user);
    finding->owner = group->service;
    finding->on = audit_keep(taking->audit, group->host);
    finding->security =
        group->program.length ? audit_keep(taking->audit, group->program) : (struct text){NULL, 0};
    finding->count = group->count;
    finding->crosses = true;
}

/* Is the account used by several programs? These are mostly several services, and their privileges
 * do not tell them apart. */
static bool is_shared(const struct audit_program *programs)
{
    for (const struct audit_program *one = programs; one; one = one->next) {
        if (!text_equal(one->program, programs->program))
            return true;
    }
    return false;
}

static void add_shared(struct audit *audit, const struct audit_server *server, struct text user,
                       struct audit_program *programs)
{
    if (!is_shared(programs))
        return;
    struct audit_finding *finding = audit_add(audit, server, AUDIT_SHARED);
    finding->name = user;
    finding->owner = service_of(audit->config, user);
    finding->programs = programs;
}

static bool audit_shared(struct audit *audit, const struct audit_server *server,
                         struct connection *connection, struct error *error)
{
    static const char sql[] =
        "SELECT t.processlist_user, COALESCE(p.attr_value, ''),"
        " COALESCE(LEFT(c.attr_value, CHAR_LENGTH(c.attr_value) - LOCATE(':',"
        " REVERSE(c.attr_value))), t.processlist_host, ''), COUNT(*)"
        " FROM performance_schema.threads t"
        " LEFT JOIN performance_schema.session_connect_attrs c"
        " ON c.processlist_id = t.processlist_id AND c.attr_name = 'silogate_client'"
        " LEFT JOIN performance_schema.session_connect_attrs p"
        " ON p.processlist_id = t.processlist_id AND p.attr_name = 'program_name'"
        " WHERE t.processlist_user IS NOT NULL AND t.processlist_id IS NOT NULL"
        " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3";
    struct rows *rows = connection_query(connection, sql, NULL, error);
    struct text user = {NULL, 0};
    struct audit_program *programs = NULL, **end = &programs;

    while (rows && rows_next(rows)) {
        const struct text *cells = rows->cells;
        if (service_of(audit->config, cells[0]) < 0)
            continue;
        if (!text_equal(user, cells[0])) {
            add_shared(audit, server, user, programs);
            user = audit_keep(audit, cells[0]);
            programs = NULL;
            end = &programs;
        }
        *end = arena_take(&audit->arena, sizeof(**end));
        **end = (struct audit_program){.program = audit_keep(audit, cells[1]),
                                       .address = audit_keep(audit, cells[2]),
                                       .threads = (uint64_t)rows_number(rows, 3, 0)};
        end = &(*end)->next;
    }
    add_shared(audit, server, user, programs);
    rows_free(rows);
    return rows != NULL;
}

bool audit_threads(struct audit *audit, struct audit_server *server, struct connection *connection,
                   struct error *error)
{
    struct taking taking = {audit, server};

    return threads_read(audit->config, server->upstream, connection, take_group, &taking,
                        &server->threads_told, error) &&
           (!server->threads_told || audit_shared(audit, server, connection, error));
}
