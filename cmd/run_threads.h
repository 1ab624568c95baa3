/* Counts connections that bypass silogate, for /metrics. */
#ifndef CMD_RUN_THREADS_H
#define CMD_RUN_THREADS_H

struct runtime;
struct violations;

/* The violations must outlive run_threads_stop. */
void run_threads_start(struct violations *violations);
/* Sets the runtime in force and looks at once. Takes its own reference. */
void run_threads_configure(struct runtime *runtime);
void run_threads_stop(void);

#endif
