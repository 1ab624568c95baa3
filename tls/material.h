/* Reads certificates, keys and revocation lists from the operator's files; each mistake is
 * reported with the line of the ini that names the file. Private to this room.
 */
#ifndef TLS_MATERIAL_H
#define TLS_MATERIAL_H

#include <mbedtls/x509_crl.h>
#include <mbedtls/x509_crt.h>
#include <stdbool.h>

#include "config/config.h"
#include "tls/tls.h"

/* All three return false after they have added an error. They only read files; the caller has
 * initialised what they fill in, and frees it. */

/* A chain (its first certificate is the one in use) or a set of CAs. `what`: its name in messages.
 */
bool material_certificates(mbedtls_x509_crt *chain, const char *what, struct config_text path,
                           struct config_problems *problems);
/* `certificate`: the key must belong to it; NULL: not checked. */
bool material_key(mbedtls_pk_context *key, const mbedtls_x509_crt *certificate,
                  struct config_text path, struct config_text passphrase_file,
                  struct config_problems *problems);
bool material_crl(mbedtls_x509_crl *crl, struct config_text path, struct config_problems *problems);

void material_name(const mbedtls_x509_crt *certificate, struct tls_certificate *to);

#endif
