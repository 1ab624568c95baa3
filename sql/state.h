/* All that decides how a session's next statement is read, besides its text. A plain value: copy
 * it, apply effects to the copy, and keep the copy once the server has answered OK.
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
                        undetermined (in ascii MySQL turns the byte into a question mark) */
    SQL_BIG5,
    SQL_GBK,
    SQL_GB18030,
    SQL_SJIS,            /* cp932 too */
    SQL_MULTI_BYTE_SAFE, /* ujis, eucjpms, euckr, gb2312: trailing bytes are never ASCII */
    SQL_CHARSET_UNKNOWN, /* also swe7, where [ ] { } | ^ ~ and backslash are letters, also in names
                            without quotes */
};

/* The servers convert a literal to character_set_connection; on MySQL so is the value that PREPARE
 * takes its text from. The converted bytes are then read in character_set_client. */
enum sql_lossy {
    SQL_LOSSY_SIGNS = 1, /* the connection's set may lack backslash and backtick (swe7, sjis) */
    SQL_LOSSY_HIGH = 2,  /* the connection's set may not be UTF-8: letters beyond ASCII get other
                            bytes, which may be backslashes or backticks */
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
    bool escapes_known; /* SQL_NO_BACKSLASH_ESCAPES is known, even if !mode_known */
    uint8_t lossy;      /* union of enum sql_lossy: what character_set_connection does to a text */
    bool has_database;
    bool patch_unknown; /* only the release of `version` is known, not its last number */
    bool from_file; /* statements are read that nobody executes: what MariaDB may evaluate while it
                       opens tables and views is not expected to set variables */
    bool database_unknown; /* it is not known whether there is a current database, or which */
    uint8_t database_length;
    /* as in executable comments: MySQL 9.7.4 is 90704, MariaDB 10.11.19 is 101119 */
    uint32_t version;
    char database[SQL_DATABASE_SIZE]; /* in UTF-8 */
};

/* Nothing of sql_mode is known any more. */
void sql_state_lose_mode(struct sql_state *state);

/* The current database, `at` NULL where there is none, or database_unknown. Points into `state`. */
struct text sql_state_database(const struct sql_state *state);
void sql_state_set_database(struct sql_state *state, struct text database);

/* Sets dialect and version from @@version, or from the version of the greeting
 * ("10.11.19-MariaDB-0+deb12u1", also with the prefix "5.5.5-"; "9.7.4-2"). False, and nothing is
 * set, if it is malformed. */
bool sql_state_set_version(struct sql_state *state, struct text version);

/* The mode bits of the text of @@sql_mode ("ANSI_QUOTES,NO_BACKSLASH_ESCAPES"). Servers list the
 * parts of a combined mode as words too. Unknown words are ignored. */
uint8_t sql_mode_of(struct text sql_mode);
/* The mode bits of a number (SET sql_mode = 4): its bits mean the same on both servers and on MySQL
 * 5.7. False if it has bits that no server is known to have. */
bool sql_mode_of_number(uint64_t number, uint8_t *mode);
/* The first word that is no mode of either server; none if all words are modes. */
struct text sql_mode_unknown(struct text sql_mode);

/* Writes words that sql_mode_of reads as `mode`, at most SQL_MODE_TEXT bytes; returns their length.
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
 * A server that does not know the number uses its own default: MariaDB takes latin1 for 255 of the
 * clients of MySQL 8 and 9. The result is then SQL_CHARSET_UNKNOWN. */
enum sql_charset sql_charset_of_handshake(enum sql_dialect dialect, uint32_t number);

/* Is it a collation of swe7, where the signs [ ] { } and so on are letters? */
bool sql_collation_is_swe7(uint32_t number);

/* Union of enum sql_lossy for a character_set_connection, by its collation or by its class. */
uint8_t sql_collation_lossy(uint32_t number);
static inline uint8_t sql_charset_lossy(enum sql_charset charset)
{
    if (charset == SQL_CHARSET_UNKNOWN || charset == SQL_SJIS)
        return SQL_LOSSY;
    return charset == SQL_UTF8 ? 0 : SQL_LOSSY_HIGH;
}

/* Changes the state as a statement with these facts does if it succeeds. With SQL_EFFECT_UNKNOWN
 * mode_known becomes false and charset SQL_CHARSET_UNKNOWN. */
void sql_state_apply(struct sql_state *state, const struct sql_facts *facts);

#endif
