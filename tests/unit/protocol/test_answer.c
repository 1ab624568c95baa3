/* The tracker over answers written by hand: each is fed whole, cut in two at every byte, byte by
 * byte, and read by the slow oracle; all must tell the same and pass as many bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/protocol/slow.h"

#define EOF_OFF  CAPABILITY_DEPRECATE_EOF
#define TRACK    CAPABILITY_SESSION_TRACK
#define OPTIONAL CAPABILITY_OPTIONAL_RESULTSET_METADATA
#define CACHE    CAPABILITY_MARIADB_CACHE_METADATA
#define PROGRESS CAPABILITY_MARIADB_PROGRESS

struct trial {
    const char *name;
    enum command_answer expected;
    capabilities_t capabilities;
    const char *words, *told;
};

/* clang-format off */
static const struct trial trials[] = {
    {"ok", ANSWER_RESULTS, 0, "ok:2", "ok 2, complete 1"},
    {"error", ANSWER_RESULTS, 0, "err:1064", "err 1064, complete 0"},
    {"what follows is not part of it", ANSWER_RESULTS, 0, "ok:2 ok:3", "ok 2, complete 1"},
    {"no answer is due", ANSWER_NONE, 0, "", "complete 0"},
    {"no answer is due, something comes", ANSWER_NONE, 0, "ok:2", "complete 0"},
    {"anything until the close", ANSWER_CLOSE, 0, "ok:2 x:01", ""},
    {"rows", ANSWER_RESULTS, 0, "x:01 col eof:2 x:0131 x:00 eof:22", "ok 22, complete 1"},
    {"rows without EOF", ANSWER_RESULTS, EOF_OFF, "x:01 col x:0131 x:fb end:22",
     "ok 22, complete 1"},
    {"no rows", ANSWER_RESULTS, 0, "x:01 col eof:2 eof:2", "ok 2, complete 1"},
    {"no rows without EOF", ANSWER_RESULTS, EOF_OFF, "x:01 col end:2", "ok 2, complete 1"},
    {"mysql bug 83346: old EOFs in spite of DEPRECATE_EOF", ANSWER_RESULTS, EOF_OFF,
     "x:01 col eof:2 x:0131 eof:2", "ok 2, complete 1"},
    {"mysql bug 83346: no rows", ANSWER_RESULTS, EOF_OFF, "x:01 col eof:2 eof:2",
     "ok 2, complete 1"},
    {"the reverse: new end without DEPRECATE_EOF", ANSWER_RESULTS, 0, "x:01 col x:0131 end:2",
     "ok 2, complete 1"},
    {"two columns", ANSWER_RESULTS, EOF_OFF, "x:02 col col x:01310131 end:2", "ok 2, complete 1"},
    {"definitions are still to come", ANSWER_RESULTS, EOF_OFF, "x:fc2c01 col col", ""},
    {"several results", ANSWER_RESULTS, 0, "ok:a x:01 col eof:a x:0131 eof:a ok:2",
     "ok a, ok a, ok 2, complete 3"},
    {"error instead of the second result", ANSWER_RESULTS, 0, "ok:a err:1146",
     "ok a, err 1146, complete 1"},
    {"error among rows", ANSWER_RESULTS, 0, "x:01 col eof:2 x:0131 err:1317",
     "err 1317, complete 0"},
    {"error behind the columns", ANSWER_RESULTS, EOF_OFF, "x:01 col err:1242",
     "err 1242, complete 0"},
    {"error among the columns", ANSWER_RESULTS, 0, "x:02 col err:1053", "err 1053, complete 0"},
    {"rows that start like other packets", ANSWER_RESULTS, EOF_OFF,
     "x:01 col x:00 x:fb x:fc010041 x:fd01000041 x:03646566 end:2", "ok 2, complete 1"},
    {"binary rows", ANSWER_RESULTS, EOF_OFF, "x:01 col x:000001000000 end:2", "ok 2, complete 1"},
    {"a binary row of seven bytes is no OK", ANSWER_RESULTS, 0,
     "x:01 col eof:2 x:00000a00000000 eof:2", "ok 2, complete 1"},
    {"file", ANSWER_RESULTS, 0, "x:fb2f6574632f782e637376 ok:2", "infile, ok 2, complete 1"},
    {"file and more results", ANSWER_RESULTS, 0, "x:fb78 ok:a x:fb79 err:1146",
     "infile, ok a, infile, err 1146, complete 1"},
    {"file and then no OK", ANSWER_RESULTS, 0, "x:fb78 x:01", "infile, broken"},
    {"session state", ANSWER_RESULTS, TRACK, "x:00000002400000000401020174",
     "ok 4002 state 01020174, complete 1"},
    {"session state of two statements", ANSWER_RESULTS, TRACK,
     "x:00000 x:0000000a400000000401020174 x:0000000240000000040102017a", "broken"},
    {"each session state is told", ANSWER_RESULTS, TRACK,
     "x:0000000a400000000401020174 x:0000000240000000040102017a",
     "ok 400a state 01020174, ok 4002 state 0102017a, complete 2"},
    {"session state at the end of rows", ANSWER_RESULTS, TRACK | EOF_OFF,
     "x:01 col x:0131 x:fe000002400000000401020174", "ok 4002 state 01020174, complete 1"},
    {"session state and info", ANSWER_RESULTS, TRACK, "x:000000024000000268690401020174",
     "ok 4002 state 01020174, complete 1"},
    {"session state without the capability", ANSWER_RESULTS, 0, "x:00000002400000000401020174",
     "ok 4002, complete 1"},
    {"session state that says more than there is", ANSWER_RESULTS, TRACK,
     "x:00000002400000000901020174", "ok 4002 state 01020174 cut, complete 1"},
    {"session state that is not there", ANSWER_RESULTS, TRACK, "ok:4002",
     "ok 4002 cut, complete 1"},
    {"large numbers in an OK", ANSWER_RESULTS, 0, "x:00fc2c01fe01000000000000000200ffff",
     "ok 2, complete 1"},
    {"info in an OK", ANSWER_RESULTS, 0, "x:0001000200000028526f7773", "ok 2, complete 1"},
    {"truncated OK", ANSWER_RESULTS, 0, "x:000000020000", "broken"},
    {"OK with a number cut", ANSWER_RESULTS, 0, "x:00fd00000000020000", "broken"},
    {"empty packet", ANSWER_RESULTS, 0, "x:", "broken"},
    {"empty row", ANSWER_RESULTS, 0, "x:01 col eof:2 x: eof:2", "broken"},
    {"truncated error", ANSWER_RESULTS, 0, "x:ff10", "broken"},
    {"end of rows of six bytes", ANSWER_RESULTS, 0, "x:01 col eof:2 x:fe0000020000", "broken"},
    {"old EOF of one byte", ANSWER_RESULTS, 0, "x:01 col eof:2 x:fe", "broken"},
    {"column count with bytes behind it", ANSWER_RESULTS, 0, "x:0101", "broken"},
    {"far too many columns", ANSWER_RESULTS, 0, "x:fdffffff", "broken"},
    {"no column, in a long form", ANSWER_RESULTS, 0, "x:fc0000 col end:2", "broken"},
    {"metadata follows", ANSWER_RESULTS, OPTIONAL, "x:0201 col col eof:2 x:0131fb eof:2",
     "ok 2, complete 1"},
    {"no metadata", ANSWER_RESULTS, OPTIONAL, "x:0200 eof:2 x:0131fb eof:2", "ok 2, complete 1"},
    {"no metadata, no EOF", ANSWER_RESULTS, OPTIONAL | EOF_OFF, "x:0200 x:0131fb end:2",
     "ok 2, complete 1"},
    {"no metadata, no EOF, no rows", ANSWER_RESULTS, OPTIONAL | EOF_OFF, "x:0200 end:2",
     "ok 2, complete 1"},
    {"metadata kept by the client", ANSWER_RESULTS, CACHE, "x:0200 eof:2 x:00000000 eof:2",
     "ok 2, complete 1"},
    {"metadata not kept", ANSWER_RESULTS, CACHE | EOF_OFF, "x:0201 col col x:00000000 end:2",
     "ok 2, complete 1"},
    {"server without the metadata byte", ANSWER_RESULTS, OPTIONAL | EOF_OFF,
     "x:01 col x:0131 end:2", "ok 2, complete 1"},
    {"cursor", ANSWER_CURSOR, 0, "x:01 col eof:42", "ok 42, complete 1"},
    {"cursor without EOF", ANSWER_CURSOR, EOF_OFF, "x:01 col end:42", "ok 42, complete 1"},
    {"a cursor was asked for and not opened", ANSWER_CURSOR, 0, "x:01 col eof:2 x:0000 eof:2",
     "ok 2, complete 1"},
    {"a function's cursor is not the client's", ANSWER_RESULTS, 0, "x:01 col eof:42 x:0131 eof:42",
     "ok 42, complete 1"},
    {"a procedure's cursor is not the client's", ANSWER_CURSOR, 0,
     "x:01 col eof:4a x:000007000000 eof:4a ok:42", "ok 4a, ok 42, complete 2"},
    {"out parameters, whose end in MySQL does not say that more follows", ANSWER_RESULTS, 0,
     "x:01 col eof:a x:00000500 eof:a x:01 col eof:100a x:000002000000 eof:2 ok:2",
     "ok a, ok 2, ok 2, complete 3"},
    {"out parameters that are cut short", ANSWER_RESULTS, 0,
     "x:01 col eof:100a x:000002000000 err:1317", "err 1317, complete 0"},
    {"out parameters, MariaDB's end", ANSWER_RESULTS, 0,
     "x:01 col eof:100a x:000002000000 eof:100a ok:2", "ok 100a, ok 2, complete 2"},
    {"progress", ANSWER_RESULTS, PROGRESS,
     "x:ffffff010102c409000161 x:ffffff010202c409000161 ok:2", "ok 2, complete 1"},
    {"progress among rows", ANSWER_RESULTS, PROGRESS,
     "x:01 col eof:2 x:0131 x:ffffff010102c409000161 x:0132 eof:2", "ok 2, complete 1"},
    {"progress is an error without the capability", ANSWER_RESULTS, 0, "x:ffffff01",
     "err 65535, complete 0"},
    {"prepare", ANSWER_PREPARE, 0, "x:000500000002000100000000 col eof:2 col col eof:2",
     "prepared 5/1, complete 1"},
    {"prepare without EOF", ANSWER_PREPARE, EOF_OFF, "x:000500000002000100000000 col col col",
     "prepared 5/1, complete 1"},
    {"prepare, EOF in spite of DEPRECATE_EOF", ANSWER_PREPARE, EOF_OFF,
     "x:000500000001000100000000 col eof:2 col", "prepared 5/1, complete 1"},
    {"prepare without anything", ANSWER_PREPARE, 0, "x:000500000000000000000000",
     "prepared 5/0, complete 1"},
    {"prepare with parameters alone", ANSWER_PREPARE, 0,
     "x:000500000000000200000000 col col eof:2", "prepared 5/2, complete 1"},
    {"prepare with columns alone", ANSWER_PREPARE, EOF_OFF, "x:000500000002000000000000 col col",
     "prepared 5/0, complete 1"},
    {"prepare without metadata", ANSWER_PREPARE, OPTIONAL,
     "x:00050000000200010000000000 eof:2 eof:2", "prepared 5/1, complete 1"},
    {"prepare without metadata and EOF", ANSWER_PREPARE, OPTIONAL | EOF_OFF,
     "x:00050000000200010000000000", "prepared 5/1, complete 1"},
    {"prepare with metadata", ANSWER_PREPARE, OPTIONAL | EOF_OFF,
     "x:00050000000100010000000001 col col", "prepared 5/1, complete 1"},
    {"prepare fails", ANSWER_PREPARE, 0, "err:1146", "err 1146, complete 0"},
    {"prepare fails late", ANSWER_PREPARE, 0, "x:000500000002000100000000 col err:1053",
     "prepared 5/1, err 1053, complete 1"},
    {"prepare of eleven bytes", ANSWER_PREPARE, 0, "x:0005000000000000000000", "broken"},
    {"prepare answered by a result", ANSWER_PREPARE, 0, "x:01 col", "broken"},
    {"fetch", ANSWER_FETCH, 0, "x:0000 x:0001 eof:42", "ok 42, complete 1"},
    {"fetch without EOF", ANSWER_FETCH, EOF_OFF, "x:0000 end:82", "ok 82, complete 1"},
    {"fetch has no further results", ANSWER_FETCH, 0, "x:0000 eof:8a", "ok 8a, complete 1"},
    {"fetch fails", ANSWER_FETCH, 0, "err:1421", "err 1421, complete 0"},
    {"fields", ANSWER_FIELDS, 0, "col col eof:2", "ok 2, complete 1"},
    {"fields without EOF", ANSWER_FIELDS, EOF_OFF, "col col end:2", "ok 2, complete 1"},
    {"no fields", ANSWER_FIELDS, EOF_OFF, "end:2", "ok 2, complete 1"},
    {"fields of no table", ANSWER_FIELDS, 0, "err:1146", "err 1146, complete 0"},
    {"statistics", ANSWER_STRING, 0, "x:557074696d65", "complete 1"},
    {"statistics of nothing", ANSWER_STRING, 0, "x:", "complete 1"},
    {"statistics fail", ANSWER_STRING, 0, "err:1317", "err 1317, complete 0"},
    {"single OK", ANSWER_OK, 0, "ok:2", "ok 2, complete 1"},
    {"single EOF", ANSWER_OK, 0, "eof:2", "ok 2, complete 1"},
    {"single EOF as an OK", ANSWER_OK, EOF_OFF, "end:2", "ok 2, complete 1"},
    {"single OK with the flag of more", ANSWER_OK, 0, "ok:a", "ok a, complete 1"},
    {"single OK is a result", ANSWER_OK, 0, "x:01", "broken"},
};
/* clang-format on */

