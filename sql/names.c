/* Names and the objects they mean: removes quotes, folds case, adds the default database, lists
 * each object once. Called by every file that parses names.
 */
#include "sql/identifier.h"
#include "sql/names_fold.h"
#include "sql/parser.h"
#include "sql/session_internal.h"

char *take_room(struct parser *p, size_t size)
{
    struct sql_facts *facts = p->facts;

    if (size > SQL_NAMES - facts->names_length) {
        parser_fail(p, "too many names to remember");
        return NULL;
    }
    facts->names_length += (uint32_t)size;
    return facts->names + facts->names_length - size;
}

/* Replaces each doubled delimiter by one. `inner` is the text between the delimiters. A delimiter
 * is never a byte of a longer character here: names with bytes over 127 are accepted only in UTF-8.
 */
static bool undouble(struct parser *p, struct text inner, char close, struct name *name)
{
    char *to = take_room(p, inner.length);
    size_t length = 0;

    if (!to)
        return false;
    for (size_t i = 0; i < inner.length; i++) {
        to[length++] = inner.at[i];
        if (inner.at[i] == close)
            i++;
    }
    name->text = (struct text){to, length};
    return true;
}

static bool fold_name(struct parser *p, struct name *name)
{
    if (!name_has_upper(name->text))
        return true;
    char *to = take_room(p, name->text.length);
    if (!to)
        return false;
    if (!name_fold(name->text, to))
        return parser_fail(p, "a name whose lower case is not known");
    name->text.at = to;
    return true;
}

static bool starts_with_mysql50(struct text name)
{
    return name.length >= 9 && text_equal_fold((struct text){name.at, 9}, TEXT("#mysql50#"));
}

bool read_name_of(struct parser *p, const struct sql_token *t, struct name *name, bool fold)
{
    const char *at = (const char *)p->lexer.start + t->offset;

    *name = (struct name){
        {at, t->length},
        t->offset, t->length, (t->flags & SQL_TOKEN_HIGH) != 0
    };
    if (t->class != SQL_TOKEN_WORD && t->class != SQL_TOKEN_NAME)
        return parser_fail(p, "a name is missing");
    if (p->dynamic)
        place_name(p, t, name);
    if (t->length > PARSER_NAME)
        return parser_fail(p, "a name that is too long");
    if (name->high && p->state->charset != SQL_UTF8)
        return parser_fail(p, "a name with bytes over 127 that are not UTF-8");
    if (name->high && p->dynamic)
        return parser_fail(p, "a name with bytes over 127 in a text that is a value");
    if (name->high && !name_is_utf8(name->text))
        return parser_fail(p, "a name with bytes that are no character of names");
    if (t->class == SQL_TOKEN_NAME) {
        name->text = (struct text){at + 1, t->length - 2u};
        if ((t->flags & SQL_TOKEN_ESCAPED) && !undouble(p, name->text, at[t->length - 1], name))
            return false;
        if (starts_with_mysql50(name->text))
            return parser_fail(p, "a name that stands for another, by the prefix #mysql50#");
        if (p->state->charset == SQL_CHARSET_UNKNOWN && name_has_signs(name->text))
            return parser_fail(p, "a name with signs that are letters in a character set");
    }
    return !fold || fold_name(p, name);
}

bool read_name(struct parser *p, struct name *name, bool fold)
{
    return read_name_of(p, &p->t, name, fold);
}

static bool take_name(struct parser *p, struct name *name, bool fold)
{
    if (!read_name(p, name, fold))
        return false;
    p->named = p->t;
    step(p);
    return true;
}

static bool take_qualified(struct parser *p, struct name *schema, struct name *name, bool fold)
{
    *schema = (struct name){
        {NULL, 0},
        0, 0, false
    };
    if (at_sign(p, '.')) { /* MySQL 5.7 and MariaDB: the current database */
        schema->offset = p->t.offset;
        schema->length = p->t.length;
        if (p->dynamic)
            place_name(p, &p->t, schema);
        step(p);
    }
    if (!take_name(p, name, fold))
        return false;
    if (!at_sign(p, '.'))
        return true;
    *schema = *name;
    step(p);
    if (p->fold && !fold && !fold_name(p, schema))
        return false;
    return take_name(p, name, fold);
}

bool take_table_name(struct parser *p, struct name *schema, struct name *name)
{
    return take_qualified(p, schema, name, p->fold);
}

bool take_routine_name(struct parser *p, struct name *schema, struct name *name)
{
    return take_qualified(p, schema, name, false);
}

/* The server's collation may treat letters as equal that differ in case or accents; fails where
 * that cannot be decided here. */
bool same_name(struct parser *p, struct text a, struct text b)
{
    if (text_equal(a, b))
        return true;
    if (p->state->dialect == SQL_MYSQL && p->state->lower_case_table_names == 0)
        return false;
    if (text_equal_fold(a, b))
        return true;
    if ((name_has_high(a) || name_has_high(b)) && name_characters(a) == name_characters(b))
        parser_fail(p, "names that may be one, by the server's rules for letters");
    return false;
}

