/* Tables as text, Markdown and HTML. The content of a cell may come from a client, so each format
 * escapes it.
 */
#include "base/table.h"

#include <assert.h>
#include <stdlib.h>

void table_init(struct table *table, const struct table_column *columns, size_t count)
{
    assert(count <= TABLE_COLUMNS);
    *table = (struct table){.columns = columns, .column_count = count};
}

void table_fini(struct table *table)
{
    free(table->cells);
    arena_fini(&table->arena);
}

void table_text(struct table *table, struct text cell)
{
    if (table->cell_count == table->room) {
        table->room = table->room ? table->room * 2 : 64;
        table->cells = memory_resize(table->cells, table->room * sizeof(*table->cells));
    }
    table->cells[table->cell_count++] = arena_text(&table->arena, cell);
}

const char *table_show_number(uint64_t number, char to[TABLE_NUMBER_SIZE])
{
    char digits[TABLE_NUMBER_SIZE];
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

void table_number(struct table *table, uint64_t number)
{
    char shown[TABLE_NUMBER_SIZE];
    table_text(table, text_of(table_show_number(number, shown)));
}

/* The width in characters, not bytes. */
static int width_of(struct text t)
{
    int width = 0;

    for (size_t i = 0; i < t.length; i++)
        width += ((unsigned char)t.at[i] & 0xc0) != 0x80;
    return width;
}

/* The column of the cell with this number. */
static size_t column_of(const struct table *table, size_t cell)
{
    assert(table->column_count > 0);
    return cell % table->column_count;
}

static void find_widths(const struct table *table, int widths[TABLE_COLUMNS])
{
    for (size_t c = 0; c < table->column_count; c++)
        widths[c] = (int)strlen(table->columns[c].heading);
    for (size_t i = 0; i < table->cell_count; i++) {
        int width = width_of(table->cells[i]);
        if (width > widths[column_of(table, i)])
            widths[column_of(table, i)] = width;
    }
}

static void put_padded(const struct table *table, size_t column, struct text cell, int width,
                       FILE *to)
{
    int pad = width - width_of(cell);
    bool is_last = column + 1 == table->column_count;
    bool is_number = table->columns[column].kind == TABLE_NUMBER;

    fprintf(to, "%s%*s%.*s%*s%s", column == 0 ? "  " : "", is_number ? pad : 0, "", TEXT_ARGS(cell),
            is_number || is_last ? 0 : pad, "", is_last ? "\n" : "  ");
}

void table_print_text(const struct table *table, FILE *to)
{
    int widths[TABLE_COLUMNS];

    find_widths(table, widths);
    for (size_t c = 0; c < table->column_count; c++)
        put_padded(table, c, text_of(table->columns[c].heading), widths[c], to);
    for (size_t i = 0; i < table->cell_count; i++)
        put_padded(table, column_of(table, i), table->cells[i], widths[column_of(table, i)], to);
}

/* A code span whose fence is longer than any run of backticks in it; '|' would end the cell. */
void table_put_code(struct text t, FILE *to)
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

void table_print_markdown(const struct table *table, FILE *to)
{
    for (size_t c = 0; c < table->column_count; c++)
        fprintf(to, "| %s ", table->columns[c].heading);
    fputs("|\n", to);
    for (size_t c = 0; c < table->column_count; c++)
        fputs(table->columns[c].kind == TABLE_NUMBER ? "|---:" : "|---", to);
    fputs("|\n", to);
    for (size_t i = 0; i < table->cell_count; i++) {
        size_t column = column_of(table, i);
        fputs("| ", to);
        if (table->columns[column].kind == TABLE_CODE ||
            table->columns[column].kind == TABLE_STATEMENT)
            table_put_code(table->cells[i], to);
        else
            fprintf(to, "%.*s", TEXT_ARGS(table->cells[i]));
        fputs(column + 1 == table->column_count ? " |\n" : " ", to);
    }
}

/* Unlike a terminal, a page may have line ends and tabs. */
static bool is_unfit(struct text character)
{
    return text_is_unfit(character) && character.at[0] != '\n' && character.at[0] != '\t';
}

void table_put_html(struct text t, FILE *to)
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

/* With a column of statements, the table becomes cards on a narrow screen. */
static bool has_statements(const struct table *table)
{
    for (size_t c = 0; c < table->column_count; c++) {
        if (table->columns[c].kind == TABLE_STATEMENT)
            return true;
    }
    return false;
}

static void put_cell_html(const struct table_column *column, struct text cell, FILE *to)
{
    static const char *const classes[] = {[TABLE_WORDS] = " class=\"words\"",
                                          [TABLE_CODE] = "",
                                          [TABLE_STATEMENT] = " class=\"statement\"",
                                          [TABLE_NUMBER] = " class=\"n\""};
    bool is_code = column->kind == TABLE_CODE || column->kind == TABLE_STATEMENT;
    bool is_zero = column->kind == TABLE_NUMBER && text_equal(cell, TEXT("0"));

    fprintf(to, "<td%s", is_zero ? " class=\"n zero\"" : classes[column->kind]);
    if (column->kind != TABLE_STATEMENT && *column->heading)
        fprintf(to, " data-label=\"%s\"", column->heading);
    putc('>', to);
    if (cell.length > 0) {
        fputs(is_code ? "<code>" : "", to);
        table_put_html(cell, to);
        fputs(is_code ? "</code>" : "", to);
    }
    fputs("</td>", to);
}

void table_print_html(const struct table *table, const char *title, FILE *to)
{
    fprintf(to, "<div class=\"wide%s\" tabindex=\"0\" role=\"region\" aria-label=\"",
            has_statements(table) ? " cards" : "");
    table_put_html(text_of(title), to);
    fputs("\"><table><thead><tr>", to);
    for (size_t c = 0; c < table->column_count; c++)
        fprintf(to, "<th scope=\"col\"%s>%s</th>",
                table->columns[c].kind == TABLE_NUMBER ? " class=\"n\"" : "",
                table->columns[c].heading);
    fputs("</tr></thead><tbody>\n", to);
    for (size_t i = 0; i < table->cell_count; i++) {
        size_t column = column_of(table, i);
        fputs(column == 0 ? "<tr>" : "", to);
        put_cell_html(&table->columns[column], table->cells[i], to);
        fputs(column + 1 == table->column_count ? "</tr>\n" : "", to);
    }
    fputs("</tbody></table></div>\n", to);
}
