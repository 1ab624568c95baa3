/* Folding: the sum of `count` over the records is what was added, by every key, always. */
#include "tests/unit/violations/scene.h"

#include <sys/stat.h>

/* Counts this thread's allocations; a sanitizer brings its own malloc, and then nothing is counted.
 */
#if defined(__has_feature) /* clang's way to tell */
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif
#if !defined(SANITIZED)
enum { ALLOCATIONS_COUNTED = 1 };
static _Thread_local unsigned allocations;
void *__libc_malloc(size_t size);
void *malloc(size_t size)
{
    allocations++;
    return __libc_malloc(size);
}
#else
enum { ALLOCATIONS_COUNTED = 0 };
static const unsigned allocations;
#endif

enum { SECOND = 1000000, DIGESTS = 9000 };

static int64_t sum_of(const json_t *records)
{
    int64_t sum = 0;
    size_t i;
    const json_t *record;

    json_array_foreach(records, i, record) sum += scene_number(record, "count");
    return sum;
}

static void test_first_at_once_then_one_a_period(void **state)
{
    (void)state;
    const char *path = scene_path("periods.jsonl");
    struct scene scene;

    scene_init(&scene);
    struct violations *violations = scene_log(path, CONFIG_NORMALIZED, 60000, 1);
    struct violations_worker *worker = violations_worker(violations, 0);
    uint64_t id = 0;
    /* Three periods of 100 a second, a quiet one, and once more. */
    for (int64_t tenth = 0; tenth < 1800; tenth++) {
        int64_t now = scene_start + tenth * SECOND / 10;
        uint64_t told = violations_add(worker, &scene.session, &scene.statement, now);
        assert_true(id == 0 || told == id);
        id = told;
        violations_tick(worker, now);
    }
    for (int64_t second = 180; second < 400; second++)
        violations_tick(worker, scene_start + second * SECOND);
    assert_true(violations_add(worker, &scene.session, &scene.statement,
                               scene_start + 400 * (int64_t)SECOND) != id);
    violations_stop(violations);

    static const struct {
        int64_t count;
        const char *first, *last;
    } expected[] = {
        {1,   "2026-11-20T13:18:15.123456Z", "2026-11-20T13:18:15.123456Z"},
        {599, "2026-11-20T13:18:15.223456Z", "2026-11-20T13:19:15.023456Z"},
        {600, "2026-11-20T13:19:15.123456Z", "2026-11-20T13:20:15.023456Z"},
        {600, "2026-11-20T13:20:15.123456Z", "2026-11-20T13:21:15.023456Z"},
        {1,   "2026-11-20T13:24:55.123456Z", "2026-11-20T13:24:55.123456Z"},
    };
    json_t *records = scene_records(path);
    assert_int_equal(json_array_size(records), COUNT(expected));
    for (size_t i = 0; i < COUNT(expected); i++) {
        json_t *record = json_array_get(records, i);
        assert_int_equal(scene_number(record, "count"), expected[i].count);
        assert_string_equal(scene_string(record, "first"), expected[i].first);
        assert_string_equal(scene_string(record, "last"), expected[i].last);
        assert_string_equal(scene_string(record, "statement"),
                            scene_string(json_array_get(records, 0), "statement"));
    }
    json_decref(records);
    scene_fini(&scene);
}

/* Random services, actions, digests (more of them than there are slots), applications and clocks
 * that jump: per key, the sums are exact. */
static void add_random(struct scene *scene, struct violations *violations, int64_t *sums,
                       unsigned rounds)
{
    static const char *const apps[] = {"node", "flyway", "mysqldump"};
    unsigned seed = 42;
    int64_t now = scene_start;

    for (unsigned i = 0; i < rounds; i++) {
        unsigned skewed = (unsigned)rand_r(&seed) % DIGESTS;
        unsigned digest = i % 5 ? skewed % 50 : skewed;
        unsigned app = (unsigned)rand_r(&seed) % COUNT(apps);
        unsigned blocked = (unsigned)rand_r(&seed) % 2;
        unsigned worker = (unsigned)rand_r(&seed) % 2;
        char text[100], name[20];
        snprintf(name, sizeof(name), "t%u", digest);
        snprintf(text, sizeof(text), "SELECT a FROM clinical_data.%s WHERE b = 'v%u'", name, i);
        scene->facts->objects[0].name = text_of(name);
        scene->statement.text = text_of(text);
        scene->statement.blocked = blocked;
        scene->session.program_name = text_of(apps[app]);
        now += rand_r(&seed) % 2000;
        if (i % 5000 == 4999)
            now -= 3600 * (int64_t)SECOND * (i % 2 ? 1 : -1);
        violations_add(violations_worker(violations, worker), &scene->session, &scene->statement,
                       now);
        if (i % 100 == 0)
            violations_tick(violations_worker(violations, worker), now);
        sums[(digest * COUNT(apps) + app) * 2 + blocked]++;
    }
}

