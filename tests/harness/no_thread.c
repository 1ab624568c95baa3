/* No thread can be made while the file $NO_THREAD is there. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *with)
{
    const char *off = getenv("NO_THREAD");
    if (off && access(off, F_OK) == 0)
        return EAGAIN;
    return ((int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))dlsym(
        RTLD_NEXT, "pthread_create"))(thread, attributes, run, with);
}
