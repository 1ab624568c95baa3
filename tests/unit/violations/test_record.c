/* The record: its fields, their order, that it is JSON whatever the bytes, and that no value out of
 * a statement is in it. */
#include "tests/unit/violations/scene.h"

#include "violations/writer.h"

static json_t *record_of(struct scene *scene, int form)
{
    const char *path = scene_path("record.jsonl");

    unlink(path);
    struct violations *violations = scene_log(path, form, 60000, 1);
    violations_add(violations_worker(violations, 0), &scene->session, &scene->statement,
                   scene_start);
    violations_stop(violations);
    json_t *records = scene_records(path);
    assert_int_equal(json_array_size(records), 1);
    json_t *record = json_incref(json_array_get(records, 0));
    json_decref(records);
    return record;
}

static void test_fields_in_their_order(void **state)
{
    (void)state;
    static const char *const fields[] = {
        "ts",      "event",     "id",       "action", "reason",  "service", "user",   "client",
        "session", "upstream",  "database", "kind",   "objects", "owners",  "joined", "transaction",
        "digest",  "statement", "app",      "trace",  "policy",  "count",   "first",  "last"};
    static const char *const object_fields[] = {"schema", "name",    "type",  "access",
                                                "owner",  "verdict", "reason"};
    struct scene scene;
    size_t i = 0;
    const char *key;
    json_t *value;

    scene_init(&scene);
    json_t *record = record_of(&scene, CONFIG_NORMALIZED);
    assert_int_equal(json_object_size(record), COUNT(fields));
    json_object_foreach(record, key, value) assert_string_equal(key, fields[i++]);
    i = 0;
    json_t *object = json_array_get(json_object_get(record, "objects"), 0);
    assert_int_equal(json_object_size(object), COUNT(object_fields));
    json_object_foreach(object, key, value) assert_string_equal(key, object_fields[i++]);
    json_decref(record);
    scene_fini(&scene);
}

static void test_what_the_fields_say(void **state)
{
    (void)state;
    struct scene scene;
    const int16_t written[] = {CLINICAL, AUTH};
    static const struct {
        const char *field, *value;
    } cases[] = {
        {"ts",          "\"2026-11-20T13:18:15.123456Z\""                 },
        {"event",       "\"violation\""                                   },
        {"action",      "\"blocked\""                                     },
        {"reason",      "\"foreign\""                                     },
        {"service",     "\"billing\""                                     },
        {"user",        "\"billing_service\""                             },
        {"client",      "\"10.0.0.7:41522\""                              },
        {"session",     "7"                                               },
        {"upstream",    "\"main\""                                        },
        {"database",    "\"nilecare_billing\""                            },
        {"kind",        "\"select\""                                      },
        {"objects",
         "[{\"schema\":\"clinical_data\",\"name\":\"patients\",\"type\":\"table\",\"access\":"
         "[\"read\"],\"owner\":\"clinical\",\"verdict\":\"log\",\"reason\":\"foreign\"},"
         "{\"schema\":\"nilecare_billing\",\"name\":\"invoices\",\"type\":\"table\",\"access\":"
         "[\"read\",\"write\"],\"owner\":\"billing\",\"verdict\":\"allow\",\"reason\":\"own\"},"
         "{\"schema\":null,\"name\":\"stray\",\"type\":\"table\",\"access\":[\"define\"],\"owner\":"
         "null,\"verdict\":\"log\",\"reason\":\"unowned\"}]"              },
        {"owners",      "[\"clinical\",\"billing\"]"                      },
        {"joined",      "true"                                            },
        {"transaction", "[\"clinical\",\"auth\"]"                         },
        {"app",         "{\"program_name\":\"node\",\"client_name\":null}"},
        {"trace",       "{\"route\":\"/bills\"}"                          },
        {"count",       "1"                                               },
        {"first",       "\"2026-11-20T13:18:15.123456Z\""                 },
        {"last",        "\"2026-11-20T13:18:15.123456Z\""                 },
    };

    scene_init(&scene);
    scene_add_object(&scene, TEXT("nilecare_billing"), TEXT("invoices"), SQL_READ | SQL_WRITE);
    scene_add_object(&scene, (struct text){NULL, 0}, TEXT("stray"), SQL_DEFINE);
    scene_judge(&scene);
    scene.statement.blocked = true;
    scene.statement.text = TEXT("SELECT * FROM clinical_data.patients /*route='%2fbills'*/");
    scene.session.program_name = TEXT("node");
    scene.session.transaction_owners = written;
    scene.session.transaction_owner_count = 2;
    json_t *record = record_of(&scene, CONFIG_NORMALIZED);
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *value =
            json_dumps(json_object_get(record, cases[i].field), JSON_ENCODE_ANY | JSON_COMPACT);
        if (!value || strcmp(value, cases[i].value) != 0)
            fail_msg("%s is %s, not %s", cases[i].field, value, cases[i].value);
        free(value);
    }
    assert_int_equal(strlen(scene_string(record, "digest")), 16);
    assert_string_equal(scene_string(record, "policy"), policy_hash(scene.policy));
    assert_null(strstr(scene_string(record, "statement"), "/*"));
    json_decref(record);
    scene_fini(&scene);
}

