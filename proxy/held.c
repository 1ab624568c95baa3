/* What a command may leave behind: noted when it passes, and settled by its answer. */
#include "proxy/held.h"

#include <string.h>

#include "judge/ruling.h"
#include "protocol/command.h"
#include "proxy/session.h"

enum { ER_UNKNOWN_TABLE = 1109, ER_XAER_RMFAIL = 1399 };

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

/* Does its answer tell what became of the one name that it takes or releases? A bulk execution runs
 * the statement more than once. */
static bool is_named(const struct request *request, const struct ruling *ruling)
{
    return request->alone && !ruling->undetermined && ruling->facts->user_lock &&
           request->command != COMMAND_STMT_BULK_EXECUTE;
}

void held_passed(struct session *session, const struct ruling *ruling)
{
    const unsigned counted = SQL_LEAVES_USER_LOCK | SQL_MAY_END_USER_LOCK | SQL_LEAVES_HANDLER;
    struct request *request = &session->request;
    const bool runs = held_runs(request) && request->command != COMMAND_STMT_FETCH;

    request->may_begin = held_runs(request) && may_begin(ruling);
    request->locking = runs ? (uint8_t)ruling->locks : LOCKS_NOTHING;
    request->alone = is_alone(ruling);
    request->leaves = runs ? ruling->leaves : 0;
    request->unread = runs && ruling->undetermined;
    request->works =
        runs && ruling->works &&
        (request->alone || request->command == COMMAND_QUERY); /* not of two readings */
    request->breaks = ruling->breaks && request->command != COMMAND_STMT_PREPARE;
    request->reverts = runs && ruling->reverts;
    request->opaque = runs && ruling->opaque;
    request->kind = ruling->facts ? ruling->facts->kind : SQL_UNKNOWN;
    request->user_lock = SQL_USER_LOCK_NONE;
    if (runs && is_named(request, ruling)) {
        request->user_lock = ruling->facts->user_lock;
        request->lock_name = ruling->facts->lock_name;
        request->leaves &= (uint16_t)~counted;
    }
}

/* --- what is taken by name --- */

static bool may_hold(const struct held_names *held)
{
    bool may = held->more;

    for (unsigned i = 0; i < HELD_NAMES; i++)
        may |= held->may[i] > 0;
    return may;
}

static bool holds_surely(const struct held_names *held)
{
    bool sure = false;

    for (unsigned i = 0; i < HELD_NAMES; i++)
        sure |= held->sure[i] > 0;
    return sure;
}

bool held_user_lock(const struct held *held)
{
    return may_hold(&held->locks);
}

bool held_handler(const struct held *held)
{
    return may_hold(&held->handlers);
}

bool held_surely(const struct held *held)
{
    return held->sure || holds_surely(&held->locks);
}

/* HELD_NAMES: the name is not there. */
static unsigned find_name(const struct held_names *held, uint64_t name)
{
    unsigned i = 0;

    while (i < HELD_NAMES && !(held->may[i] > 0 && held->names[i] == name))
        i++;
    return i;
}

static void take_name(struct held_names *held, uint64_t name, bool surely)
{
    unsigned at = find_name(held, name);

    for (unsigned i = 0; i < HELD_NAMES && at == HELD_NAMES; i++)
        at = held->may[i] == 0 ? i : at;
    if (at == HELD_NAMES || held->may[at] == UINT16_MAX) {
        held->more = true;
        return;
    }
    held->names[at] = name;
    held->may[at]++;
    held->sure[at] = (uint16_t)(held->sure[at] + surely);
}

/* `all`: however often it was taken. */
static void release_name(struct held_names *held, uint64_t name, bool all)
{
    const unsigned at = find_name(held, name);

    if (at == HELD_NAMES)
        return;
    held->may[at] = all ? 0 : (uint16_t)(held->may[at] - 1);
    if (held->sure[at] > 0)
        held->sure[at] = all ? 0 : (uint16_t)(held->sure[at] - 1);
}

static void doubt_names(struct held_names *held)
{
    memset(held->sure, 0, sizeof(held->sure));
}

/* --- locks of GET_LOCK --- */

enum told {
    TOLD_NOTHING, /* it has failed, or there was no row: it may not have been called */
    TOLD_NULL,
    TOLD_0,
    TOLD_1,
    TOLD_OTHER, /* it was called */
};

/* What the call has returned, by the only row of its answer. */
static enum told told_by(const struct request *request)
{
    static const uint8_t zeros[ANSWER_ROW];
    const struct answer *answer = &request->answer;
    const uint8_t *row = answer->row;
    const uint8_t length = answer->row_length;

