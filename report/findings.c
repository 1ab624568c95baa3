/* What crosses in a server's catalogue (views, triggers, foreign keys...) becomes edges, in
 * addition to those of statements. The digest is computed from kind and name, so that a baseline
 * recognizes the finding.
 */
#include "report/findings.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const char *string(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value ? value : "";
}

static bool crosses(const json_t *touches)
{
    const json_t *touch;
    size_t i;

    json_array_foreach(touches, i, touch)
    {
        if (strcmp(string(touch, "verdict"), "allow") != 0)
            return true;
    }
    return false;
}

/* Which writes a foreign key passes on from the other table into its own. Not a part of the digest,
 * because there are baselines that are older than this text. */
static void carried_on(const json_t *finding, char *statement, size_t size)
{
    const json_t *parent = json_object_get(finding, "parent");
    size_t length = strlen(statement);

    if (parent && *string(finding, "fires"))
        snprintf(statement + length, size - length, " by %.20s of %.256s.%.256s",
                 string(finding, "fires"), string(parent, "schema"), string(parent, "name"));
}

json_t *findings_record(const json_t *finding)
{
    json_t *touches = json_object_get(finding, "touches");
    char statement[2000], digest[17];

    if (!json_is_string(json_object_get(finding, "finding")) || !crosses(touches))
        return NULL;
    const char *definer = string(finding, "definer");
    const json_t *on = json_object_get(finding, "on");
    snprintf(statement, sizeof(statement), "%.40s %.256s.%.256s%s%.256s%s%.256s%s%.100s%s",
             string(finding, "finding"), string(finding, "schema"), string(finding, "name"),
             on ? " on " : "", string(on, "schema"), on ? "." : "", string(on, "name"),
             *definer ? " (definer " : "", definer, *definer ? ")" : "");
    uint64_t hash = text_hash(text_of(statement), 0, false);
    carried_on(finding, statement, sizeof(statement));
    snprintf(digest, sizeof(digest), "%016llx", (unsigned long long)hash);
    const char *owner = json_string_value(json_object_get(finding, "owner"));
    /* If the text was cut inside a character, jansson refuses it: then this field is left out. */
    json_t *shown = json_string(statement);
    json_t *record = json_object();
    json_object_set_new(record, "event", json_string("violation"));
    json_object_set_new(record, "action", json_string("logged"));
    json_object_set_new(record, "reason", json_string(string(finding, "reason")));
    json_object_set_new(record, "service", json_string(owner ? owner : "(unowned)"));
    json_object_set_new(record, "kind", json_string("catalogue"));
    json_object_set(record, "objects", touches);
    json_object_set_new(record, "digest", json_string(digest));
    json_object_set_new(record, "statement", shown ? shown : json_null());
    return record;
}
