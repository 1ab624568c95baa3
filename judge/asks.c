/* May silogate send something of its own to the server before this command? Asked by
 * proxy/renew.c.
 */
#include "sql/asks.h"
#include "judge/judging.h"

bool judge_asks_back(const struct belief *belief, const struct ruling *ruling)
{
    const struct sql_facts *facts = ruling->facts;
    struct text database, text = ruling->text;

    if (ruling->calls || ruling->undetermined)
        return true;
    if (facts && facts->kind == SQL_EXECUTE_STATEMENT)
        sql_session_prepared(belief->remembered, facts->session.name, &database, &text);
    return sql_asks_back(text, &belief->state);
}

uint64_t judge_print(const struct sql_moved *moved, const struct prepared *prepared)
{
    return moves_print(moved, prepared->facts);
}
