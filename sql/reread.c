/* Finds the texts that mean the same whenever they are read. Called by judge/ for statements that
 * COM_STMT_PREPARE has prepared, and by the analysis for EXECUTE and for stored bodies.
 */
#include "sql/reread.h"

/* 0x41, x'41', b'01' at `i`; 'x' is none, and none can stand right behind a quote. */
static bool at_bytes(struct text text, size_t i)
{
    if (i + 1 >= text.length || (i > 0 && (sql_is_word(text.at[i - 1]) || text.at[i - 1] == '\'')))
        return false;
    const char c = text_lower(text.at[i]), next = text_lower(text.at[i + 1]);
    return c == '0' ? next == 'x' || next == 'b' : (c == 'x' || c == 'b') && next == '\'';
}

/* The first letter of _latin1'x' or of a name like this. */
static bool at_introducer(struct text text, size_t i)
{
    return text.at[i] == '_' && i + 1 < text.length && sql_is_word(text.at[i + 1]) &&
           (i == 0 || !sql_is_word(text.at[i - 1]));
}

uint8_t sql_marks(struct text text)
{
    uint8_t marks = 0;
    bool blank = false;

    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c == '(' && blank)
            marks |= SQL_MARK_BLANK;
        blank = c <= ' ' || c == '/';
        if (at_bytes(text, i))
            marks |= SQL_MARK_BYTES;
        if (at_introducer(text, i) || (c == '\'' && i + 1 < text.length && text.at[i + 1] == '\''))
            marks |= SQL_MARK_ESCAPES;
        if (c >= 0x80)
            marks |= SQL_MARK_HIGH;
        else if (c == '"' || c == '\\' || c == '[')
            marks |= SQL_MARK_QUOTES | SQL_MARK_SIGNS;
        else if (c == ']' || c == '`' || c == '^' || (c >= '{' && c <= '~'))
            marks |= SQL_MARK_SIGNS;
    }
    return marks;
}

bool sql_charset_hides_signs(enum sql_charset charset)
{
    return (charset >= SQL_BIG5 && charset <= SQL_SJIS) || charset == SQL_CHARSET_UNKNOWN;
}

struct sql_reading sql_reading_of(struct text text, const struct sql_state *state)
{
    return (struct sql_reading){.marks = sql_marks(text),
                                .mode = state->mode,
                                .charset = state->charset,
                                .mode_known = state->mode_known};
}

void sql_reading_note(struct sql_reading *reading, const struct sql_facts *facts)
{
    if (facts->prints && reading->marks & (SQL_MARK_BYTES | SQL_MARK_ESCAPES | SQL_MARK_QUOTES))
        reading->marks |= SQL_MARK_HIGH;
    reading->marks &= (uint8_t) ~(SQL_MARK_BYTES | SQL_MARK_ESCAPES);
}

enum sql_alike sql_reads_alike(const struct sql_reading *reading, const struct sql_state *state)
{
    const uint8_t quotes = SQL_ANSI_QUOTES | SQL_NO_BACKSLASH_ESCAPES | SQL_MSSQL;
    uint8_t sets = SQL_MARK_HIGH;

    if (reading->charset == SQL_CHARSET_UNKNOWN || state->charset == SQL_CHARSET_UNKNOWN)
        sets |= SQL_MARK_SIGNS;
    if (reading->charset != state->charset && reading->marks & sets)
        return state->charset == SQL_CHARSET_UNKNOWN ? SQL_READS_UNKNOWN : SQL_READS_OTHERWISE;
    /* A text that was read without knowing the mode means the same in every mode. */
    if (!reading->mode_known)
        return SQL_READS_ALIKE;
    if (!state->mode_known)
        return reading->marks & (SQL_MARK_QUOTES | SQL_MARK_BLANK) || reading->mode & SQL_ORACLE
                   ? SQL_READS_UNKNOWN
                   : SQL_READS_ALIKE;
    const uint8_t other = reading->mode ^ state->mode;
    if (other & SQL_ORACLE || (other & quotes && reading->marks & SQL_MARK_QUOTES) ||
        (other & SQL_IGNORE_SPACE && reading->marks & SQL_MARK_BLANK))
        return SQL_READS_OTHERWISE;
    return SQL_READS_ALIKE;
}
