/* Prints the results of explain: with the same fields in the same order as violation records, so
 * that one reader can read both. It makes no decisions.
 */
#include "cmd/explain_print.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/json.h"
#include "sql/normalize.h"

static const enum sql_access accesses[] = {SQL_READ, SQL_WRITE, SQL_DEFINE, SQL_EXECUTE};
enum { ACCESSES = sizeof(accesses) / sizeof(accesses[0]), START_SIZE = 120 };

static void put_access(struct json *json, unsigned access)
{
    bool first = true;

    json_key(json, "access");
    json_raw(json, TEXT("["));
    for (unsigned i = 0; i < ACCESSES; i++) {
        if (!(access & accesses[i]))
            continue;
        if (!first)
            json_raw(json, TEXT(","));
        json_text(json, text_of(sql_access_name(accesses[i])));
        first = false;
    }
    json_raw(json, TEXT("]"));
}

static struct text owner_name(const struct explain_statement *statement, int owner)
{
    return owner == SERVICE_NONE ? (struct text){NULL, 0}
                                 : policy_service_name(statement->policy, owner);
}

static void check_object(const struct explain_statement *statement, const struct sql_object *object,
                         struct verdict *verdict)
{
    policy_check_object(statement->policy, statement->service, object, false, statement->today,
                        verdict);
}

static void put_verdict(struct json *json, const struct verdict *verdict)
{
    json_field(json, "verdict", text_of(verdict_action_name((enum verdict_action)verdict->action)));
    json_field(json, "reason", text_of(verdict_reason_name((enum verdict_reason)verdict->reason)));
}

static void put_object(struct json *json, const struct explain_statement *statement,
                       const struct sql_object *object)
{
    struct verdict verdict;

    check_object(statement, object, &verdict);
    if (object != statement->facts->objects)
        json_raw(json, TEXT(","));
    json_raw(json, TEXT("{"));
    json_field(json, "schema", object->schema);
    json_field(json, "name", object->name.at ? object->name : TEXT(""));
    json_field(json, "type", text_of(sql_type_name((enum sql_type)object->type)));
    put_access(json, object->access);
    json_field(json, "owner", owner_name(statement, verdict.owner));
    put_verdict(json, &verdict);
    json_raw(json, TEXT("}"));
}

static void put_statement(struct json *json, const struct explain_statement *statement)
{
    const struct sql_facts *facts = statement->facts;

    json_raw(json, TEXT("{"));
    json_key(json, "n");
    json_number(json, statement->item);
    json_key(json, "part");
    json_number(json, statement->part);
    json_field(json, "kind", text_of(sql_kind_name((enum sql_kind)facts->kind)));
    json_key(json, "determined");
    json_raw(json, facts->determined ? TEXT("true") : TEXT("false"));
    if (!facts->determined)
        json_field(json, "why", text_of(statement->why));
    json_key(json, "objects");
    json_raw(json, TEXT("["));
    for (uint32_t i = 0; i < facts->object_count; i++)
        put_object(json, statement, &facts->objects[i]);
    json_raw(json, TEXT("]"));
    put_verdict(json, statement->verdict);
    if (statement->path) {
        json_field(json, "file", text_of(statement->path));
        json_key(json, "line");
        json_number(json, statement->line);
    }
    json_raw(json, TEXT("}\n"));
}

void explain_print_json(const struct explain_statement *statement, FILE *to)
{
    struct json json = {.size = 65536};

    json.at = memory_take(json.size);
    put_statement(&json, statement);
    while (json.full) {
        json = (struct json){.at = memory_resize(json.at, json.size * 2), .size = json.size * 2};
        put_statement(&json, statement);
    }
    fwrite(json.at, 1, json.length, to);
    free(json.at);
}

void explain_print_clean(struct text t, FILE *to)
{
    while (t.length > 0) {
        size_t length = text_character(t);
        if (length == 0 || text_is_unfit((struct text){t.at, length}))
            putc('?', to);
        else
            fwrite(t.at, 1, length, to);
        length += length == 0;
        t = (struct text){t.at + length, t.length - length};
    }
}

static void print_rule(const struct explain_statement *statement, const struct verdict *verdict,
                       FILE *to)
{
    if (!verdict->rule || verdict->reason == REASON_SESSION)
        return;
    fprintf(to, ", by %s", verdict->rule);
    if (verdict->line)
        fprintf(to, ", %s", config_line(statement->files, verdict->line));
}

static void print_object(const struct explain_statement *statement, const struct sql_object *object,
                         FILE *to)
{
    struct verdict verdict;

    check_object(statement, object, &verdict);
    fputs("    ", to);
    explain_print_clean(object->schema.at ? object->schema : TEXT("(no database)"), to);
    if (object->type != SQL_DATABASE) {
        fputs(".", to);
        explain_print_clean(object->name, to);
    }
    fprintf(to, " (%s)", sql_type_name((enum sql_type)object->type));
    for (unsigned i = 0; i < ACCESSES; i++) {
        if (object->access & accesses[i])
            fprintf(to, " %s", sql_access_name(accesses[i]));
    }
    fprintf(to, ": %s, %s", verdict_action_name((enum verdict_action)verdict.action),
            verdict_reason_name((enum verdict_reason)verdict.reason));
    if (verdict.owner != SERVICE_NONE)
        fprintf(to, ", owned by %.*s", TEXT_ARGS(owner_name(statement, verdict.owner)));
    print_rule(statement, &verdict, to);
    fputs("\n", to);
}

struct text explain_start(const struct explain_statement *statement, char *to, size_t size)
{
    size_t length;

    sql_normalize(statement->text, statement->state, to, size, &length);
    return (struct text){to, length};
}

/* Prints FILE:LINE if the input has a name, else item and part. */
static void print_place(const struct explain_statement *statement, FILE *to)
{
    if (statement->path) {
        explain_print_clean(text_of(statement->path), to);
        fprintf(to, ":%llu: ", (unsigned long long)statement->line);
    } else {
        fprintf(to, "%llu.%u ", (unsigned long long)statement->item, statement->part);
    }
}

void explain_print_text(const struct explain_statement *statement, FILE *to)
{
    const struct sql_facts *facts = statement->facts;
    const struct verdict *verdict = statement->verdict;
    char start[START_SIZE];

    print_place(statement, to);
    fprintf(to, "%s: %s, %s", sql_kind_name((enum sql_kind)facts->kind),
            verdict_action_name((enum verdict_action)verdict->action),
            verdict_reason_name((enum verdict_reason)verdict->reason));
    if (!facts->determined)
        fprintf(to, ": %s", statement->why);
    if (verdict->object == VERDICT_NO_OBJECT)
        print_rule(statement, verdict, to);
    if (statement->path) {
        fputs("\n    ", to);
        explain_print_clean(explain_start(statement, start, sizeof(start)), to);
    }
    fputs("\n", to);
    for (uint32_t i = 0; i < facts->object_count; i++)
        print_object(statement, &facts->objects[i], to);
}

const struct explain_form explain_as_text = {.statement = explain_print_text};
const struct explain_form explain_as_json = {.statement = explain_print_json};
