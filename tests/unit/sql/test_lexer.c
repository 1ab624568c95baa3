/* Tokens, as one line each: w word, k keyword, n name, s string, d number, v variable, @ system
 * variable, ! bad, signs as they are; with the text of all but signs. Each case is also read byte
 * by byte at a guard page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "sql/lexer/keywords.h"
#include "sql/lexer/lexer.h"
#include "tests/unit/sql/guard.h"

static struct sql_state state_of_sql(uint8_t dialect, uint32_t version)
{
    return (struct sql_state){.dialect = dialect, .version = version, .mode_known = true};
}

static void read_tokens(struct text text, const struct sql_state *state, char *to, size_t size)
{
    static const char letters[] = {
        [SQL_TOKEN_WORD] = 'w',   [SQL_TOKEN_NAME] = 'n',     [SQL_TOKEN_STRING] = 's',
        [SQL_TOKEN_NUMBER] = 'd', [SQL_TOKEN_VARIABLE] = 'v', [SQL_TOKEN_SYSTEM] = '@'};
    struct sql_lexer lexer;
    struct sql_token token;
    size_t used = 0;

    sql_lexer_init(&lexer, text, 0, state);
    to[0] = '\0';
    for (;;) {
        sql_lexer_next(&lexer, &token);
        assert_true(token.offset + token.length <= text.length);
        const char *blank = used ? " " : "";
        if (token.class == SQL_TOKEN_END)
            break;
        if (token.class == SQL_TOKEN_BAD) {
            assert_non_null(lexer.why);
            used += (size_t)snprintf(to + used, size - used, "%s!", blank);
            break;
        }
        if (token.sign)
            used += (size_t)snprintf(to + used, size - used, "%s%c", blank, token.sign);
        else
            used += (size_t)snprintf(to + used, size - used, "%s%c:%.*s", blank,
                                     token.keyword ? 'k' : letters[token.class], (int)token.length,
                                     text.at + token.offset);
        assert_true(used < size);
    }
}

static void expect(const struct sql_state *state, const char *sql, size_t length,
                   const char *tokens)
{
    static char got[8192];

    for (size_t i = 0; i <= length; i++)
        read_tokens(guard_text((struct text){sql, i}), state, got, sizeof(got));
    if (strcmp(got, tokens) != 0)
        fail_msg("%s: got %s, not %s", sql, got, tokens);
}

#define MYSQL(sql, tokens)   expect(&mysql, sql, sizeof(sql) - 1, tokens)
#define MARIADB(sql, tokens) expect(&mariadb, sql, sizeof(sql) - 1, tokens)
#define BOTH(sql, tokens)    MYSQL(sql, tokens), MARIADB(sql, tokens)

static void test_words(void **state)
{
    struct sql_state mysql = state_of_sql(SQL_MYSQL, 90704),
                     mariadb = state_of_sql(SQL_MARIADB, 101119);
    (void)state;

    BOTH("SELECT a FROM b", "k:SELECT w:a k:FROM w:b");
    BOTH("select.x", "w:select . w:x");
    BOTH("secret.select", "w:secret . w:select");
    BOTH("secret.123", "w:secret . w:123");
    BOTH("secret.1e1", "w:secret . w:1e1");
    BOTH("secret . 1st", "w:secret . w:1st");
    BOTH("secret. select", "w:secret . k:select");
    BOTH("secret .select", "w:secret . w:select");
    BOTH("secret .1st", "w:secret d:.1 w:st");
    BOTH("`a`.5", "n:`a` d:.5");
    BOTH("a.x'41'", "w:a . w:x s:'41'");
    BOTH("a.b.c", "w:a . w:b . w:c");
    BOTH("a.1.5", "w:a . w:1 . w:5");
    BOTH("select.`x`", "k:select . n:`x`");
    BOTH("\xc3\xa9t\xc3\xa9.x", "w:\xc3\xa9t\xc3\xa9 . w:x");
    BOTH("1FROM 0x41FROM 0xg 0X41", "w:1FROM w:0x41FROM w:0xg w:0X41");
    MARIADB("$$ $a$", "w:$$ w:$a$");
    MYSQL("$a b$ a$b$c", "w:$a w:b$ w:a$b$c");
    MYSQL("$a$ ' $a$ q", "s:$a$ ' $a$ w:q");
    MYSQL("$$ x", "!");
}

static void test_numbers(void **state)
{
    struct sql_state mysql = state_of_sql(SQL_MYSQL, 90704),
                     mariadb = state_of_sql(SQL_MARIADB, 101119);
    (void)state;

    BOTH("1.FROM", "d:1. k:FROM");
    BOTH(".5FROM", "d:.5 k:FROM");
    BOTH("1e1FROM", "d:1e1 k:FROM");
    BOTH("x'41'FROM", "d:x'41' k:FROM");
    BOTH("N'a'FROM", "s:N'a' k:FROM");
    BOTH("b'01' X'4f' 0x4F 0b11", "d:b'01' d:X'4f' d:0x4F d:0b11");
    BOTH("x'4'", "!");
    BOTH("b'2'", "!");
    BOTH("1.5e+3q 1e+", "d:1.5e+3 w:q w:1e +");
    MYSQL("1..2", "d:1. d:.2");
    MARIADB("1..2 a..b", "d:1 \1 d:2 w:a \1 w:b");
    BOTH("1 1.e-- (SELECT 5)", "d:1 !");
}

static void test_comments(void **state)
{
    struct sql_state mysql = state_of_sql(SQL_MYSQL, 90704),
                     mariadb = state_of_sql(SQL_MARIADB, 101119);
    (void)state;

    BOTH("1 -- x\n2 --\x01y\n3 #z\n4 --", "d:1 d:2 d:3 d:4");
    BOTH("1 -- x\r2", "d:1");
    BOTH("5--(6)", "d:5 - - ( d:6 )");
    BOTH("1 --\x7f 2", "d:1");
    BOTH("a/* b */c/**/d", "w:a w:c w:d");
    BOTH("/* a /* b */ c */", "w:c * /");
    BOTH("/* '*/ a", "w:a");
    BOTH("/* a", "!");
    BOTH("/*! a", "w:a !");
    BOTH("/*! a */ b", "w:a w:b");
    BOTH("/*!40101 a */", "w:a");
    BOTH("/*!99999 a /* b */ still */ c", "w:c");
    BOTH("/*! a /* b */ c */ d", "w:a w:c w:d");
    BOTH("/*! a /*! b */ c */", "w:a w:b w:c * /");
    BOTH("a */ b", "w:a * / w:b");
    BOTH("# \0 x", "!");
    MYSQL("/*!50700 a */ /*!080000 b */ /*!090705 c */", "w:a w:b");
    MARIADB("/*!50700 a */ /*!080000 b */ /*!100000 c */", "w:c");
    MARIADB("/*M!50700 a */ /*M! b */ /*M!110000 c */", "w:a w:b");
    MYSQL("/*M!50700 a */ b /*M! c */ d", "w:b w:d");
    MYSQL("/*m! a */ b", "w:b");
    MYSQL("/*!090700\ta */ /*!090799\va */ /*!800001 a */ b", "w:a w:b");
    MYSQL("/*!099999+5*/", "!"); /* 9+5 */
    MYSQL("/*!099999(a)*/", "!");
    MYSQL("/*!0907991 a */", "!");
    MYSQL("/*!999991+5*/ b", "w:b");
    mysql.version = 50744;
    MYSQL("/*!507001 */", "d:1");
    mysql.version = 80036;
    MYSQL("/*!080036 a */", "!");
    MYSQL("/*!999990 a */ b", "w:b");
}

