/* Rights do not follow a renamed table. So before the move the mover grants at the target what each
 * account may do with the table now and could not do there: on the table itself (a placeholder
 * exists there at that time, because servers grant nothing on a table that does not exist), and
 * LOCK TABLES, which is a right on databases, on the database. No right is revoked.
 *
 * Sessions keep global rights as they were at their login. So what an account may do now by its own
 * rows on databases and tables it gets by such rows at the target too, whatever it may do globally:
 * its open sessions may not have that. Rights on a database are kept while it is the current one:
 * see proxy/renew.c.
 *
 * The plan is made on a copy of the rights (move/rights.h), until nobody lacks anything, and then
 * compared for each account: where it would not be exact, the move is refused.
 */
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "move/rights.h"

enum { ROUNDS = 8 };

struct planning {
    struct rights rights;
    struct mover *mover;
    const struct table_row **source, **now, **then; /* room for rows */
    bool changed;
};

static bool is_between(const struct planning *planning, const struct moved_table *table)
{
    struct mover *mover = planning->mover;
    const struct text *names = planning->rights.names;

    return text_equal(rights_folded(mover, source_of(mover, table)), names[SOURCE]) &&
           text_equal(rights_folded(mover, target_of(mover, table)), names[TARGET]);
}

/* The ways in which the server computes the rights of this account. */
static bool has_view(const struct planning *planning, const struct account *account, enum view view)
{
    const bool mariadb = connection_is_mariadb(planning->mover->connection);

    if (account->partial)
        return view == VIEW_MAPPED;
    if (view == VIEW_MAPPED)
        return account->maps;
    if (view == VIEW_MERGED)
        return mariadb && account->is_role;
    return view == VIEW_ALONE && !account->is_role;
}

static uint32_t on_database(const struct account *account, enum view view, enum place place,
                            enum time time)
{
    return account->databases[view][place][time];
}

/* --- LOCK TABLES --- */

/* The new row is more specific than the one that counted, so it gets the rights of that one too. */
static void add_lock(struct planning *planning, const struct account *account)
{
    struct rights *rights = &planning->rights;
    struct database_row *row = rights_own(rights, account, TARGET, THEN);
    const uint32_t all = row ? row->rights[THEN] : 0;
    const struct text pattern = rights->literal
                                    ? rights->names[TARGET]
                                    : pattern_of(&planning->mover->arena, rights->names[TARGET]);

    if (!row || !(text_equal(row->pattern, pattern) ||
                  (!rights->others && text_equal(row->pattern, rights->names[TARGET]))))
        row = rights_add(rights, account, pattern);
    row->there[THEN] = true;
    row->rights[THEN] = all | RIGHT_LOCK;
}

static bool lacks_lock(const struct account *account, enum view view)
{
    return on_database(account, view, SOURCE, NOW) & ~on_database(account, view, TARGET, THEN) &
           RIGHT_LOCK;
}

/* First by its own rows, then where it lacks the right by those of others. */
static void plan_locks(struct planning *planning, bool own)
{
    for (size_t i = 0; i < planning->rights.account_count; i++) {
        const struct account *account = &planning->rights.accounts[i];
        const uint32_t beside_global = account->global & account->rows[VIEW_OWN][SOURCE][NOW] &
                                       ~account->rows[VIEW_OWN][TARGET][THEN];
        bool lacks = false;
        for (enum view view = VIEW_ALONE; view <= VIEW_MAPPED; view++)
            lacks |= has_view(planning, account, view) && lacks_lock(account, view);
        if ((lacks && (!own || lacks_lock(account, VIEW_OWN))) || (beside_global & RIGHT_LOCK))
            add_lock(planning, account);
    }
    rights_sum(&planning->rights, THEN);
}

/* --- rights on tables --- */

/* What an account may do with a table, by one view. */
struct compared {
    uint32_t source, now, then;
    uint32_t sure, lacks; /* then, by VIEW_OWN not globally only; and what is to be granted */
    size_t source_count, now_count, then_count; /* of the rows on the table */
};

static struct compared compare(struct planning *planning, const struct account *account,
                               enum view view, const struct moved_table *table)
{
    const struct rights *rights = &planning->rights;
    struct compared found = {
        .source_count = rights_rows(rights, account, view, SOURCE, NOW, table, planning->source),
        .now_count = rights_rows(rights, account, view, TARGET, NOW, table, planning->now),
        .then_count = rights_rows(rights, account, view, TARGET, THEN, table, planning->then),
    };

