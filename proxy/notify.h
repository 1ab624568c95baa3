/* What systemd is told of the service (sd_notify(3): Type=notify-reload): one datagram to the
 * socket that NOTIFY_SOCKET names. Nothing where there is none.
 */
#ifndef PROXY_NOTIFY_H
#define PROXY_NOTIFY_H

/* Lines like "READY=1\nSTATUS=..."; cut at 500 bytes. */
void notify(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "RELOADING=1" with the time that systemd wants beside it. */
void notify_reloading(void);

#endif
