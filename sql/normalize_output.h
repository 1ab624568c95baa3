/* What sql/normalize.c puts out: the text as far as there is room, the digest of all of it, and the
 * folding of lists and rows. Nobody else includes this.
 */
#ifndef SQL_NORMALIZE_OUTPUT_H
#define SQL_NORMALIZE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "sql/lexer/lexer.h"

enum { ROW_SHAPES = 8 };

/* What the last token was, as far as the next one cares. */
enum last { LAST_NOTHING, LAST_OPERATOR, LAST_OPERAND, LAST_LITERAL, LAST_GLUE };

/* All that was put out so far. */
struct output {
    uint64_t digest, row; /* of all; of the row of VALUES that is being read */
    size_t length;
    bool cut;         /* something did not fit: nothing more is written */
    uint8_t last;     /* enum last */
    char sign;        /* the last token where it was a sign */
    uint16_t keyword; /* and where it was a keyword */
    uint32_t end;     /* where the last token ended in the text */
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
    uint32_t in_list; /* the depth inside of IN (...); 0: not in one */
    /* A token that goes away if a literal follows: a sign, an introducer, DATE. */
    bool prefixed, prefix_is_word;
    struct output before_prefix;
    /* A list of literals alone in its parentheses: first_literal is the output behind "(?". */
    enum list list;
    struct output first_literal;
    /* Such lists behind one another: first_group is the output behind the first. */
    enum group group;
    struct output first_group;
    /* The rows of one VALUES; those of another inside of a row are left alone. */
    enum rows rows;
    uint32_t rows_depth;
    unsigned shape_count;
    uint64_t shapes[ROW_SHAPES];
    struct output last_row; /* the output behind the last row that was not left out */
    /* The output before the first name behind a string. */
    bool string_seen, name_seen;
    uint32_t string_end;
    struct output before_name;
    bool semicolons; /* seen, not put out yet: those at the end are dropped */
};

static inline struct text normalize_text(const struct normalizer *n, const struct sql_token *token)
{
    return (struct text){n->text.at + token->offset, token->length};
}

/* '?'; a literal behind another is one with it, and takes back the prefix before it. */
void normalize_literal(struct normalizer *n, const struct sql_token *token);
/* A token that is put out now and taken back if a literal follows. */
void normalize_prefix(struct normalizer *n, const struct sql_token *token, uint64_t hash,
                      enum last last);
/* Everything that cannot be part of a list of literals. */
void normalize_other(struct normalizer *n, const struct sql_token *token, struct text shown,
                     uint64_t hash, enum last last);
void normalize_open(struct normalizer *n, const struct sql_token *token);  /* ( */
void normalize_close(struct normalizer *n, const struct sql_token *token); /* ) */
void normalize_comma(struct normalizer *n, const struct sql_token *token);
void normalize_semicolon(struct normalizer *n);
/* Behind the word VALUES: rows may follow. */
void normalize_begin_rows(struct normalizer *n);
/* At each token, before it is put out: between the rows of VALUES stand commas, and in MySQL the
 * word ROW; with anything else they are over. */
void normalize_rows(struct normalizer *n, const struct sql_token *token);

#endif
