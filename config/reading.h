/* A configuration file while it is being read. Private to config/read.c (files, keys and values)
 * and config/sections.c (sections).
 */
#ifndef CONFIG_READING_H
#define CONFIG_READING_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/index.h"
#include "base/text.h"
#include "config/keys.h"
#include "config/lines.h"

enum { SECTION_KEYS = 32 }; /* the keys of one kind of section, at most */

/* A section. Those without a name ([proxy]) are always there, for their defaults. */
struct section {
    enum config_section kind;
    struct text form;            /* "service:billing", as in the brackets */
    size_t item;                 /* its index in the array of its kind, such as config->services */
    unsigned line;               /* 0: not in the file */
    unsigned seen[SECTION_KEYS]; /* the line on which each key was last set; 0: none */
};

struct reading {
    struct lines lines;
    struct config *config;
    struct config_problems *problems;
    struct arena arena; /* freed when the reading is over */
    struct section **sections;
    size_t section_count;
    struct index index;      /* of sections by their form */
    struct section *current; /* NULL: none yet, or a wrong one, whose keys are skipped */
    bool any_section;        /* in the present file */
    struct text folder;
    struct file_id { /* of each file that was read, so that none is read twice */
        dev_t device;
        ino_t inode;
    } * ids;
    size_t id_count;
};

/* A line [KIND] or [KIND:NAME], without the brackets: it becomes the current section. */
void section_begin(struct reading *reading, struct text form);
/* Adds a section, and the struct that its keys are read into. `form` and `name` are copied. */
struct section *section_add(struct reading *reading, enum config_section kind, struct text form,
                            struct text name, unsigned line);
/* The struct whose fields are set by the section's keys. Valid until the next section is added. */
void *section_base(struct config *config, const struct section *section);

#endif