static void check_same(const char *name, const char *how, size_t where, const struct told *one,
                       const struct told *other)
{
    if (strcmp(one->log, other->log) == 0 && one->passed == other->passed)
        return;
    fail_msg("%s, %s %zu: \"%s\" passed %zu, not \"%s\" passed %zu", name, how, where, one->log,
             one->passed, other->log, other->passed);
}

static void test_trials(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof trials / sizeof trials[0]; i++) {
        const struct trial *trial = &trials[i];
        struct bytes bytes = {0};
        struct feeding whole, cut;
        struct slow_answer slow;
        bytes_words(&bytes, trial->words);
        feeding_start(&whole, trial->expected, trial->capabilities);
        feeding_upto(&whole, bytes.at, bytes.size);
        if (strcmp(whole.told.log, trial->told) != 0)
            fail_msg("%s: \"%s\", not \"%s\"", trial->name, whole.told.log, trial->told);
        for (size_t at = 0; at <= bytes.size; at++) {
            feeding_start(&cut, trial->expected, trial->capabilities);
            feeding_upto(&cut, bytes.at, at);
            feeding_upto(&cut, bytes.at, bytes.size);
            check_same(trial->name, "cut at", at, &cut.told, &whole.told);
        }
        feeding_start(&cut, trial->expected, trial->capabilities);
        for (size_t at = 0; at <= bytes.size; at++)
            feeding_upto(&cut, bytes.at, at);
        check_same(trial->name, "byte by byte", 0, &cut.told, &whole.told);
        slow_read(&slow, trial->expected, trial->capabilities, bytes.at, bytes.size);
        if (trial->expected != ANSWER_CLOSE && strcmp(slow.told.log, whole.told.log) != 0)
            fail_msg("%s: the oracle says \"%s\"", trial->name, slow.told.log);
        if (whole.over && slow.told.passed != whole.told.passed)
            fail_msg("%s: the oracle stops at %zu", trial->name, slow.told.passed);
        free(bytes.at);
    }
}

