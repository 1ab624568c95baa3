/* The rules of a verdict, one line a case, over one policy that has a little of everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "policy/policy.h"
#include "tests/unit/ini.h"

#define UPSTREAM "[upstream:main]\naddress = 127.0.0.1:3307\n"

/* 2026-06-15 */
enum { TODAY = 20619, TABLE = SQL_TABLE, ROUTINE = SQL_ROUTINE, DATABASE = SQL_DATABASE };
enum { R = SQL_READ, W = SQL_WRITE, D = SQL_DEFINE, X = SQL_EXECUTE };

static const char hospital[] = /* */
    "[policy]\nmode = log\nundetermined = mode\nunowned = log\nadministration = block\n" UPSTREAM
    "[service:billing]\nuser = billing\ndatabase = nilecare_billing\nowns = nilecare_billing.*\n"
    "owns = nilecare.invoices\nowns = nilecare.billing_*\nreads = shared_reference.*\n"
    "[service:clinical]\nuser = clinical\ndatabase = nilecare\nowns = nilecare.patients\n"
    "owns = nilecare.encounters\nowns = clinical_data.*\nowns = nilecare.billing_notes\nmode = "
    "block\n"
    "[service:auth]\nuser = auth\nowns = nilecare_auth.*\nowns = *.auth_*\nmode = off\n"
    "[service:lab]\nuser = lab\ndatabase = nilecare_lab\nowns = nilecare_lab*.lab_*\nowns = "
    "mysql.lab\n"
    "[service:main]\nuser = main\nmode = block\n"
    "[service:reporting]\nuser = reporting\nreads = nilecare*.*\nreads = clinical_data.*\n"
    "[grant:billing-patients]\nservice = billing\non = nilecare.patients\naccess = read\n"
    "until = 2026-06-15\n"
    "[grant:billing-encounters]\nservice = billing\non = nilecare.encounters\naccess = all\n"
    "until = 2026-06-14\n"
    "[grant:billing-vitals-read]\nservice = billing\non = clinical_data.v*\naccess = read\n"
    "[grant:billing-vitals-write]\nservice = billing\non = clinical_data.vital_*\naccess = write\n"
    "[grant:billing-vitals-define]\nservice = billing\non = clinical_data.*\naccess = define\n"
    "until = 2025-01-01\n"
    "[grant:lab-drops]\nservice = lab\non = clinical_data.*\naccess = define\n"
    "[edge:billing->clinical]\nmode = block\n"
    "[edge:clinical->billing]\nmode = off\n"
    "[edge:auth->clinical]\nmode = block\n";

