/* What crosses inside the upstreams, read while silogate runs: for pages, API and metrics. */
#ifndef CMD_RUN_CATALOGUE_H
#define CMD_RUN_CATALOGUE_H

struct runtime;

void run_catalogue_start(void);
/* Sets the runtime in force and reads at once. Takes its own reference. */
void run_catalogue_configure(struct runtime *runtime);
/* Shuts down the open connection, so that the thread ends, and waits for the thread. */
void run_catalogue_stop(void);

#endif
