/* Turns the operator's files into mbedTLS's certificates and keys, with a sentence for each
 * mistake. The bytes read are wiped before they are freed. Never logs: problems are passed up to
 * the reader of the configuration. Called by server.c and client.c when a configuration is loaded.
 */
#include "tls/material.h"

#include <errno.h>
#include <fcntl.h>
#include <mbedtls/error.h>
#include <mbedtls/pem.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tls/library.h"
#include "tls/pbes2.h"

enum { FILE_MAX = 8 << 20, WARN_DAYS = 30 };

struct bytes {
    uint8_t *at; /* a NUL follows */
    size_t size; /* without it */
};

static void bytes_free(struct bytes *bytes)
{
    if (bytes->at)
        mbedtls_platform_zeroize(bytes->at, bytes->size);
    free(bytes->at);
    *bytes = (struct bytes){0};
}

static bool bytes_fill(struct bytes *bytes, int file, size_t size)
{
    bytes->at = calloc(1, size + 1);
    while (bytes->at && bytes->size < size) {
        ssize_t got = read(file, bytes->at + bytes->size, size - bytes->size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0;
        bytes->size += (size_t)got;
    }
    return bytes->at != NULL;
}

static bool file_read(const char *what, struct config_text path, struct bytes *bytes,
                      struct config_problems *problems)
{
    struct stat is;
    int file = open(path.value.at, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool good = file >= 0 && fstat(file, &is) == 0;

    *bytes = (struct bytes){0};
    if (good && (!S_ISREG(is.st_mode) || is.st_size > FILE_MAX)) {
        errno = S_ISREG(is.st_mode) ? EFBIG : EINVAL;
        good = false;
    }
    good = good && bytes_fill(bytes, file, (size_t)is.st_size);
    if (!good)
        config_problem_add(
            problems, path.line, false,
            "%s %s cannot be read: %s; name a file in PEM that silogate's user may read", what,
            path.value.at, strerror(errno));
    if (file >= 0)
        close(file);
    return good;
}

/* The size that mbedTLS expects: with the NUL for PEM, without it for DER. */
static size_t parse_size(const struct bytes *bytes)
{
    return strstr((const char *)bytes->at, "-----BEGIN ") ? bytes->size + 1 : bytes->size;
}

static int64_t seconds_of(const mbedtls_x509_time *time)
{
    struct tm fields = {.tm_year = time->year - 1900,
                        .tm_mon = time->mon - 1,
                        .tm_mday = time->day,
                        .tm_hour = time->hour,
                        .tm_min = time->min,
                        .tm_sec = time->sec};

    return timegm(&fields);
}

void material_name(const mbedtls_x509_crt *certificate, struct tls_certificate *to)
{
    const mbedtls_x509_time *until = &certificate->valid_to;

    *to = (struct tls_certificate){.seconds = seconds_of(until)};
    if (mbedtls_x509_dn_gets(to->name, sizeof(to->name), &certificate->subject) < 0)
        snprintf(to->name, sizeof(to->name), "(a subject that is too long)");
    uint8_t hash[32];
    size_t length = 0;
#if TLS_HAS_13
    int failed = mbedtls_sha256(certificate->raw.p, certificate->raw.len, hash, 0);
#else
    int failed = mbedtls_sha256_ret(certificate->raw.p, certificate->raw.len, hash, 0);
#endif
    for (size_t i = 0; !failed && i < sizeof(hash); i++)
        length += (size_t)snprintf(to->fingerprint + length, sizeof(to->fingerprint) - length,
                                   "%s%02X", i ? ":" : "", hash[i]);
    snprintf(to->until, sizeof(to->until), "%04u-%02u-%02uT%02u:%02u:%02uZ",
             (unsigned)until->year % 10000, (unsigned)until->mon % 100, (unsigned)until->day % 100,
             (unsigned)until->hour % 100, (unsigned)until->min % 100, (unsigned)until->sec % 100);
}

int tls_days_left(const struct tls_certificate *certificate, int64_t now)
{
    int64_t left = certificate->seconds - now, day = INT64_C(24) * 60 * 60;

    return (int)(left >= 0 ? left / day : -((-left + day - 1) / day));
}

/* An expired certificate is loaded with a warning, so that the proxy can start.
 */
static void dates_check(const mbedtls_x509_crt *certificate, const char *what,
                        struct config_text path, struct config_problems *problems)
{
    struct tls_certificate named;
    int left;

    material_name(certificate, &named);
    left = tls_days_left(&named, time(NULL));
    if (left < 0)
        config_problem_add(problems, path.line, true,
                           "%s %s has expired (%s was its last second); renew it", what,
                           path.value.at, named.until);
    else if (mbedtls_x509_time_is_future(&certificate->valid_from))
        config_problem_add(problems, path.line, true, "%s %s is not valid yet; look at the clock",
                           what, path.value.at);
    else if (left < WARN_DAYS)
        config_problem_add(problems, path.line, true, "%s %s expires in %d days, at %s; renew it",
                           what, path.value.at, left, named.until);
}

bool material_certificates(mbedtls_x509_crt *chain, const char *what, struct config_text path,
                           struct config_problems *problems)
{
    struct bytes bytes;
    int failed;

    if (!file_read(what, path, &bytes, problems))
        return false;
    failed = mbedtls_x509_crt_parse(chain, bytes.at, parse_size(&bytes));
    bytes_free(&bytes);
    if (failed == 0) {
        for (const mbedtls_x509_crt *at = chain; at; at = at->next)
            dates_check(at, what, path, problems);
        return true;
    }
    if (failed > 0)
        config_problem_add(problems, path.line, false,
                           "%s %s: %d of its certificates cannot be parsed", what, path.value.at,
                           failed);
    else
        config_problem_add(
            problems, path.line, false,
            "%s %s holds no certificate that can be parsed (mbedTLS -0x%04x); write it in PEM",
            what, path.value.at, (unsigned)-failed);
    return false;
}

/* The passphrase: the first line of its file, or from the environment. False: a problem was added.
 */
static bool passphrase_read(struct config_text file, struct bytes *passphrase,
                            struct config_problems *problems)
{
    const char *set = getenv("SILOGATE_KEY_PASSPHRASE");

    *passphrase = (struct bytes){0};
    if (file.value.length > 0) {
        if (!file_read("key_passphrase_file", file, passphrase, problems))
            return false;
    } else if (set) {
        passphrase->at = (uint8_t *)strdup(set);
        passphrase->size = passphrase->at ? strlen(set) : 0;
    }
    if (passphrase->at)
        passphrase->size = strcspn((const char *)passphrase->at, "\r\n");
    return true;
}

/* `decrypted`: a passphrase was used. A wrong one gives bytes that, once in about 256 files, have a
 * valid padding: the key then fails in the parser, not at its passphrase. */
static const char *key_sentence(int failed, bool decrypted)
{
    if (failed == MBEDTLS_ERR_PK_PASSWORD_REQUIRED || failed == MBEDTLS_ERR_PEM_PASSWORD_REQUIRED)
        return "is encrypted; set key_passphrase_file, or SILOGATE_KEY_PASSPHRASE in the "
               "environment";
    if (decrypted || failed == MBEDTLS_ERR_PK_PASSWORD_MISMATCH ||
        failed == MBEDTLS_ERR_PEM_PASSWORD_MISMATCH)
        return "is encrypted with another passphrase, or is broken; correct key_passphrase_file";
    return "holds no private key that can be parsed; write an RSA or EC key in PEM";
}

static void key_mode_check(struct config_text path, struct config_problems *problems)
{
    struct stat is;

    if (stat(path.value.at, &is) == 0 && (is.st_mode & (S_IROTH | S_IWOTH)))
        config_problem_add(problems, path.line, true,
                           "key %s can be read by everyone; chmod 640 or stricter", path.value.at);
}

static bool key_matches(const mbedtls_pk_context *key, const mbedtls_x509_crt *certificate,
                        struct config_text path, struct config_problems *problems)
{
    if (tls_key_matches(certificate, key))
        return true;
    config_problem_add(problems, path.line, false,
                       "key %s does not belong to the certificate; name the key it was made with",
                       path.value.at);
    return false;
}

bool material_key(mbedtls_pk_context *key, const mbedtls_x509_crt *certificate,
                  struct config_text path, struct config_text passphrase_file,
                  struct config_problems *problems)
{
    struct bytes bytes, passphrase;
    struct text secret;
    bool decrypted;
    int failed;

    if (!file_read("key", path, &bytes, problems))
        return false;
    if (!passphrase_read(passphrase_file, &passphrase, problems)) {
        bytes_free(&bytes);
        return false;
    }
    secret = (struct text){(const char *)passphrase.at, passphrase.size};
    decrypted = secret.length && memmem(bytes.at, bytes.size, "ENCRYPTED", strlen("ENCRYPTED"));
    failed = pbes2_key_parse(key, bytes.at, parse_size(&bytes), secret);
    bytes_free(&bytes);
    bytes_free(&passphrase);
    if (failed) {
        config_problem_add(problems, path.line, false, "key %s %s", path.value.at,
                           key_sentence(failed, decrypted));
        return false;
    }
    key_mode_check(path, problems);
    return !certificate || key_matches(key, certificate, path, problems);
}

bool material_crl(mbedtls_x509_crl *crl, struct config_text path, struct config_problems *problems)
{
    struct bytes bytes;
    int failed;

    if (!file_read("revocation list", path, &bytes, problems))
        return false;
    failed = mbedtls_x509_crl_parse(crl, bytes.at, parse_size(&bytes));
    bytes_free(&bytes);
    if (failed) {
        config_problem_add(
            problems, path.line, false,
            "revocation list %s cannot be parsed (mbedTLS -0x%04x); write a CRL in PEM",
            path.value.at, (unsigned)-failed);
        return false;
    }
    for (const mbedtls_x509_crl *at = crl; at; at = at->next)
        if (mbedtls_x509_time_is_past(&at->next_update))
            config_problem_add(
                problems, path.line, true,
                "revocation list %s is out of date: certificates of its CA will be refused "
                "until it is renewed",
                path.value.at);
    return true;
}
