/* TLS as a kind of stream: the handshake, reads, writes and the end, over a socket that does not
 * block. Owns the buffers between the socket and mbedTLS; does not decide who may log in. Called
 * through base/stream.h, and by the session during the handshake.
 *
 * mbedTLS reads the 5 bytes of a record's header from the socket and then its body. To make that
 * one system call, small reads read ahead into a buffer of the thread; bytes that mbedTLS has not
 * read when an operation ends are copied into the stream's own buffer, which is freed once it is
 * empty. After STREAM_AGAIN both are empty: mbedTLS has read everything.
 */
#include "tls/ends.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/platform_util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { AHEAD = 4096 };

static _Thread_local uint8_t scratch[AHEAD];

static const struct stream_kind stream_tls;

static ssize_t socket_receive(struct tls_stream *tls, void *to, size_t size)
{
    ssize_t got;

    do
        got = recv(tls->socket, to, size, 0);
    while (got < 0 && errno == EINTR);
    if (got >= 0)
        return got;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        tls->is_dry = true;
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    tls->socket_error = errno;
    return MBEDTLS_ERR_NET_RECV_FAILED;
}

/* mbedTLS's f_recv. */
static int receive(void *stream, unsigned char *to, size_t size)
{
    struct tls_stream *tls = stream;
    size_t part;

    if (tls->ahead_from == tls->ahead_to) {
        ssize_t got;
        if (size >= AHEAD)
            return (int)socket_receive(tls, to, size);
        got = socket_receive(tls, scratch, AHEAD);
        if (got <= 0)
            return (int)got;
        if (tls->ahead != scratch)
            free(tls->ahead);
        tls->ahead = scratch;
        tls->ahead_from = 0;
        tls->ahead_to = (size_t)got;
    }
    part = tls->ahead_to - tls->ahead_from;
    part = part < size ? part : size;
    memcpy(to, tls->ahead + tls->ahead_from, part);
    tls->ahead_from += part;
    return (int)part;
}

/* mbedTLS's f_send. */
static int transmit(void *stream, const unsigned char *from, size_t size)
{
    struct tls_stream *tls = stream;
    ssize_t put;

    do
        put = send(tls->socket, from, size, MSG_NOSIGNAL);
    while (put < 0 && errno == EINTR);
    if (put >= 0)
        return (int)put;
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return MBEDTLS_ERR_SSL_WANT_WRITE;
    tls->socket_error = errno;
    return MBEDTLS_ERR_NET_SEND_FAILED;
}

/* Keeps bytes that were read ahead. False: no memory. */
static bool ahead_keep(struct tls_stream *tls, const uint8_t *from, size_t size)
{
    uint8_t *own = size > 0 ? malloc(size) : NULL;

    if (size > 0 && own)
        memcpy(own, from, size);
    tls->ahead = own;
    tls->ahead_from = 0;
    tls->ahead_to = own ? size : 0;
    return own || size == 0;
}

/* At the end of an operation: empties the thread's buffer, which the next stream will use. */
static bool settle(struct tls_stream *tls)
{
    if (tls->ahead == scratch)
        return ahead_keep(tls, scratch + tls->ahead_from, tls->ahead_to - tls->ahead_from);
    if (tls->ahead && tls->ahead_from == tls->ahead_to) {
        free(tls->ahead);
        ahead_keep(tls, NULL, 0);
    }
    return true;
}

static ssize_t broken(struct tls_stream *tls)
{
    tls->is_broken = true;
    errno = tls->socket_error ? tls->socket_error : EPROTO;
    return STREAM_FAILED;
}

/* One call of mbedtls_ssl_read; repeated if it was a session ticket between the data (TLS 1.3).
 * For such a message mbedTLS 3.6 returns WANT_READ without having read the socket: that means
 * "call again", not "wait". */
