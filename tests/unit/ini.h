/* A configuration out of a text, for the tests of all rooms that take one. */
#ifndef TESTS_UNIT_INI_H
#define TESTS_UNIT_INI_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/config.h"

/* Reads `size` bytes as if they were a file. NULL where they are wrong. */
static inline struct config *ini_read(const void *bytes, size_t size,
                                      struct config_problems *problems)
{
    char path[] = "/tmp/silogate-test-XXXXXX";
    int file = mkstemp(path);

    if (file < 0 || write(file, bytes, size) != (ssize_t)size)
        abort();
    close(file);
    struct config *config = config_read(path, problems);
    unlink(path);
    if (problems->errors == 0)
        return config;
    config_free(config);
    return NULL;
}

/* The same for a text that must be right: prints what is wrong and aborts where it is not. */
static inline struct config *ini_good(const char *text)
{
    struct config_problems problems = {0};
    struct config *config = ini_read(text, strlen(text), &problems);

    if (!config) {
        config_problems_print(&problems, "test");
        abort();
    }
    config_problems_fini(&problems);
    return config;
}

static inline void assert_text(struct text t, const char *expected)
{
    assert_non_null(t.at);
    assert_string_equal(t.at, expected);
    assert_int_equal(t.length, strlen(expected));
}

#endif
