/* One interface for the two versions of mbedTLS: 2.28 (TLS 1.2) and 3.6 (TLS 1.3 too). Every #if
 * on the library's version is here, except stream.c's one line on tickets. Called by this room
 * only.
 */
#include "tls/library.h"

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <pthread.h>
#include <string.h>
#if TLS_HAS_13
#include <psa/crypto.h>
#endif

#include "tls/tls.h"

static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context generator;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool seeded;

static void seed(void)
{
    mbedtls_entropy_init(&entropy);
    mbedtls_ctr_drbg_init(&generator);
    seeded = mbedtls_ctr_drbg_seed(&generator, mbedtls_entropy_func, &entropy, NULL, 0) == 0;
#if TLS_HAS_13
    seeded = seeded && psa_crypto_init() == PSA_SUCCESS;
#endif
}

bool tls_library_begin(void)
{
    pthread_once(&once, seed);
    return seeded;
}

int tls_random(void *unused, unsigned char *to, size_t size)
{
    (void)unused;
    while (size > 0) {
        size_t part = size < MBEDTLS_CTR_DRBG_MAX_REQUEST ? size : MBEDTLS_CTR_DRBG_MAX_REQUEST;
        int failed = mbedtls_ctr_drbg_random(&generator, to, part);
        if (failed)
            return failed;
        to += part;
        size -= part;
    }
    return 0;
}

const char *tls_library(void)
{
    static _Thread_local char version[16];

    mbedtls_version_get_string(version);
    return version;
}

int tls_key_parse(mbedtls_pk_context *key, const uint8_t *bytes, size_t size,
                  struct text passphrase)
{
    const unsigned char *secret = (const unsigned char *)passphrase.at;

#if TLS_HAS_13
    return mbedtls_pk_parse_key(key, bytes, size, secret, passphrase.length, tls_random, NULL);
#else
    return mbedtls_pk_parse_key(key, bytes, size, secret, passphrase.length);
#endif
}

bool tls_key_matches(const mbedtls_x509_crt *certificate, const mbedtls_pk_context *key)
{
#if TLS_HAS_13
    return mbedtls_pk_check_pair(&certificate->pk, key, tls_random, NULL) == 0;
#else
    return mbedtls_pk_check_pair(&certificate->pk, key) == 0;
#endif
}

/* Suites without forward secrecy, without encryption or with broken ciphers are left out. */
static const struct suite {
    const char *iana, *openssl;
    int id;
    bool is_default, is_13;
} suites[] = {
  /* ChaCha20 first: mbedTLS computes it faster than AES-GCM, with AES-NI too. */
    {"TLS_CHACHA20_POLY1305_SHA256",                  "TLS_CHACHA20_POLY1305_SHA256",  0x1303, true,  true },
    {"TLS_AES_128_GCM_SHA256",                        "TLS_AES_128_GCM_SHA256",        0x1301, true,  true },
    {"TLS_AES_256_GCM_SHA384",                        "TLS_AES_256_GCM_SHA384",        0x1302, true,  true },
    {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", 0xcca9, true,
     false                                                                                                 },
    {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",   "ECDHE-RSA-CHACHA20-POLY1305",   0xcca8, true,
     false                                                                                                 },
    {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",       "ECDHE-ECDSA-AES128-GCM-SHA256", 0xc02b, true,
     false                                                                                                 },
    {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",         "ECDHE-RSA-AES128-GCM-SHA256",   0xc02f, true,  false},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",       "ECDHE-ECDSA-AES256-GCM-SHA384", 0xc02c, true,
     false                                                                                                 },
    {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",         "ECDHE-RSA-AES256-GCM-SHA384",   0xc030, true,  false},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",       "ECDHE-ECDSA-AES128-SHA256",     0xc023, false, false},
    {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",         "ECDHE-RSA-AES128-SHA256",       0xc027, false, false},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",       "ECDHE-ECDSA-AES256-SHA384",     0xc024, false, false},
    {"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",         "ECDHE-RSA-AES256-SHA384",       0xc028, false, false},
};
static const char example[] = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
enum { SUITES = sizeof(suites) / sizeof(*suites) };

static const struct curve {
    const char *name, *other;
    mbedtls_ecp_group_id id;
    uint16_t iana;
    bool is_default;
} curves[] = {
  /* X25519 first: mbedTLS computes it fastest. */
    {"X25519",    "curve25519", MBEDTLS_ECP_DP_CURVE25519, 29, true },
    {"secp256r1", "prime256v1", MBEDTLS_ECP_DP_SECP256R1,  23, true },
    {"secp384r1", "P-384",      MBEDTLS_ECP_DP_SECP384R1,  24, true },
    {"secp521r1", "P-521",      MBEDTLS_ECP_DP_SECP521R1,  25, false},
    {"P-256",     "P-256",      MBEDTLS_ECP_DP_SECP256R1,  23, false},
};
enum { CURVES = sizeof(curves) / sizeof(*curves) };

/* The next word of a list whose separators are colons, commas or white space. */
static bool word_next(struct text *list, struct text *word)
{
    size_t from = 0, to;

    while (from < list->length && strchr(":, \t", list->at[from]))
        from++;
    for (to = from; to < list->length && !strchr(":, \t", list->at[to]);)
        to++;
    *word = (struct text){list->at + from, to - from};
    *list = (struct text){list->at + to, list->length - to};
    return word->length > 0;
}

