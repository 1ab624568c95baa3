/* Statements that act on the server: privileges, plugins, replication, backup. All set
 * facts->administration. Only the names in GRANT, REVOKE and BACKUP LOCK become objects. Called by
 * sql/statement.c.
 */
#include "sql/parser.h"

/* MariaDB: BACKUP STAGE name, BACKUP LOCK table, BACKUP UNLOCK */
static void parse_backup(struct parser *p)
{
    step(p);
    if (take_word(p, KW_LOCK)) {
        leaves(p, SQL_LEAVES_BACKUP_LOCK);
        take_table(p, SQL_READ);
    } else if (at_word(p, KW_UNLOCK)) {
        ends(p, SQL_ENDS_BACKUP_LOCK);
    } else if (p->n.keyword == KW_END) {
        ends(p, SQL_ENDS_BACKUP_STAGE);
    } else {
        leaves(p, SQL_LEAVES_BACKUP_STAGE);
    }
}

void parse_administration(struct parser *p)
{
    set_kind(p, SQL_ADMINISTRATION);
    p->facts->administration = true;
    if (at_word(p, KW_BINLOG)) {
        parser_fail(p, "BINLOG: events on tables that are not named");
        return;
    }
    if (at_word(p, KW_IMPORT)) {
        set_kind(p, SQL_IMPORT_TABLE);
        parser_fail(p, "IMPORT TABLE: names that stand in a file");
        return;
    }
    if (at_word(p, KW_PURGE)) { /* PURGE BINARY LOGS BEFORE expression */
        step(p);
        while (p->t.class == SQL_TOKEN_WORD && !at_word(p, KW_BEFORE))
            step(p);
        take_word(p, KW_BEFORE);
        parse_expression(p);
        return;
    }
    if (at_word(p, KW_BACKUP))
        parse_backup(p);
    skip_rest(p);
}

/* The level of a privilege: *, *.*, s.*, s.t, t (s: schema, t: table or routine) */
static void parse_level(struct parser *p)
{
    static const struct name nothing = {
        {"", 0},
        0, 0, false
    };
    bool routine = at_word(p, KW_PROCEDURE) || at_word(p, KW_FUNCTION) || at_word(p, KW_PACKAGE);
    struct name schema, name;

    if (routine || at_word(p, KW_TABLE)) {
        if (take_word(p, KW_PACKAGE))
            take_word(p, KW_BODY);
        else
            step(p);
    }
    if (take_sign(p, '*')) {
        if (!take_sign(p, '.') && (p->schema.at || p->state->database_unknown))
            add_object(p, SQL_DATABASE, NULL, &nothing, SQL_DEFINE);
        else
            take_sign(p, '*');
        return;
    }
    if (at_name(p) && p->n.sign == '.' && parser_peek(p).sign == '*') {
        if (take_database(p, SQL_DEFINE, &name)) {
            step(p);
            step(p);
        }
        return;
    }
    if (routine ? take_routine_name(p, &schema, &name) : take_table_name(p, &schema, &name))
        add_object(p, routine ? SQL_ROUTINE : SQL_TABLE, &schema, &name, SQL_DEFINE);
}

/* GRANT privileges ON level TO users, REVOKE ... FROM users; roles and PROXY have no level. */
void parse_grant(struct parser *p)
{
    set_kind(p, at_word(p, KW_GRANT) ? SQL_GRANT : SQL_REVOKE);
    p->facts->administration = true;
    step(p);
    bool proxy = at_word(p, KW_PROXY);
    while (!at_word(p, KW_ON) && !at_end(p) && !at_sign(p, ';')) {
        if (at_word(p, KW_TO)) {
            skip_rest(p);
            return;
        }
        if (at_sign(p, '('))
            skip_brackets(p);
        else
            step(p);
    }
    if (take_word(p, KW_ON) && !proxy)
        parse_level(p);
    skip_rest(p);
}
