/* The audit: runs its parts on a server, keeps their findings, and asks the policy. Each part is a
 * file of its own.
 */
#include "catalogue/audit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "catalogue/accounts.h"

const char *audit_kind_name(enum audit_kind kind)
{
    static const char *const names[] = {
#define K(symbol, name, prose) name,
        AUDIT_KINDS(K)
#undef K
    };
    return names[kind];
}

void audit_init(struct audit *audit, const struct config *config, const struct policy *policy,
                int32_t today)
{
    time_t now = time(NULL);
    struct tm utc;

    *audit = (struct audit){.config = config, .policy = policy, .today = today};
    strftime(audit->ts, sizeof(audit->ts), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    audit->servers = memory_take_zeroed((config->upstream_count + 1) * sizeof(*audit->servers));
}

void audit_fini(struct audit *audit)
{
    for (size_t i = 0; i < audit->server_count; i++) {
        free(audit->servers[i].objects);
        accounts_free(audit->servers[i].accounts);
    }
    free(audit->servers);
    free(audit->findings);
    arena_fini(&audit->arena);
}

struct audit_finding *audit_add(struct audit *audit, const struct audit_server *server,
                                enum audit_kind kind)
{
    if (audit->finding_count == audit->finding_room) {
        audit->finding_room = audit->finding_room ? audit->finding_room * 2 : 64;
        audit->findings =
            memory_resize(audit->findings, audit->finding_room * sizeof(*audit->findings));
    }
    struct audit_finding *finding = &audit->findings[audit->finding_count++];
    *finding = (struct audit_finding){.kind = kind, .owner = SERVICE_NONE};
    finding->verdict = (struct verdict){.action = VERDICT_ALLOW,
                                        .reason = REASON_SESSION,
                                        .object = VERDICT_NO_OBJECT,
                                        .owner = SERVICE_NONE};
    if (server)
        finding->upstream = server->name;
    return finding;
}

struct text audit_keep(struct audit *audit, struct text t)
{
    return t.at ? arena_text(&audit->arena, t) : t;
}

struct text audit_format(struct audit *audit, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;

    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        abort();
    struct text kept = arena_text(&audit->arena, (struct text){text, (size_t)length});
    free(text);
    return kept;
}

struct verdict audit_judge(const struct audit *audit, const struct audit_server *server,
                           int service, struct text schema, struct text name, uint8_t type,
                           uint8_t access)
{
    const struct sql_object object = {
        .schema = schema, .name = name, .type = type, .access = access};
    struct verdict verdict;

    policy_check_object(audit->policy, service, &object, server->lower_case_table_names != 0,
                        audit->today, &verdict);
    return verdict;
}

int audit_owner(const struct audit *audit, const struct audit_server *server, struct text schema,
                struct text name, uint8_t type)
{
    return audit_judge(audit, server, SERVICE_NONE, schema, name, type, SQL_READ).owner;
}

void audit_touch(struct audit *audit, const struct audit_server *server,
                 struct audit_finding *finding, struct text schema, struct text name, uint8_t type,
                 uint8_t access)
{
    const bool writes_too = finding->updatable && type == SQL_TABLE;
    struct verdict verdict = audit_judge(audit, server, finding->owner, schema, name, type,
                                         access | (writes_too ? SQL_WRITE : 0));
    bool concerns = verdict.owner != SERVICE_NONE ? verdict.owner != finding->owner
                                                  : verdict.action != VERDICT_ALLOW;

    /* A trigger's access to another table is reported even if both tables have the same owner. */
    if (finding->kind == AUDIT_TRIGGER && type == SQL_TABLE)
        concerns = !(text_equal(schema, finding->on_schema) && text_equal(name, finding->on));
    if (!concerns && !audit->whole)
        return;
    for (size_t i = 0; i < finding->touch_count; i++) {
        struct audit_touch *old = &finding->touches[i];
        if (old->type == type && text_equal(old->schema, schema) && text_equal(old->name, name))
            return;
    }
    /* The array grows by copying: it is small. */
    struct audit_touch *touches =
        arena_take(&audit->arena, (finding->touch_count + 1) * sizeof(*touches));
    if (finding->touch_count)
        memcpy(touches, finding->touches, finding->touch_count * sizeof(*touches));
    touches[finding->touch_count++] = (struct audit_touch){.schema = audit_keep(audit, schema),
                                                           .name = audit_keep(audit, name),
                                                           .type = type,
                                                           .access = access,
                                                           .verdict = verdict};
    finding->touches = touches;
    /* Objects without an owner are reported elsewhere; they do not count as crossings here. */
    if (verdict.reason == REASON_UNOWNED && finding->touch_count > 1)
        return;
    if (finding->touch_count == 1 || verdict.action > finding->verdict.action ||
        finding->verdict.reason == REASON_UNOWNED)
        finding->verdict = verdict;
}

void audit_settle(struct audit *audit, struct audit_finding *finding)
{
    if (finding->touch_count == 0 && !finding->undetermined) {
        audit->finding_count--;
        return;
    }
    finding->crosses =
        finding->verdict.action != VERDICT_ALLOW && finding->verdict.reason != REASON_UNOWNED;
}

bool audit_is_system(struct text schema)
{
    static const char *const names[] = {"mysql", "sys", "performance_schema", "information_schema"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (text_equal_fold(schema, text_of(names[i])))
            return true;
    }
    return false;
}

bool audit_read_edges(struct audit *audit, size_t upstream, struct connection *connection,
                      struct error *error)
{
    struct audit_server *server = &audit->servers[audit->server_count++];

    server->upstream = upstream;
    server->name = audit->config->upstreams[upstream].name;
    server->version = audit_keep(audit, text_of(connection_version(connection)));
    server->is_mariadb = connection_is_mariadb(connection);
    return audit_objects(audit, server, connection, error) &&
           audit_stored(audit, server, connection, error) &&
           audit_foreign_keys(audit, server, connection, error);
}

bool audit_read(struct audit *audit, size_t upstream, struct connection *connection,
                struct error *error)
{
    struct audit_server *server = &audit->servers[audit->server_count];

    if (!audit_read_edges(audit, upstream, connection, error) ||
        !accounts_read(audit, server, connection, error) ||
        !audit_threads(audit, server, connection, error))
        return false;
    accounts_judge(audit, server);
    audit_unowned(audit, server);
    return true;
}
