/* Judges a command's text, statement by statement: each is read in the state that the one before
 * it leaves behind, and the strictest verdict holds for all.
 *
 * If the state after a statement cannot be known (it sets sql_mode from an expression), the rest
 * is read in every possible way. These readings are a set, each with its own position and state.
 * The one with the smallest position always goes on first, and two readings with the same position
 * and state become one. So the work stays linear in the text, however often a state is lost.
 */
#include <assert.h>
#include <string.h>

#include "judge/judging.h"
#include "sql/analyze.h"

static const struct sql_state *state_of(const struct judging *judging,
                                        const struct ruling_reading *reading)
{
    return reading->has_state ? &reading->state : &judging->belief->state;
}

/* --- readings --- */

static bool same_state(const struct sql_state *a, const struct sql_state *b)
{
    return a->mode == b->mode && a->mode_known == b->mode_known && a->charset == b->charset &&
           a->lossy == b->lossy && a->database_unknown == b->database_unknown &&
           text_equal(sql_state_database(a), sql_state_database(b));
}

/* False: there is no room for it. */
static bool add_reading(struct ruling_walk *walk, const struct ruling_reading *reading)
{
    for (unsigned i = 0; i < walk->count; i++) {
        const struct ruling_reading *other = &walk->readings[i];
        if (other->offset == reading->offset && other->done == reading->done &&
            same_state(&other->state, &reading->state))
            return true;
    }
    if (walk->count == RULING_READINGS)
        return false;
    walk->readings[walk->count++] = *reading;
    return true;
}

/* The reading with the smallest position; NULL: all have reached the end. */
static struct ruling_reading *furthest_behind(struct ruling_walk *walk)
{
    struct ruling_reading *least = NULL;

    for (unsigned i = 0; i < walk->count; i++) {
        struct ruling_reading *reading = &walk->readings[i];
        if (!reading->done && (!least || reading->offset < least->offset))
            least = reading;
    }
    return least;
}

/* After this statement only the server knows the session's state; what was remembered of the
 * session is not certain any more. */
static void lose_way(struct judging *judging, const struct ruling_reading *reading)
{
    struct change *change = ruling_change(judging->ruling);

    change->has_state = change->unknown = change->remembers = true;
    change->state = *state_of(judging, reading);
    sql_state_lose_mode(&change->state);
    change->state.charset = SQL_CHARSET_UNKNOWN;
    change->remembered = sql_session_lost(reading->remembered, &change->arena);
}

/* Continues the reading under each possible sql_mode. */
static void branch(struct judging *judging, struct ruling_walk *walk,
                   struct ruling_reading *reading)
{
    static const uint8_t modes[] = {0, SQL_ANSI_QUOTES, SQL_ANSI_QUOTES | SQL_MSSQL,
                                    SQL_ANSI_QUOTES | SQL_ORACLE};
    struct ruling_reading one = *reading;
    size_t count = state_of(judging, reading)->dialect == SQL_MARIADB ? 8 : 4;

    if (!walk->ambiguous && !judging->repeats)
        lose_way(judging, reading);
    walk->ambiguous = true;
    one.state = *state_of(judging, reading);
    one.has_state = one.state.mode_known = true;
    one.remembered = NULL;
    *reading = walk->readings[--walk->count];
    for (size_t i = 0; i < count; i++) {
        one.state.mode = (uint8_t)(modes[i / 2] | (i % 2 ? SQL_NO_BACKSLASH_ESCAPES : 0));
        walk->lost |= !add_reading(walk, &one);
    }
}

/* --- one statement --- */

static void apply(struct judging *judging, struct ruling_walk *walk, struct ruling_reading *reading,
                  const struct sql_facts *facts)
{
    const unsigned states = SQL_EFFECT_DATABASE | SQL_EFFECT_DATABASE_DROPPED | SQL_EFFECT_MODE |
                            SQL_EFFECT_CHARSET | SQL_EFFECT_LOSSY | SQL_EFFECT_UNKNOWN;

    /* It is not known what an undetermined statement that is allowed has changed. */
    if ((facts->effects & SQL_EFFECT_UNKNOWN || !facts->determined) && !judging->repeats)
        ruling_change(judging->ruling)->unknown = true;
    if (facts->traces && !judging->repeats)
        ruling_change(judging->ruling)->traced = true;
    if (facts->effects & states) {
        if (!reading->has_state)
            reading->state = judging->belief->state;
        reading->has_state = true;
        sql_state_apply(&reading->state, facts);
        if (walk->ambiguous && !judging->repeats)
            judging->ruling->change->state.lossy |= reading->state.lossy;
    }
    if (facts->xa && !judging->repeats)
        ruling_note_xa(judging->ruling, facts);
    statement_leaves_table(judging->ruling, facts, !walk->ambiguous);
    if (facts->effects & SQL_EFFECT_SESSION && !walk->ambiguous)
        reading->remembered =
            sql_session_after(reading->remembered, facts, &ruling_change(judging->ruling)->arena);
    if (facts->effects & SQL_EFFECT_SESSION && walk->ambiguous && !judging->repeats) {
        struct change *change = ruling_change(judging->ruling);
        change->remembered = sql_session_unite(change->remembered, facts, &change->arena);
    }
}

