/* Statements and their results: inserts parameters, runs the statement, reads the rows. Never
 * writes a statement's text into an error. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "catalogue/connection.h"

enum { PACKET_SIZE = 1 << 19 };

struct stored {
    struct rows rows;
    MYSQL_RES *result;
    struct text *cells;
};

/* A text that grows. */
struct statement {
    char *at;
    size_t length, size;
};

static char *statement_room(struct statement *statement, size_t more)
{
    if (!statement->at || statement->size - statement->length < more) {
        statement->size = (statement->size + more) * 2;
        statement->at = memory_resize(statement->at, statement->size);
    }
    return statement->at + statement->length;
}

static void statement_add(struct statement *statement, const char *at, size_t length)
{
    if (length)
        memcpy(statement_room(statement, length), at, length);
    statement->length += length;
}

static void add_bytes(struct statement *statement, struct text t)
{
    static const char digits[] = "0123456789abcdef";
    char *to = statement_room(statement, 2 * t.length + 3);

    *to++ = 'x';
    *to++ = '\'';
    for (size_t i = 0; i < t.length; i++) {
        *to++ = digits[(unsigned char)t.at[i] >> 4];
        *to++ = digits[(unsigned char)t.at[i] & 15];
    }
    *to = '\'';
    statement->length += 2 * t.length + 3;
}

static void add_name(struct statement *statement, struct text t)
{
    statement_add(statement, "`", 1);
    for (size_t i = 0; i < t.length; i++) {
        statement_add(statement, &t.at[i], 1);
        if (t.at[i] == '`')
            statement_add(statement, "`", 1);
    }
    statement_add(statement, "`", 1);
}

static void add_parameter(struct connection *connection, struct statement *statement,
                          const struct parameter *parameter)
{
    struct text t = parameter->text;
    char number[24];

    switch (parameter->kind) {
    case PARAMETER_TEXT:
    case PARAMETER_BYTES:
        if (!t.at) {
            statement_add(statement, "NULL", 4);
        } else if (parameter->kind == PARAMETER_BYTES) {
            add_bytes(statement, t);
        } else {
            statement_add(statement, "'", 1);
            statement->length += mysql_real_escape_string(
                &connection->mysql, statement_room(statement, 2 * t.length + 1), t.at, t.length);
            statement_add(statement, "'", 1);
        }
        break;
    case PARAMETER_NAME:
        add_name(statement, t);
        break;
    case PARAMETER_NUMBER:
        statement_add(statement, number,
                      (size_t)snprintf(number, sizeof(number), "%" PRId64, parameter->number));
        break;
    case PARAMETER_SQL:
        statement_add(statement, t.at, t.length);
        break;
    case PARAMETER_END:
        abort(); /* more `?` than parameters: a bug of silogate */
    }
}

static struct statement build(struct connection *connection, const char *sql,
                              const struct parameter *parameters)
{
    struct statement statement = {0};

    for (const char *mark; parameters && (mark = strchr(sql, '?')); sql = mark + 1) {
        statement_add(&statement, sql, (size_t)(mark - sql));
        add_parameter(connection, &statement, parameters++);
    }
    statement_add(&statement, sql, strlen(sql));
    return statement;
}

/* Reads and drops further results; an error in one is an error of the statement. */
static bool drop_others(struct connection *connection)
{
    int more;

    while ((more = mysql_next_result(&connection->mysql)) == 0)
        mysql_free_result(mysql_store_result(&connection->mysql));
    return more == -1;
}

/* The result that comes next. */
static struct rows *store_one(struct connection *connection)
{
    MYSQL *mysql = &connection->mysql;
    MYSQL_RES *result = mysql_store_result(mysql);
    unsigned columns = mysql_field_count(mysql);

    if (!result && columns > 0)
        return NULL;
    connection->affected = mysql_affected_rows(mysql);
    struct stored *stored = memory_take_zeroed(sizeof(*stored));
    stored->result = result;
    stored->rows.columns = columns;
    if (result) {
        stored->rows.count = mysql_num_rows(result);
        stored->cells = memory_take_zeroed(columns * sizeof(*stored->cells));
        stored->rows.cells = stored->cells;
    }
    return &stored->rows;
}

static struct rows *store(struct connection *connection)
{
    struct rows *rows = store_one(connection);

