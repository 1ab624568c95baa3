/* Judges: facts and a service in, a verdict out. Nothing here allocates, locks or searches a list
 * of patterns. Called for every command, by all threads at the same time.
 *
 * Each object gets the first of these that applies: own, granted, session or information_schema,
 * the server's own schemas, unowned, foreign. The statement gets the strictest verdict of its
 * objects and of the statement as a whole.
 */
#include <assert.h>
#include <string.h>

#include "policy/built.h"
#include "policy/system.h"

/* One object being judged. */
struct judged {
    const struct policy *policy;
    const struct view *view;
    int service; /* or SERVICE_NONE */
    int32_t today;
    struct text schema, name; /* in lower case if case does not count */
    uint8_t access;           /* the wanted access */
    struct verdict *verdict;
};

/* In bytes; servers have names of at most 64 characters. */
enum { NAME_SIZE = 512 };

static void decide(struct judged *judged, enum verdict_reason reason, uint8_t action, uint32_t rule)
{
    const struct rule *decided = &judged->policy->rules[rule];

    judged->verdict->reason = (uint8_t)reason;
    judged->verdict->action = action;
    judged->verdict->line = decided->line;
    judged->verdict->rule = decided->text;
}

static const struct answer *answer(const struct policy *policy, int service, enum question question)
{
    size_t row = service < 0 ? policy->service_count : (size_t)service;

    assert(row <= policy->service_count);
    return &policy->answers[row][question];
}

static void decide_answer(struct judged *judged, enum verdict_reason reason, enum question question)
{
    const struct answer *what = answer(judged->policy, judged->service, question);

    decide(judged, reason, what->action, what->rule);
}

/* What is done when `owner`'s data is used: by the edge, else by the mode. */
static const struct answer *answer_foreign(const struct judged *judged, int owner)
{
    const struct policy *policy = judged->policy;
    int16_t key[2];
    uint32_t edge;

    if (index_find(&policy->edge_index, edge_key(judged->service, owner, key), &edge))
        return &policy->edges[edge];
    return answer(policy, judged->service, ASK_FOREIGN);
}

/* `expired`: a grant, now ended, that would have allowed it; 0: none. */
static void decide_foreign(struct judged *judged, int owner, uint32_t expired)
{
    const struct answer *what = answer_foreign(judged, owner);

    judged->verdict->owner = (int16_t)owner;
    decide(judged, expired ? REASON_EXPIRED_GRANT : REASON_FOREIGN, what->action,
           expired ? expired : what->rule);
}

static int service_of(const struct policy *policy, uint32_t rule)
{
    return rule ? policy->rules[rule].service : SERVICE_NONE;
}

static bool is_closer(const struct policy *policy, uint32_t a, uint32_t b)
{
    return a && (!b || policy->rules[a].rank > policy->rules[b].rank);
}

/* The most specific rule of ownership that matches. */
struct find_owner {
    struct matcher_visit visit;
    const struct judged *judged;
    uint32_t rule;
};

static bool visit_owner(struct matcher_visit *visit, uint32_t node, uint32_t value)
{
    struct find_owner *find = (struct find_owner *)visit;
    const struct policy *policy = find->judged->policy;

    (void)node;
    if (is_closer(policy, value, find->rule))
        find->rule = value;
    return !find->rule || policy->rules[find->rule].rank < PATTERN_EXACT;
}

static bool visit_owner_schema(struct matcher_visit *visit, uint32_t node, uint32_t value)
{
    const struct judged *judged = ((struct find_owner *)visit)->judged;

    (void)value;
    visit->visit = visit_owner;
    bool more = matcher_follow(&judged->view->matcher, node, judged->name, visit);
    visit->visit = visit_owner_schema;
    return more;
}

/* Which of the wanted accesses are covered by a service's grants: by one in force, or by one that
 * has ended. */
struct find_grants {
    struct matcher_visit visit;
    const struct judged *judged;
    uint8_t covered, expired;
    uint32_t rule, expired_rule;
};

static void permit_use(struct find_grants *find, const struct permit *permit)
{
    for (int bit = 0; bit < ACCESS_BITS; bit++) {
        uint8_t access = (uint8_t)(1 << bit);
        if (!permit->rule[bit] || !(find->judged->access & access))
            continue;
        if (permit->until[bit] >= find->judged->today) {
            find->covered |= access;
            find->rule = find->rule ? find->rule : permit->rule[bit];
        } else {
            find->expired |= access;
            find->expired_rule = find->expired_rule ? find->expired_rule : permit->rule[bit];
        }
    }
}

