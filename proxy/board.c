/* One writer and any number of readers, in different processes: the number before the list is odd
 * while the list is being written, and has another even value afterwards.
 */
#include "proxy/board.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"

/* The first version's entry ends with `closed`; what others have added stands behind it. */
enum { LAYOUT = 1, LEAST = offsetof(struct override, closed) + 1, MOST = 65536 };

struct page {
    uint32_t layout, size; /* size: of one entry, as whoever made the board has it */
    atomic_uint number;
    uint32_t count;
    uint8_t list[];
};

struct board {
    int fd;
    size_t room, entry; /* entries, and the size of one */
    struct page *page;
    unsigned seen; /* the number at the last read or write */
};

static size_t size_of(size_t room, size_t entry)
{
    return sizeof(struct page) + room * entry;
}

/* Takes over the descriptor. */
static struct board *map(int fd, size_t room, size_t entry)
{
    struct page *page = mmap(NULL, size_of(room, entry), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (page == MAP_FAILED) {
        close(fd);
        return NULL;
    }
    struct board *board = memory_take_zeroed(sizeof(*board));
    *board = (struct board){.fd = fd, .room = room, .entry = entry, .page = page};
    return board;
}

struct board *board_new(size_t room)
{
    const size_t entry = sizeof(struct override);
    int fd = memfd_create("silogate-overrides", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    /* sealed: nobody can shrink it while somebody reads */
    if (fd < 0 || ftruncate(fd, (off_t)size_of(room, entry)) != 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    struct board *board = map(fd, room, entry);
    if (board) {
        board->page->layout = LAYOUT;
        board->page->size = sizeof(struct override);
    }
    return board;
}

bool board_inherit(int fd, size_t room, struct board **board)
{
    struct page page;
    struct stat status;

    *board = NULL;
    if (fd < 0)
        return true;
    if (fstat(fd, &status) != 0 || pread(fd, &page, sizeof(page), 0) != sizeof(page) ||
        page.layout != LAYOUT || page.size < LEAST || page.size > MOST ||
        status.st_size != (off_t)size_of(room, page.size) ||
        !(fcntl(fd, F_GET_SEALS) & F_SEAL_SHRINK)) {
        close(fd);
        return false;
    }
    *board = map(fd, room, page.size);
    return *board != NULL;
}

void board_free(struct board *board)
{
    if (!board)
        return;
    munmap(board->page, size_of(board->room, board->entry));
    close(board->fd);
    free(board);
}

int board_fd(const struct board *board)
{
    return board->fd;
}

/* What both versions know of an entry. */
static size_t shared_part(const struct board *board)
{
    return board->entry < sizeof(struct override) ? board->entry : sizeof(struct override);
}

void board_write(struct board *board, const struct override *list, size_t count)
{
    struct page *page = board->page;
    const unsigned odd = atomic_load(&page->number) | 1; /* a writer may have died during a write */

    atomic_store(&page->number, odd);
    page->count = (uint32_t)count;
    memset(page->list, 0, count * board->entry);
    for (size_t i = 0; i < count; i++)
        memcpy(page->list + i * board->entry, &list[i], shared_part(board));
    atomic_store(&page->number, odd + 1);
    board->seen = odd + 1;
}

static void end_texts(struct override *override)
{
    override->id[sizeof(override->id) - 1] = 0;
    override->upstream[sizeof(override->upstream) - 1] = 0;
    override->service[sizeof(override->service) - 1] = 0;
    override->on[sizeof(override->on) - 1] = 0;
    override->who[sizeof(override->who) - 1] = 0;
    override->ticket[sizeof(override->ticket) - 1] = 0;
}

size_t board_check(struct override *list, size_t count)
{
    size_t good = 0;

    for (size_t i = 0; i < count; i++) {
        if (list[i].kind >= OVERRIDE_KINDS)
            continue;
        end_texts(&list[i]);
        if (good != i)
            list[good] = list[i];
        good++;
    }
    return good;
}

void board_read_again(struct board *board)
{
    board->seen = 1; /* of a write that has not ended */
}

bool board_read(struct board *board, struct override *list, size_t *count)
{
    const struct page *page = board->page;
    const unsigned number = atomic_load(&page->number);
    const uint32_t written = page->count;

    if (number == board->seen || number & 1 || written > board->room)
        return false;
    memset(list, 0, written * sizeof(*list));
    for (size_t i = 0; i < written; i++)
        memcpy(&list[i], page->list + i * board->entry, shared_part(board));
    atomic_thread_fence(memory_order_acquire);
    if (atomic_load(&page->number) != number)
        return false;
    board->seen = number;
    *count = board_check(list, written);
    return true;
}
