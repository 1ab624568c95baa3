/* What an API must offer to replace the queries of an edge: for each query the columns that it
 * reads, the keys by which it filters, whether it returns one row or several, how often it runs,
 * and from where. Found by simple rules in the normalized text: a proposal for people, no verdict
 * depends on it.
 */
#include <ctype.h>
#include <stdlib.h>

#include "base/json.h"
#include "report/tables.h"

enum { KEYS = 6, KEY_SIZE = 65, COLUMNS_SIZE = 200, PATH_SIZE = 80 };

struct stub {
    const struct report_query *query;
    const char *method;
    char path[PATH_SIZE]; /* of the object: "/patients" */
    char columns[COLUMNS_SIZE];
    char keys[KEYS][KEY_SIZE];
    unsigned key_count;
    bool one_row;
};

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

static bool has_prefix(struct text t, size_t at, const char *word)
{
    size_t length = strlen(word);

    return at + length <= t.length &&
           text_equal_fold((struct text){t.at + at, length}, text_of(word)) &&
           (at == 0 || !is_word(t.at[at - 1])) &&
           (at + length == t.length || !is_word(t.at[at + length]) || !is_word(word[length - 1]));
}

/* The offset at which the keyword stands outside of parentheses and quotes; the length if it does
 * not. */
static size_t find(struct text t, size_t from, const char *word)
{
    int depth = 0;
    char quote = 0;

    for (size_t i = from; i < t.length; i++) {
        char c = t.at[i];
        if (quote) {
            quote = c == quote ? 0 : quote;
            continue;
        }
        quote = c == '`' || c == '"' ? c : 0;
        depth += (c == '(') - (c == ')');
        if (depth == 0 && has_prefix(t, i, word))
            return i;
    }
    return t.length;
}

static void copy(char *to, size_t size, struct text from)
{
    from = text_trim(from);
    size_t length = from.length < size ? from.length : size - 1;

    if (length > 0)
        memcpy(to, from.at, length);
    while (length > 0 && length < from.length && ((unsigned char)from.at[length] & 0xc0) == 0x80)
        length--;
    to[length] = '\0';
}

static void add_key(struct stub *stub, struct text name)
{
    if (name.length == 0 || name.length >= KEY_SIZE || stub->key_count == KEYS)
        return;
    for (unsigned i = 0; i < stub->key_count; i++) {
        if (text_equal_fold(text_of(stub->keys[i]), name))
            return;
    }
    copy(stub->keys[stub->key_count++], KEY_SIZE, name);
}

/* The column that is compared by "= ?", "IN (?)", "< ?", "LIKE ?" or "BETWEEN ?" at `at`. */
static struct text column_before(struct text t, size_t at)
{
    static const char *const words[] = {"IN", "LIKE", "BETWEEN", "NOT"};
    size_t end = at;

    for (bool more = true; more;) {
        more = false;
        while (end > 0 && strchr(" (=<>!", t.at[end - 1]))
            end--;
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
            size_t length = strlen(words[i]);
            if (end >= length && has_prefix((struct text){t.at, end}, end - length, words[i])) {
                end -= length;
                more = true;
            }
        }
    }
    if (end > 0 && t.at[end - 1] == '`')
        end--;
    size_t start = end;
    while (start > 0 && is_word(t.at[start - 1]))
        start--;
    return (struct text){t.at + start, end - start};
}

static void find_keys(struct stub *stub, struct text t)
{
    size_t where = find(t, 0, "WHERE");

    for (size_t i = where; i < t.length; i++) {
        if (t.at[i] != '?' || i == 0)
            continue;
        struct text column = column_before(t, i);
        bool is_number = column.length > 0 && isdigit((unsigned char)column.at[0]);
        if (!is_number && !text_equal_fold(column, TEXT("LIMIT")) &&
            !text_equal_fold(column, TEXT("OFFSET")) && !text_equal_fold(column, TEXT("AND")))
            add_key(stub, column);
        if (text_equal_fold(column, TEXT("id")) && i >= 2 && t.at[i - 2] == '=')
            stub->one_row = true;
    }
}

static void make_path(const struct report *report, struct stub *stub)
{
    struct text name = TEXT("query");
    size_t length = 1;

    if (stub->query->uses)
        name = report->object_names.keys[stub->query->uses->object];
    for (size_t i = name.length; i > 0; i--) {
        if (name.at[i - 1] == '.') {
            name = (struct text){name.at + i, name.length - i};
            break;
        }
    }
    stub->path[0] = '/';
    for (size_t i = 0; i < name.length && length + 1 < sizeof(stub->path); i++) {
        char c = name.at[i];
        stub->path[length++] = isalnum((unsigned char)c) || c == '_' || c == '-' ? c : '_';
    }
    stub->path[length] = '\0';
}

static void read_stub(const struct report *report, const struct report_query *query,
                      struct stub *stub)
{
    struct text t = query->statement;

    *stub = (struct stub){.query = query, .method = "post"};
    make_path(report, stub);
    if (has_prefix(t, 0, "SELECT")) {
        size_t from = find(t, 0, "FROM");
        stub->method = "get";
        copy(stub->columns, sizeof(stub->columns), (struct text){t.at + 6, from - 6});
        stub->one_row =
            has_prefix(text_of(stub->columns), 0, "COUNT") && find(t, 0, "GROUP") == t.length;
    } else if (has_prefix(t, 0, "UPDATE")) {
        size_t set = find(t, 0, "SET"), where = find(t, 0, "WHERE");
        stub->method = "patch";
        if (set + 3 < where)
            copy(stub->columns, sizeof(stub->columns),
                 (struct text){t.at + set + 3, where - set - 3});
    } else if (has_prefix(t, 0, "DELETE")) {
        stub->method = "delete";
    } else if (has_prefix(t, 0, "INSERT") || has_prefix(t, 0, "REPLACE")) {
        const char *open = t.length ? memchr(t.at, '(', t.length) : NULL;
        const char *close = open ? memchr(open, ')', (size_t)(t.at + t.length - open)) : NULL;
        if (close)
            copy(stub->columns, sizeof(stub->columns),
                 (struct text){open + 1, (size_t)(close - open) - 1});
    }
    find_keys(stub, t);
}

