/* Compares accounts with the policy: first, which privileges are in excess; then, which will be
 * missing once these are revoked. Then it writes the SQL, which grants before it revokes, so that
 * nothing that is allowed fails in between. A right on a database by its exact name hides rights by
 * a pattern (MySQL manual, "Access Control, Stage 2"); so a new one includes everything that is
 * allowed in that database.
 */
#include <stdlib.h>
#include <string.h>

#include "catalogue/accounts.h"

static enum allowance enters(const struct comparing *c, int service, struct text database)
{
    return allowed_object(c->audit, c->server, service, database, (struct text){NULL, 0},
                          SQL_DATABASE, SQL_READ);
}

/* A privilege that gives no access by itself (temporary tables, locks) is in excess in a database
 * where the policy allows the service nothing: with any privilege there it sees the names of the
 * objects. */
static bool is_elsewhere(const struct comparing *c, const struct right *right, int service)
{
    if (right->level == ON_SERVER)
        return enters(c, service, TEXT("~")) == MUST_NOT;
    for (size_t i = 0; i < c->server->schema_count; i++) {
        if (right_covers(c->server, right, c->server->schemas[i]) &&
            enters(c, service, c->server->schemas[i]) == MUST_NOT)
            return true;
    }
    return false;
}

/* The bits of a right that are in excess for a service. */
static uint64_t judge_right(const struct comparing *c, const struct right *right, int service)
{
    enum allowance known[SQL_EXECUTE + 1] = {MAY};
    bool asked[SQL_EXECUTE + 1] = {false};
    uint64_t excess = 0;

    for (int i = 0; i < PRIVILEGE_COUNT; i++) {
        unsigned access = privilege_access(i);
        if (!(right->bits & 1ull << i))
            continue;
        if (access == FOR_GRANT ||
            (access == FOR_ADMIN && !allowed_administration(c->audit, service)) ||
            (access == FOR_ANY && is_elsewhere(c, right, service)))
            excess |= 1ull << i;
        if (access > SQL_EXECUTE)
            continue;
        if (!asked[access]) {
            const uint8_t one = (uint8_t)access;
            asked[access] = true;
            known[access] = MAY;
            if (right->level == ON_SERVER)
                known[access] = allowed_server(c->audit, c->server, service, one, right);
            else if (right->level == ON_TABLE || right->level == ON_COLUMN)
                known[access] = allowed_object(c->audit, c->server, service, right->database,
                                               right->name, SQL_TABLE, one);
            else if (right->level == ON_ROUTINE)
                known[access] = allowed_object(c->audit, c->server, service, right->database,
                                               right->name, SQL_ROUTINE, one);
            for (size_t s = 0; right->level == ON_DATABASE && s < c->server->schema_count; s++) {
                if (right_covers(c->server, right, c->server->schemas[s]) &&
                    allowed_database(c->audit, c->server, service, c->server->schemas[s], one) ==
                        MUST_NOT)
                    known[access] = MUST_NOT;
            }
            /* A pattern with % also covers databases that do not exist yet. `_` is not taken for a
             * wildcard here: it is common in names. */
            if (right->level == ON_DATABASE && !c->accounts->literal && right->database.length &&
                memchr(right->database.at, '%', right->database.length) &&
                allowed_database(c->audit, c->server, service, right->database, one) == MUST_NOT)
                known[access] = MUST_NOT;
        }
        if (known[access] == MUST_NOT)
            excess |= 1ull << i;
    }
    return excess;
}

static struct text on_of(const struct comparing *c, const struct right *right)
{
    struct audit *audit = c->audit;

    switch (right->level) {
    case ON_SERVER:
        return TEXT("*.*");
    case ON_DATABASE:
        return audit_format(audit, "%.*s.*", TEXT_ARGS(right->database));
    case ON_COLUMN:
        return audit_format(audit, "%.*s.%.*s (%.*s)", TEXT_ARGS(right->database),
                            TEXT_ARGS(right->name), TEXT_ARGS(right->column));
    case ON_ROUTINE:
        return audit_format(audit, "%.*s %.*s.%.*s", TEXT_ARGS(right->routine_type),
                            TEXT_ARGS(right->database), TEXT_ARGS(right->name));
    case ON_PROXY:
        return audit_format(audit, "%.*s@%.*s", TEXT_ARGS(right->name), TEXT_ARGS(right->database));
    case ON_TABLE:
        break;
    }
    return audit_format(audit, "%.*s.%.*s", TEXT_ARGS(right->database), TEXT_ARGS(right->name));
}

