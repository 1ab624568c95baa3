/* Several ids are asked for in one query, because the server reads the attributes of all its
 * threads for each query. */
#include "instances/seek.h"

#include "instances/mailbox.h"

#include <inttypes.h>
#include <stdio.h>

enum { IDS = MAILBOX_MOST, SEEK_AT_ONCE = IDS / SOUGHT_IDS, INSTANCE_AT = 24, INSTANCE_BITS = 63 };

struct wanted {
    char sessions[IDS * 18 + 1]; /* "'ID/INSTANCE','ID/INSTANCE'" */
    char threads[IDS * 11 + 1];
    size_t sessions_length, threads_length;
};

/* Adds the ids of one `sought`; there is room for those of one query. */
static void want(struct wanted *wanted, const struct sought *sought)
{
    for (size_t i = 0; i < sought->count; i++) {
        const uint32_t id = sought->ids[i];
        const char *separator = wanted->threads_length ? "," : "";
        wanted->sessions_length += (size_t)snprintf(
            wanted->sessions + wanted->sessions_length,
            sizeof(wanted->sessions) - wanted->sessions_length, "%s'%" PRIu32 "/%u'", separator, id,
            (unsigned)(id >> INSTANCE_AT & INSTANCE_BITS));
        wanted->threads_length += (size_t)snprintf(wanted->threads + wanted->threads_length,
                                                   sizeof(wanted->threads) - wanted->threads_length,
                                                   "%s%" PRIu32, separator, id);
    }
}

static void take(struct sought *list, const struct sought *end, int64_t session, int64_t thread,
                 struct text user)
{
    struct sought_thread found = {.thread = (uint32_t)thread};

    if (user.length < sizeof(found.user))
        snprintf(found.user, sizeof(found.user), "%.*s", TEXT_ARGS(user));
    for (struct sought *sought = list; sought != end; sought = sought->next) {
        for (size_t i = 0; i < sought->count; i++) {
            if (sought->ids[i] != session && sought->ids[i] != thread)
                continue;
            found.id = sought->ids[i];
            sought_add(sought, &found);
        }
    }
}

static bool ask_server(struct connection *connection, struct sought *list, const struct sought *end,
                       struct error *error)
{
    struct wanted wanted = {.sessions_length = 0};

    for (const struct sought *sought = list; sought != end; sought = sought->next)
        want(&wanted, sought);
    struct rows *rows = connection_query(
        connection,
        "SELECT SUBSTRING_INDEX(o.attr_value, '/', 1), t.processlist_id, t.processlist_user"
        " FROM performance_schema.session_connect_attrs o JOIN performance_schema.threads t"
        " ON t.processlist_id = o.processlist_id WHERE o.attr_name = 'silogate_session'"
        " AND (o.attr_value IN (?) OR o.processlist_id IN (?)) AND t.processlist_user IS NOT NULL"
        " LIMIT 1024",
        PARAMETERS(P_SQL(((struct text){wanted.sessions, wanted.sessions_length})),
                   P_SQL(((struct text){wanted.threads, wanted.threads_length}))),
        error);
    while (rows && rows_next(rows))
        take(list, end, rows_number(rows, 0, 0), rows_number(rows, 1, 0), rows->cells[2]);
    rows_free(rows);
    return rows != NULL;
}

static bool has_attributes(struct connection *connection, struct error *error)
{
    struct rows *rows = connection_query(
        connection,
        "SELECT @@performance_schema = 1 AND @@performance_schema_session_connect_attrs_size <> 0",
        NULL, error);
    bool on = rows && rows_next(rows) && rows_number(rows, 0, 0) == 1;

    if (rows && !on)
        error_set(error, "performance_schema is off");
    rows_free(rows);
    return on;
}

static bool ask_others(struct round *round, struct sought *list, const struct sought *end,
                       struct error *error)
{
    struct error why = *error;

    if (connection_lost(round->connection))
        return false;
    if (round->mailbox && mailbox_ask(round, list, end, &why))
        return true;
    error_set(error, "%.200s; and other instances are not asked: %.200s", error->text,
              round->mailbox ? why.text : "no table silogate.sought can be had");
    return false;
}

static struct sought *let_go(struct sought *list, const struct sought *end)
{
    while (list != end) {
        struct sought *next = list->next;
        sought_done(list);
        list = next;
    }
    return list;
}

bool seek_run(struct round *round, struct sought *list, struct error *error)
{
    bool told = has_attributes(round->connection, error), good = true;

    while (list && good) {
        struct sought *end = list;
        for (int i = 0; end && i < SEEK_AT_ONCE; i++)
            end = end->next;
        told = told && ask_server(round->connection, list, end, error);
        good = told || ask_others(round, list, end, error);
        list = let_go(list, end);
    }
    let_go(list, NULL);
    return good;
}

void seek_give_up(struct sought *list)
{
    let_go(list, NULL);
}
