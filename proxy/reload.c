/* A reload: reads the file, checks all of it, then puts it into force or changes nothing. Run by
 * the main thread; the log names changed keys that need a restart.
 */
#include "proxy/reload.h"

#include "base/log.h"

void reload_log_settings(const struct config *config, struct reload_log *log)
{
    size_t count = config->log.violations.count;

    if (count > RELOAD_OUTPUTS)
        count = RELOAD_OUTPUTS;
    for (size_t i = 0; i < count; i++) {
        log->outputs[i] = config->log.violations.items[i].value;
        log->lines[i] = config->log.violations.items[i].line;
    }
    log->settings = (struct violations_settings){.outputs = log->outputs,
                                                 .lines = log->lines,
                                                 .output_count = count,
                                                 .statement = config->log.statement.value,
                                                 .repeat = config->log.repeat.value};
}

static bool same_address(const struct config_address *a, const struct config_address *b)
{
    return text_equal(a->written, b->written);
}

void reload_own_log(const struct config *config)
{
    log_json(config->log.format.value == CONFIG_LOG_JSON);
    log_threshold((enum log_level)config->log.level.value);
}

/* Logs changed keys that need a restart. */
static void tell_what_stays(const struct config *old, const struct config *new)
{
    bool same = old->proxy.listen.count == new->proxy.listen.count;

    for (size_t i = 0; same && i < old->proxy.listen.count; i++)
        same = same_address(&old->proxy.listen.items[i], &new->proxy.listen.items[i]);
    if (!same)
        log_warning("reload: listen differs; it changes with the next restart");
    if (!same_address(&old->proxy.admin, &new->proxy.admin))
        log_warning("reload: admin differs; it changes with the next restart");
    if (!same_address(&old->proxy.control, &new->proxy.control))
        log_warning("reload: control differs; it changes with the next restart");
    if (!text_equal(old->proxy.admin_token_file.value, new->proxy.admin_token_file.value))
        log_warning("reload: admin_token_file differs; it changes with the next restart");
    if (old->proxy.instance.value != new->proxy.instance.value)
        log_warning("reload: instance differs; it changes with the next restart");
    if (old->proxy.workers.value != new->proxy.workers.value)
        log_warning("reload: workers differs; it changes with the next restart");
}

/* Logs which certificates are in force, and until when. */
void reload_tell_certificates(const struct runtime *runtime)
{
    const struct config *config = runtime->config;
    struct tls_certificate certificate;

    if (runtime->tls) {
        struct error why;
        tls_server_certificate(runtime->tls, &certificate);
        log_notice("TLS for clients: %scertificate %s, until %s, SHA-256 %s",
                   certificate.is_self_made ? "self-signed " : "", certificate.name,
                   certificate.until, certificate.fingerprint);
        if (!tls_keep(config, &why))
            log_warning("%s:%u: %s", config->path.at, why.line, why.text);
    }
    for (size_t i = 0; i < config->upstream_count; i++)
        if (runtime->tls_clients[i] &&
            tls_client_certificate(runtime->tls_clients[i], &certificate))
            log_notice("TLS for upstream '%s': certificate %s, until %s",
                       config->upstreams[i].name.at, certificate.name, certificate.until);
}

static void tell_refused(struct violations *violations, struct show *show,
                         const struct runtime *current, const char *reason)
{
    show_reload(show, false);
    violations_event_reload(violations, policy_hash(current->policy), false, text_of(reason));
}

bool reload_run(const char *path, struct steer *steer, struct violations *violations,
                struct show *show, struct error *why)
{
    struct runtime *runtime = runtime_build(path, steer->current, why);
    struct reload_log log;
    struct error error;

    if (!runtime) {
        log_error("reload: %s has errors; the old configuration stays in force", path);
        tell_refused(violations, show, steer->current, "the file has errors");
        return false;
    }
    reload_log_settings(runtime->config, &log);
    if (!violations_change(violations, &log.settings, &error)) {
        struct config_place place = config_place(&runtime->config->files, error.line);
        error_set(why, "%s:%u: %s", place.file, place.line ? place.line : 1, error.text);
        log_error("reload: %s; the old configuration stays in force", why->text);
        tell_refused(violations, show, steer->current, "a violation log cannot be opened");
        runtime_drop(runtime);
        return false;
    }
    reload_own_log(runtime->config);
    tell_what_stays(steer->base->config, runtime->config);
    steer_base(steer, runtime);
    show_reload(show, true);
    violations_event_reload(violations, policy_hash(steer->current->policy), true, TEXT(""));
    reload_tell_certificates(runtime);
    log_notice("reload: %s is in force, policy %s", path, policy_hash(steer->current->policy));
    return true;
}
