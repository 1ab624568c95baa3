/* silogate suggest: proposes `owns` lines out of the logs of a run with `unowned = log`. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "violations/report.h"

static const char usage[] =
    "usage: silogate suggest LOG...\n"
    "\n"
    "Reads violation logs as `silogate report` does, of a run with `unowned = log`, and prints "
    "for\n"
    "each table that nobody owns the service that writes it most, as lines for proxy.ini with the\n"
    "evidence beside them. What is not clear is commented out and marked AMBIGUOUS.\n";

int cmd_suggest(int argc, char **argv)
{
    struct report report;
    struct error error;
    int status = CMD_YES;

    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(usage, stdout);
        return CMD_YES;
    }
    if (argc < 2 || (argv[1][0] == '-' && argv[1][1] != '\0')) {
        fputs(usage, stderr);
        return CMD_MISUSE;
    }
    report_init(&report);
    report.progress = isatty(STDERR_FILENO);
    for (int i = 1; i < argc; i++) {
        if (report_read(&report, argv[i], &error))
            continue;
        fprintf(stderr, "silogate suggest: %s\n", error.text);
        status = CMD_MISUSE;
    }
    report_print_suggestions(&report, stdout);
    report_fini(&report);
    if (fflush(stdout) != 0 || ferror(stdout))
        status = CMD_MISUSE;
    return status;
}
