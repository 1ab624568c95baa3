/* silogate check: reads a proxy.ini as `run` does and prints all errors in it. */
#include <getopt.h>
#include <stdio.h>
#include <time.h>

#include "cmd/check_changes.h"
#include "cmd/cmd.h"
#include "config/keys.h"
#include "policy/policy.h"
#include "tls/rsa.h"
#include "tls/tls.h"

static const char usage[] =
    "usage: silogate check -c FILE\n"
    "       silogate check --keys\n"
    "\n"
    "  -c, --config FILE  the proxy.ini to validate: every problem is printed as\n"
    "                     FILE:LINE: what is wrong; what to write instead\n"
    "      --keys         prints the reference of all keys, in Markdown\n"
    "\n"
    "For services in mode log, also lists what their clients will notice all the same.\n"
    "Exits 0 when the file can be used (warnings may be printed), 2 when it cannot.\n";

static void print_summary(const struct config *config, const struct config_problems *problems)
{
    size_t patterns = 0, warnings = problems->count - problems->errors;

    for (size_t i = 0; i < config->service_count; i++)
        patterns += config->services[i].owns.count;
    printf("%s: %zu service%s, %zu pattern%s, %zu grant%s: fine", config->path.at,
           config->service_count, config->service_count == 1 ? "" : "s", patterns,
           patterns == 1 ? "" : "s", config->grant_count, config->grant_count == 1 ? "" : "s");
    if (warnings)
        printf(", with %zu warning%s", warnings, warnings == 1 ? "" : "s");
    putchar('\n');
}

static bool is_told(const struct config_problems *problems, unsigned line)
{
    for (size_t i = 0; i < problems->count; i++) {
        if (problems->items[i].line == line && !problems->items[i].warning)
            return true;
    }
    return false;
}

/* Finds errors that only appear when certificates and keys are loaded; what cannot be loaded for a
 * reason that its line has got already is not reported again. */
static void check_tls(const struct config *config, struct config_problems *problems)
{
    struct config_problems loading = {0};
    struct tls_server *server = NULL;
    struct rsa_key *key = NULL;

    if (tls_server_build(config, &server, &loading))
        tls_server_drop(server);
    if (rsa_key_read(config, &key, &loading))
        rsa_key_free(key);
    for (size_t i = 0; i < config->upstream_count; i++) {
        struct tls_client *client = NULL;
        if (tls_client_build(&config->upstreams[i], &client, &loading))
            tls_client_drop(client);
    }
    for (size_t i = 0; i < loading.count; i++) {
        const struct config_problem *problem = &loading.items[i];
        if (!is_told(problems, problem->line))
            config_problem_add(problems, problem->line, problem->warning, "%s", problem->text);
    }
    config_problems_fini(&loading);
}

static int check(const char *path)
{
    struct config_problems problems = {0};
    struct config *config = config_read(path, &problems);

    if (config) {
        config_check_files(config, &problems);
        check_tls(config, &problems);
        policy_free(policy_build(config, policy_today(time(NULL)), &problems));
    }
    config_problems_print(&problems, path);
    bool fine = config && problems.errors == 0;
    if (fine) {
        print_summary(config, &problems);
        check_changes_print(config);
    }
    config_free(config);
    config_problems_fini(&problems);
    return fine ? CMD_YES : CMD_MISUSE;
}

int cmd_check(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"keys",   no_argument,       NULL, 'k'},
        {"help",   no_argument,       NULL, 'h'},
        {NULL,     0,                 NULL, 0  },
    };
    const char *path = NULL;
    int option;

    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            path = optarg;
            break;
        case 'k':
            keys_print(stdout);
            return CMD_YES;
        case 'h':
            fputs(usage, stdout);
            return CMD_YES;
        default:
            fputs(usage, stderr);
            return CMD_MISUSE;
        }
    }
    if (!path || optind < argc) {
        fputs(usage, stderr);
        return CMD_MISUSE;
    }
    return check(path);
}
