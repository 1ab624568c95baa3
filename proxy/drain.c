/* The end of a silogate. By SIGTERM:
 *
 *   at once            /readyz says 503
 *   shutdown_delay     clients are still accepted: load balancers have time to notice
 *   then               the listeners close; sessions at a boundary end with error 1053, spread over
 *                      half of drain_timeout, the others at their boundary
 *   drain_timeout      the rest ends; a second SIGTERM ends all at once, also where the drain has
 *                      begun by a successor
 *
 * By a successor (takeover.h) the same, without the delay: its listeners go on where these stop.
 * One that comes while this silogate ends already gets what is left, and does not wait for the
 * end.
 */
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "proxy/branches.h"
#include "proxy/ini_path.h"
#include "proxy/notify.h"
#include "proxy/registry.h"
#include "proxy/running.h"

#define COUNT_SECONDS 1.0

enum { DEAF_TURN_MS = 20, DEAF_TURNS = 250 };

static bool all_deaf(struct server *server)
{
    for (unsigned i = 0; i < server->worker_count; i++) {
        if (!atomic_load(&server->workers[i].deaf))
            return false;
    }
    return true;
}

void drain_counts(struct server *server, bool last)
{
    size_t length;

    if (!server->handed_over || !server->ledger)
        return;
    if (last) {
        worker_end_sessions(server->workers, server->worker_count);
        show_anew(server->show);
    }
    const struct admin_source source = show_source(server->show);
    char *text = admin_counts(server->admin, &source, &length);
    if (text && !ledger_write(server->ledger, text, length, last) && server->counted == 0.)
        log_warning("what is counted here from now on is not in /metrics: it is too much");
    free(text);
    server->counted = clock_seconds();
}

static void hand_over(struct server *server);

/* A successor that has the sockets has the paths too, whether it comes to serve or not. */
static void end(struct server *server)
{
    if (server->giving)
        hand_over(server);
    ev_break(server->loop, EVBREAK_ALL);
}

static void on_drain(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    struct server *server = timer->data;
    double over = (double)server->steer.base->config->proxy.drain_timeout.value / 1000;
    unsigned left = atomic_load(&worker_sessions);
    bool late = clock_seconds() - server->drained >= over;

    (void)loop;
    (void)events;
    if (server->handed_over)
        steer_follow(&server->steer);
    if (clock_seconds() - server->counted >= COUNT_SECONDS)
        drain_counts(server, false);
    if (all_deaf(server))
        listeners_close(&server->sockets, false);
    else if (!late)
        return;
    if (left > 0 && late)
        log_warning("drain_timeout is over: %u sessions are closed", left);
    if (left == 0 || late)
        end(server);
}

static void begin(struct server *server)
{
    const struct config *config = server->steer.base->config;

    log_notice("draining: %u sessions", atomic_load(&worker_sessions));
    if (!server->handed_over) {
        notify("STATUS=draining: %u sessions", atomic_load(&worker_sessions));
        listeners_unlink(config, &server->sockets);
    }
    for (unsigned i = 0; i < server->worker_count; i++)
        worker_drain(&server->workers[i], config->proxy.drain_timeout.value / 2);
    server->drained = clock_seconds();
    ev_timer_start(server->loop, &server->drain);
}

static void on_delay(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    struct server *server = timer->data;

    (void)loop;
    (void)events;
    if (server->giving)
        hand_over(server);
    else
        begin(server);
}

/* The sockets now belong to a successor: the paths of Unix sockets stay where they are. */
static void hand_over(struct server *server)
{
    bool drains = ev_is_active(&server->drain);

    if (server->handed_over)
        return;
    server->terminated = server->handed_over = server->successor.serves = true;
    show_draining(server->show);
    branches_close();
    if (server->ledger) /* upgrades may come faster than the youngest looks after it */
        ledger_fold(server->ledger);
    drain_counts(server, false);
    admin_let_go(server->admin);
    control_let_go(server->control, true);
    steer_follow(&server->steer); /* from here on the successor alone writes the board */
    if (server->ini_path >= 0)    /* a successor of an older build does not say what it has read */
        ini_path_lead(server->ini_path, (struct ini_path_read){0, server->reloads});
    ev_timer_stop(server->loop, &server->delay);
    if (!drains)
        begin(server);
}

void drain_init(struct server *server)
{
    ev_timer_init(&server->delay, on_delay, 0., 0.);
    server->delay.data = server;
    ev_timer_init(&server->drain, on_drain, 0.05, 0.05);
    server->drain.data = server;
}

void drain_on_signal(struct ev_loop *loop, struct ev_signal *signal, int events)
{
    struct server *server = signal->data;
    int64_t delay = server->steer.base->config->proxy.shutdown_delay.value;

    (void)events;
    if (server->signalled) {
        end(server);
        return;
    }
    server->signalled = true;
    if (server->handed_over) { /* the first signal is no reason to end transactions */
        log_notice("draining since a successor has taken over; a second signal ends all sessions");
        return;
    }
    if (server->giving) { /* the successor has the sockets, whether it comes to serve or not */
        log_notice("a successor is taking over");
        hand_over(server);
        return;
    }
    server->terminated = true;
    show_draining(server->show);
    branches_close();
    notify("STOPPING=1");
    if (delay == 0) {
        begin(server);
        return;
    }
    log_notice("shutdown_delay: clients are taken for another %lld ms", (long long)delay);
    ev_timer_set(&server->delay, (double)delay / 1000, 0.);
    ev_timer_start(loop, &server->delay);
}

