/* Reads the server's tables of rights, and computes what they allow. */
#include "move/rights.h"

#include <stdlib.h>
#include <string.h>

#include "config/keys.h"

enum { LONGEST_HOST = 255, LONGEST_DATABASE = 64 };

static uint64_t host_sort(const struct rights *rights, struct text host)
{
    return pattern_sort(host, LONGEST_HOST, connection_is_mariadb(rights->mover->connection));
}

/* --- what counts --- */

static bool is_host(struct text a, struct text b)
{
    return text_equal_fold(a, b);
}

/* For which sessions of the account does a row of this host count? */
static enum hosts counts_for(const struct rights *rights, struct text host,
                             const struct account *account)
{
    /* MariaDB: a role, which may have a user's name, has rows without a host; no user has */
    const bool of_role = connection_is_mariadb(rights->mover->connection) && host.length == 0;

    return account->is_role || of_role ? HOSTS_APART : hosts_compare(host, account->host);
}

/* Is the pattern the name itself, escaped or not? */
static bool is_exact(struct text pattern, struct text name)
{
    size_t i = 0;

    for (size_t j = 0; j < name.length; i++, j++) {
        i += i + 1 < pattern.length && pattern.at[i] == '\\' && pattern.at[i + 1] == name.at[j];
        if (i >= pattern.length || pattern.at[i] != name.at[j])
            return false;
    }
    return i == pattern.length;
}

struct search {
    struct database_row *best;
    uint32_t all, exact; /* of all rows that match; of those with the exact name */
    bool has_exact, unsure;
    uint32_t crossing, always; /* of rows that count for some sessions: of all, and in each */
    bool has_crossing;
};

static int compare(const struct database_row *a, const struct database_row *b)
{
    if (a->host_sort != b->host_sort)
        return a->host_sort < b->host_sort ? -1 : 1;
    if (a->sort != b->sort)
        return a->sort < b->sort ? -1 : 1;
    return (a->user.length > 0) - (b->user.length > 0);
}

static void cross(struct search *search, uint32_t rights)
{
    search->always = search->has_crossing ? search->always & rights : rights;
    search->crossing |= rights;
    search->has_crossing = true;
}

/* Do some sessions of the account have other rights than `rights`? */
static bool differs(const struct search *search, uint32_t rights)
{
    return search->has_crossing && (search->crossing != rights || search->always != rights);
}

/* `host`: of an exact account. NULL: any that covers. */
static void look(const struct rights *rights, const struct account *account, struct text user,
                 const struct text *host, enum place place, enum time time, struct search *search)
{
    const uint32_t number = hash_table_find(&rights->user_keys, user);

    if (number == HASH_TABLE_NONE || number >= rights->database_count)
        return;
    for (struct database_row *row = rights->databases[number]; row; row = row->next) {
        if (!row->there[time] || !row->matches[place])
            continue;
        const enum hosts hosts = host ? is_host(row->host, *host) ? HOSTS_COVERS : HOSTS_APART
                                      : counts_for(rights, row->host, account);
        if (hosts == HOSTS_CROSS)
            cross(search, row->rights[time]);
        if (hosts != HOSTS_COVERS)
            continue;
        search->all |= row->rights[time];
        if (is_exact(row->pattern, rights->names[place])) {
            search->exact |= row->rights[time];
            search->has_exact = true;
        }
        const int by = search->best ? compare(row, search->best) : 1;
        if (by == 0 && text_equal(row->pattern, search->best->pattern))
            continue;
        if (by == 0)
            search->unsure |= row->rights[time] != search->best->rights[time];
        else if (by > 0)
            search->unsure = false;
        if (by > 0)
            search->best = row;
    }
}

/* Of equal patterns of several accounts the server makes one row. */
static uint32_t merged(const struct rights *rights, const struct account *account,
                       struct text pattern, enum time time)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < account->set_count; i++) {
        const struct account *member = &rights->accounts[account->set[i]];
        const uint32_t number = hash_table_find(&rights->user_keys, member->user);
        if (number == HASH_TABLE_NONE || number >= rights->database_count)
            continue;
        for (const struct database_row *row = rights->databases[number]; row; row = row->next) {
            if (row->there[time] && is_host(row->host, member->host) &&
                text_equal(row->pattern, pattern))
                sum |= row->rights[time];
        }
    }
    return sum;
}

/* Which of several patterns counts is not known, and a name with _ or \ may be one: that decides
 * nothing where all give the same. */
static uint32_t mapped(const struct rights *rights, const struct account *account,
                       const struct search *search, enum place place, enum time time)
{
    const struct text name = rights->names[place];
    const bool plain = rights->literal ||
                       (!memchr(name.at, '_', name.length) && !memchr(name.at, '%', name.length) &&
                        !memchr(name.at, '\\', name.length));

    if (search->has_exact && plain)
        return search->exact;
    for (size_t i = 0; i < account->set_count; i++) {
        const struct account *member = &rights->accounts[account->set[i]];
        const uint32_t number = hash_table_find(&rights->user_keys, member->user);
        if (number == HASH_TABLE_NONE || number >= rights->database_count)
            continue;
        for (const struct database_row *row = rights->databases[number]; row; row = row->next) {
            if (row->there[time] && row->matches[place] && is_host(row->host, member->host) &&
                merged(rights, account, row->pattern, time) != search->all)
                return search->all | RIGHT_UNSURE;
        }
    }
    return search->all;
}

