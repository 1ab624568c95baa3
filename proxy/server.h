/* The whole proxy: what `silogate run` runs. */
#ifndef PROXY_SERVER_H
#define PROXY_SERVER_H

/* Runs until SIGTERM or SIGINT, then drains. SIGHUP reloads, SIGUSR1 reopens the violation logs.
 * Returns the exit status: 0, or 2 where the configuration cannot be used. Tells the operator on
 * standard error. */
int server_run(const char *path);

#endif
