/* Tables in three forms. Whatever stands in a cell came from a client: each form escapes it. */
#include "violations/sheet.h"

#include <assert.h>
#include <stdlib.h>

void sheet_init(struct sheet *sheet, const struct sheet_column *columns, size_t count)
{
    assert(count <= SHEET_COLUMNS);
    *sheet = (struct sheet){.columns = columns, .column_count = count};
}

void sheet_fini(struct sheet *sheet)
{
    free(sheet->cells);
    arena_fini(&sheet->arena);
}

void sheet_text(struct sheet *sheet, struct text cell)
{
    if (sheet->cell_count == sheet->room) {
        sheet->room = sheet->room ? sheet->room * 2 : 64;
        sheet->cells = memory_resize(sheet->cells, sheet->room * sizeof(*sheet->cells));
    }
    sheet->cells[sheet->cell_count++] = arena_text(&sheet->arena, cell);
}

const char *sheet_show_number(uint64_t number, char to[SHEET_NUMBER_SIZE])
{
    char digits[SHEET_NUMBER_SIZE];
    int length = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);
    size_t at = 0;

    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            to[at++] = ',';
        to[at++] = digits[i];
    }
    to[at] = '\0';
    return to;
}

void sheet_number(struct sheet *sheet, uint64_t number)
{
    char shown[SHEET_NUMBER_SIZE];
    sheet_text(sheet, text_of(sheet_show_number(number, shown)));
}

/* Characters, not bytes. */
static int width_of(struct text t)
{
    int width = 0;

    for (size_t i = 0; i < t.length; i++)
        width += ((unsigned char)t.at[i] & 0xc0) != 0x80;
    return width;
}

/* The column of the cell with this number. */
static size_t column_of(const struct sheet *sheet, size_t cell)
{
    assert(sheet->column_count > 0);
    return cell % sheet->column_count;
}

static void find_widths(const struct sheet *sheet, int widths[SHEET_COLUMNS])
{
    for (size_t c = 0; c < sheet->column_count; c++)
        widths[c] = (int)strlen(sheet->columns[c].heading);
    for (size_t i = 0; i < sheet->cell_count; i++) {
        int width = width_of(sheet->cells[i]);
        if (width > widths[column_of(sheet, i)])
            widths[column_of(sheet, i)] = width;
    }
}

static void put_padded(const struct sheet *sheet, size_t column, struct text cell, int width,
                       FILE *to)
{
    int pad = width - width_of(cell);
    bool is_last = column + 1 == sheet->column_count;
    bool is_number = sheet->columns[column].kind == SHEET_NUMBER;

    fprintf(to, "%s%*s%.*s%*s%s", column == 0 ? "  " : "", is_number ? pad : 0, "", TEXT_ARGS(cell),
            is_number || is_last ? 0 : pad, "", is_last ? "\n" : "  ");
}

void sheet_print_text(const struct sheet *sheet, FILE *to)
{
    int widths[SHEET_COLUMNS];

    find_widths(sheet, widths);
    for (size_t c = 0; c < sheet->column_count; c++)
        put_padded(sheet, c, text_of(sheet->columns[c].heading), widths[c], to);
    for (size_t i = 0; i < sheet->cell_count; i++)
        put_padded(sheet, column_of(sheet, i), sheet->cells[i], widths[column_of(sheet, i)], to);
}

