/* The SQL statements on the shared tables (move/meeting.h). Called by the mover and by the watch
 * of every instance. */
#include "move/meeting.h"

#include <stdio.h>
#include <string.h>

#include "config/keys.h"

enum { NO_SUCH_TABLE = 1146, LOCK_WAIT_TIMEOUT = 1205 };

static const char *const phases[] = {
    [PHASE_IDLE] = "idle",
    [PHASE_ANNOUNCED] = "announced",
    [PHASE_CLOSED] = "closed",
    [PHASE_SWITCHED] = "switched",
};

static const char *const states[] = {
    [STATE_OPEN] = "open",       [STATE_READY] = "ready", [STATE_HELD] = "held",
    [STATE_DRAINED] = "drained", [STATE_LEFT] = "left",
};

const char *meeting_state_name(enum meeting_state state)
{
    return states[state];
}

static int word_of(const char *const *words, size_t count, struct text word)
{
    for (size_t i = 0; i < count; i++) {
        if (text_equal(word, text_of(words[i])))
            return (int)i;
    }
    return 0;
}

#define WORD(words, word) word_of(words, sizeof(words) / sizeof(words[0]), word)

bool meeting_prepare(struct connection *connection, struct error *error)
{
    static const char *const statements[] = {
        "CREATE DATABASE IF NOT EXISTS silogate CHARACTER SET utf8mb4",
        "CREATE TABLE IF NOT EXISTS silogate.moves (name VARCHAR(64) CHARACTER SET ascii NOT NULL"
        " PRIMARY KEY, epoch BIGINT UNSIGNED NOT NULL, phase VARCHAR(16) CHARACTER SET ascii NOT"
        " NULL, hold_ms INT NOT NULL, in_to TINYINT NOT NULL, changed TIMESTAMP(3) NOT NULL"
        " DEFAULT CURRENT_TIMESTAMP(3)) ENGINE=InnoDB",
        "CREATE TABLE IF NOT EXISTS silogate.instances_of_moves (move VARCHAR(64) CHARACTER SET"
        " ascii NOT NULL, instance VARCHAR(128) CHARACTER SET utf8mb4 NOT NULL, epoch BIGINT"
        " UNSIGNED NOT NULL, state VARCHAR(16) CHARACTER SET ascii NOT NULL, policy CHAR(8)"
        " CHARACTER SET ascii NOT NULL, inside INT NOT NULL, blockers VARCHAR(2000) CHARACTER SET"
        " utf8mb4 NOT NULL, unmapped BIGINT UNSIGNED NOT NULL, unmapped_by VARCHAR(2000) CHARACTER"
        " SET utf8mb4 NOT NULL, seen TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3), PRIMARY"
        " KEY (move, instance)) ENGINE=InnoDB",
        "CREATE TABLE IF NOT EXISTS silogate.journal (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT"
        " PRIMARY KEY, move VARCHAR(64) CHARACTER SET ascii NOT NULL, epoch BIGINT UNSIGNED NOT"
        " NULL, at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3), step VARCHAR(64) CHARACTER"
        " SET ascii NOT NULL, detail MEDIUMTEXT CHARACTER SET utf8mb4 NOT NULL, KEY (move, id))"
        " ENGINE=InnoDB",
    };

    /* If the tables exist, the account needs no right to create them. */
    if (connection_run(connection,
                       "SELECT 1 FROM silogate.moves, silogate.journal,"
                       " silogate.instances_of_moves LIMIT 1",
                       NULL, error))
        return true;
    if (connection_code(connection) == LOCK_WAIT_TIMEOUT) /* they exist */
        return false;
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
        if (!connection_run(connection, statements[i], NULL, error))
            return false;
    }
    return true;
}

bool meeting_read(struct connection *connection, struct meeting_move *moves, size_t room,
                  size_t *count, struct error *error)
{
    struct rows *rows =
        connection_query(connection,
                         "SELECT name, epoch, phase, hold_ms, in_to, TIMESTAMPDIFF("
                         "MICROSECOND, changed, NOW(3)) DIV 1000, IS_USED_LOCK(" MEETING_BARE(
                             "name", "epoch") ") IS NOT NULL FROM "
                                              "silogate.moves ORDER BY changed DESC LIMIT ?",
                         PARAMETERS(P_NUMBER((int64_t)room)), error);

    *count = 0;
    if (!rows)
        return false;
    while (rows_next(rows) && *count < room) {
        struct meeting_move *move = &moves[(*count)++];
        snprintf(move->name, sizeof(move->name), "%.*s", TEXT_ARGS(rows->cells[0]));
        move->epoch = (uint64_t)rows_number(rows, 1, 0);
        move->phase = (enum meeting_phase)WORD(phases, rows->cells[2]);
        move->hold = rows_number(rows, 3, 0);
        move->in_to = rows_number(rows, 4, 0) != 0;
        move->age = rows_number(rows, 5, 0);
        move->bare = move->phase == PHASE_CLOSED && rows_number(rows, 6, 0) != 0;
    }
    rows_free(rows);
    return true;
}

