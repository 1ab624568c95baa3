/* Opens and closes connections to upstreams: address, account, TLS. library.c has the differences
 * between the two client libraries, rows.c runs statements. */
#include "catalogue/connect.h"

#include <errmsg.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/resolve.h"
#include "catalogue/connection.h"
#include "sql/state.h"

enum { PASSWORD_SIZE = 1024, CONNECT_SECONDS = 10, STATEMENT_SECONDS = 60 };
/* A whole login takes so many times the time of one step at most. */
enum { LOGIN_TIMES = 4 };

static void start_library(void)
{
    mysql_library_init(0, NULL, NULL);
}

bool connection_failed(struct connection *connection, struct error *error)
{
    unsigned code = mysql_errno(&connection->mysql);

    connection->code = code ? code : CR_UNKNOWN_ERROR;
    connection->lost |= code >= CR_MIN_ERROR && code <= CR_MAX_ERROR;
    if (connection->lost && !connection->knock)
        cut_socket(connection, -1); /* the library may have closed it */
    return error_set(error, "%s (%s): error %u: %s", connection->name, connection->address,
                     connection->code, mysql_error(&connection->mysql));
}

/* Reads the first line of a file that holds a secret. */
static bool first_line(const char *key, const struct config_text *file,
                       char password[PASSWORD_SIZE], struct error *error)
{
    FILE *from = fopen(file->value.at, "re");

    if (!from)
        return error_at(error, file->line,
                        "%s = %s cannot be read; name a file whose first line is the secret", key,
                        file->value.at);
    bool read = fgets(password, PASSWORD_SIZE, from) != NULL;
    bool whole = read && (strchr(password, '\n') || strlen(password) < PASSWORD_SIZE - 1);
    fclose(from);
    if (!whole)
        return error_at(error, file->line, "%s = %s %s; its first line is the secret", key,
                        file->value.at, read ? "has too long a line" : "is empty");
    password[strcspn(password, "\r\n")] = '\0';
    return true;
}

static void set_file(MYSQL *mysql, enum mysql_option option, const struct config_text *file)
{
    if (file->line)
        mysql_options(mysql, option, file->value.at);
}

/* Sets certificates and keys. Below verify_ca nothing is verified, as on the proxy's connections.
 */
static bool set_tls(MYSQL *mysql, const struct config_upstream *upstream, struct error *error)
{
    char passphrase[PASSWORD_SIZE] = "";

    if (upstream->tls.value >= CONFIG_TLS_VERIFY_CA) {
        set_file(mysql, MYSQL_OPT_SSL_CA, &upstream->ca);
        set_file(mysql, MYSQL_OPT_SSL_CRL, &upstream->crl);
    }
    set_file(mysql, MYSQL_OPT_SSL_CERT, &upstream->certificate);
    set_file(mysql, MYSQL_OPT_SSL_KEY, &upstream->key);
    if (upstream->key_passphrase_file.line &&
        !first_line("key_passphrase_file", &upstream->key_passphrase_file, passphrase, error))
        return false;
    bool possible = library_set_tls(mysql, (enum config_tls)upstream->tls.value, passphrase);
    explicit_bzero(passphrase, sizeof(passphrase));
    return possible || error_at(error, upstream->key_passphrase_file.line,
                                "the client library knows no passphrases of keys; name a key "
                                "without one");
}

static unsigned seconds(int64_t milliseconds, unsigned otherwise)
{
    return milliseconds > 0 ? (unsigned)((milliseconds + 999) / 1000) : otherwise;
}

