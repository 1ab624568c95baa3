/* What the files of the mover share. Nobody outside of move/ includes this. */
#ifndef MOVE_MOVER_INTERNAL_H
#define MOVE_MOVER_INTERNAL_H

#include "base/arena.h"
#include "move/meeting.h"
#include "move/mover.h"
#include "move/standing.h"

/* A trigger as it is, and as it will be beside its table. */
struct carried_trigger {
    struct text schema, target, name;
    struct text sql_mode, charset, collation;
    struct text old_text, new_text; /* whole CREATE TRIGGER statements */
};

/* A GRANT at the target, to be run while something stands there. */
struct carried_grant {
    struct text text;
    const struct moved_table *table;
};

struct mover {
    const struct move_order *order;
    const struct config_move *move;
    const char *name;
    struct connection *connection;
    struct standing standing;
    /* The tables of this move that do not stand where they shall, by their place in `standing`. */
    size_t *todo;
    size_t todo_count;
    struct carried_trigger *triggers;
    size_t trigger_count;
    struct carried_grant *grants;
    size_t grant_count;
    unsigned refusals;
    uint64_t epoch;
    int64_t closed, opened; /* when the doors were, by mover_now */
    bool in_to;             /* where the tables shall stand */
    struct arena arena;
    struct error *error;
};

void say(const struct mover *mover, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A reason against the move, and what to do about it. */
void refuse(struct mover *mover, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* `name` in backticks; `schema`.`name`. */
void put_name(FILE *to, struct text name);
void put_table(FILE *to, struct text schema, struct text name);
/* A text built with open_memstream, into the arena. */
struct text keep_text(struct mover *mover, char *at, size_t length);

/* Runs one statement without parameters. */
bool run_sql(struct mover *mover, struct text sql);
/* Prints it too, and with dry_run does no more. */
bool change(struct mover *mover, struct text sql);
/* A number, out of a query with one; `otherwise` where it fails. */
int64_t ask_number(struct mover *mover, const char *sql, const struct parameter *parameters,
                   int64_t otherwise);

static inline const struct moved_table *todo_table(const struct mover *mover, size_t i)
{
    return &mover->standing.tables[mover->todo[i]];
}
static inline struct text source_of(const struct mover *mover, const struct moved_table *table)
{
    return mover->in_to ? table->from : table->to;
}
static inline struct text target_of(const struct mover *mover, const struct moved_table *table)
{
    return mover->in_to ? table->to : table->from;
}

/* refuse.c: everything that can fail at the end, found at the beginning. False where the server
 * could not be asked. */
bool refusals_find(struct mover *mover);
bool refusals_of_instances(struct mover *mover);

/* grants.c: what accounts may do with the tables now, to be given at the target. */
bool grants_plan(struct mover *mover);
bool grants_give(struct mover *mover, const struct moved_table *table);

/* triggers.c */
bool triggers_plan(struct mover *mover);
bool triggers_note(struct mover *mover); /* into the journal */
bool triggers_drop(struct mover *mover);
bool triggers_create(struct mover *mover);  /* at the target */
bool triggers_restore(struct mover *mover); /* those that were dropped */
/* After a mover that was killed: those that are missing. */
bool triggers_recover(struct mover *mover);

/* swap.c */
bool places_recover(struct mover *mover); /* what a mover that was killed has left */
/* Rights and aliases: nothing that is seen. */
bool places_prepare(struct mover *mover);
bool aliases_clean(struct mover *mover);
struct text swap_sql(struct mover *mover);
/* Waits until nobody on the server holds a lock on the tables; false where that is not so by
 * `until` (monotonic milliseconds). Without rights to see, true. */
bool wait_for_locks(struct mover *mover, int64_t until);
bool swap(struct mover *mover, int64_t until);

/* status.c */
bool status_print(struct mover *mover);

int64_t mover_now(void); /* monotonic milliseconds */

#endif
