/* RSA as caching_sha2_password and sha256_password use it over a leg that is not encrypted: the
 * password and its NUL, XORed with the nonce, under RSA-OAEP with SHA-1 (MySQL Internals, "Caching
 * SHA-2 Authentication"). Pure functions over buffers, except those that generate or read the key
 * pair.
 */
#ifndef TLS_RSA_H
#define TLS_RSA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "config/config.h"

enum { RSA_BLOB_MAX = 1024, RSA_NONCE = 20 };

struct rsa_key;

/* Starts to generate a key pair of 2048 bits on a thread of its own (about a second of CPU) and
 * returns at once. NULL: no memory or thread. The key is thread safe. */
struct rsa_key *rsa_key_make(void);
/* The pair whose private key [tls] password_private_key_path names; `*key` is NULL if it is not
 * set. False: an error was added to the problems. Thread safe; reads a file, so not for the event
 * loop. */
bool rsa_key_read(const struct config *config, struct rsa_key **key,
                  struct config_problems *problems);
void rsa_key_free(struct rsa_key *key); /* NULL is allowed; waits until the key is generated */

/* Is the generation finished? Until then the next two functions wait, which an event loop must not
 * do. */
bool rsa_key_is_made(const struct rsa_key *key);

/* The public key in PEM, as servers send it when asked; lives as long as the key. None: the
 * generation has failed. */
struct text rsa_key_public(struct rsa_key *key);

/* Decrypts the password that a client has sent, its NUL included, into `to`; its size is in
 * `length`. False: it was not encrypted with this key, or does not fit. The caller wipes `to`. */
bool rsa_password_open(struct rsa_key *key, const uint8_t nonce[RSA_NONCE], struct text blob,
                       char *to, size_t size, size_t *length);

/* Encrypts the password (its NUL included) with the server's public key `pem` into `to`: at most
 * RSA_BLOB_MAX bytes, their number in `length`. False: `pem` is no RSA key of 1024 to 8192 bits,
 * or the password is too long for it. */
bool rsa_password_seal(struct text pem, const uint8_t nonce[RSA_NONCE], struct text password,
                       uint8_t *to, size_t size, size_t *length);

/* Overwrites secrets in a way that the compiler cannot remove. */
void rsa_wipe(void *at, size_t size);

#endif
