/* The walk over one statement's tokens that the files of the statement families share. A recursive
 * descent that cares for four things alone: where the names of tables stand, what they mean there
 * (scoping), which calls are of stored functions, and where clauses and statements end. Expressions
 * are walked flat. Nobody outside sql/ includes this.
 *
 * Whoever meets something that is not foreseen calls parser_fail: from then on every token is
 * SQL_TOKEN_END, so that all loops end, and the facts are undetermined.
 */
#ifndef SQL_PARSER_H
#define SQL_PARSER_H

#include <stdbool.h>
#include <stdint.h>

#include "sql/facts.h"
#include "sql/lexer/keywords.h"
#include "sql/lexer/lexer.h"
#include "sql/session.h"
#include "sql/session_internal.h"

enum {
    PARSER_DEPTH = 100, /* queries and statements within each other */
    PARSER_PREPARED = 8,
    PARSER_CTES = 128,  /* common table expressions in scope */
    PARSER_UNUSED = 32, /* unused ones that are left out */
    PARSER_CTE_NAMES = 512,
    PARSER_TABLES = 256, /* tables that an UPDATE or DELETE joins */
    PARSER_INDEX = 4096, /* slots of the index over the objects; a power of two */
    PARSER_CALLED = 512, /* tables by which columns may be qualified */
    PARSER_QUALIFIERS = 512,
    PARSER_NEAR = 64,        /* tokens that are looked at a second time to find an alias */
    PARSER_LIST = 1000,      /* names of one batch: each can be mapped, see SQL_EDITS */
    PARSER_LIST_HEAD = 4096, /* bytes before a list that are read once more with each batch */
    PARSER_NAME = 1024, /* bytes of the longest name that is looked at: none is legal beyond 256 */
};

/* A name: what it says, and where it stands. */
struct name {
    struct text text; /* unquoted; `at` NULL: not written */
    uint32_t offset, length;
    bool high;
};

struct cte {
    struct name name;
    bool visible;
    bool open;     /* its definition is being read */
    bool used;     /* from outside of its definition */
    uint16_t with; /* the first one of its WITH */
    uint64_t place;
    uint64_t names; /* a bit for each table that its definition names, also by way of others */
};

/* A table of an UPDATE's or DELETE's join. */
struct joined {
    struct text schema, name; /* the table's; `schema` as resolved */
    struct text alias;        /* what the statement calls it */
    uint16_t object;          /* in facts->objects; SQL_OBJECTS: no base table */
    bool aliased;
};

/* A table of the statement, by what its columns may be qualified with. */
struct called {
    struct sql_token token;
    uint16_t object;
};

/* schema.table before a column. */
struct qualifier {
    struct sql_token schema, table;
};

struct parser {
    struct sql_lexer lexer;
    struct sql_token t, n; /* the current token and the next */
    struct sql_facts *facts;
    const struct sql_state *state;
    const struct sql_session *session;
    struct text schema;     /* of unqualified names; `at` NULL: none is known */
    struct text view;       /* schema of the view that is being defined; `at` NULL: not written */
    struct text home;       /* schema of the table that is being defined; `at` NULL: not written */
    struct sql_token named; /* the name or alias that was taken last */
    struct {                /* the literal of the command that is being read; `at` NULL: none */
        struct text text;   /* between its quotes */
        uint32_t offset;
        uint32_t in, out; /* the same place in it and in what it stands for */
        char quote;
        bool escaped;
    } literal;
    uint16_t beside;  /* see struct sql_place */
    uint16_t defined; /* the table that is being defined or altered */
    bool unplaced;    /* the name that is added has its place already */
    bool qualifiers_lost;
    uint16_t called_count, qualifier_count;
    struct called called[PARSER_CALLED];
    struct qualifier qualifiers[PARSER_QUALIFIERS];
    bool failed;
    bool body;        /* in a stored body or compound statement */
    bool assigns;     /* sets user variables */
    bool calls;       /* runs a procedure, which may do anything to what the session remembers */
    bool stored;      /* in a body or view: no temporary table is seen from there */
    bool compound;    /* a compound statement outside of routines */
    bool set_for;     /* behind SET STATEMENT ... FOR in a body */
    bool dynamic;     /* in a statement's text that is a value */
    bool united;      /* names the tables of a MERGE table */
    bool has_body;    /* a body or compound statement was in it */
    uint8_t texts;    /* how many such texts were read so far */
    bool nowhere;     /* the text is not the command's: offsets mean nothing */
    bool fold;        /* table and database names are folded to lower case */
    bool references;  /* names a table beside the one that is defined */
    bool collects;    /* joined tables are collected */
    bool matches;     /* behind MATCH, before its AGAINST */
    bool rereads;     /* sets what decides how the next statement is read */
    bool with_inside; /* MySQL: a WITH has stood in brackets */
    bool in_cte;      /* in the definition of a common table expression */
    uint8_t depth;
    bool at_start;                 /* at the very start of one */
    uint16_t cte_count, cte_floor; /* those below the floor cannot be seen */
    uint16_t cte_inner_floor;      /* with in_cte: for a WITH that stands deeper in it */
    uint16_t joined_count;
    bool indexed;
    uint32_t start;     /* of the statement */
    bool lists;         /* long lists of names may come in batches */
    uint32_t list_from; /* where this batch of a list begins; 0: at its first name */
    uint8_t prepared_count;
    struct text prepared[PARSER_PREPARED]; /* statements of the body's PREPAREs up to here */
    /* MySQL: a bit for each name that definitions use. */
    uint64_t cte_names[PARSER_CTE_NAMES / 64];
    /* MySQL: where the names of unused CTEs stand; the first `skipped` are not read. */
    uint8_t unused_count, skipped;
    uint64_t unused[PARSER_UNUSED];
    struct cte ctes[PARSER_CTES];
    struct joined joined[PARSER_TABLES];
    uint16_t index[PARSER_INDEX]; /* object number + 1, where `indexed` */
};

