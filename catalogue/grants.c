/* Writes the SQL that makes accounts equal to the policy: GRANT and REVOKE, each with the
 * statement that undoes it. compare.c decides what is granted and revoked. */
#include <stdlib.h>

#include "catalogue/accounts.h"

/* The ON part of a statement. The database is quoted as it is stored: this is what GRANT expects.
 */
static struct text sql_on(const struct comparing *c, const struct right *right)
{
    struct audit *audit = c->audit;
    struct text database = quote_name(audit, right->database);
    struct text name = quote_name(audit, right->name);

    switch (right->level) {
    case ON_SERVER:
        return TEXT("*.*");
    case ON_DATABASE:
        return audit_format(audit, "%.*s.*", TEXT_ARGS(database));
    case ON_ROUTINE:
        return audit_format(audit, "%.*s %.*s.%.*s", TEXT_ARGS(right->routine_type),
                            TEXT_ARGS(database), TEXT_ARGS(name));
    case ON_PROXY: {
        const struct grantee whom = {.user = right->name, .host = right->database};
        return quote_account(audit, &whom);
    }
    case ON_TABLE:
    case ON_COLUMN:
        break;
    }
    return audit_format(audit, "%.*s.%.*s", TEXT_ARGS(database), TEXT_ARGS(name));
}

static void add_sql(struct comparing *c, struct text statement, struct text back)
{
    struct audit_accounts *accounts = c->accounts;

    if (accounts->sql_count == accounts->sql_room) {
        accounts->sql_room = accounts->sql_room ? accounts->sql_room * 2 : 64;
        accounts->sql = memory_resize(accounts->sql, accounts->sql_room * sizeof(*accounts->sql));
        accounts->back =
            memory_resize(accounts->back, accounts->sql_room * sizeof(*accounts->back));
    }
    accounts->sql[accounts->sql_count] = statement;
    accounts->back[accounts->sql_count++] = back;
}

/* The words of a right's bits; a column's privileges name it: "SELECT (`id`)". */
static struct text sql_words(const struct comparing *c, const struct right *right, uint64_t bits)
{
    struct text words = privileges_words(bits, &c->audit->arena), all = {"", 0};

    if (right->dynamic.at)
        return right->dynamic;
    if (right->level == ON_PROXY)
        return TEXT("PROXY");
    if (right->level != ON_COLUMN)
        return words;
    struct text column = quote_name(c->audit, right->column);
    for (int i = 0; i < PRIVILEGE_COUNT; i++) {
        if (!(bits & 1ull << i))
            continue;
        struct text word = privileges_words(1ull << i, &c->audit->arena);
        all = audit_format(c->audit, "%.*s%s%.*s (%.*s)", TEXT_ARGS(all), all.length ? ", " : "",
                           TEXT_ARGS(word), TEXT_ARGS(column));
    }
    return all;
}

/* A REVOKE also removes the partial revokes of the right, so the way back must revoke these again
 * after its GRANT. The way back is run from its end, so these lines come before the GRANT. */
static struct text restrict_again(struct comparing *c, const struct right *right, uint64_t bits,
                                  struct text account, struct text back)
{
    for (size_t i = 0; i < c->accounts->restriction_count; i++) {
        const struct restriction *one = &c->accounts->restrictions[i];
        if (one->grantee != right->grantee || !(one->bits & bits))
            continue;
        struct text words = privileges_words(one->bits & bits, &c->audit->arena);
        struct text database = quote_name(c->audit, one->database);
        back = audit_format(c->audit, "REVOKE %.*s ON %.*s.* FROM %.*s;\n-- back: %.*s",
                            TEXT_ARGS(words), TEXT_ARGS(database), TEXT_ARGS(account),
                            TEXT_ARGS(back));
    }
    return back;
}

static void add_revoke(struct comparing *c, const struct right *right, uint64_t bits,
                       struct text account)
{
    struct text words = sql_words(c, right, bits), on = sql_on(c, right);
    struct text back;

