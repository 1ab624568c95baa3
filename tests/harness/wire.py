"""The MySQL protocol byte by byte, for tests that have to send what no client library sends: a client
(Wire) and a scripted server (FakeServer). Tests take all of it from here."""
import hashlib
import socket
import struct

from . import servers
from .fake import *  # noqa: F401,F403
from .packets import *  # noqa: F401,F403
from .packets import (COMPRESS, CONNECT_ATTRS, CONNECT_WITH_DB, CURSOR_EXISTS, DEPRECATE_EOF, MAX, MORE_RESULTS,
                      OPTIONAL_METADATA, PLUGIN_AUTH, QUERY_ATTRIBUTES, SSL, USUAL, ZSTD, Error, Ok, Reader, Results,
                      as_bytes, lenenc)
from .streams import *  # noqa: F401,F403
from .streams import Compressed, Stream


def native(password, nonce):
    if not password:
        return b""
    one = hashlib.sha1(password.encode()).digest()
    two = hashlib.sha1(nonce[:20] + hashlib.sha1(one).digest()).digest()
    return bytes(a ^ b for a, b in zip(one, two))


def sha2(password, nonce):
    if not password:
        return b""
    one = hashlib.sha256(password.encode()).digest()
    two = hashlib.sha256(hashlib.sha256(one).digest() + nonce[:20]).digest()
    return bytes(a ^ b for a, b in zip(one, two))


SCRAMBLES = {"mysql_native_password": native, "caching_sha2_password": sha2}


