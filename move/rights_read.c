/* Reads the server's tables of rights, for the accounts and the tables of one pair of databases. */
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "move/rights.h"

/* A right: in the columns of mysql.user and mysql.db, in the sets of mysql.tables_priv, in GRANT.
 * By its number; the third and the fourth are RIGHT_UNKNOWN and RIGHT_UNSURE. */
static const struct {
    const char *column, *word, *name;
    bool of_tables;
} words[] = {
    {"Grant_priv",            "Grant",                  "GRANT OPTION",            true },
    {"Lock_tables_priv",      NULL,                     "LOCK TABLES",             false},
    {NULL,                    NULL,                     NULL,                      false},
    {NULL,                    NULL,                     NULL,                      false},
    {"Select_priv",           "Select",                 "SELECT",                  true },
    {"Insert_priv",           "Insert",                 "INSERT",                  true },
    {"Update_priv",           "Update",                 "UPDATE",                  true },
    {"Delete_priv",           "Delete",                 "DELETE",                  true },
    {"Create_priv",           "Create",                 "CREATE",                  true },
    {"Drop_priv",             "Drop",                   "DROP",                    true },
    {"References_priv",       "References",             "REFERENCES",              true },
    {"Index_priv",            "Index",                  "INDEX",                   true },
    {"Alter_priv",            "Alter",                  "ALTER",                   true },
    {"Create_view_priv",      "Create View",            "CREATE VIEW",             true },
    {"Show_view_priv",        "Show view",              "SHOW VIEW",               true },
    {"Trigger_priv",          "Trigger",                "TRIGGER",                 true },
    {"Delete_history_priv",   "Delete versioning rows", "DELETE HISTORY",          true },
    {"Create_tmp_table_priv", NULL,                     "CREATE TEMPORARY TABLES", false},
    {"Create_routine_priv",   NULL,                     "CREATE ROUTINE",          false},
    {"Alter_routine_priv",    NULL,                     "ALTER ROUTINE",           false},
    {"Execute_priv",          NULL,                     "EXECUTE",                 false},
    {"Event_priv",            NULL,                     "EVENT",                   false},
};
enum { WORDS = sizeof(words) / sizeof(*words), HISTORY = 16 /* MariaDB only */ };

static uint32_t right_of(struct text text, bool by_column)
{
    for (unsigned i = 0; i < WORDS; i++) {
        const char *word = by_column ? words[i].column : words[i].word;
        if (word && text_equal_fold(text, text_of(word)))
            return 1u << i;
    }
    return RIGHT_UNKNOWN;
}

static uint32_t right_named(struct text text)
{
    for (unsigned i = 0; i < WORDS; i++) {
        if (words[i].name && text_equal_fold(text, text_of(words[i].name)))
            return 1u << i;
    }
    return 0;
}

static uint32_t rights_of_set(struct text set)
{
    uint32_t rights = 0;

    for (size_t i = 0; i < set.length; i++) {
        const char *comma = memchr(set.at + i, ',', set.length - i);
        const size_t end = comma ? (size_t)(comma - set.at) : set.length;
        rights |= right_of((struct text){set.at + i, end - i}, false);
        i = end;
    }
    return rights;
}

/* Of the columns that are named like rights. */
static uint32_t rights_of_columns(const struct rows *rows)
{
    uint32_t rights = 0;

    for (size_t i = 0; i < rows->columns; i++) {
        const struct text name = text_of(rows_name(rows, i));
        if (name.length > 5 && memcmp(name.at + name.length - 5, "_priv", 5) == 0 &&
            text_equal(rows->cells[i], TEXT("Y")))
            rights |= right_of(name, true);
    }
    return rights;
}

uint32_t rights_of_tables(void)
{
    uint32_t rights = 0;

    for (unsigned i = 0; i < WORDS; i++)
        rights |= words[i].of_tables ? 1u << i : 0;
    return rights;
}

