/* Reads the files into structs: lines through inih, keys by the table, defaults. Sections are read
 * by config/sections.c; config/check.c checks what the values mean together.
 *
 * inih has four traps. It reads lines into a buffer of 200 bytes and takes the rest of a longer
 * line for a new one; it takes an indented line for a continuation of the value before; it cuts
 * names of sections at 49 bytes; and it does not report sections without keys. So the lines come
 * from a reader of our own (config/lines.c), which counts them and refuses what inih would misread,
 * and silogate reads the sections itself. inih only splits a line into key, value and comment.
 */
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/keys.h"
#include "config/lines.h"
#include "config/reading.h"

enum { FILES_MAX = 4096 };

static const struct key *first_key(enum config_section kind)
{
    const struct key *key = config_keys;

    while (key->section != kind)
        key++;
    return key;
}

static void unknown_key(struct reading *reading, struct text name)
{
    const struct section *section = reading->current;
    struct text words[SECTION_KEYS];
    size_t count = 0;

    for (size_t i = 0; i < config_key_count; i++) {
        if (config_keys[i].section == section->kind)
            words[count++] = text_of(config_keys[i].name);
    }
    struct text meant = nearest(name, words, count);
    for (size_t i = 0; i < config_key_count && !meant.at; i++) {
        if (text_equal(text_of(config_keys[i].name), name)) {
            lines_problem(&reading->lines, "[%s] has no key '%.*s'; write it in %s",
                          section->form.at, TEXT_ARGS(name), section_form(config_keys[i].section));
            return;
        }
    }
    if (meant.at)
        lines_problem(&reading->lines, "[%s] has no key '%.*s'; did you mean %s?", section->form.at,
                      TEXT_ARGS(name), meant.at);
    else
        lines_problem(&reading->lines, "[%s] has no key '%.*s'; `silogate check --keys` lists them",
                      section->form.at, TEXT_ARGS(name));
}

/* Checks what holds for the values of all keys. False: it is wrong, and the problem was added. */
static bool value_plain(struct reading *reading, const struct key *key, struct text value)
{
    char first = value.length ? value.at[0] : 0;

    if (value.length == 0) {
        lines_problem(&reading->lines, "%s has no value; write one, or take the line out",
                      key->name);
        return false;
    }
    if ((first == '"' || first == '\'') && value.length > 1 &&
        value.at[value.length - 1] == first) {
        lines_problem(&reading->lines,
                      "%s = %.*s: quotes would be part of the value; write it without", key->name,
                      TEXT_ARGS(value));
        return false;
    }
    for (size_t i = 1; i < value.length; i++) {
        if (value.at[i] == '#' && value.at[i - 1] == ' ')
            config_problem_add(reading->problems, reading->lines.line, true,
                               "# does not begin a comment behind a value, so it is part of it; a "
                               "comment begins with ;");
    }
    return true;
}

static void add_to_hash(struct reading *reading, struct text t)
{
    reading->config->read = text_hash(t, reading->config->read + t.length, false);
}

/* inih calls this for each key = value; 0 would be an error. */
static int key_found(void *user, const char *section_unused, const char *name, const char *written)
{
    struct reading *reading = user;
    struct section *section = reading->current;
    struct value_place place = {&reading->config->arena, reading->folder, reading->lines.line};
    struct error why = {.line = 0};

    (void)section_unused;
    reading->lines.pending = false;
    if (!section) {
        if (!reading->any_section)
            lines_problem(&reading->lines,
                          "a key before any section; write a line like [proxy] above");
        return 1;
    }
    const struct key *key = key_find(section->kind, text_of(name));
    if (!key) {
        unknown_key(reading, text_of(name));
        return 1;
    }
    unsigned *seen = &section->seen[key - first_key(section->kind)];
    if (*seen && !key->repeatable) {
        lines_problem(&reading->lines, "%s is on %s already; keep one of them", name,
                      config_line(&reading->config->files, *seen));
        return 1;
    }
    *seen = reading->lines.line;
    struct text value;
    if (!environment_expand(&reading->arena, text_of(written), &value, &why)) {
        lines_problem(&reading->lines, "%s = %s: %s", name, written, why.text);
        return 1;
    }
    add_to_hash(reading, section->form);
    add_to_hash(reading, text_of(name));
    add_to_hash(reading, value);
    if (value_plain(reading, key, value) &&
        !value_read(key, section_base(reading->config, section), value, &place, &why))
        lines_problem(&reading->lines, "%s = %.*s: %s", name, TEXT_ARGS(value), why.text);
    return 1;
}

