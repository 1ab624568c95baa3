/* One thread for each upstream that has, or has had, an `account`, with one connection to it: it
 * writes and reads the shared tables (a round), and does what other threads ask for: ends a thread,
 * runs an errand, looks for sessions. Private to instances/: meet.c starts the threads and asks
 * them.
 */
#ifndef INSTANCES_CHANNEL_H
#define INSTANCES_CHANNEL_H

#include <pthread.h>

#include "base/error.h"
#include "config/config.h"
#include "instances/round.h"

enum { CHANNEL_ROUND_MS = 250 }; /* between two rounds */

struct channel {
    struct channel *next;
    char name[65]; /* of the upstream */
    pthread_t thread;

    /* Under channels.lock: */
    struct config *config; /* NULL: no account in force, the thread sleeps */
    uint64_t asked, done;  /* numbers of rounds: the last one asked for, the last one finished */
    uint32_t kill;         /* the thread of the server to end; 0: none */
    bool kill_query;       /* end its statement only */
    bool killed;           /* the result, */
    struct error kill_why; /* or the reason for none */
    struct errand *errand; /* to be run; NULL: none */
    struct sought *sought; /* sessions to look for */
    size_t sought_count;
    int socket;            /* of the connection; -1: none */
    bool met, full, ended; /* full: as the round's */
    int64_t lost;          /* when the last round failed; 0: it did not */
    struct error why;
    struct instance instances[INSTANCES_MAX];
    size_t count;

    /* Used by the thread only: */
    struct config *used; /* the connection was opened with it */
    struct round round;
    bool told_lost, told_seek_failed;
};

/* All channels. No server is asked while the lock is held. */
struct channels {
    struct meet_proxy proxy;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* on the monotonic clock */
    struct channel *first;
    bool stopping;
};
extern struct channels channels;

/* The thread, until channels.stopping; `argument` is the struct channel. */
void *channel_run(void *argument);
/* Waits for `changed`, under the lock. False: `until` (monotonic ms) is reached. */
bool channels_wait(int64_t until);
/* The upstream's section; NULL where it is not there or has no account. */
const struct config_upstream *channel_upstream(const struct config *config, const char *name);

#endif
