/* What went wrong, in words: mbedTLS's codes, the flags of a verification and the alerts of the
 * other side
 * -> one of TLS_FAILURES. Tables and pure functions; called by stream.c.
 */
#include "tls/ends.h"

#include <errno.h>
#include <mbedtls/net_sockets.h>

static const struct {
    const char *word, *sentence;
} failures[] = {
#define X(name, text, say) [TLS_FAILURE_##name] = {text, say},
    TLS_FAILURES(X)
#undef X
};

const char *tls_failure_word(enum tls_failure failure)
{
    return failures[failure].word;
}

const char *failure_sentence(enum tls_failure failure)
{
    return failures[failure].sentence;
}

/* In this order: if the certificate's issuer is not trusted, its dates and names prove nothing and
 * are not reported. */
static const struct {
    uint32_t flags;
    enum tls_failure failure;
} verifications[] = {
    {MBEDTLS_X509_BADCERT_NOT_TRUSTED,                                                               TLS_FAILURE_UNKNOWN_CA},
    {MBEDTLS_X509_BADCERT_REVOKED,                                                                   TLS_FAILURE_REVOKED   },
    {MBEDTLS_X509_BADCERT_EXPIRED,                                                                   TLS_FAILURE_EXPIRED   },
    {MBEDTLS_X509_BADCERT_FUTURE,                                                                    TLS_FAILURE_NOT_YET   },
    {MBEDTLS_X509_BADCERT_CN_MISMATCH,                                                               TLS_FAILURE_NAME      },
    {MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE |
         MBEDTLS_X509_BADCERT_NS_CERT_TYPE,                                                     TLS_FAILURE_USAGE     },
    {MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK | MBEDTLS_X509_BADCERT_BAD_KEY,
     TLS_FAILURE_WEAK                                                                                                      },
    {MBEDTLS_X509_BADCRL_NOT_TRUSTED | MBEDTLS_X509_BADCRL_EXPIRED | MBEDTLS_X509_BADCRL_FUTURE |
         MBEDTLS_X509_BADCRL_BAD_MD | MBEDTLS_X509_BADCRL_BAD_PK | MBEDTLS_X509_BADCRL_BAD_KEY,
     TLS_FAILURE_CRL                                                                                                       },
    {MBEDTLS_X509_BADCERT_MISSING,                                                                   TLS_FAILURE_MISSING   },
};

enum tls_failure failure_of_flags(uint32_t flags, bool is_self_signed)
{
    for (size_t i = 0; i < sizeof(verifications) / sizeof(*verifications); i++)
        if (flags & verifications[i].flags)
            return verifications[i].failure == TLS_FAILURE_UNKNOWN_CA && is_self_signed
                       ? TLS_FAILURE_SELF_SIGNED
                       : verifications[i].failure;
    return TLS_FAILURE_CERTIFICATE;
}

static enum tls_failure failure_of_socket(int error)
{
    return error == ECONNRESET || error == EPIPE ? TLS_FAILURE_CLOSED : TLS_FAILURE_MACHINE;
}

/* TLS 1.3: a client that does not like the server's certificate has encrypted nothing yet. OpenSSL
 * then sends its alert in clear, and mbedTLS tries to decrypt it. No encrypted record is as short.
 */
static bool is_clear_alert(const mbedtls_ssl_context *ssl)
{
    const uint8_t *record = ssl->MBEDTLS_PRIVATE(in_hdr);

    return record[0] == MBEDTLS_SSL_MSG_ALERT && record[3] == 0 && record[4] == 2;
}

enum tls_failure failure_of(const struct tls_stream *stream, int code)
{
    switch (code) {
    case MBEDTLS_ERR_X509_CERT_VERIFY_FAILED:
#if TLS_HAS_13
    case MBEDTLS_ERR_SSL_BAD_CERTIFICATE:
#else
    case MBEDTLS_ERR_SSL_BAD_HS_CERTIFICATE:
#endif
        return failure_of_flags(mbedtls_ssl_get_verify_result(&stream->ssl),
                                stream->is_self_signed);
    case MBEDTLS_ERR_SSL_CONN_EOF:
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
        return TLS_FAILURE_CLOSED;
    case MBEDTLS_ERR_NET_RECV_FAILED:
    case MBEDTLS_ERR_NET_SEND_FAILED:
        return failure_of_socket(stream->socket_error);
    case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
        return TLS_FAILURE_REFUSED;
    case MBEDTLS_ERR_SSL_INVALID_MAC:
        return is_clear_alert(&stream->ssl) ? TLS_FAILURE_REFUSED : TLS_FAILURE_PROTOCOL;
    case MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE:
        return TLS_FAILURE_MISSING;
#if TLS_HAS_13
    case MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION:
        return TLS_FAILURE_VERSION;
    case MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE:
        return TLS_FAILURE_CIPHER;
#else
    case MBEDTLS_ERR_SSL_BAD_HS_PROTOCOL_VERSION:
        return TLS_FAILURE_VERSION;
    case MBEDTLS_ERR_SSL_NO_CIPHER_CHOSEN:
    case MBEDTLS_ERR_SSL_NO_USABLE_CIPHERSUITE:
        return TLS_FAILURE_CIPHER;
#endif
    case MBEDTLS_ERR_SSL_ALLOC_FAILED:
    case MBEDTLS_ERR_X509_ALLOC_FAILED:
    case MBEDTLS_ERR_SSL_INTERNAL_ERROR:
        return TLS_FAILURE_MACHINE;
    default:
        return TLS_FAILURE_PROTOCOL;
    }
}

uint8_t failure_alert(enum tls_failure failure)
{
    switch ((int)failure) { /* most have no alert of their own */
    case TLS_FAILURE_EXPIRED:
    case TLS_FAILURE_NOT_YET:
        return MBEDTLS_SSL_ALERT_MSG_CERT_EXPIRED;
    case TLS_FAILURE_REVOKED:
        return MBEDTLS_SSL_ALERT_MSG_CERT_REVOKED;
    case TLS_FAILURE_SELF_SIGNED:
    case TLS_FAILURE_UNKNOWN_CA:
        return MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA;
    case TLS_FAILURE_USAGE:
        return MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT;
    default:
        return MBEDTLS_SSL_ALERT_MSG_BAD_CERT;
    }
}

const char *failure_alert_words(uint8_t alert)
{
    switch (alert) {
    case MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE:
        return "handshake failure (no suite, curve or certificate in common)";
    case MBEDTLS_SSL_ALERT_MSG_BAD_CERT:
        return "bad certificate";
    case MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT:
        return "unsupported certificate";
    case MBEDTLS_SSL_ALERT_MSG_CERT_REVOKED:
        return "certificate revoked";
    case MBEDTLS_SSL_ALERT_MSG_CERT_EXPIRED:
        return "certificate expired";
    case MBEDTLS_SSL_ALERT_MSG_CERT_UNKNOWN:
        return "certificate unknown";
    case MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA:
        return "unknown CA";
    case MBEDTLS_SSL_ALERT_MSG_ACCESS_DENIED:
        return "access denied";
    case MBEDTLS_SSL_ALERT_MSG_PROTOCOL_VERSION:
        return "protocol version";
    case MBEDTLS_SSL_ALERT_MSG_INSUFFICIENT_SECURITY:
        return "insufficient security";
    case MBEDTLS_SSL_ALERT_MSG_UNRECOGNIZED_NAME:
        return "unrecognized name";
    case 116: /* certificate_required, TLS 1.3 */
        return "certificate required";
    default:
        return "another alert";
    }
}