static const struct one {
    const char *service; /* NULL: nobody */
    const char *schema, *name;
    int type, access;
    const char *expected; /* action, reason, owner */
} cases[] = {
  /* 1: its own; the most specific pattern decides */
    {"billing",   "nilecare_billing",   "anything",         TABLE,    R | W | D,     "allow own billing"           },
    {"billing",   "nilecare_billing",   "f",                ROUTINE,  X,             "allow own billing"           },
    {"billing",   "nilecare",           "invoices",         TABLE,    W,             "allow own billing"           },
    {"billing",   "nilecare",           "billing_accounts", TABLE,    R,             "allow own billing"           },
    {"billing",   "nilecare",           "billing_notes",    TABLE,    R,             "block foreign clinical"      },
    {"billing",   "nilecare",           "billing_",         TABLE,    R,             "allow own billing"           },
    {"billing",   "nilecare",           "billing",          TABLE,    R,             "log unowned -"               },
    {"clinical",  "nilecare",           "billing_notes",    TABLE,    R | W,         "allow own clinical"          },
    {"clinical",  "clinical_data",      "anything",         TABLE,    D,             "allow own clinical"          },
    {"auth",      "nilecare",           "auth_users",       TABLE,    W,             "allow own auth"              },
    {"auth",      "anything",           "auth_users",       TABLE,    W,             "allow own auth"              },
    {"lab",       "nilecare_lab",       "lab_orders",       TABLE,    W,             "allow own lab"               },
    {"lab",       "nilecare_lab_old",   "lab_orders",       TABLE,    W,             "allow own lab"               },
    {"lab",       "nilecare_lab",       "orders",           TABLE,    W,             "log unowned -"               },
    {"lab",       "nilecare_billing",   "lab_orders",       TABLE,    W,             "log foreign billing"         },
    {"lab",       "mysql",              "lab",              TABLE,    W,             "allow own lab"               },
 /* 2: grants, to the last day, each access for itself, several together */
    {"billing",   "nilecare",           "patients",         TABLE,    R,             "allow granted clinical"      },
    {"billing",   "nilecare",           "patients",         TABLE,    W,             "block foreign clinical"      },
    {"billing",   "nilecare",           "patients",         TABLE,    R | W,         "block foreign clinical"      },
    {"billing",   "nilecare",           "encounters",       TABLE,    R,             "block expired_grant clinical"},
    {"billing",   "nilecare",           "encounters",       ROUTINE,  X,             "block expired_grant clinical"},
    {"billing",   "clinical_data",      "vital_signs",      TABLE,    R,             "allow granted clinical"      },
    {"billing",   "clinical_data",      "vital_signs",      TABLE,    R | W,         "allow granted clinical"      },
    {"billing",   "clinical_data",      "visits",           TABLE,    R | W,         "block foreign clinical"      },
    {"billing",   "clinical_data",      "vital_signs",      TABLE,    R | W | D,     "block expired_grant clinical"},
    {"billing",   "clinical_data",      "vital_signs",      TABLE,    R | W | D | X, "block foreign clinical"      },
    {"billing",   "clinical_data",      "diagnoses",        TABLE,    R | D,         "block foreign clinical"      },
    {"billing",   "clinical_data",      "diagnoses",        TABLE,    D,             "block expired_grant clinical"},
    {"billing",   "shared_reference",   "icd10",            TABLE,    R,             "allow granted -"             },
    {"billing",   "shared_reference",   "icd10",            TABLE,    W,             "log unowned -"               },
    {"reporting", "nilecare",           "patients",         TABLE,    R,             "allow granted clinical"      },
    {"reporting", "nilecare",           "patients",         TABLE,    R | W,         "log foreign clinical"        },
    {"reporting", "nilecare_auth",      "x",                TABLE,    R,             "allow granted auth"          },
    {"clinical",  "shared_reference",   "icd10",            TABLE,    R,             "log unowned -"               },
 /* 3: information_schema, in any case, for anyone */
    {"billing",   "information_schema", "tables",           TABLE,    R,             "allow session -"             },
    {"main",      "INFORMATION_SCHEMA", "TABLES",           TABLE,    R,             "allow session -"             },
    {NULL,        "Information_Schema", "",                 DATABASE, R,             "allow session -"             },
 /* 4: the server's own */
    {"billing",   "mysql",              "user",             TABLE,    R,             "block system -"              },
    {"billing",   "MYSQL",              "user",             TABLE,    R,             "block system -"              },
    {"billing",   "performance_schema", "threads",          TABLE,    R,             "block system -"              },
    {"billing",   "sys",                "version",          TABLE,    R,             "block system -"              },
    {"billing",   "sys",                "",                 DATABASE, R,             "block system -"              },
    {"billing",   "mysql",              "lab",              TABLE,    R,             "block system lab"            },
    {"auth",      "mysql",              "user",             TABLE,    R,             "allow system -"              },
    {NULL,        "mysql",              "user",             TABLE,    R,             "block system -"              },
 /* 5: nobody's */
    {"billing",   "nilecare",           "nothing",          TABLE,    R,             "log unowned -"               },
    {"main",      "nilecare",           "nothing",          TABLE,    W,             "log unowned -"               },
    {"auth",      "nilecare",           "nothing",          TABLE,    W,             "allow unowned -"             },
    {NULL,        "nilecare",           "nothing",          TABLE,    W,             "log unowned -"               },
    {"billing",   NULL,                 "invoices",         TABLE,    R,             "log unowned -"               },
    {"billing",   "",                   "invoices",         TABLE,    R,             "log unowned -"               },
 /* 6: another's: the edge's mode, else the service's, else the default */
    {"billing",   "nilecare_auth",      "x",                TABLE,    R,             "log foreign auth"            },
    {"billing",   "nilecare",           "auth_users",       TABLE,    R,             "log foreign auth"            },
    {"clinical",  "nilecare_auth",      "x",                TABLE,    R,             "block foreign auth"          },
    {"clinical",  "nilecare",           "invoices",         TABLE,    R,             "allow foreign billing"       },
    {"auth",      "nilecare",           "invoices",         TABLE,    R,             "allow foreign billing"       },
    {"auth",      "nilecare",           "patients",         TABLE,    R,             "block foreign clinical"      },
    {"main",      "nilecare",           "invoices",         TABLE,    R,             "block foreign billing"       },
    {NULL,        "nilecare",           "invoices",         TABLE,    R,             "log foreign billing"         },
 /* databases: entering */
    {"billing",   "nilecare_billing",   "",                 DATABASE, R,             "allow own billing"           },
    {"billing",   "nilecare",           "",                 DATABASE, R,             "allow own billing"           },
    {"clinical",  "nilecare",           "",                 DATABASE, R,             "allow own clinical"          },
    {"reporting", "nilecare",           "",                 DATABASE, R,             "allow granted -"             },
    {"reporting", "nilecare_auth",      "",                 DATABASE, R,             "allow granted auth"          },
    {"billing",   "shared_reference",   "",                 DATABASE, R,             "allow granted -"             },
    {"billing",   "clinical_data",      "",                 DATABASE, R,             "allow granted clinical"      },
    {"billing",   "nilecare_auth",      "",                 DATABASE, R,             "log foreign auth"            },
    {"main",      "nilecare_billing",   "",                 DATABASE, R,             "block foreign billing"       },
    {"main",      "nilecare",           "",                 DATABASE, R,             "block foreign clinical"      },
    {"main",      "nilecare_lab",       "",                 DATABASE, R,             "block foreign lab"           },
    {"main",      "elsewhere",          "",                 DATABASE, R,             "log unowned -"               },
    {"auth",      "elsewhere",          "",                 DATABASE, R,             "allow own auth"              },
    {NULL,        "nilecare_billing",   "",                 DATABASE, R,             "log foreign billing"         },
 /* databases: changing them needs all that is in them */
    {"clinical",  "clinical_data",      "",                 DATABASE, D,             "allow own clinical"          },
    {"billing",   "nilecare_billing",   "",                 DATABASE, D,             "allow own billing"           },
    {"billing",   "nilecare_billing",   "",                 DATABASE, R | W | D | X, "allow own billing"           },
    {"billing",   "nilecare",           "",                 DATABASE, D,             "block foreign clinical"      },
    {"clinical",  "nilecare",           "",                 DATABASE, D,             "allow foreign billing"       },
    {"main",      "nilecare",           "",                 DATABASE, D,             "block foreign clinical"      },
    {"lab",       "clinical_data",      "",                 DATABASE, D,             "allow granted clinical"      },
    {"lab",       "clinical_data",      "",                 DATABASE, D | W,         "log foreign clinical"        },
    {"billing",   "clinical_data",      "",                 DATABASE, D,             "block expired_grant clinical"},
    {"billing",   "mysql",              "",                 DATABASE, D,             "block system -"              },
};