/* Packets of 16 MB and more: in rows, definitions, OKs and errors, read in pieces of odd sizes. */
/* clang-format off */
static const struct trial long_trials[] = {
    {"a row of exactly 0xffffff", ANSWER_RESULTS, EOF_OFF, "x:01 col big:16777215:41 end:2",
     "ok 2, complete 1"},
    {"such a row behind another", ANSWER_RESULTS, EOF_OFF, "x:01 col x:0131 big:16777215:41 end:2",
     "ok 2, complete 1"},
    {"a row of one less", ANSWER_RESULTS, EOF_OFF, "x:01 col big:16777214:41 end:2",
     "ok 2, complete 1"},
    {"a row of one more", ANSWER_RESULTS, 0, "x:01 col eof:2 big:16777216:41 eof:2",
     "ok 2, complete 1"},
    {"a row of more than twice that, then another", ANSWER_RESULTS, EOF_OFF,
     "x:01 col big:33554431:fb x:0131 end:2", "ok 2, complete 1"},
    {"a row that starts with 0xfe", ANSWER_RESULTS, EOF_OFF, "x:01 col big:16777224:fe end:2",
     "ok 2, complete 1"},
    {"a row that goes on with 0xff", ANSWER_RESULTS, 0, "x:01 col eof:2 big:16777220:00 eof:2",
     "ok 2, complete 1"},
    {"a long definition", ANSWER_RESULTS, EOF_OFF, "x:01 big:16777216:03 x:0131 end:2",
     "ok 2, complete 1"},
    {"a long first packet that is nothing", ANSWER_RESULTS, EOF_OFF, "big:16777216:01", "broken"},
    {"a long OK", ANSWER_RESULTS, 0, "big:16777216:00 ok:3", "ok 0, complete 1"},
    {"a long OK that is not the longest", ANSWER_RESULTS, 0, "big:16777214:00 ok:3",
     "ok 0, complete 1"},
    {"a long file name", ANSWER_RESULTS, 0, "big:17000:fb", "broken"},
    {"a long error", ANSWER_RESULTS, 0, "big:20000:ff ok:3", "err 65535, complete 0"},
    {"a long text", ANSWER_STRING, 0, "big:40000:41 ok:3", "complete 1"},
};
/* clang-format on */