class Wire(Stream):
    """A client."""

    def __init__(self, port, capabilities=USUAL, extended=0):
        super().__init__(socket.create_connection(("127.0.0.1", port), timeout=60))
        self.capabilities, self.extended = capabilities, extended
        self.greeting = None
        self.cursors = True  # is CURSOR_EXISTS about this answer, or about a routine's own?

    def greet(self):
        payload = self.receive()
        if payload[0] == 0xff:
            raise Error(payload)
        reader = Reader(payload)
        assert reader.number(1) == 10
        self.version = reader.null().decode()
        self.thread = reader.number(4)
        nonce = reader.bytes(8)
        reader.bytes(1)
        self.offered = reader.number(2)
        self.charset, self.status = reader.number(1), reader.number(2)
        self.offered |= reader.number(2) << 16
        length = reader.number(1)
        reader.bytes(6)
        self.offered_extended = reader.number(4) << 32
        self.nonce = nonce + reader.bytes(max(13, length - 8))[:12]
        self.plugin = reader.null().decode() if self.offered & PLUGIN_AUTH else ""
        self.greeting = payload
        return self

    def login(self, user, database="nilecare", password=None, attributes=(), plugin=None,
              collation=45, tls=None):
        """Greets and logs in, with TLS where `tls` is an ssl.SSLContext; the final OK. Raises Error."""
        if not self.greeting:
            self.greet()
        password = servers.password(user) if password is None else password
        self.capabilities &= self.offered
        self.extended &= self.offered_extended
        if not database:
            self.capabilities &= ~CONNECT_WITH_DB
        plugin = plugin or self.plugin
        scramble = SCRAMBLES.get(plugin, native)(password, self.nonce)
        if tls:
            self.capabilities |= SSL
        out = struct.pack("<IIB", self.capabilities & 0xffffffff, 1 << 30, collation) + bytes(19)
        out += struct.pack("<I", self.extended >> 32)
        if tls:
            self.send(out)
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        out += as_bytes(user) + b"\0" + lenenc(scramble)
        if self.capabilities & CONNECT_WITH_DB:
            out += as_bytes(database) + b"\0"
        if self.capabilities & PLUGIN_AUTH:
            out += plugin.encode() + b"\0"
        if self.capabilities & CONNECT_ATTRS:
            out += lenenc(b"".join(lenenc(key) + lenenc(value) for key, value in attributes))
        if self.capabilities & ZSTD:
            out += b"\x03"
        self.send(out)
        ok = self._authenticate(password, self.nonce)
        kind = "zlib" if self.capabilities & COMPRESS else "zstd" if self.capabilities & ZSTD else None
        if kind:
            self.socket = Compressed(self.socket, kind)
        return ok

    def _authenticate(self, password, nonce):
        while True:
            payload = self.receive()
            if payload[0] == 0:
                return Ok(payload, self.capabilities)
            if payload[0] == 0xff:
                raise Error(payload)
            if payload[0] == 0xfe:
                reader = Reader(payload[1:])
                plugin, nonce = reader.null().decode(), reader.rest().rstrip(b"\0")
                self.plugin = plugin
                self.send(SCRAMBLES.get(plugin, native)(password, nonce))
            elif payload == b"\x01\x04" and self.capabilities & SSL:  # caching_sha2_password wants the password itself
                self.send(password.encode() + b"\0")
            elif payload == b"\x01\x04":
                self.send(b"\x02")
                key = self.receive()
                if key[0] == 0xff:
                    raise Error(key)
                self.send(_encrypt(password, nonce, key[1:]))
            else:
                assert payload == b"\x01\x03", (payload, self.sequence)

    def change_user(self, user, database="nilecare", password=None, attributes=(), collation=45):
        password = servers.password(user) if password is None else password
        scramble = SCRAMBLES[self.plugin](password, self.nonce)
        out = b"\x11" + as_bytes(user) + b"\0" + bytes([len(scramble)]) + scramble
        out += as_bytes(database) + b"\0" + struct.pack("<H", collation)
        if self.capabilities & PLUGIN_AUTH:
            out += self.plugin.encode() + b"\0"
        if self.capabilities & CONNECT_ATTRS:
            out += lenenc(b"".join(lenenc(key) + lenenc(value) for key, value in attributes))
        self.command(out)
        return self._authenticate(password, self.nonce)

    def command(self, payload):
        self.sequence = 0
        if isinstance(self.socket, Compressed):
            self.socket.next = 0
        self.send(payload)

    def query_bytes(self, statement):
        """COM_QUERY with the statement, as a payload."""
        if isinstance(statement, str):
            statement = statement.encode()
        attributes = b"\x00\x01" if self.capabilities & QUERY_ATTRIBUTES else b""
        return b"\x03" + attributes + statement

    def query(self, statement):
        """All answers of a COM_QUERY: Ok or Results each; raises Error at the first error."""
        self.command(self.query_bytes(statement))
        return self.answers()

    def ok(self, payload):
        """A command that is answered by an OK (or EOF) packet."""
        self.command(payload)
        return self.answers()[0]

    def answers(self, binary=False):
        found = []
        while True:
            found.append(self.answer(binary))
            if not found[-1].status & MORE_RESULTS:
                return found

    def code(self, binary=False):
        """Of all answers: the error's code, or 0."""
        try:
            self.answers(binary)
            return 0
        except Error as error:
            return error.code

    def answer(self, binary=False, infile=b""):
        """One answer: Ok or Results."""
        payload = self.receive()
        if payload[0] == 0xff:
            raise Error(payload)
        if payload[0] == 0 or payload[0] == 0xfe and len(payload) < 9:
            return self._end(payload)
        if payload[0] == 0xfb:
            self.infile = payload[1:]
            if infile:
                self.send(infile)
            self.send(b"")
            return self.answer(binary)
        result = Results()
        reader = Reader(payload)
        count = reader.lenenc()
        follows = reader.number(1) if reader.at < len(payload) else 1
        if follows:
            result.columns = [self.receive() for _ in range(count)]
        if not self.capabilities & DEPRECATE_EOF:
            payload = self.receive()
            if payload[0] == 0xff:  # a cursor that could not be opened
                raise Error(payload)
            end = self._end(payload)
            result.status = end.status
            if end.status & CURSOR_EXISTS and self.cursors:
                return result
        while True:
            payload = self.receive()
            if payload[0] == 0xff:
                raise Error(payload)
            if payload[0] == 0xfe and len(payload) < MAX:
                end = self._end(payload)
                result.status, result.warnings, result.end = end.status, end.warnings, end
                return result
            result.rows.append(payload if binary else row_of(payload, count))

    def _end(self, payload):
        if payload[0] == 0xfe and not self.capabilities & DEPRECATE_EOF:
            end = Ok(b"\xfe\0\0" + payload[3:5] + payload[1:3], 0)
            return end
        return Ok(payload, self.capabilities)

    def prepare(self, statement):
        """COM_STMT_PREPARE; (id, columns, parameters)."""
        self.command(b"\x16" + statement.encode())
        return self.prepared()

    def prepared(self):
        """The answer of a COM_STMT_PREPARE."""
        payload = self.receive()
        if payload[0] == 0xff:
            raise Error(payload)
        statement, columns, parameters = struct.unpack_from("<IHH", payload, 1)
        follows = payload[12] if self.capabilities & OPTIONAL_METADATA and len(payload) > 12 else 1
        for count in (parameters, columns):
            for _ in range(count if follows else 0):
                self.receive()
            if count and not self.capabilities & DEPRECATE_EOF:
                self.receive()
        return statement, columns, parameters

    def execute_bytes(self, statement, values=(), cursor=0):
        """COM_STMT_EXECUTE with text or NULL values."""
        out = b"\x17" + struct.pack("<IBI", statement, cursor, 1)
        if values:
            nulls = bytearray((len(values) + 7) // 8)
            types = data = b""
            for i, value in enumerate(values):
                types += b"\xfd\0"
                if value is None:
                    nulls[i // 8] |= 1 << i % 8
                else:
                    data += lenenc(value)
            out += bytes(nulls) + b"\x01" + types + data
        return out

    def execute(self, statement, values=(), cursor=0):
        self.command(self.execute_bytes(statement, values, cursor))
        return self.answers(binary=True)

    def quit(self):
        self.command(b"\x01")
        self.close()


def row_of(payload, count):
    """A text row as a list of strings."""
    reader, row = Reader(payload), []
    for _ in range(count):
        if payload[reader.at] == 0xfb:
            reader.at += 1
            row.append(None)
        else:
            row.append(reader.text().decode("utf-8", "replace"))
    return row


def _encrypt(password, nonce, key):
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding

    plain = password.encode() + b"\0"
    mixed = bytes(c ^ nonce[i % 20] for i, c in enumerate(plain))
    public = serialization.load_pem_public_key(key)
    return public.encrypt(mixed, padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None))


def connect(port, user, database="nilecare", capabilities=USUAL, extended=0, **options):
    """A logged in Wire."""
    if user == "business_service" and database == "nilecare":
        database = "nilecare_business"  # what business asks for
    wire = Wire(port, capabilities, extended)
    try:
        wire.login(user, database, **options)
    except BaseException:
        wire.close()
        raise
    return wire
