/* Turns the text of a value into the key's field, by the key's type. Says what is wrong with a
 * value, but not on which line: the caller adds that. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "config/keys.h"

enum { WORDS_MAX = 5, USER_MAX = 128, NAME_MAX_CHARACTERS = 64 };

/* The words of each type that has words, those of one type together. */
static const struct word {
    const char *word;
    enum key_type type;
    int value;
} words[] = {
    {"off",             KEY_MODE,           CONFIG_OFF                },
    {"log",             KEY_MODE,           CONFIG_LOG                },
    {"block",           KEY_MODE,           CONFIG_BLOCK              },
    {"mode",            KEY_AS_MODE,        CONFIG_AS_MODE            },
    {"allow",           KEY_AS_MODE,        CONFIG_ALLOW              },
    {"log",             KEY_AS_MODE,        CONFIG_LOG                },
    {"block",           KEY_AS_MODE,        CONFIG_BLOCK              },
    {"allow",           KEY_ACTION,         CONFIG_ALLOW              },
    {"log",             KEY_ACTION,         CONFIG_LOG                },
    {"block",           KEY_ACTION,         CONFIG_BLOCK              },
    {"own",             KEY_GREETING,       CONFIG_GREETING_OWN       },
    {"upstream",        KEY_GREETING,       CONFIG_GREETING_UPSTREAM  },
    {"reject",          KEY_UNKNOWN_USER,   CONFIG_REJECT             },
    {"pass",            KEY_UNKNOWN_USER,   CONFIG_PASS               },
    {"off",             KEY_CLIENT_TLS,     CONFIG_TLS_OFF            },
    {"preferred",       KEY_CLIENT_TLS,     CONFIG_TLS_PREFERRED      },
    {"required",        KEY_CLIENT_TLS,     CONFIG_TLS_REQUIRED       },
    {"off",             KEY_UPSTREAM_TLS,   CONFIG_TLS_OFF            },
    {"preferred",       KEY_UPSTREAM_TLS,   CONFIG_TLS_PREFERRED      },
    {"required",        KEY_UPSTREAM_TLS,   CONFIG_TLS_REQUIRED       },
    {"verify_ca",       KEY_UPSTREAM_TLS,   CONFIG_TLS_VERIFY_CA      },
    {"verify_identity", KEY_UPSTREAM_TLS,   CONFIG_TLS_VERIFY_IDENTITY},
    {"1.2",             KEY_TLS_VERSION,    0                         },
    {"1.3",             KEY_TLS_VERSION,    0                         },
    {"text",            KEY_LOG_FORMAT,     CONFIG_LOG_TEXT           },
    {"json",            KEY_LOG_FORMAT,     CONFIG_LOG_JSON           },
    {"error",           KEY_LOG_LEVEL,      0                         },
    {"warning",         KEY_LOG_LEVEL,      1                         },
    {"notice",          KEY_LOG_LEVEL,      2                         },
    {"debug",           KEY_LOG_LEVEL,      3                         },
    {"normalized",      KEY_STATEMENT,      CONFIG_NORMALIZED         },
    {"full",            KEY_STATEMENT,      CONFIG_FULL               },
    {"none",            KEY_STATEMENT,      CONFIG_NO_STATEMENT       },
    {"off",             KEY_PROXY_PROTOCOL, CONFIG_PROXY_OFF          },
    {"v1",              KEY_PROXY_PROTOCOL, CONFIG_PROXY_V1           },
    {"v2",              KEY_PROXY_PROTOCOL, CONFIG_PROXY_V2           },
    {"view",            KEY_ALIAS,          CONFIG_ALIAS_VIEW         },
    {"none",            KEY_ALIAS,          CONFIG_ALIAS_NONE         },
    {"off",             KEY_COMPRESSION,    CONFIG_COMPRESSION_OFF    },
    {"zlib",            KEY_COMPRESSION,    CONFIG_COMPRESSION_ZLIB   },
    {"zstd",            KEY_COMPRESSION,    CONFIG_COMPRESSION_ZSTD   },
    {"read",            KEY_ACCESS,         1                         },
    {"write",           KEY_ACCESS,         2                         },
    {"define",          KEY_ACCESS,         4                         },
    {"execute",         KEY_ACCESS,         8                         },
    {"all",             KEY_ACCESS,         15                        },
};

/* The first word of `type`, and the number of its words. */
static const struct word *words_of(enum key_type type, size_t *count)
{
    const struct word *first = NULL;

    *count = 0;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (words[i].type != type)
            continue;
        if (!first)
            first = &words[i];
        *count += 1;
    }
    return first;
}

const char *value_words(enum key_type type)
{
    static _Thread_local char list[80];
    size_t length = 0, count;
    const struct word *first = words_of(type, &count);

    for (size_t i = 0; i < count; i++)
        length += (size_t)snprintf(list + length, sizeof(list) - length, "%s%s",
                                   i == 0          ? ""
                                   : i + 1 < count ? ", "
                                                   : " or ",
                                   first[i].word);
    return first ? list : NULL;
}

