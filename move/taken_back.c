/* A move that is given up takes back what it has granted (granted.c), because nobody asked for that
 * alone, and because the next plan would take it for rights that the account had before. The
 * journal has each change before it is made, so that the call after a mover that was killed, or
 * that lost its connection, can do the same. That call may be one of another move, and it does so
 * before it plans: else it would count on rights that are taken back later. Only what the mover has
 * added is taken back, and only where nobody else has granted anything since.
 */
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "move/rights.h"

/* --- the journal --- */

static void put_word(FILE *to, struct text word)
{
    fputc(' ', to);
    put_name(to, word);
}

static void put_rights(FILE *to, uint32_t rights)
{
    fputs(" `", to);
    rights_put_all(to, rights, (struct text){NULL, 0});
    fputc('`', to);
}

/* A row: the table, who grants, and for each change a line of seven words, each behind a space
 * and in backticks. */
bool grants_note(struct mover *mover, const struct moved_table *table)
{
    struct rows *rows = connection_query(mover->connection, "SELECT USER()", NULL, mover->error);
    char *detail;
    size_t length;

    if (!rows || !rows_next(rows)) {
        rows_free(rows);
        return false;
    }
    FILE *to = open_memstream(&detail, &length);
    put_word(to, target_of(mover, table));
    put_word(to, table->name);
    put_word(to, rows->cells[0]);
    rows_free(rows);
    for (size_t i = 0; i < mover->grant_count; i++) {
        const struct change_of_rights *change = &mover->grants[i].change;
        if (mover->grants[i].table != table)
            continue;
        fputc('\n', to);
        put_word(to, change->is_role ? TEXT("role") : TEXT("user"));
        put_word(to, change->user);
        put_word(to, change->host);
        put_word(to, change->pattern);
        put_word(to, change->column);
        put_rights(to, change->before);
        put_rights(to, change->after);
    }
    fclose(to);
    mover->gave = true;
    return mover_note(mover, "grants", keep_text(mover, detail, length));
}

struct noted {
    struct text id, move;
    struct text schema, table, grantor;
    struct change_of_rights *changes;
    size_t count;
};
struct all_noted {
    struct noted *items; /* one move after the other */
    size_t count;
};

static bool take(struct mover *mover, struct text detail, size_t *i, struct text *name)
{
    if (*i + 1 >= detail.length || detail.at[*i] != ' ' || detail.at[++*i] != '`')
        return false;
    *name = take_name(mover, detail, i);
    return true;
}

static struct text or_none(struct text text)
{
    return text.length > 0 ? text : (struct text){NULL, 0};
}

static bool take_change(struct mover *mover, struct text detail, size_t *i,
                        struct change_of_rights *change)
{
    struct text kind, before, after;

    if (!take(mover, detail, i, &kind) || !take(mover, detail, i, &change->user) ||
        !take(mover, detail, i, &change->host) || !take(mover, detail, i, &change->pattern) ||
        !take(mover, detail, i, &change->column) || !take(mover, detail, i, &before) ||
        !take(mover, detail, i, &after))
        return false;
    change->is_role = text_equal(kind, TEXT("role"));
    change->pattern = or_none(change->pattern);
    change->column = or_none(change->column);
    change->before = rights_named(before);
    change->after = rights_named(after);
    return true;
}

static bool read_noted(struct mover *mover, const struct text *cells, struct noted *noted)
{
    const struct text detail = cells[2];
    size_t i = 0;

    *noted = (struct noted){.id = cells[0], .move = cells[1]};
    bool good = take(mover, detail, &i, &noted->schema) && take(mover, detail, &i, &noted->table) &&
                take(mover, detail, &i, &noted->grantor);
    while (good && i < detail.length) {
        struct change_of_rights change;
        good = detail.at[i++] == '\n' && take_change(mover, detail, &i, &change);
        /* whoever can write to the journal must not reach other databases */
        good = good &&
               (!change.pattern.at || pattern_matches(rights_folded(mover, change.pattern),
                                                      rights_folded(mover, noted->schema), false));
        if (!good)
            break;
        noted->changes =
            items_add(&mover->arena, noted->changes, &noted->count, sizeof(*noted->changes));
        noted->changes[noted->count - 1] = change;
    }
    return good || error_set(mover->error,
                             "a row of silogate.journal with the step 'grants' was not written by "
                             "a mover; look at it, and delete it");
}

