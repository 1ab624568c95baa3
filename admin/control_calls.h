/* The calls of the control socket, out of control.c's requests. Private to these two. */
#ifndef ADMIN_CONTROL_CALLS_H
#define ADMIN_CONTROL_CALLS_H

#include <jansson.h>
#include <microhttpd.h>
#include <stdio.h>

#include "admin/control.h"

/* One request: its body as it comes, then what it is answered with. */
struct call {
    struct control *control;
    const struct control_source *source;
    struct MHD_Connection *connection;
    char *body;
    size_t length;
    bool too_large;
    json_t *json; /* of a POST: an object */
    FILE *to;
    char who[80];
    uint32_t unreached; /* a process that was asked and gave no answer; 0: none */
};

/* 0: fine, what is in `to` is the answer; else the status, and `why` is. */
struct route {
    const char *path;
    const char *members; /* of its body, as "id:i query:b"; NULL: a GET, which changes nothing */
    unsigned (*run)(struct call *call, struct error *why);
};

extern const struct route control_routes[];
extern const size_t control_route_count;

/* Are the body's members the call's, each of its type? False with `why`. */
bool control_members(const struct call *call, const struct route *route, struct error *why);

#endif