    found.source = on_database(account, view, SOURCE, NOW) |
                   rights_of_rows(planning->source, found.source_count, NOW);
    found.now = on_database(account, view, TARGET, NOW) |
                rights_of_rows(planning->now, found.now_count, NOW);
    found.then = on_database(account, view, TARGET, THEN) |
                 rights_of_rows(planning->then, found.then_count, THEN);
    found.sure = found.then;
    found.lacks = found.source & ~found.then;
    if (view == VIEW_OWN) {
        found.sure &= ~(account->global & ~account->rows[view][TARGET][THEN] &
                        ~rights_of_rows(planning->then, found.then_count, THEN));
        found.lacks |= ~found.sure & (account->rows[view][SOURCE][NOW] |
                                      rights_of_rows(planning->source, found.source_count, NOW));
    }
    found.lacks &= rights_of_tables();
    return found;
}

static void give(struct planning *planning, const struct account *account,
                 const struct moved_table *table, struct text column, uint32_t lacks)
{
    struct table_row *row = rights_row(&planning->rights, account, TARGET, table);

    if (!row)
        return;
    row->there[THEN] = true;
    planning->changed = true;
    if (column.at)
        rights_column(&planning->rights, row, column)->rights[THEN] |= lacks;
    else
        row->rights[THEN] |= lacks;
}

/* What it may do now by this view, with the table as a whole, or with a column. */
static uint32_t real_rights(struct planning *planning, const struct account *account,
                            const struct moved_table *table, struct text column)
{
    uint32_t all = 0;

    for (enum view view = VIEW_ALONE; view <= VIEW_MAPPED; view++) {
        if (!has_view(planning, account, view))
            continue;
        const struct compared found = compare(planning, account, view, table);
        all |= found.source;
        if (column.at)
            all |= rights_of_column(planning->source, found.source_count, NOW, column);
    }
    return all;
}

static void plan_table(struct planning *planning, const struct account *account, enum view view,
                       const struct moved_table *table)
{
    const uint32_t all = rights_of_tables();
    struct compared found = compare(planning, account, view, table);
    uint32_t lacks = found.lacks;

    if (lacks && view == VIEW_OWN)
        lacks &= real_rights(planning, account, table, (struct text){NULL, 0});
    if (lacks)
        give(planning, account, table, (struct text){NULL, 0}, lacks);
    found = compare(planning, account, view, table);
    for (size_t i = 0; i < found.source_count; i++) {
        const struct table_row *row = planning->source[i];
        for (size_t j = 0; j < row->column_count; j++) {
            const struct text column = row->columns[j].name;
            lacks = row->columns[j].rights[NOW] & all & ~found.sure &
                    ~rights_of_column(planning->then, found.then_count, THEN, column);
            if (lacks && view == VIEW_OWN)
                lacks &= real_rights(planning, account, table, column);
            if (lacks)
                give(planning, account, table, column, lacks);
            found = compare(planning, account, view, table);
        }
    }
}

static void plan_tables(struct planning *planning, bool own)
{
    for (size_t t = 0; t < planning->mover->todo_count; t++) {
        const struct moved_table *table = todo_table(planning->mover, t);
        if (!is_between(planning, table))
            continue;
        for (size_t i = 0; i < planning->rights.account_count; i++) {
            const struct account *account = &planning->rights.accounts[i];
            if (own && !account->partial)
                plan_table(planning, account, VIEW_OWN, table);
            for (enum view view = VIEW_ALONE; !own && view <= VIEW_MAPPED; view++) {
                if (has_view(planning, account, view))
                    plan_table(planning, account, view, table);
            }
        }
    }
}

/* --- is it exact? --- */

static struct text written(struct planning *planning, const struct account *account,
                           uint32_t rights)
{
    char *text;
    size_t length;
    FILE *to = open_memstream(&text, &length);

    if (account)
        rights_put_account(to, account);
    else if (rights == RIGHT_GRANT)
        fputs("GRANT OPTION", to);
    else
        rights_put(to, rights, (struct text){NULL, 0});
    fclose(to);
    return keep_text(planning->mover, text, length);
}

static const char remedy[] =
    "give it the rights that it needs by its own name and host, on the table itself or with the "
    "database's name written without wildcards (_ as \\_)";

/* True where the account was refused. */
static bool refuse_database(struct planning *planning, const struct account *account,
                            enum view view)
{
    struct mover *mover = planning->mover;
    const uint32_t source = on_database(account, view, SOURCE, NOW);
    const uint32_t now = on_database(account, view, TARGET, NOW);
    const uint32_t then = on_database(account, view, TARGET, THEN);
    const uint32_t wanted = now | (source & RIGHT_LOCK);
    const struct text who = written(planning, account, 0);