void rights_put(FILE *to, uint32_t rights, struct text column)
{
    const char *between = "";

    for (unsigned i = 1; i < WORDS; i++) { /* GRANT OPTION is written elsewhere */
        if (!words[i].name || !(rights & (1u << i)))
            continue;
        fprintf(to, "%s%s", between, words[i].name);
        if (column.at) {
            fputs(" (", to);
            put_name(to, column);
            fputc(')', to);
        }
        between = ", ";
    }
    if (!*between)
        fputs("USAGE", to);
}

void rights_put_all(FILE *to, uint32_t rights, struct text column)
{
    if (rights & ~(uint32_t)RIGHT_GRANT)
        rights_put(to, rights, column);
    if (rights & RIGHT_GRANT)
        fprintf(to, "%sGRANT OPTION", rights & ~(uint32_t)RIGHT_GRANT ? ", " : "");
}

uint32_t rights_named(struct text names)
{
    static const struct text between = TEXT(", ");
    uint32_t rights = 0;

    while (names.length > 0) {
        const char *comma = memmem(names.at, names.length, between.at, between.length);
        const size_t length = comma ? (size_t)(comma - names.at) : names.length;
        rights |= right_named((struct text){names.at, length});
        const size_t skipped = comma ? length + between.length : length;
        names = (struct text){names.at + skipped, names.length - skipped};
    }
    return rights;
}

static void put_quoted(FILE *to, struct text text)
{
    fputc('\'', to);
    for (size_t i = 0; i < text.length; i++) {
        if (text.at[i] == '\'' || text.at[i] == '\\')
            fputc(text.at[i], to);
        fputc(text.at[i], to);
    }
    fputc('\'', to);
}

void rights_put_account(FILE *to, const struct account *account)
{
    if (account->is_role && text_equal_fold(account->user, TEXT("PUBLIC"))) {
        fputs("PUBLIC", to);
        return;
    }
    put_quoted(to, account->user);
    if (account->is_role)
        return;
    fputc('@', to);
    put_quoted(to, account->host);
}

/* A change of what matters for the place changes its print. */
static void mark(struct rights *rights, enum place place, uint64_t kind, const struct text *cells,
                 size_t count, uint64_t value)
{
    uint64_t print = kind ^ value << 8;

    for (size_t i = 0; i < count; i++)
        print = text_hash(cells[i], print, false) * 3 + cells[i].length;
    rights->prints[place] += print;
}

static void mark_both(struct rights *rights, uint64_t kind, const struct text *cells, size_t count,
                      uint64_t value)
{
    mark(rights, SOURCE, kind, cells, count, value);
    mark(rights, TARGET, kind, cells, count, value);
}

/* --- accounts --- */

static uint32_t account_number(struct rights *rights, struct text user, struct text host, bool add)
{
    char key[1024];
    const int length = snprintf(key, sizeof(key), "%.*s\n%.*s", TEXT_ARGS(user), TEXT_ARGS(host));
    const struct text text = {key, length < (int)sizeof(key) ? (size_t)length : sizeof(key) - 1};

    return add ? hash_table_add(&rights->account_keys, text)
               : hash_table_find(&rights->account_keys, text);
}

static struct account *account_of(struct rights *rights, struct text user, struct text host)
{
    const uint32_t number = account_number(rights, user, host, false);

    return number == HASH_TABLE_NONE ? NULL : &rights->accounts[number];
}

static struct rows *ask(struct rights *rights, const char *sql)
{
    return connection_query(rights->mover->connection, sql, NULL, rights->mover->error);
}

