/* The command table, and the reader of COM_QUERY. Only this table says how the gate treats a
 * command byte. Called by proxy/command.c for each command.
 */
#include "protocol/command.h"

/* Replication streams are ANSWER_FETCH like the rows of a cursor: packets that start with 0x00, up
 * to EOF or ERR. Not in the table: commands that servers no longer know (COM_SLEEP, COM_CREATE_DB,
 * COM_TIME, ...), commands that only servers send each other, and MariaDB's COM_MULTI. */
#define ROW(code, ...) [code] = {code, __VA_ARGS__}

static const struct command_row rows[UINT8_MAX + 1] = {
    ROW(COMMAND_QUIT, "COM_QUIT", "quit", JUDGED_FREE, ANSWER_CLOSE),
    ROW(COMMAND_INIT_DB, "COM_INIT_DB", "use", JUDGED_DATABASE, ANSWER_OK),
    ROW(COMMAND_QUERY, "COM_QUERY", "query", JUDGED_TEXT, ANSWER_RESULTS),
    ROW(COMMAND_FIELD_LIST, "COM_FIELD_LIST", "field_list", JUDGED_TABLE, ANSWER_FIELDS),
    ROW(COMMAND_REFRESH, "COM_REFRESH", "refresh", JUDGED_ADMINISTRATION, ANSWER_OK),
    ROW(COMMAND_SHUTDOWN, "COM_SHUTDOWN", "shutdown", JUDGED_ADMINISTRATION, ANSWER_OK),
    ROW(COMMAND_STATISTICS, "COM_STATISTICS", "statistics", JUDGED_FREE, ANSWER_STRING),
    ROW(COMMAND_PROCESS_INFO, "COM_PROCESS_INFO", "process_info", JUDGED_ADMINISTRATION,
        ANSWER_RESULTS),
    ROW(COMMAND_PROCESS_KILL, "COM_PROCESS_KILL", "kill", JUDGED_KILL, ANSWER_OK),
    ROW(COMMAND_DEBUG, "COM_DEBUG", "debug", JUDGED_ADMINISTRATION, ANSWER_OK),
    ROW(COMMAND_PING, "COM_PING", "ping", JUDGED_FREE, ANSWER_OK),
    ROW(COMMAND_CHANGE_USER, "COM_CHANGE_USER", "change_user", JUDGED_USER, ANSWER_LOGIN),
    ROW(COMMAND_BINLOG_DUMP, "COM_BINLOG_DUMP", "binlog_dump", JUDGED_ADMINISTRATION, ANSWER_FETCH),
    ROW(COMMAND_REGISTER_REPLICA, "COM_REGISTER_SLAVE", "register_replica", JUDGED_ADMINISTRATION,
        ANSWER_OK),
    ROW(COMMAND_STMT_PREPARE, "COM_STMT_PREPARE", "prepare", JUDGED_PREPARE, ANSWER_PREPARE),
    ROW(COMMAND_STMT_EXECUTE, "COM_STMT_EXECUTE", "execute", JUDGED_STATEMENT, ANSWER_RESULTS),
    ROW(COMMAND_STMT_SEND_LONG_DATA, "COM_STMT_SEND_LONG_DATA", "send_long_data", JUDGED_FREE,
        ANSWER_NONE),
    ROW(COMMAND_STMT_CLOSE, "COM_STMT_CLOSE", "close", JUDGED_FREE, ANSWER_NONE),
    ROW(COMMAND_STMT_RESET, "COM_STMT_RESET", "reset", JUDGED_FREE, ANSWER_OK),
    ROW(COMMAND_SET_OPTION, "COM_SET_OPTION", "set_option", JUDGED_FREE, ANSWER_OK),
    ROW(COMMAND_STMT_FETCH, "COM_STMT_FETCH", "fetch", JUDGED_STATEMENT, ANSWER_FETCH),
    ROW(COMMAND_BINLOG_DUMP_GTID, "COM_BINLOG_DUMP_GTID", "binlog_dump", JUDGED_ADMINISTRATION,
        ANSWER_FETCH),
    ROW(COMMAND_RESET_CONNECTION, "COM_RESET_CONNECTION", "reset_connection", JUDGED_FREE,
        ANSWER_OK),
    ROW(COMMAND_STMT_BULK_EXECUTE, "COM_STMT_BULK_EXECUTE", "execute", JUDGED_STATEMENT,
        ANSWER_RESULTS),
};

const struct command_row *command_row(uint8_t code)
{
    return rows[code].name ? &rows[code] : NULL;
}

/* The only one of COM_STMT_EXECUTE's flags that makes either server open a cursor (tried). */
enum { CURSOR_READ_ONLY = 1 };

