/* The prepared statements of one session: the facts of each COM_STMT_PREPARE, kept until
 * COM_STMT_CLOSE, so that each execution can be judged.
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

/* The longest kept text if a table in it may move: it is needed to prepare the statement again. */
enum { PREPARED_TEXT_MOVED = 1 << 20 };

/* Memory of one session's statements. Beyond it the client gets the server's error for its own
 * limit. */
enum { PREPARED_BYTES = 32 << 20 };

/* MariaDB's id for the statement that was prepared last (-1). */
#define PREPARED_LAST UINT32_MAX

struct prepared {
    uint32_t id;
    struct sql_facts *facts;
    struct sql_state state; /* in which the text was read */
    struct sql_reading reading;
    size_t bytes;         /* of memory, counted in PREPARED_BYTES */
    bool cut;             /* only the beginning of the text is kept */
    bool executed;        /* so the client may not send the parameters' types again */
    bool owed;            /* the server has not got the parameters' types that were sent last */
    bool has_types;       /* `types` has the types that were sent last */
    bool long_data;       /* the same as `has_chunks`, of a table of a move: see held.h */
    bool has_chunks;      /* the server has got COM_STMT_SEND_LONG_DATA for the next execution */
    bool chunked;         /* it has got some for any of its executions */
    bool lost_chunk;      /* it has got another number of them than the client has sent */
    bool cursor;          /* its cursor is open: the client has not fetched all rows */
    uint32_t upstream_id; /* the server's id, which differs if silogate has prepared it again */
    uint64_t mode;        /* belief_mode at its PREPARE */
    uint64_t print;       /* where its tables were then: see sql_moved_print */
    /* where its tables were when its text could not be mapped; 0: that has not happened */
    uint64_t stays;
    uint16_t parameters, columns;
    uint8_t *types;       /* 2 bytes each, counted in `bytes`; NULL unless they must be kept */
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

/* Makes a statement whose id is not known yet. Of the text at most `most` bytes are kept. */
struct prepared *prepared_new(struct text text, size_t most, const struct sql_facts *facts,
                              const struct sql_state *state);
void prepared_free(struct prepared *prepared);

/* Is there no room for another one? */
bool prepared_is_full(const struct prepared_table *table);
/* Takes over `prepared`, whose id the server has just sent; an older one with the same id is
 * freed. */
void prepared_add(struct prepared_table *table, struct prepared *prepared, uint32_t id);
/* NULL: there is none. PREPARED_LAST is the last one added. The table keeps the ownership. */
struct prepared *prepared_find(const struct prepared_table *table, uint32_t id);
/* Is a cursor open? Looks at all. */
bool prepared_has_cursor(const struct prepared_table *table);
/* Has long data been sent for an execution that is still to come, and can be? Looks at all. */
bool prepared_has_long_data(const struct prepared_table *table);
/* Frees one, if it exists, or all; their memory is given back. */
void prepared_remove(struct prepared_table *table, uint32_t id);
void prepared_clear(struct prepared_table *table);

#endif
