/* Finds, before a move begins, everything that would make it fail later, each with a remedy. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "move/mover_internal.h"

enum { BRANCH_MS = 1000, RELOAD_MS = 4000, LATE_MS = 10000, POLL_US = 20000 };

static void check_places(struct mover *mover, const struct moved_table *table)
{
    const struct text source = source_of(mover, table), target = target_of(mover, table);
    enum standing_kind here = mover->in_to ? table->at_from : table->at_to;
    enum standing_kind there = mover->in_to ? table->at_to : table->at_from;

    conflicts_of_rivals(mover, table);
    if (here == STANDING_VIEW || here == STANDING_SEQUENCE)
        refuse(mover,
               "%.*s.%.*s is a %s, which servers do not rename into another database; take "
               "it out of [move:%s]",
               TEXT_ARGS(source), TEXT_ARGS(table->name),
               here == STANDING_VIEW ? "view" : "sequence", mover->name);
    /* On the way back the alias is there; the same statement puts it aside. */
    if (there == STANDING_TABLE || (there != STANDING_NOTHING && mover->in_to))
        refuse(mover, "%.*s.%.*s exists already; rename or drop it", TEXT_ARGS(target),
               TEXT_ARGS(table->name));
}

static void check_databases(struct mover *mover, struct text source, struct text target)
{
    static const char collation[] =
        "SELECT COUNT(*) FROM information_schema.SCHEMATA s JOIN information_schema.SCHEMATA t ON"
        " t.DEFAULT_COLLATION_NAME = s.DEFAULT_COLLATION_NAME WHERE s.SCHEMA_NAME = ? AND"
        " t.SCHEMA_NAME = ?";

    if (ask_number(mover, "SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?",
                   PARAMETERS(P_TEXT(target)), 1) == 0)
        refuse(mover,
               "there is no database %.*s; CREATE DATABASE, with the default collation of "
               "%.*s",
               TEXT_ARGS(target), TEXT_ARGS(source));
    else if (ask_number(mover, collation, PARAMETERS(P_TEXT(source), P_TEXT(target)), 1) == 0)
        refuse(mover,
               "the default collations of %.*s and %.*s differ, so those of new tables and columns "
               "would differ too; ALTER DATABASE %.*s",
               TEXT_ARGS(source), TEXT_ARGS(target), TEXT_ARGS(target));
    if (!connection_is_mariadb(mover->connection) &&
        ask_number(mover,
                   "SELECT COUNT(DISTINCT DEFAULT_ENCRYPTION) FROM information_schema.SCHEMATA"
                   " WHERE SCHEMA_NAME IN (?, ?)",
                   PARAMETERS(P_TEXT(source), P_TEXT(target)), 1) > 1)
        refuse(mover,
               "the default encryptions of %.*s and %.*s differ, and new tables would too; ALTER "
               "DATABASE %.*s ENCRYPTION",
               TEXT_ARGS(source), TEXT_ARGS(target), TEXT_ARGS(target));
    if (!connection_is_mariadb(mover->connection) &&
        ask_number(mover,
                   "SELECT COUNT(*) FROM information_schema.SCHEMATA_EXTENSIONS WHERE SCHEMA_NAME"
                   " IN (?, ?) AND OPTIONS LIKE '%READ ONLY%'",
                   PARAMETERS(P_TEXT(source), P_TEXT(target)), 0) > 0)
        refuse(mover, "%.*s or %.*s is READ ONLY; ALTER DATABASE .. READ ONLY = 0",
               TEXT_ARGS(source), TEXT_ARGS(target));
}

/* Triggers are tried on an empty copy, and the server may create no table without a key. */
static void check_keys(struct mover *mover, const struct moved_table *table)
{
    const bool mariadb = connection_is_mariadb(mover->connection);
    const struct text schema = source_of(mover, table);

    if (triggers_has(mover, table) &&
        ask_number(mover,
                   mariadb ? "SELECT @@innodb_force_primary_key"
                           : "SELECT @@sql_require_primary_key",
                   NULL, 0) == 1 &&
        ask_number(mover,
                   "SELECT COUNT(*) FROM information_schema.STATISTICS WHERE INDEX_NAME = 'PRIMARY'"
                   " AND TABLE_SCHEMA = ? AND TABLE_NAME = ?",
                   PARAMETERS(P_TEXT(schema), P_TEXT(table->name)), 1) == 0)
        refuse(mover,
               "%.*s.%.*s has no primary key, and this server creates no such table (%s): turn "
               "that off for the move, or let the mover's account set it for its session",
               TEXT_ARGS(schema), TEXT_ARGS(table->name),
               mariadb ? "innodb_force_primary_key" : "sql_require_primary_key");
}

