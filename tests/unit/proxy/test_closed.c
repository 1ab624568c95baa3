/* What is remembered of overrides that are over: which is forgotten first, and the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "proxy/closed.h"

#define HOUR (INT64_C(3600) * 1000000)

static char folder[] = "/tmp/silogate-closed-XXXXXX";
static struct closed closed, again;
static struct config config;

static struct override make(unsigned number, int64_t ends)
{
    struct override made = {.kind = OVERRIDE_ALLOW, .access = 1, .upstream = "main"};

    snprintf(made.id, sizeof(made.id), "%08x", number);
    override_set_times(&made, -HOUR, ends);
    return made;
}

static void add(unsigned number, int64_t ends, const char *who, enum override_closed why)
{
    const struct override made = make(number, ends);

    closed_add(&closed, &made, text_of(who), why);
}

static struct override *find(struct closed *in, unsigned number)
{
    char id[OVERRIDE_ID];

    snprintf(id, sizeof(id), "%08x", number);
    return closed_find(in, id);
}

static int begin(void **unused)
{
    (void)unused;
    closed = again = (struct closed){.count = 0};
    config = (struct config){.proxy.state.value = text_of(folder)};
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    config.proxy.state.value = text_of(folder);
    closed.count = 0;
    closed.changed = true;
    closed_write(&closed, &config);
    return 0;
}

static size_t files(char *path, size_t size)
{
    char pattern[64];
    glob_t found;

    snprintf(pattern, sizeof(pattern), "%s/silogate-undone-*", folder);
    const size_t count = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
    if (count > 0)
        snprintf(path, size, "%s", found.gl_pathv[0]);
    globfree(&found);
    return count;
}

static void test_what_must_stay_is_forgotten_last(void **unused)
{
    (void)unused;
    add(1, HOUR, "alice", OVERRIDE_PENDING);
    add(2, HOUR, "a reload", OVERRIDE_HERE);
    add(3, -1, "", OVERRIDE_PENDING);
    for (unsigned i = 0; i < 2 * OVERRIDES_CLOSED_MAX; i++)
        add(100 + i, HOUR, "bob", OVERRIDE_KNOWN);
    assert_int_equal(closed.count, OVERRIDES_CLOSED_MAX);
    assert_non_null(find(&closed, 1));
    assert_non_null(find(&closed, 2));
    assert_non_null(find(&closed, 3));
    assert_null(find(&closed, 100));
    assert_non_null(find(&closed, 100 + 2 * OVERRIDES_CLOSED_MAX - 1));
    for (unsigned i = 0; i < OVERRIDES_CLOSED_MAX - 2; i++)
        add(5000 + i, HOUR, "bob", OVERRIDE_PENDING);
    assert_int_equal(closed_kept(&closed), OVERRIDES_CLOSED_MAX);
    assert_null(find(&closed, 3)); /* its end has come: it goes before those that were undone */
    assert_non_null(find(&closed, 1));
}

static void test_more_is_asked_for(void **unused)
{
    (void)unused;
    add(1, HOUR, "another generation", OVERRIDE_KNOWN);
    add(1, HOUR, "alice", OVERRIDE_PENDING);
    assert_string_equal(find(&closed, 1)->who, "alice");
    add(1, HOUR, "", OVERRIDE_KNOWN);
    assert_int_equal(find(&closed, 1)->closed, OVERRIDE_PENDING);
    closed_stored(&closed, find(&closed, 1)->id);
    assert_int_equal(find(&closed, 1)->closed, OVERRIDE_KNOWN);
    add(2, HOUR, "a reload", OVERRIDE_HERE);
    closed_stored(&closed, find(&closed, 2)->id);
    assert_int_equal(find(&closed, 2)->closed, OVERRIDE_HERE);
    assert_int_equal(closed.count, 2);
}

