/* The table of keys, finding a key in it, and printing it for the reference. Knows nothing of
 * values. */
#include "config/keys.h"

#include <string.h>

#include "config/config.h"

#define NONE     NULL
#define REQUIRED ""
#define RELOAD   true
#define RESTART  false
#define REPEAT   true
#define ONCE     false

/* The struct that has a section's fields. */
#define STRUCT_PROXY    config
#define STRUCT_POLICY   config
#define STRUCT_TLS      config
#define STRUCT_LOG      config
#define STRUCT_UPSTREAM config_upstream
#define STRUCT_SERVICE  config_service
#define STRUCT_GRANT    config_grant
#define STRUCT_EDGE     config_edge
#define STRUCT_MOVE     config_move

#define KEY(in, key, is, where, otherwise, at_least, at_most, reload, repeat, what)                \
    {.section = SECTION_##in,                                                                      \
     .name = key,                                                                                  \
     .type = KEY_##is,                                                                             \
     .field = offsetof(struct STRUCT_##in, where),                                                 \
     .fallback = otherwise,                                                                        \
     .least = at_least,                                                                            \
     .most = at_most,                                                                              \
     .reloadable = reload,                                                                         \
     .repeatable = repeat,                                                                         \
     .help = what},

const struct key config_keys[] = {
#include "config/keys.def"
};
const size_t config_key_count = sizeof(config_keys) / sizeof(config_keys[0]);

static const struct {
    const char *word, *form, *help;
    bool includable;
} sections[SECTION_COUNT] = {
    [SECTION_PROXY] = {"proxy",    "[proxy]",            "the process as a whole",                         false},
    [SECTION_POLICY] = {"policy",   "[policy]",           "what holds where nothing closer says otherwise",
                       false                                                                                    },
    [SECTION_TLS] = {"tls",      "[tls]",              "the clients' side",                              false},
    [SECTION_LOG] = {"log",      "[log]",              "the record of violations",                       false},
    [SECTION_UPSTREAM] = {"upstream", "[upstream:NAME]",    "a MySQL or MariaDB server",                      false},
    [SECTION_SERVICE] = {"service",  "[service:NAME]",     "who the client is, and its silo",                true },
    [SECTION_GRANT] = {"grant",    "[grant:NAME]",       "a permission for one service",                   true },
    [SECTION_EDGE] = {"edge",     "[edge:USER->OWNER]", "an ordered pair of services",                    true },
    [SECTION_MOVE] = {"move",     "[move:NAME]",
                       "tables into their owner's database, or a database to another server",              true },
};

const struct key *key_find(enum config_section section, struct text name)
{
    for (size_t i = 0; i < config_key_count; i++) {
        if (config_keys[i].section == section && text_equal(text_of(config_keys[i].name), name))
            return &config_keys[i];
    }
    return NULL;
}

const char *section_word(enum config_section section)
{
    return sections[section].word;
}

const char *section_form(enum config_section section)
{
    return sections[section].form;
}

bool section_includable(enum config_section section)
{
    return sections[section].includable;
}

enum { NEAREST_MAX = 64 };

/* Levenshtein's distance, without case: how many characters must be inserted, removed or changed
 * to turn one text into the other. */
static size_t distance(struct text a, struct text b)
{
    size_t row[NEAREST_MAX + 1];

    for (size_t j = 0; j <= b.length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.length; j++) {
            size_t change = diagonal + (text_lower(a.at[i - 1]) != text_lower(b.at[j - 1]));
            size_t least = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < least ? change : least;
        }
    }
    return row[b.length];
}

struct text nearest(struct text wrong, const struct text *words, size_t count)
{
    struct text best = {NULL, 0};
    size_t least = wrong.length / 3 + 1;

    if (wrong.length > NEAREST_MAX)
        return best;
    for (size_t i = 0; i < count; i++) {
        if (words[i].length > NEAREST_MAX)
            continue;
        size_t far = distance(wrong, words[i]);
        if (far <= least && (!best.at || far < least)) {
            best = words[i];
            least = far;
        }
    }
    return best;
}

static void print_default(FILE *to, const struct key *key)
{
    if (!key->fallback)
        fputs("-", to);
    else if (!*key->fallback)
        fputs("must be set", to);
    else
        fprintf(to, "`%s`", key->fallback);
}

void keys_print(FILE *to)
{
    int section = -1;

    for (size_t i = 0; i < config_key_count; i++) {
        const struct key *key = &config_keys[i];
        if ((int)key->section != section) {
            section = (int)key->section;
            fprintf(to, "%s### %s: %s\n\n", i ? "\n" : "", sections[section].form,
                    sections[section].help);
            fputs("| key | default | reload | meaning |\n|---|---|---|---|\n", to);
        }
        fprintf(to, "| `%s`%s | ", key->name, key->repeatable ? " (repeatable)" : "");
        print_default(to, key);
        fprintf(to, " | %s | %s", key->reloadable ? "yes" : "restart", key->help);
        if (value_words(key->type))
            fprintf(to, " (%s)", value_words(key->type));
        fputs(" |\n", to);
    }
}
