/* Transactions: BEGIN, START, COMMIT, ROLLBACK, SAVEPOINT, RELEASE, XA. They name no objects.
 * Called by sql/analyze.c.
 */
#include "sql/parser.h"

/* The few words that may follow; anything else is left for the caller to stumble over, since in
 * sql_mode ORACLE a BEGIN may start a block. */
static void skip_words(struct parser *p)
{
    for (;;) {
        switch (p->t.keyword) {
        case KW_WORK:
        case KW_AND:
        case KW_NO:
        case KW_CHAIN:
        case KW_RELEASE:
            step(p);
            break;
        default:
            return;
        }
    }
}

/* WITH CONSISTENT SNAPSHOT, READ WRITE, READ ONLY */
static void skip_transaction_characteristics(struct parser *p)
{
    while (at_word(p, KW_WITH) || at_word(p, KW_CONSISTENT) || at_word(p, KW_SNAPSHOT) ||
           at_word(p, KW_READ) || at_word(p, KW_WRITE) || at_word(p, KW_ONLY) || at_sign(p, ','))
        step(p);
}

static void parse_start(struct parser *p)
{
    if (p->n.keyword == KW_TRANSACTION) {
        set_kind(p, SQL_BEGIN);
        step(p);
        step(p);
        skip_transaction_characteristics(p);
    } else {
        set_kind(p, SQL_ADMINISTRATION);
        p->facts->administration = true; /* START SLAVE, REPLICA, GROUP_REPLICATION */
        while (!at_end(p) && !at_sign(p, ';'))
            step(p);
    }
}

/* [SAVEPOINT] name: the word may be the name. */
static void parse_savepoint(struct parser *p)
{
    struct name name;

    if (at_word(p, KW_SAVEPOINT) && (p->n.class == SQL_TOKEN_WORD || p->n.class == SQL_TOKEN_NAME))
        step(p);
    if (read_name(p, &name, false))
        step(p);
}

/* XA's identifiers are strings and numbers; MariaDB: XA RECOVER FORMAT = 'SQL' */
static void parse_xa(struct parser *p)
{
    while (p->t.class == SQL_TOKEN_WORD || p->t.class == SQL_TOKEN_STRING ||
           p->t.class == SQL_TOKEN_NUMBER || at_sign(p, ',') || at_sign(p, '='))
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
        set_kind(p, SQL_BEGIN);
        break;
    case KW_COMMIT:
        set_kind(p, SQL_COMMIT);
        break;
    case KW_ROLLBACK:
        set_kind(p, SQL_ROLLBACK);
        break;
    case KW_SAVEPOINT:
        set_kind(p, SQL_SAVEPOINT);
        break;
    case KW_RELEASE:
        set_kind(p, SQL_RELEASE);
        break;
    default:
        set_kind(p, SQL_XA);
        break;
    }
    step(p);
    if (word == KW_XA) {
        parse_xa(p);
    } else if (word == KW_SAVEPOINT || word == KW_RELEASE) {
        parse_savepoint(p);
    } else {
        skip_words(p);
        if (word == KW_ROLLBACK && take_word(p, KW_TO))
            parse_savepoint(p);
    }
}
