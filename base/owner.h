/* Whose process is at the other end of a socket. */
#ifndef BASE_OWNER_H
#define BASE_OWNER_H

#include <stdbool.h>
#include <sys/types.h>

/* Is this user, as the kernel names a peer's (SO_PEERCRED), certainly the user of this process?
 * In a user namespace the kernel gives the number of "nobody" for each user that the namespace does
 * not know, so a process with that number there has no user that can be told from others. */
bool owner_is_own(uid_t user);

#endif
