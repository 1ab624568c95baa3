/* RSA for passwords on legs that are not encrypted: silogate's own key pair, generated or read
 * from a file, and the servers' public keys. It has no socket and keeps no password: its own
 * copies are wiped here, and the caller wipes the results. Called by the session's login.
 */
#include "tls/rsa.h"

#include <assert.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/rsa.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "tls/library.h"
#include "tls/material.h"

enum {
    KEY_BITS = 2048,
    KEY_BITS_MIN = 1024,
    KEY_BITS_MAX = 8192,
    OWN_BITS_MAX = 4096, /* a larger key would block its worker for too long */
    PEM_MAX = 16384,
    EXPONENT = 65537
};

struct rsa_key {
    mbedtls_pk_context pair;
    char pem[2048];
    bool is_good; /* set by the generating thread, read after it was joined */
    bool is_joined;
    atomic_bool is_made;
    pthread_t maker;
    pthread_mutex_t lock;
};

void rsa_wipe(void *at, size_t size)
{
    mbedtls_platform_zeroize(at, size);
}

/* MySQL's padding for passwords: OAEP with SHA-1. */
static void padding_set(mbedtls_pk_context *key)
{
    (void)mbedtls_rsa_set_padding(mbedtls_pk_rsa(*key), MBEDTLS_RSA_PKCS_V21, MBEDTLS_MD_SHA1);
}

/* The key pair is complete: writes its public key as PEM. */
static bool key_finish(struct rsa_key *key)
{
    padding_set(&key->pair);
    return mbedtls_pk_write_pubkey_pem(&key->pair, (unsigned char *)key->pem, sizeof(key->pem)) ==
           0;
}

static void *key_maker(void *at)
{
    struct rsa_key *key = at;

    key->is_good =
        tls_library_begin() &&
        mbedtls_pk_setup(&key->pair, mbedtls_pk_info_from_type(MBEDTLS_PK_RSA)) == 0 &&
        mbedtls_rsa_gen_key(mbedtls_pk_rsa(key->pair), tls_random, NULL, KEY_BITS, EXPONENT) == 0 &&
        key_finish(key);
    atomic_store(&key->is_made, true);
    return NULL;
}

static struct rsa_key *key_new(void)
{
    struct rsa_key *key = calloc(1, sizeof(*key));

    if (!key)
        return NULL;
    mbedtls_pk_init(&key->pair);
    pthread_mutex_init(&key->lock, NULL);
    return key;
}

struct rsa_key *rsa_key_make(void)
{
    struct rsa_key *key = key_new();

    if (key && pthread_create(&key->maker, NULL, key_maker, key) != 0) {
        key->is_joined = true;
        rsa_key_free(key);
        key = NULL;
    }
    return key;
}

static bool key_check(const struct rsa_key *key, struct config_text path,
                      struct config_problems *problems)
{
    size_t bits = mbedtls_pk_get_bitlen(&key->pair);

    if (mbedtls_pk_get_type(&key->pair) == MBEDTLS_PK_RSA && bits >= KEY_BITS &&
        bits <= OWN_BITS_MAX && bits % 8 == 0)
        return true;
    config_problem_add(problems, path.line, false,
                       "key %s is no RSA key of %d to %d bits, as clients need for passwords; make "
                       "one with openssl genrsa %d",
                       path.value.at, KEY_BITS, OWN_BITS_MAX, KEY_BITS);
    return false;
}

bool rsa_key_read(const struct config *config, struct rsa_key **to,
                  struct config_problems *problems)
{
    struct config_text path = config->tls.password_private_key_path;
    struct rsa_key *key;

    *to = NULL;
    if (path.value.length == 0)
        return true;
    key = tls_library_begin() ? key_new() : NULL;
    if (!key) {
        config_problem_add(problems, path.line, false,
                           "no memory, or the machine gives no random numbers");
        return false;
    }
    key->is_joined = true;
    key->is_good =
        material_key(&key->pair, NULL, path, config->tls.key_passphrase_file, problems) &&
        key_check(key, path, problems) && key_finish(key);
    atomic_store(&key->is_made, true);
    if (key->is_good)
        *to = key;
    else
        rsa_key_free(key);
    return *to != NULL;
}