/* A view or trigger is no call that an API could replace. */
static bool is_of_catalogue(const struct report_query *query)
{
    return text_equal(query->kind, TEXT("catalogue"));
}

static double a_day(const struct report *report, const struct report_query *query)
{
    double days = (double)(report->span.last - report->span.first) / 86400e6;

    return (double)query->counts.statements / (days < 1 ? 1 : days);
}

static void put_keys(const struct stub *stub, FILE *to)
{
    for (unsigned i = 0; i < stub->key_count; i++) {
        fputs(i > 0 ? ", " : "", to);
        table_put_code(text_of(stub->keys[i]), to);
    }
}

void report_print_stubs(const struct report *report, int64_t since, FILE *to)
{
    uint32_t count, *edges = report_rank_edges(report, &count), query_count;
    char words[TABLE_WORDS_SIZE];
    struct stub stub;

    (void)since;
    fputs("# Calls that an API needs in place of the queries\n\nA proposal out of the statements: "
          "names are those of tables and columns.\n",
          to);
    for (uint32_t e = 0; e < count; e++) {
        uint32_t *queries = report_rank_queries(report, edges[e], &query_count);
        fputs("\n## ", to);
        table_put_code(report->services.keys[report->edges[edges[e]].user], to);
        fputs(" asks ", to);
        table_put_code(report->services.keys[report->edges[edges[e]].owner], to);
        fputs("\n\n| call | columns | keys | rows | a day | sent by | digest |\n"
              "|---|---|---|---|---:|---|---|\n",
              to);
        for (uint32_t q = 0; q < query_count; q++) {
            if (is_of_catalogue(&report->queries[queries[q]]))
                continue;
            read_stub(report, &report->queries[queries[q]], &stub);
            fprintf(to, "| `%s %s` | ", stub.method, stub.path);
            table_put_code(text_of(stub.columns), to);
            fputs(" | ", to);
            put_keys(&stub, to);
            fprintf(to, " | %s | %.0f | ", stub.one_row ? "one" : "set", a_day(report, stub.query));
            table_put_code(text_of(report_show_places(report, stub.query, words)), to);
            fprintf(to, " | `%016llx` |\n", (unsigned long long)stub.query->digest);
        }
        free(queries);
    }
    free(edges);
}

static int by_path(const void *a, const void *b)
{
    const struct stub *one = a, *other = b;
    int order = strcmp(one->path, other->path);

    return order ? order : strcmp(one->method, other->method);
}

/* A string of JSON is one of YAML too. */
static void put_string(struct text t, FILE *to)
{
    char buffer[12000];
    struct json json = {.at = buffer, .size = sizeof(buffer)};

    json_text(&json, (struct text){t.at, t.length < 1900 ? t.length : 1900});
    fwrite(buffer, 1, json.length, to);
}

static void put_operation(const struct stub *stub, FILE *to)
{
    char words[KEY_SIZE];

    fprintf(to, "    %s:\n      operationId: \"%s-%016llx\"\n      description: ", stub->method,
            stub->method, (unsigned long long)stub->query->digest);
    put_string(stub->query->statement, to);
    fputs("\n", to);
    if (stub->key_count > 0)
        fputs("      parameters:\n", to);
    for (unsigned i = 0; i < stub->key_count; i++) {
        snprintf(words, sizeof(words), "%s", stub->keys[i]);
        fputs("        - name: ", to);
        put_string(text_of(words), to);
        fputs("\n          in: query\n          schema: {type: string}\n", to);
    }
    fprintf(to, "      responses:\n        \"200\":\n          description: %s\n",
            stub->one_row ? "one row" : "rows");
}

void report_print_openapi(const struct report *report, int64_t since, FILE *to)
{
    uint32_t count, *queries = report_rank_queries(report, HASH_TABLE_NONE, &count);
    struct stub *stubs = memory_take((count + 1) * sizeof(*stubs));

    (void)since;
    uint32_t all = count;
    count = 0;
    for (uint32_t i = 0; i < all; i++) {
        if (!is_of_catalogue(&report->queries[queries[i]]))
            read_stub(report, &report->queries[queries[i]], &stubs[count++]);
    }
    if (count > 0)
        qsort(stubs, count, sizeof(*stubs), by_path);
    fputs("openapi: 3.1.0\ninfo:\n  title: In place of queries across silos\n  version: \"0\"\n"
          "paths:\n",
          to);
    if (count == 0)
        fputs("  {}\n", to);
    for (uint32_t i = 0; i < count; i++) {
        if (i == 0 || strcmp(stubs[i].path, stubs[i - 1].path) != 0)
            fprintf(to, "  \"%s\":\n", stubs[i].path);
        if (i == 0 || by_path(&stubs[i], &stubs[i - 1]) != 0) {
            put_operation(&stubs[i], to);
            continue;
        }
        fprintf(to, "      # also digest %016llx\n", (unsigned long long)stubs[i].query->digest);
    }
    free(stubs);
    free(queries);
}
