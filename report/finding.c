/* Findings of `silogate audit --json` beside records: what crosses in a server's catalogue is an
 * edge like a statement's, marked "catalogue" and with the finding's words as its statement. */
#include <stdio.h>
#include <stdlib.h>

#include "report/names.h"

/* "catalogue: trigger nilecare.t1 on nilecare.invoices", to be freed. */
static char *words_of(const json_t *finding)
{
    const json_t *on = json_object_get(finding, "on");
    const char *security = json_string_value(json_object_get(finding, "security"));
    const char *kind = json_string_value(json_object_get(finding, "finding"));
    const char *schema = json_string_value(json_object_get(finding, "schema"));
    const char *name = json_string_value(json_object_get(finding, "name"));
    const char *on_schema = json_string_value(json_object_get(on, "schema"));
    const char *on_name = json_string_value(json_object_get(on, "name"));
    char *words = NULL;

    if (asprintf(&words, "catalogue: %s %s.%s%s%s%s%s%s%s", kind, schema, name,
                 on_name ? " on " : "", on_name ? on_schema : "", on_name ? "." : "",
                 on_name ? on_name : "", security ? " " : "", security ? security : "") < 0)
        abort();
    return words;
}

json_t *finding_record(const json_t *finding)
{
    struct text ts = names_string(finding, "ts");
    struct text service = names_string(finding, "owner"), reason = names_string(finding, "reason");
    struct text verdict = names_string(finding, "verdict");
    json_t *touches = json_object_get(finding, "touches");
    char digest[17];

    if (!json_is_array(touches) || !ts.at || !verdict.at || text_equal(verdict, TEXT("allow")) ||
        text_equal(reason, TEXT("unowned")) ||
        !json_is_string(json_object_get(finding, "schema")) ||
        !json_is_string(json_object_get(finding, "name")))
        return NULL;
    char *words = words_of(finding);
    snprintf(digest, sizeof(digest), "%016llx",
             (unsigned long long)text_hash(text_of(words), 1, false));
    json_t *record =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:O, s:s, s:s}", "ts", ts.at, "event", "violation",
                  "action", "logged", "reason", reason.at, "kind", "catalogue", "objects", touches,
                  "digest", digest, "statement", words);
    if (record && service.at)
        json_object_set(record, "service", json_object_get(finding, "owner"));
    free(words);
    return record;
}
