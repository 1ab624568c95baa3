/* Values with a shape of their own: addresses, networks, dates. Pure functions over a text. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "config/config.h"
#include "config/keys.h"

#define ADDRESS_REMEDY "write host:port, [v6]:port or unix:/path"

static bool is_host_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
}

/* Does `host` consist of digits and dots only, so that it can only be an IPv4 address? */
static bool is_numeric(struct text host)
{
    for (size_t i = 0; i < host.length; i++) {
        if (host.at[i] != '.' && (host.at[i] < '0' || host.at[i] > '9'))
            return false;
    }
    return true;
}

static bool ip_read(int family, struct text value, void *to)
{
    char copy[INET6_ADDRSTRLEN];

    if (value.length == 0 || value.length >= sizeof(copy) || memchr(value.at, 0, value.length))
        return false;
    memcpy(copy, value.at, value.length);
    copy[value.length] = 0;
    return inet_pton(family, copy, to) == 1;
}

static bool host_check(struct text host, bool bracketed, struct error *why)
{
    uint8_t ip[16];

    if (bracketed)
        return ip_read(AF_INET6, host, ip) ||
               error_set(why, "the text in [ ] is not an IPv6 address; " ADDRESS_REMEDY);
    if (host.length == 0)
        return error_set(why, "no host; write 0.0.0.0:port for all addresses of the machine");
    if (host.length == 1 && host.at[0] == '*')
        return error_set(why, "* is not a host; write 0.0.0.0 for all addresses of the machine");
    if (host.length > 253)
        return error_set(why, "the host is longer than 253 bytes; " ADDRESS_REMEDY);
    for (size_t i = 0; i < host.length; i++) {
        if (host.at[i] == ':')
            return error_set(why, "an IPv6 address needs brackets; write [v6]:port");
        if (!is_host_byte(host.at[i]))
            return error_set(why, "no host name or address; " ADDRESS_REMEDY);
    }
    if (is_numeric(host) && !ip_read(AF_INET, host, ip))
        return error_set(why, "no IPv4 address; " ADDRESS_REMEDY);
    return true;
}

static bool unix_read(struct text path, struct arena *arena, struct config_address *address,
                      struct error *why)
{
    if (path.length == 0 || path.at[0] != '/')
        return error_set(why, "the path is not absolute; write unix:/path");
    if (path.length >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
        return error_set(why, "the path is too long for a socket; write one of at most %zu bytes",
                         sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
    address->is_unix = true;
    address->host = arena_text(arena, path);
    return true;
}

bool address_read(struct text value, struct arena *arena, struct config_address *address,
                  struct error *why)
{
    const char *end = value.at + value.length;
    const char *colon = memrchr(value.at, ':', value.length);
    uint64_t port;

    address->written = arena_text(arena, value);
    if (value.length >= 5 && memcmp(value.at, "unix:", 5) == 0)
        return unix_read((struct text){value.at + 5, value.length - 5}, arena, address, why);
    if (value.at[0] == '/')
        return error_set(why, "a path alone; write unix:%.*s", TEXT_ARGS(value));
    if (!colon || (value.at[0] == '[' && end[-1] == ']'))
        return error_set(why, "no port; " ADDRESS_REMEDY);
    if (!text_number((struct text){colon + 1, (size_t)(end - colon - 1)}, &port) || port == 0 ||
        port > UINT16_MAX)
        return error_set(why, "no port from 1 to 65535 behind the last colon; " ADDRESS_REMEDY);

    struct text host = {value.at, (size_t)(colon - value.at)};
    bool bracketed = host.length >= 2 && host.at[0] == '[' && host.at[host.length - 1] == ']';
    if (bracketed)
        host = (struct text){host.at + 1, host.length - 2};
    if (!host_check(host, bracketed, why))
        return false;
    address->port = (uint16_t)port;
    address->host = arena_text(arena, host);
    return true;
}

/* Sets the bits after the mask to zero. */
static void network_cut(struct config_network *network)
{
    for (unsigned bit = network->bits; bit < 128; bit++)
        network->address[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
}

bool network_read(struct text value, struct config_network *network, struct error *why)
{
    const char *slash = memchr(value.at, '/', value.length);
    struct text ip = {value.at, slash ? (size_t)(slash - value.at) : value.length};
    struct text mask = {slash ? slash + 1 : NULL, slash ? value.length - ip.length - 1 : 0};
    uint64_t bits;
    unsigned before = 96, most = 32;

    memset(network->address, 0, 10);
    memset(network->address + 10, 0xff, 2);
    if (!ip_read(AF_INET, ip, network->address + 12)) {
        before = 0;
        most = 128;
        if (!ip_read(AF_INET6, ip, network->address))
            return error_set(why, "no network; write one like 10.0.0.0/8 or fd00::/8");
    }
    if (!slash)
        bits = most;
    else if (!text_number(mask, &bits) || bits > most)
        return error_set(why, "no mask of 0 to %u bits behind the slash; write one like 10.0.0.0/8",
                         most);
    network->bits = (uint8_t)(before + bits);

    struct config_network whole = *network;
    network_cut(network);
    if (memcmp(whole.address, network->address, sizeof(whole.address)) != 0)
        return error_set(why,
                         "the address has bits behind the mask; write the network's own address, "
                         "or more bits");
    return true;
}

/* Days from 1970-01-01 to a date of the Gregorian calendar: years run from March, so that the leap
 * day is the last of its year. */
static int32_t day_number(int32_t year, int32_t month, int32_t day)
{
    int32_t from_march = (month + 9) % 12;
    int32_t y = month <= 2 ? year - 1 : year;

    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * from_march + 2) / 5 + day - 1 - 719468;
}

bool date_read(struct text value, int32_t *day, struct error *why)
{
    static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint64_t year, month, of_month;

    if (value.length != 10 || value.at[4] != '-' || value.at[7] != '-' ||
        !text_number((struct text){value.at, 4}, &year) ||
        !text_number((struct text){value.at + 5, 2}, &month) ||
        !text_number((struct text){value.at + 8, 2}, &of_month))
        return error_set(why, "no date; write one like 2026-12-31");
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (year < 1970 || month < 1 || month > 12 || of_month < 1 ||
        of_month > (uint64_t)lengths[month - 1] + (month == 2 && leap))
        return error_set(why, "there is no such day; write one like 2026-12-31");
    *day = day_number((int32_t)year, (int32_t)month, (int32_t)of_month);
    return true;
}
