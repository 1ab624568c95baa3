/* One policy that has a little of everything, and what a verdict says in words. */
#ifndef TESTS_UNIT_POLICY_HOSPITAL_H
#define TESTS_UNIT_POLICY_HOSPITAL_H

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

#endif
