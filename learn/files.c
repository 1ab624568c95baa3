/* Which files are read, in which order, and what a log says about itself: times and the server's
 * version. */
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "base/arena.h"
#include "learn/internal.h"
#include "learn/recognize.h"
#include "report/report.h"

enum { LOOK_LINES = 2000 /* of a file, for its first time */, LOCAL_TIME = 15 };

/* Six digits for the date, a blank, and the time, whose leading zero may be a blank: the server's
 * local time. The result for the last minute is kept, because mktime is slow. */
static bool read_local_time(struct text text, int64_t *time)
{
    static char kept[16];
    static int64_t kept_time;
    char padded[16];

    if (text.length != LOCAL_TIME || text.at[6] != ' ' || text.at[9] != ':' || text.at[12] != ':')
        return false;
    memcpy(padded, text.at, 15);
    padded[15] = 0;
    if (padded[7] == ' ')
        padded[7] = '0';
    for (size_t i = 0; i < 15; i++) {
        if (i != 6 && i != 9 && i != 12 && (padded[i] < '0' || padded[i] > '9'))
            return false;
    }
    int seconds = (padded[13] - '0') * 10 + padded[14] - '0';
    if (memcmp(padded, kept, 12) != 0) {
        struct tm tm = {.tm_isdst = -1};
        tm.tm_year = 100 + (padded[0] - '0') * 10 + padded[1] - '0';
        tm.tm_mon = (padded[2] - '0') * 10 + padded[3] - '0' - 1;
        tm.tm_mday = (padded[4] - '0') * 10 + padded[5] - '0';
        tm.tm_hour = (padded[7] - '0') * 10 + padded[8] - '0';
        tm.tm_min = (padded[10] - '0') * 10 + padded[11] - '0';
        time_t found = mktime(&tm);
        if (found == (time_t)-1)
            return false;
        kept_time = (int64_t)found;
        memcpy(kept, padded, sizeof(kept));
    }
    *time = (kept_time + seconds) * 1000000;
    return true;
}

bool learn_read_time(struct text text, int64_t *time)
{
    return text.length == LOCAL_TIME ? read_local_time(text, time) : report_time(text, false, time);
}

/* "/usr/sbin/mysqld, Version: 9.7.4 (Debian). started with:" */
bool learn_version(struct learn *learn, struct text line)
{
    static const struct text mark = {", Version: ", 11}, end = {"started with:", 13};
    struct text trimmed = text_trim(line);
    const char *at = memmem(trimmed.at, trimmed.length, mark.at, mark.length);

    if (!at || trimmed.length < end.length ||
        memcmp(trimmed.at + trimmed.length - end.length, end.at, end.length) != 0)
        return false;
    at += mark.length;
    struct text version = {at, (size_t)(trimmed.at + trimmed.length - at)};
    const char *blank = memchr(version.at, ' ', version.length);
    if (blank)
        version.length = (size_t)(blank - version.at);
    if (!learn->version_given)
        learn->version_seen = sql_state_set_version(&learn->start, version);
    return true;
}

void learn_put_literals(char *text, size_t length)
{
    static const struct text secret = {"<secret>", 8};
    char *at = text, *end = text + length;

    while (at && (at = memmem(at, (size_t)(end - at), secret.at, secret.length)) != NULL)
        memcpy(at, "'xxxxxx'", secret.length);
}

bool learn_begins(struct text text, struct text word)
{
    text = text_trim(text);
    return text.length > word.length &&
           text_equal_fold((struct text){text.at, word.length}, word) &&
           (text.at[word.length] == ' ' || text.at[word.length] == '\n' ||
            text.at[word.length] == '\t' || text.at[word.length] == '\r');
}

bool learn_is_prepare_without_text(struct text text)
{
    static const struct text end = {" FROM ...", 9};

    return text.length > end.length && learn_begins(text, TEXT("PREPARE")) &&
           memcmp(text.at + text.length - end.length, end.at, end.length) == 0;
}

/* The first time in a file, INT64_MAX if there is none near its start. A pipe is not read here,
 * because its bytes could not be read again. */
