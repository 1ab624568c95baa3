/* Built-in functions by version. sql/keywords.def has those of MySQL 9.7 and MariaDB 10.11; the
 * tables here say which of them came later than an upstream's version, and which a server had
 * before or has since. Sources: the manuals' lists of functions and "What Is New". Called by
 * sql/expression.c.
 */
#include "sql/functions.h"

enum sql_keyword function_find(struct text name)
{
    uint64_t last = 0;

    for (size_t i = 0; i < name.length; i++)
        last = last << 8 | ((uint8_t)name.at[i] | 0x20u);
    return sql_keyword_find(last, (const uint8_t *)name.at, name.length);
}

unsigned function_flags(enum sql_keyword word, const struct sql_mood *mood)
{
    return word ? sql_keyword_flags(word, mood->dialect) : 0;
}