static void test_quotes(void **state)
{
    struct sql_state mysql = state_of_sql(SQL_MYSQL, 90704),
                     mariadb = state_of_sql(SQL_MARIADB, 101119);
    (void)state;

    BOTH("'it''s' 'a\\'b' \"x\"\"y\" `a``b`", "s:'it''s' s:'a\\'b' s:\"x\"\"y\" n:`a``b`");
    BOTH("'0123456789abcdef0123456789abcdef'q", "s:'0123456789abcdef0123456789abcdef' w:q");
    BOTH("'a", "!");
    BOTH("'a\\", "!");
    BOTH("`a", "!");
    BOTH("`a\0b`", "!");
    BOTH("'a\0b'", "s:'a");
    BOTH("@a.b @'q' @`a b` @@global.x @ ,", "v:@a.b v:@'q' v:@`a b` @:@@ w:global . w:x v:@ ,");
    BOTH("u@h", "w:u v:@h");
    BOTH("{ } ? = ; \x05", "{ } ? = ; !");
    BOTH("a\0", "w:a");
    BOTH("\0", "");
    BOTH("a\0\0", "w:a !");
    BOTH("a\0b", "w:a !");
    BOTH("\\N", "d:\\N");
    BOTH("[a]", "[ w:a ]");
    mysql.mode = mariadb.mode = SQL_ANSI_QUOTES | SQL_NO_BACKSLASH_ESCAPES;
    BOTH("\"a\" 'b\\'", "n:\"a\" s:'b\\'");
    mariadb.mode = SQL_MSSQL;
    MARIADB("[a]]b]", "n:[a]]b]");
    mysql.mode_known = mariadb.mode_known = false;
    BOTH("a \"b\"", "w:a !");
    MARIADB("[a]", "!");
    BOTH("'a' 'b\\'", "s:'a' !");
    mysql.escapes_known = mariadb.escapes_known = true;
    mysql.mode = mariadb.mode = 0;
    BOTH("'a' 'b\\''", "s:'a' s:'b\\''");
}

