/* mmap() of a list of overrides (proxy/board.c) fails, as where there is no memory. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void *mmap(void *at, size_t size, int may, int flags, int fd, off_t offset)
{
    char link[64], name[256] = "";
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    if (fd >= 0 && readlink(link, name, sizeof(name) - 1) > 0 &&
        strstr(name, "silogate-overrides")) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return ((void *(*)(void *, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, "mmap"))(
        at, size, may, flags, fd, offset);
}
