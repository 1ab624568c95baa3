/* Any bytes, in any state, without their values: the digest is the same whatever room there is,
 * with other values, and with more blanks and comments; values never come out.
 */
#include "sql/normalize.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_changed(struct text text, const struct sql_state *state, struct change change,
                          const char *oracle)
{
    static char before[4 * LONGEST], after[4 * LONGEST];
    struct copy copy = {0};
    size_t before_length, after_length;
    struct text changed = copy_changed(&copy, text, state, change);
    uint64_t digest = sql_normalize(text, state, before, sizeof(before), &before_length);

    if (sql_normalize(changed, state, after, sizeof(after), &after_length) != digest)
        broken(oracle, text, changed);
    if (!text_equal((struct text){before, before_length}, (struct text){after, after_length}))
        broken(oracle, (struct text){before, before_length}, (struct text){after, after_length});
    if (change.values && !memmem(text.at, text.length, "zqzq", 4) &&
        memmem(after, after_length, "zqzq", 4))
        broken("values never come out", changed, (struct text){after, after_length});
    free(copy.at);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < CHOICES || size > LONGEST)
        return 0;
    struct sql_state state = input_state(bytes);
    struct copy copy = {0};
    char small[32];
    size_t length;

    copy_add(&copy, (const char *)bytes + CHOICES, size - CHOICES);
    struct text text = copy_seal(&copy);
    uint64_t digest = sql_normalize(text, &state, NULL, 0, &length);
    if (length != 0)
        abort();
    for (size_t room = 1; room <= sizeof(small); room *= 2) {
        if (sql_normalize(text, &state, small, room, &length) != digest || length > room)
            broken("the digest covers all", text, text);
    }
    check_changed(text, &state, (struct change){.comments = true}, "blanks and comments");
    check_changed(text, &state, (struct change){.values = true}, "other values");
    free(copy.at);
    return 0;
}