static void rule(struct judging *judging, const struct ruling_walk *walk,
                 const struct ruling_reading *reading, struct sql_facts *facts, size_t end,
                 uint32_t from)
{
    struct place place = {.start = reading->offset,
                          .end = end,
                          .state = state_of(judging, reading),
                          .remembered = reading->remembered,
                          .from = from};

    place.unmapped = !names_map(judging, facts, !walk->ambiguous);
    names_branch(judging, facts, reading->offset == 0);
    moves_map(judging, facts, place.state, !walk->ambiguous);
    asks_note(judging->ruling, facts);
    statement_rule(judging, facts, &place);
}

/* Reads a batch of the statement's list of names, mostly the whole list. False: how it is read
 * depends on something that is not known. */
static bool read_batch(struct judging *judging, struct ruling_walk *walk,
                       struct ruling_reading *reading, uint32_t from, size_t *end)
{
    struct sql_facts *facts = &judging->ruling->scratch;

    *end = sql_analyze_batch(judging->ruling->text, reading->offset, from,
                             state_of(judging, reading), reading->remembered, facts);
    statement_unknown(judging->belief, facts);
    if (facts->needs_mode)
        return false;
    rule(judging, walk, reading, facts, *end, from);
    statement_note_likeness(judging, facts);
    walk->named |= facts->object_count > 0;
    walk->effects |= facts->effects;
    if (facts->effects & (SQL_EFFECT_MODE | SQL_EFFECT_UNKNOWN))
        walk->mode_print =
            walk->ambiguous || facts->effects & SQL_EFFECT_UNKNOWN ? 0 : facts->mode_print;
    if (facts->effects || facts->traces || facts->xa || facts->leaves || !facts->determined)
        apply(judging, walk, reading, facts);
    return true;
}

/* Judges the next statement. False: the server must be asked for its sql_mode first. */
static bool step(struct judging *judging, struct ruling_walk *walk, struct ruling_reading *reading)
{
    const struct belief *belief = judging->belief;
    const struct text text = judging->ruling->text;
    bool known = state_of(judging, reading)->mode_known;
    uint32_t from = 0;
    size_t end;

    for (;;) {
        if (!read_batch(judging, walk, reading, from, &end)) {
            if (!belief->asked && !belief->state.mode_known)
                return false;
            branch(judging, walk, reading);
            return true;
        }
        if (from)
            statement_ends(judging->ruling, reading->offset, end);
        if (judging->ruling->scratch.list_next == 0)
            break;
        from = judging->ruling->scratch.list_next;
        walk->batched = true;
    }
    reading->offset = end;
    reading->done = end >= text.length;
    if (known && !state_of(judging, reading)->mode_known && !reading->done)
        branch(judging, walk, reading);
    return true;
}

/* There are more readings than can be followed: the rest of the text is undetermined. */
static void give_up(struct judging *judging, struct ruling_walk *walk)
{
    struct sql_facts *facts = &judging->ruling->scratch;
    const struct ruling_reading *reading = furthest_behind(walk);

    memset(facts, 0, offsetof(struct sql_facts, objects));
    facts->why = "a text that can be read in more ways than are followed";
    rule(judging, walk, reading, facts, judging->ruling->text.length, 0);
    walk->effects |= SQL_EFFECT_UNKNOWN;
    walk->mode_print = 0;
    walk->count = 0;
}

/* Reads all the rest. False: the server must be asked. */
static bool read_on(struct judging *judging, struct ruling_walk *walk)
{
    struct ruling *ruling = judging->ruling;
    struct ruling_reading *reading;

    while ((reading = furthest_behind(walk)) != NULL) {
        if (walk->lost) {
            give_up(judging, walk);
            break;
        }
        /* Violations that do not fit into the ruling are judged again after the first ones are
         * recorded. */
        if (ruling->violation_count == RULING_PARTS && !ruling->has_rest) {
            ruling->rest = *walk;
            ruling->has_rest = true;
            if (judging->repeats)
                return true;
        }
        if (!step(judging, walk, reading))
            return false;
    }
    return true;
}

/* --- the whole text --- */

/* Has the text bytes whose meaning depends on the character set? Then that must be known first. */
static bool depends_on_charset(struct text text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c >= 0x80 || c == '`' || c == '[' || c == ']' || (c >= '{' && c <= '~') || c == '\\' ||
            c == '^')
            return true;
    }
    return false;
}

