/* What a connection is made of. Private to connect.c, library.c and rows.c. */
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
    struct connection_knock *knock; /* while one knocks; else NULL */
};

/* Fills `error` with what the library says of the last call, and notes the number. */
bool connection_failed(struct connection *connection, struct error *error);

/* The library that it is built with (library.c). */
const char *library_name(void);
/* False where it cannot use a key's passphrase; "" is none. */
bool library_set_tls(MYSQL *mysql, enum config_tls tls, const char *passphrase);

struct destination {
    const char *host, *path; /* one of them is NULL */
    const char *user, *password;
    unsigned port;
    bool needs_tls;                 /* without it nothing is said that proves the account */
    struct connection_knock *knock; /* NULL; or where the greeting is wanted */
};
/* Connects and logs in. False: `*why` says it, or where it is NULL the library does. */
bool library_reach(MYSQL *mysql, const struct destination *to, const char **why);

#endif
