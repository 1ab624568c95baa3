/* What goes out to the upstream, watched from outside like the belief (watched_belief.h): a command
 * passes as it was allowed, with its rewrites made, and is allowed in some state of SQL; all else
 * is a login, a file that the server has asked for, or silogate's own. The upstream hears these
 * bytes and no others.
 */
#ifndef TESTS_FUZZ_WATCHED_H
#define TESTS_FUZZ_WATCHED_H

#include "sql/analyze.h"
#include "tests/fuzz/watched_belief.h"

/* Whose `gate` it is, where it is one of a client's; else NULL. */
static struct session *session_of_gate(const struct gate *gate)
{
    for (struct list_link *link = watched.worker->sessions.after; link != &watched.worker->sessions;
         link = link->after) {
        struct session *session = LIST_ENTRY(link, struct session, all);
        if (gate == &session->client.gate)
            return session;
    }
    return NULL;
}

static bool is_own(const struct sql_object *object)
{
    return text_equal_fold(object->schema, TEXT("information_schema")) ||
           text_equal_fold(object->schema, TEXT("own"));
}

/* An XA transaction that a session of the service has prepared. */
static bool may_end(const struct session *session, const struct sql_facts *facts)
{
    const struct binding *binding = session->binding;

    return facts->xa == SQL_XA_ENDS && facts->xid.at && binding->find_branch(binding, facts->xid);
}

/* Read from `offset` on in this state, is the text allowed? */
static bool may_run(const struct session *session, struct text text, size_t offset,
                    struct sql_state state, uint8_t mode, const struct sql_session *remembered)
{
    static struct sql_facts facts;
    struct arena arena = {0};
    bool good = true;

    do {
        offset = sql_analyze(text, offset, &state, remembered, &facts);
        good = facts.determined && !facts.needs_mode &&
               (!facts.administration || may_end(session, &facts));
        for (uint32_t i = 0; i < facts.object_count; i++)
            good &= is_own(&facts.objects[i]) || facts.objects[i].session_only;
        sql_state_apply(&state, &facts);
        if (!state.mode_known)
            state.mode = mode;
        state.mode_known = true;
        if (facts.effects & SQL_EFFECT_SESSION)
            remembered = sql_session_after(remembered, &facts, &arena);
    } while (good && offset < text.length);
    arena_fini(&arena);
    return good;
}

/* Is there a state in which this text is allowed? */
static bool may_pass(const struct session *session, struct text text)
{
    static const char *const databases[] = {"own", "information_schema", NULL};

    for (unsigned choice = 0; choice < 3u * 8u * 16u; choice++) {
        const char *database = databases[choice % 3];
        struct sql_state state = session->belief.state;
        if (choice > 0) {
            state.mode = (uint8_t)(choice / 3 % 16);
            state.charset = (uint8_t)(choice / 48);
            state.mode_known = state.escapes_known = true;
            sql_state_set_database(&state, database ? text_of(database) : (struct text){NULL, 0});
        }
        if (may_run(session, text, 0, state, (uint8_t)(choice / 3 % 16),
                    session->belief.remembered))
            return true;
    }
    return false;
}

static void check_text(const struct session *session, struct text text, enum allowed_as as)
{
    const struct allowed *allowed = &watched.allowed;

    if (allowed->session != session || !(allowed->commands & 1u << as))
        watched_broken("a command that was not judged", text);
    if (!text_equal(text, (struct text){allowed->text, allowed->length}))
        watched_broken("what passes is not what was judged", text);
    if (as != ALLOWED_DB && !may_pass(session, text))
        watched_broken("a text that nobody has allowed", text);
    if (as == ALLOWED_DB && text.length > 0 && !text_equal_fold(text, TEXT("own")) &&
        !text_equal_fold(text, TEXT("information_schema")))
        watched_broken("a database that nobody has allowed", text);
}

static void check_judged(const struct session *session, struct text payload, enum allowed_as as)
{
    if (watched.allowed.session != session || !(watched.allowed.commands & 1u << as))
        watched_broken("a command that was not judged", payload);
}

static void check_command(const struct session *session, struct text payload, bool whole)
{
    struct text text = {payload.at + 1, payload.length - 1};
    struct query query;
    uint8_t code = (uint8_t)payload.at[0];

    switch (code) {
    case COMMAND_QUERY:
        if (!whole || query_read(payload, session->capabilities, &query) != PARSE_DONE)
            watched_broken("half a text", payload);
        check_text(session, query.text, ALLOWED_TEXT);
        break;
    case COMMAND_STMT_PREPARE:
        if (!whole)
            watched_broken("half a text", payload);
        check_text(session, text, ALLOWED_PREPARE);
        break;
    case COMMAND_INIT_DB:
        check_text(session, text, ALLOWED_DB);
        break;
    case COMMAND_FIELD_LIST:
        check_judged(session, payload, ALLOWED_FIELDS);
        break;
    case COMMAND_PROCESS_KILL:
        check_judged(session, payload, ALLOWED_KILL);
        if (text.length != 4 || bytes_get4((const uint8_t *)text.at) != WATCHED_THREAD)
            watched_broken("another's session", text);
        break;
    case COMMAND_STMT_EXECUTE:
    case COMMAND_STMT_BULK_EXECUTE:
    case COMMAND_STMT_FETCH:
    case COMMAND_STMT_SEND_LONG_DATA:
        check_judged(session, payload, ALLOWED_RUN);
        break;
    case COMMAND_QUIT:
    case COMMAND_PING:
    case COMMAND_STATISTICS:
    case COMMAND_STMT_CLOSE:
    case COMMAND_STMT_RESET:
    case COMMAND_SET_OPTION:
    case COMMAND_RESET_CONNECTION:
        break;
    default:
        watched_broken("a command that is administration, or none", payload);
    }
    watched.allowed.session = NULL;
}

