/* The client leg: silogate as the TLS server. Owns the settings of [tls], loaded once, immutable
 * and counted by references; never opens a socket. Called by whoever builds a runtime, and by
 * stream.c for each client.
 */
#include "tls/ends.h"

#include <mbedtls/oid.h>
#include <stdlib.h>

#include "tls/material.h"
#include "tls/self.h"

/* A session ticket can be used for this long; its key is deleted after twice this time. */
enum { TICKET_SECONDS = 60 * 60 };

static bool server_speech(struct tls_server *server, const struct config *config,
                          struct config_problems *problems)
{
    struct {
        bool (*read)(struct tls_speech *, struct text, struct error *);
        const struct config_text *value;
    } parts[] = {
        {tls_speech_versions, &config->tls.min_version  },
        {tls_speech_suites,   &config->tls.cipher_suites},
        {tls_speech_groups,   &config->tls.curves       }
    };
    bool good = true;
    struct error why;

    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        if (parts[i].read(&server->speech, parts[i].value->value, &why))
            continue;
        config_problem_add(problems, parts[i].value->line, false, "%s", why.text);
        good = false;
    }
    return good;
}

/* mbedTLS fails each handshake with a certificate whose key usage does not allow servers. */
static bool server_usage(const struct tls_server *server, const struct config *config,
                         struct config_problems *problems)
{
    if (mbedtls_x509_crt_check_extended_key_usage(&server->chain, MBEDTLS_OID_SERVER_AUTH,
                                                  MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)) == 0)
        return true;
    config_problem_add(
        problems, config->tls.certificate.line, false,
        "certificate %s is not meant for servers (extendedKeyUsage); ask its CA for one with "
        "serverAuth",
        config->tls.certificate.value.at);
    return false;
}

static bool server_keys(struct tls_server *server, const struct config *config,
                        struct config_problems *problems)
{
    /* one file may contain both */
    struct config_text path =
        config->tls.key.value.length ? config->tls.key : config->tls.certificate;

    for (size_t i = 0; self_is_meant(config) && i < TLS_LANES; i++)
        if (!self_key(config, &server->lanes[i].key))
            return false;
    for (size_t i = 0; !self_is_meant(config) && i < TLS_LANES; i++)
        if (!material_key(&server->lanes[i].key, &server->chain, path,
                          config->tls.key_passphrase_file, problems))
            return false; /* the same for all lanes: reported once */
    return true;
}

static bool server_certificate(struct tls_server *server, const struct config *config,
                               struct config_problems *problems)
{
    if (!self_is_meant(config))
        return material_certificates(&server->chain, "certificate", config->tls.certificate,
                                     problems) &&
               server_usage(server, config, problems);
    if (self_certificate(config, &server->chain))
        return true;
    config_problem_add(problems, config->tls.certificate.line, false,
                       "certificate = auto: none can be made; is there enough memory?");
    return false;
}

static bool server_clients(struct tls_server *server, const struct config *config,
                           struct config_problems *problems)
{
    const struct config_text *ca = &config->tls.client_ca, *crl = &config->tls.client_crl;
    bool good = ca->value.length == 0 ||
                material_certificates(&server->client_ca, "client_ca", *ca, problems);

    if (crl->value.length > 0 && ca->value.length == 0) {
        config_problem_add(problems, crl->line, false,
                           "client_crl says nothing without client_ca; name the CA as well");
        return false;
    }
    return (crl->value.length == 0 || material_crl(&server->client_crl, *crl, problems)) && good;
}

static bool lane_begin(struct tls_server *server, struct tls_lane *lane, bool verifies)
{
    if (!tls_config_begin(&lane->config, MBEDTLS_SSL_IS_SERVER, &server->speech) ||
        mbedtls_ssl_conf_own_cert(&lane->config, &server->chain, &lane->key) != 0)
        return false;
    mbedtls_ssl_conf_session_tickets_cb(&lane->config, mbedtls_ssl_ticket_write,
                                        mbedtls_ssl_ticket_parse, &server->tickets);
    mbedtls_ssl_conf_authmode(&lane->config, MBEDTLS_SSL_VERIFY_NONE);
    if (!verifies)
        return true;
    /* A client may connect without a certificate: login decides whether its user needs one. A
     * client with an invalid certificate is refused in stream.c. */
    mbedtls_ssl_conf_authmode(&lane->config, MBEDTLS_SSL_VERIFY_OPTIONAL);
    mbedtls_ssl_conf_ca_chain(&lane->config, &server->client_ca,
                              server->client_crl.version ? &server->client_crl : NULL);
#if TLS_HAS_13
    /* A ticket of TLS 1.3 does not carry the client's certificate. */
    mbedtls_ssl_conf_new_session_tickets(&lane->config, 0);
#endif
    return true;
}