static uint32_t unsure(const struct search *search)
{
    return search->unsure ? RIGHT_UNSURE : 0;
}

static uint32_t by_rows(const struct rights *rights, const struct account *account, enum view view,
                        enum place place, enum time time)
{
    static const struct text anywhere = TEXT("%");
    struct search search = {0};

    if (view == VIEW_OWN || view == VIEW_ALONE) {
        const bool own = view == VIEW_OWN;
        look(rights, account, account->user, own ? &account->host : NULL, place, time, &search);
        if (!own && account->user.length > 0)
            look(rights, account, TEXT(""), NULL, place, time, &search);
        const uint32_t best = search.best ? search.best->rights[time] : 0;
        search.unsure |= differs(&search, best);
        return best | unsure(&search);
    }
    for (size_t i = 0; i < account->set_count; i++) {
        const struct account *member = &rights->accounts[account->set[i]];
        look(rights, member, member->user, &member->host, place, time, &search);
    }
    if (view == VIEW_MAPPED)
        return mapped(rights, account, &search, place, time);
    if (search.best)
        return merged(rights, account, search.best->pattern, time) | unsure(&search);
    /* MariaDB looks for a role as for a user from nowhere */
    look(rights, account, account->user, &anywhere, place, time, &search);
    look(rights, account, TEXT(""), &anywhere, place, time, &search);
    return (search.best ? search.best->rights[time] : 0) | unsure(&search);
}

static uint32_t by_global(const struct rights *rights, const struct account *account,
                          enum view view, enum place place)
{
    uint32_t sum = account->global & ~account->revoked[place];

    for (size_t i = 0; view >= VIEW_MERGED && i < account->set_count; i++) {
        const struct account *member = &rights->accounts[account->set[i]];
        sum |= member->global & ~member->revoked[place];
    }
    return sum;
}

static void sum_account(const struct rights *rights, struct account *account, enum view view,
                        enum place place, enum time time)
{
    account->rows[view][place][time] = by_rows(rights, account, view, place, time);
    account->databases[view][place][time] =
        account->rows[view][place][time] | by_global(rights, account, view, place);
}

void rights_sum(struct rights *rights, enum time time)
{
    for (size_t i = 0; i < rights->account_count; i++) {
        for (int view = VIEW_OWN; view <= VIEW_MAPPED; view++) {
            for (int place = SOURCE; place <= TARGET; place++)
                sum_account(rights, &rights->accounts[i], (enum view)view, (enum place)place, time);
        }
    }
}

/* --- rows on tables --- */

/* The number of the rows of one user on one table. */
static uint32_t number_of(const struct rights *rights, enum place place,
                          const struct moved_table *table, struct text user, bool add)
{
    char key[2 + sizeof(size_t) + 512];
    const size_t number = (size_t)(table - rights->mover->todo);
    size_t length = 0;
    struct hash_table *keys = (struct hash_table *)&rights->table_keys;

    if (user.length > 512)
        return HASH_TABLE_NONE;
    key[length++] = (char)place;
    memcpy(key + length, &number, sizeof(number));
    length += sizeof(number);
    if (user.length)
        memcpy(key + length, user.at, user.length);
    length += user.length;
    return add ? hash_table_add(keys, (struct text){key, length})
               : hash_table_find(keys, (struct text){key, length});
}

static struct table_row *first_row(const struct rights *rights, enum place place,
                                   const struct moved_table *table, struct text user)
{
    const uint32_t number = number_of(rights, place, table, user, false);

    return number == HASH_TABLE_NONE ? NULL : rights->tables[number];
}

static struct table_row *exact_row(const struct rights *rights, const struct account *account,
                                   enum place place, const struct moved_table *table)
{
    struct table_row *row = first_row(rights, place, table, account->user);

    while (row && !is_host(row->host, account->host))
        row = row->next;
    return row;
}

size_t rights_rows(const struct rights *rights, const struct account *account, enum view view,
                   enum place place, enum time time, const struct moved_table *table,
                   const struct table_row **rows)
{
    size_t count = 0;

    if (view == VIEW_MERGED || view == VIEW_MAPPED) {
        for (size_t i = 0; i < account->set_count; i++) {
            const struct table_row *row =
                exact_row(rights, &rights->accounts[account->set[i]], place, table);
            if (row && row->there[time])
                rows[count++] = row;
        }
        return count;
    }
    const struct table_row *best = exact_row(rights, account, place, table);
    if (best && best->there[time]) {
        rows[0] = best;
        return 1;
    }
    if (view == VIEW_OWN)
        return 0;
    for (const struct table_row *row = first_row(rights, place, table, account->user); row;
         row = row->next) {
        if (row->there[time] && counts_for(rights, row->host, account) == HOSTS_COVERS &&
            (count == 0 || host_sort(rights, row->host) > host_sort(rights, rows[0]->host))) {
            rows[0] = row;
            count = 1;
        }
    }
    return count;
}