    if (!rows || drop_others(connection))
        return rows;
    rows_free(rows);
    return NULL;
}

struct rows *connection_query(struct connection *connection, const char *sql,
                              const struct parameter *parameters, struct error *error)
{
    struct statement statement = build(connection, sql, parameters);
    struct rows *rows = NULL;

    connection->code = 0;
    connection->affected = 0;
    if (mysql_real_query(&connection->mysql, statement.at, statement.length) == 0)
        rows = store(connection);
    free(statement.at);
    if (!rows)
        connection_failed(connection, error);
    return rows;
}

bool connection_run(struct connection *connection, const char *sql,
                    const struct parameter *parameters, struct error *error)
{
    struct rows *rows = connection_query(connection, sql, parameters, error);

    rows_free(rows);
    return rows != NULL;
}

struct text connection_text(struct connection *connection, struct arena *arena, const char *sql,
                            const struct parameter *parameters)
{
    struct statement statement = build(connection, sql, parameters);
    const struct text kept = arena_text(arena, (struct text){statement.at, statement.length});

    free(statement.at);
    return kept;
}

bool connection_allow_many(struct connection *connection, bool allowed, struct error *error)
{
    connection->code = 0;
    return mysql_set_server_option(&connection->mysql,
                                   allowed ? MYSQL_OPTION_MULTI_STATEMENTS_ON
                                           : MYSQL_OPTION_MULTI_STATEMENTS_OFF) == 0 ||
           connection_failed(connection, error);
}

/* One packet with as many of the statements as it takes. Returns how many succeeded; `*sent`: how
 * many were in it. */
static size_t run_packet(struct connection *connection, const struct text *statements, size_t count,
                         struct rows **rows, size_t *sent)
{
    struct statement packet = {0};
    size_t done = 0;

    for (*sent = 0; *sent < count && (*sent == 0 || packet.length < PACKET_SIZE); (*sent)++) {
        if (*sent > 0) /* it may end with a comment */
            statement_add(&packet, "\n;\n", 3);
        statement_add(&packet, statements[*sent].at, statements[*sent].length);
    }
    bool good = mysql_real_query(&connection->mysql, packet.at, packet.length) == 0;
    free(packet.at);
    while (good && done < *sent) {
        struct rows *one = store_one(connection);
        if (!one)
            break;
        if (rows)
            rows[done] = one;
        else
            rows_free(one);
        done++;
        good = mysql_next_result(&connection->mysql) == 0;
    }
    return done;
}

bool connection_many(struct connection *connection, const struct text *statements, size_t count,
                     struct rows **rows, size_t *done, struct error *error)
{
    size_t sent = 0;

    connection->code = 0;
    connection->affected = 0;
    for (*done = 0; *done < count; *done += sent) {
        const size_t good = run_packet(connection, statements + *done, count - *done,
                                       rows ? rows + *done : NULL, &sent);
        if (good == sent)
            continue;
        *done += good;
        return connection_failed(connection, error);
    }
    return true;
}

bool rows_next(struct rows *rows)
{
    struct stored *stored = (struct stored *)rows;
    MYSQL_ROW row = stored->result ? mysql_fetch_row(stored->result) : NULL;

    if (!row)
        return false;
    const unsigned long *lengths = mysql_fetch_lengths(stored->result);
    for (size_t i = 0; i < rows->columns; i++)
        stored->cells[i] = row[i] ? (struct text){row[i], lengths[i]} : (struct text){NULL, 0};
    return true;
}

void rows_free(struct rows *rows)
{
    struct stored *stored = (struct stored *)rows;

    if (!stored)
        return;
    if (stored->result)
        mysql_free_result(stored->result);
    free(stored->cells);
    free(stored);
}

const char *rows_name(const struct rows *rows, size_t column)
{
    const struct stored *stored = (const struct stored *)rows;

    return mysql_fetch_field_direct(stored->result, (unsigned)column)->name;
}

int64_t rows_number(const struct rows *rows, size_t column, int64_t otherwise)
{
    struct text t = rows->cells[column];
    bool negative = t.length > 0 && t.at[0] == '-';
    uint64_t number;

    if (negative)
        t = (struct text){t.at + 1, t.length - 1};
    if (!text_number(t, &number) || number > INT64_MAX)
        return otherwise;
    return negative ? -(int64_t)number : (int64_t)number;
}
