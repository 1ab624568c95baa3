/* The planned grants (grants.c): they are given, told where the tables go back, and given up where
 * somebody has changed the rights since the plan was made. */
#include "base/clock.h"
#include "move/rights.h"

bool grants_give(struct mover *mover, const struct moved_table *table)
{
    for (size_t i = 0; i < mover->grant_count; i++) {
        if (mover->grants[i].table == table && !run_sql(mover, mover->grants[i].text))
            return false;
    }
    return true;
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

bool grants_unchanged(struct mover *mover)
{
    uint64_t print = 0;

    mover->rights_read = clock_ms();
    for (size_t i = 0; i < mover->todo_count; i++) {
        const struct moved_table *table = todo_table(mover, i);
        struct rights rights;
        if (!todo_is_first(mover, i))
            continue;
        bool good = rights_read(&rights, mover, source_of(mover, table), target_of(mover, table));
        print += rights.print;
        rights_fini(&rights);
        if (!good)
            return false;
    }
    return print == mover->rights_print ||
           error_set(mover->error, "a GRANT or REVOKE has changed what accounts may do with the "
                                   "tables while the move was prepared; call it again");
}
