/* The data of a policy. Private to policy/: the files that build it fill it, check.c reads it.
 * Everything that a verdict needs is found by hash, never by searching a list.
 */
#ifndef POLICY_BUILT_H
#define POLICY_BUILT_H

#include "base/index.h"
#include "policy/casefold.h"
#include "policy/matcher.h"
#include "policy/pattern.h"
#include "policy/policy.h"

/* A line of the ini that can decide a verdict. Rule 0: none. */
struct rule {
    const char *text; /* "[service:billing] owns = nilecare.invoices" */
    uint32_t rank;    /* of a pattern */
    uint32_t line;
    int16_t service;
};

/* What is done with an object that is not plainly allowed, for each service and for users without
 * one. */
enum question { ASK_FOREIGN, ASK_UNOWNED, ASK_ADMINISTRATION, ASK_UNDETERMINED, ASK_COUNT };
struct answer {
    uint32_t rule;
    uint8_t action; /* enum verdict_action */
};

enum { ACCESS_BITS = 4, FOR_GOOD = INT32_MAX };

/* At the end of a pattern in a service's tree of grants: for each access, until when and by which
 * rule.
 */
struct permit {
    int32_t until[ACCESS_BITS];
    uint32_t rule[ACCESS_BITS]; /* 0: none */
};

/* At the end of a schema in a service's tree: may the service enter the database? */
struct entry {
    uint32_t own;     /* the rule of one of its own patterns there */
    int32_t until;    /* the last day of the grant that ends last */
    uint32_t granted; /* its rule */
    uint32_t whole;   /* the permit on SCHEMA.*; 0: none */
};

/* At the end of a schema in the tree of ownership. */
struct silo {
    uint32_t whole;  /* the rule SCHEMA.* */
    uint32_t owners; /* the list of all that own something there */
};
struct silo_owner {
    uint32_t rule; /* the most specific rule of that service there */
    uint32_t next; /* 0: the end */
};

/* The service whose `database` a name is. */
struct initial_db {
    uint32_t rule;
    int16_t service; /* SERVICE_NONE: several services have it */
};

/* Indexes of silos, owners, permits, entries and initial_dbs begin at 1; 0: none. */
struct view {
    struct matcher matcher;
    uint32_t ownership; /* the root; values at the ends: silos for schemas, rules for names */
    uint32_t *grants;   /* each service's root; values at the ends: entries for schemas, permits for
                           names */
    struct silo *silos;
    struct silo_owner *silo_owners;
    struct permit *permits;
    struct entry *entries;
    struct initial_db *initial_dbs;
    size_t silo_count, silo_owner_count, permit_count, entry_count, initial_db_count;
    struct index databases; /* to initial_dbs */
    struct text *database;  /* of each service, or none */
    const uint32_t *database_rule;
};

struct policy {
    struct arena arena;
    struct text *names; /* of services */
    size_t service_count;
    struct index index; /* of services by name */
    struct rule *rules;
    size_t rule_count;
    /* service_count + 1: the last one is for users without a service */
    struct answer (*answers)[ASK_COUNT];
    struct answer *edges;
    size_t edge_count;
    struct index edge_index; /* by edge_key */
    struct view views[NAME_FORMS];
    int32_t *last_days; /* of grants with an end, sorted */
    size_t last_day_count;
    char hash[9];
};

/* The key of an edge in the index. It is written to `key`, and the result points there. */
static inline struct text edge_key(int user, int owner, int16_t key[2])
{
    key[0] = (int16_t)user;
    key[1] = (int16_t)owner;
    return (struct text){(const char *)key, 2 * sizeof(key[0])};
}

/* While a policy is built. */
struct owned {
    struct pattern pattern[NAME_FORMS];
    const char *written;
    uint32_t rule;
    int16_t service;
    bool told; /* its contradiction with another was reported */
    unsigned line;
};
struct granted {
    struct pattern pattern[NAME_FORMS];
    const char *key, *written;
    uint32_t rule;
    int32_t until;
    int16_t service;
    uint8_t access;
    bool follows; /* derived from a grant on another name of the same table */
    unsigned line;
};
struct building {
    struct policy *policy;
    const struct config *config;
    struct config_problems *problems;
    struct arena arena; /* freed after the policy is built */
    struct owned *owned;
    struct granted *granted;
    size_t owned_count, granted_count;
};

/* Adds the pattern of a line (policy/build.c). `rule`: the text of a grant. */
bool pattern_take(struct building *building, const char *key, const struct config_text *text,
                  struct pattern pattern[NAME_FORMS]);
void take_owned(struct building *building, size_t service, const struct config_text *text);
void take_granted(struct building *building, const char *key, const struct config_text *text,
                  struct granted granted, const char *rule);
/* Gives both names of moved tables the same owner and grants (policy/moves.c). */
void moves_add(struct building *building);
/* Is it a view that a mover has put aside? It reads a table with the mover's rights, and another
 * service's pattern may match its name. */
bool moves_put_aside(struct text name);

/* Finds two owners for one name, duplicate patterns, and permissions for a service's own objects
 * (policy/contradictions.c). */
void contradictions_find(struct building *building);

/* Builds the trees for one form of names (policy/views.c). `database_rule`: for each service, the
 * rule with its database. */
void view_build(struct view *view, const struct building *building, const uint32_t *database_rule,
                enum name_form form);
void view_fini(struct view *view);

#endif
