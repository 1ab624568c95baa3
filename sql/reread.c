/* Finds the texts that mean the same whenever they are read. Called by judge/ for statements that
 * COM_STMT_PREPARE has prepared, and by the analysis for EXECUTE and for stored bodies.
 */
#include "sql/reread.h"

uint8_t sql_marks(struct text text)
{
    uint8_t marks = 0;
    bool blank = false;

    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c == '(' && blank)
            marks |= SQL_MARK_BLANK;
        blank = c <= ' ' || c == '/';
        if (c >= 0x80)
            marks |= SQL_MARK_HIGH;
        else if (c == '"' || c == '\\' || c == '[')
            marks |= SQL_MARK_QUOTES | SQL_MARK_SIGNS;
        else if (c == ']' || c == '`' || c == '^' || (c >= '{' && c <= '~'))
            marks |= SQL_MARK_SIGNS;
    }
    return marks;
}

struct sql_reading sql_reading_of(struct text text, const struct sql_state *state)
{
    return (struct sql_reading){.marks = sql_marks(text),
                                .mode = state->mode,
                                .charset = state->charset,
                                .mode_known = state->mode_known};
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
