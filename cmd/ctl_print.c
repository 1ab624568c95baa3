/* Prints answers of the control socket as tables and lines for people. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/table.h"
#include "cmd/ctl.h"

/* Names come from clients: replaces characters that could control a terminal. */
static struct text clean(struct text t, struct arena *arena)
{
    char *to = arena_take(arena, t.length + 1);
    size_t length = 0;

    for (size_t i = 0, size; i < t.length; i += size) {
        size = text_character((struct text){t.at + i, t.length - i});
        bool unfit = size == 0 || text_is_unfit((struct text){t.at + i, size});
        size = size > 0 ? size : 1;
        memcpy(to + length, unfit ? "?" : t.at + i, unfit ? 1 : size);
        length += unfit ? 1 : size;
    }
    to[length] = '\0';
    return (struct text){to, length};
}

/* A member as text; "" if it is null or missing. */
static struct text words_of(const json_t *object, const char *key, struct arena *arena)
{
    const json_t *value = json_object_get(object, key);
    char text[1024] = "";
    size_t length = 0, i;
    const json_t *item;

    if (json_is_string(value))
        return clean(text_of(json_string_value(value)), arena);
    if (json_is_integer(value))
        snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(value));
    if (json_is_boolean(value))
        snprintf(text, sizeof(text), "%s", json_is_true(value) ? "yes" : "no");
    json_array_foreach(json_is_array(value) ? value : NULL, i, item)
    {
        if (json_is_string(item) && length < sizeof(text))
            length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s", i ? "," : "",
                                       json_string_value(item));
    }
    return clean(text_of(text), arena);
}

/* The age of the time in a member: "12s", "5m", "3h", "2d". */
static struct text age_of(const json_t *object, const char *key, struct arena *arena)
{
    const char *moment = json_string_value(json_object_get(object, key));
    struct tm parts = {0};
    char text[32];

    if (!moment || !strptime(moment, "%Y-%m-%dT%H:%M:%S", &parts))
        return TEXT("");
    long long seconds = (long long)time(NULL) - (long long)timegm(&parts);
    if (seconds < 0)
        seconds = 0;
    if (seconds < 120)
        snprintf(text, sizeof(text), "%llds", seconds);
    else if (seconds < 7200)
        snprintf(text, sizeof(text), "%lldm", seconds / 60);
    else if (seconds < 172800)
        snprintf(text, sizeof(text), "%lldh", seconds / 3600);
    else
        snprintf(text, sizeof(text), "%lldd", seconds / 86400);
    return arena_text(arena, text_of(text));
}

/* Are there sessions of an older generation? */
static bool has_older(const json_t *answer)
{
    const json_t *session;
    size_t i;

    json_array_foreach(json_object_get(answer, "sessions"), i, session)
    {
        if (!json_equal(json_object_get(session, "process"), json_object_get(answer, "process")))
            return true;
    }
    return false;
}

static void put_session(struct table *table, const json_t *session, bool older)
{
    static const char *const keys[] = {"id",       "service", "user", "client",
                                       "upstream", "thread",  "state"};
    struct arena *arena = &table->arena;
    const bool open = json_is_true(json_object_get(session, "transaction"));
    const struct text owners = words_of(session, "owners", arena);
    const struct text digest = words_of(session, "digest", arena);
    const struct text kind = words_of(session, "kind", arena);
    char work[64];

    snprintf(work, sizeof(work), "%.*s%s%.*s", TEXT_ARGS(kind), digest.length ? " " : "",
             TEXT_ARGS(digest));
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        table_text(table, words_of(session, keys[i], arena));
    table_text(table, age_of(session, "since", arena));
    table_text(table, !open ? TEXT("") : owners.length ? owners : TEXT("open"));
    table_text(table, arena_text(arena, text_of(work)));
    table_text(table, words_of(session, "kept", arena));
    if (older)
        table_text(table, words_of(session, "process", arena));
}