/* --- objects --- */

static struct text default_schema(const struct parser *p, const struct name *schema)
{
    struct text database = schema && schema->text.at ? schema->text : p->schema;

    if (database.length == 18 && text_equal_fold(database, TEXT("information_schema")))
        return TEXT("information_schema");
    return database;
}

static uint32_t hash_of(enum sql_type type, struct text schema, struct text name)
{
    uint64_t hash = text_hash(schema, 0, true);
    return (uint32_t)text_hash(name, hash + type, true);
}

/* A temporary table and the base table that it hides are two objects. */
static bool is_object(const struct sql_object *object, enum sql_type type, struct text schema,
                      struct text name, bool session_only)
{
    if (object->type != type || object->session_only != session_only ||
        !text_equal(object->schema, schema))
        return false;
    return type == SQL_ROUTINE ? text_equal_fold(object->name, name)
                               : text_equal(object->name, name);
}

static void index_object(struct parser *p, unsigned number)
{
    const struct sql_object *object = &p->facts->objects[number];
    uint32_t slot = hash_of((enum sql_type)object->type, object->schema, object->name);

    while (p->index[slot % PARSER_INDEX])
        slot++;
    p->index[slot % PARSER_INDEX] = (uint16_t)(number + 1);
}

/* Few objects are compared one by one; many are looked up in the index. */
static unsigned find_object(struct parser *p, enum sql_type type, struct text schema,
                            struct text name, bool session_only)
{
    const struct sql_facts *facts = p->facts;

    if (!p->indexed) {
        for (unsigned i = 0; i < facts->object_count; i++) {
            if (is_object(&facts->objects[i], type, schema, name, session_only))
                return i;
        }
        return SQL_OBJECTS;
    }
    for (uint32_t slot = hash_of(type, schema, name); p->index[slot % PARSER_INDEX]; slot++) {
        unsigned number = p->index[slot % PARSER_INDEX] - 1u;
        if (is_object(&facts->objects[number], type, schema, name, session_only))
            return number;
    }
    return SQL_OBJECTS;
}

static void begin_index(struct parser *p)
{
    memset(p->index, 0, sizeof(p->index));
    p->indexed = true;
    for (unsigned i = 0; i < p->facts->object_count; i++)
        index_object(p, i);
}

/* Longer than any server allows? */
static bool is_too_long(struct text name)
{
    return name.length > SQL_IDENTIFIER_CHARACTERS &&
           name_characters(name) > SQL_IDENTIFIER_CHARACTERS;
}

static unsigned add(struct parser *p, enum sql_type type, const struct name *schema,
                    const struct name *name, unsigned access, bool session_only)
{
    struct sql_facts *facts = p->facts;
    const bool qualified = schema && schema->text.at;
    struct text database = default_schema(p, schema);

    if (p->failed)
        return SQL_OBJECTS;
    if (!database.at && p->state->database_unknown) {
        parser_fail(p, "a name without its schema, and the current database is not known");
        return SQL_OBJECTS;
    }
    if (is_too_long(name->text) || is_too_long(database)) {
        parser_fail(p, "a name that is too long");
        return SQL_OBJECTS;
    }
    if (access & SQL_EXECUTE)
        may_run_code(p);
    unsigned number = find_object(p, type, database, name->text, session_only);
    if (number < SQL_OBJECTS) {
        facts->objects[number].access |= (uint8_t)access;
        place_object(p, number, schema, name);
        return number;
    }
    if (facts->object_count == SQL_OBJECTS) {
        parser_fail(p, "more objects than can be listed");
        return SQL_OBJECTS;
    }
    number = facts->object_count++;
    facts->objects[number] = (struct sql_object){
        .schema = database,
        .name = name->text,
        .schema_offset = qualified ? schema->offset : 0,
        .schema_length = qualified ? schema->length : 0,
        .name_offset = name->offset,
        .name_length = name->length,
        .type = (uint8_t)type,
        .access = (uint8_t)access,
        .session_only = session_only,
    };
    place_object(p, number, schema, name);
    if (p->indexed)
        index_object(p, number);
    else if (facts->object_count == 16)
        begin_index(p);
    return number;
}

/* A view calls a function without a schema: CREATE VIEW looks it up in the current database, each
 * use of the view in the view's own. This adds the function in the view's database. */
static void add_called_by_view(struct parser *p, enum sql_type type, const struct name *name,
                               unsigned access)
{
    struct name schema = {.text = p->view}, called = {.text = name->text};

    if (type == SQL_ROUTINE && (access & SQL_EXECUTE))
        add(p, type, &schema, &called, access, false);
}

unsigned add_object(struct parser *p, enum sql_type type, const struct name *schema,
                    const struct name *name, unsigned access)
{
    unsigned number = add(p, type, schema, name, access, false);

    if (p->view.at && !(schema && schema->text.at))
        add_called_by_view(p, type, name, access);
    return number;
}