static void test_forms_of_the_statement(void **state)
{
    (void)state;
    struct scene scene;

    scene_init(&scene);
    json_t *record = record_of(&scene, CONFIG_FULL);
    assert_string_equal(scene_string(record, "statement"),
                        "SELECT * FROM clinical_data.patients WHERE id = 4711");
    json_decref(record);
    record = record_of(&scene, CONFIG_NORMALIZED);
    assert_null(strstr(scene_string(record, "statement"), "4711"));
    assert_non_null(strstr(scene_string(record, "statement"), "patients"));
    json_decref(record);
    record = record_of(&scene, CONFIG_NO_STATEMENT);
    assert_true(json_is_null(json_object_get(record, "statement")));
    json_decref(record);
    scene_fini(&scene);
}

/* Dates over the leap years and the ends of months, against the C library. */
static void test_times(void **state)
{
    (void)state;
    struct scene scene;
    const char *path = scene_path("times.jsonl");

    scene_init(&scene);
    unlink(path);
    struct violations *violations = scene_log(path, CONFIG_NO_STATEMENT, 0, 1);
    for (int64_t day = 0; day < 60000; day += 13)
        violations_add(violations_worker(violations, 0), &scene.session, &scene.statement,
                       (day * 86400 + day) * 1000000 + day);
    violations_stop(violations);
    json_t *records = scene_records(path), *record;
    size_t i;
    assert_int_equal(json_array_size(records), (60000 + 12) / 13);
    json_array_foreach(records, i, record)
    {
        char expected[40];
        time_t seconds = (time_t)i * 13 * 86401;
        struct tm parts;
        gmtime_r(&seconds, &parts);
        strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S", &parts);
        assert_memory_equal(scene_string(record, "ts"), expected, 19);
        assert_int_equal(strtoul(scene_string(record, "ts") + 20, NULL, 10), i * 13);
    }
    json_decref(records);
    scene_fini(&scene);
}

/* Random bytes wherever a client can put some: every line stays JSON (scene_records insists). */
static void test_hostile_bytes(void **state)
{
    (void)state;
    static char bytes[8][3000];
    struct scene scene;
    const char *path = scene_path("hostile.jsonl");
    unsigned seed = 5;

    for (int form = CONFIG_NORMALIZED; form <= CONFIG_NO_STATEMENT; form++) {
        scene_init(&scene);
        unlink(path);
        struct violations *violations = scene_log(path, form, 60000, 1);
        for (int round = 0; round < 300; round++) {
            struct text texts[COUNT(bytes)];
            for (size_t i = 0; i < COUNT(bytes); i++) {
                size_t length = (size_t)rand_r(&seed) % (round % 3 ? 40 : sizeof(bytes[0]));
                for (size_t k = 0; k < length; k++)
                    bytes[i][k] = (char)(rand_r(&seed) >> 3);
                texts[i] = (struct text){bytes[i], length};
            }
            scene.session.user = texts[0];
            scene.session.database = texts[1];
            scene.session.program_name = texts[2];
            scene.session.client_name = texts[3];
            scene.session.traceparent = texts[4];
            scene.statement.text = texts[5];
            scene.facts->objects[0].schema = texts[6];
            scene.facts->objects[0].name = texts[7];
            scene_judge(&scene);
            violations_add(violations_worker(violations, 0), &scene.session, &scene.statement,
                           scene_start + round);
        }
        violations_stop(violations);
        json_t *records = scene_records(path);
        assert_int_equal(json_array_size(records), 300);
        json_decref(records);
        scene_fini(&scene);
    }
}

