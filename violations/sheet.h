/* A table of the report, built once and printed as text for a terminal, as Markdown or as HTML. */
#ifndef VIOLATIONS_SHEET_H
#define VIOLATIONS_SHEET_H

#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/text.h"

enum { SHEET_COLUMNS = 12 };

struct sheet_column {
    const char *heading;
    enum { SHEET_WORDS, SHEET_CODE, SHEET_STATEMENT, SHEET_NUMBER } kind;
};

struct sheet {
    const struct sheet_column *columns;
    size_t column_count, cell_count, room;
    struct text *cells;
    struct arena arena;
};

void sheet_init(struct sheet *sheet, const struct sheet_column *columns, size_t count);
void sheet_fini(struct sheet *sheet);

/* The next cell, row by row. */
void sheet_text(struct sheet *sheet, struct text cell);
void sheet_number(struct sheet *sheet, uint64_t number);

void sheet_print_text(const struct sheet *sheet, FILE *to);
void sheet_print_markdown(const struct sheet *sheet, FILE *to);
/* `title`: what the table is called for those who hear it. */
void sheet_print_html(const struct sheet *sheet, const char *title, FILE *to);

/* The style sheet of pages with such tables. `wide` tables scroll, `cards` become a card a row
 * where it is narrow, `heat` is the matrix. */
extern const char sheet_style[];

/* "1,234,567" */
enum { SHEET_NUMBER_SIZE = 32 };
const char *sheet_show_number(uint64_t number, char to[SHEET_NUMBER_SIZE]);
/* Safe as text or attribute of HTML, U+FFFD for what is no character to show; as a code span of
 * Markdown, also in a table. */
void sheet_put_html(struct text t, FILE *to);
void sheet_put_code(struct text t, FILE *to);

#endif
