/* Open moves are followed by `silogate run`. */
#ifndef CMD_RUN_MOVES_H
#define CMD_RUN_MOVES_H

void run_moves(void);

#endif
