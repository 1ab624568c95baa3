/* The whole file is written at once. A reader that comes during a write may get a path that does
 * not exist; then its reload is refused as for any other file that cannot be read.
 */
#include "proxy/ini_path.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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

bool ini_path_read(int fd, char to[PATH_MAX])
{
    return pread(fd, to, PATH_MAX, 0) == PATH_MAX && to[0] == '/' && memchr(to, 0, PATH_MAX);
}
