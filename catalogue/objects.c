/* Reads the objects of a server: schemas, and in each its tables, views, sequences, routines and
 * events. */
#include <stdlib.h>

#include "catalogue/internal.h"

static void add_object(struct audit *audit, struct audit_server *server, struct text schema,
                       struct text name, enum audit_type type)
{
    if (server->object_count == server->object_room) {
        server->object_room = server->object_room ? server->object_room * 2 : 256;
        server->objects =
            memory_resize(server->objects, server->object_room * sizeof(*server->objects));
    }
    struct text kept = audit_keep(audit, name);
    uint8_t sql = type >= AUDIT_PROCEDURE ? SQL_ROUTINE : SQL_TABLE;
    server->objects[server->object_count++] =
        (struct audit_object){.schema = schema,
                              .name = kept,
                              .type = type,
                              .owner = audit_owner(audit, server, schema, kept, sql)};
}

static enum audit_type type_of(struct text word)
{
    static const struct {
        const char *word;
        enum audit_type type;
    } types[] = {
        {"VIEW",         AUDIT_VIEW_TABLE},
        {"SYSTEM VIEW",  AUDIT_VIEW_TABLE},
        {"SEQUENCE",     AUDIT_SEQUENCE  },
        {"PROCEDURE",    AUDIT_PROCEDURE },
        {"FUNCTION",     AUDIT_FUNCTION  },
        {"PACKAGE",      AUDIT_PACKAGE   },
        {"PACKAGE BODY", AUDIT_PACKAGE   },
    };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (text_equal_fold(word, text_of(types[i].word)))
            return types[i].type;
    }
    return AUDIT_BASE_TABLE;
}

/* MariaDB shows no events if the scheduler is disabled (error 1577). mysql.event still has them,
 * and the next start of the server may enable the scheduler. */
struct rows *audit_events(struct connection *connection, const char *shown, const char *kept,
                          struct text schema, struct error *error)
{
    enum { NO_SCHEDULER = 1577 };
    struct rows *rows = connection_query(connection, shown, PARAMETERS(P_TEXT(schema)), error);

    return !rows && connection_code(connection) == NO_SCHEDULER
               ? connection_query(connection, kept, PARAMETERS(P_TEXT(schema)), error)
               : rows;
}

static bool read_schema(struct audit *audit, struct audit_server *server,
                        struct connection *connection, struct text schema, struct error *error)
{
    static const char *const lists[][2] = {
        {"SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = ?"
         " ORDER BY 1",                          NULL                                                           },
        {"SELECT routine_name, routine_type FROM information_schema.routines"
         " WHERE routine_schema = ? ORDER BY 1", NULL                                                           },
        {"SELECT event_name, 'EVENT' FROM information_schema.events WHERE event_schema = ?"
         " ORDER BY 1",                          "SELECT name, 'EVENT' FROM mysql.event WHERE db = ? ORDER BY 1"},
    };

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        bool events = lists[i][1] != NULL;
        struct rows *rows =
            events ? audit_events(connection, lists[i][0], lists[i][1], schema, error)
                   : connection_query(connection, lists[i][0], PARAMETERS(P_TEXT(schema)), error);
        if (!rows)
            return false;
        while (rows_next(rows))
            add_object(audit, server, schema, rows->cells[0],
                       events ? AUDIT_EVENT_OBJECT : type_of(rows->cells[1]));
        rows_free(rows);
    }
    return true;
}

bool audit_objects(struct audit *audit, struct audit_server *server, struct connection *connection,
                   struct error *error)
{
    struct rows *rows = connection_query(
        connection,
        "SELECT schema_name, @@lower_case_table_names FROM information_schema.schemata"
        " ORDER BY schema_name",
        NULL, error);

    if (!rows)
        return false;
    server->schemas = arena_take(&audit->arena, (rows->count + 1) * sizeof(*server->schemas));
    while (rows_next(rows)) {
        server->schemas[server->schema_count++] = audit_keep(audit, rows->cells[0]);
        server->lower_case_table_names = (int)rows_number(rows, 1, 0);
    }
    rows_free(rows);
    for (size_t i = 0; i < server->schema_count; i++) {
        if (!audit_is_system(server->schemas[i]) &&
            !read_schema(audit, server, connection, server->schemas[i], error))
            return false;
    }
    return true;
}