static bool must_ask(const struct belief *belief, struct text text)
{
    if (belief->asked)
        return false;
    return belief->must_ask ||
           (belief->state.charset == SQL_CHARSET_UNKNOWN && depends_on_charset(text));
}

/* Keeps the command's change of the state, if there was only one reading. */
static void keep_change(struct judging *judging, const struct ruling_reading *reading)
{
    struct ruling *ruling = judging->ruling;

    if (reading->has_state) {
        struct change *change = ruling_change(ruling);
        change->has_state = true;
        change->state = reading->state;
    }
    if (reading->remembered != judging->belief->remembered) {
        struct change *change = ruling_change(ruling);
        change->remembers = true;
        change->remembered = reading->remembered;
    }
}

/* Judges the text from its beginning. False: the server must be asked. */
static bool read_all(struct judging *judging, struct ruling_walk *walk)
{
    walk->count = 1;
    walk->ambiguous = walk->lost = walk->batched = walk->named = false;
    walk->effects = 0;
    walk->mode_print = 0;
    walk->readings[0].offset = 0;
    walk->readings[0].done = walk->readings[0].has_state = false;
    walk->readings[0].remembered = judging->belief->remembered;
    if (!read_on(judging, walk))
        return false;
    if (walk->ambiguous)
        judging->ruling->works = false;
    else
        keep_change(judging, &walk->readings[0]);
    statement_conclude(judging);
    return true;
}

/* As read_all. Before an expired password is changed the server does not tell its
 * lower_case_table_names, which a restart may have changed: both ways are judged, and the stricter
 * ruling holds. */
static bool read_both_folds(struct judging *judging, struct ruling_walk *walk)
{
    struct ruling *ruling = judging->ruling;

    if (!judging->belief->expired || !judging->belief->asked)
        return read_all(judging, walk);
    const struct belief other = unasked_belief(judging->belief, 1);
    struct judging second = {.belief = &other, .binding = judging->binding, .ruling = ruling};
    if (!read_all(&second, walk) || ruling->outcome == RULING_REFUSE)
        return true;
    const unsigned violations = ruling->violation_count;
    unasked_begin(ruling);
    if (!read_all(judging, walk) || ruling->outcome == RULING_REFUSE ||
        ruling->violation_count >= violations)
        return true;
    unasked_begin(ruling);
    return read_all(&second, walk);
}

/* Judges the text in every possible way without asking the server. False: the server's answer is
 * needed. */
static bool read_unasked(struct judging *judging, struct ruling_walk *walk)
{
    /* the server is asked for these later */
    const unsigned states =
        SQL_EFFECT_MODE | SQL_EFFECT_CHARSET | SQL_EFFECT_LOSSY | SQL_EFFECT_UNKNOWN;
    struct ruling *ruling = judging->ruling;

    if (!unasked_may_be(judging->belief, ruling->text))
        return false;
    const bool tells = unasked_tells(ruling->text, &judging->belief->state);
    unsigned fold = unasked_folds(judging->belief);
    do {
        const struct belief belief = unasked_belief(judging->belief, --fold);
        struct judging unasked = {.belief = &belief, .binding = judging->binding, .ruling = ruling};
        unasked_begin(ruling);
        if (!read_all(&unasked, walk) || !unasked_is_enough(ruling) || (walk->named && !tells))
            return false;
    } while (fold > 0);
    if (!walk->ambiguous)
        return !(walk->effects & ~(states | (tells ? SQL_EFFECT_SESSION : 0)));
    if (walk->effects)
        return false;
    unasked_settle(ruling);
    return true;
}

void judge_text(const struct belief *belief, const struct binding *binding, struct text text,
                struct ruling *ruling)
{
    struct judging judging = {.belief = belief, .binding = binding, .ruling = ruling};
    struct ruling_walk walk; /* large and mostly unused, so it is not zeroed */

    ruling->text = text;
    const bool asks = must_ask(belief, text) || !read_both_folds(&judging, &walk);
    if (asks ? !read_unasked(&judging, &walk)
             : ruling->wants_charset && !unasked_tells(text, &belief->state)) {
        ruling->outcome = RULING_ASK;
        return;
    }
    if (ruling->change) {
        ruling->change->several = ruling->parts > 1;
        change_sets(ruling->change, walk.effects, walk.mode_print);
    }
    if (ruling->parts == 1 && !walk.batched)
        ruling->facts = &ruling->scratch;
}

void judge_rest(const struct belief *belief, const struct binding *binding, struct ruling *ruling)
{
    struct judging judging = {
        .belief = belief, .binding = binding, .ruling = ruling, .repeats = true};
    struct ruling_walk walk = ruling->rest;

    assert(ruling->has_rest);
    ruling->violation_count = 0;
    ruling->has_rest = false;
    read_on(&judging, &walk);
}

