/* Addresses of clients: as text for the records, and against the networks of the ini. Called by
 * worker.c and greet.c.
 */
#include "proxy/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

bool address_expects_header(const struct config *config, const struct sockaddr_storage *from)
{
    uint8_t address[16] = {[10] = 0xff, [11] = 0xff};

    if (from->ss_family == AF_INET)
        memcpy(address + 12, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
    else if (from->ss_family == AF_INET6)
        memcpy(address, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
    else
        return false;
    for (size_t i = 0; i < config->proxy.proxy_protocol_from_count; i++) {
        const struct config_network *network = &config->proxy.proxy_protocol_from[i];
        unsigned whole = network->bits / 8, rest = network->bits % 8;
        if (memcmp(address, network->address, whole) == 0 &&
            (rest == 0 || (address[whole] ^ network->address[whole]) >> (8 - rest) == 0))
            return true;
    }
    return false;
}

union address address_pack(const struct sockaddr_storage *from)
{
    union address address = {.any.sa_family = AF_UNSPEC};

    if (from->ss_family == AF_INET || from->ss_family == AF_INET6)
        memcpy(&address, from, sizeof(address));
    return address;
}

struct sockaddr_storage address_unpack(const union address *from)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};

    memcpy(&address, from, sizeof(*from));
    return address;
}

void address_text(const struct sockaddr_storage *from, char *to, size_t size)
{
    char host[INET6_ADDRSTRLEN] = "";

    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)from;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
        snprintf(to, size, "%s:%u", host, ntohs(in->sin_port));
    } else if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const void *)from;
        inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof(host));
        bool mapped = IN6_IS_ADDR_V4MAPPED(&in->sin6_addr);
        snprintf(to, size, mapped ? "%s:%u" : "[%s]:%u", mapped ? host + 7 : host,
                 ntohs(in->sin6_port));
    } else {
        snprintf(to, size, "unix");
    }
}
