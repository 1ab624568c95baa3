/* Prints the audit as tables for a terminal or Markdown, as SQL, and as SARIF for code scanning. It
 * makes no decisions.
 */
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "cmd/audit.h"

typedef void print_table(const struct table *table, FILE *to);

struct form {
    const struct audit *audit;
    const bool *is_new;
    print_table *table;
    const char *before, *after; /* a section's heading */
    FILE *to;
};

static void heading(const struct form *form, const char *title)
{
    fprintf(form->to, "%s%s%s", form->before, title, form->after);
}

static struct text owner_name(const struct audit *audit, int service)
{
    return service == SERVICE_NONE ? TEXT("(nobody)") : policy_service_name(audit->policy, service);
}

static bool is_edge(const struct audit_finding *finding)
{
    return finding->kind <= AUDIT_TABLE;
}

/* The table copies each cell, so one buffer is enough for all. */
static struct text cell(char room[1024], const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static struct text cell(char room[1024], const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(room, 1024, format, arguments);
    va_end(arguments);
    return (struct text){room, length < 1024 ? (size_t)length : 1023};
}

static struct text full_name(char room[1024], struct text schema, struct text name)
{
    return schema.length ? cell(room, "%.*s.%.*s", TEXT_ARGS(schema), TEXT_ARGS(name))
                         : cell(room, "%.*s", TEXT_ARGS(name));
}

static struct text touched(char room[1024], const struct audit_touch *touch)
{
    const char *write = touch->access & (SQL_WRITE | SQL_DEFINE) ? "writes" : "reads";
    const char *verb = touch->access & SQL_EXECUTE ? "runs" : write;

    if (touch->name.length == 0)
        return cell(room, "%s the database %.*s", verb, TEXT_ARGS(touch->schema));
    return cell(room, "%s %.*s.%.*s", verb, TEXT_ARGS(touch->schema), TEXT_ARGS(touch->name));
}

/* Names come from a server: replaces characters that could control a terminal or break a row of a
 * table. */
static void clean_text(struct table *table, struct text t)
{
    char *room = memory_take(t.length * 3 + 1), *to = room;

    while (t.length > 0) {
        size_t length = text_character(t);
        struct text character = {t.at, length > 0 ? length : 1};
        bool unfit = length == 0 || text_is_unfit(character);
        memcpy(to, unfit ? "\xef\xbf\xbd" : t.at, unfit ? 3 : length);
        to += unfit ? 3 : length;
        t = (struct text){t.at + character.length, t.length - character.length};
    }
    table_text(table, (struct text){room, (size_t)(to - room)});
    free(room);
}

/* The table of the trigger or foreign key; for a foreign key with referential actions, its parent.
 */
static struct text fired_by(char room[1024], const struct audit_finding *finding)
{
    if (!finding->on.at)
        return TEXT("-");
    return finding->kind == AUDIT_FOREIGN_KEY && finding->event.at
               ? full_name(room, finding->parent_schema, finding->parent)
               : full_name(room, finding->on_schema, finding->on);
}

/* One row for each finding and each object that it touches. */
static void add_edge(struct table *table, const struct form *form, size_t index)
{
    const struct audit_finding *finding = &form->audit->findings[index];
    char room[1024];
    size_t rows = finding->touch_count ? finding->touch_count : 1;

    for (size_t i = 0; i < rows; i++) {
        const struct audit_touch *touch = i < finding->touch_count ? &finding->touches[i] : NULL;
        const struct verdict *verdict = touch ? &touch->verdict : &finding->verdict;
        clean_text(table, text_of(audit_kind_name(finding->kind)));
        clean_text(table, full_name(room, finding->schema, finding->name));
        clean_text(table, fired_by(room, finding));
        clean_text(table, owner_name(form->audit, finding->owner));
        clean_text(table, touch ? touched(room, touch) : cell(room, "?"));
        clean_text(table, touch ? owner_name(form->audit, verdict->owner) : TEXT("?"));
        clean_text(table,
                   finding->security.at
                       ? cell(room, "%.*s %.*s%s", TEXT_ARGS(finding->security),
                              TEXT_ARGS(finding->definer), finding->updatable ? ", updatable" : "")
                       : TEXT("-"));
        clean_text(table,
                   cell(room, "%s, %s%s", verdict_action_name((enum verdict_action)verdict->action),
                        verdict_reason_name((enum verdict_reason)verdict->reason),
                        form->is_new && form->is_new[index] ? ", new" : ""));
    }
}

static void print_edges(const struct form *form)
{
    static const struct table_column columns[] = {
        {"what",    TABLE_WORDS},
        {"name",    TABLE_CODE },
        {"on",      TABLE_CODE },
        {"owner",   TABLE_WORDS},
        {"touches", TABLE_CODE },
        {"of",      TABLE_WORDS},
        {"rights",  TABLE_WORDS},
        {"verdict", TABLE_WORDS},
    };
    struct table table;
    size_t count = 0;

    table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < form->audit->finding_count; i++) {
        if (is_edge(&form->audit->findings[i])) {
            add_edge(&table, form, i);
            count++;
        }
    }
    heading(form, "What crosses inside the server");
    if (count)
        form->table(&table, form->to);
    else
        fputs("nothing\n", form->to);
    table_fini(&table);
}