static bool visit_permit(struct matcher_visit *visit, uint32_t node, uint32_t value)
{
    struct find_grants *find = (struct find_grants *)visit;

    (void)node;
    permit_use(find, &find->judged->view->permits[value]);
    return find->covered != find->judged->access;
}

static bool visit_permit_schema(struct matcher_visit *visit, uint32_t node, uint32_t value)
{
    const struct judged *judged = ((struct find_grants *)visit)->judged;

    (void)value;
    visit->visit = visit_permit;
    bool more = matcher_follow(&judged->view->matcher, node, judged->name, visit);
    visit->visit = visit_permit_schema;
    return more;
}

/* An object that is neither the service's own nor granted to it. */
static void decide_other(struct judged *judged, int owner, uint8_t missing,
                         const struct find_grants *grants)
{
    bool expired = (missing & ~grants->expired) == 0;
    bool catalogue = text_equal_fold(judged->schema, TEXT("information_schema"));

    if (catalogue && system_tells_of_others(judged->name))
        decide_answer(judged, REASON_SYSTEM, ASK_ADMINISTRATION);
    else if (catalogue || (system_schema(judged->schema) &&
                           system_is_open(judged->schema, judged->name, judged->access)))
        decide(judged, REASON_SESSION, VERDICT_ALLOW, 0);
    else if (system_is_silogates(judged->schema) || system_schema(judged->schema))
        decide_answer(judged, REASON_SYSTEM, ASK_ADMINISTRATION);
    else if (owner == SERVICE_NONE)
        decide_answer(judged, REASON_UNOWNED, ASK_UNOWNED);
    else
        decide_foreign(judged, owner, expired ? grants->expired_rule : 0);
}

/* A table, view, sequence or routine. */
static void judge_named(struct judged *judged)
{
    const struct view *view = judged->view;
    struct find_owner find = {.visit = {.visit = visit_owner_schema}, .judged = judged};
    struct find_grants grants = {.visit = {.visit = visit_permit_schema}, .judged = judged};

    matcher_follow(&view->matcher, view->ownership, judged->schema, &find.visit);
    int owner = service_of(judged->policy, find.rule);
    judged->verdict->owner = (int16_t)owner;
    if (owner != SERVICE_NONE && owner == judged->service) {
        decide(judged, REASON_OWN, VERDICT_ALLOW, find.rule);
        return;
    }
    if (judged->service != SERVICE_NONE)
        matcher_follow(&view->matcher, view->grants[judged->service], judged->schema,
                       &grants.visit);
    if (grants.covered == judged->access)
        decide(judged, REASON_GRANTED, VERDICT_ALLOW, grants.rule);
    else
        decide_other(judged, owner, judged->access & (uint8_t)~grants.covered, &grants);
}

/* Finds who owns a whole schema, and which other service's objects in it prevent a change of it. */
struct find_silo {
    struct matcher_visit visit;
    const struct judged *judged;
    uint32_t whole;    /* the most specific SCHEMA.* */
    uint32_t obstacle; /* a rule of the owner with the strictest action */
};

static bool visit_whole(struct matcher_visit *visit, uint32_t node, uint32_t value)
{
    struct find_silo *find = (struct find_silo *)visit;
    uint32_t whole = find->judged->view->silos[value].whole;

    (void)node;
    if (is_closer(find->judged->policy, whole, find->whole))
        find->whole = whole;
    return true;
}

/* Compares two obstacles: by the stricter action, then the whole schema's owner, then specificity.
 */
static bool is_worse(const struct find_silo *find, uint32_t a, uint32_t b)
{
    const struct rule *rules = find->judged->policy->rules;

    if (!b)
        return true;
    int by_a = answer_foreign(find->judged, rules[a].service)->action;
    int by_b = answer_foreign(find->judged, rules[b].service)->action;
    if (by_a != by_b)
        return by_a > by_b;
    int whole = service_of(find->judged->policy, find->whole);
    if ((rules[a].service == whole) != (rules[b].service == whole))
        return rules[a].service == whole;
    return rules[a].rank != rules[b].rank ? rules[a].rank > rules[b].rank
                                          : rules[a].service < rules[b].service;
}