static bool is_among(struct rows *rows, struct text branch)
{
    while (rows_next(rows)) {
        if (rows->columns >= 4 && text_equal(rows->cells[3], branch))
            return true;
    }
    return false;
}

/* Is it still prepared? -1: not known. */
static int is_prepared(struct mover *mover, struct text branch)
{
    struct rows *rows = connection_query(mover->connection, "XA RECOVER", NULL, mover->error);
    int prepared = rows ? is_among(rows, branch) : -1;

    rows_free(rows);
    return prepared;
}

/* A prepared XA branch keeps its locks even when its client has gone. A second is given to those
 * that are about to be committed. */
static void check_branches(struct mover *mover)
{
    const int64_t until = clock_ms() + BRANCH_MS;
    struct rows *rows = connection_query(mover->connection, "XA RECOVER", NULL, mover->error);

    if (!rows)
        say(mover, "warning: prepared XA transactions cannot be seen: %s", mover->error->text);
    while (rows && rows_next(rows)) {
        const struct text branch = rows->columns >= 4 ? rows->cells[3] : TEXT("");
        int prepared = 1;
        while (clock_ms() < until && (prepared = is_prepared(mover, branch)) == 1)
            usleep(POLL_US);
        if (prepared == 1 && is_prepared(mover, branch) == 1)
            refuse(mover,
                   "the XA transaction %.*s is prepared, and what it has locked is not known; XA "
                   "COMMIT or XA ROLLBACK it",
                   TEXT_ARGS(branch));
    }
    rows_free(rows);
}

static void check_definers(struct mover *mover)
{
    for (size_t i = 0; i < mover->trigger_count; i++) {
        const struct carried_trigger *trigger = &mover->triggers[i];
        struct rows *rows = connection_query(
            mover->connection,
            "SELECT t.DEFINER, (SELECT COUNT(*) FROM mysql.user u WHERE CONCAT(u.User, '@',"
            " u.Host) = t.DEFINER) FROM information_schema.TRIGGERS t WHERE t.TRIGGER_SCHEMA = ?"
            " AND t.TRIGGER_NAME = ?",
            PARAMETERS(P_TEXT(trigger->schema), P_TEXT(trigger->name)), mover->error);
        if (rows && rows_next(rows) && rows_number(rows, 1, 1) == 0)
            refuse(mover,
                   "trigger %.*s.%.*s: its definer %.*s is not an account, so each write would "
                   "fail; create the account, or create the trigger again",
                   TEXT_ARGS(trigger->schema), TEXT_ARGS(trigger->name), TEXT_ARGS(rows->cells[0]));
        rows_free(rows);
    }
}

/* If the binary log leaves out one of the databases, replicas miss the move, or stop. */
static void check_log(struct mover *mover)
{
    struct rows *rows =
        connection_query(mover->connection, "SHOW BINARY LOG STATUS", NULL, mover->error);

    if (!rows && !connection_lost(mover->connection))
        rows = connection_query(mover->connection, "SHOW MASTER STATUS", NULL, mover->error);
    if (rows && rows_next(rows) && rows->columns >= 4 &&
        (rows->cells[2].length || rows->cells[3].length))
        refuse(mover,
               "this server logs some databases only (binlog_do_db, binlog_ignore_db), so replicas "
               "would not see all of the move; take these options out");
    rows_free(rows);
}

