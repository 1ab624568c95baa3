/* A table of the report, built once and printed as text for a terminal, as Markdown or as HTML. */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/text.h"

enum { TABLE_COLUMNS = 12 };

struct table_column {
    const char *heading;
    enum { TABLE_WORDS, TABLE_CODE, TABLE_STATEMENT, TABLE_NUMBER } kind;
};

struct table {
    const struct table_column *columns;
    size_t column_count, cell_count, room;
    struct text *cells;
    struct arena arena;
};

void table_init(struct table *table, const struct table_column *columns, size_t count);
void table_fini(struct table *table);

/* The next cell, row by row. */
void table_text(struct table *table, struct text cell);
void table_number(struct table *table, uint64_t number);

void table_print_text(const struct table *table, FILE *to);
void table_print_markdown(const struct table *table, FILE *to);
/* `title`: the table's name, for screen readers. */
void table_print_html(const struct table *table, const char *title, FILE *to);

/* The style sheet of pages with such tables. `wide` tables scroll; `cards` show each row as a card
 * on a narrow screen; `heat` is the matrix. */
extern const char table_style[];

/* "1,234,567" */
enum { TABLE_NUMBER_SIZE = 32 };
const char *table_show_number(uint64_t number, char to[TABLE_NUMBER_SIZE]);
/* Writes text that is safe in HTML (text or attribute), with U+FFFD for characters that cannot be
 * shown; or a code span of Markdown, also inside a table. */
void table_put_html(struct text t, FILE *to);
void table_put_code(struct text t, FILE *to);

#endif
