/* Facts and policy meet here, statement by statement. A command of several statements is judged as
 * a whole: the strictest verdict holds for all of it. Where it violates, it is read a second time,
 * to record each of its violations with what was done about it.
 *
 * Where a state cannot be known (a statement of the same command sets sql_mode from an expression),
 * the rest is judged under every reading that is possible, and the strictest holds.
 */
#include "proxy/judge.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/map.h"
#include "proxy/observe.h"
#include "proxy/record.h"
#include "proxy/runtime.h"
#include "proxy/worker.h"
#include "sql/analyze.h"

/* One reading of a text, while it goes on. */
struct reading {
    struct text text;
    const struct sql_state *state; /* before the statement at hand */
    struct sql_state tentative;
    size_t offset;
    bool recording, blocked; /* second time: what was done */
    unsigned parts;
    struct verdict strictest;
    bool needs_mode;
};

static void check(struct session *session, const struct sql_facts *facts, struct verdict *verdict)
{
    struct worker *worker = session->worker;

    policy_check(worker->runtime->policy, session->service, facts,
                 session->sql_state.lower_case_table_names > 0, worker->today, verdict);
}

static void count(struct session *session, const struct verdict *verdict, bool blocked)
{
    struct worker *worker = session->worker;
    const struct runtime *runtime = worker->runtime;
    unsigned action = blocked ? VERDICT_BLOCK : verdict->action;
    const struct usage *service =
        session->service == SERVICE_NONE ? NULL : runtime->service_usages[session->service];
    struct service_counters *counters = worker_counters(worker, service);

    counters->statements[verdict->reason][action]++;
    if ((verdict->reason == REASON_FOREIGN || verdict->reason == REASON_EXPIRED_GRANT) &&
        verdict->owner != SERVICE_NONE)
        observe_edge(counters, runtime->service_usages[verdict->owner], action);
}

static void judge_statement(struct session *session, struct reading *reading, size_t start)
{
    struct sql_facts *facts = &session->worker->facts;
    struct verdict verdict;

    map_names(session, facts, reading->recording);
    if (session->in_transaction && !reading->recording)
        record_written(session, facts);
    check(session, facts, &verdict);
    if (verdict.action > reading->strictest.action || reading->parts == 0)
        reading->strictest = verdict;
    if (reading->recording && verdict.action != VERDICT_ALLOW) {
        struct text statement = {reading->text.at + start, reading->offset - start};
        record_violation(session, facts, &verdict, reading->state, statement, (uint32_t)start,
                         sql_kind_name(facts->kind), reading->blocked);
    }
    if (reading->recording)
        count(session, &verdict, reading->blocked && verdict.action != VERDICT_ALLOW);
    reading->parts++;
}

/* Moves the tentative state on by what the statement just judged changes. */
static void apply(struct session *session, struct reading *reading)
{
    struct sql_facts *facts = &session->worker->facts;
    const unsigned states = SQL_EFFECT_DATABASE | SQL_EFFECT_DATABASE_DROPPED | SQL_EFFECT_MODE |
                            SQL_EFFECT_CHARSET | SQL_EFFECT_LOSSY | SQL_EFFECT_UNKNOWN;

    /* Who passes what is not understood does not know what it has changed. */
    if (facts->effects & SQL_EFFECT_UNKNOWN || !facts->determined)
        session->next_unknown = true;
    if (facts->effects & states) {
        if (reading->state != &reading->tentative)
            reading->tentative = *reading->state;
        reading->state = &reading->tentative;
        sql_state_apply(&reading->tentative, facts);
    }
    if (facts->effects & SQL_EFFECT_SESSION && !reading->recording)
        sql_session_apply(&session->sql, facts);
}

static void read_on(struct session *session, struct reading *reading);

/* The rest of the text under each mode that may hold; the strictest reading is the one that counts
 * and the one that is recorded. */
