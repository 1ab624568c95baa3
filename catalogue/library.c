/* The differences between MariaDB's and Oracle's client libraries, in this file only: TLS
 * settings, and connecting to a server. */
#include <errmsg.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "catalogue/connection.h"

#ifdef MARIADB_PACKAGE_VERSION

const char *library_name(void)
{
    return "MariaDB Connector/C";
}

bool library_set_tls(MYSQL *mysql, enum config_tls tls, const char *passphrase)
{
    /* The plugins that never send the password in clear text without TLS. */
    static const char safe[] = "mysql_native_password,caching_sha2_password,sha256_password,"
                               "client_ed25519,parsec,auth_gssapi_client";
    my_bool on = tls != CONFIG_TLS_OFF, verify = tls == CONFIG_TLS_VERIFY_IDENTITY;

    mysql_options(mysql, MARIADB_OPT_RESTRICTED_AUTH, safe);
    mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
    mysql_options(mysql, MYSQL_OPT_SSL_ENFORCE, &on);
    if (passphrase[0])
        mysql_options(mysql, MARIADB_OPT_TLS_PASSPHRASE, passphrase);
    return true;
}

enum { PACKET_START = 4 }; /* a packet's length and number */

/* The timeout, or what is left until then if that is less; -1: no timeout. */
static int within(int timeout, int64_t until)
{
    const int64_t left = until > clock_ms() ? until - clock_ms() : 0;

    return timeout >= 0 && timeout < left ? timeout : (int)left;
}

/* Waits for the server's first packet and copies it; the library still reads it from the socket.
 * Returns the length: the whole packet, or (`*is_whole` is false) the part that came within the
 * timeout or fits. */
static size_t peek_greeting(int socket, int timeout, int64_t until, unsigned char *greeting,
                            size_t size, bool *is_whole)
{
    size_t length = 0, whole = PACKET_START;

    while (length < whole && length < size) {
        struct pollfd readable = {.fd = socket, .events = POLLIN};
        int wanted = (int)length + 1;
        setsockopt(socket, SOL_SOCKET, SO_RCVLOWAT, &wanted, sizeof(wanted));
        int count = poll(&readable, 1, within(timeout, until));
        ssize_t got = count > 0 ? recv(socket, greeting, size, MSG_PEEK | MSG_DONTWAIT) : 0;
        if (got < wanted)
            break;
        length = (size_t)got;
        if (length >= PACKET_START)
            whole =
                PACKET_START + (greeting[0] | (size_t)greeting[1] << 8 | (size_t)greeting[2] << 16);
    }
    *is_whole = length >= whole && whole > PACKET_START;
    return length < whole ? length : whole;
}

/* Does the greeting offer TLS? True too if it is no greeting: the library reports it then. (MySQL
 * manual, "Protocol::HandshakeV10": the capabilities are 14 bytes after the version's NUL.) */
static bool offers_tls(const unsigned char *greeting, size_t length)
{
    if (length <= PACKET_START + 1 || greeting[PACKET_START] != 10)
        return true;
    const unsigned char *nul = memchr(greeting + PACKET_START + 1, 0, length - PACKET_START - 1);
    return nul && nul + 15 < greeting + length &&
           ((unsigned)nul[14] | (unsigned)nul[15] << 8) & CLIENT_SSL;
}

/* Once the socket is connected: may the library answer this greeting? False if TLS is needed and
 * the server offers none. */
static bool look_at_greeting(int socket, int timeout, const struct destination *to)
{
    static const int lowest = 1;
    struct connection_knock seen = {.length = 0};
    bool is_whole = false;

    seen.length =
        peek_greeting(socket, timeout, to->until, seen.greeting, sizeof(seen.greeting), &is_whole);
    setsockopt(socket, SOL_SOCKET, SO_RCVLOWAT, &lowest, sizeof(lowest));
    if (to->knock && is_whole) {
        memcpy(to->knock->greeting, seen.greeting, seen.length);
        to->knock->length = seen.length;
    }
    return !to->needs_tls || offers_tls(seen.greeting, seen.length);
}

/* If the server offers no TLS, Connector/C continues without it although TLS is required, and may
 * send the password encrypted with a key that an attacker gave it. So the connection is made step
 * by step, and the greeting is checked before it is answered. */
bool library_reach(MYSQL *mysql, const struct destination *to, const char **why)
{
    MYSQL *connected = NULL;
    bool looked = !to->needs_tls && !to->knock, offered = true;

    mysql_options(mysql, MYSQL_OPT_NONBLOCK, NULL);
    int waits = mysql_real_connect_start(&connected, mysql, to->host, to->user, to->password, NULL,
                                         to->port, to->path, CLIENT_MULTI_RESULTS);
    while (waits) {
        int timeout = waits & MYSQL_WAIT_TIMEOUT ? (int)mysql_get_timeout_value_ms(mysql) : -1;
        struct pollfd ready = {.fd = (int)mysql_get_socket(mysql)};
        ready.events = (short)((waits & MYSQL_WAIT_READ ? POLLIN : 0) |
                               (waits & MYSQL_WAIT_WRITE ? POLLOUT : 0) |
                               (waits & MYSQL_WAIT_EXCEPT ? POLLPRI : 0));
        cut_socket(to->connection, ready.fd);
        int count = poll(&ready, 1, within(timeout, to->until));
        if (count > 0 && !looked && !(ready.revents & (POLLERR | POLLHUP))) {
            looked = true;
            offered = look_at_greeting(ready.fd, timeout, to);
            if (!offered)
                shutdown(ready.fd, SHUT_RDWR);
        }
        cut_socket(to->connection, -1);
        int happened = count == 0 || clock_ms() >= to->until ? MYSQL_WAIT_TIMEOUT
                                                             : waits & ~MYSQL_WAIT_TIMEOUT;
        waits = mysql_real_connect_cont(&connected, mysql, happened);
    }
    /* The second case: the greeting was not checked, and there is no TLS although it is needed. */
    if (!offered || (connected && to->needs_tls && !mysql_get_ssl_cipher(mysql)))
        *why = "the server offers no TLS";
    return connected && !*why;
}

int connection_socket(const struct connection *connection)
{
    return (int)mysql_get_socket((MYSQL *)&connection->mysql);
}

#else

const char *library_name(void)
{
    return "MySQL client library";
}

bool library_set_tls(MYSQL *mysql, enum config_tls tls, const char *passphrase)
{
    static const unsigned modes[] = {
        [CONFIG_TLS_OFF] = SSL_MODE_DISABLED,
        [CONFIG_TLS_PREFERRED] = SSL_MODE_PREFERRED,
        [CONFIG_TLS_REQUIRED] = SSL_MODE_REQUIRED,
        [CONFIG_TLS_VERIFY_CA] = SSL_MODE_VERIFY_CA,
        [CONFIG_TLS_VERIFY_IDENTITY] = SSL_MODE_VERIFY_IDENTITY,
    };
    bool on = true;

    mysql_options(mysql, MYSQL_OPT_SSL_MODE, &modes[tls]);
    mysql_options(mysql, MYSQL_OPT_GET_SERVER_PUBLIC_KEY, &on);
    return passphrase[0] == '\0'; /* the library would ask for a passphrase on the terminal */
}

bool library_reach(MYSQL *mysql, const struct destination *to, const char **why)
{
    (void)why;
    return mysql_real_connect(mysql, to->host, to->user, to->password, NULL, to->port, to->path,
                              CLIENT_MULTI_RESULTS) != NULL;
}

int connection_socket(const struct connection *connection)
{
    return (int)connection->mysql.net.fd;
}

#endif
