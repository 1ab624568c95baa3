/* JSON of the control socket: writes sessions and overrides, reads lists of accesses. */
#include "admin/control_json.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin/page.h"

static void put_time(FILE *to, const char *key, int64_t microseconds)
{
    time_t second = (time_t)(microseconds / 1000000);
    struct tm parts;
    char words[32];

    gmtime_r(&second, &parts);
    strftime(words, sizeof(words), "%Y-%m-%dT%H:%M:%S", &parts);
    fprintf(to, ",\"%s\":\"%s.%03dZ\"", key, words, (int)(microseconds / 1000 % 1000));
}

static void put_text(FILE *to, const char *key, const char *value)
{
    fprintf(to, ",\"%s\":", key);
    page_json(to, value && *value ? text_of(value) : (struct text){0});
}

void control_put_session(FILE *to, const struct control_session *session)
{
    fprintf(to, "{\"id\":%u,\"thread\":%u", session->id, session->thread);
    put_text(to, "service", session->service);
    put_text(to, "user", session->user);
    put_text(to, "client", session->client);
    put_text(to, "program", session->program);
    put_text(to, "upstream", session->upstream);
    put_text(to, "state", session->state);
    put_time(to, "began", session->began * 1000000);
    put_time(to, "since", session->entered * 1000000);
    fprintf(to, ",\"transaction\":%s,\"owners\":[", session->in_transaction ? "true" : "false");
    for (const char *at = session->owners; *at;) {
        size_t length = strcspn(at, ",");
        fputs(at == session->owners ? "" : ",", to);
        page_json(to, (struct text){at, length});
        at += length + (at[length] == ',');
    }
    fputs("]", to);
    put_text(to, "kind", session->kind);
    if (session->digest)
        fprintf(to, ",\"digest\":\"%016llx\"", (unsigned long long)session->digest);
    else
        fputs(",\"digest\":null", to);
    put_text(to, "kept", session->kept);
    fprintf(to, ",\"leaving\":%s,\"process\":%ld}", session->leaving ? "true" : "false",
            (long)getpid());
}

void control_put_told(FILE *to, const struct override *override, const struct told *told)
{
    fprintf(to, ",\"instances\":\"%s\"", override->upstream[0] ? "all" : "this");
    if (!override->upstream[0])
        return;
    put_text(to, "upstream", override->upstream);
    if (!told)
        return;
    if (told->met)
        fprintf(to, ",\"alive\":%u,\"in_force\":%u%s", told->alive, told->same,
                told->full ? ",\"full\":true" : "");
    else
        put_text(to, "not_yet", told->why);
}

void control_put_instance(FILE *to, const struct instance *instance)
{
    fputs("{\"upstream\":", to);
    page_json(to, text_of(instance->upstream));
    put_text(to, "name", instance->name);
    put_text(to, "version", instance->version);
    put_text(to, "policy", instance->policy);
    fprintf(to,
            ",\"instance\":%u,\"alive\":%s,\"draining\":%s,\"self\":%s,\"sessions\":%llu,"
            "\"overrides\":\"%016llx\",\"age\":%.3f}",
            instance->number, instance_is_alive(instance) ? "true" : "false",
            instance->draining ? "true" : "false", instance->self ? "true" : "false",
            (unsigned long long)instance->sessions, (unsigned long long)instance->overrides,
            (double)instance->age / 1000);
}

void control_put_meeting(FILE *to, const struct meeting *met)
{
    fputs("{\"upstream\":", to);
    page_json(to, text_of(met->upstream));
    fprintf(to, ",\"met\":%s", met->met ? "true" : "false");
    put_text(to, "why", met->why);
    fputs("}", to);
}

void control_put_override(FILE *to, const struct override *override, const struct told *told)
{
    fprintf(to, "{\"id\":\"%s\",\"kind\":\"%s\"", override->id,
            override_kind_name((enum override_kind) override->kind));
    put_text(to, override->kind == OVERRIDE_HOLD ? "owner" : "service", override->service);
    if (override->kind == OVERRIDE_MODE)
        put_text(to, "mode", page_mode(override->mode));
    if (override->kind == OVERRIDE_ALLOW)
        put_text(to, "on", override->on);
    if (override->kind != OVERRIDE_MODE) {
        static const char *const words[] = {"read", "write", "define", "execute"};
        const char *before = "";
        fputs(",\"access\":[", to);
        for (unsigned i = 0; i < 4; i++) {
            if (override->access & (1u << i)) {
                fprintf(to, "%s\"%s\"", before, words[i]);
                before = ",";
            }
        }
        fputs("]", to);
    }
    put_time(to, "since", override->since);
    put_time(to, "until", override_until(override));
    put_text(to, "who", override->who);
    put_text(to, "ticket", override->ticket);
    fprintf(to, ",\"older_only\":%s", override->older ? "true" : "false");
    control_put_told(to, override, told);
    fputs("}", to);
}

uint8_t control_access_of(const json_t *words)
{
    static const char *const names[] = {"read", "write", "define", "execute"};
    uint8_t access = 0;

    for (size_t i = 0; i < json_array_size(words); i++) {
        const char *word = json_string_value(json_array_get(words, i));
        uint8_t bit = word && strcmp(word, "all") == 0 ? 15 : 0;
        for (unsigned j = 0; word && j < 4; j++)
            bit |= (uint8_t)(strcmp(word, names[j]) == 0 ? 1u << j : 0);
        if (bit == 0)
            return 0;
        access |= bit;
    }
    return access;
}
