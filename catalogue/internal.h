/* Shared by the files that make findings. Private to catalogue/. */
#ifndef CATALOGUE_INTERNAL_H
#define CATALOGUE_INTERNAL_H

#include "catalogue/audit.h"
#include "sql/state.h"

/* A zeroed finding of this server, to be filled; the pointer holds until the next is added. */
struct audit_finding *audit_add(struct audit *audit, const struct audit_server *server,
                                enum audit_kind kind);
/* A copy in the audit's arena; none stays none. */
struct text audit_keep(struct audit *audit, struct text t);
struct text audit_format(struct audit *audit, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The verdict on an object for `service`; its owner is in the verdict. */
struct verdict audit_judge(const struct audit *audit, const struct audit_server *server,
                           int service, struct text schema, struct text name, uint8_t type,
                           uint8_t access);
int audit_owner(const struct audit *audit, const struct audit_server *server, struct text schema,
                struct text name, uint8_t type);
/* Adds a touch to `finding`, unless it is of the finding's own owner (but for a trigger's) or
 * concerns nobody; the finding's verdict becomes the stricter. */
void audit_touch(struct audit *audit, const struct audit_server *server,
                 struct audit_finding *finding, struct text schema, struct text name, uint8_t type,
                 uint8_t access);
/* Takes the finding back if it touches nothing of another's and is determined. */
void audit_settle(struct audit *audit, struct audit_finding *finding);

/* The service that names this user; SERVICE_NONE: not governed. */
int audit_service_of(const struct audit *audit, struct text user);

/* A query of events by their schema: `shown` of information_schema, or where the server does not
 * show them `kept` of the table. NULL with `error`. */
struct rows *audit_events(struct connection *connection, const char *shown, const char *kept,
                          struct text schema, struct error *error);

/* mysql, sys, performance_schema, information_schema. */
bool audit_is_system(struct text schema);

/* The parts (objects.c, stored.c, foreign.c, coverage.c, threads.c). */
bool audit_objects(struct audit *audit, struct audit_server *server, struct connection *connection,
                   struct error *error);
bool audit_stored(struct audit *audit, struct audit_server *server, struct connection *connection,
                  struct error *error);
bool audit_foreign_keys(struct audit *audit, struct audit_server *server,
                        struct connection *connection, struct error *error);
/* Who comes past silogate; accounts that several programs use. */
bool audit_threads(struct audit *audit, struct audit_server *server, struct connection *connection,
                   struct error *error);
void audit_unowned(struct audit *audit, struct audit_server *server);

#endif