    if (request->failed)
        return TOLD_NOTHING;
    if (request->kind == SQL_DO)
        return TOLD_OTHER;
    if (length == 0)
        return TOLD_NOTHING;
    if (request->command == COMMAND_QUERY) {
        if (row[0] == 0xfb)
            return TOLD_NULL;
        return length == 2 && row[1] == '1'   ? TOLD_1
               : length == 2 && row[1] == '0' ? TOLD_0
                                              : TOLD_OTHER;
    }
    if (length < 3)
        return length == 2 && row[1] & 4 ? TOLD_NULL : TOLD_OTHER;
    if (row[2] > 1 || memcmp(row + 3, zeros, length - 3u) != 0)
        return TOLD_OTHER;
    return row[2] ? TOLD_1 : TOLD_0;
}

/* A GET_LOCK counts unless it has certainly got nothing: it may have been interrupted. A release
 * counts only where it was certainly called. If it says that the session does not hold the lock,
 * that is true of all that was counted by the name. */
static void settle_named(struct held *held, const struct request *request)
{
    const enum told told = told_by(request);

    switch ((enum sql_user_lock)request->user_lock) {
    case SQL_USER_LOCK_NONE:
        break;
    case SQL_USER_LOCK_GETS:
        if (told != TOLD_0)
            take_name(&held->locks, request->lock_name, told == TOLD_1);
        break;
    case SQL_USER_LOCK_RELEASES:
        if (told == TOLD_NOTHING || (told != TOLD_NULL && told != TOLD_0 &&
                                     find_name(&held->locks, request->lock_name) == HELD_NAMES))
            doubt_names(&held->locks); /* perhaps one that is counted by another spelling */
        if (told != TOLD_NOTHING)
            release_name(&held->locks, request->lock_name, told == TOLD_NULL || told == TOLD_0);
        break;
    case SQL_USER_LOCK_RELEASES_ALL:
        if (told != TOLD_NOTHING)
            held->locks = (struct held_names){.more = false};
        else
            doubt_names(&held->locks);
        break;
    case SQL_HANDLER_OPENS:
        if (!request->failed)
            take_name(&held->handlers, request->lock_name, false);
        break;
    case SQL_HANDLER_CLOSES:
        if (!request->failed || request->answer.error_code == ER_UNKNOWN_TABLE)
            release_name(&held->handlers, request->lock_name, request->failed);
        break;
    }
    held->locks.more |= (request->leaves & SQL_LEAVES_USER_LOCK) != 0;
    held->handlers.more |= (request->leaves & SQL_LEAVES_HANDLER) != 0;
    if (request->opaque || request->leaves & SQL_MAY_END_USER_LOCK)
        doubt_names(&held->locks);
}

/* --- other locks --- */

static void settle_sure(struct held *held, const struct request *request)
{
    const unsigned locks = SQL_LEAVES_TABLE_LOCKS | SQL_LEAVES_SERVER_LOCK |
                           SQL_LEAVES_BACKUP_STAGE | SQL_LEAVES_BACKUP_LOCK;

    if (request->breaks)
        held->sure = 0;
    if (request->alone && !request->failed && !request->opaque)
        held->sure |= (uint16_t)(request->leaves & locks);
}

/* Is the transaction another one than before, or may it be? That of an XA START is not: inside of
 * it a BEGIN or COMMIT fails. Without autocommit the next statement begins another one after an
 * error that has ended it. */
static bool is_another(const struct session *session)
{
    const struct request *request = &session->request;

    if (request->failed && session->belief.no_autocommit)
        return true;
    if (request->failed && request->alone && !request->opaque &&
        request->answer.error_code == ER_XAER_RMFAIL)
        return false;
    return request->breaks || request->leaves & SQL_ENDS_TRANSACTION;
}

/* The servers release the locks of tables that were taken behind a savepoint when they go back to
 * it. */
static void settle_worked(struct session *session)
{
    const struct request *request = &session->request;
    struct held *held = &session->held;

    if (is_another(session)) {
        held->worked = held->rooted = false;
        held->saved = !request->alone || request->opaque;
    } else if (request->reverts) {
        held->worked = request->alone && held->saved && held->rooted;
    } else if (!held->saved && (!request->alone || request->kind == SQL_SAVEPOINT)) {
        held->saved = true;
        held->rooted = held->worked;
    }
    /* what it names may be a temporary table that is not known, on which nobody waits */
    const bool is_known = !session->belief.more_tables && !held->unread && !request->unread;
    if (request->works && !request->failed && session->belief.in_transaction && is_known)
        held->worked = true;
}

void held_over(struct session *session)
{
    session->held.worked = session->held.saved = session->held.rooted = false;
    session->request.works = false; /* what its statements before this one have done is over */
}

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
    settle_sure(held, request);
}

void held_answered(struct session *session)
{
    struct request *request = &session->request;

    settle_named(&session->held, request);
    settle_locks(session);
    settle_worked(session);
    session->held.unread |= request->unread;
    request->locking = LOCKS_NOTHING;
    request->leaves = 0;
    request->user_lock = SQL_USER_LOCK_NONE;
    request->unread = request->opaque = request->works = request->breaks = false;
    request->reverts = false;
}
