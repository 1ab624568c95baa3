/* The upstream leg: silogate as the TLS client of a server. Owns the TLS settings of one
 * [upstream:*], loaded once and counted by references, and the last session, which the next
 * connection resumes. Never opens a socket. Called by whoever builds a runtime, and by stream.c
 * for each connection.
 */
#include "tls/ends.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tls/material.h"

static bool client_verifies(const struct tls_client *client)
{
    return client->demand == CONFIG_TLS_VERIFY_CA || client->demand == CONFIG_TLS_VERIFY_IDENTITY;
}

static bool client_ca(struct tls_client *client, const struct config_upstream *upstream,
                      struct config_problems *problems)
{
    const struct config_text *ca = &upstream->ca, *crl = &upstream->crl;

    if (client_verifies(client) && ca->value.length == 0) {
        config_problem_add(
            problems, upstream->tls.line, false,
            "tls = verify_ca and verify_identity need `ca`, the file of the CA's certificate");
        return false;
    }
    if (!client_verifies(client) && (ca->value.length > 0 || crl->value.length > 0))
        config_problem_add(
            problems, ca->value.length ? ca->line : crl->line, true,
            "nothing is verified with tls = preferred or required; write verify_ca or "
            "verify_identity");
    return (ca->value.length == 0 || material_certificates(&client->ca, "ca", *ca, problems)) &&
           (crl->value.length == 0 || material_crl(&client->crl, *crl, problems));
}

static bool client_own(struct tls_client *client, const struct config_upstream *upstream,
                       struct config_problems *problems)
{
    struct config_text key = upstream->key.value.length ? upstream->key : upstream->certificate;

    if (upstream->certificate.value.length == 0 && upstream->key.value.length > 0) {
        config_problem_add(problems, upstream->key.line, false,
                           "key says nothing without its certificate; set certificate as well");
        return false;
    }
    if (upstream->certificate.value.length == 0)
        return true;
    if (!material_certificates(&client->chain, "certificate", upstream->certificate, problems) ||
        !material_key(&client->key, &client->chain, key, upstream->key_passphrase_file, problems))
        return false;
    client->has_certificate = true;
    material_name(&client->chain, &client->certificate);
    return true;
}

static bool client_configure(struct tls_client *client)
{
    struct error ignored;

    if (!tls_speech_versions(&client->speech, (struct text){0}, &ignored) ||
        !tls_speech_suites(&client->speech, (struct text){0}, &ignored) ||
        !tls_speech_groups(&client->speech, TEXT("X25519 secp256r1 secp384r1 secp521r1"),
                           &ignored) ||
        !tls_config_begin(&client->config, MBEDTLS_SSL_IS_CLIENT, &client->speech))
        return false;
    mbedtls_ssl_conf_session_tickets(&client->config, MBEDTLS_SSL_SESSION_TICKETS_ENABLED);
#if TLS_HAS_13
    mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
        &client->config, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
#endif
    mbedtls_ssl_conf_authmode(&client->config, client_verifies(client) ? MBEDTLS_SSL_VERIFY_REQUIRED
                                                                       : MBEDTLS_SSL_VERIFY_NONE);
    if (client_verifies(client))
        mbedtls_ssl_conf_ca_chain(&client->config, &client->ca,
                                  client->crl.version ? &client->crl : NULL);
    return !client->has_certificate ||
           mbedtls_ssl_conf_own_cert(&client->config, &client->chain, &client->key) == 0;
}

static struct tls_client *client_new(const struct config_upstream *upstream)
{
    struct tls_client *client = tls_library_begin() ? calloc(1, sizeof(*client)) : NULL;

    if (!client)
        return NULL;
    atomic_init(&client->references, 1);
    client->demand = (enum config_tls)upstream->tls.value;
    pthread_mutex_init(&client->lock, NULL);
    mbedtls_x509_crt_init(&client->ca);
    mbedtls_x509_crt_init(&client->chain);
    mbedtls_x509_crl_init(&client->crl);
    mbedtls_pk_init(&client->key);
    mbedtls_ssl_config_init(&client->config);
    mbedtls_ssl_session_init(&client->saved);
    return client;
}

bool tls_client_build(const struct config_upstream *upstream, struct tls_client **to,
                      struct config_problems *problems)
{
    struct tls_client *client;
    bool good;

    *to = NULL;
    if (upstream->tls.value == CONFIG_TLS_OFF)
        return true;
    client = client_new(upstream);
    good = client && client_ca(client, upstream, problems);
    good = client && client_own(client, upstream, problems) && good;
    if (good && client_configure(client)) {
        *to = client;
        return true;
    }
    if (!client || good)
        config_problem_add(
            problems, upstream->line, false,
            "TLS cannot be set up: no memory, or the machine gives no random numbers");
    tls_client_drop(client);
    return false;
}

struct tls_client *tls_client_take(struct tls_client *client)
{
    if (client)
        atomic_fetch_add_explicit(&client->references, 1, memory_order_relaxed);
    return client;
}

void tls_client_drop(struct tls_client *client)
{
    if (!client || atomic_fetch_sub_explicit(&client->references, 1, memory_order_acq_rel) != 1)
        return;
    mbedtls_ssl_session_free(&client->saved);
    mbedtls_ssl_config_free(&client->config);
    mbedtls_pk_free(&client->key);
    mbedtls_x509_crl_free(&client->crl);
    mbedtls_x509_crt_free(&client->chain);
    mbedtls_x509_crt_free(&client->ca);
    pthread_mutex_destroy(&client->lock);
    free(client);
}

bool tls_client_certificate(const struct tls_client *client, struct tls_certificate *certificate)
{
    *certificate = client->certificate;
    return client->has_certificate;
}

void tls_client_resume(struct tls_client *client, struct tls_stream *stream)
{
    pthread_mutex_lock(&client->lock);
    /* If it cannot be copied, the handshake is a full one. */
    if (client->has_saved && strcmp(client->saved_host, stream->host) == 0)
        (void)mbedtls_ssl_set_session(&stream->ssl, &client->saved);
    pthread_mutex_unlock(&client->lock);
}

void tls_client_save(struct tls_client *client, struct tls_stream *stream)
{
    mbedtls_ssl_session session;

    mbedtls_ssl_session_init(&session);
    if (mbedtls_ssl_get_session(&stream->ssl, &session) != 0) {
        mbedtls_ssl_session_free(&session);
        return;
    }
    pthread_mutex_lock(&client->lock);
    mbedtls_ssl_session_free(&client->saved);
    client->saved = session; /* copies the struct: no pointer points into it */
    client->has_saved = true;
    snprintf(client->saved_host, sizeof(client->saved_host), "%s", stream->host);
    pthread_mutex_unlock(&client->lock);
}
