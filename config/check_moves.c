/* Checks the keys of a [move:] together. policy/ checks who owns the tables. Called by
 * config/check.c.
 */
#include <string.h>

#include "config/config.h"
#include "config/keys.h"

#define wrong(problems, line, ...) config_problem_add(problems, line, false, __VA_ARGS__)

static struct text schema_of(struct text pattern)
{
    const char *dot = memchr(pattern.at, '.', pattern.length);

    return (struct text){pattern.at, dot ? (size_t)(dot - pattern.at) : pattern.length};
}

/* A move of tables into another database of their server. */
static void check_tables(const struct config_move *move, struct config_problems *problems)
{
    if (!move->to.line)
        wrong(problems, move->line,
              "[move:%s] has no `to`; write to = DATABASE, where its tables shall stand",
              move->name.at);
    for (size_t i = 0; i < move->tables.count; i++) {
        const struct config_text *table = &move->tables.items[i];
        struct text schema = schema_of(table->value);
        if (memchr(schema.at, '*', schema.length))
            wrong(problems, table->line,
                  "table = %s: a table is moved out of one database; write its name before the dot",
                  table->value.at);
        else if (move->to.line && text_equal_fold(schema, move->to.value))
            wrong(problems, table->line, "table = %s stands in %s already; write another `to`",
                  table->value.at, move->to.value.at);
    }
    if (move->database.line || move->upstream.line)
        wrong(
            problems, move->database.line ? move->database.line : move->upstream.line,
            "[move:%s] has tables, which stay on their server; write a [move:] of its own for the "
            "database",
            move->name.at);
}

/* A move of a database to another server. */
static void check_database(const struct config *config, const struct config_move *move,
                           struct config_problems *problems)
{
    bool found = false;

    if (!move->database.line || !move->upstream.line) {
        wrong(problems, move->line,
              "[move:%s] moves nothing; write table = SCHEMA.NAME and to = DATABASE, or database = "
              "NAME and upstream = NAME",
              move->name.at);
        return;
    }
    for (size_t i = 0; i < config->upstream_count; i++)
        found |= text_equal(config->upstreams[i].name, move->upstream.value);
    if (!found)
        wrong(problems, move->upstream.line,
              "there is no [upstream:%s]; write that section, or the name of one",
              move->upstream.value.at);
    if (move->to.line)
        wrong(problems, move->to.line,
              "`to` is for tables; a database keeps its name on the other server");
}

static bool same_table(const struct config_text *a, const struct config_text *b)
{
    return text_equal_fold(a->value, b->value);
}

static void check_twice(const struct config *config, size_t number,
                        struct config_problems *problems)
{
    const struct config_move *move = &config->moves[number];

    for (size_t other = 0; other <= number; other++) {
        const struct config_list *tables = &config->moves[other].tables;
        for (size_t i = 0; i < move->tables.count; i++) {
            for (size_t j = 0; j < (other < number ? tables->count : i); j++) {
                if (same_table(&move->tables.items[i], &tables->items[j]))
                    wrong(problems, move->tables.items[i].line,
                          "table = %s is moved by [move:%s] already (%s); take one out",
                          move->tables.items[i].value.at, config->moves[other].name.at,
                          config_line(&config->files, tables->items[j].line));
            }
        }
    }
}

void config_check_moves(struct config *config, struct config_problems *problems)
{
    for (size_t i = 0; i < config->move_count; i++) {
        struct config_move *move = &config->moves[i];
        bool found = false;
        if (move->tables.count > 0)
            check_tables(move, problems);
        else
            check_database(config, move, problems);
        check_twice(config, i, problems);
        for (size_t j = 0; j < config->service_count; j++) {
            if (text_equal(config->services[j].name, move->service.value)) {
                move->service_index = j;
                found = true;
            }
        }
        if (!found && move->service.line)
            wrong(problems, move->service.line,
                  "there is no [service:%s]; write that section, or the name of one",
                  move->service.value.at);
    }
    if (config->move_count > CONFIG_MOVES_MAX)
        wrong(problems, config->moves[CONFIG_MOVES_MAX].line,
              "more than %d [move:] sections; take out those that are finished", CONFIG_MOVES_MAX);
}
