/* Foreign keys between two owners. Each write by the child's owner reads the parent; a delete or
 * update by the parent's owner changes the child, if the key cascades: these are two findings.
 */
#include "catalogue/internal.h"

struct key {
    struct text schema, table, name, parent_schema, parent, on_delete, on_update;
};

static bool writes_on(struct text rule)
{
    return text_equal_fold(rule, TEXT("CASCADE")) || text_equal_fold(rule, TEXT("SET NULL")) ||
           text_equal_fold(rule, TEXT("SET DEFAULT"));
}

static struct audit_finding *begin(struct audit *audit, struct audit_server *server,
                                   const struct key *key, int owner)
{
    struct audit_finding *finding = audit_add(audit, server, AUDIT_FOREIGN_KEY);

    finding->schema = audit_keep(audit, key->schema);
    finding->name = audit_keep(audit, key->name);
    finding->on_schema = finding->schema;
    finding->on = audit_keep(audit, key->table);
    finding->parent_schema = audit_keep(audit, key->parent_schema);
    finding->parent = audit_keep(audit, key->parent);
    finding->owner = owner;
    return finding;
}

static void look_at(struct audit *audit, struct audit_server *server, const struct key *key)
{
    int child = audit_owner(audit, server, key->schema, key->table, SQL_TABLE);
    int parent = audit_owner(audit, server, key->parent_schema, key->parent, SQL_TABLE);
    struct audit_finding *finding;

    if (child == parent && !audit->whole)
        return;
    finding = begin(audit, server, key, child);
    finding->security = TEXT("REFERENCES");
    audit_touch(audit, server, finding, key->parent_schema, key->parent, SQL_TABLE, SQL_READ);
    audit_settle(audit, finding);
    if (!writes_on(key->on_delete) && !writes_on(key->on_update))
        return;
    finding = begin(audit, server, key, parent);
    finding->security =
        audit_format(audit, "%s%.*s%s%s%.*s", writes_on(key->on_delete) ? "ON DELETE " : "",
                     writes_on(key->on_delete) ? (int)key->on_delete.length : 0, key->on_delete.at,
                     writes_on(key->on_delete) && writes_on(key->on_update) ? " " : "",
                     writes_on(key->on_update) ? "ON UPDATE " : "",
                     writes_on(key->on_update) ? (int)key->on_update.length : 0, key->on_update.at);
    finding->event = !writes_on(key->on_update)   ? TEXT("DELETE")
                     : !writes_on(key->on_delete) ? TEXT("UPDATE")
                                                  : TEXT("DELETE, UPDATE");
    audit_touch(audit, server, finding, key->schema, key->table, SQL_TABLE, SQL_WRITE);
    audit_settle(audit, finding);
}

bool audit_foreign_keys(struct audit *audit, struct audit_server *server,
                        struct connection *connection, struct error *error)
{
    for (size_t i = 0; i < server->schema_count; i++) {
        if (audit_is_system(server->schemas[i]))
            continue;
        struct rows *rows = connection_query(
            connection,
            "SELECT DISTINCT k.table_schema, k.table_name, k.constraint_name,"
            " k.referenced_table_schema, k.referenced_table_name, r.delete_rule, r.update_rule"
            " FROM information_schema.key_column_usage k"
            " JOIN information_schema.referential_constraints r"
            " ON r.constraint_schema = k.constraint_schema AND r.table_name = k.table_name"
            " AND r.constraint_name = k.constraint_name"
            " WHERE k.table_schema = ? AND r.constraint_schema = ?"
            " AND k.referenced_table_name IS NOT NULL ORDER BY 2, 3",
            PARAMETERS(P_TEXT(server->schemas[i]), P_TEXT(server->schemas[i])), error);
        if (!rows)
            return false;
        while (rows_next(rows)) {
            const struct text *c = rows->cells;
            look_at(audit, server, &(struct key){c[0], c[1], c[2], c[3], c[4], c[5], c[6]});
        }
        rows_free(rows);
    }
    return true;
}
