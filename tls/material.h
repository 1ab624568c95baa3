/* Certificates, keys and revocation lists out of the operator's files, each mistake told with the
 * line of the ini that named the file. Private to this room.
 */
#ifndef TLS_MATERIAL_H
#define TLS_MATERIAL_H

#include <mbedtls/x509_crl.h>
#include <mbedtls/x509_crt.h>
#include <stdbool.h>

#include "config/config.h"
#include "tls/tls.h"

/* All three return false after a problem that is an error was added. They look at files only; what
 * they fill in was initialised by the caller, who frees it. */

/* A chain (the first certificate is the one that counts) or a set of CAs. `what` names it in words.
 */
bool material_certificates(mbedtls_x509_crt *chain, const char *what, struct config_text path,
                           struct config_problems *problems);
/* `certificate`: whose key it has to be; NULL: of none. */
bool material_key(mbedtls_pk_context *key, const mbedtls_x509_crt *certificate,
                  struct config_text path, struct config_text passphrase_file,
                  struct config_problems *problems);
bool material_crl(mbedtls_x509_crl *crl, struct config_text path, struct config_problems *problems);

void material_name(const mbedtls_x509_crt *certificate, struct tls_certificate *to);

#endif
