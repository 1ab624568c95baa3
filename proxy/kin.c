/* One queue and one thread, which runs until this process ends: there are older generations only
 * at its start, and after the last of them has ended nothing is found.
 */
#include "proxy/kin.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "config/sought.h"
#include "proxy/generations.h"
#include "proxy/running.h"
#include "proxy/server.h"

enum { PROCESSES = GENERATIONS + 1, QUEUE_MOST = 256 };

struct question {
    struct question *next;
    struct sought *sought;
    char upstream[65];
};

static struct {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct server *server;
    struct question *first, **last;
    unsigned count;
    bool runs, ends;
} kin = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

struct asked {
    struct server *server;
    uint32_t processes[PROCESSES];
    size_t count;
};

static void find_processes(void *argument)
{
    struct asked *asked = argument;

    asked->count = generations_numbers(&asked->server->inherited, asked->processes, PROCESSES);
}

/* Gives the reference to the next one that searches. */
static void pass_on(struct question *question)
{
    if (question->sought->found_count >= question->sought->count || !meeting ||
        !meeting->seek(question->upstream, question->sought))
        sought_done(question->sought);
    free(question);
}

static void answer(struct question *question)
{
    struct asked asked = {.server = kin.server};

    if (desk_call(&kin.server->desk, find_processes, &asked))
        control_seek(kin.server->control, asked.processes, asked.count, question->upstream,
                     question->sought);
    pass_on(question);
}

static struct question *take_first(void)
{
    struct question *question = kin.first;

    kin.first = question->next;
    if (!kin.first)
        kin.last = &kin.first;
    kin.count--;
    return question;
}

static void *run(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&kin.lock);
    while (!kin.ends) {
        if (!kin.first) {
            pthread_cond_wait(&kin.changed, &kin.lock);
            continue;
        }
        struct question *question = take_first();
        pthread_mutex_unlock(&kin.lock);
        answer(question);
        pthread_mutex_lock(&kin.lock);
    }
    pthread_mutex_unlock(&kin.lock);
    return NULL;
}

void kin_start(struct server *server)
{
    struct asked asked = {.server = server};
    sigset_t all, before;

    find_processes(&asked);
    if (asked.count == 0 || !server->control)
        return;
    kin.server = server;
    kin.last = &kin.first;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_mutex_lock(&kin.lock);
    kin.runs = pthread_create(&kin.thread, NULL, run, NULL) == 0;
    pthread_mutex_unlock(&kin.lock);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

bool kin_seek(const char *upstream, struct sought *sought)
{
    pthread_mutex_lock(&kin.lock);
    const bool taken = kin.runs && !kin.ends && kin.count < QUEUE_MOST;
    if (taken) {
        struct question *question = memory_take_zeroed(sizeof(*question));
        snprintf(question->upstream, sizeof(question->upstream), "%s", upstream);
        question->sought = sought;
        *kin.last = question;
        kin.last = &question->next;
        kin.count++;
        pthread_cond_signal(&kin.changed);
    }
    pthread_mutex_unlock(&kin.lock);
    return taken;
}

void kin_stop(void)
{
    pthread_mutex_lock(&kin.lock);
    const bool runs = kin.runs;
    kin.ends = true;
    pthread_cond_signal(&kin.changed);
    pthread_mutex_unlock(&kin.lock);
    if (!runs)
        return;
    pthread_join(kin.thread, NULL);
    while (kin.first) {
        struct question *question = take_first();
        sought_done(question->sought);
        free(question);
    }
}
