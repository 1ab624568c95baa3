/* The planned grants (grants.c): they are given, told where the tables go back, and given up where
 * somebody has changed the rights since the plan was made. */
#include <stdlib.h>

#include "base/clock.h"
#include "config/keys.h"
#include "move/rights.h"

static bool changed(struct mover *mover)
{
    return error_set(mover->error, "a GRANT or REVOKE has changed what accounts may do with the "
                                   "tables while the move was prepared; call it again");
}

/* What somebody else has granted meanwhile must not be taken back as the mover's. */
static bool is_as_planned(struct mover *mover, const struct carried_grant *grant)
{
    struct text grantor;
    uint32_t rights;

    return rights_present(mover, &grant->change, target_of(mover, grant->table), grant->table->name,
                          &rights, &grantor) &&
           (rights == grant->change.before || changed(mover));
}

/* An account that was dropped since the plan was made is never created again, whatever the mode of
 * the session is. */
static bool give(struct mover *mover, const struct carried_grant *grant)
{
    if (connection_run(mover->connection,
                       connection_is_mariadb(mover->connection)
                           ? "SET STATEMENT sql_mode = 'NO_AUTO_CREATE_USER' FOR ?"
                           : "?",
                       PARAMETERS(P_SQL(grant->text)), mover->error))
        return true;
    const struct error why = *mover->error;
    return error_set(mover->error, "%.*s: %s", TEXT_ARGS(grant->text), why.text);
}

bool grants_give(struct mover *mover, const struct moved_table *table)
{
    bool good = true, any = false;

    for (size_t i = 0; good && i < mover->grant_count; i++) {
        if (mover->grants[i].table != table)
            continue;
        any = true;
        good = is_as_planned(mover, &mover->grants[i]);
    }
    good = good && (!any || grants_note(mover, table));
    for (size_t i = 0; good && i < mover->grant_count; i++)
        good = mover->grants[i].table != table || give(mover, &mover->grants[i]);
    return good;
}

bool grants_check_plugins(struct mover *mover)
{
    struct rows *rows =
        connection_is_mariadb(mover->connection)
            ? NULL
            : connection_query(
                  mover->connection,
                  "SELECT User, Host, plugin FROM mysql.user WHERE CONVERT(plugin USING utf8mb4)"
                  " COLLATE utf8mb4_general_ci NOT IN (SELECT CONVERT(PLUGIN_NAME USING utf8mb4)"
                  " FROM information_schema.PLUGINS WHERE PLUGIN_TYPE = 'AUTHENTICATION' AND"
                  " PLUGIN_STATUS = 'ACTIVE')",
                  NULL, mover->error);

    while (rows && rows_next(rows)) {
        const struct text *cells = rows->cells;
        size_t i = 0;
        while (i < mover->grant_count && !(text_equal(mover->grants[i].change.user, cells[0]) &&
                                           text_equal(mover->grants[i].change.host, cells[1])))
            i++;
        if (i < mover->grant_count)
            refuse(mover,
                   "the server runs no GRANT for '%.*s'@'%.*s', because its plugin %.*s is not "
                   "loaded; load it, ALTER USER to another one, or drop the account (%.*s)",
                   TEXT_ARGS(cells[0]), TEXT_ARGS(cells[1]), TEXT_ARGS(cells[2]),
                   TEXT_ARGS(mover->grants[i].text));
    }
    rows_free(rows);
    return !connection_lost(mover->connection);
}

void grants_tell(struct mover *mover)
{
    if (mover->in_to || mover->grant_count == 0)
        return;
    say(mover,
        "note: these accounts may do more with the tables where they stand now than at their "
        "old place, and will be granted the same there; REVOKE first what they shall not "
        "have:");
    for (size_t i = 0; i < mover->grant_count; i++)
        say(mover, "  %.*s", TEXT_ARGS(mover->grants[i].text));
}

bool grants_suffice(struct mover *mover)
{
    struct mover again = *mover;
    struct move_order quiet = *mover->order;
    char *ignored = NULL;
    size_t length;

    mover->rights_read = clock_ms();
    quiet.out = open_memstream(&ignored, &length);
    again.order = &quiet;
    again.arena = (struct arena){0};
    again.grants = NULL;
    again.grant_count = 0;
    again.refusals = 0;
    again.rights_print = again.given_print = 0;
    const bool good = grants_plan(&again);
    const bool same = good && again.rights_print == mover->rights_print && again.refusals == 0 &&
                      again.grant_count == 0;
    mover->given_print = again.given_print;
    fclose(quiet.out);
    free(ignored);
    arena_fini(&again.arena);
    return good && (same || changed(mover));
}

bool grants_unchanged(struct mover *mover)
{
    uint64_t prints[2] = {0, 0};

    mover->rights_read = clock_ms();
    for (size_t i = 0; i < mover->todo_count; i++) {
        const struct moved_table *table = todo_table(mover, i);
        struct rights rights;
        if (!todo_is_first(mover, i))
            continue;
        bool good = rights_read(&rights, mover, source_of(mover, table), target_of(mover, table));
        prints[SOURCE] += rights.prints[SOURCE];
        prints[TARGET] += rights.prints[TARGET];
        rights_fini(&rights);
        if (!good)
            return false;
    }
    return (prints[SOURCE] == mover->rights_print && prints[TARGET] == mover->given_print) ||
           changed(mover);
}
