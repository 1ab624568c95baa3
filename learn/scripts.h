/* Reads files and folders of SQL (migrations, dumps, lists of queries) statement by statement, each
 * with its file and line. Follows the client's SOURCE command, skips a byte order mark, replaces
 * placeholders by their values, and recognizes a server's log. Used by explain and by learn.
 */
#ifndef LEARN_SCRIPTS_H
#define LEARN_SCRIPTS_H

#include <stdio.h>

#include "base/error.h"
#include "base/text.h"
#include "learn/placeholders.h"
#include "sql/state.h"

struct scripts_statement {
    const char *path;        /* path of the file; NULL for standard input */
    uint64_t line;           /* line of its first word, from 1 */
    struct text text;        /* with values in place of placeholders */
    const char *placeholder; /* a placeholder for which no value was given; NULL: none */
};

struct scripts {
    /* Set by the caller. */
    /* called for the text of a command that ends with a NUL byte; placeholders are replaced only
     * if a value is given */
    bool null;
    const struct sql_state *state; /* the state in which the next statement will be read */
    const struct placeholders *values;
    void (*visit)(void *context, const struct scripts_statement *statement);
    /* called for each file that was not named by another file */
    void (*begin)(void *context, const char *path);
    void *context;
    /* Private. */
    uint64_t files, bytes, remarks;
    unsigned depth;
    const char *root; /* SOURCE may not leave this folder */
    char *room;       /* for a text whose placeholders are replaced */
    size_t room_size;
};

/* Reads a file, a folder (all *.sql and *.sql.gz in it and below, ordered by name, numbers by
 * value), or "-" or NULL for standard input. False if something cannot be read to its end: it is
 * reported on standard error, and the rest is read. */
bool scripts_read(struct scripts *scripts, const char *path);
void scripts_fini(struct scripts *scripts);

#endif
