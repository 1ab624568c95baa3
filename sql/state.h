/* All that decides how a session's next statement is read, besides its text. A plain value: copy
 * it, try effects on the copy, keep the copy once the server has said yes.
 */
#ifndef SQL_STATE_H
#define SQL_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "sql/facts.h"

enum sql_dialect { SQL_MYSQL, SQL_MARIADB };

/* The parts of sql_mode that change what a text means (MySQL manual, "Server SQL Modes"; MariaDB
 * Knowledge Base, "SQL_MODE"). */
enum sql_mode {
    SQL_ANSI_QUOTES = 1,
    SQL_NO_BACKSLASH_ESCAPES = 2,
    SQL_PIPES_AS_CONCAT = 4,
    SQL_IGNORE_SPACE = 8,
    SQL_ORACLE = 16,
    SQL_MSSQL = 32,
    SQL_HIGH_NOT_PRECEDENCE = 64,
};

/* Classes of character_set_client, by how they are lexed and how names become UTF-8. */
enum sql_charset {
    SQL_UTF8,        /* utf8mb3, utf8mb4, binary */
    SQL_SINGLE_BYTE, /* latin1, ascii and the other single-byte sets: a name with a byte over 127 is
                        undetermined (in ascii MySQL makes a question mark of it) */
    SQL_BIG5,
    SQL_GBK,
    SQL_GB18030,
    SQL_SJIS,            /* cp932 too */
    SQL_MULTI_BYTE_SAFE, /* ujis, eucjpms, euckr, gb2312: trailing bytes are never ASCII */
    SQL_CHARSET_UNKNOWN, /* swe7 too: [ ] { } | ^ ~ and backslash are its letters, in bare names as
                            well */
};

/* A literal becomes a value, and on MySQL a value the text of PREPARE, in character_set_connection:
 * it is read again, in character_set_client, with the bytes that it has there. */
enum sql_lossy {
    SQL_LOSSY_SIGNS = 1, /* which may be one without backslash and backtick (swe7, sjis) */
    SQL_LOSSY_HIGH = 2,  /* which may be other than UTF-8: whatever is beyond ASCII has other bytes,
                            backslashes and backticks among them */
    SQL_LOSSY = SQL_LOSSY_SIGNS | SQL_LOSSY_HIGH,
};

enum { SQL_DATABASE_SIZE = 200 };

struct sql_state {
    uint8_t dialect;                /* enum sql_dialect */
    uint8_t lower_case_table_names; /* 0, 1 or 2; with 1 and 2 names are folded to lower case in
                                       facts */
    uint8_t mode;                   /* union of enum sql_mode */
    uint8_t charset;                /* enum sql_charset */
    bool mode_known;    /* false: a text whose reading depends on `mode` gets needs_mode */
    bool escapes_known; /* ... but for SQL_NO_BACKSLASH_ESCAPES */
    uint8_t lossy;      /* union of enum sql_lossy: what character_set_connection does to a text */
    bool has_database;
    bool patch_unknown;    /* `version` is a release's: of which of its versions is not known */
    bool database_unknown; /* there may be a current database, but which is not known */
    uint8_t database_length;
    uint32_t version; /* MySQL 9.7.4 is 90704, MariaDB 10.11.19 is 101119, as executable comments
                         count */
    char database[SQL_DATABASE_SIZE]; /* in UTF-8 */
};

/* Nothing of sql_mode is known any more. */
void sql_state_lose_mode(struct sql_state *state);

/* The current database, `at` NULL where there is none, or database_unknown. Points into `state`. */
struct text sql_state_database(const struct sql_state *state);
void sql_state_set_database(struct sql_state *state, struct text database);

/* From @@version, or the version of the greeting ("10.11.19-MariaDB-0+deb12u1", also with the
 * prefix "5.5.5-"; "9.7.4-2"). Sets dialect and version. False, and nothing set, when it makes no
 * sense. */
bool sql_state_set_version(struct sql_state *state, struct text version);

/* The mode bits out of the text of @@sql_mode ("ANSI_QUOTES,NO_BACKSLASH_ESCAPES"). MariaDB's
 * combined modes arrive with their parts spelled out. Unknown words are ignored. */
uint8_t sql_mode_of(struct text sql_mode);
/* The same of a number, whose bits both servers and MySQL 5.7 have in common (@@sql_mode of SET
 * sql_mode = 1, 2, 4 and so on). False where it has bits that no server is known to have. */
bool sql_mode_of_number(uint64_t number, uint8_t *mode);
/* The first word that is no mode of either server; none where all are. */
struct text sql_mode_unknown(struct text sql_mode);

/* The way back: words that sql_mode_of reads as `mode`, SQL_MODE_TEXT bytes at most; their length.
 */
enum { SQL_MODE_TEXT = 128 };
size_t sql_mode_words(uint8_t mode, char *to);

/* A character set of this class; none for SQL_CHARSET_UNKNOWN. */
struct text sql_charset_name(enum sql_charset charset);

/* The class of a character set by its name ("utf8mb4"), or of a collation by the number in the
 * handshake (the ids in information_schema.COLLATIONS; MariaDB's two-byte ids too). */
enum sql_charset sql_charset_of(struct text name);
enum sql_charset sql_charset_of_collation(uint32_t number);

/* The class that a session starts with after a handshake (or COM_CHANGE_USER) with this collation.
 * A server that does not know the number uses its own default instead, as MariaDB does with 255 of
 * MySQL 8's and 9's clients (it becomes latin1): that is SQL_CHARSET_UNKNOWN. */
enum sql_charset sql_charset_of_handshake(enum sql_dialect dialect, uint32_t number);

/* Is it one of swe7's, in which the signs [ ] { } and so on are letters? */
bool sql_collation_is_swe7(uint32_t number);

/* Of a character_set_connection, by its collation or itself: union of enum sql_lossy. */
uint8_t sql_collation_lossy(uint32_t number);
static inline uint8_t sql_charset_lossy(enum sql_charset charset)
{
    if (charset == SQL_CHARSET_UNKNOWN || charset == SQL_SJIS)
        return SQL_LOSSY;
    return charset == SQL_UTF8 ? 0 : SQL_LOSSY_HIGH;
}

/* What the state is once a statement with these facts has succeeded. With SQL_EFFECT_UNKNOWN
 * mode_known becomes false and charset SQL_CHARSET_UNKNOWN. */
void sql_state_apply(struct sql_state *state, const struct sql_facts *facts);

#endif
