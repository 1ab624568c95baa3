/* Cuts a script into statements where the mysql client cuts it: at the delimiter (`;`, or the one
 * that a DELIMITER line has set), and at \g and \G; not inside quotes and comments, but inside
 * executable comments, as the client does. Pure functions. Each call continues where the last one
 * stopped: only a client command or a $tag$ that is not complete is scanned again.
 */
#ifndef SQL_SCRIPT_H
#define SQL_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "sql/state.h"

enum { SQL_DELIMITER_SIZE = 16 };

struct sql_script {
    /* The caller may change these between statements. The client takes the first from its
     * --default-character-set, and the second from the server's status flags. The third is set for
     * the client of MySQL 9, which knows $tag$ ... $tag$. */
    uint8_t charset; /* enum sql_charset */
    bool no_backslash_escapes;
    bool dollar_quotes;
    /* Out: the last statement is a command for the client (source x, \. x, prompt, quit), which it
     * does not send to the server. It is not set for USE, which is a statement. DELIMITER is
     * carried out here and never returned. */
    bool command;
    /* private to sql/ */
    uint8_t place;
    bool blank, line_start, discarding;
    uint8_t delimiter_length;
    char delimiter[SQL_DELIMITER_SIZE];
    size_t scanned;
    size_t tag, tag_length; /* of the $tag$ that was opened last */
};

void sql_script_init(struct sql_script *script, enum sql_charset charset);

/* Takes the next statement off `rest`. `rest` must begin where the last call left it; `last`: no
 * bytes will follow. False: there is no statement yet. Call it again with more bytes after those of
 * `rest` (the buffer may have moved); with `last`, there are no more statements. Statements of only
 * blanks and comments are skipped, as are comments that only the client knows (`--x` at the start
 * of a statement). A line "USE name" is a statement without a delimiter too, as for most clients;
 * other commands for the client are returned with `command` set. */
bool sql_script_next(struct sql_script *script, struct text *rest, bool last,
                     struct text *statement);

#endif