bool tls_speech_versions(struct tls_speech *speech, struct text min_version, struct error *why)
{
    bool is_13 = text_equal(min_version, TEXT("1.3"));

    /* also if the version is wrong: one problem is reported, not two */
    speech->has_12 = !is_13 || !TLS_HAS_13;
    speech->has_13 = TLS_HAS_13;
    if (min_version.length > 0 && !is_13 && !text_equal(min_version, TEXT("1.2")))
        return error_set(why, "min_version %.*s is not offered; write 1.2 or 1.3",
                         TEXT_ARGS(min_version));
    if (is_13 && !TLS_HAS_13)
        return error_set(why, "min_version 1.3 needs mbedTLS 3.6, this is %s; write 1.2",
                         tls_library());
    return true;
}

static const struct suite *suite_find(struct text name)
{
    for (size_t i = 0; i < SUITES; i++)
        if (text_equal_fold(name, text_of(suites[i].iana)) ||
            text_equal_fold(name, text_of(suites[i].openssl)))
            return &suites[i];
    return NULL;
}

/* Adds a suite, if it is not there yet and both the library and the wanted TLS versions have it. */
static void suite_add(struct tls_speech *speech, const struct suite *suite)
{
    size_t count = 0;

    if (!(suite->is_13 ? speech->has_13 : speech->has_12) ||
        !mbedtls_ssl_ciphersuite_from_id(suite->id))
        return;
    while (speech->suites[count] && speech->suites[count] != suite->id)
        count++;
    speech->suites[count] = suite->id;
}

bool tls_speech_suites(struct tls_speech *speech, struct text list, struct error *why)
{
    bool is_default = list.length == 0, any_12 = false, any_13 = false;
    struct text word;

    memset(speech->suites, 0, sizeof(speech->suites));
    for (size_t i = 0; is_default && i < SUITES; i++)
        if (suites[i].is_default)
            suite_add(speech, &suites[i]);
    while (!is_default && word_next(&list, &word)) {
        const struct suite *suite = suite_find(word);
        if (!suite)
            return error_set(
                why,
                "cipher suite %.*s is not known, or not offered because it is weak; write "
                "for example %s",
                TEXT_ARGS(word), example);
        suite_add(speech, suite);
    }
    for (size_t i = 0; speech->suites[i]; i++) {
        any_13 = any_13 || (speech->suites[i] >> 8) == 0x13;
        any_12 = any_12 || (speech->suites[i] >> 8) != 0x13;
    }
    speech->has_12 = any_12;
    speech->has_13 = any_13;
    if (!any_12 && !any_13)
        return error_set(why,
                         "none of the cipher suites goes with min_version and mbedTLS %s; add %s",
                         tls_library(), example);
    return true;
}

static const struct curve *curve_find(struct text name)
{
    for (size_t i = 0; i < CURVES; i++)
        if (text_equal_fold(name, text_of(curves[i].name)) ||
            text_equal_fold(name, text_of(curves[i].other)))
            return &curves[i];
    return NULL;
}

static void curve_add(struct tls_speech *speech, const struct curve *curve)
{
    size_t count = 0;
#if TLS_HAS_13
    uint16_t group = curve->iana;
#else
    mbedtls_ecp_group_id group = curve->id;
#endif
    while (speech->groups[count] && speech->groups[count] != group)
        count++;
    speech->groups[count] = group;
}

bool tls_speech_groups(struct tls_speech *speech, struct text list, struct error *why)
{
    bool is_default = list.length == 0;
    struct text word;

    memset(speech->groups, 0, sizeof(speech->groups));
    for (size_t i = 0; is_default && i < CURVES; i++)
        if (curves[i].is_default)
            curve_add(speech, &curves[i]);
    while (!is_default && word_next(&list, &word)) {
        const struct curve *curve = curve_find(word);
        if (!curve)
            return error_set(why,
                             "curve %.*s is not offered; write X25519, secp256r1, secp384r1 or "
                             "secp521r1",
                             TEXT_ARGS(word));
        curve_add(speech, curve);
    }
    return speech->groups[0] ||
           error_set(why, "no curve is named; write X25519, secp256r1, secp384r1 or secp521r1");
}

bool tls_config_begin(mbedtls_ssl_config *config, int endpoint, const struct tls_speech *speech)
{
    if (mbedtls_ssl_config_defaults(config, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT) != 0)
        return false;
    mbedtls_ssl_conf_rng(config, tls_random, NULL);
    mbedtls_ssl_conf_renegotiation(config, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
    mbedtls_ssl_conf_ciphersuites(config, speech->suites);
#if TLS_HAS_13
    mbedtls_ssl_conf_groups(config, speech->groups);
    mbedtls_ssl_conf_min_tls_version(config, speech->has_12 ? MBEDTLS_SSL_VERSION_TLS1_2
                                                            : MBEDTLS_SSL_VERSION_TLS1_3);
    mbedtls_ssl_conf_max_tls_version(config, speech->has_13 ? MBEDTLS_SSL_VERSION_TLS1_3
                                                            : MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_tls13_key_exchange_modes(config,
                                              MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ALL);
#else
    mbedtls_ssl_conf_curves(config, speech->groups);
    mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
#endif
    return true;
}
