/* The answer tracker against its slow oracle, and the row reader against both. The input: what is
 * expected, the capabilities that matter, how large the pieces are, and the server's bytes.
 */
#include "protocol/row.h"
#include "tests/unit/protocol/slow.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void fuzz_row(const uint8_t *bytes, size_t size, capabilities_t capabilities)
{
    const struct text text = {(const char *)bytes, size};
    struct text values[3];
    size_t whole;

    enum row row = row_read(text, capabilities, values, 3, &whole);
    assert(whole <= size);
    if (row != ROW_DONE)
        return;
    for (int i = 0; i < 3; i++)
        assert(!values[i].at ||
               (values[i].at > text.at && values[i].at + values[i].length <= text.at + whole));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const enum command_answer kinds[] = {ANSWER_RESULTS, ANSWER_CURSOR, ANSWER_PREPARE,
                                                ANSWER_FETCH,   ANSWER_FIELDS, ANSWER_STRING,
                                                ANSWER_OK,      ANSWER_NONE};
    static const capabilities_t flags[] = {
        CAPABILITY_DEPRECATE_EOF, CAPABILITY_SESSION_TRACK, CAPABILITY_OPTIONAL_RESULTSET_METADATA,
        CAPABILITY_MARIADB_CACHE_METADATA, CAPABILITY_MARIADB_PROGRESS};
    struct slow_answer slow;
    struct feeding feeding;
    capabilities_t capabilities = 0;

    if (size < 3 || size - 3 > GUARD_SIZE)
        return 0;
    enum command_answer expected = kinds[bytes[0] % 8];
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        capabilities |= bytes[1] >> i & 1 ? flags[i] : 0;
    size_t piece = (size_t)bytes[2] * 8 + 1;
    bytes += 3;
    size -= 3;
    enum slow outcome = slow_read(&slow, expected, capabilities, bytes, size);
    feeding_start(&feeding, expected, capabilities);
    for (size_t at = 0; at < size; at += piece)
        feeding_upto(&feeding, bytes, at);
    feeding_upto(&feeding, bytes, size);
    assert(strcmp(feeding.told.log, slow.told.log) == 0);
    if (outcome == SLOW_ENDED)
        assert(feeding.told.passed == slow.told.passed);
    fuzz_row(bytes, size, capabilities);
    return 0;
}
