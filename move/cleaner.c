/* MySQL's page cleaner writes and syncs changed pages once a second. A RENAME that meets it at the
 * file of one of its tables sleeps for 100 ms before it looks again (seen with strace, 9.7). So the
 * hold begins right behind the page cleaner's turn; nothing is held while this is waited for.
 */
#include <unistd.h>

#include "base/clock.h"
#include "move/mover_internal.h"

enum {
    POLL_US = 10000,
    TURN_MS = 1200,   /* longer than from one turn to the next: nothing is to be written */
    QUIET_MS = 100,   /* after the last page was written: the files are synced too */
    LONGEST_MS = 3000 /* a server that writes all the time */
};

static int64_t pages_flushed(struct mover *mover)
{
    return ask_number(mover,
                      "SELECT VARIABLE_VALUE FROM performance_schema.global_status"
                      " WHERE VARIABLE_NAME = 'Innodb_buffer_pool_pages_flushed'",
                      NULL, -1);
}

bool wait_for_page_cleaner(struct mover *mover)
{
    const int64_t began = clock_ms();
    int64_t changed = 0;

    if (connection_is_mariadb(mover->connection))
        return true;
    int64_t before = pages_flushed(mover);
    for (int64_t now = began; before >= 0 && now < began + LONGEST_MS; now = clock_ms()) {
        if (changed ? now >= changed + QUIET_MS : now >= began + TURN_MS)
            break;
        usleep(POLL_US);
        const int64_t pages = pages_flushed(mover);
        if (pages != before)
            changed = clock_ms();
        before = pages;
    }
    return !connection_lost(mover->connection);
}
