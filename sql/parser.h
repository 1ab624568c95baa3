/* The parser of one statement, shared by the files of the statement families. It is a recursive
 * descent parser that finds only four things: where table names stand, what they mean there
 * (scoping), which calls are calls of stored functions, and where clauses and statements end.
 * Expressions are read without building a tree. Only files in sql/ include this header.
 *
 * Code that meets syntax it does not know calls parser_fail: from then on every token is
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
    PARSER_DEPTH = 100, /* depth of nested queries and statements */
    PARSER_PREPARED = 8,
    PARSER_CTES = 128,  /* common table expressions in scope */
    PARSER_UNUSED = 32, /* unused CTEs that are skipped on the next reading */
    PARSER_CTE_NAMES = 512,
    PARSER_TABLES = 256, /* tables in the join of an UPDATE or DELETE */
    PARSER_INDEX = 4096, /* slots of the hash index of the objects; a power of two */
    PARSER_CALLED = 512, /* tables that may qualify a column */
    PARSER_QUALIFIERS = 512,
    PARSER_NEAR = 64,        /* tokens that are read a second time to find an alias */
    PARSER_LIST = 1000,      /* names in one batch; not more than SQL_EDITS, so all can be mapped */
    PARSER_LIST_HEAD = 4096, /* bytes before a list; each batch reads them again */
    PARSER_NAME = 1024,      /* longest name in bytes that is read; legal names have at most 256 */
};

/* A name and its position in the text. */
struct name {
    struct text text; /* unquoted; `at` NULL: the statement does not write it */
    uint32_t offset, length;
    bool high;
};

struct cte {
    struct name name;
    bool visible;
    bool open;     /* the parser is in its definition */
    bool used;     /* by a query outside of its definition */
    uint16_t with; /* index of the first CTE of the same WITH */
    uint64_t place;
    uint64_t names; /* hash bits of the tables that its definition names, also through CTEs */
};

/* A table in the join of an UPDATE or DELETE. */
struct joined {
    struct text schema, name; /* of the table; `schema` is resolved */
    struct text alias;        /* the alias, or the table's name without one */
    uint16_t object;          /* index in facts->objects; SQL_OBJECTS: not a base table */
    bool aliased;
};

/* A table of the statement, and the name or alias that may qualify its columns. */
struct called {
    struct sql_token token;
    uint16_t object;
};

/* schema.table in front of a column. */
struct qualifier {
    struct sql_token schema, table;
};

