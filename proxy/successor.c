/* Starts one at a time. When it serves, it says so over the control socket, as any other
 * successor. */
#include "proxy/successor.h"

#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

static void on_ended(struct ev_loop *loop, struct ev_child *ended, int events)
{
    struct successor *successor = ended->data;

    (void)events;
    ev_child_stop(loop, ended);
    successor->starting = false;
    if (successor->serves)
        return;
    log_error("the successor has ended with status %d; this silogate goes on",
              WIFEXITED(ended->rstatus) ? WEXITSTATUS(ended->rstatus) : -WTERMSIG(ended->rstatus));
}

void successor_init(struct successor *successor, const char *path)
{
    const ssize_t length =
        readlink("/proc/self/exe", successor->program, sizeof(successor->program) - 1);

    successor->program[length > 0 ? length : 0] = 0;
    successor->path = path;
    ev_child_init(&successor->ended, on_ended, 0, 0);
    successor->ended.data = successor;
}

void successor_start(struct successor *successor, struct ev_loop *loop)
{
    char *words[] = {successor->program, "run", "-c", (char *)successor->path, NULL};
    posix_spawnattr_t attributes;
    sigset_t none, all;
    pid_t process;

    if (successor->starting) {
        log_warning("a successor is starting already");
        return;
    }
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    const int failed = posix_spawn(&process, successor->program, NULL, &attributes, words, environ);
    posix_spawnattr_destroy(&attributes);
    if (failed != 0) {
        log_error("no successor can be started: %s: %s", successor->program, strerror(failed));
        return;
    }
    log_notice("a successor is started: process %ld, %s", (long)process, successor->program);
    successor->starting = true;
    ev_child_set(&successor->ended, process, 0);
    ev_child_start(loop, &successor->ended);
}
