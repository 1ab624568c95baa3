/* The tokens of a text as the server's own lexer reads them: comments are gone, executable comments
 * are entered or skipped as the upstream's version has it, names and strings end where the state
 * (sql_mode, character_set_client) ends them. Sources: the two manuals' chapters "Comments",
 * "Literal Values", "Identifiers" and what the servers answered when they were asked.
 *
 * An iterator over a text that it never copies or changes; it never reads past the end. What cannot
 * be read, or could be read in two ways, is a token of class SQL_TOKEN_BAD, behind which nothing
 * else comes.
 */
#ifndef SQL_LEXER_LEXER_H
#define SQL_LEXER_LEXER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "sql/state.h"

enum sql_token_class {
    SQL_TOKEN_END,      /* the end of the text; then `offset` is its length */
    SQL_TOKEN_WORD,     /* a bare name or a keyword; `keyword` says which */
    SQL_TOKEN_NAME,     /* a quoted name: `x`, "x" under ANSI_QUOTES, [x] under MSSQL */
    SQL_TOKEN_STRING,   /* 'x', "x", N'x', $tag$x$tag$; the quotes and prefix belong to it */
    SQL_TOKEN_NUMBER,   /* 1, 1.5e3, 0x1F, x'1F', b'01', \N */
    SQL_TOKEN_VARIABLE, /* @x, @'x', @`x`, @ alone; also the host part of an account */
    SQL_TOKEN_SYSTEM,   /* @@ : the words and dots of the system variable's name follow */
    SQL_TOKEN_SIGN,     /* one character of punctuation, in `sign` */
    SQL_TOKEN_BAD, /* lexer->why says what; needs_mode: another state would be needed to know */
};

enum sql_token_flags {
    SQL_TOKEN_HIGH = 1,      /* a word, name or variable with a byte over 127 */
    SQL_TOKEN_ESCAPED = 2,   /* a doubled quote or a backslash inside */
    SQL_TOKEN_AFTER_DOT = 4, /* a word that must be a name, whatever it spells */
};

struct sql_token {
    uint8_t class; /* enum sql_token_class */
    char sign;     /* of SQL_TOKEN_SIGN, else 0 */
    uint8_t flags; /* union of enum sql_token_flags */
    uint16_t
        keyword; /* enum sql_keyword (sql/lexer/keywords.h); 0: not a keyword, or must be a name */
    uint32_t offset, length;
};

struct sql_lexer {
    const uint8_t *start, *at, *end;
    const char *why; /* with SQL_TOKEN_BAD: static memory */
    uint32_t version;
    bool patch_unknown; /* see struct sql_state */
    uint8_t dialect, mode, charset;
    bool mode_known, escapes_known, needs_mode;
    bool executable; /* inside an executable comment */
    bool dot;        /* the next character is a dot between names, not the start of a number */
    bool name;       /* the next word comes right behind such a dot */
};

/* Starts at `offset` of `text`, outside of any comment. Keeps pointers into `text` alone. */
void sql_lexer_init(struct sql_lexer *lexer, struct text text, uint32_t offset,
                    const struct sql_state *state);

void sql_lexer_next(struct sql_lexer *lexer, struct sql_token *token);

/* For whoever would ignore them anyway: skips numbers, strings and NULL, each with the comma behind
 * it; with `rows` also from one row's bracket to the next's. Behind a comma, no token in between.
 */
void sql_lexer_skip_values(struct sql_lexer *lexer, bool rows);

#endif