struct parser {
    struct sql_lexer lexer;
    struct sql_token t, n; /* the current token and the next one */
    struct sql_facts *facts;
    const struct sql_state *state;
    const struct sql_session *session;
    struct text schema;     /* of unqualified names; `at` NULL: not known */
    struct text view;       /* schema of the view in CREATE or ALTER VIEW; `at` NULL: not written */
    struct text home;       /* schema of the table that is defined; `at` NULL: not written */
    struct sql_token named; /* the last name or alias that was read */
    struct {                /* the string literal that is parsed as a statement; `at` NULL: none */
        struct text text;   /* the bytes between its quotes, escapes included */
        uint32_t offset;
        uint32_t in, out; /* one position: in `text`, and in the unescaped value */
        char quote;
        bool escaped;
    } literal;
    uint16_t beside;      /* see struct sql_place */
    uint16_t defined;     /* object number of the table that is defined or altered */
    bool unplaced;        /* add no place for the objects that are added now */
    bool qualifiers_lost; /* some did not fit below: no object of the statement can be mapped */
    uint16_t called_count, qualifier_count;
    struct called called[PARSER_CALLED];
    struct qualifier qualifiers[PARSER_QUALIFIERS];
    bool failed;
    bool body;        /* inside a stored body or compound statement */
    bool assigns;     /* the statement sets user variables */
    bool remembers;   /* the value of a user variable was taken from the session */
    bool calls;       /* runs a procedure, which may change any state of the session */
    bool stored;      /* in a stored body or view, which sees no temporary tables */
    bool compound;    /* a compound statement outside of routines */
    bool set_for;     /* after SET STATEMENT ... FOR in a body */
    bool dynamic;     /* inside the text of PREPARE or EXECUTE IMMEDIATE */
    bool united;      /* the statement defines the tables of a MERGE table */
    bool has_body;    /* the statement contains a body or compound statement */
    uint8_t texts;    /* number of `dynamic` texts so far */
    bool nowhere;     /* the text is not part of the command: it has no offsets */
    bool fold;        /* table and database names are folded to lower case */
    bool references;  /* a REFERENCES names a table without its schema */
    bool collects;    /* joined tables are added to `joined` */
    bool matches;     /* between MATCH and its AGAINST */
    bool rereads;     /* sets a variable that changes how the next statement is read */
    bool with_inside; /* MySQL: there was a WITH in brackets */
    bool in_cte;      /* inside the definition of a CTE */
    bool no_with;     /* a WITH is undetermined here: see parse_with_none */
    uint8_t depth;
    bool at_start;                 /* at the first token of a CTE's definition */
    uint16_t cte_count, cte_floor; /* CTEs below the floor are not visible */
    uint16_t cte_inner_floor;      /* with in_cte: the floor for a WITH nested deeper */
    uint16_t joined_count;
    bool indexed;
    uint32_t start;     /* offset of the statement */
    uint32_t defines;   /* offset of the CREATE or ALTER that is read */
    bool lists;         /* long lists of names may be split into batches */
    uint32_t list_from; /* offset where this batch of the list begins; 0: at its first name */
    uint8_t prepared_count;
    struct text prepared[PARSER_PREPARED]; /* names of the statements that the body has prepared */
    /* MySQL: a hash bit for each name that definitions use. */
    uint64_t cte_names[PARSER_CTE_NAMES / 64];
    /* MySQL: the positions of unused CTEs; the definitions of the first `skipped` are not read. */
    uint8_t unused_count, skipped;
    uint64_t unused[PARSER_UNUSED];
    struct cte ctes[PARSER_CTES];
    struct joined joined[PARSER_TABLES];
    uint16_t index[PARSER_INDEX]; /* object number + 1; 0: free; only valid with `indexed` */
};

/* --- tokens (parser.c) --- */

/* Starts at `offset` of `text`. The caller sets the fields that describe the context. */
void parser_start(struct parser *p, struct text text, uint32_t offset);
void parser_stop(struct parser *p);
/* Makes the text end at this token. */
void parser_end(struct parser *p);
/* `why` is a static string. Always returns false. */
bool parser_fail(struct parser *p, const char *why);

