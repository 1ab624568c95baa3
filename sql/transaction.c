/* Transactions: BEGIN, START, COMMIT, ROLLBACK, SAVEPOINT, RELEASE, XA. They name no objects.
 * Called by sql/statement.c.
 */
#include "sql/parser.h"
#include "sql/session_internal.h"

/* Skips the words that may follow COMMIT, ROLLBACK or BEGIN. The caller fails at any other word: in
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
        ends(p, SQL_ENDS_TABLE_LOCKS | SQL_ENDS_TRANSACTION);
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

/* [SAVEPOINT] name. A savepoint may be named SAVEPOINT. */
static void parse_savepoint(struct parser *p)
{
    struct name name;

    if (at_word(p, KW_SAVEPOINT) && (p->n.class == SQL_TOKEN_WORD || p->n.class == SQL_TOKEN_NAME))
        step(p);
    if (read_name(p, &name, false))
        step(p);
}

static void skip_xa(struct parser *p)
{
    while (p->t.class == SQL_TOKEN_WORD || p->t.class == SQL_TOKEN_STRING ||
           p->t.class == SQL_TOKEN_NUMBER || at_sign(p, ',') || at_sign(p, '='))
        step(p);
}

/* Does this text mean the same bytes in every sql_mode and character set? The meaning of a
 * backslash or of a letter beyond ASCII can change between XA START and XA COMMIT. */
static bool is_fixed(struct text xid)
{
    for (size_t i = 0; i < xid.length; i++) {
        if (xid.at[i] == '\\' || (unsigned char)xid.at[i] >= 128)
            return false;
    }
    return true;
}

static void note_xa(struct parser *p, enum sql_xa xa, bool known)
{
    p->facts->xa = (uint8_t)xa;
    p->facts->xa_foreign = !known && (xa == SQL_XA_ENDS || xa == SQL_XA_JOINS);
    p->facts->administration |= p->facts->xa_foreign;
}

/* XA identifiers are strings and numbers. A server keeps the prepared transactions of all services
 * and does not check who ends them. So it is administration to end a transaction that this session
 * has not started, unless judge/ knows that another session of the service has prepared it. */
static void parse_xa(struct parser *p)
{
    const enum sql_keyword word = (enum sql_keyword)p->t.keyword;
    const char *start = (const char *)p->lexer.start;

    if (word == KW_RECOVER) { /* MariaDB: XA RECOVER FORMAT = 'SQL' */
        p->facts->administration = true;
        skip_xa(p);
        return;
    }
    step(p);
    const uint32_t from = p->t.offset;
    uint32_t to = from;
    struct xid written;
    xid_begin(&written);
    while (p->t.class == SQL_TOKEN_STRING || p->t.class == SQL_TOKEN_NUMBER || at_sign(p, ',')) {
        to = p->t.offset + p->t.length;
        xid_read(p, &written);
        step(p);
    }
    const struct text xid = {start + from, to - from};
    const bool joins = at_word(p, KW_JOIN) || at_word(p, KW_RESUME);
    const bool ends = word == KW_COMMIT || word == KW_ROLLBACK;
    const bool known =
        p->session && !p->body && is_fixed(xid) && sql_session_started(p->session, xid);
    const bool starts = (word == KW_START || word == KW_BEGIN) && !joins;
    if (starts && !p->body && !p->dynamic)
        p->facts->leaves |= SQL_ENDS_TRANSACTION;
    if (!p->body)
        p->facts->xid = xid_end(p, &written);
    if (ends || joins)
        note_xa(p, ends ? SQL_XA_ENDS : SQL_XA_JOINS, known);
    else if (starts || word == KW_PREPARE)
        note_xa(p, starts ? SQL_XA_STARTS : SQL_XA_PREPARES, true);
    if (word == KW_PREPARE)
        p->facts->xa_foreign = !known && !p->facts->xid.at;
    if (p->facts->xa != SQL_XA_NONE && !p->body && xid.length <= PARSER_NAME)
        p->facts->session.name = xid;
    if (((ends && known) || starts) && p->facts->session.name.at) {
        p->facts->effects |= SQL_EFFECT_SESSION;
        p->facts->session.action |= starts ? SQL_ACTION_XA : SQL_ACTION_XA_OVER;
    }
    skip_xa(p);
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
        ends(p, SQL_ENDS_TABLE_LOCKS | SQL_ENDS_TRANSACTION);
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
        else if (word != KW_BEGIN)
            ends(p, SQL_ENDS_TRANSACTION); /* AND CHAIN, or completion_type, begins the next one */
    }
}
