/* silogate's own connection to an upstream, through the client library (Oracle's libmysqlclient or
 * MariaDB's Connector/C, whichever it was built with): the one door through which audit, mover,
 * witness and meeting point reach a server. Blocking: never to be called on an event loop; each
 * connection is used by one thread at a time.
 *
 * The session begins with utf8mb4, autocommit, time zone UTC, REPEATABLE READ, the sql_mode
 * STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION (on MariaDB NO_AUTO_CREATE_USER too) and no limits of
 * rows, joins or time, whatever the server's defaults are. The connection attribute program_name is
 * the caller's.
 *
 * How the account is proved (MySQL manual, "Caching SHA-2 Pluggable Authentication"): a cold login
 * with caching_sha2_password needs a Unix socket, TLS, or the server's public key, which is asked
 * for where `tls` is off or the server offers none.
 */
#ifndef CATALOGUE_CONNECT_H
#define CATALOGUE_CONNECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "config/config.h"

struct connection;

struct connection_options {
    /* Addresses in their order, and the TLS settings of [upstream:]. Never NULL. Nothing of it is
     * kept. The PROXY header of `proxy_protocol` is not sent. */
    const struct config_upstream *upstream;
    /* An option file of the client library: user, password and whatever else the groups [client]
     * and [silogate] say, but not where the server is. NULL: the upstream's `account` and
     * `account_password_file`. */
    const char *defaults_file;
    const char *program;       /* "silogate audit"; NULL: "silogate" */
    int64_t connect_timeout;   /* ms, rounded up to seconds, for each address; 0: 10 s */
    int64_t statement_timeout; /* ms, rounded up: without any byte of an answer; 0: 60 s */
};

/* Can the option file be read? The library passes over one that cannot, and would log in as whoever
 * runs us. */
bool connection_check_defaults(const char *path, struct error *error);

/* Connects and logs in. NULL with `error` where no address let us in (the reasons of the last), or
 * where the upstream has neither a defaults file nor an `account`. */
struct connection *connection_open(const struct connection_options *options, struct error *error);
void connection_close(struct connection *connection); /* NULL is harmless */

/* What a server has said to who knocked. */
enum { CONNECTION_GREETING = 512 };
struct connection_knock {
    uint8_t greeting[CONNECTION_GREETING]; /* its first packet, header and all */
    size_t length;                         /* 0: not seen; Oracle's library shows none */
    unsigned code;                         /* the error's, the server's or the library's own */
    char address[256];                     /* as it is written in proxy.ini */
};
/* The server has said something, be it an error. */
bool connection_answered(const struct connection_knock *knock);
/* Logs in and at once out again, without a statement, at the first address that answers. False with
 * `error`: no address did (the reasons of the last), or this one did not let us in; `knock` tells
 * which. */
bool connection_knock(const struct connection_options *options, struct connection_knock *knock,
                      struct error *error);

/* A thread that has opened or used a connection calls this once before it ends; not the main
 * thread. */
void connection_leave_thread(void);

/* A value for a `?` of a statement. */
struct parameter {
    enum {
        PARAMETER_END,
        PARAMETER_TEXT,   /* '...', escaped; NULL where `at` is NULL */
        PARAMETER_BYTES,  /* x'...': bytes of any character set; NULL where `at` is NULL */
        PARAMETER_NAME,   /* `...`: an identifier */
        PARAMETER_NUMBER, /* an integer */
        PARAMETER_SQL,    /* as it is: SQL of the caller's own */
    } kind;
    struct text text;
    int64_t number;
};
#define P_TEXT(t)   ((struct parameter){.kind = PARAMETER_TEXT, .text = (t)})
#define P_BYTES(t)  ((struct parameter){.kind = PARAMETER_BYTES, .text = (t)})
#define P_NAME(t)   ((struct parameter){.kind = PARAMETER_NAME, .text = (t)})
#define P_NUMBER(n) ((struct parameter){.kind = PARAMETER_NUMBER, .number = (n)})
#define P_SQL(t)    ((struct parameter){.kind = PARAMETER_SQL, .text = (t)})
/* connection_query(c, "... WHERE a = ? AND b = ?", PARAMETERS(P_TEXT(x), P_NUMBER(3)), &error) */
#define PARAMETERS(...) ((const struct parameter[]){__VA_ARGS__, {.kind = PARAMETER_END}})

/* Runs one statement and brings its whole result here: bound it with LIMIT. Each `?` of `sql` is
 * replaced by the next parameter, which the client writes and escapes (no `?` of `sql` may mean
 * anything else; parameters may be NULL where there is none). Further results, as of a CALL, are
 * read and dropped. NULL where it failed: `error` has the server's words (never the statement),
 * connection_code the number. A statement without a result set gives rows without columns. */
struct rows *connection_query(struct connection *connection, const char *sql,
                              const struct parameter *parameters, struct error *error);
/* The same for those whose result is not wanted. */
bool connection_run(struct connection *connection, const char *sql,
                    const struct parameter *parameters, struct error *error);

/* A result. `cells` are the current row's: bytes with their length, `at` NULL for NULL; they live
 * until rows_free. */
struct rows {
    size_t columns;
    uint64_t count; /* of rows */
    const struct text *cells;
};
bool rows_next(struct rows *rows); /* false behind the last row */
void rows_free(struct rows *rows); /* NULL is harmless */
/* A column's name, as the server has it. */
const char *rows_name(const struct rows *rows, size_t column);
/* The cell as a number; `otherwise` where it is NULL or none. */
int64_t rows_number(const struct rows *rows, size_t column, int64_t otherwise);

/* Of the last statement: the server's error number (1045, 1146...) or the client library's (2000
 * to 2999: the connection is not to be used any more); 0 where it went well. Rows affected. */
unsigned connection_code(const struct connection *connection);
uint64_t connection_affected(const struct connection *connection);
bool connection_lost(const struct connection *connection);

/* Of the server and the session, as they were at login. Texts live as long as the connection. */
bool connection_is_mariadb(const struct connection *connection);
const char *connection_version(const struct connection *connection); /* "10.11.19-MariaDB-..." */
unsigned connection_number(const struct connection *connection);     /* 101119, 90704 */
uint64_t connection_thread(const struct connection *connection);     /* CONNECTION_ID() */
const char *connection_address(const struct connection *connection); /* as written in the ini */
/* Its socket, so that another thread can end a wait with shutdown(2); -1: unknown. */
int connection_socket(const struct connection *connection);

/* For `silogate version`: "MariaDB Connector/C 3.3.14", of the library that runs. */
const char *connection_library(void);

#endif
