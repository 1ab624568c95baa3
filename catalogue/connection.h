/* The data of a connection. Private to connect.c, cut.c, host.c, library.c and rows.c. */
#ifndef CATALOGUE_CONNECTION_H
#define CATALOGUE_CONNECTION_H

#include <mysql.h>

#include "catalogue/connect.h"

struct connection {
    MYSQL mysql;
    unsigned code;
    uint64_t affected;
    uint64_t thread;
    unsigned number;
    bool is_mariadb, lost;
    char version[128], address[256], name[128];
    struct connection_knock *knock; /* during connection_knock; else NULL */
    struct connection *next;        /* cut.c's, under its lock */
    int socket;                     /* likewise; -1: none at the moment */
};

/* Fills `error` with the library's message for the last call, and keeps the number. */
bool connection_failed(struct connection *connection, struct error *error);

/* cut.c: from now on connection_cut_all ends its waits. False: it was called already. */
bool cut_add(struct connection *connection);
/* The socket that it waits at from now on; -1: none. NULL is allowed. */
void cut_socket(struct connection *connection, int socket);
void cut_remove(struct connection *connection);

/* host.c: until the next call, the library finds this address where this thread asks it for the
 * host. Host NULL: it looks names up by itself. Both live until then. */
struct resolved_address;
void host_is_at(const char *host, const struct resolved_address *address);

/* The library that it is built with (library.c). */
const char *library_name(void);
/* False: it cannot use a key with a passphrase; "": no passphrase. */
bool library_set_tls(MYSQL *mysql, enum config_tls tls, const char *passphrase);

struct destination {
    const char *host, *path; /* one of them is NULL */
    const char *user, *password;
    unsigned port;
    int64_t until;                  /* clock_ms; the login ends then, also if bytes come slowly */
    bool needs_tls;                 /* without TLS no credentials may be sent */
    struct connection_knock *knock; /* NULL; or the greeting is stored there */
    struct connection *connection;  /* NULL: connection_cut_all leaves it alone */
};
/* Connects and logs in. False: `*why` has the reason; if it is NULL, the library has it. */
bool library_reach(MYSQL *mysql, const struct destination *to, const char **why);

#endif
