/* The commands of the command phase: one row per command byte, which says how the gate treats it. A
 * byte without a row is refused with error 1047.
 */
#ifndef PROTOCOL_COMMAND_H
#define PROTOCOL_COMMAND_H

#include "protocol/capabilities.h"
#include "protocol/packet.h"

/* What the gate judges of a command. */
enum command_judged {
    JUDGED_TEXT,           /* its SQL text */
    JUDGED_PREPARE,        /* its SQL text; facts are kept with the statement */
    JUDGED_STATEMENT,      /* the kept facts of the prepared statement it names */
    JUDGED_DATABASE,       /* entering the database it names */
    JUDGED_TABLE,          /* reading the table it names (COM_FIELD_LIST) */
    JUDGED_KILL,           /* the thread it names */
    JUDGED_USER,           /* COM_CHANGE_USER: a new login */
    JUDGED_ADMINISTRATION, /* an act on the server */
    JUDGED_FREE,           /* nothing: it touches no object */
};

/* What the server answers; for the answer tracker. */
enum command_answer {
    ANSWER_NONE,    /* nothing at all (COM_STMT_CLOSE, COM_STMT_SEND_LONG_DATA) */
    ANSWER_CLOSE,   /* the connection closes (COM_QUIT) */
    ANSWER_OK,      /* OK or ERR; an EOF packet counts as OK (COM_SET_OPTION, COM_DEBUG) */
    ANSWER_RESULTS, /* any number of OK, LOCAL INFILE and result sets; or ERR */
    ANSWER_CURSOR,  /* the same for a COM_STMT_EXECUTE that asks for a cursor */
    ANSWER_PREPARE, /* COM_STMT_PREPARE_OK with its metadata, or ERR */
    ANSWER_FETCH,   /* binary rows up to EOF, or ERR (COM_STMT_FETCH) */
    ANSWER_FIELDS,  /* column definitions up to EOF, or ERR (COM_FIELD_LIST) */
    ANSWER_STRING,  /* one packet of text (COM_STATISTICS), or ERR */
    ANSWER_LOGIN,   /* the dialogue of COM_CHANGE_USER: proxy/ runs it */
};

struct command_row {
    uint8_t code;
    const char *name; /* "COM_QUERY" */
    const char *kind; /* "query": `kind` of the violation record if there is no statement */
    enum command_judged judged;
    enum command_answer answer;
};

/* NULL where the byte has no row. */
const struct command_row *command_row(uint8_t code);

/* What the server answers to this command: the row's `answer`, or ANSWER_CURSOR. The status flags
 * alone do not say whether rows follow: MySQL also sets SERVER_STATUS_CURSOR_EXISTS if a stored
 * function or procedure had a cursor of its own. */
enum command_answer command_answer(const struct command_row *row, struct text payload);

/* Where a COM_STMT_EXECUTE has its flags, and which of them ask for a cursor. Servers open a cursor
 * for a SELECT. For other statements they ignore these flags, answer in another form, or crash
 * (MySQL 9.7 at SHOW PROCESSLIST and EXPLAIN, MariaDB 10.11 at DELETE ... RETURNING). */
enum { EXECUTE_FLAGS_AT = 5, EXECUTE_CURSOR_FLAGS = 7 };

enum {
    COMMAND_QUIT = 0x01,
    COMMAND_INIT_DB = 0x02,
    COMMAND_QUERY = 0x03,
    COMMAND_FIELD_LIST = 0x04,
    COMMAND_REFRESH = 0x07,
    COMMAND_SHUTDOWN = 0x08,
    COMMAND_STATISTICS = 0x09,
    COMMAND_PROCESS_INFO = 0x0a,
    COMMAND_PROCESS_KILL = 0x0c,
    COMMAND_DEBUG = 0x0d,
    COMMAND_PING = 0x0e,
    COMMAND_CHANGE_USER = 0x11,
    COMMAND_BINLOG_DUMP = 0x12,
    COMMAND_REGISTER_REPLICA = 0x15,
    COMMAND_STMT_PREPARE = 0x16,
    COMMAND_STMT_EXECUTE = 0x17,
    COMMAND_STMT_SEND_LONG_DATA = 0x18,
    COMMAND_STMT_CLOSE = 0x19,
    COMMAND_STMT_RESET = 0x1a,
    COMMAND_SET_OPTION = 0x1b,
    COMMAND_STMT_FETCH = 0x1c,
    COMMAND_BINLOG_DUMP_GTID = 0x1e,
    COMMAND_RESET_CONNECTION = 0x1f,
    COMMAND_STMT_BULK_EXECUTE = 0xfa,
};

/* The SQL text of a COM_QUERY, and the query attributes, which come before it with
 * CLIENT_QUERY_ATTRIBUTES. `payload` includes the command byte. */
struct query {
    struct text text;
    struct text attributes; /* not decoded, from parameter_count on; empty without the capability */
};
enum parse query_read(struct text payload, capabilities_t capabilities, struct query *query);

/* Finds one query attribute by name; false if there is none, or if it is no string. */
bool query_attribute(const struct query *query, struct text name, struct text *value);

#endif
