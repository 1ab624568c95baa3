/* Words that belong to a value, or most likely are one. For sql/normalize.c alone. */
#ifndef SQL_NORMALIZE_WORDS_H
#define SQL_NORMALIZE_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/* _utf8mb4, in front of a string. */
bool normalize_is_introducer(struct text word);
/* 0X1F, 12and and $$x$$ are names to the server, and most likely values to whoever wrote them; but
 * behind FROM and the like 2fa_codes is a table. `sign` and `keyword`: the token before. */
bool normalize_is_value(struct text word, char sign, uint16_t keyword);

/* Has the word a character that is no quote to the server and was most likely meant as one: curly
 * and angular quotes, primes, accents? `utf8`: the client's character set is UTF-8; otherwise those
 * of the East Asian ones are looked for too. */
bool normalize_has_quote(struct text word, bool utf8);

#endif
