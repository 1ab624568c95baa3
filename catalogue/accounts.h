/* A server's accounts and what they may do, as its own tables have it; and what the policy would
 * have them do. Private to catalogue/.
 */
#ifndef CATALOGUE_ACCOUNTS_H
#define CATALOGUE_ACCOUNTS_H

#include "catalogue/internal.h"
#include "catalogue/privileges.h"

enum right_level { ON_SERVER, ON_DATABASE, ON_TABLE, ON_COLUMN, ON_ROUTINE, ON_PROXY };

/* One row of the server's. */
struct right {
    enum right_level level;
    uint32_t grantee;
    struct text
        database; /* as it is stored: on MySQL and MariaDB a pattern, but with partial_revokes */
    struct text name, column;
    struct text routine_type; /* "PROCEDURE" */
    uint64_t bits;
    struct text dynamic; /* a privilege without a bit: "BACKUP_ADMIN" */
    bool handed_on;      /* a dynamic one's and PROXY's WITH GRANT OPTION; else it is a bit */
    uint64_t excess;     /* of `bits`; set by accounts_judge */
    bool dynamic_excess;
};

struct grantee {
    struct text user, host;
    int service;    /* SERVICE_NONE: not governed */
    bool is_role;   /* nobody can log in as it: MariaDB's. On MySQL every account can be a role. */
    bool is_public; /* everybody has what it has: MariaDB's PUBLIC, the user '' */
};

/* MySQL's partial revokes: privileges on all databases that do not hold in this one. */
struct restriction {
    uint32_t grantee;
    struct text database;
    uint64_t bits;
};

struct membership { /* `member` has the role `role` */
    uint32_t member, role;
    bool by_default; /* from login on, without SET ROLE */
    bool mandatory;  /* MySQL's mandatory_roles: cannot be revoked from one account */
    bool excess;     /* the role has what the member's service may not */
    bool admin;      /* WITH ADMIN OPTION */
    bool is_default; /* MySQL: SET DEFAULT ROLE names it */
};

struct audit_accounts {
    struct grantee *grantees;
    struct right *rights;
    struct membership *memberships;
    size_t grantee_count, grantee_room, right_count, right_room, membership_count, membership_room;
    struct restriction *restrictions;
    size_t restriction_count, restriction_room;
    uint32_t *mandatory; /* MySQL's mandatory_roles, as numbers of grantees; and as they are set */
    size_t mandatory_count, mandatory_room;
    struct text mandatory_roles;
    bool literal;     /* names of databases are no patterns: MySQL's partial_revokes */
    struct text *sql; /* statements in order, and the way back of each */
    struct text *back;
    size_t sql_count, sql_room;
};

bool accounts_read(struct audit *audit, struct audit_server *server, struct connection *connection,
                   struct error *error);
void accounts_free(struct audit_accounts *accounts);
/* The number of a grantee, who is added where he is not there yet. */
uint32_t accounts_grantee(struct audit *audit, struct audit_server *server, struct text user,
                          struct text host);
/* `items` with room for one more than `count`. */
void *accounts_room(void *items, size_t count, size_t *size, size_t each);

/* Roles (roles.c): who has which; those that every account has without a GRANT too. */
bool roles_read(struct audit *audit, struct audit_server *server, struct connection *connection,
                struct error *error);
/* How an account comes to what `holder` has. ROLE_AT_WILL: only by SET ROLE. */
enum role_way { ROLE_NONE, ROLE_AT_WILL, ROLE_AT_LOGIN };
enum role_way roles_way(const struct audit_accounts *accounts, uint32_t account, uint32_t holder);
/* Marks the memberships by which `account` has the role `holder`: it has too much. */
void roles_mark_excess(struct audit_accounts *accounts, uint32_t account, uint32_t holder);
/* "role x", "mandatory role x", "role x of everybody" */
struct text roles_describe(struct audit *audit, const struct audit_accounts *accounts,
                           uint32_t account, uint32_t holder);

/* What of a right on the server is partially revoked: in this database; in any. */
uint64_t right_restricted(const struct audit_accounts *accounts, const struct right *right,
                          struct text database);
bool right_is_restricted(const struct audit_accounts *accounts, const struct right *right);
/* Does a right on databases reach this one? */
bool right_covers(const struct audit_server *server, const struct right *right,
                  struct text database);

/* What the policy says, over all that is there and may come. */
enum allowance { MUST_NOT, MAY, MUST };
enum allowance allowed_object(const struct audit *audit, const struct audit_server *server,
                              int service, struct text schema, struct text name, uint8_t type,
                              uint8_t access);
/* Over all of a database, names that do not exist yet included. */
enum allowance allowed_database(const struct audit *audit, const struct audit_server *server,
                                int service, struct text schema, uint8_t access);
/* Over the whole server, as a right on it reaches it: less what is partially revoked. */
enum allowance allowed_server(const struct audit *audit, const struct audit_server *server,
                              int service, uint8_t access, const struct right *right);
bool allowed_administration(const struct audit *audit, int service);

/* One account that is being compared. */
struct comparing {
    struct audit *audit;
    struct audit_server *server;
    struct audit_accounts *accounts;
    const struct grantee *grantee;
    uint32_t number; /* of it */
    struct audit_right *missing, *excess;
    struct text account; /* quoted */
};

/* The SQL (grants.c): one GRANT; all that takes away what was found to be too much. */
void grants_add(struct comparing *c, const struct right *right, uint64_t bits);
void grants_own_account(struct audit *audit, struct audit_server *server);
void grants_revoke_roles(struct comparing *c);
void grants_revoke_mandatory(struct audit *audit, struct audit_server *server);
void grants_revoke(struct comparing *c, uint32_t number, struct text account);

/* Compares, adds findings, and writes down the SQL that makes them equal. */
void accounts_judge(struct audit *audit, struct audit_server *server);

/* Quoted for SQL: 'user'@'host', `name`. None where a name has a control character in it. */
struct text quote_account(struct audit *audit, const struct grantee *grantee);
struct text quote_name(struct audit *audit, struct text name);
struct text quote_string(struct audit *audit, struct text value);

#endif
