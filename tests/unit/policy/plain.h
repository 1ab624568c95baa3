/* The rules of a verdict written down as plainly as they can be, over lists: what test_random.c
 * holds policy/ against.
 */
#ifndef TESTS_UNIT_POLICY_PLAIN_H
#define TESTS_UNIT_POLICY_PLAIN_H

#include "policy/policy.h"
#include "tests/unit/ini.h"

enum { TODAY = 20000 };

static bool plain_same(char a, char b, bool fold)
{
    return fold ? text_lower(a) == text_lower(b) : a == b;
}

static bool plain_match(const char *glob, const char *name, bool fold)
{
    if (*glob == '*')
        return plain_match(glob + 1, name, fold) || (*name && plain_match(glob, name + 1, fold));
    if (!*glob || !*name)
        return !*glob && !*name;
    return plain_same(*glob, *name, fold) && plain_match(glob + 1, name + 1, fold);
}

/* The two parts of a pattern. */
struct parts {
    char schema[64], name[64];
};

static struct parts plain_parts(struct text pattern)
{
    struct parts parts;
    const char *dot = strchr(pattern.at, '.');

    snprintf(parts.schema, sizeof(parts.schema), "%.*s", (int)(dot - pattern.at), pattern.at);
    snprintf(parts.name, sizeof(parts.name), "%s", dot + 1);
    return parts;
}

static int plain_rank(const struct parts *parts)
{
    int rank = 0;

    rank += strchr(parts->schema, '*') ? 0 : 1000;
    rank += strchr(parts->name, '*') ? 0 : 1000;
    for (const char *c = parts->schema; *c; c++)
        rank += *c != '*';
    for (const char *c = parts->name; *c; c++)
        rank += *c != '*';
    return rank;
}

struct question {
    char schema[24], name[24];
    int service, access;
    bool database, routine, fold;
    bool schema_as_written; /* whatever `fold` says */
};

struct said {
    int action, reason, owner;
};

/* The service whose pattern is the most specific of those that match; -1: none. */
static int plain_owner(const struct config *config, const struct question *q)
{
    int best = -1, owner = -1;

    for (size_t i = 0; i < config->service_count; i++) {
        for (size_t j = 0; j < config->services[i].owns.count; j++) {
            struct parts parts = plain_parts(config->services[i].owns.items[j].value);
            if (plain_rank(&parts) > best &&
                plain_match(parts.schema, q->schema, q->fold && !q->schema_as_written) &&
                plain_match(parts.name, q->name, q->fold)) {
                best = plain_rank(&parts);
                owner = (int)i;
            }
        }
    }
    return owner;
}

/* Adds the accesses that one permission covers to those that hold or those that have expired. */
static void plain_permit(const struct question *q, struct text pattern, int access, int until,
                         int *holds, int *expired)
{
    struct parts parts = plain_parts(pattern);
    int *to = until >= TODAY ? holds : expired;

    if (!plain_match(parts.schema, q->schema, q->fold && !q->schema_as_written))
        return;
    if (!q->database) {
        if (plain_match(parts.name, q->name, q->fold))
            *to |= access;
        return;
    }
    *to |= SQL_READ; /* any permission opens the database it is in */
    if (strspn(parts.name, "*") == strlen(parts.name))
        *to |= access;
}

static void plain_grants(const struct config *config, const struct question *q, int *holds,
                         int *expired)
{
    if (q->service < 0)
        return;
    const struct config_service *service = &config->services[q->service];
    for (size_t i = 0; i < service->reads.count; i++)
        plain_permit(q, service->reads.items[i].value, SQL_READ, INT32_MAX, holds, expired);
    for (size_t i = 0; i < config->grant_count; i++) {
        const struct config_grant *grant = &config->grants[i];
        if (!text_equal(grant->service.value, service->name))
            continue;
        for (size_t j = 0; j < grant->on.count; j++)
            plain_permit(q, grant->on.items[j].value, grant->access.bits,
                         grant->until.line ? grant->until.day : INT32_MAX, holds, expired);
    }
}

static int plain_mode(const struct config *config, int service)
{
    if (service >= 0 && config->services[service].mode.line)
        return config->services[service].mode.value;
    return config->policy.mode.value;
}

static int plain_action(int word)
{
    return word == CONFIG_BLOCK ? VERDICT_BLOCK : word == CONFIG_LOG ? VERDICT_LOG : VERDICT_ALLOW;
}

static struct said plain_other(const struct config *config, const struct question *q, int owner,
                               bool expired)
{
    int mode = plain_mode(config, q->service);

    if (text_equal_fold(text_of(q->schema), TEXT("information_schema")))
        return (struct said){VERDICT_ALLOW, REASON_SESSION, owner};
    if (text_equal_fold(text_of(q->schema), TEXT("mysql")))
        return (struct said){mode == CONFIG_OFF ||
                                     config->policy.administration.value == CONFIG_AS_MODE
                                 ? plain_action(mode)
                                 : plain_action(config->policy.administration.value),
                             REASON_SYSTEM, owner};
    if (owner < 0)
        return (struct said){mode == CONFIG_OFF ? VERDICT_ALLOW
                                                : plain_action(config->policy.unowned.value),
                             REASON_UNOWNED, -1};
    for (size_t i = 0; i < config->edge_count && q->service >= 0; i++) {
        if (text_equal(config->edges[i].user, config->services[q->service].name) &&
            text_equal(config->edges[i].owner, config->services[owner].name))
            mode = config->edges[i].mode.value;
    }
    return (struct said){plain_action(mode), expired ? REASON_EXPIRED_GRANT : REASON_FOREIGN,
                         owner};
}

static struct said plain_table(const struct config *config, const struct question *q)
{
    int owner = plain_owner(config, q), holds = 0, expired = 0;

