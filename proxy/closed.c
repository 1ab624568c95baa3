/* The file is a head and the same structs as on the board; one of another version is not used.
 * Their ends are renewed from the wall clock, because the machine may have been started anew.
 */
#include "proxy/closed.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"

struct head {
    char what[16];
    uint32_t size, count; /* size: of one entry */
};

static const char what[16] = "silogate undone";

struct override *closed_find(struct closed *closed, const char *id)
{
    return override_find(closed->list, closed->count, id);
}

/* How long after its end the server's clock may still call it in force. */
#define LATER (INT64_C(86400) * 1000000)

static bool must_stay(const struct override *override)
{
    return (override->closed == OVERRIDE_PENDING && override_left(override) > -LATER) ||
           (override->closed == OVERRIDE_HERE && override_left(override) > 0);
}

size_t closed_kept(const struct closed *closed)
{
    size_t count = 0;

    for (size_t i = 0; i < closed->count; i++)
        count += closed->list[i].who[0] && must_stay(&closed->list[i]);
    return count;
}

/* The oldest that may go. Those whose end has come go before those that were undone. */
static size_t least(const struct closed *closed)
{
    size_t at = 0;

    while (at < closed->count && must_stay(&closed->list[at]))
        at++;
    if (at < closed->count)
        return at;
    for (at = 0; at < closed->count && closed->list[at].who[0];)
        at++;
    return at < closed->count ? at : 0;
}

void closed_add(struct closed *closed, const struct override *override, struct text who,
                enum override_closed why)
{
    struct override *there = closed_find(closed, override->id);

    if (there && there->closed >= why)
        return;
    closed->changed = true;
    if (there) {
        there->closed = (uint8_t)why;
        snprintf(there->who, sizeof(there->who), "%.*s", TEXT_ARGS(who));
        return;
    }
    if (closed->count == OVERRIDES_CLOSED_MAX) {
        const size_t at = least(closed);
        if (must_stay(&closed->list[at]))
            log_error("override %s is over, and the upstream '%s' could not be told: if it is "
                      "listed there, it may come back",
                      closed->list[at].id, closed->list[at].upstream);
        closed->count--;
        memmove(&closed->list[at], &closed->list[at + 1],
                (closed->count - at) * sizeof(closed->list[0]));
    }
    there = &closed->list[closed->count++];
    *there = *override;
    there->closed = (uint8_t)why;
    snprintf(there->who, sizeof(there->who), "%.*s", TEXT_ARGS(who));
}

void closed_take(struct closed *closed, struct board *board)
{
    struct override *list = memory_take(OVERRIDES_CLOSED_MAX * sizeof(*list));
    size_t count = 0;

    if (board && board_read(board, list, &count)) {
        for (size_t i = 0; i < count; i++)
            closed_add(closed, &list[i], text_of(list[i].who),
                       (enum override_closed)list[i].closed);
    }
    free(list);
}

void closed_stored(struct closed *closed, const char *id)
{
    struct override *there = closed_find(closed, id);

    if (!there || there->closed != OVERRIDE_PENDING)
        return;
    there->closed = OVERRIDE_KNOWN;
    closed->changed = true;
}

/* --- the file --- */

/* Several silogates of one machine may have the same folder: the control socket's path and the
 * instance's number are in the name. False: it is kept nowhere. */
static bool name_file(const struct config *config, struct text folder, const char *instance,
                      char *to, size_t size)
{
    const int length =
        snprintf(to, size, "%.*ssilogate-undone-%s-%016llx", TEXT_ARGS(folder), instance,
                 (unsigned long long)text_hash(config->proxy.control.host, 1, false));

    if (length >= 0 && (size_t)length < size)
        return true;
    *to = 0;
    return false;
}

/* With its last slash; `at` NULL: there is none. */
static struct text control_folder(const struct config *config)
{
    const struct text control = config->proxy.control.host;
    const char *last = control.at ? strrchr(control.at, '/') : NULL;

    return (struct text){control.at, last ? (size_t)(last - control.at) + 1 : 0};
}

static struct text state_folder(const struct config *config, char *to, size_t size)
{
    const struct text state = config->proxy.state.value;
    const int length = snprintf(to, size, "%.*s/", TEXT_ARGS(state));

    if (state.length == 0 || length < 0 || (size_t)length >= size)
        return (struct text){NULL, 0};
    return (struct text){to, (size_t)length};
}

static void name_own(const struct config *config, char *to, size_t size)
{
    char state[4096], instance[16];
    struct text folder = state_folder(config, state, sizeof(state));

    *to = 0;
    if (!folder.at && config->proxy.state.value.length == 0)
        folder = control_folder(config);
    snprintf(instance, sizeof(instance), "%u", (unsigned)config->proxy.instance.value);
    if (folder.at)
        name_file(config, folder, instance, to, size);
}

