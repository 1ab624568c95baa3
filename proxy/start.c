#include "proxy/start.h"

#include <pthread.h>
#include <signal.h>

static void mask(int how)
{
    sigset_t ends;

    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(how, &ends, NULL);
}

void start_begins(void)
{
    mask(SIG_BLOCK);
}

bool start_is_ended(void)
{
    sigset_t pending;

    return sigpending(&pending) == 0 &&
           (sigismember(&pending, SIGTERM) || sigismember(&pending, SIGINT));
}

void start_is_over(void)
{
    mask(SIG_UNBLOCK);
}