bool meeting_begin(struct connection *connection, const char *move, int64_t hold, bool in_to,
                   uint64_t *epoch, struct error *error)
{
    const struct text name = text_of(move);

    if (!connection_run(
            connection,
            "INSERT INTO silogate.moves (name, epoch, phase, hold_ms, in_to) VALUES"
            " (?, UNIX_TIMESTAMP(), 'idle', ?, ?) ON DUPLICATE KEY UPDATE epoch = epoch + 1,"
            " phase = 'idle', hold_ms = ?, in_to = ?, changed = NOW(3)",
            PARAMETERS(P_TEXT(name), P_NUMBER(hold), P_NUMBER(in_to), P_NUMBER(hold),
                       P_NUMBER(in_to)),
            error))
        return false;
    struct rows *rows =
        connection_query(connection, "SELECT epoch FROM silogate.moves WHERE name = ?",
                         PARAMETERS(P_TEXT(name)), error);
    if (!rows)
        return false;
    *epoch = rows_next(rows) ? (uint64_t)rows_number(rows, 0, 0) : 0;
    rows_free(rows);
    return *epoch > 0 || error_set(error, "the move's row in silogate.moves is gone");
}

bool meeting_set(struct connection *connection, const char *move, uint64_t epoch,
                 enum meeting_phase phase, struct error *error)
{
    return connection_run(
        connection,
        "UPDATE silogate.moves SET phase = ?, changed = NOW(3) WHERE name = ? AND epoch = ?",
        PARAMETERS(P_TEXT(text_of(phases[phase])), P_TEXT(text_of(move)), P_NUMBER((int64_t)epoch)),
        error);
}

void meeting_tidy(struct connection *connection)
{
    struct error ignored;

    connection_run(connection,
                   "DELETE FROM silogate.instances_of_moves WHERE seen < NOW(3) - INTERVAL 60"
                   " SECOND",
                   NULL, &ignored);
    connection_run(connection,
                   "DELETE FROM silogate.journal WHERE at < NOW(3) - INTERVAL 400 DAY LIMIT 10000",
                   NULL, &ignored);
}

void meeting_leave(struct connection *connection, const char *instance)
{
    struct error ignored;

    connection_run(connection, "DELETE FROM silogate.instances_of_moves WHERE instance = ?",
                   PARAMETERS(P_TEXT(text_of(instance))), &ignored);
}

bool meeting_report(struct connection *connection, const struct meeting_report *report,
                    struct error *error)
{
    const bool soon = report->soon && connection_is_mariadb(connection);

    return connection_run(
        connection,
        "?REPLACE INTO silogate.instances_of_moves (move, instance, epoch, state, policy, inside,"
        " blockers, unmapped, unmapped_by, seen) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NOW(3))",
        PARAMETERS(P_SQL(soon ? TEXT("SET STATEMENT lock_wait_timeout = 0,"
                                     " innodb_lock_wait_timeout = 0 FOR ")
                              : TEXT("")),
                   P_TEXT(text_of(report->move)), P_TEXT(text_of(report->instance)),
                   P_NUMBER((int64_t)report->epoch), P_TEXT(text_of(states[report->state])),
                   P_TEXT(text_of(report->policy)), P_NUMBER(report->inside),
                   P_TEXT(text_of(report->blockers)), P_NUMBER((int64_t)report->unmapped),
                   P_TEXT(text_of(report->unmapped_by))),
        error);
}

bool meeting_instances(struct connection *connection, const char *move, uint64_t epoch,
                       struct meeting_instances *instances, struct error *error)
{
    struct rows *rows = connection_query(
        connection,
        "SELECT instance, epoch, state, policy, inside, blockers, unmapped, unmapped_by,"
        " TIMESTAMPDIFF(MICROSECOND, seen, NOW(3)) DIV 1000 FROM silogate.instances_of_moves"
        " WHERE move = ? AND (seen > NOW(3) - INTERVAL 60 SECOND OR epoch = ?) ORDER BY instance",
        PARAMETERS(P_TEXT(text_of(move)), P_NUMBER(epoch ? (int64_t)epoch : -1)), error);

    *instances = (struct meeting_instances){0};
    if (!rows)
        return false;
    while (rows_next(rows)) {
        struct arena *arena = &instances->arena;
        instances->items =
            items_add(arena, instances->items, &instances->count, sizeof(*instances->items));
        instances->items[instances->count - 1] = (struct meeting_instance){
            .name = arena_text(arena, rows->cells[0]),
            .epoch = (uint64_t)rows_number(rows, 1, 0),
            .state = (enum meeting_state)WORD(states, rows->cells[2]),
            .policy = arena_text(arena, rows->cells[3]),
            .inside = (unsigned)rows_number(rows, 4, 0),
            .blockers = arena_text(arena, rows->cells[5]),
            .unmapped = (uint64_t)rows_number(rows, 6, 0),
            .unmapped_by = arena_text(arena, rows->cells[7]),
            .age = rows_number(rows, 8, MEETING_GONE),
        };
    }
    rows_free(rows);
    return true;
}

bool meeting_names(const struct meeting_instances *instances, struct text name)
{
    for (size_t i = 0; i < instances->count; i++) {
        if (text_equal(instances->items[i].name, name))
            return true;
    }
    return false;
}

