/* Reads accounts and their privileges from the server's own tables (MySQL manual, "Grant Tables";
 * MariaDB Knowledge Base, "mysql.global_priv Table" and related pages). */
#include "catalogue/accounts.h"

#include <stdlib.h>
#include <string.h>

struct reader {
    struct audit *audit;
    struct audit_server *server;
    struct audit_accounts *accounts;
    struct connection *connection;
    struct error *error;
};

void *accounts_room(void *items, size_t count, size_t *size, size_t each)
{
    if (count < *size)
        return items;
    *size = *size ? *size * 2 : 64;
    return memory_resize(items, *size * each);
}

static struct rows *ask(const struct reader *reader, const char *sql)
{
    return connection_query(reader->connection, sql, NULL, reader->error);
}

int audit_service_of(const struct audit *audit, struct text user)
{
    const struct config *config = audit->config;

    for (size_t i = 0; i < config->service_count; i++) {
        for (size_t j = 0; j < config->services[i].users.count; j++) {
            if (text_equal(config->services[i].users.items[j].value, user))
                return (int)i;
        }
    }
    return SERVICE_NONE;
}

uint32_t accounts_grantee(struct audit *audit, struct audit_server *server, struct text user,
                          struct text host)
{
    struct audit_accounts *accounts = server->accounts;

    for (size_t i = 0; i < accounts->grantee_count; i++) {
        if (text_equal(accounts->grantees[i].user, user) &&
            text_equal_fold(accounts->grantees[i].host, host))
            return (uint32_t)i;
    }
    accounts->grantees = accounts_room(accounts->grantees, accounts->grantee_count,
                                       &accounts->grantee_room, sizeof(*accounts->grantees));
    accounts->grantees[accounts->grantee_count] = (struct grantee){
        .user = audit_keep(audit, user),
        .host = audit_keep(audit, host),
        .service = audit_service_of(audit, user),
        .is_public = user.length == 0 ||
                     (server->is_mariadb && host.length == 0 && text_equal(user, TEXT("PUBLIC"))),
    };
    return (uint32_t)accounts->grantee_count++;
}

static uint32_t grantee_of(const struct reader *reader, struct text user, struct text host)
{
    return accounts_grantee(reader->audit, reader->server, user, host);
}

/* Appends a right of the grantee user@host, which is added too if it is new. */
static struct right *add_right(const struct reader *reader, enum right_level level,
                               struct text user, struct text host)
{
    struct audit_accounts *accounts = reader->accounts;

    accounts->rights = accounts_room(accounts->rights, accounts->right_count, &accounts->right_room,
                                     sizeof(*accounts->rights));
    struct right *right = &accounts->rights[accounts->right_count++];
    *right = (struct right){.level = level, .grantee = grantee_of(reader, user, host)};
    return right;
}

/* The privileges of a row with a column of Y or N for each privilege. */
static uint64_t bits_of_row(const struct rows *rows)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < rows->columns; i++) {
        if (text_equal_fold(rows->cells[i], TEXT("Y")))
            bits |= privilege_of_column(text_of(rows_name(rows, i)));
    }
    return bits;
}

static struct text cell_named(const struct rows *rows, const char *name)
{
    for (size_t i = 0; i < rows->columns; i++) {
        if (text_equal_fold(text_of(rows_name(rows, i)), text_of(name)))
            return rows->cells[i];
    }
    return (struct text){NULL, 0};
}

static bool read_server_rights(const struct reader *reader)
{
    bool mariadb = reader->server->is_mariadb;
    struct rows *rows =
        ask(reader, mariadb ? "SELECT user, host, COALESCE(JSON_VALUE(priv, '$.access'), 0),"
                              " COALESCE(JSON_VALUE(priv, '$.is_role'), '') FROM mysql.global_priv"
                            : "SELECT * FROM mysql.user");

    if (!rows)
        return false;
    while (rows_next(rows)) {
        struct text user = mariadb ? rows->cells[0] : cell_named(rows, "User");
        struct text host = mariadb ? rows->cells[1] : cell_named(rows, "Host");
        struct right *right = add_right(reader, ON_SERVER, user, host);
        right->bits =
            mariadb ? (uint64_t)rows_number(rows, 2, 0) & ((1ull << 40) - 1) : bits_of_row(rows);
        reader->accounts->grantees[right->grantee].is_role =
            mariadb && text_equal(rows->cells[3], TEXT("true"));
    }
    rows_free(rows);
    return true;
}

