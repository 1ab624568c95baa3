/* proxy.ini as plain structs with line numbers. It depends on no other room: policy/, router/,
 * tls/ and proxy/ know what the values mean. The keys, their types, defaults and help are one
 * table, config/keys.def.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"

/* A value and its line; line 0: not in the file, the default. All texts end with a NUL. */
struct config_text {
    struct text value;
    unsigned line;
};
struct config_list { /* a repeated key, in the order of the file */
    struct config_text *items;
    size_t count;
};
struct config_number { /* durations in milliseconds, sizes in bytes */
    int64_t value;
    unsigned line;
};
struct config_choice { /* one of the enums below */
    int value;
    unsigned line;
};

enum config_mode { CONFIG_OFF, CONFIG_LOG, CONFIG_BLOCK, CONFIG_ALLOW, CONFIG_AS_MODE };
enum config_greeting { CONFIG_GREETING_OWN, CONFIG_GREETING_UPSTREAM };
enum config_unknown_user { CONFIG_REJECT, CONFIG_PASS };
enum config_tls {
    CONFIG_TLS_OFF,
    CONFIG_TLS_PREFERRED,
    CONFIG_TLS_REQUIRED,
    CONFIG_TLS_VERIFY_CA,
    CONFIG_TLS_VERIFY_IDENTITY
};
enum config_compression {
    CONFIG_COMPRESSION_OFF,
    CONFIG_COMPRESSION_ZLIB,
    CONFIG_COMPRESSION_ZSTD
};
enum config_log_format { CONFIG_LOG_TEXT, CONFIG_LOG_JSON };
enum config_statement { CONFIG_NORMALIZED, CONFIG_FULL, CONFIG_NO_STATEMENT };
enum { CONFIG_MOVES_MAX = 64 };
enum config_alias { CONFIG_ALIAS_VIEW, CONFIG_ALIAS_NONE };
enum config_proxy_protocol { CONFIG_PROXY_OFF, CONFIG_PROXY_V1, CONFIG_PROXY_V2 };

/* An address that was checked when the file was read. */
struct config_address {
    struct text host; /* "0.0.0.0", "::", a name; or the path where `is_unix` */
    uint16_t port;
    bool is_unix;
    unsigned line;
    struct text written; /* as in the file */
};
struct config_addresses {
    struct config_address *items;
    size_t count;
};

/* A network in CIDR notation: IPv4 as IPv4-mapped IPv6. */
struct config_network {
    uint8_t address[16];
    uint8_t bits;
    unsigned line;
};

/* A date as days since 1970-01-01. */
struct config_date {
    int32_t day;
    unsigned line; /* 0: none */
    struct text written;
};

struct config_upstream {
    struct text name;
    unsigned line;
    struct config_addresses addresses;
    struct config_choice tls; /* enum config_tls */
    struct config_text ca, certificate, key, key_passphrase_file, crl;
    struct config_text account, account_password_file;
    struct config_list direct;
    struct config_choice proxy_protocol; /* enum config_proxy_protocol */
    struct config_choice compression;    /* enum config_compression */
    struct config_number max_connections;
    struct config_number witness, catalogue; /* milliseconds; 0: off */
};

struct config_service {
    struct text name;
    unsigned line;
    struct config_list users, aliases, owns, reads;
    struct config_text upstream, database, certificate_name;
    size_t upstream_index;     /* into config->upstreams, resolved when the file was read */
    struct config_choice mode; /* enum config_mode; line 0: not set, [policy] mode holds */
    struct text mode_by; /* the description of the override that has set it; none: no override */
    struct config_number max_connections;
};

struct config_access {
    uint8_t bits;      /* union of enum sql_access' values: read 1, write 2, define 4, execute 8 */
    unsigned lines[4]; /* of each access; 0: not in the file, but from an override */
};

struct config_grant {
    struct text name;
    unsigned line;
    struct config_text service, ticket;
    struct config_list on;
    struct config_access access;
    struct text granted_by; /* the override's description, if the grant is one */
    struct config_date until;
};

struct config_edge {
    struct text user, owner; /* [edge:user->owner] */
    unsigned line;
    struct config_choice mode;
    struct text mode_by; /* as a service's */
};

/* A move of tables into another database of their server or, with `database`, of a database to
 * another server. */
struct config_move {
    struct text name;
    unsigned line;
    struct config_text service, to, database, upstream;
    struct config_list tables;
    struct config_choice alias; /* enum config_alias */
    struct config_number hold;  /* milliseconds */
    size_t service_index;       /* resolved when the file was read */
};