static void check_patterns(struct mover *mover)
{
    const struct config_list *patterns = &mover->move->tables;
    bool any = false;

    for (size_t i = 0; i < patterns->count; i++) {
        const struct text pattern = patterns->items[i].value;
        if (standing_has(&mover->standing, mover->order->move, pattern)) {
            any = true;
            continue;
        }
        if (mover->in_to && !memchr(pattern.at, '*', pattern.length))
            refuse(mover,
                   "there is no table %.*s, at its old place or at its new; correct table = in "
                   "[move:%s], or let the account see it",
                   TEXT_ARGS(pattern), mover->name);
        else
            say(mover, "note: table = %.*s matches no table", TEXT_ARGS(pattern));
    }
    if (!any && mover->refusals == 0)
        refuse(mover,
               "[move:%s] matches no table; correct table =, or let the account see the tables",
               mover->name);
}

/* Checks that each table is at one place only, including those that this call would not touch. */
void refusals_of_places(struct mover *mover)
{
    check_patterns(mover);
    for (size_t i = 0; i < mover->standing.table_count; i++) {
        const struct moved_table *table = &mover->standing.tables[i];
        if (table->move != mover->order->move)
            continue;
        if (table->dropped)
            say(mover,
                "note: %.*s.%.*s is the alias of a table that no longer exists, and stays as it "
                "is; restore the table, or drop the view",
                TEXT_ARGS(table->from), TEXT_ARGS(table->name));
        if (!mover->in_to && table->at_from == STANDING_TABLE && table->at_to == STANDING_TABLE)
            refuse(
                mover,
                "%.*s stands in %.*s and in %.*s; find out which is the right one, and rename or "
                "drop the other",
                TEXT_ARGS(table->name), TEXT_ARGS(table->from), TEXT_ARGS(table->to));
    }
}

/* Instances write such statements to the journal. */
static void check_unmapped(struct mover *mover)
{
    static const char sql[] =
        "SELECT COUNT(*) FROM silogate.journal WHERE move = ? AND step = 'unmapped' AND at > NOW(3)"
        " - INTERVAL 1 DAY";

    if (!mover->order->accept_unmapped && mover->in_to &&
        ask_number(mover, sql, PARAMETERS(P_TEXT(text_of(mover->name))), 0) > 0)
        refuse(mover, "statements that cannot be mapped were seen in the last day; --status lists "
                      "them, --accept-unmapped leaves them to the alias");
}

/* The next word of a text from `i` on; empty at its end. */
static struct text next_word(struct text text, size_t *i)
{
    static const char between[] = " \t\r\n(;";

    while (*i < text.length && strchr(between, text.at[*i]))
        ++*i;
    const size_t start = *i;
    while (*i < text.length && !strchr(between, text.at[*i]))
        ++*i;
    return (struct text){text.at + start, *i - start};
}

static bool makes_temporary(const struct mover *mover, struct text body, struct text name)
{
    size_t i = 0;

    for (struct text word = next_word(body, &i); word.length > 0; word = next_word(body, &i)) {
        size_t j = i;
        if (!text_equal_fold(word, TEXT("TEMPORARY")) ||
            !text_equal_fold(next_word(body, &j), TEXT("TABLE")))
            continue;
        word = next_word(body, &j);
        for (int skip = text_equal_fold(word, TEXT("IF")) ? 3 : 0; skip > 0; skip--)
            word = next_word(body, &j);
        if (standing_names_it(&mover->standing, word, name))
            return true;
    }
    return false;
}

/* silogate does not see which temporary tables a routine creates: statements on such a table would
 * be mapped to the real table of its name. */
static void check_temporary(struct mover *mover)
{
    struct rows *rows = connection_query(
        mover->connection,
        "SELECT ROUTINE_SCHEMA, ROUTINE_NAME, ROUTINE_DEFINITION FROM information_schema.ROUTINES"
        " WHERE ROUTINE_SCHEMA NOT IN ('sys', 'mysql') AND ROUTINE_DEFINITION LIKE '%TEMPORARY%'",
        NULL, mover->error);

    while (rows && rows_next(rows)) {
        for (size_t i = 0; i < mover->todo_count; i++) {
            if (makes_temporary(mover, rows->cells[2], todo_table(mover, i)->name))
                refuse(mover,
                       "routine %.*s.%.*s makes or drops a temporary table called %.*s, which "
                       "could not be distinguished from the table; give it another name, or "
                       "--accept-unmapped where no "
                       "client uses it",
                       TEXT_ARGS(rows->cells[0]), TEXT_ARGS(rows->cells[1]),
                       TEXT_ARGS(todo_table(mover, i)->name));
        }
    }
    rows_free(rows);
}

