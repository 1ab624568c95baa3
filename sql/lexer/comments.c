/* Comments, and executable comments as the upstream server's version reads them. Called by
 * sql/lexer/lexer.c where white space is allowed.
 */
#include "sql/lexer/internal.h"

/* Returns the end of a line comment: a line feed, or the text's end. */
static const uint8_t *skip_line(struct sql_lexer *lexer, const uint8_t *at)
{
    const uint8_t *feed = memchr(at, '\n', (size_t)(lexer->end - at));
    const uint8_t *end = feed ? feed : lexer->end;

    if (memchr(at, 0, (size_t)(end - at)))
        lexer->why = "a zero byte in a comment";
    return end;
}

/* Returns the position after the comment whose text starts at `at`; with `nests` it may contain
 * comments, one level deep. NULL: it is not closed. */
static const uint8_t *skip_comment(const struct sql_lexer *lexer, const uint8_t *at, bool nests)
{
    bool nested = false;

    while (lexer->end - at >= 2) {
        if (at[0] == '*' && at[1] == '/') {
            at += 2;
            if (!nested)
                return at;
            nested = false;
        } else if (nests && !nested && at[0] == '/' && at[1] == '*') {
            at += 2;
            nested = true;
        } else {
            at++;
        }
    }
    return NULL;
}

/* Does the server execute the content of an executable comment with this version? */
static bool executes(const struct sql_lexer *lexer, uint32_t version, bool mariadb_only)
{
    if (version > lexer->version)
        return false;
    if (lexer->dialect == SQL_MARIADB)
        return version < 50700 || version > 99999 || mariadb_only;
    return true;
}

/* Six digits after the !: how many does MySQL read as the version? Five; from 8.4 on six if white
 * space follows (tried on 9.7; for 8.0 there is only "five or six"). Where this is not certain and
 * one of the two versions executes the content, sets `why`. Returns the number of digits, and cuts
 * `version` to them. */
static int mysql_digits(struct sql_lexer *lexer, const uint8_t *behind, uint32_t *version)
{
    const bool blank =
        behind < lexer->end && (*behind == ' ' || (*behind >= '\t' && *behind <= '\r'));
    const uint32_t six = *version, five = *version / 10;
    const bool runs = executes(lexer, six, false) || executes(lexer, five, false);

    if (lexer->version >= 80400 && blank)
        return 6;
    if (lexer->version >= 80000 && runs)
        lexer->why = "an executable comment that versions read differently";
    *version = five; /* as 5.7 counts */
    return 5;
}

/* Is the server's patch version not known, and would a later one of the same release execute it? */
static bool depends_on_patch(const struct sql_lexer *lexer, uint32_t version)
{
    return lexer->patch_unknown && version > lexer->version &&
           version / 100 == lexer->version / 100;
}

static bool is_word(uint8_t c)
{
    return (c >= '0' && c <= '9') || (text_lower((char)c) >= 'a' && text_lower((char)c) <= 'z') ||
           c == '_' || c == '$' || c >= 0x80;
}

static bool is_quote(uint8_t c)
{
    return c == '\'' || c == '"' || c == '`';
}

/* May two texts be read otherwise with nothing between them? These are the bytes where they meet;
 * both are no blanks. */
static bool joins(uint8_t left, uint8_t right)
{
    if (left == '(' || left == ')' || left == ',' || left == ';' || right == ')' || right == ',' ||
        right == ';')
        return false;
    if (is_word(left)) /* N 'x', count (*), 1e -5 */
        return is_word(right) || right == '.' || right == '@' || right == '(' || right == '\'' ||
               right == '"' || (text_lower((char)left) == 'e' && (right == '-' || right == '+'));
    if (is_quote(left))
        return right == left || right == '@';
    return left == '.' || left == '@' || (right != '(' && !is_word(right) && !is_quote(right));
}

/* What is from `at` to `behind` may be left out of a text that is kept. A comment beside it may be
 * left out too. */
static void note_gap(struct sql_lexer *lexer, const uint8_t *at, const uint8_t *behind)
{
    if (at <= lexer->start || behind >= lexer->end || sql_characters[at[-1]] == SPACE ||
        sql_characters[*behind] == SPACE)
        return;
    const bool after = at[-1] == '/' && at - lexer->start > 1 && at[-2] == '*';
    const bool before = *behind == '/' && lexer->end - behind > 1 && behind[1] == '*';
    /* perhaps the second byte of a character */
    const bool second = lexer->charset > SQL_SINGLE_BYTE && at[-1] >= '@' && !is_word(at[-1]);

    lexer->glues |= after || before || second || joins(at[-1], *behind);
}

/* An executable comment starts at `from`; `at` is at its !. Returns where the lexer continues. */
static const uint8_t *executable_comment(struct sql_lexer *lexer, const uint8_t *from,
                                         const uint8_t *at, bool mariadb_only)
{
    uint32_t version = 0;
    int digits = 0;

    at++;
    while (digits < 6 && digit_at(lexer, at + digits)) {
        version = version * 10 + (uint32_t)(at[digits] - '0');
        digits++;
    }
    if (digits == 6 && lexer->dialect == SQL_MYSQL)
        digits = mysql_digits(lexer, at + digits, &version);
    if (digits < 5 || executes(lexer, version, mariadb_only)) {
        lexer->executable = true;
        at += digits < 5 ? 0 : digits;
        lexer->opened = from;
        note_gap(lexer, from, at);
        return at;
    }
    if (depends_on_patch(lexer, version))
        lexer->why = "an executable comment that depends on the server's exact version";
    at = skip_comment(lexer, at + digits, true);
    if (!at)
        lexer->why = "a comment that is not closed";
    else
        note_gap(lexer, from, at);
    return at;
}

