/* Makes SQL out of a server's own normalized text. */
#ifndef LEARN_DIGEST_TEXT_H
#define LEARN_DIGEST_TEXT_H

#include "base/text.h"
#include "sql/state.h"

/* DIGEST_TEXT of performance_schema ("SELECT `id` FROM `nilecare` . `patients` WHERE `id` IN (...)
 * LIMIT ?, ...") as a text with the same meaning. Its digest is that of the original statement, if
 * that was written without backticks. Written to `to`, which has room for text.length + 16 bytes.
 * *cut: the server has cut the text off. */
struct text digest_text_read(struct text text, enum sql_dialect dialect, char *to, bool *cut);

/* Does the text say that a prepared statement was made or executed, as MySQL 9 writes it ("PREPARE
 * SELECT ...", "EXECUTE SELECT ...")? Such a row does not count an execution of its own. */
bool digest_text_is_prepare(struct text text);

#endif
