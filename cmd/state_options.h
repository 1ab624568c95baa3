/* The options that say how SQL is to be read: --dialect, --server-version, --sql-mode, --charset.
 * Shared by the subcommands that read SQL.
 */
#ifndef CMD_STATE_OPTIONS_H
#define CMD_STATE_OPTIONS_H

#include <getopt.h>

#include "sql/state.h"

struct state_options {
    const char *dialect, *version, *sql_mode, *charset; /* as given; NULL: not */
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

/* Is it one of these? Then it is taken. */
bool state_options_take(struct state_options *options, int option, const char *value);
/* False where one of them makes no sense: said on standard error as `silogate WHO: ...`. */
bool state_options_set(const struct state_options *options, const char *who,
                       struct sql_state *state);

#endif
