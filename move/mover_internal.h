/* Data and functions that the files of the mover share. Private to move/. */
#ifndef MOVE_MOVER_INTERNAL_H
#define MOVE_MOVER_INTERNAL_H

#include "base/arena.h"
#include "move/meeting.h"
#include "move/mover.h"
#include "move/standing.h"
#include "sql/state.h"

#define MOVER_LOCK  "silogate.move" /* a GET_LOCK of the server: one mover at a time */
#define MOVER_TRIAL "silogate_moving_trial"
/* Of the rows `j` of silogate.journal those of an epoch in which a trigger may have been dropped.
 */
#define MOVER_DROPPED                                                                              \
    " EXISTS (SELECT 1 FROM silogate.journal d WHERE d.move = j.move AND d.epoch = j.epoch AND"    \
    " d.step = 'dropping')"

/* A trigger: its text now, and at the table's new place. */
struct carried_trigger {
    struct text schema, target, name;
    struct text sql_mode, charset, collation;
    struct text old_text, new_text;             /* whole CREATE TRIGGER statements */
    struct text trial_text;                     /* the new one, on MOVER_TRIAL */
    struct text old_sent, new_sent, trial_sent; /* the same in `charset`, as they are sent */
    const struct moved_table *table;            /* in `todo` */
    bool made;                                  /* at the target, or it may be */
};

/* The outcome of a switch. */
enum outcome {
    OUTCOME_NOT_MOVED,
    OUTCOME_MOVED,
    OUTCOME_MIXED,   /* a table is at both places or at neither, or some tables are at one place and
                        some at the other */
    OUTCOME_UNKNOWN, /* the server cannot be asked */
};

struct named {
    struct text schema, name;
};

/* What a GRANT changes: the rights (move/rights.h) of an account on databases, on a table or on one
 * of its columns. */
struct change_of_rights {
    bool is_role; /* of MariaDB */
    struct text user, host;
    struct text pattern; /* of databases; `at` NULL: on the table */
    struct text column;  /* `at` NULL: on the table as a whole */
    uint32_t before, after;
};

/* A GRANT at the target, to be run while a table exists there. */
struct carried_grant {
    struct text text;
    const struct moved_table *table;
    struct change_of_rights change;
};

struct mover {
    const struct move_order *order;
    const struct config_move *move;
    const char *name;
    struct connection *connection;
    struct standing standing;
    /* The tables that were not at the wanted place when the call began. */
    struct moved_table *todo;
    struct text *definitions; /* of each table, before the move */
    size_t todo_count;
    struct carried_trigger *triggers;
    size_t trigger_count;
    /* tables that LOCK TABLES must lock too, because of triggers and foreign keys */
    struct named *near;
    size_t near_count;
    struct codes *codes; /* see texts.h; read for the plan, and for --finish */
    struct carried_grant *grants;
    size_t grant_count;
    uint64_t rights_print; /* of the rights at the source by which they were planned */
    uint64_t given_print;  /* of those at the target when nobody lacked anything there */
    int64_t rights_read;   /* by clock_ms, when both were last seen to be the same */
    unsigned refusals;
    uint64_t epoch;
    /* By clock_ms: when the doors were closed, all sessions had left, the tables were moved, the
     * doors were open. */
    int64_t closed, drained, moved, opened;
    int64_t ends;      /* by clock_ms: not later than any instance opens its doors by itself */
    int64_t latest;    /* by the server's clock, in milliseconds: when a switch may begin */
    int64_t rename_us; /* one RENAME, as the trial found it */
    int64_t trip_us;   /* to the server and back */
    struct connection *aside;            /* see blocked.c; NULL: none */
    int64_t blocked, blocked_ms, warned; /* since when, by clock_ms; how long; last told */
    bool in_to;                          /* the wanted place of the tables */
    bool missed;     /* a lost session has left triggers missing, which were created again */
    bool sent;       /* the RENAME was sent, so the server may have done it */
    bool incomplete; /* a trigger or an alias could not be created again */
    bool gave;       /* rights at the target, which the journal has */
    bool left;       /* some of them could not be taken back */
    bool forgotten;  /* see kept.c */
    bool kept;       /* some were not taken back, because somebody else has changed them */
    bool placed;     /* a placeholder could not be dropped, or that is not known: */
    struct named placeholder, placeholder_of; /* its own name, and the table's */
    bool live;                                /* the output is a terminal */
    bool waits;   /* its last line tells what is waited for, and is to be replaced */
    int64_t told; /* when it was written, by clock_ms */
    struct arena arena;
    struct error *error;
};

