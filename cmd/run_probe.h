/* `silogate run` looks after its upstreams with their accounts. */
#ifndef CMD_RUN_PROBE_H
#define CMD_RUN_PROBE_H

void run_probe(void);

#endif
