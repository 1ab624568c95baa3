/* Where the tables of the [move:] sections of one upstream are, and which objects depend on them,
 * according to the server's catalogue. Nothing is cached: the server is asked each time.
 */
#ifndef MOVE_STANDING_H
#define MOVE_STANDING_H

#include "base/arena.h"
#include "catalogue/connect.h"
#include "config/config.h"
#include "policy/policy.h"
#include "sql/moved.h"

enum standing_kind { STANDING_NOTHING, STANDING_TABLE, STANDING_VIEW, STANDING_SEQUENCE };
enum standing_place { PLACE_UNKNOWN, PLACE_FROM, PLACE_TO };

struct moved_table {
    struct text from, to, name;
    enum standing_kind at_from, at_to;
    unsigned move; /* index into config->moves */
    bool dropped;  /* at `from` its alias is left, and there is no table: it was dropped */
    bool taken;    /* what stands in `to` is another one's, or that is not known: move/rivals.c */
    bool parted;   /* has partitions; read by the mover alone, for what it moves */
    /* Where it was when it was alone: as silogate.places has it (move/sightings.h) and since when,
     * where its move's last call has put it, if that is newer, and which of all that is known
     * counts while it is at both places. */
    enum standing_place said, settled, kept;
    int64_t said_at;
};
struct moved_trigger {
    struct text schema, name;
    size_t table; /* in `tables` */
};
/* A table whose use may lock one of the move's. It may be one of another move, by either name. */
struct hanging_table {
    struct text schema, name;
    const char *by; /* "view", "trigger", "foreign key", or one by way of another */
    unsigned move;
};

enum code_kind {
    CODE_PROCEDURE,
    CODE_FUNCTION,
    CODE_PACKAGE, /* MariaDB */
    CODE_PACKAGE_BODY,
    CODE_EVENT,
    CODE_VIEW,
    CODE_TRIGGER,
};
/* Code that the server keeps and that may use a table of the move, also by way of other code: its
 * text has the words for it. */
struct stored_code {
    struct text schema, name;
    struct text table; /* of a trigger */
    enum code_kind kind;
    unsigned move;
};

/* A table that a pattern of the move matches, but that another service owns. */
struct left_table {
    struct text schema, name;
    int owner; /* SERVICE_NONE: nobody */
    unsigned move;
};

/* Both names of the tables that a pattern of a move matches. */
struct moved_pattern {
    struct text from, to, name;
    unsigned move;
};

struct standing {
    struct moved_table *tables;
    struct moved_trigger *triggers; /* of one table in the order in which they fire */
    struct hanging_table *hanging;
    struct stored_code *codes;
    struct left_table *left;
    struct moved_pattern *patterns;
    size_t table_count, trigger_count, hanging_count, code_count, left_count, pattern_count;
    bool fold;       /* lower_case_table_names is not 0 */
    uint64_t packet; /* max_allowed_packet */
    struct arena arena;
};

/* Reads all moves of the upstream. Tables whose owner by either name is not the move's service are
 * left out. False with `error` where the server did not answer. Free with standing_fini. */
bool standing_read(struct connection *connection, const struct config *config,
                   const struct policy *policy, size_t upstream, struct standing *standing,
                   struct error *error);
void standing_fini(struct standing *standing);

/* From now on `move` is the number that `numbers` has for it, no index. */
void standing_number(struct standing *standing, const uint8_t *numbers);

/* A table of the move by its old place; NULL: none. */
const struct moved_table *standing_find(const struct standing *standing, unsigned move,
                                        struct text from, struct text name);

/* The table of this name, whichever database it stands in; NULL: none. */
const struct moved_table *standing_moved_of(const struct standing *standing, struct text schema,
                                            struct text name);

/* Does the pattern of the move, as written in `table =`, match any table? */
bool standing_has(const struct standing *standing, unsigned move, struct text pattern);
/* Does a name match one of `patterns`? */
bool standing_matches(const struct standing *standing, struct text pattern, struct text name);
/* Can it stand in a name without quotes? */
bool standing_is_of_name(char c);
/* Is the name in a text, as a name of its own? */
bool standing_names_it(const struct standing *standing, struct text words, struct text name);

/* Is the table in `to`? Where somebody has made a second table at the other place, the one that was
 * there before counts; if that is not known, the one at the old place. */
bool standing_is_in_to(const struct moved_table *table);
bool standing_is_at_both(const struct moved_table *table);
bool standing_has_both(const struct standing *standing); /* is any? */
/* Where the table is, or was before it was at both places. */
enum standing_place standing_place(const struct moved_table *table);
/* `db` is the place where a table was seen alone, first at this time. */
void standing_say(struct standing *standing, struct text from, struct text name, struct text db,
                  int64_t at);
/* Decides which of two tables counts: by what all instances share, else by what this process saw
 * `before`. */
void standing_keep(struct standing *standing, const struct standing *before);
/* Those of its tables that a move moves: all, or those that are written in `tables` (`s`.`t` by
 * their old place). One that was made after the mover had looked is not among them. */
struct flipped {
    int move; /* -1: none */
    bool in_to;
    const char *tables; /* NULL: all */
};
/* They are there now. */
void standing_settle(struct standing *standing, const struct flipped *flipped);

/* Maps both names of each table to the place where it is, or was before it was dropped: who creates
 * it again finds the name free there, and the alias works again. `flipped`: they are assumed to be
 * there, whatever was read; NULL: none. */
struct sql_moved *standing_names(const struct standing *standing, const struct flipped *flipped);
/* The same for a text that the server keeps, and that nobody maps again when a table of another
 * move is moved: while a view stands at the old place of such a table, its names are not mapped, as
 * the old one is good there and back. */
struct sql_moved *standing_names_kept(const struct standing *standing,
                                      const struct flipped *flipped);

/* `name`, with its backticks doubled. */
void put_name(FILE *to, struct text name);

/* Is the table in the list of a call's tables, as the journal has it (MEETING_TABLES)? */
bool standing_is_in_call(const struct moved_table *table, struct text call);

#endif
