/* `silogate run` finds other instances through upstreams that have an `account`. */
#ifndef CMD_RUN_INSTANCES_H
#define CMD_RUN_INSTANCES_H

void run_instances(void);

#endif