static bool read_word(enum key_type type, struct text value, int *to, struct error *why)
{
    struct text all[WORDS_MAX];
    size_t count;
    const struct word *first = words_of(type, &count);

    for (size_t i = 0; i < count; i++) {
        all[i] = text_of(first[i].word);
        if (text_equal(all[i], value)) {
            *to = first[i].value;
            return true;
        }
    }
    struct text meant = nearest(value, all, count);
    if (meant.at)
        return error_set(why, "no such word; did you mean %s? It can be %s", meant.at,
                         value_words(type));
    return error_set(why, "no such word; write %s", value_words(type));
}

/* A unit of a number. A list of units ends with the factor 0. */
struct unit {
    const char *name;
    int64_t factor;
};

static bool read_units(struct text value, const struct unit *units, int64_t *to)
{
    uint64_t number;
    size_t digits = 0;

    while (digits < value.length && value.at[digits] >= '0' && value.at[digits] <= '9')
        digits++;
    struct text unit = text_trim((struct text){value.at + digits, value.length - digits});
    if (!text_number((struct text){value.at, digits}, &number))
        return false;
    for (; units->factor; units++) {
        if (!text_equal(text_of(units->name), unit))
            continue;
        *to = number > (uint64_t)(INT64_MAX / units->factor) ? INT64_MAX
                                                             : (int64_t)number * units->factor;
        return true;
    }
    return false;
}

static const struct unit durations[] = {
    {"ms", 1       },
    {"s",  1000    },
    {"m",  60000   },
    {"h",  3600000 },
    {"d",  86400000},
    {NULL, 0       }
};
static const struct unit sizes[] = {
    {"",   1      },
    {"K",  1 << 10},
    {"M",  1 << 20},
    {"G",  1 << 30},
    {NULL, 0      }
};
static const struct unit counts[] = {
    {"",   1},
    {NULL, 0}
};

/* For messages: the number in the largest unit that divides it. */
static const char *write_units(int64_t number, const struct unit *units, char *to, size_t size)
{
    const struct unit *best = units;

    for (; units->factor; units++) {
        if (number && number % units->factor == 0)
            best = units;
    }
    assert(best->factor > 0);
    snprintf(to, size, "%lld%s", (long long)(number / best->factor), best->name);
    return to;
}

static bool read_number(const struct key *key, struct text value, int64_t *to, struct error *why)
{
    const struct unit *units = key->type == KEY_DURATION ? durations
                               : key->type == KEY_SIZE   ? sizes
                                                         : counts;
    char least[32], most[32];

    if (key->type == KEY_WORKERS && text_equal(value, TEXT("auto"))) {
        *to = 0;
        return true;
    }
    if (text_equal(value, TEXT("0")))
        *to = 0;
    else if (!read_units(value, units, to))
        return error_set(
            why, "%s",
            key->type == KEY_DURATION  ? "no duration; write a number with ms, s, m, h or d, "
                                         "such as 5s"
            : key->type == KEY_SIZE    ? "no size; write a number of bytes, or with K, M or "
                                         "G, such as 64M"
            : key->type == KEY_WORKERS ? "no number; write one such as 4, or auto"
                                       : "no number; write one such as 200");
    if (*to < key->least || *to > key->most)
        return error_set(why, "out of range; write something from %s to %s",
                         write_units(key->least, units, least, sizeof(least)),
                         write_units(key->most, units, most, sizeof(most)));
    return true;
}

static size_t characters(struct text value)
{
    size_t count = 0;

    for (size_t i = 0; i < value.length; i++)
        count += ((unsigned char)value.at[i] & 0xc0) != 0x80;
    return count;
}

static bool text_check(enum key_type type, struct text value, struct error *why)
{
    if (type == KEY_NAMES && value.length > USER_MAX)
        return error_set(why, "longer than any user's name; write at most %d bytes", USER_MAX);
    if (type != KEY_DATABASE && type != KEY_DATABASES)
        return true;
    if (characters(value) > NAME_MAX_CHARACTERS)
        return error_set(why, "longer than any schema's name; write at most %d characters",
                         NAME_MAX_CHARACTERS);
    if (memchr(value.at, '*', value.length))
        return error_set(why, "one schema, without wildcards, is meant here; write its name");
    return true;
}

/* The text that is kept: a relative path is put behind the ini's folder. */
static struct text text_kept(enum key_type type, struct text value, const struct value_place *place)
{
    bool is_path = type == KEY_FILE || type == KEY_FOLDER || type == KEY_INCLUDES ||
                   (type == KEY_CERTIFICATE && !text_equal(value, TEXT("auto"))) ||
                   (type == KEY_OUTPUTS && !text_equal(value, TEXT("stdout")) &&
                    !text_equal(value, TEXT("syslog")));

    if (!is_path || value.at[0] == '/' || place->folder.length == 0)
        return arena_text(place->arena, value);
    size_t length = place->folder.length + 1 + value.length;
    char *path = arena_take(place->arena, length + 1);
    memcpy(path, place->folder.at, place->folder.length);
    path[place->folder.length] = '/';
    memcpy(path + place->folder.length + 1, value.at, value.length);
    return (struct text){path, length};
}