    if ((source | now | then) & RIGHT_UNSURE) {
        refuse(mover,
               "which of several patterns or hosts gives %.*s its rights on %.*s or %.*s cannot be "
               "told; %s",
               TEXT_ARGS(who), TEXT_ARGS(planning->rights.names[SOURCE]),
               TEXT_ARGS(planning->rights.names[TARGET]), remedy);
        return true;
    }
    if (then == wanted)
        return false;
    refuse(mover,
           "%.*s may LOCK TABLES in %.*s; granted on %.*s, that would hide a grant that reaches it "
           "by a pattern, a role or another host (%.*s); %s",
           TEXT_ARGS(who), TEXT_ARGS(planning->rights.names[SOURCE]),
           TEXT_ARGS(planning->rights.names[TARGET]),
           TEXT_ARGS(written(planning, NULL, then ^ wanted)), remedy);
    return true;
}

static uint32_t difference_of_columns(struct planning *planning, const struct compared *found)
{
    uint32_t differs = 0;

    for (size_t i = 0; i < found->source_count; i++) {
        const struct table_row *row = planning->source[i];
        for (size_t j = 0; j < row->column_count; j++)
            differs |=
                row->columns[j].rights[NOW] & ~found->then &
                ~rights_of_column(planning->then, found->then_count, THEN, row->columns[j].name);
    }
    for (size_t i = 0; i < found->then_count; i++) {
        const struct table_row *row = planning->then[i];
        for (size_t j = 0; j < row->column_count; j++) {
            const struct text column = row->columns[j].name;
            differs |= row->columns[j].rights[THEN] & ~found->source & ~found->now &
                       ~rights_of_column(planning->source, found->source_count, NOW, column) &
                       ~rights_of_column(planning->now, found->now_count, NOW, column);
        }
    }
    return differs;
}

static bool refuse_table(struct planning *planning, const struct account *account, enum view view,
                         const struct moved_table *table, uint32_t *more)
{
    struct mover *mover = planning->mover;
    const struct compared found = compare(planning, account, view, table);
    const uint32_t all = rights_of_tables();
    const uint32_t lacks = found.source & ~found.then & all;
    const uint32_t gains = found.then & ~(found.source | found.now) & all;
    const uint32_t differs = lacks | gains | difference_of_columns(planning, &found);
    const uint32_t unknown = rights_of_rows(planning->source, found.source_count, NOW) &
                             ~rights_of_rows(planning->then, found.then_count, THEN) &
                             RIGHT_UNKNOWN;
    const uint32_t freed = found.now & ~found.source & account->revoked[SOURCE] & all;
    const struct text who = written(planning, account, 0);

    const bool crosses =
        view == VIEW_ALONE && (rights_cross(&planning->rights, account, SOURCE, NOW, table) ||
                               rights_cross(&planning->rights, account, TARGET, NOW, table) ||
                               rights_cross(&planning->rights, account, TARGET, THEN, table));

    *more |= found.now & ~found.source & all;
    if (differs || unknown || crosses) {
        refuse(mover,
               "what %.*s may do with %.*s.%.*s cannot be granted exactly at its new place (%.*s): "
               "it comes by several patterns, hosts or roles; %s",
               TEXT_ARGS(who), TEXT_ARGS(planning->rights.names[SOURCE]), TEXT_ARGS(table->name),
               TEXT_ARGS(written(planning, NULL, differs)), remedy);
        return true;
    }
    if (freed) {
        refuse(mover,
               "a partial revoke keeps %.*s from %.*s on %.*s, and would not at the new place of "
               "%.*s; REVOKE it on %.*s too",
               TEXT_ARGS(who), TEXT_ARGS(written(planning, NULL, freed)),
               TEXT_ARGS(planning->rights.names[SOURCE]), TEXT_ARGS(table->name),
               TEXT_ARGS(planning->rights.names[TARGET]));
        return true;
    }
    return false;
}

/* Each account is refused once. */
static void check_account(struct planning *planning, struct account *account)
{
    struct account *own = account->partial ? &planning->rights.accounts[account->set[0]] : account;
    bool refused = own->refused;
    uint32_t more = 0;

    for (enum view view = VIEW_ALONE; view <= VIEW_MAPPED; view++) {
        if (!has_view(planning, account, view))
            continue;
        refused = refused || refuse_database(planning, account, view);
        for (size_t t = 0; !refused && t < planning->mover->todo_count; t++) {
            const struct moved_table *table = todo_table(planning->mover, t);
            refused =
                is_between(planning, table) && refuse_table(planning, account, view, table, &more);
        }
    }
    own->refused = refused;
    if (more && !refused && !account->partial && !(more & account->global))
        say(planning->mover,
            "note: by its rights on %.*s, %.*s will be able to do more with the tables than now: "
            "%.*s",
            TEXT_ARGS(planning->rights.names[TARGET]), TEXT_ARGS(written(planning, account, 0)),
            TEXT_ARGS(written(planning, NULL, more)));
}

/* --- the statements --- */

