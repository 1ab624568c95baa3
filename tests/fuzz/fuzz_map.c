/* Names mapped in any text. Everything has moved to the database `moved`. Oracle: no edit lies
 * outside of the text or over another; the mapped text is still understood, is the same kind of
 * statement, and has nothing left to be mapped.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/analyze.h"
#include "sql/map.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static struct sql_facts facts, again;
static struct sql_edits edits;

static struct text stands(const void *moved, enum sql_type type, struct text schema,
                          struct text name)
{
    (void)moved, (void)type, (void)name;
    if (text_equal_fold(schema, TEXT("moved")))
        return (struct text){NULL, 0};
    return TEXT("moved");
}

static void check_edits(struct text text)
{
    uint64_t end = 0;

    for (uint32_t i = 0; i < edits.count; i++) {
        const struct sql_edit *edit = &edits.edits[i];
        if (edit->offset < end || (uint64_t)edit->offset + edit->length > text.length)
            broken("edits lie in the text, in order", text, text);
        end = (uint64_t)edit->offset + edit->length + (edit->length == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const struct sql_where where = {.stands = stands};

    if (size < CHOICES || size > LONGEST)
        return 0;
    struct sql_state state = input_state(bytes);
    struct text text = {(const char *)bytes + CHOICES, size - CHOICES};
    size_t end = sql_analyze(text, 0, &state, NULL, &facts);
    text.length = end;
    enum sql_mapped found = sql_map(&facts, &state, &where, &edits);
    if (found != SQL_MAP_EDITS)
        return 0;
    check_edits(text);
    char *mapped = malloc(text.length + edits.count * SQL_EDIT_SIZE + 1);
    struct text after = {mapped, sql_map_write(text, &edits, mapped)};
    sql_analyze(after, 0, &state, NULL, &again);
    /* S.t is not s.t for a server that tells case apart, though the gate takes it for the same. */
    bool other_case = !again.determined && strstr(again.why, "not among the joined");
    if (other_case) {
        free(mapped);
        return 0;
    }
    if (!again.determined || again.kind != facts.kind || again.effects != facts.effects)
        broken("a mapped text is understood as before", text, after);
    if (sql_map(&again, &state, &where, &edits) != SQL_MAP_NOTHING)
        broken("a mapped text has nothing left to be mapped", text, after);
    free(mapped);
    return 0;
}
