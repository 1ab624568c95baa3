/* The packets of the connection phase, read and written. The readers get bytes from anybody who can
 * connect: they accept what real clients and servers send, refuse the rest, and never read past the
 * payload. Called by proxy/ in the handshakes with the client and with the upstream.
 */
#include "protocol/handshake.h"

#include "protocol/command.h"

enum {
    NONCE_FIRST = 8,
    LOGIN_FILLER = 19,
    VERSION_10 = 10,
    AUTH_SWITCH = 0xfe,
    UTF8MB4_GENERAL = 45
};

static bool reader_at_end(const struct reader *reader)
{
    return reader->at == reader->end;
}

/* A text that ends at its NUL, or with the payload: some senders leave out the last NUL. */
static struct text read_last_text(struct reader *reader)
{
    struct reader whole = *reader;
    struct text text = read_nul_text(&whole);

    if (whole.bad)
        return read_rest(reader);
    *reader = whole;
    return text;
}

/* The second part of the nonce: 12 bytes and a NUL, or more if `length` (of both parts) says so.
 */
static void read_nonce_rest(struct reader *reader, uint8_t length, struct greeting *greeting)
{
    struct text rest = read_bytes(reader, HANDSHAKE_NONCE - NONCE_FIRST);

    if (rest.at)
        memcpy(greeting->nonce + NONCE_FIRST, rest.at, rest.length);
    if (!reader_at_end(reader))
        read_bytes(reader, length > HANDSHAKE_NONCE ? (size_t)length - HANDSHAKE_NONCE : 1);
}

enum parse greeting_read(struct text payload, struct greeting *greeting)
{
    struct reader reader = reader_of(payload);

    *greeting = (struct greeting){0};
    if (read_integer(&reader, 1) != VERSION_10)
        return PARSE_BAD;
    greeting->version = read_nul_text(&reader);
    greeting->thread_id = (uint32_t)read_integer(&reader, 4);
    struct text first = read_bytes(&reader, NONCE_FIRST);
    if (first.at)
        memcpy(greeting->nonce, first.at, first.length);
    read_integer(&reader, 1);
    greeting->capabilities = read_integer(&reader, 2);
    greeting->collation = (uint8_t)read_integer(&reader, 1);
    greeting->status = (uint16_t)read_integer(&reader, 2);
    greeting->capabilities |= read_integer(&reader, 2) << 16;
    uint8_t nonce_length = (uint8_t)read_integer(&reader, 1);
    read_bytes(&reader, 6);
    uint64_t extended = read_integer(&reader, 4);
    if (!(greeting->capabilities & CAPABILITY_LONG_PASSWORD))
        greeting->capabilities |= extended << 32;
    read_nonce_rest(&reader, nonce_length, greeting);
    if (greeting->capabilities & CAPABILITY_PLUGIN_AUTH)
        greeting->plugin = read_last_text(&reader);
    if (reader.bad || greeting->version.length > HANDSHAKE_VERSION_MAX ||
        !(greeting->capabilities & CAPABILITY_PROTOCOL_41))
        return PARSE_BAD;
    return PARSE_DONE;
}

size_t greeting_write(const struct greeting *greeting, uint8_t sequence, uint8_t *to, size_t size)
{
    struct writer writer = writer_of(to, size);
    uint8_t *packet = packet_begin(&writer);
    capabilities_t capabilities = greeting->capabilities;
    const char *nonce = (const char *)greeting->nonce;
    bool has_plugin = capabilities & CAPABILITY_PLUGIN_AUTH;

    write_integer(&writer, VERSION_10, 1);
    write_nul_text(&writer, greeting->version);
    write_integer(&writer, greeting->thread_id, 4);
    write_bytes(&writer, (struct text){nonce, NONCE_FIRST});
    write_integer(&writer, 0, 1);
    write_integer(&writer, capabilities & 0xffff, 2);
    write_integer(&writer, greeting->collation, 1);
    write_integer(&writer, greeting->status, 2);
    write_integer(&writer, capabilities >> 16 & 0xffff, 2);
    write_integer(&writer, has_plugin ? HANDSHAKE_NONCE + 1 : 0, 1);
    write_integer(&writer, 0, 6);
    write_integer(&writer, capabilities & CAPABILITY_LONG_PASSWORD ? 0 : capabilities >> 32, 4);
    write_bytes(&writer, (struct text){nonce + NONCE_FIRST, HANDSHAKE_NONCE - NONCE_FIRST});
    write_integer(&writer, 0, 1);
    if (has_plugin)
        write_nul_text(&writer, greeting->plugin);
    return packet_end(&writer, packet, sequence);
}