/* A value must not come out in any field, in the first record or in the sum, however it is written.
 */
static void test_no_value_comes_out(void **state)
{
    (void)state;
    static const char *const statements[] = {
        "SELECT * FROM patients WHERE name = 'SECRET'",
        "SELECT * FROM patients WHERE name = \"SECRET\"",
        "SELECT * FROM patients WHERE name = N'SECRET' OR name = _utf8mb4'SECRET'",
        "INSERT INTO patients VALUES ('SECRET', 'it''s SECRET', 'a\\'SECRET')",
        "SELECT 1 /* SECRET */ -- SECRET\n # SECRET",
        "SELECT 1 FROM patients /*comment='SECRET'*/",
        "SELECT 'open SECRET /*route=''SECRET''*/",
        "SELECT \"open SECRET /*route='SECRET'*/",
        "SELECT * FROM patients WHERE name = 'SECRET",
        "SELECT 'a' 'SECRET'",
    };
    struct scene scene;
    const char *path = scene_path("values.jsonl");

    scene_init(&scene);
    unlink(path);
    struct violations *violations = scene_log(path, CONFIG_NORMALIZED, 60000, 1);
    for (size_t i = 0; i < 2 * COUNT(statements); i++) {
        scene.statement.text = text_of(statements[i % COUNT(statements)]);
        violations_add(violations_worker(violations, 0), &scene.session, &scene.statement,
                       scene_start);
    }
    violations_stop(violations);
    char *log = scene_read(path);
    assert_non_null(strstr(log, "patients"));
    assert_null(strstr(log, "SECRET"));
    free(log);
    scene_fini(&scene);
}

/* Two thousand objects with the longest names: the line has a bound, and those that violate stay.
 */
static void test_more_objects_than_fit(void **state)
{
    (void)state;
    static char name[400];
    struct scene scene;

    memset(name, 1, sizeof(name));
    scene_init(&scene);
    scene.facts->object_count = 0;
    for (uint32_t i = 0; i < SQL_OBJECTS - 1; i++)
        scene_add_object(&scene, TEXT("nilecare_billing"), (struct text){name, 100 + i % 300},
                         SQL_READ);
    scene_add_object(&scene, TEXT("clinical_data"), TEXT("patients"), SQL_READ);
    scene_judge(&scene);
    json_t *record = record_of(&scene, CONFIG_NORMALIZED);
    assert_int_equal(json_array_size(json_object_get(record, "objects")), 1);
    json_t *object = json_array_get(json_object_get(record, "objects"), 0);
    assert_string_equal(scene_string(object, "name"), "patients");
    json_decref(record);
    scene_fini(&scene);
}

static void test_other_events(void **state)
{
    (void)state;
    static const char *const expected[] = {
        "\"event\":\"login_refused\"", "\"service\":\"s\"",           "\"user\":\"nobody\"",
        "\"client\":\"10.0.0.9:1\"",   "\"event\":\"reload\"",        "\"action\":\"accepted\"",
        "\"policy\":\"0123abcd\"",     "\"event\":\"upstream_down\"", "\"event\":\"upstream_up\"",
        "\"upstream\":\"main\"",       "\"address\":\"db:3306\""};
    const char *path = scene_path("events.jsonl");
    struct violations *violations = scene_log(path, CONFIG_NORMALIZED, 60000, 2);

    violations_event_login_refused(violations, TEXT("s"), TEXT("nobody"), TEXT("10.0.0.9:1"),
                                   TEXT("unknown"));
    violations_event_reload(violations, "0123abcd", true, TEXT("a \"quote\""));
    violations_event_upstream(violations, TEXT("main"), TEXT("db:3306"), false, TEXT("refused"));
    violations_event_upstream(violations, TEXT("main"), TEXT("db:3306"), true,
                              (struct text){NULL, 0});
    violations_stop(violations);
    char *log = scene_read(path);
    for (size_t i = 0; i < COUNT(expected); i++) {
        if (!strstr(log, expected[i]))
            fail_msg("%s is not in %s", expected[i], log);
    }
    free(log);
    json_t *records = scene_records(path);
    assert_int_equal(json_array_size(records), 4);
    json_decref(records);
}

