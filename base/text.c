/* Runs of bytes: comparing, trimming, numbers, hashing. Called from everywhere. */
#include "base/text.h"

#include <limits.h>

bool text_equal_fold(struct text a, struct text b)
{
    if (a.length != b.length)
        return false;
    for (size_t i = 0; i < a.length; i++) {
        if (text_lower(a.at[i]) != text_lower(b.at[i]))
            return false;
    }
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct text text_trim(struct text t)
{
    while (t.length > 0 && is_space(t.at[0])) {
        t.at++;
        t.length--;
    }
    while (t.length > 0 && is_space(t.at[t.length - 1]))
        t.length--;
    return t;
}

bool text_number(struct text t, uint64_t *number)
{
    uint64_t value = 0;

    if (t.length == 0)
        return false;
    for (size_t i = 0; i < t.length; i++) {
        if (t.at[i] < '0' || t.at[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(t.at[i] - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *number = value;
    return true;
}

/* FNV-1a over the bytes, then the finalizer of splitmix64 so that the low bits are good for tables.
 */
uint64_t text_hash(struct text t, uint64_t seed, bool fold)
{
    uint64_t hash = 0xcbf29ce484222325u ^ seed;

    for (size_t i = 0; i < t.length; i++) {
        char c = fold ? text_lower(t.at[i]) : t.at[i];
        hash = (hash ^ (uint8_t)c) * 0x100000001b3u;
    }
    hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9u;
    hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebu;
    return hash ^ (hash >> 31);
}

size_t text_character(struct text t)
{
    const unsigned char *bytes = (const unsigned char *)t.at;
    unsigned char first = t.length > 0 ? bytes[0] : 0xff;
    size_t length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

    if (first > 0xf4 || length > t.length)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((first == 0xe0 && bytes[1] < 0xa0) || (first == 0xed && bytes[1] > 0x9f) ||
        (first == 0xf0 && bytes[1] < 0x90) || (first == 0xf4 && bytes[1] > 0x8f))
        return 0;
    return length;
}

bool text_is_unfit(struct text character)
{
    static const char *const unfit[] = {
        "\xd8\x9c",                                                     /* U+061C */
        "\xe2\x80\x8b",                                                 /* U+200B */
        "\xe2\x80\x8e", "\xe2\x80\x8f",                                 /* U+200E, U+200F */
        "\xe2\x80\xa8", "\xe2\x80\xa9",                                 /* U+2028, U+2029 */
        "\xe2\x80\xaa", "\xe2\x80\xab", "\xe2\x80\xac", "\xe2\x80\xad", /* U+202A ... */
        "\xe2\x80\xae", "\xe2\x81\xa0",                                 /* U+202E, U+2060 */
        "\xe2\x81\xa6", "\xe2\x81\xa7", "\xe2\x81\xa8", "\xe2\x81\xa9", /* U+2066 ... */
        "\xef\xbb\xbf", "\xef\xbf\xb9", "\xef\xbf\xba", "\xef\xbf\xbb", /* U+FEFF, U+FFF9 ... */
    };
    unsigned char first = character.length > 0 ? (unsigned char)character.at[0] : 0;

    if (character.length <= 1)
        return first < 0x20 || first == 0x7f;
    if (character.length == 2 && first == 0xc2)
        return (unsigned char)character.at[1] < 0xa0;
    if (character.length == 4) /* U+E0000 to U+E007F: invisible tags */
        return memcmp(character.at, "\xf3\xa0\x80\x80", 4) >= 0 &&
               memcmp(character.at, "\xf3\xa0\x81\xbf", 4) <= 0;
    for (size_t i = 0; i < sizeof(unfit) / sizeof(unfit[0]); i++) {
        if (text_equal(character, text_of(unfit[i])))
            return true;
    }
    return false;
}

const char *text_packer(struct text start)
{
    static const struct {
        struct text magic;
        const char *program;
    } packers[] = {
        {{"\xfd"
          "7zXZ",
          5},
         "xz"                            },
        {{"\x28\xb5\x2f\xfd", 4}, "zstd" },
        {{"BZh", 3},              "bzip2"},
        {{"\x04\x22\x4d\x18", 4}, "lz4"  },
        {{"PK\x03\x04", 4},       "unzip"},
    };

    for (size_t i = 0; i < sizeof(packers) / sizeof(packers[0]); i++) {
        struct text magic = packers[i].magic;
        if (start.length >= magic.length && memcmp(start.at, magic.at, magic.length) == 0)
            return packers[i].program;
    }
    return NULL;
}

void text_put(struct text t, FILE *to)
{
    for (size_t i = 0, size; i < t.length; i += size) {
        size = text_character((struct text){t.at + i, t.length - i});
        bool unfit = size == 0 || text_is_unfit((struct text){t.at + i, size});
        unfit = unfit && t.at[i] != '\n' && t.at[i] != '\t';
        size = size > 0 ? size : 1;
        fwrite(unfit ? "?" : t.at + i, 1, unfit ? 1 : size, to);
    }
}

size_t text_piece(const char *from, size_t size)
{
    const size_t most = size < PIPE_BUF ? size : PIPE_BUF;
    const char *end = memrchr(from, '\n', most);

    return end ? (size_t)(end - from) + 1 : most;
}
