/* The path of the newest process's proxy.ini, and what each generation has read of it, shared by
 * all generations of one silogate: a file in memory that is handed over with the sockets at each
 * takeover. A reload is passed on to the older generations, which then read the file at this path.
 * There it may be another one for them (another mount namespace, another environment), or one that
 * they cannot read. What was read is known by its hash (config->read); 0: it is not known, because
 * a process of an older build does not tell it. For the main thread.
 */
#ifndef PROXY_INI_PATH_H
#define PROXY_INI_PATH_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

/* An empty one. The caller closes the descriptor; -1: no more files may be open. */
int ini_path_new(void);
/* By whoever serves now. A relative path is written as an absolute one; symbolic links stay as they
 * are, because somebody may change them. False: the path is too long, or cannot be written. */
bool ini_path_write(int fd, const char *path);
/* False: there is none. */
bool ini_path_get(int fd, char to[PATH_MAX]);

/* What a process has in force: a hash, and by which of the reloads that are passed on. */
struct ini_path_read {
    uint64_t hash;
    uint32_t reloads;
};
/* By each process, under its registry_generation() and process ID. */
void ini_path_note(int fd, unsigned generation, uint32_t process, struct ini_path_read read);
/* Has that process noted the same? */
bool ini_path_has_noted(int fd, unsigned generation, uint32_t process, struct ini_path_read read);
/* What whoever serves has in force: written by that process, before older ones reload. */
void ini_path_lead(int fd, struct ini_path_read read);
struct ini_path_read ini_path_leads(int fd);

#endif