/* What would keep a move back: ten of a service and reason one by one, the others summed up. */
static void test_rehearsals(void **state)
{
    (void)state;
    const char *path = scene_path("rehearsals.jsonl");
    struct violations *violations = scene_log(path, CONFIG_NORMALIZED, 60000000, 2);
    json_int_t told = 0, times = 0;
    size_t i;

    for (int n = 0; n < 1000; n++)
        violations_event_rehearsal(violations, TEXT("billing"), TEXT("information_schema"), 0xabc);
    violations_event_rehearsal(violations, TEXT("payment"), TEXT("information_schema"), 0xabd);
    violations_stop(violations);
    json_t *records = scene_records(path), *record;
    json_array_foreach(records, i, record)
    {
        assert_string_equal(scene_string(record, "event"), "rehearsal");
        if (strcmp(scene_string(record, "service"), "billing") != 0)
            continue;
        times += json_integer_value(json_object_get(record, "count"));
        json_t *digest = json_array_get(json_object_get(record, "digests"), 0);
        if (digest && ++told > 0)
            assert_string_equal(json_string_value(digest), "0000000000000abc");
    }
    assert_int_equal(json_array_size(records), 12);
    assert_int_equal(told, 10);
    assert_int_equal(times, 1000);
    json_decref(records);
}

static void test_ids_differ(void **state)
{
    (void)state;
    uint64_t last[3] = {0}, before[3] = {0};

    for (int i = 0; i < 100000; i++) {
        unsigned worker = (unsigned)i % 3;
        uint64_t id = writer_id(&last[worker], worker, scene_start + i);
        assert_true(id > before[worker]);
        assert_int_equal(id >> 13 & 1023, worker);
        before[worker] = id;
    }
    uint64_t restarted = 0;
    assert_true(writer_id(&restarted, 0, scene_start + 60000000) > before[0]);
}

/* What was granted stands on an edge from the day on that its grant has ended; until then not. */
static void test_the_edges_of_a_grant_that_ends(void **state)
{
    (void)state;
    struct summary_slice *slice = calloc(1, sizeof(*slice));
    struct violations *violations =
        scene_log(scene_path("ends.jsonl"), CONFIG_NORMALIZED, 60000, 1);
    struct violations_worker *worker = violations_worker(violations, 0);
    struct scene scene;

    scene_init(&scene);
    scene_add_object(&scene, TEXT("nilecare_auth"), TEXT("names"), SQL_READ);
    for (int day = 0; day < 3; day++) {
        scene.statement.today = 19999 + day;
        policy_check(scene.policy, BILLING, scene.facts, false, scene.statement.today,
                     &scene.verdict);
        violations_add(worker, &scene.session, &scene.statement, scene_start + day);
    }
    slice->wants_queries = true;
    violations_seen(worker, slice);
    assert_int_equal(slice->edge_count, 2);
    assert_int_equal(slice->query_count, 2);
    assert_string_equal(slice->edges[0].owner, "clinical");
    assert_int_equal(slice->edges[0].logged + slice->edges[0].blocked, 3);
    assert_string_equal(slice->edges[1].owner, "auth");
    assert_int_equal(slice->edges[1].logged + slice->edges[1].blocked, 1);
    assert_int_equal(slice->queries[0].count, 2);
    violations_stop(violations);
    scene_fini(&scene);
    free(slice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_edges_of_a_grant_that_ends),
        cmocka_unit_test(test_fields_in_their_order),
        cmocka_unit_test(test_what_the_fields_say),
        cmocka_unit_test(test_forms_of_the_statement),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_hostile_bytes),
        cmocka_unit_test(test_no_value_comes_out),
        cmocka_unit_test(test_more_objects_than_fit),
        cmocka_unit_test(test_other_events),
        cmocka_unit_test(test_rehearsals),
        cmocka_unit_test(test_ids_differ),
    };
    return cmocka_run_group_tests(tests, NULL, scene_forget);
}
