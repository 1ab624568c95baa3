/* silogate as TLS server and as TLS client, and the private part of a TLS stream. Private to this
 * room. */
#ifndef TLS_ENDS_H
#define TLS_ENDS_H

#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/x509_crl.h>
#include <mbedtls/x509_crt.h>
#include <pthread.h>
#include <stdatomic.h>

#include "tls/library.h"
#include "tls/tls.h"

/* mbedTLS holds an RSA key's lock for the whole private operation, so threads that share a key
 * wait for each other. So there are several copies of the key (lanes), and each thread always uses
 * the same one. */
enum { TLS_LANES = 8, TLS_HOST_MAX = 256 };

struct tls_lane {
    mbedtls_pk_context key;
    mbedtls_ssl_config config;
};

struct tls_server {
    atomic_uint references;
    struct tls_speech speech;
    mbedtls_x509_crt chain, client_ca;
    mbedtls_x509_crl client_crl;
    mbedtls_ssl_ticket_context tickets;
    struct tls_lane lanes[TLS_LANES];
    struct tls_certificate certificate;
};

struct tls_client {
    atomic_uint references;
    struct tls_speech speech;
    enum config_tls demand;
    mbedtls_x509_crt ca, chain;
    mbedtls_x509_crl crl;
    mbedtls_pk_context key;
    mbedtls_ssl_config config;
    bool has_certificate;
    struct tls_certificate certificate;
    /* The last session, which the next connection to the same host resumes: another host has not
     * been verified. */
    pthread_mutex_t lock;
    mbedtls_ssl_session saved;
    char saved_host[TLS_HOST_MAX];
    bool has_saved;
};

struct tls_stream {
    mbedtls_ssl_context ssl;
    int socket;
    struct tls_server *server; /* one of the two is NULL */
    struct tls_client *client;
    uint8_t *ahead; /* bytes from the socket that mbedTLS has not read yet; allocated, or the
                       thread's buffer */
    size_t ahead_from, ahead_to;
    size_t begun; /* of a write that must be repeated: how many bytes mbedTLS has taken */
    enum tls_failure failure;
    int socket_error;
    bool is_dry; /* in this operation the socket has already said EAGAIN */
    bool is_done, is_full, is_self_signed, wants_write, is_broken;
    char host[TLS_HOST_MAX];
};

const mbedtls_ssl_config *tls_server_config(struct tls_server *server);

/* Gives the saved session to a new stream; saves the session of a stream whose handshake is done.
 */
void tls_client_resume(struct tls_client *client, struct tls_stream *stream);
void tls_client_save(struct tls_client *client, struct tls_stream *stream);

/* mbedTLS's verify callback: `stream` is a struct tls_stream. */
int tls_verify(void *stream, mbedtls_x509_crt *certificate, int depth, uint32_t *flags);

/* Is the certificate valid for this host (RFC 6125)? Names with one wildcard as the leftmost
 * label, IP addresses; the common name, if there is no subject alternative name of that kind. */
bool names_match_host(const mbedtls_x509_crt *certificate, const char *host);
/* Is this exactly one of its names? */
bool names_match_exactly(const mbedtls_x509_crt *certificate, struct text name);

/* The reason of a failed handshake, from mbedTLS's error code and the verification's flags. */
enum tls_failure failure_of(const struct tls_stream *stream, int code);
enum tls_failure failure_of_flags(uint32_t flags, bool is_self_signed);
/* The TLS alert for a failure, and the failure for the other side's alert. */
uint8_t failure_alert(enum tls_failure failure);
const char *failure_alert_words(uint8_t alert);
const char *failure_sentence(enum tls_failure failure);

#endif
