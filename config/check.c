/* Checks of several values together: names that nothing defines, users of two services, TLS
 * settings that need each other; and, in a second function, the files that the configuration
 * names. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/index.h"
#include "config/config.h"
#include "config/keys.h"

/* verdict.owner is an int16_t. */
enum { SERVICES_MAX = 32000 };

#define wrong(problems, line, ...) config_problem_add(problems, line, false, __VA_ARGS__)
#define warn(problems, line, ...)  config_problem_add(problems, line, true, __VA_ARGS__)

/* The index of the upstream `name`. If there is none, the problem is added. */
static size_t upstream_find(const struct config *config, const struct config_text *name,
                            const struct index *index, struct config_problems *problems)
{
    struct text *names;
    uint32_t at = 0;

    if (index_find(index, name->value, &at))
        return at;
    names = memory_take(config->upstream_count * sizeof(*names));
    for (size_t i = 0; i < config->upstream_count; i++)
        names[i] = config->upstreams[i].name;
    struct text meant = nearest(name->value, names, config->upstream_count);
    free(names);
    if (meant.at)
        wrong(problems, name->line, "there is no [upstream:%s]; did you mean %s?", name->value.at,
              meant.at);
    else
        wrong(problems, name->line,
              "there is no [upstream:%s]; write that section, or the name of one", name->value.at);
    return 0;
}

static void check_upstreams(struct config *config, struct config_problems *problems)
{
    struct index index = {0};
    const struct config_text *chosen = &config->proxy.default_upstream;
    bool one = config->upstream_count == 1;

    if (config->upstream_count == 0)
        wrong(problems, 0, "no [upstream:NAME] section; write one with address = host:port");
    for (size_t i = 0; i < config->upstream_count; i++)
        index_add(&index, config->upstreams[i].name, (uint32_t)i);
    if (chosen->line)
        config->proxy.default_upstream_index = upstream_find(config, chosen, &index, problems);
    else if (!one && config->upstream_count && config->proxy.unknown_user.value == CONFIG_PASS)
        wrong(problems, config->proxy.unknown_user.line,
              "unknown_user = pass, and no default_upstream to pass them to; write "
              "default_upstream = "
              "NAME");
    for (size_t i = 0; i < config->service_count; i++) {
        struct config_service *service = &config->services[i];
        service->upstream_index = config->proxy.default_upstream_index;
        if (service->upstream.line)
            service->upstream_index = upstream_find(config, &service->upstream, &index, problems);
        else if (!chosen->line && !one && config->upstream_count)
            wrong(problems, service->line,
                  "[service:%s] has no upstream, and there are several; write upstream = NAME, or "
                  "default_upstream = NAME in [proxy]",
                  service->name.at);
    }
    index_fini(&index);
}

/* MySQL's account names have a host and wildcards; here a user is only the name in the login. */
static void check_user(const struct config_text *user, struct config_problems *problems)
{
    const char *at = strchr(user->value.at, '@');

    if (at)
        warn(problems, user->line,
             "user = %s: the host of an account is not part of the user's name; write user = %.*s",
             user->value.at, (int)(at - user->value.at), user->value.at);
    else if (strchr(user->value.at, '*'))
        warn(problems, user->line,
             "user = %s: * is not a wildcard here; write each user on a line of its own",
             user->value.at);
}

static void check_users(const struct config *config, struct config_problems *problems)
{
    struct index index = {0};

    for (size_t i = 0; i < config->service_count; i++) {
        const struct config_service *service = &config->services[i];
        for (size_t j = 0; j < service->users.count; j++) {
            const struct config_text *user = &service->users.items[j];
            uint32_t other = (uint32_t)i;
            check_user(user, problems);
            if (index_add(&index, user->value, (uint32_t)i))
                continue;
            index_find(&index, user->value, &other);
            if (other == i)
                warn(problems, user->line, "user %s is there twice; take one out", user->value.at);
            else
                wrong(problems, user->line,
                      "user %s belongs to [service:%s] already (%s); a user belongs to one "
                      "service",
                      user->value.at, config->services[other].name.at,
                      config_line(&config->files, config->services[other].line));
        }
    }
    index_fini(&index);
}