bool meeting_others(struct connection *connection, const char *move, uint64_t epoch,
                    struct meeting_instances *others, struct error *error)
{
    struct rows *rows = connection_query(
        connection,
        "SELECT name, policy, TIMESTAMPDIFF(MICROSECOND, seen, UTC_TIMESTAMP(6)) DIV 1000 FROM"
        " silogate.instances WHERE seen > UTC_TIMESTAMP(6) - INTERVAL 60 SECOND AND name NOT IN"
        " (SELECT instance FROM silogate.instances_of_moves WHERE move = ? AND IF(?, epoch = ?,"
        " seen > NOW(3) - INTERVAL ? SECOND)) ORDER BY name",
        PARAMETERS(P_TEXT(text_of(move)), P_NUMBER(epoch != 0), P_NUMBER((int64_t)epoch),
                   P_NUMBER(MEETING_LIVE / 1000)),
        error);

    *others = (struct meeting_instances){0};
    if (!rows) /* without the table no instance has written there */
        return connection_code(connection) == NO_SUCH_TABLE;
    while (rows_next(rows)) {
        struct arena *arena = &others->arena;
        others->items = items_add(arena, others->items, &others->count, sizeof(*others->items));
        others->items[others->count - 1] = (struct meeting_instance){
            .name = arena_text(arena, rows->cells[0]),
            .policy = arena_text(arena, rows->cells[1]),
            .age = rows_number(rows, 2, MEETING_GONE),
        };
    }
    rows_free(rows);
    return true;
}

bool meeting_drained(struct connection *connection, const char *move, uint64_t epoch,
                     const char *policy, struct meeting_look *look, struct error *error)
{
    static const char sql[] =
        "SELECT (SELECT MIN(instance) FROM silogate.instances_of_moves WHERE move = ? AND"
        " (seen > NOW(3) - INTERVAL 60 SECOND OR epoch = ?) AND NOT (epoch = ? AND state ="
        " 'drained' AND policy = ?)), ?, (SELECT COUNT(*) FROM silogate.instances_of_moves WHERE"
        " move = ? AND epoch = ?), FLOOR(UNIX_TIMESTAMP(SYSDATE(6)) * 1000)";
    static const char others[] =
        "(SELECT MIN(name) FROM silogate.instances WHERE seen > UTC_TIMESTAMP(6) - INTERVAL 60"
        " SECOND AND name NOT IN (SELECT instance FROM silogate.instances_of_moves WHERE move = ?"
        " AND epoch = ?))";
    const struct parameter name = P_TEXT(text_of(move)), number = P_NUMBER((int64_t)epoch);
    struct arena arena = {0};
    const struct text further =
        connection_text(connection, &arena, others, PARAMETERS(name, number));
    struct rows *rows = connection_query(
        connection, sql,
        PARAMETERS(name, number, number, P_TEXT(text_of(policy)), P_SQL(further), name, number),
        error);

    if (!rows && connection_code(connection) == NO_SUCH_TABLE)
        rows = connection_query(connection, sql,
                                PARAMETERS(name, number, number, P_TEXT(text_of(policy)),
                                           P_SQL(TEXT("NULL")), name, number),
                                error);
    const bool read = rows && rows_next(rows);

    *look = (struct meeting_look){0};
    if (read) {
        const struct text held = rows->cells[0], other = rows->cells[1];
        const bool any = rows_number(rows, 2, 0) > 0;
        look->all = !held.at && !other.at && any;
        look->unheard = !held.at && (other.at || !any);
        look->now = rows_number(rows, 3, 0);
        snprintf(look->who, sizeof(look->who), "%.*s",
                 TEXT_ARGS(held.at    ? held
                           : other.at ? other
                                      : TEXT("none")));
    }
    rows_free(rows);
    arena_fini(&arena);
    return read;
}

char *meeting_tables(struct connection *connection, const char *move, uint64_t epoch,
                     struct error *error)
{
    struct rows *rows = connection_query(
        connection,
        "SELECT detail FROM silogate.journal WHERE move = ? AND epoch = ? AND step ="
        " '" MEETING_TABLES "' ORDER BY id DESC LIMIT 1",
        PARAMETERS(P_TEXT(text_of(move)), P_NUMBER((int64_t)epoch)), error);
    char *tables = NULL;

    if (rows && rows_next(rows))
        tables = strndup(rows->cells[0].at, rows->cells[0].length);
    else if (rows)
        error_set(error, "the journal does not have the tables that [move:%s] moves", move);
    rows_free(rows);
    return tables;
}

bool meeting_note(struct connection *connection, const char *move, uint64_t epoch, const char *step,
                  struct text detail, struct error *error)
{
    return connection_run(
        connection, "INSERT INTO silogate.journal (move, epoch, step, detail) VALUES (?, ?, ?, ?)",
        PARAMETERS(P_TEXT(text_of(move)), P_NUMBER((int64_t)epoch), P_TEXT(text_of(step)),
                   P_TEXT(detail.at ? detail : TEXT(""))),
        error);
}
