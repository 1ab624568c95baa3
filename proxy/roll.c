/* A question is shared by the asking thread and all workers, and the last one to drop its
 * reference frees it: a late worker writes its answer to valid memory, although nobody reads it.
 */
#include "proxy/roll.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "protocol/command.h"
#include "proxy/boundary.h"
#include "proxy/session.h"
#include "proxy/worker.h"
#include "sql/facts.h"

enum { WAIT_TRIES = 2000 }; /* milliseconds */

enum what { LIST, END, LEAVE };

struct part {
    struct control_session *items;
    size_t count, room;
};

struct roll_question {
    atomic_uint references, answers;
    enum what what;
    char service[65], user[129];
    bool any_service, any_user, in_transaction;
    uint32_t id;
    atomic_size_t found;
    unsigned workers;
    struct part parts[];
};

static struct roll_question *question_new(enum what what, unsigned workers)
{
    struct roll_question *question =
        memory_take_zeroed(sizeof(*question) + workers * sizeof(question->parts[0]));

    question->what = what;
    question->workers = workers;
    question->any_service = question->any_user = true;
    atomic_init(&question->references, 1);
    return question;
}

static void question_drop(struct roll_question *question)
{
    if (!question || atomic_fetch_sub(&question->references, 1) > 1)
        return;
    for (unsigned i = 0; i < question->workers; i++)
        free(question->parts[i].items);
    free(question);
}

static void take_text(char *to, size_t size, struct text from)
{
    size_t length = from.length < size ? from.length : size - 1;

    if (from.at)
        memcpy(to, from.at, length);
    to[length] = 0;
}

static const char *service_of(const struct session *session)
{
    const struct binding *binding = session->binding;

    return binding && binding->service_usage ? usage_service(binding->service_usage) : NULL;
}

static bool matches(const struct roll_question *question, const struct session *session)
{
    const char *service = service_of(session);

    if (session->state == STATE_LINGER && !session_owes(session)) /* it has ended */
        return false;
    if (question->id && question->id != session->id)
        return false;
    if (!question->any_service && (!service || strcmp(service, question->service) != 0))
        return false;
    if (!question->any_user &&
        (!session->identity || !text_equal(session->identity->user, text_of(question->user))))
        return false;
    return !question->in_transaction || session->belief.in_transaction;
}

static void list_owners(const struct session *session, char *to, size_t size)
{
    const struct owners *used = &session->used;
    size_t length = 0;

    for (unsigned i = 0; session->binding && i < used->count; i++) {
        struct text name = policy_service_name(session->binding->policy, used->list[i]);
        if (!name.at || length + name.length + 2 > size)
            continue;
        if (length)
            to[length++] = ',';
        memcpy(to + length, name.at, name.length);
        length += name.length;
    }
    to[length] = 0;
}

/* What is in flight: the statement's kind, or the command's. */
static const char *kind_of(const struct session *session)
{
    const struct command_row *row = command_row(session->request.command);

    if (session->state != STATE_PASS && session->state != STATE_ANSWER &&
        session->state != STATE_INFILE)
        return NULL;
    if (row && session->request.kind != SQL_UNKNOWN &&
        (row->judged == JUDGED_TEXT || row->judged == JUDGED_STATEMENT))
        return sql_kind_name((enum sql_kind)session->request.kind);
    return row ? row->kind : NULL;
}