static void take_record(const json_t *record, int64_t *sums)
{
    const json_t *object = json_array_get(json_object_get(record, "objects"), 0);
    const char *app = scene_string(json_object_get(record, "app"), "program_name");
    size_t digest = strtoul(scene_string(object, "name") + 1, NULL, 10);
    size_t index = app[0] == 'n' ? 0 : app[0] == 'f' ? 1 : 2;

    sums[(digest * 3 + index) * 2 + (strcmp(scene_string(record, "action"), "blocked") == 0)] -=
        scene_number(record, "count");
    assert_true(strcmp(scene_string(record, "first"), scene_string(record, "last")) <= 0 ||
                scene_number(record, "count") > 1);
}

static void check_sums(int64_t repeat, unsigned rounds)
{
    static int64_t sums[DIGESTS * 3 * 2];
    const char *path = scene_path("sums.jsonl");
    struct scene scene;
    size_t i;
    const json_t *record;

    memset(sums, 0, sizeof(sums));
    scene_init(&scene);
    unlink(path);
    struct violations *violations = scene_log(path, CONFIG_NORMALIZED, repeat, 2);
    add_random(&scene, violations, sums, rounds);
    struct violations_counters counters;
    violations_counters(violations, &counters);
    assert_int_equal(counters.added, rounds);
    violations_stop(violations);
    json_t *records = scene_records(path);
    assert_int_equal(sum_of(records), rounds);
    if (repeat == 0)
        assert_int_equal(json_array_size(records), rounds);
    else
        assert_true(json_array_size(records) >= 9000 && json_array_size(records) < rounds - 1000);
    json_array_foreach(records, i, record) take_record(record, sums);
    for (i = 0; i < COUNT(sums); i++)
        assert_int_equal(sums[i], 0);
    json_decref(records);
    scene_fini(&scene);
}

static void test_sums_are_exact(void **state)
{
    (void)state;
    check_sums(60000, 60000);
    check_sums(1000, 60000);
    check_sums(0, 10000); /* each is a record */
}

/* Each of these alone makes it another violation. */
static void test_what_is_not_the_same(void **state)
{
    (void)state;
    const char *path = scene_path("keys.jsonl");
    const int16_t owners[] = {CLINICAL, AUTH};
    struct scene scene;

    scene_init(&scene);
    struct violations *violations = scene_log(path, CONFIG_NORMALIZED, 60000, 1);
    for (int i = 0; i < 20; i++) {
        struct violations_session session = scene.session;
        struct violations_statement statement = scene.statement;
        struct verdict verdict = scene.verdict;
        statement.verdict = &verdict;
        scene.facts->objects[0].access = SQL_READ;
        switch (i / 2) {
        case 1:
            session.user = TEXT("billing_other");
            break;
        case 2:
            session.database = (struct text){NULL, 0};
            break;
        case 3:
            session.upstream = TEXT("second");
            break;
        case 4:
            statement.blocked = true;
            break;
        case 5:
            verdict.reason = REASON_EXPIRED_GRANT;
            break;
        case 6:
            statement.service = AUTH;
            break;
        case 7:
            scene.facts->objects[0].access = SQL_WRITE;
            break;
        case 8:
            session.transaction_owners = owners;
            session.transaction_owner_count = 2;
            break;
        case 9:
            statement.text = TEXT("SELECT * FROM clinical_data.patients WHERE id = 4711 "
                                  "/*route='bills'*/");
            break;
        default:
            break;
        }
        violations_add(violations_worker(violations, 0), &session, &statement, scene_start);
    }
    violations_stop(violations);
    json_t *records = scene_records(path);
    assert_int_equal(json_array_size(records), 20);
    assert_int_equal(sum_of(records), 20);
    json_decref(records);
    scene_fini(&scene);
}