static struct text read_auth(struct reader *reader, capabilities_t capabilities)
{
    if (capabilities & CAPABILITY_PLUGIN_AUTH_LENENC_CLIENT_DATA)
        return read_lenenc_text(reader);
    return read_bytes(reader, (size_t)read_integer(reader, 1));
}

enum parse login_read(struct text payload, struct login *login)
{
    struct reader reader = reader_of(payload);

    *login = (struct login){0};
    login->capabilities = read_integer(&reader, 4);
    login->max_packet = (uint32_t)read_integer(&reader, 4);
    login->collation = (uint8_t)read_integer(&reader, 1);
    read_bytes(&reader, LOGIN_FILLER);
    uint64_t extended = read_integer(&reader, 4);
    if (reader.bad || !(login->capabilities & CAPABILITY_PROTOCOL_41))
        return PARSE_BAD;
    if (!(login->capabilities & CAPABILITY_LONG_PASSWORD))
        login->capabilities |= extended << 32;
    if (reader_at_end(&reader)) {
        login->is_ssl_request = login->capabilities & CAPABILITY_SSL;
        return login->is_ssl_request ? PARSE_DONE : PARSE_BAD;
    }
    /* Without it the servers do not agree on where the password ends (tried), and the client could
     * choose what is read after it: the database, and attributes of silogate's own. */
    if (!(login->capabilities & CAPABILITY_SECURE_CONNECTION))
        return PARSE_BAD;
    login->user = read_last_text(&reader);
    if (!reader_at_end(&reader))
        login->auth = read_auth(&reader, login->capabilities);
    if (login->capabilities & CAPABILITY_CONNECT_WITH_DB)
        login->database = read_last_text(&reader);
    if (login->capabilities & CAPABILITY_PLUGIN_AUTH)
        login->plugin = read_last_text(&reader);
    if (login->capabilities & CAPABILITY_CONNECT_ATTRS && !reader_at_end(&reader))
        login->attributes = read_lenenc_text(&reader);
    if (login->capabilities & CAPABILITY_ZSTD_COMPRESSION_ALGORITHM && !reader_at_end(&reader))
        login->zstd_level = (uint8_t)read_integer(&reader, 1);
    return reader.bad ? PARSE_BAD : PARSE_DONE;
}

/* The fields of an SSLRequest, which are also the first fields of a login. */
static void write_login_start(struct writer *writer, const struct login *login)
{
    capabilities_t capabilities = login->capabilities;

    write_integer(writer, capabilities & 0xffffffff, 4);
    write_integer(writer, login->max_packet, 4);
    write_integer(writer, login->collation > UINT8_MAX ? UTF8MB4_GENERAL : login->collation, 1);
    for (int i = 0; i < LOGIN_FILLER; i++)
        write_integer(writer, 0, 1);
    write_integer(writer, capabilities & CAPABILITY_LONG_PASSWORD ? 0 : capabilities >> 32, 4);
}

/* A length of one byte, then the bytes; sets `full` if the length does not fit into one byte. */
static void write_short_text(struct writer *writer, struct text text)
{
    if (text.length > UINT8_MAX)
        writer->full = true;
    write_integer(writer, text.length, 1);
    write_bytes(writer, text);
}

static void write_auth(struct writer *writer, capabilities_t capabilities, struct text auth)
{
    if (capabilities & CAPABILITY_PLUGIN_AUTH_LENENC_CLIENT_DATA)
        write_lenenc_text(writer, auth);
    else
        write_short_text(writer, auth);
}

