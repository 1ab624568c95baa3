/* Reads files of SQL in constant memory: no more than the longest statement is held. */
#include "learn/scripts.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/arena.h"
#include "learn/recognize.h"
#include "sql/script.h"

enum { READ_AT_ONCE = 1 << 18, DEPTH_MOST = 16, FOLDER_FILES = 1000000 };
static const size_t longest_item = (size_t)1 << 30; /* the largest max_allowed_packet */

struct reading {
    struct scripts *scripts;
    const char *path; /* NULL: standard input */
    gzFile file;
    char *bytes;
    size_t start, end, size; /* bytes[start..end) were read and not yet used */
    bool last;               /* end of the file */
    const char *counted;     /* lines are counted up to this byte */
    uint64_t line;           /* the number of the line there */
    bool bad;
};

static const char *shown_path(const char *path)
{
    return path ? path : "standard input";
}

static bool complain(const char *path, uint64_t line, const char *why)
{
    fflush(stdout);
    fprintf(stderr, "%s:%llu: %s\n", shown_path(path), (unsigned long long)line, why);
    return false;
}

static bool complain_unreadable(const char *path)
{
    char why[200];

    snprintf(why, sizeof(why), "cannot be read: %s; name a file or folder that can be read",
             strerror(errno));
    return complain(path, 1, why);
}

/* Counts lines from the last counted byte up to `to`. */
static void count_lines(struct reading *reading, const char *to)
{
    const char *at = reading->counted;

    while (at < to && (at = memchr(at, '\n', (size_t)(to - at))) != NULL) {
        reading->line++;
        at++;
    }
    reading->counted = to;
}

/* Skips blanks and comments, but not comments whose content a server reads. */
static const char *first_word(struct text text)
{
    const char *at = text.at, *end = text.at + text.length;

    while (at < end) {
        bool line = *at == '#' || (end - at > 2 && at[0] == '-' && at[1] == '-');
        bool block = end - at > 2 && at[0] == '/' && at[1] == '*' && at[2] != '!' && at[2] != 'M';
        if ((unsigned char)*at <= ' ')
            at++;
        else if (line)
            at = memchr(at, '\n', (size_t)(end - at));
        else if (block)
            at = memmem(at, (size_t)(end - at), "*/", 2);
        else
            return at;
        if (!at)
            return text.at;
        at += block ? 2 : 0;
    }
    return text.at;
}

static bool refill(struct reading *reading)
{
    size_t left = reading->end - reading->start;
    bool fresh = reading->end == 0 && reading->line == 1;

    count_lines(reading, reading->bytes + reading->start);
    if (reading->start > 0 && left > 0)
        memmove(reading->bytes, reading->bytes + reading->start, left);
    reading->start = 0;
    reading->end = left;
    if (left > longest_item) {
        reading->bad = true;
        return complain(reading->path, reading->line,
                        "a statement of more than 1 GiB; cut it into smaller ones");
    }
    if (left > reading->size / 2) {
        reading->size *= 2;
        reading->bytes = memory_resize(reading->bytes, reading->size);
    }
    reading->counted = reading->bytes;
    while (reading->end < reading->size) {
        size_t room = reading->size - reading->end;
        int got = gzread(reading->file, reading->bytes + reading->end,
                         room > READ_AT_ONCE ? READ_AT_ONCE : (unsigned)room);
        if (got <= 0) {
            reading->last = true;
            break;
        }
        reading->end += (size_t)got;
        reading->scripts->bytes += (uint64_t)got;
        if (!fresh)
            continue;
        fresh = false;
        if (reading->end >= 3 && memcmp(reading->bytes, "\xef\xbb\xbf", 3) == 0)
            reading->start = 3; /* a byte order mark */
    }
    return true;
}

static bool next_null_item(struct text *rest, bool last, struct text *item)
{
    const char *nul = rest->length ? memchr(rest->at, 0, rest->length) : NULL;

    if (!nul && !(last && rest->length > 0))
        return false;
    *item = (struct text){rest->at, nul ? (size_t)(nul - rest->at) : rest->length};
    size_t used = item->length + (nul ? 1 : 0);
    *rest = (struct text){rest->at + used, rest->length - used};
    return true;
}

static void remark(struct reading *reading, struct text command, const char *why)
{
    struct text word = command;

    reading->scripts->remarks++;
    for (size_t i = 0; i < word.length; i++) {
        if ((unsigned char)word.at[i] <= ' ' || i == 32)
            word.length = i;
    }
    fflush(stdout);
    fprintf(stderr, "%s:%llu: %.*s: %s\n", shown_path(reading->path),
            (unsigned long long)reading->line, TEXT_ARGS(word), why);
}

