/* silogate move: moves tables into their owner's database. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "catalogue/connect.h"
#include "cmd/cmd.h"
#include "move/mover.h"

static const char usage[] =
    "usage: silogate move NAME -c FILE [--defaults-file FILE] [OPTION]\n"
    "\n"
    "Moves the tables of the section [move:NAME] into its database, while services use them.\n"
    "  -c, --config FILE         the configuration, e.g. proxy.ini\n"
    "  --defaults-file FILE      user and password of the account that moves them; default: the\n"
    "                            upstream's account\n"
    "  --dry-run                 prints what would be done, and every reason against it\n"
    "  --status                  prints where the tables are, and which instances take part\n"
    "  --back                    moves them back\n"
    "  --finish                  drops the views at the old names, if nobody has used them for a\n"
    "                            day\n"
    "  --unused-for TIME         with --finish: another time, such as 30m, 7d or 0s\n"
    "  --accept-unmapped         moves them although statements were seen whose names cannot be\n"
    "                            mapped: these will use the views at the old names; and although\n"
    "                            a trigger of another table names what will not be there\n"
    "Exit status: 0 done, 1 refused or given up (nothing has changed), 2 misuse.\n";

enum { DEFAULTS_FILE = 256, DRY_RUN, STATUS, BACK, FINISH, UNUSED, ACCEPT };
enum { DAY_MS = 86400000 };

static const struct option options[] = {
    {"config",           required_argument, NULL, 'c'},
    {"defaults-file",              required_argument, NULL, DEFAULTS_FILE},
    {"dry-run",                  no_argument, NULL, DRY_RUN},
    {"status",no_argument, NULL, STATUS},
    {"back",     no_argument, NULL, BACK},
    {"finish",          no_argument, NULL, FINISH},
    {"unused-for",              required_argument, NULL, UNUSED},
    {"accept-unmapped",                  no_argument, NULL, ACCEPT},
    {"help",                    no_argument, NULL, 'h'},
    {0           }
};

/* A duration such as 30m in milliseconds; -1: not valid. */
static int64_t read_time(const char *written)
{
    static const struct {
        const char *name;
        int64_t factor;
    } units[] = {
        {"s", 1000   },
        {"m", 60000  },
        {"h", 3600000},
        {"d", DAY_MS }
    };
    const size_t digits = strspn(written, "0123456789");
    uint64_t number;

    if (!text_number((struct text){written, digits}, &number) || number > 100000)
        return -1;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(written + digits, units[i].name) == 0)
            return (int64_t)number * units[i].factor;
    }
    return -1;
}

/* Finds the move of this name; prints the problem if it does not exist or cannot be done. */
static bool find_move(struct move_order *order, const char *path, const char *name)
{
    const struct config *config = order->config;

    for (size_t i = 0; i < config->move_count; i++) {
        if (!text_equal(config->moves[i].name, text_of(name)))
            continue;
        order->move = (unsigned)i;
        if (config->moves[i].tables.count > 0)
            return true;
        fprintf(stderr,
                "silogate move: [move:%s] moves a database to another server, which is not done "
                "yet; write table = SCHEMA.NAME and to = DATABASE\n",
                name);
        return false;
    }
    fprintf(stderr, "%s:1: there is no [move:%s]; write that section\n", path, name);
    return false;
}

static int run(struct move_order *order, const char *path, const char *name)
{
    struct config_problems problems = {0};
    struct config *config = config_read(path, &problems);
    struct policy *policy =
        config ? policy_build(config, policy_today(time(NULL)), &problems) : NULL;
    bool readable = policy && problems.errors == 0;
    struct error error;
    int status = CMD_MISUSE;

    config_problems_print(&problems, path);
    config_problems_fini(&problems);
    order->config = config;
    order->policy = policy;
    order->out = stdout;
    if (readable && order->defaults_file &&
        !connection_check_defaults(order->defaults_file, &error))
        fprintf(stderr, "%s\n", error.text);
    else if (readable && find_move(order, path, name)) {
        status = mover_run(order, &error) ? CMD_YES : CMD_NO;
        if (status == CMD_NO && error.text[0]) {
            if (error.line)
                fprintf(stderr, "%s:%u: ", path, error.line);
            else
                fputs("silogate move: ", stderr);
            text_put(text_of(error.text), stderr);
            fputc('\n', stderr);
        }
    }
    policy_free(policy);
    config_free(config);
    return status;
}

int cmd_move(int argc, char **argv)
{
    struct move_order order = {.what = MOVE_THERE, .unused_for = DAY_MS};
    const char *path = NULL;
    unsigned orders = 0;
    bool unused = false;
    int option;

    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            path = optarg;
            break;
        case DEFAULTS_FILE:
            order.defaults_file = optarg;
            break;
        case DRY_RUN:
            order.dry_run = true;
            break;
        case ACCEPT:
            order.accept_unmapped = true;
            break;
        case UNUSED:
            order.unused_for = read_time(optarg);
            unused = true;
            if (order.unused_for >= 0)
                break;
            fprintf(stderr, "silogate move: --unused-for %s is not a time; write 30m, 12h or 7d\n",
                    optarg);
            return CMD_MISUSE;
        case STATUS:
        case BACK:
        case FINISH:
            order.what = option == STATUS ? MOVE_STATUS : option == BACK ? MOVE_BACK : MOVE_FINISH;
            orders++;
            break;
        case 'h':
            fputs(usage, stdout);
            return CMD_YES;
        default:
            fputs(usage, stderr);
            return CMD_MISUSE;
        }
    }
    if (!path || optind != argc - 1 || orders > 1) {
        fputs(usage, stderr);
        return CMD_MISUSE;
    }
    if (unused && order.what != MOVE_FINISH) { /* else a forgotten --finish would move tables */
        fputs("silogate move: --unused-for is a part of --finish; write both\n", stderr);
        return CMD_MISUSE;
    }
    return run(&order, path, argv[optind]);
}
