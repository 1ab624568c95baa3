/* JSON output: escapes and numbers. It never writes an invalid byte or a character that could
 * control a terminal.
 */
#include "base/json.h"

#include <string.h>

void json_raw(struct json *json, struct text t)
{
    if (json->full || t.length > json->size - json->length) {
        json->full = true;
        return;
    }
    if (t.length)
        memcpy(json->at + json->length, t.at, t.length);
    json->length += t.length;
}

/* As \uXXXX: a JSON reader gets the same string, and a terminal sees no control character. */
static void put_unfit(struct json *json, struct text character)
{
    static const char hex[] = "0123456789abcdef";
    const unsigned char *c = (const unsigned char *)character.at;
    unsigned long code =
        character.length == 2 ? (c[0] & 31ul) << 6 | (c[1] & 63u)
        : character.length == 3
            ? (c[0] & 15ul) << 12 | (c[1] & 63ul) << 6 | (c[2] & 63u)
            : (c[0] & 7ul) << 18 | (c[1] & 63ul) << 12 | (c[2] & 63ul) << 6 | (c[3] & 63u);
    const unsigned long units[] = {code < 0x10000 ? code : 0xd800 + ((code - 0x10000) >> 10),
                                   0xdc00 + ((code - 0x10000) & 0x3ff)};

    for (int i = 0; i < (code < 0x10000 ? 1 : 2); i++) {
        char escape[6] = {'\\',
                          'u',
                          hex[units[i] >> 12 & 15],
                          hex[units[i] >> 8 & 15],
                          hex[units[i] >> 4 & 15],
                          hex[units[i] & 15]};
        json_raw(json, (struct text){escape, sizeof(escape)});
    }
}

static void put_escaped(struct json *json, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    char escape[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

    switch (c) {
    case '"':
        json_raw(json, TEXT("\\\""));
        break;
    case '\\':
        json_raw(json, TEXT("\\\\"));
        break;
    case '\n':
        json_raw(json, TEXT("\\n"));
        break;
    case '\t':
        json_raw(json, TEXT("\\t"));
        break;
    default:
        json_raw(json, (struct text){escape, sizeof(escape)});
    }
}

void json_text(struct json *json, struct text t)
{
    size_t start = 0;

    json_raw(json, TEXT("\""));
    for (size_t i = 0; i < t.length;) {
        unsigned char c = (unsigned char)t.at[i];
        size_t length = text_character((struct text){t.at + i, t.length - i});
        struct text character = {t.at + i, length};
        bool unfit = c < 0x80 ? c < 0x20 || c == 0x7f : length > 0 && text_is_unfit(character);
        if (length > 0 && !unfit && c != '"' && c != '\\') {
            i += length;
            continue;
        }
        json_raw(json, (struct text){t.at + start, i - start});
        if (length == 0)
            json_raw(json, TEXT("\xef\xbf\xbd"));
        else if (length == 1)
            put_escaped(json, c);
        else
            put_unfit(json, character);
        i += length > 0 ? length : 1;
        start = i;
    }
    json_raw(json, (struct text){t.at + start, t.length - start});
    json_raw(json, TEXT("\""));
}

void json_number(struct json *json, uint64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    json_raw(json, (struct text){digits + at, sizeof(digits) - at});
}

void json_hex(struct json *json, uint64_t number)
{
    static const char hex[] = "0123456789abcdef";
    char digits[18] = {'"'};

    for (int i = 0; i < 16; i++)
        digits[1 + i] = hex[number >> (60 - 4 * i) & 15];
    digits[17] = '"';
    json_raw(json, (struct text){digits, sizeof(digits)});
}

void json_key(struct json *json, const char *key)
{
    char last = json->length ? json->at[json->length - 1] : '{';

    if (last != '{' && last != '[')
        json_raw(json, TEXT(","));
    json_raw(json, TEXT("\""));
    json_raw(json, text_of(key));
    json_raw(json, TEXT("\":"));
}

void json_field(struct json *json, const char *key, struct text value)
{
    json_key(json, key);
    if (value.at)
        json_text(json, value);
    else
        json_raw(json, TEXT("null"));
}