static void test_long_packets(void **state)
{
    static const size_t pieces[] = {1000003, 65536, 16384, 16777219, SIZE_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof long_trials / sizeof long_trials[0]; i++) {
        const struct trial *trial = &long_trials[i];
        struct bytes bytes = {0};
        struct slow_answer slow;
        bytes_words(&bytes, trial->words);
        for (size_t j = 0; j < sizeof pieces / sizeof pieces[0]; j++) {
            struct feeding feeding;
            feeding_start(&feeding, trial->expected, trial->capabilities);
            feeding.unguarded = true;
            for (size_t at = 0; at < bytes.size;) {
                at = bytes.size - at < pieces[j] ? bytes.size : at + pieces[j];
                feeding_upto(&feeding, bytes.at, at);
            }
            if (strcmp(feeding.told.log, trial->told) != 0)
                fail_msg("%s: \"%s\", not \"%s\"", trial->name, feeding.told.log, trial->told);
            slow_read(&slow, trial->expected, trial->capabilities, bytes.at, bytes.size);
            assert_string_equal(slow.told.log, trial->told);
            assert_int_equal(slow.told.passed, feeding.told.passed);
        }
        free(bytes.at);
    }
}

/* A session state that is longer than what the tracker waits for is told in part, as cut. */
static void test_long_session_state(void **state)
{
    enum { ENTRY = 200, ENTRIES = 100, ALL = ENTRY * ENTRIES };
    uint8_t payload[ALL + 64];
    struct writer writer = {.at = payload, .end = payload + sizeof payload};
    struct bytes bytes = {0};
    struct feeding feeding;
    uint8_t sequence = 1, type;
    struct text data;
    size_t passed;

    (void)state;
    write_bytes(&writer, (struct text){"\0\0\0\2\100\0\0\0", 8});
    write_lenenc(&writer, ALL);
    for (int i = 0; i < ENTRIES; i++) {
        write_integer(&writer, 0, 1);
        write_lenenc(&writer, ENTRY - 2);
        for (int j = 0; j < ENTRY - 2; j++)
            write_integer(&writer, 'v', 1);
    }
    bytes_packet(&bytes, payload, (size_t)(writer.at - payload), &sequence);

    struct answer answer;
    answer_start(&answer, ANSWER_OK, TRACK);
    assert_int_equal(answer_feed(&answer, bytes.at, ANSWER_WHOLE - 1, &passed), 0);
    assert_int_equal(passed, 0);
    assert_int_equal(answer_feed(&answer, bytes.at, ANSWER_WHOLE, &passed), ANSWER_OK_SEEN);
    assert_int_equal(passed, ANSWER_WHOLE);
    assert_true(answer.session_state_cut);
    int whole = 0;
    while (session_state_next(&answer.session_state, &type, &data))
        whole++;
    assert_int_equal(whole, (ANSWER_WHOLE - PACKET_HEADER - 11) / ENTRY);
    assert_int_equal(answer_feed(&answer, bytes.at + passed, bytes.size - passed, &passed),
                     ANSWER_COMPLETE);
    assert_false(answer.session_state_cut);

    feeding_start(&feeding, ANSWER_OK, TRACK);
    for (size_t at = 0; at <= bytes.size; at += 97)
        feeding_upto(&feeding, bytes.at, at);
    feeding_upto(&feeding, bytes.at, bytes.size);
    assert_int_equal(feeding.told.passed, bytes.size);
    assert_non_null(strstr(feeding.told.log, "cut, complete 1"));
    free(bytes.at);
}