    if (bits == PRIVILEGE(GRANT)) /* there is no GRANT GRANT OPTION */
        back = audit_format(c->audit, "GRANT USAGE ON %.*s TO %.*s WITH GRANT OPTION",
                            TEXT_ARGS(on), TEXT_ARGS(account));
    else if (bits & PRIVILEGE(GRANT))
        back = audit_format(c->audit, "GRANT %.*s ON %.*s TO %.*s WITH GRANT OPTION",
                            TEXT_ARGS(sql_words(c, right, bits & ~PRIVILEGE(GRANT))), TEXT_ARGS(on),
                            TEXT_ARGS(account));
    else
        back =
            audit_format(c->audit, "GRANT %.*s ON %.*s TO %.*s%s", TEXT_ARGS(words), TEXT_ARGS(on),
                         TEXT_ARGS(account), right->handed_on ? " WITH GRANT OPTION" : "");
    if (right->level == ON_SERVER && !right->dynamic.at)
        back = restrict_again(c, right, bits, account, back);
    add_sql(c,
            audit_format(c->audit, "REVOKE %.*s ON %.*s FROM %.*s", TEXT_ARGS(words), TEXT_ARGS(on),
                         TEXT_ARGS(account)),
            back);
}

void grants_add(struct comparing *c, const struct right *right, uint64_t bits)
{
    struct text words = sql_words(c, right, bits), on = sql_on(c, right);

    add_sql(c,
            audit_format(c->audit, "GRANT %.*s ON %.*s TO %.*s", TEXT_ARGS(words), TEXT_ARGS(on),
                         TEXT_ARGS(c->account)),
            audit_format(c->audit, "REVOKE %.*s ON %.*s FROM %.*s", TEXT_ARGS(words), TEXT_ARGS(on),
                         TEXT_ARGS(c->account)));
}

/* "`a`@`%`, `b`@`%`": the account's default roles; `fit`: without roles that have rights in excess.
 */
static struct text default_roles(struct comparing *c, bool fit)
{
    struct text all = {"", 0};

    for (size_t i = 0; i < c->accounts->membership_count; i++) {
        const struct membership *membership = &c->accounts->memberships[i];
        if (!membership->is_default || membership->member != c->number ||
            (fit && membership->excess))
            continue;
        struct text name = quote_account(c->audit, &c->accounts->grantees[membership->role]);
        all = audit_format(c->audit, "%.*s%s%.*s", TEXT_ARGS(all), all.length ? ", " : "",
                           TEXT_ARGS(name));
    }
    return all.length ? all : TEXT("NONE");
}

/* If a default role is revoked MySQL forgets that it was one. So the SQL sets the default roles
 * without it first, and the way back can set them again. */
static void take_default_roles(struct comparing *c)
{
    struct text before = default_roles(c, false), after = default_roles(c, true);

    if (!text_equal(before, after))
        add_sql(c,
                audit_format(c->audit, "SET DEFAULT ROLE %.*s TO %.*s", TEXT_ARGS(after),
                             TEXT_ARGS(c->account)),
                audit_format(c->audit, "SET DEFAULT ROLE %.*s TO %.*s", TEXT_ARGS(before),
                             TEXT_ARGS(c->account)));
}

void grants_revoke_roles(struct comparing *c)
{
    take_default_roles(c);
    for (size_t i = 0; i < c->accounts->membership_count; i++) {
        const struct membership *membership = &c->accounts->memberships[i];
        if (!membership->excess || membership->mandatory || membership->member != c->number)
            continue;
        const struct grantee *role = &c->accounts->grantees[membership->role];
        struct text name = c->server->is_mariadb ? quote_name(c->audit, role->user)
                                                 : quote_account(c->audit, role);
        add_sql(
            c,
            audit_format(c->audit, "REVOKE %.*s FROM %.*s", TEXT_ARGS(name), TEXT_ARGS(c->account)),
            audit_format(c->audit, "GRANT %.*s TO %.*s%s", TEXT_ARGS(name), TEXT_ARGS(c->account),
                         membership->admin ? " WITH ADMIN OPTION" : ""));
    }
}

