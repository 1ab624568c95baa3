/* From a log's sessions and statements to records: what the gate does when a client logs in, sends
 * a text or changes its database, with the log's time for the clock. Owns the one writer and the
 * counts by user.
 */
#include "learn/learn.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include "learn/internal.h"

int64_t learn_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

bool learn_start(struct learn *learn, struct error *error)
{
    const struct text outputs[] = {TEXT("stdout")};
    const struct config *config = learn->offline.config;
    struct violations_settings settings = {
        .outputs = outputs,
        .output_count = 1,
        .statement = CONFIG_NORMALIZED, /* literals never, whatever the ini says */
        .repeat = config->log.repeat.value,
    };

    if (config->log.statement.value == CONFIG_NO_STATEMENT)
        settings.statement = CONFIG_NO_STATEMENT;
    learn->violations = violations_start(&settings, 1, NULL, NULL, error);
    if (!learn->violations)
        return false;
    learn->worker = violations_worker(learn->violations, 0);
    learn->sessions = sessions_new();
    return true;
}

bool learn_finish(struct learn *learn)
{
    struct violations_counters counters;

    violations_flush(learn->worker, learn->counts.last ? learn->counts.last : learn_now());
    do {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        violations_counters(learn->violations, &counters);
        if (counters.failing || counters.lost > 0)
            return false;
    } while (counters.queued_bytes > 0 || counters.owed_bytes > 0);
    violations_stop(learn->violations);
    learn->violations = NULL;
    return true;
}

void learn_free(struct learn *learn)
{
    if (learn->violations)
        violations_stop(learn->violations);
    sessions_free(learn->sessions);
    hash_table_fini(&learn->user_names);
    offline_close(&learn->offline);
}

void learn_time(struct learn *learn, int64_t now)
{
    struct learn_counts *counts = &learn->counts;

    if (now == 0)
        return;
    if (counts->first == 0 || now < counts->first)
        counts->first = now;
    if (now > counts->last)
        counts->last = now;
}

void learn_unknown_line(struct learn *learn, const struct source *lines)
{
    if (learn->counts.lines_unknown++ < LEARN_TOLD)
        fprintf(stderr, "%s:%llu: not understood; left out\n", lines->path,
                (unsigned long long)lines->number);
}

/* The number of a user in the summary; past LEARN_USERS all others are the last. */
static uint32_t user_number(struct learn *learn, struct text user, int service)
{
    if (user.length > LEARN_NAME)
        user.length = LEARN_NAME;
    uint32_t number = hash_table_find(&learn->user_names, user);
    if (number != HASH_TABLE_NONE)
        return number;
    if (learn->user_names.count == LEARN_USERS)
        return LEARN_USERS - 1;
    number = hash_table_add(&learn->user_names, user);
    learn->users[number].service = service;
    return number;
}

