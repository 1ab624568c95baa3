/* Threads that a KILL names and that are no session here: whoever can ask the server looks for them
 * among the sessions of other instances. It belongs to the session that waits and to who looks;
 * whoever lets go last frees it, so that nobody has to wait for a server that hangs.
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
    /* Whose it is: who is logged in there, as the server tells, or the service, as another instance
     * tells; the other is empty. One that does not fit is nobody. */
    char user[SOUGHT_USER], service[65];
};

struct sought {
    atomic_uint references;
    atomic_bool done; /* what was found does not change any more */
    uint32_t ids[SOUGHT_IDS];
    size_t count;
    struct sought_thread found[SOUGHT_FOUND];
    size_t found_count;
    void (*wake)(void *waker); /* from any thread, once it is done */
    void *waker;
    struct sought *next; /* for who looks */
};

/* With two references. */
struct sought *sought_new(const uint32_t *ids, size_t count, void (*wake)(void *), void *waker);
void sought_drop(struct sought *sought); /* NULL is harmless */

/* For who looks: one that was found; and the end, which lets go of it. */
void sought_add(struct sought *sought, const struct sought_thread *found);
void sought_done(struct sought *sought);

#endif
