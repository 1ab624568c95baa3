/* Looks whether the upstreams are there and what they are.
 *
 * MariaDB writes a line into its error log for whoever does not log in, whether refused or gone
 * before, and a server counts interrupted handshakes and blocks the host in the end (MySQL manual,
 * "Host Cache"). So where an upstream has an `account` the probe logs in with it, every
 * PROBE_SECONDS. Without one, where that one is refused, and where the server wants a PROXY header,
 * which the client library cannot send, it completes a login that is refused, and seldom: where it
 * is not known to be up, where a session has lost it, or where nobody has connected for
 * PROBE_QUIET.
 */
#ifndef PROXY_PROBE_H
#define PROXY_PROBE_H

#include "base/error.h"
#include "proxy/runtime.h"
#include "violations/violations.h"

enum { PROBE_SECONDS = 10, PROBE_QUIET = 60, PROBE_GREETING = 512 };

/* What came of a login with an account. */
struct probe_login {
    bool answered;                    /* the server has said something, be it an error */
    unsigned code;                    /* the error's; 0: none */
    uint8_t greeting[PROBE_GREETING]; /* the first packet of the server's, header and all */
    size_t length;                    /* 0: it was not seen */
    char address[256];                /* the one that was asked last */
};

/* Who logs in: the proxy knows no client library. Called by the probe's thread alone;
 * `milliseconds` is the time for each address. False: not let in, or not there, for the reason in
 * `error`. */
typedef bool probe_account(const struct config_upstream *upstream, int64_t milliseconds,
                           struct probe_login *login, struct error *error);
void probe_with(probe_account *account);

/* Looks at each upstream and waits for what comes of it, at most connect_timeout an address and a
 * step of the login. Changes are told on the log and as events. The main thread's, before there are
 * workers. */
void probe_first(struct runtime *runtime, struct violations *violations);

/* Once a second, from the main thread: looks in a thread of its own at what is due, unless that is
 * at work already. */
void probe_tick(struct runtime *runtime, struct violations *violations);
/* Waits for that thread. */
void probe_end(void);

#endif
