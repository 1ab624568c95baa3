/* Warnings for the DBA before a move, which do not stop it: other objects on the server that name
 * the tables, and their owners; tables that are left out; and what cannot be seen from here.
 */
#include "config/keys.h"
#include "move/texts.h"

static struct text owner_of(const struct mover *mover, struct text schema, struct text name,
                            enum sql_type type)
{
    const struct sql_object object = {
        .schema = schema, .name = name, .type = (uint8_t)type, .access = SQL_ACCESS_ALL};
    struct verdict verdict;

    policy_check_object(mover->order->policy, (int)mover->move->service_index, &object,
                        mover->standing.fold, 0, &verdict);
    return verdict.owner == SERVICE_NONE ? TEXT("nobody")
                                         : policy_service_name(mover->order->policy, verdict.owner);
}

/* What becomes of it: a view or a routine uses the alias with the rights of its definer. */
static void put_fate(FILE *to, const struct mover *mover, const struct code *code)
{
    const bool unknown = code->unread || code->fate == FATE_UNKNOWN;

    if (!mover->in_to)
        fprintf(to, "%s the old place again", unknown ? "may have to name" : "must name");
    else if (code->fate == FATE_KEPT)
        fputs("the alias keeps it working", to);
    else
        fprintf(to, "%s be changed", unknown ? "may have to" : "must");
    if (code->unread)
        fputs(": its text is not shown to the mover's account", to);
    else if (unknown)
        fputs(code->facts->determined ? ": it has the name in a string"
                                      : ": its text cannot be read to its end",
              to);
    else if (code->fate == FATE_TABLE)
        fputs(": it has an index hint, or a statement that needs a table, and the alias is a view",
              to);
    else if (code->fate == FATE_COLUMN)
        fprintf(to, ": the alias has no column %.*s", TEXT_ARGS(code->column));
    else if (code->fate == FATE_NOTHING && lacks_alias(mover, code->table))
        fputs(": a table with partitions leaves no alias", to);
    else if (code->fate == FATE_IDENTITY)
        fputs(": the alias has no AUTO_INCREMENT column, so LAST_INSERT_ID() is another row's", to);
}

static void tell_code(struct mover *mover, const struct code *code)
{
    const struct stored_code *is = &code->is;
    const bool is_trigger = is->kind == CODE_TRIGGER;
    const struct text owner =
        owner_of(mover, is->schema, is_trigger ? is->table : is->name,
                 is_trigger || is->kind == CODE_VIEW ? SQL_TABLE : SQL_ROUTINE);
    char *text;
    size_t length;
    FILE *to = open_memstream(&text, &length);

    fprintf(to, "%s %.*s.%.*s", texts_kind(code), TEXT_ARGS(is->schema), TEXT_ARGS(is->name));
    if (is_trigger)
        fprintf(to, " on %.*s.%.*s", TEXT_ARGS(is->schema), TEXT_ARGS(is->table));
    fprintf(to, " of %.*s ", TEXT_ARGS(owner));
    if (code->table)
        fprintf(to, "names %.*s: ", TEXT_ARGS(code->table->name));
    else
        fputs("may name a table of this move: ", to);
    put_fate(to, mover, code);
    fclose(to);
    say(mover, "note: %s", keep_text(mover, text, length).at);
}

void warnings_tell_codes(struct mover *mover)
{
    for (size_t i = 0; i < mover->codes->count; i++) {
        const struct code *code = &mover->codes->items[i];
        if (!code->carried && (code->unread || code->fate != FATE_UNTOUCHED))
            tell_code(mover, code);
    }
}

static void tell_left(struct mover *mover)
{
    for (size_t i = 0; i < mover->standing.left_count; i++) {
        const struct left_table *left = &mover->standing.left[i];
        if (left->move == mover->order->move)
            say(mover, "note: %.*s.%.*s is left out: it belongs to %.*s", TEXT_ARGS(left->schema),
                TEXT_ARGS(left->name),
                TEXT_ARGS(left->owner == SERVICE_NONE
                              ? TEXT("nobody")
                              : policy_service_name(mover->order->policy, left->owner)));
    }
}

/* The server tells that they are there, and not what they hold. */
static void tell_unread(struct mover *mover)
{
    const int64_t unread =
        ask_number(mover,
                   "SELECT (SELECT COUNT(*) FROM information_schema.VIEWS WHERE IFNULL("
                   "VIEW_DEFINITION, '') = '' AND TABLE_SCHEMA NOT IN ('sys', 'mysql',"
                   " 'performance_schema')) + (SELECT COUNT(*) FROM information_schema.ROUTINES"
                   " WHERE ROUTINE_DEFINITION IS NULL AND ROUTINE_SCHEMA NOT IN ('sys', 'mysql'))",
                   NULL, 0);

    if (unread > 0)
        say(mover,
            "note: %lld views and routines do not show their text to the mover's account, so it is "
            "not known whether they name the tables; grant it SHOW VIEW and SELECT on *.*",
            (long long)unread);
}

/* Whoever makes or drops a view, a trigger or a routine empties the variables of packages. */
static void tell_packages(struct mover *mover)
{
    const int64_t packages =
        ask_number(mover,
                   "SELECT COUNT(*) FROM information_schema.ROUTINES WHERE ROUTINE_TYPE ="
                   " 'PACKAGE BODY'",
                   NULL, 0);

    if (packages > 0)
        say(mover,
            "note: the server has %lld package bodies; the views that the move makes and drops "
            "empty their variables, in every session of the server",
            (long long)packages);
}

/* The filters of replicas cannot be seen from their source. */
static void tell_replicas(struct mover *mover)
{
    int64_t replicas =
        ask_number(mover,
                   "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE COMMAND IN ('Binlog"
                   " Dump', 'Binlog Dump GTID')",
                   NULL, 0);

    if (replicas > 0)
        say(mover,
            "note: %lld replicas read this server's log; one that filters by database or table "
            "stops or loses rows at the RENAME: look at the Replicate_ lines of its SHOW REPLICA "
            "STATUS",
            (long long)replicas);
}

void warnings_tell(struct mover *mover)
{
    tell_left(mover);
    warnings_tell_codes(mover);
    tell_unread(mover);
    tell_packages(mover);
    tell_replicas(mover);
}
