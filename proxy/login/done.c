/* After the server has accepted the login: sets the session's user, its first belief, and its
 * entry in the registry. Called by auth.c; from here on the session is in the command phase.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "proxy/binding.h"
#include "proxy/boundary.h"
#include "proxy/login/login.h"
#include "proxy/registry.h"
#include "proxy/worker.h"
#include "sql/identifier.h"

static struct text take_text(char **at, struct text t)
{
    struct text copy = {*at, t.length};

    if (t.length)
        memcpy(*at, t.at, t.length);
    *at += t.length;
    return copy;
}

/* Keeps user, address, and the two attributes that name the application. */
static void identify(struct session *session)
{
    const struct login_draft *draft = session->draft;
    struct text attributes = draft->login.attributes, key, value;
    struct text program = {"", 0}, client_name = {"", 0}, client = text_of(draft->client);

    while (attribute_next(&attributes, &key, &value)) {
        if (value.length > 128)
            value.length = 128;
        if (text_equal(key, TEXT("program_name")))
            program = value;
        else if (text_equal(key, TEXT("_client_name")))
            client_name = value;
    }
    struct identity *identity = memory_take(sizeof(*identity) + draft->login.user.length +
                                            client.length + program.length + client_name.length);
    char *at = (char *)(identity + 1);
    identity->user = take_text(&at, draft->login.user);
    identity->client = take_text(&at, client);
    identity->program_name = take_text(&at, program);
    identity->client_name = take_text(&at, client_name);
    identity->source = address_pack(&draft->source);
    identity->destination = address_pack(&draft->destination);
    free(session->identity);
    session->identity = identity;
}

/* Sets the first belief, from the login. The rest is asked of the server before the first command
 * is judged. True: the OK says that there are warnings. */
static bool set_state(struct session *session, struct text ok)
{
    struct router_server server;
    struct reader reader = {(const uint8_t *)ok.at + 1, (const uint8_t *)ok.at + ok.length, false};

    router_server(session->binding->router, session->binding->upstream, &server);
    struct belief *belief = &session->belief;
    struct sql_state before = belief->state;
    belief->state = (struct sql_state){.dialect = before.dialect, .version = before.version};
    if (session->draft->server.version[0])
        sql_state_set_version(&belief->state, text_of(session->draft->server.version));
    belief->state.lower_case_table_names = server.lower_case_table_names > 0;
    belief->state.charset =
        (uint8_t)sql_charset_of_handshake(belief->state.dialect, session->collation);
    belief->state.lossy = sql_collation_lossy(session->collation);
    char room[SQL_IDENTIFIER_BYTES];
    struct text database = login_initial_db(session);
    /* false: the server is asked for it */
    sql_identifier_table(database, &belief->state, room, &database);
    sql_state_set_database(&belief->state, database);
    /* Only the server knows what init_connect has done (it may have been set a moment ago), and
     * whether the character set and lower_case_table_names have changed. */
    belief->must_ask = true;
    read_lenenc(&reader);
    read_lenenc(&reader);
    uint64_t status = read_integer(&reader, 2);
    belief->no_backslash_escapes = !reader.bad && status & STATUS_NO_BACKSLASH_ESCAPES;
    belief->state.mode = belief->no_backslash_escapes ? SQL_NO_BACKSLASH_ESCAPES : 0;
    belief->state.escapes_known = !reader.bad;
    belief->in_transaction = belief->in_doubt = belief->may_be_over = false;
    belief->asked = belief->unknown = false;
    belief->expired = false;
    belief->no_autocommit = reader.bad || !(status & STATUS_AUTOCOMMIT);
    return read_integer(&reader, 2) > 0 || reader.bad;
}

bool login_done(struct session *session, struct text payload)
{
    identify(session);
    const bool warned = set_state(session, payload);
    if (session->draft->server.thread)
        session->thread = session->draft->server.thread;
    if (session->registered)
        registry_remove(session->id);
    registry_add(&(struct registry_entry){.id = session->id,
                                          .thread = session->thread,
                                          .service = session->binding->service_usage,
                                          .upstream = session->binding->upstream_usage});
    session->registered = true;
    session->logged_in = true;
    boundary_welcome(session);
    session->request.failed = false;
    session->worker->counters.logins++;
    login_free(session);
    session_enter(session, compression_is_due(session) ? STATE_COMPRESS : STATE_COMMAND);
    return warned;
}
