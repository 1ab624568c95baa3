/* Host names to addresses. Each name that was asked for is kept for the life of the process, with
 * the addresses that were found last: they hold while a name server fails, and an answer counts
 * that comes when nobody waits for it any more. Names are looked up in threads, one for each name,
 * because a name server that gives no answer takes ten seconds and more. All is thread safe.
 */
#ifndef BASE_RESOLVE_H
#define BASE_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* At most so many addresses of one name are kept. */
enum { RESOLVED_MAX = 8 };

struct resolved {
    struct resolved_address {
        struct sockaddr_storage at; /* with the port */
        socklen_t length;
    } addresses[RESOLVED_MAX];
    size_t count; /* 0: none was found yet */
};

struct resolve_name;

/* The name (or IP address, which needs no look-up) with this port. Never NULL, never freed. Does
 * not wait. */
struct resolve_name *resolve_name(const char *host, uint16_t port);
/* Is it an IP address? */
bool resolve_is_address(const struct resolve_name *name);

/* Begins a look-up and returns its number. Does not wait. */
uint64_t resolve_begin(struct resolve_name *name);
/* Waits for this look-up's answer, or a later one's, until `until` (clock_ms) at most. Returns
 * NULL, or why there is none; a static text. */
const char *resolve_wait(struct resolve_name *name, uint64_t number, int64_t until);

/* The addresses that were found last. Does not wait. */
void resolve_found(struct resolve_name *name, struct resolved *to);
/* The same; false: this process has never asked for the name. */
bool resolve_known(const char *host, uint16_t port, struct resolved *to);

#endif
