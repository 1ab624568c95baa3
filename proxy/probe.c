/* Probes the upstreams: see proxy/probe.h. Uses blocking sockets with time limits, in threads of
 * its own: several for each round, and a round begins while upstreams of an earlier one hang. The
 * main thread says which upstreams a round probes; each is probed by one thread at a time, or by a
 * second one if its addresses have changed meanwhile: then nobody hears what the first one finds.
 */
#include "proxy/probe.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"
#include "protocol/handshake.h"
#include "proxy/knock.h"
#include "proxy/show.h"
#include "proxy/start.h"

enum {
    SIDE_BY_SIDE = 16, /* threads of a round */
    FIRST_MS = 2000,   /* a start waits so long for those that give no answer */
    BESIDE_MS = 10000, /* and so long while another silogate serves */
    END_MS = 200,      /* an end for probes that are about to have one */
    TURN_MS = 10,
    IS_ERROR = 0xff /* the first byte of an error packet */
};

/* A round; freed by the last thread of it. */
struct round {
    struct runtime *runtime;
    struct violations *violations;
    atomic_size_t next; /* of `claims`: which no thread has looked at yet */
    atomic_uint threads;
    size_t count;
    struct claim {
        size_t upstream;
        uint32_t number; /* health.probing */
        bool account;    /* it logs in */
        bool resolves;   /* its names are looked up before */
        bool due;        /* it is probed */
    } claims[];
};

static atomic_uint active; /* threads of all rounds */

/* Held while upstreams are claimed, and while a result is told. Once `ended`, the violation log is
 * closed. */
static pthread_mutex_t telling = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool ended;

static probe_account *log_in; /* NULL: no account can be used */

void probe_with(probe_account *account)
{
    log_in = account;
}

/* Is its result awaited still? Under the lock. */
static bool counts(const struct round *round, const struct claim *claim)
{
    return !atomic_load(&ended) &&
           round->runtime->upstream_usages[claim->upstream]->health.probing == claim->number;
}

static void tell(const struct round *round, const struct claim *claim, const char *asked,
                 enum found found, const struct error *error)
{
    struct usage *usage = round->runtime->upstream_usages[claim->upstream];

    pthread_mutex_lock(&telling);
    if (counts(round, claim) && found == FOUND_FULL)
        health_full(usage, round->violations, asked);
    else if (counts(round, claim))
        health_seen(usage, round->violations, asked, found == FOUND_UP,
                    found == FOUND_UP ? "" : error->text);
    pthread_mutex_unlock(&telling);
}

static enum found probe_refused(const struct round *round, const struct claim *claim)
{
    const struct runtime *runtime = round->runtime;
    const size_t upstream = claim->upstream;
    size_t addresses = router_address_count(runtime->router, upstream);
    /* the address that answered, or the last one */
    const char *asked = runtime->config->upstreams[upstream].addresses.items[0].written.at;
    struct error error = {.text = "no address"};
    enum found found = FOUND_NOTHING;

    for (size_t a = 0; a < addresses && found == FOUND_NOTHING; a++) {
        struct router_address address;
        if (router_address(runtime->router, upstream, a, &address))
            asked = address.written;
        found = knock_refused(runtime, upstream, a, &error);
    }
    tell(round, claim, asked, found, &error);
    return found;
}

/* --- with an account --- */

static bool is_known(const struct runtime *runtime, size_t upstream)
{
    struct router_server known;

    router_server(runtime->router, upstream, &known);
    return known.known;
}

/* Errors that refuse the host and not the account: blocked, not allowed, shutting down. */
static bool refuses_all(unsigned code)
{
    return code == 1129 || code == 1130 || code == 1053;
}