static void check_service(const struct config *config, const struct config_service *service,
                          struct config_problems *problems)
{
    if (service->aliases.count && !service->database.line)
        wrong(problems, service->aliases.items[0].line,
              "alias without database; write database = NAME, which the alias then means");
    for (size_t i = 0; i < service->aliases.count; i++) {
        if (text_equal(service->aliases.items[i].value, service->database.value))
            warn(problems, service->aliases.items[i].line,
                 "alias %s is the database itself; take it out",
                 service->aliases.items[i].value.at);
    }
    if (service->users.count == 0 && service->owns.count == 0)
        warn(problems, service->line,
             "[service:%s] has no user and owns nothing; write user = NAME or owns = SCHEMA.NAME",
             service->name.at);
    if (service->certificate_name.line && !config->tls.client_ca.line)
        wrong(problems, service->certificate_name.line,
              "certificate_name, and nothing to verify certificates against; write client_ca = "
              "FILE in "
              "[tls]");
    if (service->certificate_name.line && config->tls.client.value == CONFIG_TLS_OFF)
        wrong(problems, service->certificate_name.line,
              "certificate_name, but clients get no TLS; write client = preferred or required in "
              "[tls]");
}

/* A certificate needs its key, and the key its certificate. */
static void check_pair(const struct config_text *certificate, const struct config_text *key,
                       const struct config_text *passphrase, struct config_problems *problems)
{
    if (certificate->line && !key->line)
        wrong(problems, certificate->line, "certificate without key; write key = FILE");
    if (key->line && !certificate->line)
        wrong(problems, key->line, "key without certificate; write certificate = FILE");
    if (passphrase->line && !key->line)
        wrong(problems, passphrase->line, "key_passphrase_file without key; write key = FILE");
}

static void check_tls(const struct config *config, struct config_problems *problems)
{
    static const struct config_text none = {
        {"", 0},
        0
    };
    bool is_auto = text_equal(config->tls.certificate.value, TEXT("auto"));

    check_pair(is_auto ? &none : &config->tls.certificate, &config->tls.key,
               &config->tls.key_passphrase_file, problems);
    if (config->tls.client_ca.line && config->tls.client.value == CONFIG_TLS_OFF)
        warn(problems, config->tls.client_ca.line,
             "client_ca is not used without TLS; write client = preferred");
    if (config->tls.client_crl.line && !config->tls.client_ca.line)
        wrong(problems, config->tls.client_crl.line,
              "client_crl without client_ca; write client_ca = FILE");
    for (size_t i = 0; i < config->upstream_count; i++) {
        const struct config_upstream *upstream = &config->upstreams[i];
        check_pair(&upstream->certificate, &upstream->key, &upstream->key_passphrase_file,
                   problems);
        if (upstream->tls.value >= CONFIG_TLS_VERIFY_CA && !upstream->ca.line)
            wrong(problems, upstream->tls.line,
                  "nothing to verify the server's certificate against; write ca = FILE");
        if (upstream->crl.line && !upstream->ca.line)
            wrong(problems, upstream->crl.line, "crl without ca; write ca = FILE");
        if (upstream->account_password_file.line && !upstream->account.line)
            wrong(problems, upstream->account_password_file.line,
                  "account_password_file without account; write account = NAME");
        if (upstream->witness.value > 0 && !upstream->account.line)
            wrong(problems, upstream->witness.line,
                  "witness without account; write account = NAME");
    }
}

static bool same_address(const struct config_address *a, const struct config_address *b)
{
    return a->line && b->line && a->host.at && b->host.at && a->is_unix == b->is_unix &&
           a->port == b->port && text_equal(a->host, b->host);
}

/* After a takeover the older process listens at the path with its process ID behind it: 8 bytes. */
static void check_control(const struct config_address *control, struct config_problems *problems)
{
    enum { MOST = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1, ID = 8 };

    if (control->host.at && control->host.length + ID > MOST)
        config_problem_add(problems, control->line, control->host.length <= MOST,
                           "control = %s: the path has %zu bytes, and with more than %d `silogate "
                           "ctl` cannot reach the sessions of a silogate that was taken over from; "
                           "write a shorter one",
                           control->written.at, control->host.length, MOST - ID);
}