/* Partial revokes: one row per privilege. */
static bool read_restrictions(const struct reader *reader)
{
    struct audit_accounts *accounts = reader->accounts;
    struct rows *rows =
        ask(reader, "SELECT u.user, u.host, r.db, r.priv FROM mysql.user u,"
                    " JSON_TABLE(COALESCE(u.user_attributes, '{}'), '$.Restrictions[*]'"
                    " COLUMNS (db VARCHAR(64) PATH '$.Database',"
                    " NESTED PATH '$.Privileges[*]' COLUMNS (priv VARCHAR(64) PATH '$'))) r"
                    " WHERE r.priv IS NOT NULL");

    if (!rows)
        return false;
    while (rows_next(rows)) {
        const struct text *cells = rows->cells;
        accounts->restrictions =
            accounts_room(accounts->restrictions, accounts->restriction_count,
                          &accounts->restriction_room, sizeof(*accounts->restrictions));
        accounts->restrictions[accounts->restriction_count++] =
            (struct restriction){.grantee = grantee_of(reader, cells[0], cells[1]),
                                 .database = audit_keep(reader->audit, cells[2]),
                                 .bits = privileges_of_set(cells[3])};
    }
    rows_free(rows);
    return true;
}

/* MySQL: privileges without a column, and SELECT ON *.* less some databases. */
static bool read_mysql_more(const struct reader *reader)
{
    struct rows *rows =
        ask(reader, "SELECT user, host, priv, with_grant_option = 'Y' FROM mysql.global_grants");

    if (!rows)
        return false;
    while (rows_next(rows)) {
        struct right *right = add_right(reader, ON_SERVER, rows->cells[0], rows->cells[1]);
        right->dynamic = audit_keep(reader->audit, rows->cells[2]);
        right->handed_on = rows_number(rows, 3, 0) == 1;
    }
    rows_free(rows);
    if (!read_restrictions(reader))
        return false;
    rows = ask(reader, "SELECT @@partial_revokes");
    if (rows && rows_next(rows))
        reader->accounts->literal = rows_number(rows, 0, 0) == 1;
    rows_free(rows);
    return rows != NULL;
}

static bool read_database_rights(const struct reader *reader)
{
    struct rows *rows = ask(reader, "SELECT * FROM mysql.db");

    if (!rows)
        return false;
    while (rows_next(rows)) {
        struct right *right =
            add_right(reader, ON_DATABASE, cell_named(rows, "User"), cell_named(rows, "Host"));
        right->database = audit_keep(reader->audit, cell_named(rows, "Db"));
        right->bits = bits_of_row(rows);
    }
    rows_free(rows);
    return true;
}

static bool read_object_rights(const struct reader *reader)
{
    static const struct {
        enum right_level level;
        const char *sql;
    } tables[] = {
        {ON_TABLE,   "SELECT user, host, db, table_name, '', table_priv FROM mysql.tables_priv"},
        {ON_COLUMN,
         "SELECT user, host, db, table_name, column_name, column_priv FROM mysql.columns_priv" },
        {ON_ROUTINE,
         "SELECT user, host, db, routine_name, routine_type, proc_priv FROM mysql.procs_priv"  },
        {ON_PROXY,   "SELECT user, host, proxied_host, proxied_user, '', '', with_grant FROM "
                   "mysql.proxies_priv"                                      },
    };

    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        struct rows *rows = ask(reader, tables[i].sql);
        if (!rows)
            return false;
        while (rows_next(rows)) {
            const struct text *cells = rows->cells;
            struct right *right = add_right(reader, tables[i].level, cells[0], cells[1]);
            right->database = audit_keep(reader->audit, cells[2]);
            right->name = audit_keep(reader->audit, cells[3]);
            if (tables[i].level == ON_ROUTINE)
                right->routine_type = audit_keep(reader->audit, cells[4]);
            else
                right->column = audit_keep(reader->audit, cells[4]);
            right->bits = privileges_of_set(cells[5]);
            right->handed_on = tables[i].level == ON_PROXY && rows_number(rows, 6, 0) == 1;
        }
        rows_free(rows);
    }
    return true;
}

bool accounts_read(struct audit *audit, struct audit_server *server, struct connection *connection,
                   struct error *error)
{
    struct audit_accounts *accounts = memory_take_zeroed(sizeof(*accounts));
    const struct reader reader = {audit, server, accounts, connection, error};

    server->accounts = accounts;
    return read_server_rights(&reader) && (server->is_mariadb || read_mysql_more(&reader)) &&
           read_database_rights(&reader) && read_object_rights(&reader) &&
           roles_read(audit, server, connection, error);
}

void accounts_free(struct audit_accounts *accounts)
{
    if (!accounts)
        return;
    free(accounts->grantees);
    free(accounts->rights);
    free(accounts->memberships);
    free(accounts->restrictions);
    free(accounts->mandatory);
    free(accounts->sql);
    free(accounts->back);
    free(accounts);
}
