/* silogate run: the proxy in the foreground. */
#include <getopt.h>
#include <stdio.h>

#include "cmd/cmd.h"
#include "cmd/run_instances.h"
#include "cmd/run_moves.h"
#include "cmd/run_probe.h"
#include "proxy/server.h"

static const char usage[] =
    "usage: silogate run -c FILE\n\n"
    "Runs the proxy in the foreground and logs to standard error.\n"
    "  -c, --config FILE   the configuration, e.g. proxy.ini\n"
    "SIGHUP reloads FILE, SIGUSR1 opens the violation logs anew, SIGUSR2 starts a successor that\n"
    "takes over (an upgrade), SIGTERM drains and stops.\n";

int cmd_run(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"help",    no_argument, NULL, 'h'},
        {0       }
    };
    const char *path = NULL;
    int option;

    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(usage, stdout);
            return CMD_YES;
        }
        if (option != 'c') {
            fputs(usage, stderr);
            return CMD_MISUSE;
        }
        path = optarg;
    }
    if (!path || optind < argc) {
        fputs(usage, stderr);
        return CMD_MISUSE;
    }
    run_moves();
    run_instances();
    run_probe();
    return server_run(path);
}
