/* Fills in what the pages show of a query. Only here does a running silogate decide which edges a
 * statement stands on, by the rule in violations/summary.h; the report applies the same rule to
 * records. Called by violations/worker.c for the first violation of a kind, never for its repeats.
 */
#include "violations/describe.h"

#include <stdio.h>
#include <string.h>

#include "violations/record.h"

static void copy_text(char *to, size_t size, struct text from)
{
    from = record_cut(from, size - 1);
    if (from.length > 0)
        memcpy(to, from.at, from.length);
    to[from.length] = '\0';
}

static struct text owner_of(const struct violations_statement *statement,
                            const struct verdict *verdict)
{
    if (verdict->owner != SERVICE_NONE)
        return policy_service_name(statement->policy, verdict->owner);
    return verdict->reason == REASON_SYSTEM ? TEXT(SUMMARY_SYSTEM) : TEXT(SUMMARY_UNOWNED);
}

/* Appends to the line; text that does not fit is left out. Control characters become blanks. */
static void append(char *to, size_t size, size_t *length, struct text words)
{
    for (size_t i = 0; i < words.length && *length + 1 < size; i++) {
        unsigned char c = (unsigned char)words.at[i];
        to[(*length)++] = c < 0x20 || c == 0x7f ? ' ' : (char)c;
    }
    to[*length] = '\0';
}

static void append_raw(char *to, size_t size, size_t *length, char c)
{
    if (*length + 1 < size)
        to[(*length)++] = c;
    to[*length] = '\0';
}

/* Adds a line of summary_query.objects; one that does not fit as a whole is left out. */
static void list_object(struct summary_query *query, size_t *length,
                        const struct sql_object *object, struct text owner)
{
    const size_t size = sizeof(query->objects);
    size_t before = *length;
    bool first = true;

    append(query->objects, size, length, owner);
    append_raw(query->objects, size, length, '\t');
    for (unsigned access = SQL_READ; access <= SQL_EXECUTE; access <<= 1) {
        if (!(object->access & access))
            continue;
        if (!first)
            append_raw(query->objects, size, length, ',');
        append(query->objects, size, length, text_of(sql_access_name((enum sql_access)access)));
        first = false;
    }
    append_raw(query->objects, size, length, '\t');
    append(query->objects, size, length, text_of(sql_type_name((enum sql_type)object->type)));
    append_raw(query->objects, size, length, '\t');
    append(query->objects, size, length, object->schema);
    append_raw(query->objects, size, length, '\t');
    append(query->objects, size, length, object->name);
    append_raw(query->objects, size, length, '\n');
    if (*length + 1 < size)
        return;
    *length = before;
    query->objects[before] = '\0';
}

static void find_edges(struct seen *seen, struct summary_query *query,
                       const struct violations_statement *statement)
{
    const struct sql_facts *facts = statement->facts;
    struct text service = text_of(query->service);
    size_t length = 0;

    for (uint32_t i = 0; i < facts->object_count; i++) {
        struct verdict verdict;
        policy_check_object(statement->policy, statement->service, &facts->objects[i],
                            statement->fold, statement->today, &verdict);
        if (verdict.action == VERDICT_ALLOW)
            continue;
        struct text owner = owner_of(statement, &verdict);
        seen_edge(seen, query, service, owner);
        list_object(query, &length, &facts->objects[i], owner);
    }
    if (statement->verdict->reason == REASON_ADMINISTRATION)
        seen_edge(seen, query, service, TEXT(SUMMARY_SERVER));
    else if (statement->verdict->reason == REASON_UNDETERMINED || query->edge_count == 0)
        seen_edge(seen, query, service, TEXT(SUMMARY_UNDETERMINED));
}

void describe_query(struct seen *seen, struct summary_query *query,
                    const struct description *description)
{
    const struct violations_statement *statement = description->statement;
    const struct violations_session *session = description->session;
    const struct verdict *verdict = statement->verdict;
    struct text shown = record_cut(description->shown, sizeof(query->statement) - 4);

    query->digest = description->digest;
    query->id = description->id;
    query->reason = verdict->reason;
    query->blocked = statement->blocked;
    query->in_transaction = session->transaction_owner_count > 1;
    query->line = verdict->line;
    if (statement->service != SERVICE_NONE)
        copy_text(query->service, sizeof(query->service),
                  policy_service_name(statement->policy, statement->service));
    if (verdict->owner != SERVICE_NONE)
        copy_text(query->owner, sizeof(query->owner),
                  policy_service_name(statement->policy, verdict->owner));
    copy_text(query->user, sizeof(query->user), session->user);
    copy_text(query->database, sizeof(query->database), session->database);
    copy_text(query->kind, sizeof(query->kind), text_of(statement->kind));
    copy_text(query->rule, sizeof(query->rule), text_of(verdict->rule));
    copy_text(query->policy, sizeof(query->policy), text_of(policy_hash(statement->policy)));
    copy_text(query->statement, sizeof(query->statement), shown);
    if (shown.length < description->shown.length)
        memcpy(query->statement + shown.length, "\xe2\x80\xa6", 4); /* there are more objects */
    if (verdict->object != VERDICT_NO_OBJECT && verdict->object < statement->facts->object_count) {
        const struct sql_object *object = &statement->facts->objects[verdict->object];
        snprintf(query->object, sizeof(query->object), "%.*s%s%.*s",
                 TEXT_ARGS(record_cut(object->schema, 64)), object->name.length > 0 ? "." : "",
                 TEXT_ARGS(record_cut(object->name, 64)));
    }
    find_edges(seen, query, statement);
    describe_caller(query, session, description->trace);
}

void describe_caller(struct summary_query *query, const struct violations_session *session,
                     const struct trace *trace)
{
    const struct {
        const char *before;
        struct text value;
    } parts[] = {
        {"",      trace->values[TRACE_APPLICATION]},
        {" ",     session->program_name           },
        {" via ", session->client_name            },
        {" ",     trace->values[TRACE_FRAMEWORK]  },
        {" ",     trace->values[TRACE_ROUTE]      },
        {" ",     trace->values[TRACE_CONTROLLER] },
        {"#",     trace->values[TRACE_ACTION]     },
        {" job ", trace->values[TRACE_JOB]        },
    };
    char caller[sizeof(query->callers[0])] = "";
    size_t length = 0;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i].value.length == 0)
            continue;
        if (length > 0)
            append(caller, sizeof(caller), &length, text_of(parts[i].before));
        append(caller, sizeof(caller), &length,
               record_cut(parts[i].value, sizeof(caller) - 1 - length));
    }
    if (length == 0)
        return;
    for (unsigned i = 0; i < query->caller_count; i++) {
        if (strcmp(query->callers[i], caller) == 0)
            return;
    }
    if (query->caller_count == SUMMARY_CALLERS)
        query->more_callers = true;
    else
        memcpy(query->callers[query->caller_count++], caller, sizeof(caller));
}
