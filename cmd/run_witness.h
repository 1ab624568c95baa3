/* The witnesses of a running silogate: one an upstream that has `witness`. Used by the thread of
 * run_threads.c alone. */
#ifndef CMD_RUN_WITNESS_H
#define CMD_RUN_WITNESS_H

#include <stdint.h>

struct runtime;
struct violations;

/* Samples where it is due. Returns the milliseconds until the next is; -1: none. `now`: of a clock
 * that only goes forward, milliseconds. */
int64_t run_witness_look(struct runtime *runtime, struct violations *violations, int64_t now);
/* After a reload and at the end: closes connections, whose address may have changed. */
void run_witness_close(void);
void run_witness_free(void);

#endif