/* Bytes of the client's on their way to the upstream. */
static void check_passing(const struct session *session, const uint8_t *bytes, size_t count)
{
    const struct text text = {(const char *)bytes, count};

    switch (session->state) {
    case STATE_PASS:
        if (!watched.begins)
            return; /* the rest of a long one */
        watched.begins = false;
        if (count <= PACKET_HEADER || bytes[3] != 0)
            watched_broken("no command", text);
        check_command(session, (struct text){text.at + PACKET_HEADER, count - PACKET_HEADER},
                      count == PACKET_HEADER + (size_t)bytes_get3(bytes));
        return;
    case STATE_INFILE:
        return;
    case STATE_AUTH:
        if (!session->draft || count < PACKET_HEADER || bytes[3] == 0)
            watched_broken("no part of a login", text);
        return;
    default:
        watched_broken("bytes that pass in another state", text);
    }
}

/* Bytes of silogate's own. */
static void check_inserted(const struct session *session, const uint8_t *bytes, size_t count)
{
    static const char question[] = "SELECT /* silogate */ CAST(DATABASE() AS BINARY),";
    static const uint8_t ping[] = {1, 0, 0, 0, COMMAND_PING};
    const struct text text = {(const char *)bytes, count};
    size_t start = PACKET_HEADER + 1;

    if (session->draft) {
        if (count < PACKET_HEADER ||
            (bytes[3] == 0 &&
             (count == PACKET_HEADER || bytes[PACKET_HEADER] != COMMAND_CHANGE_USER)))
            watched_broken("no part of a login", text);
        return;
    }
    if (session->state == STATE_ANSWER && text_equal(text, (struct text){(const char *)ping, 5}))
        return;
    if (session->state == STATE_COMMAND && count > start + 2 &&
        bytes[PACKET_HEADER] == COMMAND_QUERY) {
        start += session->capabilities & CAPABILITY_QUERY_ATTRIBUTES ? 2 : 0;
        if (count >= start + strlen(question) &&
            memcmp(bytes + start, question, strlen(question)) == 0)
            return;
    }
    watched_broken("words that are not silogate's", text);
}

/* A gate of a login that goes on without its session. What was on its way already is not new. */
static bool is_abandoned(const struct gate *gate, const uint8_t *bytes)
{
    for (struct list_link *link = watched.worker->sessions.after; link != &watched.worker->sessions;
         link = link->after) {
        const struct session *session = LIST_ENTRY(link, struct session, all);
        const struct gate *own = &session->client.gate;
        if (gate == &session->upstream.gate ||
            (own->bytes && bytes >= own->bytes && bytes < own->bytes + own->size))
            return false;
    }
    return true;
}

static void goes_out(const void *bytes, size_t count)
{
    assert(watched.out_size + count <= sizeof(watched.out));
    if (count)
        memcpy(watched.out + watched.out_size, bytes, count);
    watched.out_size += count;
}

void __real_gate_pass(struct gate *, size_t);
void __wrap_gate_pass(struct gate *, size_t);
void __wrap_gate_pass(struct gate *gate, size_t count)
{
    const struct session *session = session_of_gate(gate);

    if (session && count > 0) {
        check_passing(session, gate_at(gate), count);
        goes_out(gate_at(gate), count);
    }
    __real_gate_pass(gate, count);
}

void __real_gate_insert(struct gate *, struct gate_pool *, const void *, size_t);
void __wrap_gate_insert(struct gate *, struct gate_pool *, const void *, size_t);
void __wrap_gate_insert(struct gate *gate, struct gate_pool *pool, const void *bytes, size_t count)
{
    const struct session *session = session_of_gate(gate);

    if (session)
        check_inserted(session, bytes, count);
    if (session || is_abandoned(gate, bytes))
        goes_out(bytes, count);
    __real_gate_insert(gate, pool, bytes, count);
}

/* The upstream has heard these bytes. */
static void watched_heard(const uint8_t *bytes, size_t count)
{
    if (count > watched.out_size || memcmp(bytes, watched.out, count) != 0)
        watched_broken("bytes that nobody has let out", (struct text){(const char *)bytes, count});
    watched.out_size -= count;
    memmove(watched.out, watched.out + count, watched.out_size);
}

static void watched_begin(struct worker *worker)
{
    watched.worker = worker;
    watched.out_size = 0;
    watched.begins = false;
    watched.allowed.session = NULL;
}

#endif
