/* The writer as a whole: a full disk, a log that was moved away, a reload, many threads. */
#include "tests/unit/violations/scene.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include "violations/output.h"

static atomic_bool disk_is_full;

static ssize_t write_unless_full(int file, const void *from, size_t size)
{
    if (!atomic_load(&disk_is_full))
        return write(file, from, size);
    errno = ENOSPC;
    return -1;
}

static int set_calls(void **state)
{
    (void)state;
    output_calls.write = write_unless_full;
    return 0;
}

static int64_t sum_of(const char *path)
{
    json_t *records = scene_records(path);
    const json_t *record;
    int64_t sum = 0;
    size_t i;

    json_array_foreach(records, i, record) sum += scene_number(record, "count");
    json_decref(records);
    return sum;
}

/* Until it holds; the test fails after two minutes. */
#define WAIT_UNTIL(condition)                                                                      \
    do {                                                                                           \
        int tries = 0;                                                                             \
        while (!(condition) && tries++ < 12000)                                                    \
            poll(NULL, 0, 10);                                                                     \
        assert_true(condition);                                                                    \
    } while (0)

static struct violations_counters counters_of(struct violations *violations)
{
    struct violations_counters counters;
    violations_counters(violations, &counters);
    return counters;
}

static void test_a_full_disk_loses_nothing(void **state)
{
    (void)state;
    const char *path = scene_path("full.jsonl");
    struct scene scene;

    scene_init(&scene);
    atomic_store(&disk_is_full, true);
    struct violations *violations = scene_log(path, CONFIG_NORMALIZED, 0, 1);
    for (int i = 0; i < 5000; i++)
        violations_add(violations_worker(violations, 0), &scene.session, &scene.statement,
                       scene_start + i);
    WAIT_UNTIL(counters_of(violations).failing && counters_of(violations).backlog_bytes > 0);
    assert_true(counters_of(violations).failures > 0);
    assert_int_equal(counters_of(violations).written, 0);
    atomic_store(&disk_is_full, false);
    WAIT_UNTIL(counters_of(violations).written == 5000);
    WAIT_UNTIL(!counters_of(violations).failing);
    assert_int_equal(counters_of(violations).backlog_bytes, 0);
    violations_stop(violations);
    assert_int_equal(sum_of(path), 5000);
    scene_fini(&scene);
}

static atomic_int rooms;

static void room(void *context, unsigned worker)
{
    atomic_fetch_add((atomic_int *)context, (int)worker + 1);
}

/* With the disk full for long, memory has a bound: then workers are told to wait, and told when it
 * goes on. */
static void test_workers_wait_when_the_backlog_is_full(void **state)
{
    (void)state;
    const char *path = scene_path("bound.jsonl");
    struct text output = text_of(path);
    struct violations_settings settings = {&output, NULL, 1, CONFIG_FULL, 0};
    static char text[30000];
    struct scene scene;
    struct error error;
    int64_t added = 0;

    scene_init(&scene);
    memset(text, 'x', sizeof(text) - 1);
    scene.statement.text = text_of(text);
    atomic_store(&disk_is_full, true);
    struct violations *violations = violations_start(&settings, 1, room, &rooms, &error);
    assert_non_null(violations);
    struct violations_worker *worker = violations_worker(violations, 0);
    /* Until there was no room for a second while the backlog was full: a round of the writer may
     * take longer than that, and makes room at its end. */
    for (int waited = 0, full = 0; full < 200;) {
        if (violations_ready(worker)) {
            violations_add(worker, &scene.session, &scene.statement, scene_start + added++);
            waited = full = 0;
        } else {
            poll(NULL, 0, 5);
            full = counters_of(violations).backlog_bytes >= 64 << 20 ? full + 1 : 0;
            assert_true(waited++ < 12000);
        }
    }
    struct violations_counters counters = counters_of(violations);
    assert_true(counters.backlog_bytes >= 64 << 20 && counters.backlog_bytes <= 66 << 20);
    assert_true(counters.queued_bytes <= 1 << 20);
    int before = atomic_load(&rooms);
    atomic_store(&disk_is_full, false);
    WAIT_UNTIL(atomic_load(&rooms) > before);
    WAIT_UNTIL(violations_ready(worker));
    assert_int_equal(counters_of(violations).lost, 0);
    violations_stop(violations);
    assert_int_equal(sum_of(path), added);
    scene_fini(&scene);
}