static bool server_configure(struct tls_server *server, const struct config *config,
                             struct config_problems *problems)
{
    bool verifies = config->tls.client_ca.value.length > 0;
    bool good = mbedtls_ssl_ticket_setup(&server->tickets, tls_random, NULL,
                                         MBEDTLS_CIPHER_AES_256_GCM, TICKET_SECONDS) == 0;

    for (size_t i = 0; i < TLS_LANES && good; i++)
        good = lane_begin(server, &server->lanes[i], verifies);
    if (!good)
        config_problem_add(problems, config->tls.certificate.line, false,
                           "TLS cannot be set up with this certificate; is there enough memory?");
    return good;
}

static struct tls_server *server_new(void)
{
    struct tls_server *server = tls_library_begin() ? calloc(1, sizeof(*server)) : NULL;

    if (!server)
        return NULL;
    atomic_init(&server->references, 1);
    mbedtls_x509_crt_init(&server->chain);
    mbedtls_x509_crt_init(&server->client_ca);
    mbedtls_x509_crl_init(&server->client_crl);
    mbedtls_ssl_ticket_init(&server->tickets);
    for (size_t i = 0; i < TLS_LANES; i++) {
        mbedtls_pk_init(&server->lanes[i].key);
        mbedtls_ssl_config_init(&server->lanes[i].config);
    }
    return server;
}

/* A service with certificate_name needs client_ca to verify certificates. */
static bool services_check(const struct config *config, bool verifies,
                           struct config_problems *problems)
{
    bool good = true;

    for (size_t i = 0; i < config->service_count; i++) {
        const struct config_text *name = &config->services[i].certificate_name;
        if (name->value.length == 0 || verifies)
            continue;
        config_problem_add(
            problems, name->line, false,
            "certificate_name needs verified clients; set certificate and client_ca in [tls]");
        good = false;
    }
    return good;
}

bool tls_server_build(const struct config *config, struct tls_server **to,
                      struct config_problems *problems)
{
    bool is_off = config->tls.client.value == CONFIG_TLS_OFF;
    bool has_certificate = config->tls.certificate.value.length > 0;
    bool good = services_check(
        config, !is_off && has_certificate && config->tls.client_ca.value.length > 0, problems);
    struct tls_server *server;

    *to = NULL;
    if (!is_off && !has_certificate && config->tls.client.value == CONFIG_TLS_REQUIRED) {
        config_problem_add(problems, config->tls.client.line, false,
                           "client = required needs a certificate and key in [tls]");
        return false;
    }
    if (is_off || !has_certificate)
        return good;
    server = server_new();
    if (!server) {
        config_problem_add(
            problems, config->tls.certificate.line, false,
            "TLS cannot be set up: no memory, or the machine gives no random numbers");
        return false;
    }
    good = server_speech(server, config, problems) && good;
    good = server_certificate(server, config, problems) && server_keys(server, config, problems) &&
           good;
    good = server_clients(server, config, problems) && good;
    if (good && server_configure(server, config, problems)) {
        material_name(&server->chain, &server->certificate);
        server->certificate.is_self_made = self_is_meant(config);
        *to = server;
        return true;
    }
    tls_server_drop(server);
    return false;
}

struct tls_server *tls_server_take(struct tls_server *server)
{
    if (server)
        atomic_fetch_add_explicit(&server->references, 1, memory_order_relaxed);
    return server;
}

void tls_server_drop(struct tls_server *server)
{
    if (!server || atomic_fetch_sub_explicit(&server->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < TLS_LANES; i++) {
        mbedtls_ssl_config_free(&server->lanes[i].config);
        mbedtls_pk_free(&server->lanes[i].key);
    }
    mbedtls_ssl_ticket_free(&server->tickets);
    mbedtls_x509_crl_free(&server->client_crl);
    mbedtls_x509_crt_free(&server->client_ca);
    mbedtls_x509_crt_free(&server->chain);
    free(server);
}

void tls_server_certificate(const struct tls_server *server, struct tls_certificate *certificate)
{
    *certificate = server->certificate;
}

const mbedtls_ssl_config *tls_server_config(struct tls_server *server)
{
    static atomic_uint threads;
    static _Thread_local unsigned lane; /* counted from 1 */

    if (lane == 0)
        lane = atomic_fetch_add(&threads, 1) % TLS_LANES + 1;
    return &server->lanes[lane - 1].config;
}
