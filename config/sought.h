/* Threads that a KILL names and that are not sessions of this instance. Another thread looks for
 * them among the sessions of other instances (instances/seek.h). Both the waiting session and that
 * thread hold a reference; the last one to drop its reference frees it, so that neither has to
 * wait for the other if a server hangs.
 */
#ifndef CONFIG_SOUGHT_H
#define CONFIG_SOUGHT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SOUGHT_IDS = 4, SOUGHT_FOUND = 8, SOUGHT_USER = 130 };

struct sought_thread {
    uint32_t id;     /* as it was asked for: silogate's, or the server's own */
    uint32_t thread; /* the server's */
    /* The owner: the user who is logged in there, if the server has told it, or the service, if
     * another instance has told it; the other one is empty. A name that does not fit counts as
     * unknown. */
    char user[SOUGHT_USER], service[65];
};

struct sought {
    atomic_uint references;
    atomic_bool done; /* the result does not change any more */
    uint32_t ids[SOUGHT_IDS];
    size_t count;
    struct sought_thread found[SOUGHT_FOUND];
    size_t found_count;
    void (*wake)(void *waker); /* from any thread, once it is done */
    void *waker;
    struct sought *next; /* of the list of the thread that looks */
};

/* With two references. */
struct sought *sought_new(const uint32_t *ids, size_t count, void (*wake)(void *), void *waker);
void sought_drop(struct sought *sought); /* NULL is harmless */

/* For the thread that looks: adds a thread that was found; ends the search and drops its
 * reference. */
void sought_add(struct sought *sought, const struct sought_thread *found);
void sought_done(struct sought *sought);

#endif
