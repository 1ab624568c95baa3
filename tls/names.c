/* Is a certificate valid for this name? silogate compares names itself, because mbedTLS 2.28 does
 * not compare IP addresses, and neither version can compare without wildcards. Pure functions over
 * a parsed certificate.
 */
#include "tls/ends.h"

#include <arpa/inet.h>
#include <string.h>

/* GeneralName's tags (RFC 5280, 4.2.1.6). */
enum { GENERAL_DNS = 2, GENERAL_IP = 7 };

static const uint8_t oid_common_name[] = {0x55, 0x04, 0x03};

static struct text text_of_bytes(const mbedtls_asn1_buf *bytes)
{
    return (struct text){(const char *)bytes->p, bytes->len};
}

/* The first alternative name of a kind, from `at` on. */
static const mbedtls_x509_sequence *alternative(const mbedtls_x509_sequence *at, int kind)
{
    while (at && !(at->buf.p &&
                   (at->buf.tag & MBEDTLS_ASN1_TAG_CLASS_MASK) == MBEDTLS_ASN1_CONTEXT_SPECIFIC &&
                   (at->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK) == kind))
        at = at->next;
    return at;
}

/* The last common name of the subject, which is the most specific; or none. */
static struct text common_name(const mbedtls_x509_crt *certificate)
{
    struct text found = {0};

    for (const mbedtls_x509_name *at = &certificate->subject; at; at = at->next)
        if (at->oid.len == sizeof(oid_common_name) &&
            memcmp(at->oid.p, oid_common_name, sizeof(oid_common_name)) == 0)
            found = text_of_bytes(&at->val);
    return found;
}

/* `*.example.com` matches a.example.com, but not example.com, a.b.example.com or *.com. */
static bool pattern_matches(struct text pattern, struct text name)
{
    const char *dot;

    if (text_equal_fold(pattern, name))
        return true;
    if (pattern.length < 3 || pattern.at[0] != '*' || pattern.at[1] != '.' ||
        !memchr(pattern.at + 2, '.', pattern.length - 2))
        return false;
    dot = memchr(name.at, '.', name.length);
    if (!dot || dot == name.at)
        return false;
    return text_equal_fold((struct text){pattern.at + 1, pattern.length - 1},
                           (struct text){dot, (size_t)(name.at + name.length - dot)});
}

static bool address_matches(const mbedtls_x509_crt *certificate, const uint8_t *address,
                            size_t size, struct text written)
{
    const mbedtls_x509_sequence *at = alternative(&certificate->subject_alt_names, GENERAL_IP);

    if (!at && !alternative(&certificate->subject_alt_names, GENERAL_DNS))
        return text_equal(common_name(certificate), written);
    for (; at; at = alternative(at->next, GENERAL_IP))
        if (at->buf.len == size && memcmp(at->buf.p, address, size) == 0)
            return true;
    return false;
}

bool names_match_host(const mbedtls_x509_crt *certificate, const char *host)
{
    const mbedtls_x509_sequence *at = alternative(&certificate->subject_alt_names, GENERAL_DNS);
    struct text name = text_of(host);
    uint8_t address[16];

    if (name.length == 0)
        return false;
    if (inet_pton(AF_INET, host, address) == 1)
        return address_matches(certificate, address, 4, name);
    if (inet_pton(AF_INET6, host, address) == 1)
        return address_matches(certificate, address, 16, name);
    if (name.at[name.length - 1] == '.')
        name.length--;
    if (!at)
        return pattern_matches(common_name(certificate), name);
    for (; at; at = alternative(at->next, GENERAL_DNS))
        if (pattern_matches(text_of_bytes(&at->buf), name))
            return true;
    return false;
}

bool names_match_exactly(const mbedtls_x509_crt *certificate, struct text name)
{
    const mbedtls_x509_sequence *at = alternative(&certificate->subject_alt_names, GENERAL_DNS);

    if (name.length == 0)
        return false;
    if (!at)
        return text_equal_fold(common_name(certificate), name);
    for (; at; at = alternative(at->next, GENERAL_DNS))
        if (text_equal_fold(text_of_bytes(&at->buf), name))
            return true;
    return false;
}