/* "source x.sql", "\. x.sql": the name of the file, else `at` NULL. */
static struct text sourced_file(struct text command)
{
    static const struct text words[] = {
        {"source", 6},
        {"\\.",    2}
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        struct text word = words[i];
        if (command.length > word.length &&
            text_equal_fold((struct text){command.at, word.length}, word))
            return text_trim((struct text){command.at + word.length, command.length - word.length});
    }
    return (struct text){NULL, 0};
}

/* In the folder of the file that names it, or in the root; it must be inside of the root after
 * links are followed. */
static bool find_sourced(const struct reading *reading, struct text name, char found[PATH_MAX])
{
    const char *root = reading->scripts->root, *slash = strrchr(reading->path, '/');
    size_t folder = slash ? (size_t)(slash - reading->path) + 1 : 0;
    char path[PATH_MAX], real[PATH_MAX], real_root[PATH_MAX];

    if (!realpath(root, real_root))
        return false;
    for (int i = 0; i < 2; i++) {
        int length = name.at[0] == '/' ? snprintf(path, sizeof(path), "%.*s", TEXT_ARGS(name))
                     : i == 0 ? snprintf(path, sizeof(path), "%.*s%.*s", (int)folder, reading->path,
                                         TEXT_ARGS(name))
                              : snprintf(path, sizeof(path), "%s/%.*s", root, TEXT_ARGS(name));
        if (length >= (int)sizeof(path) || !realpath(path, real))
            continue;
        size_t inside = strlen(real_root);
        if (strncmp(real, real_root, inside) != 0 || (real[inside] != '/' && inside > 1))
            continue;
        memcpy(found, path, (size_t)length + 1);
        return true;
    }
    return false;
}

static bool read_file(struct scripts *scripts, const char *path);

static void take_command(struct reading *reading, struct text command)
{
    struct text name = sourced_file(command);
    char path[PATH_MAX];

    if (name.length == 0) {
        remark(reading, command, "a command of the client; skipped");
    } else if (!reading->path || !reading->scripts->root) {
        remark(reading, command, "not followed out of standard input; name the files");
    } else if (reading->scripts->depth >= DEPTH_MOST) {
        remark(reading, command, "not followed: too deep");
    } else if (!find_sourced(reading, name, path)) {
        remark(reading, command, "not followed: the file is not there, or outside of the folder");
        reading->bad = true;
    } else {
        reading->scripts->depth++;
        reading->bad |= !read_file(reading->scripts, path);
        reading->scripts->depth--;
    }
}

static void take_statement(struct reading *reading, struct text text)
{
    struct scripts *scripts = reading->scripts;
    char missing[PLACEHOLDER_NAME] = "";

    struct scripts_statement statement = {
        .path = reading->path, .line = reading->line, .text = text};
    if ((!scripts->null || scripts->values->count > 0) && placeholders_may_be_in(text)) {
        statement.text =
            placeholders_put(scripts->values, text, &scripts->room, &scripts->room_size, missing);
        statement.placeholder = missing[0] ? missing : NULL;
    }
    scripts->visit(scripts->context, &statement);
}

static void take_items(struct reading *reading, struct sql_script *script)
{
    struct scripts *scripts = reading->scripts;
    struct text rest = {reading->bytes + reading->start, reading->end - reading->start}, item;

    for (;;) {
        if (scripts->null) {
            if (!next_null_item(&rest, reading->last, &item))
                break;
        } else {
            script->no_backslash_escapes = scripts->state->mode & SQL_NO_BACKSLASH_ESCAPES;
            if (!sql_script_next(script, &rest, reading->last, &item))
                break;
        }
        count_lines(reading, scripts->null ? item.at : first_word(item));
        if (!scripts->null && script->command)
            take_command(reading, item);
        else
            take_statement(reading, item);
    }
    reading->start = (size_t)(rest.at ? rest.at - reading->bytes : 0);
    if (rest.length == 0)
        reading->start = reading->end;
}

