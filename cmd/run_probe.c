/* The health probe logs in through the client library, which proxy/ does not use. */
#include "cmd/run_probe.h"

#include <stdio.h>
#include <string.h>

#include "catalogue/connect.h"
#include "proxy/probe.h"

static bool log_in(const struct config_upstream *upstream, int64_t milliseconds,
                   struct probe_login *login, struct error *error)
{
    const struct connection_options options = {.upstream = upstream,
                                               .program = "silogate probe",
                                               .connect_timeout = milliseconds,
                                               .statement_timeout = milliseconds};
    struct connection_knock knock;
    bool good = connection_knock(&options, &knock, error);

    connection_leave_thread();
    _Static_assert(sizeof(login->greeting) == sizeof(knock.greeting), "one greeting");
    memcpy(login->greeting, knock.greeting, sizeof(knock.greeting));
    login->length = knock.length;
    login->code = knock.code;
    login->answered = connection_answered(&knock);
    snprintf(login->address, sizeof(login->address), "%s", knock.address);
    return good;
}

void run_probe(void)
{
    probe_with(log_in);
}
