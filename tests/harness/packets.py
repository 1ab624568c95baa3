"""The MySQL protocol's flags and packets."""
import struct

LONG_PASSWORD, FOUND_ROWS, LONG_FLAG, CONNECT_WITH_DB = 1, 2, 4, 8
LOCAL_FILES, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION = 128, 512, 8192, 32768
MULTI_STATEMENTS, MULTI_RESULTS, PS_MULTI_RESULTS = 1 << 16, 1 << 17, 1 << 18
PLUGIN_AUTH, CONNECT_ATTRS, PLUGIN_AUTH_LENENC = 1 << 19, 1 << 20, 1 << 21
EXPIRED_PASSWORDS, SESSION_TRACK, DEPRECATE_EOF = 1 << 22, 1 << 23, 1 << 24
OPTIONAL_METADATA, QUERY_ATTRIBUTES = 1 << 25, 1 << 27
COMPRESS, SSL, ZSTD = 32, 2048, 1 << 26
MARIADB_CACHE_METADATA, MARIADB_BULK = 1 << 36, 1 << 34

USUAL = (LONG_PASSWORD | LONG_FLAG | CONNECT_WITH_DB | LOCAL_FILES | PROTOCOL_41 | TRANSACTIONS |
         SECURE_CONNECTION | MULTI_STATEMENTS | MULTI_RESULTS | PS_MULTI_RESULTS | PLUGIN_AUTH |
         CONNECT_ATTRS | PLUGIN_AUTH_LENENC | SESSION_TRACK | DEPRECATE_EOF)

IN_TRANSACTION, AUTOCOMMIT, MORE_RESULTS = 1, 2, 8
CURSOR_EXISTS, LAST_ROW_SENT, NO_BACKSLASH_ESCAPES = 64, 128, 512
SESSION_STATE_CHANGED = 1 << 14
MAX = 0xffffff


def as_bytes(text):
    """Names as they are sent: bytes stay what they are."""
    return text if isinstance(text, bytes) else text.encode()


def lenenc(value):
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return lenenc(len(value)) + value
    if value < 251:
        return bytes([value])
    if value < 1 << 16:
        return b"\xfc" + struct.pack("<H", value)
    if value < 1 << 24:
        return b"\xfd" + struct.pack("<I", value)[:3]
    return b"\xfe" + struct.pack("<Q", value)


class Reader:
    """A packet's payload, read from the front."""

    def __init__(self, payload):
        self.payload, self.at = payload, 0

    def bytes(self, count):
        self.at += count
        return self.payload[self.at - count:self.at]

    def number(self, size):
        return int.from_bytes(self.bytes(size), "little")

    def lenenc(self):
        first = self.number(1)
        if first < 251:
            return first
        return self.number({0xfc: 2, 0xfd: 3, 0xfe: 8}[first])

    def text(self):
        return self.bytes(self.lenenc())

    def null(self):
        end = self.payload.index(0, self.at)
        text = self.payload[self.at:end]
        self.at = end + 1
        return text

    def rest(self):
        return self.bytes(len(self.payload) - self.at)


class Ok:
    def __init__(self, payload, capabilities):
        reader = Reader(payload)
        self.header = reader.number(1)
        self.affected, self.insert_id = reader.lenenc(), reader.lenenc()
        self.status, self.warnings = reader.number(2), reader.number(2)
        self.info, self.state = b"", b""
        if capabilities & SESSION_TRACK and reader.at < len(payload):
            self.info = reader.text()
            if self.status & SESSION_STATE_CHANGED:
                self.state = reader.text()
        else:
            self.info = reader.rest()

    def changes(self):
        """The session state changes: (type, bytes)."""
        reader, found = Reader(self.state), []
        while reader.at < len(self.state):
            kind = reader.number(1)
            found.append((kind, reader.text()))
        return found


class Error(Exception):
    def __init__(self, payload):
        super().__init__(payload)
        self.code = struct.unpack_from("<H", payload, 1)[0]
        named = payload[3:4] == b"#"
        self.state = payload[4:9].decode() if named else ""
        self.message = payload[9 if named else 3:].decode("utf-8", "replace")

    def __str__(self):
        return f"{self.code} ({self.state}): {self.message}"


class Results:
    """One result set: raw column definitions and raw rows."""

    def __init__(self):
        self.columns, self.rows, self.status, self.warnings = [], [], 0, 0
