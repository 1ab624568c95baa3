/* silogate with a pause between the ruling and the entry through the door of moves, for the tests
 * of what may happen there (tests/system/test_move_entry.py): linked with --wrap=moving_enter, a
 * worker waits while the file that SILOGATE_PAUSE names exists. Never part of silogate: `make
 * build/tests/harness/silogate-paused`.
 */
#include <stdlib.h>
#include <unistd.h>

#include "proxy/moving.h"

enum { POLL_US = 1000 };

enum moving_entry __real_moving_enter(struct session *session, const struct ruling *ruling);
enum moving_entry __wrap_moving_enter(struct session *session, const struct ruling *ruling);

enum moving_entry __wrap_moving_enter(struct session *session, const struct ruling *ruling)
{
    const char *file = getenv("SILOGATE_PAUSE");

    while (file && access(file, F_OK) == 0)
        usleep(POLL_US);
    return __real_moving_enter(session, ruling);
}