/* A log of a server, or a text in UTF-16, is not read as SQL. */
static bool check_start(struct reading *reading)
{
    struct text start = {reading->bytes + reading->start, reading->end - reading->start};
    const char *format = recognize_log(start), *packer = text_packer(start);
    char why[200];

    if (packer && !reading->scripts->null) {
        snprintf(why, sizeof(why), "is packed; unpack it with %s, and write - for its output",
                 packer);
        return complain(reading->path, 1, why);
    }

    if (start.length >= 2 &&
        (memcmp(start.at, "\xff\xfe", 2) == 0 || memcmp(start.at, "\xfe\xff", 2) == 0))
        return complain(reading->path, 1, "is UTF-16; write it as UTF-8");
    if (!format || reading->scripts->null)
        return true;
    snprintf(why, sizeof(why), "is a %s log; write: silogate learn %s -c proxy.ini %s", format,
             format, reading->path ? reading->path : "-");
    return complain(reading->path, 1, why);
}

static bool read_all(struct reading *reading)
{
    struct scripts *scripts = reading->scripts;
    struct sql_script script;
    bool first = true;

    sql_script_init(&script, (enum sql_charset)scripts->state->charset);
    script.dollar_quotes = scripts->state->dialect == SQL_MYSQL && scripts->state->version >= 90000;
    while (!reading->last) {
        if (!refill(reading) || (first && !check_start(reading)))
            return false;
        first = false;
        take_items(reading, &script);
    }
    int code = Z_OK;
    const char *message = gzerror(reading->file, &code);
    if (code == Z_OK || code == Z_STREAM_END)
        return !reading->bad;
    if (code == Z_ERRNO)
        return complain_unreadable(reading->path);
    char why[200];
    snprintf(why, sizeof(why), "%s; write the compressed file anew",
             code == Z_BUF_ERROR ? "the compressed file ends too soon" : message);
    return complain(reading->path, reading->line, why);
}

static bool read_file(struct scripts *scripts, const char *path)
{
    struct reading reading = {.scripts = scripts, .path = path, .size = READ_AT_ONCE, .line = 1};

    reading.file = path ? gzopen(path, "rb") : gzdopen(dup(STDIN_FILENO), "rb");
    if (!reading.file)
        return complain_unreadable(path);
    gzbuffer(reading.file, READ_AT_ONCE);
    reading.bytes = memory_take(reading.size);
    reading.counted = reading.bytes;
    scripts->files++;
    bool good = read_all(&reading);
    free(reading.bytes);
    gzclose(reading.file);
    return good;
}

static bool is_script(const char *name)
{
    size_t length = strlen(name);
    return (length > 4 && strcasecmp(name + length - 4, ".sql") == 0) ||
           (length > 7 && strcasecmp(name + length - 7, ".sql.gz") == 0);
}

static bool read_begun(struct scripts *scripts, const char *path)
{
    if (scripts->begin)
        scripts->begin(scripts->context, path);
    return read_file(scripts, path);
}

/* Everything below a folder, ordered by name; V2 comes before V10. */
static bool read_folder(struct scripts *scripts, const char *folder)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, versionsort);
    bool good = true;

    if (count < 0)
        return complain_unreadable(folder);
    for (int i = 0; i < count; i++) {
        char path[PATH_MAX];
        struct stat status;
        const char *name = entries[i]->d_name;
        bool here = strcmp(folder, ".") == 0, slash = folder[strlen(folder) - 1] == '/';
        bool fits = snprintf(path, sizeof(path), "%s%s%s", here ? "" : folder,
                             here || slash ? "" : "/", name) < (int)sizeof(path);
        if (name[0] != '.' && fits && lstat(path, &status) == 0) {
            if (S_ISDIR(status.st_mode))
                good &= read_folder(scripts, path);
            else if (is_script(name))
                good &= read_begun(scripts, path);
        }
        free(entries[i]);
    }
    free(entries);
    return good;
}

bool scripts_read(struct scripts *scripts, const char *path)
{
    struct stat status;
    char folder[PATH_MAX];

    if (!path || strcmp(path, "-") == 0)
        return read_begun(scripts, NULL);
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
        uint64_t before = scripts->files;
        scripts->root = path;
        bool good = read_folder(scripts, path);
        scripts->root = NULL;
        return good && scripts->files == before
                   ? complain(path, 1, "no *.sql in this folder; name one that has some")
                   : good;
    }
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 1;
    if (snprintf(folder, sizeof(folder), "%.*s", (int)(slash == path ? 1 : length),
                 slash ? path : ".") < (int)sizeof(folder))
        scripts->root = folder;
    bool good = read_begun(scripts, path);
    scripts->root = NULL;
    return good;
}

void scripts_fini(struct scripts *scripts)
{
    free(scripts->room);
}