/* Client, session and traceparent differ from one to the next: still the same violation. */
static void test_what_is_the_same(void **state)
{
    (void)state;
    const char *path = scene_path("same.jsonl");
    struct scene scene;

    scene_init(&scene);
    struct violations *violations = scene_log(path, CONFIG_NORMALIZED, 60000, 1);
    for (uint64_t i = 0; i < 50; i++) {
        char parent[60];
        snprintf(parent, sizeof(parent), "00-%032d-%016d-01", (int)i, (int)i);
        scene.session.session = i;
        scene.session.client = (i & 1) ? TEXT("a:1") : TEXT("b:2");
        scene.session.traceparent = text_of(parent);
        violations_add(violations_worker(violations, 0), &scene.session, &scene.statement,
                       scene_start);
    }
    violations_stop(violations);
    json_t *records = scene_records(path);
    assert_int_equal(json_array_size(records), 2);
    assert_int_equal(scene_number(json_array_get(records, 1), "count"), 49);
    json_decref(records);
    scene_fini(&scene);
}

/* Statements longer than a slot keeps: still folded, the statement is cut; with too many objects
 * for a slot each one is written. */
static void test_long_ones(void **state)
{
    (void)state;
    static char text[20000], names[60][65];
    const char *path = scene_path("long.jsonl");
    struct scene scene;

    scene_init(&scene);
    memset(text, 'x', sizeof(text) - 1);
    memcpy(text, "SELECT ", 7);
    scene.statement.text = text_of(text);
    struct violations *violations = scene_log(path, CONFIG_FULL, 60000, 1);
    struct violations_worker *worker = violations_worker(violations, 0);
    for (int i = 0; i < 10; i++)
        violations_add(worker, &scene.session, &scene.statement, scene_start);
    for (size_t i = 0; i < COUNT(names); i++) {
        snprintf(names[i], sizeof(names[i]), "%064zu", i);
        scene_add_object(&scene, TEXT("clinical_data"), text_of(names[i]), SQL_READ);
    }
    for (int i = 0; i < 10; i++)
        violations_add(worker, &scene.session, &scene.statement, scene_start);
    violations_stop(violations);
    json_t *records = scene_records(path);
    assert_int_equal(json_array_size(records), 12);
    assert_int_equal(sum_of(records), 20);
    assert_string_equal(scene_string(json_array_get(records, 0), "statement"), text);
    const char *cut = scene_string(json_array_get(records, 11), "statement");
    assert_memory_equal(cut, text, strlen(cut));
    assert_true(strlen(cut) >= 1000 && strlen(cut) <= 3000);
    json_decref(records);
    scene_fini(&scene);
}

static void test_repeat_can_be_switched_off(void **state)
{
    (void)state;
    const char *path = scene_path("switched.jsonl");
    struct text output = text_of(path);
    struct violations_settings settings = {&output, NULL, 1, CONFIG_NORMALIZED, 0};
    struct scene scene;
    struct error error;

    scene_init(&scene);
    struct violations *violations = scene_log(path, CONFIG_NORMALIZED, 60000, 1);
    struct violations_worker *worker = violations_worker(violations, 0);
    for (int i = 0; i < 10; i++)
        violations_add(worker, &scene.session, &scene.statement, scene_start);
    assert_true(violations_change(violations, &settings, &error));
    for (int i = 0; i < 10; i++)
        violations_add(worker, &scene.session, &scene.statement, scene_start);
    violations_tick(worker, scene_start);
    violations_stop(violations);
    json_t *records = scene_records(path);
    assert_int_equal(json_array_size(records), 12);
    assert_int_equal(sum_of(records), 20);
    json_decref(records);
    scene_fini(&scene);
}

/* Neither the first of its kind nor a repeat allocates. */
static void test_no_allocation(void **state)
{
    (void)state;
    struct scene scene;
    char text[80];

    scene_init(&scene);
    struct violations *violations =
        scene_log(scene_path("malloc.jsonl"), CONFIG_NORMALIZED, 60000, 1);
    struct violations_worker *worker = violations_worker(violations, 0);
    unsigned before = allocations;
    assert_int_equal(before > 0, ALLOCATIONS_COUNTED);
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(text, sizeof(text), "SELECT c%u FROM clinical_data.patients", i % 400);
        scene.statement.text = text_of(text);
        violations_add(worker, &scene.session, &scene.statement, scene_start + i * 100);
        violations_tick(worker, scene_start + i * 100);
    }
    assert_int_equal(allocations, before);
    violations_stop(violations);
    scene_fini(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_at_once_then_one_a_period),
        cmocka_unit_test(test_sums_are_exact),
        cmocka_unit_test(test_what_is_not_the_same),
        cmocka_unit_test(test_what_is_the_same),
        cmocka_unit_test(test_long_ones),
        cmocka_unit_test(test_repeat_can_be_switched_off),
        cmocka_unit_test(test_no_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, scene_forget);
}
