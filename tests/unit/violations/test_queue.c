/* The ring and its spill: nothing lost, nothing out of order, and the word that there is room. */
#include "tests/unit/violations/scene.h"

#include <pthread.h>
#include <sched.h>

#include "violations/queue.h"

struct collected {
    char *bytes;
    size_t length, size;
};

static void collect(void *context, struct text run)
{
    struct collected *collected = context;

    while (collected->size - collected->length < run.length)
        collected->bytes = memory_resize(collected->bytes, collected->size += 1 << 20);
    memcpy(collected->bytes + collected->length, run.at, run.length);
    collected->length += run.length;
}

static size_t put_number(struct queue *queue, unsigned number, unsigned width)
{
    char line[4096];
    int length = snprintf(line, sizeof(line), "%0*u\n", (int)width, number);

    queue_put(queue, (struct text){line, (size_t)length});
    return (size_t)length;
}

/* Each line must be the next number. */
static unsigned check_numbers(struct collected *collected, unsigned next)
{
    size_t start = 0;

    for (size_t i = 0; i < collected->length; i++) {
        if (collected->bytes[i] != '\n')
            continue;
        assert_int_equal(strtoul(collected->bytes + start, NULL, 10), next);
        next++;
        start = i + 1;
    }
    collected->length -= start;
    if (start > 0)
        memmove(collected->bytes, collected->bytes + start, collected->length);
    return next;
}

static void test_spill_keeps_the_order(void **state)
{
    (void)state;
    struct queue queue;
    struct collected collected = {0};
    unsigned put = 0, seen = 0;

    queue_init(&queue, true);
    for (unsigned round = 0; round < 5; round++) {
        size_t bytes = 0;
        while (bytes < 3 * (size_t)QUEUE_SIZE)
            bytes += put_number(&queue, put, 50 + put % 700), put++;
        assert_int_equal(queue_length(&queue), bytes);
        assert_false(queue_ready(&queue));
        assert_false(queue_became_ready(&queue));
        assert_true(queue_take(&queue, collect, &collected));
        assert_true(queue_became_ready(&queue));
        assert_false(queue_became_ready(&queue));
        assert_true(queue_ready(&queue));
        assert_false(queue_take(&queue, collect, &collected));
        seen = check_numbers(&collected, seen);
        assert_int_equal(seen, put);
    }
    free(collected.bytes);
    queue_fini(&queue);
}

static void test_not_ready_while_little_is_free(void **state)
{
    (void)state;
    struct queue queue;
    struct collected collected = {0};
    unsigned put = 0;

    queue_init(&queue, true);
    assert_true(queue_ready(&queue));
    while (queue_length(&queue) + 1000 <= QUEUE_SIZE - QUEUE_RESERVE) {
        assert_true(queue_ready(&queue));
        put_number(&queue, put++, 999);
    }
    put_number(&queue, put++, 999);
    assert_false(queue_ready(&queue));
    assert_int_equal(atomic_load(&queue.spilled), 0);
    queue_take(&queue, collect, &collected);
    assert_int_equal(check_numbers(&collected, 0), put);
    free(collected.bytes);
    queue_fini(&queue);
}

static void test_fini_frees_what_is_left(void **state)
{
    (void)state;
    struct queue queue;

    queue_init(&queue, false);
    for (unsigned i = 0; i < 10; i++)
        put_number(&queue, i, 20);
    assert_int_equal(queue_length(&queue), 210);
    queue_fini(&queue);
}

enum { NUMBERS = 300000 };

static void *put_many(void *argument)
{
    struct queue *queue = argument;

    for (unsigned i = 0; i < NUMBERS; i++)
        put_number(queue, i, 10 + i % 60);
    return NULL;
}

static void test_two_threads(void **state)
{
    (void)state;
    struct queue queue;
    struct collected collected = {0};
    pthread_t thread;
    unsigned seen = 0;

    queue_init(&queue, true);
    assert_int_equal(pthread_create(&thread, NULL, put_many, &queue), 0);
    while (seen < NUMBERS) {
        if (!queue_take(&queue, collect, &collected))
            sched_yield();
        seen = check_numbers(&collected, seen);
    }
    pthread_join(thread, NULL);
    assert_int_equal(queue_length(&queue), 0);
    free(collected.bytes);
    queue_fini(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spill_keeps_the_order),
        cmocka_unit_test(test_not_ready_while_little_is_free),
        cmocka_unit_test(test_fini_frees_what_is_left),
        cmocka_unit_test(test_two_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
