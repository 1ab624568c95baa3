/* The oracle of judging, for the fuzzer and the unit tests: judging changes nothing that is
 * believed; judged twice, the ruling is the same; what would be recorded is what was judged. Never
 * off, whatever the command.
 */
#ifndef TESTS_FUZZ_JUDGED_H
#define TESTS_FUZZ_JUDGED_H

#include <stdio.h>
#include <stdlib.h>

#include "config/config.h"
#include "judge/judge.h"

struct judged {
    struct belief belief;
    struct binding binding;
    struct ruling one, two;
    const struct config *volatile config; /* volatile: kept, so that it is no leak */
    uint32_t ids;                         /* of prepared statements */
};

#define JUDGED_INI                                                                                 \
    "[proxy]\nlisten = 127.0.0.1:1\nadmin = off\n[policy]\nmode = block\nunowned = log\n"          \
    "undetermined = block\nadministration = log\n[upstream:main]\naddress = 127.0.0.1:2\n"         \
    "[log]\nviolations = /dev/null\n[service:own]\nuser = own\nupstream = main\n"                  \
    "database = own\nalias = shop\nalias = db\nowns = own.*\n[service:other]\nupstream = main\n"   \
    "owns = clinical.*\nowns = secret.*\n"

static inline bool judged_thread(const struct binding *binding, uint64_t id, uint32_t *thread)
{
    (void)binding;
    *thread = 7;
    return id == 5;
}

static inline bool judged_over(uint64_t id)
{
    return id == 6;
}

/* What another session of the service has prepared begins with a p. */
static inline bool judged_branch(const struct binding *binding, struct text xid)
{
    (void)binding;
    return xid.length > 2 && xid.at[2] == 'p';
}

/* `config` must live as long. */
static inline void judged_begin(struct judged *judged, const struct config *config)
{
    struct config_problems problems = {0};

    judged->config = config;
    judged->binding.policy = policy_build(config, 0, &problems);
    judged->binding.router = router_build(config, NULL);
    judged->binding.upstream_name = "main";
    judged->binding.service = 0;
    judged->binding.find_thread = judged_thread;
    judged->binding.is_over = judged_over;
    judged->binding.find_branch = judged_branch;
    config_problems_fini(&problems);
    if (!judged->binding.policy)
        abort();
}

static inline void judged_broken(const char *why, struct text text)
{
    fprintf(stderr, "BROKEN: %s: %.*s\n", why, TEXT_ARGS(text));
    abort();
}

static inline bool judged_same_verdict(const struct verdict *a, const struct verdict *b)
{
    return a->action == b->action && a->reason == b->reason && a->object == b->object &&
           a->owner == b->owner && a->rule == b->rule;
}

static inline bool judged_same_change(const struct change *a, const struct change *b)
{
    if (!a || !b)
        return a == b;
    if (a->has_state != b->has_state || a->unknown != b->unknown || a->several != b->several ||
        a->remembers != b->remembers || !a->preparing != !b->preparing ||
        a->written.count != b->written.count || a->xa_count != b->xa_count)
        return false;
    return !a->has_state ||
           (a->state.mode == b->state.mode && a->state.mode_known == b->state.mode_known &&
            a->state.charset == b->state.charset && a->state.lossy == b->state.lossy &&
            text_equal(sql_state_database(&a->state), sql_state_database(&b->state)));
}

static inline void judged_compare(const struct ruling *a, const struct ruling *b, struct text text)
{
    if (a->outcome != b->outcome)
        judged_broken("another outcome", text);
    if (a->outcome == RULING_ASK)
        return;
    if (!judged_same_verdict(&a->strictest, &b->strictest) || a->parts != b->parts)
        judged_broken("another verdict", text);
    if (a->violation_count != b->violation_count || a->has_rest != b->has_rest)
        judged_broken("other violations", text);
    if (a->refusal.code != b->refusal.code || strcmp(a->refusal.message, b->refusal.message) != 0)
        judged_broken("other words", text);
    if (a->outcome == RULING_REFUSE && (a->refusal.code == 0 || !a->refusal.message[0]))
        judged_broken("a refusal without words", text);
    if (a->rewrite_count != b->rewrite_count)
        judged_broken("other rewrites", text);
    for (unsigned i = 0; i < a->rewrite_count; i++) {
        if (a->rewrites[i].offset != b->rewrites[i].offset ||
            (i > 0 &&
             a->rewrites[i].offset < a->rewrites[i - 1].offset + a->rewrites[i - 1].length))
            judged_broken("rewrites that are not in order", text);
    }
    if (!judged_same_change(a->change, b->change))
        judged_broken("another change", text);
}

