/* Names that are in the way of a move: of foreign keys and CHECKs, which a database has once, and
 * of tables that an online schema change works with. One question for all tables of a database: on
 * MariaDB information_schema opens each table, and each view, for every question about constraints.
 */
#include <string.h>

#include "move/mover_internal.h"
#include "move/rivals.h"

/* It would finish on the old name. */
static void check_online_changes(struct mover *mover, struct text source, struct text target)
{
    static const char *const tails[] = {"_gho", "_ghc", "_del", "_new", "_old"};
    enum { TAIL = 4 };
    struct rows *rows =
        connection_query(mover->connection,
                         "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = ?"
                         " AND TABLE_NAME LIKE '\\_%\\____'",
                         PARAMETERS(P_TEXT(source)), mover->error);

    while (rows && rows_next(rows)) {
        const struct text name = rows->cells[0];
        for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
            if (name.length <= TAIL + 1 ||
                !text_equal_fold((struct text){name.at + name.length - TAIL, TAIL},
                                 text_of(tails[i])))
                continue;
            const struct moved_table *table =
                todo_at(mover, source, (struct text){name.at + 1, name.length - TAIL - 1});
            if (table && text_equal(target_of(mover, table), target))
                refuse(mover,
                       "%.*s.%.*s exists: an online schema change of %.*s is running, or was "
                       "stopped; let it end, or drop this table",
                       TEXT_ARGS(source), TEXT_ARGS(name), TEXT_ARGS(table->name));
        }
    }
    rows_free(rows);
}

/* Names of foreign keys are one a database, on MySQL those of CHECK too (on MariaDB one a table).
 */
static void check_constraints(struct mover *mover, struct text source, struct text target)
{
    const bool mariadb = connection_is_mariadb(mover->connection);
    struct rows *rows = connection_query(
        mover->connection,
        "SELECT s.CONSTRAINT_NAME, s.CONSTRAINT_TYPE, t.TABLE_NAME, s.TABLE_NAME FROM"
        " information_schema.TABLE_CONSTRAINTS s JOIN information_schema.TABLE_CONSTRAINTS t ON"
        " t.CONSTRAINT_NAME = s.CONSTRAINT_NAME AND t.CONSTRAINT_TYPE = s.CONSTRAINT_TYPE WHERE"
        " t.TABLE_SCHEMA = ? AND s.TABLE_SCHEMA = ? AND s.CONSTRAINT_TYPE IN ('FOREIGN KEY', ?) AND"
        " t.CONSTRAINT_TYPE IN ('FOREIGN KEY', ?)",
        PARAMETERS(P_TEXT(target), P_TEXT(source), P_TEXT(mariadb ? TEXT("") : TEXT("CHECK")),
                   P_TEXT(mariadb ? TEXT("") : TEXT("CHECK"))),
        mover->error);

    while (rows && rows_next(rows)) {
        const struct text *cells = rows->cells;
        const struct moved_table *table = todo_at(mover, source, cells[3]);
        if (table && text_equal(target_of(mover, table), target))
            refuse(mover,
                   "%.*s %.*s of %.*s: %.*s in %.*s has one of that name; rename one of them",
                   TEXT_ARGS(cells[1]), TEXT_ARGS(cells[0]), TEXT_ARGS(table->name),
                   TEXT_ARGS(cells[2]), TEXT_ARGS(target));
    }
    rows_free(rows);
}

void conflicts_find(struct mover *mover, struct text source, struct text target)
{
    check_online_changes(mover, source, target);
    check_constraints(mover, source, target);
}

static void check_rival(struct mover *mover, const struct moved_table *table,
                        const struct moved_table *other)
{
    const char *section = mover->order->config->moves[other->move].name.at;

    if (other->at_to == STANDING_TABLE || other->dropped)
        refuse(
            mover,
            "%.*s.%.*s is the new name of %.*s.%.*s of [move:%s]; give one of the tables another "
            "name, or write another `to`, or take it out of its section",
            TEXT_ARGS(table->to), TEXT_ARGS(table->name), TEXT_ARGS(other->from),
            TEXT_ARGS(other->name), section);
    else if (todo_find(mover, other))
        refuse(mover,
               "%.*s.%.*s and %.*s.%.*s would get the same name; give one of the tables another "
               "name, or take it out",
               TEXT_ARGS(table->from), TEXT_ARGS(table->name), TEXT_ARGS(other->from),
               TEXT_ARGS(other->name));
    else if (!table->taken)
        say(mover,
            "note: %.*s.%.*s of [move:%s] has the same new name, and cannot be moved there after "
            "this call",
            TEXT_ARGS(other->from), TEXT_ARGS(other->name), section);
}

/* Others that would get the same name. As long as none stands there, the first call gets it. */
void conflicts_of_rivals(struct mover *mover, const struct moved_table *table)
{
    const unsigned before = mover->refusals;
    const struct moved_table *other = NULL;

    while (mover->in_to && (other = rivals_next(&mover->standing, table, other)))
        check_rival(mover, table, other);
    if (mover->in_to && table->taken && mover->refusals == before)
        refuse(mover,
               "%.*s.%.*s exists already, and which table it is is not known; rename or drop it",
               TEXT_ARGS(table->to), TEXT_ARGS(table->name));
}
