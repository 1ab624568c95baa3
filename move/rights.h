/* The rights of all accounts on the tables that go from one database to another, as the server
 * computes them: now, and then, when the planned grants have been given. Private to move/.
 *
 * Global rights, those on databases and those on tables add up. Of an account's rows on databases
 * the server uses one only, the most specific (by host, then by database); a row of another host or
 * of the nameless account may be that one. MariaDB gives a role the rows of the roles that it has.
 * MySQL, in a session with active roles, takes a row with the exact name, or else one whose pattern
 * matches; which one of several is not known. Of its rows on one table, too, the server uses that
 * of one host.
 */
#ifndef MOVE_RIGHTS_H
#define MOVE_RIGHTS_H

#include "base/hash_table.h"
#include "move/mover_internal.h"

enum place { SOURCE, TARGET };
enum time { NOW, THEN };
/* Which rows count for an account. */
enum view {
    VIEW_OWN,    /* its own only, as if there were no other account */
    VIEW_ALONE,  /* a session without roles */
    VIEW_MERGED, /* a role of MariaDB, with the roles that it has */
    VIEW_MAPPED, /* MySQL: a session with all its roles, or a role */
};

enum {
    RIGHT_GRANT = 1 << 0,
    RIGHT_LOCK = 1 << 1,
    RIGHT_UNKNOWN = 1 << 2, /* one that this silogate does not know */
    RIGHT_UNSURE = 1 << 3,  /* which row the server uses is not known */
    RIGHT_FIRST = 4,        /* the number of the first of the others */
};

struct account {
    struct text user, host;
    bool is_role;            /* of MariaDB: it has no host */
    bool maps;               /* MySQL: it may have active roles, or may be one */
    bool is_used, is_locked; /* MySQL: somebody has it as a role; it cannot log in */
    bool has_rows;           /* of rights on one of the databases, or on a table */
    bool partial;            /* MySQL: it stands for sessions with a part of its roles */
    bool refused;
    uint32_t global, revoked[2]; /* by partial revokes, at the place */
    uint32_t *set;               /* itself, and all roles that it has, also by other roles */
    size_t set_count;
    uint32_t *roles; /* MySQL: those that it has itself */
    size_t role_count;
    uint32_t databases[4][2][2]; /* by view, place, time: rights by global ones and databases */
    uint32_t rows[4][2][2];      /* the same without global ones */
};

struct database_row {
    struct text user, host, pattern;
    uint32_t rights[2]; /* by time */
    bool there[2];
    bool matches[2];           /* by place */
    uint64_t host_sort, sort;  /* higher: more specific */
    struct database_row *next; /* of this user */
};

struct column_row {
    struct text name;
    uint32_t rights[2];
};

/* Rights on a table. */
struct table_row {
    struct text host;
    uint32_t rights[2];
    bool there[2];
    struct column_row *columns;
    size_t column_count;
    struct table_row *next; /* of this user, on this table */
};

struct rights {
    struct mover *mover;
    struct text names[2]; /* by place: the databases */
    bool others;          /* other databases' names match the target's as a pattern */
    bool literal;         /* MySQL: partial_revokes, so names of databases are no patterns */
    uint64_t prints[2];   /* by place: of all that matters for it, the same in any order */
    struct account *accounts;
    size_t account_count;
    struct hash_table account_keys, user_keys, table_keys;
    struct database_row **databases; /* by number of the user */
    size_t database_count;
    struct table_row **tables; /* by number of place, table and user */
    size_t table_count;
};

/* Reads everything. False: the server could not be asked, or a table of rights not be read. */
bool rights_read(struct rights *rights, struct mover *mover, struct text source,
                 struct text target);
void rights_fini(struct rights *rights);
/* Sets `others`. */
bool rights_read_others(struct rights *rights);
/* Adds a role to the account's set. */
void rights_member(struct rights *rights, struct account *account, uint32_t role);

/* sessions.c, MySQL: adds, behind the accounts, sessions with a part of their roles. */
void rights_add_sessions(struct rights *rights);

/* Computes `databases` and `rows` of all accounts, at this time. */
void rights_sum(struct rights *rights, enum time time);

/* The rows on the table that count: of VIEW_OWN and VIEW_ALONE one at most. Returns how many were
 * written to `rows`, which has room for the account's whole set. */
size_t rights_rows(const struct rights *rights, const struct account *account, enum view view,
                   enum place place, enum time time, const struct moved_table *table,
                   const struct table_row **rows);
/* Do rows on the table count for some sessions of the account only, and give them other rights? */
bool rights_cross(const struct rights *rights, const struct account *account, enum place place,
                  enum time time, const struct moved_table *table);
uint32_t rights_of_rows(const struct table_row *const *rows, size_t count, enum time time);
uint32_t rights_of_column(const struct table_row *const *rows, size_t count, enum time time,
                          struct text column);

/* The account's own row; it is made if it is not there. */
struct table_row *rights_row(struct rights *rights, const struct account *account, enum place place,
                             const struct moved_table *table);
struct column_row *rights_column(struct rights *rights, struct table_row *row, struct text name);
/* The account's own row on databases that counts; NULL: none. */
struct database_row *rights_own(const struct rights *rights, const struct account *account,
                                enum place place, enum time time);
struct database_row *rights_add(struct rights *rights, const struct account *account,
                                struct text pattern);

/* A name as the server compares it, in the arena. */
struct text rights_folded(struct mover *mover, struct text name);

/* All rights that a table can have, GRANT OPTION among them. */
uint32_t rights_of_tables(void);
/* Their names, with commas, without GRANT OPTION; USAGE where there is none. */
void rights_put(FILE *to, uint32_t rights, struct text column);
/* As GRANT names it. */
void rights_put_account(FILE *to, const struct account *account);
/* All of them with commas, GRANT OPTION too; and back from that. */
void rights_put_all(FILE *to, uint32_t rights, struct text column);
uint32_t rights_named(struct text names);

/* What the account has now where the change is about, and which account has written the row last
 * (in the arena; `at` NULL: the server does not keep it). False: the server could not be asked. */
bool rights_present(struct mover *mover, const struct change_of_rights *change, struct text schema,
                    struct text table, uint32_t *rights, struct text *grantor);

/* patterns.c, as the server does it: does the name match? How specific is the pattern? */
bool pattern_matches(struct text pattern, struct text name, bool fold);
/* The pattern that matches this name and no other. */
struct text pattern_of(struct arena *arena, struct text name);
/* Is there a text that both match? In any case of letters; of at most 255 bytes each, longer ones
 * may. */
bool patterns_meet(struct text a, struct text b);
uint64_t pattern_sort(struct text pattern, unsigned longest, bool mariadb);

/* hosts.c */
enum hosts {
    HOSTS_APART,  /* no session has both */
    HOSTS_COVERS, /* the row counts for all sessions of the account */
    HOSTS_WITHIN, /* for some: those who have an account of that host are not of this one */
    HOSTS_CROSS,  /* for some, or that is not known */
};
enum hosts hosts_compare(struct text row, struct text account);

#endif
