/* Checks of header values, and the reader of the token file. http.c calls them for every request.
 */
#include "admin/guard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* "[::1]:6480", "127.0.0.1:6480" and "name" without the port. */
static struct text without_port(struct text host)
{
    if (host.length > 0 && host.at[0] == '[') {
        const char *end = memchr(host.at, ']', host.length);
        return end ? (struct text){host.at + 1, (size_t)(end - host.at) - 1} : (struct text){0};
    }
    const char *colon = host.length > 0 ? memchr(host.at, ':', host.length) : NULL;
    return colon ? (struct text){host.at, (size_t)(colon - host.at)} : host;
}

static bool is_address(struct text host)
{
    char copy[INET6_ADDRSTRLEN];
    uint8_t bytes[16];

    if (host.length == 0 || host.length >= sizeof(copy) || memchr(host.at, 0, host.length))
        return false;
    memcpy(copy, host.at, host.length);
    copy[host.length] = 0;
    return inet_pton(AF_INET, copy, bytes) == 1 || inet_pton(AF_INET6, copy, bytes) == 1;
}

bool guard_host(struct text host, struct text configured)
{
    char machine[256] = "";
    struct text name = without_port(host);

    gethostname(machine, sizeof(machine) - 1);
    return is_address(name) || text_equal_fold(name, TEXT("localhost")) ||
           (configured.length > 0 && text_equal_fold(name, configured)) ||
           (machine[0] && text_equal_fold(name, text_of(machine)));
}

bool guard_origin(struct text origin, struct text host)
{
    static const char *const schemes[] = {"http://", "https://"};

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t length = strlen(schemes[i]);
        if (origin.length > length && memcmp(origin.at, schemes[i], length) == 0)
            return text_equal_fold((struct text){origin.at + length, origin.length - length}, host);
    }
    return false;
}

bool guard_read_token(const char *path, char token[GUARD_TOKEN_SIZE], struct error *error)
{
    FILE *file = fopen(path, "re");
    char line[GUARD_TOKEN_SIZE] = "";

    if (!file)
        return error_set(error, "%s", strerror(errno));
    bool read = fgets(line, sizeof(line), file) != NULL;
    fclose(file);
    struct text trimmed = text_trim(text_of(line));
    if (!read || trimmed.length == 0)
        return error_set(error, "no token in its first line");
    if (trimmed.length == sizeof(line) - 1)
        return error_set(error, "the token is too long");
    memcpy(token, trimmed.at, trimmed.length);
    token[trimmed.length] = 0;
    return true;
}

bool guard_same(struct text given, const char *token)
{
    size_t length = strlen(token);
    unsigned char differs = given.length != length;

    for (size_t i = 0; i < length; i++)
        differs |= (unsigned char)(token[i] ^ (given.length ? given.at[i % given.length] : 1));
    return !differs;
}
