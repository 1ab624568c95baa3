/* Packets of the connection phase, to and from plain structs (MySQL Internals, "Connection Phase
 * Packets"; MariaDB Knowledge Base, "Connection"). Texts point into the bytes that were parsed.
 * Parsers take a payload without its header; writers write whole packets, header included, and
 * return their size, or 0 where `size` is too small.
 */
#ifndef PROTOCOL_HANDSHAKE_H
#define PROTOCOL_HANDSHAKE_H

#include "protocol/capabilities.h"
#include "protocol/packet.h"

enum { HANDSHAKE_NONCE = 20, HANDSHAKE_VERSION_MAX = 128 };

/* Protocol::HandshakeV10. */
struct greeting {
    struct text version; /* as sent, MariaDB's "5.5.5-" included; at most HANDSHAKE_VERSION_MAX */
    uint32_t thread_id;
    uint8_t nonce[HANDSHAKE_NONCE];
    capabilities_t capabilities;
    uint8_t collation;
    uint16_t status;
    struct text plugin; /* none without CLIENT_PLUGIN_AUTH */
};

/* MariaDB's extended capabilities are read and written only if CLIENT_LONG_PASSWORD is off, as
 * MariaDB does. An ERR packet is PARSE_BAD too: check payload[0] == 0xff first. */
enum parse greeting_read(struct text payload, struct greeting *greeting);
size_t greeting_write(const struct greeting *greeting, uint8_t sequence, uint8_t *to, size_t size);

/* Protocol::HandshakeResponse41 (and the part of it that is SSLRequest). */
struct login {
    capabilities_t capabilities;
    uint32_t max_packet;
    uint16_t collation;  /* one byte in a login, two in COM_CHANGE_USER */
    bool is_ssl_request; /* only the fields above are set */
    struct text user, auth, database, plugin;
    struct text attributes; /* the raw key-value pairs, their total length not included */
    uint8_t zstd_level;
};

/* Needs CLIENT_PROTOCOL_41; an older client is PARSE_BAD. Some clients leave out the last fields:
 * these are empty, as on the servers. login_write writes the fields of its capabilities; MariaDB's
 * extended capabilities only if CLIENT_LONG_PASSWORD is off. */
enum parse login_read(struct text payload, struct login *login);
size_t login_write(const struct login *login, uint8_t sequence, uint8_t *to, size_t size);
size_t ssl_request_write(const struct login *login, uint8_t sequence, uint8_t *to, size_t size);

/* Takes the next pair of connection attributes; false at the end, or if the bytes are malformed. */
bool attribute_next(struct text *attributes, struct text *key, struct text *value);

/* Protocol::AuthSwitchRequest (0xfe). `data` as sent, a trailing NUL included. */
struct auth_switch {
    struct text plugin, data;
};
enum parse auth_switch_read(struct text payload, struct auth_switch *auth_switch);
size_t auth_switch_write(const struct auth_switch *auth_switch, uint8_t sequence, uint8_t *to,
                         size_t size);

/* COM_CHANGE_USER, the command byte included. `capabilities`: those of the connection; with
 * CLIENT_SECURE_CONNECTION, because login_read refuses a login without it. */
struct change_user {
    struct text user, auth, database, plugin, attributes;
    uint16_t collation;
    bool has_collation;
};
enum parse change_user_read(struct text payload, capabilities_t capabilities,
                            struct change_user *change_user);
size_t change_user_write(const struct change_user *change_user, capabilities_t capabilities,
                         uint8_t *to, size_t size);

#endif
