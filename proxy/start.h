/* SIGTERM and SIGINT while silogate starts. They wait until clients are accepted, as sockets that
 * are taken over and let go would leave nobody who serves; whatever waits in a start asks for them,
 * and then the start fails. The main thread calls all of these.
 */
#ifndef PROXY_START_H
#define PROXY_START_H

#include <stdbool.h>

/* Before any thread is made: none of them gets these signals. */
void start_begins(void);
bool start_is_ended(void);
/* One that came too late for the start is delivered now. */
void start_is_over(void);

#endif