static void probe_as_account(const struct round *round, const struct claim *claim)
{
    const struct runtime *runtime = round->runtime;
    const size_t upstream = claim->upstream;
    const struct config_upstream *config = &runtime->config->upstreams[upstream];
    struct health *health = &runtime->upstream_usages[upstream]->health;
    struct probe_login login = {.code = 0};
    struct error error = {.line = 0};
    struct greeting greeting;

    bool good = log_in(config, runtime->config->proxy.connect_timeout.value, &login, &error);
    if (login.length > PACKET_HEADER && login.greeting[PACKET_HEADER] != IS_ERROR &&
        !knock_learn(runtime, upstream,
                     (struct text){(const char *)login.greeting + PACKET_HEADER,
                                   login.length - PACKET_HEADER},
                     strncmp(login.address, "unix:", 5) == 0, &greeting))
        login.answered = false; /* with something that is no greeting */
    bool unasked = !good && !login.answered && login.code == 0; /* the account has no password */
    bool unseen = (good || login.answered) && !is_known(runtime, upstream);
    if (unasked || unseen) { /* the greeting contains what the library does not report */
        if (probe_refused(round, claim) == FOUND_NOTHING || good)
            return;
    } else {
        enum found found =
            good || (login.answered && !refuses_all(login.code)) ? FOUND_UP : FOUND_NOTHING;
        if (login.code == TOO_MANY_CONNECTIONS)
            found = FOUND_FULL;
        tell(round, claim, login.address, found, &error);
        if (found != FOUND_UP)
            return;
    }
    pthread_mutex_lock(&telling);
    if (counts(round, claim)) {
        health_account(runtime->upstream_usages[upstream], good ? NULL : error.text);
        /* because each refusal is a line in the server's error log */
        health->account_next = good ? 0 : clock_ms() + INT64_C(1000) * PROBE_QUIET;
    }
    pthread_mutex_unlock(&telling);
}

/* Can the account be tried, and is it worth it? */
static bool has_account(const struct runtime *runtime, size_t upstream)
{
    const struct config_upstream *config = &runtime->config->upstreams[upstream];
    const struct health *health = &runtime->upstream_usages[upstream]->health;

    return log_in && config->account.line && config->proxy_protocol.value == CONFIG_PROXY_OFF &&
           clock_ms() >= health->account_next;
}

/* --- which probes are due --- */

/* The number of the last configuration that was read from the file; overrides change nothing about
 * upstreams. */
static uint32_t generation(const struct runtime *runtime)
{
    return runtime->base ? runtime->base->generation : runtime->generation;
}

static bool is_new(const struct runtime *runtime, size_t upstream)
{
    return runtime->upstream_usages[upstream]->health.generation != generation(runtime);
}

/* An upstream in doubt is probed at once; without an account at most once in PROBE_SECONDS. */
static bool is_doubted(const struct runtime *runtime, size_t upstream)
{
    const struct usage *usage = runtime->upstream_usages[upstream];
    const bool quiet = runtime->config->upstreams[upstream].account.line &&
                       atomic_load(&usage->health.account) == HEALTH_ACCOUNT_GOOD;

    return atomic_load(&usage->health.doubted) && health_is(usage, HEALTH_UP) &&
           (quiet || clock_ms() - usage->health.doubt_ended >= INT64_C(1000) * PROBE_SECONDS);
}

static bool is_due(const struct runtime *runtime, size_t upstream, bool all, bool account)
{
    const struct usage *usage = runtime->upstream_usages[upstream];

    if (is_new(runtime, upstream) || is_doubted(runtime, upstream))
        return true;
    return all && (account || !health_is(usage, HEALTH_UP) || !is_known(runtime, upstream) ||
                   clock_ms() - atomic_load(&usage->health.seen) >= INT64_C(1000) * PROBE_QUIET);
}

/* `all`: all upstreams, not only the urgent ones. */
static bool claim(const struct runtime *runtime, size_t upstream, bool all, struct claim *to)
{
    static uint32_t last;
    struct health *health = &runtime->upstream_usages[upstream]->health;
    const bool new = is_new(runtime, upstream);

    if (health->probing && !new)
        return false;
    if (new)
        health->account_next = 0;
    *to = (struct claim){.upstream = upstream,
                         .account = has_account(runtime, upstream),
                         .resolves = (all || new) && router_has_names(runtime->router, upstream)};
    to->due = is_due(runtime, upstream, all, to->account);
    if (!to->due && !to->resolves)
        return false;
    if (to->due && atomic_exchange(&health->doubted, false))
        health->doubt_ended = clock_ms();
    health->generation = generation(runtime);
    last += last == UINT32_MAX ? 2 : 1;
    health->probing = to->number = last;
    return true;
}