/* Visits every service that owns something in that schema: the change would affect all of them. */
static bool visit_obstacles(struct matcher_visit *visit, uint32_t node, uint32_t value)
{
    struct find_silo *find = (struct find_silo *)visit;
    const struct judged *judged = find->judged;
    const struct silo_owner *owners = judged->view->silo_owners;
    bool whole_is_own = service_of(judged->policy, find->whole) == judged->service;

    (void)node;
    for (uint32_t at = judged->view->silos[value].owners; at; at = owners[at].next) {
        uint32_t rule = owners[at].rule;
        if (service_of(judged->policy, rule) == judged->service)
            continue;
        if (find->whole && whole_is_own && !is_closer(judged->policy, rule, find->whole))
            continue;
        if (is_worse(find, rule, find->obstacle))
            find->obstacle = rule;
    }
    return true;
}

static void find_silo(struct find_silo *find)
{
    const struct judged *judged = find->judged;
    const struct view *view = judged->view;

    find->visit.visit = visit_whole;
    matcher_follow(&view->matcher, view->ownership, judged->schema, &find->visit);
    if (judged->access == SQL_READ)
        return;
    find->visit.visit = visit_obstacles;
    matcher_follow(&view->matcher, view->ownership, judged->schema, &find->visit);
}

/* Finds in the service's tree whether it may enter a database, and its grants on SCHEMA.*. */
struct find_entry {
    struct find_grants grants; /* `visit` is its first member */
    uint32_t own;
};

static bool visit_entry(struct matcher_visit *visit, uint32_t node, uint32_t value)
{
    struct find_entry *find = (struct find_entry *)visit;
    const struct judged *judged = find->grants.judged;
    const struct entry *entry = &judged->view->entries[value];
    struct permit enter = {.until = {entry->until}, .rule = {entry->granted}};

    (void)node;
    if (!find->own)
        find->own = entry->own;
    permit_use(&find->grants, &enter);
    if (entry->whole)
        permit_use(&find->grants, &judged->view->permits[entry->whole]);
    return true;
}

/* Entering a database: it is the service's own if it is its `database`, or has an object that it
 * owns. */
static uint32_t own_entry(const struct judged *judged, const struct find_entry *entry)
{
    const struct view *view = judged->view;

    if (judged->service == SERVICE_NONE)
        return 0;
    if (view->database_rule[judged->service] &&
        text_equal(view->database[judged->service], judged->schema))
        return view->database_rule[judged->service];
    return entry->own;
}

static int database_owner(const struct judged *judged, const struct find_silo *silo,
                          uint8_t missing)
{
    const struct view *view = judged->view;
    int whole = service_of(judged->policy, silo->whole);
    uint32_t initial_db;

    if (missing != SQL_READ && silo->obstacle)
        return service_of(judged->policy, silo->obstacle);
    if (whole != SERVICE_NONE && whole != judged->service)
        return whole;
    if (index_find(&view->databases, judged->schema, &initial_db) &&
        view->initial_dbs[initial_db].service != judged->service)
        return view->initial_dbs[initial_db].service;
    return SERVICE_NONE;
}

static void judge_database(struct judged *judged)
{
    const struct view *view = judged->view;
    struct find_silo silo = {.judged = judged};
    struct find_entry entry = {.own = 0};
    struct matcher_visit *visit = &entry.grants.visit;

    entry.grants.visit.visit = visit_entry;
    entry.grants.judged = judged;
    find_silo(&silo);
    if (judged->service != SERVICE_NONE)
        matcher_follow(&view->matcher, view->grants[judged->service], judged->schema, visit);
    uint32_t enter = own_entry(judged, &entry);
    /* Changing or dropping it: it is the service's own if no other service owns anything in it. */
    bool whole = silo.whole && service_of(judged->policy, silo.whole) == judged->service;
    uint8_t own = whole && !silo.obstacle ? SQL_ACCESS_ALL : enter ? SQL_READ : 0;
    uint8_t missing = judged->access & (uint8_t) ~(own | entry.grants.covered);

    judged->verdict->owner = (int16_t)service_of(judged->policy, silo.whole);
    if (!missing && (judged->access & own) == judged->access) {
        judged->verdict->owner = (int16_t)judged->service;
        decide(judged, REASON_OWN, VERDICT_ALLOW, enter);
    } else if (!missing) {
        decide(judged, REASON_GRANTED, VERDICT_ALLOW, entry.grants.rule);
    } else {
        decide_other(judged, database_owner(judged, &silo, missing), missing, &entry.grants);
    }
}

