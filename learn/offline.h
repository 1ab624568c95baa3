/* Judges statements as a running silogate does, without a server: with a configuration, and with
 * sessions that exist only in a file. Used by explain, test and learn. Every statement is assumed
 * to succeed, so USE, SET sql_mode, temporary tables and PREPARE affect the statements after it.
 */
#ifndef LEARN_OFFLINE_H
#define LEARN_OFFLINE_H

#include "policy/policy.h"
#include "router/router.h"
#include "sql/session.h"
#include "sql/state.h"

/* The configuration, and the policy that is built from it. */
struct offline {
    struct config *config;
    struct policy *policy;
    struct router *router;
    int32_t today;
};

/* False if the file is wrong: its problems were printed on standard error. */
bool offline_open(struct offline *offline, const char *path);
void offline_close(struct offline *offline);

struct offline_session {
    int service; /* or SERVICE_NONE */
    struct sql_state state;
    struct sql_session *sql;
};

/* Sets the database to the one that `service` means by `name` (empty: its default). */
void offline_enter(const struct offline *offline, struct offline_session *session,
                   struct text name);

/* One statement of a command, with what is known of it. Valid only during the visit. */
struct offline_part {
    struct text text;              /* only this statement */
    uint32_t offset;               /* offset of `text` in the command */
    unsigned number;               /* number of the statement, from 1 */
    const struct sql_state *state; /* the state before it */
    struct sql_facts *facts;
    struct verdict verdict;
};
typedef void offline_visit(void *context, const struct offline_part *part);

/* Reads one command, calls `visit` (may be NULL) for each statement in it and updates the session;
 * returns the strictest action. `parts` (may be NULL) becomes the number of statements. */
enum verdict_action offline_judge(const struct offline *offline, struct offline_session *session,
                                  struct text text, offline_visit *visit, void *context,
                                  unsigned *parts);
/* The same for facts without a text: entering a database, a command to the server. */
void offline_judge_facts(const struct offline *offline, const struct offline_session *session,
                         const struct sql_facts *facts, struct verdict *verdict);
/* Writes the facts of entering `name` into `facts`; facts->database is the database that is meant.
 */
void offline_enter_facts(const struct offline *offline, const struct offline_session *session,
                         struct text name, struct sql_facts *facts);

#endif
