/* What crosses inside the upstreams, read while silogate runs: for pages, API and metrics. */
#ifndef CMD_RUN_CATALOGUE_H
#define CMD_RUN_CATALOGUE_H

struct runtime;

void run_catalogue_start(void);
/* Sets the runtime in force and reads at once. Takes its own reference. */
void run_catalogue_configure(struct runtime *runtime);
/* If a statement is running, waits for its answer. */
void run_catalogue_stop(void);

#endif
