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

/* Of the text of one whose tables may move: it must be there to be prepared anew. */
enum { PREPARED_TEXT_MOVED = 1 << 20 };

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
    bool bound;           /* the server has the parameters' types */
    bool has_types;       /* `types` are those that were sent last */
    bool long_data;       /* some was sent for the next execution */
    uint32_t upstream_id; /* by which the server knows it, which has prepared it anew perhaps */
    uint64_t print;       /* where its tables stood then: sql_moved_print */
    uint64_t stays;       /* where they stand while it cannot be prepared anew; 0: nowhere */
    uint16_t parameters;
    uint8_t *types;       /* 2 bytes each; NULL until somebody wants them kept */
    uint32_t text_length; /* at most PREPARED_TEXT are kept, or PREPARED_TEXT_MOVED */
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

/* A statement whose id is not known yet. The text is cut to `most` bytes. */
struct prepared *prepared_new(struct text text, size_t most, const struct sql_facts *facts,
                              const struct sql_state *state);
void prepared_free(struct prepared *prepared);

/* Is there no room for another one? */
bool prepared_is_full(const struct prepared_table *table);
/* Takes over `prepared`; one with the same id is freed. The server has just given it the id. */
void prepared_add(struct prepared_table *table, struct prepared *prepared, uint32_t id);
/* NULL where there is none. PREPARED_LAST is the last one added. */
struct prepared *prepared_find(const struct prepared_table *table, uint32_t id);
void prepared_remove(struct prepared_table *table, uint32_t id);
void prepared_clear(struct prepared_table *table);

#endif