/* The files of a configuration: proxy.ini, then those that it includes. Line numbers continue from
 * one file to the next, so that one number identifies file and line: `before` is the number for
 * the file as a whole, and its first line has the next one. */
struct config_file {
    struct text path;
    unsigned before;
};
struct config_files {
    struct config_file *items;
    size_t count;
};

struct config {
    struct text path; /* of the file; relative paths in it are resolved against its folder */
    struct config_files files;
    uint64_t read; /* a hash of all sections, keys and values, ${NAME} replaced; never 0 */
    struct {
        struct config_list include;
        struct config_addresses listen;
        struct config_address admin;   /* line 0 and no host: none */
        struct config_address control; /* likewise; a Unix socket */
        struct config_text admin_token_file;
        struct config_number instance;
        struct config_text state;     /* a folder */
        struct config_number workers; /* 0: one a core */
        struct config_number max_connections, max_command;
        struct config_number connect_timeout, login_timeout, idle_timeout, drain_timeout;
        struct config_number shutdown_delay;
        struct config_choice greeting, unknown_user;
        struct config_number max_failed_logins;
        struct config_text default_upstream;
        size_t default_upstream_index;
        struct config_network *proxy_protocol_from;
        size_t proxy_protocol_from_count;
    } proxy;
    struct {
        struct config_choice mode, undetermined, unowned, administration;
    } policy;
    struct {
        struct config_text certificate, key, key_passphrase_file, client_ca, client_crl;
        struct config_text min_version, cipher_suites, curves, password_private_key_path;
        struct config_choice client;
        struct config_number handshakes_per_address;
    } tls;
    struct {
        struct config_choice format; /* enum config_log_format */
        struct config_choice level;  /* as enum log_level */
        struct config_list violations;
        struct config_choice statement; /* enum config_statement */
        struct config_number repeat;
    } log;
    struct config_upstream *upstreams;
    size_t upstream_count;
    struct config_service *services;
    size_t service_count;
    struct config_grant *grants;
    size_t grant_count;
    struct config_edge *edges;
    size_t edge_count;
    struct config_move *moves;
    size_t move_count;
    struct arena arena; /* owns everything above */
    /* set by config_override: the configuration that this one shares data with */
    struct config *base;
    atomic_uint shares; /* references, see config_take */
};

/* What is wrong with a file, in the order of its lines. */
struct config_problem {
    unsigned line;
    bool warning;   /* the file still works */
    char text[400]; /* "what is wrong; what to write instead" */
};
struct config_problems {
    struct config_problem *items;
    size_t count, errors;      /* errors: problems that are not warnings */
    struct config_files files; /* as in struct config */
    struct arena arena;        /* of the problems and files */
};

/* Reads and checks the whole file: every problem is added to `problems`, not only the first.
 * Despite errors the result is what could be read, so that the caller can look for more problems;
 * NULL: the file could not be opened. */
struct config *config_read(const char *path, struct config_problems *problems);
void config_free(struct config *config);
/* Takes one more reference, which config_free gives back. */
struct config *config_take(struct config *config);

/* The file and line that a line number stands for. */
struct config_place {
    const char *file;
    unsigned line; /* 0: the file as a whole */
};
struct config_place config_place(const struct config_files *files, unsigned line);
/* "line 12", or "line 12 of conf.d/billing.ini" if there are several files. Valid until the next
 * call by this thread. */
const char *config_line(const struct config_files *files, unsigned line);

/* Checks that the files which it names can be read by this process: an error for each that cannot.
 * Not part of config_read, because `silogate explain` has to work on machines without the keys. */
void config_check_files(const struct config *config, struct config_problems *problems);

void config_problem_add(struct config_problems *problems, unsigned line, bool warning,
                        const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Sorts by line and prints each as FILE:LINE: TEXT on standard error; a problem with a file as a
 * whole has the number of its first line. `path` is that of the first file. */
void config_problems_print(struct config_problems *problems, const char *path);
/* The same, but to silogate's log, once it runs. */
void config_problems_log(struct config_problems *problems, const char *path);
/* The same for a silogate that they prevent from starting: as config_problems_print, or as JSON. */
void config_problems_start(struct config_problems *problems, const char *path);
/* The first error in the order of the lines, "FILE:LINE: TEXT"; empty: no error. To be called
 * after one of the three functions above.
 */
void config_problems_first(const struct config_problems *problems, const char *path,
                           struct error *first);
void config_problems_fini(struct config_problems *problems);

#endif