static bool read_accounts(struct rights *rights)
{
    struct mover *mover = rights->mover;
    char *sql;
    size_t length;
    FILE *to = open_memstream(&sql, &length);
    const bool mariadb = connection_is_mariadb(mover->connection);

    fprintf(to, "SELECT User, Host, %s", mariadb ? "is_role, 'N'" : "'N', account_locked");
    for (unsigned i = 0; i < WORDS; i++) {
        const bool everywhere = i == 1 || (words[i].of_tables && (mariadb || i != HISTORY));
        if (everywhere)
            fprintf(to, ", %s", words[i].column);
    }
    fputs(" FROM mysql.user", to);
    fclose(to);
    struct rows *rows = ask(rights, keep_text(mover, sql, length).at);
    while (rows && rows_next(rows)) {
        if (account_number(rights, rows->cells[0], rows->cells[1], true) != rights->account_count)
            continue;
        rights->accounts = items_add(&mover->arena, rights->accounts, &rights->account_count,
                                     sizeof(*rights->accounts));
        rights->accounts[rights->account_count - 1] = (struct account){
            .user = arena_text(&mover->arena, rows->cells[0]),
            .host = arena_text(&mover->arena, rows->cells[1]),
            .is_role = text_equal(rows->cells[2], TEXT("Y")),
            .is_locked = text_equal(rows->cells[3], TEXT("Y")),
            .global = rights_of_columns(rows),
        };
        if (rights->accounts[rights->account_count - 1].global)
            mark_both(rights, 1, rows->cells, 2,
                      rights->accounts[rights->account_count - 1].global);
    }
    rows_free(rows);
    return rows != NULL;
}

/* Rights on all databases of which some were taken away for one. */
static bool read_revoked(struct rights *rights)
{
    struct rows *rows = ask(
        rights, "SELECT u.User, u.Host, r.d, r.p FROM mysql.user u, JSON_TABLE(u.User_attributes,"
                " '$.Restrictions[*]' COLUMNS (d VARCHAR(255) PATH '$.Database', NESTED PATH"
                " '$.Privileges[*]' COLUMNS (p VARCHAR(255) PATH '$'))) r WHERE r.d IS NOT NULL");

    while (rows && rows_next(rows)) {
        struct account *account = account_of(rights, rows->cells[0], rows->cells[1]);
        for (int place = SOURCE; account && place <= TARGET; place++) {
            if (text_equal(rights_folded(rights->mover, rows->cells[2]), rights->names[place]))
                account->revoked[place] |= right_named(rows->cells[3]);
            if (account->revoked[place])
                mark(rights, (enum place)place, 2, rows->cells, 2, account->revoked[place]);
        }
    }
    rows_free(rows);
    return rows != NULL;
}

void rights_member(struct rights *rights, struct account *account, uint32_t role)
{
    for (size_t i = 0; i < account->set_count; i++) {
        if (account->set[i] == role)
            return;
    }
    account->set =
        items_add(&rights->mover->arena, account->set, &account->set_count, sizeof(uint32_t));
    account->set[account->set_count - 1] = role;
}

static bool read_roles(struct rights *rights)
{
    struct mover *mover = rights->mover;
    const bool mariadb = connection_is_mariadb(mover->connection);
    const bool all = !mariadb && ask_number(mover, "SELECT @@mandatory_roles <> ''", NULL, 1) == 1;
    uint32_t(*edges)[2] = NULL;
    size_t count = 0, before = 0, after = 1;
    struct rows *rows = ask(
        rights, mariadb ? "SELECT User, Host, Role, '' FROM mysql.roles_mapping"
                        : "SELECT TO_USER, TO_HOST, FROM_USER, FROM_HOST FROM mysql.role_edges");

    for (size_t i = 0; i < rights->account_count; i++) {
        rights->accounts[i].maps = all;
        rights_member(rights, &rights->accounts[i], (uint32_t)i);
    }
    while (rows && rows_next(rows)) {
        const struct text *cells = rows->cells;
        mark_both(rights, 3, cells, 4, 0);
        const uint32_t to = account_number(rights, cells[0], cells[1], false);
        const uint32_t role = account_number(rights, cells[2], cells[3], false);
        if (to == HASH_TABLE_NONE || role == HASH_TABLE_NONE)
            continue;
        edges = items_add(&mover->arena, edges, &count, sizeof(*edges));
        edges[count - 1][0] = to;
        edges[count - 1][1] = role;
        rights->accounts[to].maps = rights->accounts[role].maps = !mariadb;
        rights->accounts[role].is_used = true;
        rights->accounts[to].roles = items_add(&mover->arena, rights->accounts[to].roles,
                                               &rights->accounts[to].role_count, sizeof(uint32_t));
        rights->accounts[to].roles[rights->accounts[to].role_count - 1] = role;
    }
    while (before != after) { /* until nobody gets another one */
        before = after;
        after = 0;
        for (size_t i = 0; i < count; i++) {
            const struct account *role = &rights->accounts[edges[i][1]];
            for (size_t j = 0; j < role->set_count; j++)
                rights_member(rights, &rights->accounts[edges[i][0]], role->set[j]);
        }
        for (size_t i = 0; i < rights->account_count; i++)
            after += rights->accounts[i].set_count;
    }
    rows_free(rows);
    return rows != NULL;
}

