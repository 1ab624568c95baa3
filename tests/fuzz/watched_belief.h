/* What a session believes, watched from outside: each function that has to be seen is linked with
 * --wrap (see scripts/fuzz), so that nothing here depends on what the session remembers, and it is
 * never off:
 *
 *   judge_*         judged twice, the same ruling; judging changes nothing that is believed; what
 *                   would be recorded is what was judged
 *   ruling_commit   without a change nothing changes; after an error nothing is added
 *   state_*         between commits the belief stays as it is, but for what the server has told
 */
#ifndef TESTS_FUZZ_WATCHED_BELIEF_H
#define TESTS_FUZZ_WATCHED_BELIEF_H

#include <malloc.h>

#include "base/bytes.h"
#include "protocol/command.h"
#include "proxy/worker.h"
#include "sql/session.h"
#include "tests/fuzz/judged.h"

enum { WATCHED_OUT = 1 << 20, WATCHED_THREAD = 7 };

/* What was allowed last and has not passed. */
struct allowed {
    const struct session *session;
    unsigned commands; /* a bit each: 1 << enum allowed_as */
    char text[WATCHED_OUT];
    size_t length;
};

enum allowed_as {
    ALLOWED_TEXT,
    ALLOWED_PREPARE,
    ALLOWED_DB,
    ALLOWED_FIELDS,
    ALLOWED_KILL,
    ALLOWED_RUN
};

/* What is believed, as far as it can be compared. */
struct print {
    struct belief belief;
    uint64_t remembered, prepared, named;
};

static struct {
    struct worker *worker;
    struct allowed allowed;
    struct ruling again;
    struct print committed;
    bool has_committed, judging, begins;
    uint8_t out[WATCHED_OUT]; /* what the upstream is to hear */
    size_t out_size;
} watched;

static void watched_broken(const char *why, struct text text)
{
    fprintf(stderr, "BROKEN: %s: %.*s\n", why, TEXT_ARGS(text));
    abort();
}

/* --- what is believed --- */

static uint64_t block_hash(const void *block)
{
    return block ? text_hash((struct text){block, malloc_usable_size((void *)(uintptr_t)block)}, 1,
                             false)
                 : 0;
}

static struct print print_of(const struct belief *belief)
{
    struct print print = {.remembered = block_hash(belief->remembered),
                          .prepared = block_hash(belief->prepared.slots),
                          .named = block_hash(belief->named)};

    memcpy(&print.belief, belief, sizeof(*belief));
    return print;
}

/* Of the state all but the database's bytes behind its end, which mean nothing. */
static bool same_reading(const struct sql_state *a, const struct sql_state *b)
{
    return a->dialect == b->dialect && a->version == b->version && a->mode == b->mode &&
           a->mode_known == b->mode_known && a->escapes_known == b->escapes_known &&
           a->charset == b->charset && a->lossy == b->lossy &&
           a->lower_case_table_names == b->lower_case_table_names &&
           a->database_unknown == b->database_unknown &&
           text_equal(sql_state_database(a), sql_state_database(b));
}

static bool same_owners(const struct owners *a, const struct owners *b)
{
    return a->count == b->count && a->more == b->more &&
           memcmp(a->list, b->list, a->count * sizeof(a->list[0])) == 0;
}

static bool same_prepared(const struct print *a, const struct print *b)
{
    return a->prepared == b->prepared && a->belief.prepared.count == b->belief.prepared.count &&
           a->belief.prepared.bytes == b->belief.prepared.bytes;
}

static bool same_memory(const struct print *a, const struct print *b)
{
    return a->remembered == b->remembered && a->belief.remembered == b->belief.remembered &&
           a->named == b->named;
}

static bool same_belief(const struct print *a, const struct print *b)
{
    return same_reading(&a->belief.state, &b->belief.state) && same_memory(a, b) &&
           same_prepared(a, b) && same_owners(&a->belief.written, &b->belief.written) &&
           a->belief.in_transaction == b->belief.in_transaction &&
           a->belief.no_backslash_escapes == b->belief.no_backslash_escapes &&
           a->belief.must_ask == b->belief.must_ask;
}

/* --- judging --- */

static struct session *session_of_belief(const struct belief *belief)
{
    return LIST_ENTRY(belief, struct session, belief);
}

static void allowed_add(struct allowed *allowed, const char *bytes, size_t count)
{
    assert(allowed->length + count <= sizeof(allowed->text));
    if (count > 0)
        memcpy(allowed->text + allowed->length, bytes, count);
    allowed->length += count;
}

