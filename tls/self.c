/* silogate's own self-signed certificate, so that clients get encryption without any
 * configuration, as MySQL does it. It protects against listeners but does not prove the server's
 * identity. It is made once in each process and kept in the state folder, if there is one, so that
 * it stays the same for clients that pin it or compare its fingerprint. A valid file is never
 * replaced.
 */
#include "tls/self.h"

#include <errno.h>
#include <fcntl.h>
#include <mbedtls/ecp.h>
#include <mbedtls/oid.h>
#include <mbedtls/platform_util.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tls/library.h"

enum { PEM_MAX = 4096, YEARS = 10, SPARE_DAYS = 30 };

#define FILE_NAME "silogate-auto.pem"

/* The key in PEM, followed by the certificate. */
static char made[PEM_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static bool set_serial(mbedtls_x509write_cert *writer)
{
    unsigned char serial[16];

    if (tls_random(NULL, serial, sizeof(serial)) != 0)
        return false;
    serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x01); /* positive, and of full length */
#if TLS_HAS_13
    return mbedtls_x509write_crt_set_serial_raw(writer, serial, sizeof(serial)) == 0;
#else
    mbedtls_mpi number;
    mbedtls_mpi_init(&number);
    bool good = mbedtls_mpi_read_binary(&number, serial, sizeof(serial)) == 0 &&
                mbedtls_x509write_crt_set_serial(writer, &number) == 0;
    mbedtls_mpi_free(&number);
    return good;
#endif
}

static bool set_validity(mbedtls_x509write_cert *writer)
{
    time_t now = time(NULL) - 24L * 60 * 60; /* because clocks differ */
    char from[16], until[16];
    struct tm day;

    gmtime_r(&now, &day);
    strftime(from, sizeof(from), "%Y%m%d%H%M%S", &day);
    day.tm_year += YEARS;
    now = timegm(&day); /* the year of the end may have no 29th of February */
    gmtime_r(&now, &day);
    strftime(until, sizeof(until), "%Y%m%d%H%M%S", &day);
    return mbedtls_x509write_crt_set_validity(writer, from, until) == 0;
}

static bool write_certificate(mbedtls_pk_context *key, char *to, size_t size)
{
    static const char name[] = "CN=silogate auto-generated certificate";
    mbedtls_x509write_cert writer;

    mbedtls_x509write_crt_init(&writer);
    mbedtls_x509write_crt_set_version(&writer, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(&writer, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(&writer, key);
    mbedtls_x509write_crt_set_issuer_key(&writer, key);
    bool good =
        mbedtls_x509write_crt_set_subject_name(&writer, name) == 0 &&
        mbedtls_x509write_crt_set_issuer_name(&writer, name) == 0 && set_serial(&writer) &&
        set_validity(&writer) && mbedtls_x509write_crt_set_basic_constraints(&writer, 0, -1) == 0 &&
        mbedtls_x509write_crt_pem(&writer, (unsigned char *)to, size, tls_random, NULL) == 0;
    mbedtls_x509write_crt_free(&writer);
    return good;
}

/* Under the lock. */
static bool make(void)
{
    mbedtls_pk_context key;
    char text[PEM_MAX];

    if (made[0])
        return true;
    mbedtls_pk_init(&key);
    bool good =
        mbedtls_pk_setup(&key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)) == 0 &&
        mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(key), tls_random, NULL) == 0 &&
        mbedtls_pk_write_key_pem(&key, (unsigned char *)text, sizeof(text)) == 0;
    size_t length = good ? strlen(text) : 0;
    good = good && write_certificate(&key, text + length, sizeof(text) - length);
    if (good)
        memcpy(made, text, sizeof(made));
    mbedtls_platform_zeroize(text, sizeof(text));
    mbedtls_pk_free(&key);
    return good;
}

