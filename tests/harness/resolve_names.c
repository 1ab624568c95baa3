/* Preloaded into silogate: names that end in ".test" have the addresses that stand in the file
 * RESOLVE_NAMES now, one a line; none: the name is not known. */
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int resolver(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static int is_ours(const char *name)
{
    size_t length = name ? strlen(name) : 0;

    return length > 5 && strcmp(name + length - 5, ".test") == 0;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *wanted,
                struct addrinfo **found)
{
    resolver *real = (resolver *)dlsym(RTLD_NEXT, "getaddrinfo");
    struct addrinfo **end = found;
    char line[100];

    if (!is_ours(name))
        return real(name, service, wanted, found);
    FILE *file = fopen(getenv("RESOLVE_NAMES"), "r");
    *found = NULL;
    while (file && fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = '\0';
        if (real(line, service, wanted, end) == 0)
            end = &(*end)->ai_next;
    }
    if (file)
        fclose(file);
    return *found ? 0 : EAI_NONAME;
}