/* A MERGE table has a list of its tables, which RENAME does not change: after the move it could
 * not be opened any more. */
static void check_merge(struct mover *mover)
{
    static const char union_of[] = "UNION=(";
    struct rows *rows = connection_query(mover->connection,
                                         "SELECT TABLE_SCHEMA, TABLE_NAME FROM "
                                         "information_schema.TABLES WHERE ENGINE = 'MRG_MyISAM'",
                                         NULL, mover->error);

    while (rows && rows_next(rows)) {
        struct rows *made = connection_query(
            mover->connection, "SHOW CREATE TABLE ?.?",
            PARAMETERS(P_NAME(rows->cells[0]), P_NAME(rows->cells[1])), mover->error);
        const struct text text = made && rows_next(made) && made->columns >= 2 && made->cells[1].at
                                     ? made->cells[1]
                                     : TEXT("");
        const char *list = memmem(text.at, text.length, union_of, sizeof(union_of) - 1);
        const struct text members =
            list ? (struct text){list, (size_t)(text.at + text.length - list)} : TEXT("");
        for (size_t i = 0; i < mover->todo_count; i++) {
            const struct moved_table *table = todo_table(mover, i);
            const bool itself = text_equal(rows->cells[0], source_of(mover, table)) &&
                                text_equal(rows->cells[1], table->name);
            if (itself || standing_names_it(&mover->standing, members, table->name))
                refuse(mover,
                       "%.*s.%.*s is a MERGE table%s%.*s, and its list of tables does not follow; "
                       "drop it, and create it again after the move",
                       TEXT_ARGS(rows->cells[0]), TEXT_ARGS(rows->cells[1]), itself ? "" : " with ",
                       TEXT_ARGS(itself ? TEXT("") : table->name));
        }
        rows_free(made);
    }
    rows_free(rows);
}

static bool share_an_address(const struct config_upstream *a, const struct config_upstream *b)
{
    for (size_t i = 0; i < a->addresses.count; i++) {
        for (size_t j = 0; j < b->addresses.count; j++) {
            if (text_equal(a->addresses.items[i].written, b->addresses.items[j].written))
                return true;
        }
    }
    return false;
}

/* Sessions that use this server through another [upstream:] would neither wait nor get the new
 * names.
 */
static void check_upstreams(struct mover *mover)
{
    const struct config *config = mover->order->config;
    const size_t own = config->services[mover->move->service_index].upstream_index;

    for (size_t i = 0; i < config->service_count; i++) {
        const size_t other = config->services[i].upstream_index;
        if (other != own && share_an_address(&config->upstreams[other], &config->upstreams[own]))
            refuse(
                mover,
                "[service:%.*s] comes to this server by [upstream:%.*s], whose sessions would not "
                "follow; write upstream = %.*s there",
                TEXT_ARGS(config->services[i].name), TEXT_ARGS(config->upstreams[other].name),
                TEXT_ARGS(config->upstreams[own].name));
    }
}

bool refusals_find(struct mover *mover)
{
    for (size_t i = 0; i < mover->todo_count; i++) {
        const struct moved_table *table = todo_table(mover, i);
        if (todo_is_first(mover, i)) {
            check_databases(mover, source_of(mover, table), target_of(mover, table));
            conflicts_find(mover, source_of(mover, table), target_of(mover, table));
        }
        check_places(mover, table);
        check_keys(mover, table);
    }
    check_branches(mover);
    check_log(mover);
    check_merge(mover);
    check_definers(mover);
    check_unmapped(mover);
    check_upstreams(mover);
    stored_check(mover);
    if (mover->in_to && !mover->order->accept_unmapped)
        check_temporary(mover);
    return !connection_lost(mover->connection);
}

bool has_other_policy(const struct mover *mover, const struct meeting_instance *instance)
{
    return !text_equal(instance->policy, text_of(policy_hash(mover->order->policy)));
}

