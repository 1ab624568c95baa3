/* Preloaded into silogate: names that end in ".test" have the addresses that stand in the file
 * RESOLVE_NAMES now, one a line; none: the name is not known; "hang": no answer before the file has
 * others. */
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int resolver(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static int is_ours(const char *name)
{
    size_t length = name ? strlen(name) : 0;

    return length > 5 && strcmp(name + length - 5, ".test") == 0;
}

/* The number of addresses; -1: hang. */
static int look(const char *service, const struct addrinfo *wanted, struct addrinfo **end)
{
    resolver *real = (resolver *)dlsym(RTLD_NEXT, "getaddrinfo");
    FILE *file = fopen(getenv("RESOLVE_NAMES"), "r");
    char line[100];
    int count = 0;

    while (file && count >= 0 && fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "hang") == 0) {
            count = -1;
        } else if (real(line, service, wanted, end) == 0) {
            end = &(*end)->ai_next;
            count++;
        }
    }
    if (file)
        fclose(file);
    return count;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *wanted,
                struct addrinfo **found)
{
    resolver *real = (resolver *)dlsym(RTLD_NEXT, "getaddrinfo");
    int count;

    if (!is_ours(name) || (wanted && wanted->ai_flags & AI_NUMERICHOST))
        return real(name, service, wanted, found);
    *found = NULL;
    while ((count = look(service, wanted, found)) < 0)
        usleep(50000);
    return count > 0 ? 0 : EAI_NONAME;
}
