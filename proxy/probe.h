/* Probes the upstreams: are they up, and what do their greetings say?
 *
 * MariaDB writes a line to its error log for each connection that does not log in, and servers
 * count aborted handshakes and block a host with too many (MySQL manual, "Host Cache"). So if an
 * upstream has an `account`, the probe logs in with it, every PROBE_SECONDS. Without one, if it is
 * refused, or if the server expects a PROXY header, which the client library cannot send, the
 * probe completes a login that is refused. It does so seldom: while the upstream is not known to
 * be up, when a session has lost its connection, or when nobody has connected for PROBE_QUIET.
 */
#ifndef PROXY_PROBE_H
#define PROXY_PROBE_H

#include "base/error.h"
#include "proxy/runtime.h"
#include "violations/violations.h"

enum { PROBE_SECONDS = 10, PROBE_QUIET = 60, PROBE_GREETING = 512 };

/* The result of a login with an account. */
struct probe_login {
    bool answered;                    /* the server has answered, perhaps with an error */
    unsigned code;                    /* the error's; 0: none */
    uint8_t greeting[PROBE_GREETING]; /* the server's first packet with its header */
    size_t length;                    /* 0: not known */
    char address[256];                /* the last address that was tried */
};

/* The function that logs in, because proxy/ does not use the client library. Called by the probe's
 * threads, several at a time; `milliseconds` is the time for each address. False: refused, or not
 * reached, see `error`. */
typedef bool probe_account(const struct config_upstream *upstream, int64_t milliseconds,
                           struct probe_login *login, struct error *error);
void probe_with(probe_account *account);

/* Probes all upstreams and waits for the results, at most two seconds; with `one`, because another
 * silogate serves, ten seconds, and until an upstream is up, or all were probed. That takes
 * connect_timeout for each address and each step of the login, and goes on without the one who
 * waits. Changes are logged and are events. For the main thread, in a start: a signal ends the
 * waiting. */
void probe_first(struct runtime *runtime, struct violations *violations, bool one);

/* Called once a second by the main thread: starts threads for the probes that are due, and not
 * under way. Upstreams that hang hold up no others. Host names are resolved before. */
void probe_tick(struct runtime *runtime, struct violations *violations);
/* No result is told any more. False: a probe hangs, and is not waited for. Then the caller ends the
 * process by _exit(), because exit() frees what that thread uses. */
bool probe_end(void);

#endif