static void read_under_each(struct session *session, struct reading *reading)
{
    static const uint8_t modes[] = {0, SQL_ANSI_QUOTES, SQL_ANSI_QUOTES | SQL_MSSQL,
                                    SQL_ANSI_QUOTES | SQL_ORACLE};
    const size_t count_of = sizeof(modes) / sizeof(modes[0]);
    size_t readings = reading->state->dialect == SQL_MARIADB ? count_of * 2 : 4;
    struct reading strictest = {0};

    session->worker->judged.no_rewrites = true;
    for (size_t i = 0; i < readings; i++) {
        struct reading one = *reading;
        one.recording = one.needs_mode = false;
        one.tentative = *reading->state;
        one.tentative.mode = modes[i / 2];
        if (i % 2)
            one.tentative.mode |= SQL_NO_BACKSLASH_ESCAPES;
        one.tentative.mode_known = true;
        one.state = &one.tentative;
        struct sql_state state = one.tentative;
        read_on(session, &one);
        if (i > 0 && one.strictest.action <= strictest.strictest.action)
            continue;
        strictest = one;
        strictest.tentative = state;
    }
    struct reading again = *reading;
    again.tentative = strictest.tentative;
    again.state = &again.tentative;
    if (reading->recording)
        read_on(session, &again);
    session->worker->judged.no_rewrites = false;
    reading->strictest = strictest.strictest;
    reading->parts = strictest.parts;
    reading->offset = reading->text.length;
    /* Whatever it is now, the server knows. */
    session->next_unknown = true;
    reading->tentative = *reading->state;
    sql_state_lose_mode(&reading->tentative);
    reading->tentative.charset = SQL_CHARSET_UNKNOWN;
    reading->state = &reading->tentative;
}

/* From reading->offset to the end of the text, or until a state is needed that is not known. */
static void read_on(struct session *session, struct reading *reading)
{
    struct sql_facts *facts = &session->worker->facts;
    bool known = reading->state->mode_known;

    do {
        size_t start = reading->offset;
        reading->offset = sql_analyze(reading->text, start, reading->state, session->sql, facts);
        judge_unknown_state(session, facts);
        if (facts->needs_mode) {
            reading->offset = start;
            reading->needs_mode = true;
            if (session->asked || (known && !reading->state->mode_known))
                read_under_each(session, reading);
            return;
        }
        judge_statement(session, reading, start);
        if (facts->effects || !facts->determined)
            apply(session, reading);
        bool lost = known && !reading->state->mode_known;
        if (lost && reading->offset < reading->text.length) {
            reading->needs_mode = true;
            read_under_each(session, reading);
            return;
        }
    } while (reading->offset < reading->text.length);
}

void judge_unknown_state(const struct session *session, struct sql_facts *facts)
{
    if (!session->state_unknown)
        return;
    facts->determined = false;
    facts->why = "the server does not say which database and modes it is in";
}

static void begin(struct session *session)
{
    session->worker->judged.rewrite_count = 0;
    session->has_next = session->next_unknown = session->several = false;
    record_begin(session);
}

/* Bytes that mean something else in some character set: not to be read before it is known. */
static bool depends_on_charset(struct text text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c >= 0x80 || c == '`' || c == '[' || c == ']' || (c >= '{' && c <= '~') || c == '\\' ||
            c == '^')
            return true;
    }
    return false;
}

static bool must_ask(const struct session *session, struct text text)
{
    if (session->asked)
        return false;
    return session->must_ask ||
           (session->sql_state.charset == SQL_CHARSET_UNKNOWN && depends_on_charset(text));
}

/* What touches nothing and reads the same in every state: SHOW WARNINGS, SELECT FOUND_ROWS(). A
 * question of silogate's own before it would change its answer. */
