/* Warnings for the DBA before a move, which do not stop it: other objects on the server that name
 * the tables, and their owners; tables that are left out; and what cannot be seen from here.
 */
#include <ctype.h>
#include <string.h>

#include "config/keys.h"
#include "move/mover_internal.h"

static struct text owner_of(const struct mover *mover, struct text schema, struct text name,
                            enum sql_type type)
{
    const struct sql_object object = {
        .schema = schema, .name = name, .type = (uint8_t)type, .access = SQL_ACCESS_ALL};
    struct verdict verdict;

    policy_check_object(mover->order->policy, (int)mover->move->service_index, &object,
                        mover->standing.fold, 0, &verdict);
    return verdict.owner == SERVICE_NONE ? TEXT("nobody")
                                         : policy_service_name(mover->order->policy, verdict.owner);
}

/* The next word or sign; empty at the end. */
static struct text next_word(struct text *rest)
{
    size_t i = 0, end;

    while (i < rest->length && isspace((unsigned char)rest->at[i]))
        i++;
    for (end = i; end < rest->length && standing_is_of_name(rest->at[end]); end++)
        continue;
    end += end == i && i < rest->length;
    const struct text word = {rest->at + i, end - i};
    *rest = (struct text){rest->at + end, rest->length - end};
    return word;
}

static bool is_one_of(struct text word, const struct text *words, size_t count)
{
    while (count > 0 && !text_equal_fold(word, words[count - 1]))
        count--;
    return count > 0;
}

/* Does a stored text hold what a table can do, and a view in its place refuses? */
static bool needs_a_table(struct text definition)
{
    static const struct text hint[] = {TEXT("USE"), TEXT("FORCE"), TEXT("IGNORE")};
    static const struct text of[] = {TEXT("INDEX"), TEXT("KEY")};

    for (struct text last = {0}, word; (word = next_word(&definition)).length > 0; last = word) {
        if ((is_one_of(word, of, 2) && is_one_of(last, hint, 3)) ||
            (text_equal(word, TEXT("(")) && text_equal_fold(last, TEXT("PARTITION"))) ||
            (!text_equal(word, TEXT("(")) && text_equal_fold(last, TEXT("TRUNCATE"))))
            return true;
    }
    return false;
}

/* What happens to a view: it uses the alias, with the privileges of the alias's definer. */
static const char *what_becomes(const struct mover *mover, bool of_a_table)
{
    if (!mover->in_to)
        return "must name the old place again, if it was changed";
    if (mover->move->alias.value != CONFIG_ALIAS_VIEW)
        return "must be changed";
    return of_a_table
               ? "must be changed, if its index hint, PARTITION or TRUNCATE means this table: the "
                 "alias is a view, which has none of them"
               : "the alias keeps it working";
}

static void tell(struct mover *mover, const char *what, const struct text *cells, struct text table,
                 enum sql_type type)
{
    const struct text owner = owner_of(mover, cells[0], cells[1], type);

    say(mover, "note: %s %.*s.%.*s of %.*s names %.*s: %s", what, TEXT_ARGS(cells[0]),
        TEXT_ARGS(cells[1]), TEXT_ARGS(owner), TEXT_ARGS(table),
        what_becomes(mover, needs_a_table(cells[2])));
}

/* As MySQL prints it. */
static bool is_duality(struct text definition)
{
    static const struct text word = TEXT("json_duality_object(");

    for (size_t i = 0; definition.at && i + word.length <= definition.length; i++) {
        if (text_equal_fold((struct text){definition.at + i, word.length}, word))
            return true;
    }
    return false;
}

/* Rows of schema, name, text. */
static void tell_texts(struct mover *mover, const char *what, enum sql_type type, const char *sql)
{
    struct rows *rows = connection_query(mover->connection, sql, NULL, mover->error);

    if (!rows)
        say(mover, "note: %ss cannot be read: %s", what, mover->error->text);
    while (rows && rows_next(rows)) {
        const struct text *cells = rows->cells;
        for (size_t i = 0; i < mover->todo_count; i++) {
            const struct moved_table *table = todo_table(mover, i);
            if (!standing_names_it(&mover->standing, cells[2], table->name) ||
                (text_equal(cells[1], table->name) && text_equal(cells[0], table->from)))
                continue;
            tell(mover, what, cells, table->name, type);
            if (type == SQL_TABLE && is_duality(cells[2]))
                refuse(mover,
                       "%.*s.%.*s is a JSON duality view over %.*s: MySQL ends with a signal where "
                       "it meets a view in the table's place; drop it for the move",
                       TEXT_ARGS(cells[0]), TEXT_ARGS(cells[1]), TEXT_ARGS(table->name));
            break;
        }
    }
    rows_free(rows);
}