/* Summarizes a long list of privileges by what they are for; --json and --sql print each privilege.
 */
static struct text short_rights(char room[1024], const struct audit_right *right)
{
    static const char *const words[] = {"read",       "write", "define", "execute",
                                        "the server", "locks", "hand on"};
    size_t length = 0;

    if (right->privileges.length <= 30 || right->access == 0)
        return cell(room, "%.*s", TEXT_ARGS(right->privileges));
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (right->access & 1u << i)
            length += (size_t)snprintf(room + length, 1024 - length, "%s%s", length ? ", " : "",
                                       words[i]);
    }
    return (struct text){room, length};
}

static void add_rights(struct table *table, const struct form *form,
                       const struct audit_finding *finding, const struct audit_right *right,
                       const char *what)
{
    char room[1024];

    for (; right; right = right->next) {
        clean_text(table, finding->name);
        clean_text(table, owner_name(form->audit, finding->owner));
        clean_text(table, text_of(what));
        clean_text(table, short_rights(room, right));
        clean_text(table, right->on);
        clean_text(table, right->via.at ? right->via : TEXT("-"));
        clean_text(table,
                   right->refused.at ? cell(room, "%.*s", TEXT_ARGS(right->refused)) : TEXT("-"));
    }
}

static void print_accounts(const struct form *form)
{
    static const struct table_column columns[] = {
        {"account", TABLE_CODE },
        {"service", TABLE_WORDS},
        {"has",     TABLE_WORDS},
        {"rights",  TABLE_WORDS},
        {"on",      TABLE_CODE },
        {"by",      TABLE_WORDS},
        {"used",    TABLE_WORDS},
    };
    struct table table;
    size_t count = 0;

    table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < form->audit->finding_count; i++) {
        const struct audit_finding *finding = &form->audit->findings[i];
        if (finding->kind != AUDIT_ACCOUNT)
            continue;
        add_rights(&table, form, finding, finding->excess, "too much");
        add_rights(&table, form, finding, finding->missing, "too little");
        count++;
    }
    heading(form, "Accounts against the policy");
    if (count)
        form->table(&table, form->to);
    else
        fputs("as the policy has them\n", form->to);
    table_fini(&table);
}

static void print_past(const struct form *form)
{
    static const struct table_column columns[] = {
        {"account", TABLE_CODE  },
        {"service", TABLE_WORDS },
        {"from",    TABLE_WORDS },
        {"program", TABLE_WORDS },
        {"threads", TABLE_NUMBER},
    };
    const struct audit *audit = form->audit;
    struct table table;

    heading(form, "Who comes past silogate");
    for (size_t i = 0; i < audit->server_count; i++) {
        const struct audit_server *server = &audit->servers[i];
        if (server->threads_told)
            fprintf(form->to,
                    "%.*s: %llu threads of governed accounts = %llu through silogate + %llu named "
                    "exceptions + %llu past it\n",
                    TEXT_ARGS(server->name), (unsigned long long)server->threads,
                    (unsigned long long)server->ours, (unsigned long long)server->excepted,
                    (unsigned long long)server->past);
        else
            fprintf(form->to,
                    "%.*s: not known: %llu threads of governed accounts; performance_schema is off "
                    "or cannot be read\n",
                    TEXT_ARGS(server->name), (unsigned long long)server->threads);
    }
    table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < audit->finding_count; i++) {
        const struct audit_finding *finding = &audit->findings[i];
        if (finding->kind != AUDIT_BYPASS)
            continue;
        clean_text(&table, finding->name);
        clean_text(&table, owner_name(audit, finding->owner));
        clean_text(&table, finding->on.at ? finding->on : TEXT("-"));
        clean_text(&table, finding->security.at ? finding->security : TEXT("-"));
        table_number(&table, finding->count);
    }
    if (table.cell_count)
        form->table(&table, form->to);
    table_fini(&table);
}

