/* The words that the servers' grammars and function registries know, and what each may be.
 * sql/lexer/keywords.def lists them. It was made from the lists of the two servers
 * (information_schema.KEYWORDS and SQL_FUNCTIONS) and from their answers to `SELECT word(1)`,
 * `SELECT word (1)`, SELECT `word`(1) and `FROM t word`.
 */
#ifndef SQL_LEXER_KEYWORDS_H
#define SQL_LEXER_KEYWORDS_H

#include <stddef.h>
#include <stdint.h>

enum sql_keyword {
    KEYWORD_NONE,
#define KEYWORD(symbol, name, mysql, mariadb) KW_##symbol,
#include "sql/lexer/keywords.def"
#undef KEYWORD
    KEYWORD_COUNT
};

/* The flags of a word in one dialect. A word that is not in the table has none. */
enum sql_word {
    WORD_RESERVED = 1, /* cannot be a bare alias */
    WORD_TIGHT = 2,    /* word(  is never a stored function */
    WORD_SPACED = 4,   /* word ( is never a stored function, even without IGNORE_SPACE */
    WORD_QUOTED = 8,   /* `word`( is never a stored function */
};

/* `last` contains the last eight characters, each | 0x20; the last one is in the lowest byte. */
enum sql_keyword sql_keyword_find(uint64_t last, const uint8_t *at, size_t length);

/* Union of enum sql_word; `dialect` is an enum sql_dialect. */
unsigned sql_keyword_flags(enum sql_keyword keyword, unsigned dialect);

#endif
