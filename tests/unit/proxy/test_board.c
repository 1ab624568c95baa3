/* Lists of overrides that processes of several versions share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proxy/board.h"

enum { ROOM = 4, HEAD = 16, NUMBER = 8, LARGE = 256, DEATHS = 60 };

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

/* The writer is killed at any instant; `go` is how far it has come at least. */
static void write_until_killed(struct board *board, volatile unsigned *go)
{
    static struct override list[LARGE];

    for (unsigned turn = 1;; turn++) {
        for (size_t i = 0; i < LARGE; i++) {
            list[i] = override("00000001", "billing");
            snprintf(list[i].service, sizeof(list[i].service), "%u", turn);
        }
        board_write(board, list, LARGE - turn % 7);
        *go = turn;
    }
}

/* All entries are of one write, that of `least` or a later one. */
static void assert_whole(const struct override *list, size_t count, unsigned least)
{
    assert_in_range(count, LARGE - 6, LARGE);
    const unsigned turn = (unsigned)strtoul(list[0].service, NULL, 10);
    assert_in_range(turn, least, least + 1);
    assert_int_equal(count, LARGE - turn % 7);
    for (size_t i = 1; i < count; i++)
        assert_string_equal(list[i].service, list[0].service);
}

static void test_a_writer_that_dies(void **state)
{
    static struct override read[LARGE];
    volatile unsigned *go =
        mmap(NULL, sizeof(*go), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct board *made = board_new(LARGE), *next;
    size_t count;

    (void)state;
    assert_true(made && go != MAP_FAILED);
    for (unsigned i = 0; i < DEATHS; i++) {
        *go = 0;
        const pid_t writer = fork();
        if (writer == 0)
            write_until_killed(made, go);
        while (*go < 2)
            ;
        nanosleep(&(struct timespec){.tv_nsec = rand() % 500000}, NULL);
        kill(writer, SIGKILL);
        assert_int_equal(waitpid(writer, NULL, 0), writer);
        assert_true(board_inherit(dup(board_fd(made)), LARGE, &next) && next);
        count = 0;
        assert_true(board_read(next, read, &count));
        assert_whole(read, count, *go);
        assert_false(board_read(next, read, &count)); /* nothing new */
        board_read_again(next);
        assert_true(board_read(next, read, &count));
        assert_whole(read, count, *go);
        board_free(next);
    }
    board_free(made);
    munmap((void *)go, sizeof(*go));
}

static void test_a_write_that_is_cut(void **state)
{
    const struct override first = override("00000001", "billing"),
                          second = override("00000002", "lab");
    struct board *board = board_new(ROOM), *next;
    struct override read[ROOM];
    size_t count;
    uint32_t number;

    (void)state;
    board_write(board, &first, 1);
    board_write(board, &second, 1);
    /* as if the writer had died before its last step, with nothing in the first halves */
    assert_int_equal(pread(board_fd(board), &number, sizeof(number), NUMBER), sizeof(number));
    number--;
    assert_int_equal(pwrite(board_fd(board), &number, sizeof(number), NUMBER), sizeof(number));
    const char nothing[sizeof(struct override)] = {0};
    assert_int_equal(pwrite(board_fd(board), nothing, sizeof(nothing), HEAD), sizeof(nothing));
    assert_true(board_inherit(dup(board_fd(board)), ROOM, &next));
    assert_true(board_read(next, read, &count) && count == 1);
    assert_memory_equal(read, &second, sizeof(second));
    board_write(next, &first, 1);
    board_read_again(board);
    assert_true(board_read(board, read, &count) && count == 1);
    assert_memory_equal(read, &first, sizeof(first));
    board_free(next);
    board_free(board);
}

/* A build that knows no halves writes to such a board and dies: its list is not whole, and the one
 * of before is not taken for it. */
static void test_an_older_build_dies(void **state)
{
    const struct override first = override("00000001", "billing");
    struct board *board = board_new(ROOM);
    struct override read[ROOM];
    size_t count;
    uint32_t number;

    (void)state;
    board_write(board, &first, 1);
    assert_int_equal(pread(board_fd(board), &number, sizeof(number), NUMBER), sizeof(number));
    number++;
    assert_int_equal(pwrite(board_fd(board), &number, sizeof(number), NUMBER), sizeof(number));
    assert_false(board_read(board, read, &count));
    board_write(board, &first, 1);
    board_read_again(board);
    assert_true(board_read(board, read, &count) && count == 1);
    board_free(board);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries_of_another_size), cmocka_unit_test(test_what_cannot_be_used),
        cmocka_unit_test(test_a_writer_that_dies),      cmocka_unit_test(test_a_write_that_is_cut),
        cmocka_unit_test(test_an_older_build_dies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
