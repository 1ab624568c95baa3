/* RSA as caching_sha2_password and sha256_password use it over a leg that is not encrypted: the
 * password and its NUL, XORed with the nonce, under RSA-OAEP with SHA-1 (MySQL Internals, "Caching
 * SHA-2 Authentication"). Pure functions over buffers, but for the key pair that is made or read.
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

/* Begins to make a key pair of 2048 bits on a thread of its own and returns at once (it takes about
 * a second of CPU). NULL: no memory or thread. Thread safe from then on. */
struct rsa_key *rsa_key_make(void);
/* The pair whose private key [tls] password_private_key_path names; `*key` is NULL where it names
 * none. False after a problem that is an error was added. Thread safe; reads a file, so not for the
 * event loop. */
bool rsa_key_read(const struct config *config, struct rsa_key **key,
                  struct config_problems *problems);
void rsa_key_free(struct rsa_key *key); /* NULL is harmless; waits until the key is made */

/* Has the making come to its end? Until then the two functions below wait, as no event loop may. */
bool rsa_key_is_made(const struct rsa_key *key);

/* The public key in PEM, as the server's answer to a key request has it; lives as long as the key.
 * None where none could be made. */
struct text rsa_key_public(struct rsa_key *key);

/* The password out of what a client sent, its NUL included: into `to`, its size in `length`. False
 * where the bytes are not for this key, or do not fit. The caller wipes `to`. */
bool rsa_password_open(struct rsa_key *key, const uint8_t nonce[RSA_NONCE], struct text blob,
                       char *to, size_t size, size_t *length);

/* The password (its NUL included) for the server whose public key `pem` is: into `to`, at most
 * RSA_BLOB_MAX bytes, their number in `length`. False where `pem` is no RSA key (of 1024 to 8192
 * bits), or the password does not fit it. */
bool rsa_password_seal(struct text pem, const uint8_t nonce[RSA_NONCE], struct text password,
                       uint8_t *to, size_t size, size_t *length);

/* Overwrites secrets in a way the compiler cannot leave out. */
void rsa_wipe(void *at, size_t size);

#endif
