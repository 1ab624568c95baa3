/* What a process without free file descriptors does with waiting clients. Otherwise they would
 * hang, and the event loop would spin, because a listener is readable as long as a client waits.
 */
#include "proxy/fd_limit.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "protocol/packet.h"

enum { SPARED = 64, SPARED_PART = 64, FEW = 16, FEW_PART = 8, TELL_EVERY = 60 };

void fd_limit_raise(const struct config *config)
{
    int64_t wanted = config->proxy.max_connections.value * 2 + SPARED;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < (uint64_t)wanted)
        log_warning("max_connections = %lld may need %lld open files, and %llu may be open (ulimit "
                    "-Hn): clients beyond that get error 1040",
                    (long long)config->proxy.max_connections.value, (long long)wanted,
                    (unsigned long long)limit.rlim_max);
}

/* The kernel gives the lowest free number: one near the limit means that nearly all are in use. */
bool fd_limit_spares(int fd)
{
    struct rlimit limit;

    if (fd < 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return false;
    const rlim_t part = limit.rlim_cur / SPARED_PART, few = limit.rlim_cur / FEW_PART;
    const rlim_t least = few < FEW ? few : FEW, most = part < SPARED ? part : SPARED;
    return (rlim_t)fd >= limit.rlim_cur - (most > least ? most : least);
}

void fd_limit_init(struct worker *worker)
{
    worker->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void fd_limit_fini(struct worker *worker)
{
    if (worker->spare >= 0)
        close(worker->spare);
}

static void tell(struct worker *worker)
{
    if (worker->refused_last && worker->second < worker->refused_last + TELL_EVERY)
        return;
    worker->refused_last = worker->second ? worker->second : 1;
    log_error("no more files may be open: clients are refused with error 1040; raise ulimit -n, or "
              "lower max_connections");
}

void fd_limit_turn_away(struct worker *worker, int accepted)
{
    uint8_t packet[64];
    size_t length =
        packet_error(packet, sizeof(packet), 0, 1040, "08004", TEXT("Too many connections"));

    tell(worker);
    ssize_t unused = send(accepted, packet, length, MSG_NOSIGNAL);
    (void)unused; /* the client may have gone */
    close(accepted);
}

bool fd_limit_refuse(struct worker *worker, int listening)
{
    tell(worker);
    fd_limit_fini(worker);
    int accepted = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted >= 0)
        fd_limit_turn_away(worker, accepted);
    fd_limit_init(worker);
    return accepted >= 0 && worker->spare >= 0;
}
