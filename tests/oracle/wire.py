"""The client side of the protocol, only as much as the oracle needs, and quick: one Unix socket, one
blocking read a packet train, the outcome as (code, message), (0, "") for success. Accounts have empty
passwords, which every plugin that the servers start with accepts without a second thought."""

import socket
import struct

LONG_PASSWORD, FOUND_ROWS, CONNECT_WITH_DB, LOCAL_FILES, PROTOCOL_41 = 1, 2, 8, 128, 512
SECURE, MULTI_STATEMENTS, MULTI_RESULTS, PLUGIN_AUTH = 1 << 15, 1 << 16, 1 << 17, 1 << 19
FLAGS = (LONG_PASSWORD | FOUND_ROWS | LOCAL_FILES | PROTOCOL_41 | SECURE | MULTI_STATEMENTS |
         MULTI_RESULTS | PLUGIN_AUTH)
MORE_RESULTS = 8
RESULTS = 20000  # of one command; a procedure that loops has no end


class Lost(Exception):
    """The server closed the connection."""


class Connection:
    def __init__(self, path, user, charset=45):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.buffer, self.at = b"", 0
        self.status = 0
        greeting = self._packet()
        if greeting[:1] == b"\xff":
            raise Lost(greeting)
        self.version = greeting[1:greeting.index(b"\0")].decode()
        reply = struct.pack("<IIB23x", FLAGS, 1 << 24, charset) + user.encode() + b"\0\0"
        self._send(reply + b"mysql_native_password\0", 1)
        while True:
            packet = self._packet()
            if packet[:1] == b"\0":
                return
            if packet[:1] == b"\xff":
                raise Lost(packet)
            if packet[:1] == b"\xfe":
                self._send(b"", self.sequence + 1)

    def close(self):
        self.socket.close()

    def _send(self, payload, sequence=0):
        parts = []
        while len(payload) >= 0xFFFFFF:
            parts.append(b"\xff\xff\xff" + bytes([sequence & 255]) + payload[:0xFFFFFF])
            payload, sequence = payload[0xFFFFFF:], sequence + 1
        parts.append(struct.pack("<I", len(payload))[:3] + bytes([sequence & 255]) + payload)
        self.socket.sendall(b"".join(parts))

    def _packet(self):
        while True:
            buffer, at = self.buffer, self.at
            if len(buffer) - at >= 4:
                length = buffer[at] | buffer[at + 1] << 8 | buffer[at + 2] << 16
                if len(buffer) - at >= 4 + length:
                    self.sequence = buffer[at + 3]
                    self.at = at + 4 + length
                    return buffer[at + 4:self.at]
            more = self.socket.recv(65536)
            if not more:
                raise Lost("closed")
            self.buffer, self.at = buffer[at:] + more, 0

    def query(self, text, command=3):
        """One command to its end. Rows are read past; the first error ends it."""
        self._send(bytes([command]) + text)
        return self._answer()

    def _answer(self):
        for _ in range(RESULTS):
            packet = self._packet()
            first = packet[0]
            if first == 0xFF:
                return error(packet)
            if first == 0xFB:  # LOAD DATA LOCAL: an empty file
                self._send(b"", self.sequence + 1)
                continue
            if first == 0:
                if not more_results(packet):
                    return 0, ""
                continue
            outcome = self._rows()
            if outcome is not None:
                return outcome
        self.close()
        raise Lost("results without an end")

    def _rows(self):
        self.rows = []
        while True:  # column definitions
            packet = self._packet()
            if packet[0] == 0xFF:
                return error(packet)
            if packet[0] == 0xFE and len(packet) < 9:
                break
        while True:
            packet = self._packet()
            if packet[0] == 0xFF:
                return error(packet)
            if packet[0] == 0xFE and len(packet) < 9:
                return None if packet[3] & MORE_RESULTS else (0, "")
            if len(self.rows) < 5000:
                self.rows.append(packet)

    def must(self, text):
        outcome = self.query(text.encode() if isinstance(text, str) else text)
        if outcome[0]:
            raise RuntimeError(f"{outcome}: {text}")

    def values(self, text):
        """The rows of a query that must succeed, as lists of str or None."""
        self.rows = []
        self.must(text)
        return [fields(row) for row in self.rows]

    def reset(self):
        return self.query(b"", 31)

    def use(self, name):
        return self.query(name, 2)


def error(packet):
    code = packet[1] | packet[2] << 8
    at = 9 if packet[3:4] == b"#" else 3
    return code, packet[at:].decode("utf-8", "replace")


def more_results(packet):
    at = 1
    for _ in range(2):  # affected rows, insert id
        first = packet[at]
        at += 1 if first < 251 else {252: 3, 253: 4, 254: 9}[first]
    return packet[at] & MORE_RESULTS


def fields(row):
    found, at = [], 0
    while at < len(row):
        first = row[at]
        if first == 251:
            found.append(None)
            at += 1
            continue
        width = 0 if first < 251 else {252: 2, 253: 3, 254: 8}[first]
        length = first if not width else int.from_bytes(row[at + 1:at + 1 + width], "little")
        at += 1 + width
        found.append(row[at:at + length].decode("utf-8", "replace"))
        at += length
    return found
