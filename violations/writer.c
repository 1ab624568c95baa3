/* The one writer: a thread that moves lines from the workers' queues to the outputs. It blocks all
 * signals, sleeps while there is nothing to do, and under load collects lines for some milliseconds
 * before it writes. It never looks into a line.
 */
#include "violations/writer.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"

enum { DOZE_MILLISECONDS = 10, SLEEP_MILLISECONDS = 1000, LAST_TRIES = 50, LAST_WAIT = 200 };

void writer_wake(struct violations *violations, const struct queue *queue)
{
    int sleep = atomic_load(&violations->sleep);

    if (sleep == WRITER_AWAKE || (sleep == WRITER_DOZES && queue_length(queue) < QUEUE_SIZE / 2) ||
        !atomic_compare_exchange_strong(&violations->sleep, &sleep, WRITER_AWAKE))
        return;
    uint64_t one = 1;
    ssize_t written = write(violations->wake, &one, sizeof(one));
    (void)written; /* fails only if the thread is already awake */
}

uint64_t writer_id(uint64_t *last, unsigned number, int64_t now)
{
    const int64_t year_2020 = 1577836800000;
    int64_t since = now / 1000 - year_2020;
    uint64_t next = since > 0 ? (uint64_t)since << 13 : 0;

    *last = next > *last ? next : *last + 1;
    return (*last >> 13) << 23 | (uint64_t)(number & 1023) << 13 | (*last & 8191);
}

/* A run of bytes from a queue goes to all outputs. */
static void add_run(void *context, struct text run)
{
    struct violations *violations = context;

    for (struct output *output = violations->outputs; output; output = output->next) {
        if (!output->leaving)
            output_add(output, run);
    }
}

static void take_over(struct violations *violations, struct output *output)
{
    for (struct output **at = &violations->outputs; *at; at = &(*at)->next) {
        struct output *old = *at;
        if (strcmp(old->name, output->name) != 0)
            continue;
        *at = old->next;
        output_adopt(output, old);
        return;
    }
}

/* Replaces the outputs by those of a reload; the backlog of an old output stays until it is
 * written. */
static void change_outputs(struct violations *violations)
{
    pthread_mutex_lock(&violations->lock);
    struct output *offered = violations->offered;
    bool has_offered = violations->has_offered;
    violations->offered = NULL;
    violations->has_offered = false;
    pthread_mutex_unlock(&violations->lock);
    if (!has_offered)
        return;
    struct output **end = &offered;
    for (; *end; end = &(*end)->next)
        take_over(violations, *end);
    for (struct output *old = violations->outputs; old; old = old->next)
        old->leaving = true;
    *end = violations->outputs;
    violations->outputs = offered;
}

static void close_left(struct violations *violations)
{
    for (struct output **at = &violations->outputs; *at;) {
        struct output *output = *at;
        if (!output->leaving || output_backlog(output) > 0) {
            at = &output->next;
            continue;
        }
        *at = output->next;
        violations->gone_written += output->written;
        violations->gone_failures += output->failures;
        violations->gone_shortened += output->shortened;
        output_close(output);
    }
}

static void flush(struct violations *violations, int64_t now)
{
    uint64_t written = violations->gone_written, failures = violations->gone_failures, backlog = 0;
    uint64_t shortened = violations->gone_shortened;
    bool failing = false;

    violations->paused = false;
    for (struct output *output = violations->outputs; output; output = output->next) {
        output_flush(output, now);
        written += output->written;
        failures += output->failures;
        shortened += output->shortened;
        backlog += output_backlog(output);
        failing |= output->failing;
        violations->paused |= !output->leaving && output_backlog(output) >= OUTPUT_BACKLOG_MOST;
    }
    atomic_store(&violations->written, written);
    atomic_store(&violations->failures, failures);
    atomic_store(&violations->shortened, shortened);
    atomic_store(&violations->backlog, backlog);
    atomic_store(&violations->failing, failing);
    close_left(violations);
}