/* Appends to a list. */
static void add_right(struct audit *audit, struct audit_right **list, struct audit_right right)
{
    while (*list)
        list = &(*list)->next;
    *list = arena_take(&audit->arena, sizeof(**list));
    **list = right;
}

static unsigned access_of(const struct right *right, uint64_t bits)
{
    unsigned access = 0;

    for (int i = 0; i < PRIVILEGE_COUNT; i++)
        access |= bits & 1ull << i ? privilege_access(i) : 0;
    return right->dynamic.at || right->level == ON_PROXY ? FOR_ADMIN : access;
}

static void add_grant(struct comparing *c, const struct right *right, uint64_t bits)
{
    add_right(c->audit, &c->missing,
              (struct audit_right){.on = on_of(c, right),
                                   .privileges = privileges_words(bits, &c->audit->arena),
                                   .access = access_of(right, bits)});
    grants_add(c, right, bits);
}

static void note_excess(struct comparing *c, const struct right *right, uint64_t bits,
                        struct text via)
{
    add_right(c->audit, &c->excess,
              (struct audit_right){
                  .on = on_of(c, right),
                  .privileges = right->dynamic.at ? right->dynamic
                                : right->level == ON_PROXY
                                    ? TEXT("PROXY")
                                    : privileges_words(bits, &c->audit->arena),
                  .via = via,
                  .database = right->level == ON_SERVER ? TEXT("%") : right->database,
                  .name = right->level >= ON_TABLE ? right->name : (struct text){NULL, 0},
                  .access = access_of(right, bits)
    });
}

/* Finds rights in excess: of the account, of PUBLIC, and of the account's roles. */
static void find_excess(struct comparing *c)
{
    struct audit_accounts *accounts = c->accounts;
    int service = c->grantee->service;

    for (size_t i = 0; i < accounts->right_count; i++) {
        struct right *right = &accounts->rights[i];
        const struct grantee *holder = &accounts->grantees[right->grantee];
        bool direct = right->grantee == c->number, public = holder->is_public;
        bool role =
            !direct && !public && roles_way(accounts, c->number, right->grantee) != ROLE_NONE;
        if (!direct && !public && !role)
            continue;
        uint64_t excess = judge_right(c, right, service);
        bool dynamic = (right->dynamic.at || right->level == ON_PROXY) &&
                       !allowed_administration(c->audit, service);
        if (!excess && !dynamic)
            continue;
        note_excess(c, right, excess,
                    direct   ? (struct text){NULL, 0}
                    : public ? TEXT("everybody")
                             : roles_describe(c->audit, accounts, c->number, right->grantee));
        if (role) {
            roles_mark_excess(accounts, c->number, right->grantee);
        } else {
            right->excess |= excess;
            right->dynamic_excess |= dynamic;
        }
    }
}

/* The bits that this account has at login, at `level` and the levels above it, without those in
 * excess. */
static uint64_t has_bits(const struct comparing *c, struct text database, struct text name,
                         enum right_level level)
{
    const struct audit_accounts *accounts = c->accounts;
    uint64_t bits = 0;

    for (size_t i = 0; i < accounts->right_count; i++) {
        const struct right *right = &accounts->rights[i];
        bool holds = right->grantee == c->number || accounts->grantees[right->grantee].is_public ||
                     roles_way(accounts, c->number, right->grantee) == ROLE_AT_LOGIN;
        if (!holds || right->dynamic.at)
            continue;
        bool covers = (right->level == ON_SERVER && !right_is_restricted(accounts, right)) ||
                      (right->level == ON_DATABASE && right_covers(c->server, right, database)) ||
                      (right->level == level && level >= ON_TABLE &&
                       text_equal(right->database, database) && text_equal_fold(right->name, name));
        if (covers)
            bits |= right->bits & ~right->excess;
    }
    return bits;
}

/* The account's own row for a database, with its name escaped or not. */
static const struct right *own_row(const struct comparing *c, struct text database)
{
    const struct right *found = NULL;

    for (size_t i = 0; i < c->accounts->right_count; i++) {
        const struct right *right = &c->accounts->rights[i];
        if (right->level == ON_DATABASE && right->grantee == c->number &&
            right_covers(c->server, right, database) &&
            (c->accounts->literal || !memchr(right->database.at, '%', right->database.length)) &&
            (!found || memchr(right->database.at, '\\', right->database.length)))
            found = right;
    }
    return found;
}

