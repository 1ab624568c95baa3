/* TLS for the client leg and for the upstreams, with mbedTLS; it replaces a plain stream
 * (base/stream.h). No other room includes mbedTLS or depends on its version.
 *
 *   client leg:    tls_server_build -> tls_accept  -> tls_handshake until DONE -> stream_read/write
 *   upstream leg:  tls_client_build -> tls_connect -> tls_handshake until DONE -> stream_read/write
 *
 * struct tls_server and struct tls_client are immutable and counted by references: every stream
 * holds the one it began with. A reload builds new ones and drops its own references; running
 * sessions keep theirs.
 */
#ifndef TLS_TLS_H
#define TLS_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/stream.h"
#include "base/text.h"
#include "config/config.h"

struct tls_server;
struct tls_client;

/* The client leg's TLS from [tls]: certificate chain and key, client CA and CRL, versions, suites,
 * curves, ticket keys. False: there is an error. Every problem is added to `problems` with its
 * line; warnings (a certificate that ends within 30 days) are added too and are no failure.
 * `*server` is NULL if TLS is not offered (`client = off`). The caller gets one reference. Thread
 * safe; reads files, so not for the event loop. */
bool tls_server_build(const struct config *config, struct tls_server **server,
                      struct config_problems *problems);
struct tls_server *tls_server_take(struct tls_server *server);
void tls_server_drop(struct tls_server *server); /* NULL is allowed */

/* The same for one [upstream:*]; `*client` is NULL if its `tls` is off. */
bool tls_client_build(const struct config_upstream *upstream, struct tls_client **client,
                      struct config_problems *problems);
struct tls_client *tls_client_take(struct tls_client *client);
void tls_client_drop(struct tls_client *client);

/* Writes the self-signed certificate of `certificate = auto` into the state folder, if that is set
 * and has no valid one yet. To be called after tls_server_build, by the main thread. False: `why`
 * is for the log only. */
bool tls_keep(const struct config *config, struct error *why);

/* A loaded certificate, for logs and metrics. */
struct tls_certificate {
    char name[128];       /* subject */
    char fingerprint[96]; /* SHA-256, "AB:CD:..." */
    bool is_self_made;    /* made for `certificate = auto` */
    char until[24];       /* RFC 3339, UTC: the last second it is valid */
    int64_t seconds;      /* the same as seconds since 1970 */
};
void tls_server_certificate(const struct tls_server *server, struct tls_certificate *certificate);
/* False: silogate shows this upstream no certificate. */
bool tls_client_certificate(const struct tls_client *client, struct tls_certificate *certificate);
/* Whole days until `until`, negative after it. */
int tls_days_left(const struct tls_certificate *certificate, int64_t now);

/* Turns the plain stream into a TLS stream on the same socket. `early`: bytes that were read from
 * the socket together with the SSLRequest; they belong to TLS (a client may send its ClientHello
 * at once). They are copied, and the caller must not use them any more. False: no memory, and the
 * stream is unchanged. */
bool tls_accept(struct tls_server *server, struct stream *stream, struct text early);
/* `host`: the upstream's address as configured (a name or an IP address). verify_identity checks
 * the server's certificate for it; a name is sent as SNI. */
bool tls_connect(struct tls_client *client, struct stream *stream, const char *host);

/* Why a handshake failed: (name, word for logs and metrics, sentence). */
#define TLS_FAILURES(X)                                                                            \
    X(NONE, "none", "nothing failed")                                                              \
    X(CLOSED, "closed", "the other side closed the connection")                                    \
    X(PROTOCOL, "protocol", "the other side's bytes are not TLS")                                  \
    X(VERSION, "version", "no TLS version in common")                                              \
    X(CIPHER, "cipher", "no cipher suite or curve in common")                                      \
    X(EXPIRED, "certificate_expired", "the certificate has expired")                               \
    X(NOT_YET, "certificate_not_yet_valid", "the certificate is not valid yet")                    \
    X(REVOKED, "certificate_revoked", "the certificate was revoked")                               \
    X(NAME, "certificate_name", "the certificate is for another name")                             \
    X(SELF_SIGNED, "certificate_self_signed", "the certificate is self-signed and not trusted")    \
    X(UNKNOWN_CA, "certificate_unknown_ca", "the certificate's issuer is not trusted")             \
    X(WEAK, "certificate_weak", "the certificate's key or signature is too weak")                  \
    X(USAGE, "certificate_usage", "the certificate is not meant for this use")                     \
    X(MISSING, "certificate_missing", "there is no certificate")                                   \
    X(CERTIFICATE, "certificate_bad", "the certificate cannot be used")                            \
    X(CRL, "revocation_list", "the revocation list cannot be trusted or has expired")              \
    X(REFUSED, "refused", "the other side refused the handshake")                                  \
    X(MACHINE, "machine", "the machine failed")

enum tls_failure {
#define X(name, word, sentence) TLS_FAILURE_##name,
    TLS_FAILURES(X)
#undef X
};
const char *tls_failure_word(enum tls_failure failure);

enum tls_step { TLS_DONE, TLS_AGAIN, TLS_FAILED };

/* Continues the handshake. AGAIN: stream_wants_write tells what to wait for. FAILED: `why` is a
 * sentence for the log and for the client (without secrets), tls_failure tells the kind; an alert
 * was sent, and only stream_close may be called. Not to be called after DONE. */
enum tls_step tls_handshake(struct stream *stream, struct error *why);
enum tls_failure tls_failure(const struct stream *stream);

/* Facts about a stream after its handshake. False or "" for a plain stream. */
bool tls_is(const struct stream *stream);
/* the other side has sent one, and it was verified */
bool tls_has_certificate(const struct stream *stream);
/* Is `name` (without case) one of the verified certificate's DNS names or, if it has none, its
 * common name? Wildcards do not match: a client is one name. */
bool tls_has_name(const struct stream *stream, struct text name);
bool tls_resumed(const struct stream *stream);
const char *tls_version(const struct stream *stream); /* "TLSv1.2" */
const char *tls_cipher(const struct stream *stream);  /* "TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256" */

/* For `silogate version`: "2.28.3", the version of the loaded library. */
const char *tls_library(void);

#endif