/* One round over all queues; false if they were empty. */
static bool carry(struct violations *violations)
{
    bool some = false;

    for (unsigned i = 0; i < violations->worker_count && !violations->paused; i++) {
        if (!queue_take(violations->workers[i].queue, add_run, violations))
            continue;
        some = true;
        flush(violations, clock_ms());
    }
    if (!violations->paused && queue_take(&violations->events, add_run, violations)) {
        some = true;
        flush(violations, clock_ms());
    }
    for (unsigned i = 0; i < violations->worker_count; i++) {
        if (queue_became_ready(violations->workers[i].queue) && violations->room)
            violations->room(violations->context, i);
    }
    return some;
}

static bool something_waits(const struct violations *violations)
{
    if (violations->paused)
        return false;
    for (unsigned i = 0; i < violations->worker_count; i++) {
        if (queue_length(violations->workers[i].queue) > 0)
            return true;
    }
    return queue_length(&violations->events) > 0;
}

static void wait_for_work(struct violations *violations, bool doze)
{
    struct pollfd wake = {.fd = violations->wake, .events = POLLIN};
    uint64_t drained;

    atomic_store(&violations->sleep, doze ? WRITER_DOZES : WRITER_SLEEPS);
    if (doze || (!something_waits(violations) && !atomic_load(&violations->stopping)))
        poll(&wake, 1, doze ? DOZE_MILLISECONDS : SLEEP_MILLISECONDS);
    atomic_store(&violations->sleep, WRITER_AWAKE);
    ssize_t got = read(violations->wake, &drained, sizeof(drained));
    (void)got;
}

static void give_up(struct output *output)
{
    log_error("the violation log %s could not be written to the end; its last records follow here",
              output->name);
    log_end();
    while (output_backlog(output) > 0) {
        struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
        const char *from = output->backlog + output->start;
        ssize_t written = -1;
        if (poll(&room, 1, LAST_WAIT) == 1)
            written = write(STDERR_FILENO, from, text_piece(from, output_backlog(output)));
        if (written <= 0) {
            log_error("%zu bytes of records are lost: standard error is not read either",
                      output_backlog(output));
            return;
        }
        output->start += (size_t)written;
    }
}

/* However much waits to be written. */
static void carry_all(struct violations *violations)
{
    do
        violations->paused = false;
    while (carry(violations));
}

/* The last round: everything is written, if necessary to standard error. */
static void finish(struct violations *violations)
{
    carry_all(violations);
    events_tick(violations, true); /* now there is room for all of them */
    carry_all(violations);
    for (int tries = 0; tries < LAST_TRIES; tries++) {
        flush(violations, INT64_MAX);
        if (atomic_load(&violations->backlog) == 0)
            break;
        poll(NULL, 0, LAST_WAIT);
    }
    for (struct output *output = violations->outputs; output; output = output->next) {
        if (output_backlog(output) > 0)
            give_up(output);
        if (output->kind == OUTPUT_FILE && fsync(output->file) != 0 && errno != EINVAL)
            log_error("the violation log %s could not be synced: %s", output->name,
                      strerror(errno));
    }
}

static void *run(void *argument)
{
    struct violations *violations = argument;

    while (!atomic_load(&violations->stopping)) {
        change_outputs(violations);
        if (atomic_exchange(&violations->reopen, false)) {
            for (struct output *output = violations->outputs; output; output = output->next)
                output->reopen = output->reopen || output->kind != OUTPUT_STDOUT;
        }
        events_tick(violations, false);
        bool some = carry(violations);
        flush(violations, clock_ms());
        wait_for_work(violations, some);
    }
    change_outputs(violations);
    finish(violations);
    return NULL;
}

static void close_all(struct output *outputs)
{
    while (outputs) {
        struct output *next = outputs->next;
        output_close(outputs);
        outputs = next;
    }
}

static bool open_all(const struct violations_settings *settings, struct output **outputs,
                     struct error *error)
{
    struct output **end = outputs;

