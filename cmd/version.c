/* silogate version: silogate's own version, and those of the libraries in use. */
#include <stdio.h>
#include <string.h>

#include "catalogue/connect.h"
#include "cmd/cmd.h"
#include "proxy/server.h"
#include "tls/tls.h"

#ifndef INIH_VERSION
#define INIH_VERSION "unknown"
#endif

int cmd_version(int argc, char **argv)
{
    char libev[16];

    if (argc > 1) {
        int help = strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0;
        fputs("usage: silogate version\n", help ? stdout : stderr);
        return help ? CMD_YES : CMD_MISUSE;
    }
    server_library(libev, sizeof(libev));
    printf("silogate %s\n", SILOGATE_VERSION);
    printf("libev %s\n", libev);
    printf("mbedTLS %s\n", tls_library());
    printf("inih %s\n", INIH_VERSION);
    puts(connection_library());
    return CMD_YES;
}
