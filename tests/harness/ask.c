/* ask INI UPSTREAM DEFAULTS|- [STATEMENT [TEXT...]]: connects as silogate's own connections do and
 * prints "MariaDB|MySQL VERSION NUMBER ADDRESS", then the statement's rows, cells between tabs.
 * Each TEXT is a parameter; one that begins with ` is a name, with 0x bytes. Exit status 1: the
 * error's number and words are on standard error. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalogue/connect.h"

static struct parameter parameter_of(const char *text)
{
    if (text[0] == '`')
        return P_NAME(text_of(text + 1));
    if (strncmp(text, "0x", 2) == 0)
        return P_BYTES(text_of(text + 2));
    if (strcmp(text, "NULL") == 0)
        return P_TEXT((struct text){0});
    return P_TEXT(text_of(text));
}

static int ask(struct connection *connection, int count, char **texts)
{
    struct parameter parameters[16] = {0};
    struct error error = {0};

    for (int i = 1; i < count && i < 16; i++)
        parameters[i - 1] = parameter_of(texts[i]);
    struct rows *rows = connection_query(connection, texts[0], parameters, &error);
    if (!rows) {
        fprintf(stderr, "%u %d %s\n", connection_code(connection), connection_lost(connection),
                error.text);
        return 1;
    }
    while (rows_next(rows)) {
        for (size_t i = 0; i < rows->columns; i++) {
            printf("%s", i ? "\t" : "");
            if (rows->cells[i].at)
                fwrite(rows->cells[i].at, 1, rows->cells[i].length, stdout);
            else
                printf("NULL");
        }
        putchar('\n');
    }
    rows_free(rows);
    return 0;
}

int main(int argc, char **argv)
{
    struct config_problems problems = {0};
    struct error error = {0};
    struct config *config = argc > 3 ? config_read(argv[1], &problems) : NULL;
    int status = 1;

    if (!config)
        return 2;
    for (size_t i = 0; i < config->upstream_count; i++) {
        if (!text_equal(config->upstreams[i].name, text_of(argv[2])))
            continue;
        struct connection *connection = connection_open(
            &(struct connection_options){.upstream = &config->upstreams[i],
                                         .defaults_file = argv[3][0] == '-' ? NULL : argv[3],
                                         .program = "silogate test",
                                         .connect_timeout = 2000,
                                         .statement_timeout = 5000},
            &error);
        if (!connection) {
            fprintf(stderr, "0 0 %s\n", error.text);
            break;
        }
        printf("%s %s %u %s\n", connection_is_mariadb(connection) ? "MariaDB" : "MySQL",
               connection_version(connection), connection_number(connection),
               connection_address(connection));
        status = argc > 4 ? ask(connection, argc - 4, argv + 4) : 0;
        connection_close(connection);
    }
    config_free(config);
    config_problems_fini(&problems);
    return status;
}