static int read_once(struct tls_stream *tls, void *to, size_t size)
{
    int got;

    do {
        got = mbedtls_ssl_read(&tls->ssl, to, size < INT_MAX ? size : INT_MAX);
#if TLS_HAS_13
        if (got == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
            tls_client_save(tls->client, tls);
            got = MBEDTLS_ERR_SSL_WANT_READ;
        }
#endif
    } while (got == MBEDTLS_ERR_SSL_WANT_READ && !tls->is_dry);
    return got;
}

static ssize_t tls_read(struct stream *stream, void *to, size_t size)
{
    struct tls_stream *tls = stream->secret;
    int got;

    assert(tls->is_done && size > 0);
    if (tls->is_broken)
        return broken(tls);
    tls->is_dry = false;
    got = read_once(tls, to, size);
    if (!settle(tls))
        return broken(tls);
    if (got > 0)
        return got;
    if (got == MBEDTLS_ERR_SSL_WANT_READ) {
        tls->wants_write = false;
        return STREAM_AGAIN;
    }
    if (got == 0 || got == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
        return STREAM_END;
    /* Also for WANT_WRITE: it means that an alert (to a client that wants to renegotiate) does not
     * fit into the socket's buffer, and mbedTLS would mix the rest of that alert with the next
     * write's record. */
    return broken(tls);
}

static ssize_t tls_write(struct stream *stream, const void *from, size_t size)
{
    struct tls_stream *tls = stream->secret;
    size_t part = tls->begun ? tls->begun : size < INT_MAX ? size : INT_MAX;
    int put;

    assert(tls->is_done && size > 0 && part <= size);
    if (tls->is_broken)
        return broken(tls);
    if (tls->begun > 0 && tls->ssl.MBEDTLS_PRIVATE(out_left) == 0) {
        tls->begun = 0; /* an alert during a read has flushed the record */
        return (ssize_t)part;
    }
    if (tls->begun == 0) {
        int most = mbedtls_ssl_get_max_out_record_payload(&tls->ssl);
        if (most > 0 && part > (size_t)most)
            part = (size_t)most;
    }
    put = mbedtls_ssl_write(&tls->ssl, from, part);
    if (put == MBEDTLS_ERR_SSL_WANT_WRITE) {
        tls->begun = part;
        tls->wants_write = true;
        return STREAM_AGAIN;
    }
    tls->begun = 0;
    return put > 0 ? put : broken(tls);
}

static void tls_free(struct tls_stream *tls)
{
    mbedtls_ssl_free(&tls->ssl);
    tls_server_drop(tls->server);
    tls_client_drop(tls->client);
    free(tls->ahead);
    free(tls);
}

static void tls_close(struct stream *stream)
{
    struct tls_stream *tls = stream->secret;

    /* If a record is half sent, the other side would take the notice for the rest of it. */
    if (tls->is_done && !tls->is_broken && tls->ssl.MBEDTLS_PRIVATE(out_left) == 0)
        (void)mbedtls_ssl_close_notify(&tls->ssl);
    tls_free(tls);
    close(stream->socket);
}

static bool tls_pending(const struct stream *stream)
{
    const struct tls_stream *tls = stream->secret;

    return tls->ahead_from < tls->ahead_to || mbedtls_ssl_get_bytes_avail(&tls->ssl) > 0;
}

static bool tls_arrives(const struct stream *stream)
{
    const struct tls_stream *tls = stream->secret;

    return tls->ssl.MBEDTLS_PRIVATE(in_left) > 0; /* of a record */
}

static bool tls_wants_write(const struct stream *stream)
{
    const struct tls_stream *tls = stream->secret;

    return tls->wants_write;
}

static const struct stream_kind stream_tls = {.read = tls_read,
                                              .write = tls_write,
                                              .close = tls_close,
                                              .pending = tls_pending,
                                              .arrives = tls_arrives,
                                              .wants_write = tls_wants_write};

static struct tls_stream *tls_new(const mbedtls_ssl_config *config, int socket)
{
    struct tls_stream *tls = calloc(1, sizeof(*tls));

    if (!tls)
        return NULL;
    mbedtls_ssl_init(&tls->ssl);
    tls->socket = socket;
    if (mbedtls_ssl_setup(&tls->ssl, config) != 0) {
        tls_free(tls);
        return NULL;
    }
    mbedtls_ssl_set_bio(&tls->ssl, tls, transmit, receive, NULL);
    mbedtls_ssl_set_verify(&tls->ssl, tls_verify, tls);
    return tls;
}

bool tls_accept(struct tls_server *server, struct stream *stream, struct text early)
{
    struct tls_stream *tls = tls_new(tls_server_config(server), stream->socket);

    if (!tls)
        return false;
    if (!ahead_keep(tls, (const uint8_t *)early.at, early.length)) {
        tls_free(tls);
        return false;
    }
    tls->server = tls_server_take(server);
    stream->kind = &stream_tls;
    stream->secret = tls;
    return true;
}

static bool is_address(const char *host)
{
    uint8_t address[16];

    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

bool tls_connect(struct tls_client *client, struct stream *stream, const char *host)
{
    struct tls_stream *tls = tls_new(&client->config, stream->socket);
    bool is_name = host[0] && host[0] != '/' && !is_address(host);

    if (!tls)
        return false;
    /* A name that is too long is cut, and then the check fails, as it must. */
    snprintf(tls->host, sizeof(tls->host), "%s", host);
    if (mbedtls_ssl_set_hostname(&tls->ssl, is_name ? tls->host : NULL) != 0) {
        tls_free(tls);
        return false;
    }
    tls_client_resume(client, tls);
    tls->client = tls_client_take(client);
    stream->kind = &stream_tls;
    stream->secret = tls;
    return true;
}

int tls_verify(void *stream, mbedtls_x509_crt *certificate, int depth, uint32_t *flags)
{
    struct tls_stream *tls = stream;

    if (depth != 0)
        return 0;
    tls->is_self_signed = certificate->issuer_raw.len > 0 &&
                          certificate->issuer_raw.len == certificate->subject_raw.len &&
                          memcmp(certificate->issuer_raw.p, certificate->subject_raw.p,
                                 certificate->subject_raw.len) == 0;
    if (!tls->client)
        return 0;
    /* mbedTLS has compared only the SNI name; our own comparison also knows addresses. */
    *flags &= ~(uint32_t)MBEDTLS_X509_BADCERT_CN_MISMATCH;
    if (tls->client->demand == CONFIG_TLS_VERIFY_IDENTITY &&
        !names_match_host(certificate, tls->host))
        *flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
    return 0;
}

/* Did the client send a certificate that is not valid? */
static bool certificate_refused(struct tls_stream *tls)
{
    uint32_t flags = mbedtls_ssl_get_verify_result(&tls->ssl);

    flags &= ~(uint32_t)(MBEDTLS_X509_BADCERT_MISSING | MBEDTLS_X509_BADCERT_SKIP_VERIFY);
    if (!tls->server || flags == 0)
        return false;
    tls->failure = failure_of_flags(flags, tls->is_self_signed);
    (void)mbedtls_ssl_send_alert_message(&tls->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
                                         failure_alert(tls->failure));
    return true;
}

static enum tls_step handshake_failed(struct tls_stream *tls, int code, struct error *why)
{
    tls->is_broken = true;
    if (tls->failure == TLS_FAILURE_NONE)
        tls->failure = failure_of(tls, code);
    if (tls->failure == TLS_FAILURE_REFUSED)
        error_set(why, "TLS: %s: %s", failure_sentence(tls->failure),
                  failure_alert_words(tls->ssl.MBEDTLS_PRIVATE(in_msg)[1]));
    else if (tls->failure == TLS_FAILURE_NAME)
        error_set(why, "TLS: %s than %s", failure_sentence(tls->failure), tls->host);
    else if (tls->failure == TLS_FAILURE_PROTOCOL || tls->failure == TLS_FAILURE_MACHINE)
        error_set(why, "TLS: %s (mbedTLS -0x%04x)", failure_sentence(tls->failure),
                  (unsigned)-code);
    else
        error_set(why, "TLS: %s", failure_sentence(tls->failure));
    return TLS_FAILED;
}

/* A resumed session shows no certificate. */
static int handshake_steps(struct tls_stream *tls)
{
    int code = 0;

    tls->is_dry = false;
    while ((code == 0 || (code == MBEDTLS_ERR_SSL_WANT_READ && !tls->is_dry)) &&
           tls->ssl.MBEDTLS_PRIVATE(state) != MBEDTLS_SSL_HANDSHAKE_OVER) {
        if (tls->ssl.MBEDTLS_PRIVATE(state) == MBEDTLS_SSL_SERVER_CERTIFICATE)
            tls->is_full = true;
        code = mbedtls_ssl_handshake_step(&tls->ssl);
    }
    return code;
}

enum tls_step tls_handshake(struct stream *stream, struct error *why)
{
    struct tls_stream *tls = stream->secret;
    int code;

    assert(tls_is(stream) && !tls->is_done);
    if (tls->is_broken)
        return handshake_failed(tls, 0, why);
    code = handshake_steps(tls);
    if (!settle(tls)) {
        tls->failure = TLS_FAILURE_MACHINE;
        return handshake_failed(tls, MBEDTLS_ERR_SSL_ALLOC_FAILED, why);
    }
    if (code == MBEDTLS_ERR_SSL_WANT_READ || code == MBEDTLS_ERR_SSL_WANT_WRITE) {
        tls->wants_write = code == MBEDTLS_ERR_SSL_WANT_WRITE;
        return TLS_AGAIN;
    }
    if (code != 0 || certificate_refused(tls))
        return handshake_failed(tls, code, why);
    tls->is_done = true;
    tls->wants_write = false;
    if (tls->client && tls->is_full)
        tls_client_save(tls->client, tls);
    return TLS_DONE;
}

enum tls_failure tls_failure(const struct stream *stream)
{
    return tls_is(stream) ? ((const struct tls_stream *)stream->secret)->failure : TLS_FAILURE_NONE;
}

bool tls_is(const struct stream *stream)
{
    return stream->kind == &stream_tls;
}

static const struct tls_stream *done(const struct stream *stream)
{
    const struct tls_stream *tls = tls_is(stream) ? stream->secret : NULL;

    return tls && tls->is_done ? tls : NULL;
}

/* The other side's certificate, if it was sent and verified. */
static const mbedtls_x509_crt *verified(const struct stream *stream)
{
    const struct tls_stream *tls = done(stream);

    /* A server's certificate that was not verified has no flags set either. */
    if (!tls || (tls->client && tls->client->demand < CONFIG_TLS_VERIFY_CA) ||
        mbedtls_ssl_get_verify_result(&tls->ssl) != 0)
        return NULL;
    return mbedtls_ssl_get_peer_cert(&tls->ssl);
}

bool tls_has_certificate(const struct stream *stream)
{
    return verified(stream) != NULL;
}

bool tls_has_name(const struct stream *stream, struct text name)
{
    const mbedtls_x509_crt *certificate = verified(stream);

    return certificate && names_match_exactly(certificate, name);
}

bool tls_resumed(const struct stream *stream)
{
    const struct tls_stream *tls = done(stream);

    return tls && !tls->is_full;
}

const char *tls_version(const struct stream *stream)
{
    const struct tls_stream *tls = done(stream);

    return tls ? mbedtls_ssl_get_version(&tls->ssl) : "";
}

const char *tls_cipher(const struct stream *stream)
{
    const struct tls_stream *tls = done(stream);

    return tls ? mbedtls_ssl_get_ciphersuite(&tls->ssl) : "";
}
