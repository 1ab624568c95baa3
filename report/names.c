/* Names out of records. They come from clients, so characters that could control a terminal are
 * replaced; then each name gets a number. Only for report/sum.c.
 */
#include "report/names.h"

struct text names_string(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_string(value)
               ? (struct text){json_string_value(value), json_string_length(value)}
               : (struct text){NULL, 0};
}

/* Control characters, and those that change the direction of writing, become '?'; white space
 * becomes a blank. At most `size` bytes, never a part of a character. */
struct text names_clean(struct text t, char *to, size_t size)
{
    size_t length = 0;

    for (size_t i = 0; i < t.length && length < size;) {
        struct text character = {t.at + i, text_character((struct text){t.at + i, t.length - i})};
        i += character.length > 0 ? character.length : 1;
        if (character.length == 0 || text_is_unfit(character)) {
            char c = character.length == 1 ? character.at[0] : '?';
            to[length++] = c == '\n' || c == '\t' || c == '\r' ? ' ' : '?';
            continue;
        }
        if (character.length > size - length)
            break;
        memcpy(to + length, character.at, character.length);
        length += character.length;
    }
    return (struct text){to, length};
}

uint32_t names_add(struct hash_table *table, struct text name)
{
    char cleaned[REPORT_NAME_BYTES];
    return hash_table_add(table, names_clean(name, cleaned, sizeof(cleaned)));
}

uint32_t names_place(struct report *report, const json_t *record)
{
    const json_t *app = json_object_get(record, "app"), *trace = json_object_get(record, "trace");
    const struct {
        const json_t *object;
        const char *key, *before;
    } parts[] = {
        {trace, "application",  ""     },
        {app,   "program_name", " "    },
        {app,   "client_name",  " via "},
        {trace, "framework",    " "    },
        {trace, "route",        " "    },
        {trace, "controller",   " "    },
        {trace, "action",       "#"    },
        {trace, "job",          " job "},
    };
    char name[REPORT_NAME_BYTES];
    size_t length = 0;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        struct text value = names_string(parts[i].object, parts[i].key);
        size_t before = length ? strlen(parts[i].before) : 0;
        if (value.length == 0 || length + before >= sizeof(name))
            continue;
        memcpy(name + length, parts[i].before, before);
        length += before;
        length += names_clean(value, name + length, sizeof(name) - length).length;
    }
    return length ? hash_table_add(&report->places, (struct text){name, length}) : HASH_TABLE_NONE;
}

struct text names_join(struct report *report, const json_t *names)
{
    char joined[REPORT_NAME_BYTES];
    size_t length = 0, i;
    const json_t *name;

    json_array_foreach(names, i, name)
    {
        struct text t = {json_string_value(name), json_string_length(name)};
        if (!t.at || length + 2 >= sizeof(joined))
            continue;
        if (length > 0) {
            joined[length++] = ',';
            joined[length++] = ' ';
        }
        length += names_clean(t, joined + length, sizeof(joined) - length).length;
    }
    return arena_text(&report->arena, (struct text){joined, length});
}
