/* Both ends of the takeover's protocol; drain.c handles the sessions. */
#include "proxy/takeover.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "admin/control.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "proxy/generations.h"
#include "proxy/start.h"

enum {
    SYSTEMD_FIRST = 3,
    SYSTEMD_MOST = 256,
    WAIT_SECONDS = 60,
    HEAD_SECONDS = 10, /* the answering thread may be busy with a call of `silogate ctl` */
    HEAD_MAX = 4096,
    SEND_MS = 1000, /* how long a successor may take to read */
    TURN_MS = 20,
    TURN_TRIES = 1000,
    AGAIN_MS = 200,
    AGAIN_TRIES = 10
};

struct record {
    uint8_t kind, systemd;
    uint8_t ids; /* as in struct inherited_socket; older builds send 0 */
    uint8_t unused;
    uint32_t number;
};

/* systemd hands its sockets to each that it starts, and so does the one that is taken over from. */
static bool is_there(const struct inherited *inherited, int fd)
{
    struct stat wanted, there;

    for (size_t i = 0; i < inherited->count; i++) {
        const struct inherited_socket *socket = &inherited->items[i];
        if (socket->kind == INHERITED_LISTEN && fstat(fd, &wanted) == 0 &&
            fstat(socket->fd, &there) == 0 && wanted.st_dev == there.st_dev &&
            wanted.st_ino == there.st_ino)
            return true;
    }
    return false;
}

static void add(struct inherited *inherited, int fd, const struct record *record)
{
    if (record->kind == INHERITED_LISTEN && is_there(inherited, fd)) {
        close(fd);
        return;
    }
    inherited->items =
        memory_resize(inherited->items, (inherited->count + 1) * sizeof(inherited->items[0]));
    inherited->items[inherited->count++] = (struct inherited_socket){.fd = fd,
                                                                     .kind = record->kind,
                                                                     .systemd = record->systemd,
                                                                     .ids = record->ids,
                                                                     .number = record->number};
}

/* Another descriptor is another's: the loop's, a log, or a client's. */
static bool listens(int fd)
{
    int type = 0, yes = 0;
    socklen_t length = sizeof(int);

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_STREAM &&
           getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &length) == 0 && yes;
}

bool takeover_systemd(struct inherited *inherited, struct error *error)
{
    const char *process = getenv("LISTEN_PID"), *number = getenv("LISTEN_FDS");
    uint64_t pid, count;

    if (!process || !number || !text_number(text_of(process), &pid) || pid != (uint64_t)getpid())
        return true;
    if (!text_number(text_of(number), &count) || count > SYSTEMD_MOST)
        return error_set(error, "LISTEN_FDS=%.20s: a number up to %d is expected", number,
                         SYSTEMD_MOST);
    for (int fd = SYSTEMD_FIRST; fd < SYSTEMD_FIRST + (int)count; fd++) {
        if (!listens(fd))
            return error_set(error,
                             "LISTEN_FDS=%.20s, but descriptor %d is no listening socket; correct "
                             "what starts silogate, or unset LISTEN_FDS",
                             number, fd);
    }
    for (int fd = SYSTEMD_FIRST; fd < SYSTEMD_FIRST + (int)count; fd++) {
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        add(inherited, fd, &(struct record){.kind = INHERITED_LISTEN, .systemd = true});
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return true;
}

int takeover_turn(const char *path)
{
    const struct timespec moment = {.tv_nsec = TURN_MS * 1000000L};
    const char *last = strrchr(path, '/');
    char folder[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 2];

    snprintf(folder, sizeof(folder), "%.*s", last ? (int)(last - path) + 1 : 1, last ? path : ".");
    int lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int tries = 0; lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) != 0; tries++) {
        if (tries == 0)
            log_notice("another silogate is starting here: waiting for it");
        if (start_is_ended())
            break;
        if (tries == TURN_TRIES) {
            log_warning("the folder %s is locked for too long: not waited for any more", folder);
            break;
        }
        nanosleep(&moment, NULL);
    }
    return lock;
}

