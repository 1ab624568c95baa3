/* Judges executions of prepared statements. The kept facts are those of the PREPARE; but after a
 * table in it has changed, the server reads the text again, in the sql_mode and character set of
 * the execution. If the text can mean something else then, both readings are judged.
 */
#include <string.h>

#include "judge/judging.h"
#include "sql/analyze.h"
#include "sql/reread.h"

/* The facts as they are now: a temporary table that existed at PREPARE may be gone, an XA
 * transaction may have ended, a handler may be open over another table. The kept facts are not
 * changed. */
static const struct sql_facts *renewed(const struct belief *belief, const struct prepared *prepared,
                                       struct sql_facts *scratch)
{
    const struct sql_facts *kept = prepared->facts;
    bool same = true;

    for (uint32_t i = 0; i < kept->object_count; i++)
        same &= !kept->objects[i].session_only;
    same &= !kept->session.handler.at;
    same &= kept->xa != SQL_XA_ENDS && kept->xa != SQL_XA_JOINS;
    if (same)
        return kept;
    memcpy(scratch, kept,
           offsetof(struct sql_facts, objects) + kept->object_count * sizeof(kept->objects[0]));
    sql_session_renew(belief->remembered, scratch);
    return scratch;
}

/* Was one of its tables the session's own at PREPARE, and is another's now? */
static bool has_come_to_be_real(const struct sql_facts *kept, const struct sql_facts *now)
{
    for (uint32_t i = 0; i < kept->object_count; i++) {
        if (kept->objects[i].session_only && !now->objects[i].session_only)
            return true;
    }
    return false;
}

/* What the execution does to the session. `several`: the text is read in two ways, and only one of
 * them is the server's. */
static void change(struct judging *judging, const struct sql_facts *facts, bool several)
{
    const struct belief *belief = judging->belief;
    struct ruling *ruling = judging->ruling;

    /* MariaDB runs it in the database of its PREPARE and returns to the current one. So a USE in
     * it has a lasting effect only if the two are the same. */
    const unsigned asks = SQL_EFFECT_UNKNOWN | SQL_EFFECT_DATABASE | SQL_EFFECT_DATABASE_DROPPED;
    /* To which mode or character set a SET leads, may depend on the state of its execution. */
    const unsigned reads = SQL_EFFECT_MODE | SQL_EFFECT_CHARSET | SQL_EFFECT_LOSSY;
    const bool doubtful = facts->effects & reads && (facts->relative || several);
    if (!facts->determined || facts->effects & asks || doubtful)
        ruling_change(ruling)->unknown = true;
    if (facts->traces)
        ruling_change(ruling)->traced = true;
    if (facts->xa)
        ruling_note_xa(ruling, facts);
    statement_leaves_table(ruling, facts, !several);
    if (facts == &ruling->scratch)
        statement_note_likeness(judging, &ruling->scratch);
    /* Facts about the session that are known now may not have been known when it was prepared. */
    if (facts->effects & SQL_EFFECT_SESSION || sql_session_disturbed(belief->remembered, facts)) {
        struct change *change = ruling_change(ruling);
        const struct sql_session *before =
            change->remembers ? change->remembered : belief->remembered;
        change->remembered = several ? sql_session_unite(sql_session_lost(before, &change->arena),
                                                         facts, &change->arena)
                                     : sql_session_after(before, facts, &change->arena);
        change->remembers = true;
    }
    if (!facts->effects)
        return;
    struct change *change = ruling_change(ruling);
    if (!change->has_state)
        change->state = belief->state;
    change->has_state = true;
    sql_state_apply(&change->state, facts);
    change_sets(change, facts->effects,
                several || facts->effects & SQL_EFFECT_UNKNOWN ? 0 : facts->mode_print);
    if (doubtful) {
        sql_state_lose_mode(&change->state);
        change->state.charset = SQL_CHARSET_UNKNOWN;
        change->state.lossy = SQL_LOSSY;
    }
}

struct sql_state execute_state(const struct belief *belief, const struct sql_state *then)
{
    struct sql_state state = *then;

    state.mode = belief->state.mode;
    state.mode_known = belief->state.mode_known;
    state.escapes_known = belief->state.escapes_known;
    state.charset = belief->state.charset;
    state.lossy = belief->state.lossy;
    return state;
}

/* Judges the text again, as the server may read it at this execution. */
static void read_again(struct judging *judging, const struct prepared *prepared, bool executes)
{
    const struct belief *belief = judging->belief;
    struct ruling *ruling = judging->ruling;
    struct sql_facts *facts = &ruling->scratch;
    struct sql_state state = execute_state(belief, &prepared->state);
    struct place place = {
        .end = prepared->text_length, .state = &state, .remembered = belief->remembered};

    size_t end = sql_analyze(ruling->text, 0, &state, belief->remembered, facts);
    sql_session_doubt_value(facts);
    if (facts->determined && (prepared->cut || end < prepared->text_length)) {
        facts->determined = false;
        facts->why = "a long statement that was prepared in another sql_mode or character set";
    }
    place.unmapped = !names_map(judging, facts, false);
    names_branch(judging, facts, true);
    if (executes)
        moves_touch(judging, facts);
    statement_rule(judging, facts, &place);
    ruling->facts = NULL; /* each violation has its own facts */
    if (executes)
        change(judging, facts, true);
}

void judge_long_data(const struct belief *belief, const struct prepared *prepared,
                     struct ruling *ruling)
{
    struct judging judging = {.belief = belief, .ruling = ruling};
    const struct sql_facts *facts = renewed(belief, prepared, &ruling->scratch);

    if (ruling->moved)
        ruling->touched |= sql_moved_touches(ruling->moved, facts);
    moves_stale(&judging, facts, prepared);
}

void judge_execute(const struct belief *belief, const struct binding *binding,
                   const struct prepared *prepared, bool executes, struct ruling *ruling)
{
    struct judging judging = {.belief = belief, .binding = binding, .ruling = ruling};
    struct place place = {
        .end = prepared->text_length, .state = &prepared->state, .remembered = belief->remembered};
    enum sql_alike alike = SQL_READS_ALIKE;

    if (executes)
        alike = sql_reads_alike(&prepared->reading, &belief->state);
    if (alike == SQL_READS_UNKNOWN && !belief->asked) {
        ruling->outcome = RULING_ASK;
        return;
    }
    ruling->text = (struct text){prepared->text, prepared->text_length};
    const struct sql_facts *facts = renewed(belief, prepared, &ruling->scratch);
    ruling->reads_anew = alike != SQL_READS_ALIKE || has_come_to_be_real(prepared->facts, facts);
    if (facts == &ruling->scratch)
        names_branch(&judging, &ruling->scratch, true);
    if (executes) {
        moves_touch(&judging, facts);
        moves_stale(&judging, facts, prepared);
        asks_note(ruling, facts);
    }
    facts = moves_mean(&judging, facts);
    ruling->facts = facts;
    ruling->kind = sql_kind_name((enum sql_kind)facts->kind);
    statement_rule(&judging, facts, &place);
    if (executes)
        change(&judging, facts, alike != SQL_READS_ALIKE);
    if (alike != SQL_READS_ALIKE)
        read_again(&judging, prepared, executes);
    statement_conclude(&judging);
    if (ruling->outcome != RULING_ALLOW || executes)
        return;
    /* nothing is recorded or remembered */
    ruling->violation_count = ruling->used.count = 0;
    memset(ruling->allowed, 0, sizeof(ruling->allowed));
    ruling_drop_change(ruling, ruling_take_change(ruling));
}
