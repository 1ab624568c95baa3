/* Rights do not follow a renamed table. So before the move the mover grants, at the target,
 * everything that accounts may do with the table now, by rights on the table or on its database. A
 * placeholder exists there at that time, because servers grant nothing on a table
 * that does not exist. No right is revoked.
 */
#include <stdlib.h>
#include <string.h>

#include "base/hash_table.h"
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

/* --- what there is --- */

/* Privileges of two databases, read once for all tables. */
struct rights {
    struct text source, target;
    struct hash_table on_target; /* grantee, privilege: by the target's database */
    struct hash_table there;     /* table, grantee, privilege: on the target's tables */
};

static bool is_between(const struct mover *mover, const struct rights *rights,
                       const struct moved_table *table)
{
    return text_equal(source_of(mover, table), rights->source) &&
           text_equal(target_of(mover, table), rights->target);
}

/* Joins the cells, each with a NUL at its end. */
static struct text key_of(struct mover *mover, const struct text *cells, size_t count)
{
    size_t length = 0;

    for (size_t i = 0; i < count; i++)
        length += cells[i].length + 1;
    char *key = arena_take(&mover->arena, length + 1);
    struct text text = {key, length};
    for (size_t i = 0; i < count; i++) {
        memcpy(key, cells[i].at, cells[i].length);
        key += cells[i].length;
        *key++ = 0;
    }
    return text;
}

/* Reads all rows of the query; the key is their first `count` cells. */
static bool collect(struct mover *mover, struct hash_table *into, const char *sql,
                    struct text schema, size_t count)
{
    struct rows *rows =
        connection_query(mover->connection, sql, PARAMETERS(P_TEXT(schema)), mover->error);

    while (rows && rows_next(rows))
        hash_table_add(into, key_of(mover, rows->cells, count));
    rows_free(rows);
    return rows != NULL;
}

static bool is_there(struct mover *mover, const struct rights *rights, struct text name,
                     struct text grantee, struct text privilege)
{
    const struct text cells[] = {name, grantee, privilege};

    return hash_table_find(&rights->on_target, key_of(mover, cells + 1, 2)) != HASH_TABLE_NONE ||
           hash_table_find(&rights->there, key_of(mover, cells, 3)) != HASH_TABLE_NONE;
}

/* --- what is to be given --- */

/* The privileges of one grantee on one table, while they are read. */
struct gathered {
    const struct moved_table *table;
    struct text grantee;
    bool grantable;
    struct text last; /* the last privilege: two patterns of databases may give the same one */
    char *words;
    size_t length;
    FILE *to;
};

static void gathered_end(struct mover *mover, struct gathered *gathered)
{
    if (!gathered->to)
        return;
    fclose(gathered->to);
    add_grant(mover, keep_text(mover, gathered->words, gathered->length), (struct text){NULL, 0},
              gathered->table, gathered->grantee, gathered->grantable ? TEXT("YES") : TEXT("NO"));
    *gathered = (struct gathered){0};
}

/* Rows come ordered by grantee. */
static void gather(struct mover *mover, struct gathered *gathered, const struct rights *rights,
                   const struct moved_table *table, const struct text *cells)
{
    const struct text grantee = cells[0], privilege = cells[1];

    if (is_there(mover, rights, table->name, grantee, privilege))
        return;
    if (gathered->to && (gathered->table != table || !text_equal(gathered->grantee, grantee)))
        gathered_end(mover, gathered);
    if (!gathered->to) {
        gathered->table = table;
        gathered->grantee = arena_text(&mover->arena, grantee);
        gathered->to = open_memstream(&gathered->words, &gathered->length);
    } else if (!text_equal(gathered->last, privilege)) {
        fputs(", ", gathered->to);
    }
    if (!text_equal(gathered->last, privilege))
        fprintf(gathered->to, "%.*s", TEXT_ARGS(privilege));
    gathered->last = arena_text(&mover->arena, privilege);
    gathered->grantable |= text_equal(cells[2], TEXT("YES"));
}

