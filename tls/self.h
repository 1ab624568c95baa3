/* The certificate that silogate makes for itself where the ini names none: self-signed, for an EC
 * P-256 key. Private to this room but for tls_keep (tls.h). */
#ifndef TLS_SELF_H
#define TLS_SELF_H

#include "config/config.h"
#include "tls/material.h"

/* `certificate = auto`: the default. */
static inline bool self_is_meant(const struct config *config)
{
    return text_equal(config->tls.certificate.value, TEXT("auto"));
}

/* The chain and its key: what the state folder holds where that is good for another 30 days, else
 * what this process has made, which is made at the first call (some milliseconds). False without
 * memory or randomness. Thread safe. */
bool self_certificate(const struct config *config, mbedtls_x509_crt *chain);
bool self_key(const struct config *config, mbedtls_pk_context *key);

#endif