static bool has_columns(const struct table_row *row, enum time time)
{
    uint32_t all = 0;

    for (size_t i = 0; i < row->column_count; i++)
        all |= row->columns[i].rights[time];
    return all != 0;
}

bool rights_cross(const struct rights *rights, const struct account *account, enum place place,
                  enum time time, const struct moved_table *table)
{
    const struct table_row *best;
    const size_t count = rights_rows(rights, account, VIEW_ALONE, place, time, table, &best);
    const uint32_t own = rights_of_rows(&best, count, time);

    for (const struct table_row *row = first_row(rights, place, table, account->user); row;
         row = row->next) {
        if (row->there[time] && counts_for(rights, row->host, account) == HOSTS_CROSS &&
            (row->rights[time] != own || has_columns(row, time) ||
             (count > 0 && has_columns(best, time))))
            return true;
    }
    return false;
}

uint32_t rights_of_rows(const struct table_row *const *rows, size_t count, enum time time)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum |= rows[i]->rights[time];
    return sum;
}

uint32_t rights_of_column(const struct table_row *const *rows, size_t count, enum time time,
                          struct text column)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < rows[i]->column_count; j++) {
            if (text_equal_fold(rows[i]->columns[j].name, column))
                sum |= rows[i]->columns[j].rights[time];
        }
    }
    return sum;
}

struct table_row *rights_row(struct rights *rights, const struct account *account, enum place place,
                             const struct moved_table *table)
{
    struct arena *arena = &rights->mover->arena;
    struct table_row *row = exact_row(rights, account, place, table);
    const uint32_t number = number_of(rights, place, table, account->user, true);

    if (row || number == HASH_TABLE_NONE)
        return row;
    if (number == rights->table_count)
        rights->tables =
            items_add(arena, rights->tables, &rights->table_count, sizeof(struct table_row *));
    row = arena_take(arena, sizeof(*row));
    *row = (struct table_row){.host = arena_text(arena, account->host),
                              .next = rights->tables[number]};
    rights->tables[number] = row;
    return row;
}

struct column_row *rights_column(struct rights *rights, struct table_row *row, struct text name)
{
    for (size_t i = 0; i < row->column_count; i++) {
        if (text_equal_fold(row->columns[i].name, name))
            return &row->columns[i];
    }
    row->columns =
        items_add(&rights->mover->arena, row->columns, &row->column_count, sizeof(*row->columns));
    row->columns[row->column_count - 1] =
        (struct column_row){.name = arena_text(&rights->mover->arena, name)};
    return &row->columns[row->column_count - 1];
}

/* --- rows on databases --- */

struct database_row *rights_own(const struct rights *rights, const struct account *account,
                                enum place place, enum time time)
{
    struct search search = {0};

    look(rights, account, account->user, &account->host, place, time, &search);
    return search.best;
}

struct text rights_folded(struct mover *mover, struct text name)
{
    char *copy = arena_take(&mover->arena, name.length + 1);

    for (size_t i = 0; i < name.length; i++)
        copy[i] = mover->standing.fold ? text_lower(name.at[i]) : name.at[i];
    return (struct text){copy, name.length};
}

struct database_row *rights_add(struct rights *rights, const struct account *account,
                                struct text pattern)
{
    struct mover *mover = rights->mover;
    const uint32_t number = hash_table_add(&rights->user_keys, account->user);
    struct database_row *row = arena_take(&mover->arena, sizeof(*row));

    while (rights->database_count <= number)
        rights->databases = items_add(&mover->arena, rights->databases, &rights->database_count,
                                      sizeof(struct database_row *));
    *row = (struct database_row){
        .user = arena_text(&mover->arena, account->user),
        .host = arena_text(&mover->arena, account->host),
        .pattern = rights_folded(mover, pattern),
        .host_sort = host_sort(rights, account->host),
        .sort = pattern_sort(pattern, LONGEST_DATABASE, connection_is_mariadb(mover->connection)),
        .next = rights->databases[number],
    };
    for (int place = SOURCE; place <= TARGET; place++) {
        const struct text name = rights->names[place];
        row->matches[place] = rights->literal ? text_equal(row->pattern, name)
                                              : pattern_matches(row->pattern, name, false);
    }
    rights->databases[number] = row;
    return row;
}

bool rights_read_others(struct rights *rights)
{
    const struct text target = rights->names[TARGET];
    struct rows *rows = connection_query(rights->mover->connection,
                                         "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA",
                                         NULL, rights->mover->error);

    rights->others = false;
    while (rows && rows_next(rows)) {
        const struct text name = rights_folded(rights->mover, rows->cells[0]);
        rights->others |=
            !rights->literal && !text_equal(name, target) && pattern_matches(target, name, false);
    }
    rows_free(rows);
    return rows != NULL;
}