/* One object, by the names of one form. */
static void check_in(enum name_form form, const struct policy *policy, int service,
                     const struct sql_object *object, int32_t today, struct verdict *verdict)
{
    char schema[NAME_SIZE], name[NAME_SIZE];
    struct judged judged = {
        .policy = policy,
        .view = &policy->views[form],
        .service = service,
        .today = today,
        .access = object->access ? object->access : SQL_ACCESS_ALL,
        .verdict = verdict,
    };
    /* Longer than any name of a server? */
    const bool fits = object->schema.length <= NAME_SIZE && object->name.length <= NAME_SIZE;

    *verdict = (struct verdict){.object = VERDICT_NO_OBJECT, .owner = SERVICE_NONE};
    if (fits) {
        judged.schema = schema_in(form, object->schema, schema);
        judged.name = name_in(form, object->name, name);
    }
    if (object->session_only)
        decide(&judged, REASON_SESSION, VERDICT_ALLOW, 0);
    else if (object->schema.length == 0 || !fits)
        decide_answer(&judged, REASON_UNOWNED, ASK_UNOWNED);
    else if (system_is_silogates(judged.schema) && judged.access & ~SQL_READ)
        decide(&judged, REASON_SYSTEM, VERDICT_BLOCK, 0); /* whoever owns it: see check_object */
    else if (object->type == SQL_DATABASE)
        judge_database(&judged);
    else if (moves_put_aside(object->name))
        decide_answer(&judged, REASON_SYSTEM, ASK_ADMINISTRATION);
    else
        judge_named(&judged);
}

/* Of two equally strict verdicts the first one counts, except that an object which passes only
 * because a mode is off comes before an allowed one, so that it is counted. */
static bool is_stricter(const struct verdict *a, const struct verdict *b)
{
    if (a->action != b->action)
        return a->action > b->action;
    return a->reason > REASON_GRANTED && b->reason <= REASON_GRANTED;
}

/* MySQL's cache of routines compares schemas without case, its dictionary does not. */
void policy_check_object(const struct policy *policy, int service, const struct sql_object *object,
                         bool fold, int32_t today, struct verdict *verdict)
{
    struct verdict other;

    if (object->type != SQL_ROUTINE) {
        check_in(fold ? IN_LOWER_CASE : AS_WRITTEN, policy, service, object, today, verdict);
        return;
    }
    check_in(fold ? CASEFOLDED : CASEFOLDED_NAME, policy, service, object, today, verdict);
    if (fold)
        return;
    check_in(CASEFOLDED, policy, service, object, today, &other);
    if (is_stricter(&other, verdict))
        *verdict = other;
}

static bool defines(const struct sql_facts *facts)
{
    for (uint32_t i = 0; i < facts->object_count; i++) {
        if (facts->objects[i].access & SQL_DEFINE)
            return true;
    }
    return false;
}

/* silogate's own schema contains overrides and moves: no client may change anything there, or
 * create a view by which it could. */
static void check_object(const struct policy *policy, int service, const struct sql_facts *facts,
                         uint32_t i, bool fold, int32_t today, struct verdict *verdict)
{
    const struct sql_object *object = &facts->objects[i];

    if (!system_is_silogates(object->schema) || !defines(facts)) {
        policy_check_object(policy, service, object, fold, today, verdict);
        return;
    }
    struct sql_object seen = *object;
    seen.access |= SQL_DEFINE;
    policy_check_object(policy, service, &seen, fold, today, verdict);
}

void policy_check(const struct policy *policy, int service, const struct sql_facts *facts,
                  bool fold, int32_t today, struct verdict *verdict)
{
    struct verdict next;
    struct judged whole = {.policy = policy, .service = service, .verdict = &next};

    *verdict = (struct verdict){.action = VERDICT_ALLOW,
                                .reason = REASON_SESSION,
                                .object = VERDICT_NO_OBJECT,
                                .owner = SERVICE_NONE,
                                .rule = policy->rules[0].text};
    next = *verdict;
    if (facts->administration) {
        decide_answer(&whole, REASON_ADMINISTRATION, ASK_ADMINISTRATION);
        if (is_stricter(&next, verdict))
            *verdict = next;
    }
    if (!facts->determined) {
        decide_answer(&whole, REASON_UNDETERMINED, ASK_UNDETERMINED);
        if (is_stricter(&next, verdict))
            *verdict = next;
    }
    for (uint32_t i = 0; i < facts->object_count; i++) {
        check_object(policy, service, facts, i, fold, today, &next);
        next.object = (uint16_t)i;
        if ((i == 0 && verdict->reason == REASON_SESSION) || is_stricter(&next, verdict))
            *verdict = next;
    }
}
