/* A row with an empty `answerer` is a question; in an answer `thread` 0 means "no session here".
 * An instance is asked only if the number can be one of its own: silogate's numbers contain the
 * instance's number, and any other number may be a thread of the server. */
#include "instances/mailbox.h"
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    LOOK_MS = 40,
    ANSWERS_MS = 1500,
    ASKED_MOST = 256, /* questions that are answered in one round */
    ANSWERS_MOST = MAILBOX_MOST * INSTANCES_MAX,
    INSTANCE_AT = 24,
    INSTANCE_BITS = 63,
    TRIES = 5, /* of writing the questions */
    ER_LOCK_WAIT_TIMEOUT = 1205,
    ER_LOCK_DEADLOCK = 1213
};

bool mailbox_prepare(struct connection *connection, struct error *error)
{
    struct error ignored;

    /* If the table exists, the account needs no right to create it. */
    if (!connection_run(connection, "SELECT 1 FROM silogate.sought LIMIT 1", NULL, &ignored) &&
        !connection_run(
            connection,
            "CREATE TABLE IF NOT EXISTS silogate.sought (asker VARCHAR(128) CHARACTER SET ascii NOT"
            " NULL, id INT UNSIGNED NOT NULL, answerer VARCHAR(128) CHARACTER SET ascii NOT NULL,"
            " thread INT UNSIGNED NOT NULL, service VARCHAR(64) CHARACTER SET utf8mb4 NOT NULL, "
            "seen"
            " DATETIME(6) NOT NULL, PRIMARY KEY (asker, id, answerer), KEY (answerer, seen))"
            " ENGINE=InnoDB",
            NULL, error))
        return false;
    connection_run(connection,
                   "DELETE FROM silogate.sought WHERE seen < UTC_TIMESTAMP(6) - INTERVAL 1 MINUTE",
                   NULL, &ignored);
    return true;
}

static bool is_silogates(uint32_t id)
{
    return id >> 30 == 1;
}

/* Can an instance with this number have it? */
static bool could_be(uint32_t id, unsigned number)
{
    return is_silogates(id) ? (id >> INSTANCE_AT & INSTANCE_BITS) == number : id >> 30 == 0;
}

static bool begin(struct connection *connection, struct error *error)
{
    return connection_run(connection, "START TRANSACTION", NULL, error);
}

/* Ends a transaction. Also true if the server has rolled it back (a deadlock, a lock wait
 * timeout): then the rows are written in the next round.
 */
static bool end(struct connection *connection, bool good, struct error *error)
{
    const unsigned code = good ? 0 : connection_code(connection);
    struct error ignored;

    if (good)
        return connection_run(connection, "COMMIT", NULL, error);
    connection_run(connection, "ROLLBACK", NULL, &ignored);
    return code == ER_LOCK_DEADLOCK || code == ER_LOCK_WAIT_TIMEOUT;
}

static bool put(struct connection *connection, const char *asker, uint32_t id, const char *answerer,
                const struct sought_thread *found, struct error *error)
{
    return connection_run(
        connection,
        "REPLACE INTO silogate.sought (asker, id, answerer, thread, service, seen) VALUES (?, ?, ?,"
        " ?, ?, UTC_TIMESTAMP(6))",
        PARAMETERS(P_TEXT(text_of(asker)), P_NUMBER(id), P_TEXT(text_of(answerer)),
                   P_NUMBER(found->thread), P_TEXT(text_of(found->service))),
        error);
}

/* --- what others ask --- */

static bool answer(struct round *round, const struct rows *question, bool *begun,
                   struct error *error)
{
    const struct meet_proxy *proxy = round->proxy;
    const uint32_t id = (uint32_t)rows_number(question, 1, 0);
    struct sought_thread found = {.id = id};
    char asker[129];

    if (!proxy->whose(proxy->user, round->upstream, &found) && !could_be(id, round->state.number))
        return true;
    if (!*begun && !begin(round->connection, error))
        return false;
    *begun = true;
    snprintf(asker, sizeof(asker), "%.*s", TEXT_ARGS(question->cells[0]));
    return put(round->connection, asker, id, instance_name(), &found, error);
}

bool mailbox_answer(struct round *round, struct error *error)
{
    bool begun = false, good = true;
    struct rows *rows = connection_query(
        round->connection,
        "SELECT q.asker, q.id FROM silogate.sought q LEFT JOIN silogate.sought a ON a.asker ="
        " q.asker AND a.id = q.id AND a.answerer = ? WHERE q.answerer = '' AND q.seen >"
        " UTC_TIMESTAMP(6) - INTERVAL 5 SECOND AND q.asker <> ? AND a.id IS NULL LIMIT ?",
        PARAMETERS(P_TEXT(text_of(instance_name())), P_TEXT(text_of(instance_name())),
                   P_NUMBER(ASKED_MOST)),
        error);

    if (!rows)
        return false;
    while (good && rows_next(rows))
        good = answer(round, rows, &begun, error);
    rows_free(rows);
    return begun ? end(round->connection, good, error) : good;
}

