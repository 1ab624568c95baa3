/* A thread that writes the log, because a standard error that nobody reads blocks whoever writes to
 * it, and workers and the end of the process must not wait for that. Lines that it cannot take any
 * more, or cannot write (a full disk), are counted, and the number is told when there is room
 * again. Whole lines are written at a time: records of violations and the lines of another process
 * may go into the same pipe.
 *
 * The thread is never joined: it may be blocked for ever, and the process ends all the same.
 */
#include "base/log_writer.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

enum { ROOM = 1 << 18, END_SECONDS = 2 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t more, done;
    log_lost_line tell;
    bool begun, writing;
    bool cut;            /* what was written last is a part of a line */
    size_t length;       /* of what waits in `lines` */
    uint64_t lost;       /* lines that were left out and not told yet */
    uint64_t told;       /* lines that a line among `lines` tells as lost */
    size_t told_end;     /* where that line ends */
    char *lines, *spare; /* the thread writes out of the other one */
    char first[ROOM], second[ROOM];
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER,
           .more = PTHREAD_COND_INITIALIZER,
           .done = PTHREAD_COND_INITIALIZER};

/* Returns how much was written. */
static size_t write_all(const char *from, size_t length)
{
    size_t done = 0;

    while (done < length) {
        const size_t piece = text_piece(from + done, length - done);
        ssize_t written = write(STDERR_FILENO, from + done, piece);
        if (written < 0 && errno == EAGAIN) {
            struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
            poll(&room, 1, -1);
        } else if (written < 0 && errno != EINTR) {
            break; /* the loss can be told later on, at the same place */
        }
        done += written > 0 ? (size_t)written : 0;
    }
    return done;
}

/* After a part of a line the next one begins on a line of its own. */
static size_t write_lines(const char *lines, size_t length)
{
    if (queue.cut && write_all("\n", 1) == 0)
        return 0;
    const size_t done = write_all(lines, length);
    queue.cut = done > 0 && lines[done - 1] != '\n';
    return done;
}

static uint64_t count_lines(const char *from, size_t length)
{
    const char *const end = from + length;
    uint64_t count = 0;

    while (from < end && (from = memchr(from, '\n', (size_t)(end - from))) != NULL) {
        from++;
        count++;
    }
    return count;
}

/* With the lock. */
static void add(const char *line, size_t length)
{
    memcpy(queue.lines + queue.length, line, length);
    queue.length += length;
    pthread_cond_signal(&queue.more);
}

/* With the lock: says how many lines were left out, if there is room for that and one more. */
static void tell_lost(void)
{
    char line[LOG_LINE];

    if (queue.lost == 0 || ROOM - queue.length < (size_t)LOG_LINE + LOG_LINE)
        return;
    const size_t length = queue.tell(queue.lost, line);
    add(line, length);
    queue.told = queue.lost;
    queue.told_end = queue.length;
    queue.lost = 0;
}

static void *run(void *nothing)
{
    pthread_mutex_lock(&queue.lock);
    for (;;) {
        while (queue.length == 0) {
            queue.writing = false;
            pthread_cond_broadcast(&queue.done);
            pthread_cond_wait(&queue.more, &queue.lock);
        }
        char *const lines = queue.lines;
        const size_t length = queue.length, told_end = queue.told_end;
        const uint64_t told = queue.told;
        queue.lines = queue.spare;
        queue.spare = lines;
        queue.length = queue.told_end = 0;
        queue.told = 0;
        queue.writing = true;
        pthread_mutex_unlock(&queue.lock);
        const size_t done = write_lines(lines, length);
        pthread_mutex_lock(&queue.lock);
        if (done == length)
            tell_lost();
        else /* told with the next line: the disk may still be full */
            queue.lost +=
                count_lines(lines + done, length - done) + (done < told_end ? told - 1 : 0);
    }
    return nothing;
}

void log_writer_begin(log_lost_line tell)
{
    sigset_t all, before;
    pthread_t thread;

    queue.tell = tell;
    queue.lines = queue.first;
    queue.spare = queue.second;
    sigfillset(&all); /* only the main thread handles signals */
    pthread_sigmask(SIG_BLOCK, &all, &before);
    queue.begun = pthread_create(&thread, NULL, run, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (queue.begun)
        pthread_detach(thread);
}

void log_writer_end(void)
{
    struct timespec until;

    if (!queue.begun)
        return;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += END_SECONDS;
    pthread_mutex_lock(&queue.lock);
    tell_lost();
    while ((queue.length > 0 || queue.writing) &&
           pthread_cond_timedwait(&queue.done, &queue.lock, &until) == 0)
        ;
    pthread_mutex_unlock(&queue.lock);
}

void log_writer_put(const char *line, size_t length)
{
    if (!queue.begun) {
        ssize_t written = write(STDERR_FILENO, line, length);
        (void)written; /* it cannot be reported anywhere else */
        return;
    }
    pthread_mutex_lock(&queue.lock);
    tell_lost();
    if (queue.lost == 0 && ROOM - queue.length >= length)
        add(line, length);
    else
        queue.lost++;
    pthread_mutex_unlock(&queue.lock);
}
