/* The rules of a verdict, one line a case, over one policy that has a little of everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/policy/hospital.h"

/* clang-format off */
static const struct one {
    const char *service; /* NULL: nobody */
    const char *schema, *name;
    int type, access;
    const char *expected; /* action, reason, owner */
} cases[] = {
    /* 1: its own; the most specific pattern decides */
    {"billing", "nilecare_billing", "anything", TABLE, R | W | D, "allow own billing"},
    {"billing", "nilecare_billing", "f", ROUTINE, X, "allow own billing"},
    {"billing", "nilecare", "invoices", TABLE, W, "allow own billing"},
    {"billing", "nilecare", "billing_accounts", TABLE, R, "allow own billing"},
    {"billing", "nilecare", "billing_notes", TABLE, R, "block foreign clinical"},
    {"billing", "nilecare", "billing_", TABLE, R, "allow own billing"},
    {"billing", "nilecare", "billing", TABLE, R, "log unowned -"},
    {"clinical", "nilecare", "billing_notes", TABLE, R | W, "allow own clinical"},
    {"clinical", "clinical_data", "anything", TABLE, D, "allow own clinical"},
    {"auth", "nilecare", "auth_users", TABLE, W, "allow own auth"},
    {"auth", "anything", "auth_users", TABLE, W, "allow own auth"},
    {"lab", "nilecare_lab", "lab_orders", TABLE, W, "allow own lab"},
    {"lab", "nilecare_lab_old", "lab_orders", TABLE, W, "allow own lab"},
    {"lab", "nilecare_lab", "orders", TABLE, W, "log unowned -"},
    {"lab", "nilecare_billing", "lab_orders", TABLE, W, "log foreign billing"},
    {"lab", "mysql", "lab", TABLE, W, "allow own lab"},
    /* 2: grants, to the last day, each access for itself, several together */
    {"billing", "nilecare", "patients", TABLE, R, "allow granted clinical"},
    {"billing", "nilecare", "patients", TABLE, W, "block foreign clinical"},
    {"billing", "nilecare", "patients", TABLE, R | W, "block foreign clinical"},
    {"billing", "nilecare", "encounters", TABLE, R, "block expired_grant clinical"},
    {"billing", "nilecare", "encounters", ROUTINE, X, "block expired_grant clinical"},
    {"billing", "clinical_data", "vital_signs", TABLE, R, "allow granted clinical"},
    {"billing", "clinical_data", "vital_signs", TABLE, R | W, "allow granted clinical"},
    {"billing", "clinical_data", "visits", TABLE, R | W, "block foreign clinical"},
    {"billing", "clinical_data", "vital_signs", TABLE, R | W | D, "block expired_grant clinical"},
    {"billing", "clinical_data", "vital_signs", TABLE, R | W | D | X, "block foreign clinical"},
    {"billing", "clinical_data", "diagnoses", TABLE, R | D, "block foreign clinical"},
    {"billing", "clinical_data", "diagnoses", TABLE, D, "block expired_grant clinical"},
    {"billing", "shared_reference", "icd10", TABLE, R, "allow granted -"},
    {"billing", "shared_reference", "icd10", TABLE, W, "log unowned -"},
    {"reporting", "nilecare", "patients", TABLE, R, "allow granted clinical"},
    {"reporting", "nilecare", "patients", TABLE, R | W, "log foreign clinical"},
    {"reporting", "nilecare_auth", "x", TABLE, R, "allow granted auth"},
    {"clinical", "shared_reference", "icd10", TABLE, R, "log unowned -"},
    /* 3: information_schema, in any case, for anyone */
    {"billing", "information_schema", "tables", TABLE, R, "allow session -"},
    {"main", "INFORMATION_SCHEMA", "TABLES", TABLE, R, "allow session -"},
    {NULL, "Information_Schema", "", DATABASE, R, "allow session -"},
    {"billing", "information_schema", "PROCESSLIST", TABLE, R, "block system -"},
    {"billing", "INFORMATION_SCHEMA", "column_statistics", TABLE, R, "block system -"},
    {"billing", "information_schema", "innodb_trx", TABLE, R, "block system -"},
    {"billing", "information_schema", "proce\xc5\xbf\xc5\xbfli\xc5\xbft", TABLE, R, "block system -"},
    /* 4: the server's own */
    {"billing", "mysql", "user", TABLE, R, "block system -"},
    {"billing", "MYSQL", "user", TABLE, R, "block system -"},
    {"billing", "performance_schema", "threads", TABLE, R, "block system -"},
    {"billing", "silogate", "overrides", TABLE, W, "block system -"},
    {"billing", "SILOGATE", "instances", TABLE, R, "block system -"},
    {"auth", "silogate", "auth_users", TABLE, R, "allow own auth"}, /* by *.auth_users */
    {"auth", "silogate", "auth_users", TABLE, W, "block system -"},
    {"billing", "nilecare_billing", "silogate_moving_0", TABLE, R, "block system -"},
    {"clinical", "nilecare", "Silogate_Moving_12", TABLE, W, "block system -"},
    {"billing", "sys", "version", TABLE, R, "block system -"},
    {"billing", "sys", "", DATABASE, R, "block system -"},
    {"billing", "mysql", "lab", TABLE, R, "block system lab"},
    {"auth", "mysql", "user", TABLE, R, "allow system -"},
    {NULL, "mysql", "user", TABLE, R, "block system -"},
    /* 5: nobody's */
    {"billing", "nilecare", "nothing", TABLE, R, "log unowned -"},
    {"main", "nilecare", "nothing", TABLE, W, "log unowned -"},
    {"auth", "nilecare", "nothing", TABLE, W, "allow unowned -"},
    {NULL, "nilecare", "nothing", TABLE, W, "log unowned -"},
    {"billing", NULL, "invoices", TABLE, R, "log unowned -"},
    {"billing", "", "invoices", TABLE, R, "log unowned -"},
    /* 6: another's: the edge's mode, else the service's, else the default */
    {"billing", "nilecare_auth", "x", TABLE, R, "log foreign auth"},
    {"billing", "nilecare", "auth_users", TABLE, R, "log foreign auth"},
    {"clinical", "nilecare_auth", "x", TABLE, R, "block foreign auth"},
    {"clinical", "nilecare", "invoices", TABLE, R, "allow foreign billing"},
    {"auth", "nilecare", "invoices", TABLE, R, "allow foreign billing"},
    {"auth", "nilecare", "patients", TABLE, R, "block foreign clinical"},
    {"main", "nilecare", "invoices", TABLE, R, "block foreign billing"},
    {NULL, "nilecare", "invoices", TABLE, R, "log foreign billing"},
    /* databases: entering */
    {"billing", "nilecare_billing", "", DATABASE, R, "allow own billing"},
    {"billing", "nilecare", "", DATABASE, R, "allow own billing"},
    {"clinical", "nilecare", "", DATABASE, R, "allow own clinical"},
    {"reporting", "nilecare", "", DATABASE, R, "allow granted -"},
    {"reporting", "nilecare_auth", "", DATABASE, R, "allow granted auth"},
    {"billing", "shared_reference", "", DATABASE, R, "allow granted -"},
    {"billing", "clinical_data", "", DATABASE, R, "allow granted clinical"},
    {"billing", "nilecare_auth", "", DATABASE, R, "log foreign auth"},
    {"main", "nilecare_billing", "", DATABASE, R, "block foreign billing"},
    {"main", "nilecare", "", DATABASE, R, "block foreign clinical"},
    {"main", "nilecare_lab", "", DATABASE, R, "block foreign lab"},
    {"main", "elsewhere", "", DATABASE, R, "log unowned -"},
    {"auth", "elsewhere", "", DATABASE, R, "allow own auth"},
    {NULL, "nilecare_billing", "", DATABASE, R, "log foreign billing"},
    /* databases: changing them needs all that is in them */
    {"clinical", "clinical_data", "", DATABASE, D, "allow own clinical"},
    {"billing", "nilecare_billing", "", DATABASE, D, "allow own billing"},
    {"billing", "nilecare_billing", "", DATABASE, R | W | D | X, "allow own billing"},
    {"billing", "nilecare", "", DATABASE, D, "block foreign clinical"},
    {"clinical", "nilecare", "", DATABASE, D, "block foreign auth"},
    {"main", "nilecare", "", DATABASE, D, "block foreign clinical"},
    {"lab", "clinical_data", "", DATABASE, D, "allow granted clinical"},
    {"lab", "clinical_data", "", DATABASE, D | W, "log foreign clinical"},
    {"billing", "clinical_data", "", DATABASE, D, "block expired_grant clinical"},
    {"billing", "mysql", "", DATABASE, D, "block system -"},
};
/* clang-format on */