/* A right on the database is a right on each of its tables. */
static bool grants_by_database(struct mover *mover, const struct rights *rights)
{
    struct text(*all)[3] = NULL;
    size_t count = 0;
    struct gathered gathered = {0};
    struct rows *rows = connection_query(
        mover->connection,
        "SELECT GRANTEE, PRIVILEGE_TYPE, IS_GRANTABLE FROM information_schema.SCHEMA_PRIVILEGES"
        " WHERE ? LIKE TABLE_SCHEMA AND PRIVILEGE_TYPE IN ('SELECT', 'INSERT', 'UPDATE',"
        " 'DELETE', 'CREATE', 'DROP', 'REFERENCES', 'INDEX', 'ALTER', 'CREATE VIEW',"
        " 'SHOW VIEW', 'TRIGGER', 'DELETE HISTORY') ORDER BY GRANTEE, PRIVILEGE_TYPE",
        PARAMETERS(P_TEXT(rights->source)), mover->error);

    while (rows && rows_next(rows)) {
        all = items_add(&mover->arena, all, &count, sizeof(*all));
        for (int i = 0; i < 3; i++)
            all[count - 1][i] = arena_text(&mover->arena, rows->cells[i]);
    }
    for (size_t i = 0; i < mover->todo_count; i++) {
        const struct moved_table *table = todo_table(mover, i);
        for (size_t j = 0; j < count && is_between(mover, rights, table); j++)
            gather(mover, &gathered, rights, table, all[j]);
    }
    gathered_end(mover, &gathered);
    rows_free(rows);
    return rows != NULL;
}

static bool grants_by_table(struct mover *mover, const struct rights *rights)
{
    struct gathered gathered = {0};
    struct rows *rows = connection_query(
        mover->connection,
        "SELECT GRANTEE, PRIVILEGE_TYPE, IS_GRANTABLE, TABLE_NAME FROM"
        " information_schema.TABLE_PRIVILEGES WHERE TABLE_SCHEMA = ? ORDER BY TABLE_NAME, GRANTEE,"
        " PRIVILEGE_TYPE",
        PARAMETERS(P_TEXT(rights->source)), mover->error);

    while (rows && rows_next(rows)) {
        const struct moved_table *table = todo_at(mover, rights->source, rows->cells[3]);
        if (table && is_between(mover, rights, table))
            gather(mover, &gathered, rights, table, rows->cells);
    }
    gathered_end(mover, &gathered);
    rows_free(rows);
    return rows != NULL;
}

static bool grants_by_column(struct mover *mover, const struct rights *rights)
{
    struct rows *rows = connection_query(
        mover->connection,
        "SELECT PRIVILEGE_TYPE, COLUMN_NAME, GRANTEE, IS_GRANTABLE, TABLE_NAME FROM"
        " information_schema.COLUMN_PRIVILEGES WHERE TABLE_SCHEMA = ?",
        PARAMETERS(P_TEXT(rights->source)), mover->error);

    while (rows && rows_next(rows)) {
        const struct text *cells = rows->cells;
        const struct moved_table *table = todo_at(mover, rights->source, cells[4]);
        if (table && is_between(mover, rights, table))
            add_grant(mover, cells[0], cells[1], table, cells[2], cells[3]);
    }
    rows_free(rows);
    return rows != NULL;
}

static bool grants_of(struct mover *mover, struct text source, struct text target)
{
    struct rights rights = {.source = source, .target = target};
    bool good =
        collect(mover, &rights.on_target,
                "SELECT GRANTEE, PRIVILEGE_TYPE FROM information_schema.SCHEMA_PRIVILEGES WHERE"
                " ? LIKE TABLE_SCHEMA",
                target, 2) &&
        collect(mover, &rights.there,
                "SELECT TABLE_NAME, GRANTEE, PRIVILEGE_TYPE FROM"
                " information_schema.TABLE_PRIVILEGES WHERE TABLE_SCHEMA = ?",
                target, 3) &&
        grants_by_database(mover, &rights) && grants_by_table(mover, &rights) &&
        grants_by_column(mover, &rights);

    hash_table_fini(&rights.on_target);
    hash_table_fini(&rights.there);
    return good;
}

/* LOCK TABLES is a right on databases only. */
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
        const struct moved_table *table = todo_table(mover, i);
        bool seen = false;
        for (size_t j = 0; j < i; j++)
            seen |= text_equal(todo_table(mover, j)->from, table->from);
        if (!seen && (!grants_to_lock(mover, table) ||
                      !grants_of(mover, source_of(mover, table), target_of(mover, table))))
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
