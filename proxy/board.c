/* One writer and any number of readers, in different processes: the number before the list is odd
 * while the list is being written, and has another even value afterwards. A writer may die at any
 * instant, so each entry has two halves: the list is written to the second halves first, with the
 * even number that it will have, and then to the first ones. While the number is odd, a reader
 * takes the second halves. Builds that know no halves use the first ones only, so boards go from
 * each build to each; one of theirs has no second halves, and is unreadable if a writer died in it.
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

/* The first version's entry ends with `closed`; what others have added stands behind it. Builds
 * without halves have less than twice that. */
enum {
    LAYOUT = 1,
    LEAST = offsetof(struct override, closed) + 1,
    HALVED = 2 * LEAST,
    MOST = 65536
};

/* Before the first entry's second half; the others have room for it too, and so have the first
 * halves at their end. */
struct stamp {
    uint32_t number, count; /* number: as the page's once this list is in the first halves too */
};

struct page {
    uint32_t layout, size; /* size: of one entry, as whoever made the board has it */
    atomic_uint number;
    uint32_t count;
    uint8_t list[];
};

struct board {
    int fd;
    size_t room, entry; /* entries, and the size of one */
    size_t part, other; /* of one half: its size, and where the second begins; other 0: no halves */
    struct page *page;
    unsigned seen; /* the number at the last read or write, even */
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
    *board = (struct board){.fd = fd, .room = room, .entry = entry, .part = entry, .page = page};
    if (entry >= HALVED) {
        board->part = entry / 2 - sizeof(struct stamp);
        board->other = entry / 2 + sizeof(struct stamp);
    }
    return board;
}

struct board *board_new(size_t room)
{
    const size_t entry = 2 * (sizeof(struct override) + sizeof(struct stamp));
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
        board->page->size = (uint32_t)entry;
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
    return board->part < sizeof(struct override) ? board->part : sizeof(struct override);
}

static uint8_t *first_half(const struct board *board, size_t entry)
{
    return board->page->list + entry * board->entry;
}

static void write_halves(struct board *board, size_t half, const struct override *list,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        memset(first_half(board, i) + half, 0, board->part);
        memcpy(first_half(board, i) + half, &list[i], shared_part(board));
    }
}

static struct stamp read_stamp(const struct board *board)
{
    struct stamp stamp;

    memcpy(&stamp, board->page->list + board->other - sizeof(stamp), sizeof(stamp));
    return stamp;
}

static void write_stamp(struct board *board, struct stamp stamp)
{
    atomic_thread_fence(memory_order_seq_cst);
    memcpy(board->page->list + board->other - sizeof(stamp), &stamp, sizeof(stamp));
    atomic_thread_fence(memory_order_seq_cst);
}

static void set_number(struct board *board, unsigned number)
{
    atomic_store(&board->page->number, number);
    atomic_thread_fence(memory_order_seq_cst); /* what is written next is not there before it */
}

/* A writer has died during a write, whose list is whole in the second halves: it is put into the
 * first ones, which are in force while the second ones are written next. */
static void finish(struct board *board, unsigned odd)
{
    const struct stamp stamp = read_stamp(board);

    if (stamp.number != odd + 1 || stamp.count > board->room)
        return;
    board->page->count = stamp.count;
    for (size_t i = 0; i < stamp.count; i++)
        memcpy(first_half(board, i), first_half(board, i) + board->other, board->part);
    set_number(board, odd + 1);
}

void board_write(struct board *board, const struct override *list, size_t count)
{
    const unsigned before = atomic_load(&board->page->number);

    if (board->other && before & 1)
        finish(board, before);
    const unsigned odd = atomic_load(&board->page->number) | 1;
    if (board->other) {
        write_stamp(board, (struct stamp){0});
        write_halves(board, board->other, list, count);
        write_stamp(board, (struct stamp){odd + 1, (uint32_t)count});
    }
    set_number(board, odd);
    board->page->count = (uint32_t)count;
    write_halves(board, 0, list, count);
    set_number(board, odd + 1);
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
    const unsigned number = atomic_load(&board->page->number), even = number + (number & 1);
    struct stamp whole = {even, board->page->count};
    const size_t half = number & 1 ? board->other : 0;

    if (half)
        whole = read_stamp(board);
    if (even == board->seen || (number & 1 && !half) || whole.number != even ||
        whole.count > board->room)
        return false;
    memset(list, 0, whole.count * sizeof(*list));
    for (size_t i = 0; i < whole.count; i++)
        memcpy(&list[i], first_half(board, i) + half, shared_part(board));
    atomic_thread_fence(memory_order_acquire);
    if (atomic_load(&board->page->number) != number)
        return false;
    board->seen = even;
    *count = board_check(list, whole.count);
    return true;
}
