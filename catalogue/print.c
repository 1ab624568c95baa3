/* Findings as JSON objects: the fields of docs/audit.md, in their order. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "catalogue/internal.h"

/* Writes a field only if it has a value. */
static void put_some(struct json *json, const char *key, struct text value)
{
    if (value.at)
        json_field(json, key, value);
}

static struct text service_name(const struct audit *audit, int service)
{
    return service == SERVICE_NONE ? (struct text){NULL, 0}
                                   : policy_service_name(audit->policy, service);
}

static void put_verdict(struct json *json, const struct verdict *verdict)
{
    json_field(json, "verdict", text_of(verdict_action_name((enum verdict_action)verdict->action)));
    json_field(json, "reason", text_of(verdict_reason_name((enum verdict_reason)verdict->reason)));
}

static void put_access(struct json *json, unsigned access)
{
    const char *between = "[";

    json_key(json, "access");
    for (unsigned bit = SQL_READ; bit <= SQL_EXECUTE; bit <<= 1) {
        if (!(access & bit))
            continue;
        json_raw(json, text_of(between));
        json_text(json, text_of(sql_access_name((enum sql_access)bit)));
        between = ",";
    }
    json_raw(json, text_of(between[0] == '[' ? "[]" : "]"));
}

static void put_touches(struct json *json, const struct audit *audit,
                        const struct audit_finding *finding)
{
    json_key(json, "touches");
    json_raw(json, TEXT("["));
    for (size_t i = 0; i < finding->touch_count; i++) {
        const struct audit_touch *touch = &finding->touches[i];
        json_raw(json, i ? TEXT(",{") : TEXT("{"));
        json_field(json, "schema", touch->schema);
        json_field(json, "name", touch->name);
        json_field(json, "type", text_of(sql_type_name((enum sql_type)touch->type)));
        put_access(json, touch->access);
        json_field(json, "owner", service_name(audit, touch->verdict.owner));
        put_verdict(json, &touch->verdict);
        json_raw(json, TEXT("}"));
    }
    json_raw(json, TEXT("]"));
}

static void put_rights(struct json *json, const char *key, const struct audit_right *right)
{
    json_key(json, key);
    json_raw(json, TEXT("["));
    for (; right; right = right->next) {
        if (json->length && json->at[json->length - 1] == '}')
            json_raw(json, TEXT(","));
        json_raw(json, TEXT("{"));
        json_field(json, "on", right->on);
        json_field(json, "privileges", right->privileges);
        put_some(json, "via", right->via);
        put_some(json, "refused", right->refused);
        json_raw(json, TEXT("}"));
    }
    json_raw(json, TEXT("]"));
}

static void put_programs(struct json *json, const struct audit_program *programs)
{
    json_key(json, "programs");
    json_raw(json, TEXT("["));
    for (const struct audit_program *one = programs; one; one = one->next) {
        json_raw(json, one == programs ? TEXT("{") : TEXT(",{"));
        json_field(json, "program", one->program);
        json_field(json, "from", one->address);
        json_key(json, "threads");
        json_number(json, one->threads);
        json_raw(json, TEXT("}"));
    }
    json_raw(json, TEXT("]"));
}

static void put_table(struct json *json, const char *key, struct text schema, struct text name)
{
    json_key(json, key);
    json_raw(json, TEXT("{"));
    json_field(json, "schema", schema);
    json_field(json, "name", name);
    json_raw(json, TEXT("}"));
}

static bool is_account(enum audit_kind kind)
{
    return kind == AUDIT_ACCOUNT || kind == AUDIT_BYPASS || kind == AUDIT_SHARED;
}

static bool is_stored(enum audit_kind kind)
{
    return kind <= AUDIT_TABLE;
}

static void put_finding(struct json *json, const struct audit *audit,
                        const struct audit_finding *finding)
{
    json_raw(json, TEXT("{"));
    json_field(json, "finding", text_of(audit_kind_name(finding->kind)));
    if (is_account(finding->kind))
        json_field(json, "account", finding->name);
    else if (finding->kind != AUDIT_UNMATCHED)
        json_field(json, "schema", finding->schema);
    if (finding->kind == AUDIT_UNMATCHED)
        json_field(json, "key", finding->why);
    if (!is_account(finding->kind))
        json_field(json, finding->kind == AUDIT_UNMATCHED ? "pattern" : "name", finding->name);
    if (finding->on.at && finding->kind != AUDIT_BYPASS)
        put_table(json, "on", finding->on_schema, finding->on);
    if (finding->parent.at)
        put_table(json, "parent", finding->parent_schema, finding->parent);
    json_field(json, "owner", service_name(audit, finding->owner));
    if (is_stored(finding->kind)) {
        put_some(json, "fires", finding->event); /* "event" is the name of the record's own field */
        put_some(json, "definer", finding->definer);
        put_some(json, "security", finding->security);
        put_some(json, "users", finding->users);
        if (finding->updatable) {
            json_key(json, "updatable");
            json_raw(json, TEXT("true"));
        }
        json_key(json, "determined");
        json_raw(json, finding->undetermined ? TEXT("false") : TEXT("true"));
        put_some(json, "why", finding->why);
        put_touches(json, audit, finding);
    }
    if (finding->kind == AUDIT_ACCOUNT) {
        put_rights(json, "missing", finding->missing);
        put_rights(json, "excess", finding->excess);
    }
    if (finding->kind == AUDIT_SHARED)
        put_programs(json, finding->programs);
    if (finding->kind == AUDIT_BYPASS) {
        put_some(json, "from", finding->on);
        put_some(json, "program", finding->security);
        json_key(json, "threads");
        json_number(json, finding->count);
    }
    if (is_stored(finding->kind) || finding->kind == AUDIT_UNOWNED)
        put_verdict(json, &finding->verdict);
    put_some(json, "upstream", finding->upstream);
    json_field(json, "ts", text_of(audit->ts));
    json_raw(json, TEXT("}"));
}

char *audit_json(const struct audit *audit, const struct audit_finding *finding)
{
    for (size_t size = 4096;; size *= 2) {
        struct json json = {.at = memory_take(size), .size = size - 1};
        put_finding(&json, audit, finding);
        if (!json.full) {
            json.at[json.length] = '\0';
            return json.at;
        }
        free(json.at);
    }
}

static void put_count(struct json *json, const char *key, uint64_t number)
{
    json_key(json, key);
    json_number(json, number);
}

char *audit_server_json(const struct audit *audit, const struct audit_server *server)
{
    enum { SIZE = 4096 };
    struct json json = {.at = memory_take(SIZE), .size = SIZE - 1};

    json_raw(&json, TEXT("{\"finding\":\"server\""));
    json_field(&json, "upstream", server->name);
    json_field(&json, "version", server->version);
    put_count(&json, "schemas", server->schema_count);
    put_count(&json, "objects", server->object_count);
    put_count(&json, "threads", server->threads);
    if (server->threads_told) {
        put_count(&json, "ours", server->ours);
        put_count(&json, "excepted", server->excepted);
        put_count(&json, "past", server->past);
    }
    json_field(&json, "ts", text_of(audit->ts));
    json_raw(&json, TEXT("}"));
    json.at[json.length] = '\0';
    return json.at;
}
