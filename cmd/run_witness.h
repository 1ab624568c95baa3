/* The witnesses of a running silogate: one for each upstream that has `witness`. Only the thread of
 * run_threads.c uses this. */
#ifndef CMD_RUN_WITNESS_H
#define CMD_RUN_WITNESS_H

#include <stdint.h>

struct runtime;
struct violations;

/* Takes the samples that are due. Returns the milliseconds until the next is due; -1: no witness.
 * `now`: milliseconds of a monotonic clock. */
int64_t run_witness_look(struct runtime *runtime, struct violations *violations, int64_t now);
/* After a reload and at the end: closes connections, whose address may have changed. */
void run_witness_close(void);
void run_witness_free(void);

#endif
