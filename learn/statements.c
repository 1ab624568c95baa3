/* Files of SQL: each statement counts as sent by the service, at the time when the file was last
 * changed. */
#include <sys/stat.h>

#include "learn/internal.h"
#include "learn/scripts.h"

struct reading {
    struct learn *learn;
    struct learn_session session;
    int64_t time;
};

static void begin_file(void *context, const char *path)
{
    struct reading *reading = context;
    struct stat status;

    learn_session_fini(&reading->session);
    learn_session_init(reading->learn, &reading->session, 0);
    reading->time =
        path && stat(path, &status) == 0 ? (int64_t)status.st_mtim.tv_sec * 1000000 : learn_now();
}

static void take_statement(void *context, const struct scripts_statement *statement)
{
    struct reading *reading = context;
    const struct learn_seen once = {.first = reading->time, .last = reading->time, .count = 1};

    /* In place of the placeholder there may be more of the statement than is known. */
    learn_summed(reading->learn, &reading->session, statement->text, statement->placeholder != NULL,
                 &once);
}

bool statements_read(struct learn *learn, const char *path, struct error *error)
{
    struct reading reading = {.learn = learn};

    learn_session_init(learn, &reading.session, 0);
    struct scripts scripts = {.state = &reading.session.belief.state,
                              .visit = take_statement,
                              .begin = begin_file,
                              .context = &reading};
    bool good = scripts_read(&scripts, path);
    learn->counts.files += scripts.files > 0 ? scripts.files - 1 : 0;
    learn->counts.bytes += scripts.bytes;
    scripts_fini(&scripts);
    learn_session_fini(&reading.session);
    return good || error_set(error, "%s:1: was not read to its end; the reason is above", path);
}
