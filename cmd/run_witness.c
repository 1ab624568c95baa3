/* When each witness takes samples, with which connection, and where its findings are stored: the
 * violation log and the upstream's numbers. A connection stays open between samples. */
#include "cmd/run_witness.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/log.h"
#include "catalogue/witness.h"
#include "proxy/runtime.h"
#include "violations/violations.h"

enum { TIMEOUT_MS = 2000, RETRY_MS = 5000 };

/* The witness of one upstream; found by its usage, which outlives reloads. */
struct watched {
    struct usage *usage;
    struct witness *witness;
    struct connection *connection;
    int64_t next;
    bool failed;
    struct watched *following;
};
static struct watched *all_watched;

struct telling {
    struct runtime *runtime;
    struct violations *violations;
    size_t upstream;
};

static struct watched *watched_of(struct usage *usage)
{
    struct watched *watched = all_watched;

    while (watched && watched->usage != usage)
        watched = watched->following;
    if (!watched) {
        watched = memory_take_zeroed(sizeof(*watched));
        *watched =
            (struct watched){.usage = usage, .witness = witness_new(), .following = all_watched};
        all_watched = watched;
    }
    return watched;
}

static void tell(void *user, const struct witness_held *held)
{
    const struct telling *telling = user;
    const struct config *config = telling->runtime->config;
    struct text upstream = config->upstreams[telling->upstream].name;
    struct text service = config->services[held->service].name;
    struct text owner = held->owner >= 0 ? config->services[held->owner].name : TEXT("");

    atomic_fetch_add(&telling->runtime->upstream_usages[telling->upstream]->unexplained, 1);
    violations_event_unexplained(telling->violations, &(struct violations_unexplained){
                                                          .session = held->session,
                                                          .service = service,
                                                          .user = held->user,
                                                          .client = held->client,
                                                          .upstream = upstream,
                                                          .owner = owner,
                                                          .schema = held->schema,
                                                          .table = held->table,
                                                          .lock = held->lock,
                                                          .digests = held->digests,
                                                          .digest_count = held->digest_count,
                                                      });
    log_warning("a session of service '%.*s' holds a table at [upstream:%.*s] that nothing "
                "explains: event unexplained of the violation log",
                TEXT_ARGS(service), TEXT_ARGS(upstream));
}

static bool sample(struct watched *watched, struct telling *telling, struct error *error)
{
    const struct config *config = telling->runtime->config;
    const struct connection_options options = {.upstream = &config->upstreams[telling->upstream],
                                               .program = "silogate run",
                                               .connect_timeout = TIMEOUT_MS,
                                               .statement_timeout = TIMEOUT_MS};
    uint64_t held = 0;

    if (!watched->connection)
        watched->connection = connection_open(&options, error);
    bool good = watched->connection &&
                witness_look(watched->witness, config, telling->runtime->policy, telling->upstream,
                             watched->connection, tell, telling, &held, error);
    if (good) {
        atomic_store(&watched->usage->unexplained_now, held);
    } else if (watched->connection) {
        connection_close(watched->connection);
        watched->connection = NULL;
    }
    return good;
}

int64_t run_witness_look(struct runtime *runtime, struct violations *violations, int64_t now)
{
    int64_t wait = -1;

    for (size_t i = 0; i < runtime->config->upstream_count; i++) {
        const struct config_upstream *upstream = &runtime->config->upstreams[i];
        struct error error = {.line = 0};
        if (upstream->witness.value <= 0 || !upstream->account.line)
            continue;
        struct watched *watched = watched_of(runtime->upstream_usages[i]);
        if (now >= watched->next) {
            bool good = sample(watched, &(struct telling){runtime, violations, i}, &error);
            if (!good && !watched->failed)
                log_warning("what sessions hold cannot be sampled at [upstream:%s]: %s",
                            upstream->name.at, error.text);
            else if (good && watched->failed)
                log_notice("what sessions hold is sampled again at [upstream:%s]",
                           upstream->name.at);
            watched->failed = !good;
            watched->next =
                now +
                (good || upstream->witness.value > RETRY_MS ? upstream->witness.value : RETRY_MS);
        }
        if (wait < 0 || watched->next - now < wait)
            wait = watched->next - now;
    }
    return wait;
}

void run_witness_close(void)
{
    for (struct watched *watched = all_watched; watched; watched = watched->following) {
        if (watched->connection)
            connection_close(watched->connection);
        watched->connection = NULL;
        watched->next = 0;
        atomic_store(&watched->usage->unexplained_now, 0);
    }
}

void run_witness_free(void)
{
    run_witness_close();
    while (all_watched) {
        struct watched *next = all_watched->following;
        witness_free(all_watched->witness);
        free(all_watched);
        all_watched = next;
    }
}