static void add(struct part *part, const struct session *session)
{
    const struct worker *worker = session->worker;
    const struct identity *identity = session->identity;
    int64_t now = worker_now() / 1000000;

    if (part->count == part->room) {
        part->room = part->room * 2 + 16;
        part->items = memory_resize(part->items, part->room * sizeof(part->items[0]));
    }
    struct control_session *to = &part->items[part->count++];
    *to = (struct control_session){
        .id = session->id,
        .thread = session->thread,
        .state = session_state_name(session->state),
        .kind = kind_of(session),
        .mode = session->belief.state.mode,
        .kept = boundary_waits(session) ? "its statement waits for the end of a hold"
                                        : boundary_kept(session),
        .began = now - (worker->second - session->began),
        .entered = now - (worker->second - session->entered),
        .in_transaction = session->belief.in_transaction,
        .leaving = session->leaving,
    };
    take_text(to->service, sizeof(to->service), text_of(service_of(session)));
    if (session->binding)
        take_text(to->upstream, sizeof(to->upstream), text_of(session->binding->upstream_name));
    list_owners(session, to->owners, sizeof(to->owners));
    if (!identity)
        return;
    take_text(to->user, sizeof(to->user), identity->user);
    take_text(to->client, sizeof(to->client), identity->client);
    take_text(to->program, sizeof(to->program),
              identity->program_name.at ? identity->program_name : identity->client_name);
}

void roll_answer(struct worker *worker)
{
    struct roll_question *question = atomic_exchange(&worker->question, NULL);

    if (!question)
        return;
    struct list_link *link = worker->sessions.after;
    while (link != &worker->sessions) {
        struct session *session = LIST_ENTRY(link, struct session, all);
        link = link->after;
        if (!matches(question, session))
            continue;
        atomic_fetch_add(&question->found, 1);
        if (question->what == LIST)
            add(&question->parts[worker->number], session);
        else if (question->what == END)
            boundary_end(session);
        else
            boundary_leave(session);
    }
    atomic_fetch_add(&question->answers, 1);
    question_drop(question);
}

void roll_forget(struct worker *worker)
{
    question_drop(atomic_exchange(&worker->question, NULL));
}

/* Asks all workers and waits for them. Returns the number of late ones. */
static unsigned ask(struct roll_question *question, struct worker *workers, unsigned count)
{
    const struct timespec millisecond = {.tv_nsec = 1000000};

    for (unsigned i = 0; i < count; i++) {
        atomic_fetch_add(&question->references, 1);
        question_drop(atomic_exchange(&workers[i].question, question));
        ev_async_send(workers[i].loop, &workers[i].wake);
    }
    for (int tries = 0; tries < WAIT_TRIES && atomic_load(&question->answers) < count; tries++)
        nanosleep(&millisecond, NULL);
    return count - atomic_load(&question->answers);
}

struct control_session *roll_sessions(struct worker *workers, unsigned count,
                                      const struct control_filter *filter, size_t *found,
                                      unsigned *late)
{
    struct roll_question *question = question_new(LIST, count);
    struct control_session *all = NULL;

    question->any_service = !filter->service.at;
    question->any_user = !filter->user.at;
    question->in_transaction = filter->in_transaction;
    question->id = filter->id;
    take_text(question->service, sizeof(question->service), filter->service);
    take_text(question->user, sizeof(question->user), filter->user);
    *late = ask(question, workers, count);
    *found = 0;
    /* A late worker may still be writing, so it is not known which parts are complete. */
    for (unsigned i = 0; *late == 0 && i < count; i++) {
        const struct part *part = &question->parts[i];
        if (part->count == 0)
            continue;
        all = memory_resize(all, (*found + part->count) * sizeof(*all));
        memcpy(all + *found, part->items, part->count * sizeof(*all));
        *found += part->count;
    }
    question_drop(question);
    return all;
}

bool roll_end(struct worker *workers, unsigned count, uint32_t id)
{
    struct roll_question *question = question_new(END, count);

    question->id = id;
    ask(question, workers, count);
    bool found = atomic_load(&question->found) > 0;
    question_drop(question);
    return found;
}

size_t roll_leave(struct worker *workers, unsigned count, struct text service)
{
    struct roll_question *question = question_new(LEAVE, count);

    question->any_service = !service.at;
    take_text(question->service, sizeof(question->service), service);
    ask(question, workers, count);
    size_t found = atomic_load(&question->found);
    question_drop(question);
    return found;
}