/* The counts of the events of this name. Their file has 64 MiB, which takes seconds as JSON: a
 * record is a line, and values have no quotes here. */
static int64_t events_of(const char *path, const char *name)
{
    char wanted[64], *line = NULL;
    size_t size = 0;
    int64_t sum = 0;
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    snprintf(wanted, sizeof(wanted), "\"event\":\"%s\"", name);
    while (getline(&line, &size, file) > 0) {
        const char *count = strstr(line, wanted) ? strstr(line, "\"count\":") : NULL;
        sum += count ? strtoll(count + strlen("\"count\":"), NULL, 10) : 0;
    }
    free(line);
    fclose(file);
    return sum;
}

enum { LEFT_OUT = 1000 };

/* Refuses logins on a full disk until LEFT_OUT of them were left out; returns their number. */
static int64_t flood(struct violations *violations)
{
    enum { BACKLOG = 64 << 20, EVENTS = 4 << 20 };
    static char text[8000];
    const struct text name = {text, sizeof(text)};
    int64_t count = 0;

    memset(text, 'x', sizeof(text));
    while (counters_of(violations).backlog_bytes < BACKLOG ||
           counters_of(violations).queued_bytes <= EVENTS) {
        violations_event_login_refused(violations, TEXT("s"), name, TEXT("y"), name);
        count++;
    }
    for (int i = 0; i < LEFT_OUT; i++, count++)
        violations_event_login_refused(violations, TEXT("s"), name, TEXT("y"), name);
    return count;
}

/* What is left out while the disk is full becomes one record of its kind. */
static void test_left_out_events_stay_with_their_kind(void **state)
{
    (void)state;
    const char *path = scene_path("left_out.jsonl");

    atomic_store(&disk_is_full, true);
    struct violations *violations = scene_log(path, CONFIG_NORMALIZED, 0, 1);
    const int64_t count = flood(violations);
    atomic_store(&disk_is_full, false);
    WAIT_UNTIL(counters_of(violations).written > 0 && counters_of(violations).backlog_bytes == 0);
    violations_event_rehearsal(violations, TEXT("billing"), TEXT("why"), 1);
    WAIT_UNTIL(events_of(path, "login_refused") == count); /* without another one */
    violations_event_login_refused(violations, TEXT("s"), TEXT("x"), TEXT("y"), TEXT("z"));
    violations_stop(violations);
    assert_int_equal(events_of(path, "login_refused"), count + 1);
    assert_int_equal(events_of(path, "rehearsal"), 1);
}

static void test_left_out_events_are_written_at_the_end(void **state)
{
    (void)state;
    const char *path = scene_path("left_out_end.jsonl");

    atomic_store(&disk_is_full, true);
    struct violations *violations = scene_log(path, CONFIG_NORMALIZED, 0, 1);
    const int64_t count = flood(violations);
    atomic_store(&disk_is_full, false);
    violations_stop(violations);
    assert_int_equal(events_of(path, "login_refused"), count);
}

/* /dev/full at the end: the backlog follows on standard error. */
static void test_what_cannot_be_written_at_the_end(void **state)
{
    (void)state;
    const char *said = scene_path("stderr");
    struct scene scene;
    int before = dup(STDERR_FILENO);

    scene_init(&scene);
    FILE *file = fopen(said, "w");
    assert_non_null(file);
    dup2(fileno(file), STDERR_FILENO);
    struct violations *violations = scene_log("/dev/full", CONFIG_NORMALIZED, 60000, 1);
    for (int i = 0; i < 3; i++)
        violations_add(violations_worker(violations, 0), &scene.session, &scene.statement,
                       scene_start + i);
    violations_stop(violations);
    dup2(before, STDERR_FILENO);
    close(before);
    fclose(file);
    char *log = scene_read(said);
    assert_non_null(strstr(log, "\"count\":1"));
    assert_non_null(strstr(log, "\"count\":2"));
    assert_null(strstr(log, "4711"));
    free(log);
    scene_fini(&scene);
}

static void test_reopen(void **state)
{
    (void)state;
    const char *path = scene_path("moved.jsonl"), *moved = scene_path("moved.jsonl.1");
    struct scene scene;

    scene_init(&scene);
    struct violations *violations = scene_log(path, CONFIG_NORMALIZED, 0, 1);
    struct violations_worker *worker = violations_worker(violations, 0);
    for (int i = 0; i < 100; i++)
        violations_add(worker, &scene.session, &scene.statement, scene_start);
    WAIT_UNTIL(counters_of(violations).written == 100);
    assert_int_equal(rename(path, moved), 0);
    violations_reopen(violations);
    WAIT_UNTIL(access(path, F_OK) == 0);
    for (int i = 0; i < 10; i++)
        violations_add(worker, &scene.session, &scene.statement, scene_start);
    violations_stop(violations);
    assert_int_equal(sum_of(moved), 100);
    assert_int_equal(sum_of(path), 10);
    scene_fini(&scene);
}

