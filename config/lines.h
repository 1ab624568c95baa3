/* The lines of an ini file as inih is to see them. Private to config/. */
#ifndef CONFIG_LINES_H
#define CONFIG_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/text.h"
#include "config/config.h"

struct reading;

struct lines {
    FILE *file;
    struct config_problems *problems;
    void (*section)(struct reading *reading, struct text form);
    struct reading *reading;
    unsigned before; /* config_file's */
    unsigned line;   /* the current one, counted on from there */
    size_t bytes;    /* read so far */
    bool
        pending; /* the current line has gone to inih as key = value; its handler takes this back */
};

/* The next file, once the end of the one before has been seen; its lines are counted on. */
void lines_go_on(struct lines *lines, FILE *file);

/* `section` is called for each line [FORM], with what stands in the brackets. */
void lines_init(struct lines *lines, FILE *file, struct config_problems *problems,
                void (*section)(struct reading *reading, struct text form),
                struct reading *reading);

/* inih's reader: the next line, empty where it holds no key, NULL at the end. */
char *lines_next(char *to, int size, void *lines);

/* To be called when inih has seen the end. */
void lines_end(struct lines *lines);

/* Adds an error of the current line. */
void lines_problem(struct lines *lines, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
