/* Any bytes, cut into statements at once and with the bytes arriving in two pieces: the same
 * statements come out, in order, each a piece of the text.
 */
#include "sql/script.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Joins the statements into `to`, each with a NUL behind it. */
static void take(struct sql_script *script, struct text *rest, bool last, struct copy *to)
{
    struct text statement;

    while (sql_script_next(script, rest, last, &statement)) {
        if (statement.length == 0)
            broken("statements are not empty", *rest, statement);
        copy_add(to, statement.at, statement.length);
        copy_add(to, "", 1);
    }
}

static void begin(struct sql_script *script, const uint8_t *bytes)
{
    sql_script_init(script, (enum sql_charset)(bytes[2] & 7));
    script->dollar_quotes = bytes[1] & 0x80;
    script->no_backslash_escapes = bytes[1] & SQL_NO_BACKSLASH_ESCAPES;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < CHOICES || size > LONGEST)
        return 0;
    struct copy copy = {0}, whole = {0}, pieces = {0};
    struct sql_script script;

    copy_add(&copy, (const char *)bytes + CHOICES, size - CHOICES);
    struct text text = copy_seal(&copy), rest = text;
    begin(&script, bytes);
    take(&script, &rest, true, &whole);
    if (rest.length != 0)
        broken("all is read", text, rest);

    size_t first = text.length ? bytes[0] * text.length / 255 : 0;
    struct copy start = {0};
    copy_add(&start, text.at, first);
    rest = copy_seal(&start);
    begin(&script, bytes);
    take(&script, &rest, false, &pieces);
    struct text all = {text.at + first - rest.length, text.length - first + rest.length};
    take(&script, &all, true, &pieces);
    if (!text_equal((struct text){whole.at, whole.length}, (struct text){pieces.at, pieces.length}))
        broken("bytes that come in two pieces", text, (struct text){pieces.at, pieces.length});
    free(copy.at);
    free(start.at);
    free(whole.at);
    free(pieces.at);
    return 0;
}
