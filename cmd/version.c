/* silogate version: ours, and those of the libraries it runs with. */
#include <ev.h>
#include <mbedtls/version.h>
#include <stdio.h>
#include <string.h>

#include "catalogue/connect.h"
#include "cmd/cmd.h"

#ifndef INIH_VERSION
#define INIH_VERSION "unknown"
#endif

int cmd_version(int argc, char **argv)
{
    char mbedtls[18];

    if (argc > 1) {
        int help = strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0;
        fputs("usage: silogate version\n", help ? stdout : stderr);
        return help ? CMD_YES : CMD_MISUSE;
    }
    mbedtls_version_get_string(mbedtls);
    printf("silogate %s\n", SILOGATE_VERSION);
    printf("libev %d.%d\n", ev_version_major(), ev_version_minor());
    printf("mbedTLS %s\n", mbedtls);
    printf("inih %s\n", INIH_VERSION);
    puts(connection_library());
    return CMD_YES;
}
