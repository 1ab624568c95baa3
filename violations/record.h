/* Formats one record as a line of JSON: the fields that docs/violations.md lists, in that order.
 * Decides nothing. */
#ifndef VIOLATIONS_RECORD_H
#define VIOLATIONS_RECORD_H

#include "base/json.h"
#include "violations/trace.h"
#include "violations/violations.h"

enum {
    RECORD_SIZE = 640 << 10,     /* room for the longest line */
    RECORD_TAIL_SIZE = 128,      /* room for `count` and what follows it */
    RECORD_NORMALIZED = 8 << 10, /* bytes of a normalized statement */
    RECORD_FULL = 64 << 10,      /* bytes of a statement in full */
    RECORD_OBJECTS = 64 << 10,   /* bytes of the list of objects */
    RECORD_TIME = 27,            /* "2026-11-20T13:38:15.123456Z" */
    RECORD_TIME_OFFSET = 7,      /* the offset of `ts` in every line */
};

struct record {
    const struct violations_session *session;
    const struct violations_statement *statement;
    const struct trace *trace;
    struct text shown; /* the field `statement`: null if it is empty */
    uint64_t id, digest;
    int64_t now; /* microseconds */
};

/* Writes all fields before `count`. If `*complete` becomes false, some objects were left out
 * because of their size. */
void record_head(struct json *json, const struct record *record, bool *complete);
/* `count`, `first`, `last` and the end of the line. */
void record_tail(struct json *json, uint64_t count, int64_t first, int64_t last);
/* The time of a line that was formatted before. */
void record_set_time(char *line, int64_t now);

/* The start of any record: ts, event, id. */
void record_start(struct json *json, int64_t now, const char *event, uint64_t id);
/* `,"key":"value"`, or null if there is no value. At most 256 bytes of the value. */
void record_field(struct json *json, const char *key, struct text value);

/* At most `most` bytes of `t`, never a part of a character. */
struct text record_cut(struct text t, size_t most);

#endif
