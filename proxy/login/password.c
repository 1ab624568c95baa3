/* Passwords that have a different form on the two legs. Over a secure leg (TLS, or a Unix socket)
 * caching_sha2_password's full authentication and sha256_password send the password in clear text;
 * over a plain leg, encrypted with the RSA key of the side that answers the request for a public
 * key:
 *
 *   client   upstream
 *   secure   secure     relayed
 *   plain    plain      relayed: encrypted with the server's key, silogate cannot read it
 *   secure   plain      silogate asks the server for its key and encrypts the password with it
 *   plain    secure     silogate answers with a key of its own and decrypts the password
 *
 * A password is never sent in clear text over a plain leg. All copies here are wiped. Called by
 * auth.c, which relays everything else.
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/log.h"
#include "proxy/login/login.h"
#include "proxy/start.h"
#include "proxy/worker.h"
#include "tls/rsa.h"

/* How the client of a plugin proves its identity. A plugin that is not in the table is taken for
 * CLEAR. */
enum way {
    WAY_PROOF, /* a scramble or a ticket, useless to a listener */
    WAY_SHA2,  /* a scramble; the password itself after "full authentication" */
    WAY_RSA,   /* the password itself */
    WAY_CLEAR, /* the password itself, with no encrypted form for a plain leg */
    WAY_NEVER, /* proves something about the connection, which is silogate's and not the client's */
};

static const struct {
    const char *name;
    enum way way;
} ways[] = {
    {"mysql_native_password",           WAY_PROOF},
    {"caching_sha2_password",           WAY_SHA2 },
    {"sha256_password",                 WAY_RSA  },
    {"client_ed25519",                  WAY_PROOF},
    {"parsec",                          WAY_PROOF},
    {"auth_gssapi_client",              WAY_PROOF},
    {"authentication_kerberos_client",  WAY_PROOF},
    {"authentication_ldap_sasl_client", WAY_PROOF},
    {"authentication_fido_client",      WAY_PROOF},
    {"authentication_webauthn_client",  WAY_PROOF},
    {"mysql_old_password",              WAY_NEVER},
    {"auth_socket",                     WAY_NEVER},
    {"unix_socket",                     WAY_NEVER},
    {"",                                WAY_NEVER},
};

static enum way way_of(const char *plugin)
{
    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
        if (strcmp(ways[i].name, plugin) == 0)
            return ways[i].way;
    return WAY_CLEAR;
}

bool password_is_proof(struct text plugin)
{
    return text_equal(plugin, TEXT("mysql_native_password")) ||
           text_equal(plugin, TEXT("caching_sha2_password")) ||
           text_equal(plugin, TEXT("client_ed25519"));
}

/* silogate's own key pair, if the ini names none; generated when it is likely to be needed, and
 * kept until the process ends. */
static _Atomic(struct rsa_key *) own_key;
static pthread_mutex_t own_key_lock = PTHREAD_MUTEX_INITIALIZER;

static struct rsa_key *own_key_begin(void)
{
    pthread_mutex_lock(&own_key_lock);
    if (!atomic_load(&own_key))
        atomic_store(&own_key, rsa_key_make());
    pthread_mutex_unlock(&own_key_lock);
    return atomic_load(&own_key);
}

/* The key pair with which clients on plain legs encrypt passwords. NULL: no memory. */
static struct rsa_key *key_of(const struct session *session)
{
    struct rsa_key *read = session->draft->runtime->password_key;

    return read ? read : own_key_begin();
}

/* Generating the key takes a while: it is started before the first client asks for it. */
void password_expect(const struct runtime *runtime, size_t upstream,
                     const struct greeting *greeting, bool is_unix)
{
    char plugin[64];
    bool secure =
        is_unix || (runtime->tls_clients[upstream] && greeting->capabilities & CAPABILITY_SSL);
    bool plain = !runtime->password_key && runtime->config->tls.client.value != CONFIG_TLS_REQUIRED;

    snprintf(plugin, sizeof(plugin), "%.*s", TEXT_ARGS(greeting->plugin));
    if (secure && plain && (way_of(plugin) == WAY_SHA2 || way_of(plugin) == WAY_RSA))
        own_key_begin();
}

void password_wait(int64_t milliseconds)
{
    const struct timespec moment = {.tv_nsec = 5000000};
    const struct rsa_key *key = atomic_load(&own_key);

    for (int64_t waited = 0;
         key && !rsa_key_is_made(key) && !start_is_ended() && waited < milliseconds; waited += 5)
        nanosleep(&moment, NULL);
}

void password_end(void)
{
    rsa_key_free(atomic_exchange(&own_key, NULL));
}

void password_forget(struct login_draft *draft)
{
    if (draft->password.at)
        rsa_wipe(draft->password.at, draft->password.length);
    free(draft->password.at);
    draft->password.at = NULL;
}