/* What would be written: each violation's facts give the verdict that was found. */
static inline void judged_records(const struct belief *belief, const struct binding *binding,
                                  struct ruling *ruling)
{
    unsigned action = VERDICT_ALLOW, found = 0;

    for (;;) {
        for (unsigned i = 0; i < ruling->violation_count; i++) {
            const struct ruling_part *part = &ruling->violations[i];
            const struct sql_facts *facts = judge_facts(belief, binding, part, ruling);
            struct verdict verdict;
            policy_check(binding->policy, binding->service, facts,
                         belief->state.lower_case_table_names > 0, ruling->today, &verdict);
            if (!judged_same_verdict(&verdict, &part->verdict))
                judged_broken("what is recorded is not what was judged", ruling->text);
            if (part->verdict.action > action)
                action = part->verdict.action;
            found++;
        }
        if (!ruling->has_rest)
            break;
        judge_rest(belief, binding, ruling);
    }
    if (action != ruling->strictest.action || (found == 0 && action != VERDICT_ALLOW))
        judged_broken("a violation that is not recorded", ruling->text);
}

static inline void judged_once(struct judged *judged, struct ruling *ruling, unsigned what,
                               struct text text)
{
    const struct belief *belief = &judged->belief;
    uint32_t thread, id = text.length > 0 ? (uint8_t)text.at[0] % 4 : 0;
    const struct prepared *prepared = prepared_find(&belief->prepared, id);

    ruling_begin(ruling, 1);
    switch (what) {
    case 0:
        judge_prepare(belief, &judged->binding, text, ruling);
        return;
    case 1:
        judge_init_db(belief, &judged->binding, text, ruling);
        return;
    case 2:
        judge_kill(belief, &judged->binding, 5 + id, &thread, ruling);
        return;
    case 3:
        if (prepared)
            judge_execute(belief, &judged->binding, prepared, true, ruling);
        return;
    default:
        judge_text(belief, &judged->binding, text, ruling);
    }
}

/* One command: judged twice, then with its answer. `what` chooses the command; `good` the answer.
 */
static inline void judged_command(struct judged *judged, unsigned what, bool good, struct text text)
{
    struct belief before;
    size_t bytes = sql_session_bytes(judged->belief.remembered);

    memcpy(&before, &judged->belief, sizeof(before));
    judged_once(judged, &judged->one, what, text);
    judged_once(judged, &judged->two, what, text);
    if (what == 3 && judged->one.parts == 0)
        return;
    judged_compare(&judged->one, &judged->two, text);
    if (judged->one.outcome != RULING_ASK && !(what == 0 && judged->one.outcome == RULING_ALLOW))
        judged_records(&judged->belief, &judged->binding, &judged->two);
    if (memcmp(&before, &judged->belief, sizeof(before)) != 0 ||
        bytes != sql_session_bytes(judged->belief.remembered))
        judged_broken("judging changes what is believed", text);
    if (judged->one.outcome == RULING_ASK) {
        judged->belief.asked = true;
        judged->belief.must_ask = false;
        judged->belief.state.mode_known = good;
        judged->belief.state.charset = SQL_UTF8;
        return;
    }
    if (judged->one.outcome == RULING_REFUSE)
        return;
    struct change *change = ruling_take_change(&judged->one);
    if (change && change->preparing && good) {
        prepared_add(&judged->belief.prepared, change->preparing, judged->ids++ % 4);
        change->preparing = NULL;
    }
    ruling_commit(&judged->one, &judged->belief, change, good);
}

static inline void judged_end(struct judged *judged)
{
    ruling_begin(&judged->one, 0);
    ruling_begin(&judged->two, 0);
    belief_forget(&judged->belief);
}

#endif
