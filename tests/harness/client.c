/* One statement through the C client library, as text or prepared; the answer as one JSON object on
 * standard output. Compiles against MySQL's library and MariaDB's. Used by
 * tests/harness/clients.py.
 */
#include <jansson.h>
#include <mysql.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUES = 16, COLUMNS = 64, CELL = 4096 };

static int answer(json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT);
    puts(text);
    free(text);
    json_decref(object);
    return 0;
}

static int answer_error(unsigned number, const char *message)
{
    return answer(json_pack("{s:i, s:s}", "error", (int)number, "message", message));
}

static json_t *cell(const char *bytes, size_t length)
{
    json_t *text = bytes ? json_stringn(bytes, length) : json_null();
    return text ? text : json_string("(not UTF-8)");
}

/* All result sets; the rows of the first that has any columns. */
static int run_text(MYSQL *mysql, const char *statement)
{
    if (mysql_query(mysql, statement))
        return answer_error(mysql_errno(mysql), mysql_error(mysql));
    json_t *rows = json_array();
    MYSQL_RES *result = mysql_store_result(mysql);
    MYSQL_ROW row;
    while (result && (row = mysql_fetch_row(result))) {
        unsigned long *lengths = mysql_fetch_lengths(result);
        json_t *cells = json_array();
        for (unsigned i = 0; i < mysql_num_fields(result); i++)
            json_array_append_new(cells, cell(row[i], lengths[i]));
        json_array_append_new(rows, cells);
    }
    if (result)
        mysql_free_result(result);
    if (mysql_errno(mysql)) {
        json_decref(rows);
        return answer_error(mysql_errno(mysql), mysql_error(mysql));
    }
    return answer(json_pack("{s:o}", "rows", rows));
}

static bool bind_values(MYSQL_STMT *prepared, json_t *values)
{
    static MYSQL_BIND binds[VALUES];
    size_t count = json_array_size(values);
    if (count != mysql_stmt_param_count(prepared) || count > VALUES)
        return false;
    for (size_t i = 0; i < count; i++) {
        json_t *value = json_array_get(values, i);
        binds[i].buffer_type = json_is_string(value) ? MYSQL_TYPE_STRING : MYSQL_TYPE_NULL;
        if (json_is_string(value)) {
            binds[i].buffer = (void *)json_string_value(value);
            binds[i].buffer_length = json_string_length(value);
        }
    }
    return count == 0 || !mysql_stmt_bind_param(prepared, binds);
}

static json_t *fetch_rows(MYSQL_STMT *prepared, unsigned columns)
{
    static char cells[COLUMNS][CELL];
    static unsigned long lengths[COLUMNS];
    static bool nulls[COLUMNS];
    static MYSQL_BIND binds[COLUMNS];
    for (unsigned i = 0; i < columns; i++) {
        binds[i].buffer_type = MYSQL_TYPE_STRING;
        binds[i].buffer = cells[i];
        binds[i].buffer_length = CELL;
        binds[i].length = &lengths[i];
        binds[i].is_null = (void *)&nulls[i];
    }
    json_t *rows = json_array();
    if (mysql_stmt_bind_result(prepared, binds))
        return rows;
    for (int code; (code = mysql_stmt_fetch(prepared)) == 0 || code == MYSQL_DATA_TRUNCATED;) {
        json_t *row = json_array();
        for (unsigned i = 0; i < columns; i++)
            json_array_append_new(
                row, cell(nulls[i] ? NULL : cells[i], lengths[i] < CELL ? lengths[i] : CELL));
        json_array_append_new(rows, row);
    }
    return rows;
}

static int run_prepared(MYSQL *mysql, const char *statement, json_t *values)
{
    MYSQL_STMT *prepared = mysql_stmt_init(mysql);
    if (mysql_stmt_prepare(prepared, statement, strlen(statement)) ||
        !bind_values(prepared, values) || mysql_stmt_execute(prepared)) {
        int code = answer_error(mysql_stmt_errno(prepared), mysql_stmt_error(prepared));
        mysql_stmt_close(prepared);
        return code;
    }
    unsigned columns = mysql_stmt_field_count(prepared);
    json_t *rows = columns && columns <= COLUMNS ? fetch_rows(prepared, columns) : json_array();
    int code;
    if (mysql_stmt_errno(prepared)) {
        json_decref(rows);
        code = answer_error(mysql_stmt_errno(prepared), mysql_stmt_error(prepared));
    } else {
        code = answer(json_pack("{s:o}", "rows", rows));
    }
    mysql_stmt_close(prepared);
    return code;
}

static const char *word(json_t *asked, const char *key)
{
    return json_string_value(json_object_get(asked, key));
}

/* `tls`: the CA's file; empty: without TLS; not there: the library's own default. */
static void set_tls(MYSQL *mysql, const char *tls)
{
    if (!tls)
        return;
#ifdef MARIADB_BASE_VERSION
    my_bool yes = *tls != '\0';
    mysql_optionsv(mysql, MYSQL_OPT_SSL_ENFORCE, &yes);
    mysql_optionsv(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
#else
    unsigned mode = *tls ? SSL_MODE_VERIFY_CA : SSL_MODE_DISABLED;
    mysql_options(mysql, MYSQL_OPT_SSL_MODE, &mode);
#endif
    if (*tls)
        mysql_options(mysql, MYSQL_OPT_SSL_CA, tls);
}

int main(int count, char **arguments)
{
    json_t *asked = count == 2 ? json_loads(arguments[1], 0, NULL) : NULL;
    if (!asked) {
        fprintf(stderr, "usage: client JSON\n");
        return 2;
    }
    MYSQL *mysql = mysql_init(NULL);
#ifndef MARIADB_BASE_VERSION
    bool yes = true;
    mysql_options(mysql, MYSQL_OPT_GET_SERVER_PUBLIC_KEY, &yes);
#endif
    set_tls(mysql, word(asked, "tls"));
    const char *database = word(asked, "database");
    int code;
    if (!mysql_real_connect(mysql, "127.0.0.1", word(asked, "user"), word(asked, "password"),
                            *database ? database : NULL,
                            (unsigned)json_integer_value(json_object_get(asked, "port")), NULL, 0))
        code = answer_error(mysql_errno(mysql), mysql_error(mysql));
    else if (!strcmp(word(asked, "way"), "prepared"))
        code = run_prepared(mysql, word(asked, "statement"), json_object_get(asked, "values"));
    else
        code = run_text(mysql, word(asked, "statement"));
    mysql_close(mysql);
    mysql_library_end();
    json_decref(asked);
    return code;
}
