/* The whole file is written at once. A reader that comes during a write may get a path that does
 * not exist; then its reload is refused as for any other file that cannot be read.
 */
#include "proxy/ini_path.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What stands behind the path: a slot for whoever serves, then one for each generation. */
struct slot {
    uint64_t read;
    uint32_t process, reloads;
};

static void put(int fd, unsigned at, struct slot slot)
{
    const off_t where = PATH_MAX + (off_t)(at * sizeof(slot));
    const ssize_t written = pwrite(fd, &slot, sizeof(slot), where);

    (void)written; /* it then counts as one that has not followed */
}

static struct slot get(int fd, unsigned at)
{
    const off_t where = PATH_MAX + (off_t)(at * sizeof(struct slot));
    struct slot slot;

    if (pread(fd, &slot, sizeof(slot), where) != (ssize_t)sizeof(slot))
        return (struct slot){.read = 0};
    return slot;
}

void ini_path_note(int fd, unsigned generation, uint32_t process, struct ini_path_read read)
{
    put(fd, generation + 1,
        (struct slot){.read = read.hash, .process = process, .reloads = read.reloads});
}

bool ini_path_has_noted(int fd, unsigned generation, uint32_t process, struct ini_path_read read)
{
    const struct slot slot = get(fd, generation + 1);

    return slot.process == process && slot.read == read.hash && slot.reloads == read.reloads;
}

void ini_path_lead(int fd, struct ini_path_read read)
{
    put(fd, 0, (struct slot){.read = read.hash, .reloads = read.reloads});
}

struct ini_path_read ini_path_leads(int fd)
{
    const struct slot slot = get(fd, 0);

    return (struct ini_path_read){slot.read, slot.reloads};
}

int ini_path_new(void)
{
    return memfd_create("silogate-path", MFD_CLOEXEC);
}

bool ini_path_write(int fd, const char *path)
{
    char all[PATH_MAX] = {0}, folder[PATH_MAX] = "";

    if (path[0] != '/' && !getcwd(folder, sizeof(folder)))
        return false;
    const int length = snprintf(all, sizeof(all), "%s%s%s", folder, folder[0] ? "/" : "", path);
    return length > 0 && (size_t)length < sizeof(all) &&
           pwrite(fd, all, sizeof(all), 0) == (ssize_t)sizeof(all);
}

bool ini_path_get(int fd, char to[PATH_MAX])
{
    return pread(fd, to, PATH_MAX, 0) == PATH_MAX && to[0] == '/' && memchr(to, 0, PATH_MAX);
}