static void test_reload_changes_the_outputs(void **state)
{
    (void)state;
    const char *first = scene_path("first.jsonl"), *second = scene_path("second.jsonl");
    struct text outputs[] = {text_of(second), TEXT("/nonexistent/x.jsonl")};
    struct violations_settings settings = {outputs, NULL, 2, CONFIG_NORMALIZED, 0};
    struct scene scene;
    struct error error;

    scene_init(&scene);
    struct violations *violations = scene_log(first, CONFIG_NORMALIZED, 0, 1);
    struct violations_worker *worker = violations_worker(violations, 0);
    violations_add(worker, &scene.session, &scene.statement, scene_start);
    WAIT_UNTIL(counters_of(violations).written == 1);
    assert_false(violations_change(violations, &settings, &error));
    assert_non_null(strstr(error.text, "/nonexistent/x.jsonl"));
    outputs[1] = text_of(first);
    assert_true(violations_change(violations, &settings, &error));
    violations_reopen(violations);
    /* Both are written from the change on; which records the first alone has is up to the threads.
     */
    for (int i = 0; i < 3; i++)
        violations_add(worker, &scene.session, &scene.statement, scene_start);
    settings.output_count = 1;
    assert_true(violations_change(violations, &settings, &error));
    violations_stop(violations);
    int64_t in_first = sum_of(first), in_second = sum_of(second);
    assert_true(in_first >= 1 && in_first <= 4);
    assert_true(in_second <= 3);
    assert_true(in_first + in_second >= 4);
    scene_fini(&scene);
}

enum { WORKERS = 4, EACH = 5000 };

struct one_worker {
    struct violations_worker *worker;
    struct scene scene;
};

static void *add_many(void *argument)
{
    struct one_worker *one = argument;
    struct violations_worker *worker = one->worker;

    for (int i = 0; i < EACH; i++) {
        char text[80];
        snprintf(text, sizeof(text), "SELECT c%d FROM clinical_data.patients", i % 50);
        one->scene.statement.text = text_of(text);
        while (!violations_ready(worker))
            poll(NULL, 0, 1);
        violations_add(worker, &one->scene.session, &one->scene.statement, scene_start + i * 1000);
        violations_tick(worker, scene_start + i * 1000);
    }
    return NULL;
}

static void test_many_workers(void **state)
{
    (void)state;
    const char *path = scene_path("many.jsonl");
    pthread_t threads[WORKERS];
    struct violations *violations = scene_log(path, CONFIG_NORMALIZED, 1000, WORKERS);

    struct one_worker ones[WORKERS];
    for (unsigned i = 0; i < WORKERS; i++) {
        ones[i].worker = violations_worker(violations, i);
        scene_init(&ones[i].scene);
    }
    for (unsigned i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, &ones[i]), 0);
    for (unsigned i = 0; i < WORKERS; i++) {
        violations_event_login_refused(violations, TEXT("s"), TEXT("x"), TEXT("y"), TEXT("z"));
        violations_reopen(violations);
        pthread_join(threads[i], NULL);
        scene_fini(&ones[i].scene);
    }
    violations_stop(violations);
    assert_int_equal(sum_of(path), WORKERS * EACH + WORKERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_full_disk_loses_nothing, set_calls,
                                        scene_reset_calls),
        cmocka_unit_test_setup_teardown(test_workers_wait_when_the_backlog_is_full, set_calls,
                                        scene_reset_calls),
        cmocka_unit_test_setup_teardown(test_left_out_events_stay_with_their_kind, set_calls,
                                        scene_reset_calls),
        cmocka_unit_test_setup_teardown(test_left_out_events_are_written_at_the_end, set_calls,
                                        scene_reset_calls),
        cmocka_unit_test(test_what_cannot_be_written_at_the_end),
        cmocka_unit_test(test_reopen),
        cmocka_unit_test(test_reload_changes_the_outputs),
        cmocka_unit_test(test_many_workers),
    };
    return cmocka_run_group_tests(tests, NULL, scene_forget);
}
