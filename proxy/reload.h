/* The configuration, read anew while silogate runs. The main thread's. */
#ifndef PROXY_RELOAD_H
#define PROXY_RELOAD_H

#include "proxy/show.h"
#include "proxy/steer.h"
#include "violations/violations.h"

enum { RELOAD_OUTPUTS = 64 };

/* What [log] says, as violations/ takes it; points into the configuration and into itself. */
struct reload_log {
    struct violations_settings settings;
    struct text outputs[RELOAD_OUTPUTS];
    unsigned lines[RELOAD_OUTPUTS];
};
void reload_log_settings(const struct config *config, struct reload_log *log);

/* How silogate's own log looks from now on. */
void reload_own_log(const struct config *config);

/* Which certificates are in force, and until when, into the log. */
void reload_tell_certificates(const struct runtime *runtime);

/* False where the old configuration stays in force, with the first reason in `why`; the log has all
 * of them. */
bool reload_run(const char *path, struct steer *steer, struct violations *violations,
                struct show *show, struct error *why);

#endif
