/* Counts events by a hash of the address or user, in tables of a fixed size. So no list of
 * addresses can grow; two addresses in one entry share its limit, so that the throttle acts a
 * little sooner. The hash has a random seed in each process, so nobody can choose to share
 * somebody's entry. Called by client_tls.c and auth.c.
 */
#include "proxy/login/throttle.h"
#include "base/clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>

enum { PLACES = 1 << 14, WINDOW = 60, COUNT_MAX = 255, WAIT_MAX = 8 };

static atomic_uint handshakes[PLACES];
static atomic_uint failures[PLACES]; /* first second of the window << 8 | number of failures */
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

/* Seconds since the machine started: the 24 bits that an entry has for them. */
static unsigned now(void)
{
    return (unsigned)(clock_ms() / 1000) & 0xffffff;
}

/* The failures in the present window; 0 if it is over. */
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
