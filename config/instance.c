#include "config/instance.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static struct {
    pthread_once_t once;
    char text[129];
} own = {.once = PTHREAD_ONCE_INIT};

static void make_name(void)
{
    char host[64] = "";

    gethostname(host, sizeof(host) - 1);
    for (char *at = host; *at; at++)
        *at = *at > ' ' && *at < 0x7f ? *at : '?'; /* the columns are ASCII */
    snprintf(own.text, sizeof(own.text), "%s:%ld:%lx", host, (long)getpid(),
             (unsigned long)time(NULL));
}

const char *instance_name(void)
{
    pthread_once(&own.once, make_name);
    return own.text;
}
