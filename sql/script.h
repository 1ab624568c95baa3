/* A script of statements, cut where the mysql client would cut it: at `;` or what a DELIMITER line
 * put in its place, and at \g and \G; not inside quotes and comments. Inside executable comments
 * the client cuts all the same. Pure and linear: nothing is read twice however the bytes arrive.
 */
#ifndef SQL_SCRIPT_H
#define SQL_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "sql/state.h"

enum { SQL_DELIMITER_SIZE = 16 };

struct sql_script {
    /* The caller may change these between statements; the client takes the first from its own
     * --default-character-set and the second from the server's status. The third: the client of
     * MySQL 9, which knows $tag$ ... $tag$. */
    uint8_t charset; /* enum sql_charset */
    bool no_backslash_escapes;
    bool dollar_quotes;
    /* Out: the statement given last is a line for the client itself (source x, \. x, prompt, quit),
     * which no server gets. Not USE, whose line is a statement; nor DELIMITER, which is done. */
    bool command;
    /* sql/'s own */
    uint8_t place;
    bool blank, line_start, discarding;
    uint8_t delimiter_length;
    char delimiter[SQL_DELIMITER_SIZE];
    size_t scanned;
    size_t tag, tag_length; /* of the $tag$ that was opened last */
};

void sql_script_init(struct sql_script *script, enum sql_charset charset);

/* The next statement out of `rest`, which is moved behind it. `rest` begins where the last call
 * left it; `last`: no bytes will follow. False: with more bytes behind those of `rest` there may be
 * a statement (its bytes may have moved meanwhile); with `last`, there is none. Statements of
 * blanks and comments alone are skipped, as are comments that only the client knows (`--x` in front
 * of everything). A line "USE name" is a statement also without a delimiter, as it is for most
 * clients; other lines for the client come out with `command` set. */
bool sql_script_next(struct sql_script *script, struct text *rest, bool last,
                     struct text *statement);

#endif
