/* The tokens of a text as the server's own lexer reads them: comments are skipped, executable
 * comments are read or skipped depending on the upstream server's version, and the state (sql_mode,
 * character_set_client) decides where names and strings end. Sources: the chapters "Comments",
 * "Literal Values" and "Identifiers" of the two manuals, and tests on the servers.
 *
 * The lexer is an iterator over a text. It never copies or changes the text and never reads past
 * its end. Where the text cannot be read, or may be read in two ways, it returns SQL_TOKEN_BAD, and
 * then no other token.
 */
#ifndef SQL_LEXER_LEXER_H
#define SQL_LEXER_LEXER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "sql/state.h"

enum sql_token_class {
    SQL_TOKEN_END,      /* the end of the text; `offset` is the text's length */
    SQL_TOKEN_WORD,     /* a bare name or a keyword; `keyword` says which */
    SQL_TOKEN_NAME,     /* a quoted name: `x`, "x" under ANSI_QUOTES, [x] under MSSQL */
    SQL_TOKEN_STRING,   /* 'x', "x", N'x', $tag$x$tag$; the token includes quotes and prefix */
    SQL_TOKEN_NUMBER,   /* 1, 1.5e3, 0x1F, x'1F', b'01', \N */
    SQL_TOKEN_VARIABLE, /* @x, @'x', @`x`, @ alone; also the host part of an account */
    SQL_TOKEN_SYSTEM,   /* @@; the words and dots of the system variable's name follow */
    SQL_TOKEN_SIGN,     /* one character of punctuation, in `sign` */
    SQL_TOKEN_BAD,      /* lexer->why is the reason; needs_mode: sql_mode must be known */
};

enum sql_token_flags {
    SQL_TOKEN_HIGH = 1,      /* a word, name or variable that contains a byte over 127 */
    SQL_TOKEN_ESCAPED = 2,   /* it contains a doubled quote or a backslash escape */
    SQL_TOKEN_AFTER_DOT = 4, /* a word that is a name even if it is spelled like a keyword */
};

enum { SQL_SIGN_RANGE = 1 }; /* MariaDB's `..`, as the sign of a token */

struct sql_token {
    uint8_t class;    /* enum sql_token_class */
    char sign;        /* of SQL_TOKEN_SIGN, else 0 */
    uint8_t flags;    /* union of enum sql_token_flags */
    uint16_t keyword; /* enum sql_keyword (sql/lexer/keywords.h); 0: not a keyword here */
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
    bool dot;        /* the next token is a dot between names, not the start of a number */
    bool name;       /* the next word follows a dot directly or begins with digits: it is a name */
    /* The offset of the first comment so far that may be a hint SET_VAR; 0: none. A caller may set
     * it to 0. */
    uint32_t hint;
    const uint8_t *opened; /* the executable comment */
    /* An executable comment so far stood right between two other texts that may be read otherwise
     * without it. Where a server keeps a text to read it again, it keeps nothing in its place. */
    bool glues;
    /* Where a kept text starts (sql_lexer_keeps), and the last executable comment that had a token
     * in it: its start, and the tokens before and behind its end. */
    const uint8_t *kept, *last;
    struct {
        const uint8_t *opened, *before, *behind; /* behind: NULL until it is read */
    } closed;
};

/* What a server keeps of a text to read it again starts at the token at `offset`, which is outside
 * of executable comments for that reading. Returns what `sql_lexer_kept` takes. */
struct sql_lexer_span {
    const uint8_t *kept, *opened, *before, *behind;
};
struct sql_lexer_span sql_lexer_keeps(struct sql_lexer *lexer, uint32_t offset);

/* The kept text ends before the token at `offset`. False: it starts in an executable comment and
 * goes on behind it, so that it may be read otherwise without what stands before it. */
bool sql_lexer_kept(struct sql_lexer *lexer, const struct sql_lexer_span *span, uint32_t offset);

/* Starts at `offset` of `text`, which must be outside of comments. Only `text` is borrowed. */
void sql_lexer_init(struct sql_lexer *lexer, struct text text, uint32_t offset,
                    const struct sql_state *state);

void sql_lexer_next(struct sql_lexer *lexer, struct sql_token *token);

/* Skips numbers, strings and NULLs that the caller does not need, each with the comma after it;
 * with `rows` also the brackets between two rows. Call it right after the lexer has returned a
 * comma. */
void sql_lexer_skip_values(struct sql_lexer *lexer, bool rows);

#endif