static void give_back(const struct round *round, const struct claim *claim)
{
    struct health *health = &round->runtime->upstream_usages[claim->upstream]->health;

    pthread_mutex_lock(&telling);
    if (health->probing == claim->number)
        health->probing = 0;
    pthread_mutex_unlock(&telling);
}

/* --- the threads --- */

static void look_at(const struct round *round, const struct claim *claim)
{
    if (claim->resolves)
        router_resolve(round->runtime->router, claim->upstream);
    if (claim->due && claim->account)
        probe_as_account(round, claim);
    else if (claim->due)
        probe_refused(round, claim);
    give_back(round, claim);
}

/* The last thread gives back what nobody has looked at: at the end, or because there was no thread.
 */
static void leave(struct round *round)
{
    size_t i;

    if (atomic_fetch_sub(&round->threads, 1) > 1)
        return;
    while ((i = atomic_fetch_add(&round->next, 1)) < round->count)
        give_back(round, &round->claims[i]);
    runtime_drop(round->runtime);
    free(round);
}

static void *look(void *argument)
{
    struct round *round = argument;
    size_t i;

    while (!atomic_load(&ended) && (i = atomic_fetch_add(&round->next, 1)) < round->count)
        look_at(round, &round->claims[i]);
    leave(round);
    atomic_fetch_sub(&active, 1);
    return NULL;
}

static void start_threads(struct round *round)
{
    const size_t most = round->count < SIDE_BY_SIDE ? round->count : SIDE_BY_SIDE;
    sigset_t every, before;
    pthread_t thread;

    atomic_store(&round->threads, 1);
    sigfillset(&every); /* signals are the main thread's */
    pthread_sigmask(SIG_BLOCK, &every, &before);
    for (size_t i = 0; i < most; i++) {
        atomic_fetch_add(&round->threads, 1);
        atomic_fetch_add(&active, 1);
        if (pthread_create(&thread, NULL, look, round) == 0) {
            pthread_detach(thread);
            continue;
        }
        atomic_fetch_sub(&active, 1);
        atomic_fetch_sub(&round->threads, 1);
        break;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    leave(round);
}

static void begin(struct runtime *runtime, struct violations *violations, bool all)
{
    const size_t upstreams = router_upstream_count(runtime->router);
    struct round *round = NULL;
    struct claim first;

    pthread_mutex_lock(&telling);
    for (size_t i = 0; i < upstreams; i++) {
        if (!claim(runtime, i, all, round ? &round->claims[round->count] : &first))
            continue;
        if (!round) { /* most rounds have nothing to do */
            round = memory_take_zeroed(sizeof(*round) + upstreams * sizeof(round->claims[0]));
            round->claims[0] = first;
        }
        round->count++;
    }
    pthread_mutex_unlock(&telling);
    if (!round)
        return;
    round->runtime = runtime_take(runtime);
    round->violations = violations;
    start_threads(round);
}

static void pause_a_moment(void)
{
    const struct timespec moment = {.tv_nsec = TURN_MS * 1000000L};

    nanosleep(&moment, NULL);
}

static void wait_for_results(const struct runtime *runtime, bool one)
{
    const int64_t enough = clock_ms() + (one ? BESIDE_MS : FIRST_MS);

    while (atomic_load(&active) > 0 && !start_is_ended() &&
           (clock_ms() < enough || (one && !show_upstream_up(runtime))))
        pause_a_moment();
}

void probe_first(struct runtime *runtime, struct violations *violations, bool one)
{
    wait_for_results(runtime, one);
    if (atomic_load(&active) > 0 || show_upstream_up(runtime))
        return;
    begin(runtime, violations, true);
    wait_for_results(runtime, one);
}

void probe_tick(struct runtime *runtime, struct violations *violations)
{
    static unsigned ticks;
    const bool all = ++ticks >= PROBE_SECONDS;

    if (all)
        ticks = 0;
    begin(runtime, violations, all);
}

bool probe_end(void)
{
    const int64_t late = clock_ms() + END_MS;

    pthread_mutex_lock(&telling);
    atomic_store(&ended, true);
    pthread_mutex_unlock(&telling);
    while (atomic_load(&active) > 0 && clock_ms() < late)
        pause_a_moment();
    return atomic_load(&active) == 0;
}
