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

/* Could the text have one at all? Cheap. */
bool placeholders_may_be_in(struct text text);

/* The text with its placeholders put in, in *room, which grows as needed. A ${} or {{}} without a
 * value, outside of quotes, is left as it is, and `missing` gets its name; a :name or %s without a
 * value stands for a parameter: '?'. `missing` has PLACEHOLDER_NAME bytes and is empty where all is
 * known. */
struct text placeholders_put(const struct placeholders *placeholders, struct text text, char **room,
                             size_t *room_size, char *missing);

#endif
