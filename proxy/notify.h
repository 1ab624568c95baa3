/* Tells systemd the state of the service (sd_notify(3): Type=notify-reload): one datagram to the
 * socket that NOTIFY_SOCKET names. Without that variable it does nothing.
 */
#ifndef PROXY_NOTIFY_H
#define PROXY_NOTIFY_H

/* Lines like "READY=1\nSTATUS=..."; cut at 500 bytes. Waits for five seconds, once, where the
 * manager's queue is full: without READY=1 or MAINPID= it would end the service. */
void notify(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Says again that silogate serves, if the manager has not taken it; each second. */
void notify_again(void);
/* "RELOADING=1", with the time that systemd requires. */
void notify_reloading(void);

#endif