static inline void step(struct parser *p)
{
    if (__builtin_expect(p->t.class == SQL_TOKEN_VARIABLE && p->n.sign == ':', 0))
        p->assigns = true; /* @v := .., wherever it is */
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

/* Only the first call sets the kind: later calls come from nested statements. */
static inline void set_kind(struct parser *p, enum sql_kind kind)
{
    if (p->facts->kind == SQL_UNKNOWN)
        p->facts->kind = (uint8_t)kind;
}

/* The statement may leave this behind when it runs. */
static inline void leaves(struct parser *p, enum sql_leaves what)
{
    if (!p->stored)
        p->facts->leaves |= (uint16_t)what;
}

/* If it succeeds, this is certainly over. */
static inline void ends(struct parser *p, unsigned what)
{
    if (!p->body && !p->dynamic)
        p->facts->leaves |= (uint16_t)what;
}

/* The statement reads or writes rows, or calls a function. */
static inline void may_run_code(struct parser *p)
{
    if (!p->stored)
        p->facts->session.action |= SQL_ACTION_RUNS_CODE;
}

/* Take the word or sign; any other token is a failure. */
bool need_word(struct parser *p, enum sql_keyword word);
bool need_sign(struct parser *p, char sign);

/* The token after p->n. It is read twice then, so this is for rare cases only. */
struct sql_token parser_peek(const struct parser *p);

static inline bool at_name(const struct parser *p)
{
    return p->t.class == SQL_TOKEN_WORD || p->t.class == SQL_TOKEN_NAME;
}

/* At a word that is reserved in this dialect, so that it cannot be a bare alias? */
static inline bool at_reserved(const struct parser *p)
{
    return p->t.keyword && (sql_keyword_flags(p->t.keyword, p->state->dialect) & WORD_RESERVED);
}

/* To read ahead and come back. The caller must limit how far it reads. */
struct parser_mark {
    struct sql_lexer lexer;
    struct sql_token t, n;
};
struct parser_mark parser_mark(const struct parser *p);
void parser_back(struct parser *p, const struct parser_mark *mark);

/* Skips to the statement's end, where the grammar allows no query; a SELECT is a failure. */
void skip_rest(struct parser *p);
/* Skips a user or role: name@host, 'name'@'host', CURRENT_USER[()]. */
void skip_user(struct parser *p);
/* Takes IF EXISTS or IF NOT EXISTS; false if neither is there. */
bool take_if_exists(struct parser *p);
/* Skips a bracket and its content (lists of columns, indexes, partitions); notes the qualifiers of
 * columns in it. A query in it is a failure. */
void skip_brackets(struct parser *p);
/* PARTITION (p0, p1), if it is there. */
void skip_partitions(struct parser *p);

/* --- names and objects (names.c) --- */

/* Reads the current token as a name, in lower case with `fold`. Does not step past it. */
bool read_name(struct parser *p, struct name *name, bool fold);
/* The same for a given token. */
bool read_name_of(struct parser *p, const struct sql_token *token, struct name *name, bool fold);
/* Takes name, schema.name or .name; folds them as table names. False after a failure. */
bool take_table_name(struct parser *p, struct name *schema, struct name *name);
/* The same for routines, triggers and events. Their own names are not folded: they always compare
 * without case. */
bool take_routine_name(struct parser *p, struct name *schema, struct name *name);

/* Adds an object, or adds `access` to one that is listed. `schema` NULL or not written: the
 * default. Returns the object's number, or SQL_OBJECTS when the parser has failed. */
unsigned add_object(struct parser *p, enum sql_type type, const struct name *schema,
                    const struct name *name, unsigned access);
/* The same for a table that may be a temporary table of this session. */
unsigned add_table(struct parser *p, const struct name *schema, const struct name *name,
                   unsigned access);
/* The statement needs the object (SQL_OBJECTS: none) to be a table: union of enum sql_needs. */
void note_need(struct parser *p, unsigned number, unsigned needs);
/* Is this object the likeness of tables that may be MERGE tables? Then adds these. */
bool add_likeness(struct parser *p, unsigned number);
/* Adds a temporary table that the statement creates. */
unsigned add_temporary(struct parser *p, const struct name *schema, const struct name *name);
/* Takes a table's name and adds it. */
unsigned take_table(struct parser *p, unsigned access);
/* Takes table names separated by commas, and adds the tables, which must be tables. */
void take_tables(struct parser *p, unsigned access);
/* Call it before the first name of a list that may be long; a later batch starts at list_from. */
void list_begin(struct parser *p);
/* After a name: takes the comma; true when another name of this batch follows. */
bool list_goes_on(struct parser *p);
/* Takes a database's name and adds the database. */
bool take_database(struct parser *p, unsigned access, struct name *name);
/* Like take_table, but the name never means a temporary table. */
unsigned take_real_table(struct parser *p, unsigned access);
/* Are the names equal, as the dialect compares tables and aliases? */
bool same_name(struct parser *p, struct text a, struct text b);
/* Takes `size` bytes of facts->names; NULL when they do not fit (the parser has failed then). */
char *take_room(struct parser *p, size_t size);

/* The value of a quoted string. It points into the text or into facts->names; `at` NULL: the value
 * is not known. */
struct text unescape(struct parser *p, struct text literal, bool has_escapes);

/* Returns `text`; `at` NULL when the server may change its bytes while it is a value or the text of
 * PREPARE: see enum sql_lossy. */
struct text keeps_its_text(const struct parser *p, struct text text);

/* The name of the user variable at p->t, without @ and quotes. */
struct name variable_name(struct parser *p);
/* The text, or several texts, that the user variable at p->t holds when the statement gets there.
 * `at` NULL: it is not known, or something earlier in this statement may have changed it. */
struct text variable_value(struct parser *p);

/* --- places (places.c) --- */

/* Sets the offset and length of the name to the token's position in the command. */
void place_name(struct parser *p, const struct sql_token *token, struct name *name);
/* Records the place of a mention of an object; called by all add_ functions. */
void place_object(struct parser *p, unsigned number, const struct name *schema,
                  const struct name *name);
/* Object `number`, which was added last, is mapped to the same schema as `leader`. */
void place_follows(struct parser *p, unsigned number, unsigned leader);
/* Records a trigger on the object `table`; SQL_OBJECTS: the statement does not name the table. */
void place_trigger(struct parser *p, unsigned number, const struct name *schema,
                   const struct name *name, unsigned table);
/* Records the name or alias that the statement uses for the table. */
void called_table(struct parser *p, unsigned object, const struct sql_token *called);
/* Records schema.table in front of a column. `table` may be an alias that is defined later. */
void note_qualifier(struct parser *p, const struct sql_token *schema,
                    const struct sql_token *table);
/* At a name in skipped text: records the qualifier if schema.table.column is there. */
void note_qualifiers_in(struct parser *p);
/* At the end of a statement's text: finds the tables of the recorded qualifiers. */
void resolve_qualifiers(struct parser *p);

/* --- expressions (expression.c) --- */

/* Outside of brackets it stops before a comma, a closing bracket, a semicolon, the end, or a word
 * that starts a clause. */
void parse_expression(struct parser *p);
/* At a word that ends an expression outside of brackets? */
bool ends_expression(const struct parser *p);

/* Words that are options right behind SELECT, else names of columns and functions. */
bool is_column_or_option(const struct parser *p, unsigned keyword);

/* MariaDB's sql_mode ORACLE? Where sql_mode is not known the statement is not read on. */
bool in_oracle(struct parser *p);
/* The same, where nothing is wrong with reading on in both ways. */
bool may_be_oracle(const struct parser *p);
/* Can a name before a routine's be a package? */
bool has_packages(struct parser *p);
/* The last of names with dots: NEXTVAL or CURRVAL, which is a sequence's value in ORACLE? */
bool at_value(struct parser *p, const struct sql_token *last);
/* Expressions separated by commas. */
void parse_expressions(struct parser *p);
/* At an opening bracket: parses its content and takes the closing bracket. */
void parse_bracket(struct parser *p);
/* (..), (..) or ROW(..), ROW(..) */
void parse_rows(struct parser *p);

/* --- queries (query.c, tables.c) --- */

/* Can a query start here, after an opening bracket? */
bool at_query(const struct parser *p);
/* A query expression with its WITH, up to the first token that cannot belong to it. */
void parse_query(struct parser *p);
/* The same without the WITH, whose CTEs are those from `mark` on: operands in any number of
 * brackets, the set operations between them, and the clauses after them. */
void parse_query_body(struct parser *p, uint16_t mark);
/* At a set operation outside of parse_query, whose operands each stand in brackets. Fails on MySQL
 * when an operand had a WITH: MySQL makes its CTEs visible in the operands after it. */
void need_plain_operands(struct parser *p);
/* with.c: where MariaDB 10.11 looks for the tables behind a WITH in no database at all, and ends by
 * a signal, a WITH is undetermined. */
void parse_with_none(struct parser *p, void (*parse)(struct parser *p));
/* with.c: only the WITH clause. The caller ends the scope of its CTEs with leave_with. */
uint16_t enter_with(struct parser *p);
void leave_with(struct parser *p, uint16_t mark);
/* tables.c: may the definition name such a table, directly or through other CTEs? */
bool cte_names(const struct cte *cte, const struct name *name);
/* One clause: WHERE, ORDER BY, LIMIT ...; false if there is none. */
bool parse_clause(struct parser *p);
/* UNION, EXCEPT, INTERSECT or MINUS, with ALL or DISTINCT; false if there is none. */
bool take_set_operation(struct parser *p);
/* Skips ALL, DISTINCT or DISTINCTROW, if there is one. */
void skip_quantifier(struct parser *p);
/* The table references after FROM. */
void parse_table_references(struct parser *p, unsigned access);
/* One table with its alias, partitions and hints, without joins. */
unsigned parse_table_factor(struct parser *p, unsigned access);
/* [AS] alias; false if there is none. */
bool take_alias(struct parser *p, struct name *alias);
/* USE, FORCE or IGNORE INDEX (names), any number of them. */
void skip_hints(struct parser *p, unsigned object);

/* --- statements --- */

/* One statement of any family, from its first word to its end (exclusive of the semicolon). */
void parse_statement(struct parser *p);

/* change.c */
void parse_insert(struct parser *p);
void parse_update(struct parser *p);
void parse_delete(struct parser *p);
/* The statement also returns what it writes: by RETURNING, or in a user variable. */
void read_written(struct parser *p);
/* set.c */
void parse_set(struct parser *p);
/* transaction.c */
void parse_transaction(struct parser *p);

/* --- xid.c: the identifier of an XA transaction --- */

struct xid {
    bool good, filled; /* no error so far; the current part was read */
    unsigned part;     /* 0 gtrid, 1 bqual, 2 format */
    uint8_t lengths[2];
    char bytes[128];
};
void xid_begin(struct xid *xid);
/* Reads the current token: a part, or a comma. */
void xid_read(struct parser *p, struct xid *xid);
/* In the form of facts->xid; `at` NULL: it cannot be determined. */
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
/* HANDLER READ: adds the table that HANDLER OPEN opened under this name, because it may have been
 * allowed then and not be allowed now. */
void read_handler(struct parser *p, struct text name);
void parse_kill(struct parser *p);
void parse_load_index(struct parser *p);
/* load.c */
void parse_load(struct parser *p);
/* administer.c */
void parse_administration(struct parser *p);

/* user_lock.c: does the statement begin with a call that takes or releases a lock of GET_LOCK? And,
 * once it is read: is it only this call (enum sql_user_lock)? */
bool at_user_lock(const struct parser *p);
void note_user_lock(struct parser *p, struct text text, uint32_t offset);
void parse_grant(struct parser *p);
/* define.c */
void parse_create(struct parser *p);
void parse_alter(struct parser *p);
void parse_drop(struct parser *p);
void parse_rename(struct parser *p);
void parse_truncate(struct parser *p);
/* define_stored.c */
void take_routine(struct parser *p, unsigned access, struct name *schema);
/* Takes the name of a trigger and adds the trigger. */
void take_trigger(struct parser *p, unsigned access);
void parse_view(struct parser *p);
/* Call it at the body of stored code. */
void check_head(struct parser *p);
/* Call it at the end of what changes a routine; `from`: its offset. */
void check_changes(struct parser *p, uint32_t from);
void parse_trigger(struct parser *p);
void parse_event(struct parser *p, enum sql_kind kind);
void parse_routine(struct parser *p);
/* Skips SQL SECURITY, COMMENT and so on, between the head and the body of a routine. */
void skip_characteristics(struct parser *p);
/* define_table.c */
void parse_create_table(struct parser *p, bool temporary, bool replaces);
void parse_alter_table(struct parser *p);
/* The options of a table or sequence, up to the statement's end. */
void parse_table_options(struct parser *p);
/* Takes a storage engine's name. An engine that may use data outside the server sets
 * facts->administration. */
void take_engine_name(struct parser *p);
/* body.c */
void parse_body(struct parser *p);
/* Names with types and defaults, up to the closing bracket or the semicolon. */
void parse_declared(struct parser *p);
bool at_compound(struct parser *p);
void parse_compound(struct parser *p);
/* A table is renamed: if its schema changes, or may change, the new schema is added with
 * SQL_DEFINE. */
void move_to(struct parser *p, const struct name *from, const struct name *to);
/* A body whose unqualified names belong to `schema` (not written: the current database). */
void parse_body_in(struct parser *p, const struct name *schema);
/* dynamic.c */
void parse_prepare(struct parser *p);
void parse_execute(struct parser *p);
void parse_deallocate(struct parser *p);

#endif
