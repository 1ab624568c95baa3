/* Adds one statement's facts to the ruling. */
#include <string.h>

#include "judge/judging.h"

void statement_unknown(const struct belief *belief, struct sql_facts *facts)
{
    if (belief->disguised) {
        facts->determined = false;
        facts->why =
            "the server's greeting names another version than it reads executable comments "
            "as: is its option 'version' set?";
    } else if (belief->unknown) {
        facts->determined = false;
        facts->why = "the server does not say which database and modes it is in";
    } else if (belief->expired && !facts->determined) {
        facts->why = "the server does not say which database and modes it is in before the "
                     "password, which has expired, is set anew";
    }
}

static bool is_folded(const struct judging *judging)
{
    return judging->belief->state.lower_case_table_names > 0;
}

static int owner_of(const struct judging *judging, const struct sql_facts *facts, uint32_t i,
                    const struct verdict *verdict)
{
    const struct binding *binding = judging->binding;
    struct verdict one;

    if (facts->object_count == 1 && verdict->object == i)
        return verdict->owner;
    policy_check_object(binding->policy, binding->service, &facts->objects[i], is_folded(judging),
                        judging->ruling->today, &one);
    return one.owner;
}

/* Notes owners whose tables it reads after the transaction has written to them. */
static void note_read_again(struct judging *judging, const struct sql_facts *facts,
                            const struct verdict *verdict, const struct owners *written)
{
    struct ruling *ruling = judging->ruling;
    const struct owners *before = &judging->belief->written;

    if (before->count == 0 && judging->written.count == 0)
        return;
    for (uint32_t i = 0; i < facts->object_count; i++) {
        const struct sql_object *object = &facts->objects[i];
        if (!(object->access & SQL_READ) || object->session_only)
            continue;
        int owner = owner_of(judging, facts, i, verdict);
        bool goes_along = written->count == 1 && written->list[0] == owner;
        if (owner != SERVICE_NONE && owner != judging->binding->service && !goes_along &&
            (owners_have(before, owner) || owners_have(&judging->written, owner)))
            owners_add(&ruling->read_again, owner);
    }
}

/* Notes owners whose routines it runs. */
static void note_run(struct judging *judging, const struct sql_facts *facts,
                     const struct verdict *verdict)
{
    for (uint32_t i = 0; i < facts->object_count; i++) {
        if (!(facts->objects[i].access & SQL_EXECUTE))
            continue;
        const int owner = owner_of(judging, facts, i, verdict);
        if (owner != SERVICE_NONE)
            owners_add(&judging->ruling->run, owner);
    }
}

/* Notes the owners of all its objects if a transaction is open, or may be by then. */
static void note_used(struct judging *judging, const struct sql_facts *facts,
                      const struct verdict *verdict)
{
    const struct belief *belief = judging->belief;

    if (!belief->in_transaction && !belief->no_autocommit && judging->ruling->parts == 0)
        return;
    for (uint32_t i = 0; i < facts->object_count; i++) {
        const int owner = owner_of(judging, facts, i, verdict);
        if (owner != SERVICE_NONE && !facts->objects[i].session_only)
            owners_add(&judging->ruling->used, owner);
    }
}

/* Notes owners whose tables it writes or defines. */
static void note_written(struct judging *judging, const struct sql_facts *facts,
                         const struct verdict *verdict)
{
    struct owners written = {.count = 0};

    for (uint32_t i = 0; i < facts->object_count; i++) {
        const struct sql_object *object = &facts->objects[i];
        if (!(object->access & (SQL_WRITE | SQL_DEFINE)) || object->session_only)
            continue;
        int owner = owner_of(judging, facts, i, verdict);
        if (owner != SERVICE_NONE)
            owners_add(&written, owner);
    }
    note_read_again(judging, facts, verdict, &written);
    for (uint8_t i = 0; i < written.count; i++)
        owners_add(&judging->ruling->written, written.list[i]);
    judging->ruling->written.more |= written.more;
}

/* A statement that is read in several ways counts as one violation, even if it is one in several
 * readings. */
static struct ruling_part *part_at(struct ruling *ruling, uint32_t start)
{
    for (unsigned i = 0; i < ruling->violation_count; i++) {
        if (ruling->violations[i].start == start)
            return &ruling->violations[i];
    }
    return NULL;
}

