/* The lines of an ini file, as they are given to inih. Private to config/. */
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
    unsigned before; /* see struct config_file */
    unsigned line;   /* the current line, counted from `before` on */
    size_t bytes;    /* read so far */
    /* the current line has gone to inih as key = value; its handler takes this back */
    bool pending;
};

/* Continues with the next file, after the end of the one before; line numbers continue too. */
void lines_go_on(struct lines *lines, FILE *file);

/* `section` is called for each line [FORM], with the text between the brackets. */
void lines_init(struct lines *lines, FILE *file, struct config_problems *problems,
                void (*section)(struct reading *reading, struct text form),
                struct reading *reading);

/* inih's reader: returns the next line; an empty one if it has no key; NULL at the end. */
char *lines_next(char *to, int size, void *lines);

/* To be called after inih has reached the end. */
void lines_end(struct lines *lines);

/* Adds an error for the current line. */
void lines_problem(struct lines *lines, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
