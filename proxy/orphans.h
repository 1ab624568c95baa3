/* Processes that still drain after the process that took over from them was killed or has ended:
 * nobody would show or end their sessions, pass reloads on to them or count them. A silogate that
 * finds nobody at its control socket looks for them, by the sockets that they listen on (OLDER_PATH
 * of admin/control.h), and is their successor from then on.
 */
#ifndef PROXY_ORPHANS_H
#define PROXY_ORPHANS_H

#include "proxy/takeover.h"

/* Adds them to `inherited`, with the board of overrides that they share. Returns their number. Also
 * removes the sockets of processes that have ended. Only processes of the same user are asked. */
size_t orphans_adopt(const char *path, struct inherited *inherited);

#endif
