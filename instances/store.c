/* The SQL of instances/store.h, which is the same on MySQL and MariaDB. */
#include "instances/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Microseconds. Clients wait during a hold, so its length is limited; a little more than `ctl`
 * accepts. */
#define HOLD_MOST INT64_C(61000000)

enum { IDS_LENGTH = 3 + OVERRIDES_MAX * 11 };

static const char *const statements[] = {
    "CREATE DATABASE IF NOT EXISTS silogate",
    "CREATE TABLE IF NOT EXISTS silogate.instances (name VARCHAR(128) CHARACTER SET ascii NOT NULL"
    " PRIMARY KEY, number TINYINT UNSIGNED NOT NULL, version VARCHAR(32) CHARACTER SET ascii NOT"
    " NULL, policy VARCHAR(16) CHARACTER SET ascii NOT NULL, sessions INT UNSIGNED NOT NULL,"
    " in_force CHAR(16) CHARACTER SET ascii NOT NULL, draining TINYINT NOT NULL, seen DATETIME(6)"
    " NOT NULL) ENGINE=InnoDB",
    "CREATE TABLE IF NOT EXISTS silogate.overrides (id CHAR(8) CHARACTER SET ascii NOT NULL"
    " PRIMARY KEY, kind VARCHAR(16) CHARACTER SET ascii NOT NULL, service VARCHAR(64) CHARACTER SET"
    " utf8mb4 NOT NULL, block TINYINT NOT NULL, rights TINYINT UNSIGNED NOT NULL, target"
    " VARCHAR(200) CHARACTER SET utf8mb4 NOT NULL, who VARCHAR(80) CHARACTER SET utf8mb4 NOT NULL,"
    " ticket VARCHAR(80) CHARACTER SET utf8mb4 NOT NULL, begins DATETIME(6) NOT NULL, ends"
    " DATETIME(6) NOT NULL, undone_by VARCHAR(80) CHARACTER SET utf8mb4 NULL, KEY (ends), KEY"
    " (undone_by, ends))"
    " ENGINE=InnoDB",
};

bool store_prepare(struct connection *connection, struct error *error)
{
    struct error ignored;

    connection_run(connection, "SET SESSION innodb_lock_wait_timeout = 2", NULL, &ignored);
    /* If the tables exist, the account needs no right to create them. */
    if (!connection_run(connection, "SELECT 1 FROM silogate.instances, silogate.overrides LIMIT 1",
                        NULL, error)) {
        for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
            if (!connection_run(connection, statements[i], NULL, error))
                return false;
        }
    }
    return true;
}

void store_tidy(struct connection *connection)
{
    struct error ignored;

    connection_run(connection,
                   "DELETE FROM silogate.instances WHERE seen < UTC_TIMESTAMP(6) - INTERVAL 10"
                   " MINUTE",
                   NULL, &ignored);
    connection_run(connection,
                   "DELETE FROM silogate.overrides WHERE ends < UTC_TIMESTAMP(6) - INTERVAL 1 HOUR",
                   NULL, &ignored);
}

bool store_beat(struct connection *connection, const struct instance *self, struct error *error)
{
    char in_force[17];

    snprintf(in_force, sizeof(in_force), "%016llx", (unsigned long long)self->overrides);
    return connection_run(
        connection,
        "REPLACE INTO silogate.instances (name, number, version, policy, sessions, in_force,"
        " draining, seen) VALUES (?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6))",
        PARAMETERS(P_TEXT(text_of(self->name)), P_NUMBER(self->number),
                   P_TEXT(text_of(self->version)), P_TEXT(text_of(self->policy)),
                   P_NUMBER((int64_t)self->sessions), P_TEXT(text_of(in_force)),
                   P_NUMBER(self->draining)),
        error);
}

void store_leave(struct connection *connection, const char *name)
{
    struct error ignored;

    connection_run(connection, "DELETE FROM silogate.instances WHERE name = ?",
                   PARAMETERS(P_TEXT(text_of(name))), &ignored);
    connection_run(connection, "DELETE FROM silogate.instances_of_moves WHERE instance = ?",
                   PARAMETERS(P_TEXT(text_of(name))), &ignored);
}

