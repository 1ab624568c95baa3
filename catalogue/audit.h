/* Finds crossings between silos inside a server, in its catalogue and its accounts, with the same
 * policy as for statements. Reads a server through one connection, one schema after the other,
 * without locks; changes nothing.
 *
 * All names and texts of findings live in the audit's arena, in UTF-8 as the server gave them.
 */
#ifndef CATALOGUE_AUDIT_H
#define CATALOGUE_AUDIT_H

#include "base/arena.h"
#include "catalogue/connect.h"
#include "config/config.h"
#include "policy/policy.h"

/* kind, its name in JSON, its name in texts. */
#define AUDIT_KINDS(K)                                                                             \
    K(AUDIT_VIEW, "view", "view")                                                                  \
    K(AUDIT_ROUTINE, "routine", "routine")                                                         \
    K(AUDIT_TRIGGER, "trigger", "trigger")                                                         \
    K(AUDIT_EVENT, "event", "event")                                                               \
    K(AUDIT_FOREIGN_KEY, "foreign_key", "foreign key")                                             \
    K(AUDIT_COLUMN, "column", "default or generated column")                                       \
    K(AUDIT_TABLE, "table", "table over other tables")                                             \
    K(AUDIT_UNOWNED, "unowned", "owned by nobody")                                                 \
    K(AUDIT_UNMATCHED, "unmatched", "matches nothing")                                             \
    K(AUDIT_DUPLICATE, "duplicate", "on two servers")                                              \
    K(AUDIT_ACCOUNT, "account", "account")                                                         \
    K(AUDIT_BYPASS, "bypass", "comes past silogate")                                               \
    K(AUDIT_SHARED, "shared", "account of several programs")

enum audit_kind {
#define K(symbol, name, prose) symbol,
    AUDIT_KINDS(K)
#undef K
        AUDIT_KIND_COUNT
};
const char *audit_kind_name(enum audit_kind kind);

/* An object that a stored object uses, and the policy's verdict for the stored object's owner. */
struct audit_touch {
    struct text schema, name;
    uint8_t type, access; /* enum sql_type, union of enum sql_access */
    struct verdict verdict;
};

/* Privileges on one object: "SELECT, INSERT" on "nilecare.invoices". */
struct audit_right {
    struct text on, privileges, via; /* via: "role `x`", PUBLIC; none: granted directly */
    struct text refused; /* from logs: statements that a REVOKE would have refused; or none */
    /* The objects: a database as the server stores it (% and _ are wildcards), a name, or none for
     * all names. What the privileges are for: union of enum sql_access, and 16: the server itself,
     * 32: locks and temporary tables, 64: GRANT OPTION. */
    struct text database, name;
    unsigned access;
    struct audit_right *next;
};

/* A program that uses an account now. */
struct audit_program {
    /* program_name; the client's address, also if it connects through silogate */
    struct text program, address;
    uint64_t threads;
    struct audit_program *next;
};

struct audit_finding {
    enum audit_kind kind;
    struct text upstream;
    struct text schema, name;          /* of the object; of an account: its user and host */
    struct text on_schema, on;         /* the table of a trigger, a foreign key or a column */
    struct text parent_schema, parent; /* of a foreign key; else none */
    int owner;                         /* SERVICE_NONE: nobody; of an account: its service */
    struct text definer;               /* "root@localhost"; or none */
    struct text security;              /* "DEFINER", "INVOKER"; or what a foreign key does */
    struct text event; /* of a trigger: "INSERT"; of a foreign key: the event on the parent that
                          cascades, "DELETE" */
    struct text users; /* other services' accounts that may use it: "a, b" */
    struct text why;   /* why it is undetermined, or another explanation */
    bool undetermined;
    bool updatable; /* of a view: writing to it writes the tables that it reads, with its definer's
                       rights */
    struct audit_touch *touches;
    size_t touch_count;
    struct audit_right *missing, *excess; /* of an account */
    struct audit_program *programs;       /* of a shared account */
    uint64_t count;                       /* threads that are connected without silogate */
    struct verdict verdict;               /* the strictest verdict of its touches */
    bool crosses;                         /* it makes the exit status 1 */
};

/* An object of a server that can have an owner. */
enum audit_type {
    AUDIT_BASE_TABLE,
    AUDIT_VIEW_TABLE,
    AUDIT_SEQUENCE,
    AUDIT_PROCEDURE,
    AUDIT_FUNCTION,
    AUDIT_PACKAGE,
    AUDIT_EVENT_OBJECT,
};
struct audit_object {
    struct text schema, name;
    enum audit_type type;
    int owner; /* SERVICE_NONE: nobody */
};

/* One server of an audit. */
struct audit_server {
    size_t upstream; /* into config->upstreams */
    struct text name, version;
    bool is_mariadb;
    int lower_case_table_names;
    struct text *schemas; /* the server's own too */
    size_t schema_count;
    struct audit_object *objects;
    size_t object_count, object_room;
    struct audit_accounts *accounts; /* catalogue/accounts.h */
    /* Threads of governed accounts. `told`: does the server say who opened them? */
    uint64_t threads, ours, excepted, past;
    bool threads_told;
};

struct audit {
    const struct config *config;
    const struct policy *policy;
    int32_t today;
    bool (*stopped)(void); /* NULL; or called between two schemas: true stops the audit */
    bool whole;            /* also report what stored objects use of their own owner */
    char ts[24];           /* the time of the audit, as in records */
    struct arena arena;
    struct audit_server *servers;
    size_t server_count;
    struct audit_finding *findings;
    size_t finding_count, finding_room;
};

void audit_init(struct audit *audit, const struct config *config, const struct policy *policy,
                int32_t today);
void audit_fini(struct audit *audit);

/* Reads one server completely and adds its findings. False with `error`: it could not be read; the
 * findings so far stay. */
bool audit_read(struct audit *audit, size_t upstream, struct connection *connection,
                struct error *error);
/* The part of it without accounts: what stored objects use. */
bool audit_read_edges(struct audit *audit, size_t upstream, struct connection *connection,
                      struct error *error);
/* After all servers were read: finds patterns that match nothing, and names that two servers have.
 */
void audit_compare(struct audit *audit);

/* Does a right include this object? */
bool audit_right_reaches(const struct audit_server *server, const struct audit_right *right,
                         struct text schema, struct text name);

/* The SQL that makes the accounts of a server equal to the policy, and the statement that undoes
 * each. Names with control characters are left out and mentioned in a comment. */
size_t audit_sql_count(const struct audit_server *server);
struct text audit_sql(const struct audit_server *server, size_t index, struct text *back);

/* A finding as a JSON object, without the newline; to be freed with free(). */
char *audit_json(const struct audit *audit, const struct audit_finding *finding);
/* The same for a server: what was read. */
char *audit_server_json(const struct audit *audit, const struct audit_server *server);

#endif
