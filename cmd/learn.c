/* silogate learn: makes violation records from logs that servers wrote before the gate was used. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "cmd/cmd.h"
#include "cmd/state_options.h"
#include "learn/learn.h"

static const char usage[] =
    "usage: silogate learn FORMAT -c proxy.ini [OPTION...] FILE...\n"
    "\n"
    "Reads what a server has logged and writes to standard output the violation records that the\n"
    "gate would have written, for silogate report and silogate suggest. Files may be compressed\n"
    "with gzip; - is standard input. Standard error says what the source cannot show.\n"
    "\n"
    "  general   general logs of MySQL and MariaDB; rotated ones in any order\n"
    "  slow      slow logs\n"
    "  digests   performance_schema.events_statements_summary_by_digest or _history: the output\n"
    "            of mysql -B, or JSON\n"
    "  explain   files and folders of SQL that the service of --user sends\n"
    "\n"
    "  -c, --config FILE        the proxy.ini\n"
    "  --user U                 the user who sent the statements, where the source does not say\n"
    "  --dialect D              mysql (default) or mariadb, where the source does not say\n"
    "  --server-version V       the server's version, where the source does not say; default: "
    "9.7,\n"
    "                           with mariadb 11.8\n"
    "  --sql-mode M             @@sql_mode of a new session; default: empty\n"
    "  --charset C              character_set_client of a new session; default: utf8mb4\n"
    "\n"
    "Times without a time zone (MariaDB's logs) are read in the zone of the environment variable "
    "TZ.\n"
    "Exit status: 0, or 2 for misuse, a file that cannot be read, or nothing learned from it.\n";

struct asked {
    const char *config_path, *user;
    struct state_options state;
    enum learn_format format;
};

static bool find_format(const char *word, enum learn_format *format)
{
    static const char *const words[] = {
        [LEARN_GENERAL] = "general",
        [LEARN_SLOW] = "slow",
        [LEARN_DIGESTS] = "digests",
        [LEARN_EXPLAIN] = "explain",
    };

    for (size_t i = 0; word && i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(word, words[i]) != 0)
            continue;
        *format = (enum learn_format)i;
        return true;
    }
    fprintf(stderr, "silogate learn: %s%s%s; write general, slow, digests or explain\n",
            word ? "no format '" : "no format", word ? word : "", word ? "'" : "");
    return false;
}

static bool parse(struct asked *asked, int argc, char **argv)
{
    enum { USER = STATE_OPTION_LAST };
    const struct option options[] = {
        STATE_OPTIONS,
        {"config", required_argument, NULL, 'c' },
        {"user",   required_argument, NULL, USER},
        {"help",   no_argument,       NULL, 'h' },
        {NULL,     0,                 NULL, 0   }
    };
    int option;

    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (state_options_take(&asked->state, option, optarg))
            continue;
        switch (option) {
        case 'c':
            asked->config_path = optarg;
            break;
        case USER:
            asked->user = optarg;
            break;
        case 'h':
            fputs(usage, stdout);
            exit(CMD_YES);
        default: /* getopt has printed the error */
            fputs("silogate learn --help lists the options\n", stderr);
            return false;
        }
    }
    if (!find_format(argv[optind], &asked->format))
        return false;
    if (!asked->config_path)
        fputs("silogate learn: -c must be there; see --help\n", stderr);
    else if (optind + 1 >= argc)
        fputs("silogate learn: no file; name what to read, or - for standard input\n", stderr);
    return asked->config_path && optind + 1 < argc;
}

static bool check_user(const struct learn *learn, const struct asked *asked)
{
    if (asked->user && router_service(learn->offline.router, learn->user) == SERVICE_NONE) {
        fprintf(stderr, "silogate learn: no service has the user '%s'; write one of proxy.ini's\n",
                asked->user);
        return false;
    }
    if (asked->format != LEARN_EXPLAIN || asked->user)
        return true;
    fputs("silogate learn: explain needs --user: whose statements they are\n", stderr);
    return false;
}

static int read_all(struct learn *learn, const struct asked *asked, char **files, size_t count)
{
    struct error error;

    if (!learn_start(learn, &error)) {
        fprintf(stderr, "silogate learn: %s\n", error.text);
        return CMD_MISUSE;
    }
    bool read = learn_files(learn, asked->format, files, count);
    if (!learn_finish(learn)) {
        fputs("silogate learn: standard output cannot be written\n", stderr);
        _exit(CMD_MISUSE); /* the writer's thread still runs */
    }
    learn_tell(learn, asked->format, stderr);
    const struct learn_counts *counts = &learn->counts;
    bool nothing = counts->statements + counts->without_service + counts->of_nobody == 0;
    if (nothing)
        fputs("silogate learn: no statement was found; is it a file of this format?\n", stderr);
    return read && !nothing ? CMD_YES : CMD_MISUSE;
}

int cmd_learn(int argc, char **argv)
{
    struct asked asked = {.config_path = NULL};

    if (!parse(&asked, argc, argv))
        return CMD_MISUSE;
    struct learn *learn = memory_take_zeroed(sizeof(*learn));
    learn->user = text_of(asked.user);
    learn->progress = isatty(STDERR_FILENO);
    learn->version_given = asked.state.version || asked.state.dialect;
    int status = CMD_MISUSE;
    if (state_options_set(&asked.state, "learn", &learn->start) &&
        offline_open(&learn->offline, asked.config_path) && check_user(learn, &asked))
        status = read_all(learn, &asked, argv + optind + 1, (size_t)(argc - optind - 1));
    learn_free(learn);
    free(learn);
    return status;
}
