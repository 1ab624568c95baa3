/* Preloaded into silogate: counts every malloc, calloc and realloc into a file that is mapped, so
 * that a test can read the numbers while silogate runs: of all threads, and of those alone that
 * have accepted a connection. Not counted is a thread that another than those starts once the first
 * connection has come: the probe of the upstreams, every ten seconds, for no command. */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);

static _Atomic unsigned long own[2], *count = own;
static __thread int accepts __attribute__((tls_model("initial-exec")));
static __thread int probes __attribute__((tls_model("initial-exec")));
static _Atomic int serves;

static void add(void)
{
    if (probes)
        return;
    atomic_fetch_add(&count[0], 1);
    if (accepts)
        atomic_fetch_add(&count[1], 1);
}

int accept4(int listener, struct sockaddr *address, socklen_t *length, int flags)
{
    static int (*real)(int, struct sockaddr *, socklen_t *, int);

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "accept4");
    accepts = 1;
    serves = 1;
    return real(listener, address, length, flags);
}

struct start {
    void *(*run)(void *);
    void *with;
};

static void *run_probe(void *given)
{
    struct start start = *(struct start *)given;

    free(given);
    probes = 1;
    return start.run(start.with);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *with)
{
    static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    struct start *start;
    int error;

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    if (accepts || !serves)
        return real(thread, attributes, run, with);
    probes = 1; /* libc allocates for it, too */
    start = malloc(sizeof(*start));
    *start = (struct start){run, with};
    error = real(thread, attributes, run_probe, start);
    probes = 0;
    if (error)
        free(start);
    return error;
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("COUNT_ALLOCATIONS");
    int file = path ? open(path, O_RDWR) : -1;

    if (file >= 0) {
        void *at = mmap(NULL, sizeof(own), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (at != MAP_FAILED)
            count = at;
        close(file);
    }
}

void *malloc(size_t size)
{
    add();
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size)
{
    add();
    return __libc_calloc(number, size);
}

void *realloc(void *memory, size_t size)
{
    add();
    return __libc_realloc(memory, size);
}
