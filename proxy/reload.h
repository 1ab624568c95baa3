/* Reloads the configuration while silogate runs. For the main thread. */
#ifndef PROXY_RELOAD_H
#define PROXY_RELOAD_H

#include "proxy/show.h"
#include "proxy/steer.h"
#include "violations/violations.h"

enum { RELOAD_OUTPUTS = 64 };

/* The settings of [log] in the form that violations/ needs; it has pointers into the configuration
 * and into itself. */
struct reload_log {
    struct violations_settings settings;
    struct text outputs[RELOAD_OUTPUTS];
    unsigned lines[RELOAD_OUTPUTS];
};
void reload_log_settings(const struct config *config, struct reload_log *log);

/* Applies format and level of silogate's own log. */
void reload_own_log(const struct config *config);

/* Logs which certificates are in force, and until when. */
void reload_tell_certificates(const struct runtime *runtime);

/* False: the old configuration stays in force. `why` has the first error, the log all of them. */
bool reload_run(const char *path, struct steer *steer, struct violations *violations,
                struct show *show, struct error *why);

#endif