static struct text text_or_none(const char *string)
{
    return (struct text){string, string ? strlen(string) : 0};
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

/* Routines, events and triggers are looked up without case and accents; tables are not, but for
 * their case where it is folded. Seen on MySQL 9.7 with lower_case_table_names = 0. */
static void test_routines_without_accents(void **state)
{
    (void)state;
    static const struct {
        const char *schema, *name;
        int type, fold, owner; /* -1: nobody */
    } names[] = {
        {"s",        "getpatient",            ROUTINE, false, 0 },
        {"s",        "GetPatient",            ROUTINE, false, 0 },
        {"s",        "g\xc3\xa9tpatient",     ROUTINE, false, 0 },
        {"s",        "g\xc3\x89TPATIENT",     ROUTINE, true,  0 },
        {"S",        "getpatient",            ROUTINE, false, -1}, /* another schema */
        {"S",        "getpatient",            ROUTINE, true,  0 },
        {"\xc5\x9b", "getpatient",            ROUTINE, false, -1},
        {"s",        "g\xe1\xba\xbftpatient", ROUTINE, false, 0 }, /* e with two signs */
        {"s",        "g\xd0\xb5tpatient",     ROUTINE, false, -1}, /* a Cyrillic e */
        {"s",        "g\xe4\xb8\xadtpatient", ROUTINE, false, -1}, /* no letter that has others */
        {"s",        "g\xc1\xa5tpatient",     ROUTINE, false, -1}, /* e, overlong: no UTF-8 */
        {"s",
         "stra\xc3\x9f"
         "e",                                 ROUTINE, false, -1},
        {"s",        "strasse",               ROUTINE, false, 1 },
        {"s",        "getpatient",            TABLE,   false, 0 },
        {"s",        "g\xc3\xa9tpatient",     TABLE,   false, -1},
        {"s",        "GETPATIENT",            TABLE,   false, -1},
        {"s",        "GETPATIENT",            TABLE,   true,  0 },
        {"s",        "g\xc3\xa9tpatient",     TABLE,   true,  -1},
        {"s",
         "\xc3\x89"
         "coles",                             TABLE,   false, 0 },
        {"s",
         "\xc3\xa9"
         "coles",                             TABLE,   false, -1},
        {"s",
         "\xc3\xa9"
         "coles",                             TABLE,   true,  0 },
        {"s",
         "\xc3\x89"
         "COLES",                             TABLE,   true,  0 },
        {"s",        "ecoles",                TABLE,   true,  -1},
        {"s",        "ecoles",                ROUTINE, true,  0 },
        {"s",
         "p\xc5\x99"
         "efix",                              ROUTINE, false, 1 },
    };
    struct policy *policy =
        policy_good(UPSTREAM "[service:a]\nuser = a\nowns = s.getpatient\nowns = s.\xc3\x89"
                             "coles\n"
                             "[service:b]\nuser = b\nowns = s.strasse\nowns = s.Pre*\n");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct sql_object object = {.schema = text_of(names[i].schema),
                                    .name = text_of(names[i].name),
                                    .type = (uint8_t)names[i].type,
                                    .access = SQL_EXECUTE};
        struct verdict verdict;
        policy_check_object(policy, SERVICE_NONE, &object, names[i].fold, TODAY, &verdict);
        if (verdict.owner != names[i].owner)
            fail_msg("case %zu: %s.%s: owner %d", i, names[i].schema, names[i].name, verdict.owner);
    }
    policy_free(policy);
}