static void print_shared(const struct form *form)
{
    static const struct table_column columns[] = {
        {"account", TABLE_CODE  },
        {"service", TABLE_WORDS },
        {"program", TABLE_WORDS },
        {"from",    TABLE_WORDS },
        {"threads", TABLE_NUMBER},
    };
    const struct audit *audit = form->audit;
    struct table table;

    table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < audit->finding_count; i++) {
        const struct audit_finding *finding = &audit->findings[i];
        for (const struct audit_program *one = finding->programs; one; one = one->next) {
            clean_text(&table, finding->name);
            clean_text(&table, owner_name(audit, finding->owner));
            clean_text(&table, one->program.length ? one->program : TEXT("-"));
            clean_text(&table, one->address.length ? one->address : TEXT("-"));
            table_number(&table, one->threads);
        }
    }
    if (table.cell_count) {
        heading(form, "Accounts that several programs use now");
        form->table(&table, form->to);
    }
    table_fini(&table);
}

/* Prints objects that nobody owns, patterns that match nothing, and objects that exist on two
 * servers. */
static void print_coverage(const struct form *form)
{
    static const struct table_column columns[] = {
        {"what",    TABLE_WORDS},
        {"name",    TABLE_CODE },
        {"service", TABLE_WORDS},
    };
    const struct audit *audit = form->audit;
    struct table table;
    char room[1024];

    table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < audit->finding_count; i++) {
        const struct audit_finding *finding = &audit->findings[i];
        if (finding->kind == AUDIT_UNOWNED)
            clean_text(&table, TEXT("owned by nobody"));
        else if (finding->kind == AUDIT_UNMATCHED)
            clean_text(&table,
                       cell(room, "%.*s, and there is no such thing", TEXT_ARGS(finding->why)));
        else if (finding->kind == AUDIT_DUPLICATE)
            clean_text(&table, cell(room, "on %.*s, and on another server too",
                                    TEXT_ARGS(finding->upstream)));
        else
            continue;
        clean_text(&table, full_name(room, finding->schema, finding->name));
        clean_text(&table,
                   finding->kind == AUDIT_UNOWNED ? TEXT("-") : owner_name(audit, finding->owner));
    }
    heading(form, "Ownership against what is there");
    if (table.cell_count)
        form->table(&table, form->to);
    else
        fputs("everything is owned, every pattern matches\n", form->to);
    table_fini(&table);
}

static void print(const struct form *form)
{
    for (size_t i = 0; i < form->audit->server_count; i++) {
        const struct audit_server *server = &form->audit->servers[i];
        fprintf(form->to, "%.*s: %s %.*s, %zu schemas, %zu things that can be owned\n",
                TEXT_ARGS(server->name), server->is_mariadb ? "MariaDB" : "MySQL",
                TEXT_ARGS(server->version), server->schema_count, server->object_count);
    }
    print_edges(form);
    print_accounts(form);
    print_past(form);
    print_shared(form);
    print_coverage(form);
}

void audit_print_text(const struct audit *audit, const bool *is_new, FILE *to)
{
    print(&(struct form){audit, is_new, table_print_text, "\n", "\n", to});
}

void audit_print_markdown(const struct audit *audit, const bool *is_new, FILE *to)
{
    print(&(struct form){audit, is_new, table_print_markdown, "\n## ", "\n\n", to});
}