static void set_wait(int channel, int seconds)
{
    const struct timeval wait = {.tv_sec = seconds};

    fcntl(channel, F_SETFL, fcntl(channel, F_GETFL) & ~O_NONBLOCK);
    setsockopt(channel, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    setsockopt(channel, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
}

static bool is_http(const char *head, size_t length)
{
    static const char http[] = "HTTP/1.";

    return memcmp(head, http, length < sizeof(http) - 1 ? length : sizeof(http) - 1) == 0;
}

static bool has_closed(ssize_t got)
{
    return got == 0 || (got < 0 && errno == ECONNRESET);
}

/* With a time limit these calls end at every signal, whatever SA_RESTART says: a SIGHUP for the
 * process that runs reaches the one that starts, too. */
static ssize_t receive_byte(int channel, char *byte)
{
    ssize_t got;

    do
        got = recv(channel, byte, 1, 0);
    while (got < 0 && errno == EINTR);
    return got;
}

/* Is there something to read, before `end`? A signal may end the start meanwhile. */
static bool comes(int channel, int64_t end)
{
    struct pollfd readable = {.fd = channel, .events = POLLIN};

    while (!start_is_ended() && clock_ms() < end) {
        if (poll(&readable, 1, TURN_MS) == 1)
            return true;
    }
    return false;
}

/* The head of the answer is read byte by byte: the bytes behind it bring file descriptors. Stops
 * if it is not HTTP: another program listens here. */
static bool read_head(int channel, char *head, size_t size, int64_t end, bool *closed)
{
    size_t length = 0;

    *closed = false;
    while (length + 1 < size && comes(channel, end)) {
        const ssize_t got = receive_byte(channel, head + length);
        *closed = has_closed(got);
        if (got != 1)
            return false;
        head[++length] = 0;
        if (!is_http(head, length))
            return false;
        if (length >= 4 && memcmp(head + length - 4, "\r\n\r\n", 4) == 0)
            return true;
    }
    return false;
}

static bool receive(int channel, struct record *record, int *fd, int64_t end, bool *closed)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {record, sizeof(*record)};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};

    *fd = -1;
    *closed = false;
    if (!comes(channel, end))
        return false;
    ssize_t got;
    do
        got = recvmsg(channel, &message, MSG_WAITALL | MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    *closed = has_closed(got);
    const struct cmsghdr *with = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (with && with->cmsg_level == SOL_SOCKET && with->cmsg_type == SCM_RIGHTS)
        memcpy(fd, CMSG_DATA(with), sizeof(*fd));
    /* truncated: this process may not open so many files */
    return got == (ssize_t)sizeof(*record) && !(message.msg_flags & MSG_CTRUNC);
}

static int reach(const char *path, int64_t end)
{
    const struct timespec moment = {.tv_nsec = TURN_MS * 1000000L};
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int channel = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    while (channel >= 0 && connect(channel, (struct sockaddr *)&at, sizeof(at)) != 0) {
        if (errno != EAGAIN || start_is_ended() || clock_ms() >= end) {
            close(channel);
            return -1;
        }
        nanosleep(&moment, NULL); /* those that wait to be accepted are too many */
    }
    return channel;
}

static const char elsewhere[] = "HTTP/1.1 409";

/* The kernel gives the id 0 for processes of other PID namespaces. */
static bool is_elsewhere(int channel)
{
    struct ucred peer = {.pid = 0};
    socklen_t length = sizeof(peer);

    return getsockopt(channel, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.pid == 0;
}

static bool refused(const char *path, const char *head, bool whole, struct error *error)
{
    if (strncmp(head, elsewhere, sizeof(elsewhere) - 1) == 0)
        return error_set(error, "the silogate that runs is process 1 of its container, which ends "
                                "with it, or in another container than this one; end that one "
                                "first, or give this one a `control` of its own");
    if (strncmp(head, "HTTP/1.1 403", 12) == 0)
        return error_set(error,
                         "the silogate that runs belongs to another user, or cannot tell its user "
                         "from others (its log says so); start this one as that user, or end that "
                         "one first");
    if (whole)
        return error_set(error,
                         "the silogate that runs would not be taken over (%.*s); end it first",
                         (int)strcspn(head, "\r"), head);
    if (!is_http(head, strlen(head)))
        return error_set(error,
                         "control = unix:%s: another program, no silogate, listens there; write "
                         "another path",
                         path);
    return error_set(error,
                     "control = unix:%s: whoever listens there gives no answer; end it if it is a "
                     "silogate that hangs, else write another path",
                     path);
}

/* GONE: it has closed the connection; it may have ended, or have another successor at the moment.
 */
enum outcome { FINE, GONE, FAILED };

static enum outcome ask(int channel, const char *path, const char *what,
                        struct inherited *inherited, int64_t end, struct error *error)
{
    char request[256];
    struct record record = {.kind = INHERITED_LISTEN};
    char head[HEAD_MAX] = "";
    if (is_elsewhere(channel)) {
        refused(path, elsewhere, true, error);
        return FAILED;
    }
    const int length = snprintf(request, sizeof(request),
                                "GET /control/%s HTTP/1.1\r\nHost: localhost\r\n"
                                "Connection: Upgrade\r\nUpgrade: silogate-%s\r\n\r\n",
                                what, what);
    set_wait(channel, HEAD_SECONDS);
    bool closed = send(channel, request, (size_t)length, MSG_NOSIGNAL) < 0;
    const bool whole = !closed && read_head(channel, head, sizeof(head), end, &closed);
    int fd;

    if (!whole || strncmp(head, "HTTP/1.1 101", 12) != 0) {
        refused(path, head, whole, error);
        return closed && !head[0] ? GONE : FAILED;
    }
    set_wait(channel, WAIT_SECONDS);
    end = clock_ms() + WAIT_SECONDS * INT64_C(1000);
    while (record.kind != INHERITED_END) {
        if (!receive(channel, &record, &fd, end, &closed)) {
            error_set(error,
                      "the silogate that runs stopped in the middle of a takeover, or more files "
                      "came than this one may open; try again");
            return closed ? GONE : FAILED;
        }
        if (fd >= 0)
            add(inherited, fd, &record);
        inherited->last_id = record.number;
        inherited->defers = record.ids > 0;
    }
    return FINE;
}

/* Closes what came from a process that has gone. */
static void forget(struct inherited *inherited, size_t first)
{
    while (inherited->count > first)
        close(inherited->items[--inherited->count].fd);
}

bool takeover_ask(const char *path, struct inherited *inherited, struct error *error)
{
    const struct timespec moment = {.tv_nsec = AGAIN_MS * 1000000L};
    const size_t first = inherited->count;

    for (int tries = 1;; tries++) {
        const int64_t end = clock_ms() + HEAD_SECONDS * INT64_C(1000);
        const int channel = reach(path, end);
        if (channel < 0) /* it listens there next, and that reports what is wrong, if anything is */
            return true;
        const enum outcome outcome = ask(channel, path, "takeover", inherited, end, error);
        if (outcome == FINE) {
            inherited->channel = channel;
            return true;
        }
        close(channel);
        forget(inherited, first);
        if (outcome == FAILED || tries == AGAIN_TRIES || start_is_ended())
            return false;
        nanosleep(&moment, NULL);
    }
}

bool takeover_adopt(const char *path, struct inherited *inherited, struct error *error)
{
    const int64_t end = clock_ms() + HEAD_SECONDS * INT64_C(1000);
    const int channel = reach(path, end);
    const size_t first = inherited->count;

    if (channel < 0)
        return error_set(error, "nobody listens there");
    const bool fine = ask(channel, path, "adoption", inherited, end, error) == FINE;
    if (!fine)
        forget(inherited, first);
    close(channel);
    return fine;
}

int takeover_take(struct inherited *inherited, enum inherited_kind kind)
{
    for (size_t i = 0; i < inherited->count; i++) {
        int fd = inherited->items[i].fd;
        if (fd < 0 || inherited->items[i].kind != kind)
            continue;
        inherited->items[i].fd = -1;
        return fd;
    }
    return -1;
}

/* Closes sockets on which nobody would answer. */
static void close_unused(struct inherited *inherited)
{
    for (size_t i = 0; i < inherited->count; i++) {
        struct inherited_socket *socket = &inherited->items[i];
        struct sockaddr_un at = {0};
        socklen_t length = sizeof(at) - 1;
        if (socket->fd < 0 || socket->kind == INHERITED_OLDER)
            continue;
        if (!socket->systemd && getsockname(socket->fd, (struct sockaddr *)&at, &length) == 0 &&
            at.sun_family == AF_UNIX && at.sun_path[0])
            unlink(at.sun_path);
        close(socket->fd);
        socket->fd = -1;
    }
}

bool takeover_ready(struct inherited *inherited, struct error *error)
{
    char said = 0;

    if (inherited->channel < 0)
        return true;
    const bool sent = send(inherited->channel, "R", 1, MSG_NOSIGNAL) == 1;
    if (receive_byte(inherited->channel, &said) == 1 && said == 'N')
        return error_set(error, "the silogate that runs has not waited, and goes on; try again");
    inherited->reload = said != 'G' || !inherited->defers;
    if (sent && (said == 'G' || said == 'H'))
        log_notice("taken over from the silogate that ran before, which drains");
    else
        log_warning("the silogate that ran before did not answer after the takeover");
    close(inherited->channel);
    inherited->channel = -1;
    close_unused(inherited);
    generations_bound(inherited);
    return true;
}

void takeover_close(struct inherited *inherited)
{
    if (inherited->channel >= 0)
        close(inherited->channel);
    inherited->channel = -1;
    for (size_t i = 0; i < inherited->count; i++) {
        if (inherited->items[i].fd < 0 || inherited->items[i].kind == INHERITED_OLDER)
            continue;
        close(inherited->items[i].fd);
        inherited->items[i].fd = -1;
    }
}

int takeover_self(void)
{
    return (int)syscall(SYS_pidfd_open, getpid(), 0);
}

bool takeover_send(int channel, const struct inherited_socket *what)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {{0}};
    struct record record = {
        .kind = what->kind, .systemd = what->systemd, .ids = what->ids, .number = what->number};
    struct iovec part = {&record, sizeof(record)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (what->fd >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof(control);
        struct cmsghdr *with = CMSG_FIRSTHDR(&message);
        with->cmsg_level = SOL_SOCKET;
        with->cmsg_type = SCM_RIGHTS;
        with->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(with), &what->fd, sizeof(what->fd));
    }
    /* The socket holds a few hundred descriptors that were not read yet. */
    struct pollfd room = {.fd = channel, .events = POLLOUT};
    ssize_t sent = sendmsg(channel, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EAGAIN && poll(&room, 1, SEND_MS) == 1)
        sent = sendmsg(channel, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent == (ssize_t)sizeof(record);
}

bool takeover_wait(int channel)
{
    char ready = 0;

    set_wait(channel, WAIT_SECONDS);
    if (receive_byte(channel, &ready) == 1 && ready == 'R')
        return true;
    const ssize_t sent = send(channel, "N", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent; /* the other side has probably gone */
    return false;
}

void takeover_gone(int channel, bool reload)
{
    ssize_t sent = send(channel, reload ? "H" : "G", 1, MSG_NOSIGNAL);

    (void)sent; /* if the other side does not get it, it has the sockets anyway */
}
