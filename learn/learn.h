/* Reads server logs, digest tables and files of SQL, and writes the violation records that a
 * running silogate would have written for the same statements. Memory does not grow with the input.
 * Used by cmd/learn.c; the readers of the formats are learn/general.c, slow.c, digests.c and
 * statements.c.
 *
 * A source never shows all that a running silogate sees. What is missing is counted and printed.
 */
#ifndef LEARN_LEARN_H
#define LEARN_LEARN_H

#include <stdio.h>

#include "base/error.h"
#include "base/hash_table.h"
#include "learn/offline.h"
#include "violations/violations.h"

enum learn_format { LEARN_GENERAL, LEARN_SLOW, LEARN_DIGESTS, LEARN_EXPLAIN };

enum {
    LEARN_SESSIONS = 65536, /* open at once; then the oldest is dropped */
    LEARN_USERS = 10000,    /* told apart in the summary */
    LEARN_TEXT_MOST =
        64 << 20,   /* bytes of a statement; the gate refuses a longer command as well */
    LEARN_TOLD = 5, /* lines not understood that are named */
};

/* What was read, and what could not be: for the summary. Numbers count statements where nothing
 * else is said. */
struct learn_counts {
    uint64_t lines, bytes, files;
    uint64_t statements, executions; /* executions: those of prepared statements among them */
    uint64_t violations, blocked, undetermined;
    uint64_t lines_unknown;   /* lines that were not understood */
    uint64_t cut_off;         /* texts that the source has cut */
    uint64_t too_long;        /* longer than LEARN_TEXT_MOST: left out */
    uint64_t of_nobody;       /* of sessions whose login is not in the source */
    uint64_t without_service; /* of users that no service has */
    uint64_t sessions, sessions_forgotten;
    uint64_t prepares;     /* PREPARE in SQL whose text the server has left out */
    uint64_t without_text; /* in rows of tables that have none */
    int64_t first, last;   /* microseconds; 0: no time was seen */
};

/* A user that was seen. */
struct learn_user {
    int service;
    uint64_t statements, violations;
};

struct learn {
    struct offline offline;
    struct sql_state start; /* of a session, as the options have it */
    struct text user; /* whose statements are where the source does not say; `at` NULL: none */
    bool progress;
    bool version_given; /* else a log's own first line decides: version_seen */
    bool version_seen;
    struct learn_counts counts;
    struct hash_table user_names;
    struct learn_user users[LEARN_USERS];
    struct violations *violations;
    struct violations_worker *worker;
    struct sessions *sessions;
    struct learn_branches *branches; /* of XA; NULL until there is one */
    struct ruling *ruling;           /* of the command at hand */
};

/* `learn` is zeroed but for start, user, progress and offline, which is open. Records go to
 * standard output. False with `error`. */
bool learn_start(struct learn *learn, struct error *error);
/* The files of one format; logs are read in the order of their first time. False where a file
 * cannot be read to its end: told on standard error, the others are read. */
bool learn_files(struct learn *learn, enum learn_format format, char **paths, size_t count);
/* Writes out all records; false where they could not be written. */
bool learn_finish(struct learn *learn);
/* What was read and what the source does not show. */
void learn_tell(const struct learn *learn, enum learn_format format, FILE *to);
void learn_free(struct learn *learn);

#endif
