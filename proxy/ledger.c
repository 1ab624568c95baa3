/* A page has two sides: the one is read while the other is written, and a number says which. */
#include "proxy/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/totals.h"
#include "base/arena.h"

/* A service takes about 4 KiB of a side, and a side only what was written to it: this is the limit
 * of 4,000 services. */
enum { LAYOUT = 1, SIDE = 16 << 20, TRIES = 10 };

struct page {
    atomic_uint process; /* 0: nobody's */
    atomic_bool ended;
    atomic_uint number; /* of times that it was written */
    atomic_uint lengths[2];
    char sides[2][SIDE];
};

struct book {
    uint32_t layout, size; /* another version's is left alone */
    struct page ended;     /* the sum of those that are no more */
    struct page pages[LEDGER_PAGES];
};

struct ledger {
    int fd;
    struct book *book;
    pthread_mutex_t lock; /* of this process's readers and its one that folds */
};

static struct ledger *map(int fd)
{
    struct book *book = mmap(NULL, sizeof(*book), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (book == MAP_FAILED) {
        close(fd);
        return NULL;
    }
    struct ledger *ledger = memory_take_zeroed(sizeof(*ledger));
    *ledger = (struct ledger){.fd = fd, .book = book};
    pthread_mutex_init(&ledger->lock, NULL);
    return ledger;
}

struct ledger *ledger_new(void)
{
    int fd = memfd_create("silogate-counts", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    /* Sealed: nobody can make it shorter under a reader. What was not written takes no memory. */
    if (fd < 0 || ftruncate(fd, sizeof(struct book)) != 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    struct ledger *ledger = map(fd);
    if (ledger) {
        ledger->book->layout = LAYOUT;
        ledger->book->size = sizeof(struct book);
    }
    return ledger;
}

struct ledger *ledger_inherit(int fd)
{
    struct stat status;

    if (fd < 0)
        return NULL;
    if (fstat(fd, &status) != 0 || status.st_size != (off_t)sizeof(struct book) ||
        !(fcntl(fd, F_GET_SEALS) & F_SEAL_SHRINK)) {
        close(fd);
        return NULL;
    }
    struct ledger *ledger = map(fd);
    if (ledger && (ledger->book->layout != LAYOUT || ledger->book->size != sizeof(struct book))) {
        ledger_free(ledger);
        return NULL;
    }
    return ledger;
}

void ledger_free(struct ledger *ledger)
{
    if (!ledger)
        return;
    munmap(ledger->book, sizeof(*ledger->book));
    close(ledger->fd);
    pthread_mutex_destroy(&ledger->lock);
    free(ledger);
}

int ledger_fd(const struct ledger *ledger)
{
    return ledger->fd;
}

static void write_page(struct page *page, const char *text, size_t length)
{
    const unsigned next = atomic_load(&page->number) + 1;

    memcpy(page->sides[next & 1], text, length);
    atomic_store(&page->lengths[next & 1], (unsigned)length);
    atomic_store(&page->number, next);
}

/* malloc's text, or NULL. */
static char *read_page(struct page *page)
{
    for (int tries = 0; tries < TRIES; tries++) {
        const unsigned number = atomic_load(&page->number);
        const size_t length = atomic_load(&page->lengths[number & 1]);
        if (number == 0 || length >= SIDE)
            return NULL;
        char *text = memory_take(length + 1);
        memcpy(text, page->sides[number & 1], length);
        text[length] = 0;
        if (atomic_load(&page->number) - number < 2) /* else it was written meanwhile */
            return text;
        free(text);
    }
    return NULL;
}

static struct page *find_own(struct ledger *ledger)
{
    const unsigned self = (unsigned)getpid();
    struct page *pages = ledger->book->pages;

    for (size_t i = 0; i < LEDGER_PAGES; i++) {
        if (atomic_load(&pages[i].process) == self && !atomic_load(&pages[i].ended))
            return &pages[i];
    }
    for (size_t i = 0; i < LEDGER_PAGES; i++) {
        unsigned nobody = 0;
        if (atomic_compare_exchange_strong(&pages[i].process, &nobody, self))
            return &pages[i];
    }
    return NULL;
}

bool ledger_write(struct ledger *ledger, const char *text, size_t length, bool last)
{
    struct page *page = length < SIDE ? find_own(ledger) : NULL;

    if (!page)
        return false;
    write_page(page, text, length);
    if (last)
        atomic_store(&page->ended, true);
    return true;
}

size_t ledger_read(struct ledger *ledger, char **texts, size_t room)
{
    const unsigned self = (unsigned)getpid();
    struct book *book = ledger->book;
    size_t count = 0;

    pthread_mutex_lock(&ledger->lock);
    for (size_t i = 0; i <= LEDGER_PAGES && count < room; i++) {
        struct page *page = i < LEDGER_PAGES ? &book->pages[i] : &book->ended;
        const unsigned process = atomic_load(&page->process);
        if (page != &book->ended && (process == 0 || process == self))
            continue;
        texts[count] = read_page(page);
        count += texts[count] != NULL;
    }
    pthread_mutex_unlock(&ledger->lock);
    return count;
}

/* It has said so, or was killed. */
static bool has_ended(struct page *page)
{
    const unsigned process = atomic_load(&page->process);

    return process &&
           (atomic_load(&page->ended) || (kill((pid_t)process, 0) != 0 && errno == ESRCH));
}

static char *sum_up(const char *text, char *before, size_t *length)
{
    char *others[] = {NULL, before}, *sum = NULL;
    size_t unused;
    FILE *over = open_memstream(&others[0], &unused), *to = NULL;

    if (over) {
        totals_end(over, text);
        fclose(over);
        to = open_memstream(&sum, length);
    }
    if (to) {
        totals_write(to, text, others, before ? 2 : 1, true);
        fclose(to);
    }
    free(others[0]);
    return sum;
}

/* Gives the memory of both sides back to the system. */
static void empty(const struct ledger *ledger, struct page *page)
{
    const long size = sysconf(_SC_PAGESIZE);
    const off_t start = (char *)page->sides - (char *)ledger->book, end = start + 2 * (off_t)SIDE;
    const off_t first = (start + size - 1) / size * size;

    fallocate(ledger->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, first,
              end / size * size - first);
}

static void fold(const struct ledger *ledger, struct page *page)
{
    struct book *book = ledger->book;
    char *text = read_page(page), *before = read_page(&book->ended);
    size_t length = 0;
    char *sum = text ? sum_up(text, before, &length) : NULL;

    if (sum && length < SIDE)
        write_page(&book->ended, sum, length);
    free(text);
    free(before);
    free(sum);
    atomic_store(&page->number, 0);
    empty(ledger, page);
    atomic_store(&page->ended, false);
    atomic_store(&page->process, 0);
}

void ledger_fold(struct ledger *ledger)
{
    pthread_mutex_lock(&ledger->lock);
    for (size_t i = 0; i < LEDGER_PAGES; i++) {
        if (has_ended(&ledger->book->pages[i]))
            fold(ledger, &ledger->book->pages[i]);
    }
    pthread_mutex_unlock(&ledger->lock);
}