    *outputs = NULL;
    for (size_t i = 0; i < settings->output_count; i++) {
        *end = output_open(settings->outputs[i], error);
        if (!*end) {
            error->line = settings->lines ? settings->lines[i] : 0;
            close_all(*outputs);
            return false;
        }
        end = &(*end)->next;
    }
    return true;
}

static bool start_thread(struct violations *violations, struct error *error)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&violations->thread, NULL, run, violations);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed == 0 || error_set(error, "the violation writer's thread: %s", strerror(failed));
}

static void free_violations(struct violations *violations)
{
    for (unsigned i = 0; i < violations->worker_count; i++)
        worker_fini(&violations->workers[i]);
    close_all(violations->outputs);
    close_all(violations->offered);
    queue_fini(&violations->events);
    pthread_mutex_destroy(&violations->lock);
    if (violations->wake >= 0)
        close(violations->wake);
    free(violations);
}

struct violations *violations_start(const struct violations_settings *settings, unsigned workers,
                                    void (*room)(void *context, unsigned worker), void *context,
                                    struct error *error)
{
    struct output *outputs;

    if (!open_all(settings, &outputs, error))
        return NULL;
    struct violations *violations =
        memory_take_zeroed(sizeof(*violations) + workers * sizeof(violations->workers[0]));
    violations->outputs = outputs;
    violations->room = room;
    violations->context = context;
    violations->worker_count = workers;
    pthread_mutex_init(&violations->lock, NULL);
    queue_init(&violations->events, false);
    atomic_store(&violations->statement, settings->statement);
    atomic_store(&violations->repeat, settings->repeat * 1000);
    for (unsigned i = 0; i < workers; i++)
        worker_init(&violations->workers[i], violations, i);
    violations->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (violations->wake < 0)
        error_set(error, "the violation writer's eventfd: %s", strerror(errno));
    if (violations->wake < 0 || !start_thread(violations, error)) {
        free_violations(violations);
        return NULL;
    }
    return violations;
}

struct violations_worker *violations_worker(struct violations *violations, unsigned worker)
{
    assert(worker < violations->worker_count);
    return &violations->workers[worker];
}

bool violations_change(struct violations *violations, const struct violations_settings *settings,
                       struct error *error)
{
    struct output *outputs;

    if (!open_all(settings, &outputs, error))
        return false;
    pthread_mutex_lock(&violations->lock);
    struct output *before = violations->offered;
    violations->offered = outputs;
    violations->has_offered = true;
    pthread_mutex_unlock(&violations->lock);
    close_all(before);
    atomic_store(&violations->statement, settings->statement);
    atomic_store(&violations->repeat, settings->repeat * 1000);
    writer_wake(violations, &violations->events);
    return true;
}

void violations_reopen(struct violations *violations)
{
    atomic_store(&violations->reopen, true);
    writer_wake(violations, &violations->events);
}

void violations_stop(struct violations *violations)
{
    for (unsigned i = 0; i < violations->worker_count; i++)
        worker_close_all(&violations->workers[i]);
    atomic_store(&violations->stopping, true);
    uint64_t one = 1;
    ssize_t written = write(violations->wake, &one, sizeof(one));
    (void)written;
    pthread_join(violations->thread, NULL);
    free_violations(violations);
}

void violations_counters(struct violations *violations, struct violations_counters *counters)
{
    memset(counters, 0, sizeof(*counters));
    counters->queued_bytes = queue_length(&violations->events);
    for (unsigned i = 0; i < violations->worker_count; i++) {
        counters->added += atomic_load(&violations->workers[i].added);
        counters->lost += atomic_load(&violations->workers[i].lost);
        counters->queued_bytes += queue_length(violations->workers[i].queue);
    }
    counters->written = atomic_load(&violations->written);
    counters->backlog_bytes = atomic_load(&violations->backlog);
    counters->failures = atomic_load(&violations->failures);
    counters->shortened = atomic_load(&violations->shortened);
    counters->failing = atomic_load(&violations->failing);
}
