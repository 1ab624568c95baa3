/* Any bytes as a proxy.ini: it is read to its end, every problem has a line of the file and words,
 * and is an error or the file is good. A good one builds a policy or says why not, and that policy
 * judges any name; comments and blank lines behind it change nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/config.h"
#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { TODAY = 20000 };

static void broken(const char *oracle)
{
    fprintf(stderr, "BROKEN: %s\n", oracle);
    abort();
}

static struct config *read_bytes(const uint8_t *bytes, size_t size, const char *more,
                                 struct config_problems *problems)
{
    int file = memfd_create("ini", MFD_CLOEXEC);
    char path[40];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    if (file < 0 || write(file, bytes, size) != (ssize_t)size ||
        write(file, more, strlen(more)) != (ssize_t)strlen(more))
        broken("the machine");
    struct config *config = config_read(path, problems);
    close(file);
    if (problems->errors == 0)
        return config;
    config_free(config);
    return NULL;
}

static void check_problems(const struct config_problems *problems, const uint8_t *bytes,
                           size_t size)
{
    size_t lines = 1, errors = 0;

    for (size_t i = 0; i < size; i++)
        lines += bytes[i] == '\n';
    for (size_t i = 0; i < problems->count; i++) {
        if (problems->items[i].line > lines || !problems->items[i].text[0])
            broken("a problem has a line and words");
        errors += !problems->items[i].warning;
    }
    if (errors > problems->errors || (errors == 0 && problems->errors && problems->count < 1000))
        broken("errors are counted");
}

/* Asks about names out of the file itself, so that patterns are met. */
static void judge(const struct policy *policy, const struct config *config, const uint8_t *bytes,
                  size_t size)
{
    struct text name = {(const char *)bytes, size < 40 ? size : 40};

    for (int service = SERVICE_NONE; service < (int)config->service_count && service < 4;
         service++) {
        for (size_t i = 0; i + 1 < size && i < 64; i++) {
            struct sql_object object = {
                .schema = {(const char *)bytes + i, 1 + i % 8},
                .name = name,
                .type = i % 3 == 0 ? SQL_DATABASE : SQL_TABLE,
                .access = (uint8_t)(i % 16)
            };
            struct verdict verdict;
            if (object.schema.length > size - i)
                object.schema.length = size - i;
            policy_check_object(policy, service, &object, i % 2, TODAY, &verdict);
            if (verdict.action > VERDICT_BLOCK || verdict.reason >= REASON_COUNT || !verdict.rule ||
                verdict.owner >= (int)config->service_count)
                broken("a verdict is one");
            if (verdict.reason <= REASON_GRANTED && verdict.action != VERDICT_ALLOW)
                broken("what is allowed is allowed");
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct config_problems problems = {0}, more_problems = {0};
    struct config *config = read_bytes(bytes, size, "", &problems);
    struct config *again = read_bytes(bytes, size, "\n\n; behind all\n", &more_problems);

    check_problems(&problems, bytes, size);
    if ((config == NULL) != (problems.errors > 0))
        broken("a file is good or has errors");
    if ((config == NULL) != (again == NULL) || problems.count != more_problems.count)
        broken("a comment changes nothing");
    if (config) {
        struct policy *policy = policy_build(config, TODAY, &problems);
        struct policy *same = policy_build(again, TODAY, &more_problems);
        check_problems(&problems, bytes, size);
        if ((policy == NULL) != (problems.errors > 0) || (policy == NULL) != (same == NULL))
            broken("a policy is good or has errors");
        if (policy && strcmp(policy_hash(policy), policy_hash(same)) != 0)
            broken("the hash is over what decides");
        if (policy)
            judge(policy, config, bytes, size);
        policy_free(policy);
        policy_free(same);
    }
    config_free(config);
    config_free(again);
    config_problems_fini(&problems);
    config_problems_fini(&more_problems);
    return 0;
}