const struct sql_facts *judge_facts(const struct belief *belief, const struct binding *binding,
                                    const struct ruling_part *part, struct ruling *ruling)
{
    struct judging judging = {
        .belief = belief, .binding = binding, .ruling = ruling, .repeats = true};
    struct sql_facts *facts = &ruling->scratch;

    if (ruling->facts)
        return ruling->facts;
    sql_analyze_batch(ruling->text, part->start, part->from, &part->state, part->remembered, facts);
    statement_unknown(belief, facts);
    names_map(&judging, facts, true);
    names_branch(&judging, facts, part->start == 0);
    if (part->unmapped)
        facts->determined = false;
    return facts;
}

/* False: the server must be asked. */
static bool prepare(struct judging *judging)
{
    struct ruling *ruling = judging->ruling;
    const struct belief *belief = judging->belief;
    const struct text text = ruling->text;
    struct sql_facts *facts = &ruling->scratch;
    struct place place = {
        .end = text.length, .state = &belief->state, .remembered = belief->remembered};

    size_t end = sql_analyze(text, 0, &belief->state, belief->remembered, facts);
    sql_session_doubt_value(facts);
    /* By its execution the server may have told how it compares names; now it is not known. */
    facts->determined &= !belief->expired || facts->object_count == 0;
    statement_unknown(belief, facts);
    if (facts->needs_mode && !belief->asked)
        return false;
    if (end < text.length && facts->determined) {
        facts->determined = false;
        facts->why = "several statements cannot be prepared as one";
    }
    if (facts->effects & SQL_EFFECT_KILL && text.at[facts->thread_offset] == '@') {
        facts->determined = false;
        facts->why = "KILL of a variable that is read when it is executed";
    }
    place.unmapped = !names_map(judging, facts, true);
    names_branch(judging, facts, true);
    moves_map(judging, facts, place.state, true);
    statement_rule(judging, facts, &place);
    statement_conclude(judging);
    ruling->facts = facts;
    return true;
}

/* May the PREPARE alone run a routine? MariaDB evaluates deterministic functions early. */
static bool may_call(const struct judging *judging, const struct sql_facts *facts)
{
    bool calls = !facts->determined;

    for (uint32_t i = 0; i < facts->object_count; i++)
        calls |= facts->objects[i].access & SQL_EXECUTE;
    return calls && judging->belief->state.dialect == SQL_MARIADB;
}

/* Keeps what its executions are judged by. */
static void keep_prepared(struct judging *judging)
{
    const struct belief *belief = judging->belief;
    struct ruling *ruling = judging->ruling;

    if (ruling->outcome != RULING_ALLOW)
        return;
    if (!may_call(judging, ruling->facts))
        ruling->violation_count = 0; /* because its executions are judged and recorded */
    memset(ruling->allowed, 0, sizeof(ruling->allowed));
    struct change *change = ruling_change(ruling);
    change->remembered = sql_session_described(belief->remembered, ruling->facts, &change->arena);
    change->remembers = change->remembered != belief->remembered;
    change->written.count = ruling->used.count = 0;
    ruling->leaves = 0;
    change->preparing =
        prepared_new(ruling->text, ruling->touched ? PREPARED_TEXT_MOVED : PREPARED_TEXT,
                     ruling->facts, &belief->state);
    change->preparing->mode = belief_mode(belief);
    change->preparing->print = sql_moved_print(ruling->moved, ruling->facts);
}

/* As read_unasked: after a question the next statement's answer would be about the question and
 * not about this statement. */
static bool prepare_unasked(struct judging *judging)
{
    struct ruling *ruling = judging->ruling;

    if (!unasked_may_be(judging->belief, ruling->text) ||
        !unasked_tells(ruling->text, &judging->belief->state))
        return false;
    unsigned fold = unasked_folds(judging->belief);
    do {
        const struct belief belief = unasked_belief(judging->belief, --fold);
        struct judging unasked = {.belief = &belief, .binding = judging->binding, .ruling = ruling};
        unasked_begin(ruling);
        if (!prepare(&unasked) || !unasked_is_enough(ruling) || ruling->facts->effects != 0)
            return false;
        if (fold == 0)
            keep_prepared(&unasked);
    } while (fold > 0);
    return true;
}

void judge_prepare(const struct belief *belief, const struct binding *binding, struct text text,
                   struct ruling *ruling)
{
    struct judging judging = {.belief = belief, .binding = binding, .ruling = ruling};

    ruling->text = text;
    const bool asks = must_ask(belief, text) || !prepare(&judging);
    if (!asks && ruling->wants_charset && !unasked_tells(text, &belief->state))
        ruling->outcome = RULING_ASK;
    else if (!asks)
        keep_prepared(&judging);
    else if (!prepare_unasked(&judging))
        ruling->outcome = RULING_ASK;
}