/* See internal.h. */
void sql_lex_note_token(struct sql_lexer *lexer, const uint8_t *at)
{
    if (lexer->closed.before && !lexer->closed.behind)
        lexer->closed.behind = at;
    if (lexer->executable)
        lexer->last = at;
}

/* Does the kept text start inside of the comment that was closed last? */
static bool kept_from_inside(const struct sql_lexer *lexer)
{
    return lexer->closed.before && lexer->closed.opened < lexer->kept &&
           lexer->closed.before >= lexer->kept;
}

static void note_closed(struct sql_lexer *lexer)
{
    if (!lexer->last || lexer->last < lexer->opened || kept_from_inside(lexer))
        return;
    lexer->closed.opened = lexer->opened;
    lexer->closed.before = lexer->last;
    lexer->closed.behind = NULL;
}

/* See the header. */
struct sql_lexer_span sql_lexer_keeps(struct sql_lexer *lexer, uint32_t offset)
{
    const struct sql_lexer_span outer = {lexer->kept, lexer->closed.opened, lexer->closed.before,
                                         lexer->closed.behind};

    lexer->kept = lexer->start + offset;
    return outer;
}

/* See the header. */
bool sql_lexer_kept(struct sql_lexer *lexer, const struct sql_lexer_span *outer, uint32_t offset)
{
    const bool whole = !kept_from_inside(lexer) || !lexer->closed.behind ||
                       lexer->closed.behind >= lexer->start + offset;

    lexer->kept = outer->kept;
    if (outer->before && outer->opened < outer->kept && outer->before >= outer->kept) {
        lexer->closed.opened = outer->opened;
        lexer->closed.before = outer->before;
        lexer->closed.behind = outer->behind;
    }
    return whole;
}

/* The end of an executable comment at `at`; MySQL puts a blank in its place. */
static void note_end(struct sql_lexer *lexer, const uint8_t *at)
{
    const uint8_t *from = at;

    note_closed(lexer);
    if (lexer->dialect == SQL_MYSQL)
        return;
    while (from[-1] >= '0' && from[-1] <= '9')
        from--;
    const bool empty = from[-1] == '!' && from - lexer->opened <= 4;
    note_gap(lexer, empty ? lexer->opened : at, at + 2);
}

/* Does the server know optimizer hints? In older MariaDB they are comments. */
static bool has_hints(const struct sql_lexer *lexer)
{
    return lexer->dialect == SQL_MYSQL || lexer->version >= 120000;
}

/* The comment from `at` to `end` begins like a hint. Whether the server reads it as one depends on
 * the word before it; this is not looked at here. */
static void note_hint(struct sql_lexer *lexer, const uint8_t *at, const uint8_t *end)
{
    static const struct text word = {"set_var", 7};

    for (const uint8_t *from = at; lexer->hint == 0 && (size_t)(end - from) >= word.length;
         from++) {
        if (text_equal_fold((struct text){(const char *)from, word.length}, word))
            lexer->hint = (uint32_t)(at - lexer->start);
    }
}

/* `at` is at a slash and an asterisk. */
static const uint8_t *long_comment(struct sql_lexer *lexer, const uint8_t *at)
{
    const uint8_t *from = at, *end = lexer->end;

    if (end - at > 2 && at[2] == '!')
        return executable_comment(lexer, at, at + 2, false);
    if (end - at > 3 && at[2] == 'M' && at[3] == '!' && lexer->dialect == SQL_MARIADB)
        return executable_comment(lexer, at, at + 3, true);
    at = skip_comment(lexer, at + 2, false);
    if (!at)
        lexer->why = "a comment that is not closed";
    else if (from[2] == '+' && has_hints(lexer))
        note_hint(lexer, from, at);
    return at;
}

/* Two dashes start a comment if white space, a control character or the end follows. */
static bool dash_comment(struct sql_lexer *lexer, const uint8_t *at)
{
    if (lexer->end - at < 2 || at[1] != '-')
        return false;
    if (lexer->end - at == 2)
        return true;
    uint8_t kind = sql_characters[at[2]];
    if (kind == HIGH && lexer->charset != SQL_UTF8)
        lexer->why = "a byte over 127 where a comment may start";
    return kind == SPACE || kind == CONTROL;
}

/* See the header. */
const uint8_t *sql_lex_comment(struct sql_lexer *lexer, const uint8_t *at)
{
    const uint8_t *end = lexer->end;

    switch (*at) {
    case '#':
        return skip_line(lexer, at + 1);
    case '-':
        return dash_comment(lexer, at) ? skip_line(lexer, at + 1) : at;
    case '/':
        return end - at > 1 && at[1] == '*' ? long_comment(lexer, at) : at;
    case '*':
        if (lexer->executable && end - at > 1 && at[1] == '/') {
            lexer->executable = false;
            note_end(lexer, at);
            return at + 2;
        }
        return at;
    default:
        return at;
    }
}