static int64_t first_time(const char *path, bool *is_local)
{
    struct source lines;
    struct stat status;
    struct error error;
    struct text line;
    int64_t time, found = INT64_MAX;

    *is_local = false;
    if (strcmp(path, "-") == 0 || stat(path, &status) != 0 || !S_ISREG(status.st_mode) ||
        !source_open(&lines, path, false, &error))
        return INT64_MAX;
    while (found == INT64_MAX && lines.number < LOOK_LINES && source_line(&lines, &line)) {
        if (line.length > 8 && memcmp(line.at, "# Time: ", 8) == 0)
            line = (struct text){line.at + 8, line.length - 8};
        const char *tab = line.length ? memchr(line.at, '\t', line.length) : NULL;
        if (tab)
            line.length = (size_t)(tab - line.at);
        if (!learn_read_time(line, &time))
            continue;
        found = time;
        *is_local = line.length == LOCAL_TIME;
    }
    source_close(&lines, &error);
    return found;
}

const char *recognize_log(struct text start)
{
    for (int lines = 0; lines < 5 && start.length > 0; lines++) {
        const char *newline = memchr(start.at, '\n', start.length);
        struct text line = {start.at, newline ? (size_t)(newline - start.at) : start.length};
        const char *tab = line.length ? memchr(line.at, '\t', line.length) : NULL;
        int64_t time;
        if (line.length > 8 && memcmp(line.at, "# Time: ", 8) == 0 &&
            learn_read_time((struct text){line.at + 8, line.length - 8}, &time))
            return "slow";
        if (line.length > 13 && memcmp(line.at, "# User@Host: ", 13) == 0)
            return "slow";
        if (tab && learn_read_time((struct text){line.at, (size_t)(tab - line.at)}, &time))
            return "general";
        if (lines == 2 && line.length > 4 && memcmp(line.at, "Time", 4) == 0 &&
            memmem(line.at, line.length, "Command", 7) && !newline)
            return "general";
        size_t used = line.length + (newline ? 1 : 0);
        start = (struct text){start.at + used, start.length - used};
    }
    return NULL;
}

struct file {
    char *path;
    /* the first time in it; if there is none, the second in which it was last written to */
    int64_t first;
    int64_t changed; /* when it was last written to */
    size_t place;
    bool is_local; /* its times have the form of MariaDB, or of MySQL before 5.7 */
};

static int by_time(const void *a, const void *b)
{
    const struct file *one = a, *other = b;

    if (one->first != other->first)
        return one->first < other->first ? -1 : 1;
    if (one->changed != other->changed)
        return one->changed < other->changed ? -1 : 1;
    return one->place < other->place ? -1 : 1;
}

static int64_t changed_at(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISREG(status.st_mode)
               ? (int64_t)status.st_mtim.tv_sec * 1000000 + status.st_mtim.tv_nsec / 1000
               : learn_now();
}

static bool read_log(struct learn *learn, enum learn_format format, const struct file *file,
                     struct error *error)
{
    struct source lines;

    if (!source_open(&lines, file->path, learn->progress, error))
        return false;
    if (file->is_local && !learn->version_given && !learn->version_seen)
        sql_state_set_version(&learn->start, TEXT("11.8-MariaDB"));
    if (format == LEARN_GENERAL)
        general_read(learn, &lines, file->first);
    else
        slow_read(learn, &lines, file->first);
    learn->counts.lines += lines.number;
    learn->counts.bytes += lines.bytes;
    return source_close(&lines, error);
}

static bool read_file(struct learn *learn, enum learn_format format, const struct file *file,
                      struct error *error)
{
    learn->counts.files++;
    switch (format) {
    case LEARN_GENERAL:
    case LEARN_SLOW:
        return read_log(learn, format, file, error);
    case LEARN_DIGESTS:
        return digests_read(learn, file->path, error);
    case LEARN_EXPLAIN:
        return statements_read(learn, file->path, error);
    }
    return false;
}

bool learn_files(struct learn *learn, enum learn_format format, char **paths, size_t count)
{
    struct file *files = memory_take_zeroed((count + 1) * sizeof(*files));
    bool is_log = format == LEARN_GENERAL || format == LEARN_SLOW, good = true;
    struct error error;

    for (size_t i = 0; i < count; i++) {
        files[i] = (struct file){.path = paths[i], .place = i};
        if (!is_log)
            continue;
        files[i].first = first_time(paths[i], &files[i].is_local);
        files[i].changed = changed_at(paths[i]);
        if (files[i].first == INT64_MAX) /* MariaDB writes no time if the second has not changed */
            files[i].first = files[i].changed - files[i].changed % 1000000;
    }
    qsort(files, count, sizeof(*files), by_time);
    for (size_t i = 0; i < count; i++) {
        if (read_file(learn, format, &files[i], &error))
            continue;
        fprintf(stderr, "%s\n", error.text);
        good = false;
    }
    free(files);
    return good;
}
