/* Who comes past silogate, counted while it runs: for /metrics. */
#ifndef CMD_RUN_THREADS_H
#define CMD_RUN_THREADS_H

struct runtime;

void run_threads_start(void);
/* What is in force from now on; looks at once. Takes a reference of its own. */
void run_threads_configure(struct runtime *runtime);
void run_threads_stop(void);

#endif