static void set_options(MYSQL *mysql, const struct connection_options *options)
{
    const unsigned connect = seconds(options->connect_timeout, CONNECT_SECONDS);
    const unsigned statement = seconds(options->statement_timeout, STATEMENT_SECONDS);
    const unsigned local_infile = 0;
    const unsigned long largest = 1ul << 30;

    mysql_options(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &connect);
    mysql_options(mysql, MYSQL_OPT_READ_TIMEOUT, &statement);
    mysql_options(mysql, MYSQL_OPT_WRITE_TIMEOUT, &statement);
    mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_options(mysql, MYSQL_OPT_MAX_ALLOWED_PACKET, &largest);
    mysql_options(mysql, MYSQL_OPT_LOCAL_INFILE, &local_infile);
    mysql_options4(mysql, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name",
                   options->program ? options->program : "silogate");
    if (options->defaults_file) {
        mysql_options(mysql, MYSQL_READ_DEFAULT_FILE, options->defaults_file);
        mysql_options(mysql, MYSQL_READ_DEFAULT_GROUP, "silogate");
    }
}

static bool connect_address(struct connection *connection, const struct connection_options *options,
                            const struct config_address *address, const char *password,
                            struct error *error)
{
    const struct config_upstream *upstream = options->upstream;
    const unsigned protocol = address->is_unix ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP;
    MYSQL *mysql = &connection->mysql;
    const char *why = NULL;
    const struct destination to = {
        .host = address->is_unix ? NULL : address->host.at,
        .path = address->is_unix ? address->host.at : NULL,
        .user = options->defaults_file ? NULL : upstream->account.value.at,
        .password = options->defaults_file ? NULL : password,
        .port = address->port,
        .until = clock_ms() +
                 LOGIN_TIMES * INT64_C(1000) * seconds(options->connect_timeout, CONNECT_SECONDS),
        .needs_tls = !address->is_unix && upstream->tls.value >= CONFIG_TLS_REQUIRED,
        .knock = connection->knock,
        .connection = connection->knock ? NULL : connection,
    };

    snprintf(connection->address, sizeof(connection->address), "%s", address->written.at);
    if (!mysql_init(mysql))
        return error_set(error, "the client library has no memory");
    set_options(mysql, options);
    mysql_options(mysql, MYSQL_OPT_PROTOCOL, &protocol);
    /* A Unix socket is as safe as TLS for passwords, and MySQL offers no TLS on it. */
    bool good = address->is_unix ? library_set_tls(mysql, CONFIG_TLS_OFF, "")
                                 : set_tls(mysql, upstream, error);
    connection->lost = false; /* whatever became of another address */
    if (good && library_reach(mysql, &to, &why)) {
        *error = (struct error){0};
        return true;
    }
    if (good && why)
        error_set(error, "%s (%s): %s, and tls is not off or preferred", connection->name,
                  connection->address, why);
    else if (good)
        connection_failed(connection, error);
    mysql_close(mysql);
    return false;
}

/* Is it an error number of the client library, not of a server? Connector/C has a range of its own
 * besides the common one. */
static bool is_library_error(unsigned code)
{
    return (code >= CR_MIN_ERROR && code <= CR_MAX_ERROR) || code / 1000 == 5;
}

/* Errors after which the library closes the connection, though the server sent its greeting: a
 * missing plugin (Oracle's library has none for mysql_native_password, MariaDB's default), TLS, or
 * a password that it refuses to send. */
static bool is_after_greeting(unsigned code)
{
    return code == CR_SSL_CONNECTION_ERROR || code == CR_AUTH_PLUGIN_CANNOT_LOAD ||
           code == CR_AUTH_PLUGIN_ERR;
}

/* Is it an error that a server has a part in? */
static bool is_answer(unsigned code)
{
    return is_after_greeting(code) || (code > 0 && !is_library_error(code));
}

/* The first packet of a server: a greeting, or an error. */
static bool is_first_packet(const struct connection_knock *knock)
{
    enum { FIRST = 4, VERSION_10 = 10, ERROR = 0xff }; /* the payload's first byte */

    return knock->length > FIRST &&
           (knock->greeting[FIRST] == VERSION_10 || knock->greeting[FIRST] == ERROR);
}

static bool has_answer(const struct connection *connection)
{
    return is_answer(connection->code) || (connection->knock && is_first_packet(connection->knock));
}

/* Tries the addresses that this process knows of a host, or what the library finds (in a command
 * that resolves no names), until a server has answered. */
