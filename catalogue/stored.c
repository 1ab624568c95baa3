/* Stored texts: views, routines, triggers, events, defaults and generated columns, tables over
 * other tables. Each is analysed like a client's statement, in its own sql_mode and database. The
 * server converts the text to utf8mb4, the character set of this connection. The text of a view is
 * written by the server, and read with an empty sql_mode. */
#include <string.h>

#include "catalogue/internal.h"
#include "sql/analyze.h"

static _Thread_local struct sql_facts facts; /* large: not on the stack */

struct reader {
    struct audit *audit;
    struct audit_server *server;
    struct connection *connection;
    struct text schema;
    struct error *error;
};

static struct sql_state state_of(const struct reader *reader, struct text sql_mode)
{
    struct sql_state state = {.mode_known = true,
                              .escapes_known = true,
                              .mode = sql_mode_of(sql_mode),
                              .charset = SQL_UTF8,
                              .lower_case_table_names =
                                  (uint8_t)reader->server->lower_case_table_names};

    sql_state_set_version(&state, reader->server->version);
    sql_state_set_database(&state, reader->schema);
    return state;
}

/* In some versions the definer of the server's own objects is root. Objects that somebody else
 * added to system schemas may be root's too; they are reported if they touch other schemas. */
static bool stays_inside(const struct reader *reader, const struct audit_finding *finding)
{
    if (!audit_is_system(reader->schema) ||
        !text_equal_fold(finding->definer, TEXT("root@localhost")))
        return false;
    for (size_t i = 0; i < finding->touch_count; i++) {
        if (!audit_is_system(finding->touches[i].schema))
            return false;
    }
    return true;
}

/* Marks a finding as undetermined; what was found so far stays in it. */
static void cannot_tell(const struct reader *reader, struct audit_finding *finding, const char *why)
{
    finding->undetermined = true;
    finding->why = text_of(why);
    if (finding->verdict.action == VERDICT_ALLOW) {
        memset(&facts, 0, offsetof(struct sql_facts, objects));
        policy_check(reader->audit->policy, finding->owner, &facts, false, reader->audit->today,
                     &finding->verdict);
    }
    audit_settle(reader->audit, finding);
}

/* Analyses `text` and adds the objects of others that it touches. */
static void look_at(const struct reader *reader, struct audit_finding *finding, struct text text,
                    struct text sql_mode)
{
    struct sql_state state = state_of(reader, sql_mode);

    if (text.length == 0) {
        cannot_tell(reader, finding, "its text is not shown to this account");
        return;
    }
    sql_analyze(text, 0, &state, NULL, &facts);
    for (uint32_t i = 0; i < facts.object_count; i++) {
        const struct sql_object *object = &facts.objects[i];
        bool itself = object->type == SQL_ROUTINE && object->access == SQL_DEFINE &&
                      text_equal(object->name, finding->name);
        if (!itself && object->schema.at)
            audit_touch(reader->audit, reader->server, finding, object->schema, object->name,
                        object->type, object->access);
    }
    if (stays_inside(reader, finding))
        reader->audit->finding_count--;
    else if (!facts.determined)
        cannot_tell(reader, finding, facts.why ? facts.why : "not understood");
    else
        audit_settle(reader->audit, finding);
}

static struct audit_finding *begin(const struct reader *reader, enum audit_kind kind,
                                   struct text name, struct text definer, struct text security)
{
    struct audit_finding *finding = audit_add(reader->audit, reader->server, kind);

    finding->schema = reader->schema;
    finding->name = audit_keep(reader->audit, name);
    finding->definer = audit_keep(reader->audit, definer);
    finding->security = audit_keep(reader->audit, security);
    finding->owner =
        audit_owner(reader->audit, reader->server, reader->schema, name,
                    kind == AUDIT_ROUTINE || kind == AUDIT_EVENT ? SQL_ROUTINE : SQL_TABLE);
    return finding;
}

/* Is it an object of the server itself? */
static bool is_the_servers(const struct reader *reader, struct text definer)
{
    return audit_is_system(reader->schema) &&
           (text_equal_fold(definer, TEXT("mysql.sys@localhost")) ||
            text_equal_fold(definer, TEXT("mariadb.sys@localhost")));
}

/* A write to an updatable view writes its base table with the definer's rights. If the definer is
 * an account of the view's owner, these rights are compared with the policy among the accounts, and
 * not here. */
