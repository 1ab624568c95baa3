/* The calls of the control socket, which control.c makes from requests. Private to these two files.
 */
#ifndef ADMIN_CONTROL_CALLS_H
#define ADMIN_CONTROL_CALLS_H

#include <jansson.h>
#include <microhttpd.h>
#include <stdio.h>

#include "admin/control.h"

/* One request: its body, which arrives in pieces, then its answer. */
struct call {
    struct control *control;
    const struct control_source *source;
    struct MHD_Connection *connection;
    char *body;
    size_t length;
    bool too_large;
    json_t *json; /* the body of a POST: an object */
    FILE *to;
    char who[80];
    uint32_t unreached; /* the ID of a process that did not answer; 0: none */
};

/* `run` returns 0 if `to` has the answer; else the HTTP status, and the answer is `why`. */
struct route {
    const char *path;
    const char *members; /* of the body, as "id:i query:b"; NULL: a GET, which changes nothing */
    unsigned (*run)(struct call *call, struct error *why);
};

extern const struct route control_routes[];
extern const size_t control_route_count;

/* Does the body have only the members of this call, each with the right type? If false, fills
 * `why`. */
bool control_members(const struct call *call, const struct route *route, struct error *why);

#endif
