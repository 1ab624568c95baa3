/* The PROXY protocol's header, read and written. The bytes come from load balancers that proxy.ini
 * names, but they are not trusted: all lengths and fields are checked. Called by proxy/ before the
 * greeting of a client, and before that of an upstream.
 */
#include "protocol/proxy_header.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

enum {
    V1_MAX = 107, /* with CR and LF */
    V2_SIGNATURE = 12,
    V2_START = 16, /* signature, version and command, family, length */
    V2_LOCAL = 0x20,
    V2_PROXY = 0x21,
    V2_TCP4 = 0x11,
    V2_TCP6 = 0x21,
    V2_TCP4_LENGTH = 12,
    V2_TCP6_LENGTH = 36,
};

static const char v1_start[] = "PROXY ";
static const char v2_signature[V2_SIGNATURE + 1] = "\r\n\r\n\0\r\nQUIT\n";

static void set_v4(struct sockaddr_storage *to, struct in_addr address, in_port_t port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr = address, .sin_port = port};

    memcpy(to, &v4, sizeof v4);
}

static void set_v6(struct sockaddr_storage *to, struct in6_addr address, in_port_t port)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = address, .sin6_port = port};

    memcpy(to, &v6, sizeof v6);
}

/* The next word of a version 1 line, NUL-terminated in `word`; false if it is empty, too long or
 * holds a NUL. Exactly one space separates two words. */
static bool next_word(struct text *line, char *word, size_t size)
{
    const char *space = line->length > 0 ? memchr(line->at, ' ', line->length) : NULL;
    size_t length = space ? (size_t)(space - line->at) : line->length;
    size_t taken = space ? length + 1 : length;

    if (length == 0 || length >= size || (space && taken == line->length))
        return false;
    memcpy(word, line->at, length);
    word[length] = '\0';
    line->at += taken;
    line->length -= taken;
    return strlen(word) == length;
}

static bool read_port(struct text *line, in_port_t *port)
{
    char word[6];
    uint64_t number;

    if (!next_word(line, word, sizeof word) || !text_number(text_of(word), &number) ||
        number > UINT16_MAX || (word[0] == '0' && word[1] != '\0'))
        return false;
    *port = htons((uint16_t)number);
    return true;
}

static bool read_v1_addresses(struct text line, int family, struct proxy_header *header)
{
    char source[INET6_ADDRSTRLEN], destination[INET6_ADDRSTRLEN];
    struct in6_addr from = {0}, to = {0}; /* large enough for both families */
    in_port_t from_port, to_port;

    if (!next_word(&line, source, sizeof source) ||
        !next_word(&line, destination, sizeof destination) || !read_port(&line, &from_port) ||
        !read_port(&line, &to_port) || line.length > 0 || inet_pton(family, source, &from) != 1 ||
        inet_pton(family, destination, &to) != 1)
        return false;
    if (family == AF_INET6) {
        set_v6(&header->source, from, from_port);
        set_v6(&header->destination, to, to_port);
    } else {
        struct in_addr v4[2];
        memcpy(&v4[0], &from, sizeof v4[0]);
        memcpy(&v4[1], &to, sizeof v4[1]);
        set_v4(&header->source, v4[0], from_port);
        set_v4(&header->destination, v4[1], to_port);
    }
    return true;
}

static enum parse read_v1(const uint8_t *bytes, size_t size, struct proxy_header *header)
{
    size_t seen = size < V1_MAX ? size : V1_MAX;
    const uint8_t *cr = memchr(bytes, '\r', seen);
    size_t length = cr ? (size_t)(cr - bytes) : 0;
    char protocol[8];

    if (!cr || length + 1 == seen)
        return seen == V1_MAX ? PARSE_BAD : PARSE_MORE;
    if (bytes[length + 1] != '\n')
        return PARSE_BAD;
    struct text line = {(const char *)bytes + sizeof v1_start - 1, length - (sizeof v1_start - 1)};
    header->size = length + 2;
    if (!next_word(&line, protocol, sizeof protocol))
        return PARSE_BAD;
    if (strcmp(protocol, "UNKNOWN") == 0)
        return PARSE_DONE;
    bool is_v6 = strcmp(protocol, "TCP6") == 0;
    if (!is_v6 && strcmp(protocol, "TCP4") != 0)
        return PARSE_BAD;
    return read_v1_addresses(line, is_v6 ? AF_INET6 : AF_INET, header) ? PARSE_DONE : PARSE_BAD;
}

static void read_v2_addresses(struct reader *reader, int family, struct proxy_header *header)
{
    struct in6_addr v6[2];
    struct in_addr v4[2];
    in_port_t ports[2];
    bool is_v6 = family == AF_INET6;
    struct text addresses = read_bytes(reader, is_v6 ? sizeof v6 : sizeof v4);
    struct text both = read_bytes(reader, sizeof ports);

    if (reader->bad)
        return;
    memcpy(is_v6 ? (void *)v6 : (void *)v4, addresses.at, addresses.length);
    memcpy(ports, both.at, both.length);
    if (is_v6) {
        set_v6(&header->source, v6[0], ports[0]);
        set_v6(&header->destination, v6[1], ports[1]);
    } else {
        set_v4(&header->source, v4[0], ports[0]);
        set_v4(&header->destination, v4[1], ports[1]);
    }
}