/* Of all moves, also of those that no section has any more: one mover is at work at a time. */
static struct rows *read_journal(struct mover *mover)
{
    return connection_query(
        mover->connection,
        "SELECT g.id, g.move, g.detail FROM silogate.journal g WHERE g.step = 'grants' AND g.id >"
        " IFNULL((SELECT MAX(o.id) FROM silogate.journal o WHERE o.move = g.move AND o.step IN"
        " ('settled', 'grants_over')), 0) ORDER BY g.move, g.id",
        NULL, mover->error);
}

/* --- what is taken back --- */

enum fate {
    FATE_KEPT,      /* the table stands there: the move was done */
    FATE_BACK,      /* it stands at its other place */
    FATE_GONE,      /* it stands at neither: its owner has dropped or renamed it since */
    FATE_UNKNOWN,   /* at both, or no section has it any more */
    FATE_ELSEWHERE, /* no section has the database any more, so none counts on rights there */
};

static enum fate fate_of(const struct mover *mover, const struct noted *noted)
{
    const struct standing *standing = &mover->standing;
    bool (*same)(struct text, struct text) = standing->fold ? text_equal_fold : text_equal;

    for (size_t i = 0; i < standing->table_count; i++) {
        const struct moved_table *table = &standing->tables[i];
        const bool to = same(table->to, noted->schema);
        if (!same(table->name, noted->table) || !(to || same(table->from, noted->schema)))
            continue;
        const bool there = (to ? table->at_to : table->at_from) == STANDING_TABLE;
        const bool other = (to ? table->at_from : table->at_to) == STANDING_TABLE;
        return there && other ? FATE_UNKNOWN : there ? FATE_KEPT : other ? FATE_BACK : FATE_GONE;
    }
    enum fate fate = FATE_ELSEWHERE;
    for (size_t i = 0; i < standing->pattern_count; i++) {
        const struct moved_pattern *pattern = &standing->patterns[i];
        if (!same(pattern->from, noted->schema) && !same(pattern->to, noted->schema))
            continue;
        if (standing_matches(standing, pattern->name, noted->table))
            return FATE_GONE;
        fate = FATE_UNKNOWN;
    }
    return fate;
}

/* All tables of a call move at once: where one cannot tell, another one does. */
static enum fate fate_by_others(const struct mover *mover, const struct all_noted *all,
                                const struct noted *noted)
{
    const enum fate own = fate_of(mover, noted);

    for (size_t i = 0; (own == FATE_GONE || own == FATE_UNKNOWN) && i < all->count; i++) {
        const struct noted *other = &all->items[i];
        if (!text_equal(other->move, noted->move) || !text_equal(other->schema, noted->schema))
            continue;
        const enum fate fate = fate_of(mover, other);
        if (fate == FATE_KEPT || fate == FATE_BACK)
            return fate;
    }
    return own;
}

static struct text revoke_sql(struct mover *mover, const struct noted *noted,
                              const struct change_of_rights *change, uint32_t rights)
{
    const struct account account = {
        .user = change->user, .host = change->host, .is_role = change->is_role};
    char *sql;
    size_t length;
    FILE *to = open_memstream(&sql, &length);

    fputs("REVOKE ", to);
    rights_put_all(to, rights, change->column);
    fputs(" ON ", to);
    if (change->pattern.at) {
        put_name(to, change->pattern);
        fputs(".*", to);
    } else {
        put_table(to, noted->schema, noted->table);
    }
    fputs(" FROM ", to);
    rights_put_account(to, &account);
    fclose(to);
    return keep_text(mover, sql, length);
}

/* Has somebody else granted something there since? The server keeps who has written the row of a
 * table last, also if it was the same once more. */
static bool is_of_others(const struct noted *noted, const struct change_of_rights *change,
                         uint32_t present, struct text grantor)
{
    const uint32_t known = ~(uint32_t)(RIGHT_UNKNOWN | RIGHT_UNSURE);

    if (present & ~change->after & known)
        return true;
    return (present & known) == (change->after & known) && grantor.at &&
           !text_equal(grantor, noted->grantor);
}

enum way { TELL, LIVE, EARLIER };

