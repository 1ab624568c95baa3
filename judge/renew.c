/* Reads a statement that was prepared before its tables moved, so that it can be prepared again in
 * the way a server does it after DDL: in the current sql_mode and character set, and in the
 * database of its PREPARE. It gives no verdict: the execution for which this is done is already
 * judged.
 */
#include "judge/judging.h"
#include "sql/analyze.h"

bool judge_renew_text(const struct belief *belief, struct text text, const struct sql_state *state,
                      struct ruling *ruling, const char **why)
{
    const struct sql_where where = {sql_moved_stands, ruling->moved, belief->remembered};
    struct sql_facts *facts = &ruling->scratch;

    *why = "a prepared statement that reads in another way now";
    ruling->facts = NULL;
    if (sql_analyze(text, 0, state, belief->remembered, facts) < text.length ||
        !facts->determined || facts->needs_mode)
        return false;
    if (sql_map(facts, state, &where, &ruling->edits) == SQL_MAP_CANNOT) {
        *why = ruling->edits.why;
        return false;
    }
    *why = "a prepared statement that gives a new name to a table that has moved since";
    for (uint32_t i = 0; i < ruling->edits.count; i++) {
        if (sql_edit_follows(&ruling->edits.edits[i], facts, &where))
            return false; /* nobody has judged the new name in the other schema */
    }
    return true;
}

bool judge_renew(const struct belief *belief, const struct prepared *prepared,
                 struct ruling *ruling, const char **why)
{
    const struct sql_state state = execute_state(belief, &prepared->state);

    *why = "a prepared statement that is too long to be prepared anew";
    return !prepared->cut &&
           judge_renew_text(belief, (struct text){prepared->text, prepared->text_length}, &state,
                            ruling, why);
}
