/* An output that can be written only in part, or not at all, or is another file suddenly: each line
 * comes out once and whole. */
#include "tests/unit/violations/scene.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "violations/output.h"

/* How many bytes the disk takes before it is full; each write takes at most `piece`. */
static size_t disk_room, piece;

static ssize_t write_little(int file, const void *from, size_t size)
{
    if (disk_room == 0) {
        errno = ENOSPC;
        return -1;
    }
    size_t taken = size < piece ? size : piece;
    taken = taken < disk_room ? taken : disk_room;
    disk_room -= taken;
    return write(file, from, taken);
}

static struct output *open_fresh(const char *path)
{
    struct error error;

    unlink(path);
    struct output *output = output_open(text_of(path), &error);
    assert_non_null(output);
    return output;
}

static void check_file(const char *path, const char *expected)
{
    char *bytes = scene_read(path);
    assert_string_equal(bytes, expected);
    free(bytes);
}

static int set_calls(void **state)
{
    (void)state;
    output_calls.write = write_little;
    disk_room = SIZE_MAX;
    piece = SIZE_MAX;
    return 0;
}

/* The disk gets room byte by byte, for every size of the pieces. */
static void test_every_partial_write(void **state)
{
    (void)state;
    const char *path = scene_path("partial");
    const char *lines = "{\"a\":1}\n{\"bb\":22}\n{\"ccc\":333}\n";

    for (size_t room = 0; room <= strlen(lines); room++) {
        struct output *output = open_fresh(path);
        disk_room = room;
        piece = 1 + room % 5;
        output_add(output, text_of(lines));
        output_flush(output, 0);
        assert_int_equal(output->failing, room < strlen(lines));
        assert_int_equal(output->failures, room < strlen(lines));
        output_add(output, TEXT("{\"late\":4}\n"));
        for (int64_t now = 1; output_backlog(output) > 0; now += 500) {
            disk_room = now == 1 ? 0 : 3;
            output_flush(output, now);
        }
        assert_int_equal(output->written, 4);
        assert_false(output->failing && output->backlog);
        check_file(path, "{\"a\":1}\n{\"bb\":22}\n{\"ccc\":333}\n{\"late\":4}\n");
        output_close(output);
    }
}

static void test_waits_a_second_after_a_failure(void **state)
{
    (void)state;
    const char *path = scene_path("second");
    struct output *output = open_fresh(path);

    disk_room = 0;
    output_add(output, TEXT("x\n"));
    output_flush(output, 5000);
    disk_room = 100;
    output_flush(output, 5999);
    assert_int_equal(output_backlog(output), 2);
    output_flush(output, 6000);
    assert_int_equal(output_backlog(output), 0);
    assert_false(output->failing);
    output_close(output);
}

/* The log was moved away while half a line was out: the new file gets that line from its start. */
static void test_reopen_starts_a_cut_line_again(void **state)
{
    (void)state;
    const char *path = scene_path("cut"), *moved = scene_path("cut.1");
    struct output *output = open_fresh(path);

    disk_room = 12;
    output_add(output, TEXT("first\nsecond line\nthird\n"));
    output_flush(output, 0);
    assert_int_equal(rename(path, moved), 0);
    output->reopen = true;
    disk_room = 100;
    output_flush(output, 1000);
    check_file(moved, "first\nsecond");
    check_file(path, "second line\nthird\n");
    output_close(output);
}

static void test_reopen_of_the_same_file_continues(void **state)
{
    (void)state;
    const char *path = scene_path("same");
    struct output *output = open_fresh(path);

    disk_room = 3;
    output_add(output, TEXT("abcdef\n"));
    output_flush(output, 0);
    output->reopen = true;
    disk_room = 100;
    output_flush(output, 1000);
    check_file(path, "abcdef\n");
    output_close(output);
}

static void test_adopting_the_same_file_continues(void **state)
{
    (void)state;
    const char *path = scene_path("adopt");
    struct output *old = open_fresh(path);
    struct error error;

    disk_room = 3;
    output_add(old, TEXT("abcdef\nghi\n"));
    output_flush(old, 0);
    struct output *output = output_open(text_of(path), &error);
    assert_non_null(output);
    output_adopt(output, old);
    disk_room = 100;
    output_flush(output, 0);
    check_file(path, "abcdef\nghi\n");
    output_close(output);
}

static void test_half_a_line_of_a_killed_process(void **state)
{
    (void)state;
    const char *path = scene_path("killed");
    struct output *output = open_fresh(path);
    struct error error;

    output_add(output, TEXT("{\"half"));
    output_flush(output, 0);
    output_close(output);
    output = output_open(text_of(path), &error);
    output_add(output, TEXT("{}\n"));
    output_flush(output, 0);
    check_file(path, "{\"half\n{}\n");
    output_close(output);
}

struct slow {
    pthread_t thread;
    const char *path;
};

static void *end_line(void *argument)
{
    const struct slow *slow = argument;
    const struct timespec moment = {.tv_nsec = 60000000};
    int file = open(slow->path, O_WRONLY | O_APPEND);

    nanosleep(&moment, NULL);
    assert_int_equal(write(file, "\": 1}\n", 6), 6);
    close(file);
    return NULL;
}

/* Another generation writes to the same log, and is in the middle of a line: no empty line comes of
 * it. */