void audit_print_json(const struct audit *audit, const bool *is_new, FILE *to)
{
    (void)is_new;
    for (size_t i = 0; i < audit->server_count; i++) {
        char *line = audit_server_json(audit, &audit->servers[i]);
        fprintf(to, "%s\n", line);
        free(line);
    }
    for (size_t i = 0; i < audit->finding_count; i++) {
        char *line = audit_json(audit, &audit->findings[i]);
        fputs(line, to);
        putc('\n', to);
        free(line);
    }
}

static bool is_printable(struct text t)
{
    for (size_t i = 0; i < t.length; i++) {
        if ((unsigned char)t.at[i] < ' ')
            return false;
    }
    return true;
}

/* Prints first, as SQL comments, what each REVOKE would have refused. */
static void print_refused(const struct audit *audit, FILE *to)
{
    for (size_t i = 0; i < audit->finding_count; i++) {
        const struct audit_finding *finding = &audit->findings[i];
        const struct audit_right *right = finding->excess;
        for (; right; right = right->next) {
            if (right->refused.at && is_printable(finding->name) && is_printable(right->on))
                fprintf(to, "-- %.*s loses %.*s on %.*s: %.*s\n", TEXT_ARGS(finding->name),
                        TEXT_ARGS(right->privileges), TEXT_ARGS(right->on),
                        TEXT_ARGS(right->refused));
        }
    }
}

/* CREATE USER makes silogate's own account locked and without a password; prints how to unlock it.
 */
static void print_unlocking(struct text statement, FILE *to)
{
    const struct text create = TEXT("CREATE USER "), lock = TEXT(" ACCOUNT LOCK");

    if (statement.length > create.length + lock.length &&
        memcmp(statement.at, create.at, create.length) == 0)
        fprintf(
            to,
            "-- then, so that it can log in: ALTER USER %.*s IDENTIFIED BY '...' ACCOUNT UNLOCK;\n",
            (int)(statement.length - create.length - lock.length), statement.at + create.length);
}

void audit_print_sql(const struct audit *audit, const bool *is_new, FILE *to)
{
    (void)is_new;
    print_refused(audit, to);
    for (size_t i = 0; i < audit->server_count; i++) {
        const struct audit_server *server = &audit->servers[i];
        if (audit->server_count > 1 && audit_sql_count(server))
            fprintf(to, "-- on %.*s\n", TEXT_ARGS(server->name));
        for (size_t j = 0; j < audit_sql_count(server); j++) {
            struct text back, statement = audit_sql(server, j, &back);
            if (is_printable(statement)) {
                fprintf(to, "%.*s;\n-- back: %.*s;\n", TEXT_ARGS(statement), TEXT_ARGS(back));
                print_unlocking(statement, to);
            } else
                fputs("-- left out: a name with a control character in it\n", to);
        }
    }
}

/* SARIF 2.1.0 (OASIS): one result for each finding; its location is the object's name. */
void audit_print_sarif(const struct audit *audit, const bool *is_new, FILE *to)
{
    json_t *results = json_array();

    for (size_t i = 0; i < audit->finding_count; i++) {
        const struct audit_finding *finding = &audit->findings[i];
        char room[1024], *text = audit_json(audit, finding);
        const struct text name = full_name(room, finding->schema, finding->name);
        json_t *result = json_pack("{s:s, s:s, s:{s:s}, s:[{s:[{s:s%}]}], s:o}", "ruleId",
                                   audit_kind_name(finding->kind), "level",
                                   finding->crosses ? "error" : "note", "message", "text", text,
                                   "locations", "logicalLocations", "fullyQualifiedName", name.at,
                                   name.length, "properties", json_loads(text, 0, NULL));
        if (result && is_new)
            json_object_set_new(result, "baselineState",
                                json_string(is_new[i] ? "new" : "unchanged"));
        if (result)
            json_array_append_new(results, result);
        free(text);
    }
    json_t *log =
        json_pack("{s:s, s:s, s:[{s:{s:{s:s, s:s}}, s:o}]}", "version", "2.1.0", "$schema",
                  "https://json.schemastore.org/sarif-2.1.0.json", "runs", "tool", "driver", "name",
                  "silogate audit", "version", SILOGATE_VERSION, "results", results);
    json_dumpf(log, to, JSON_ENSURE_ASCII | JSON_INDENT(1));
    putc('\n', to);
    json_decref(log);
}
