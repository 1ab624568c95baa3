/* Turns a log's sessions and statements into records: does what silogate does when a client logs
 * in, sends a text or changes its database, but takes the time from the log. Owns the one writer
 * and the counts by user.
 */
#include "learn/learn.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
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
        .statement = CONFIG_NORMALIZED, /* literals are never written, whatever proxy.ini says */
        .repeat = config->log.repeat.value,
    };

    if (config->log.statement.value == CONFIG_NO_STATEMENT)
        settings.statement = CONFIG_NO_STATEMENT;
    learn->violations = violations_start(&settings, 1, NULL, NULL, error);
    if (!learn->violations)
        return false;
    learn->worker = violations_worker(learn->violations, 0);
    learn->sessions = sessions_new();
    learn->ruling = memory_take_zeroed(sizeof(*learn->ruling));
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
    } while (counters.queued_bytes > 0 || counters.backlog_bytes > 0);
    violations_stop(learn->violations);
    learn->violations = NULL;
    return true;
}

void learn_free(struct learn *learn)
{
    if (learn->violations)
        violations_stop(learn->violations);
    sessions_free(learn->sessions);
    branches_free(learn);
    if (learn->ruling)
        ruling_fini(learn->ruling);
    free(learn->ruling);
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

/* The user's number in the summary; more than LEARN_USERS are not told apart. */
static uint32_t user_number(struct learn *learn, struct text user, int service)
{
    if (user.length > LEARN_NAME)
        user.length = LEARN_NAME;
    uint32_t number = hash_table_find(&learn->user_names, user);
    if (number != HASH_TABLE_NONE)
        return number;
    if (learn->user_names.count == LEARN_USERS)
        return HASH_TABLE_NONE;
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

/* The owners written in the open transaction, including those of this command. */
static struct owners owners_written(const struct learn_session *session,
                                    const struct ruling *ruling)
{
    struct owners owners = session->belief.written;

    for (uint8_t i = 0; session->belief.in_transaction && i < ruling->written.count; i++)
        owners_add(&owners, ruling->written.list[i]);
    return owners;
}

static void write_record(struct learn_session *session, const struct ruling_part *part,
                         const struct learn_seen *seen)
{
    struct learn *learn = session->learn;
    struct ruling *ruling = learn->ruling;
    const struct binding *binding = &session->binding;
    const struct sql_facts *facts = judge_facts(&session->belief, binding, part, ruling);
    const struct owners owners = owners_written(session, ruling);
    const struct violations_session who = {
        .session = session->thread,
        .user = session->user == HASH_TABLE_NONE ? (struct text){NULL,          0                   }
                                                 : learn->user_names.keys[session->user],
        .client = {session->host, session->host_length},
        .upstream = text_of(binding->upstream_name),
        .database = sql_state_database(&part->state),
        .transaction_owners = owners.list,
        .transaction_owner_count = owners.count,
    };
    const struct violations_statement statement = {
        .text = {ruling->text.at + part->start, part->end - part->start},
        .state = &part->state,
        .facts = facts,
        .kind = ruling->kind ? ruling->kind : sql_kind_name((enum sql_kind)facts->kind),
        .policy = binding->policy,
        .service = binding->service,
        .fold = session->belief.state.lower_case_table_names > 0,
        .today = ruling->today,
        .verdict = &part->verdict,
        .blocked = ruling->outcome == RULING_REFUSE,
        .offset = part->start,
    };

    wait_for_room(learn);
    violations_tick(learn->worker, seen->last);
    if (seen->count == 1)
        violations_add(learn->worker, &who, &statement, seen->last);
    else
        violations_add_summed(learn->worker, &who, &statement, seen->count, seen->first,
                              seen->last);
    learn->counts.violations += seen->count;
    learn->counts.blocked += statement.blocked ? seen->count : 0;
    if (session->user != HASH_TABLE_NONE)
        learn->users[session->user].violations += seen->count;
}

static void record(struct learn_session *session, const struct learn_seen *seen)
{
    struct ruling *ruling = session->learn->ruling;

    for (;;) {
        for (unsigned i = 0; i < ruling->violation_count; i++) {
            if (ruling->violations[i].verdict.action != VERDICT_ALLOW)
                write_record(session, &ruling->violations[i], seen);
        }
        if (!ruling->has_rest)
            return;
        judge_rest(&session->belief, &session->binding, ruling);
    }
}

/* Keeps what the status flags of the server's answers would say. */
static void follow_transaction(struct learn_session *session, const struct ruling *ruling)
{
    if (ruling->facts && ruling->facts->kind == SQL_BEGIN)
        session->belief.in_transaction = true;
    if (ruling->facts && (ruling->facts->kind == SQL_COMMIT || ruling->facts->kind == SQL_ROLLBACK))
        session->belief.in_transaction = false;
}

/* The command is assumed to have succeeded. Where the gate would ask the server for the session's
 * state, the state is assumed not to have changed, unless sql_mode was set to a value that cannot
 * be computed. */
static void commit(struct learn_session *session)
{
    struct ruling *ruling = session->learn->ruling;
    struct belief *belief = &session->belief;
    struct change *change = ruling_take_change(ruling);
    const struct sql_state before = belief->state;
    bool unknown = change && change->unknown;

    if (unknown && ruling->undetermined) {
        ruling_drop_change(ruling, change);
        change = NULL;
    }
    branches_note(session->learn, &session->binding, change);
    ruling_commit(ruling, belief, change, true);
    if (unknown) {
        bool known = belief->state.mode_known;
        belief->state = before;
        if (!known && !ruling->undetermined)
            sql_state_lose_mode(&belief->state);
    }
    belief->must_ask = false;
    if (!belief->in_transaction)
        belief->written = (struct owners){.count = 0};
}

/* May the session's statements be judged? If not, they are only counted. */
static bool is_judged(struct learn *learn, struct learn_session *session,
                      const struct learn_seen *seen)
{
    learn_time(learn, seen->first);
    learn_time(learn, seen->last);
    if (session->user != HASH_TABLE_NONE)
        learn->users[session->user].statements += seen->count;
    if (session->judged)
        return true;
    if (session->user == HASH_TABLE_NONE)
        learn->counts.of_nobody += seen->count;
    else
        learn->counts.without_service += seen->count;
    return false;
}

static void begin(struct learn_session *session)
{
    ruling_begin(session->learn->ruling, session->learn->offline.today);
}

/* Judges the command, counts and records it, and assumes that it was carried out. */
static void conclude(struct learn_session *session, const struct learn_seen *seen)
{
    const struct ruling *ruling = session->learn->ruling;
    struct learn_counts *counts = &session->learn->counts;

    counts->statements += ruling->parts * seen->count;
    counts->undetermined += ruling->undetermined ? seen->count : 0;
    follow_transaction(session, ruling);
    record(session, seen);
    commit(session);
}

void learn_summed(struct learn *learn, struct learn_session *session, struct text text, bool cut,
                  const struct learn_seen *seen)
{
    learn->counts.cut_off += cut ? seen->count : 0;
    if (!is_judged(learn, session, seen))
        return;
    session->belief.unknown = cut; /* so nothing can be determined */
    begin(session);
    judge_text(&session->belief, &session->binding, text, learn->ruling);
    /* the server cannot be asked, so every reading counts */
    if (learn->ruling->outcome == RULING_ASK) {
        session->belief.asked = true;
        begin(session);
        judge_text(&session->belief, &session->binding, text, learn->ruling);
    }
    conclude(session, seen);
}

void learn_text(struct learn *learn, struct learn_session *session, struct text text, int64_t now)
{
    learn_summed(learn, session, text, false,
                 &(struct learn_seen){.first = now, .last = now, .count = 1});
}

void learn_set_database(struct learn *learn, struct learn_session *session, struct text database)
{
    struct sql_state *state = &session->belief.state;

    sql_state_set_database(state, router_database(learn->offline.router, session->binding.service,
                                                  database, state->lower_case_table_names > 0));
}

void learn_login(struct learn *learn, struct learn_session *session, struct text user,
                 struct text host, struct text database, int64_t now)
{
    const struct learn_seen once = {.first = now, .last = now, .count = 1};
    int service = router_service(learn->offline.router, user);

    belief_forget(&session->belief);
    session->belief = (struct belief){.state = learn->start};
    session->judged = service != SERVICE_NONE;
    session->echo_prepares = session->echo_executes = 0;
    session->user = user_number(learn, user, service);
    learn_bind(learn, session, service);
    if (host.length > sizeof(session->host))
        host.length = sizeof(session->host);
    memcpy(session->host, host.at, host.length);
    session->host_length = (uint16_t)host.length;
    learn_set_database(learn, session, database);
    session->at_login = session->belief.state;
    if (!session->judged || database.length == 0)
        return;
    begin(session);
    judge_initial_db(&learn->start, &session->binding, database, learn->ruling);
    record(session, &once);
}

void learn_enter(struct learn *learn, struct learn_session *session, struct text database,
                 int64_t now)
{
    const struct learn_seen once = {.first = now, .last = now, .count = 1};

    if (!is_judged(learn, session, &once))
        return;
    begin(session);
    judge_init_db(&session->belief, &session->binding, database, learn->ruling);
    conclude(session, &once);
    /* even if silogate would have refused the command */
    learn_set_database(learn, session, database);
}

void learn_field_list(struct learn *learn, struct learn_session *session, struct text table,
                      int64_t now)
{
    const struct learn_seen once = {.first = now, .last = now, .count = 1};

    if (!is_judged(learn, session, &once))
        return;
    begin(session);
    judge_field_list(&session->belief, &session->binding, table, learn->ruling);
    conclude(session, &once);
}

void learn_kill(struct learn *learn, struct learn_session *session, uint64_t thread, int64_t now)
{
    const struct learn_seen once = {.first = now, .last = now, .count = 1};
    uint32_t found;

    if (!is_judged(learn, session, &once))
        return;
    begin(session);
    judge_kill(&session->belief, &session->binding, (uint32_t)thread, &found, learn->ruling);
    conclude(session, &once);
}

void learn_administration(struct learn *learn, struct learn_session *session, const char *kind,
                          int64_t now)
{
    const struct learn_seen once = {.first = now, .last = now, .count = 1};

    if (!is_judged(learn, session, &once))
        return;
    begin(session);
    judge_administration(&session->belief, &session->binding, kind, learn->ruling);
    conclude(session, &once);
}

/* COM_RESET_CONNECTION leaves the database where it is. */
void learn_reset(struct learn_session *session)
{
    struct sql_state before = session->belief.state;

    belief_forget(&session->belief);
    session->belief.state = session->at_login;
    session->belief.in_transaction = false;
    sql_state_set_database(&session->belief.state, sql_state_database(&before));
}