static void test_character_sets(void **state)
{
    struct sql_state mysql = state_of_sql(SQL_MYSQL, 90704),
                     mariadb = state_of_sql(SQL_MARIADB, 101119);
    (void)state;

    BOTH("'\x81\\' q", "!");
    mysql.charset = mariadb.charset = SQL_GBK;
    BOTH("'\x81\\' q", "s:'\x81\\' w:q");
    BOTH("'\\\x81\\' q'", "s:'\\\x81\\' q'");
    BOTH("`\x81`` q", "n:`\x81`` w:q");
    BOTH("a\x81`b", "w:a\x81`b");
    BOTH("'\x81' q", "s:'\x81' w:q");
    mysql.charset = mariadb.charset = SQL_SJIS;
    BOTH("'\x83\\' q", "s:'\x83\\' w:q");
    mysql.charset = mariadb.charset = SQL_BIG5;
    BOTH("'\xa4\\' q", "s:'\xa4\\' w:q");
    mysql.charset = mariadb.charset = SQL_GB18030;
    BOTH("'\x81\x30\x81\x30\\'' q'", "s:'\x81\x30\x81\x30\\'' w:q !");
    mysql.charset = mariadb.charset = SQL_SINGLE_BYTE;
    BOTH("'\xe9' `\xe9`", "s:'\xe9' n:`\xe9`");
    BOTH("\xa0", "!");
    mysql.charset = mariadb.charset = SQL_CHARSET_UNKNOWN;
    BOTH("'\xe9' q", "s:'\xe9' w:q");
    BOTH("'\xe9\\' q", "!");
    BOTH("`\xe9` q", "!");
}

static void test_every_keyword_is_found(void **state)
{
    static const char *const names[] = {
        "",
#define KEYWORD(symbol, name, mysql, mariadb) name,
#include "sql/lexer/keywords.def"
#undef KEYWORD
    };
    struct sql_state mysql = state_of_sql(SQL_MYSQL, 90704);
    (void)state;

    for (unsigned i = 1; i < KEYWORD_COUNT; i++) {
        struct sql_lexer lexer;
        struct sql_token token;
        sql_lexer_init(&lexer, text_of(names[i]), 0, &mysql);
        sql_lexer_next(&lexer, &token);
        assert_int_equal(token.keyword, i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),          cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_comments),       cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_character_sets), cmocka_unit_test(test_every_keyword_is_found),
    };

    return cmocka_run_group_tests_name("sql/lexer", tests, NULL, NULL);
}
