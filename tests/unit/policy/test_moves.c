/* A table that is being moved is one object under both of its names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"
#include "tests/unit/ini.h"

enum { TODAY = 20619, R = SQL_READ, W = SQL_WRITE };

#define SERVICES                                                                                   \
    "[policy]\nmode = block\nunowned = log\n[upstream:main]\naddress = 127.0.0.1:3307\n"           \
    "[service:billing]\nuser = b\nowns = nilecare.invoices\nowns = nilecare.invoice_*\n"           \
    "[service:payment]\nuser = p\nowns = nilecare.payments\nowns = nilecare.invoice_payments\n"    \
    "[service:reporting]\nuser = r\nreads = nilecare.*\n"                                          \
    "[service:clinical]\nuser = c\nreads = b.invoice_lines\n"                                      \
    "[grant:g]\nservice = payment\non = nilecare.invoices\naccess = read\n"
#define MOVE                                                                                       \
    "[move:invoices]\nservice = billing\ntable = nilecare.invoices\n"                              \
    "table = nilecare.invoice_*\nto = b\n"

static const struct one {
    const char *service, *schema, *name;
    int access;
    const char *expected;
} cases[] = {
    {"billing",   "nilecare", "invoices",         R | W, "allow own"    },
    {"billing",   "b",        "invoices",         R | W, "allow own"    },
    {"billing",   "b",        "invoice_lines",    R | W, "allow own"    },
    {"payment",   "nilecare", "invoices",         R,     "allow granted"},
    {"payment",   "b",        "invoices",         R,     "allow granted"},
    {"payment",   "b",        "invoices",         W,     "block foreign"},
    {"payment",   "b",        "invoice_lines",    R,     "block foreign"},
    {"reporting", "b",        "invoices",         R,     "allow granted"},
    {"reporting", "b",        "invoice_lines",    R,     "allow granted"},
    {"reporting", "b",        "invoices",         W,     "block foreign"},
    {"reporting", "b",        "others",           R,     "log unowned"  },
    {"clinical",  "nilecare", "invoice_lines",    R,     "allow granted"},
    {"clinical",  "nilecare", "invoice_lines",    W,     "block foreign"},
    {"clinical",  "nilecare", "invoices",         R,     "block foreign"},
    {"clinical",  "b",        "invoices",         R,     "block foreign"},
    {"payment",   "nilecare", "invoice_payments", W,     "allow own"    },
};

static void test_both_names(void **state)
{
    struct config_problems problems = {0};
    struct config *config = ini_good(SERVICES MOVE);
    struct policy *policy = policy_build(config, TODAY, &problems);

    (void)state;
    assert_non_null(policy);
    assert_int_equal(problems.count, 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct one *one = &cases[i];
        struct sql_object object = {.schema = text_of(one->schema),
                                    .name = text_of(one->name),
                                    .type = SQL_TABLE,
                                    .access = (uint8_t)one->access};
        struct verdict verdict;
        char said[100];
        policy_check_object(policy, policy_service(policy, text_of(one->service)), &object, false,
                            TODAY, &verdict);
        snprintf(said, sizeof(said), "%s %s", verdict_action_name(verdict.action),
                 verdict_reason_name(verdict.reason));
        if (strcmp(said, one->expected) != 0)
            fail_msg("%s on %s.%s: expected %s, got %s by %s", one->service, one->schema, one->name,
                     one->expected, said, verdict.rule);
    }
    policy_free(policy);
    config_problems_fini(&problems);
    config_free(config);
}

static const struct {
    const char *ini, *expected;
} mistakes[] = {
    {SERVICES "[move:x]\nservice = payment\ntable = nilecare.invoices\nto = p\n",
     "[move:x] table = nilecare.invoices does not belong to [service:payment]; write owns = "                         },
    {SERVICES "[move:x]\nservice = billing\ntable = other.invoices\nto = p\n",
     "does not belong to [service:billing]"                                                                           },
    {SERVICES MOVE "[service:thief]\nowns = b.invoices\n",
     "would stand among what [service:thief] owns (b.invoices, "                                                      },
    {SERVICES MOVE "[grant:h]\nservice = payment\non = nilecare.*ices\naccess = write\n",
     "on = nilecare.*ices is some of what [move:invoices]"                                                            },
    {SERVICES "[service:other]\nowns = secret.patients\n[move:x]\nservice = billing\n"
              "table = nilecare.invoices\nto = secret\n[service:all]\nowns = secret.inv*\n",  "[move:x] to = secret: table nilecare.invoices would stand among what [service:all] owns "
     "(secret.inv*, "},
    {SERVICES "[move:x]\nservice = billing\ntable = nilecare.invoices\nto = MySQL\n",
     "[move:x] to = MySQL: that database is the server's own or silogate's; write another `to`"                       },
    {SERVICES "[move:x]\nservice = billing\ntable = nilecare.invoices\nto = sys\n",
     "to = sys: that database is"                                                                                     },
    {SERVICES "[move:x]\nservice = billing\ntable = nilecare.invoices\nto = performance_schema\n",
     "to = performance_schema: that database is"                                                                      },
    {SERVICES "[move:x]\nservice = billing\ntable = nilecare.invoices\nto = information_schema\n",
     "to = information_schema: that database is"                                                                      },
    {SERVICES "[move:x]\nservice = billing\ntable = nilecare.invoices\nto = Silogate\n",
     "to = Silogate: that database is"                                                                                },
    {SERVICES "[move:x]\nservice = payment\ntable = mysql.t\nto = p\n",
     "[move:x] table = mysql.t stands in a database of the server's own or silogate's; take it "
     "out"                                                                                                            },
    {SERVICES MOVE "[move:on]\nservice = billing\ntable = other.invoices\nto = B\n",
     "[move:on] table = other.invoices would get the same name in B as table = nilecare.invoices "
     "of [move:invoices] ("                                                                                           },
    {SERVICES MOVE "[move:on]\nservice = billing\ntable = b.invoices\nto = c\n",
     "[move:invoices] table = nilecare.invoices, to = b: from there [move:on] table = b.invoices "
     "moves it on ("                                                                                                  },
    {SERVICES MOVE "[move:on]\nservice = billing\ntable = B.Invoice_*\nto = c\n",
     "move it in one step, or finish the first move and take its section out"                                         },
    {SERVICES MOVE "[move:on]\nservice = billing\ntable = b.invoices\nto = nilecare\n",
     "[move:on] table = b.invoices moves it on ("                                                                     },
};

static void test_mistakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        struct config_problems problems = {0};
        struct config *config = ini_good(mistakes[i].ini);
        bool found = false;
        assert_null(policy_build(config, TODAY, &problems));
        for (size_t j = 0; j < problems.count; j++)
            found |= strstr(problems.items[j].text, mistakes[i].expected) != NULL;
        if (!found)
            fail_msg("mistake %zu: not told: %s", i, mistakes[i].expected);
        config_problems_fini(&problems);
        config_free(config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_names),
        cmocka_unit_test(test_mistakes),
    };

    return cmocka_run_group_tests_name("policy/moves", tests, NULL, NULL);
}
