#include "base/peer.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/text.h"

uint64_t peer_hash(int socket)
{
    struct sockaddr_storage peer = {0};
    socklen_t length = sizeof(peer);
    char bytes[sizeof(struct sockaddr_un)];
    size_t size = 0;

    if (socket < 0 || getpeername(socket, (struct sockaddr *)&peer, &length) != 0)
        return 0;
    if (peer.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)&peer;
        memcpy(bytes, &in->sin_port, 2);
        memcpy(bytes + 2, &in->sin_addr, 4);
        size = 6;
    } else if (peer.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const void *)&peer;
        memcpy(bytes, &in->sin6_port, 2);
        memcpy(bytes + 2, &in->sin6_addr, 16);
        memcpy(bytes + 18, &in->sin6_scope_id, 4);
        size = 22;
    } else if (peer.ss_family == AF_UNIX && length > offsetof(struct sockaddr_un, sun_path)) {
        size = length - offsetof(struct sockaddr_un, sun_path);
        size = size < sizeof(bytes) ? size : sizeof(bytes);
        memcpy(bytes, ((const struct sockaddr_un *)(const void *)&peer)->sun_path, size);
    }
    return size == 0 ? 0 : text_hash((struct text){bytes, size}, peer.ss_family, false) | 1;
}