struct giving {
    struct server *server;
    int channel;
    bool fine, early;
};

/* A process that drains closes its listeners a moment after it has begun. Who asks it for the rest
 * binds the same addresses next, so it gets no answer before they are free. */
static bool still_listens(struct server *server)
{
    if (!ev_is_active(&server->drain))
        return false;
    if (!all_deaf(server))
        return true;
    listeners_close(&server->sockets, false);
    return false;
}

/* Has `work` done on the main thread, and again while it is early. */
static bool give(struct giving *giving, void (*work)(void *argument))
{
    const struct timespec moment = {.tv_nsec = DEAF_TURN_MS * 1000000L};

    for (int turn = 0; turn < DEAF_TURNS; turn++) {
        giving->early = giving->fine = false;
        if (!desk_call(&giving->server->desk, work, giving) || !giving->early)
            return giving->fine;
        nanosleep(&moment, NULL);
    }
    return false;
}

static bool send_one(int channel, enum inherited_kind kind, int fd, uint32_t number)
{
    return takeover_send(channel,
                         &(struct inherited_socket){.fd = fd,
                                                    .kind = (uint8_t)kind,
                                                    .ids = (uint8_t)(registry_generation() + 1),
                                                    .number = number});
}

/* What stays where it is: the sessions of all generations that drain, this one's too, and the
 * overrides. */
static bool send_rest(struct server *server, int channel)
{
    int self = takeover_self(), board, over;
    /* a generation that drains has nothing of its own: its sessions matter more */
    bool fine = steer_share(&server->steer, &board, &over) || server->handed_over;

    if (!fine)
        log_error("a successor would not get the overrides in force: no more files may be open");
    for (size_t i = 0; fine && i < server->inherited.count; i++) {
        const struct inherited_socket *older = &server->inherited.items[i];
        if (older->kind == INHERITED_OLDER && older->fd >= 0)
            fine = takeover_send(channel, older);
    }
    if (fine && self >= 0)
        fine = send_one(channel, INHERITED_OLDER, self, (uint32_t)getpid());
    if (self >= 0)
        close(self);
    if (fine && board >= 0)
        fine = send_one(channel, INHERITED_BOARD, board, 0);
    if (fine && over >= 0)
        fine = send_one(channel, INHERITED_OVER, over, 0);
    if (fine && server->ini_path >= 0)
        fine = send_one(channel, INHERITED_PATH, server->ini_path, 0);
    return fine && send_one(channel, INHERITED_END, -1, registry_count());
}

/* On the main thread: all that a successor needs. */
static void send_all(void *argument)
{
    struct giving *giving = argument;
    struct server *server = giving->server;
    int channel = giving->channel;
    bool fine = !server->handed_over, drains = ev_is_active(&server->drain);

    giving->early = fine && still_listens(server);
    if (giving->early)
        return;
    for (size_t i = 0; fine && !drains && i < server->sockets.count; i++) {
        const struct open_socket *socket = &server->sockets.items[i];
        fine = takeover_send(channel, &(struct inherited_socket){.fd = socket->fd,
                                                                 .kind = INHERITED_LISTEN,
                                                                 .systemd = socket->systemd});
    }
    if (fine && admin_socket(server->admin) >= 0)
        fine = send_one(channel, INHERITED_ADMIN, admin_socket(server->admin), 0);
    if (fine)
        fine = send_one(channel, INHERITED_CONTROL, control_socket(server->control), 0);
    if (fine && !server->ledger)
        server->ledger = ledger_new();
    if (fine && server->ledger)
        fine = send_one(channel, INHERITED_LEDGER, ledger_fd(server->ledger), 0);
    giving->fine = fine && send_rest(server, channel);
    server->giving = giving->fine;
}

/* On the main thread: the successor serves. It is told here, because without sessions this process
 * may end before the thread that asked runs again. */
static void let_go(void *argument)
{
    struct giving *giving = argument;
    struct server *server = giving->server;

    log_notice("a successor has taken over");
    hand_over(server);
    server->giving = false;
    takeover_gone(giving->channel, server->reload_due);
    server->reload_due = false;
}

/* On the main thread: there is none. */
static void go_on(void *argument)
{
    struct giving *giving = argument;
    struct server *server = giving->server;
    struct error why;

    server->giving = false;
    if (server->reload_due)
        server_reload(server, &why);
    server->reload_due = false;
}

void drain_takeover(void *context, int channel)
{
    struct giving giving = {.server = context, .channel = channel};
    struct desk *desk = &giving.server->desk;

    if (!give(&giving, send_all) || !takeover_wait(channel)) {
        desk_call(desk, go_on, &giving);
        log_notice("a successor has asked for the sockets and did not start");
        return;
    }
    desk_call(desk, let_go, &giving);
}

/* On the main thread. */
static void send_orphan(void *argument)
{
    struct giving *giving = argument;
    struct server *server = giving->server;

    giving->early = server->handed_over && still_listens(server);
    giving->fine = server->handed_over && !giving->early && send_rest(server, giving->channel);
}

void drain_adoption(void *context, int channel)
{
    struct giving giving = {.server = context, .channel = channel};

    if (give(&giving, send_orphan))
        log_notice("another silogate has this one's sessions in its care");
}