size_t login_write(const struct login *login, uint8_t sequence, uint8_t *to, size_t size)
{
    struct writer writer = writer_of(to, size);
    uint8_t *packet = packet_begin(&writer);

    write_login_start(&writer, login);
    write_nul_text(&writer, login->user);
    write_auth(&writer, login->capabilities, login->auth);
    if (login->capabilities & CAPABILITY_CONNECT_WITH_DB)
        write_nul_text(&writer, login->database);
    if (login->capabilities & CAPABILITY_PLUGIN_AUTH)
        write_nul_text(&writer, login->plugin);
    if (login->capabilities & CAPABILITY_CONNECT_ATTRS)
        write_lenenc_text(&writer, login->attributes);
    if (login->capabilities & CAPABILITY_ZSTD_COMPRESSION_ALGORITHM)
        write_integer(&writer, login->zstd_level, 1);
    return packet_end(&writer, packet, sequence);
}

size_t ssl_request_write(const struct login *login, uint8_t sequence, uint8_t *to, size_t size)
{
    struct writer writer = writer_of(to, size);
    uint8_t *packet = packet_begin(&writer);

    write_login_start(&writer, login);
    return packet_end(&writer, packet, sequence);
}

bool attribute_next(struct text *attributes, struct text *key, struct text *value)
{
    struct reader reader = reader_of(*attributes);

    if (attributes->length == 0)
        return false;
    *key = read_lenenc_text(&reader);
    *value = read_lenenc_text(&reader);
    *attributes = read_rest(&reader);
    return !reader.bad;
}

enum parse auth_switch_read(struct text payload, struct auth_switch *auth_switch)
{
    struct reader reader = reader_of(payload);

    *auth_switch = (struct auth_switch){0};
    if (read_integer(&reader, 1) != AUTH_SWITCH || reader_at_end(&reader))
        return PARSE_BAD;
    auth_switch->plugin = read_last_text(&reader);
    auth_switch->data = read_rest(&reader);
    return PARSE_DONE;
}

size_t auth_switch_write(const struct auth_switch *auth_switch, uint8_t sequence, uint8_t *to,
                         size_t size)
{
    struct writer writer = writer_of(to, size);
    uint8_t *packet = packet_begin(&writer);

    write_integer(&writer, AUTH_SWITCH, 1);
    write_nul_text(&writer, auth_switch->plugin);
    write_bytes(&writer, auth_switch->data);
    return packet_end(&writer, packet, sequence);
}

enum parse change_user_read(struct text payload, capabilities_t capabilities,
                            struct change_user *change_user)
{
    struct reader reader = reader_of(payload);

    *change_user = (struct change_user){0};
    if (read_integer(&reader, 1) != COMMAND_CHANGE_USER)
        return PARSE_BAD;
    change_user->user = read_nul_text(&reader);
    change_user->auth = read_bytes(&reader, (size_t)read_integer(&reader, 1));
    change_user->database = read_last_text(&reader);
    if (!reader_at_end(&reader)) {
        change_user->collation = (uint16_t)read_integer(&reader, 2);
        change_user->has_collation = true;
    }
    if (capabilities & CAPABILITY_PLUGIN_AUTH)
        change_user->plugin = read_last_text(&reader);
    if (capabilities & CAPABILITY_CONNECT_ATTRS && !reader_at_end(&reader))
        change_user->attributes = read_lenenc_text(&reader);
    return reader.bad ? PARSE_BAD : PARSE_DONE;
}

size_t change_user_write(const struct change_user *change_user, capabilities_t capabilities,
                         uint8_t *to, size_t size)
{
    struct writer writer = writer_of(to, size);
    uint8_t *packet = packet_begin(&writer);

    write_integer(&writer, COMMAND_CHANGE_USER, 1);
    write_nul_text(&writer, change_user->user);
    write_auth(&writer, capabilities & ~CAPABILITY_PLUGIN_AUTH_LENENC_CLIENT_DATA,
               change_user->auth);
    write_nul_text(&writer, change_user->database);
    if (!change_user->has_collation)
        return packet_end(&writer, packet, 0);
    write_integer(&writer, change_user->collation, 2);
    if (capabilities & CAPABILITY_PLUGIN_AUTH)
        write_nul_text(&writer, change_user->plugin);
    if (capabilities & CAPABILITY_CONNECT_ATTRS)
        write_lenenc_text(&writer, change_user->attributes);
    return packet_end(&writer, packet, 0);
}
