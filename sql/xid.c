/* Converts the identifier of an XA transaction, gtrid [, bqual [, format]], to the bytes that the
 * server keeps. The servers compare the bytes of gtrid and bqual. The format does not count: XA
 * START with another format fails because the transaction exists (tried on both), and MariaDB ends
 * it with any format. If the bytes could be others in another character set, there is no result.
 * Called by sql/transaction.c.
 */
#include <string.h>

#include "sql/parser.h"

enum { PART_MAX = 64 };

static int digit_of(char c)
{
    c = text_lower(c);
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* The digits of 0x4142 or x'4142'. False if it is another number. */
static bool hex_digits(struct text written, struct text *digits)
{
    if (written.length > 2 && written.at[0] == '0' && written.at[1] == 'x')
        *digits = (struct text){written.at + 2, written.length - 2};
    else if (written.length >= 3 && text_lower(written.at[0]) == 'x' && written.at[1] == '\'')
        *digits = (struct text){written.at + 2, written.length - 3};
    else
        return false;
    for (size_t i = 0; i < digits->length; i++) {
        if (digit_of(digits->at[i]) > 15)
            return false;
    }
    return true;
}

static bool read_hex(struct text written, char *to, size_t *length)
{
    struct text digits;

    if (!hex_digits(written, &digits) || digits.length > (size_t)2 * PART_MAX)
        return false;
    /* 0x123 means 0x0123; x'123' is an error on the server. */
    const size_t odd = digits.length % 2;
    *length = (digits.length + odd) / 2;
    memset(to, 0, *length);
    for (size_t i = 0; i < digits.length; i++)
        to[(i + odd) / 2] = (char)((uint8_t)to[(i + odd) / 2] << 4 | digit_of(digits.at[i]));
    return true;
}

/* 0b0110, b'0110': zero bits are added on the left to fill whole bytes. */
static bool read_bits(struct text written, char *to, size_t *length)
{
    const bool quoted = written.length >= 3 && text_lower(written.at[0]) == 'b';
    struct text bits = {written.at + 2, written.length - 2 - (quoted ? 1 : 0)};

    if (!quoted && (written.length <= 2 || written.at[0] != '0' || written.at[1] != 'b'))
        return false;
    if (bits.length > (size_t)8 * PART_MAX)
        return false;
    *length = (bits.length + 7) / 8;
    memset(to, 0, *length);
    for (size_t i = 0; i < bits.length; i++) {
        const size_t at = i + *length * 8 - bits.length;
        if (bits.at[i] != '0' && bits.at[i] != '1')
            return false;
        to[at / 8] = (char)((uint8_t)to[at / 8] << 1 | (bits.at[i] - '0'));
    }
    return true;
}

/* An identifier in quotes, only plain ASCII. It has the same bytes in all character sets, except
 * those that lack backslash or brackets, or have two or four bytes per letter: `lossy` tells these.
 */
static bool read_quoted(const struct parser *p, struct text written, char *to, size_t *length)
{
    if (written.length < 2 || (written.at[0] != '\'' && written.at[0] != '"') ||
        p->t.flags & SQL_TOKEN_ESCAPED || p->state->lossy & SQL_LOSSY_SIGNS ||
        p->state->charset == SQL_CHARSET_UNKNOWN || written.length - 2 > PART_MAX)
        return false;
    for (size_t i = 1; i + 1 < written.length; i++) {
        if (written.at[i] < ' ' || written.at[i] > '~' || written.at[i] == '\\')
            return false;
    }
    *length = written.length - 2;
    memcpy(to, written.at + 1, *length);
    return true;
}

void xid_begin(struct xid *xid)
{
    xid->good = true;
    xid->part = 0;
    xid->filled = false;
    xid->lengths[0] = xid->lengths[1] = 0;
}

void xid_read(struct parser *p, struct xid *xid)
{
    const struct text written = {(const char *)p->lexer.start + p->t.offset, p->t.length};
    size_t length = 0;

    if (at_sign(p, ',')) {
        xid->good &= xid->filled && ++xid->part < 3;
        xid->filled = false;
        return;
    }
    xid->good &= !xid->filled;
    xid->filled = true;
    if (!xid->good)
        return;
    if (xid->part == 2) {
        xid->good = p->t.class == SQL_TOKEN_NUMBER;
        return;
    }
    char *to = xid->bytes + xid->lengths[0];
    xid->good = p->t.class == SQL_TOKEN_STRING
                    ? read_quoted(p, written, to, &length)
                    : read_hex(written, to, &length) || read_bits(written, to, &length);
    xid->lengths[xid->part] = (uint8_t)length;
}

struct text xid_end(struct parser *p, const struct xid *xid)
{
    const size_t data = (size_t)xid->lengths[0] + xid->lengths[1];

    if (!xid->good || !xid->filled)
        return (struct text){NULL, 0};
    char *to = take_room(p, 2 + data);
    if (!to)
        return (struct text){NULL, 0};
    to[0] = (char)xid->lengths[0];
    to[1] = (char)xid->lengths[1];
    memcpy(to + 2, xid->bytes, data);
    return (struct text){to, 2 + data};
}