/* A database's name as GRANT needs it: wildcards escaped. */
static struct text escaped(const struct comparing *c, struct text database)
{
    char name[512];
    size_t length = 0;

    for (size_t i = 0; i < database.length && length + 2 < sizeof(name); i++) {
        if (!c->accounts->literal && memchr("_%\\", database.at[i], 3))
            name[length++] = '\\';
        name[length++] = database.at[i];
    }
    return audit_keep(c->audit, (struct text){name, length});
}

static bool owns_in(const struct comparing *c, struct text database)
{
    const struct config_service *service = &c->audit->config->services[c->grantee->service];

    if (service->database.line && text_equal_fold(service->database.value, database))
        return true;
    for (size_t i = 0; i < c->server->object_count; i++) {
        if (c->server->objects[i].owner == c->grantee->service &&
            text_equal(c->server->objects[i].schema, database))
            return true;
    }
    return allowed_object(c->audit, c->server, c->grantee->service, database, TEXT("~"), SQL_TABLE,
                          SQL_DEFINE) == MUST;
}

/* The privileges that should be granted on the whole database. */
static uint64_t wanted_database(const struct comparing *c, struct text database)
{
    static const uint8_t accesses[] = {SQL_READ, SQL_WRITE, SQL_DEFINE, SQL_EXECUTE};
    uint64_t bits = 0;

    for (size_t i = 0; i < sizeof(accesses); i++) {
        if (allowed_database(c->audit, c->server, c->grantee->service, database, accesses[i]) ==
            MUST)
            bits |= privileges_for(accesses[i], IN_DATABASE, c->server->is_mariadb);
    }
    if (owns_in(c, database))
        bits |= privileges_for(FOR_ANY, IN_DATABASE, c->server->is_mariadb);
    return bits;
}

static void grant_objects(struct comparing *c, struct text database, uint64_t whole)
{
    static const uint8_t accesses[] = {SQL_READ, SQL_WRITE, SQL_DEFINE, SQL_EXECUTE};

    for (size_t i = 0; i < c->server->object_count; i++) {
        const struct audit_object *object = &c->server->objects[i];
        bool routine = object->type >= AUDIT_PROCEDURE;
        if (!text_equal(object->schema, database) || object->type == AUDIT_EVENT_OBJECT)
            continue;
        struct right right = {.level = routine ? ON_ROUTINE : ON_TABLE,
                              .database = database,
                              .name = object->name,
                              .routine_type = object->type == AUDIT_PROCEDURE  ? TEXT("PROCEDURE")
                                              : object->type == AUDIT_FUNCTION ? TEXT("FUNCTION")
                                                                               : TEXT("PACKAGE")};
        uint64_t wanted = 0;
        for (size_t j = 0; j < sizeof(accesses); j++) {
            if (allowed_object(c->audit, c->server, c->grantee->service, database, object->name,
                               routine ? SQL_ROUTINE : SQL_TABLE, accesses[j]) == MUST)
                wanted |= privileges_for(accesses[j], routine ? IN_ROUTINE : IN_TABLE,
                                         c->server->is_mariadb);
        }
        if (object->type == AUDIT_BASE_TABLE)
            wanted &= ~PRIVILEGE(SHOW_VIEW);
        wanted &= ~(whole | has_bits(c, database, object->name, right.level));
        if (wanted)
            add_grant(c, &right, wanted);
    }
}

/* Tables are granted first, because a new right on the database hides the rights by a pattern. */
static void find_missing(struct comparing *c)
{
    for (size_t i = 0; i < c->server->schema_count; i++) {
        const struct text database = c->server->schemas[i];
        if (text_equal_fold(database, TEXT("information_schema")))
            continue;
        uint64_t wanted = wanted_database(c, database);
        grant_objects(c, database, wanted);
        const struct right *row = own_row(c, database);
        uint64_t missing = wanted & ~has_bits(c, database, (struct text){NULL, 0}, ON_DATABASE);
        if (!missing)
            continue;
        struct right right = {.level = ON_DATABASE,
                              .database = row ? row->database : escaped(c, database)};
        add_grant(c, &right, wanted & ~(row ? row->bits & ~row->excess : 0));
    }
}

