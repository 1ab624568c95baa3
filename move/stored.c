/* Stored code that a call does not make again keeps its text. So the call is refused, unless its
 * user accepts that, before anything is changed:
 * - where a trigger would fail, and with it each write to its table, by its own text or by way of
 *   views and routines;
 * - where it names a table that has no alias because it has partitions;
 * - where by way of the alias it would do something else, and no error would tell: see
 *   texts_differs;
 * - where --finish would drop an alias that stored code names. Such a use is in no digest and is no
 *   statement that could not be mapped.
 */
#include "config/keys.h"
#include "move/texts.h"

/* What is wrong with the text that names the table. */
static void put_reason(FILE *to, const struct mover *mover, const struct code *code)
{
    if (code->fate == FATE_NOTHING && lacks_alias(mover, code->table))
        fputs(", which has partitions and therefore leaves no alias", to);
    else if (code->fate == FATE_NOTHING)
        fputs(", where nothing will be any more", to);
    else if (code->fate == FATE_COLUMN)
        fprintf(to, ", where the alias has no column %.*s", TEXT_ARGS(code->column));
    else
        fputs(" with an index hint or in a statement that needs a table, and the alias is a view",
              to);
}

static const char *remedy_of(const struct mover *mover, const struct code *code, bool finishes)
{
    if (finishes)
        return "create it again with the new place in its text";
    if (code->fate != FATE_NOTHING || lacks_alias(mover, code->table))
        return "drop it, and create it again after the move with the new place in its text";
    if (mover->in_to)
        return "write alias = view, take its table into the same section, or drop it and create it "
               "again after the move";
    return has_alias(mover, code->table)
               ? "create it again on the server itself, with the old place in its text, where the "
                 "alias is"
               : "drop it, and create it again after the move";
}

/* The trigger uses other code, which would fail. */
static const char *remedy_by(const struct mover *mover, const struct code *by)
{
    if (by->fate != FATE_NOTHING || lacks_alias(mover, by->table))
        return "drop the trigger, and create it again after the move, when what it uses names the "
               "new place";
    if (mover->in_to)
        return "write alias = view, or drop the trigger and create it again after the move, when "
               "what it uses names the new place";
    return has_alias(mover, by->table)
               ? "create what it uses again on the server itself, with the old place in its text, "
                 "where the alias is"
               : "drop the trigger, and create it again after the move, when what it uses names "
                 "the old place";
}

static void refuse_text(struct mover *mover, char *at, size_t length)
{
    refuse(mover, "%s", keep_text(mover, at, length).at);
}

static void put_names(FILE *to, const struct code *code, const struct code *root)
{
    fprintf(to, "%s %.*s.%.*s names %.*s.%.*s", texts_kind(code), TEXT_ARGS(code->is.schema),
            TEXT_ARGS(code->is.name), TEXT_ARGS(root->place), TEXT_ARGS(root->table->name));
}

static void refuse_trigger(struct mover *mover, const struct code *code, bool finishes)
{
    const struct code *root = code->by ? code->by : code;
    char *text;
    size_t length;
    FILE *to = open_memstream(&text, &length);

    put_names(to, code, root);
    if (code->by)
        fprintf(to, " by way of %s %.*s.%.*s", texts_kind(root), TEXT_ARGS(root->is.schema),
                TEXT_ARGS(root->is.name));
    put_reason(to, mover, root);
    fprintf(to, ", and each write to %.*s.%.*s that fires it would fail; %s; or --accept-unmapped",
            TEXT_ARGS(code->is.schema), TEXT_ARGS(code->is.table),
            code->by && !finishes ? remedy_by(mover, root) : remedy_of(mover, root, finishes));
    fclose(to);
    refuse_text(mover, text, length);
}

/* It would do something else, and nobody would be told. */
static void refuse_silent(struct mover *mover, const struct code *code)
{
    char *text;
    size_t length;
    FILE *to = open_memstream(&text, &length);

    put_names(to, code, code);
    fputs(" in an INSERT, and its AUTO_INCREMENT column is INVISIBLE: by way of the alias, a view, "
          "LAST_INSERT_ID() would be another row's; drop it, and create it again after the move "
          "with the new place in its text; or --accept-unmapped",
          to);
    fclose(to);
    refuse_text(mover, text, length);
}

static void refuse_code(struct mover *mover, const struct code *code, bool finishes)
{
    char *text;
    size_t length;
    FILE *to = open_memstream(&text, &length);

    put_names(to, code, code);
    put_reason(to, mover, code);
    fprintf(to, "; %s; or --accept-unmapped", remedy_of(mover, code, finishes));
    fclose(to);
    refuse_text(mover, text, length);
}

static void check_duality(struct mover *mover, const struct code *code)
{
    if (code->is_duality && code->table)
        refuse(mover,
               "%.*s.%.*s is a JSON duality view over %.*s: MySQL ends with a signal where it "
               "meets a view in the table's place; drop it for the move",
               TEXT_ARGS(code->is.schema), TEXT_ARGS(code->is.name), TEXT_ARGS(code->table->name));
}

static void check_code(struct mover *mover, const struct code *code, bool finishes)
{
    const bool fails = (!code->carried && texts_fails(code)) || code->by;

    if (code->is.kind == CODE_TRIGGER && fails)
        refuse_trigger(mover, code, finishes);
    else if (texts_fails(code) && (finishes || lacks_alias(mover, code->table)))
        refuse_code(mover, code, finishes);
    else if (!code->carried && texts_differs(code))
        refuse_silent(mover, code);
}

static void check(struct mover *mover, bool finishes)
{
    mover->codes = arena_take(&mover->arena, sizeof(*mover->codes));
    texts_read(mover, finishes, mover->codes);
    for (size_t i = 0; i < mover->codes->count; i++) {
        const struct code *code = &mover->codes->items[i];
        if (!finishes)
            check_duality(mover, code);
        if (!mover->order->accept_unmapped)
            check_code(mover, code, finishes);
    }
}

void stored_check(struct mover *mover)
{
    check(mover, false);
}

void stored_check_finish(struct mover *mover)
{
    check(mover, true);
}
