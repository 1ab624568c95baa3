/* The texts of running statements come from the server's process list; they are normalized here,
 * and only the digest is kept. */
#include "instances/at_work.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "sql/normalize.h"

enum {
    TEXT_MOST = 65536, /* a longer one has no digest */
    ASK_MOST = 500,    /* threads at a time */
};

struct errand {
    atomic_uint references;
    atomic_bool done;
    size_t count;
    struct at_work list[];
};

struct errand *errand_new(const struct at_work *list, size_t count)
{
    struct errand *errand = memory_take_zeroed(sizeof(*errand) + count * sizeof(*list));

    atomic_init(&errand->references, 2);
    errand->count = count;
    if (count > 0)
        memcpy(errand->list, list, count * sizeof(*list));
    return errand;
}

void errand_drop(struct errand *errand)
{
    if (errand && atomic_fetch_sub(&errand->references, 1) == 1)
        free(errand);
}

bool errand_read(const struct errand *errand, struct at_work *list)
{
    if (!atomic_load(&errand->done))
        return false;
    if (errand->count > 0)
        memcpy(list, errand->list, errand->count * sizeof(*list));
    return true;
}

static void take_text(struct errand *errand, int64_t thread, struct text text, const char *version)
{
    for (size_t i = 0; i < errand->count; i++) {
        struct at_work *one = &errand->list[i];
        struct sql_state state = {0};
        size_t length;
        if (one->thread != thread || !sql_state_set_version(&state, text_of(version)))
            continue;
        state.mode = one->mode;
        state.mode_known = true;
        one->digest = sql_normalize(text, &state, NULL, 0, &length);
    }
}

static void ask(struct errand *errand, size_t from, size_t to, struct connection *connection)
{
    char threads[ASK_MOST * 12 + 1] = "";
    size_t length = 0;
    struct error ignored;

    for (size_t i = from; i < to; i++)
        length += (size_t)snprintf(threads + length, sizeof(threads) - length, "%s%u",
                                   i > from ? "," : "", errand->list[i].thread);
    struct rows *rows = connection_query(
        connection,
        "SELECT id, info FROM information_schema.processlist WHERE id IN (?) AND info IS NOT NULL"
        " AND LENGTH(info) <= ?",
        PARAMETERS(P_SQL(((struct text){threads, length})), P_NUMBER(TEXT_MOST)), &ignored);
    while (rows && rows_next(rows))
        take_text(errand, rows_number(rows, 0, 0), rows->cells[1], connection_version(connection));
    rows_free(rows);
}

void errand_run(struct errand *errand, struct connection *connection)
{
    for (size_t i = 0; i < errand->count && !connection_lost(connection); i += ASK_MOST)
        ask(errand, i, i + ASK_MOST < errand->count ? i + ASK_MOST : errand->count, connection);
    atomic_store(&errand->done, true);
    errand_drop(errand);
}