static void test_the_file(void **unused)
{
    char path[128];
    struct stat status;

    (void)unused;
    add(1, HOUR, "alice", OVERRIDE_PENDING);
    add(2, HOUR, "a reload", OVERRIDE_HERE);
    add(3, HOUR, "bob", OVERRIDE_KNOWN);
    closed_write(&closed, &config);
    assert_int_equal(files(path, sizeof(path)), 1);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    closed_read(&again, &config);
    assert_int_equal(again.count, 2);
    assert_string_equal(find(&again, 1)->who, "alice");
    assert_int_equal(find(&again, 2)->closed, OVERRIDE_HERE);
    assert_in_range(override_left(find(&again, 1)), HOUR - 60000000, HOUR);
    /* its own, although its number is another now */
    config.proxy.instance.value = 1;
    again.count = 0;
    closed_read(&again, &config);
    assert_int_equal(again.count, 2);
    config.proxy.instance.value = 0;
    /* of another silogate on this machine */
    config.proxy.control.host = TEXT("/nowhere/control");
    again.count = 0;
    closed_read(&again, &config);
    assert_int_equal(again.count, 0);
    config.proxy.control.host = (struct text){NULL, 0};
    closed_stored(&closed, find(&closed, 1)->id);
    find(&closed, 2)->ends = 0;
    closed_write(&closed, &config);
    assert_int_equal(files(path, sizeof(path)), 0);
}

/* Cut off, or with another head, it is not used. */
static void test_a_damaged_file(void **unused)
{
    char path[128];
    struct stat status;

    (void)unused;
    add(1, HOUR, "alice", OVERRIDE_PENDING);
    closed_write(&closed, &config);
    assert_int_equal(files(path, sizeof(path)), 1);
    assert_int_equal(stat(path, &status), 0);
    for (off_t size = status.st_size - 1; size >= 0; size -= 35) {
        assert_int_equal(truncate(path, size), 0);
        closed_read(&again, &config);
        assert_int_equal(again.count, 0);
    }
    for (unsigned at = 0; at < 24; at++) {
        closed.changed = true;
        closed_write(&closed, &config);
        FILE *file = fopen(path, "r+");
        assert_non_null(file);
        fseek(file, at, SEEK_SET);
        fputc(0xee, file);
        fclose(file);
        closed_read(&again, &config);
        assert_int_equal(again.count, 0);
    }
}

/* What could not be written is written as soon as it can be, with no further change; meanwhile the
 * file of before stays. */
static void test_a_file_that_cannot_be_written(void **unused)
{
    char path[128], away[64], other[64];

    (void)unused;
    snprintf(away, sizeof(away), "%s.away", folder);
    snprintf(other, sizeof(other), "%s/other", folder);
    add(1, HOUR, "alice", OVERRIDE_PENDING);
    assert_int_equal(rename(folder, away), 0);
    closed_write(&closed, &config);
    assert_true(closed.failed);
    closed_write(&closed, &config);
    assert_true(closed.failed);
    assert_int_equal(rename(away, folder), 0);
    assert_int_equal(files(path, sizeof(path)), 0);
    closed_write(&closed, &config);
    assert_false(closed.failed);
    assert_int_equal(files(path, sizeof(path)), 1);
    /* a reload names another folder */
    config.proxy.state.value = text_of(other);
    closed_write(&closed, &config);
    assert_true(closed.failed);
    assert_int_equal(files(path, sizeof(path)), 1);
    assert_int_equal(mkdir(other, 0700), 0);
    closed_write(&closed, &config);
    assert_false(closed.failed);
    assert_int_equal(files(path, sizeof(path)), 0);
    config.proxy.state.value = text_of(folder);
    closed_write(&closed, &config);
    assert_int_equal(rmdir(other), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_must_stay_is_forgotten_last, begin, end),
        cmocka_unit_test_setup_teardown(test_more_is_asked_for, begin, end),
        cmocka_unit_test_setup_teardown(test_the_file, begin, end),
        cmocka_unit_test_setup_teardown(test_a_damaged_file, begin, end),
        cmocka_unit_test_setup_teardown(test_a_file_that_cannot_be_written, begin, end),
    };

    if (!mkdtemp(folder))
        return 1;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