/* Does the server take the password in clear text? For sha256_password a Unix socket is not enough
 * (MySQL's server wants RSA there). */
static bool takes_clear(const struct session *session)
{
    return way_of(session->draft->plugin) == WAY_RSA ? tls_is(&session->upstream.stream)
                                                     : side_is_secure(&session->upstream);
}

/* Will the client of this login encrypt its password with silogate's key? */
static bool needs_key(const struct session *session)
{
    enum way way = way_of(session->draft->plugin);

    return (way == WAY_SHA2 || way == WAY_RSA) && !side_is_secure(&session->client) &&
           takes_clear(session);
}

enum step password_begin(struct session *session, struct text nonce)
{
    struct login_draft *draft = session->draft;
    bool secure = side_is_secure(&session->client) && side_is_secure(&session->upstream);
    enum way way = way_of(draft->plugin);

    password_forget(draft);
    draft->proof = PROOF_NONE;
    memset(draft->nonce, 0, sizeof(draft->nonce));
    if (nonce.length > 0)
        memcpy(draft->nonce, nonce.at, nonce.length < RSA_NONCE ? nonce.length : RSA_NONCE);
    if (way == WAY_NEVER)
        return login_refuse(
            session, CLOSED_LOGIN_REFUSED, 1045, "28000",
            "Access denied for user '%.*s': its authentication plugin cannot be used "
            "through silogate",
            TEXT_ARGS(draft->login.user));
    if (way == WAY_CLEAR && !secure)
        return login_refuse(
            session, CLOSED_LOGIN_INSECURE, 1045, "28000",
            "Access denied for user '%.*s': %s may send the password in clear, and a leg "
            "of this connection is not encrypted",
            TEXT_ARGS(draft->login.user), draft->plugin);
    if (needs_key(session) && !key_of(session))
        return login_refuse(session, CLOSED_LOGIN_INSECURE, 1045, "28000", "silogate: no memory");
    return STEP_AGAIN;
}

/* Is the client's next packet the password, or the request for a public key to encrypt it with? */
static bool is_secret(const struct login_draft *draft)
{
    enum way way = way_of(draft->plugin);

    return way == WAY_RSA || way == WAY_CLEAR ||
           (way == WAY_SHA2 && (draft->proof == PROOF_FULL || draft->proof == PROOF_KEYED));
}

bool password_lacks_key(const struct session *session)
{
    return is_secret(session->draft) && needs_key(session) && !rsa_key_is_made(key_of(session));
}

/* Removes the client's packet from its gate and wipes it. */
static void packet_wipe(struct session *session, size_t size)
{
    struct gate *gate = &session->client.gate;

    rsa_wipe(gate->bytes + gate->passed, size);
    gate_drop(gate, &session->worker->pool, size);
}

/* Sends a packet of silogate's own to the server. */
static void say_upstream(struct session *session, const void *payload, size_t length)
{
    struct gate *gate = &session->client.gate;
    uint8_t packet[PACKET_HEADER + RSA_BLOB_MAX] = {(uint8_t)length, (uint8_t)(length >> 8), 0,
                                                    session->upstream.sequence++};

    memcpy(packet + PACKET_HEADER, payload, length);
    gate_insert(gate, &session->worker->pool, packet, PACKET_HEADER + length);
    rsa_wipe(packet, sizeof(packet));
}

static enum step refuse(struct session *session, const char *why)
{
    /* it still waits for an answer, which abandoned.c will give */
    session->draft->exchange = EXCHANGE_ASKED;
    return login_refuse(session, CLOSED_LOGIN_INSECURE, 2061, "HY000",
                        "Authentication plugin '%s' reported error: silogate: %s",
                        session->draft->plugin, why);
}

/* Secure client, plain upstream: keeps the password until the server has sent its key. */
static enum step ask_for_key(struct session *session, struct text secret, size_t size)
{
    struct login_draft *draft = session->draft;
    uint8_t request = way_of(draft->plugin) == WAY_SHA2 ? 2 : 1;

    if (secret.length > RSA_BLOB_MAX || secret.at[secret.length - 1] != '\0') {
        packet_wipe(session, size);
        return refuse(session, "the password is too long, or no password");
    }
    draft->password.at = memory_take(secret.length);
    draft->password.length = secret.length;
    memcpy(draft->password.at, secret.at, secret.length);
    packet_wipe(session, size);
    say_upstream(session, &request, 1);
    draft->proof = PROOF_HELD;
    return STEP_AGAIN;
}

/* Plain client, secure upstream: the client asks for a key. */
static enum step give_key(struct session *session, size_t size)
{
    struct text pem = rsa_key_public(key_of(session));
    uint8_t packet[PACKET_HEADER + 1 + 2048];

