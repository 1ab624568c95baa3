"""A server out of a script."""
import socket
import struct
import threading

from .packets import AUTOCOMMIT, FOUND_ROWS, OPTIONAL_METADATA, QUERY_ATTRIBUTES, USUAL, lenenc
from .streams import Closed, Stream

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
                self.sql_state(stream)
            else:
                stream.send(OK)

    def sql_state(self, stream, database="nilecare"):
        for part in (b"\x07", *[COLUMN] * 7, lenenc(database) + lenenc("") + 2 * lenenc("utf8mb4") +
                     lenenc("0") + lenenc("") + lenenc("1"), END_OF_ROWS):
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
