/* silogate suggest: proposes `owns` lines from the logs of a run with `unowned = log`. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "policy/policy.h"
#include "report/report.h"

static const char usage[] =
    "usage: silogate suggest [-c proxy.ini] LOG...\n"
    "\n"
    "Reads violation logs that were written with `unowned = log`, as `silogate report` does. For\n"
    "each table that nobody owns, prints the service that writes it most, as lines for proxy.ini\n"
    "with the numbers behind the proposal. What is not clear is commented out and marked "
    "AMBIGUOUS.\n"
    "\n"
    "  -c, --config FILE   prints this proxy.ini with the lines added in their sections; what has "
    "an\n"
    "                      owner in it is left out\n";

/* The object may have got an owner after the log was written. */
static bool has_owner(const void *policy, const struct sql_object *object)
{
    struct verdict verdict;

    policy_check_object(policy, SERVICE_NONE, object, false, 0, &verdict);
    return verdict.owner != SERVICE_NONE;
}

static int read_and_print(const char *ini, const struct policy *policy, char **logs)
{
    struct report report;
    struct error error;
    int status = CMD_YES;
    FILE *from = ini ? fopen(ini, "r") : NULL;

    if (ini && !from) {
        fprintf(stderr, "%s:1: cannot be read: %s; name a file that can be read\n", ini,
                strerror(errno));
        return CMD_MISUSE;
    }
    report_init(&report);
    report.progress = isatty(STDERR_FILENO);
    for (; *logs; logs++) {
        if (report_read(&report, *logs, &error))
            continue;
        fprintf(stderr, "%s\n", error.text);
        status = CMD_MISUSE;
    }
    if (report.logs > 0)
        report_print_suggestions(&report, (struct report_owners){policy ? has_owner : NULL, policy},
                                 from, stdout);
    report_fini(&report);
    if (from)
        fclose(from);
    return fflush(stdout) != 0 || ferror(stdout) ? CMD_MISUSE : status;
}

static int suggest(const char *ini, char **logs)
{
    struct config_problems problems = {0};
    struct policy *policy = NULL;
    int status = CMD_MISUSE;

    if (!ini)
        return read_and_print(NULL, NULL, logs);
    struct config *config = config_read(ini, &problems);
    if (config)
        policy = policy_build(config, policy_today(time(NULL)), &problems);
    if (policy && problems.errors == 0)
        status = read_and_print(ini, policy, logs);
    else
        config_problems_print(&problems, ini);
    policy_free(policy);
    config_free(config);
    config_problems_fini(&problems);
    return status;
}

int cmd_suggest(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"help",   no_argument,       NULL, 'h'},
        {NULL,     0,                 NULL, 0  },
    };
    const char *ini = NULL;
    int option;

    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            ini = optarg;
            break;
        case 'h':
            fputs(usage, stdout);
            return CMD_YES;
        default:
            fputs(usage, stderr);
            return CMD_MISUSE;
        }
    }
    if (optind < argc)
        return suggest(ini, argv + optind);
    fputs(usage, stderr);
    return CMD_MISUSE;
}
