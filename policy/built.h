/* A policy as it is kept. Private to policy/: build.c and its neighbours fill it, check.c reads it.
 * All that a verdict needs is found by hash; nothing is walked through.
 */
#ifndef POLICY_BUILT_H
#define POLICY_BUILT_H

#include "base/index.h"
#include "policy/casefold.h"
#include "policy/matcher.h"
#include "policy/pattern.h"
#include "policy/policy.h"

/* A line of the ini that can decide, as verdicts name it. Rule 0 is none. */
struct rule {
    const char *text; /* "[service:billing] owns = nilecare.invoices" */
    uint32_t rank;    /* of a pattern */
    uint32_t line;
    int16_t service;
};

/* What is done about a thing that is not plainly allowed, for each service and for nobody. */
enum question { ASK_FOREIGN, ASK_UNOWNED, ASK_ADMINISTRATION, ASK_UNDETERMINED, ASK_COUNT };
struct answer {
    uint32_t rule;
    uint8_t action; /* enum verdict_action */
};

enum { ACCESS_BITS = 4, FOR_GOOD = INT32_MAX };

/* At a pattern's end in a service's tree of grants: for each access, until when, and by which rule.
 */
struct permit {
    int32_t until[ACCESS_BITS];
    uint32_t rule[ACCESS_BITS]; /* 0: none */
};

/* At a schema's end in a service's tree: may it enter the database? */
struct entry {
    uint32_t own;     /* the rule of a pattern of its own there */
    int32_t until;    /* the last day of the grant that holds longest */
    uint32_t granted; /* its rule */
    uint32_t whole;   /* the permit on SCHEMA.*; 0: none */
};

/* At a schema's end in the tree of ownership. */
struct silo {
    uint32_t whole;  /* the rule SCHEMA.* */
    uint32_t owners; /* all that own something there, a list */
};
struct silo_owner {
    uint32_t rule; /* the most specific of that service's there */
    uint32_t next; /* 0: the end */
};

/* Whose `database` a name is. */
struct initial_db {
    uint32_t rule;
    int16_t service; /* SERVICE_NONE: of several */
};

/* Silos, their owners, permits, entries and initial_dbs count from 1: 0 is none. */
struct view {
    struct matcher matcher;
    uint32_t ownership; /* the root; the ends' values: silos, then rules */
    uint32_t *grants;   /* each service's root; the ends' values: entries, then permits */
    struct silo *silos;
    struct silo_owner *silo_owners;
    struct permit *permits;
    struct entry *entries;
    struct initial_db *initial_dbs;
    size_t silo_count, silo_owner_count, permit_count, entry_count, initial_db_count;
    struct index databases; /* to initial_dbs */
    struct text *database;  /* each service's own; none where it has none */
    const uint32_t *database_rule;
};

struct policy {
    struct arena arena;
    struct text *names; /* of services */
    size_t service_count;
    struct index index; /* of services by name */
    struct rule *rules;
    size_t rule_count;
    struct answer (*answers)[ASK_COUNT]; /* service_count + 1: the last is for nobody */
    struct answer *edges;
    size_t edge_count;
    struct index edge_index; /* by edge_key */
    struct view views[NAME_FORMS];
    int32_t *last_days; /* of grants that end, in order */
    size_t last_day_count;
    char hash[9];
};

/* The key of an edge in the index: `key` is written and pointed to. */
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
    bool told; /* that it collides with another */
    unsigned line;
};
struct granted {
    struct pattern pattern[NAME_FORMS];
    const char *key, *written;
    uint32_t rule;
    int32_t until;
    int16_t service;
    uint8_t access;
    bool follows; /* from a grant on another name of the same table */
    unsigned line;
};
struct building {
    struct policy *policy;
    const struct config *config;
    struct config_problems *problems;
    struct arena arena; /* for the building alone */
    struct owned *owned;
    struct granted *granted;
    size_t owned_count, granted_count;
};

/* What a line says, taken into the building (policy/build.c). `rule`: the words of a grant. */
bool pattern_take(struct building *building, const char *key, const struct config_text *text,
                  struct pattern pattern[NAME_FORMS]);
void take_owned(struct building *building, size_t service, const struct config_text *text);
void take_granted(struct building *building, const char *key, const struct config_text *text,
                  struct granted granted, const char *rule);
/* Both names of tables that are moved (policy/moves.c). */
void moves_add(struct building *building);
/* Is it a view that a mover has put aside? It reads somebody's table with the mover's rights, and a
 * pattern of another service may take it in. */
bool moves_put_aside(struct text name);

/* Two owners for one name, a pattern said twice, and permissions for what is one's own anyway
 * (policy/contradictions.c). */
void contradictions_find(struct building *building);

/* The trees, of names in one form (policy/views.c). `database_rule`: for each service, the rule
 * that its database stands in. */
void view_build(struct view *view, const struct building *building, const uint32_t *database_rule,
                enum name_form form);
void view_fini(struct view *view);

#endif