/* A statement: its flags, and its objects as "schema.name" with one access each. */
/* clang-format off */
static const struct statement {
    const char *service;
    int determined, administration; /* true or false */
    const char *names[4]; /* read, but "+" in front: written */
    const char *expected; /* action, reason, owner */
    int object;           /* that decided; -1: the statement as a whole */
} statements[] = {
    {"billing", true, false, {NULL}, "allow session -", -1},
    {NULL, true, false, {NULL}, "allow session -", -1},
    {"billing", true, false, {"nilecare.invoices"}, "allow own billing", 0},
    {"billing", true, false, {"information_schema.tables", "nilecare.invoices"}, "allow session -", 0},
    {"billing", true, false, {"nilecare.invoices", "nilecare.patients"}, "allow own billing", 0},
    {"billing", true, false, {"nilecare.patients", "nilecare.invoices"}, "allow granted clinical", 0},
    /* the strictest; of equally strict ones the first */
    {"billing", true, false, {"nilecare.invoices", "nilecare_auth.x"}, "log foreign auth", 1},
    {"billing", true, false, {"nilecare.no", "nilecare_auth.x"}, "log unowned -", 0},
    {"billing", true, false, {"nilecare_auth.x", "nilecare.no"}, "log foreign auth", 0},
    {"billing", true, false, {"nilecare_auth.x", "+nilecare.patients"}, "block foreign clinical", 1},
    {"billing", true, false, {"nilecare_auth.x", "mysql.user", "+nilecare.patients"}, "block system -", 1},
    /* what is only let through is told of before what is allowed */
    {"auth", true, false, {"nilecare_auth.x", "nilecare.invoices"}, "allow foreign billing", 1},
    {"auth", true, false, {"nilecare_auth.x", "nilecare.no", "nilecare.invoices"}, "allow unowned -", 1},
    {"auth", true, false, {"nilecare_auth.x", "nilecare.patients"}, "block foreign clinical", 1},
    {"clinical", true, false, {"nilecare.patients", "nilecare.invoices"}, "allow foreign billing", 1},
    {"billing", true, false, {"mysql.time_zone_name"}, "allow session -", 0},
    {"billing", true, false, {"mysql.time_zone_name", "mysql.user"}, "block system -", 1},
    /* silogate's own: nobody makes a view of it */
    {"auth", true, false, {"silogate.overrides"}, "allow system -", 0},
    {"auth", true, false, {"*nilecare.auth_view", "silogate.overrides"}, "block system -", 1},
    /* the server itself */
    {"billing", true, true, {NULL}, "block administration -", -1},
    {"billing", true, true, {"+nilecare.patients"}, "block administration -", -1},
    {"auth", true, true, {"nilecare_auth.x"}, "allow administration -", -1},
    {"auth", true, true, {"nilecare.patients"}, "block foreign clinical", 0},
    {NULL, true, true, {NULL}, "block administration -", -1},
    /* what is not understood follows the mode */
    {"billing", false, false, {NULL}, "log undetermined -", -1},
    {"billing", false, false, {"nilecare.invoices"}, "log undetermined -", -1},
    {"billing", false, false, {"nilecare_auth.x"}, "log undetermined -", -1},
    {"billing", false, false, {"+nilecare.patients"}, "block foreign clinical", 0},
    {"billing", false, true, {NULL}, "block administration -", -1},
    {"main", false, false, {"nilecare.invoices"}, "block undetermined -", -1},
    {"main", false, true, {NULL}, "block administration -", -1},
    {"auth", false, false, {"nilecare_auth.x"}, "allow undetermined -", -1},
    {"auth", false, false, {"nilecare.patients"}, "block foreign clinical", 0},
    {NULL, false, false, {NULL}, "log undetermined -", -1},
};
/* clang-format on */

