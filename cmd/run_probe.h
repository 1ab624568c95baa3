/* `silogate run` checks its upstreams by logging in with their accounts. */
#ifndef CMD_RUN_PROBE_H
#define CMD_RUN_PROBE_H

void run_probe(void);

#endif
