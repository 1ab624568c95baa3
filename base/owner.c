#include "base/owner.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { NOBODY = 65534 }; /* the kernel's default of overflowuid */

static unsigned long nobody(void)
{
    FILE *file = fopen("/proc/sys/kernel/overflowuid", "re");
    char line[32], *end = line;
    unsigned long number = NOBODY;

    if (file && fgets(line, sizeof(line), file))
        number = strtoul(line, &end, 10);
    if (file)
        fclose(file);
    return end > line ? number : NOBODY;
}

/* Does our user namespace know all users? Each line has the first one here, the first one outside,
 * and how many. */
static bool knows_all(void)
{
    FILE *file = fopen("/proc/self/uid_map", "re");
    unsigned long long known = 0;
    char line[128], *at;

    while (file && fgets(line, sizeof(line), file)) {
        (void)strtoull(line, &at, 10);
        (void)strtoull(at, &at, 10);
        known += strtoull(at, NULL, 10);
    }
    if (file)
        fclose(file);
    return known >= UINT32_MAX;
}

bool owner_is_own(uid_t user)
{
    return user == geteuid() && (user != nobody() || knows_all());
}
