/* Rights do not follow a table that is renamed. What accounts may do with it now, by rights on the
 * table or on its database, is granted to them at the target before the move, while a placeholder
 * exists there: servers grant nothing on what does not exist. No right is revoked.
 */
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "move/mover_internal.h"

/* MariaDB's roles have no host. */
static struct text grantee_of(const struct mover *mover, struct text grantee)
{
    if (connection_is_mariadb(mover->connection) && grantee.length > 3 &&
        memcmp(grantee.at + grantee.length - 3, "@''", 3) == 0)
        grantee.length -= 3;
    return grantee;
}

static void keep_grant(struct mover *mover, const struct moved_table *table, char *sql,
                       size_t length)
{
    mover->grants =
        items_add(&mover->arena, mover->grants, &mover->grant_count, sizeof(*mover->grants));
    mover->grants[mover->grant_count - 1] =
        (struct carried_grant){keep_text(mover, sql, length), table};
}

static void add_grant(struct mover *mover, struct text privileges, struct text columns,
                      const struct moved_table *table, struct text grantee, struct text grantable)
{
    char *sql;
    size_t length;
    FILE *to = open_memstream(&sql, &length);

    fprintf(to, "GRANT %.*s", TEXT_ARGS(privileges));
    if (columns.at) {
        fputs(" (", to);
        put_name(to, columns);
        fputc(')', to);
    }
    fputs(" ON ", to);
    put_table(to, target_of(mover, table), table->name);
    fprintf(to, " TO %.*s", TEXT_ARGS(grantee_of(mover, grantee)));
    if (text_equal(grantable, TEXT("YES")))
        fputs(" WITH GRANT OPTION", to);
    fclose(to);
    keep_grant(mover, table, sql, length);
}

/* `sql` asks for privileges, column or NULL, grantee, whether it may be given on. */
static bool add_grants(struct mover *mover, const struct moved_table *table, const char *sql,
                       const struct parameter *parameters)
{
    struct rows *rows = connection_query(mover->connection, sql, parameters, mover->error);

    if (!rows)
        return false;
    while (rows_next(rows)) {
        if (rows->cells[0].at && rows->cells[2].at)
            add_grant(mover, rows->cells[0], rows->cells[1], table, rows->cells[2], rows->cells[3]);
    }
    rows_free(rows);
    return true;
}

/* What is there already, by a right on the target's database or on the table. */
#define NOT_THERE_YET                                                                              \
    " AND (GRANTEE, PRIVILEGE_TYPE) NOT IN (SELECT GRANTEE, PRIVILEGE_TYPE FROM"                   \
    " information_schema.SCHEMA_PRIVILEGES WHERE ? LIKE TABLE_SCHEMA UNION SELECT GRANTEE,"        \
    " PRIVILEGE_TYPE FROM information_schema.TABLE_PRIVILEGES WHERE TABLE_SCHEMA = ? AND"          \
    " TABLE_NAME = ?)"

static bool grants_of(struct mover *mover, const struct moved_table *table)
{
    const struct text source = source_of(mover, table), target = target_of(mover, table);
    const struct text name = table->name;

    return add_grants(mover, table,
                      "SELECT GROUP_CONCAT(PRIVILEGE_TYPE ORDER BY"
                      " PRIVILEGE_TYPE SEPARATOR ', '), NULL, GRANTEE,"
                      " MAX(IS_GRANTABLE) FROM information_schema.SCHEMA_PRIVILEGES WHERE"
                      " ? LIKE TABLE_SCHEMA AND PRIVILEGE_TYPE IN ('SELECT', 'INSERT', 'UPDATE',"
                      " 'DELETE', 'CREATE', 'DROP', 'REFERENCES', 'INDEX', 'ALTER', 'CREATE VIEW',"
                      " 'SHOW VIEW', 'TRIGGER')" NOT_THERE_YET " GROUP BY GRANTEE",
                      PARAMETERS(P_TEXT(source), P_TEXT(target), P_TEXT(target), P_TEXT(name))) &&
           add_grants(mover, table,
                      "SELECT GROUP_CONCAT(PRIVILEGE_TYPE ORDER BY"
                      " PRIVILEGE_TYPE SEPARATOR ', '), NULL, GRANTEE,"
                      " MAX(IS_GRANTABLE) FROM information_schema.TABLE_PRIVILEGES WHERE"
                      " TABLE_SCHEMA = ? AND TABLE_NAME = ?" NOT_THERE_YET " GROUP BY GRANTEE",
                      PARAMETERS(P_TEXT(source), P_TEXT(name), P_TEXT(target), P_TEXT(target),
                                 P_TEXT(name))) &&
           add_grants(mover, table,
                      "SELECT PRIVILEGE_TYPE, COLUMN_NAME, GRANTEE, IS_GRANTABLE FROM"
                      " information_schema.COLUMN_PRIVILEGES WHERE TABLE_SCHEMA = ? AND"
                      " TABLE_NAME = ?",
                      PARAMETERS(P_TEXT(source), P_TEXT(name)));
}

/* LOCK TABLES is a right on a database alone. */
static bool grants_to_lock(struct mover *mover, const struct moved_table *table)
{
    struct rows *rows = connection_query(
        mover->connection,
        "SELECT GRANTEE FROM information_schema.SCHEMA_PRIVILEGES WHERE ? LIKE TABLE_SCHEMA AND"
        " PRIVILEGE_TYPE = 'LOCK TABLES' AND GRANTEE NOT IN (SELECT GRANTEE FROM"
        " information_schema.SCHEMA_PRIVILEGES WHERE ? LIKE TABLE_SCHEMA AND PRIVILEGE_TYPE ="
        " 'LOCK TABLES')",
        PARAMETERS(P_TEXT(source_of(mover, table)), P_TEXT(target_of(mover, table))), mover->error);

    if (!rows)
        return false;
    while (rows_next(rows)) {
        char *sql;
        size_t length;
        FILE *to = open_memstream(&sql, &length);
        fputs("GRANT LOCK TABLES ON ", to);
        put_name(to, target_of(mover, table));
        fprintf(to, ".* TO %.*s", TEXT_ARGS(grantee_of(mover, rows->cells[0])));
        fclose(to);
        keep_grant(mover, table, sql, length);
    }
    rows_free(rows);
    return true;
}

bool grants_plan(struct mover *mover)
{
    for (size_t i = 0; i < mover->todo_count; i++) {
        bool seen = false;
        for (size_t j = 0; j < i; j++)
            seen |= text_equal(todo_table(mover, j)->from, todo_table(mover, i)->from);
        if (!seen && !grants_to_lock(mover, todo_table(mover, i)))
            return false;
    }
    for (size_t i = 0; i < mover->todo_count; i++) {
        if (!grants_of(mover, todo_table(mover, i)))
            return false;
    }
    return true;
}

bool grants_give(struct mover *mover, const struct moved_table *table)
{
    for (size_t i = 0; i < mover->grant_count; i++) {
        if (mover->grants[i].table == table && !run_sql(mover, mover->grants[i].text))
            return false;
    }
    return true;
}