/* Mandatory roles cannot be revoked from one account (MySQL manual, "mandatory_roles"): the
 * variable is set to the roles that give no governed account rights in excess. All accounts lose
 * the other roles. */
void grants_revoke_mandatory(struct audit *audit, struct audit_server *server)
{
    struct audit_accounts *accounts = server->accounts;
    struct comparing c = {.audit = audit, .server = server, .accounts = accounts};
    struct text kept = {"", 0};
    size_t left = 0;

    for (size_t i = 0; i < accounts->mandatory_count; i++) {
        const struct grantee *role = &accounts->grantees[accounts->mandatory[i]];
        bool excess = false;
        for (size_t j = 0; j < accounts->membership_count; j++)
            excess |= accounts->memberships[j].mandatory && accounts->memberships[j].excess &&
                      accounts->memberships[j].role == accounts->mandatory[i];
        if (excess)
            continue;
        struct text user = quote_name(audit, role->user), host = quote_name(audit, role->host);
        kept = audit_format(audit, "%.*s%s%.*s@%.*s", TEXT_ARGS(kept), left++ ? "," : "",
                            TEXT_ARGS(user), TEXT_ARGS(host));
    }
    if (left == accounts->mandatory_count)
        return;
    kept = quote_string(audit, kept);
    struct text before = quote_string(audit, accounts->mandatory_roles);
    add_sql(&c, audit_format(audit, "SET PERSIST mandatory_roles = %.*s", TEXT_ARGS(kept)),
            audit_format(audit, "SET PERSIST mandatory_roles = %.*s", TEXT_ARGS(before)));
}

/* MySQL treats a REVOKE of all privileges on *.* as REVOKE ALL and revokes those on databases too
 * (seen on 9.7): so they are revoked in parts. */
static void revoke_server(struct comparing *c, const struct right *right, struct text account)
{
    const uint64_t grant = right->excess & PRIVILEGE(GRANT);
    uint64_t data = 0;

    for (int i = 0; i < PRIVILEGE_COUNT; i++)
        data |= right->excess & 1ull << i && privilege_access(i) <= SQL_EXECUTE ? 1ull << i : 0;
    const uint64_t parts[] = {data, right->excess & ~data & ~grant, grant};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i])
            add_revoke(c, right, parts[i], account);
    }
}

/* Dynamic privileges: one statement for those with GRANT OPTION, one for the others. */
static void revoke_dynamic(struct comparing *c, uint32_t number, struct text account)
{
    for (int handed_on = 0; handed_on < 2; handed_on++) {
        struct right all = {.level = ON_SERVER, .handed_on = handed_on};
        for (size_t i = 0; i < c->accounts->right_count; i++) {
            const struct right *right = &c->accounts->rights[i];
            if (right->grantee == number && right->dynamic.at && right->dynamic_excess &&
                right->handed_on == all.handed_on)
                all.dynamic = audit_format(c->audit, "%.*s%s%.*s", TEXT_ARGS(all.dynamic),
                                           all.dynamic.at ? ", " : "", TEXT_ARGS(right->dynamic));
        }
        if (all.dynamic.at)
            add_revoke(c, &all, 0, account);
    }
}

