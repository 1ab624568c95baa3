/* Sessions of many commands, judged without sockets: see judged.h. The input: a byte for the state,
 * then for each command a byte that says what it is and how it is answered, a byte of length, and
 * its text.
 */
#include <unistd.h>

#include "tests/fuzz/judged.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static struct judged judged;

static void set_up(void)
{
    char path[] = "/tmp/silogate-fuzz-XXXXXX";
    struct config_problems problems = {0};
    int file = mkstemp(path);

    if (file < 0 || write(file, JUDGED_INI, strlen(JUDGED_INI)) < 0)
        abort();
    close(file);
    struct config *config = config_read(path, &problems);
    unlink(path);
    if (!config || problems.errors > 0)
        abort();
    config_problems_fini(&problems);
    judged_begin(&judged, config);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 1)
        return 0;
    if (!judged.config)
        set_up();
    memset(&judged.belief, 0, sizeof(judged.belief));
    judged.ids = 0;
    judged.belief.state = (struct sql_state){.dialect = bytes[0] & 1 ? SQL_MARIADB : SQL_MYSQL,
                                             .version = bytes[0] & 1 ? 101119 : 90704,
                                             .mode_known = bytes[0] & 2,
                                             .lower_case_table_names = bytes[0] >> 2 & 1};
    sql_state_set_database(&judged.belief.state, TEXT("own"));
    for (size_t at = 1; at + 2 <= size;) {
        uint8_t what = bytes[at++];
        size_t length = bytes[at++];
        if (length > size - at)
            length = size - at;
        /* A block of its own, so that ASan sees a read behind its end. */
        char *text = malloc(length ? length : 1);
        if (!text)
            abort();
        memcpy(text, bytes + at, length);
        judged_command(&judged, what & 7, !(what & 8), (struct text){text, length});
        ruling_begin(&judged.one, 1);
        ruling_begin(&judged.two, 1);
        free(text);
        at += length;
    }
    judged_end(&judged);
    return 0;
}
