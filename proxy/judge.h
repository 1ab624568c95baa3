/* From a command's text to a verdict: facts, policy, and what follows from them. Called by
 * command.c for every command that is judged; sends nothing and moves no cursor.
 */
#ifndef PROXY_JUDGE_H
#define PROXY_JUDGE_H

#include "proxy/session.h"

enum judgement {
    JUDGEMENT_ALLOW, /* let it pass; what it changes is in session->next */
    JUDGEMENT_BLOCK, /* the client gets judge_refusal */
    JUDGEMENT_ASK,   /* the session's states must be learned from the server first */
    JUDGEMENT_PARK,  /* the violation log has no room: later */
};

/* The name of a database, or the number of a thread, that must read otherwise before the command is
 * sent. Offsets count from the start of the command's text. */
struct rewrite {
    uint32_t offset, length;
    char bytes[SQL_DATABASE_SIZE * 2 + 2];
    uint32_t bytes_length;
};

enum { JUDGE_REWRITES = 8 };

/* Why a command was blocked: what the client is told. */
struct refusal {
    uint16_t code;
    char message[440];
};

/* What one command's judging leaves for command.c: the worker has one. */
struct judged {
    struct rewrite rewrites[JUDGE_REWRITES];
    unsigned rewrite_count;
    bool no_rewrites; /* the text is read in several ways: what would be mapped is undetermined */
    struct refusal refusal;
    struct text traceparent; /* set by command.c before it judges */
};

/* The text of COM_QUERY: every statement in it. */
enum judgement judge_text(struct session *session, struct text text);
/* The text of COM_STMT_PREPARE; where it is allowed, session->preparing is set. Only a block is
 * recorded: each execution is judged and recorded itself. */
enum judgement judge_prepare(struct session *session, struct text text);
/* An execution of a prepared statement. `counts`: it is one, not only something about it. A block
 * is recorded by judge_blocked, once the whole command is here. */
enum judgement judge_prepared(struct session *session, const struct prepared *prepared,
                              bool counts);
enum judgement judge_blocked(struct session *session, const struct prepared *prepared);
/* worker->facts as command.c has filled them; `kind` is the record's. */
enum judgement judge_facts(struct session *session, const char *kind);

/* Where the server would not say which states it is in, whatever was read is undetermined. */
void judge_unknown_state(const struct session *session, struct sql_facts *facts);

/* The session's service and the rest, found anew where the runtime has changed since. */
void judge_renew(struct session *session);

/* A login as `user` that asks for database `name`: is it blocked from entering it? With `record`
 * the violation is recorded, whatever room the log has; an allowed one is no statement and not
 * counted. */
bool judge_initial_db(struct session *session, struct text user, struct text name, bool record);

/* Entering `name`: the facts, with aliases mapped, into worker->facts. True: `name` must be
 * replaced by worker->facts.database. */
bool judge_enter_database(struct session *session, struct text name);

#endif
