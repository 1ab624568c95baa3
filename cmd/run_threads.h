/* Who comes past silogate, counted while it runs: for /metrics. */
#ifndef CMD_RUN_THREADS_H
#define CMD_RUN_THREADS_H

struct runtime;
struct violations;

/* The violations must outlive run_threads_stop. */
void run_threads_start(struct violations *violations);
/* What is in force from now on; looks at once. Takes a reference of its own. */
void run_threads_configure(struct runtime *runtime);
void run_threads_stop(void);

#endif
