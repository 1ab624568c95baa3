/* Decrypts PKCS #8 keys with PBES2 and AES for mbedTLS 2.28, whose own PBES2 knows only DES; 3.6
 * does this itself. The operator's file is not trusted: every length is read by mbedTLS's ASN.1
 * functions, and the number of rounds is limited. Called by material.c.
 */
#include "tls/pbes2.h"

#include "tls/library.h"

#if TLS_HAS_13

int pbes2_key_parse(mbedtls_pk_context *key, const uint8_t *bytes, size_t size,
                    struct text passphrase)
{
    return tls_key_parse(key, bytes, size, passphrase);
}

#else

#include <mbedtls/aes.h>
#include <mbedtls/asn1.h>
#include <mbedtls/md.h>
#include <mbedtls/pem.h>
#include <mbedtls/pkcs5.h>
#include <mbedtls/platform_util.h>
#include <stdbool.h>
#include <string.h>

enum { ROUNDS_MAX = 10000000, KEY_MAX = 32, BLOCK = 16 };

static const uint8_t oid_pbes2[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d};
static const uint8_t oid_pbkdf2[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c};
/* The OIDs of hashes and ciphers differ in their last byte. */
static const uint8_t oid_hmac[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02};
static const uint8_t oid_aes[] = {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01};

struct sealed {
    mbedtls_asn1_buf salt, iv, bytes;
    int rounds;
    mbedtls_md_type_t hash;
    unsigned key_size;
};

static bool oid_is(const mbedtls_asn1_buf *oid, const uint8_t *wanted, size_t size)
{
    return oid->len == size && memcmp(oid->p, wanted, size) == 0;
}

/* The byte after the prefix; 0: the OID does not have this prefix. */
static uint8_t oid_last(const mbedtls_asn1_buf *oid, const uint8_t *prefix, size_t size)
{
    return oid->len == size + 1 && memcmp(oid->p, prefix, size) == 0 ? oid->p[size] : 0;
}

static bool octets_read(unsigned char **at, const unsigned char *end, mbedtls_asn1_buf *to)
{
    if (mbedtls_asn1_get_tag(at, end, &to->len, MBEDTLS_ASN1_OCTET_STRING) != 0)
        return false;
    to->p = *at;
    *at += to->len;
    return true;
}

static mbedtls_md_type_t hash_of(const mbedtls_asn1_buf *oid)
{
    switch (oid_last(oid, oid_hmac, sizeof(oid_hmac))) {
    case 7:
        return MBEDTLS_MD_SHA1;
    case 9:
        return MBEDTLS_MD_SHA256;
    case 10:
        return MBEDTLS_MD_SHA384;
    case 11:
        return MBEDTLS_MD_SHA512;
    default:
        return MBEDTLS_MD_NONE;
    }
}

static unsigned key_size_of(const mbedtls_asn1_buf *oid)
{
    switch (oid_last(oid, oid_aes, sizeof(oid_aes))) {
    case 2:
        return 16;
    case 22:
        return 24;
    case 42:
        return 32;
    default:
        return 0;
    }
}

/* PBKDF2-params: salt, rounds, an optional key length, and the hash if it is not SHA-1. */
static bool derivation_read(const mbedtls_asn1_buf *parameters, struct sealed *sealed)
{
    unsigned char *at = parameters->p, *end = at + parameters->len;
    mbedtls_asn1_buf oid, rest;
    int ignored;

    if (!octets_read(&at, end, &sealed->salt) ||
        mbedtls_asn1_get_int(&at, end, &sealed->rounds) != 0 || sealed->rounds <= 0 ||
        sealed->rounds > ROUNDS_MAX)
        return false;
    sealed->hash = MBEDTLS_MD_SHA1;
    if (at < end && *at == MBEDTLS_ASN1_INTEGER && mbedtls_asn1_get_int(&at, end, &ignored) != 0)
        return false;
    if (at < end) {
        if (mbedtls_asn1_get_alg(&at, end, &oid, &rest) != 0)
            return false;
        sealed->hash = hash_of(&oid);
    }
    return sealed->hash != MBEDTLS_MD_NONE;
}