/* Adds the underlying tables of a temporary MERGE table: a statement that uses it uses them. */
static void add_united(struct parser *p, struct text schema, struct text name, unsigned access)
{
    const struct sql_facts *facts = sql_session_united(p->session, schema, name);
    const bool unplaced = p->unplaced;

    p->unplaced = true;
    for (uint32_t i = 0; facts && i < facts->object_count; i++) {
        const struct sql_object *object = &facts->objects[i];
        struct name of = {.text = object->schema}, called = {.text = object->name};
        if (!object->session_only && object->type == SQL_TABLE)
            add_object(p, SQL_TABLE, &of, &called, access);
    }
    p->unplaced = unplaced;
}

/* What a likeness may stand on is judged with every statement (sql_session_union), but it is not
 * named here: mostly it is a table with rows of its own. */
static bool is_likeness(const struct parser *p, struct text schema, struct text name)
{
    const struct sql_facts *facts = sql_session_united(p->session, schema, name);

    return facts && facts->likeness;
}

bool add_likeness(struct parser *p, unsigned number)
{
    const struct sql_object *object = &p->facts->objects[number];
    const struct text schema = object->schema, name = object->name;

    if (!is_likeness(p, schema, name))
        return false;
    add_united(p, schema, name, SQL_READ);
    return true;
}

unsigned add_table(struct parser *p, const struct name *schema, const struct name *name,
                   unsigned access)
{
    /* A stored body runs later and for other sessions: it sees no temporary table of this session.
     * A block that runs now may drop the temporary table before it uses the name. */
    bool session_only = p->session && !p->stored && !p->body &&
                        sql_session_has_table(p->session, default_schema(p, schema), name->text);

    unsigned number = add(p, SQL_TABLE, schema, name, access, session_only);
    if (session_only && access & (SQL_READ | SQL_WRITE) &&
        !is_likeness(p, default_schema(p, schema), name->text))
        add_united(p, default_schema(p, schema), name->text, access & (SQL_READ | SQL_WRITE));
    return number;
}

unsigned add_temporary(struct parser *p, const struct name *schema, const struct name *name)
{
    return add(p, SQL_TABLE, schema, name, SQL_DEFINE, true);
}

void note_need(struct parser *p, unsigned number, unsigned needs)
{
    if (number < SQL_OBJECTS)
        p->facts->objects[number].needs |= (uint8_t)needs;
}

/* Frees the bytes that a name took in facts->names, unless a new object uses them. */
static unsigned give_back(struct parser *p, uint32_t room, uint32_t count, unsigned number)
{
    if (p->facts->object_count == count)
        p->facts->names_length = room;
    return number;
}

unsigned take_table(struct parser *p, unsigned access)
{
    const uint32_t room = p->facts->names_length, count = p->facts->object_count;
    struct name schema, name;

    if (!take_table_name(p, &schema, &name))
        return SQL_OBJECTS;
    const struct sql_token called = p->named;
    unsigned number = add_table(p, &schema, &name, access);
    called_table(p, number, &called);
    return give_back(p, room, count, number);
}

unsigned take_real_table(struct parser *p, unsigned access)
{
    struct name schema, name;

    if (!take_table_name(p, &schema, &name))
        return SQL_OBJECTS;
    return add_object(p, SQL_TABLE, &schema, &name, access);
}

void take_tables(struct parser *p, unsigned access)
{
    list_begin(p);
    do
        note_need(p, take_table(p, access), SQL_NEEDS_TABLE);
    while (list_goes_on(p));
}

/* A list is split into batches only outside of bodies, prepared texts and executable comments, and
 * only if the statement's text before it is short. Any other list must fit as a whole. */
void list_begin(struct parser *p)
{
    const char *start = (const char *)p->lexer.start;

    p->lists = p->lists && !p->failed && !p->body && !p->stored && !p->has_body && !p->dynamic &&
               !p->lexer.executable && p->t.offset - p->start <= PARSER_LIST_HEAD;
    if (p->lists && p->list_from)
        parser_start(p, (struct text){start, (size_t)((const char *)p->lexer.end - start)},
                     p->list_from);
}

static bool list_is_full(const struct parser *p)
{
    return p->facts->object_count >= PARSER_LIST || p->facts->names_length > SQL_NAMES / 2;
}

bool list_goes_on(struct parser *p)
{
    if (!take_sign(p, ','))
        return false;
    if (!p->lists || p->lexer.executable || !list_is_full(p))
        return true;
    p->facts->list_next = p->t.offset;
    parser_end(p);
    return false;
}

bool take_database(struct parser *p, unsigned access, struct name *name)
{
    static const struct name nothing = {
        {"", 0},
        0, 0, false
    };

    if (!take_name(p, name, p->fold))
        return false;
    return add_object(p, SQL_DATABASE, name, &nothing, access) < SQL_OBJECTS;
}
