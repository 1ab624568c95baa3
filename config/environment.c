/* ${NAME} in a value is replaced by the environment's variable NAME, and $${ by ${. */
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"

static bool is_name_byte(char c, bool first)
{
    char lower = text_lower(c);

    return (lower >= 'a' && lower <= 'z') || c == '_' || (!first && c >= '0' && c <= '9');
}

/* The value of the variable that `form`, which begins with "${", names, and the length of the
 * ${NAME}. */
static bool look_up(struct text form, struct text *found, size_t *length, struct error *why)
{
    const char *end = memchr(form.at, '}', form.length);
    char name[256];

    if (!end)
        return error_set(why, "${ without }; write ${NAME}, or $${ for the two characters");
    size_t size = (size_t)(end - form.at) - 2;
    bool good = size > 0 && size < sizeof(name);
    for (size_t i = 0; good && i < size; i++)
        good = is_name_byte(form.at[2 + i], i == 0);
    if (!good)
        return error_set(why,
                         "'%.*s' is not a variable of the environment; write ${NAME} with "
                         "letters, digits and '_', or $${ for the two characters",
                         (int)(size < 60 ? size : 60) + 3, form.at);
    memcpy(name, form.at + 2, size);
    name[size] = 0;
    *found = text_of(getenv(name));
    if (!found->at)
        return error_set(why, "the environment has no %s; set it where silogate is started", name);
    for (size_t i = 0; i < found->length; i++) {
        unsigned char c = (unsigned char)found->at[i];
        size_t character = text_character((struct text){found->at + i, found->length - i});
        if (c < ' ' || c == 0x7f || character == 0)
            return error_set(
                why,
                "the environment's %s holds bytes that are no text of one line; set it "
                "to one line of UTF-8 where silogate is started",
                name);
        i += character - 1;
    }
    *length = size + 3;
    return true;
}

bool environment_expand(struct arena *arena, struct text value, struct text *to, struct error *why)
{
    const char *first = memmem(value.at, value.length, "${", 2);
    char *joined = NULL;
    size_t total = 0;

    *to = value;
    if (!first)
        return true;
    /* Two passes: the first one measures, the second one writes. */
    for (int pass = 0; pass < 2; pass++) {
        size_t length = 0;
        for (size_t i = 0; i < value.length;) {
            struct text rest = {value.at + i, value.length - i}, put = {rest.at, 1};
            size_t taken = 1;
            if (rest.length > 2 && memcmp(rest.at, "$${", 3) == 0) {
                put = (struct text){rest.at + 1, 2};
                taken = 3;
            } else if (rest.length > 1 && memcmp(rest.at, "${", 2) == 0 &&
                       !look_up(rest, &put, &taken, why)) {
                return false;
            }
            if (joined)
                memcpy(joined + length, put.at, put.length);
            length += put.length;
            i += taken;
        }
        total = length;
        if (!joined)
            joined = arena_take(arena, total + 1);
    }
    *to = (struct text){joined, total};
    return true;
}
