/* The connection attributes that are sent to the server: the client's own, and three of
 * silogate's, so that the server's table performance_schema.session_connect_attrs shows who is
 * behind a connection.
 *
 *   silogate_session   the thread id that the client knows, "/" and the instance's number: by it
 *                      another instance before the same server finds the session's thread
 *   silogate_service   the user's service
 *   silogate_client    the client's address
 *
 * They come first: a server keeps 512 bytes of all attributes by default and drops the rest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "proxy/binding.h"
#include "proxy/login/login.h"
#include "proxy/registry.h"
#include "proxy/runtime.h"

/* Servers refuse a login with more than 64 KiB: attributes that do not fit are left out. */
enum { ATTRIBUTES_MAX = 65535, OWN_MAX = 512 };

#define OWN "silogate_"

static void write_own(struct writer *writer, const char *name, struct text value)
{
    if (value.length > 128)
        value.length = 128;
    write_lenenc_text(writer, text_of(name));
    write_lenenc_text(writer, value);
}

/* Attributes of these names that come from the client are dropped: the server would take them for
 * silogate's. */
static bool is_own(struct text key)
{
    struct text start = TEXT(OWN);

    return key.length >= start.length &&
           text_equal_fold((struct text){key.at, start.length}, start);
}

struct text login_attributes(struct session *session)
{
    struct login_draft *draft = session->draft;
    const struct config *config = session->binding->runtime->config;
    struct text left = draft->login.attributes, key, value;
    size_t room = left.length + OWN_MAX;
    char number[32];

    free(draft->attributes);
    draft->attributes = memory_take(room);
    struct writer writer = writer_of(draft->attributes, room);
    int length = snprintf(number, sizeof(number), "%u/%u", session->id, registry_instance());
    write_own(&writer, OWN "session", (struct text){number, (size_t)length});
    if (session->binding->service >= 0)
        write_own(&writer, OWN "service", config->services[session->binding->service].name);
    write_own(&writer, OWN "client", text_of(draft->client));
    while (attribute_next(&left, &key, &value)) {
        const struct writer before = writer;
        if (is_own(key))
            continue;
        write_lenenc_text(&writer, key);
        write_lenenc_text(&writer, value);
        if (writer.full || writer.at - draft->attributes > ATTRIBUTES_MAX)
            writer = before;
    }
    return (struct text){(const char *)draft->attributes, (size_t)(writer.at - draft->attributes)};
}
