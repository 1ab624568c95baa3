/* silogate audit: what crosses inside a server, found in its catalogue and its accounts. This file
 * has the options and the exit status; catalogue/ does the search. */
#include "cmd/audit.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "catalogue/connect.h"
#include "cmd/cmd.h"
#include "config/keys.h"

static const char usage[] =
    "usage: silogate audit -c proxy.ini [OPTION...] [UPSTREAM...]\n"
    "\n"
    "Reads the catalogue and the accounts of each upstream (or of those named) and compares them\n"
    "with the policy: views, routines, triggers, events and foreign keys that reach into another\n"
    "service's data; accounts with other rights than the policy allows; connections that do not\n"
    "come through silogate; objects without an owner. Takes no locks and writes nothing.\n"
    "\n"
    "  -c, --config FILE         the proxy.ini\n"
    "      --defaults-file FILE  user and password, as the mysql client reads them ([client]);\n"
    "                            default: the upstream's account and account_password_file\n"
    "      --address ADDRESS     reads there instead, such as a replica: host:port or unix:/path;\n"
    "                            only with one upstream\n"
    "      --text --markdown --json --sarif\n"
    "                            the form: tables (default), tables in Markdown, one JSON object "
    "a\n"
    "                            line, SARIF\n"
    "      --sql                 GRANT and REVOKE statements that make the accounts equal to the\n"
    "                            policy; new rights come before others are revoked; the statement\n"
    "                            that undoes each is in a comment\n"
    "      --log FILE            a violation log (repeatable; also .gz): shows what each REVOKE\n"
    "                            would have refused, and how long a right was not used\n"
    "      --baseline FILE       the findings of an earlier audit (--json): all others are new\n"
    "      --fail-on-new         exit status 1 only where something new crosses\n"
    "\n"
    "Exit status: 1 where something crosses that is not granted, else 0; 2 for misuse, or where a\n"
    "server or a file could not be read.\n";

typedef void print_form(const struct audit *audit, const bool *is_new, FILE *to);

struct asked {
    const char *config_path, *defaults_file, *baseline;
    const char *address;
    print_form *form;
    bool fail_on_new;
    char **logs;
    size_t log_count;
    char **upstreams;
    int upstream_count;
};

enum { DEFAULTS = 256, ADDRESS, TEXT_FORM, MARKDOWN, JSON, SARIF, SQL, LOG, BASELINE, FAIL };

static const struct option long_options[] = {
    {"config",        required_argument, NULL, 'c'      },
    {"defaults-file", required_argument, NULL, DEFAULTS },
    {"address",       required_argument, NULL, ADDRESS  },
    {"text",          no_argument,       NULL, TEXT_FORM},
    {"markdown",      no_argument,       NULL, MARKDOWN },
    {"json",          no_argument,       NULL, JSON     },
    {"sarif",         no_argument,       NULL, SARIF    },
    {"sql",           no_argument,       NULL, SQL      },
    {"log",           required_argument, NULL, LOG      },
    {"baseline",      required_argument, NULL, BASELINE },
    {"fail-on-new",   no_argument,       NULL, FAIL     },
    {"help",          no_argument,       NULL, 'h'      },
    {NULL,            0,                 NULL, 0        },
};

static const struct form {
    int option;
    print_form *print;
} forms[] = {
    {TEXT_FORM, audit_print_text    },
    {MARKDOWN,  audit_print_markdown},
    {JSON,      audit_print_json    },
    {SARIF,     audit_print_sarif   },
    {SQL,       audit_print_sql     },
};

static bool take_option(int option, struct asked *asked)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (forms[i].option == option) {
            asked->form = forms[i].print;
            return true;
        }
    }
    switch (option) {
    case 'c':
        asked->config_path = optarg;
        break;
    case DEFAULTS:
        asked->defaults_file = optarg;
        break;
    case ADDRESS:
        asked->address = optarg;
        break;
    case LOG:
        asked->logs = memory_resize(asked->logs, (asked->log_count + 1) * sizeof(char *));
        asked->logs[asked->log_count++] = optarg;
        break;
    case BASELINE:
        asked->baseline = optarg;
        break;
    case FAIL:
        asked->fail_on_new = true;
        break;
    case 'h':
        fputs(usage, stdout);
        exit(CMD_YES);
    default:
        fputs(usage, stderr);
        return false;
    }
    return true;
}