static void take_cell(char *to, size_t size, struct text cell)
{
    snprintf(to, size, "%.*s", TEXT_ARGS(cell));
}

bool store_instances(struct connection *connection, struct instance *list, size_t *count,
                     struct error *error)
{
    struct rows *rows = connection_query(
        connection,
        "SELECT name, number, version, policy, sessions, in_force, draining, TIMESTAMPDIFF("
        "MICROSECOND, seen, UTC_TIMESTAMP(6)) DIV 1000 FROM silogate.instances WHERE seen >"
        " UTC_TIMESTAMP(6) - INTERVAL ? SECOND ORDER BY draining, name LIMIT ?",
        PARAMETERS(P_NUMBER(INSTANCE_FORGOTTEN_MS / 1000), P_NUMBER(INSTANCES_MAX)), error);

    *count = 0;
    if (!rows)
        return false;
    while (rows_next(rows) && *count < INSTANCES_MAX) {
        struct instance *one = &list[(*count)++];
        char in_force[17];
        *one = (struct instance){
            .number = (unsigned)rows_number(rows, 1, 0),
            .sessions = (uint64_t)rows_number(rows, 4, 0),
            .draining = rows_number(rows, 6, 0) != 0,
            .age = rows_number(rows, 7, INSTANCE_FORGOTTEN_MS),
        };
        take_cell(one->name, sizeof(one->name), rows->cells[0]);
        take_cell(one->version, sizeof(one->version), rows->cells[2]);
        take_cell(one->policy, sizeof(one->policy), rows->cells[3]);
        take_cell(in_force, sizeof(in_force), rows->cells[5]);
        one->overrides = strtoull(in_force, NULL, 16);
    }
    rows_free(rows);
    return true;
}

/* The longest that an override can last from now. It does not begin later than now: if it seems to,
 * the server's clock was set back, and it ends no later for that. */
static void set_times(struct override *override, int64_t begins, int64_t ends)
{
    const int64_t later = begins > 0 ? begins : 0;

    override_set_times(override, begins - later, ends - later);
}

/* False: the row is not valid; another version or a person has written it. */
static bool take_override(const struct rows *rows, struct override_news *to)
{
    struct override *override = &to->override;
    const enum override_kind kind = override_kind_of(rows->cells[1]);
    const int64_t rights = rows_number(rows, 4, -1);

    *to = (struct override_news){
        .override = {.kind = (uint8_t)kind,
                     .mode = rows_number(rows, 3, 0) ? CONFIG_BLOCK : CONFIG_LOG,
                     .access = (uint8_t)rights},
    };
    if (kind == OVERRIDE_HOLD && rows_number(rows, 9, 0) > HOLD_MOST)
        return false;
    if (kind == OVERRIDE_KINDS || rights < 0 || rights > 15 ||
        rows_number(rows, 9, 0) > OVERRIDE_MONTH * INT64_C(1000000))
        return false;
    set_times(override, rows_number(rows, 8, 0), rows_number(rows, 9, 0));
    take_cell(override->id, sizeof(override->id), rows->cells[0]);
    take_cell(override->service, sizeof(override->service), rows->cells[2]);
    take_cell(override->on, sizeof(override->on), rows->cells[5]);
    take_cell(override->who, sizeof(override->who), rows->cells[6]);
    take_cell(override->ticket, sizeof(override->ticket), rows->cells[7]);
    return strlen(override->id) == 8 && strspn(override->id, "0123456789abcdef") == 8;
}

/* "'3f2a91c0','...'": the ids of the list; one that nobody has, if it is empty. */
static struct text write_ids(const struct override *list, size_t count, char *to, size_t size)
{
    size_t length = (size_t)snprintf(to, size, "''");

    for (size_t i = 0; i < count && length < size; i++)
        length += (size_t)snprintf(to + length, size - length, ",'%.8s'", list[i].id);
    return (struct text){to, length};
}

bool store_marks(struct connection *connection, const struct override *of, size_t of_count,
                 struct override_news *list, size_t *count, struct error *error)
{
    char ids[IDS_LENGTH];

