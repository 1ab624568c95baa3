/* What the servers have kept of stored code. Where a kept statement of a trigger (MariaDB before
 * 11.2, MySQL 9.7) or of a routine (MariaDB) meets a view in its table's place, the server ends
 * with a signal, or says for ever that a table does not exist. So everything that is kept is thrown
 * away before the RENAME: triggers are kept with their table, and read again behind FLUSH TABLES;
 * routines are kept by each session until any routine of the server is created or dropped. That
 * empties the variables of MariaDB's packages in all sessions; so do the views that every move
 * makes and drops. Called under the hold, which also keeps away who uses these tables and routines.
 */
#include <string.h>

#include "base/clock.h"
#include "config/keys.h"
#include "move/mover_internal.h"

static const struct text view = TEXT("view"), foreign_key = TEXT("foreign key");

/* By a foreign key, or as a view, it keeps no statement. */
static bool keeps_text(const struct mover *mover, const struct hanging_table *hanging)
{
    const struct text by = text_of(hanging->by);

    return hanging->move == mover->order->move && !text_equal(by, view) &&
           !(by.length >= foreign_key.length &&
             memcmp(by.at, foreign_key.at, foreign_key.length) == 0);
}

static bool forget_trigger(struct mover *mover, const struct hanging_table *hanging)
{
    return connection_run(mover->connection, "FLUSH TABLES ?.?",
                          PARAMETERS(P_NAME(hanging->schema), P_NAME(hanging->name)), mover->error);
}

static bool forget_routines(struct mover *mover)
{
    return run_sql(mover, TEXT("CREATE OR REPLACE PROCEDURE silogate.moved() DO 0")) &&
           run_sql(mover, TEXT("DROP PROCEDURE silogate.moved"));
}

/* Clients that do not go through silogate may use the table: they are waited for while the hold
 * lasts. */
static void forget_soon(struct mover *mover, const struct hanging_table *hanging)
{
    while (!forget_trigger(mover, hanging)) {
        if (!connection_lost(mover->connection) && clock_ms() < mover->ends)
            continue;
        say(mover,
            "MariaDB has kept the triggers of %.*s.%.*s as they were before the tables moved (%s): "
            "run FLUSH TABLES %.*s.%.*s before anybody writes to it",
            TEXT_ARGS(hanging->schema), TEXT_ARGS(hanging->name), mover->error->text,
            TEXT_ARGS(hanging->schema), TEXT_ARGS(hanging->name));
        return;
    }
}

void kept_forget_again(struct mover *mover)
{
    const struct error why = *mover->error;

    for (size_t i = 0; i < mover->standing.hanging_count && !mover->forgotten; i++) {
        if (keeps_text(mover, &mover->standing.hanging[i]))
            forget_soon(mover, &mover->standing.hanging[i]);
    }
    mover->forgotten = true;
    *mover->error = why;
}

bool kept_forget(struct mover *mover)
{
    for (size_t i = 0; i < mover->standing.hanging_count; i++) {
        if (keeps_text(mover, &mover->standing.hanging[i]) &&
            !forget_trigger(mover, &mover->standing.hanging[i]))
            return false;
    }
    return !connection_is_mariadb(mover->connection) || forget_routines(mover);
}

void kept_print(struct mover *mover)
{
    for (size_t i = 0; i < mover->standing.hanging_count; i++) {
        const struct hanging_table *hanging = &mover->standing.hanging[i];
        if (keeps_text(mover, hanging))
            say(mover, "  FLUSH TABLES %.*s.%.*s", TEXT_ARGS(hanging->schema),
                TEXT_ARGS(hanging->name));
    }
    if (!connection_is_mariadb(mover->connection))
        return;
    say(mover, "  CREATE OR REPLACE PROCEDURE silogate.moved() DO 0");
    say(mover, "  DROP PROCEDURE silogate.moved");
}

bool kept_try(struct mover *mover)
{
    for (size_t i = 0; i < mover->standing.hanging_count; i++) {
        const struct hanging_table *hanging = &mover->standing.hanging[i];
        if (!keeps_text(mover, hanging) || forget_trigger(mover, hanging))
            continue;
        if (connection_lost(mover->connection))
            return false;
        refuse(mover,
               "FLUSH TABLES %.*s.%.*s, which has a trigger that MariaDB has to read again, fails: "
               "%s; give the account the right RELOAD",
               TEXT_ARGS(hanging->schema), TEXT_ARGS(hanging->name), mover->error->text);
        return true;
    }
    if (connection_is_mariadb(mover->connection) && !forget_routines(mover) &&
        !connection_lost(mover->connection))
        refuse(mover,
               "MariaDB reads routines again when one is created, and that fails: %s; give the "
               "account CREATE ROUTINE and ALTER ROUTINE on silogate",
               mover->error->text);
    return !connection_lost(mover->connection);
}