bool rsa_key_is_made(const struct rsa_key *key)
{
    return atomic_load(&key->is_made);
}

/* Waits for the generating thread, once. True: there is a key. */
static bool key_wait(struct rsa_key *key)
{
    pthread_mutex_lock(&key->lock);
    if (!key->is_joined)
        pthread_join(key->maker, NULL);
    key->is_joined = true;
    pthread_mutex_unlock(&key->lock);
    return key->is_good;
}

void rsa_key_free(struct rsa_key *key)
{
    if (!key)
        return;
    key_wait(key);
    mbedtls_pk_free(&key->pair);
    pthread_mutex_destroy(&key->lock);
    free(key);
}

struct text rsa_key_public(struct rsa_key *key)
{
    return key_wait(key) ? text_of(key->pem) : (struct text){0};
}

/* RSA encrypts not the password itself but the password XORed with the nonce, which is repeated. */
static void nonce_mix(uint8_t *at, size_t size, const uint8_t nonce[RSA_NONCE])
{
    for (size_t i = 0; i < size; i++)
        at[i] ^= nonce[i % RSA_NONCE];
}

bool rsa_password_open(struct rsa_key *key, const uint8_t nonce[RSA_NONCE], struct text blob,
                       char *to, size_t size, size_t *length)
{
    uint8_t plain[RSA_BLOB_MAX];
    bool good;

    *length = 0;
    if (!key_wait(key) || blob.length != mbedtls_pk_get_len(&key->pair))
        return false;
    good = mbedtls_pk_decrypt(&key->pair, (const unsigned char *)blob.at, blob.length, plain,
                              length, sizeof(plain), tls_random, NULL) == 0 &&
           *length > 0 && *length <= size;
    if (good) {
        nonce_mix(plain, *length, nonce);
        memcpy(to, plain, *length);
        good = to[*length - 1] == '\0';
    }
    mbedtls_platform_zeroize(plain, sizeof(plain));
    return good;
}

/* Parses a public key in PEM that the other side has sent; the caller frees it. */
static bool public_read(mbedtls_pk_context *key, struct text pem)
{
    size_t bits;
    unsigned char *copy = pem.length > 0 && pem.length < PEM_MAX ? malloc(pem.length + 1) : NULL;
    bool good;

    if (!copy)
        return false;
    memcpy(copy, pem.at, pem.length);
    copy[pem.length] = '\0'; /* mbedTLS expects it, and counts it */
    good = mbedtls_pk_parse_public_key(key, copy, pem.length + 1) == 0 &&
           mbedtls_pk_get_type(key) == MBEDTLS_PK_RSA;
    free(copy);
    bits = good ? mbedtls_pk_get_bitlen(key) : 0;
    return bits >= KEY_BITS_MIN && bits <= KEY_BITS_MAX;
}

bool rsa_password_seal(struct text pem, const uint8_t nonce[RSA_NONCE], struct text password,
                       uint8_t *to, size_t size, size_t *length)
{
    mbedtls_pk_context key;
    uint8_t plain[RSA_BLOB_MAX];
    bool good;

    assert(password.length > 0 && password.at[password.length - 1] == '\0');
    *length = 0;
    if (password.length > sizeof(plain) || !tls_library_begin())
        return false;
    mbedtls_pk_init(&key);
    good = public_read(&key, pem);
    if (good) {
        padding_set(&key);
        memcpy(plain, password.at, password.length);
        nonce_mix(plain, password.length, nonce);
        good = mbedtls_pk_encrypt(&key, plain, password.length, to, length, size, tls_random,
                                  NULL) == 0;
        mbedtls_platform_zeroize(plain, sizeof(plain));
    }
    mbedtls_pk_free(&key);
    return good;
}