static bool put(int file, const void *bytes, size_t size)
{
    const ssize_t written = write(file, bytes, size);

    if (written >= 0 && written < (ssize_t)size)
        errno = ENOSPC;
    return written == (ssize_t)size;
}

/* False: errno says why. */
static bool write_file(const struct closed *closed, const char *path, uint32_t count)
{
    struct head head = {.size = sizeof(struct override), .count = count};
    char next[sizeof(closed->path) + 8];

    memcpy(head.what, what, sizeof(what));
    snprintf(next, sizeof(next), "%s.new", path);
    (void)unlink(next);
    const int file = open(next, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool good = file >= 0 && put(file, &head, sizeof(head));
    for (size_t i = 0; good && i < closed->count; i++)
        good = !must_stay(&closed->list[i]) || put(file, &closed->list[i], sizeof(closed->list[i]));
    good = good && fsync(file) == 0;
    if (file >= 0)
        good = close(file) == 0 && good;
    return good && rename(next, path) == 0;
}

void closed_write(struct closed *closed, const struct config *config)
{
    uint32_t count = 0;
    char path[sizeof(closed->path)];

    name_own(config, path, sizeof(path));
    const bool moved = strcmp(path, closed->path) != 0;
    if (!moved && !closed->changed && !closed->failed)
        return;
    closed->changed = false;
    for (size_t i = 0; i < closed->count; i++)
        count += must_stay(&closed->list[i]);
    const bool good = !path[0] || (count > 0 ? write_file(closed, path, count)
                                             : unlink(path) == 0 || errno == ENOENT);
    if (!good && !closed->failed)
        log_error("%s cannot be written: %s; until it can be, or the upstreams have been told, an "
                  "override that is over may come back with a restart",
                  path, strerror(errno));
    if (good && closed->failed)
        log_notice("%s can be written again", path);
    if (good && moved) {
        if (closed->path[0])
            (void)unlink(closed->path);
        memcpy(closed->path, path, sizeof(path));
    }
    closed->failed = !good;
}

static size_t read_list(int file, struct override *list)
{
    struct head head;

    if (read(file, &head, sizeof(head)) != (ssize_t)sizeof(head) ||
        memcmp(head.what, what, sizeof(what)) != 0 || head.size != sizeof(*list) ||
        head.count > OVERRIDES_CLOSED_MAX)
        return 0;
    const ssize_t got = read(file, list, head.count * sizeof(*list));
    return got == (ssize_t)(head.count * sizeof(*list)) ? board_check(list, head.count) : 0;
}

/* Adds what a file says. */
static void read_file(struct closed *closed, const char *path)
{
    struct override *list = memory_take(OVERRIDES_CLOSED_MAX * sizeof(*list));
    struct timespec now;
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    const size_t count = file >= 0 ? read_list(file, list) : 0;

    if (count == 0 && (file >= 0 || errno != ENOENT))
        log_error("%s cannot be read: overrides that were undone before may come back", path);
    if (file >= 0)
        close(file);
    clock_gettime(CLOCK_REALTIME, &now);
    for (size_t i = 0; i < count; i++) {
        struct override *one = &list[i];
        const int64_t at = now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
        const struct text who = text_of(one->who);
        override_set_times(one, one->since - at, one->until - at);
        closed_add(closed, one, who,
                   one->closed == OVERRIDE_HERE ? OVERRIDE_HERE : OVERRIDE_PENDING);
    }
    free(list);
}

static bool has_pattern(struct text folder)
{
    for (size_t i = 0; i < folder.length; i++) {
        if (strchr("*?[\\", folder.at[i]))
            return true;
    }
    return false;
}

/* Files of the same control socket with another [proxy] instance. They stay: they may be another
 * machine's, and what they say is true, and out of date a day after its end. */
static void read_others(struct closed *closed, const struct config *config, struct text folder)
{
    char pattern[sizeof(closed->path)];
    glob_t found;

    if (!folder.at || has_pattern(folder) ||
        !name_file(config, folder, "*", pattern, sizeof(pattern)) ||
        glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        if (strcmp(found.gl_pathv[i], closed->path) != 0)
            read_file(closed, found.gl_pathv[i]);
    }
    globfree(&found);
}

void closed_read(struct closed *closed, const struct config *config)
{
    char state[sizeof(closed->path)];

    name_own(config, closed->path, sizeof(closed->path));
    if (!closed->path[0])
        return;
    read_file(closed, closed->path);
    read_others(closed, config, state_folder(config, state, sizeof(state)));
    read_others(closed, config, control_folder(config));
}
