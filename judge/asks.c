/* May silogate send something of its own to the server before this command? Asked by
 * proxy/renew.c.
 */
#include "sql/asks.h"
#include "judge/judging.h"

void asks_note(struct ruling *ruling, const struct sql_facts *facts)
{
    ruling->executes = true;
    if (facts->kind == SQL_PREPARE || facts->branches || facts->stores)
        return; /* the tables of another text, or of a branch that is not run */
    for (uint32_t i = 0; i < facts->object_count && !ruling->anew; i++)
        ruling->anew = facts->objects[i].type == SQL_TABLE;
}

bool judge_sets_anew(const struct belief *belief, const struct ruling *ruling)
{
    const struct sql_facts *facts = ruling->facts;
    const bool keeps = !ruling->anew && belief->state.dialect == SQL_MARIADB;
    struct text database, text = ruling->text;

    if (!ruling->executes || keeps || ruling->calls || ruling->undetermined)
        return false;
    if (facts && facts->kind == SQL_EXECUTE_STATEMENT)
        sql_session_prepared(belief->remembered, facts->session.name, &database, &text);
    return !sql_asks_back(text, &belief->state);
}

uint64_t judge_print(const struct sql_moved *moved, const struct prepared *prepared)
{
    return moves_print(moved, prepared->facts);
}
