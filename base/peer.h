/* Which server a connection leads to, as far as the network shows it. */
#ifndef BASE_PEER_H
#define BASE_PEER_H

#include <stdint.h>

/* A hash of the address and port, or of the path, of the other end of a connected socket; the same
 * in every process. 0: the socket is not connected, or the other end has no address. */
uint64_t peer_hash(int socket);

#endif
