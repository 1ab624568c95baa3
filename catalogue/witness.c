/* Takes samples and explains them. A lock only tells that a table is open. It is explained if the
 * policy allows the service to use the table, or only logs it (the violation log has these
 * statements). Any other lock must come from a stored object that the service may use.
 */
#include "catalogue/witness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "catalogue/internal.h"
#include "sql/normalize.h"

enum { HELD_MOST = 4096, EDGES_SECONDS = 5, NAME_SIZE = 64 * 4 + 1, UNKNOWN_TABLE = 1109 };

/* A lock that was reported; it is reported only once while it is held. */
struct known {
    char session[32], schema[NAME_SIZE], table[NAME_SIZE];
};

struct witness {
    struct audit edges; /* what stored objects touch; may outlive its configuration, whose pointers
                           are not used */
    bool has_edges;
    time_t edges_read;
    struct known *known, *coming;
    size_t known_count, coming_count;
};

/* The context of one sample. */
struct looking {
    struct witness *witness;
    const struct config *config;
    const struct policy *policy;
    struct connection *connection;
    size_t upstream;
    bool fold;
    int32_t today;
    bool *visited; /* a flag per finding, while one table is explained */
};

struct witness *witness_new(void)
{
    struct witness *witness = memory_take_zeroed(sizeof(*witness));

    witness->known = memory_take_zeroed(HELD_MOST * sizeof(struct known));
    witness->coming = memory_take_zeroed(HELD_MOST * sizeof(struct known));
    return witness;
}

void witness_free(struct witness *witness)
{
    if (!witness)
        return;
    if (witness->has_edges)
        audit_fini(&witness->edges);
    free(witness->known);
    free(witness->coming);
    free(witness);
}

/* If it fails the edges that were read before stay in use. */
static void read_edges(struct looking *looking)
{
    struct witness *witness = looking->witness;
    struct audit edges;
    struct error error = {.line = 0};
    time_t now = time(NULL);

    if (witness->edges_read && now - witness->edges_read < EDGES_SECONDS &&
        now >= witness->edges_read)
        return;
    witness->edges_read = now;
    audit_init(&edges, looking->config, looking->policy, looking->today);
    edges.whole = true;
    if (!audit_read_edges(&edges, looking->upstream, looking->connection, &error)) {
        audit_fini(&edges);
        return;
    }
    if (witness->has_edges)
        audit_fini(&witness->edges);
    witness->edges = edges;
    witness->has_edges = true;
}

static struct verdict judge(const struct looking *looking, int service, struct text schema,
                            struct text name, uint8_t type, uint8_t access)
{
    const struct sql_object object = {
        .schema = schema, .name = name, .type = type, .access = access};
    struct verdict verdict;

    policy_check_object(looking->policy, service, &object, looking->fold, looking->today, &verdict);
    return verdict;
}

/* May the service use it in any way? A lock does not tell what the table is used for. */
static bool may_use(const struct looking *looking, int service, struct text schema,
                    struct text name, uint8_t type)
{
    static const uint8_t accesses[] = {SQL_READ, SQL_WRITE, SQL_DEFINE, SQL_EXECUTE};

    for (size_t i = 0; i < sizeof(accesses); i++) {
        if ((accesses[i] == SQL_EXECUTE) == (type == SQL_ROUTINE) &&
            judge(looking, service, schema, name, type, accesses[i]).action != VERDICT_BLOCK)
            return true;
    }
    return false;
}

static bool same(const struct looking *looking, struct text a, struct text b)
{
    return looking->fold ? text_equal_fold(a, b) : text_equal(a, b);
}

static bool touches(const struct looking *looking, const struct audit_finding *finding,
                    struct text schema, struct text name)
{
    for (size_t i = 0; i < finding->touch_count; i++) {
        const struct audit_touch *touch = &finding->touches[i];
        bool routine = touch->type == SQL_ROUTINE;
        if (same(looking, touch->schema, schema) &&
            (routine ? text_equal_fold(touch->name, name) : same(looking, touch->name, name)))
            return true;
    }
    return false;
}

/* Does a stored object that the service may use lead to the table, directly or through others?
 * Searches backwards from the table; each finding is visited once. */
static bool reaches(const struct looking *looking, int service, struct text schema,
                    struct text name)
{
    const struct audit *edges = &looking->witness->edges;

