/* What a stranger's bytes meet before and at a command: greeting, login, COM_CHANGE_USER,
 * AuthSwitch, query attributes and connection attributes. What can be read and then written reads
 * the same again. The input: the parser, 8 bytes of capabilities, the payload.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "protocol/command.h"
#include "protocol/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static uint8_t written[1 << 17];

static bool same(struct text a, struct text b)
{
    return text_equal(a, b);
}

/* The payload of what was written, in a block of its own size. */
static struct text copy_of(size_t size)
{
    assert(size >= PACKET_HEADER && bytes_get3(written) == size - PACKET_HEADER);
    char *at = malloc(size);
    assert(at);
    memcpy(at, written + PACKET_HEADER, size - PACKET_HEADER);
    return (struct text){at, size - PACKET_HEADER};
}

static void walk_attributes(struct text attributes)
{
    struct text key, value;

    while (attribute_next(&attributes, &key, &value))
        assert(key.at && value.at);
}

static void fuzz_greeting(struct text payload)
{
    struct greeting one, other;

    if (greeting_read(payload, &one) != PARSE_DONE)
        return;
    assert(one.version.length <= HANDSHAKE_VERSION_MAX);
    size_t size = greeting_write(&one, 0, written, sizeof written);
    if (size == 0)
        return; /* a plugin whose name holds a NUL was the rest of the payload */
    struct text copy = copy_of(size);
    assert(greeting_read(copy, &other) == PARSE_DONE);
    assert(same(one.version, other.version) && same(one.plugin, other.plugin));
    assert(one.capabilities == other.capabilities && one.thread_id == other.thread_id);
    assert(memcmp(one.nonce, other.nonce, sizeof one.nonce) == 0);
    free((void *)(uintptr_t)copy.at);
}

static void fuzz_login(struct text payload)
{
    struct login one, other;

    if (login_read(payload, &one) != PARSE_DONE)
        return;
    walk_attributes(one.attributes);
    if (one.is_ssl_request) {
        assert(ssl_request_write(&one, 1, written, sizeof written) == 36);
        return;
    }
    size_t size = login_write(&one, 1, written, sizeof written);
    if (size == 0)
        return;
    struct text copy = copy_of(size);
    assert(login_read(copy, &other) == PARSE_DONE);
    assert(same(one.user, other.user) && same(one.auth, other.auth));
    assert(same(one.database, other.database) && same(one.plugin, other.plugin));
    assert(same(one.attributes, other.attributes) && one.capabilities == other.capabilities);
    free((void *)(uintptr_t)copy.at);
}

static void fuzz_change_user(struct text payload, capabilities_t capabilities)
{
    struct change_user one, other;

    if (change_user_read(payload, capabilities, &one) != PARSE_DONE)
        return;
    walk_attributes(one.attributes);
    size_t size = change_user_write(&one, capabilities, written, sizeof written);
    if (size == 0)
        return;
    struct text copy = copy_of(size);
    assert(change_user_read(copy, capabilities, &other) == PARSE_DONE);
    assert(same(one.user, other.user) && same(one.auth, other.auth));
    assert(same(one.database, other.database) && same(one.plugin, other.plugin));
    assert(one.has_collation == other.has_collation && one.collation == other.collation);
    free((void *)(uintptr_t)copy.at);
}

static void fuzz_query(struct text payload, capabilities_t capabilities)
{
    struct query query;
    struct text value;

    if (query_read(payload, capabilities, &query) != PARSE_DONE) {
        assert(!query.text.at && query.attributes.length == 0);
        return;
    }
    assert(query.text.at + query.text.length == payload.at + payload.length);
    if (capabilities & CAPABILITY_QUERY_ATTRIBUTES)
        assert(query.attributes.at == payload.at + 1 &&
               query.attributes.at + query.attributes.length == query.text.at);
    if (query_attribute(&query, TEXT("traceparent"), &value))
        assert(value.at > query.attributes.at && value.at + value.length <= query.text.at);
}

static void fuzz_auth_switch(struct text payload)
{
    struct auth_switch auth_switch;

    if (auth_switch_read(payload, &auth_switch) == PARSE_DONE)
        auth_switch_write(&auth_switch, 2, written, sizeof written);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 9 || size > sizeof written / 2)
        return 0;
    struct text payload = {(const char *)bytes + 9, size - 9};
    capabilities_t capabilities = bytes_get8(bytes + 1);
    switch (bytes[0] % 5) {
    case 0:
        fuzz_greeting(payload);
        break;
    case 1:
        fuzz_login(payload);
        break;
    case 2:
        fuzz_change_user(payload, capabilities);
        break;
    case 3:
        fuzz_query(payload, capabilities);
        break;
    default:
        fuzz_auth_switch(payload);
    }
    return 0;
}