    if (owner >= 0 && owner == q->service)
        return (struct said){VERDICT_ALLOW, REASON_OWN, owner};
    plain_grants(config, q, &holds, &expired);
    if ((q->access & ~holds) == 0)
        return (struct said){VERDICT_ALLOW, REASON_GRANTED, owner};
    return plain_other(config, q, owner, (q->access & ~holds & ~expired) == 0);
}

static struct said plain_foreign(const struct config *config, const struct question *q, int owner)
{
    return plain_other(config, q, owner, false);
}

static bool plain_is_database(const struct config *config, const struct question *q, size_t service)
{
    struct text database = config->services[service].database.value;

    return database.at && (q->fold ? text_equal_fold(database, text_of(q->schema))
                                   : text_equal(database, text_of(q->schema)));
}

/* What there is of ownership in a schema. */
struct plain_silo {
    int whole, whole_rank; /* SCHEMA.* */
    bool has_own;
    int rank[8]; /* each service's most specific pattern there; -1: none */
};

static struct plain_silo plain_silo(const struct config *config, const struct question *q)
{
    struct plain_silo silo = {
        -1, -1, false, {-1, -1, -1, -1, -1, -1, -1, -1}
    };

    for (size_t i = 0; i < config->service_count; i++) {
        for (size_t j = 0; j < config->services[i].owns.count; j++) {
            struct parts parts = plain_parts(config->services[i].owns.items[j].value);
            int rank = plain_rank(&parts);
            if (!plain_match(parts.schema, q->schema, q->fold))
                continue;
            silo.has_own |= (int)i == q->service;
            silo.rank[i] = rank > silo.rank[i] ? rank : silo.rank[i];
            if (strspn(parts.name, "*") == strlen(parts.name) && rank > silo.whole_rank) {
                silo.whole = (int)i;
                silo.whole_rank = rank;
            }
        }
    }
    return silo;
}

/* Of those whose things would be hit, the one that is dealt with the most strictly; -1: none. */
static int plain_obstacle(const struct config *config, const struct question *q,
                          const struct plain_silo *silo)
{
    int worst = -1;
    int64_t worst_score = -1;

    for (int i = 0; i < (int)config->service_count; i++) {
        bool below = silo->whole == q->service && silo->rank[i] <= silo->whole_rank;
        if (i == q->service || silo->rank[i] < 0 || (silo->whole >= 0 && below))
            continue;
        struct question plain = *q; /* a schema that is not the server's own */
        snprintf(plain.schema, sizeof(plain.schema), "x");
        int64_t score = (int64_t)plain_foreign(config, &plain, i).action * 1000000 +
                        (i == silo->whole ? 500000 : 0) + silo->rank[i];
        if (score > worst_score) {
            worst = i;
            worst_score = score;
        }
    }
    return worst;
}

static struct said plain_database(const struct config *config, const struct question *q)
{
    struct plain_silo silo = plain_silo(config, q);
    int obstacle = q->access == SQL_READ ? -1 : plain_obstacle(config, q, &silo);
    int own = 0, holds = 0, expired = 0, initial_db = -1, initial_dbs = 0, owner = -1;

    if (q->service >= 0 && (silo.has_own || plain_is_database(config, q, (size_t)q->service)))
        own = SQL_READ;
    if (q->service >= 0 && silo.whole == q->service && obstacle < 0)
        own = SQL_ACCESS_ALL;
    if ((q->access & ~own) == 0)
        return (struct said){VERDICT_ALLOW, REASON_OWN, q->service};
    plain_grants(config, q, &holds, &expired);
    int missing = q->access & ~own & ~holds;
    if (missing == 0)
        return (struct said){VERDICT_ALLOW, REASON_GRANTED, silo.whole};
    for (int i = 0; i < (int)config->service_count; i++) {
        if (plain_is_database(config, q, (size_t)i)) {
            initial_db = i;
            initial_dbs++;
        }
    }
    if (missing != SQL_READ && obstacle >= 0)
        owner = obstacle;
    else if (silo.whole >= 0 && silo.whole != q->service)
        owner = silo.whole;
    else if (initial_dbs == 1 && initial_db != q->service)
        owner = initial_db;
    struct said said = plain_other(config, q, owner, (missing & ~expired) == 0);
    if (said.reason == REASON_SYSTEM || said.reason == REASON_SESSION)
        said.owner = silo.whole;
    return said;
}

/* Two services with patterns of one rank and a name that both match: looked for among all short
 * names, one part at a time. */
static bool plain_meet(const char *a, const char *b)
{
    for (unsigned length = 0; length <= 8; length++) {
        for (unsigned bits = 0; bits < 1u << length; bits++) {
            char name[16] = "";
            for (unsigned i = 0; i < length; i++)
                name[i] = bits >> i & 1 ? 'a' : 'b';
            if (plain_match(a, name, true) && plain_match(b, name, true))
                return true;
        }
    }
    return plain_match(a, b, true) || plain_match(b, a, true);
}

static bool plain_contradicts(const struct config *config)
{
    for (size_t i = 0; i < config->service_count; i++) {
        for (size_t j = 0; j < config->services[i].owns.count; j++) {
            struct parts a = plain_parts(config->services[i].owns.items[j].value);
            for (size_t k = 0; k < i; k++) {
                for (size_t l = 0; l < config->services[k].owns.count; l++) {
                    struct parts b = plain_parts(config->services[k].owns.items[l].value);
                    if (plain_rank(&a) == plain_rank(&b) && plain_meet(a.schema, b.schema) &&
                        plain_meet(a.name, b.name))
                        return true;
                }
            }
        }
    }
    return false;
}

#endif