static bool is_about_itself(struct session *session, struct text text)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@()*, \n";
    struct sql_facts *facts = &session->worker->facts;

    for (size_t i = 0; i < text.length; i++) {
        if (!memchr(plain, text.at[i], sizeof(plain) - 1))
            return false;
    }
    return sql_analyze(text, 0, &session->sql_state, session->sql, facts) == text.length &&
           facts->determined && !facts->needs_mode && !facts->administration &&
           facts->object_count == 0 && facts->effects == 0 &&
           (facts->kind == SQL_SHOW || facts->kind == SQL_SELECT);
}

enum judgement judge_text(struct session *session, struct text text)
{
    struct worker *worker = session->worker;
    struct reading reading = {.text = text, .state = &session->sql_state};

    begin(session);
    if (must_ask(session, text) && !is_about_itself(session, text))
        return JUDGEMENT_ASK;
    read_on(session, &reading);
    if (reading.needs_mode && !session->asked && !session->sql_state.mode_known) {
        sql_session_settle(session->sql, false);
        return JUDGEMENT_ASK;
    }
    session->several = reading.parts > 1;
    if (reading.strictest.action == VERDICT_ALLOW && reading.parts == 1) {
        count(session, &reading.strictest, false);
    } else {
        if (reading.strictest.action != VERDICT_ALLOW && !violations_ready(worker->records)) {
            sql_session_settle(session->sql, false);
            return JUDGEMENT_PARK;
        }
        struct reading again = {.text = text, .state = &session->sql_state, .recording = true};
        again.blocked = reading.strictest.action == VERDICT_BLOCK;
        read_on(session, &again);
        if (again.blocked) {
            sql_session_settle(session->sql, false);
            return JUDGEMENT_BLOCK;
        }
    }
    session->has_next = reading.state != &session->sql_state;
    if (session->has_next)
        session->next = reading.tentative;
    return JUDGEMENT_ALLOW;
}

/* The facts are known: records, counts, and says what to do. */
static enum judgement settle(struct session *session, const struct sql_facts *facts,
                             const struct verdict *verdict, const struct sql_state *state,
                             struct text text, const char *kind, bool counts)
{
    bool block = verdict->action == VERDICT_BLOCK;

    if (verdict->action != VERDICT_ALLOW && (block || counts)) {
        if (!violations_ready(session->worker->records))
            return JUDGEMENT_PARK;
        record_violation(session, facts, verdict, state, text, 0, kind, block);
    }
    if (counts || block)
        count(session, verdict, block);
    return block ? JUDGEMENT_BLOCK : JUDGEMENT_ALLOW;
}

enum judgement judge_prepare(struct session *session, struct text text)
{
    struct sql_facts *facts = &session->worker->facts;
    struct sql_state state = session->sql_state;
    struct verdict verdict;

    begin(session);
    if (must_ask(session, text) && !is_about_itself(session, text))
        return JUDGEMENT_ASK;
    size_t end = sql_analyze(text, 0, &state, session->sql, facts);
    judge_unknown_state(session, facts);
    if (facts->needs_mode && !session->asked)
        return JUDGEMENT_ASK;
    if (end < text.length && facts->determined) {
        facts->determined = false;
        facts->why = "several statements cannot be prepared as one";
    }
    map_names(session, facts, false);
    check(session, facts, &verdict);
    enum judgement judgement =
        settle(session, facts, &verdict, &state, text, sql_kind_name(facts->kind), false);
    if (judgement == JUDGEMENT_ALLOW) {
        prepared_free(session->preparing);
        session->preparing = prepared_new(text, facts, &state);
    }
    return judgement;
}

enum judgement judge_prepared(struct session *session, const struct prepared *prepared, bool counts)
{
    struct text text = {prepared->text, prepared->text_length};
    struct verdict verdict;

