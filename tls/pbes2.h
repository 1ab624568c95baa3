/* Private keys as OpenSSL 3 encrypts them. Private to this room. */
#ifndef TLS_PBES2_H
#define TLS_PBES2_H

#include <mbedtls/pk.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/* tls_key_parse, and PKCS #8 under PBES2 with PBKDF2 and AES-CBC (RFC 8018), which mbedTLS 2.28
 * cannot open and which `openssl genpkey -aes256` writes. */
int pbes2_key_parse(mbedtls_pk_context *key, const uint8_t *bytes, size_t size,
                    struct text passphrase);

#endif