/* Not seen for longer than its round takes, and not yet known to be gone. */
static bool is_late(const struct meeting_instance *instance)
{
    return instance->age > MEETING_LIVE;
}

/* How long from `begun` the instances are given to answer; 0: all have. */
static int64_t is_given(const struct mover *mover, const struct meeting_instances *instances,
                        bool other_policy)
{
    int64_t given = 0;

    for (size_t i = 0; i < instances->count; i++) {
        if (is_late(&instances->items[i]))
            return LATE_MS;
        if (other_policy || has_other_policy(mover, &instances->items[i]))
            given = RELOAD_MS;
    }
    return given;
}

/* An instance that has just begun or been reloaded tells so in its next round, and with a slow disk
 * a round takes some seconds: waits for that. False: the server could not be asked. */
static bool read_instances(struct mover *mover, struct meeting_instances *instances,
                           struct meeting_instances *others)
{
    const int64_t begun = clock_ms();

    for (;;) {
        if (!meeting_instances(mover->connection, mover->name, 0, instances, mover->error))
            return false;
        if (!meeting_others(mover->connection, mover->name, 0, others, mover->error))
            break;
        const int64_t own = is_given(mover, instances, false);
        const int64_t given = own == 0 ? is_given(mover, others, true) : own;
        const int64_t left = begun + given - clock_ms();
        if (given == 0 || left <= 0)
            return true;
        if (tells_live(mover))
            say_live(mover, "%lld ms left for %zu instances to answer", (long long)left,
                     instances->count + others->count);
        arena_fini(&instances->arena);
        arena_fini(&others->arena);
        usleep(POLL_US);
    }
    arena_fini(&instances->arena);
    return false;
}

/* It lives, as its other row tells, but with a file that does not have the section any more. */
static bool has_left(const struct mover *mover, const struct meeting_instances *others,
                     struct text name)
{
    for (size_t i = 0; i < others->count; i++) {
        const struct meeting_instance *other = &others->items[i];
        if (text_equal(other->name, name) && !is_late(other) && has_other_policy(mover, other))
            return true;
    }
    return false;
}

static void check_late(struct mover *mover, const struct meeting_instance *instance)
{
    if (is_late(instance))
        refuse(mover,
               "instance %.*s was last seen %.1f s ago, and may still send statements; end "
               "it, or wait until it is gone for a minute",
               TEXT_ARGS(instance->name), (double)instance->age / 1000);
}

static void check_instance(struct mover *mover, const struct meeting_instance *instance)
{
    const struct move_order *order = mover->order;

    check_late(mover, instance);
    if (has_other_policy(mover, instance))
        refuse(mover,
               "instance %.*s has another policy (%.*s, here %s); reload it, or use its "
               "file",
               TEXT_ARGS(instance->name), TEXT_ARGS(instance->policy), policy_hash(order->policy));
}

/* Its sessions would get error 1146, or the alias, for ever. */
static void check_other(struct mover *mover, const struct meeting_instance *instance)
{
    if (is_late(instance))
        check_late(mover, instance);
    else
        refuse(mover,
               "instance %.*s does not follow [move:%s] (its policy is %.*s, here %s); write the "
               "section into its file and reload it",
               TEXT_ARGS(instance->name), mover->name, TEXT_ARGS(instance->policy),
               policy_hash(mover->order->policy));
}

bool refusals_of_instances(struct mover *mover)
{
    struct meeting_instances instances, others;
    bool live = false;

    if (!read_instances(mover, &instances, &others))
        return false;
    for (size_t i = 0; i < instances.count; i++) {
        live |= !is_late(&instances.items[i]);
        if (!has_left(mover, &others, instances.items[i].name))
            check_instance(mover, &instances.items[i]);
    }
    for (size_t i = 0; i < others.count; i++) {
        const struct meeting_instance *other = &others.items[i];
        if (has_other_policy(mover, other) || !meeting_names(&instances, other->name))
            check_other(mover, other);
    }
    if (!live)
        refuse(mover,
               "no instance of silogate takes part; run one whose [upstream:] has an "
               "account and whose file has [move:%s]",
               mover->name);
    arena_fini(&instances.arena);
    arena_fini(&others.arena);
    return true;
}
