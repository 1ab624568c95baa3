/* See protocol/execute.h. Pure functions over bytes. */
#include "protocol/execute.h"

#include <string.h>

#include "protocol/command.h"

enum {
    FIXED = 10,                     /* command, id, flags, iterations */
    BULK_FIXED = 7,                 /* command, id, flags */
    HAS_COUNT = 8,                  /* flag: parameter_count is sent */
    BULK_TYPES = 128,               /* flag: types are sent */
    BULK_TYPES_AT = 5,              /* the byte of that flag */
    COUNT_MOST = 9,                 /* longest length-encoded integer */
    PARAMETERS_MOST = 65535 + 1024, /* with query attributes */
};

/* The result if the reader ran out of bytes. */
static enum parse ended(struct text start, size_t length)
{
    return start.length < length ? PARSE_MORE : PARSE_BAD;
}

enum parse execute_read(struct text start, size_t length, uint32_t parameters,
                        capabilities_t capabilities, struct execute *execute)
{
    struct reader reader = reader_of(start);
    const uint8_t *first = reader.at;
    uint64_t count = parameters;

    *execute = (struct execute){.flag = 1};
    uint8_t command = (uint8_t)read_integer(&reader, 1);
    read_integer(&reader, 4);
    uint8_t flags = (uint8_t)read_integer(&reader, 1);
    if (command == COMMAND_STMT_BULK_EXECUTE) {
        read_integer(&reader, 1);
        execute->flag = BULK_TYPES;
        execute->flag_at = BULK_TYPES_AT;
        execute->types_at = BULK_FIXED;
        execute->count = parameters;
        execute->has_types = flags & BULK_TYPES;
        return reader.bad ? ended(start, length) : PARSE_DONE;
    }
    read_integer(&reader, 4);
    if (capabilities & CAPABILITY_QUERY_ATTRIBUTES) {
        if (!reader.bad && !(flags & HAS_COUNT))
            return PARSE_BAD;
        execute->named = true;
        count = read_lenenc(&reader);
    }
    if (!reader.bad && (count < parameters || count > PARAMETERS_MOST))
        return PARSE_BAD;
    if (!reader.bad)
        read_bytes(&reader, (size_t)(count + 7) / 8);
    execute->flag_at = reader.bad ? 0 : (size_t)(reader.at - first);
    uint64_t has_types = read_integer(&reader, 1);
    if (reader.bad)
        return ended(start, length);
    execute->has_types = has_types == 1;
    execute->types_at = execute->flag_at + 1;
    execute->count = (uint32_t)count;
    return has_types > 1 ? PARSE_BAD : PARSE_DONE;
}

size_t execute_head(uint32_t parameters)
{
    return FIXED + COUNT_MOST + (parameters + 7) / 8 + 1 + (size_t)parameters * EXECUTE_TYPE;
}

enum parse execute_types(struct text start, size_t length, const struct execute *execute,
                         uint32_t parameters, uint8_t *types)
{
    struct reader reader = reader_of(start);

    read_bytes(&reader, execute->types_at);
    for (uint32_t i = 0; i < parameters && !reader.bad; i++) {
        struct text type = read_bytes(&reader, 2);
        if (!reader.bad)
            memcpy(types + (size_t)i * 2, type.at, 2);
        if (execute->named)
            read_lenenc_text(&reader);
    }
    return reader.bad ? ended(start, length) : PARSE_DONE;
}

size_t execute_write_types(const struct execute *execute, uint32_t parameters, const uint8_t *types,
                           uint8_t *to)
{
    size_t length = 0;

    for (uint32_t i = 0; i < parameters; i++) {
        to[length++] = types[(size_t)i * 2];
        to[length++] = types[(size_t)i * 2 + 1];
        if (execute->named)
            to[length++] = 0; /* length of an empty name */
    }
    return length;
}