enum command_answer command_answer(const struct command_row *row, struct text payload)
{
    /* The flags come after the command byte and the statement's id. */
    bool has_cursor = row->code == COMMAND_STMT_EXECUTE && payload.length > EXECUTE_FLAGS_AT &&
                      (uint8_t)payload.at[EXECUTE_FLAGS_AT] & CURSOR_READ_ONLY;

    return has_cursor ? ANSWER_CURSOR : row->answer;
}

enum { TYPE_STRING_FIRST = 0xf5 /* JSON */ };

enum { TYPE_UNSIGNED = 0x80 };

/* Reads the value of a query attribute. silogate must find the same start of the next value, and of
 * the SQL text, as the server does. So only types that clients send are allowed. (MySQL reads a
 * YEAR, an INT24, and a NULL that is not in the bitmap as a text with a length. It does so too for
 * a type with another flag than TYPE_UNSIGNED, because its type is 15 bits wide; tried.) */
static struct text read_value(struct reader *reader, uint8_t type, uint8_t flags)
{
    if (flags & ~TYPE_UNSIGNED) {
        reader->bad = true;
        return (struct text){0};
    }
    switch (type) {
    case 0x01: /* TINY */
        return read_bytes(reader, 1);
    case 0x02: /* SHORT */
        return read_bytes(reader, 2);
    case 0x03: /* LONG */
    case 0x04: /* FLOAT */
        return read_bytes(reader, 4);
    case 0x05: /* DOUBLE */
    case 0x08: /* LONGLONG */
        return read_bytes(reader, 8);
    case 0x00: /* DECIMAL */
    case 0x07: /* TIMESTAMP */
    case 0x0a: /* DATE */
    case 0x0b: /* TIME */
    case 0x0c: /* DATETIME */
    case 0x0f: /* VARCHAR */
    case 0x10: /* BIT */
    case 0xf2: /* VECTOR */
        return read_lenenc_text(reader);
    default:
        if (type >= TYPE_STRING_FIRST)
            return read_lenenc_text(reader);
        reader->bad = true;
        return (struct text){0};
    }
}

static bool type_is_text(uint8_t type)
{
    return type == 0x0f || (type >= TYPE_STRING_FIRST && type != 0xff);
}

/* Reads the attributes from parameter_count on; the reader is then at the SQL text. If the text
 * attribute `name` is found, *value is set to its value. */
static bool read_attributes(struct reader *reader, struct text name, struct text *value)
{
    uint64_t count = read_lenenc(reader);
    uint64_t sets = read_lenenc(reader);
    bool found = false;

    if (reader->bad || sets != 1 || count > (uint64_t)(reader->end - reader->at)) {
        reader->bad = true;
        return false;
    }
    if (count == 0)
        return false;
    struct text nulls = read_bytes(reader, (size_t)(count + 7) / 8);
    if (read_integer(reader, 1) != 1)
        reader->bad = true;
    struct reader names = *reader;
    for (uint64_t i = 0; i < count && !reader->bad; i++) {
        read_integer(reader, 2);
        read_lenenc_text(reader);
    }
    for (uint64_t i = 0; i < count && !reader->bad; i++) {
        uint8_t type = (uint8_t)read_integer(&names, 1);
        uint8_t flags = (uint8_t)read_integer(&names, 1);
        struct text own = read_lenenc_text(&names);
        if ((uint8_t)nulls.at[i / 8] >> i % 8 & 1)
            continue;
        struct text read = read_value(reader, type, flags);
        if (value && !found && !reader->bad && type_is_text(type) && text_equal(own, name)) {
            *value = read;
            found = true;
        }
    }
    return found;
}

enum parse query_read(struct text payload, capabilities_t capabilities, struct query *query)
{
    struct reader reader = reader_of(payload);

    *query = (struct query){0};
    if (read_integer(&reader, 1) != COMMAND_QUERY)
        return PARSE_BAD;
    if (capabilities & CAPABILITY_QUERY_ATTRIBUTES) {
        const uint8_t *start = reader.at;
        read_attributes(&reader, (struct text){0}, NULL);
        query->attributes = (struct text){(const char *)start, (size_t)(reader.at - start)};
    }
    query->text = read_rest(&reader);
    if (!reader.bad)
        return PARSE_DONE;
    *query = (struct query){0};
    return PARSE_BAD;
}

bool query_attribute(const struct query *query, struct text name, struct text *value)
{
    struct reader reader = reader_of(query->attributes);

    return query->attributes.length > 0 && read_attributes(&reader, name, value) && !reader.bad;
}
