/* What the policy allows a service on an object, a database and a whole server. MUST: the object is
 * its own, or granted to it. MUST_NOT: the access would be logged or blocked. MAY: the access
 * passes only because of `mode = off` or `unowned = allow`, so privileges for it are neither
 * granted nor revoked.
 *
 * A right on a database includes names that do not exist yet, so the policy is asked about such
 * names too: one that no pattern is likely to match, and one for each pattern of the policy in that
 * database.
 */
#include <stdlib.h>
#include <string.h>

#include "catalogue/accounts.h"
#include "policy/pattern.h"

static const struct text nameless = {"~", 1};

enum allowance allowed_object(const struct audit *audit, const struct audit_server *server,
                              int service, struct text schema, struct text name, uint8_t type,
                              uint8_t access)
{
    struct verdict verdict = audit_judge(audit, server, service, schema, name, type, access);

    if (verdict.action != VERDICT_ALLOW)
        return MUST_NOT;
    return verdict.reason == REASON_OWN || verdict.reason == REASON_GRANTED ? MUST : MAY;
}

/* Sets *all to the lower of the two. */
static void lower(enum allowance *all, enum allowance one)
{
    if (one < *all)
        *all = one;
}

static bool same_schema(const struct audit_server *server, struct text a, struct text b)
{
    return server->lower_case_table_names ? text_equal_fold(a, b) : text_equal(a, b);
}

/* A name that the pattern matches: "billing_~" for "billing_*". */
static struct text example_of(struct text glob, char *name, size_t size)
{
    size_t length = glob.length < size ? glob.length : size;

    memcpy(name, glob.at, length);
    for (size_t i = 0; i < length; i++)
        name[i] = name[i] == '*' ? '~' : name[i];
    return (struct text){name, length};
}

/* Asks for a name of each pattern that another service owns, whether objects of such a name exist
 * or not. */
static void ask_patterns(const struct audit *audit, const struct audit_server *server, int service,
                         struct text schema, uint8_t type, uint8_t access, enum allowance *all)
{
    for (size_t i = 0; i < audit->config->service_count; i++) {
        const struct config_list *owns = &audit->config->services[i].owns;
        for (size_t j = 0; (int)i != service && j < owns->count && *all != MUST_NOT; j++) {
            const struct text written = owns->items[j].value;
            const char *dot = memchr(written.at, '.', written.length);
            char name[256];
            if (!dot || !glob_match((struct text){written.at, (size_t)(dot - written.at)}, schema))
                continue;
            const struct text glob = {dot + 1, written.length - (size_t)(dot + 1 - written.at)};
            lower(all, allowed_object(audit, server, service, schema,
                                      example_of(glob, name, sizeof(name)), type, access));
        }
    }
}

static void ask_type(const struct audit *audit, const struct audit_server *server, int service,
                     struct text schema, uint8_t type, uint8_t access, enum allowance *all)
{
    lower(all, allowed_object(audit, server, service, schema, nameless, type, access));
    for (size_t i = 0; i < server->object_count && *all != MUST_NOT; i++) {
        const struct audit_object *object = &server->objects[i];
        bool routine = object->type >= AUDIT_PROCEDURE;
        if (routine == (type == SQL_ROUTINE) && same_schema(server, object->schema, schema))
            lower(all, allowed_object(audit, server, service, schema, object->name, type, access));
    }
    ask_patterns(audit, server, service, schema, type, access, all);
}

enum allowance allowed_database(const struct audit *audit, const struct audit_server *server,
                                int service, struct text schema, uint8_t access)
{
    enum allowance all = MUST;

    if (access != SQL_EXECUTE)
        ask_type(audit, server, service, schema, SQL_TABLE, access, &all);
    if (access & (SQL_EXECUTE | SQL_DEFINE))
        ask_type(audit, server, service, schema, SQL_ROUTINE, access, &all);
    return all;
}

enum allowance allowed_server(const struct audit *audit, const struct audit_server *server,
                              int service, uint8_t access, const struct right *right)
{
    enum allowance all = MUST;
    uint64_t bits = 0;

    for (int i = 0; i < PRIVILEGE_COUNT; i++)
        bits |= privilege_access(i) == access ? right->bits & 1ull << i : 0;

    lower(&all, allowed_database(audit, server, service, nameless, access));
    for (size_t i = 0; i < server->schema_count && all != MUST_NOT; i++) {
        const struct text schema = server->schemas[i];
        bool skipped = text_equal_fold(schema, TEXT("information_schema")) ||
                       (bits & ~right_restricted(server->accounts, right, schema)) == 0;
        if (!skipped)
            lower(&all, allowed_database(audit, server, service, schema, access));
    }
    return all;
}

bool allowed_administration(const struct audit *audit, int service)
{
    struct verdict verdict;
    struct sql_facts *facts = memory_take_zeroed(sizeof(*facts));

    facts->determined = facts->administration = true;
    policy_check(audit->policy, service, facts, false, audit->today, &verdict);
    free(facts);
    return verdict.action == VERDICT_ALLOW;
}

uint64_t right_restricted(const struct audit_accounts *accounts, const struct right *right,
                          struct text database)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < accounts->restriction_count; i++) {
        const struct restriction *one = &accounts->restrictions[i];
        if (one->grantee == right->grantee && text_equal(one->database, database))
            bits |= one->bits;
    }
    return bits;
}

bool right_is_restricted(const struct audit_accounts *accounts, const struct right *right)
{
    for (size_t i = 0; i < accounts->restriction_count; i++) {
        if (accounts->restrictions[i].grantee == right->grantee)
            return true;
    }
    return false;
}

/* Does a name match a pattern of GRANT? % and _ are wildcards, but not after a backslash. */
static bool wild_match(struct text pattern, struct text name, bool fold)
{
    size_t p = 0, n = 0, star = SIZE_MAX, back = 0;

    while (n < name.length) {
        bool escaped = p + 1 < pattern.length && pattern.at[p] == '\\';
        char want = p < pattern.length ? pattern.at[p + escaped] : '\0';
        bool same = fold ? text_lower(want) == text_lower(name.at[n]) : want == name.at[n];
        if (p < pattern.length && !escaped && want == '%') {
            star = ++p;
            back = n;
        } else if (p < pattern.length && (same || (!escaped && want == '_'))) {
            p += 1 + escaped;
            n++;
        } else if (star != SIZE_MAX) {
            p = star;
            n = ++back;
        } else {
            return false;
        }
    }
    while (p < pattern.length && pattern.at[p] == '%')
        p++;
    return p == pattern.length;
}

bool right_covers(const struct audit_server *server, const struct right *right,
                  struct text database)
{
    bool fold = server->lower_case_table_names != 0;

    if (server->accounts->literal)
        return fold ? text_equal_fold(right->database, database)
                    : text_equal(right->database, database);
    return wild_match(right->database, database, fold);
}

bool audit_right_reaches(const struct audit_server *server, const struct audit_right *right,
                         struct text schema, struct text name)
{
    bool fold = server->lower_case_table_names != 0;
    struct right covers = {.database = right->database};
    bool all = text_equal(right->database, TEXT("%"));

    if (!all && !right_covers(server, &covers, schema))
        return false;
    return !right->name.at ||
           (fold ? text_equal_fold(right->name, name) : text_equal(right->name, name));
}
