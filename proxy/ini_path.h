/* The path of the newest process's proxy.ini, shared by all generations of one silogate: a file in
 * memory that is handed over with the sockets at each takeover. A reload is passed on to the older
 * generations, which then read the file at this path. For the main thread.
 */
#ifndef PROXY_INI_PATH_H
#define PROXY_INI_PATH_H

#include <limits.h>
#include <stdbool.h>

/* An empty one. The caller closes the descriptor; -1: no more files may be open. */
int ini_path_new(void);
/* By whoever serves now. A relative path is written as an absolute one; symbolic links stay as they
 * are, because somebody may change them. False: the path is too long, or cannot be written. */
bool ini_path_write(int fd, const char *path);
/* False: there is none. */
bool ini_path_read(int fd, char to[PATH_MAX]);

#endif
