"""The MySQL protocol byte by byte, for tests that have to send what no client library sends: a client
(Wire) and a scripted server (FakeServer)."""
import ctypes
import hashlib
import socket
import struct
import threading
import zlib

from . import servers

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


class Closed(Exception):
    """The other side has closed the connection."""


class Stream:
    """Packets over a socket."""

    def __init__(self, connected):
        self.socket, self.sequence = connected, 0
        connected.settimeout(30)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _exactly(self, count):
        chunks = []
        while count:
            try:
                chunk = self.socket.recv(min(count, 1 << 20))
            except ConnectionError as error:
                raise Closed() from error
            if not chunk:
                raise Closed()
            chunks.append(chunk)
            count -= len(chunk)
        return b"".join(chunks)

    def receive(self):
        """One payload, put together where it is longer than one packet holds."""
        whole = []
        while True:
            header = self._exactly(4)
            length = int.from_bytes(header[:3], "little")
            self.sequence = (header[3] + 1) & 255
            whole.append(self._exactly(length))
            if length < MAX:
                return b"".join(whole)

    def frame(self, payload):
        """The payload as packets, with the sequence numbers that are due."""
        out, at = [], 0
        while True:
            piece = payload[at:at + MAX]
            out.append(struct.pack("<I", len(piece))[:3] + bytes([self.sequence]) + piece)
            self.sequence = (self.sequence + 1) & 255
            at += len(piece)
            if len(piece) < MAX:
                return b"".join(out)

    def send(self, payload):
        self.raw(self.frame(payload))

    def raw(self, data):
        self.socket.sendall(data)

    def closed(self, seconds=10):
        """Has the other side closed, or does it within `seconds`? What it still sends is dropped."""
        self.socket.settimeout(seconds)
        try:
            while self.socket.recv(65536):
                pass
            return True
        except ConnectionError:
            return True
        except socket.timeout:
            return False

    def close(self):
        self.socket.close()


class _Zstd:
    """The one-shot calls of libzstd."""

    def __init__(self):
        self.library = ctypes.CDLL("libzstd.so.1")
        for name in ("ZSTD_compress", "ZSTD_decompress", "ZSTD_compressBound"):
            getattr(self.library, name).restype = ctypes.c_size_t

    def compress(self, data, level=3):
        room = self.library.ZSTD_compressBound(ctypes.c_size_t(len(data)))
        out = ctypes.create_string_buffer(room)
        size = self.library.ZSTD_compress(out, ctypes.c_size_t(room), data, ctypes.c_size_t(len(data)), level)
        return out.raw[:size]

    def decompress(self, data, size):
        out = ctypes.create_string_buffer(size)
        got = self.library.ZSTD_decompress(out, ctypes.c_size_t(size), data, ctypes.c_size_t(len(data)))
        assert got == size, got
        return out.raw


class Compressed:
    """A socket whose other side speaks the compressed protocol. Checks every frame's sequence id, as
    libmysqlclient and PHP do. `piece`: how much goes into a frame."""

    def __init__(self, plain, kind, piece=MAX):
        self.plain, self.kind, self.piece = plain, kind, piece
        self.next, self.here, self.raw, self.frames = 0, b"", b"", 0

    def settimeout(self, seconds):
        self.plain.settimeout(seconds)

    def shutdown(self, how):
        self.plain.shutdown(how)

    def close(self):
        self.plain.close()

    def frame(self, data, packed=True):
        body = data
        if packed:
            body = zlib.compress(data) if self.kind == "zlib" else _Zstd().compress(data)
        out = struct.pack("<I", len(body))[:3] + bytes([self.next]) + struct.pack("<I", len(data) if packed else 0)[:3]
        self.next = (self.next + 1) & 255
        return out + body

    def sendall(self, data):
        out, at = b"", 0
        while at < len(data):
            part = data[at:at + self.piece]
            out += self.frame(part, packed=len(part) >= 50)
            at += len(part)
        self.plain.sendall(out)

    def _exactly(self, count):
        while len(self.raw) < count:
            chunk = self.plain.recv(1 << 20)
            if not chunk:
                return None
            self.raw += chunk
        out, self.raw = self.raw[:count], self.raw[count:]
        return out

    def recv(self, count):
        if not self.here:
            header = self._exactly(7)
            if header is None:
                return b""
            assert header[3] == self.next, f"frame {header[3]} where {self.next} was due"
            self.next = (header[3] + 1) & 255
            body = self._exactly(int.from_bytes(header[:3], "little"))
            size = int.from_bytes(header[4:], "little")
            if size:
                assert len(body) < size
                body = zlib.decompress(body) if self.kind == "zlib" else _Zstd().decompress(body, size)
                assert len(body) == size
            self.here, self.frames = body, self.frames + 1
        out, self.here = self.here[:count], self.here[count:]
        return out


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
        super().__init__(socket.create_connection(("127.0.0.1", port), timeout=30))
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
              collation=45):
        """Greets and logs in; the final OK. Raises Error."""
        if not self.greeting:
            self.greet()
        password = servers.password(user) if password is None else password
        self.capabilities &= self.offered
        self.extended &= self.offered_extended
        if not database:
            self.capabilities &= ~CONNECT_WITH_DB
        plugin = plugin or self.plugin
        scramble = SCRAMBLES.get(plugin, native)(password, self.nonce)
        out = struct.pack("<IIB", self.capabilities & 0xffffffff, 1 << 30, collation) + bytes(19)
        out += struct.pack("<I", self.extended >> 32)
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
            elif payload == b"\x01\x04":  # caching_sha2_password wants the password itself
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