static void keep_grant(struct planning *planning, const struct account *account,
                       const struct moved_table *table, struct change_of_rights change)
{
    struct mover *mover = planning->mover;
    const uint32_t rights = change.after & ~change.before;
    char *sql;
    size_t length;
    FILE *to = open_memstream(&sql, &length);

    fputs("GRANT ", to);
    rights_put(to, rights, change.column);
    fputs(" ON ", to);
    if (change.pattern.at) {
        put_name(to, change.pattern);
        fputs(".*", to);
    } else {
        put_table(to, target_of(mover, table), table->name);
    }
    fputs(" TO ", to);
    rights_put_account(to, account);
    if (rights & RIGHT_GRANT)
        fputs(" WITH GRANT OPTION", to);
    fclose(to);
    mover->grants =
        items_add(&mover->arena, mover->grants, &mover->grant_count, sizeof(*mover->grants));
    change.is_role = account->is_role;
    change.user = account->user;
    change.host = account->host;
    mover->grants[mover->grant_count - 1] =
        (struct carried_grant){keep_text(mover, sql, length), table, change};
}

static void keep_database(struct planning *planning, const struct account *account,
                          const struct moved_table *table)
{
    const struct database_row *row = rights_own(&planning->rights, account, TARGET, THEN);

    if (account->partial || !row || row->rights[NOW] == row->rights[THEN])
        return;
    if (row->rights[THEN] & RIGHT_UNKNOWN)
        refuse(planning->mover,
               "%.*s has a right on %.*s that this silogate does not know, and that would be "
               "hidden; grant it LOCK TABLES there yourself",
               TEXT_ARGS(written(planning, account, 0)), TEXT_ARGS(planning->rights.names[TARGET]));
    keep_grant(planning, account, table,
               (struct change_of_rights){.pattern = row->pattern,
                                         .before = row->rights[NOW],
                                         .after = row->rights[THEN]});
}

static void keep_table(struct planning *planning, const struct account *account,
                       const struct moved_table *table)
{
    const struct table_row **rows = planning->then;
    struct change_of_rights change = {0};

    if (account->partial ||
        rights_rows(&planning->rights, account, VIEW_OWN, TARGET, THEN, table, rows) == 0)
        return;
    change.before = rows[0]->rights[NOW];
    change.after = rows[0]->rights[THEN];
    if (change.after & ~change.before)
        keep_grant(planning, account, table, change);
    for (size_t i = 0; i < rows[0]->column_count; i++) {
        const struct column_row *column = &rows[0]->columns[i];
        change.column = column->name;
        change.before = column->rights[NOW];
        change.after = column->rights[THEN];
        if (change.after & ~change.before)
            keep_grant(planning, account, table, change);
    }
}

static void keep_grants(struct planning *planning)
{
    bool first = true;

    for (size_t t = 0; t < planning->mover->todo_count; t++) {
        const struct moved_table *table = todo_table(planning->mover, t);
        if (!is_between(planning, table))
            continue;
        for (size_t i = 0; first && i < planning->rights.account_count; i++)
            keep_database(planning, &planning->rights.accounts[i], table);
        for (size_t i = 0; i < planning->rights.account_count; i++)
            keep_table(planning, &planning->rights.accounts[i], table);
        first = false;
    }
}

static bool plan_pair(struct planning *planning)
{
    struct mover *mover = planning->mover;
    struct rights *rights = &planning->rights;

    if (!rights_read_others(rights))
        return false;
    rights_add_sessions(rights);
    const size_t room = (rights->account_count + 1) * sizeof(struct table_row *);
    planning->source = arena_take(&mover->arena, room);
    planning->now = arena_take(&mover->arena, room);
    planning->then = arena_take(&mover->arena, room);
    rights_sum(rights, THEN);
    plan_locks(planning, true);
    plan_locks(planning, false);
    plan_tables(planning, true);
    planning->changed = true;
    for (int i = 0; i < ROUNDS && planning->changed; i++) {
        planning->changed = false;
        plan_tables(planning, false);
    }
    for (size_t i = 0; i < rights->account_count; i++)
        check_account(planning, &rights->accounts[i]);
    keep_grants(planning);
    return true;
}

bool grants_plan(struct mover *mover)
{
    for (size_t i = 0; i < mover->todo_count; i++) {
        const struct moved_table *table = todo_table(mover, i);
        struct planning planning = {.mover = mover};
        if (!todo_is_first(mover, i))
            continue;
        bool good =
            rights_read(&planning.rights, mover, source_of(mover, table), target_of(mover, table));
        mover->rights_print += planning.rights.prints[SOURCE];
        mover->given_print += planning.rights.prints[TARGET];
        if (!good && !connection_lost(mover->connection)) {
            refuse(mover,
                   "what accounts may do with the tables cannot be read; give the account SELECT "
                   "ON mysql.*: %s",
                   mover->error->text);
            good = true;
        } else if (good) {
            good = plan_pair(&planning);
        }
        rights_fini(&planning.rights);
        if (!good)
            return false;
    }
    return grants_check_plugins(mover);
}
