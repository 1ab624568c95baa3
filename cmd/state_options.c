/* Makes a state from the options for how SQL is read. */
#include "cmd/state_options.h"

#include <stdio.h>
#include <string.h>

bool state_options_take(struct state_options *options, int option, const char *value)
{
    switch (option) {
    case STATE_DIALECT:
        options->dialect = value;
        return true;
    case STATE_VERSION:
        options->version = value;
        return true;
    case STATE_MODE:
        options->sql_mode = value;
        return true;
    case STATE_CHARSET:
        options->charset = value;
        return true;
    default:
        return false;
    }
}

bool state_options_set(const struct state_options *options, const char *who,
                       struct sql_state *state)
{
    bool mariadb = options->dialect && strcmp(options->dialect, "mariadb") == 0;
    const char *version = options->version ? options->version : mariadb ? "11.8" : "9.7";
    struct text mode = text_of(options->sql_mode ? options->sql_mode : "");
    struct text unknown = sql_mode_unknown(mode);

    if (options->dialect && !mariadb && strcmp(options->dialect, "mysql") != 0) {
        fprintf(stderr, "silogate %s: no dialect '%s'; write mysql or mariadb\n", who,
                options->dialect);
        return false;
    }
    if (unknown.length > 0) {
        fprintf(stderr, "silogate %s: no sql_mode '%.*s'; write modes as in @@sql_mode\n", who,
                TEXT_ARGS(unknown));
        return false;
    }
    state->mode_known = state->from_file = true;
    state->mode = sql_mode_of(mode);
    state->charset =
        (uint8_t)sql_charset_of(text_of(options->charset ? options->charset : "utf8mb4"));
    if (!sql_state_set_version(state, text_of(version))) {
        fprintf(stderr, "silogate %s: '%s' is not a version; write one like 9.7.4 or 10.11.19\n",
                who, version);
        return false;
    }
    if (options->dialect)
        state->dialect = mariadb ? SQL_MARIADB : SQL_MYSQL;
    if (state->charset != SQL_CHARSET_UNKNOWN)
        return true;
    fprintf(stderr, "silogate %s: no character set of clients '%s'; write a name as in SET NAMES\n",
            who, options->charset);
    return false;
}
