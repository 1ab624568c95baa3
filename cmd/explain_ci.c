/* The results of explain for CI systems: SARIF 2.1.0 (OASIS), JUnit's XML as Jenkins and GitLab
 * read it, and GitHub's workflow commands. One entry for each violation; allowed statements are not
 * listed. No value of a statement is printed.
 */
#include <stdlib.h>

#include "base/arena.h"
#include "base/json.h"
#include "cmd/explain_print.h"

enum { SENTENCE = 900, START = 200, BUFFER = 16384 };

static bool is_violation(const struct explain_statement *statement)
{
    return statement->verdict->action != VERDICT_ALLOW;
}

static const char *shown_path(const char *path)
{
    return path ? path : "stdin";
}

static const char *reason(const struct explain_statement *statement)
{
    return verdict_reason_name((enum verdict_reason)statement->verdict->reason);
}

static const char *access_words(unsigned access)
{
    static const char *const words[] = {"uses", "reads", "writes", "reads and writes"};
    return access & SQL_EXECUTE ? "executes" : access & SQL_DEFINE ? "defines" : words[access & 3];
}

/* Replaces what is not allowed in a line of UTF-8 by '?', in place. */
static void clean(char *text)
{
    char *copy;
    size_t size;
    FILE *to = open_memstream(&copy, &size);

    explain_print_clean(text_of(text), to);
    fclose(to);
    memcpy(text, copy, size); /* the copy is never longer */
    text[size] = 0;
    free(copy);
}

static void word_sentence(const struct explain_statement *statement, char *to, size_t size)
{
    const struct verdict *verdict = statement->verdict;
    const struct sql_facts *facts = statement->facts;
    const char *rule = verdict->rule ? verdict->rule : "a default";
    struct text nobody = TEXT("(none)");
    struct text service = statement->service == SERVICE_NONE
                              ? nobody
                              : policy_service_name(statement->policy, statement->service);

    if (verdict->object == VERDICT_NO_OBJECT || verdict->object >= facts->object_count) {
        snprintf(to, size, "%s of service '%.*s': %s%s%s (%s, by %s)",
                 sql_kind_name((enum sql_kind)facts->kind), TEXT_ARGS(service), reason(statement),
                 facts->determined ? "" : ": ", facts->determined ? "" : statement->why,
                 verdict_action_name((enum verdict_action)verdict->action), rule);
        return;
    }
    const struct sql_object *object = &facts->objects[verdict->object];
    struct text schema = object->schema.at ? object->schema : TEXT("(no database)");
    struct text owner = verdict->owner == SERVICE_NONE
                            ? TEXT("nobody")
                            : policy_service_name(statement->policy, verdict->owner);
    snprintf(to, size, "service '%.*s' %s %s %.*s%s%.*s, which %.*s owns: %s (%s, by %s)",
             TEXT_ARGS(service), access_words(object->access), sql_type_name(object->type),
             TEXT_ARGS(schema), object->name.length > 0 ? "." : "", TEXT_ARGS(object->name),
             TEXT_ARGS(owner), verdict_action_name((enum verdict_action)verdict->action),
             reason(statement), rule);
}

void explain_sentence(const struct explain_statement *statement, char *to, size_t size)
{
    word_sentence(statement, to, size);
    clean(to);
}

/* The start of the statement, NUL-terminated. */
static struct text clean_start(const struct explain_statement *statement, char to[START])
{
    to[explain_start(statement, to, START - 1).length] = 0;
    clean(to);
    return text_of(to);
}

/* GitHub: ::error file=a.sql,line=3,title=foreign::message */

static void put_command_text(const char *text, bool property, FILE *to)
{
    for (size_t length = 0; *text; text += length > 0 ? length : 1) {
        length = text_character(text_of(text));
        if (length != 1) /* a file's name may be no UTF-8 */
            fwrite(length == 0 ? "?" : text, 1, length == 0 ? 1 : length, to);
        else if (*text == '%' || (unsigned char)*text < ' ' || (property && strchr(":,", *text)))
            fprintf(to, "%%%02X", (unsigned char)*text);
        else
            putc(*text, to);
    }
}

static void print_github(const struct explain_statement *statement, FILE *to)
{
    char sentence[SENTENCE];

    if (!is_violation(statement))
        return;
    explain_sentence(statement, sentence, sizeof(sentence));
    fputs(statement->verdict->action == VERDICT_BLOCK ? "::error file=" : "::warning file=", to);
    put_command_text(shown_path(statement->path), true, to);
    fprintf(to, ",line=%llu,title=silogate %s::", (unsigned long long)statement->line,
            reason(statement));
    put_command_text(sentence, false, to);
    fputs("\n", to);
}

const struct explain_form explain_as_github = {.statement = print_github};

/* JUnit: a suite for each file; a file without violations has one case that passes. */

static struct {
    bool open;
    uint64_t violations;
    char *path;
    char *cases; /* of the suite: their number has to stand before them */
    size_t length;
    FILE *to_cases;
} suite;

/* U+FFFE and U+FFFF, the only characters that explain_print_clean lets through and XML does not
 * allow. */
static bool is_no_xml(struct text t)
{
    return t.length >= 3 && memcmp(t.at, "\xef\xbf", 2) == 0 && (unsigned char)t.at[2] >= 0xbe;
}

/* Characters that XML 1.0 does not allow become '?'. */
static void put_xml(struct text t, FILE *to)
{
    char *clean = NULL;
    size_t length = 0;
    FILE *cleaned = open_memstream(&clean, &length);

    explain_print_clean(t, cleaned); /* also a file's name may be no UTF-8 */
    fclose(cleaned);
    for (size_t i = 0; i < length; i++) {
        char c = clean[i];
        const char *name = c == '<'   ? "&lt;"
                           : c == '>' ? "&gt;"
                           : c == '&' ? "&amp;"
                           : c == '"' ? "&quot;"
                                      : NULL;
        bool no_xml = is_no_xml((struct text){clean + i, length - i});
        if (name || no_xml)
            fputs(no_xml ? "?" : name, to);
        else
            putc(c, to);
        i += no_xml ? 2 : 0;
    }
    free(clean);
}