static void test_statements(void **state)
{
    (void)state;
    static struct sql_facts facts;
    struct policy *policy = policy_good(hospital);
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
        const struct statement *one = &statements[i];
        struct verdict verdict;
        facts.determined = one->determined;
        facts.administration = one->administration;
        facts.object_count = 0;
        for (size_t j = 0; j < 4 && one->names[j]; j++) {
            const char sign = one->names[j][0];
            const char *name = one->names[j] + (sign == '+' || sign == '*');
            const char *dot = strchr(name, '.');
            facts.objects[facts.object_count++] = (struct sql_object){
                .schema = {name, (size_t)(dot - name)},
                .name = text_of(dot + 1),
                .access = sign == '+'   ? SQL_WRITE
                          : sign == '*' ? SQL_DEFINE
                                        : SQL_READ
            };
        }
        int service = one->service ? policy_service(policy, text_of(one->service)) : SERVICE_NONE;
        policy_check(policy, service, &facts, i % 2, TODAY, &verdict);
        uint16_t object = one->object < 0 ? VERDICT_NO_OBJECT : (uint16_t)one->object;
        if (strcmp(said(policy, &verdict), one->expected) != 0 || verdict.object != object)
            fail_msg("statement %zu: expected %s by object %d, got %s by object %d, %s", i,
                     one->expected, one->object, said(policy, &verdict), verdict.object,
                     verdict.rule);
    }
    policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_objects),
        cmocka_unit_test(test_routines_without_accents),
        cmocka_unit_test(test_statements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
