/* A server's accounts and their privileges, from its own tables; and the privileges that the
 * policy gives them. Private to catalogue/.
 */
#ifndef CATALOGUE_ACCOUNTS_H
#define CATALOGUE_ACCOUNTS_H

#include "catalogue/internal.h"
#include "catalogue/privileges.h"

enum right_level { ON_SERVER, ON_DATABASE, ON_TABLE, ON_COLUMN, ON_ROUTINE, ON_PROXY };

/* A row of the server's tables of privileges. */
struct right {
    enum right_level level;
    uint32_t grantee;
    /* as stored: a pattern with % and _, except with MySQL's partial_revokes */
    struct text database;
    struct text name, column;
    struct text routine_type; /* "PROCEDURE" */
    uint64_t bits;
    struct text dynamic; /* a privilege without a bit: "BACKUP_ADMIN" */
    bool handed_on;  /* WITH GRANT OPTION of a dynamic privilege or of PROXY; for others it is a bit
                      */
    uint64_t excess; /* of `bits`; set by accounts_judge */
    bool dynamic_excess;
};

struct grantee {
    struct text user, host;
    int service;  /* SERVICE_NONE: not governed */
    bool is_role; /* a role of MariaDB, which cannot log in; on MySQL every account can be a role */
    bool is_public; /* MariaDB's PUBLIC, or the user '': everybody has its privileges */
};

/* MySQL's partial revokes: privileges on *.* that are not valid in this database. */
struct restriction {
    uint32_t grantee;
    struct text database;
    uint64_t bits;
};

struct membership { /* `member` has the role `role` */
    uint32_t member, role;
    bool by_default; /* active from the login on, without SET ROLE */
    bool mandatory;  /* MySQL's mandatory_roles: cannot be revoked from one account */
    bool excess;     /* the role has privileges that the member's service may not have */
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
    /* MySQL's mandatory_roles: as numbers of grantees, and as the variable's text */
    uint32_t *mandatory;
    size_t mandatory_count, mandatory_room;
    struct text mandatory_roles;
    bool literal;     /* with MySQL's partial_revokes names of databases are not patterns */
    struct text *sql; /* statements in order, and the statement that undoes each */
    struct text *back;
    size_t sql_count, sql_room;
};

bool accounts_read(struct audit *audit, struct audit_server *server, struct connection *connection,
                   struct error *error);
void accounts_free(struct audit_accounts *accounts);
/* The number of a grantee, who is added if necessary. */
uint32_t accounts_grantee(struct audit *audit, struct audit_server *server, struct text user,
                          struct text host);
/* Returns `items`, grown if necessary, with room for one more than `count`. */
void *accounts_room(void *items, size_t count, size_t *size, size_t each);

/* Roles (roles.c): reads the members of each, including roles that every account has without a
 * GRANT. */
bool roles_read(struct audit *audit, struct audit_server *server, struct connection *connection,
                struct error *error);
/* How an account gets the privileges of `holder`. ROLE_AT_WILL: only by SET ROLE. */
enum role_way { ROLE_NONE, ROLE_AT_WILL, ROLE_AT_LOGIN };
enum role_way roles_way(const struct audit_accounts *accounts, uint32_t account, uint32_t holder);
/* Marks the memberships through which `account` has the role `holder`, which has too many
 * privileges. */
void roles_mark_excess(struct audit_accounts *accounts, uint32_t account, uint32_t holder);
/* "role x", "mandatory role x", "role x of everybody" */
struct text roles_describe(struct audit *audit, const struct audit_accounts *accounts,
                           uint32_t account, uint32_t holder);

/* The privileges of a right on *.* that are partially revoked in this database; and in any. */
uint64_t right_restricted(const struct audit_accounts *accounts, const struct right *right,
                          struct text database);
bool right_is_restricted(const struct audit_accounts *accounts, const struct right *right);
/* Is a right on databases valid for this one? */
bool right_covers(const struct audit_server *server, const struct right *right,
                  struct text database);

/* What the policy says about a set of objects, including those that may be created. */
enum allowance { MUST_NOT, MAY, MUST };
enum allowance allowed_object(const struct audit *audit, const struct audit_server *server,
                              int service, struct text schema, struct text name, uint8_t type,
                              uint8_t access);
/* For everything in a database, including names that do not exist yet. */
enum allowance allowed_database(const struct audit *audit, const struct audit_server *server,
                                int service, struct text schema, uint8_t access);
/* For the whole server, without what is partially revoked from the right. */
enum allowance allowed_server(const struct audit *audit, const struct audit_server *server,
                              int service, uint8_t access, const struct right *right);
bool allowed_administration(const struct audit *audit, int service);

/* The account that is being compared. */
struct comparing {
    struct audit *audit;
    struct audit_server *server;
    struct audit_accounts *accounts;
    const struct grantee *grantee;
    uint32_t number; /* of the account */
    struct audit_right *missing, *excess;
    struct text account; /* quoted */
};

/* The SQL (grants.c): adds one GRANT; adds the statements that revoke excess privileges. */
void grants_add(struct comparing *c, const struct right *right, uint64_t bits);
void grants_own_account(struct audit *audit, struct audit_server *server);
void grants_revoke_roles(struct comparing *c);
void grants_revoke_mandatory(struct audit *audit, struct audit_server *server);
void grants_revoke(struct comparing *c, uint32_t number, struct text account);

/* Compares accounts with the policy, adds findings, and the SQL that makes them equal. */
void accounts_judge(struct audit *audit, struct audit_server *server);

/* Quoted for SQL: 'user'@'host', `name`. None: a name has a control character. */
struct text quote_account(struct audit *audit, const struct grantee *grantee);
struct text quote_name(struct audit *audit, struct text name);
struct text quote_string(struct audit *audit, struct text value);

#endif
