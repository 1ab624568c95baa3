/* Counts events by the hash of whom they belong to, in tables of one fixed size: no list of
 * addresses can grow, and two that share an entry share its limit, which only makes the throttle
 * act a little sooner. The seed is random for each process, so nobody can choose whose entry to
 * share. Called by secure.c and auth.c.
 */
#include "proxy/login/throttle.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

enum { PLACES = 1 << 14, WINDOW = 60, COUNT_MAX = 255, WAIT_MAX = 8 };

static atomic_uint handshakes[PLACES];
static atomic_uint failures[PLACES]; /* the window's first second << 8 | how many */
static uint64_t seed;
static pthread_once_t seeded = PTHREAD_ONCE_INIT;

static void make_seed(void)
{
    if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
        abort();
}

uint64_t throttle_address(struct text client)
{
    size_t length = client.length;

    pthread_once(&seeded, make_seed);
    while (length > 0 && client.at[length - 1] != ':')
        length--;
    return text_hash((struct text){client.at, length ? length : client.length}, seed, false);
}

uint64_t throttle_user(struct text user, struct text client)
{
    uint64_t address = throttle_address(client);

    return text_hash(user, address, false);
}

bool throttle_handshake(uint64_t address, int64_t limit)
{
    atomic_uint *count = &handshakes[address % PLACES];

    if (atomic_fetch_add(count, 1) < (uint64_t)limit || limit == 0)
        return true;
    atomic_fetch_sub(count, 1);
    return false;
}

void throttle_handshaken(uint64_t address)
{
    atomic_fetch_sub(&handshakes[address % PLACES], 1);
}

/* Seconds since the machine started, as the 24 bits that a place has for them. */
static unsigned now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (unsigned)time.tv_sec & 0xffffff;
}

/* How many have failed in a window that is not over. */
static unsigned failed(unsigned place)
{
    return ((now() - (place >> 8)) & 0xffffff) < WINDOW ? place & COUNT_MAX : 0;
}

void throttle_failed(uint64_t user)
{
    atomic_uint *place = &failures[user % PLACES];
    unsigned was = atomic_load(place), is;

    do {
        unsigned count = failed(was);
        unsigned start = count > 0 ? was >> 8 : now();
        is = start << 8 | (count < COUNT_MAX ? count + 1 : COUNT_MAX);
    } while (!atomic_compare_exchange_weak(place, &was, is));
}

void throttle_passed(uint64_t user)
{
    atomic_store(&failures[user % PLACES], 0);
}

unsigned throttle_seconds(uint64_t user, int64_t limit)
{
    unsigned count = failed(atomic_load(&failures[user % PLACES]));
    int64_t over = (int64_t)count - limit;

    if (limit == 0 || over < 0)
        return 0;
    return over >= 3 ? WAIT_MAX : 1u << over;
}
