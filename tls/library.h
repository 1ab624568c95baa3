/* The differences between mbedTLS 2.28 and 3.6, and what the whole room shares: random numbers,
 * keys, and reading the ini's versions, suites and curves. Private to this room.
 */
#ifndef TLS_LIBRARY_H
#define TLS_LIBRARY_H

#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

#define TLS_HAS_13 (MBEDTLS_VERSION_NUMBER >= 0x03060000)
#if !TLS_HAS_13
#define MBEDTLS_PRIVATE(member) member
#endif

/* Seeds the process's random number generator, once. False: the machine gives no entropy. */
bool tls_library_begin(void);

/* mbedTLS's f_rng over that generator; thread safe. */
int tls_random(void *unused, unsigned char *to, size_t size);

/* A private key in PEM (its NUL counted in `size`) or DER; an error code of mbedTLS or 0. */
int tls_key_parse(mbedtls_pk_context *key, const uint8_t *bytes, size_t size,
                  struct text passphrase);
bool tls_key_matches(const mbedtls_x509_crt *certificate, const mbedtls_pk_context *key);

enum { TLS_SUITES_MAX = 32, TLS_GROUPS_MAX = 12 };

/* The ini's versions, suites and curves. Must live as long as the mbedTLS configurations that
 * point into it. */
struct tls_speech {
    int suites[TLS_SUITES_MAX + 1]; /* ends with 0 */
#if TLS_HAS_13
    uint16_t groups[TLS_GROUPS_MAX + 1]; /* ends with 0 */
#else
    mbedtls_ecp_group_id groups[TLS_GROUPS_MAX + 1];
#endif
    bool has_12, has_13;
};

/* Each of the three texts may be none, for the default. False: it is wrong, `why` says in what
 * way. */
bool tls_speech_versions(struct tls_speech *speech, struct text min_version, struct error *why);
bool tls_speech_suites(struct tls_speech *speech, struct text suites, struct error *why);
bool tls_speech_groups(struct tls_speech *speech, struct text curves, struct error *why);

/* Sets up a configuration with what all of this room have in common, and with `speech`. */
bool tls_config_begin(mbedtls_ssl_config *config, int endpoint, const struct tls_speech *speech);

#endif