static void keep_allowed(const struct belief *belief, enum allowed_as as,
                         const struct ruling *ruling, struct text text)
{
    struct allowed *allowed = &watched.allowed;
    size_t from = 0;

    allowed->session = NULL;
    if (ruling->outcome != RULING_ALLOW)
        return;
    allowed->session = session_of_belief(belief);
    allowed->commands = 1u << as;
    allowed->length = 0;
    for (unsigned i = 0; i < ruling->rewrite_count; i++) {
        const struct rewrite *rewrite = &ruling->rewrites[i];
        allowed_add(allowed, text.at + from, rewrite->offset - from);
        allowed_add(allowed, ruling->bytes + rewrite->at, rewrite->count);
        from = rewrite->offset + rewrite->length;
    }
    allowed_add(allowed, text.at + from, text.length - from);
}

/* Judges once more in a ruling of its own; around this, what is believed must stay. */
#define WATCHED_JUDGE(name, as, text_, records, ...)                                               \
    struct print before = print_of(belief);                                                        \
    struct ruling *again = &watched.again;                                                         \
    watched.judging = true;                                                                        \
    __real_##name(belief, binding, __VA_ARGS__, ruling);                                           \
    ruling_begin(again, ruling->today);                                                            \
    again->moved = ruling->moved;                                                                  \
    again->traceparent = ruling->traceparent;                                                      \
    __real_##name(belief, binding, __VA_ARGS__, again);                                            \
    judged_compare(ruling, again, text_);                                                          \
    if (ruling->outcome != RULING_ASK && (records))                                                \
        judged_records(belief, binding, again);                                                    \
    ruling_begin(again, 0);                                                                        \
    watched.judging = false;                                                                       \
    struct print after = print_of(belief);                                                         \
    if (!same_belief(&before, &after))                                                             \
        watched_broken("judging changes what is believed", text_);                                 \
    keep_allowed(belief, as, ruling, text_)

void __real_judge_text(const struct belief *, const struct binding *, struct text, struct ruling *);
void __wrap_judge_text(const struct belief *, const struct binding *, struct text, struct ruling *);
void __wrap_judge_text(const struct belief *belief, const struct binding *binding, struct text text,
                       struct ruling *ruling)
{
    WATCHED_JUDGE(judge_text, ALLOWED_TEXT, text, true, text);
}

void __real_judge_prepare(const struct belief *, const struct binding *, struct text,
                          struct ruling *);
void __wrap_judge_prepare(const struct belief *, const struct binding *, struct text,
                          struct ruling *);
void __wrap_judge_prepare(const struct belief *belief, const struct binding *binding,
                          struct text text, struct ruling *ruling)
{
    WATCHED_JUDGE(judge_prepare, ALLOWED_PREPARE, text, ruling->outcome == RULING_REFUSE, text);
}

void __real_judge_init_db(const struct belief *, const struct binding *, struct text,
                          struct ruling *);
void __wrap_judge_init_db(const struct belief *, const struct binding *, struct text,
                          struct ruling *);
void __wrap_judge_init_db(const struct belief *belief, const struct binding *binding,
                          struct text name, struct ruling *ruling)
{
    WATCHED_JUDGE(judge_init_db, ALLOWED_DB, name, true, name);
}

void __real_judge_field_list(const struct belief *, const struct binding *, struct text,
                             struct ruling *);
void __wrap_judge_field_list(const struct belief *, const struct binding *, struct text,
                             struct ruling *);
void __wrap_judge_field_list(const struct belief *belief, const struct binding *binding,
                             struct text table, struct ruling *ruling)
{
    WATCHED_JUDGE(judge_field_list, ALLOWED_FIELDS, table, true, table);
}

void __real_judge_kill(const struct belief *, const struct binding *, uint32_t, uint32_t *,
                       struct ruling *);
void __wrap_judge_kill(const struct belief *, const struct binding *, uint32_t, uint32_t *,
                       struct ruling *);
void __wrap_judge_kill(const struct belief *belief, const struct binding *binding, uint32_t id,
                       uint32_t *thread, struct ruling *ruling)
{
    const struct text none = {"", 0};

    WATCHED_JUDGE(judge_kill, ALLOWED_KILL, none, true, id, thread);
}

void __real_judge_execute(const struct belief *, const struct binding *, const struct prepared *,
                          bool, struct ruling *);
void __wrap_judge_execute(const struct belief *, const struct binding *, const struct prepared *,
                          bool, struct ruling *);
void __wrap_judge_execute(const struct belief *belief, const struct binding *binding,
                          const struct prepared *prepared, bool executes, struct ruling *ruling)
{
    const struct text none = {"", 0};

    WATCHED_JUDGE(judge_execute, ALLOWED_RUN, none, executes || ruling->outcome == RULING_REFUSE,
                  prepared, executes);
}

/* --- what becomes of it --- */

