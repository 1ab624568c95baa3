/* A server's own normalized text, read back as SQL. */
#ifndef LEARN_DIGEST_TEXT_H
#define LEARN_DIGEST_TEXT_H

#include "base/text.h"
#include "sql/state.h"

/* DIGEST_TEXT of performance_schema ("SELECT `id` FROM `nilecare` . `patients` WHERE `id` IN (...)
 * LIMIT ?, ...") as a text that reads the same and has the digest of the statement it came from,
 * where that was written with bare names. Written to `to`, which has room for text.length + 16
 * bytes. *cut: the server has cut it off. */
struct text digest_text_read(struct text text, enum sql_dialect dialect, char *to, bool *cut);

/* Is it that a prepared statement was made or given up, as MySQL 9 writes it ("PREPARE SELECT ...",
 * "EXECUTE SELECT ...")? Such a row is of no execution. */
bool digest_text_is_prepare(struct text text);

#endif