    for (size_t i = 0; i < edges->finding_count; i++) {
        const struct audit_finding *finding = &edges->findings[i];
        bool by_table = finding->on.at != NULL; /* a trigger, a foreign key, a default */
        struct text from_schema = by_table ? finding->on_schema : finding->schema;
        struct text from = by_table ? finding->on : finding->name;
        if (looking->visited[i] || finding->kind == AUDIT_EVENT)
            continue;
        if (touches(looking, finding, schema, name)) {
            looking->visited[i] = true;
            if (may_use(looking, service, from_schema, from,
                        finding->kind == AUDIT_ROUTINE ? SQL_ROUTINE : SQL_TABLE) ||
                reaches(looking, service, from_schema, from))
                return true;
        }
        /* A foreign key is checked from both sides: a write to the parent opens the child. */
        if (finding->kind == AUDIT_FOREIGN_KEY && !looking->visited[i] &&
            same(looking, from_schema, schema) && same(looking, from, name)) {
            looking->visited[i] = true;
            for (size_t t = 0; t < finding->touch_count; t++) {
                const struct audit_touch *parent = &finding->touches[t];
                if (may_use(looking, service, parent->schema, parent->name, SQL_TABLE) ||
                    reaches(looking, service, parent->schema, parent->name))
                    return true;
            }
        }
    }
    return false;
}

static bool catalogue_explains(struct looking *looking, int service, struct text schema,
                               struct text table)
{
    read_edges(looking);
    if (!looking->witness->has_edges)
        return false;
    looking->visited = memory_take_zeroed(looking->witness->edges.finding_count + 1);
    bool explained = reaches(looking, service, schema, table);
    free(looking->visited);
    return explained;
}

static void copy(char *to, size_t size, struct text from)
{
    snprintf(to, size, "%.*s", TEXT_ARGS(from));
}

/* Notes a lock for the next sample. True if the last sample did not have it. */
static bool is_new(struct witness *witness, const struct witness_held *held)
{
    struct known one;

    memset(&one, 0, sizeof(one));
    copy(one.session, sizeof(one.session), held->session);
    copy(one.schema, sizeof(one.schema), held->schema);
    copy(one.table, sizeof(one.table), held->table);
    for (size_t i = 0; i < witness->coming_count; i++) {
        if (memcmp(&witness->coming[i], &one, sizeof(one)) == 0)
            return false;
    }
    if (witness->coming_count == HELD_MOST)
        return false;
    witness->coming[witness->coming_count++] = one;
    for (size_t i = 0; i < witness->known_count; i++) {
        if (memcmp(&witness->known[i], &one, sizeof(one)) == 0)
            return false;
    }
    return true;
}

static int service_of(const struct config *config, struct text user)
{
    for (size_t i = 0; i < config->service_count; i++) {
        for (size_t j = 0; j < config->services[i].users.count; j++) {
            if (text_equal(config->services[i].users.items[j].value, user))
                return (int)i;
        }
    }
    return SERVICE_NONE;
}

/* Reads the locks of this instance's sessions only: another instance may have another policy for a
 * moment. Locks of high priority come from queries of information_schema, which read no rows. */
static struct rows *sample(struct looking *looking, struct error *error)
{
#define WHO                                                                                        \
    " JOIN performance_schema.session_connect_attrs o ON o.processlist_id = t.processlist_id"      \
    " AND o.attr_name = 'silogate_session' AND o.attr_value LIKE CONCAT('%/', ?)"                  \
    " LEFT JOIN performance_schema.session_connect_attrs c"                                        \
    " ON c.processlist_id = t.processlist_id AND c.attr_name = 'silogate_client'"
#define FOREIGN " NOT IN ('mysql', 'sys', 'performance_schema', 'information_schema')"
    static const char mysql[] =
        "SELECT o.attr_value, t.processlist_user, COALESCE(c.attr_value, ''), l.object_schema,"
        " l.object_name, MIN(l.lock_type), MIN(t.thread_id) FROM performance_schema.metadata_locks "
        "l"
        " JOIN performance_schema.threads t ON t.thread_id = l.owner_thread_id" WHO
        " WHERE l.object_type = 'TABLE' AND l.lock_status = 'GRANTED'"
        " AND l.lock_type <> 'SHARED_HIGH_PRIO' AND l.object_schema" FOREIGN
        " GROUP BY 1, 2, 3, 4, 5 LIMIT 4096";
    static const char mariadb[] =
        "SELECT o.attr_value, t.processlist_user, COALESCE(c.attr_value, ''), l.table_schema,"
        " l.table_name, MIN(l.lock_mode), MIN(t.thread_id) FROM "
        "information_schema.metadata_lock_info l"
        " JOIN performance_schema.threads t ON t.processlist_id = l.thread_id" WHO
        " WHERE l.lock_type = 'Table metadata lock' AND l.lock_mode <> 'MDL_SHARED_HIGH_PRIO'"
        " AND l.table_schema" FOREIGN " GROUP BY 1, 2, 3, 4, 5 LIMIT 4096";
    bool is_mariadb = connection_is_mariadb(looking->connection);
    char instance[24];

