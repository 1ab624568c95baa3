/* silogate's own connection to an upstream, with the client library (Oracle's libmysqlclient or
 * MariaDB's Connector/C, whichever it was built with). Audit, mover, witness and instances/ all
 * use it. It blocks, so it must never be called on an event loop; each connection is used by one
 * thread at a time. It waits for no name server where this process resolves the names of its
 * upstreams (base/resolve.h): their addresses are those that were found last.
 *
 * The session begins with utf8mb4, autocommit, time zone UTC, REPEATABLE READ, the sql_mode
 * STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION (on MariaDB NO_AUTO_CREATE_USER too), names in quotes
 * in SHOW CREATE, no limits of rows, joins or time and no IF EXISTS that nobody has written
 * (MariaDB's sql_if_exists), whatever the server's defaults are. The caller sets the connection
 * attribute program_name.
 *
 * Authentication (MySQL manual, "Caching SHA-2 Pluggable Authentication"): a first login with
 * caching_sha2_password needs a Unix socket, TLS, or the server's public key, which is requested
 * if `tls` is off or the server does not offer TLS.
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
    /* The addresses, in order, and the TLS settings of [upstream:]. Never NULL. No pointer into it
     * is kept. The PROXY header of `proxy_protocol` is not sent. */
    const struct config_upstream *upstream;
    /* An option file of the client library: user, password and other options of the groups
     * [client] and [silogate], except the server's address. NULL: the upstream's `account` and
     * `account_password_file`. */
    const char *defaults_file;
    const char *program;       /* "silogate audit"; NULL: "silogate" */
    int64_t connect_timeout;   /* ms, rounded up to seconds, for each address; 0: 10 s */
    int64_t statement_timeout; /* ms, rounded up to seconds: the longest wait for any byte of an
                                  answer; 0: 60 s */
};

/* Can the option file be read? The library ignores one that cannot, and would log in as the system
 * user that runs silogate. */
bool connection_check_defaults(const char *path, struct error *error);

/* Connects and logs in. NULL with `error`: no address accepted the login (the last one's reasons),
 * or there is neither a defaults file nor an `account`. */
struct connection *connection_open(const struct connection_options *options, struct error *error);
void connection_close(struct connection *connection); /* NULL is allowed */

/* The result of a login that is closed at once (connection_knock). */
enum { CONNECTION_GREETING = 512 };
struct connection_knock {
    uint8_t greeting[CONNECTION_GREETING]; /* the server's first packet with its header */
    size_t length;                         /* 0: it did not come as a whole, or (with Oracle's
                                              library) is not shown */
    unsigned code;                         /* the error code of the server or of the library */
    char address[256];                     /* as it is written in proxy.ini */
};
/* Has a server answered, perhaps with an error? Its greeting is not read but for the first byte. */
bool connection_answered(const struct connection_knock *knock);
/* Logs in at the first address that answers, and out again at once, without a statement. False
 * with `error`: no address has answered (the last one's reasons), or this one has refused the
 * login; `knock` tells which. */
bool connection_knock(const struct connection_options *options, struct connection_knock *knock,
                      struct error *error);

/* For the end of the process: whatever other threads wait for at their connections fails, and so
 * does each connection_open that comes later. Does not wait itself. Oracle's library cannot be
 * interrupted during a login. */
void connection_cut_all(void);

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
        PARAMETER_SQL,    /* inserted unchanged: SQL of the caller */
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

/* Runs one statement and reads its whole result, so it should be bounded with LIMIT. Each `?` of
 * `sql` is replaced, on the client's side, by the next parameter, which is escaped (no `?` of
 * `sql` may mean anything else; `parameters` may be NULL if there is none). Further results, as of
 * a CALL, are read and dropped. NULL: it has failed; `error` has the server's message (never the
 * statement), connection_code the number. A statement without a result set gives rows without
 * columns. */
struct rows *connection_query(struct connection *connection, const char *sql,
                              const struct parameter *parameters, struct error *error);
/* The same for statements whose result is not needed. */
bool connection_run(struct connection *connection, const char *sql,
                    const struct parameter *parameters, struct error *error);

/* The text of a statement with its parameters in place, for connection_many. */
struct arena;
struct text connection_text(struct connection *connection, struct arena *arena, const char *sql,
                            const struct parameter *parameters);
/* Allows several statements in one packet, as connection_many needs it; only for as long as it is
 * needed, because then each statement's end matters. */
bool connection_allow_many(struct connection *connection, bool allowed, struct error *error);
/* Runs statements one after the other, in packets of half a megabyte: one round trip each. False:
 * one has failed, and those behind it were not run. `*done`: how many succeeded. `rows`: NULL, or
 * room for the result of each, of which the first `*done` are set. MySQL counts what separates a
 * CREATE TRIGGER from the next statement to the trigger's body, so there it must be the last. */
bool connection_many(struct connection *connection, const struct text *statements, size_t count,
                     struct rows **rows, size_t *done, struct error *error);

/* Sets sql_mode and the character sets as they are after the login. */
bool connection_restore(struct connection *connection, struct error *error);

/* A result. `cells` are those of the current row: bytes with their length, `at` NULL for NULL;
 * they are valid until rows_free. */
struct rows {
    size_t columns;
    uint64_t count; /* of rows */
    const struct text *cells;
};
bool rows_next(struct rows *rows); /* false: after the last row */
void rows_free(struct rows *rows); /* NULL is harmless */
/* The column's name. */
const char *rows_name(const struct rows *rows, size_t column);
/* The cell as a number; `otherwise`: it is NULL or no number. */
int64_t rows_number(const struct rows *rows, size_t column, int64_t otherwise);

/* Of the last statement: the server's error number (1045, 1146...) or the client library's (2000
 * to 2999: the connection must not be used any more); 0: no error. And the affected rows. */
unsigned connection_code(const struct connection *connection);
uint64_t connection_affected(const struct connection *connection);
bool connection_lost(const struct connection *connection);

/* Facts about the server and the session, from the login. Texts live as long as the connection. */
bool connection_is_mariadb(const struct connection *connection);
const char *connection_version(const struct connection *connection); /* "10.11.19-MariaDB-..." */
unsigned connection_number(const struct connection *connection);     /* 101119, 90704 */
uint64_t connection_thread(const struct connection *connection);     /* CONNECTION_ID() */
const char *connection_address(const struct connection *connection); /* as written in the ini */
/* Its socket, so that another thread can end a wait with shutdown(2); -1: not known. */
int connection_socket(const struct connection *connection);

/* For `silogate version`: "MariaDB Connector/C 3.3.14", of the library that runs. */
const char *connection_library(void);

#endif