/* --- tokens (parser.c) --- */

/* Starts at `offset` of `text`; the fields that say what the text is in are set by the caller. */
void parser_start(struct parser *p, struct text text, uint32_t offset);
void parser_stop(struct parser *p);
/* As if the text ended here. */
void parser_end(struct parser *p);
/* `why` is static. Returns false. */
bool parser_fail(struct parser *p, const char *why);

static inline void step(struct parser *p)
{
    p->t = p->n;
    sql_lexer_next(&p->lexer, &p->n);
    if (__builtin_expect(p->t.class == SQL_TOKEN_BAD, 0))
        parser_stop(p);
}

static inline bool at_word(const struct parser *p, enum sql_keyword word)
{
    return p->t.keyword == word;
}

static inline bool at_sign(const struct parser *p, char sign)
{
    return p->t.sign == sign;
}

static inline bool at_end(const struct parser *p)
{
    return p->t.class == SQL_TOKEN_END;
}

static inline bool take_word(struct parser *p, enum sql_keyword word)
{
    if (p->t.keyword != word)
        return false;
    step(p);
    return true;
}

static inline bool take_sign(struct parser *p, char sign)
{
    if (p->t.sign != sign)
        return false;
    step(p);
    return true;
}

/* The first to say what the statement is, is right: what is in it says so too. */
static inline void set_kind(struct parser *p, enum sql_kind kind)
{
    if (p->facts->kind == SQL_UNKNOWN)
        p->facts->kind = (uint8_t)kind;
}

/* The statement reads or writes rows, or calls a function. */
static inline void may_run_code(struct parser *p)
{
    if (!p->stored)
        p->facts->session.action |= SQL_ACTION_RUNS_CODE;
}

/* Fails where something else stands. */
bool need_word(struct parser *p, enum sql_keyword word);
bool need_sign(struct parser *p, char sign);

/* The token behind p->n. Costs a second reading of it: for rare forks alone. */
struct sql_token parser_peek(const struct parser *p);

static inline bool at_name(const struct parser *p)
{
    return p->t.class == SQL_TOKEN_WORD || p->t.class == SQL_TOKEN_NAME;
}

/* A bare word that cannot be an alias, as the dialect has it. */
static inline bool at_reserved(const struct parser *p)
{
    return p->t.keyword && (sql_keyword_flags(p->t.keyword, p->state->dialect) & WORD_RESERVED);
}

/* To look further ahead and come back; only within what is bounded. */
struct parser_mark {
    struct sql_lexer lexer;
    struct sql_token t, n;
};
struct parser_mark parser_mark(const struct parser *p);
void parser_back(struct parser *p, const struct parser_mark *mark);

/* Everything up to the statement's end, unread, where the grammar has no room for queries. */
void skip_rest(struct parser *p);
/* A user or role: name@host, 'name'@'host', CURRENT_USER[()]. */
void skip_user(struct parser *p);
/* IF EXISTS, IF NOT EXISTS; true when it stood there. */
bool take_if_exists(struct parser *p);
/* Skips a bracket and all that is in it, unread: for lists of columns, indexes, partitions. */
void skip_brackets(struct parser *p);

/* --- names and objects (names.c) --- */

