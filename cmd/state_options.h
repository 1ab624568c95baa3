/* The options for how SQL is read: --dialect, --server-version, --sql-mode, --charset. All
 * subcommands that read SQL use them.
 */
#ifndef CMD_STATE_OPTIONS_H
#define CMD_STATE_OPTIONS_H

#include <getopt.h>

#include "sql/state.h"

struct state_options {
    const char *dialect, *version, *sql_mode, *charset; /* as given; NULL: not given */
};

enum { STATE_DIALECT = 1000, STATE_VERSION, STATE_MODE, STATE_CHARSET, STATE_OPTION_LAST };

/* For an array of struct option. */
#define STATE_OPTIONS                                                                              \
    {"dialect", required_argument, NULL, STATE_DIALECT},                                           \
        {"server-version", required_argument, NULL, STATE_VERSION},                                \
        {"sql-mode", required_argument, NULL, STATE_MODE},                                         \
    {                                                                                              \
        "charset", required_argument, NULL, STATE_CHARSET                                          \
    }

/* If the option is one of these, stores its value and returns true. */
bool state_options_take(struct state_options *options, int option, const char *value);
/* False if a value is not valid; the reason is printed on standard error as `silogate WHO: ...`. */
bool state_options_set(const struct state_options *options, const char *who,
                       struct sql_state *state);

#endif