    *count = 0;
    if (of_count == 0)
        return true;
    struct rows *rows =
        connection_query(connection, "SELECT id, undone_by FROM silogate.overrides WHERE id IN (?)",
                         PARAMETERS(P_SQL(write_ids(of, of_count, ids, sizeof(ids)))), error);
    if (!rows)
        return false;
    while (rows_next(rows) && *count < of_count) {
        struct override_news *one = &list[(*count)++];
        *one = (struct override_news){.undone = rows->cells[1].length > 0};
        take_cell(one->override.id, sizeof(one->override.id), rows->cells[0]);
        take_cell(one->by, sizeof(one->by), rows->cells[1]);
    }
    rows_free(rows);
    return true;
}

bool store_news(struct connection *connection, const struct override *known, size_t known_count,
                struct override_news *list, size_t *count, bool *full, struct error *error)
{
    char ids[IDS_LENGTH];
    struct rows *rows = connection_query(
        connection,
        "SELECT id, kind, service, block, rights, target, who, ticket, TIMESTAMPDIFF(MICROSECOND,"
        " UTC_TIMESTAMP(6), begins), TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), ends)"
        " FROM silogate.overrides WHERE undone_by IS NULL AND ends > UTC_TIMESTAMP(6)"
        " AND id NOT IN (?) ORDER BY kind = 'mode' AND block <> 0 DESC, kind = 'hold' DESC,"
        " begins, id LIMIT ?",
        PARAMETERS(P_SQL(write_ids(known, known_count, ids, sizeof(ids))),
                   P_NUMBER(STORE_NEWS_MAX + 1)),
        error);
    size_t read = 0;

    *count = 0;
    if (!rows)
        return false;
    while (rows_next(rows) && read < STORE_NEWS_MAX + 1) {
        if (++read <= STORE_NEWS_MAX)
            *count += take_override(rows, &list[*count]);
    }
    *full = known_count + read > OVERRIDES_MAX;
    rows_free(rows);
    return true;
}

/* How it begins and ends, in microseconds from now. */
#define P_TIMES(override)                                                                          \
    P_NUMBER(override_left(override) - ((override)->until - (override)->since)),                   \
        P_NUMBER(override_left(override))

/* Its other columns. */
#define P_COLUMNS(override)                                                                        \
    P_TEXT(text_of((override)->id)),                                                               \
        P_TEXT(text_of(override_kind_name((enum override_kind)(override)->kind))),                 \
        P_TEXT(text_of((override)->service)), P_NUMBER((override)->mode == CONFIG_BLOCK),          \
        P_NUMBER((override)->access), P_TEXT(text_of((override)->on)),                             \
        P_TEXT(text_of((override)->who)), P_TEXT(text_of((override)->ticket))

bool store_add(struct connection *connection, const struct override *override, struct error *error)
{
    return connection_run(
        connection,
        "INSERT IGNORE INTO silogate.overrides (id, kind, service, block, rights, target, who,"
        " ticket, begins, ends) VALUES (?, ?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6) + INTERVAL ?"
        " MICROSECOND, UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND)",
        PARAMETERS(P_COLUMNS(override), P_TIMES(override)), error);
}

bool store_close(struct connection *connection, const struct override *override,
                 struct error *error)
{
    const struct text by = text_of(override->who);

    if (by.length == 0)
        return connection_run(
            connection,
            "UPDATE silogate.overrides SET undone_by = '' WHERE id = ? AND undone_by IS NULL",
            PARAMETERS(P_TEXT(text_of(override->id))), error);
    return connection_run(
        connection,
        "INSERT INTO silogate.overrides (id, kind, service, block, rights, target, who, ticket,"
        " begins, ends, undone_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6) + INTERVAL ?"
        " MICROSECOND, UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND, ?) ON DUPLICATE KEY UPDATE"
        " undone_by = COALESCE(NULLIF(undone_by, ''), ?)",
        PARAMETERS(P_COLUMNS(override), P_TIMES(override), P_TEXT(by), P_TEXT(by)), error);
}
