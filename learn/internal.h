/* What the readers of learn/ share: sessions, and the way from a statement to its record. */
#ifndef LEARN_INTERNAL_H
#define LEARN_INTERNAL_H

#include "base/list.h"
#include "judge/judge.h"
#include "learn/learn.h"
#include "learn/source.h"

enum { LEARN_NAME = 256 };

/* One session of a log, by its connection id. */
struct learn_session {
    struct list_link age;
    struct learn_session *next; /* in its bucket */
    uint64_t thread;
    bool judged;   /* its user has a service */
    uint32_t user; /* into learn->user_names */
    struct learn *learn;
    struct belief belief;
    struct binding binding;
    struct sql_state at_login;
    char host[LEARN_NAME];
    uint16_t host_length;
    /* What the last text did in SQL with PREPARE and EXECUTE, the server logs once more, as Prepare
     * and Execute: so many of the next lines tell nothing new. */
    unsigned echo_prepares, echo_executes;
    char *held; /* PREPARE whose text the next line tells: "PREPARE name FROM "; NULL: none */
};

/* One that nothing is known of; who it is where learn->user says so. */
void learn_session_init(struct learn *learn, struct learn_session *session, uint64_t thread);
/* Whose it is from now on. */
void learn_bind(struct learn *learn, struct learn_session *session, int service);
/* The session of a connection id; made where it is not there. */
struct sessions *sessions_new(void);
void sessions_free(struct sessions *sessions);

/* Has a session of this service prepared this XA transaction, and none ended it since? */
bool branches_known(struct learn *learn, const struct binding *binding, struct text xid);
/* A command of the session has succeeded: what it prepares and ends. */
void branches_note(struct learn *learn, const struct binding *binding, const struct change *change);
void branches_free(struct learn *learn);
struct learn_session *sessions_find(struct learn *learn, uint64_t thread);
/* NULL where it is not there. */
struct learn_session *sessions_known(struct learn *learn, uint64_t thread);
/* Its memory, but for the struct itself. */
void learn_session_fini(struct learn_session *session);
void sessions_end(struct learn *learn, struct learn_session *session);

/* A login: who, from where, into which database (empty: none). */
void learn_login(struct learn *learn, struct learn_session *session, struct text user,
                 struct text host, struct text database, int64_t now);
/* One command's text. `count`: how often it was seen; `first`: since when, with `now` the last. */
struct learn_seen {
    int64_t first, last;
    uint64_t count;
};
void learn_text(struct learn *learn, struct learn_session *session, struct text text, int64_t now);
/* A text that stands for many statements, or is cut off. */
void learn_summed(struct learn *learn, struct learn_session *session, struct text text, bool cut,
                  const struct learn_seen *seen);
void learn_enter(struct learn *learn, struct learn_session *session, struct text database,
                 int64_t now);
void learn_field_list(struct learn *learn, struct learn_session *session, struct text table,
                      int64_t now);
void learn_kill(struct learn *learn, struct learn_session *session, uint64_t thread, int64_t now);
/* The session stands in the database that its service means by this name, without a word. */
void learn_set_database(struct learn *learn, struct learn_session *session, struct text database);
/* A command that is no text: `kind` as the gate's records have it. */
void learn_administration(struct learn *learn, struct learn_session *session, const char *kind,
                          int64_t now);
/* The session is as after its login. */
void learn_reset(struct learn_session *session);

/* Counts a line that was not understood, and names the first ones. */
void learn_unknown_line(struct learn *learn, const struct source *lines);
void learn_time(struct learn *learn, int64_t now);
/* The wall clock in microseconds. */
int64_t learn_now(void);
/* From a log's own first line; false where it has none. */
bool learn_version(struct learn *learn, struct text line);

/* The readers: all of one file. `first`: the time of what comes before the first time in it. */
void general_read(struct learn *learn, struct source *lines, int64_t first);
void slow_read(struct learn *learn, struct source *lines, int64_t first);
bool digests_read(struct learn *learn, const char *path, struct error *error);
bool statements_read(struct learn *learn, const char *path, struct error *error);

/* A password that the server has not written down (<secret>) becomes a literal, in place. */
void learn_put_literals(char *text, size_t length);
/* Does the statement begin with this word? */
bool learn_begins(struct text text, struct text word);
/* "PREPARE s FROM ...", as MySQL writes it. */
bool learn_is_prepare_without_text(struct text text);

/* "261128  1:02:03" in the time zone of TZ, or an RFC 3339 time; false where it is neither. */
bool learn_read_time(struct text text, int64_t *time);

#endif
