/* Cuts scripts into statements as the mysql client does; compared with what the clients of MySQL
 * 9.7 and MariaDB 10.11 send. Of SQL it knows only quotes and comments.
 */
#include "sql/script.h"

/* No token that is looked for is longer, except lines of client commands. */
enum { LOOK_AHEAD = 2 * SQL_DELIMITER_SIZE };

enum place {
    CODE,
    SINGLE_QUOTED,
    DOUBLE_QUOTED,
    BACKTICKED,
    DOLLAR_QUOTED,
    LINE_COMMENT,
    BLOCK_COMMENT
};

enum outcome { ADVANCED, STATEMENT, MORE };

void sql_script_init(struct sql_script *script, enum sql_charset charset)
{
    *script = (struct sql_script){.charset = (uint8_t)charset,
                                  .blank = true,
                                  .line_start = true,
                                  .delimiter_length = 1,
                                  .delimiter = ";"};
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool starts_with(struct text t, struct text word)
{
    return t.length >= word.length && memcmp(t.at, word.at, word.length) == 0;
}

static bool between(char c, unsigned char first, unsigned char last)
{
    return (unsigned char)c >= first && (unsigned char)c <= last;
}

/* Is `t` at a two-byte character whose second byte can be a backslash or a quote? A lead byte
 * without a valid second byte is a character of its own. */
static bool is_pair(uint8_t charset, struct text t)
{
    if (t.length < 2 || !((unsigned char)t.at[0] & 0x80))
        return false;
    switch ((enum sql_charset)charset) {
    case SQL_BIG5:
        return between(t.at[0], 0xa1, 0xf9) &&
               (between(t.at[1], 0x40, 0x7e) || between(t.at[1], 0xa1, 0xfe));
    case SQL_GBK:
    case SQL_GB18030:
        return between(t.at[0], 0x81, 0xfe) &&
               (between(t.at[1], 0x40, 0x7e) || between(t.at[1], 0x80, 0xfe));
    case SQL_SJIS:
        return (between(t.at[0], 0x81, 0x9f) || between(t.at[0], 0xe0, 0xfc)) &&
               (between(t.at[1], 0x40, 0x7e) || between(t.at[1], 0x80, 0xfc));
    case SQL_UTF8:
    case SQL_SINGLE_BYTE:
    case SQL_MULTI_BYTE_SAFE:
    case SQL_CHARSET_UNKNOWN:
        return false;
    }
    return false;
}

/* Starts a new statement, `used` bytes into `rest`. */
static void begin_anew(struct sql_script *script, struct text *rest, size_t used)
{
    rest->at += used;
    rest->length -= used;
    script->scanned = 0;
    script->blank = true;
    script->discarding = false;
    script->place = CODE;
}

/* "DELIMITER" and "USE" are followed by a blank or the line's end. */
static bool is_command(struct text line, struct text word)
{
    return line.length >= word.length &&
           text_equal_fold((struct text){line.at, word.length}, word) &&
           (line.length == word.length || is_blank(line.at[word.length]));
}

/* The argument of DELIMITER: up to a blank, or in quotes. If it is empty or has a backslash, the
 * client prints an error and keeps the old delimiter. */
static void set_delimiter(struct sql_script *script, struct text argument)
{
    char quote = argument.length > 0 ? argument.at[0] : 0;
    bool quoted = quote == '\'' || quote == '"' || quote == '`';
    size_t start = quoted ? 1 : 0, end = start;

    while (end < argument.length &&
           (quoted ? argument.at[end] != quote : !is_blank(argument.at[end])))
        end++;
    size_t length = end - start;
    if (length > SQL_DELIMITER_SIZE - 1)
        length = SQL_DELIMITER_SIZE - 1;
    if (length == 0 || memchr(argument.at + start, '\\', length))
        return;
    memcpy(script->delimiter, argument.at + start, length);
    script->delimiter_length = (uint8_t)length;
}

static bool ends_in_line(const struct sql_script *script, struct text line)
{
    struct text delimiter = {script->delimiter, script->delimiter_length};

    for (size_t i = 0; i < line.length; i++) {
        struct text at = {line.at + i, line.length - i};
        if (starts_with(at, delimiter) || starts_with(at, TEXT("\\g")))
            return true;
    }
    return false;
}

/* The other commands that both clients carry out themselves (client/mysql.cc, `commands`), without
 * HELP, which is sent to the server. The short form is a backslash and one of these letters. */
static const char client_letters[] = "!.?cCehnpPqrRsStTwWx#-";
static const struct text client_words[] = {
    {"source",                 6 },
    {"quit",                   4 },
    {"exit",                   4 },
    {"prompt",                 6 },
    {"tee",                    3 },
    {"notee",                  5 },
    {"pager",                  5 },
    {"nopager",                7 },
    {"warnings",               8 },
    {"nowarning",              9 },
    {"status",                 6 },
    {"system",                 6 },
    {"connect",                7 },
    {"charset",                7 },
    {"clear",                  5 },
    {"print",                  5 },
    {"rehash",                 6 },
    {"edit",                   4 },
    {"ego",                    3 },
    {"go",                     2 },
    {"costs",                  5 },
    {"nocosts",                7 },
    {"query_attributes",       16},
    {"sandbox",                7 },
    {"ssl_session_data_print", 22},
    {"resetconnection",        15},
};

static bool is_short_command(struct text t)
{
    return t.length > 1 && t.at[0] == '\\' &&
           memchr(client_letters, t.at[1], sizeof(client_letters) - 1);
}

/* Is `t` one of the words, followed by a blank, the delimiter or the end? */
static bool is_client_command(const struct sql_script *script, struct text t)
{
    struct text delimiter = {script->delimiter, script->delimiter_length};

    for (size_t i = 0; i < sizeof(client_words) / sizeof(client_words[0]); i++) {
        struct text word = client_words[i];
        if (t.length < word.length || !text_equal_fold((struct text){t.at, word.length}, word))
            continue;
        struct text rest = {t.at + word.length, t.length - word.length};
        if (rest.length == 0 || is_blank(rest.at[0]) || starts_with(rest, delimiter))
            return true;
    }
    return false;
}

static bool begins_command(const struct sql_script *script, struct text t)
{
    return is_command(t, TEXT("delimiter")) || is_command(t, TEXT("use")) || is_short_command(t) ||
           is_client_command(script, t);
}

/* Ends a client command: it is the line, or the part of it before the delimiter. */
static enum outcome end_command(struct sql_script *script, struct text *rest, struct text line,
                                struct text *statement)
{
    struct text delimiter = {script->delimiter, script->delimiter_length};
    size_t length = 0, used = script->scanned;

    while (length < line.length &&
           !starts_with((struct text){line.at + length, line.length - length}, delimiter))
        length++;
    used += length == line.length ? length : length + delimiter.length;
    *statement = text_trim((struct text){line.at, length});
    begin_anew(script, rest, used);
    script->command = true;
    return STATEMENT;
}

/* Reads a client command at the start of a line, with only comments before it. */
static enum outcome read_command(struct sql_script *script, struct text *rest, bool last,
                                 struct text *statement)
{
    struct text line = {rest->at + script->scanned, rest->length - script->scanned};
    const char *newline = memchr(line.at, '\n', line.length);

    if (!newline && !last)
        return MORE;
    script->line_start = false;
    line.length = newline ? (size_t)(newline - line.at) : line.length;
    size_t used = script->scanned + line.length;
    if (!is_command(line, TEXT("delimiter")) && !is_command(line, TEXT("use")))
        return end_command(script, rest, line, statement);
    line = text_trim(line);
    if (is_command(line, TEXT("delimiter"))) {
        set_delimiter(script, text_trim((struct text){line.at + 9, line.length - 9}));
        begin_anew(script, rest, used);
        return ADVANCED;
    }
    if (line.length == 3 || ends_in_line(script, line))
        return ADVANCED;
    *statement = text_trim((struct text){rest->at, used});
    begin_anew(script, rest, used);
    return STATEMENT;
}

/* Opens the quote or comment that starts at `at`, if any; returns the length of its opening sign,
 * else 0. */
static size_t open_place(struct sql_script *script, struct text at)
{
    char second = at.length > 1 ? at.at[1] : 0, third = at.length > 2 ? at.at[2] : '\n';
    bool blank = script->blank;

    switch (at.at[0]) {
    case '\'':
        script->place = SINGLE_QUOTED;
        break;
    case '"':
        script->place = DOUBLE_QUOTED;
        break;
    case '`':
        script->place = BACKTICKED;
        break;
    case '#':
        script->place = LINE_COMMENT;
        return 1;
    case '-':
        if (second != '-' || !((unsigned char)third <= ' ' || third == 0x7f || blank))
            return 0;
        script->discarding = (unsigned char)third > ' ' && third != 0x7f;
        script->place = LINE_COMMENT;
        return 2;
    case '/':
        if (second != '*' || third == '!')
            return 0;
        script->place = BLOCK_COMMENT;
        /* MariaDB's own: its client skips `;` in it as in any comment, but sends it */
        script->blank &= !(third == 'M' && at.length > 3 && at.at[3] == '!');
        return 2;
    default:
        return 0;
    }
    script->blank = false;
    return 1;
}

static enum outcome end_statement(struct sql_script *script, struct text *rest, size_t delimiter,
                                  struct text *statement)
{
    bool blank = script->blank;

    *statement = text_trim((struct text){rest->at, script->scanned});
    begin_anew(script, rest, script->scanned + delimiter);
    return blank ? ADVANCED : STATEMENT;
}

static bool is_tag(char c)
{
    char lower = text_lower(c);

    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

/* A dollar sign at `at` opens a string if a tag and another dollar sign follow it and no name is
 * before it. The string ends at the same $tag$. */
static enum outcome read_dollar(struct sql_script *script, struct text at, bool last)
{
    bool in_name = script->scanned > 0 && (is_tag(at.at[-1]) || at.at[-1] == '$');
    size_t length = 1;

    while (length < at.length && is_tag(at.at[length]))
        length++;
    if (length == at.length && !last)
        return MORE;
    script->blank = false;
    if (in_name || length == at.length || at.at[length] != '$') {
        script->scanned++;
        return ADVANCED;
    }
    script->tag = script->scanned;
    script->tag_length = length + 1;
    script->scanned += script->tag_length;
    script->place = DOLLAR_QUOTED;
    return ADVANCED;
}

static enum outcome read_dollar_quoted(struct sql_script *script, const struct text *rest,
                                       bool last)
{
    const char *start = rest->at + script->scanned;
    const char *close =
        memmem(start, rest->length - script->scanned, rest->at + script->tag, script->tag_length);

    if (close) {
        script->scanned = (size_t)(close - rest->at) + script->tag_length;
        script->place = CODE;
        return ADVANCED;
    }
    if (last)
        script->scanned = rest->length;
    else if (rest->length - script->scanned > script->tag_length)
        script->scanned = rest->length - script->tag_length;
    return last ? ADVANCED : MORE;
}

static enum outcome read_code(struct sql_script *script, struct text *rest, bool last,
                              struct text *statement)
{
    struct text at = {rest->at + script->scanned, rest->length - script->scanned};
    char c = at.at[0];

    if (is_blank(c)) {
        script->line_start |= c == '\n';
        script->scanned++;
        return ADVANCED;
    }
    if (script->line_start && script->blank && begins_command(script, at))
        return read_command(script, rest, last, statement);
    script->line_start = false;
    if (starts_with(at, (struct text){script->delimiter, script->delimiter_length}))
        return end_statement(script, rest, script->delimiter_length, statement);
    if (starts_with(at, TEXT("\\g")) || starts_with(at, TEXT("\\G")))
        return end_statement(script, rest, 2, statement);
    if (c == '$' && script->dollar_quotes)
        return read_dollar(script, at, last);
    size_t opened = open_place(script, at);
    if (opened == 0) {
        script->blank = false;
        opened = at.length > 1 && (c == '\\' || is_pair(script->charset, at)) ? 2 : 1;
    }
    script->scanned += opened;
    return ADVANCED;
}

/* The following three functions look for the end of their quote or comment in the next `sure`
 * bytes. More bytes follow these, enough to look ahead. */
static void read_quoted(struct sql_script *script, struct text at, size_t sure, char quote)
{
    size_t i = 0;

    while (i < sure && at.at[i] != quote && at.at[i] != '\\' && !((unsigned char)at.at[i] & 0x80))
        i++;
    script->scanned += i;
    if (i == sure)
        return;
    struct text special = {at.at + i, at.length - i};
    bool escape = special.at[0] == '\\' && quote != '`' && !script->no_backslash_escapes;
    bool pair = special.length > 1 && (escape || is_pair(script->charset, special));
    if (special.at[0] == quote)
        script->place = CODE;
    script->scanned += pair ? 2 : 1;
}

static void read_line_comment(struct sql_script *script, struct text *rest, size_t sure)
{
    const char *start = rest->at + script->scanned;
    const char *newline = memchr(start, '\n', sure);

    script->scanned += newline ? (size_t)(newline - start) : sure;
    if (!newline)
        return;
    script->place = CODE;
    if (script->discarding)
        begin_anew(script, rest, script->scanned);
}

static void read_block_comment(struct sql_script *script, struct text at, size_t sure)
{
    const char *star = memchr(at.at, '*', sure);

    script->scanned += star ? (size_t)(star - at.at) + 1 : sure;
    if (star && star + 1 < at.at + at.length && star[1] == '/') {
        script->scanned++;
        script->place = CODE;
    }
}

static enum outcome step(struct sql_script *script, struct text *rest, bool last,
                         struct text *statement)
{
    struct text at = {rest->at + script->scanned, rest->length - script->scanned};
    size_t sure = last ? at.length : at.length - LOOK_AHEAD;

    switch ((enum place)script->place) {
    case CODE:
        return read_code(script, rest, last, statement);
    case SINGLE_QUOTED:
        read_quoted(script, at, sure, '\'');
        break;
    case DOUBLE_QUOTED:
        read_quoted(script, at, sure, '"');
        break;
    case BACKTICKED:
        read_quoted(script, at, sure, '`');
        break;
    case DOLLAR_QUOTED:
        return read_dollar_quoted(script, rest, last);
    case LINE_COMMENT:
        read_line_comment(script, rest, sure);
        break;
    case BLOCK_COMMENT:
        read_block_comment(script, at, sure);
        break;
    }
    return ADVANCED;
}

bool sql_script_next(struct sql_script *script, struct text *rest, bool last,
                     struct text *statement)
{
    size_t margin = last ? 0 : LOOK_AHEAD;

    script->command = false;
    while (script->scanned + margin < rest->length) {
        enum outcome outcome = step(script, rest, last, statement);
        if (outcome != ADVANCED)
            return outcome == STATEMENT;
    }
    /* A comment that is not closed is an error on the server, so it is not skipped. */
    if (last && script->place == BLOCK_COMMENT)
        script->blank = false;
    return last && rest->length > 0 && end_statement(script, rest, 0, statement) == STATEMENT;
}
