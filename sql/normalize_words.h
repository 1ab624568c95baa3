/* Words that belong to a value or most likely are values. Only sql/normalize.c uses them. */
#ifndef SQL_NORMALIZE_WORDS_H
#define SQL_NORMALIZE_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/* Is it an introducer, such as _utf8mb4 before a string? */
bool normalize_is_introducer(struct text word);
/* 0X1F, 12and and $$x$$ are names to the server, but most likely were meant as values; yet after
 * FROM and the like 2fa_codes is a table. `sign` and `keyword` are those of the token before. */
bool normalize_is_value(struct text word, char sign, uint16_t keyword);

/* Has the word a character that is not a quote to the server but was most likely meant as one:
 * curly and angular quotes, primes, accents? `utf8`: the client's character set is UTF-8; if not,
 * such characters of the East Asian character sets are looked for too. */
bool normalize_has_quote(struct text word, bool utf8);

#endif
