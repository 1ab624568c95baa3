/* What the readers of learn/ share: sessions, and the functions that turn a statement into a
 * record. */
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
    struct learn_session *next; /* in its hash bucket */
    uint64_t thread;
    bool judged;   /* its user has a service */
    uint32_t user; /* a number in learn->user_names */
    struct learn *learn;
    struct belief belief;
    struct binding binding;
    struct sql_state at_login;
    char host[LEARN_NAME];
    uint16_t host_length;
    /* After PREPARE and EXECUTE in SQL the server also logs their texts as Prepare and Execute:
     * this many of the next lines repeat what is already counted. */
    unsigned echo_prepares, echo_executes;
    char *held; /* a PREPARE whose text is in the next line: "PREPARE name FROM "; NULL: none */
};

/* A session of which nothing is known; its user is learn->user, if that is set. */
void learn_session_init(struct learn *learn, struct learn_session *session, uint64_t thread);
/* Sets the session's user. */
void learn_bind(struct learn *learn, struct learn_session *session, int service);
/* The session with this connection id; created if it does not exist. */
struct sessions *sessions_new(void);
void sessions_free(struct sessions *sessions);

/* Has a session of this service prepared this XA transaction, and has none ended it since? */
bool branches_known(struct learn *learn, const struct binding *binding, struct text xid);
/* A command of the session has succeeded: notes the XA transactions that it prepares and ends. */
void branches_note(struct learn *learn, const struct binding *binding, const struct change *change);
void branches_free(struct learn *learn);
struct learn_session *sessions_find(struct learn *learn, uint64_t thread);
/* NULL if there is no such session. */
struct learn_session *sessions_known(struct learn *learn, uint64_t thread);
/* Frees its memory, but not the struct itself. */
void learn_session_fini(struct learn_session *session);
void sessions_end(struct learn *learn, struct learn_session *session);

/* A login: user, host, and database (empty: none). */
void learn_login(struct learn *learn, struct learn_session *session, struct text user,
                 struct text host, struct text database, int64_t now);
/* The text of one command. `count`: how often it was seen; `first`: since when, with `now` the last
 * time. */
struct learn_seen {
    int64_t first, last;
    uint64_t count;
};
void learn_text(struct learn *learn, struct learn_session *session, struct text text, int64_t now);
/* A text that stands for many statements, or was cut off. */
void learn_summed(struct learn *learn, struct learn_session *session, struct text text, bool cut,
                  const struct learn_seen *seen);
void learn_enter(struct learn *learn, struct learn_session *session, struct text database,
                 int64_t now);
void learn_field_list(struct learn *learn, struct learn_session *session, struct text table,
                      int64_t now);
void learn_kill(struct learn *learn, struct learn_session *session, uint64_t thread, int64_t now);
/* Sets the session's database to the one that its service means by this name; nothing is counted.
 */
void learn_set_database(struct learn *learn, struct learn_session *session, struct text database);
/* A command without a text: `kind` as in silogate's own records. */
void learn_administration(struct learn *learn, struct learn_session *session, const char *kind,
                          int64_t now);
/* The session is reset to its state after login. */
void learn_reset(struct learn_session *session);

/* Counts a line that was not understood, and prints the first ones. */
void learn_unknown_line(struct learn *learn, const struct source *lines);
void learn_time(struct learn *learn, int64_t now);
/* The wall clock in microseconds. */
int64_t learn_now(void);
/* The server's version from the first line of a log; false if it is not there. */
bool learn_version(struct learn *learn, struct text line);

/* The readers: each reads all of one file. `first`: the time of entries before the first time in
 * it. */
void general_read(struct learn *learn, struct source *lines, int64_t first);
void slow_read(struct learn *learn, struct source *lines, int64_t first);
bool digests_read(struct learn *learn, const char *path, struct error *error);
bool statements_read(struct learn *learn, const char *path, struct error *error);

/* Replaces a password that the server has hidden (<secret>) by a literal, in place. */
void learn_put_literals(char *text, size_t length);
/* Does the statement begin with this word? */
bool learn_begins(struct text text, struct text word);
/* "PREPARE s FROM ...", as MySQL writes it. */
bool learn_is_prepare_without_text(struct text text);

/* "261128  1:02:03" in the time zone of TZ, or an RFC 3339 time; false if it is neither. */
bool learn_read_time(struct text text, int64_t *time);

#endif
