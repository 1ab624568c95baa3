/* A statement that was prepared before its tables moved, read once more, to be prepared anew as a
 * server would do it by itself: in the sql_mode and character set of now and in the database of
 * then. The verdict is not asked again: whoever executes it has judged it.
 */
#include "judge/judging.h"
#include "sql/analyze.h"

bool judge_renew_text(const struct belief *belief, struct text text, const struct sql_state *state,
                      struct ruling *ruling, const char **why)
{
    const struct sql_where where = {sql_moved_stands, ruling->moved};
    struct sql_facts *facts = &ruling->scratch;

    *why = "a prepared statement that reads in another way now";
    ruling->facts = NULL;
    if (sql_analyze(text, 0, state, belief->remembered, facts) < text.length ||
        !facts->determined || facts->needs_mode)
        return false;
    if (sql_map(facts, state, &where, &ruling->edits) != SQL_MAP_CANNOT)
        return true;
    *why = ruling->edits.why;
    return false;
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