static bool parse(int argc, char **argv, struct asked *asked)
{
    int option;

    asked->form = audit_print_text;
    while ((option = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1) {
        if (!take_option(option, asked))
            return false;
    }
    asked->upstreams = argv + optind;
    asked->upstream_count = argc - optind;
    if (!asked->config_path || (asked->fail_on_new && !asked->baseline)) {
        fprintf(stderr, "silogate audit: %s; see --help\n",
                asked->config_path ? "--fail-on-new needs --baseline FILE"
                                   : "-c proxy.ini must be there");
        return false;
    }
    return true;
}

static bool is_asked(const struct asked *asked, struct text name)
{
    for (int i = 0; i < asked->upstream_count; i++) {
        if (text_equal(text_of(asked->upstreams[i]), name))
            return true;
    }
    return asked->upstream_count == 0;
}

/* Each name on the command line must be an upstream; an address needs exactly one upstream. */
static bool check_names(const struct asked *asked, const struct config *config)
{
    size_t wanted = 0;

    for (int i = 0; i < asked->upstream_count; i++) {
        bool found = false;
        for (size_t j = 0; j < config->upstream_count && !found; j++)
            found = text_equal(text_of(asked->upstreams[i]), config->upstreams[j].name);
        if (!found) {
            fprintf(stderr,
                    "%s:1: there is no [upstream:%s]; write that section, or the name of one\n",
                    asked->config_path, asked->upstreams[i]);
            return false;
        }
    }
    for (size_t i = 0; i < config->upstream_count; i++)
        wanted += is_asked(asked, config->upstreams[i].name);
    if (asked->address && wanted != 1) {
        fprintf(stderr, "silogate audit: --address is for one upstream; name it\n");
        return false;
    }
    return true;
}

/* Prints the error, with the line of proxy.ini that caused it, if one did. */
static void tell(const struct asked *asked, const struct error *error)
{
    if (error->line)
        fprintf(stderr, "%s:%u: %s\n", asked->config_path, error->line, error->text);
    else
        fprintf(stderr, "silogate audit: %s\n", error->text);
}

static bool read_upstream(struct audit *audit, const struct asked *asked, size_t index)
{
    struct config_upstream upstream = audit->config->upstreams[index];
    struct config_address address = {.is_unix = false};
    struct error error = {.line = 0};

    if (asked->address) {
        if (!address_read(text_of(asked->address), &audit->arena, &address, &error)) {
            fprintf(stderr, "silogate audit: --address %s: %s\n", asked->address, error.text);
            return false;
        }
        upstream.addresses = (struct config_addresses){.items = &address, .count = 1};
    }
    const struct connection_options options = {
        .upstream = &upstream,
        .defaults_file = asked->defaults_file,
        .program = "silogate audit",
        .connect_timeout = audit->config->proxy.connect_timeout.value,
    };
    struct connection *connection = connection_open(&options, &error);
    bool good = connection && audit_read(audit, index, connection, &error);
    connection_close(connection);
    if (!good)
        tell(asked, &error);
    return good;
}

static bool read_all(struct audit *audit, const struct asked *asked)
{
    struct error error = {.line = 0};
    bool good = check_names(asked, audit->config);

    if (good && asked->defaults_file && !connection_check_defaults(asked->defaults_file, &error)) {
        fprintf(stderr, "%s\n", error.text);
        return false;
    }
    for (size_t i = 0; good && i < audit->config->upstream_count; i++) {
        if (is_asked(asked, audit->config->upstreams[i].name))
            good = read_upstream(audit, asked, i);
    }
    if (!good)
        return false;
    audit_compare(audit);
    if (audit_rehearse(audit, asked->logs, asked->log_count, &error))
        return true;
    fprintf(stderr, "silogate audit: %s\n", error.text);
    return false;
}

static int print(const struct audit *audit, const struct asked *asked)
{
    struct error error;
    bool *is_new = NULL;
    size_t failing = 0;

    if (asked->baseline) {
        is_new = audit_baseline_new(audit, asked->baseline, &error);
        if (!is_new) {
            fprintf(stderr, "silogate audit: %s\n", error.text);
            return CMD_MISUSE;
        }
    }
    asked->form(audit, is_new, stdout);
    for (size_t i = 0; i < audit->finding_count; i++)
        failing += audit->findings[i].crosses && (!is_new || is_new[i]);
    free(is_new);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("silogate audit: the output could not be written to the end\n", stderr);
        return CMD_MISUSE;
    }
    if (failing)
        fprintf(stderr, "silogate audit: %zu finding%s that no grant covers%s\n", failing,
                failing == 1 ? "" : "s", asked->baseline ? " and the baseline does not have" : "");
    return failing ? CMD_NO : CMD_YES;
}

static int run(const struct config *config, const struct policy *policy, const struct asked *asked)
{
    struct audit audit;

    audit_init(&audit, config, policy, policy_today((int64_t)time(NULL)));
    int status = read_all(&audit, asked) ? print(&audit, asked) : CMD_MISUSE;
    audit_fini(&audit);
    return status;
}

int cmd_audit(int argc, char **argv)
{
    struct asked asked = {0};
    struct config_problems problems = {0};
    struct policy *policy = NULL;
    int status = CMD_MISUSE;

    if (!parse(argc, argv, &asked))
        return CMD_MISUSE;
    struct config *config = config_read(asked.config_path, &problems);
    if (config)
        policy = policy_build(config, policy_today((int64_t)time(NULL)), &problems);
    if (policy && problems.errors == 0)
        status = run(config, policy, &asked);
    else
        config_problems_print(&problems, asked.config_path);
    config_problems_fini(&problems);
    free(asked.logs);
    policy_free(policy);
    config_free(config);
    return status;
}
