/* Placeholders of migration and template tools: ${schema}, {{ schema }}, :name, %(name)s. */
#ifndef LEARN_PLACEHOLDERS_H
#define LEARN_PLACEHOLDERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

enum { PLACEHOLDERS_MOST = 256, PLACEHOLDER_NAME = 64 };

struct placeholders {
    struct text names[PLACEHOLDERS_MOST], values[PLACEHOLDERS_MOST];
    size_t count;
};

/* "name=value"; false where it is none, or there are too many. */
bool placeholders_add(struct placeholders *placeholders, const char *setting);

/* A cheap check: could the text have a placeholder at all? */
bool placeholders_may_be_in(struct text text);

/* The text with values in place of its placeholders, in *room, which grows as needed. A ${} or {{}}
 * without a value, outside of quotes, is left unchanged, and its name is written to `missing`; a
 * :name or %s without a value stands for a parameter: '?'. `missing` has PLACEHOLDER_NAME bytes and
 * becomes empty if all values are known. */
struct text placeholders_put(const struct placeholders *placeholders, struct text text, char **room,
                             size_t *room_size, char *missing);

#endif