/* --- what is asked here --- */

struct asked {
    struct round *round;
    struct sought *list;
    const struct sought *end;
    size_t answers; /* the number of expected answers */
};

static unsigned who_could_know(const struct round *round, uint32_t id)
{
    unsigned others = 0;

    for (size_t i = 0; i < round->count; i++) {
        const struct instance *one = &round->instances[i];
        others += !one->self && instance_is_alive(one) && could_be(id, one->number);
    }
    return others;
}

static bool has_been_asked(const struct asked *asked, const struct sought *at, size_t place)
{
    for (const struct sought *sought = asked->list; sought != asked->end; sought = sought->next) {
        for (size_t i = 0; i < sought->count; i++) {
            if (sought == at && i == place)
                return false;
            if (sought->ids[i] == at->ids[place])
                return true;
        }
    }
    return false;
}

/* Deletes answers to earlier questions. */
static bool forget(struct round *round, struct error *error)
{
    return connection_run(round->connection,
                          "DELETE FROM silogate.sought WHERE asker = ? OR seen <"
                          " UTC_TIMESTAMP(6) - INTERVAL 1 MINUTE",
                          PARAMETERS(P_TEXT(text_of(instance_name()))), error);
}

static bool write_questions(struct asked *asked, struct error *error)
{
    static const struct sought_thread nothing = {.thread = 0};
    struct connection *connection = asked->round->connection;

    asked->answers = 0;
    for (const struct sought *sought = asked->list; sought != asked->end; sought = sought->next) {
        for (size_t i = 0; i < sought->count; i++) {
            const unsigned others = who_could_know(asked->round, sought->ids[i]);
            if (others == 0 || has_been_asked(asked, sought, i))
                continue;
            if (asked->answers == 0 && (!forget(asked->round, error) || !begin(connection, error)))
                return false;
            asked->answers += others;
            if (!put(connection, instance_name(), sought->ids[i], "", &nothing, error))
                return false;
        }
    }
    return true;
}

static bool ask_all(struct asked *asked, struct error *error)
{
    for (int i = 0; i < TRIES; i++) {
        const bool good = write_questions(asked, error);
        if (asked->answers == 0)
            return good;
        if (!end(asked->round->connection, good, error))
            return false;
        if (good)
            return true;
    }
    return false;
}

static struct rows *read_answers(const struct round *round, struct error *error)
{
    return connection_query(round->connection,
                            "SELECT id, thread, service FROM silogate.sought WHERE asker = ? AND"
                            " answerer <> '' LIMIT ?",
                            PARAMETERS(P_TEXT(text_of(instance_name())), P_NUMBER(ANSWERS_MOST)),
                            error);
}

/* The others may ask at the same time: answers them while it waits. */
static struct rows *await(struct asked *asked, struct error *error)
{
    const struct timespec moment = {.tv_nsec = LOOK_MS * 1000000L};
    const int64_t until = clock_ms() + ANSWERS_MS;

    for (;;) {
        nanosleep(&moment, NULL);
        if (!mailbox_answer(asked->round, error))
            return NULL;
        struct rows *rows = read_answers(asked->round, error);
        if (!rows || rows->count >= asked->answers || clock_ms() >= until)
            return rows;
        rows_free(rows);
    }
}

static void take(const struct asked *asked, const struct rows *rows)
{
    struct sought_thread found = {.id = (uint32_t)rows_number(rows, 0, 0),
                                  .thread = (uint32_t)rows_number(rows, 1, 0)};

    if (found.thread == 0 || rows->cells[2].length >= sizeof(found.service))
        return;
    snprintf(found.service, sizeof(found.service), "%.*s", TEXT_ARGS(rows->cells[2]));
    for (struct sought *sought = asked->list; sought != asked->end; sought = sought->next) {
        for (size_t i = 0; i < sought->count; i++) {
            if (sought->ids[i] == found.id)
                sought_add(sought, &found);
        }
    }
}

bool mailbox_ask(struct round *round, struct sought *list, const struct sought *end,
                 struct error *error)
{
    struct asked asked = {.round = round, .list = list, .end = end};
    struct error ignored;

    if (!ask_all(&asked, error))
        return false;
    if (asked.answers == 0)
        return true;
    struct rows *rows = await(&asked, error);
    while (rows && rows_next(rows))
        take(&asked, rows);
    forget(round, &ignored);
    rows_free(rows);
    return rows != NULL;
}
