/* mbedTLS behind one door: TLS for the client leg and for the upstreams, swapped in place of a
 * plain stream (base/stream.h). Nothing outside this room sees mbedTLS, nor which version of it
 * there is.
 *
 *   client leg:    tls_server_build -> tls_accept  -> tls_handshake until DONE -> stream_read/write
 *   upstream leg:  tls_client_build -> tls_connect -> tls_handshake until DONE -> stream_read/write
 *
 * What is built is immutable and counted: every stream holds the one it began with, so a reload
 * builds new ones and drops its own reference, and running sessions keep theirs.
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

/* The client leg's TLS out of [tls]: certificate chain and key, client CA and CRL, versions,
 * suites, curves, ticket keys. False where something is wrong: every problem is added to `problems`
 * with its line; warnings (a certificate that ends within 30 days) are added as such and are no
 * failure.
 * `*server` is NULL where TLS is not offered: `client = off`, or `preferred` and no certificate at
 * all (`auto`, the default, is one).
 * The caller holds one reference. Thread safe; reads files, so not for the event loop. */
bool tls_server_build(const struct config *config, struct tls_server **server,
                      struct config_problems *problems);
struct tls_server *tls_server_take(struct tls_server *server);
void tls_server_drop(struct tls_server *server); /* NULL is harmless */

/* The same for one [upstream:*]; `*client` is NULL where its `tls` is off. */
bool tls_client_build(const struct config_upstream *upstream, struct tls_client **client,
                      struct config_problems *problems);
struct tls_client *tls_client_take(struct tls_client *client);
void tls_client_drop(struct tls_client *client);

/* Keeps the self-signed certificate of `certificate = auto` in the state folder, where there is one
 * and it does not hold a good one already; behind tls_server_build. False: `why` is for the log,
 * and everything goes on. The main thread's. */
bool tls_keep(const struct config *config, struct error *why);

/* A loaded certificate, for logs and metrics. */
struct tls_certificate {
    char name[128];       /* subject */
    char fingerprint[96]; /* SHA-256, "AB:CD:..." */
    bool is_self_made;    /* of `certificate = auto` */
    char until[24];       /* RFC 3339, UTC: the last second it holds */
    int64_t seconds;      /* the same as seconds since 1970 */
};
void tls_server_certificate(const struct tls_server *server, struct tls_certificate *certificate);
/* False where the upstream's leg has no certificate of its own. */
bool tls_client_certificate(const struct tls_client *client, struct tls_certificate *certificate);
/* Whole days until then, negative after it. */
int tls_days_left(const struct tls_certificate *certificate, int64_t now);

/* Swaps the plain stream's kind for TLS; the socket stays. `early`: what was read off the socket
 * behind the SSLRequest in the same read: it belongs to TLS (a client may send its hello at once),
 * is copied, and must not be looked at by the caller any more. False: no memory, and the stream is
 * as it was. */
bool tls_accept(struct tls_server *server, struct stream *stream, struct text early);
/* `host`: what was configured as the upstream's address (a name or an IP address), which
 * verify_identity checks the server's certificate for; sent as SNI where it is a name. */
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

/* Goes on with the handshake. AGAIN: stream_wants_write tells what to wait for. FAILED: `why` is a
 * sentence for the log and for the client (never a secret), tls_failure has the class; the other
 * side was sent an alert, and only stream_close is left to do. After DONE, not called again. */
enum tls_step tls_handshake(struct stream *stream, struct error *why);
enum tls_failure tls_failure(const struct stream *stream);

/* What is known of a stream after its handshake. False or "" on a plain stream. */
bool tls_is(const struct stream *stream);
bool tls_has_certificate(const struct stream *stream); /* the other side's, and it was verified */
/* Is `name` (case aside) one of the verified certificate's DNS names, or, where it has none, its
 * common name? No wildcards: a client is one name. */
bool tls_has_name(const struct stream *stream, struct text name);
bool tls_resumed(const struct stream *stream);
const char *tls_version(const struct stream *stream); /* "TLSv1.2" */
const char *tls_cipher(const struct stream *stream);  /* "TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256" */

/* For `silogate version`: "2.28.3", of the library that runs. */
const char *tls_library(void);

#endif
