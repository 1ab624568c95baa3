/* `silogate run` follows the state of open moves. */
#ifndef CMD_RUN_MOVES_H
#define CMD_RUN_MOVES_H

void run_moves(void);

#endif
