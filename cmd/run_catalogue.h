/* What crosses inside the upstreams, read while silogate runs: for pages, API and metrics. */
#ifndef CMD_RUN_CATALOGUE_H
#define CMD_RUN_CATALOGUE_H

struct runtime;

void run_catalogue_start(void);
/* What is in force from now on; reads at once. Takes a reference of its own. */
void run_catalogue_configure(struct runtime *runtime);
/* Waits for what it reads at most until its statement is answered. */
void run_catalogue_stop(void);

#endif