static void test_session_state_next(void **state)
{
    struct text changes = TEXT("\1\2\1t\0\12\10sql_mode\0\2\2\0011"), data;
    uint8_t type;

    (void)state;
    assert_true(session_state_next(&changes, &type, &data));
    assert_int_equal(type, 1);
    assert_true(text_equal(data, TEXT("\1t")));
    assert_true(session_state_next(&changes, &type, &data));
    assert_int_equal(type, 0);
    assert_true(text_equal(data, TEXT("\10sql_mode\0")));
    assert_true(session_state_next(&changes, &type, &data));
    assert_int_equal(type, 2);
    assert_false(session_state_next(&changes, &type, &data));
    changes = TEXT("\1\3\1t");
    assert_false(session_state_next(&changes, &type, &data));
    changes = TEXT("\1");
    assert_false(session_state_next(&changes, &type, &data));
}

/* The sequence id is that of the packet seen last, also when only its header was there. */
static void test_sequence(void **state)
{
    struct bytes bytes = {0};
    struct answer answer;
    size_t passed;

    (void)state;
    bytes_words(&bytes, "x:01 col eof:2 x:0131 x:0131 eof:2");
    answer_start(&answer, ANSWER_RESULTS, 0);
    answer_feed(&answer, bytes.at, bytes.size - 9 - 1, &passed);
    assert_int_equal(answer_sequence(&answer), 5);
    answer_feed(&answer, bytes.at + passed, bytes.size - passed, &passed);
    assert_int_equal(answer_sequence(&answer), 6);
    free(bytes.at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trials),
        cmocka_unit_test(test_long_packets),
        cmocka_unit_test(test_long_session_state),
        cmocka_unit_test(test_session_state_next),
        cmocka_unit_test(test_sequence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