static bool connect_host(struct connection *connection, const struct connection_options *options,
                         const struct config_address *address, const char *password,
                         struct error *error)
{
    struct resolved found = {.count = 1};
    const bool known = !address->is_unix && resolve_known(address->host.at, address->port, &found);
    bool connected = false;

    connection->code = 0;
    if (found.count == 0)
        error_set(error, "%s (%s): its name does not resolve", connection->name,
                  address->written.at);
    for (size_t i = 0; i < found.count && !connected && !has_answer(connection); i++) {
        connection->code = 0;
        host_is_at(known ? address->host.at : NULL, &found.addresses[i]);
        connected = connect_address(connection, options, address, password, error);
    }
    host_is_at(NULL, NULL);
    return connected;
}

/* MariaDB does not know the collation that Oracle's library sends at login, and uses latin1.
 * Without NO_AUTO_CREATE_USER its GRANT makes an account that does not exist, without a password.
 */
bool connection_restore(struct connection *connection, struct error *error)
{
    return connection_run(connection,
                          connection->is_mariadb
                              ? "SET NAMES utf8mb4, sql_mode ="
                                " 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION,NO_AUTO_CREATE_USER'"
                              : "SET NAMES utf8mb4, sql_mode ="
                                " 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'",
                          NULL, error);
}

/* Overrides defaults of a server that would cut results without an error (sql_select_limit), refuse
 * large joins or updates without a key, end long statements, leave writes uncommitted, or write
 * names without quotes in SHOW CREATE. */
static bool set_variables(struct connection *connection, struct error *error)
{
    static const char common[] =
        "SET SESSION autocommit = 1, time_zone = '+00:00', completion_type = 0, sql_safe_updates ="
        " 0, sql_select_limit = 18446744073709551615, max_join_size = 18446744073709551615,"
        " sql_big_selects = 1, group_concat_max_len = 1048576, wait_timeout = 28800, lc_messages ="
        " 'en_US', sql_quote_show_create = 1";
    const bool mariadb = connection->is_mariadb;

    return connection_restore(connection, error) &&
           connection_run(connection, common, NULL, error) &&
           connection_run(
               connection,
               mariadb ? "SET SESSION max_statement_time = 0 /*!100502 , sql_if_exists = 0 */"
                       : "SET SESSION max_execution_time = 0",
               NULL, error) &&
           connection_run(connection,
                          "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE",
                          NULL, error);
}

/* A server still waits for a lock after its client has given up, by default for a year. While a DDL
 * statement blocks the lock, a caller that retries would fill the server with waiting threads. */
static bool limit_waits(struct connection *connection, const struct connection_options *options,
                        struct error *error)
{
    const unsigned most = seconds(options->statement_timeout, 0);

    return most == 0 || connection_run(connection, "SET SESSION lock_wait_timeout = ?",
                                       PARAMETERS(P_NUMBER(most > 1 ? most - 1 : 1)), error);
}

/* Sets the session up as the header file says, and reads the facts about the server. */
static bool set_session(struct connection *connection, struct error *error)
{
    struct sql_state state = {0};
    struct rows *rows =
        connection_query(connection, "SELECT @@version, CONNECTION_ID()", NULL, error);

    if (!rows)
        return false;
    if (rows_next(rows)) {
        snprintf(connection->version, sizeof(connection->version), "%.*s",
                 TEXT_ARGS(rows->cells[0]));
        connection->thread = (uint64_t)rows_number(rows, 1, 0);
    }
    rows_free(rows);
    if (!sql_state_set_version(&state, text_of(connection->version)))
        return error_set(error, "%s (%s): '%s' is not a version of MySQL or MariaDB",
                         connection->name, connection->address, connection->version);
    connection->is_mariadb = state.dialect == SQL_MARIADB;
    connection->number = state.version;
    return set_variables(connection, error);
}

