/* Commands without SQL text. */
#include <string.h>

#include "judge/judging.h"
#include "sql/identifier.h"

/* Facts of a command without SQL text, empty so far. */
static struct sql_facts *begin(struct judging *judging, const char *kind)
{
    struct sql_facts *facts = &judging->ruling->scratch;

    memset(facts, 0, offsetof(struct sql_facts, objects));
    facts->determined = true;
    statement_unknown(judging->belief, facts);
    judging->ruling->facts = facts;
    judging->ruling->kind = kind;
    return facts;
}

/* Must the server first be asked for the session's database? */
static bool must_ask(struct judging *judging)
{
    if (!judging->belief->must_ask || judging->belief->asked)
        return false;
    judging->ruling->outcome = RULING_ASK;
    return true;
}

static void conclude(struct judging *judging, const struct sql_state *state)
{
    struct place place = {.end = judging->ruling->text.length, .state = state};

    statement_rule(judging, judging->ruling->facts, &place);
    statement_conclude(judging);
}

/* Replaces `*name` by the name of the table or database that the server will use; if that is not
 * certain, the facts become undetermined. */
static void read_name(const struct judging *judging, struct text *name, struct sql_facts *facts)
{
    const char *why = sql_identifier_table(*name, &judging->belief->state, facts->names, name);

    if (why) {
        facts->determined = false;
        facts->why = why;
    }
}

/* Enters the database `name`. True: another name must be sent to the server; it is in the facts. */
static bool enter(struct judging *judging, struct text name, struct sql_facts *facts)
{
    facts->effects = SQL_EFFECT_DATABASE;
    facts->database = name;
    facts->object_count = 1;
    facts->objects[0] =
        (struct sql_object){.schema = name, .type = SQL_DATABASE, .access = SQL_READ};
    return names_map_database(judging, facts);
}

void judge_init_db(const struct belief *belief, const struct binding *binding, struct text name,
                   struct ruling *ruling)
{
    struct judging judging = {.belief = belief, .binding = binding, .ruling = ruling};
    const struct text asked = name;

    if (must_ask(&judging))
        return;
    struct sql_facts *facts = begin(&judging, "use");
    read_name(&judging, &name, facts);
    bool mapped = name.length > 0 && enter(&judging, name, facts);
    if (mapped && !ruling_rewrite(ruling, 0, (uint32_t)asked.length, facts->database))
        facts->determined = false;
    conclude(&judging, &belief->state);
    if (ruling->outcome != RULING_ALLOW || !(facts->effects & SQL_EFFECT_DATABASE))
        return;
    struct change *change = ruling_change(ruling);
    change->has_state = true;
    change->state = belief->state;
    change->unknown = !facts->determined; /* if it is allowed although it is undetermined, the
                                             database is not known after it */
    sql_state_apply(&change->state, facts);
}

void judge_field_list(const struct belief *belief, const struct binding *binding, struct text table,
                      struct ruling *ruling)
{
    struct judging judging = {.belief = belief, .binding = binding, .ruling = ruling};

    if (must_ask(&judging))
        return;
    struct sql_facts *facts = begin(&judging, "field_list");
    read_name(&judging, &table, facts);
    sql_session_describes(facts);
    facts->object_count = 1;
    facts->objects[0] = (struct sql_object){.schema = sql_state_database(&belief->state),
                                            .name = table,
                                            .type = SQL_TABLE,
                                            .access = SQL_READ};
    moves_map(&judging, facts, &belief->state, false);
    conclude(&judging, &belief->state);
    if (ruling->outcome != RULING_ALLOW || belief->state.dialect != SQL_MARIADB)
        return;
    struct change *change = ruling_change(ruling);
    change->remembered = sql_session_described(belief->remembered, facts, &change->arena);
    change->remembers = change->remembered != belief->remembered;
}

void judge_kill(const struct belief *belief, const struct binding *binding, uint32_t id,
                uint32_t *thread, struct ruling *ruling)
{
    struct judging judging = {.belief = belief, .binding = binding, .ruling = ruling};

    struct sql_facts *facts = begin(&judging, "kill");
    facts->administration = !names_find_thread(&judging, id, thread);
    if (facts->administration)
        *thread = id;
    conclude(&judging, &belief->state);
}

void judge_administration(const struct belief *belief, const struct binding *binding,
                          const char *kind, struct ruling *ruling)
{
    struct judging judging = {.belief = belief, .binding = binding, .ruling = ruling};

    struct sql_facts *facts = begin(&judging, kind);
    facts->administration = true;
    conclude(&judging, &belief->state);
}

void judge_initial_db(const struct sql_state *state, const struct binding *binding,
                      struct text name, struct ruling *ruling)
{
    const struct belief belief = {.state = *state};
    struct judging judging = {.belief = &belief, .binding = binding, .ruling = ruling};
    struct sql_facts *facts = &ruling->scratch;

    ruling->kind = "use";
    ruling->facts = facts;
    memset(facts, 0, offsetof(struct sql_facts, objects));
    facts->determined = true;
    read_name(&judging, &name, facts);
    if (name.length > 0 && binding->service != SERVICE_NONE)
        enter(&judging, name, facts);
    conclude(&judging, &belief.state);
}