static void begin_junit(FILE *to)
{
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"silogate\">\n", to);
}

static void end_suite(FILE *to)
{
    if (!suite.open)
        return;
    fclose(suite.to_cases);
    fputs(" <testsuite name=\"", to);
    put_xml(text_of(suite.path), to);
    fprintf(to, "\" tests=\"%llu\" failures=\"%llu\" errors=\"0\" skipped=\"0\">\n",
            (unsigned long long)(suite.violations > 0 ? suite.violations : 1),
            (unsigned long long)suite.violations);
    if (suite.violations == 0) {
        fputs("  <testcase classname=\"silogate\" name=\"", to);
        put_xml(text_of(suite.path), to);
        fputs("\"/>\n", to);
    }
    fwrite(suite.cases, 1, suite.length, to);
    fputs(" </testsuite>\n", to);
    free(suite.cases);
    free(suite.path);
    suite.open = false;
}

static void begin_suite(const char *path, FILE *to)
{
    end_suite(to);
    suite.open = true;
    suite.violations = 0;
    suite.path = memory_take(strlen(shown_path(path)) + 1);
    memcpy(suite.path, shown_path(path), strlen(shown_path(path)) + 1);
    suite.to_cases = open_memstream(&suite.cases, &suite.length);
}

static void print_junit(const struct explain_statement *statement, FILE *out)
{
    char sentence[SENTENCE], start[START];
    FILE *to = suite.to_cases;

    (void)out;
    if (!is_violation(statement))
        return;
    suite.violations++;
    explain_sentence(statement, sentence, sizeof(sentence));
    fputs("  <testcase classname=\"silogate\" name=\"", to);
    put_xml(text_of(shown_path(statement->path)), to);
    fprintf(to, ":%llu %s\"><failure type=\"%s\" message=\"", (unsigned long long)statement->line,
            sql_kind_name((enum sql_kind)statement->facts->kind), reason(statement));
    put_xml(text_of(sentence), to);
    fputs("\">", to);
    put_xml(clean_start(statement, start), to);
    fputs("</failure></testcase>\n", to);
}

static void end_junit(FILE *to)
{
    end_suite(to);
    fputs("</testsuites>\n", to);
}

const struct explain_form explain_as_junit = {
    .begin = begin_junit, .file = begin_suite, .statement = print_junit, .end = end_junit};

/* SARIF: results of one run, whose rules are the reasons. */

static bool sarif_some;

static void begin_sarif(FILE *to)
{
    const char *before = "";

    sarif_some = false;
    fputs("{\"$schema\":\"https://json.schemastore.org/sarif-2.1.0.json\",\"version\":\"2.1.0\",\n"
          "\"runs\":[{\"tool\":{\"driver\":{\"name\":\"silogate\",\"version\":\"" SILOGATE_VERSION
          "\",\"rules\":[",
          to);
    for (int i = 0; i < REASON_COUNT; i++) {
        fprintf(to, "%s{\"id\":\"%s\"}", before, verdict_reason_name((enum verdict_reason)i));
        before = ",";
    }
    fputs("]}},\n\"columnKind\":\"utf16CodeUnits\",\"results\":[", to);
}

/* Writes a path as a URI; special characters are percent-encoded. */
static void put_uri(struct json *json, const char *path)
{
    char hex[4];

    json_raw(json, TEXT("\""));
    for (; *path; path++) {
        bool plain = (*path >= '0' && *path <= '9') || strchr("/._-~+", *path) ||
                     (text_lower(*path) >= 'a' && text_lower(*path) <= 'z');
        snprintf(hex, sizeof(hex), plain ? "%c" : "%%%02X", (unsigned char)*path);
        json_raw(json, text_of(hex));
    }
    json_raw(json, TEXT("\""));
}

static void print_sarif(const struct explain_statement *statement, FILE *to)
{
    char sentence[SENTENCE], start[START], buffer[BUFFER];
    struct json json = {.at = buffer, .size = sizeof(buffer)};

    if (!is_violation(statement))
        return;
    explain_sentence(statement, sentence, sizeof(sentence));
    json_raw(&json, sarif_some ? TEXT(",\n{\"ruleId\":\"") : TEXT("\n{\"ruleId\":\""));
    sarif_some = true;
    json_raw(&json, text_of(reason(statement)));
    json_raw(&json, statement->verdict->action == VERDICT_BLOCK
                        ? TEXT("\",\"level\":\"error\",\"message\":{\"text\":")
                        : TEXT("\",\"level\":\"warning\",\"message\":{\"text\":"));
    json_text(&json, text_of(sentence));
    json_raw(&json, TEXT("},\"locations\":[{\"physicalLocation\":{\"artifactLocation\":{\"uri\":"));
    put_uri(&json, shown_path(statement->path));
    json_raw(&json, TEXT("},\"region\":{\"startLine\":"));
    json_number(&json, statement->line);
    json_raw(&json, TEXT(",\"snippet\":{\"text\":"));
    json_text(&json, clean_start(statement, start));
    json_raw(&json, TEXT("}}}}]}"));
    fwrite(buffer, 1, json.length, to);
}

static void end_sarif(FILE *to)
{
    fputs("\n]}]}\n", to);
}

const struct explain_form explain_as_sarif = {
    .begin = begin_sarif, .statement = print_sarif, .end = end_sarif};
