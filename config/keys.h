/* The table of keys, and the functions that read values by it. Private to config/, except what
 * `silogate check --keys` and the tests need.
 */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H

#include <glob.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"

enum config_section {
    SECTION_PROXY,
    SECTION_POLICY,
    SECTION_TLS,
    SECTION_LOG,
    SECTION_UPSTREAM, /* from here on a section has a name: [upstream:main] */
    SECTION_SERVICE,
    SECTION_GRANT,
    SECTION_EDGE,
    SECTION_MOVE,
    SECTION_COUNT
};

enum key_type {
    KEY_TEXT,
    KEY_FILE,     /* a path; made absolute with the ini's folder */
    KEY_NAME,     /* of a service or an upstream */
    KEY_DATABASE, /* of a schema, without wildcards */
    KEY_NAMES,    /* lists of texts */
    KEY_DATABASES,
    KEY_PATTERNS,
    KEY_OUTPUTS,  /* a path, stdout or syslog */
    KEY_INCLUDES, /* a path with *, ? and [] */
    KEY_NUMBER,
    KEY_WORKERS,  /* a number, or auto, which is 0 */
    KEY_SIZE,     /* K, M, G */
    KEY_DURATION, /* ms, s, m, h, d */
    KEY_ADDRESS,  /* or off */
    KEY_ADDRESSES,
    KEY_NETWORKS,
    KEY_DATE,
    KEY_ACCESS,
    KEY_MODE, /* from here on the value is one of some words */
    KEY_AS_MODE,
    KEY_ACTION,
    KEY_GREETING,
    KEY_UNKNOWN_USER,
    KEY_CLIENT_TLS,
    KEY_UPSTREAM_TLS,
    KEY_TLS_VERSION,
    KEY_STATEMENT,
    KEY_LOG_FORMAT,
    KEY_LOG_LEVEL,
    KEY_PROXY_PROTOCOL,
    KEY_ALIAS,
    KEY_COMPRESSION,
    KEY_CERTIFICATE,
    KEY_FOLDER,
};

struct key {
    enum config_section section;
    const char *name;
    enum key_type type;
    size_t field; /* offset in struct config, or in the section's own struct */
    /* the default as it would be written; NULL: none; "": the key must be there */
    const char *fallback;
    int64_t least, most;
    bool reloadable, repeatable;
    const char *help;
};

extern const struct key config_keys[];
extern const size_t config_key_count;

const struct key *key_find(enum config_section section, struct text name);
/* "proxy", "upstream" */
const char *section_word(enum config_section section);
/* "[proxy]", "[upstream:NAME]", "[edge:USER->OWNER]" */
const char *section_form(enum config_section section);
/* May it stand in a file that proxy.ini includes? */
bool section_includable(enum config_section section);
static inline bool section_has_name(enum config_section section)
{
    return section >= SECTION_UPSTREAM;
}

/* The word of `words` that is most similar to `wrong`; none, if none is similar enough. */
struct text nearest(struct text wrong, const struct text *words, size_t count);

/* Prints one Markdown table for each section: key, default, reload, meaning. */
void keys_print(FILE *to);

/* Reads `value` into the key's field of the struct at `base`; a repeatable key's value is added to
 * the list there. False: the value is wrong, and `why` says "what is wrong; what to write
 * instead". */
struct value_place {
    struct arena *arena;
    struct text folder; /* of the ini, for relative paths */
    unsigned line;
};
bool value_read(const struct key *key, void *base, struct text value,
                const struct value_place *place, struct error *why);
/* Makes room for one more item in an array of the arena, whose size is a power of two. The array's
 * address, which may be a new one. */
void *items_add(struct arena *arena, void *items, size_t *count, size_t size);
/* "off, log or block"; NULL where the type has no words. */
const char *value_words(enum key_type type);

/* Addresses, networks and dates (config/address.c). */
struct config_address;
struct config_network;
bool address_read(struct text value, struct arena *arena, struct config_address *address,
                  struct error *why);
bool network_read(struct text value, struct config_network *network, struct error *why);
bool date_read(struct text value, int32_t *day, struct error *why);

/* Sets `to` to `value` with each ${NAME} replaced by the environment's variable; in the arena, if
 * it differs (config/environment.c). */
bool environment_expand(struct arena *arena, struct text value, struct text *to, struct error *why);

/* The files (config/files.c). */
struct config;
struct config_files;
struct config_problems;
struct config_text;
void files_add(struct arena *arena, struct config_files *files, struct text path, unsigned before);
/* The files that an include line matches, sorted by name. False: there is none, and the problem
 * was added. include_done must be called in both cases. */
struct include_match {
    glob_t found;
    size_t count;
};
bool include_find(const struct config_text *include, struct include_match *match,
                  struct config_problems *problems);
void include_done(struct include_match *match);
/* Opens a regular file. NULL: it is none or cannot be opened, see `why`. */
FILE *include_open(const char *path, struct stat *status, struct error *why);

/* The checks of the whole configuration (config/check.c). */
void config_check(struct config *config, struct config_problems *problems);
void config_check_moves(struct config *config, struct config_problems *problems);

#endif
