/* Lists of overrides that processes of several versions share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "proxy/board.h"

enum { ROOM = 4, HEAD = 16 };

/* A board as a process of another version makes it, whose entries have `entry` bytes. */
static int foreign(uint32_t layout, uint32_t entry)
{
    const uint32_t head[4] = {layout, entry, 0, 0};
    const int fd = memfd_create("silogate-overrides", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    assert_true(fd >= 0 && ftruncate(fd, (off_t)HEAD + (off_t)entry * ROOM) == 0);
    assert_int_equal(pwrite(fd, head, sizeof(head), 0), sizeof(head));
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0);
    return fd;
}

static struct override override(const char *id, const char *service)
{
    struct override one = {.kind = OVERRIDE_MODE, .mode = CONFIG_BLOCK, .until = 7};

    strcpy(one.id, id);
    strcpy(one.service, service);
    return one;
}

static void test_entries_of_another_size(void **state)
{
    static const uint32_t more[] = {0, 8, 4096};
    const struct override written[2] = {override("00000001", "billing"),
                                        override("00000002", "lab")};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct override read[ROOM];
        struct board *one, *two;
        size_t count = 99;
        const int fd = foreign(1, (uint32_t)sizeof(struct override) + more[i]);
        assert_true(board_inherit(dup(fd), ROOM, &one) && one);
        assert_true(board_inherit(fd, ROOM, &two) && two);
        board_write(one, written, 2);
        assert_true(board_read(two, read, &count));
        assert_int_equal(count, 2);
        assert_memory_equal(read, written, sizeof(written));
        assert_false(board_read(two, read, &count)); /* nothing new */
        board_free(one);
        board_free(two);
    }
}

static void test_what_cannot_be_used(void **state)
{
    const uint32_t size = sizeof(struct override);
    struct board *board;
    int pipes[2];

    (void)state;
    assert_true(board_inherit(-1, ROOM, &board) && !board); /* none came */
    assert_false(board_inherit(foreign(2, size), ROOM, &board));
    assert_false(board_inherit(foreign(1, 40), ROOM, &board));
    assert_false(board_inherit(foreign(1, 0), ROOM, &board));
    assert_false(board_inherit(foreign(1, size), ROOM + 1, &board));
    assert_int_equal(pipe(pipes), 0);
    assert_false(board_inherit(pipes[0], ROOM, &board));
    close(pipes[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries_of_another_size),
        cmocka_unit_test(test_what_cannot_be_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
