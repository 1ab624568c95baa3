/* The prepared statements of one session: what COM_STMT_PREPARE's text touches, kept until
 * COM_STMT_CLOSE, so that each execution is judged afresh.
 */
#ifndef JUDGE_PREPARED_H
#define JUDGE_PREPARED_H

#include <stdbool.h>
#include <stdint.h>

#include "sql/facts.h"
#include "sql/reread.h"
#include "sql/state.h"

/* MySQL's default limit of the whole server (max_prepared_stmt_count). */
enum { PREPARED_MAX = 16382, PREPARED_TEXT = 16384 };

/* Of one session: past these it is told what the server says past its own limit. */
enum { PREPARED_BYTES = 32 << 20 };

/* MariaDB's name for the statement prepared last. */
#define PREPARED_LAST UINT32_MAX

struct prepared {
    uint32_t id;
    struct sql_facts *facts;
    struct sql_state state; /* in which the text was read */
    struct sql_reading reading;
    size_t bytes;         /* of memory, that it counts for */
    bool cut;             /* the text is longer than what is kept of it */
    uint32_t text_length; /* at most PREPARED_TEXT are kept */
    char text[];
};

/* Zeroed, it is empty. */
struct prepared_table {
    struct prepared **slots; /* open addressing by id */
    uint32_t size, count;
    size_t bytes;
    uint32_t last; /* id of the last one, where has_last */
    bool has_last;
};

/* A statement whose id is not known yet. The text is cut to PREPARED_TEXT bytes. */
struct prepared *prepared_new(struct text text, const struct sql_facts *facts,
                              const struct sql_state *state);
void prepared_free(struct prepared *prepared);

/* Is there no room for another one? */
bool prepared_is_full(const struct prepared_table *table);
/* Takes over `prepared`; one with the same id is freed. */
void prepared_add(struct prepared_table *table, struct prepared *prepared, uint32_t id);
/* NULL where there is none. PREPARED_LAST is the last one added. */
struct prepared *prepared_find(const struct prepared_table *table, uint32_t id);
void prepared_remove(struct prepared_table *table, uint32_t id);
void prepared_clear(struct prepared_table *table);

#endif