/* Revokes the excess rights of grantee `number`, from the narrowest level to the widest. */
void grants_revoke(struct comparing *c, uint32_t number, struct text account)
{
    static const enum right_level order[] = {ON_COLUMN,   ON_TABLE,  ON_ROUTINE,
                                             ON_DATABASE, ON_SERVER, ON_PROXY};

    for (size_t level = 0; level < sizeof(order) / sizeof(order[0]); level++) {
        for (size_t i = 0; i < c->accounts->right_count; i++) {
            const struct right *right = &c->accounts->rights[i];
            if (right->grantee != number || right->level != order[level] || right->dynamic.at)
                continue;
            if (right->level == ON_SERVER)
                revoke_server(c, right, account);
            else if (right->excess || right->dynamic_excess)
                add_revoke(c, right, right->excess, account);
        }
    }
    revoke_dynamic(c, number, account);
}

static bool has_right(const struct comparing *c, uint64_t bits)
{
    for (size_t i = 0; i < c->accounts->right_count; i++) {
        const struct right *right = &c->accounts->rights[i];
        if (right->grantee == c->number && right->level == ON_SERVER && !right->dynamic.at &&
            (right->bits & bits) == bits)
            return true;
    }
    return false;
}

static bool has_dynamic(const struct comparing *c, struct text name)
{
    for (size_t i = 0; i < c->accounts->right_count; i++) {
        if (c->accounts->rights[i].grantee == c->number &&
            text_equal_fold(c->accounts->rights[i].dynamic, name))
            return true;
    }
    return false;
}

static bool has_schema(const struct comparing *c, uint64_t bits)
{
    for (size_t i = 0; i < c->accounts->right_count; i++) {
        const struct right *right = &c->accounts->rights[i];
        if (right->grantee == c->number && right->level == ON_DATABASE &&
            text_equal(right->database, TEXT("silogate")) && (right->bits & bits) == bits)
            return true;
    }
    return has_right(c, bits);
}

/* silogate's own account: it reads the catalogue (TRIGGER and EVENT show the texts of triggers and
 * events), sees and kills other threads, and has a schema of its own. It is created locked, because
 * no password may be written into a file. */
void grants_own_account(struct audit *audit, struct audit_server *server)
{
    const struct config_text *name = &audit->config->upstreams[server->upstream].account;
    const uint64_t reads = PRIVILEGE(SELECT) | PRIVILEGE(SHOW_VIEW) | PRIVILEGE(TRIGGER) |
                           PRIVILEGE(EVENT) | PRIVILEGE(PROCESS) |
                           (server->is_mariadb ? PRIVILEGE(CONNECTION) : 0);
    const uint64_t schema =
        privileges_for(SQL_ACCESS_ALL, IN_DATABASE, server->is_mariadb) & ~PRIVILEGE(TRIGGER);
    struct comparing c = {.audit = audit,
                          .server = server,
                          .accounts = server->accounts,
                          .number = UINT32_MAX,
                          .account = audit_format(audit, "'%.*s'@'%%'", TEXT_ARGS(name->value))};
    struct right right = {.level = ON_SERVER};

    if (!name->line)
        return;
    for (uint32_t i = 0; i < server->accounts->grantee_count; i++) {
        if (text_equal(server->accounts->grantees[i].user, name->value)) {
            c.number = i;
            c.account = quote_account(audit, &server->accounts->grantees[i]);
        }
    }
    if (c.number == UINT32_MAX)
        add_sql(&c, audit_format(audit, "CREATE USER %.*s ACCOUNT LOCK", TEXT_ARGS(c.account)),
                audit_format(audit, "DROP USER %.*s", TEXT_ARGS(c.account)));
    if (!has_right(&c, reads))
        grants_add(&c, &right, reads);
    right.dynamic = TEXT("SHOW_ROUTINE, CONNECTION_ADMIN");
    if (!server->is_mariadb && !has_right(&c, PRIVILEGE(SUPER)) &&
        !(has_dynamic(&c, TEXT("SHOW_ROUTINE")) && has_dynamic(&c, TEXT("CONNECTION_ADMIN"))))
        grants_add(&c, &right, 0);
    right = (struct right){.level = ON_DATABASE, .database = TEXT("silogate")};
    if (!has_schema(&c, schema))
        grants_add(&c, &right, schema);
}