static bool is_governed(const struct grantee *grantee)
{
    return grantee->service != SERVICE_NONE && !grantee->is_role && !grantee->is_public;
}

static struct comparing begin(struct audit *audit, struct audit_server *server, uint32_t number)
{
    const struct grantee *grantee = &server->accounts->grantees[number];

    return (struct comparing){.audit = audit,
                              .server = server,
                              .accounts = server->accounts,
                              .grantee = grantee,
                              .number = number,
                              .account = quote_account(audit, grantee)};
}

/* May the account use this view or routine, with its own rights or by any of its roles? */
static bool may_use(const struct comparing *c, const struct audit_finding *finding)
{
    const uint64_t wanted =
        finding->kind == AUDIT_ROUTINE ? PRIVILEGE(EXECUTE) : PRIVILEGE(SELECT) | PRIVILEGE(INSERT);

    for (size_t i = 0; i < c->accounts->right_count; i++) {
        const struct right *right = &c->accounts->rights[i];
        bool covers =
            right->level == ON_SERVER ||
            (right->level == ON_DATABASE && right_covers(c->server, right, finding->schema)) ||
            (right->level >= ON_TABLE && right->level <= ON_ROUTINE &&
             text_equal(right->database, finding->schema) &&
             text_equal_fold(right->name, finding->name) &&
             (right->level == ON_ROUTINE) == (finding->kind == AUDIT_ROUTINE));
        if ((right->bits & wanted) && covers &&
            (right->grantee == c->number || c->accounts->grantees[right->grantee].is_public ||
             roles_way(c->accounts, c->number, right->grantee) != ROLE_NONE))
            return true;
    }
    return false;
}

/* Names the accounts of other services that may use a view or routine with a finding. Through it
 * they reach the data of its owner and of others, with the definer's rights or their own. */
static void name_users(struct audit *audit, struct audit_server *server)
{
    for (size_t f = 0; f < audit->finding_count; f++) {
        struct audit_finding *finding = &audit->findings[f];
        struct text users = {NULL, 0};
        if ((finding->kind != AUDIT_VIEW && finding->kind != AUDIT_ROUTINE) ||
            !text_equal(finding->upstream, server->name))
            continue;
        for (uint32_t i = 0; i < server->accounts->grantee_count; i++) {
            struct comparing c = begin(audit, server, i);
            if (is_governed(c.grantee) && c.grantee->service != finding->owner &&
                may_use(&c, finding))
                users =
                    audit_format(audit, "%.*s%s%.*s@%.*s", TEXT_ARGS(users), users.at ? ", " : "",
                                 TEXT_ARGS(c.grantee->user), TEXT_ARGS(c.grantee->host));
        }
        finding->users = users;
    }
}

void accounts_judge(struct audit *audit, struct audit_server *server)
{
    struct audit_accounts *accounts = server->accounts;
    struct audit_right **excess =
        memory_take_zeroed((accounts->grantee_count + 1) * sizeof(*excess));

    grants_own_account(audit, server);
    for (uint32_t i = 0; i < accounts->grantee_count; i++) {
        struct comparing c = begin(audit, server, i);
        if (is_governed(c.grantee))
            find_excess(&c);
        excess[i] = c.excess;
    }
    for (uint32_t i = 0; i < accounts->grantee_count; i++) {
        struct comparing c = begin(audit, server, i);
        const struct config_service *service =
            is_governed(c.grantee) ? &audit->config->services[c.grantee->service] : NULL;
        if (service && service->upstream_index == server->upstream)
            find_missing(&c);
        if (!c.missing && !excess[i])
            continue;
        struct audit_finding *finding = audit_add(audit, server, AUDIT_ACCOUNT);
        finding->name = audit_format(audit, "%.*s@%.*s", TEXT_ARGS(c.grantee->user),
                                     TEXT_ARGS(c.grantee->host));
        finding->owner = c.grantee->service;
        finding->missing = c.missing;
        finding->excess = excess[i];
        finding->crosses = excess[i] != NULL;
    }
    grants_revoke_mandatory(audit, server);
    for (uint32_t i = 0; i < accounts->grantee_count; i++) {
        struct comparing c = begin(audit, server, i);
        if (is_governed(c.grantee) || c.grantee->is_public)
            grants_revoke_roles(&c);
        if (is_governed(c.grantee) || c.grantee->is_public)
            grants_revoke(&c, i, c.account);
    }
    free(excess);
    name_users(audit, server);
}
