/* Generations that still drain though the one that has taken over from them is gone, killed or
 * ended: nobody would show or end their sessions, pass reloads on to them or count them. A silogate
 * that starts where nobody answers looks for them, by the sockets that they listen on (OLDER_PATH
 * of admin/control.h), and is from then on the one that has taken over from them.
 */
#ifndef PROXY_ORPHANS_H
#define PROXY_ORPHANS_H

#include "proxy/takeover.h"

/* Adds them to `inherited`, with the board of overrides that they share and, in last_id, a count
 * behind all of theirs; returns how many they are. Takes away the sockets of those that are gone,
 * too. Only processes of the same user are asked. */
size_t orphans_adopt(const char *path, struct inherited *inherited);

#endif