NONCE = b"abcdefghijklmnopqrst"
FAKE_CAPABILITIES = USUAL | QUERY_ATTRIBUTES | OPTIONAL_METADATA | FOUND_ROWS
OK = b"\x00\x00\x00\x02\x00\x00\x00"
COLUMN = (lenenc("def") + lenenc("") * 3 + lenenc("n") * 2 + b"\x0c\x21\0\x40\0\0\0\xfd\0\0\0\0\0")
END_OF_ROWS = b"\xfe\0\0\x02\0\0\0"


def greeting(version="9.7.4", plugin="mysql_native_password", capabilities=FAKE_CAPABILITIES,
             thread=7):
    return (b"\x0a" + version.encode() + b"\0" + struct.pack("<I", thread) + NONCE[:8] + b"\0" +
            struct.pack("<HBHH", capabilities & 0xffff, 45, AUTOCOMMIT, capabilities >> 16 & 0xffff) +
            bytes([21]) + bytes(10) + NONCE[8:] + b"\0" + plugin.encode() + b"\0")


def error(code, message, state="HY000"):
    return b"\xff" + struct.pack("<H", code) + b"#" + state.encode() + message.encode()


class FakeServer:
    """A server out of a script. Each connection runs `script(stream, number)` in a thread of its own;
    the connection closes when it returns. `seen` holds what `login` and `serve` got."""

    def __init__(self, script=None, host="127.0.0.1", port=0):
        self.script = script or (lambda stream, number: self.session(stream))
        self.seen, self.failures, self.connections = [], [], 0
        self.listener = socket.create_server((host, port))
        self.port = self.listener.getsockname()[1]
        self.open = []
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def address(self):
        return ("127.0.0.1", self.port)

    def _accept(self):
        while True:
            try:
                connected, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self.open.append(connected)
            threading.Thread(target=self._run, args=(Stream(connected), self.connections),
                             daemon=True).start()

    def _run(self, stream, number):
        try:
            self.script(stream, number)
        except (Closed, OSError):
            pass
        except Exception as failure:  # a script that is wrong has to be seen
            self.failures.append(repr(failure))
        finally:
            stream.close()

    def login(self, stream, **options):
        """The server's half of a login that succeeds: the handshake response's payload."""
        stream.sequence = 0
        stream.send(greeting(**options))
        response = stream.receive()
        self.seen.append(response)
        # silogate names a plugin that does not exist; the server asks for the account's own
        stream.send(b"\xfemysql_native_password\0" + NONCE + b"\0")
        self.seen.append(stream.receive())
        stream.send(OK)
        return response

    def session(self, stream, answer=None, **options):
        """A login and then `answer(stream, command)` for each command; by default OK to each."""
        self.login(stream, **options)
        while True:
            stream.sequence = 0
            command = stream.receive()
            self.seen.append(command)
            if command[:1] == b"\x01":
                return
            if answer is not None and answer(stream, command) is not None:
                continue
            if b"CAST(DATABASE()" in command:  # silogate's own question
                self.moods(stream)
            else:
                stream.send(OK)

    def moods(self, stream, database="nilecare"):
        for part in (b"\x05", *[COLUMN] * 5, lenenc(database) + lenenc("") + lenenc("utf8mb4") +
                     lenenc("0") + lenenc(""), END_OF_ROWS):
            stream.send(part)

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes who accepts, so that it is closed at once
        except OSError:
            pass
        self.listener.close()
        for connected in self.open:
            connected.close()
        assert not self.failures, self.failures