/* A code span whose fence is longer than any run of backticks in it; '|' would end the cell. */
void sheet_put_code(struct text t, FILE *to)
{
    size_t longest = 0, run = 0;

    if (t.length == 0)
        return;
    for (size_t i = 0; i < t.length; i++) {
        run = t.at[i] == '`' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    for (size_t i = 0; i <= longest; i++)
        putc('`', to);
    if (longest > 0)
        putc(' ', to);
    for (size_t i = 0; i < t.length; i++)
        fprintf(to, t.at[i] == '|' ? "\\%c" : "%c", t.at[i]);
    if (longest > 0)
        putc(' ', to);
    for (size_t i = 0; i <= longest; i++)
        putc('`', to);
}

void sheet_print_markdown(const struct sheet *sheet, FILE *to)
{
    for (size_t c = 0; c < sheet->column_count; c++)
        fprintf(to, "| %s ", sheet->columns[c].heading);
    fputs("|\n", to);
    for (size_t c = 0; c < sheet->column_count; c++)
        fputs(sheet->columns[c].kind == SHEET_NUMBER ? "|---:" : "|---", to);
    fputs("|\n", to);
    for (size_t i = 0; i < sheet->cell_count; i++) {
        size_t column = column_of(sheet, i);
        fputs("| ", to);
        if (sheet->columns[column].kind == SHEET_CODE ||
            sheet->columns[column].kind == SHEET_STATEMENT)
            sheet_put_code(sheet->cells[i], to);
        else
            fprintf(to, "%.*s", TEXT_ARGS(sheet->cells[i]));
        fputs(column + 1 == sheet->column_count ? " |\n" : " ", to);
    }
}

/* What a page must not hold: control characters, and those that turn the direction of writing. */
static bool is_unfit(struct text character)
{
    unsigned char first = (unsigned char)character.at[0];

    if (character.length == 1)
        return (first < 0x20 && first != '\n' && first != '\t') || first == 0x7f;
    if (character.length == 2)
        return first == 0xc2 && (unsigned char)character.at[1] < 0xa0;
    return (memcmp(character.at, "\xe2\x80\xa8", 3) >= 0 &&
            memcmp(character.at, "\xe2\x80\xae", 3) <= 0) ||
           (memcmp(character.at, "\xe2\x81\xa6", 3) >= 0 &&
            memcmp(character.at, "\xe2\x81\xa9", 3) <= 0);
}

void sheet_put_html(struct text t, FILE *to)
{
    while (t.length > 0) {
        size_t length = text_character(t);
        struct text character = {t.at, length > 0 ? length : 1};
        t.at += character.length;
        t.length -= character.length;
        if (length == 0 || is_unfit(character)) {
            fputs("\xef\xbf\xbd", to);
            continue;
        }
        switch (character.at[0]) {
        case '&':
            fputs("&amp;", to);
            break;
        case '<':
            fputs("&lt;", to);
            break;
        case '>':
            fputs("&gt;", to);
            break;
        case '"':
            fputs("&quot;", to);
            break;
        case '\'':
            fputs("&#39;", to);
            break;
        default:
            fwrite(character.at, 1, length, to);
        }
    }
}

/* A statement's column makes the table one of cards. */
static bool has_statements(const struct sheet *sheet)
{
    for (size_t c = 0; c < sheet->column_count; c++) {
        if (sheet->columns[c].kind == SHEET_STATEMENT)
            return true;
    }
    return false;
}

static void put_cell_html(const struct sheet_column *column, struct text cell, FILE *to)
{
    static const char *const classes[] = {[SHEET_WORDS] = " class=\"words\"",
                                          [SHEET_CODE] = "",
                                          [SHEET_STATEMENT] = " class=\"statement\"",
                                          [SHEET_NUMBER] = " class=\"n\""};
    bool is_code = column->kind == SHEET_CODE || column->kind == SHEET_STATEMENT;
    bool is_zero = column->kind == SHEET_NUMBER && text_equal(cell, TEXT("0"));

    fprintf(to, "<td%s", is_zero ? " class=\"n zero\"" : classes[column->kind]);
    if (column->kind != SHEET_STATEMENT && *column->heading)
        fprintf(to, " data-label=\"%s\"", column->heading);
    putc('>', to);
    if (cell.length > 0) {
        fputs(is_code ? "<code>" : "", to);
        sheet_put_html(cell, to);
        fputs(is_code ? "</code>" : "", to);
    }
    fputs("</td>", to);
}

void sheet_print_html(const struct sheet *sheet, const char *title, FILE *to)
{
    fprintf(to, "<div class=\"wide%s\" tabindex=\"0\" role=\"region\" aria-label=\"",
            has_statements(sheet) ? " cards" : "");
    sheet_put_html(text_of(title), to);
    fputs("\"><table><thead><tr>", to);
    for (size_t c = 0; c < sheet->column_count; c++)
        fprintf(to, "<th scope=\"col\"%s>%s</th>",
                sheet->columns[c].kind == SHEET_NUMBER ? " class=\"n\"" : "",
                sheet->columns[c].heading);
    fputs("</tr></thead><tbody>\n", to);
    for (size_t i = 0; i < sheet->cell_count; i++) {
        size_t column = column_of(sheet, i);
        fputs(column == 0 ? "<tr>" : "", to);
        put_cell_html(&sheet->columns[column], sheet->cells[i], to);
        fputs(column + 1 == sheet->column_count ? "</tr>\n" : "", to);
    }
    fputs("</tbody></table></div>\n", to);
}