static void wait_for_room(struct learn *learn)
{
    struct violations_counters counters;

    while (!violations_ready(learn->worker)) {
        violations_counters(learn->violations, &counters);
        if (counters.failing) {
            fputs("silogate learn: standard output cannot be written\n", stderr);
            exit(2);
        }
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

/* One statement on its way to its record. */
struct recording {
    struct learn *learn;
    struct learn_session *session;
    const struct learn_seen *seen;
    const char *kind; /* NULL: the facts' own */
    bool block;       /* the command as a whole */
    bool cut;         /* the text is not all of the statement */
};

static void add_record(const struct recording *recording, const struct offline_part *part)
{
    struct learn *learn = recording->learn;
    struct learn_session *session = recording->session;
    const struct offline *offline = &learn->offline;
    size_t upstream = router_upstream(offline->router, session->session.service);
    const struct violations_session who = {
        .session = session->thread,
        .user = session->user == HASH_TABLE_NONE ? (struct text){NULL,          0                   }
                                                 : learn->user_names.keys[session->user],
        .client = {session->host, session->host_length},
        .upstream = text_of(router_upstream_name(offline->router, upstream)),
        .database = sql_state_database(part->state),
        .transaction_owners = session->owners,
        .transaction_owner_count = session->owner_count,
    };
    const struct violations_statement statement = {
        .text = part->text,
        .state = part->state,
        .facts = part->facts,
        .kind = recording->kind ? recording->kind : sql_kind_name((enum sql_kind)part->facts->kind),
        .policy = offline->policy,
        .service = session->session.service,
        .fold = session->session.state.lower_case_table_names > 0,
        .today = offline->today,
        .verdict = &part->verdict,
        .blocked = recording->block,
        .offset = part->offset,
    };
    const struct learn_seen *seen = recording->seen;

    wait_for_room(learn);
    violations_tick(learn->worker, seen->last);
    if (seen->count == 1)
        violations_add(learn->worker, &who, &statement, seen->last);
    else
        violations_add_summed(learn->worker, &who, &statement, seen->count, seen->first,
                              seen->last);
    learn->counts.violations += seen->count;
    learn->counts.blocked += recording->block ? seen->count : 0;
    if (session->user != HASH_TABLE_NONE)
        learn->users[session->user].violations += seen->count;
}

/* The owners written in the open transaction, as the gate keeps them. */
static void follow_transaction(const struct recording *recording, const struct sql_facts *facts)
{
    struct learn_session *session = recording->session;

    switch ((int)facts->kind) {
    case SQL_BEGIN:
        session->in_transaction = true;
        session->owner_count = 0;
        return;
    case SQL_COMMIT:
    case SQL_ROLLBACK:
        session->in_transaction = false;
        session->owner_count = 0;
        return;
    default:
        break;
    }
    for (uint32_t i = 0; session->in_transaction && i < facts->object_count; i++) {
        const struct offline *offline = &recording->learn->offline;
        struct verdict verdict;
        size_t at = 0;
        if (!(facts->objects[i].access & SQL_WRITE))
            continue;
        policy_check_object(offline->policy, session->session.service, &facts->objects[i],
                            session->session.state.lower_case_table_names > 0, offline->today,
                            &verdict);
        while (at < session->owner_count && session->owners[at] != verdict.owner)
            at++;
        if (at == session->owner_count && at < LEARN_OWNERS && verdict.owner != SERVICE_NONE)
            session->owners[session->owner_count++] = verdict.owner;
    }
}

static void visit(void *context, const struct offline_part *part)
{
    struct recording *recording = context;
    struct offline_part judged = *part;
    struct learn_counts *counts = &recording->learn->counts;

    if (recording->cut && part->facts->determined) {
        part->facts->determined = false;
        part->facts->why = "the source has cut this statement off";
        offline_judge_facts(&recording->learn->offline, &recording->session->session, part->facts,
                            &judged.verdict);
    }
    counts->statements += recording->seen->count;
    counts->undetermined += part->facts->determined ? 0 : recording->seen->count;
    follow_transaction(recording, part->facts);
    if (judged.verdict.action == VERDICT_ALLOW)
        return;
    recording->block |= judged.verdict.action == VERDICT_BLOCK;
    add_record(recording, &judged);
}

/* May the session's statements be judged? Where not, they are counted. */
static bool is_judged(struct learn *learn, struct learn_session *session, uint64_t count)
{
    if (session->user != HASH_TABLE_NONE)
        learn->users[session->user].statements += count;
    if (session->judged)
        return true;
    if (session->user == HASH_TABLE_NONE)
        learn->counts.of_nobody += count;
    else
        learn->counts.without_service += count;
    return false;
}

static void judge(struct learn *learn, struct learn_session *session, struct text text, bool cut,
                  const struct learn_seen *seen)
{
    struct recording recording = {.learn = learn, .session = session, .seen = seen, .cut = cut};

    learn_time(learn, seen->first);
    learn_time(learn, seen->last);
    learn->counts.cut_off += cut ? seen->count : 0;
    if (is_judged(learn, session, seen->count))
        offline_judge(&learn->offline, &session->session, text, visit, &recording, NULL);
}

void learn_text(struct learn *learn, struct learn_session *session, struct text text, int64_t now)
{
    const struct learn_seen once = {.first = now, .last = now, .count = 1};

    judge(learn, session, text, false, &once);
}

void learn_summed(struct learn *learn, struct learn_session *session, struct text text, bool cut,
                  const struct learn_seen *seen)
{
    judge(learn, session, text, cut, seen);
}

/* Facts that are no text's: recorded where they are a violation. */
static void judge_facts(struct learn *learn, struct learn_session *session, struct sql_facts *facts,
                        const char *kind, int64_t now)
{
    const struct learn_seen once = {.first = now, .last = now, .count = 1};
    struct recording recording = {.learn = learn, .session = session, .seen = &once, .kind = kind};
    struct offline_part part = {
        .text = {"", 0},
          .state = &session->session.state, .facts = facts
    };

    offline_judge_facts(&learn->offline, &session->session, facts, &part.verdict);
    recording.block = part.verdict.action == VERDICT_BLOCK;
    if (part.verdict.action != VERDICT_ALLOW)
        add_record(&recording, &part);
}

void learn_login(struct learn *learn, struct learn_session *session, struct text user,
                 struct text host, struct text database, int64_t now)
{
    static struct sql_facts facts;
    int service = router_service(learn->offline.router, user);

    sql_session_free(&session->session.sql);
    session->session.service = service;
    session->session.state = learn->start;
    session->judged = service != SERVICE_NONE;
    session->in_transaction = false;
    session->owner_count = 0;
    session->echo = ECHO_NONE;
    session->user = user_number(learn, user, service);
    if (host.length > sizeof(session->host))
        host.length = sizeof(session->host);
    memcpy(session->host, host.at, host.length);
    session->host_length = (uint16_t)host.length;
    offline_enter(&learn->offline, &session->session, database);
    session->at_login = session->session.state;
    if (!session->judged || database.length == 0)
        return;
    offline_enter_facts(&learn->offline, &session->session, database, &facts);
    judge_facts(learn, session, &facts, "use", now);
}

void learn_enter(struct learn *learn, struct learn_session *session, struct text database,
                 int64_t now)
{
    static struct sql_facts facts;

    if (!is_judged(learn, session, 1))
        return;
    learn->counts.statements++;
    learn_time(learn, now);
    offline_enter_facts(&learn->offline, &session->session, database, &facts);
    judge_facts(learn, session, &facts, "use", now);
    sql_state_apply(&session->session.state, &facts);
}

void learn_administration(struct learn *learn, struct learn_session *session, const char *kind,
                          int64_t now)
{
    static struct sql_facts facts;

    if (!is_judged(learn, session, 1))
        return;
    learn->counts.statements++;
    learn_time(learn, now);
    memset(&facts, 0, offsetof(struct sql_facts, objects));
    facts.determined = facts.administration = true;
    judge_facts(learn, session, &facts, kind, now);
}

void learn_reset(struct learn_session *session)
{
    session->session.state = session->at_login;
    session->in_transaction = false;
    session->owner_count = 0;
    sql_session_free(&session->session.sql);
}