void __real_ruling_commit(struct ruling *, struct belief *, struct change *, bool);
void __wrap_ruling_commit(struct ruling *, struct belief *, struct change *, bool);
void __wrap_ruling_commit(struct ruling *ruling, struct belief *belief, struct change *change,
                          bool good)
{
    const struct text none = {"", 0};
    struct print before = print_of(belief);
    size_t bytes = sql_session_bytes(belief->remembered);
    bool changes = change != NULL, has_state = change && change->has_state;
    bool remembers = change && (change->remembers || change->xa);
    struct sql_state state = has_state ? change->state : belief->state;

    __real_ruling_commit(ruling, belief, change, good);
    struct print after = print_of(belief);
    if (!changes && !same_belief(&before, &after))
        watched_broken("a commit of nothing changes something", none);
    if (!remembers && before.remembered != after.remembered)
        watched_broken("something is remembered that nothing was said of", none);
    if (!good && sql_session_bytes(belief->remembered) > bytes)
        watched_broken("something is remembered of what has failed", none);
    if (good && has_state && !same_reading(&belief->state, &state))
        watched_broken("the state that was foretold is not what is believed", none);
    if (!same_prepared(&before, &after))
        watched_broken("a commit changes the prepared statements", none);
    watched.committed = after;
    watched.has_committed = true;
}

void __real_belief_forget(struct belief *);
void __wrap_belief_forget(struct belief *);
void __wrap_belief_forget(struct belief *belief)
{
    __real_belief_forget(belief);
    watched.committed = print_of(belief);
    watched.has_committed = true;
}

/* What the server has told makes less known, never more: but for COM_RESET_CONNECTION. */
static void check_told(const struct session *session, const struct print *before,
                       const struct print *after)
{
    const struct sql_state *a = &before->belief.state, *b = &after->belief.state;

    if (session->request.command == COMMAND_RESET_CONNECTION ||
        session->request.command == COMMAND_CHANGE_USER)
        return;
    if (!same_memory(before, after) || !text_equal(sql_state_database(a), sql_state_database(b)))
        watched_broken("an answer makes something remembered", (struct text){"", 0});
    if ((b->mode_known && (!a->mode_known || a->mode != b->mode)) ||
        (b->charset != a->charset && b->charset != SQL_CHARSET_UNKNOWN) || (a->lossy & ~b->lossy))
        watched_broken("an answer makes more known than was", (struct text){"", 0});
    if (after->belief.prepared.count > before->belief.prepared.count + 1)
        watched_broken("an answer prepares more than one", (struct text){"", 0});
}

/* Silogate's question tells how the server reads, and where it stands: nothing else. */
static void check_asked(const struct print *before, const struct print *after)
{
    if (!same_memory(before, after) || !same_prepared(before, after) ||
        !same_owners(&before->belief.written, &after->belief.written) ||
        before->belief.in_transaction != after->belief.in_transaction)
        watched_broken("a question changes more than the state", (struct text){"", 0});
}

/* A command that is looked at: a closed statement is gone, and nothing else. */
static void check_looked(const struct session *session, const struct print *before,
                         const struct print *after)
{
    struct print rest = *after;

    if (session->request.command == COMMAND_STMT_CLOSE) {
        if (after->belief.prepared.count > before->belief.prepared.count)
            watched_broken("a statement is closed and another is there", (struct text){"", 0});
        rest.prepared = before->prepared;
        rest.belief.prepared = before->belief.prepared;
    }
    if (!same_belief(before, &rest))
        watched_broken("what is believed has changed without a commit", (struct text){"", 0});
}

static enum step watched_state(struct session *session, enum state state,
                               enum step (*real)(struct session *))
{
    struct print before = print_of(&session->belief);
    bool login = session->draft != NULL;

    watched.has_committed = false;
    enum step step = real(session);
    struct print after = print_of(&session->belief);
    if (watched.has_committed)
        before = watched.committed;
    if (state == STATE_COMMAND)
        watched.begins = session->state == STATE_PASS && !session->request.discarding;
    if (login || session->draft) /* the belief begins anew */
        return step;
    if (state == STATE_ANSWER || state == STATE_PROVE || state == STATE_LOOK ||
        state == STATE_COMPRESS)
        check_told(session, &before, &after);
    else if (state == STATE_ASK)
        check_asked(&before, &after);
    else
        check_looked(session, &before, &after);
    return step;
}

#define STATE(symbol, name, function, limit, phase)                                                \
    enum step __real_##function(struct session *);                                                 \
    enum step __wrap_##function(struct session *);                                                 \
    enum step __wrap_##function(struct session *session)                                           \
    {                                                                                              \
        return watched_state(session, symbol, __real_##function);                                  \
    }
#include "proxy/states.def"
#undef STATE

#endif
