/* Tables of the same name out of two databases, which two sections, or one, would move into one
 * database: only one of them can have the new name. It is the one of the table that stands there;
 * for the other one nothing stands there. Else statements on the new name, and the way back, would
 * take one service's table for the other's. Called by standing.c, as the catalogue was read.
 */
#include "move/rivals.h"

#include "move/meeting.h"

static bool same(const struct standing *standing, struct text a, struct text b)
{
    return standing->fold ? text_equal_fold(a, b) : text_equal(a, b);
}

static bool are_rivals(const struct standing *standing, const struct moved_table *a,
                       const struct moved_table *b)
{
    return same(standing, a->name, b->name) && same(standing, a->to, b->to) &&
           !same(standing, a->from, b->from);
}

const struct moved_table *rivals_next(const struct standing *standing,
                                      const struct moved_table *table,
                                      const struct moved_table *after)
{
    const struct moved_table *end = standing->tables + standing->table_count;

    for (const struct moved_table *one = after ? after + 1 : standing->tables; one < end; one++) {
        if (are_rivals(standing, table, one))
            return one;
    }
    return NULL;
}

/* Has it its own table at its old place, its alias, or nothing? The more, the less can the table at
 * the new place be its own; but an alias tells more than nothing. */
static unsigned claim(const struct moved_table *table)
{
    return table->at_from == STANDING_VIEW ? 2 : table->at_from == STANDING_NOTHING ? 1 : 0;
}

/* Of which of those with nothing at their old places is it? The journal has the tables of each
 * call. */
static struct rows *read_calls(struct connection *connection)
{
    struct error ignored;

    return connection_query(connection,
                            "SELECT detail FROM silogate.journal WHERE step = '" MEETING_TABLES
                            "' ORDER BY id DESC LIMIT 1000",
                            NULL, &ignored);
}

/* The one that was moved last; NULL: not known. */
static const struct moved_table *moved_last(struct connection *connection,
                                            const struct standing *standing,
                                            const struct moved_table *table)
{
    struct rows *rows = read_calls(connection);
    const struct moved_table *last = NULL;

    while (rows && !last && rows_next(rows)) {
        const struct moved_table *one = table;
        for (; one && !last; one = rivals_next(standing, table, one == table ? NULL : one))
            last =
                claim(one) == claim(table) && standing_is_in_call(one, rows->cells[0]) ? one : NULL;
    }
    rows_free(rows);
    return last;
}

/* Is the table at `to` this one? */
static bool is_its_own(struct connection *connection, const struct standing *standing,
                       const struct moved_table *table)
{
    unsigned equal = 0;

    for (const struct moved_table *one = rivals_next(standing, table, NULL); one;
         one = rivals_next(standing, table, one)) {
        if (claim(one) > claim(table))
            return false;
        equal += claim(one) == claim(table);
    }
    if (claim(table) == 0)
        return false;
    return equal == 0 || moved_last(connection, standing, table) == table;
}

void rivals_find(struct connection *connection, struct standing *standing)
{
    size_t count = 0;

    for (size_t i = 0; i < standing->table_count; i++) {
        struct moved_table *table = &standing->tables[i];
        table->taken = table->at_to != STANDING_NOTHING && rivals_next(standing, table, NULL) &&
                       !is_its_own(connection, standing, table);
    }
    for (size_t i = 0; i < standing->table_count; i++) {
        struct moved_table table = standing->tables[i];
        if (table.taken)
            table.at_to = STANDING_NOTHING;
        if (table.at_from != STANDING_NOTHING || table.at_to != STANDING_NOTHING)
            standing->tables[count++] = table;
    }
    standing->table_count = count;
}