/* The current token as a name: `fold` to lower case where the server does so. The token stays. */
bool read_name(struct parser *p, struct name *name, bool fold);
/* The same of a token that was met before. */
bool read_name_of(struct parser *p, const struct sql_token *token, struct name *name, bool fold);
/* Takes name or schema.name (or .name); folds as tables are folded. False after a failure. */
bool take_table_name(struct parser *p, struct name *schema, struct name *name);
/* The same for routines, triggers and events: the name itself always compares without case. */
bool take_routine_name(struct parser *p, struct name *schema, struct name *name);

/* Adds an object, or accesses to one that is there. `schema` NULL or unwritten: the default.
 * Returns its number, or SQL_OBJECTS where there is no room (then the parser has failed). */
unsigned add_object(struct parser *p, enum sql_type type, const struct name *schema,
                    const struct name *name, unsigned access);
/* The same for a table that may be one of this session's own temporary tables. */
unsigned add_table(struct parser *p, const struct name *schema, const struct name *name,
                   unsigned access);
/* A temporary table that the statement creates. */
unsigned add_temporary(struct parser *p, const struct name *schema, const struct name *name);
/* Takes a table's name and adds it. */
unsigned take_table(struct parser *p, unsigned access);
/* A table's name, another comma, another name. */
void take_tables(struct parser *p, unsigned access);
/* Before the first name of a list that may be long: a later batch goes on where the last ended. */
void list_begin(struct parser *p);
/* Behind a name: a comma and another, in this batch. */
bool list_goes_on(struct parser *p);
/* Takes a database's name and adds the database. */
bool take_database(struct parser *p, unsigned access, struct name *name);
/* The same where a temporary table is not looked for. */
unsigned take_real_table(struct parser *p, unsigned access);
/* The same name, as the dialect compares tables and aliases. */
bool same_name(struct parser *p, struct text a, struct text b);
/* Room in facts->names; NULL where there is none (then the parser has failed). */
char *take_room(struct parser *p, size_t size);

/* What a quoted string stands for, in the text itself or in facts->names; `at` NULL where that is
 * not known. */
struct text unescape(struct parser *p, struct text literal, bool has_escapes);

/* The same text, `at` NULL where it may be another once it is a value, or the text of PREPARE: see
 * enum sql_lossy. */
struct text keeps_its_text(const struct parser *p, struct text text);

/* The name of the user variable at p->t, without @ and quotes. */
struct name variable_name(struct parser *p);

/* --- places (places.c) --- */

/* Where the name of this token stands in the text of the command. */
void place_name(struct parser *p, const struct sql_token *token, struct name *name);
/* A mention of an object; called by add_object and its kin. */
void place_object(struct parser *p, unsigned number, const struct name *schema,
                  const struct name *name);
/* The object that was added last goes where `leader` goes. */
void place_follows(struct parser *p, unsigned number, unsigned leader);
/* A trigger on the object `table`; SQL_OBJECTS: its table is not said. */
void place_trigger(struct parser *p, unsigned number, const struct name *schema,
                   const struct name *name, unsigned table);
/* A table, and the name or alias that the statement calls it by. */
void called_table(struct parser *p, unsigned object, const struct sql_token *called);
/* schema.table before a column: `table` may be an alias, and what it means may come later. */
void note_qualifier(struct parser *p, const struct sql_token *schema,
                    const struct sql_token *table);
/* At a name in what is skipped: the same where schema.table.column stands there. */
void note_qualifiers_in(struct parser *p);
/* At the end of a statement's text. */
void resolve_qualifiers(struct parser *p);

/* --- expressions (expression.c) --- */

/* Stops, outside of brackets, before a comma, a closing bracket, a semicolon, the end, or a word
 * that starts a clause. */
void parse_expression(struct parser *p);
/* At a word before which an expression ends, outside of brackets? */
bool ends_expression(const struct parser *p);
/* Expressions with commas between them. */
void parse_expressions(struct parser *p);
/* At an opening bracket: all up to the closing one, which is taken too. */
void parse_bracket(struct parser *p);
/* (..), (..) or ROW(..), ROW(..) */
void parse_rows(struct parser *p);

/* --- queries (query.c, tables.c) --- */

/* Can a query start here (behind an opening bracket)? */
bool at_query(const struct parser *p);
/* A query expression with its WITH, up to what cannot belong to it. */
void parse_query(struct parser *p);
/* The same behind its WITH, whose tables are those from `mark` on: operands in any number of
 * brackets, set operations between them, clauses behind them. */