/* --- rights --- */

static void note_rows(struct rights *rights, const struct account *of)
{
    struct account *account = account_of(rights, of->user, of->host);

    if (account)
        account->has_rows = true;
}

static bool read_databases(struct rights *rights)
{
    struct rows *rows = ask(rights, "SELECT Host, Db, User, d.* FROM mysql.db d");

    while (rows && rows_next(rows)) {
        const struct account account = {.user = rows->cells[2], .host = rows->cells[0]};
        struct text pattern = rights_folded(rights->mover, rows->cells[1]);
        if (!rights->literal && !pattern_matches(pattern, rights->names[SOURCE], false) &&
            !pattern_matches(pattern, rights->names[TARGET], false))
            continue;
        struct database_row *row = rights_add(rights, &account, pattern);
        row->rights[NOW] = row->rights[THEN] = rights_of_columns(rows);
        row->there[NOW] = row->there[THEN] = true;
        note_rows(rights, &account);
        for (int place = SOURCE; place <= TARGET; place++) {
            if (row->matches[place])
                mark(rights, (enum place)place, 4, rows->cells, 3, row->rights[NOW]);
        }
    }
    rows_free(rows);
    return rows != NULL;
}

/* The table of the pair that a row is about, and at which of its places; NULL: none. */
static const struct moved_table *table_of(const struct rights *rights, struct text database,
                                          struct text name, enum place *place)
{
    const struct text folded = rights_folded(rights->mover, database);

    for (*place = SOURCE; *place <= TARGET; ++*place) {
        if (!text_equal(folded, rights->names[*place]))
            continue;
        const struct moved_table *table = todo_at(rights->mover, rights->names[SOURCE], name);
        if (table && text_equal(rights_folded(rights->mover, target_of(rights->mover, table)),
                                rights->names[TARGET]))
            return table;
    }
    return NULL;
}

static bool read_tables(struct rights *rights)
{
    struct rows *rows =
        ask(rights, "SELECT User, Host, Db, Table_name, Table_priv FROM mysql.tables_priv");

    while (rows && rows_next(rows)) {
        const struct text *cells = rows->cells;
        const struct account account = {.user = arena_text(&rights->mover->arena, cells[0]),
                                        .host = arena_text(&rights->mover->arena, cells[1])};
        enum place place;
        const struct moved_table *table = table_of(rights, cells[2], cells[3], &place);
        struct table_row *row = table ? rights_row(rights, &account, place, table) : NULL;
        if (row) {
            row->rights[NOW] = row->rights[THEN] = rights_of_set(cells[4]);
            row->there[NOW] = row->there[THEN] = true;
            note_rows(rights, &account);
            mark(rights, place, 5, cells, 4, row->rights[NOW]);
        }
    }
    rows_free(rows);
    return rows != NULL;
}