static void check_listen(const struct config *config, struct config_problems *problems)
{
    const struct config_addresses *listen = &config->proxy.listen;

    if (config->proxy.control.host.at && !config->proxy.control.is_unix)
        wrong(problems, config->proxy.control.line,
              "control = %s: everybody who can reach it could change things; write unix:/path",
              config->proxy.control.written.at);
    check_control(&config->proxy.control, problems);
    if (same_address(&config->proxy.control, &config->proxy.admin))
        wrong(problems, config->proxy.control.line,
              "control = %s is admin's (%s); write another path", config->proxy.control.written.at,
              config_line(&config->files, config->proxy.admin.line));
    for (size_t i = 0; i < listen->count; i++) {
        if (same_address(&listen->items[i], &config->proxy.control))
            wrong(problems, config->proxy.control.line,
                  "control = %s is where clients connect (%s); write another path",
                  config->proxy.control.written.at,
                  config_line(&config->files, listen->items[i].line));
        for (size_t j = 0; j < i; j++) {
            if (same_address(&listen->items[i], &listen->items[j]))
                wrong(problems, listen->items[i].line, "listen = %s is on %s already; take one out",
                      listen->items[i].written.at,
                      config_line(&config->files, listen->items[j].line));
        }
        if (same_address(&listen->items[i], &config->proxy.admin))
            wrong(problems, config->proxy.admin.line,
                  "admin = %s is where clients connect (%s); write another port",
                  config->proxy.admin.written.at,
                  config_line(&config->files, listen->items[i].line));
    }
}

/* If one file is named twice, it would get each record twice. */
static void check_outputs(const struct config *config, struct config_problems *problems)
{
    const struct config_list *outputs = &config->log.violations;

    for (size_t i = 0; i < outputs->count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (text_equal(outputs->items[i].value, outputs->items[j].value)) {
                warn(problems, outputs->items[i].line,
                     "violations = %s is on %s already; take one out", outputs->items[i].value.at,
                     config_line(&config->files, outputs->items[j].line));
                break;
            }
        }
    }
}

void config_check(struct config *config, struct config_problems *problems)
{
    check_upstreams(config, problems);
    check_users(config, problems);
    check_tls(config, problems);
    check_listen(config, problems);
    check_outputs(config, problems);
    for (size_t i = 0; i < config->service_count; i++)
        check_service(config, &config->services[i], problems);
    config_check_moves(config, problems);
    if (config->service_count > SERVICES_MAX) {
        wrong(problems, config->services[SERVICES_MAX].line,
              "more than %d services; join some of them into one", SERVICES_MAX);
        config->service_count = SERVICES_MAX;
    }
}

static void check_file(const struct key *key, const struct config_text *file,
                       struct config_problems *problems)
{
    struct stat status;

    if (!file->line || (key->type == KEY_CERTIFICATE && text_equal(file->value, TEXT("auto"))))
        return;
    if (stat(file->value.at, &status) != 0 || access(file->value.at, R_OK) != 0)
        wrong(problems, file->line,
              "%s = %s cannot be read: %s; name a file that silogate can read", key->name,
              file->value.at, strerror(errno));
    else if (S_ISDIR(status.st_mode))
        wrong(problems, file->line, "%s = %s is a folder; name the file", key->name,
              file->value.at);
}

static void check_output(const struct config_text *output, struct config_problems *problems)
{
    const char *slash = strrchr(output->value.at, '/');
    struct text folder = {".", 1};
    struct arena arena = {0};
    struct stat status;

    if (text_equal(output->value, TEXT("stdout")) || text_equal(output->value, TEXT("syslog")))
        return;
    if (stat(output->value.at, &status) == 0 && S_ISDIR(status.st_mode)) {
        wrong(problems, output->line, "violations = %s is a folder; name the file",
              output->value.at);
        return;
    }
    if (slash)
        folder = (struct text){output->value.at, (size_t)(slash - output->value.at) + 1};
    if (access(arena_text(&arena, folder).at, W_OK | X_OK) != 0)
        warn(problems, output->line,
             "violations = %s: nothing can be written to that folder from here: %s; make it, or "
             "name "
             "another",
             output->value.at, strerror(errno));
    arena_fini(&arena);
}

static void check_state(const struct config_text *folder, struct config_problems *problems)
{
    struct stat status;

    if (!folder->line)
        return;
    if (stat(folder->value.at, &status) != 0 || !S_ISDIR(status.st_mode))
        wrong(problems, folder->line, "state = %s is not a folder; make it, or name another",
              folder->value.at);
}

void config_check_files(const struct config *config, struct config_problems *problems)
{
    check_state(&config->proxy.state, problems);
    for (size_t i = 0; i < config_key_count; i++) {
        const struct key *key = &config_keys[i];
        if (key->type != KEY_FILE && key->type != KEY_CERTIFICATE)
            continue;
        if (!section_has_name(key->section))
            check_file(key, (const void *)((const char *)config + key->field), problems);
        for (size_t j = 0; key->section == SECTION_UPSTREAM && j < config->upstream_count; j++)
            check_file(key, (const void *)((const char *)&config->upstreams[j] + key->field),
                       problems);
    }
    for (size_t i = 0; i < config->log.violations.count; i++)
        check_output(&config->log.violations.items[i], problems);
}
