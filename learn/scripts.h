/* Reads files and folders of SQL (migrations, dumps, lists of queries) statement by statement, each
 * with its file and line. Follows the client's SOURCE, skips a byte order mark, puts in the values
 * of placeholders, and recognizes a server's log. Used by explain and by learn.
 */
#ifndef LEARN_SCRIPTS_H
#define LEARN_SCRIPTS_H

#include <stdio.h>

#include "base/error.h"
#include "base/text.h"
#include "learn/placeholders.h"
#include "sql/state.h"

struct scripts_statement {
    const char *path;        /* as it was found; NULL for standard input */
    uint64_t line;           /* where its first word stands, from 1 */
    struct text text;        /* with values put in for placeholders */
    const char *placeholder; /* one that no value was given for; NULL: none */
};

struct scripts {
    /* The caller's. */
    bool null; /* items end with a NUL byte: the text of a command, with placeholders only where
                * a value is given */
    const struct sql_state *state; /* in which the next statement will be read */
    const struct placeholders *values;
    void (*visit)(void *context, const struct scripts_statement *statement);
    void (*begin)(void *context, const char *path); /* of a file that no other has named */
    void *context;
    /* Its own. */
    uint64_t files, bytes, remarks;
    unsigned depth;
    const char *root; /* the folder that SOURCE may not leave */
    char *room;       /* for a text with its placeholders put in */
    size_t room_size;
};

/* A file, a folder (all *.sql in it and below, also *.sql.gz, in the order of their names, numbers
 * by value), or "-" and NULL for standard input. False where something cannot be read to its end:
 * told on standard error; the rest is read. */
bool scripts_read(struct scripts *scripts, const char *path);
void scripts_fini(struct scripts *scripts);

#endif
