/* Do rows of one host count for sessions of an account of another? A session has an address and,
 * where the server looks it up, a name: a host in the tables of rights is compared with both. */
#include <stdlib.h>
#include <string.h>

#include "move/rights.h"

static bool has(struct text text, char c)
{
    return text.length > 0 && memchr(text.at, c, text.length) != NULL;
}

static bool is_any(struct text host)
{
    return host.length == 0 || text_equal(host, TEXT("%"));
}

/* An address, or a pattern of addresses. */
static bool is_address(struct text host)
{
    const bool six = has(host, ':');

    for (size_t i = 0; i < host.length; i++) {
        const char c = text_lower(host.at[i]);
        const bool hex = six && c >= 'a' && c <= 'f';
        if (!hex && c != ':' && c != '.' && c != '%' && c != '_' && !(c >= '0' && c <= '9'))
            return false;
    }
    return true;
}

/* 10.0.0.0/8, 10.0.0.0/255.0.0.0, or an address alone. */
struct net {
    uint32_t address, mask;
};

static bool read_address(const char *from, uint32_t *address)
{
    *address = 0;
    for (int i = 0; i < 4; i++) {
        char *end;
        const unsigned long byte = strtoul(from, &end, 10);
        if (*from < '0' || *from > '9' || byte > 255 || *end != (i < 3 ? '.' : '\0'))
            return false;
        *address = *address << 8 | (uint32_t)byte;
        from = end + 1;
    }
    return true;
}

static bool read_net(struct text host, struct net *net)
{
    char text[64];
    char *slash;
    char *end;

    if (host.length >= sizeof(text))
        return false;
    memcpy(text, host.at, host.length);
    text[host.length] = '\0';
    slash = strchr(text, '/');
    net->mask = UINT32_MAX;
    if (!slash)
        return read_address(text, &net->address);
    *slash++ = '\0';
    if (!read_address(text, &net->address))
        return false;
    if (strchr(slash, '.'))
        return read_address(slash, &net->mask);
    const unsigned long bits = strtoul(slash, &end, 10);
    if (*end || end == slash || bits > 32)
        return false;
    net->mask = bits ? UINT32_MAX << (32 - bits) : 0;
    return true;
}

/* One of them has a mask. */
static enum hosts compare_nets(struct text row, struct text account)
{
    struct net a, b;

    if (text_equal_fold(row, TEXT("localhost")))
        row = TEXT("127.0.0.1");
    if (text_equal_fold(account, TEXT("localhost")))
        account = TEXT("127.0.0.1");
    if (!read_net(row, &a) || !read_net(account, &b))
        return HOSTS_CROSS;
    return ((a.address ^ b.address) & a.mask & b.mask) == 0 ? HOSTS_CROSS : HOSTS_APART;
}

/* Does the pattern match all that the other one does? Not if one byte stands for many. */
static bool holds(struct text pattern, struct text other)
{
    return pattern_matches(pattern, other, true) && !(has(pattern, '_') && has(other, '%'));
}

static bool is_of_this_machine(struct text addresses)
{
    return patterns_meet(addresses, TEXT("127.0.0.1")) || patterns_meet(addresses, TEXT("::1"));
}

enum hosts hosts_compare(struct text row, struct text account)
{
    const struct text local = TEXT("localhost");

    if (is_any(row) || text_equal_fold(row, account))
        return HOSTS_COVERS;
    if (is_any(account))
        return HOSTS_WITHIN;
    if (has(row, '/') || has(account, '/'))
        return compare_nets(row, account);
    if (holds(row, account))
        return HOSTS_COVERS;
    if (holds(account, row))
        return HOSTS_WITHIN;
    const bool address = is_address(row);
    if (address == is_address(account))
        return patterns_meet(row, account) ? HOSTS_CROSS : HOSTS_APART;
    const struct text name = address ? account : row;
    if (!text_equal_fold(name, local))
        return HOSTS_CROSS;
    return is_of_this_machine(address ? row : account) ? HOSTS_CROSS : HOSTS_APART;
}