void *items_add(struct arena *arena, void *items, size_t *count, size_t size)
{
    char *kept = items;

    if ((*count & (*count - 1)) == 0) {
        kept = arena_take(arena, (*count ? *count * 2 : 1) * size);
        if (*count)
            memcpy(kept, items, *count * size);
    }
    *count += 1;
    return kept;
}

static bool read_list(const struct key *key, struct config_list *list, struct text value,
                      const struct value_place *place, struct error *why)
{
    if (!text_check(key->type, value, why))
        return false;
    list->items = items_add(place->arena, list->items, &list->count, sizeof(*list->items));
    list->items[list->count - 1] =
        (struct config_text){text_kept(key->type, value, place), place->line};
    return true;
}

static bool read_addresses(struct config_addresses *list, struct text value,
                           const struct value_place *place, struct error *why)
{
    struct config_address address = {.line = place->line};

    if (!address_read(value, place->arena, &address, why))
        return false;
    list->items = items_add(place->arena, list->items, &list->count, sizeof(*list->items));
    list->items[list->count - 1] = address;
    return true;
}

/* `config` is the key's struct, because the key is in [proxy] only. */
static bool read_network(struct config *config, struct text value, const struct value_place *place,
                         struct error *why)
{
    struct config_network network = {.line = place->line};

    if (!network_read(value, &network, why))
        return false;
    config->proxy.proxy_protocol_from =
        items_add(place->arena, config->proxy.proxy_protocol_from,
                  &config->proxy.proxy_protocol_from_count, sizeof(network));
    config->proxy.proxy_protocol_from[config->proxy.proxy_protocol_from_count - 1] = network;
    return true;
}

static bool read_address(struct config_address *address, struct text value,
                         const struct value_place *place, struct error *why)
{
    address->line = place->line;
    return text_equal(value, TEXT("off")) || address_read(value, place->arena, address, why);
}

static bool read_date(struct config_date *date, struct text value, const struct value_place *place,
                      struct error *why)
{
    if (!date_read(value, &date->day, why))
        return false;
    date->line = place->line;
    date->written = arena_text(place->arena, value);
    return true;
}

static bool read_text(enum key_type type, struct config_text *text, struct text value,
                      const struct value_place *place, struct error *why)
{
    int word;

    if (type == KEY_TLS_VERSION && !read_word(type, value, &word, why))
        return false;
    if (!text_check(type, value, why))
        return false;
    *text = (struct config_text){text_kept(type, value, place), place->line};
    return true;
}

/* Each access keeps the first line that has it. */
static bool read_access(struct config_access *access, struct text value,
                        const struct value_place *place, struct error *why)
{
    int bits = 0;

    if (!read_word(KEY_ACCESS, value, &bits, why))
        return false;
    for (unsigned i = 0; i < sizeof(access->lines) / sizeof(access->lines[0]); i++) {
        if ((uint8_t)bits & ~access->bits & 1u << i)
            access->lines[i] = place->line;
    }
    access->bits |= (uint8_t)bits;
    return true;
}

bool value_read(const struct key *key, void *base, struct text value,
                const struct value_place *place, struct error *why)
{
    void *field = (char *)base + key->field;

    switch (key->type) {
    case KEY_TLS_VERSION:
    case KEY_TEXT:
    case KEY_FILE:
    case KEY_FOLDER:
    case KEY_CERTIFICATE:
    case KEY_NAME:
    case KEY_DATABASE:
        return read_text(key->type, field, value, place, why);
    case KEY_NAMES:
    case KEY_DATABASES:
    case KEY_PATTERNS:
    case KEY_OUTPUTS:
    case KEY_INCLUDES:
        return read_list(key, field, value, place, why);
    case KEY_NUMBER:
    case KEY_WORKERS:
    case KEY_SIZE:
    case KEY_DURATION:
        ((struct config_number *)field)->line = place->line;
        return read_number(key, value, &((struct config_number *)field)->value, why);
    case KEY_ADDRESS:
        return read_address(field, value, place, why);
    case KEY_ADDRESSES:
        return read_addresses(field, value, place, why);
    case KEY_NETWORKS:
        return read_network(base, value, place, why);
    case KEY_DATE:
        return read_date(field, value, place, why);
    case KEY_ACCESS:
        return read_access(field, value, place, why);
    case KEY_MODE:
    case KEY_AS_MODE:
    case KEY_ACTION:
    case KEY_GREETING:
    case KEY_UNKNOWN_USER:
    case KEY_CLIENT_TLS:
    case KEY_UPSTREAM_TLS:
    case KEY_STATEMENT:
    case KEY_LOG_FORMAT:
    case KEY_LOG_LEVEL:
    case KEY_PROXY_PROTOCOL:
    case KEY_ALIAS:
    case KEY_COMPRESSION:
        ((struct config_choice *)field)->line = place->line;
        return read_word(key->type, value, &((struct config_choice *)field)->value, why);
    }
    return error_set(why, "a key without a type");
}
