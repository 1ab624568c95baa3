/* What a command may leave behind: noted when it passes, and settled by its answer. */
#include "proxy/held.h"

#include <string.h>

#include "judge/ruling.h"
#include "protocol/command.h"
#include "proxy/session.h"

bool held_runs(const struct request *request)
{
    return request->command == COMMAND_QUERY || request->command == COMMAND_STMT_EXECUTE ||
           request->command == COMMAND_STMT_BULK_EXECUTE || request->command == COMMAND_STMT_FETCH;
}

/* May the command have begun a transaction if it fails? One statement of these kinds cannot: what
 * a function, a trigger or a view runs may not begin one. */
static bool may_begin(const struct ruling *ruling)
{
    if (ruling->parts != 1 || ruling->undetermined || !ruling->facts)
        return true;
    switch ((unsigned)ruling->facts->kind) {
    case SQL_EMPTY:
    case SQL_SELECT:
    case SQL_TABLE_STATEMENT:
    case SQL_VALUES_STATEMENT:
    case SQL_INSERT:
    case SQL_REPLACE:
    case SQL_UPDATE:
    case SQL_DELETE:
    case SQL_LOAD_DATA:
    case SQL_USE:
    case SQL_KILL:
    case SQL_EXPLAIN:
    case SQL_SHOW:
        return false;
    default:
        return true;
    }
}

/* `alone`: if the command fails, its statement has left nothing. A block may have run in part. */
static bool is_alone(const struct ruling *ruling)
{
    return ruling->parts == 1 && ruling->facts && ruling->facts->kind != SQL_COMPOUND;
}

void held_passed(struct session *session, const struct ruling *ruling)
{
    struct request *request = &session->request;
    const bool runs = held_runs(request) && request->command != COMMAND_STMT_FETCH;

    request->may_begin = held_runs(request) && may_begin(ruling);
    request->locking = runs ? (uint8_t)ruling->locks : LOCKS_NOTHING;
    request->alone = is_alone(ruling);
    request->leaves = runs ? ruling->leaves : 0;
    request->unread = runs && ruling->undetermined;
    request->user_lock = runs && request->alone ? ruling->facts->user_lock : SQL_USER_LOCK_NONE;
    request->lock_name = request->user_lock ? ruling->facts->lock_name : 0;
    request->kind = ruling->facts ? ruling->facts->kind : SQL_UNKNOWN;
    session->held.only_begun = ruling->parts == 1 && request->kind == SQL_BEGIN;
}

/* --- locks of GET_LOCK --- */

bool held_user_lock(const struct held *held)
{
    bool may = held->more_locks;

    for (unsigned i = 0; i < HELD_LOCKS; i++)
        may |= held->lock_counts[i] > 0;
    return may;
}

static uint16_t *find_lock(struct held *held, uint64_t name)
{
    for (unsigned i = 0; i < HELD_LOCKS; i++) {
        if (held->lock_counts[i] > 0 && held->lock_names[i] == name)
            return &held->lock_counts[i];
    }
    return NULL;
}

static void take_lock(struct held *held, uint64_t name)
{
    uint16_t *count = find_lock(held, name);

    for (unsigned i = 0; i < HELD_LOCKS && !count; i++) {
        if (held->lock_counts[i] > 0)
            continue;
        count = &held->lock_counts[i];
        held->lock_names[i] = name;
    }
    if (count && *count < UINT16_MAX)
        ++*count;
    else
        held->more_locks = true;
}

static void drop_locks(struct held *held)
{
    memset(held->lock_counts, 0, sizeof(held->lock_counts));
    held->more_locks = false;
}

/* A release counts only where it is certain: its statement is only this, and it has succeeded. A
 * GET_LOCK counts even if it failed, or was answered with 0: it may have been interrupted. */
static void settle_user_locks(struct held *held, const struct request *request)
{
    uint16_t *count;

    held->more_locks |= (request->leaves & SQL_LEAVES_USER_LOCK) != 0;
    switch ((enum sql_user_lock)request->user_lock) {
    case SQL_USER_LOCK_NONE:
        break;
    case SQL_USER_LOCK_GETS:
        take_lock(held, request->lock_name);
        break;
    case SQL_USER_LOCK_RELEASES:
        count = find_lock(held, request->lock_name);
        if (count && !request->failed)
            --*count;
        break;
    case SQL_USER_LOCK_RELEASES_ALL:
        if (!request->failed)
            drop_locks(held);
        break;
    }
}

/* --- other locks --- */

/* If one of several statements has failed, it is not known which: so all that they may leave counts
 * as left, and what they end as not ended. */
static void settle_locks(struct session *session)
{
    const struct request *request = &session->request;
    struct held *held = &session->held;
    const unsigned took = request->failed && request->alone ? 0 : request->leaves;
    const unsigned ended = request->failed || !request->alone ? 0 : request->leaves;

    held->server |= (took & SQL_LEAVES_SERVER_LOCK) != 0;
    held->stage |= (took & SQL_LEAVES_BACKUP_STAGE) != 0;
    held->backup |= (took & SQL_LEAVES_BACKUP_LOCK) != 0;
    held->server &= !(ended & SQL_ENDS_SERVER_LOCK);
    held->stage &= !(ended & SQL_ENDS_BACKUP_STAGE);
    held->backup &= !(ended & SQL_ENDS_BACKUP_LOCK);
    session->belief.more_tables |= (took & SQL_LEAVES_TABLE) != 0;
    held->tables |= (took & SQL_LEAVES_TABLE_LOCKS) != 0;
    if (request->locking == UNLOCKS_TABLES && !request->failed)
        held->tables = false;
    if (request->locking == CLOSES_HANDLER)
        held->handler = sql_session_has_handler(session->belief.remembered) ||
                        (held->handler && request->failed);
    held->handler |= (took & SQL_LEAVES_HANDLER) != 0;
}

void held_answered(struct session *session)
{
    struct request *request = &session->request;

    settle_user_locks(&session->held, request);
    settle_locks(session);
    session->held.unread |= request->unread;
    request->locking = LOCKS_NOTHING;
    request->leaves = 0;
    request->user_lock = SQL_USER_LOCK_NONE;
    request->unread = false;
}
