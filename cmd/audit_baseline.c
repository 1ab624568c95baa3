/* The audit's ratchet: which findings are not in an earlier output of --json. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash_table.h"
#include "cmd/audit.h"

/* Removes the members that may change while the finding stays the same. */
static void strip(json_t *object)
{
    static const char *const keys[] = {"ts",         "verdict", "reason",   "users",   "why",
                                       "determined", "refused", "threads",  "missing", "unused",
                                       "fires",      "parent",  "updatable"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        json_object_del(object, keys[i]);
}

static void add_key(struct hash_table *keys, const json_t *object, bool *all_known)
{
    char *text = json_dumps(object, JSON_SORT_KEYS | JSON_COMPACT);
    struct text key = text_of(text);

    if (all_known)
        *all_known &= hash_table_find(keys, key) != HASH_TABLE_NONE;
    else
        hash_table_add(keys, key);
    free(text);
}

/* Adds one key for each finding; for an account, one key for each excess privilege on one object.
 * With `all_known`, looks the keys up instead. */
static void take_keys(struct hash_table *keys, json_t *object, bool *all_known)
{
    json_t *touch, *right, *excess = json_object_get(object, "excess");
    size_t i;

    json_array_foreach(json_object_get(object, "touches"), i, touch) strip(touch);
    strip(object);
    if (!json_is_array(excess)) {
        add_key(keys, object, all_known);
        return;
    }
    excess = json_copy(excess);
    json_object_del(object, "excess");
    json_array_foreach(excess, i, right)
    {
        char *privileges = strdup(json_string_value(json_object_get(right, "privileges"))
                                      ? json_string_value(json_object_get(right, "privileges"))
                                      : "");
        char *rest = privileges, *one;
        while ((one = strsep(&rest, ",")) != NULL) {
            json_t *key = json_deep_copy(object);
            json_object_set_new(key, "on", json_deep_copy(json_object_get(right, "on")));
            json_object_set_new(key, "privilege", json_string(one + strspn(one, " ")));
            add_key(keys, key, all_known);
            json_decref(key);
        }
        free(privileges);
    }
    json_decref(excess);
}

static bool read_file(struct hash_table *keys, const char *path, struct error *error)
{
    FILE *from = fopen(path, "re");
    char *line = NULL;
    size_t size = 0, number = 0;
    ssize_t length;
    bool good = true;

    if (!from)
        return error_set(error,
                         "%s:1: cannot be read: %s; make it first: silogate audit --json >FILE",
                         path, strerror(errno));
    while (good && (length = getline(&line, &size, from)) > 0) {
        json_t *object = json_loadb(line, (size_t)length, 0, NULL);
        number++;
        if (json_is_string(json_object_get(object, "finding")))
            take_keys(keys, object, NULL);
        else
            good = error_set(error, "%s:%zu: not a finding of silogate audit --json; make it anew",
                             path, number);
        json_decref(object);
    }
    free(line);
    fclose(from);
    if (good && number == 0)
        good = error_set(
            error,
            "%s:1: empty, so it is not a baseline: even an audit without findings writes a line",
            path);
    return good;
}

bool *audit_baseline_new(const struct audit *audit, const char *path, struct error *error)
{
    struct hash_table keys = {0};
    bool *is_new = NULL;

    if (read_file(&keys, path, error)) {
        is_new = memory_take_zeroed(audit->finding_count + 1);
        for (size_t i = 0; i < audit->finding_count; i++) {
            char *text = audit_json(audit, &audit->findings[i]);
            json_t *object = json_loads(text, 0, NULL);
            bool known = true;
            take_keys(&keys, object, &known);
            is_new[i] = !known;
            json_decref(object);
            free(text);
        }
    }
    hash_table_fini(&keys);
    return is_new;
}
