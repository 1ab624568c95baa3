/* Capability flags, by MySQL's own names, and the allow-list of those that silogate can follow.
 * protocol/constants.c asserts the values against the client library's headers.
 */
#ifndef PROTOCOL_CAPABILITIES_H
#define PROTOCOL_CAPABILITIES_H

#include <stdint.h>

/* The low 32 bits are MySQL's CLIENT_* flags. The high 32 bits are MariaDB's extended capabilities:
 * if CLIENT_LONG_PASSWORD (MariaDB: CLIENT_MYSQL) is not set they are sent in the last 4 bytes of
 * the handshake's filler (MariaDB Knowledge Base, "Connection"). */
typedef uint64_t capabilities_t;

#define CAPABILITY_LONG_PASSWORD                  (1ull << 0)
#define CAPABILITY_FOUND_ROWS                     (1ull << 1)
#define CAPABILITY_LONG_FLAG                      (1ull << 2)
#define CAPABILITY_CONNECT_WITH_DB                (1ull << 3)
#define CAPABILITY_NO_SCHEMA                      (1ull << 4)
#define CAPABILITY_COMPRESS                       (1ull << 5)
#define CAPABILITY_ODBC                           (1ull << 6)
#define CAPABILITY_LOCAL_FILES                    (1ull << 7)
#define CAPABILITY_IGNORE_SPACE                   (1ull << 8)
#define CAPABILITY_PROTOCOL_41                    (1ull << 9)
#define CAPABILITY_INTERACTIVE                    (1ull << 10)
#define CAPABILITY_SSL                            (1ull << 11)
#define CAPABILITY_IGNORE_SIGPIPE                 (1ull << 12)
#define CAPABILITY_TRANSACTIONS                   (1ull << 13)
#define CAPABILITY_RESERVED                       (1ull << 14)
#define CAPABILITY_SECURE_CONNECTION              (1ull << 15)
#define CAPABILITY_MULTI_STATEMENTS               (1ull << 16)
#define CAPABILITY_MULTI_RESULTS                  (1ull << 17)
#define CAPABILITY_PS_MULTI_RESULTS               (1ull << 18)
#define CAPABILITY_PLUGIN_AUTH                    (1ull << 19)
#define CAPABILITY_CONNECT_ATTRS                  (1ull << 20)
#define CAPABILITY_PLUGIN_AUTH_LENENC_CLIENT_DATA (1ull << 21)
#define CAPABILITY_CAN_HANDLE_EXPIRED_PASSWORDS   (1ull << 22)
#define CAPABILITY_SESSION_TRACK                  (1ull << 23)
#define CAPABILITY_DEPRECATE_EOF                  (1ull << 24)
#define CAPABILITY_OPTIONAL_RESULTSET_METADATA    (1ull << 25)
#define CAPABILITY_ZSTD_COMPRESSION_ALGORITHM     (1ull << 26)
#define CAPABILITY_QUERY_ATTRIBUTES               (1ull << 27)
#define CAPABILITY_MULTI_FACTOR_AUTHENTICATION    (1ull << 28)
/* Only a client and its library use the next two. Servers offer them, but they change no packet.
 */
#define CAPABILITY_SSL_VERIFY_SERVER_CERT       (1ull << 30)
#define CAPABILITY_REMEMBER_OPTIONS             (1ull << 31)
#define CAPABILITY_MARIADB_PROGRESS             (1ull << 32)
#define CAPABILITY_MARIADB_COM_MULTI            (1ull << 33)
#define CAPABILITY_MARIADB_STMT_BULK_OPERATIONS (1ull << 34)
#define CAPABILITY_MARIADB_EXTENDED_METADATA    (1ull << 35)
#define CAPABILITY_MARIADB_CACHE_METADATA       (1ull << 36)
#define CAPABILITY_MARIADB_BULK_UNIT_RESULTS    (1ull << 37)

/* The flags of `offered` whose effects on the packets silogate can follow. All other flags are
 * removed in both handshakes, by this function alone; proxy/ adds CLIENT_SSL if TLS is on. */
capabilities_t capabilities_allowed(capabilities_t offered);

#define STATUS_IN_TRANS              0x0001
#define STATUS_AUTOCOMMIT            0x0002
#define STATUS_MORE_RESULTS_EXISTS   0x0008
#define STATUS_CURSOR_EXISTS         0x0040
#define STATUS_LAST_ROW_SENT         0x0080
#define STATUS_NO_BACKSLASH_ESCAPES  0x0200
#define STATUS_PS_OUT_PARAMS         0x1000
#define STATUS_SESSION_STATE_CHANGED 0x4000
/* Only newer versions of MariaDB send it: if it is set, ANSI_QUOTES is on; if it is not set,
 * nothing is known. */
#define STATUS_ANSI_QUOTES 0x8000

#endif
