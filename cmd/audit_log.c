/* Rehearses each REVOKE: counts in the violation logs which statements it would have refused. Logs
 * are read as a stream; memory grows only with the number of distinct services and names.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/hash_table.h"
#include "cmd/audit.h"

enum { LINE_MOST = 1 << 20, ACCESSES = 5, NAMES_MOST = 1000000, TS_SIZE = 32 };

struct used {                  /* uses of one name by one service */
    uint64_t counts[ACCESSES]; /* read, write, define, execute, administration */
    char last[TS_SIZE];
};

struct audit_log {
    struct hash_table names; /* "service\nschema\nname" */
    struct used *used;
    size_t room;
    char first[TS_SIZE], last[TS_SIZE];
    uint64_t bad;
};

static const char *string_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

static struct used *used_of(struct audit_log *log, const char *service, const char *schema,
                            const char *name)
{
    char key[1024];
    int length = snprintf(key, sizeof(key), "%s\n%s\n%s", service, schema, name);

    if (length < 0 || length >= (int)sizeof(key) || log->names.count >= NAMES_MOST)
        return NULL;
    uint32_t number = hash_table_add(&log->names, (struct text){key, (size_t)length});
    if (number >= log->room) {
        size_t before = log->room;
        log->room = number * 2 + 64;
        log->used = memory_resize(log->used, log->room * sizeof(*log->used));
        memset(log->used + before, 0, (log->room - before) * sizeof(*log->used));
    }
    return &log->used[number];
}

static void count(struct used *used, unsigned access, uint64_t times, const char *last)
{
    for (int i = 0; used && i < ACCESSES; i++)
        used->counts[i] += access & 1u << i ? times : 0;
    if (used && strcmp(last, used->last) > 0)
        snprintf(used->last, sizeof(used->last), "%s", last);
}

static unsigned access_of(const json_t *object)
{
    const json_t *word;
    unsigned access = 0;
    size_t i;

    json_array_foreach(json_object_get(object, "access"), i, word)
    {
        for (unsigned bit = SQL_READ; bit <= SQL_EXECUTE; bit <<= 1) {
            const char *text = json_string_value(word);
            access |= text && strcmp(text, sql_access_name((enum sql_access)bit)) == 0 ? bit : 0;
        }
    }
    return access;
}

/* False if the line is no record. */
static bool take_line(struct audit_log *log, const char *line, size_t length)
{
    json_t *record = json_loadb(line, length, JSON_ALLOW_NUL, NULL), *object;
    const char *ts = string_of(record, "ts"), *service = string_of(record, "service");
    const char *last = string_of(record, "last")[0] ? string_of(record, "last") : ts;
    const char *first = string_of(record, "first")[0] ? string_of(record, "first") : ts;
    json_int_t times = json_integer_value(json_object_get(record, "count"));
    bool good = ts[0] != '\0';
    size_t i;

    if (good && (!log->first[0] || strcmp(first, log->first) < 0))
        snprintf(log->first, sizeof(log->first), "%s", first);
    if (good && strcmp(last, log->last) > 0)
        snprintf(log->last, sizeof(log->last), "%s", last);
    if (good && strcmp(string_of(record, "event"), "violation") == 0) {
        const uint64_t number = times > 0 ? (uint64_t)times : 1;
        json_array_foreach(json_object_get(record, "objects"), i, object)
        {
            if (strcmp(string_of(object, "verdict"), "allow") != 0)
                count(used_of(log, service, string_of(object, "schema"), string_of(object, "name")),
                      access_of(object), number, last);
        }
        if (strcmp(string_of(record, "reason"), "administration") == 0)
            count(used_of(log, service, "", ""), 1u << (ACCESSES - 1), number, last);
    }
    json_decref(record);
    return good;
}

static bool read_file(struct audit_log *log, const char *path, struct error *error)
{
    gzFile from = gzopen(path, "rb");
    char *line;
    int code = Z_OK;

    if (!from)
        return error_set(error, "%s:1: cannot be read: %s; name a violation log", path,
                         strerror(errno));
    line = memory_take(LINE_MOST);
    const char *packer = NULL;
    for (bool first = true; !packer && gzgets(from, line, LINE_MOST); first = false) {
        struct text text = text_of(line);
        packer = first ? text_packer(text) : NULL;
        if (first && text.length > 2 && memcmp(text.at, "\xef\xbb\xbf", 3) == 0)
            text = (struct text){text.at + 3, text.length - 3}; /* a byte order mark */
        if (text.length > 1 && !take_line(log, text.at, text.length))
            log->bad++;
    }
    const char *message = gzerror(from, &code);
    bool good = code == Z_OK || code == Z_STREAM_END ||
                error_set(error, "%s:1: cannot be read to its end: %s; write it anew", path,
                          code == Z_ERRNO ? strerror(errno) : message);
    if (good && packer)
        good = error_set(error,
                         "%s:1: is packed; unpack it with %s, and name the file that it "
                         "writes",
                         path, packer);
    free(line);
    gzclose(from);
    return good;
}

/* For one right: how many statements used it that the policy does not allow. */
static void rehearse(struct audit *audit, const struct audit_server *server,
                     const struct audit_log *log, struct text service, struct audit_right *right)
{
    uint64_t statements = 0;
    char words[128];
    const char *last = "";

    for (uint32_t i = 0; i < log->names.count; i++) {
        const char *key = log->names.keys[i].at, *schema = strchr(key, '\n') + 1;
        const char *name = strchr(schema, '\n') + 1;
        uint64_t one = 0;
        if (!text_equal((struct text){key, (size_t)(schema - key) - 1}, service))
            continue;
        for (int bit = 0; bit < ACCESSES; bit++)
            one += right->access & 1u << bit ? log->used[i].counts[bit] : 0;
        bool reaches = name[0] == '\0' && schema[0] == '\0'
                           ? right->access & 1u << (ACCESSES - 1)
                           : audit_right_reaches(server, right,
                                                 (struct text){schema, (size_t)(name - schema) - 1},
                                                 text_of(name));
        if (!reaches || one == 0)
            continue;
        statements += one;
        last = strcmp(log->used[i].last, last) > 0 ? log->used[i].last : last;
    }
    int length =
        statements
            ? snprintf(words, sizeof(words), "%llu statement%s, last %.19sZ",
                       (unsigned long long)statements, statements == 1 ? "" : "s", last)
            : snprintf(words, sizeof(words), "unused from %.10s to %.10s", log->first, log->last);
    right->refused = arena_text(&audit->arena, (struct text){words, (size_t)length});
}

bool audit_rehearse(struct audit *audit, char **paths, size_t count_of, struct error *error)
{
    struct audit_log log = {.first = ""};
    bool good = true;

    for (size_t i = 0; good && i < count_of; i++)
        good = read_file(&log, paths[i], error);
    if (good && count_of && !log.first[0])
        good = error_set(
            error, "%s:1: it holds no record, so it cannot tell which rights were used", paths[0]);
    if (log.bad)
        fprintf(stderr, "silogate audit: %llu lines of the logs were not understood\n",
                (unsigned long long)log.bad);
    for (size_t i = 0; good && count_of && i < audit->finding_count; i++) {
        struct audit_finding *finding = &audit->findings[i];
        const struct audit_server *server = audit->servers;
        while (server < audit->servers + audit->server_count - 1 &&
               !text_equal(server->name, finding->upstream))
            server++;
        for (struct audit_right *right = finding->excess; right; right = right->next)
            rehearse(audit, server, &log, policy_service_name(audit->policy, finding->owner),
                     right);
    }
    hash_table_fini(&log.names);
    free(log.used);
    return good;
}
