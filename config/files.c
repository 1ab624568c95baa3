/* The files of a configuration: proxy.ini and the files that its include lines name. Finds them,
 * and tells which file and line a line number stands for. config/read.c reads their contents.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "config/keys.h"

struct config_place config_place(const struct config_files *files, unsigned line)
{
    size_t at = 0;

    while (at + 1 < files->count && files->items[at + 1].before <= line)
        at++;
    if (files->count == 0)
        return (struct config_place){NULL, line};
    return (struct config_place){files->items[at].path.at, line - files->items[at].before};
}

const char *config_line(const struct config_files *files, unsigned line)
{
    static _Thread_local char words[320];
    struct config_place place = config_place(files, line);

    if (files->count > 1)
        snprintf(words, sizeof(words), "line %u of %s", place.line, place.file);
    else
        snprintf(words, sizeof(words), "line %u", place.line);
    return words;
}

void files_add(struct arena *arena, struct config_files *files, struct text path, unsigned before)
{
    files->items = items_add(arena, files->items, &files->count, sizeof(*files->items));
    files->items[files->count - 1] = (struct config_file){arena_text(arena, path), before};
}

/* A folder that does not exist has no files; one that may not be read is an error. */
static int unreadable(const char *path, int error)
{
    (void)path;
    return error != ENOENT && error != ENOTDIR;
}

bool include_find(const struct config_text *include, struct include_match *match,
                  struct config_problems *problems)
{
    int code = glob(include->value.at, 0, unreadable, &match->found);

    match->count = code == 0 ? match->found.gl_pathc : 0;
    if (code == 0)
        return true;
    if (code != GLOB_NOMATCH)
        config_problem_add(problems, include->line, false,
                           "include = %s: the folder cannot be read: %s; name one that silogate "
                           "can read",
                           include->value.at, strerror(errno));
    else if (strpbrk(include->value.at, "*?["))
        config_problem_add(problems, include->line, true,
                           "include = %s matches no file; write one, or take the line out",
                           include->value.at);
    else
        config_problem_add(problems, include->line, false,
                           "include = %s: there is no such file; write another path",
                           include->value.at);
    return false;
}

void include_done(struct include_match *match)
{
    globfree(&match->found);
}

FILE *include_open(const char *path, struct stat *status, struct error *why)
{
    /* Opening a pipe would block for ever. */
    int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    FILE *file = NULL;

    if (opened < 0 || fstat(opened, status) != 0)
        error_set(why, "%s", strerror(errno));
    else if (!S_ISREG(status->st_mode))
        error_set(why, "it is no file");
    else if (!(file = fdopen(opened, "r")))
        error_set(why, "%s", strerror(errno));
    if (!file && opened >= 0)
        close(opened);
    return file;
}
