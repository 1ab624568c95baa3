/* From the file to structs: lines through inih, sections, keys by the table, defaults. What the
 * values mean together is for config/check.c.
 *
 * inih reads lines into a buffer of 200 bytes and takes what does not fit for further lines, takes
 * an indented line for more of the value before, cuts sections' names at 49 bytes, and does not
 * tell of sections without keys. So the lines come from a reader of our own (config/lines.c), which
 * counts them and refuses what inih would misread, and the sections are followed here; inih is left
 * with key, value and comment.
 */
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/index.h"
#include "config/config.h"
#include "config/keys.h"
#include "config/lines.h"

enum { SECTION_KEYS = 32, FILES_MAX = 4096, SECTION_NAME_MAX = 64 };

/* One section of the file, or one that holds its defaults alone. */
struct section {
    enum config_section kind;
    struct text form;            /* "service:billing", as in the brackets */
    size_t item;                 /* in its array of the configuration */
    unsigned line;               /* 0: not in the file */
    unsigned seen[SECTION_KEYS]; /* where each key was last said; 0: nowhere */
};

struct reading {
    struct lines lines;
    struct config *config;
    struct config_problems *problems;
    struct arena arena; /* for the reading alone */
    struct section **sections;
    size_t section_count;
    struct index index;      /* of sections by their form */
    struct section *current; /* NULL: none yet, or one that is wrong */
    bool any_section;
    struct text folder;
    struct file_id { /* of each file read, so that none is read twice */
        dev_t device;
        ino_t inode;
    } * ids;
    size_t id_count;
};

static const struct key *first_key(enum config_section kind)
{
    const struct key *key = config_keys;

    while (key->section != kind)
        key++;
    return key;
}

/* The struct that a section's keys are fields of. */
static void *section_base(struct config *config, const struct section *section)
{
    switch (section->kind) {
    case SECTION_UPSTREAM:
        return &config->upstreams[section->item];
    case SECTION_SERVICE:
        return &config->services[section->item];
    case SECTION_GRANT:
        return &config->grants[section->item];
    case SECTION_EDGE:
        return &config->edges[section->item];
    case SECTION_MOVE:
        return &config->moves[section->item];
    case SECTION_PROXY:
    case SECTION_POLICY:
    case SECTION_TLS:
    case SECTION_LOG:
    case SECTION_COUNT:
        break;
    }
    return config;
}

/* Adds the struct that a named section is read into. */
static void item_add(struct config *config, struct section *section, struct text name)
{
    struct arena *arena = &config->arena;
    unsigned line = section->line;
    const char *arrow;

    name = arena_text(arena, name);
    switch (section->kind) {
    case SECTION_UPSTREAM:
        config->upstreams = items_add(arena, config->upstreams, &config->upstream_count,
                                      sizeof(*config->upstreams));
        section->item = config->upstream_count - 1;
        config->upstreams[section->item] = (struct config_upstream){.name = name, .line = line};
        break;
    case SECTION_SERVICE:
        config->services =
            items_add(arena, config->services, &config->service_count, sizeof(*config->services));
        section->item = config->service_count - 1;
        config->services[section->item] = (struct config_service){.name = name, .line = line};
        break;
    case SECTION_GRANT:
        config->grants =
            items_add(arena, config->grants, &config->grant_count, sizeof(*config->grants));
        section->item = config->grant_count - 1;
        config->grants[section->item] = (struct config_grant){.name = name, .line = line};
        break;
    case SECTION_EDGE:
        config->edges =
            items_add(arena, config->edges, &config->edge_count, sizeof(*config->edges));
        section->item = config->edge_count - 1;
        arrow = memmem(name.at, name.length, "->", 2);
        config->edges[section->item] = (struct config_edge){
            .user = arena_text(arena, (struct text){name.at, (size_t)(arrow - name.at)}),
            .owner = text_of(arrow + 2),
            .line = line,
        };
        break;
    case SECTION_MOVE:
        config->moves =
            items_add(arena, config->moves, &config->move_count, sizeof(*config->moves));
        section->item = config->move_count - 1;
        config->moves[section->item] = (struct config_move){.name = name, .line = line};
        break;
    case SECTION_PROXY:
    case SECTION_POLICY:
    case SECTION_TLS:
    case SECTION_LOG:
    case SECTION_COUNT:
        break;
    }
}

static struct section *section_add(struct reading *reading, enum config_section kind,
                                   struct text form, struct text name, unsigned line)
{
    struct section *section = arena_take(&reading->arena, sizeof(*section));

    *section =
        (struct section){.kind = kind, .form = arena_text(&reading->arena, form), .line = line};
    index_add(&reading->index, section->form, (uint32_t)reading->section_count);
    reading->sections = items_add(&reading->arena, reading->sections, &reading->section_count,
                                  sizeof(struct section *));
    reading->sections[reading->section_count - 1] = section;
    item_add(reading->config, section, name);
    return section;
}

