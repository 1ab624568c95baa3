/* The output of sql/normalize.c: writes the text while there is room, makes the digest of all of
 * it, and folds lists and rows. Only the normalize files include this header.
 */
#ifndef SQL_NORMALIZE_OUTPUT_H
#define SQL_NORMALIZE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "sql/lexer/lexer.h"

enum { ROW_SHAPES = 8 };

/* The kind of the last token, as far as the next token depends on it. */
enum last { LAST_NOTHING, LAST_OPERATOR, LAST_OPERAND, LAST_LITERAL, LAST_GLUE };

/* The state of the output: restoring a copy of it drops the output since then. */
struct output {
    uint64_t digest, row; /* of all tokens; of those of the current row of VALUES */
    size_t length;
    bool cut;         /* a token did not fit: nothing more is written */
    uint8_t last;     /* enum last */
    char sign;        /* of the last token; 0: not a sign */
    uint16_t keyword; /* of the last token; 0: not a keyword */
    uint32_t end;     /* the offset after the last token */
};

enum list { LIST_NONE, LIST_OPEN, LIST_LITERAL, LIST_COMMA };
enum group { GROUP_NONE, GROUP_CLOSED, GROUP_COMMA, GROUP_OPEN };
enum rows { ROWS_NONE, ROWS_BEFORE, ROWS_INSIDE, ROWS_BEHIND };

struct normalizer {
    struct text text;
    struct sql_lexer lexer;
    unsigned dialect;
    char *to;
    size_t size;
    struct output output;
    uint32_t depth;   /* of parentheses */
    uint32_t in_list; /* the depth inside the list of IN (...); 0: not in one */
    /* The last token is dropped if a literal follows: a sign, an introducer, DATE. */
    bool prefixed, prefix_is_word;
    struct output before_prefix;
    /* Parentheses that contain only literals: first_literal is the output after "(?". */
    enum list list;
    struct output first_literal;
    /* Such lists separated by commas: first_group is the output after the first list. */
    enum group group;
    struct output first_group;
    /* The rows of one VALUES; the rows of a VALUES nested in a row are not folded. */
    enum rows rows;
    uint32_t rows_depth;
    unsigned shape_count;
    uint64_t shapes[ROW_SHAPES];
    struct output last_row; /* the output after the last row that was not left out */
    /* before_name is the output before the first name after a string. */
    bool string_seen, name_seen;
    uint32_t string_end;
    struct output before_name;
    bool semicolons; /* read but not written yet: they are dropped at the end of the text */
};

static inline struct text normalize_text(const struct normalizer *n, const struct sql_token *token)
{
    return (struct text){n->text.at + token->offset, token->length};
}

/* Writes '?' and drops the prefix before the literal; adjacent literals become one '?'. */
void normalize_literal(struct normalizer *n, const struct sql_token *token);
/* Writes a token that is dropped again if a literal follows. */
void normalize_prefix(struct normalizer *n, const struct sql_token *token, uint64_t hash,
                      enum last last);
/* Writes any other token: it cannot be part of a list of literals. */
void normalize_other(struct normalizer *n, const struct sql_token *token, struct text shown,
                     uint64_t hash, enum last last);
void normalize_open(struct normalizer *n, const struct sql_token *token);  /* ( */
void normalize_close(struct normalizer *n, const struct sql_token *token); /* ) */
void normalize_comma(struct normalizer *n, const struct sql_token *token);
void normalize_semicolon(struct normalizer *n);
/* After the word VALUES: rows may follow. */
void normalize_begin_rows(struct normalizer *n);
/* For each token before it is written: between the rows of VALUES there are only commas, and in
 * MySQL the word ROW; any other token ends the list of rows. */
void normalize_rows(struct normalizer *n, const struct sql_token *token);

#endif
