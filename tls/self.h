/* The self-signed certificate that silogate makes if the ini names none, with an EC P-256 key.
 * Private to this room except tls_keep (tls.h). */
#ifndef TLS_SELF_H
#define TLS_SELF_H

#include "config/config.h"
#include "tls/material.h"

/* `certificate = auto`: the default. */
static inline bool self_is_meant(const struct config *config)
{
    return text_equal(config->tls.certificate.value, TEXT("auto"));
}

/* The chain and its key: from the state folder if they are valid for another 30 days, else those
 * of this process, made at the first call (some milliseconds). False: no memory or no random
 * numbers. Thread safe. */
bool self_certificate(const struct config *config, mbedtls_x509_crt *chain);
bool self_key(const struct config *config, mbedtls_pk_context *key);

#endif