/* Has the table a trigger that holds what a view refuses? */
static bool has_such_a_trigger(struct mover *mover, const struct hanging_table *of)
{
    struct rows *rows = connection_query(mover->connection,
                                         "SELECT EVENT_OBJECT_SCHEMA, EVENT_OBJECT_TABLE,"
                                         " ACTION_STATEMENT FROM information_schema.TRIGGERS",
                                         NULL, mover->error);
    bool has = false;

    while (rows && rows_next(rows))
        has = has || (text_equal(rows->cells[0], of->schema) &&
                      text_equal(rows->cells[1], of->name) && needs_a_table(rows->cells[2]));
    rows_free(rows);
    return has;
}

static void tell_triggers(struct mover *mover)
{
    for (size_t i = 0; i < mover->standing.hanging_count; i++) {
        const struct hanging_table *hanging = &mover->standing.hanging[i];
        if (hanging->move == mover->order->move && strcmp(hanging->by, "trigger") == 0)
            say(mover, "note: a trigger on %.*s.%.*s of %.*s names a table of this move: %s",
                TEXT_ARGS(hanging->schema), TEXT_ARGS(hanging->name),
                TEXT_ARGS(owner_of(mover, hanging->schema, hanging->name, SQL_TABLE)),
                what_becomes(mover, has_such_a_trigger(mover, hanging)));
    }
}

static void tell_left(struct mover *mover)
{
    for (size_t i = 0; i < mover->standing.left_count; i++) {
        const struct left_table *left = &mover->standing.left[i];
        if (left->move == mover->order->move)
            say(mover, "note: %.*s.%.*s is left out: it belongs to %.*s", TEXT_ARGS(left->schema),
                TEXT_ARGS(left->name),
                TEXT_ARGS(left->owner == SERVICE_NONE
                              ? TEXT("nobody")
                              : policy_service_name(mover->order->policy, left->owner)));
    }
}

/* Whoever makes or drops a view, a trigger or a routine empties the variables of packages. */
static void tell_packages(struct mover *mover)
{
    const int64_t packages =
        ask_number(mover,
                   "SELECT COUNT(*) FROM information_schema.ROUTINES WHERE ROUTINE_TYPE ="
                   " 'PACKAGE BODY'",
                   NULL, 0);

    if (packages > 0)
        say(mover,
            "note: the server has %lld package bodies; the views that the move makes and drops "
            "empty their variables, in every session of the server",
            (long long)packages);
}

/* The filters of replicas cannot be seen from their source. */
static void tell_replicas(struct mover *mover)
{
    int64_t replicas =
        ask_number(mover,
                   "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE COMMAND IN ('Binlog"
                   " Dump', 'Binlog Dump GTID')",
                   NULL, 0);

    if (replicas > 0)
        say(mover,
            "note: %lld replicas read this server's log; one that filters by database or table "
            "stops or loses rows at the RENAME: look at the Replicate_ lines of its SHOW REPLICA "
            "STATUS",
            (long long)replicas);
}

void warnings_tell(struct mover *mover)
{
    tell_left(mover);
    tell_texts(mover, "view", SQL_TABLE,
               "SELECT TABLE_SCHEMA, TABLE_NAME, VIEW_DEFINITION FROM information_schema.VIEWS"
               " WHERE TABLE_SCHEMA NOT IN ('sys', 'mysql', 'performance_schema')");
    tell_triggers(mover);
    tell_texts(mover, "routine", SQL_ROUTINE,
               "SELECT ROUTINE_SCHEMA, ROUTINE_NAME, ROUTINE_DEFINITION FROM"
               " information_schema.ROUTINES WHERE ROUTINE_SCHEMA NOT IN ('sys', 'mysql')");
    tell_texts(mover, "event", SQL_ROUTINE,
               "SELECT EVENT_SCHEMA, EVENT_NAME, EVENT_DEFINITION FROM information_schema.EVENTS"
               " WHERE EVENT_SCHEMA NOT IN ('sys', 'mysql')");
    tell_packages(mover);
    tell_replicas(mover);
}
