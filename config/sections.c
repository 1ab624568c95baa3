/* A section's line, [KIND] or [KIND:NAME]: what it may look like, and the struct that its keys are
 * read into. Called by config/read.c and, for each such line, by config/lines.c.
 */
#include "config/reading.h"

#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "config/keys.h"

enum { SECTION_NAME_MAX = 64 };

void *section_base(struct config *config, const struct section *section)
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

struct section *section_add(struct reading *reading, enum config_section kind, struct text form,
                            struct text name, unsigned line)
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

/* The kind of section that `word` names. SECTION_COUNT: there is none, and the problem was added.
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

/* Checks NAME, or USER->OWNER, and removes the white space around its parts. False: it is wrong,
 * and the problem was added. */
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

void section_begin(struct reading *reading, struct text form)
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