static bool sealed_read(unsigned char *at, size_t size, struct sealed *sealed)
{
    unsigned char *end = at + size, *inner, *inner_end;
    mbedtls_asn1_buf oid, parameters, rest;
    size_t length;

    if (mbedtls_asn1_get_tag(&at, end, &length, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE) !=
        0)
        return false;
    end = at + length;
    if (mbedtls_asn1_get_alg(&at, end, &oid, &parameters) != 0 ||
        !oid_is(&oid, oid_pbes2, sizeof(oid_pbes2)) || !octets_read(&at, end, &sealed->bytes))
        return false;
    inner = parameters.p;
    inner_end = inner + parameters.len;
    if (mbedtls_asn1_get_alg(&inner, inner_end, &oid, &rest) != 0 ||
        !oid_is(&oid, oid_pbkdf2, sizeof(oid_pbkdf2)) || !derivation_read(&rest, sealed))
        return false;
    if (mbedtls_asn1_get_alg(&inner, inner_end, &oid, &sealed->iv) != 0)
        return false;
    sealed->key_size = key_size_of(&oid);
    return sealed->key_size > 0 && sealed->iv.tag == MBEDTLS_ASN1_OCTET_STRING &&
           sealed->iv.len == BLOCK && sealed->bytes.len > 0 && sealed->bytes.len % BLOCK == 0;
}

/* Decrypts in place. */
static bool sealed_open(struct sealed *sealed, struct text passphrase)
{
    mbedtls_md_context_t hash;
    mbedtls_aes_context aes;
    uint8_t key[KEY_MAX];
    bool good;

    mbedtls_md_init(&hash);
    mbedtls_aes_init(&aes);
    good = mbedtls_md_setup(&hash, mbedtls_md_info_from_type(sealed->hash), 1) == 0 &&
           mbedtls_pkcs5_pbkdf2_hmac(&hash, (const unsigned char *)passphrase.at, passphrase.length,
                                     sealed->salt.p, sealed->salt.len, (unsigned)sealed->rounds,
                                     sealed->key_size, key) == 0 &&
           mbedtls_aes_setkey_dec(&aes, key, sealed->key_size * 8) == 0 &&
           mbedtls_aes_crypt_cbc(&aes, MBEDTLS_AES_DECRYPT, sealed->bytes.len, sealed->iv.p,
                                 sealed->bytes.p, sealed->bytes.p) == 0;
    mbedtls_platform_zeroize(key, sizeof(key));
    mbedtls_aes_free(&aes);
    mbedtls_md_free(&hash);
    return good;
}

/* The decrypted bytes are a DER sequence and padding; the sequence contains its length. */
static int opened_parse(mbedtls_pk_context *key, const struct sealed *sealed)
{
    unsigned char *at = sealed->bytes.p, *end = at + sealed->bytes.len;
    size_t length, size;

    if (mbedtls_asn1_get_tag(&at, end, &length, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE) !=
        0)
        return MBEDTLS_ERR_PK_PASSWORD_MISMATCH;
    size = (size_t)(at - sealed->bytes.p) + length;
    if (tls_key_parse(key, sealed->bytes.p, size, (struct text){0}) != 0)
        return MBEDTLS_ERR_PK_PASSWORD_MISMATCH;
    return 0;
}

int pbes2_key_parse(mbedtls_pk_context *key, const uint8_t *bytes, size_t size,
                    struct text passphrase)
{
    int failed = tls_key_parse(key, bytes, size, passphrase);
    struct sealed sealed;
    mbedtls_pem_context pem;
    size_t used;

    if (failed == 0 || passphrase.length == 0 || size == 0 || bytes[size - 1] != 0)
        return failed;
    mbedtls_pem_init(&pem);
    if (mbedtls_pem_read_buffer(&pem, "-----BEGIN ENCRYPTED PRIVATE KEY-----",
                                "-----END ENCRYPTED PRIVATE KEY-----", bytes, NULL, 0,
                                &used) == 0 &&
        sealed_read(pem.buf, pem.buflen, &sealed))
        failed = sealed_open(&sealed, passphrase) ? opened_parse(key, &sealed) : failed;
    mbedtls_pem_free(&pem); /* this wipes it */
    return failed;
}

#endif
