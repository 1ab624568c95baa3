/* What MariaDB's and Oracle's client libraries do differently, in this file alone: TLS settings,
 * and how a server is reached. */
#include <errmsg.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "catalogue/connection.h"

#ifdef MARIADB_PACKAGE_VERSION

const char *library_name(void)
{
    return "MariaDB Connector/C";
}

bool library_set_tls(MYSQL *mysql, enum config_tls tls, const char *passphrase)
{
    /* Those plugins that never send the password as it is over a leg without TLS. */
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

/* Does the greeting offer TLS? Where it is no greeting, the library may say what it is. (MySQL
 * manual, "Protocol::HandshakeV10": the capabilities stand 14 bytes behind the version's NUL.) */
static bool offers_tls(int socket, int timeout)
{
    unsigned char greeting[512] = {0};
    int wanted = 1;

    for (;;) {
        struct pollfd readable = {.fd = socket, .events = POLLIN};
        setsockopt(socket, SOL_SOCKET, SO_RCVLOWAT, &wanted, sizeof(wanted));
        int count = poll(&readable, 1, timeout);
        ssize_t length =
            count > 0 ? recv(socket, greeting, sizeof(greeting), MSG_PEEK | MSG_DONTWAIT) : 0;
        if (length < wanted || (length > 4 && greeting[4] != 10))
            return true;
        const unsigned char *nul = length > 5 ? memchr(greeting + 5, 0, (size_t)length - 5) : NULL;
        if (nul && nul + 15 < greeting + length)
            return ((unsigned)nul[14] | (unsigned)nul[15] << 8) & CLIENT_SSL;
        if (length == sizeof(greeting))
            return false;
        wanted = (int)length + 1;
    }
}

/* Connector/C goes on without TLS where the server offers none, whatever it was told, and may then
 * send the password under whoever's key it is given. So it stops once the socket is connected, and
 * the greeting is looked at before it is answered. */
bool library_reach(MYSQL *mysql, const struct destination *to, const char **why)
{
    static const int lowest = 1;
    MYSQL *connected = NULL;
    bool looked = !to->needs_tls, offered = true;

    mysql_options(mysql, MYSQL_OPT_NONBLOCK, NULL);
    int waits = mysql_real_connect_start(&connected, mysql, to->host, to->user, to->password, NULL,
                                         to->port, to->path, CLIENT_MULTI_RESULTS);
    while (waits) {
        int timeout = waits & MYSQL_WAIT_TIMEOUT ? (int)mysql_get_timeout_value_ms(mysql) : -1;
        struct pollfd ready = {.fd = (int)mysql_get_socket(mysql)};
        ready.events = (short)((waits & MYSQL_WAIT_READ ? POLLIN : 0) |
                               (waits & MYSQL_WAIT_WRITE ? POLLOUT : 0) |
                               (waits & MYSQL_WAIT_EXCEPT ? POLLPRI : 0));
        int count = poll(&ready, 1, timeout);
        if (count > 0 && !looked && !(ready.revents & (POLLERR | POLLHUP))) {
            looked = true;
            offered = offers_tls(ready.fd, timeout);
            setsockopt(ready.fd, SOL_SOCKET, SO_RCVLOWAT, &lowest, sizeof(lowest));
            if (!offered)
                shutdown(ready.fd, SHUT_RDWR);
        }
        int happened = count == 0 ? MYSQL_WAIT_TIMEOUT : waits & ~MYSQL_WAIT_TIMEOUT;
        waits = mysql_real_connect_cont(&connected, mysql, happened);
    }
    /* Not looked at and connected all the same: not seen, and not to be trusted. */
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
    return passphrase[0] == '\0'; /* it would ask for it on the terminal */
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
