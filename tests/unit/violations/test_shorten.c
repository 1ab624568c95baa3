/* Records for syslog: shorter, valid JSON, with all that is not the statement or the objects as it
 * was; and the sums of refused logins. */
#include "scene.h"

#include "violations/refusals.h"
#include "violations/shorten.h"

static json_t *load(const char *bytes, size_t length)
{
    json_error_t error;
    json_t *record = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &error);

    if (!record)
        fail_msg("%s: %.*s", error.text, (int)length, bytes);
    return record;
}

static void check(const char *line, size_t most)
{
    char *to = malloc(most + 1); /* the sanitizer sees a byte too much */
    size_t length = shorten_record(text_of(line), to, most);
    json_t *before = load(line, strlen(line));
    const char *key;
    json_t *value;

    assert_true(length > 0 && length <= most);
    json_t *after = load(to, length);
    assert_true(json_is_true(json_object_get(after, "shortened")));
    json_object_foreach(before, key, value)
    {
        if (strcmp(key, "statement") != 0 && strcmp(key, "objects") != 0)
            assert_true(json_equal(value, json_object_get(after, key)));
    }
    const char *full = json_string_value(json_object_get(before, "statement"));
    const char *cut = json_string_value(json_object_get(after, "statement"));
    if (full)
        assert_memory_equal(full, cut, strlen(cut));
    json_decref(before);
    json_decref(after);
    free(to);
}

/* Made by the room itself, with all that JSON can hold. */
static void test_records_get_shorter(void **state)
{
    static const char *const words[] = {
        "a",    "\xc3\xa4",          "\xf0\x9f\x98\x80", "\"",          "\\",
        "\x01", ",\"statement\":\"", "],\"owners\":[",   "\xe2\x80\xae"};
    char text[6000], name[200];

    (void)state;
    for (size_t w = 0; w < COUNT(words); w++) {
        const char *path = scene_path("long.jsonl");
        struct scene scene;
        scene_init(&scene);
        text[0] = name[0] = '\0';
        for (size_t length = 0; length + 32 < sizeof(text); length += strlen(words[w]))
            strcpy(text + length, words[w]);
        strcpy(name, words[w]);
        for (int i = 0; i < 40; i++)
            scene_add_object(&scene, TEXT("clinical_data"), text_of(name), SQL_READ);
        scene.statement.text = text_of(text);
        scene_judge(&scene);
        unlink(path);
        struct violations *violations = scene_log(path, CONFIG_FULL, 0, 1);
        violations_add(violations_worker(violations, 0), &scene.session, &scene.statement,
                       scene_start);
        violations_stop(violations);
        char *line = scene_read(path);
        *strchr(line, '\n') = '\0';
        size_t length = strlen(line);
        for (size_t most = 1200; most < length; most += 97)
            check(line, most);
        free(line);
        scene_fini(&scene);
    }
}

static void test_what_is_no_record(void **state)
{
    static const char *const lines[] = {
        "", "{", "}", "{}", "{\"objects\":[],\"owners\":[]", "{\"a\":1,\"objects\":[}", "words"};
    char to[64];

    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++)
        assert_int_equal(shorten_record(text_of(lines[i]), to, sizeof(to)), 0);
}

static void test_refused_logins_are_summed_up(void **state)
{
    struct refusals refusals = {0};
    struct refusal_kind kind;
    const int64_t second = 1000000, period = 60 * second;
    unsigned alone = 0;
    char client[32];

    (void)state;
    for (int i = 0; i < 628; i++) {
        snprintf(client, sizeof(client), "10.0.0.7:%d", 40000 + i);
        alone += refusals_add(&refusals, text_of(client), TEXT("unknown_user"),
                              scene_start + i * second / 128, period);
    }
    assert_int_equal(alone, REFUSALS_TOLD);
    assert_false(refusals_take(&refusals, scene_start + period / 2, period, false, &kind));
    assert_true(refusals_take(&refusals, scene_start + period, period, false, &kind));
    assert_int_equal(kind.count, 628 - REFUSALS_TOLD);
    assert_string_equal(kind.client, "10.0.0.7");
    assert_int_equal(kind.last - kind.first, 617 * second / 128);
    assert_false(refusals_take(&refusals, scene_start + 9 * period, period, true, &kind));
    assert_true(refusals_add(&refusals, TEXT("10.0.0.7:1"), TEXT("x"), scene_start, 0));
}

/* However many addresses there are, all are counted, in the same room. */
static void test_refused_logins_of_many_addresses(void **state)
{
    struct refusals refusals = {0};
    struct refusal_kind kind;
    uint64_t sum = 0;
    char client[32];

    (void)state;
    for (int i = 0; i < 5000; i++) {
        snprintf(client, sizeof(client), "10.0.%d.%d:4242", i / 250, i % 250);
        sum += refusals_add(&refusals, text_of(client), TEXT("server"), scene_start, 1000);
    }
    assert_true(sum < 1000);
    while (refusals_take(&refusals, scene_start, 1000, true, &kind))
        sum += kind.count;
    assert_int_equal(sum, 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_get_shorter),
        cmocka_unit_test(test_what_is_no_record),
        cmocka_unit_test(test_refused_logins_are_summed_up),
        cmocka_unit_test(test_refused_logins_of_many_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, scene_forget);
}