static void set_defaults(struct reading *reading, const struct section *section)
{
    const struct key *key = first_key(section->kind);
    struct value_place place = {
        &reading->config->arena, {NULL, 0},
         0
    };
    struct error why;

    for (size_t i = 0; key + i < config_keys + config_key_count && key[i].section == section->kind;
         i++) {
        if (section->seen[i] || !key[i].fallback)
            continue;
        if (!*key[i].fallback)
            config_problem_add(reading->problems, section->line, false,
                               "[%s] has no %s; write a line %s = ...: %s", section->form.at,
                               key[i].name, key[i].name, key[i].help);
        else
            value_read(&key[i], section_base(reading->config, section), text_of(key[i].fallback),
                       &place, &why);
    }
}

static void read_lines(struct reading *reading)
{
    int wrong = ini_parse_stream(lines_next, &reading->lines, key_found, reading);

    lines_end(&reading->lines);
    if (wrong > 0 && reading->problems->errors == 0)
        config_problem_add(reading->problems, reading->lines.before + (unsigned)wrong, false,
                           "not a line of an ini file; write [section], key = value or ; comment");
}

/* False: the file has been read already. */
static bool remember_file(struct reading *reading, const struct stat *status)
{
    for (size_t i = 0; i < reading->id_count; i++) {
        if (reading->ids[i].device == status->st_dev && reading->ids[i].inode == status->st_ino)
            return false;
    }
    reading->ids =
        items_add(&reading->arena, reading->ids, &reading->id_count, sizeof(*reading->ids));
    reading->ids[reading->id_count - 1] = (struct file_id){status->st_dev, status->st_ino};
    return true;
}

static void read_included(struct reading *reading, unsigned line, const char *path)
{
    struct config *config = reading->config;
    struct stat status;
    struct error why;
    FILE *file = include_open(path, &status, &why);

    if (!file) {
        config_problem_add(reading->problems, line, false,
                           "include: %s cannot be read: %s; name files that silogate can read",
                           path, why.text);
        return;
    }
    if (!remember_file(reading, &status)) {
        config_problem_add(reading->problems, line, false,
                           "include: %s is read already; write patterns that match a file once",
                           path);
    } else if (config->files.count == FILES_MAX) {
        config_problem_add(reading->problems, line, false,
                           "include: more than %d files; join some of them into one", FILES_MAX);
    } else {
        lines_go_on(&reading->lines, file);
        files_add(&config->arena, &config->files, text_of(path), reading->lines.before);
        reading->current = NULL;
        reading->any_section = false;
        read_lines(reading);
    }
    fclose(file);
}

static void read_all(struct reading *reading)
{
    const struct config_list *includes = &reading->config->proxy.include;

    for (int kind = 0; !section_has_name((enum config_section)kind); kind++) {
        struct text word = text_of(section_word((enum config_section)kind));
        section_add(reading, (enum config_section)kind, word, word, 0);
    }
    read_lines(reading);
    for (size_t i = 0; i < includes->count; i++) {
        struct include_match match = {.count = 0};
        include_find(&includes->items[i], &match, reading->problems);
        for (size_t j = 0; j < match.count; j++)
            read_included(reading, includes->items[i].line, match.found.gl_pathv[j]);
        include_done(&match);
    }
    for (size_t i = 0; i < reading->section_count; i++) {
        add_to_hash(reading, reading->sections[i]->form);
        set_defaults(reading, reading->sections[i]);
    }
    reading->config->read |= 1;
}

struct config *config_read(const char *path, struct config_problems *problems)
{
    struct config *config = memory_take_zeroed(sizeof(*config));
    struct reading reading = {.config = config, .problems = problems};
    const char *slash = strrchr(path, '/');
    FILE *file = fopen(path, "re");

    if (!file) {
        config_problem_add(problems, 0, false, "cannot be opened: %s; name a file that can be read",
                           strerror(errno));
        free(config);
        return NULL;
    }
    config->path = arena_text(&config->arena, text_of(path));
    files_add(&config->arena, &config->files, config->path, 0);
    struct stat status;
    if (fstat(fileno(file), &status) == 0)
        remember_file(&reading, &status);
    if (slash)
        reading.folder = (struct text){path, (size_t)(slash - path)};
    lines_init(&reading.lines, file, problems, section_begin, &reading);
    read_all(&reading);
    fclose(file);
    for (size_t i = 0; i < config->files.count; i++)
        files_add(&problems->arena, &problems->files, config->files.items[i].path,
                  config->files.items[i].before);
    config_check(config, problems);
    index_fini(&reading.index);
    arena_fini(&reading.arena);
    return config;
}

struct config *config_take(struct config *config)
{
    atomic_fetch_add(&config->shares, 1);
    return config;
}

void config_free(struct config *config)
{
    if (!config || atomic_fetch_sub(&config->shares, 1) > 0)
        return;
    config_free(config->base);
    arena_fini(&config->arena);
    free(config);
}
