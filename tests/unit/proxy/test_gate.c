/* The gate buffer against a simple second one, and the small tables of a session. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "judge/ruling.h"
#include "proxy/gate.h"
#include "proxy/registry.h"

static uint32_t seed = 7;

static uint32_t any(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

static struct stream stream_of(int socket)
{
    return (struct stream){.kind = &stream_plain, .socket = socket};
}

/* What may go out (`out`) and what waits (`in`), as two plain strings. */
struct model {
    char out[400000], in[400000];
    size_t out_length, in_length;
};

static void check(const struct gate *gate, const struct model *model)
{
    assert_int_equal(gate_leaving(gate), model->out_length);
    assert_int_equal(gate_waiting(gate), model->in_length);
    if (model->out_length)
        assert_memory_equal(gate->bytes + gate->sent, model->out, model->out_length);
    if (model->in_length)
        assert_memory_equal(gate_at(gate), model->in, model->in_length);
    assert_true(!gate->bytes == (model->out_length + model->in_length == 0));
}

static void step_fill(struct gate *gate, struct gate_pool *pool, struct model *model, int to,
                      struct stream *from)
{
    char bytes[5000];
    size_t count = any(sizeof(bytes)) + 1;

    for (size_t i = 0; i < count; i++)
        bytes[i] = (char)any(256);
    if (model->in_length + count > 100000 || !gate_has_room(gate))
        return;
    assert_int_equal(write(to, bytes, count), count);
    while (count > 0 && gate_has_room(gate)) {
        ssize_t got = gate_fill(gate, pool, from);
        assert_true(got > 0);
        memcpy(model->in + model->in_length, gate->bytes + gate->filled - got, (size_t)got);
        model->in_length += (size_t)got;
        count -= (size_t)got;
    }
    while (count > 0) { /* no room: what is left belongs to nobody here */
        ssize_t got = read(from->socket, bytes, count);
        assert_true(got > 0);
        count -= (size_t)got;
    }
}

static void step_flush(struct gate *gate, struct gate_pool *pool, struct model *model,
                       struct stream *to, int from)
{
    char bytes[400000];
    size_t count = model->out_length, got = 0;

    if (count > 100000)
        count = model->out_length;
    assert_true(gate_flush(gate, pool, to) == 1);
    while (got < count) {
        ssize_t more = read(from, bytes + got, count - got);
        assert_true(more > 0);
        got += (size_t)more;
    }
    assert_memory_equal(bytes, model->out, count);
    model->out_length = 0;
}

/* Some replacements in the first `count` bytes, behind a few that stay. */
static void rewrite_some(struct gate *gate, struct gate_pool *pool, struct model *model,
                         size_t count, const char *own)
{
    struct rewrite rewrites[4];
    size_t start = any((uint32_t)count), at = start, many = 0;

    while (many < 4 && at < count) {
        size_t gone = any((uint32_t)(count - at)) + 1, length = any(300);
        rewrites[many++] = (struct rewrite){.offset = (uint32_t)(at - start),
                                            .length = (uint32_t)gone,
                                            .at = any((uint32_t)(300 - length)),
                                            .count = (uint32_t)length};
        at += gone + any(5);
    }
    gate_rewrite(gate, pool, start, rewrites, many, own);
    for (size_t i = many; i-- > 0;) {
        size_t to = start + rewrites[i].offset, gone = rewrites[i].length;
        size_t length = rewrites[i].count;
        memmove(model->in + to + length, model->in + to + gone, model->in_length - to - gone);
        memcpy(model->in + to, own + rewrites[i].at, length);
        model->in_length = model->in_length - gone + length;
    }
}

static void test_gate_does_what_two_strings_do(void **test)
{
    (void)test;
    static struct model model;
    struct gate gate = {0};
    struct gate_pool pool = {0};
    int in[2], out[2];
    int large = 1 << 20;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, in), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, out), 0);
    setsockopt(out[0], SOL_SOCKET, SO_SNDBUF, &large, sizeof(large));
    struct stream from = stream_of(in[1]), to = stream_of(out[0]);
    for (int turn = 0; turn < 20000; turn++) {
        size_t count = model.in_length ? any((uint32_t)model.in_length) + 1 : 0;
        char own[300];
        for (size_t i = 0; i < sizeof(own); i++)
            own[i] = (char)('a' + i % 26);
        switch (any(6)) {
        case 0:
        case 1:
            step_fill(&gate, &pool, &model, in[0], &from);
            break;
        case 2:
            gate_pass(&gate, count);
            memcpy(model.out + model.out_length, model.in, count);
            model.out_length += count;
            memmove(model.in, model.in + count, model.in_length -= count);
            break;
        case 3:
            gate_drop(&gate, &pool, count);
            memmove(model.in, model.in + count, model.in_length -= count);
            break;
        case 4:
            count = any(sizeof(own)) + 1;
            gate_insert(&gate, &pool, own, count);
            memcpy(model.out + model.out_length, own, count);
            model.out_length += count;
            break;
        default:
            if (count > 0) {
                rewrite_some(&gate, &pool, &model, count, own);
                if (model.in_length + model.out_length == 0)
                    gate_release(&gate, &pool);
            }
        }
        if (any(8) == 0 || model.out_length > 100000)
            step_flush(&gate, &pool, &model, &to, out[1]);
        check(&gate, &model);
    }
    gate_release(&gate, &pool);
    gate_pool_fini(&pool);
    for (int i = 0; i < 2; i++) {
        close(in[i]);
        close(out[i]);
    }
}

static void test_a_large_command_gets_its_room(void **test)
{
    (void)test;
    struct gate gate = {0};
    struct gate_pool pool = {0};

    gate_insert(&gate, &pool, "own", 3);
    gate_reserve(&gate, &pool, 5000000);
    assert_true(gate.size - gate.passed >= 5000000);
    assert_int_equal(gate_leaving(&gate), 3);
    gate_release(&gate, &pool);
    assert_int_equal(pool.count, 1); /* the small block came back, the large one is gone */
    gate_pool_fini(&pool);
}

static void test_kill_finds_only_its_own(void **test)
{
    (void)test;
    const struct usage *billing = (const void *)"b", *lab = (const void *)"l";
    const struct usage *here = (const void *)"h", *there = (const void *)"t";
    uint32_t id = registry_id(), thread = 0;

    assert_int_equal(id >> REGISTRY_INSTANCE_BITS, 64);
    registry_begin(63);
    assert_int_equal(registry_id() >> REGISTRY_INSTANCE_BITS, 64 + 63);
    assert_int_equal(registry_instance(), 63);
    registry_add(
        &(struct registry_entry){.id = id, .thread = 17, .service = billing, .upstream = here});
    assert_true(registry_find(id, billing, here, &thread));
    assert_int_equal(thread, 17);
    assert_false(registry_find(id, billing, there, &thread)); /* the number is another's there */
    assert_false(registry_find(id, lab, here, &thread));
    assert_true(registry_find(17, billing, here, &thread));
    assert_false(registry_find(17, billing, there, &thread));
    assert_false(registry_find(17, lab, here, &thread));
    assert_false(registry_find((uint64_t)1 << 32 | 17, billing, here, &thread));
    registry_remove(id);
    registry_remove(id);
    assert_false(registry_find(id, billing, here, &thread));
    assert_false(registry_find(17, billing, here, &thread));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gate_does_what_two_strings_do),
        cmocka_unit_test(test_a_large_command_gets_its_room),
        cmocka_unit_test(test_kill_finds_only_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