/* Rows of columns that do not exist allow nothing. */
static bool read_columns(struct rights *rights)
{
    struct hash_table columns = {0};
    struct rows *rows = connection_query(
        rights->mover->connection,
        "SELECT LOWER(CONCAT(TABLE_NAME, '.', COLUMN_NAME)) FROM information_schema.COLUMNS WHERE"
        " TABLE_SCHEMA = ?",
        PARAMETERS(P_TEXT(rights->names[SOURCE])), rights->mover->error);

    while (rows && rows_next(rows))
        hash_table_add(&columns, rows->cells[0]);
    rows_free(rows);
    if (!rows)
        return false;
    rows = ask(rights, "SELECT User, Host, Db, Table_name, Column_name, Column_priv,"
                       " LOWER(CONCAT(Table_name, '.', Column_name)) FROM mysql.columns_priv");
    while (rows && rows_next(rows)) {
        const struct text *cells = rows->cells;
        const struct account account = {.user = cells[0], .host = cells[1]};
        enum place place;
        const struct moved_table *table = table_of(rights, cells[2], cells[3], &place);
        if (table)
            mark(rights, place, 6, cells, 5, rights_of_set(cells[5]));
        if (!table || hash_table_find(&columns, cells[6]) == HASH_TABLE_NONE)
            continue;
        struct table_row *row = rights_row(rights, &account, place, table);
        if (row && row->there[NOW]) {
            struct column_row *column = rights_column(rights, row, cells[4]);
            column->rights[NOW] = column->rights[THEN] = rights_of_set(cells[5]);
        }
    }
    rows_free(rows);
    hash_table_fini(&columns);
    return rows != NULL;
}

bool rights_present(struct mover *mover, const struct change_of_rights *change, struct text schema,
                    struct text table, uint32_t *rights, struct text *grantor)
{
    static const char on_databases[] = "SELECT d.* FROM mysql.db d WHERE User = ? AND Host = ? AND"
                                       " Db = ?";
    static const char on_table[] =
        "SELECT Table_priv, Grantor FROM mysql.tables_priv WHERE User = ? AND Host = ? AND Db = ?"
        " AND Table_name = ?";
    static const char on_column[] =
        "SELECT c.Column_priv, t.Grantor FROM mysql.columns_priv c JOIN mysql.tables_priv t USING"
        " (User, Host, Db, Table_name) WHERE User = ? AND Host = ? AND Db = ? AND Table_name = ?"
        " AND c.Column_name = ?";
    const struct parameter user = P_TEXT(change->user), host = P_TEXT(change->host);
    const struct parameter *where =
        change->pattern.at
            ? PARAMETERS(user, host, P_TEXT(rights_folded(mover, change->pattern)))
            : PARAMETERS(user, host, P_TEXT(rights_folded(mover, schema)),
                         P_TEXT(rights_folded(mover, table)), P_TEXT(change->column));
    struct rows *rows = connection_query(mover->connection,
                                         change->pattern.at  ? on_databases
                                         : change->column.at ? on_column
                                                             : on_table,
                                         where, mover->error);

    *rights = 0;
    *grantor = (struct text){NULL, 0};
    if (rows && rows_next(rows)) {
        *rights = change->pattern.at ? rights_of_columns(rows) : rights_of_set(rows->cells[0]);
        if (!change->pattern.at)
            *grantor = arena_text(&mover->arena, rows->cells[1]);
    }
    rows_free(rows);
    return rows != NULL;
}

bool rights_read(struct rights *rights, struct mover *mover, struct text source, struct text target)
{
    const bool mariadb = connection_is_mariadb(mover->connection);

    *rights = (struct rights){
        .mover = mover, .names = {rights_folded(mover, source), rights_folded(mover, target)}
    };
    rights->literal = !mariadb && ask_number(mover, "SELECT @@partial_revokes", NULL, 0) == 1;
    if (!read_accounts(rights) || (!mariadb && !read_revoked(rights)) || !read_roles(rights) ||
        !read_databases(rights) || !read_tables(rights) || !read_columns(rights))
        return false;
    rights_sum(rights, NOW);
    return true;
}

void rights_fini(struct rights *rights)
{
    hash_table_fini(&rights->account_keys);
    hash_table_fini(&rights->user_keys);
    hash_table_fini(&rights->table_keys);
}