/* Whoever wants to keep the right deletes the row. */
static void tell_unknown(const struct mover *mover, const struct noted *noted, struct text sql)
{
    say(mover,
        "granted by a call of [move:%.*s] that did not end, and it is not known where the table "
        "stands; if nobody needs it: %.*s; else delete the row %.*s of silogate.journal",
        TEXT_ARGS(noted->move), TEXT_ARGS(sql), TEXT_ARGS(noted->id));
}

/* All of a table are looked at before the first is taken back, which makes the mover the one that
 * has written the row last. *open: something is left, which does not stop this call. */
static bool take_back_table(struct mover *mover, const struct all_noted *all,
                            const struct noted *noted, enum way way, bool *open)
{
    struct text *revokes = arena_take(&mover->arena, (noted->count + 1) * sizeof(*revokes));
    const enum fate fate = fate_by_others(mover, all, noted);
    bool good = true;

    for (size_t i = 0; i < noted->count; i++) {
        const struct change_of_rights *change = &noted->changes[i];
        struct text grantor;
        uint32_t present;
        revokes[i] = (struct text){NULL, 0};
        if (!rights_present(mover, change, noted->schema, noted->table, &present, &grantor))
            return false;
        const uint32_t back = present & change->after & ~change->before;
        if (back == 0 || fate == FATE_KEPT)
            continue;
        const struct text sql = revoke_sql(mover, noted, change, back);
        if (fate != FATE_BACK) {
            tell_unknown(mover, noted, sql);
            good &= fate != FATE_UNKNOWN;
            *open = true;
        } else if (is_of_others(noted, change, present, grantor)) {
            say(mover,
                "not taken back, because somebody else has changed these rights since; if nobody "
                "needs it: %.*s",
                TEXT_ARGS(sql));
            mover->kept = true;
        } else {
            revokes[i] = sql;
        }
    }
    for (size_t i = 0; i < noted->count; i++) {
        if (!revokes[i].at)
            continue;
        if (way != LIVE)
            say(mover, "%s: %.*s",
                way == TELL ? "granted by a call that did not move the tables; the next call takes "
                              "it back"
                            : "taken back, because an earlier call has not moved the tables",
                TEXT_ARGS(revokes[i]));
        if (way != TELL && !run_sql(mover, revokes[i])) {
            const struct error why = *mover->error;
            return error_set(mover->error,
                             "what an earlier call has granted cannot be taken back (%.*s): %s",
                             TEXT_ARGS(revokes[i]), why.text);
        }
    }
    return good;
}

/* A call that gives up takes back its own: others were taken back before it has planned. */
static bool read_all(struct mover *mover, struct rows *rows, enum way way, struct all_noted *all)
{
    while (rows_next(rows)) {
        struct noted noted;
        if (way == LIVE && !text_equal(rows->cells[1], text_of(mover->name)))
            continue;
        if (!read_noted(mover, rows->cells, &noted))
            return false;
        all->items = items_add(&mover->arena, all->items, &all->count, sizeof(*all->items));
        all->items[all->count - 1] = noted;
    }
    return true;
}

/* Each row of this move is decided. */
static bool note_over(struct mover *mover, struct text name)
{
    char move[65];

    snprintf(move, sizeof(move), "%.*s", TEXT_ARGS(name));
    return meeting_note(mover->connection, move, mover->epoch, "grants_over", TEXT(""),
                        mover->error);
}

static bool take_back(struct mover *mover, enum way way)
{
    struct rows *rows = read_journal(mover);
    struct all_noted all = {.items = NULL};
    bool good = rows && read_all(mover, rows, way, &all);

    for (size_t i = 0; good && i < all.count;) {
        const struct text move = all.items[i].move;
        bool open = false;
        for (; good && i < all.count && text_equal(all.items[i].move, move); i++)
            good = take_back_table(mover, &all, &all.items[i], way, &open);
        if (good && !open && way != TELL)
            good = note_over(mover, move);
    }
    rows_free(rows);
    return good;
}

bool grants_take_back(struct mover *mover, bool earlier)
{
    return take_back(mover, earlier ? EARLIER : LIVE);
}

void grants_tell_left(struct mover *mover)
{
    const struct error before = *mover->error;

    if (!take_back(mover, TELL) && mover->error->text[0])
        say(mover, "what earlier calls have granted cannot be read: %s", mover->error->text);
    *mover->error = before;
}