static bool is_name(struct text name)
{
    for (size_t i = 0; i < name.length; i++) {
        char c = text_lower(name.at[i]);
        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' && c != '.')
            return false;
    }
    return name.length > 0 && name.length <= SECTION_NAME_MAX;
}

/* The kind of section that `word` means; SECTION_COUNT, and the problem told, where there is none.
 */
static enum config_section section_kind(struct reading *reading, struct text word)
{
    struct text words[SECTION_COUNT];

    for (int kind = 0; kind < SECTION_COUNT; kind++) {
        words[kind] = text_of(section_word((enum config_section)kind));
        if (text_equal(words[kind], word))
            return (enum config_section)kind;
    }
    struct text meant = nearest(word, words, SECTION_COUNT);
    if (meant.at)
        lines_problem(&reading->lines, "unknown section [%.*s]; did you mean [%s]?",
                      TEXT_ARGS(word), meant.at);
    else
        lines_problem(
            &reading->lines,
            "unknown section [%.*s]; write one of proxy, policy, tls, log, upstream:NAME, "
            "service:NAME, grant:NAME, edge:USER->OWNER, move:NAME",
            TEXT_ARGS(word));
    return SECTION_COUNT;
}

/* Checks NAME, or USER->OWNER, and writes it without the white space around its parts. */
static bool section_name(struct reading *reading, enum config_section kind, struct text *name)
{
    const char *arrow = memmem(name->at, name->length, "->", 2);
    struct text left = *name, right;

    if (kind != SECTION_EDGE) {
        if (is_name(*name))
            return true;
        lines_problem(
            &reading->lines,
            "'%.*s' is not a name; write %s with a NAME of at most 64 letters, digits, '.', '_' "
            "and '-'",
            TEXT_ARGS(*name), section_form(kind));
        return false;
    }
    if (arrow) {
        left = text_trim((struct text){name->at, (size_t)(arrow - name->at)});
        right = text_trim((struct text){arrow + 2, name->length - (size_t)(arrow - name->at) - 2});
    }
    if (!arrow || !is_name(left) || !is_name(right)) {
        lines_problem(&reading->lines, "'%.*s' is not a pair of services; write [edge:USER->OWNER]",
                      TEXT_ARGS(*name));
        return false;
    }
    char *joined = arena_take(&reading->arena, left.length + 2 + right.length + 1);
    name->length = (size_t)sprintf(joined, "%.*s->%.*s", TEXT_ARGS(left), TEXT_ARGS(right));
    name->at = joined;
    return true;
}

/* A line [KIND] or [KIND:NAME], without the brackets. */
static void section_begin(struct reading *reading, struct text form)
{
    const char *colon = memchr(form.at, ':', form.length);
    struct text word =
        text_trim((struct text){form.at, colon ? (size_t)(colon - form.at) : form.length});
    struct text name = {NULL, 0};
    char whole[256];
    uint32_t at;

    reading->current = NULL;
    reading->any_section = true;
    enum config_section kind = section_kind(reading, word);
    if (kind == SECTION_COUNT)
        return;
    if (reading->config->files.count > 1 && !section_includable(kind)) {
        lines_problem(&reading->lines, "[%.*s] stands in a file that is included; write it in %s",
                      TEXT_ARGS(form), reading->config->path.at);
        return;
    }
    if (section_has_name(kind) != (colon != NULL)) {
        lines_problem(&reading->lines, "[%.*s] %s a name; write %s", TEXT_ARGS(form),
                      colon ? "does not take" : "lacks", section_form(kind));
        return;
    }
    if (colon) {
        name = text_trim((struct text){colon + 1, form.length - (size_t)(colon - form.at) - 1});
        if (!section_name(reading, kind, &name))
            return;
    }
    int length = snprintf(whole, sizeof(whole), "%.*s%s%.*s", TEXT_ARGS(word), colon ? ":" : "",
                          TEXT_ARGS(name));
    struct text key = {whole, (size_t)length};
    if (!index_find(&reading->index, key, &at)) {
        reading->current = section_add(reading, kind, key, name, reading->lines.line);
        return;
    }
    reading->current = reading->sections[at];
    if (reading->current->line)
        lines_problem(&reading->lines, "[%s] stands on %s already; put its keys there", whole,
                      config_line(&reading->config->files, reading->current->line));
    else
        reading->current->line = reading->lines.line;
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

/* What no key's value may look like. */
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

/* One key = value, from inih, which gives 0 to nothing that it is told. */
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
    if (!environment_expand(&reading->arena, text_of(written), &value, &why))
        lines_problem(&reading->lines, "%s = %s: %s", name, written, why.text);
    else if (value_plain(reading, key, value) &&
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

/* False where it has been read already. */
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
    for (size_t i = 0; i < reading->section_count; i++)
        set_defaults(reading, reading->sections[i]);
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
