/* Users, databases and tables that are named outside of a statement's text. Called by proxy/ at a
 * login, and by judge/ for commands that have only a name; sql/names.c reads the names in
 * statements.
 */
#include "sql/identifier.h"

#include <string.h>

#include "sql/names_fold.h"

/* The length in bytes of the first `characters` characters of a UTF-8 name. */
static size_t bytes_of(struct text name, size_t characters)
{
    size_t i = 0;

    for (; i < name.length; i++) {
        bool starts = ((uint8_t)name.at[i] & 0xc0) != 0x80;
        if (starts && characters-- == 0)
            break;
    }
    return i;
}

/* MySQL 5.7 and later cut a user at 32 characters, MariaDB before 10.5 at 80, later at 128 (80 is
 * used for both). A longer name is no account's, but the cut name may be an account's. */
static bool is_cut(struct text name, enum sql_dialect dialect)
{
    return bytes_of(name, dialect == SQL_MARIADB ? 80 : 32) < name.length;
}

bool sql_identifier_user(struct text name, enum sql_dialect dialect, uint32_t collation,
                         struct text *user)
{
    enum { BINARY = 63 };

    if (name.length > 1 && name.at[0] == '\'' && name.at[name.length - 1] == '\'') {
        name.at++;
        name.length -= 2;
    }
    *user = name;
    if (is_cut(name, dialect) || (name.length > 0 && memchr(name.at, 0, name.length)))
        return false;
    if (sql_collation_is_swe7(collation) && name_has_signs(name))
        return false;
    return !name_has_high(name) ||
           (collation != BINARY && sql_charset_of_handshake(dialect, collation) == SQL_UTF8 &&
            name_is_utf8(name));
}

const char *sql_identifier_table(struct text name, const struct sql_state *state, char *to,
                                 struct text *as_read)
{
    static const struct text mysql50 = {"#mysql50#", 9};

    *as_read = name;
    if (name.length > 0 && memchr(name.at, 0, name.length))
        return "a name with a zero byte";
    if (name.length > SQL_IDENTIFIER_BYTES || name_characters(name) > SQL_IDENTIFIER_CHARACTERS)
        return "a name that is too long";
    if (name.length >= mysql50.length &&
        text_equal_fold((struct text){name.at, mysql50.length}, mysql50))
        return "a name that stands for another, by the prefix #mysql50#";
    if (name_has_high(name) && state->charset != SQL_UTF8)
        return "a name with bytes over 127 that are not UTF-8";
    if (state->charset == SQL_CHARSET_UNKNOWN && name_has_signs(name))
        return "a name with signs that are letters in a character set";
    if (name_has_high(name) && !name_is_utf8(name))
        return "a name with bytes that are no character of names";
    if (state->lower_case_table_names == 0 || !name_has_upper(name))
        return NULL;
    if (!name_fold(name, to))
        return "a name whose lower case is not known";
    as_read->at = to;
    return NULL;
}
