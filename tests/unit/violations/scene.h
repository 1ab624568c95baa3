/* What the tests of this room share: a policy of three services, statements with made-up facts, a
 * log in a scratch folder, and reading it back. */
#ifndef TESTS_VIOLATIONS_SCENE_H
#define TESTS_VIOLATIONS_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "violations/output.h"
#include "violations/violations.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { BILLING, CLINICAL, AUTH, SCENE_SERVICES };

static const int64_t scene_start = 1795180695123456; /* 2026-11-20T13:18:15.123456Z */

static inline struct policy *scene_policy(void)
{
    static struct config_text owns[SCENE_SERVICES] = {
        {TEXT("nilecare_billing.*"), 1},
        {TEXT("clinical_data.*"),    2},
        {TEXT("nilecare_auth.*"),    3},
    };
    static struct config_service services[SCENE_SERVICES] = {
        {.name = TEXT("billing"),  .line = 1, .mode = {CONFIG_LOG, 1}},
        {.name = TEXT("clinical"), .line = 2, .mode = {CONFIG_LOG, 2}},
        {.name = TEXT("auth"),     .line = 3, .mode = {CONFIG_LOG, 3}},
    };
    static struct config_text names = {TEXT("nilecare_auth.names"), 1};
    static struct config_grant grants[1] = {
        {.name = TEXT("until today"),
         .line = 1,
         .service = {TEXT("billing"), 1},
         .on = {&names, 1},
         .access = {.bits = SQL_READ},
         .until = {.line = 1, .day = 20000, .written = TEXT("2024-10-04")}},
    };
    static struct config_upstream upstreams[1] = {
        {.name = TEXT("main"), .line = 1}
    };
    static struct config config = {
        .policy = {.mode = {CONFIG_LOG, 0},
                   .undetermined = {CONFIG_AS_MODE, 0},
                   .unowned = {CONFIG_LOG, 0},
                   .administration = {CONFIG_BLOCK, 0}},
        .upstreams = upstreams,
        .upstream_count = 1,
        .services = services,
        .service_count = SCENE_SERVICES,
        .grants = grants,
        .grant_count = 1,
    };
    struct config_problems problems = {0};

    for (size_t i = 0; i < SCENE_SERVICES; i++)
        services[i].owns = (struct config_list){&owns[i], 1};
    struct policy *policy = policy_build(&config, 20000, &problems);
    assert_non_null(policy);
    free(problems.items);
    return policy;
}

/* One statement of billing's on clinical_data.patients, to be changed by the test. */
struct scene {
    struct policy *policy;
    struct sql_state state;
    struct sql_facts *facts;
    struct verdict verdict;
    struct violations_session session;
    struct violations_statement statement;
};

static inline void scene_add_object(struct scene *scene, struct text schema, struct text name,
                                    uint8_t access)
{
    scene->facts->objects[scene->facts->object_count++] =
        (struct sql_object){.schema = schema, .name = name, .type = SQL_TABLE, .access = access};
}

static inline void scene_judge(struct scene *scene)
{
    policy_check(scene->policy, scene->statement.service, scene->facts, false, 20000,
                 &scene->verdict);
}

static inline void scene_init(struct scene *scene)
{
    memset(scene, 0, sizeof(*scene));
    scene->policy = scene_policy();
    scene->facts = memory_take_zeroed(sizeof(*scene->facts));
    scene->facts->determined = true;
    scene->facts->kind = SQL_SELECT;
    scene_add_object(scene, TEXT("clinical_data"), TEXT("patients"), SQL_READ);
    scene->state.mode_known = true;
    scene->session = (struct violations_session){
        .session = 7,
        .user = TEXT("billing_service"),
        .client = TEXT("10.0.0.7:41522"),
        .upstream = TEXT("main"),
        .database = TEXT("nilecare_billing"),
    };
    scene->statement = (struct violations_statement){
        .text = TEXT("SELECT * FROM clinical_data.patients WHERE id = 4711"),
        .state = &scene->state,
        .facts = scene->facts,
        .kind = "select",
        .policy = scene->policy,
        .service = BILLING,
        .today = 20000,
        .verdict = &scene->verdict,
    };
    scene_judge(scene);
}

static inline void scene_fini(struct scene *scene)
{
    policy_free(scene->policy);
    free(scene->facts);
}

/* A path in a scratch folder that scene_forget removes with all that is in it. */
static char scene_folder[64];

static inline const char *scene_path(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];

    if (!scene_folder[0]) {
        strcpy(scene_folder, "/tmp/silogate-violations-XXXXXX");
        assert_non_null(mkdtemp(scene_folder));
    }
    snprintf(path, sizeof(paths[0]), "%s/%s", scene_folder, name);
    return path;
}

/* A teardown: outputs are written to for real again. */
static inline int scene_reset_calls(void **state)
{
    (void)state;
    output_calls.write = write;
    return 0;
}

static inline int scene_forget(void **state)
{
    char command[128];

    (void)state;
    if (!scene_folder[0])
        return 0;
    snprintf(command, sizeof(command), "rm -rf %s", scene_folder);
    scene_folder[0] = '\0';
    return system(command);
}

static inline struct violations *scene_log(const char *path, int statement, int64_t repeat,
                                           unsigned workers)
{
    struct text output = text_of(path);
    struct violations_settings settings = {&output, NULL, 1, statement, repeat};
    struct error error;
    struct violations *violations = violations_start(&settings, workers, NULL, NULL, &error);

    assert_non_null(violations);
    return violations;
}

/* The whole file, with a NUL behind it; to be freed. */
static inline char *scene_read(const char *path)
{
    FILE *file = fopen(path, "r");
    size_t size = 0, length = 0, got;
    char *bytes = NULL;

    assert_non_null(file);
    do {
        size = size ? 2 * size : 1 << 16;
        bytes = memory_resize(bytes, size + 1);
        got = fread(bytes + length, 1, size - length, file);
        length += got;
    } while (got > 0);
    bytes[length] = '\0';
    fclose(file);
    return bytes;
}

/* The lines of a log as JSON; each must be an object. To be freed with json_decref. */
static inline json_t *scene_records(const char *path)
{
    char *bytes = scene_read(path);
    json_t *records = json_array();

    for (char *line = bytes, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        json_error_t error;
        json_t *record =
            json_loadb(line, (size_t)(end - line), JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
        if (!record || !json_is_object(record))
            fail_msg("not an object: %s: %.*s", error.text, (int)(end - line), line);
        json_array_append_new(records, record);
    }
    size_t length = strlen(bytes);
    assert_true(length == 0 || bytes[length - 1] == '\n');
    free(bytes);
    return records;
}

static inline const char *scene_string(const json_t *record, const char *key)
{
    const char *value = json_string_value(json_object_get(record, key));
    return value ? value : "(none)";
}

static inline int64_t scene_number(const json_t *record, const char *key)
{
    return json_integer_value(json_object_get(record, key));
}

#endif