void ctl_print_sessions(const json_t *answer)
{
    static const struct table_column columns[] = {
        {"id",          TABLE_WORDS},
        {"service",     TABLE_WORDS},
        {"user",        TABLE_WORDS},
        {"client",      TABLE_WORDS},
        {"upstream",    TABLE_WORDS},
        {"thread",      TABLE_WORDS},
        {"state",       TABLE_WORDS},
        {"since",       TABLE_WORDS},
        {"transaction", TABLE_WORDS},
        {"at work",     TABLE_WORDS},
        {"kept by",     TABLE_WORDS},
        {"process",     TABLE_WORDS}, /* only if an older generation has some of them */
    };
    const json_t *sessions = json_object_get(answer, "sessions"), *session;
    const size_t count = json_array_size(sessions);
    const long long late = json_integer_value(json_object_get(answer, "late"));
    const long long unreached = json_integer_value(json_object_get(answer, "unreached"));
    const bool older = has_older(answer);
    struct table table;
    size_t i;

    table_init(&table, columns, sizeof(columns) / sizeof(columns[0]) - !older);
    json_array_foreach(sessions, i, session) put_session(&table, session, older);
    table_print_text(&table, stdout);
    printf("%zu session%s\n", count, count == 1 ? "" : "s");
    if (late)
        printf("%lld worker%s gave no answer in time: ask again\n", late, late == 1 ? "" : "s");
    if (unreached)
        printf("%lld older silogate%s that drain%s gave no answer\n", unreached,
               unreached == 1 ? "" : "s", unreached == 1 ? "s" : "");
    table_fini(&table);
}

static void print_members(const json_t *object)
{
    struct arena arena = {0};
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)object, key, value)
    {
        if (json_is_object(value) || (json_is_array(value) && json_array_size(value) > 0 &&
                                      !json_is_string(json_array_get(value, 0)))) {
            char *text = json_dumps(value, JSON_COMPACT);
            struct text words = clean(text_of(text), &arena);
            printf("%s: %.*s\n", key, TEXT_ARGS(words));
            free(text);
            continue;
        }
        struct text words = words_of(object, key, &arena);
        if (words.length)
            printf("%s: %.*s\n", key, TEXT_ARGS(words));
    }
    arena_fini(&arena);
}

void ctl_print_wrong(const char *why)
{
    struct arena arena = {0};

    fprintf(stderr, "silogate ctl: %.*s\n", TEXT_ARGS(clean(text_of(why), &arena)));
    arena_fini(&arena);
}

void ctl_print_fields(const json_t *answer)
{
    print_members(answer);
}

void ctl_print_reload(const json_t *answer)
{
    const json_t *processes = json_object_get(answer, "not_followed"), *process;
    size_t i;

    puts("reloaded: yes");
    json_array_foreach(processes, i, process)
        printf("the older silogate with process %lld has not followed: its sessions are judged by "
               "the configuration that it read before; its log says why\n",
               (long long)json_integer_value(process));
}

void ctl_print_shown(const json_t *answer)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)answer, key, value)
    {
        printf("%s\n", key);
        print_members(value);
    }
}

/* Prints where the override is in force: " on 2 of 2 instances before upstream 'main'". */
static void print_told(const json_t *answer, struct arena *arena)
{
    struct text upstream = words_of(answer, "upstream", arena);
    struct text not_yet = words_of(answer, "not_yet", arena);
    long long alive = json_integer_value(json_object_get(answer, "alive"));

    if (!upstream.length)
        printf(" on this instance");
    else if (not_yet.length)
        printf(" on this instance; others before upstream '%.*s' hear of it when that can be "
               "reached: %.*s",
               TEXT_ARGS(upstream), TEXT_ARGS(not_yet));
    else
        printf(" on %lld of %lld instance%s before upstream '%.*s'",
               json_integer_value(json_object_get(answer, "in_force")), alive,
               alive == 1 ? "" : "s", TEXT_ARGS(upstream));
    if (json_is_true(json_object_get(answer, "full")))
        printf("; more overrides are in force in silogate.overrides there than an instance can "
               "have: undo some");
}

void ctl_print_override(const json_t *answer)
{
    struct arena arena = {0};

    printf("override %.*s holds until %.*s", TEXT_ARGS(words_of(answer, "id", &arena)),
           TEXT_ARGS(words_of(answer, "until", &arena)));
    print_told(answer, &arena);
    fputs("\n", stdout);
    arena_fini(&arena);
}

void ctl_print_undone(const json_t *answer)
{
    struct arena arena = {0};

    printf("override %.*s is undone", TEXT_ARGS(words_of(answer, "undone", &arena)));
    print_told(answer, &arena);
    fputs("\n", stdout);
    arena_fini(&arena);
}