static void keep_part(struct ruling *ruling, const struct verdict *verdict,
                      const struct place *place)
{
    struct ruling_part *part = ruling->has_rest ? NULL : part_at(ruling, (uint32_t)place->start);

    if (ruling->has_rest || (part && verdict->action <= part->verdict.action))
        return;
    if (!part)
        part = &ruling->violations[ruling->violation_count++];
    *part = (struct ruling_part){.verdict = *verdict,
                                 .unmapped = place->unmapped,
                                 .start = (uint32_t)place->start,
                                 .end = (uint32_t)place->end,
                                 .from = place->from,
                                 .state = *place->state,
                                 .remembered = place->remembered};
}

/* Does it use rows, or run code? TRUNCATE empties the tables under a MERGE table; ALTER TABLE reads
 * them, and its errors show their values. */
static bool uses_anything(const struct sql_facts *facts)
{
    const bool only_names = facts->kind == SQL_CREATE_TABLE || facts->kind == SQL_DROP_TABLE ||
                            facts->kind == SQL_RENAME_TABLE;

    for (uint32_t i = 0; i < facts->object_count; i++) {
        const struct sql_object *object = &facts->objects[i];
        if (object->access & (SQL_READ | SQL_WRITE | SQL_EXECUTE))
            return true;
        if (!only_names && object->type == SQL_TABLE && object->access & SQL_DEFINE)
            return true;
    }
    return !facts->determined;
}

/* What the session's temporary MERGE tables stand on must still be allowed: see sql_session_union.
 * Returns the facts that the verdict is about. */
static const struct sql_facts *rule_unions(struct judging *judging, const struct sql_facts *facts,
                                           struct verdict *verdict)
{
    const struct binding *binding = judging->binding;
    const struct sql_session *remembered = judging->belief->remembered;
    const struct sql_facts *united, *decides = facts;
    struct verdict one;

    if (!remembered || !uses_anything(facts))
        return facts;
    for (unsigned next = 0;
         verdict->action != VERDICT_BLOCK && (united = sql_session_union(remembered, &next));) {
        policy_check(binding->policy, binding->service, united, is_folded(judging),
                     judging->ruling->today, &one);
        if (one.action <= verdict->action)
            continue;
        *verdict = one;
        decides = united;
    }
    return decides;
}

void statement_note_likeness(const struct judging *judging, struct sql_facts *facts)
{
    const struct binding *binding = judging->binding;
    struct verdict one;

    for (uint32_t i = 0; facts->likeness && i < facts->object_count; i++) {
        const struct sql_object *object = &facts->objects[i];
        if (object->session_only)
            continue;
        policy_check_object(binding->policy, binding->service, object, is_folded(judging),
                            judging->ruling->today, &one);
        if (one.reason != REASON_OWN)
            return;
    }
    sql_session_own_likeness(facts);
}

/* It runs stored code, or another text than its own, or is not understood. */
static bool is_opaque(const struct sql_facts *facts)
{
    bool calls = !facts->determined || facts->kind == SQL_CALL || facts->kind == SQL_COMPOUND ||
                 facts->kind == SQL_EXECUTE_STATEMENT || facts->kind == SQL_EXECUTE_IMMEDIATE;

    for (uint32_t i = 0; i < facts->object_count && !calls; i++)
        calls = facts->objects[i].access & SQL_EXECUTE;
    return calls;
}

/* Does it define anything but a temporary table of the session's? */
static bool defines(const struct sql_facts *facts)
{
    bool yes = false;

    for (uint32_t i = 0; i < facts->object_count && !yes; i++)
        yes = facts->objects[i].access & SQL_DEFINE && !facts->objects[i].session_only;
    return yes;
}

/* Does what is held stay as it is, except for what the answer's status tells of the transaction?
 * Kinds that are not certain are not here: LOCK TABLES unlocks first also where it fails, and DROP
 * TABLE ends it with the last locked table. */
static bool keeps(const struct sql_facts *facts)
{
    switch ((unsigned)facts->kind) {
    case SQL_EMPTY:
    case SQL_SELECT:
    case SQL_TABLE_STATEMENT:
    case SQL_VALUES_STATEMENT:
    case SQL_INSERT:
    case SQL_REPLACE:
    case SQL_UPDATE:
    case SQL_DELETE:
    case SQL_LOAD_DATA:
    case SQL_LOAD_XML:
    case SQL_USE:
    case SQL_SET:
    case SQL_COMMIT:
    case SQL_ROLLBACK:
    case SQL_SAVEPOINT:
    case SQL_RELEASE:
    case SQL_KILL:
    case SQL_EXPLAIN:
    case SQL_SHOW:
    case SQL_HELP:
    case SQL_HANDLER:
    case SQL_DO:
    case SQL_PREPARE:
    case SQL_DEALLOCATE:
    case SQL_SIGNAL:
    case SQL_DIAGNOSTICS:
        return facts->determined;
    case SQL_CREATE_TABLE:
    case SQL_DROP_TABLE:
        return facts->determined && !defines(facts);
    default:
        return false;
    }
}