static bool writes_for_others(const struct reader *reader, const struct audit_finding *finding)
{
    struct text user = finding->definer;

    while (user.length > 0 && user.at[user.length - 1] != '@')
        user.length--;
    user.length -= user.length > 0;
    return text_equal_fold(finding->security, TEXT("DEFINER")) &&
           (finding->owner == SERVICE_NONE ||
            audit_service_of(reader->audit, user) != finding->owner);
}

static bool read_views(const struct reader *reader)
{
    struct rows *rows =
        connection_query(reader->connection,
                         "SELECT table_name, view_definition, definer, security_type, is_updatable"
                         " FROM information_schema.views WHERE table_schema = ? ORDER BY 1",
                         PARAMETERS(P_TEXT(reader->schema)), reader->error);

    if (!rows)
        return false;
    while (rows_next(rows)) {
        const struct text *cells = rows->cells;
        if (is_the_servers(reader, cells[2]))
            continue;
        struct audit_finding *finding = begin(reader, AUDIT_VIEW, cells[0], cells[2], cells[3]);
        finding->updatable =
            text_equal_fold(cells[4], TEXT("YES")) && writes_for_others(reader, finding);
        look_at(reader, finding, cells[1], TEXT(""));
    }
    rows_free(rows);
    return true;
}

/* Analyses the text of SHOW CREATE: cell 1 is sql_mode, cell `column` the text. The finding is
 * undetermined if the object was dropped meanwhile or its text is not shown. */
static bool show_create(const struct reader *reader, struct text kind, struct text name,
                        size_t column, struct audit_finding *finding)
{
    struct error error;
    struct rows *rows =
        connection_query(reader->connection, "SHOW CREATE ? ?.?",
                         PARAMETERS(P_SQL(kind), P_NAME(reader->schema), P_NAME(name)), &error);

    if (!rows && connection_lost(reader->connection))
        return error_set(reader->error, "%s", error.text);
    if (rows && rows_next(rows) && rows->columns > column)
        look_at(reader, finding, rows->cells[column], column == 1 ? TEXT("") : rows->cells[1]);
    else
        look_at(reader, finding, TEXT(""), TEXT(""));
    rows_free(rows);
    return true;
}

static bool read_routines(const struct reader *reader)
{
    struct rows *rows =
        connection_query(reader->connection,
                         "SELECT routine_name, routine_type, definer, security_type, routine_body"
                         " FROM information_schema.routines WHERE routine_schema = ? ORDER BY 1",
                         PARAMETERS(P_TEXT(reader->schema)), reader->error);
    bool good = rows != NULL;

    while (good && rows_next(rows)) {
        const struct text *cells = rows->cells;
        if (is_the_servers(reader, cells[2]))
            continue;
        struct audit_finding *finding = begin(reader, AUDIT_ROUTINE, cells[0], cells[2], cells[3]);
        if (text_equal_fold(cells[4], TEXT("EXTERNAL"))) {
            look_at(reader, finding, TEXT(""), TEXT(""));
            continue;
        }
        good = show_create(reader, cells[1], cells[0], 2, finding);
    }
    rows_free(rows);
    return good;
}

static bool read_triggers(const struct reader *reader)
{
    struct rows *rows = connection_query(
        reader->connection,
        "SELECT trigger_name, event_object_schema, event_object_table, definer, action_timing,"
        " event_manipulation FROM information_schema.triggers WHERE trigger_schema = ? ORDER BY 1",
        PARAMETERS(P_TEXT(reader->schema)), reader->error);
    bool good = rows != NULL;

    while (good && rows_next(rows)) {
        const struct text *cells = rows->cells;
        if (is_the_servers(reader, cells[3]))
            continue;
        struct audit_finding *finding =
            begin(reader, AUDIT_TRIGGER, cells[0], cells[3], TEXT("DEFINER"));
        /* A write to its table fires the trigger, so the table's owner is the owner of the finding.
         */
        finding->on_schema = audit_keep(reader->audit, cells[1]);
        finding->on = audit_keep(reader->audit, cells[2]);
        finding->event = audit_keep(reader->audit, cells[5]);
        finding->owner = audit_owner(reader->audit, reader->server, cells[1], cells[2], SQL_TABLE);
        good = show_create(reader, TEXT("TRIGGER"), cells[0], 2, finding);
    }
    rows_free(rows);
    return good;
}