/* Do the instances that serve have the same policy, and different numbers? */
static void print_agreement(const json_t *instances)
{
    const json_t *one, *other;
    size_t i, j;

    json_array_foreach(instances, i, one)
    {
        json_array_foreach(instances, j, other)
        {
            const char *upstream = json_string_value(json_object_get(one, "upstream"));
            const char *there = json_string_value(json_object_get(other, "upstream"));
            if (j <= i || !upstream || !there || strcmp(upstream, there) != 0 ||
                !json_is_true(json_object_get(one, "alive")) ||
                !json_is_true(json_object_get(other, "alive")) ||
                json_is_true(json_object_get(one, "draining")) ||
                json_is_true(json_object_get(other, "draining")))
                continue;
            if (!json_equal(json_object_get(one, "policy"), json_object_get(other, "policy"))) {
                printf("the policies of instances before upstream '%s' differ\n", upstream);
                return;
            }
            if (json_equal(json_object_get(one, "instance"), json_object_get(other, "instance")))
                printf("two instances before upstream '%s' have the same number: write another "
                       "[proxy] instance into one of their files\n",
                       upstream);
        }
    }
}

void ctl_print_instances(const json_t *answer)
{
    static const struct table_column columns[] = {
        {"upstream", TABLE_WORDS},
        {"name",     TABLE_WORDS},
        {"instance", TABLE_WORDS},
        {"version",  TABLE_WORDS},
        {"policy",   TABLE_WORDS},
        {"sessions", TABLE_WORDS},
        {"alive",    TABLE_WORDS},
        {"draining", TABLE_WORDS},
        {"self",     TABLE_WORDS},
    };
    const json_t *instances = json_object_get(answer, "instances");
    const json_t *meetings = json_object_get(answer, "meetings"), *one;
    struct table table;
    size_t i;

    table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
    json_array_foreach(instances, i, one)
    {
        for (size_t j = 0; j < sizeof(columns) / sizeof(columns[0]); j++)
            table_text(&table, words_of(one, columns[j].heading, &table.arena));
    }
    table_print_text(&table, stdout);
    json_array_foreach(meetings, i, one)
    {
        if (!json_is_true(json_object_get(one, "met")))
            printf("other instances before upstream '%.*s' cannot be met: %.*s\n",
                   TEXT_ARGS(words_of(one, "upstream", &table.arena)),
                   TEXT_ARGS(words_of(one, "why", &table.arena)));
    }
    if (json_array_size(meetings) == 0)
        printf("no upstream has an account: this instance knows of no other\n");
    print_agreement(instances);
    table_fini(&table);
}

/* Is one of them in force for sessions of older generations only? */
static bool has_older_only(const json_t *overrides)
{
    const json_t *override;
    size_t i;

    json_array_foreach(overrides, i, override)
    {
        if (json_is_true(json_object_get(override, "older_only")))
            return true;
    }
    return false;
}

void ctl_print_overrides(const json_t *answer)
{
    static const struct table_column columns[] = {
        {"id",        TABLE_WORDS},
        {"override",  TABLE_WORDS},
        {"of",        TABLE_WORDS},
        {"what",      TABLE_WORDS},
        {"until",     TABLE_WORDS},
        {"who",       TABLE_WORDS},
        {"ticket",    TABLE_WORDS},
        {"instances", TABLE_WORDS},
        {"sessions",  TABLE_WORDS}, /* only if one holds for some of them */
    };
    const json_t *overrides = json_object_get(answer, "overrides"), *override;
    const bool older = has_older_only(overrides);
    struct table table;
    size_t i;

    table_init(&table, columns, sizeof(columns) / sizeof(columns[0]) - !older);
    json_array_foreach(overrides, i, override)
    {
        struct arena *arena = &table.arena;
        struct text service = words_of(override, "service", arena);
        struct text mode = words_of(override, "mode", arena);
        struct text access = words_of(override, "access", arena);
        struct text on = words_of(override, "on", arena);
        char what[400];
        snprintf(what, sizeof(what), "%.*s%.*s%s%.*s", TEXT_ARGS(mode), TEXT_ARGS(access),
                 on.length ? " " : "", TEXT_ARGS(on));
        table_text(&table, words_of(override, "id", arena));
        table_text(&table, words_of(override, "kind", arena));
        table_text(&table, service.length ? service : words_of(override, "owner", arena));
        table_text(&table, arena_text(arena, text_of(what)));
        table_text(&table, words_of(override, "until", arena));
        table_text(&table, words_of(override, "who", arena));
        table_text(&table, words_of(override, "ticket", arena));
        table_text(&table, words_of(override, "instances", arena));
        if (older)
            table_text(&table, json_is_true(json_object_get(override, "older_only"))
                                   ? TEXT("older only")
                                   : TEXT("all"));
    }
    table_print_text(&table, stdout);
    table_fini(&table);
}