    snprintf(instance, sizeof(instance), "%lld", (long long)looking->config->proxy.instance.value);
    struct rows *rows = connection_query(looking->connection, is_mariadb ? mariadb : mysql,
                                         PARAMETERS(P_TEXT(text_of(instance))), error);
    if (!rows && is_mariadb && connection_code(looking->connection) == UNKNOWN_TABLE)
        error_set(error, "the plugin metadata_lock_info is not loaded: "
                         "INSTALL SONAME 'metadata_lock_info'");
    return rows;
}

/* Digests of the session's last statements. A text that the server has cut would give another
 * digest, so it is left out. */
static void read_digests(const struct looking *looking, int64_t thread, struct witness_held *held)
{
#define STATEMENTS(table)                                                                          \
    "SELECT event_id, sql_text FROM performance_schema." table                                     \
    " WHERE thread_id = ? AND nesting_event_level = 0 AND sql_text IS NOT NULL"                    \
    " AND OCTET_LENGTH(sql_text) < @@performance_schema_max_sql_text_length"
    struct sql_state state = {.mode_known = true};
    struct error ignored;

    if (!sql_state_set_version(&state, text_of(connection_version(looking->connection))))
        return;
    struct rows *rows =
        connection_query(looking->connection,
                         STATEMENTS("events_statements_current") " UNION " STATEMENTS(
                             "events_statements_history") " ORDER BY event_id DESC",
                         PARAMETERS(P_NUMBER(thread), P_NUMBER(thread)), &ignored);
    while (rows && held->digest_count < WITNESS_DIGESTS && rows_next(rows)) {
        size_t length;
        uint64_t digest = sql_normalize(rows->cells[1], &state, NULL, 0, &length);
        if (!held->digest_count || held->digests[held->digest_count - 1] != digest)
            held->digests[held->digest_count++] = digest;
    }
    rows_free(rows);
}

/* If performance_schema is off, locks cannot be attributed to sessions: this is an error, not an
 * empty result. */
static bool can_tell(struct looking *looking, struct error *error)
{
    struct rows *rows = connection_query(
        looking->connection, "SELECT @@performance_schema, @@lower_case_table_names", NULL, error);

    if (!rows)
        return false;
    bool on = rows_next(rows) && rows_number(rows, 0, 0) == 1;
    looking->fold = on && rows_number(rows, 1, 0) != 0;
    rows_free(rows);
    return on || error_set(error, "its performance_schema is off");
}

bool witness_look(struct witness *witness, const struct config *config, const struct policy *policy,
                  size_t upstream, struct connection *connection,
                  void (*tell)(void *user, const struct witness_held *held), void *user,
                  uint64_t *count, struct error *error)
{
    struct looking looking = {.witness = witness,
                              .config = config,
                              .policy = policy,
                              .connection = connection,
                              .upstream = upstream,
                              .today = policy_today(time(NULL))};
    struct rows *rows = can_tell(&looking, error) ? sample(&looking, error) : NULL;

    if (!rows)
        return false;
    witness->coming_count = 0;
    while (rows_next(rows)) {
        const struct text *cells = rows->cells;
        struct witness_held held = {.session = cells[0],
                                    .user = cells[1],
                                    .client = cells[2],
                                    .service = service_of(config, cells[1]),
                                    .schema = cells[3],
                                    .table = cells[4],
                                    .lock = cells[5]};
        bool between = held.table.length > 0 && held.table.at[0] == '#'; /* ALTER's copy */
        if (between || held.service == SERVICE_NONE ||
            may_use(&looking, held.service, held.schema, held.table, SQL_TABLE) ||
            catalogue_explains(&looking, held.service, held.schema, held.table))
            continue;
        held.owner =
            judge(&looking, held.service, held.schema, held.table, SQL_TABLE, SQL_READ).owner;
        if (is_new(witness, &held)) {
            read_digests(&looking, rows_number(rows, 6, 0), &held);
            tell(user, &held);
        }
    }
    rows_free(rows);
    struct known *before = witness->known;
    witness->known = witness->coming;
    witness->known_count = witness->coming_count;
    witness->coming = before;
    *count = witness->known_count;
    return true;
}