static struct text text_or_none(const char *string)
{
    return (struct text){string, string ? strlen(string) : 0};
}

static const char *said(const struct policy *policy, const struct verdict *verdict)
{
    static char text[200];
    struct text owner = policy_service_name(policy, verdict->owner);

    snprintf(text, sizeof(text), "%s %s %s", verdict_action_name(verdict->action),
             verdict_reason_name(verdict->reason), owner.at ? owner.at : "-");
    return text;
}

static struct policy *policy_good(const char *ini)
{
    struct config_problems problems = {0};
    struct config *config = ini_good(ini);
    struct policy *policy = policy_build(config, TODAY, &problems);

    if (!policy) {
        config_problems_print(&problems, "test");
        abort();
    }
    config_problems_fini(&problems);
    config_free(config);
    return policy;
}

static void check_cases(const struct policy *policy, bool fold)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct one *one = &cases[i];
        int service = one->service ? policy_service(policy, text_of(one->service)) : SERVICE_NONE;
        struct sql_object object = {.schema = text_or_none(one->schema),
                                    .name = text_of(one->name),
                                    .type = (uint8_t)one->type,
                                    .access = (uint8_t)one->access};
        struct verdict verdict;
        policy_check_object(policy, service, &object, fold, TODAY, &verdict);
        assert_non_null(verdict.rule);
        if (strcmp(said(policy, &verdict), one->expected) != 0)
            fail_msg("case %zu: %s on %s.%s (access %d): expected %s, got %s by %s", i,
                     one->service ? one->service : "nobody", one->schema ? one->schema : "-",
                     one->name, one->access, one->expected, said(policy, &verdict), verdict.rule);
    }
}

static void test_objects(void **state)
{
    (void)state;
    struct policy *policy = policy_good(hospital);
    check_cases(policy, false);
    check_cases(policy, true); /* all of the names are in lower case, or the server's own */
    policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