/* If SHOW CREATE is refused there are cells 2 and 3: the event's text and its sql_mode. */
static bool read_events(const struct reader *reader)
{
    struct rows *rows = audit_events(
        reader->connection,
        "SELECT event_name, definer FROM information_schema.events WHERE event_schema = ?"
        " ORDER BY 1",
        "SELECT name, definer, CONCAT('CREATE EVENT `', REPLACE(name, '`', '``'),"
        " '` ON SCHEDULE EVERY 1 DAY DO ', body_utf8),"
        " sql_mode FROM mysql.event WHERE db = ? ORDER BY 1",
        reader->schema, reader->error);
    bool good = rows != NULL;

    while (good && rows_next(rows)) {
        const struct text *cells = rows->cells;
        if (is_the_servers(reader, cells[1]))
            continue;
        struct audit_finding *finding =
            begin(reader, AUDIT_EVENT, cells[0], cells[1], TEXT("DEFINER"));
        if (rows->columns > 2)
            look_at(reader, finding, cells[2], cells[3]);
        else
            good = show_create(reader, TEXT("EVENT"), cells[0], 3, finding);
    }
    rows_free(rows);
    return good;
}

/* Tables that show the rows of other tables. The definition of a MERGE table names them. A table
 * with its rows on some server (FEDERATED, SPIDER, CONNECT) may read this server with another
 * account.
 */
static bool read_merges(const struct reader *reader)
{
    struct rows *rows = connection_query(
        reader->connection,
        "SELECT table_name, engine IN ('MRG_MYISAM', 'MERGE') FROM information_schema.tables"
        " WHERE table_schema = ? AND engine IN ('MRG_MYISAM', 'MERGE', 'FEDERATED', 'SPIDER',"
        " 'CONNECT') ORDER BY 1",
        PARAMETERS(P_TEXT(reader->schema)), reader->error);
    bool good = rows != NULL;

    while (good && rows_next(rows)) {
        struct audit_finding *finding =
            begin(reader, AUDIT_TABLE, rows->cells[0], (struct text){0}, (struct text){0});
        if (rows_number(rows, 1, 0) == 1)
            good = show_create(reader, TEXT("TABLE"), rows->cells[0], 1, finding);
        else
            cannot_tell(reader, finding, "its rows are where its connection says");
    }
    rows_free(rows);
    return good;
}

/* MariaDB's defaults can take a sequence's next number. (No server lets defaults and generated
 * columns call stored functions or read tables; MySQL has no sequences.) */
static bool read_columns(const struct reader *reader)
{
    struct rows *rows =
        connection_query(reader->connection,
                         "SELECT table_name, column_name, column_default"
                         " FROM information_schema.columns"
                         " WHERE table_schema = ? AND column_default LIKE '%val(%' ORDER BY 1, 2",
                         PARAMETERS(P_TEXT(reader->schema)), reader->error);

    if (!rows)
        return false;
    while (rows_next(rows)) {
        const struct text *cells = rows->cells;
        struct audit_finding *finding =
            begin(reader, AUDIT_COLUMN, cells[1], (struct text){0}, (struct text){0});
        finding->on_schema = reader->schema;
        finding->on = audit_keep(reader->audit, cells[0]);
        finding->owner =
            audit_owner(reader->audit, reader->server, reader->schema, cells[0], SQL_TABLE);
        look_at(reader, finding, audit_format(reader->audit, "SELECT %.*s", TEXT_ARGS(cells[2])),
                TEXT(""));
    }
    rows_free(rows);
    return true;
}

bool audit_stored(struct audit *audit, struct audit_server *server, struct connection *connection,
                  struct error *error)
{
    for (size_t i = 0; i < server->schema_count; i++) {
        const struct reader reader = {.audit = audit,
                                      .server = server,
                                      .connection = connection,
                                      .schema = server->schemas[i],
                                      .error = error};
        bool system = audit_is_system(reader.schema);
        if (audit->stopped && audit->stopped())
            return error_set(error, "stopped");
        if (text_equal_fold(reader.schema, TEXT("information_schema")) ||
            text_equal_fold(reader.schema, TEXT("performance_schema")))
            continue;
        if (!read_views(&reader) || !read_routines(&reader) || !read_triggers(&reader) ||
            !read_events(&reader) || (!system && !read_merges(&reader)) ||
            (!system && server->is_mariadb && !read_columns(&reader)))
            return false;
    }
    return true;
}
