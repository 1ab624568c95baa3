/* Transactions: BEGIN, START, COMMIT, ROLLBACK, SAVEPOINT, RELEASE, XA. They name no objects.
 * Called by sql/analyze.c.
 */
#include "sql/parser.h"

static void skip_words(struct parser *p)
{
    while (p->t.class == SQL_TOKEN_WORD || at_sign(p, ','))
        step(p);
}

static void parse_start(struct parser *p)
{
    if (p->n.keyword == KW_TRANSACTION) {
        p->facts->kind = SQL_BEGIN;
        skip_words(p);
    } else {
        p->facts->kind = SQL_SERVER;
        p->facts->administration = true; /* START SLAVE, REPLICA, GROUP_REPLICATION */
        while (!at_end(p) && !at_sign(p, ';'))
            step(p);
    }
}

static void parse_savepoint(struct parser *p)
{
    struct name name;

    take_word(p, KW_SAVEPOINT);
    if (read_name(p, &name, false))
        step(p);
}

/* XA's identifiers are strings and numbers. */
static void parse_xa(struct parser *p)
{
    while (p->t.class == SQL_TOKEN_WORD || p->t.class == SQL_TOKEN_STRING ||
           p->t.class == SQL_TOKEN_NUMBER || at_sign(p, ','))
        step(p);
}

void parse_transaction(struct parser *p)
{
    enum sql_keyword word = (enum sql_keyword)p->t.keyword;

    switch (p->t.keyword) {
    case KW_START:
        parse_start(p);
        return;
    case KW_BEGIN:
        p->facts->kind = SQL_BEGIN;
        break;
    case KW_COMMIT:
        p->facts->kind = SQL_COMMIT;
        break;
    case KW_ROLLBACK:
        p->facts->kind = SQL_ROLLBACK;
        break;
    case KW_SAVEPOINT:
        p->facts->kind = SQL_SAVEPOINT;
        break;
    case KW_RELEASE:
        p->facts->kind = SQL_RELEASE;
        break;
    default:
        p->facts->kind = SQL_XA;
        break;
    }
    step(p);
    if (word == KW_XA) {
        parse_xa(p);
    } else if (word == KW_SAVEPOINT || word == KW_RELEASE) {
        parse_savepoint(p);
    } else {
        skip_words(p); /* WORK, AND NO CHAIN NO RELEASE */
        if (p->t.class == SQL_TOKEN_NAME)
            step(p); /* ROLLBACK TO SAVEPOINT `x` */
    }
}