    if (pem.length == 0 || pem.length > 2048)
        return refuse(session, "no RSA key could be made");
    gate_drop(&session->client.gate, &session->worker->pool, size);
    memset(packet, 0, PACKET_HEADER);
    packet[0] = (uint8_t)(pem.length + 1);
    packet[1] = (uint8_t)((pem.length + 1) >> 8);
    packet[3] = session->client.sequence++;
    packet[PACKET_HEADER] = 1; /* AuthMoreData */
    memcpy(packet + PACKET_HEADER + 1, pem.at, pem.length);
    gate_insert(&session->upstream.gate, &session->worker->pool, packet,
                PACKET_HEADER + 1 + pem.length);
    session->draft->exchange = EXCHANGE_ASKED;
    return STEP_AGAIN;
}

static enum step open_password(struct session *session, struct text secret, size_t size)
{
    struct login_draft *draft = session->draft;
    char password[RSA_BLOB_MAX];
    size_t length;
    bool good = rsa_password_open(key_of(session), draft->nonce, secret, password, sizeof(password),
                                  &length);

    packet_wipe(session, size);
    if (good && login_is_unknown(session))
        say_upstream(session, "no service has it..", 20);
    else if (good)
        say_upstream(session, password, length);
    rsa_wipe(password, sizeof(password));
    return good ? STEP_AGAIN
                : refuse(session,
                         "the password is not under silogate's key; unset the server's public key "
                         "in the client, or use TLS");
}

/* A password ends with its NUL and has no control characters; one that is encrypted with RSA has
 * 128 bytes or more that look random. */
static bool is_clear(struct text payload)
{
    if (payload.length < 128)
        return true;
    for (size_t i = 0; i + 1 < payload.length; i++)
        if ((uint8_t)payload.at[i] < ' ')
            return false;
    return payload.at[payload.length - 1] == '\0';
}

/* MariaDB's connector sends the password in clear text if it wanted TLS and was not offered any. A
 * listener on that leg has it then; silogate does not send it on. */
static void warn_of_clear(const struct session *session)
{
    const struct login_draft *draft = session->draft;

    if (!side_is_secure(&session->client))
        log_warning(
            "%s: the client of user '%.*s' has sent its password in clear over a leg that is not "
            "encrypted; offer TLS ([tls] certificate), and change the password",
            draft->client, TEXT_ARGS(draft->login.user));
}

bool password_from_client(struct session *session, size_t size, enum step *step)
{
    struct login_draft *draft = session->draft;
    struct gate *gate = &session->client.gate;
    struct text payload = {(const char *)gate_at(gate) + PACKET_HEADER, size - PACKET_HEADER};
    bool secure = takes_clear(session);
    uint8_t request = way_of(draft->plugin) == WAY_SHA2 ? 2 : 1;

    assert(payload.at); /* the packet is complete */
    if (!is_secret(draft))
        return false;
    gate->secret = true;
    /* An empty password is no secret: no bytes, or only the NUL. */
    if (payload.length == 0 || (payload.length == 1 && payload.at[0] == '\0'))
        return false;
    if (way_of(draft->plugin) == WAY_CLEAR)
        return false; /* both legs are secure: password_begin has checked it */
    if (payload.length == 1 && (uint8_t)payload.at[0] == request) {
        draft->proof = PROOF_KEYED;
        if (secure)
            *step = give_key(session, size);
        return secure;
    }
    if (draft->proof != PROOF_KEYED && (side_is_secure(&session->client) || is_clear(payload))) {
        warn_of_clear(session);
        if (!secure)
            *step = ask_for_key(session, payload, size);
        return !secure;
    }
    if (secure)
        *step = open_password(session, payload, size);
    return secure;
}

bool password_from_server(struct session *session, struct text payload, enum step *step)
{
    struct login_draft *draft = session->draft;
    struct text pem = {payload.at + 1, payload.length - 1};
    uint8_t blob[RSA_BLOB_MAX];
    size_t length;

    if (draft->proof != PROOF_HELD) {
        if (way_of(draft->plugin) == WAY_SHA2 && payload.length == 2 && payload.at[1] == 4)
            draft->proof = PROOF_FULL;
        else if (way_of(draft->plugin) == WAY_SHA2 && draft->proof != PROOF_NONE)
            draft->proof = PROOF_GIVEN;
        return false;
    }
    draft->proof = PROOF_GIVEN;
    bool good = rsa_password_seal(pem, draft->nonce,
                                  (struct text){draft->password.at, draft->password.length}, blob,
                                  sizeof(blob), &length);
    password_forget(draft);
    gate_drop(&session->upstream.gate, &session->worker->pool, PACKET_HEADER + payload.length);
    draft->exchange = EXCHANGE_SENT;
    if (good && login_is_unknown(session))
        say_upstream(session, "no service has it..", 20);
    else if (good)
        say_upstream(session, blob, length);
    *step = good ? STEP_AGAIN : refuse(session, "the server gave no RSA key for the password");
    return true;
}