void say(const struct mover *mover, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* On a terminal: writes, some times a second, one line that the next one replaces. Nothing
 * elsewhere. */
bool tells_live(const struct mover *mover);
void say_live(struct mover *mover, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Adds a reason to refuse the move, with its remedy. */
void refuse(struct mover *mover, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* `name` in backticks; `schema`.`name`. */
void put_table(FILE *to, struct text schema, struct text name);
/* A text built with open_memstream, into the arena. */
struct text keep_text(struct mover *mover, char *at, size_t length);

/* Runs one statement without parameters. */
bool run_sql(struct mover *mover, struct text sql);
/* Prints the statement and runs it; with dry_run it only prints. */
bool change(struct mover *mover, struct text sql);
/* The number that a query returns; `otherwise`: the query has failed. */
int64_t ask_number(struct mover *mover, const char *sql, const struct parameter *parameters,
                   int64_t otherwise);

static inline const struct moved_table *todo_table(const struct mover *mover, size_t i)
{
    return &mover->todo[i];
}
static inline struct text source_of(const struct mover *mover, const struct moved_table *table)
{
    return mover->in_to ? table->from : table->to;
}
static inline struct text target_of(const struct mover *mover, const struct moved_table *table)
{
    return mover->in_to ? table->to : table->from;
}

/* kept.c: throws away what the server has kept of triggers and routines, before the RENAME. */
bool kept_forget(struct mover *mover);
/* Behind the RENAME, for clients that do not go through silogate: that of triggers, once in a
 * switch; tells what could not be thrown away until the hold was over. */
void kept_forget_again(struct mover *mover);
void kept_print(struct mover *mover);
/* Tries it before anybody waits, and refuses the move where a right is missing. False: the
 * connection is lost. */
bool kept_try(struct mover *mover);

/* mover.c */
struct connection *mover_connect(const struct move_order *order, struct error *error);
bool mover_read_standing(struct mover *mover);
/* Writes a step to the journal. */
bool mover_note(struct mover *mover, const char *step, struct text detail);
/* For tests: with SILOGATE_MOVE_STOP=STEP in the environment the mover stops there (SIGSTOP). */
void mover_reached(const char *step);
bool mover_stops_at(const char *step);

/* The table of this call that is in `source` under this name, as the server compares names; NULL:
 * none. */
const struct moved_table *todo_at(const struct mover *mover, struct text source, struct text name);

/* Is this the first table of its pair of databases? */
bool todo_is_first(const struct mover *mover, size_t i);

/* check.c: the name in backticks at `i`, without them; moves `i` behind it. */
struct text take_name(struct mover *mover, struct text sql, size_t *i);

/* switch.c: the hold. */
bool switch_tables(struct mover *mover);
/* Connects again after the connection was lost, and waits until the server has ended the lost
 * session. */
bool mover_come_back(struct mover *mover);

/* cleaner.c: waits for a moment in which MySQL writes no pages to the tables' files, at most for
 * three seconds. False: the server could not be asked. */
bool wait_for_page_cleaner(struct mover *mover);

/* check.c: compares tables and triggers before and after. False: they differ, or could not be
 * read. */
bool check_before(struct mover *mover);
/* They are still as check_before found them, their triggers only if asked. */
bool check_again(struct mover *mover, bool with_triggers);
bool check_after(struct mover *mover);

/* The table of this call that `table` is; NULL: none. */
const struct moved_table *todo_find(const struct mover *mover, const struct moved_table *table);

/* refuse.c: finds, before the move begins, everything that could make it fail later. False: the
 * server could not be asked. */
bool refusals_find(struct mover *mover);
void refusals_of_places(struct mover *mover);
bool refusals_of_instances(struct mover *mover);
/* Than the mover: it would not do the same with the tables. */
bool has_other_policy(const struct mover *mover, const struct meeting_instance *instance);

/* conflicts.c: names in the way of the tables that go from one database to the other. */
void conflicts_find(struct mover *mover, struct text source, struct text target);
/* Another table that would get the same new name. */
void conflicts_of_rivals(struct mover *mover, const struct moved_table *table);

/* trial.c: the switch, tried on an empty table; refuses where a right is missing. False where the
 * server could not be asked. */
bool trial_run(struct mover *mover);
bool trial_recover(struct mover *mover); /* the table of a mover that was killed */
/* Writes to the journal that it may be in this database from now on, or is not. */
bool trial_note(struct mover *mover, struct text schema, bool dropped);

/* warn.c: prints warnings, which do not stop the move. */
void warnings_tell(struct mover *mover);
void warnings_tell_codes(struct mover *mover); /* of stored code only */

/* finish.c: drops the aliases that were unused for long enough. */
bool finish(struct mover *mover);

/* grants.c: finds what accounts may do with the tables now, to grant it at the target. */
bool grants_plan(struct mover *mover);
/* granted.c: they are written to the journal first. */
bool grants_give(struct mover *mover, const struct moved_table *table);
/* MySQL: refuses where the server would not run them. */
bool grants_check_plugins(struct mover *mover);
void grants_tell(struct mover *mover); /* those of the way back */
/* After the grants were given, and after the move: are the rights at the source those of the plan,
 * and does nobody lack anything at the target? Plans once more. */
bool grants_suffice(struct mover *mover);
/* The same in less time, while others wait: has nothing changed since, at either place? */
bool grants_unchanged(struct mover *mover);

/* taken_back.c: writes to the journal what the GRANTs of this table change. */
bool grants_note(struct mover *mover, const struct moved_table *table);
/* Takes back what a call has granted that did not move the tables. `earlier`: it was another one,
 * so each REVOKE is printed. False: something is left, or that is not known. */
bool grants_take_back(struct mover *mover, bool earlier);
void grants_tell_left(struct mover *mover); /* prints these statements only */

/* triggers.c */
bool triggers_plan(struct mover *mover);
/* The SQL state in which its text is read. */
struct sql_state trigger_state(const struct mover *mover, const struct carried_trigger *trigger);

/* stored.c: refuses where a trigger would fail with each write to its table, where stored code
 * would do something else without an error, and where --finish would drop an alias that it names.
 */
void stored_check(struct mover *mover);
void stored_check_finish(struct mover *mover);
/* Is it the alias of a table of the move, that --finish drops? */
bool finish_drops(const struct mover *mover, const struct moved_table *table);

/* triggers_make.c */
bool triggers_has(const struct mover *mover, const struct moved_table *table);
bool triggers_note(struct mover *mover); /* writes them to the journal */
struct text trigger_bytes(struct mover *mover, struct text charset, struct text text);
struct text trigger_drop_sql(struct mover *mover, size_t i);
/* The settings for the i-th at the target, and before them a USE; NULL: as for the one before. */
struct text trigger_enter_sql(struct mover *mover, size_t i, struct text *use);
/* The server has answered its CREATE TRIGGER at the target. Returns `good`. */
bool trigger_answered(struct mover *mover, size_t i, bool good);
void triggers_undo(struct mover *mover);    /* drops those that were made at the target */
bool triggers_restore(struct mover *mover); /* those that were dropped */
/* Tries whether all triggers of this table can be created at the target, on an empty table of
 * another name. */
bool triggers_try(struct mover *mover, const struct moved_table *table);
void triggers_print(struct mover *mover, const struct moved_table *table); /* these statements */
/* Creates missing triggers after a mover was killed or lost its connection. */
bool triggers_recover(struct mover *mover);

/* alias.c: the views at the old names. */
bool has_alias(const struct mover *mover, const struct moved_table *table);
/* Does the section ask for one, which the table has not because it has partitions? */
bool lacks_alias(const struct mover *mover, const struct moved_table *table);
/* Of the tables to move: which of them have partitions, and are to have no alias? Tells it. */
bool aliases_plan(struct mover *mover);
/* False: that has changed since, or the server does not tell. */
bool aliases_check(struct mover *mover);
/* Has a moved table got partitions, which its alias ignores? */
bool alias_ignores(struct mover *mover, const struct moved_table *table);
/* Writes the name under which the view of the i-th table waits, or is put aside. */
void put_aside(FILE *to, const struct mover *mover, size_t i);
bool places_recover(struct mover *mover); /* removes what a killed mover has left */
/* Rights and aliases; clients notice nothing. */
bool places_prepare(struct mover *mover);
void places_print(struct mover *mover); /* the statements */
/* Drops the placeholder that is left. False: it is there still. */
bool placeholder_remove(struct mover *mover);
bool aliases_note(struct mover *mover);
bool aliases_recover(struct mover *mover); /* renames those that are not in their place */
bool aliases_clean(struct mover *mover);   /* views that wait or were put aside */

/* locks.c: waits until no session of the server holds a lock on the tables. False: not by `until`
 * (monotonic milliseconds), and the sessions were named. True if the mover has no right to see
 * locks. */
bool wait_for_locks(struct mover *mover, int64_t until);
void tell_locks(struct mover *mover);

/* hold.c: the hold begins; is there time for the switch, and are all instances still drained? */
void hold_begin(struct mover *mover);
bool hold_look(struct mover *mover);
/* What fails (error 1690) if the server runs it when there is no time any more. */
struct text hold_sql(struct mover *mover);
/* Sets the error for it; true. */
bool hold_is_over(struct mover *mover, const char *why);

/* blocked.c: what has failed with this code must be done, because triggers are missing. True: try
 * it again; until then everybody waits. False: that is no lock. */
bool blocked_wait(struct mover *mover, unsigned code);
/* A trigger is missing, and a lock is waited for: everybody waits, if need be for longer than the
 * hold. */
void blocked_hold(struct mover *mover);
/* From this statement on the instances stay closed, also after the hold. It fails (error 1690) if
 * it cannot be done. */
struct text blocked_sql(struct mover *mover);
void blocked_free(struct mover *mover); /* they do not any more: no trigger is missing */
void blocked_end(struct mover *mover);  /* the same, at the end of the switch */

/* swap.c */
bool swap_prepare(struct mover *mover);    /* settings of the session, before others wait */
struct text swap_sql(struct mover *mover); /* the RENAME */
void swap_print(struct mover *mover);      /* all statements of the switch */
bool swap(struct mover *mover, int64_t until);

/* status.c */
bool status_print(struct mover *mover);

#endif
