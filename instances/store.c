/* The SQL of instances/store.h, which is the same on MySQL and MariaDB. */
#include "instances/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Microseconds. Clients wait during a hold, so its length is limited; a little more than `ctl`
 * accepts. */
#define HOLD_MOST INT64_C(61000000)

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
    " DATETIME(6) NOT NULL, undone_by VARCHAR(80) CHARACTER SET utf8mb4 NULL, KEY (ends))"
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
    connection_run(connection,
                   "DELETE FROM silogate.instances WHERE seen < UTC_TIMESTAMP(6) - INTERVAL 10"
                   " MINUTE",
                   NULL, &ignored);
    connection_run(connection,
                   "DELETE FROM silogate.overrides WHERE ends < UTC_TIMESTAMP(6) - INTERVAL 1 HOUR",
                   NULL, &ignored);
    return true;
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
        .undone = rows->cells[10].at != NULL,
    };
    if (kind == OVERRIDE_HOLD && rows_number(rows, 9, 0) > HOLD_MOST)
        return false;
    if (kind == OVERRIDE_KINDS || rights < 0 || rights > 15 ||
        rows_number(rows, 9, 0) > OVERRIDE_MONTH * INT64_C(1000000))
        return false;
    override_set_times(override, rows_number(rows, 8, 0), rows_number(rows, 9, 0));
    take_cell(override->id, sizeof(override->id), rows->cells[0]);
    take_cell(override->service, sizeof(override->service), rows->cells[2]);
    take_cell(override->on, sizeof(override->on), rows->cells[5]);
    take_cell(override->who, sizeof(override->who), rows->cells[6]);
    take_cell(override->ticket, sizeof(override->ticket), rows->cells[7]);
    take_cell(to->by, sizeof(to->by), rows->cells[10]);
    return strlen(override->id) == 8 && strspn(override->id, "0123456789abcdef") == 8;
}

bool store_overrides(struct connection *connection, struct override_news *list, size_t *count,
                     struct error *error)
{
    struct rows *rows = connection_query(
        connection,
        "SELECT id, kind, service, block, rights, target, who, ticket, TIMESTAMPDIFF(MICROSECOND,"
        " UTC_TIMESTAMP(6), begins), TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), ends), undone_by"
        " FROM silogate.overrides WHERE ends > UTC_TIMESTAMP(6) ORDER BY begins, id LIMIT ?",
        PARAMETERS(P_NUMBER(STORE_OVERRIDES_MAX)), error);

    *count = 0;
    if (!rows)
        return false;
    while (rows_next(rows) && *count < STORE_OVERRIDES_MAX)
        *count += take_override(rows, &list[*count]);
    rows_free(rows);
    return true;
}

bool store_add(struct connection *connection, const struct override *override, struct error *error)
{
    const int64_t left = override_left(override);

    return connection_run(
        connection,
        "INSERT IGNORE INTO silogate.overrides (id, kind, service, block, rights, target, who,"
        " ticket, begins, ends) VALUES (?, ?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6) + INTERVAL ?"
        " MICROSECOND, UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND)",
        PARAMETERS(P_TEXT(text_of(override->id)),
                   P_TEXT(text_of(override_kind_name((enum override_kind) override->kind))),
                   P_TEXT(text_of(override->service)), P_NUMBER(override->mode == CONFIG_BLOCK),
                   P_NUMBER(override->access), P_TEXT(text_of(override->on)),
                   P_TEXT(text_of(override->who)), P_TEXT(text_of(override->ticket)),
                   P_NUMBER(left - (override->until - override->since)), P_NUMBER(left)),
        error);
}

bool store_undo(struct connection *connection, const char *id, const char *by, struct error *error)
{
    return connection_run(
        connection,
        "UPDATE silogate.overrides SET undone_by = ? WHERE id = ? AND undone_by IS NULL",
        PARAMETERS(P_TEXT(text_of(by)), P_TEXT(text_of(id))), error);
}