static bool path_of(const struct config *config, const char *name, char *to, size_t size)
{
    struct text folder = config->proxy.state.value;
    int length = snprintf(to, size, "%.*s/%s", TEXT_ARGS(folder), name);

    return folder.length > 0 && length > 0 && (size_t)length < size;
}

/* Reads the file. False: it is not there. */
static bool read_kept(const struct config *config, char *to)
{
    char path[4096];

    if (!path_of(config, FILE_NAME, path, sizeof(path)))
        return false;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t got = file < 0 ? -1 : read(file, to, PEM_MAX - 1);
    if (file >= 0)
        close(file);
    if (got <= 0)
        return false;
    to[got] = '\0';
    return true;
}

static bool parse(const char *pem, mbedtls_x509_crt *chain, mbedtls_pk_context *key)
{
    const unsigned char *bytes = (const unsigned char *)pem;
    size_t size = strlen(pem) + 1;

    return mbedtls_x509_crt_parse(chain, bytes, size) == 0 &&
           tls_key_parse(key, bytes, size, (struct text){NULL, 0}) == 0;
}

/* Do key and certificate belong together, and is the certificate valid for 30 more days? */
static bool is_good(const char *pem)
{
    mbedtls_x509_crt chain;
    mbedtls_pk_context key;
    struct tls_certificate named;

    mbedtls_x509_crt_init(&chain);
    mbedtls_pk_init(&key);
    bool good = parse(pem, &chain, &key) && tls_key_matches(&chain, &key);
    if (good) {
        material_name(&chain, &named);
        good = tls_days_left(&named, time(NULL)) >= SPARE_DAYS;
    }
    mbedtls_x509_crt_free(&chain);
    mbedtls_pk_free(&key);
    return good;
}

/* Writes the kept one, else a new one, into `to` (PEM_MAX bytes). */
static bool choose(const struct config *config, char *to)
{
    pthread_mutex_lock(&lock);
    bool good = read_kept(config, to) && is_good(to);
    if (!good && make()) {
        memcpy(to, made, PEM_MAX);
        good = true;
    }
    pthread_mutex_unlock(&lock);
    return good;
}

bool self_certificate(const struct config *config, mbedtls_x509_crt *chain)
{
    char pem[PEM_MAX];
    mbedtls_pk_context key;

    mbedtls_pk_init(&key);
    bool good = choose(config, pem) && parse(pem, chain, &key);
    mbedtls_pk_free(&key);
    mbedtls_platform_zeroize(pem, sizeof(pem));
    return good;
}

bool self_key(const struct config *config, mbedtls_pk_context *key)
{
    char pem[PEM_MAX];
    bool good = choose(config, pem) && tls_key_parse(key, (const unsigned char *)pem,
                                                     strlen(pem) + 1, (struct text){NULL, 0}) == 0;

    mbedtls_platform_zeroize(pem, sizeof(pem));
    return good;
}

bool tls_keep(const struct config *config, struct error *why)
{
    char path[4096], next[4096], pem[PEM_MAX];

    if (config->tls.client.value == CONFIG_TLS_OFF || !self_is_meant(config) ||
        config->proxy.state.value.length == 0)
        return true;
    if (!path_of(config, FILE_NAME, path, sizeof(path)) ||
        !path_of(config, FILE_NAME ".new", next, sizeof(next)))
        return error_at(why, config->proxy.state.line, "state: the path is too long");
    if (read_kept(config, pem) && is_good(pem))
        return true;
    (void)unlink(next);
    int file = open(next, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    size_t size = strlen(made);
    bool good = file >= 0 && write(file, made, size) == (ssize_t)size && fsync(file) == 0;
    if (file >= 0)
        good = close(file) == 0 && good;
    if (good && rename(next, path) == 0)
        return true;
    return error_at(why, config->proxy.state.line,
                    "state = %s: %s cannot be kept there: %s; the certificate changes with each "
                    "start",
                    config->proxy.state.value.at, FILE_NAME, strerror(errno));
}