static bool is_servers_own(struct text schema)
{
    return text_equal_fold(schema, TEXT("information_schema")) ||
           text_equal_fold(schema, TEXT("performance_schema"));
}

/* Does it, inside of a transaction, keep the lock of a table until the transaction's end? */
static bool works(const struct sql_facts *facts)
{
    bool yes = false;

    switch ((unsigned)facts->kind) {
    case SQL_SELECT:
    case SQL_TABLE_STATEMENT:
    case SQL_INSERT:
    case SQL_REPLACE:
    case SQL_UPDATE:
    case SQL_DELETE:
    case SQL_LOAD_DATA:
    case SQL_LOAD_XML:
        break;
    default:
        return false;
    }
    for (uint32_t i = 0; i < facts->object_count && !yes; i++) {
        const struct sql_object *object = &facts->objects[i];
        yes = object->type == SQL_TABLE && !object->session_only && !is_servers_own(object->schema);
    }
    return yes;
}

/* In the order of the text: what was done before a transaction's end does not count. */
static void note_held(struct ruling *ruling, const struct sql_facts *facts)
{
    const bool ends = facts->leaves & SQL_ENDS_TRANSACTION;
    const bool reverts = facts->kind == SQL_ROLLBACK && !ends;

    ruling->opaque |= is_opaque(facts);
    ruling->reverts |= reverts;
    ruling->breaks |= !keeps(facts);
    if (!keeps(facts) || ends || reverts)
        ruling->works = false;
    else if (works(facts))
        ruling->works = true;
}

void statement_rule(struct judging *judging, const struct sql_facts *facts,
                    const struct place *place)
{
    const struct binding *binding = judging->binding;
    struct ruling *ruling = judging->ruling;
    struct verdict verdict;

    policy_check(binding->policy, binding->service, facts, is_folded(judging), ruling->today,
                 &verdict);
    const struct sql_facts *decided = rule_unions(judging, facts, &verdict);
    const struct verdict worded = verdict;
    if (decided != facts)
        verdict.object = VERDICT_NO_OBJECT; /* none of the statement's own */
    bool plain = verdict.action == VERDICT_ALLOW && verdict.reason <= REASON_GRANTED;
    if (!plain)
        keep_part(ruling, &verdict, place);
    if (judging->repeats)
        return;
    if (place->from == 0) {
        judging->plain = true;
        judging->reason = 0;
        judging->written = ruling->written;
    }
    judging->plain &= plain;
    if (verdict.reason > judging->reason)
        judging->reason = (uint8_t)verdict.reason;
    if (judging->plain && !facts->list_next)
        ruling->allowed[judging->reason]++;
    if (verdict.action == VERDICT_BLOCK && ruling->refusal.message[0] == '\0')
        words_refuse(binding, decided, &worded, &ruling->refusal);
    if (ruling->parts == 0 || verdict.action > ruling->strictest.action)
        ruling->strictest = verdict;
    ruling->undetermined |= !facts->determined;
    note_written(judging, facts, &verdict);
    note_run(judging, facts, &verdict);
    note_used(judging, facts, &verdict);
    ruling->leaves |= facts->leaves & (uint16_t)~SQL_LEAVES_TABLE; /* see statement_leaves_table */
    note_held(ruling, facts);
    if (place->from == 0)
        ruling->parts++;
}

void statement_leaves_table(struct ruling *ruling, const struct sql_facts *facts, bool certain)
{
    if (!certain || !sql_session_takes_table(facts))
        ruling->leaves |= facts->leaves & SQL_LEAVES_TABLE;
}

void statement_ends(struct ruling *ruling, size_t start, size_t end)
{
    struct ruling_part *part = part_at(ruling, (uint32_t)start);

    if (part)
        part->end = (uint32_t)end;
}

void statement_conclude(struct judging *judging)
{
    struct ruling *ruling = judging->ruling;

    if (ruling->parts == 0 || ruling->strictest.action == VERDICT_BLOCK) {
        ruling->outcome = RULING_REFUSE;
        return;
    }
    ruling->outcome = RULING_ALLOW;
    if (ruling->written.count > 0 || ruling->written.more)
        ruling_change(ruling)->written = ruling->written;
}