bool connection_check_defaults(const char *path, struct error *error)
{
    FILE *from = fopen(path, "re");
    bool readable = from && (fgetc(from) != EOF || !ferror(from));

    if (!readable)
        error_set(error, "%s:1: cannot be read: %s; name an option file that can be read", path,
                  strerror(errno));
    if (from)
        fclose(from);
    return readable;
}

/* Reads the account's password and prepares the library. */
static bool prepare(const struct connection_options *options, char password[PASSWORD_SIZE],
                    struct error *error)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const struct config_upstream *upstream = options->upstream;

    if (!options->defaults_file && !upstream->account.line)
        return error_at(error, upstream->line,
                        "[upstream:%s] has no account; write account and account_password_file",
                        upstream->name.at);
    if (!options->defaults_file && upstream->account_password_file.line &&
        !first_line("account_password_file", &upstream->account_password_file, password, error))
        return false;
    pthread_once(&once, start_library);
    return true;
}

struct connection *connection_open(const struct connection_options *options, struct error *error)
{
    const struct config_upstream *upstream = options->upstream;
    char password[PASSWORD_SIZE] = "";
    bool connected = false;

    if (!prepare(options, password, error))
        return NULL;
    struct connection *connection = memory_take_zeroed(sizeof(*connection));
    snprintf(connection->name, sizeof(connection->name), "%s", upstream->name.at);
    if (!cut_add(connection))
        error_set(error, "%s: this process ends", connection->name);
    else
        for (size_t i = 0; i < upstream->addresses.count && !connected; i++)
            connected =
                connect_host(connection, options, &upstream->addresses.items[i], password, error);
    explicit_bzero(password, sizeof(password));
    if (connected)
        cut_socket(connection, connection_socket(connection));
    if (connected && set_session(connection, error) && limit_waits(connection, options, error))
        return connection;
    cut_remove(connection);
    if (connected)
        mysql_close(&connection->mysql);
    free(connection);
    return NULL;
}

bool connection_answered(const struct connection_knock *knock)
{
    return is_first_packet(knock) || is_answer(knock->code);
}

bool connection_knock(const struct connection_options *options, struct connection_knock *knock,
                      struct error *error)
{
    const struct config_upstream *upstream = options->upstream;
    struct connection connection = {.knock = knock};
    char password[PASSWORD_SIZE] = "";
    bool connected = false;

    *knock = (struct connection_knock){.length = 0};
    if (!prepare(options, password, error))
        return false;
    snprintf(connection.name, sizeof(connection.name), "%s", upstream->name.at);
    for (size_t i = 0; i < upstream->addresses.count && !connected && !connection_answered(knock);
         i++) {
        const struct config_address *address = &upstream->addresses.items[i];
        connected = connect_host(&connection, options, address, password, error);
        knock->code = connection.code;
        snprintf(knock->address, sizeof(knock->address), "%s", address->written.at);
    }
    explicit_bzero(password, sizeof(password));
    if (connected)
        mysql_close(&connection.mysql);
    return connected;
}

void connection_close(struct connection *connection)
{
    if (!connection)
        return;
    cut_remove(connection);
    mysql_close(&connection->mysql);
    free(connection);
}

void connection_leave_thread(void)
{
    mysql_thread_end();
}

unsigned connection_code(const struct connection *connection)
{
    return connection->code;
}

uint64_t connection_affected(const struct connection *connection)
{
    return connection->affected;
}

bool connection_lost(const struct connection *connection)
{
    return connection->lost;
}

bool connection_is_mariadb(const struct connection *connection)
{
    return connection->is_mariadb;
}

const char *connection_version(const struct connection *connection)
{
    return connection->version;
}

unsigned connection_number(const struct connection *connection)
{
    return connection->number;
}

uint64_t connection_thread(const struct connection *connection)
{
    return connection->thread;
}

const char *connection_address(const struct connection *connection)
{
    return connection->address;
}

const char *connection_library(void)
{
    static char text[64];

    snprintf(text, sizeof(text), "%s %s", library_name(), mysql_get_client_info());
    return text;
}
