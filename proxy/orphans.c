/* They are asked as a silogate that serves is (takeover.h), and give what is left of them. */
#include "proxy/orphans.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/owner.h"

enum { ORPHANS_MOST = 64 };

/* Does a process of this user listen there? One that nobody listens on any more is taken away. */
static bool listens(const struct sockaddr_un *at)
{
    struct ucred owner = {.uid = (uid_t)-1};
    socklen_t length = sizeof(owner);
    struct stat there;

    if (lstat(at->sun_path, &there) != 0 || !S_ISSOCK(there.st_mode))
        return false;
    const int asking = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const bool reached = connect(asking, (const struct sockaddr *)at, sizeof(*at)) == 0;
    if (!reached && errno == ECONNREFUSED)
        unlink(at->sun_path);
    const bool ours = reached &&
                      getsockopt(asking, SOL_SOCKET, SO_PEERCRED, &owner, &length) == 0 &&
                      owner_is_own(owner.uid);
    close(asking);
    return ours;
}

static bool is_known(const struct inherited *inherited, uint32_t process)
{
    for (size_t i = 0; i < inherited->count; i++) {
        if (inherited->items[i].kind == INHERITED_OLDER && inherited->items[i].number == process)
            return true;
    }
    return false;
}

static bool has_kind(const struct inherited *inherited, enum inherited_kind kind)
{
    for (size_t i = 0; i < inherited->count; i++) {
        if (inherited->items[i].kind == kind)
            return true;
    }
    return false;
}

static bool is_new(const struct inherited *to, const struct inherited_socket *one)
{
    if (one->kind == INHERITED_OLDER)
        return !is_known(to, one->number);
    return (one->kind == INHERITED_BOARD || one->kind == INHERITED_OVER ||
            one->kind == INHERITED_PATH) &&
           !has_kind(to, (enum inherited_kind)one->kind);
}

/* What is new in it; the rest is closed. */
static void merge(struct inherited *to, struct inherited *from)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct inherited_socket *one = &from->items[i];
        if (!is_new(to, one)) {
            close(one->fd);
            continue;
        }
        to->items = memory_resize(to->items, (to->count + 1) * sizeof(to->items[0]));
        to->items[to->count++] = *one;
    }
    to->last_id = from->last_id;
    free(from->items);
}

static size_t adopt(const struct sockaddr_un *at, struct inherited *inherited)
{
    struct inherited found = {.channel = -1};
    struct error why;

    if (!listens(at))
        return 0;
    if (!takeover_adopt(at->sun_path, &found, &why)) {
        log_warning("an older silogate gives no answer at %s: its sessions are not shown",
                    at->sun_path);
        free(found.items);
        return 0;
    }
    merge(inherited, &found);
    return 1;
}

size_t orphans_adopt(const char *path, struct inherited *inherited)
{
    const char *last = strrchr(path, '/');
    const char *base = last ? last + 1 : path;
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    const size_t folder = last ? (size_t)(last - path) + 1 : 0, length = strlen(base);
    char name[sizeof(at.sun_path)];
    const struct dirent *entry;
    size_t count = 0;

    snprintf(name, sizeof(name), "%.*s", folder ? (int)folder : 1, folder ? path : ".");
    DIR *listed = opendir(name);
    while (listed && count < ORPHANS_MOST && (entry = readdir(listed))) {
        const char *digits = entry->d_name + length + 1;
        uint64_t process;
        if (strncmp(entry->d_name, base, length) != 0 || entry->d_name[length] != '.' ||
            !text_number(text_of(digits), &process))
            continue;
        const int written =
            snprintf(at.sun_path, sizeof(at.sun_path), "%.*s%s", (int)folder, path, entry->d_name);
        if (written > 0 && (size_t)written < sizeof(at.sun_path))
            count += adopt(&at, inherited);
    }
    if (listed)
        closedir(listed);
    if (count > 0)
        log_notice("%zu silogates drain that an earlier one had taken over from: this one has them "
                   "now",
                   count);
    return count;
}