static enum parse read_v2(const uint8_t *bytes, size_t size, struct proxy_header *header)
{
    if (size > V2_SIGNATURE && bytes[12] != V2_LOCAL && bytes[12] != V2_PROXY)
        return PARSE_BAD;
    if (size < V2_START)
        return PARSE_MORE;
    size_t length = (size_t)bytes[14] << 8 | bytes[15];
    if (V2_START + length > PROXY_HEADER_MAX)
        return PARSE_BAD;
    if (size < V2_START + length)
        return PARSE_MORE;
    struct reader reader = {.at = bytes + V2_START, .end = bytes + V2_START + length};
    header->size = V2_START + length;
    if (bytes[12] == V2_PROXY && bytes[13] == V2_TCP4)
        read_v2_addresses(&reader, AF_INET, header);
    else if (bytes[12] == V2_PROXY && bytes[13] == V2_TCP6)
        read_v2_addresses(&reader, AF_INET6, header);
    return reader.bad ? PARSE_BAD : PARSE_DONE;
}

static bool starts_like(const uint8_t *bytes, size_t size, const char *start, size_t length)
{
    return memcmp(bytes, start, size < length ? size : length) == 0;
}

enum parse proxy_header_read(const uint8_t *bytes, size_t size, struct proxy_header *header)
{
    enum parse parse = PARSE_BAD;

    *header = (struct proxy_header){0};
    if (size == 0)
        return PARSE_MORE;
    if (starts_like(bytes, size, v1_start, sizeof v1_start - 1))
        parse = size < sizeof v1_start ? PARSE_MORE : read_v1(bytes, size, header);
    else if (starts_like(bytes, size, v2_signature, V2_SIGNATURE))
        parse = read_v2(bytes, size, header);
    if (parse != PARSE_DONE)
        *header = (struct proxy_header){0};
    return parse;
}

/* Both addresses in one family: IPv4 if both are IPv4 (or IPv4-mapped IPv6), else IPv6. */
struct ends {
    int family; /* AF_UNSPEC: an address is missing, or is neither */
    struct in6_addr addresses[2];
    in_port_t ports[2];
};

static bool end_read(const struct sockaddr *from, struct in6_addr *address, in_port_t *port)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (from && from->sa_family == AF_INET6) {
        memcpy(&v6, from, sizeof v6);
        *address = v6.sin6_addr;
        *port = v6.sin6_port;
        return true;
    }
    if (!from || from->sa_family != AF_INET)
        return false;
    memcpy(&v4, from, sizeof v4);
    memset(address->s6_addr, 0, 10);
    memset(address->s6_addr + 10, 0xff, 2);
    memcpy(address->s6_addr + 12, &v4.sin_addr, 4);
    *port = v4.sin_port;
    return true;
}

static struct ends ends_of(const struct sockaddr *source, const struct sockaddr *destination)
{
    struct ends ends = {.family = AF_UNSPEC};

    if (!end_read(source, &ends.addresses[0], &ends.ports[0]) ||
        !end_read(destination, &ends.addresses[1], &ends.ports[1]))
        return ends;
    ends.family =
        IN6_IS_ADDR_V4MAPPED(&ends.addresses[0]) && IN6_IS_ADDR_V4MAPPED(&ends.addresses[1])
            ? AF_INET
            : AF_INET6;
    return ends;
}

/* The start of the address in its 16 bytes: an IPv4 address has the last 4. */
static const uint8_t *end_bytes(const struct ends *ends, int i)
{
    return ends->addresses[i].s6_addr + (ends->family == AF_INET ? 12 : 0);
}

size_t proxy_header_write_v1(const struct sockaddr *source, const struct sockaddr *destination,
                             uint8_t *to, size_t size)
{
    struct ends ends = ends_of(source, destination);
    char from[INET6_ADDRSTRLEN], at[INET6_ADDRSTRLEN], line[PROXY_HEADER_WRITTEN];
    int length = 0;

    if (ends.family == AF_UNSPEC) {
        length = snprintf(line, sizeof line, "PROXY UNKNOWN\r\n");
    } else {
        inet_ntop(ends.family, end_bytes(&ends, 0), from, sizeof from);
        inet_ntop(ends.family, end_bytes(&ends, 1), at, sizeof at);
        length = snprintf(line, sizeof line, "PROXY TCP%c %s %s %u %u\r\n",
                          ends.family == AF_INET ? '4' : '6', from, at, ntohs(ends.ports[0]),
                          ntohs(ends.ports[1]));
    }
    if ((size_t)length > size)
        return 0;
    memcpy(to, line, (size_t)length);
    return (size_t)length;
}

size_t proxy_header_write_v2(const struct sockaddr *source, const struct sockaddr *destination,
                             uint8_t *to, size_t size)
{
    struct ends ends = ends_of(source, destination);
    bool is_v4 = ends.family == AF_INET, is_known = ends.family != AF_UNSPEC;
    size_t length = !is_known ? 0 : is_v4 ? V2_TCP4_LENGTH : V2_TCP6_LENGTH;
    struct writer writer = writer_of(to, size);

    write_bytes(&writer, (struct text){v2_signature, V2_SIGNATURE});
    write_integer(&writer, is_known ? V2_PROXY : V2_LOCAL, 1);
    write_integer(&writer, !is_known ? 0 : is_v4 ? V2_TCP4 : V2_TCP6, 1);
    write_integer(&writer, 0, 1);
    write_integer(&writer, length, 1);
    for (int i = 0; is_known && i < 2; i++)
        write_bytes(&writer, (struct text){(const char *)end_bytes(&ends, i), is_v4 ? 4 : 16});
    if (is_known)
        write_bytes(&writer, (struct text){(const char *)ends.ports, sizeof ends.ports});
    return writer.full ? 0 : V2_START + length;
}
