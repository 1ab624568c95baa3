/* Whose the prepared XA transactions are, and how many are known at most. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

#include "proxy/branches.h"
#include "proxy/runtime.h"

static struct usage services[12], upstreams[2];

static struct branch_owner owner(unsigned service, unsigned upstream)
{
    return (struct branch_owner){&services[service], &upstreams[upstream]};
}

static bool found(unsigned service, unsigned upstream, const char *xid)
{
    const struct branch_owner one = owner(service, upstream);

    return branches_find(&one, text_of(xid), 99);
}

static void add(unsigned service, unsigned upstream, const char *xid, uint32_t session)
{
    const struct branch_owner one = owner(service, upstream);

    branches_add(&one, text_of(xid), session);
}

static void take_out(unsigned service, unsigned upstream, const char *xid)
{
    const struct branch_owner one = owner(service, upstream);

    branches_remove(&one, text_of(xid));
}

static void test_whose(void **test)
{
    (void)test;
    add(0, 0, "a", 1);
    assert_true(found(0, 0, "a"));
    assert_false(found(1, 0, "a") || found(0, 1, "a") || found(0, 0, "A") || found(0, 0, "ab"));
    add(0, 1, "a", 1); /* another server's */
    take_out(1, 0, "a");
    assert_true(found(0, 0, "a"));
    add(1, 0, "a", 2); /* which the server says: the first one is over */
    assert_true(found(1, 0, "a") && !found(0, 0, "a") && found(0, 1, "a"));
    take_out(0, 0, "a");
    assert_true(found(1, 0, "a"));
    const struct branch_owner first = owner(1, 0), second = owner(0, 0);
    branches_replace(&first, TEXT("a")); /* its own */
    assert_true(found(1, 0, "a"));
    branches_replace(&second, TEXT("a"));
    assert_true(!found(1, 0, "a") && !found(0, 0, "a") && found(0, 1, "a"));
    take_out(0, 1, "a");
    assert_false(found(1, 0, "a") || found(0, 1, "a"));
    const struct branch_owner nobody = {NULL, &upstreams[0]};
    branches_add(&nobody, TEXT("n"), 1);
    assert_false(branches_find(&nobody, TEXT("n"), 1));
}

static void test_of_a_session(void **test)
{
    (void)test;
    add(0, 0, "a", 7);
    assert_true(branches_of_session(7));
    branches_leave(7);
    assert_false(branches_of_session(7));
    assert_true(found(0, 0, "a"));
    const struct branch_owner one = owner(0, 0);
    branches_forget(&one);
    assert_false(found(0, 0, "a"));
}

static void test_no_more_than_fit(void **test)
{
    (void)test;
    char name[20];

    add(11, 0, "b", 1);
    for (unsigned service = 0; service < 10; service++) {
        for (unsigned i = 0; i <= BRANCHES_OF_SERVICE; i++) {
            snprintf(name, sizeof(name), "%u-%u", service, i);
            add(service, 0, name, 1);
        }
        snprintf(name, sizeof(name), "%u-0", service);
        assert_false(found(service, 0, name)); /* its own oldest has made room */
        snprintf(name, sizeof(name), "%u-%d", service, BRANCHES_OF_SERVICE);
        assert_true(found(service, 0, name));
    }
    assert_false(found(11, 0, "b")); /* the oldest of all */
    for (unsigned service = 0; service < 10; service++) {
        const struct branch_owner one = owner(service, 0);
        branches_forget(&one);
    }
}

/* From here on a session ends its own alone. */
static void test_closed(void **test)
{
    (void)test;
    const struct branch_owner one = owner(0, 0);

    add(0, 0, "c", 5);
    branches_close();
    assert_false(branches_find(&one, TEXT("c"), 6));
    assert_true(branches_find(&one, TEXT("c"), 5));
    branches_leave(5);
    assert_false(branches_find(&one, TEXT("c"), 5));
    branches_forget(&one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whose),
        cmocka_unit_test(test_of_a_session),
        cmocka_unit_test(test_no_more_than_fit),
        cmocka_unit_test(test_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