void parse_query_body(struct parser *p, uint16_t mark);
/* At a set operation outside of parse_query: its operands stand in brackets of their own, and where
 * one of them had a WITH, MySQL lets its tables be seen in those behind it. */
void need_plain_operands(struct parser *p);
/* with.c: the WITH clause alone; the caller gives its tables back with leave_with. */
uint16_t enter_with(struct parser *p);
void leave_with(struct parser *p, uint16_t mark);
/* tables.c: may its definition name such a table, itself or by way of others? */
bool cte_names(const struct cte *cte, const struct name *name);
/* WHERE, ORDER BY, LIMIT ...: one clause; false where none stands. */
bool parse_clause(struct parser *p);
/* UNION and its kin, with ALL or DISTINCT; false where none stands. */
bool take_set_operation(struct parser *p);
/* ALL, DISTINCT or DISTINCTROW, where one stands. */
void skip_quantifier(struct parser *p);
/* What follows FROM. */
void parse_table_references(struct parser *p, unsigned access);
/* One table with alias, partitions and hints, without joins. */
void parse_table_factor(struct parser *p, unsigned access);
/* [AS] alias; false where there is none. */
bool take_alias(struct parser *p, struct name *alias);
/* USE, FORCE or IGNORE INDEX (names), any number of them. */
void skip_hints(struct parser *p);

/* --- statements --- */

/* One statement of any family, from its first word to its end (exclusive of the semicolon). */
void parse_statement(struct parser *p);

/* change.c */
void parse_insert(struct parser *p);
void parse_update(struct parser *p);
void parse_delete(struct parser *p);
/* What is written also comes back: by RETURNING, or in a user variable. */
void read_written(struct parser *p);
/* set.c */
void parse_set(struct parser *p);
/* transaction.c */
void parse_transaction(struct parser *p);

/* --- xid.c: the identifier of an XA transaction --- */

struct xid {
    bool good, filled; /* so far; the part at hand is there */
    unsigned part;     /* 0 gtrid, 1 bqual, 2 format */
    uint8_t lengths[2];
    char bytes[128];
};
void xid_begin(struct xid *xid);
/* The token at hand: a part, or a comma. */
void xid_read(struct parser *p, struct xid *xid);
/* As facts have it; `at` NULL: nobody can tell. */
struct text xid_end(struct parser *p, const struct xid *xid);
/* show.c */
void parse_show(struct parser *p);
void parse_explain(struct parser *p);
/* maintain.c */
void parse_maintenance(struct parser *p);
void parse_flush(struct parser *p);
void parse_lock_tables(struct parser *p);
void parse_unlock(struct parser *p);
void parse_handler(struct parser *p);
/* The table that was opened by this name is read; what was allowed then need not be now. */
void read_handler(struct parser *p, struct text name);
void parse_kill(struct parser *p);
void parse_load_index(struct parser *p);
/* load.c */
void parse_load(struct parser *p);
/* administer.c */
void parse_administration(struct parser *p);
void parse_grant(struct parser *p);
/* define.c */
void parse_create(struct parser *p);
void parse_alter(struct parser *p);
void parse_drop(struct parser *p);
void parse_rename(struct parser *p);
void parse_truncate(struct parser *p);
/* define_stored.c */
void take_routine(struct parser *p, unsigned access, struct name *schema);
/* A trigger by its own name. */
void take_trigger(struct parser *p, unsigned access);
void parse_view(struct parser *p);
void parse_trigger(struct parser *p);
void parse_event(struct parser *p, enum sql_kind kind);
void parse_routine(struct parser *p);
/* SQL SECURITY, COMMENT and so on, between the head and the body of a routine. */
void skip_characteristics(struct parser *p);
/* define_table.c */
void parse_create_table(struct parser *p, bool temporary, bool replaces);
void parse_alter_table(struct parser *p);
/* The options of a table or sequence, up to the statement's end. */
void parse_table_options(struct parser *p);
/* A storage engine's name; one that may reach elsewhere is administration. */
void take_engine_name(struct parser *p);
/* body.c */
void parse_body(struct parser *p);
/* Names with types and defaults, up to the bracket or the semicolon behind them. */
void parse_declared(struct parser *p);
bool at_compound(const struct parser *p);
void parse_compound(struct parser *p);
/* A table that is renamed: where its schema changes, all of the new one is touched. */
void move_to(struct parser *p, const struct name *from, const struct name *to);
/* A body whose unqualified names belong to `schema` (unwritten: the current database). */
void parse_body_in(struct parser *p, const struct name *schema);
/* dynamic.c */
void parse_prepare(struct parser *p);
void parse_execute(struct parser *p);
void parse_deallocate(struct parser *p);

#endif
