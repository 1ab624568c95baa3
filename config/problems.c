/* The problems of a file: collected, sorted by line, printed. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "config/config.h"

/* More are counted but not kept, so that a wrong file takes bounded memory. */
enum { PROBLEMS_KEPT = 1000 };

void config_problem_add(struct config_problems *problems, unsigned line, bool warning,
                        const char *format, ...)
{
    va_list arguments;

    problems->errors += !warning;
    if (problems->count == PROBLEMS_KEPT)
        return;
    if ((problems->count & (problems->count - 1)) == 0)
        problems->items =
            memory_resize(problems->items,
                          (problems->count ? problems->count * 2 : 1) * sizeof(*problems->items));
    struct config_problem *problem = &problems->items[problems->count++];
    problem->line = line;
    problem->warning = warning;
    va_start(arguments, format);
    vsnprintf(problem->text, sizeof(problem->text), format, arguments);
    va_end(arguments);
    for (char *c = problem->text; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    }
}

/* Stable: those of one line stay in the order in which they were found. */
static void sort(struct config_problem *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct config_problem moved = items[i];
        size_t at = i;
        for (; at > 0 && items[at - 1].line > moved.line; at--)
            items[at] = items[at - 1];
        items[at] = moved;
    }
}

/* The caller gives the path of the first file. */
static struct config_place place_of(const struct config_problems *problems, const char *path,
                                    unsigned line)
{
    struct config_place place = config_place(&problems->files, line);

    if (problems->files.count == 0 || place.file == problems->files.items[0].path.at)
        place.file = path;
    if (place.line == 0)
        place.line = 1;
    return place;
}

void config_problems_first(const struct config_problems *problems, const char *path,
                           struct error *first)
{
    *first = (struct error){.line = 0};
    for (size_t i = 0; i < problems->count; i++) {
        const struct config_problem *problem = &problems->items[i];
        struct config_place place = place_of(problems, path, problem->line);
        if (problem->warning)
            continue;
        error_set(first, "%s:%u: %s", place.file, place.line, problem->text);
        return;
    }
}

void config_problems_log(struct config_problems *problems, const char *path)
{
    sort(problems->items, problems->count);
    for (size_t i = 0; i < problems->count; i++) {
        const struct config_problem *problem = &problems->items[i];
        struct config_place place = place_of(problems, path, problem->line);
        (problem->warning ? log_warning : log_error)("%s:%u: %s", place.file, place.line,
                                                     problem->text);
    }
    if (problems->count == PROBLEMS_KEPT)
        log_error("%s: more problems are not shown; correct these first", path);
}

void config_problems_start(struct config_problems *problems, const char *path)
{
    sort(problems->items, problems->count);
    for (size_t i = 0; i < problems->count; i++) {
        const struct config_problem *problem = &problems->items[i];
        struct config_place place = place_of(problems, path, problem->line);
        log_start(problem->warning ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR, "%s:%u: %s%s", place.file,
                  place.line, problem->warning ? "warning: " : "", problem->text);
    }
    if (problems->count == PROBLEMS_KEPT)
        log_start(LOG_LEVEL_ERROR, "%s: more problems are not shown; correct these first", path);
}

void config_problems_print(struct config_problems *problems, const char *path)
{
    sort(problems->items, problems->count);
    for (size_t i = 0; i < problems->count; i++) {
        const struct config_problem *problem = &problems->items[i];
        struct config_place place = place_of(problems, path, problem->line);
        fprintf(stderr, "%s:%u: %s%s\n", place.file, place.line,
                problem->warning ? "warning: " : "", problem->text);
    }
    if (problems->count == PROBLEMS_KEPT)
        fprintf(stderr, "%s: more problems are not shown; correct these first\n", path);
}

void config_problems_fini(struct config_problems *problems)
{
    free(problems->items);
    arena_fini(&problems->arena);
    *problems = (struct config_problems){0};
}
