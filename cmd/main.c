/* The command line: finds the subcommand and calls it. Each subcommand has its own file. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *what;
} subcommands[] = {
    {"audit",   cmd_audit,   "finds what crosses silos in a server's catalogue and accounts" },
    {"check",   cmd_check,   "validates a proxy.ini and prints every problem"                },
    {"explain", cmd_explain, "shows what SQL statements touch and what the policy says of it"},
    {"learn",   cmd_learn,   "makes violation records out of a server's own logs"            },
    {"move",    cmd_move,    "moves tables into their owner's database, under load"          },
    {"report",  cmd_report,  "reports what crosses between services, from violation logs"    },
    {"suggest", cmd_suggest, "suggests owners for what nobody owns, from violation logs"     },
    {"run",     cmd_run,     "runs the proxy in the foreground"                              },
    {"test",    cmd_test,    "runs policy tests; shows what a change of the policy would do" },
    {"version", cmd_version, "prints the versions of silogate and of its libraries"          },
    {"ctl",     cmd_ctl,     "queries and controls the running silogate"                     },
};

static void print_usage(FILE *to)
{
    fputs("usage: silogate SUBCOMMAND [OPTION...]\n\n", to);
    for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++)
        fprintf(to, "  %-8s  %s\n", subcommands[i].name, subcommands[i].what);
    fputs("\nsilogate SUBCOMMAND --help describes each of them.\n", to);
}

/* If silogate is started with a standard stream closed, the next file that it opens gets that
 * stream's descriptor. Then its log would be written into the violation log, or to a client. */
static bool fill_standard_streams(void)
{
    for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; stream++) {
        if (fcntl(stream, F_GETFD) == -1 && open("/dev/null", O_RDWR) != stream)
            return false;
    }
    return true;
}

/* getopt begins its messages with argv[0]: it gets what all other messages begin with. */
static int run(size_t subcommand, int argc, char **argv)
{
    char name[32];

    snprintf(name, sizeof(name), "silogate %s", subcommands[subcommand].name);
    argv[0] = name;
    return subcommands[subcommand].run(argc, argv);
}

int main(int argc, char **argv)
{
    if (!fill_standard_streams())
        return CMD_MISUSE;
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
                      strcmp(argv[1], "help") == 0)) {
        print_usage(stdout);
        return CMD_YES;
    }
    if (argc >= 2 && strcmp(argv[1], "--version") == 0)
        return cmd_version(argc - 1, argv + 1);
    for (size_t i = 0; argc >= 2 && i < sizeof(subcommands) / sizeof(subcommands[0]); i++) {
        if (strcmp(argv[1], subcommands[i].name) == 0)
            return run(i, argc - 1, argv + 1);
    }
    if (argc >= 2)
        fprintf(stderr, "silogate: unknown subcommand '%s'; use one of these\n", argv[1]);
    print_usage(stderr);
    return CMD_MISUSE;
}