    begin(session);
    sql_session_renew(session->sql, prepared->facts);
    check(session, prepared->facts, &verdict);
    if (verdict.action == VERDICT_BLOCK)
        return JUDGEMENT_BLOCK;
    if (session->in_transaction && counts)
        record_written(session, prepared->facts);
    enum judgement judgement = settle(session, prepared->facts, &verdict, &prepared->state, text,
                                      sql_kind_name(prepared->facts->kind), counts);
    if (judgement != JUDGEMENT_ALLOW || !counts)
        return judgement;
    /* What is remembered now need not have been when it was prepared. */
    if (prepared->facts->effects & SQL_EFFECT_SESSION ||
        sql_session_disturbed(session->sql, prepared->facts))
        sql_session_apply(&session->sql, prepared->facts);
    /* MariaDB runs it in the database of its PREPARE and goes back: a USE holds where both are one.
     */
    const unsigned asks = SQL_EFFECT_UNKNOWN | SQL_EFFECT_DATABASE | SQL_EFFECT_DATABASE_DROPPED;
    session->next_unknown = !prepared->facts->determined || prepared->facts->effects & asks;
    if (!prepared->facts->effects)
        return judgement;
    session->next = session->sql_state;
    session->has_next = true;
    sql_state_apply(&session->next, prepared->facts);
    return judgement;
}

enum judgement judge_blocked(struct session *session, const struct prepared *prepared)
{
    struct text text = {prepared->text, prepared->text_length};
    struct verdict verdict;

    begin(session);
    check(session, prepared->facts, &verdict);
    return settle(session, prepared->facts, &verdict, &prepared->state, text,
                  sql_kind_name(prepared->facts->kind), true);
}

enum judgement judge_facts(struct session *session, const char *kind)
{
    struct sql_facts *facts = &session->worker->facts;
    struct verdict verdict;

    begin(session);
    check(session, facts, &verdict);
    enum judgement judgement =
        settle(session, facts, &verdict, &session->sql_state, (struct text){"", 0}, kind, true);
    if (judgement == JUDGEMENT_ALLOW && facts->effects & SQL_EFFECT_DATABASE) {
        session->next = session->sql_state;
        session->has_next = true;
        sql_state_apply(&session->next, facts);
    }
    return judgement;
}

bool judge_enter_database(struct session *session, struct text name)
{
    struct sql_facts *facts = &session->worker->facts;

    facts->effects = SQL_EFFECT_DATABASE;
    facts->database = name;
    facts->object_count = 1;
    facts->objects[0] =
        (struct sql_object){.schema = name, .type = SQL_DATABASE, .access = SQL_READ};
    return map_database(session, facts);
}

bool judge_initial_db(struct session *session, struct text user, struct text name, bool record)
{
    const struct runtime *runtime = session->worker->runtime;
    struct sql_facts *facts = &session->worker->facts;
    int service = router_service(runtime->router, user);
    struct verdict verdict;

    if (!session->judged || service == SERVICE_NONE || name.length == 0)
        return false;
    memset(facts, 0, offsetof(struct sql_facts, objects));
    facts->determined = true;
    session->service = (int16_t)service;
    judge_enter_database(session, name);
    begin(session);
    check(session, facts, &verdict);
    bool block = verdict.action == VERDICT_BLOCK;
    if (record && verdict.action != VERDICT_ALLOW) {
        record_violation(session, facts, &verdict, &session->sql_state, (struct text){"", 0}, 0,
                         "use", block);
        count(session, &verdict, block);
    }
    return block;
}

void judge_renew(struct session *session)
{
    const struct runtime *runtime = session->worker->runtime;

    session->generation = runtime->generation;
    if (!session->judged)
        return;
    int service = router_service(runtime->router, session->identity->user);
    session->service = (int16_t)service;
    session->transaction_owner_count = 0; /* indexes of the old configuration */
    for (size_t i = 0; i < runtime->config->upstream_count; i++) {
        if (runtime->upstream_usages[i] == session->upstream_usage)
            session->upstream_index = (uint16_t)i;
    }
    struct usage *usage = service == SERVICE_NONE ? NULL : runtime->service_usages[service];
    if (usage == session->service_usage)
        return;
    if (session->service_usage)
        usage_drop(session->service_usage);
    if (usage)
        usage_take(usage, 0);
    session->service_usage = usage;
}
