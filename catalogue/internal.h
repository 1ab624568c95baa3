/* Functions for the files that make findings. Private to catalogue/. */
#ifndef CATALOGUE_INTERNAL_H
#define CATALOGUE_INTERNAL_H

#include "catalogue/audit.h"
#include "sql/state.h"

/* Adds a zeroed finding of this server, to be filled; the pointer is valid until the next one is
 * added. */
struct audit_finding *audit_add(struct audit *audit, const struct audit_server *server,
                                enum audit_kind kind);
/* A copy in the audit's arena; none stays none. */
struct text audit_keep(struct audit *audit, struct text t);
struct text audit_format(struct audit *audit, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The policy's verdict on an object for `service`; the object's owner is in the verdict. */
struct verdict audit_judge(const struct audit *audit, const struct audit_server *server,
                           int service, struct text schema, struct text name, uint8_t type,
                           uint8_t access);
int audit_owner(const struct audit *audit, const struct audit_server *server, struct text schema,
                struct text name, uint8_t type);
/* Adds a used object to `finding`, unless it has the same owner (except for triggers) or no owner
 * matters; the finding gets the stricter verdict. */
void audit_touch(struct audit *audit, const struct audit_server *server,
                 struct audit_finding *finding, struct text schema, struct text name, uint8_t type,
                 uint8_t access);
/* Removes the finding if it uses nothing of others and is determined. */
void audit_settle(struct audit *audit, struct audit_finding *finding);

/* The service of this user; SERVICE_NONE: no service has it. */
int audit_service_of(const struct audit *audit, struct text user);

/* Queries the events of a schema: with `shown` in information_schema, or, if the server does not
 * show them there, with `kept` in the table. NULL with `error`. */
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
/* Connections that do not go through silogate; accounts that several programs use. */
bool audit_threads(struct audit *audit, struct audit_server *server, struct connection *connection,
                   struct error *error);
void audit_unowned(struct audit *audit, struct audit_server *server);

#endif
