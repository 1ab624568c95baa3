/* The whole proxy: what `silogate run` runs. */
#ifndef PROXY_SERVER_H
#define PROXY_SERVER_H

/* Runs until SIGTERM or SIGINT, then drains. SIGHUP reloads, SIGUSR1 reopens the violation logs.
 * Returns the exit status: 0, or 2 where the configuration cannot be used. Tells the operator on
 * standard error. */
/* Who follows open moves beside the proxy, which knows nothing of catalogues. Called by the main
 * thread, in this order; `configure` again after each reload. */
struct moving_door;
struct runtime;
struct server_follower {
    void (*start)(struct moving_door *door);
    void (*configure)(struct runtime *runtime); /* takes references of its own */
    void (*stop)(void);
};
void server_follow(const struct server_follower *follower);

int server_run(const char *path);

#endif
