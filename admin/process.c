/* Metrics of the process, with the names that every Prometheus client library uses (Prometheus,
 * "Writing client libraries", "Process metrics"). Read from Linux' /proc. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "admin/samples.h"

/* Field `number` (3 or more) of /proc/self/stat, counted as in its manual page. */
static double stat_field(const char *stat, int number)
{
    const char *at = strrchr(stat, ')');

    for (int field = 2; at && field < number; field++)
        at = strchr(at + 1, ' ');
    return at ? strtod(at, NULL) : 0;
}

/* The boot time of the machine, in seconds since 1970. */
static double boot_time(void)
{
    FILE *from = fopen("/proc/stat", "re");
    char line[512];
    double seconds = 0;

    while (from && seconds == 0 && fgets(line, sizeof(line), from)) {
        if (strncmp(line, "btime ", 6) == 0)
            seconds = strtod(line + 6, NULL);
    }
    if (from)
        fclose(from);
    return seconds;
}

static double open_files(void)
{
    DIR *folder = opendir("/proc/self/fd");
    double count = -1; /* without the descriptor that reads the folder */

    while (folder && readdir(folder))
        count++;
    if (folder)
        closedir(folder);
    return count > 2 ? count - 2 : 0; /* "." and ".." */
}

static double limit(int resource)
{
    struct rlimit found;

    if (getrlimit((__rlimit_resource_t)resource, &found) != 0)
        return -1;
    return found.rlim_cur == RLIM_INFINITY ? -1 : (double)found.rlim_cur;
}

static void put(FILE *to, const char *name, const char *type, const char *help, double value)
{
    fprintf(to, "# HELP process_%s %s\n# TYPE process_%s %s\nprocess_%s %.*f\n", name, help, name,
            type, name, strcmp(type, "counter") == 0 ? 2 : 0, value);
}

void samples_put_process(FILE *to)
{
    FILE *from = fopen("/proc/self/stat", "re");
    char stat[2048] = "";
    const double ticks = (double)sysconf(_SC_CLK_TCK);

    if (!from)
        return;
    size_t length = fread(stat, 1, sizeof(stat) - 1, from);
    fclose(from);
    stat[length] = 0;
    put(to, "cpu_seconds_total", "counter", "User and system time.",
        (stat_field(stat, 14) + stat_field(stat, 15)) / ticks);
    put(to, "virtual_memory_bytes", "gauge", "Virtual memory.", stat_field(stat, 23));
    put(to, "virtual_memory_max_bytes", "gauge", "The limit of virtual memory; -1: none.",
        limit(RLIMIT_AS));
    put(to, "resident_memory_bytes", "gauge", "Resident memory.",
        stat_field(stat, 24) * (double)sysconf(_SC_PAGESIZE));
    put(to, "start_time_seconds", "gauge", "When the process was started.",
        boot_time() + stat_field(stat, 22) / ticks);
    put(to, "open_fds", "gauge", "Open files.", open_files());
    put(to, "max_fds", "gauge", "The limit of open files; -1: none.", limit(RLIMIT_NOFILE));
    put(to, "threads", "gauge", "Threads.", stat_field(stat, 20));
}