static void test_half_a_line_of_a_process_that_still_writes(void **state)
{
    (void)state;
    const char *path = scene_path("alive");
    struct output *output = open_fresh(path);
    struct slow slow = {.path = path};
    struct error error;

    output_add(output, TEXT("{\"half"));
    output_flush(output, 0);
    output_close(output);
    output = output_open(text_of(path), &error);
    output_add(output, TEXT("{}\n"));
    assert_int_equal(pthread_create(&slow.thread, NULL, end_line, &slow), 0);
    output_flush(output, 0);
    pthread_join(slow.thread, NULL);
    check_file(path, "{\"half\": 1}\n{}\n");
    output_close(output);
}

/* Two write to one log, and the disk is full in the middle of a line: what the other writes then is
 * whole, and so is the line that was cut. */
static void test_a_full_disk_under_two(void **state)
{
    (void)state;
    const char *path = scene_path("two");
    struct output *one = open_fresh(path);
    struct error error;

    disk_room = 12;
    output_add(one, TEXT("{\"n\":1}\n{\"n\":2}\n"));
    output_flush(one, 0);
    struct output *two = output_open(text_of(path), &error);
    output_add(two, TEXT("{\"n\":3}\n"));
    output_flush(two, 0);
    disk_room = 100;
    output_flush(two, 1000);
    output_flush(one, 1000);
    check_file(path, "{\"n\":1}\n{\"n\"\n{\"n\":3}\n{\"n\":2}\n");
    assert_int_equal(one->written, 2);
    output_add(two, TEXT("{\"n\":4}\n"));
    output_flush(two, 1000);
    check_file(path, "{\"n\":1}\n{\"n\"\n{\"n\":3}\n{\"n\":2}\n{\"n\":4}\n");
    output_close(one);
    output_close(two);
}

static int refuse_open(const char *path)
{
    (void)path;
    errno = EMFILE;
    return -1;
}

static void test_a_failed_reopen_keeps_the_old_file(void **state)
{
    (void)state;
    const char *path = scene_path("kept"), *moved = scene_path("kept.1");
    int (*before)(const char *) = output_calls.open;
    struct output *output = open_fresh(path);

    assert_int_equal(rename(path, moved), 0);
    output_calls.open = refuse_open;
    output->reopen = true;
    output_add(output, TEXT("one\n"));
    output_flush(output, 0);
    assert_true(output->failing);
    check_file(moved, "one\n");
    output_calls.open = before;
    output_add(output, TEXT("two\n"));
    output_flush(output, 1000);
    assert_false(output->failing);
    check_file(path, "two\n");
    output_close(output);
}

static void test_a_log_that_cannot_be_opened(void **state)
{
    (void)state;
    struct error error;

    assert_null(output_open(TEXT("/nonexistent/folder/violations.jsonl"), &error));
    assert_non_null(strstr(error.text, "/nonexistent/folder/violations.jsonl"));
    assert_non_null(strstr(error.text, "folder"));
}

static void test_a_pipe_that_nobody_reads(void **state)
{
    (void)state;
    const char *path = scene_path("pipe");
    struct error error;

    assert_int_equal(mkfifo(path, 0600), 0);
    assert_null(output_open(text_of(path), &error));
    assert_non_null(strstr(error.text, path));
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    struct output *output = output_open(text_of(path), &error);
    assert_non_null(output);
    assert_int_equal(fcntl(output->file, F_GETFL) & O_NONBLOCK, 0);
    output_add(output, TEXT("x\n"));
    output_flush(output, 0);
    char got[3] = {0};
    assert_int_equal(read(reader, got, sizeof(got)), 2);
    assert_string_equal(got, "x\n");
    close(reader);
    output_close(output);
}

static void test_mode_of_a_new_file(void **state)
{
    (void)state;
    const char *path = scene_path("mode");
    char command[200];
    struct output *output = open_fresh(path);

    snprintf(command, sizeof(command), "test \"$(stat -c %%a %s)\" = 640", path);
    assert_int_equal(system(command), 0);
    output_close(output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_partial_write, set_calls, scene_reset_calls),
        cmocka_unit_test_setup_teardown(test_waits_a_second_after_a_failure, set_calls,
                                        scene_reset_calls),
        cmocka_unit_test_setup_teardown(test_reopen_starts_a_cut_line_again, set_calls,
                                        scene_reset_calls),
        cmocka_unit_test_setup_teardown(test_reopen_of_the_same_file_continues, set_calls,
                                        scene_reset_calls),
        cmocka_unit_test_setup_teardown(test_adopting_the_same_file_continues, set_calls,
                                        scene_reset_calls),
        cmocka_unit_test(test_half_a_line_of_a_killed_process),
        cmocka_unit_test(test_half_a_line_of_a_process_that_still_writes),
        cmocka_unit_test_setup_teardown(test_a_full_disk_under_two, set_calls, scene_reset_calls),
        cmocka_unit_test(test_a_failed_reopen_keeps_the_old_file),
        cmocka_unit_test(test_a_log_that_cannot_be_opened),
        cmocka_unit_test(test_a_pipe_that_nobody_reads),
        cmocka_unit_test(test_mode_of_a_new_file),
    };
    return cmocka_run_group_tests(tests, NULL, scene_forget);
}
