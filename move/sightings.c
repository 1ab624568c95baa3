/* See move/sightings.h. Called by the watch of every instance; the mover only reads, for --status.
 */
#include "move/sightings.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "move/meeting.h"

enum { BOTH_TOLD = 8, ROWS_AT_ONCE = 200, LOCK_WAIT_TIMEOUT = 1205, DEADLOCK = 1213 };

#define MILLISECONDS(column) "CAST(UNIX_TIMESTAMP(" column ") * 1000 AS SIGNED)"

bool sightings_prepare(struct connection *connection, struct error *error)
{
    /* If the table exists, the account needs no right to create it. */
    if (connection_run(connection, "SELECT 1 FROM silogate.places LIMIT 1", NULL, error))
        return true;
    return connection_code(connection) != LOCK_WAIT_TIMEOUT &&
           connection_run(connection,
                          "CREATE TABLE IF NOT EXISTS silogate.places (old_db VARCHAR(64) NOT NULL,"
                          " name VARCHAR(64) NOT NULL, db VARCHAR(64) NOT NULL, since TIMESTAMP(3)"
                          " NOT NULL DEFAULT CURRENT_TIMESTAMP(3), PRIMARY KEY (old_db, name))"
                          " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin ENGINE=InnoDB",
                          NULL, error);
}

/* Where the last call for this move has put the table, if it was one of those that it moved, and if
 * that is newer than what was seen. The row of the move tells it before any door opens, the journal
 * afterwards. It is all there is where the call was one of a silogate without silogate.places. */
static bool read_settled(struct connection *connection, const struct config_move *move,
                         struct moved_table *table, struct error *error)
{
    struct rows *rows = connection_query(
        connection,
        "SELECT in_to, phase = 'switched' OR IFNULL((SELECT j.step FROM silogate.journal j WHERE"
        " j.move = m.name AND j.epoch = m.epoch AND j.step IN ('switched', 'settled', 'given_up')"
        " ORDER BY j.id DESC LIMIT 1), '') IN ('switched', 'settled'), " MILLISECONDS(
            "changed") ", IFNULL((SELECT LOCATE(CAST(CONCAT('`', REPLACE(?, '`', '``'), '`.`',"
                       " REPLACE(?, '`', '``'), '`\\n') AS BINARY), CAST(t.detail AS BINARY)) FROM"
                       " silogate.journal t WHERE t.move = m.name AND t.epoch = m.epoch AND t.step"
                       " = '" MEETING_TABLES "' ORDER BY t.id DESC LIMIT 1), 1) FROM"
                       " silogate.moves m WHERE name = ?",
        PARAMETERS(P_TEXT(table->from), P_TEXT(table->name), P_TEXT(move->name)), error);

    if (!rows)
        return false;
    if (rows_next(rows) && rows_number(rows, 1, 0) && rows_number(rows, 3, 0) &&
        (table->said == PLACE_UNKNOWN || rows_number(rows, 2, 0) >= table->said_at))
        table->settled = rows_number(rows, 0, 0) ? PLACE_TO : PLACE_FROM;
    rows_free(rows);
    return true;
}

bool sightings_read(struct connection *connection, const struct config *config,
                    struct standing *standing, struct error *error)
{
    struct rows *rows = connection_query(
        connection, "SELECT old_db, name, db, " MILLISECONDS("since") " FROM silogate.places", NULL,
        error);
    bool good = rows != NULL;

    while (rows && rows_next(rows))
        standing_say(standing, rows->cells[0], rows->cells[1], rows->cells[2],
                     rows_number(rows, 3, 0));
    rows_free(rows);
    for (size_t i = 0; i < standing->table_count; i++) {
        struct moved_table *table = &standing->tables[i];
        if (!connection_lost(connection) && standing_is_at_both(table))
            good &= read_settled(connection, &config->moves[table->move], table, error);
    }
    return good;
}

void sightings_tell(const char *upstream, const struct standing *standing,
                    const struct standing *before)
{
    size_t told = 0, more = 0;

    for (size_t i = 0; i < standing->table_count; i++) {
        const struct moved_table *table = &standing->tables[i];
        const struct moved_table *known =
            standing_find(before, table->move, table->from, table->name);
        if (!standing_is_at_both(table) || (known && standing_is_at_both(known)))
            continue;
        if (told++ >= BOTH_TOLD) {
            more++;
            continue;
        }
        log_warning("upstream '%s': there are two tables, %.*s.%.*s and %.*s.%.*s; sessions use "
                    "the one in %.*s%s; rename or drop the other",
                    upstream, TEXT_ARGS(table->from), TEXT_ARGS(table->name), TEXT_ARGS(table->to),
                    TEXT_ARGS(table->name),
                    TEXT_ARGS(standing_is_in_to(table) ? table->to : table->from),
                    table->kept == PLACE_UNKNOWN ? ", but which of them was there first is not "
                                                   "known: find that out"
                                                 : ", which was there before");
    }
    if (more > 0)
        log_warning("upstream '%s': and %zu more tables at both places", upstream, more);
}

static void put_bytes(FILE *to, struct text text)
{
    fputs("x'", to);
    for (size_t i = 0; i < text.length; i++)
        fprintf(to, "%02x", (unsigned char)text.at[i]);
    fputs("'", to);
}

/* Writes the next rows from the table `*from` on. */
static bool write_some(struct connection *connection, const struct standing *standing, size_t *from,
                       struct error *error)
{
    char *list;
    size_t length, count = 0;
    FILE *to = open_memstream(&list, &length);

    for (; *from < standing->table_count && count < ROWS_AT_ONCE; ++*from) {
        const struct moved_table *table = &standing->tables[*from];
        const enum standing_place place = standing_place(table);
        if (place == PLACE_UNKNOWN || place == table->said)
            continue;
        fputs(count++ ? "), (" : "", to);
        put_bytes(to, table->from);
        fputs(", ", to);
        put_bytes(to, table->name);
        fputs(", ", to);
        put_bytes(to, place == PLACE_TO ? table->to : table->from);
    }
    fclose(to);
    bool good =
        count == 0 ||
        connection_run(connection, "REPLACE INTO silogate.places (old_db, name, db) VALUES (?)",
                       PARAMETERS(P_SQL(((struct text){list, length}))), error);
    free(list);
    return good || connection_code(connection) == DEADLOCK; /* another instance writes them */
}

bool sightings_write(struct connection *connection, const struct standing *standing,
                     struct error *error)
{
    size_t from = 0;

    while (from < standing->table_count) {
        if (!write_some(connection, standing, &from, error))
            return false;
    }
    return true;
}
