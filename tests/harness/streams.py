"""Packets over a socket, and the socket whose other side compresses."""
import ctypes
import socket
import struct
import zlib

from .packets import MAX


class Closed(Exception):
    """The other side has closed the connection."""


class Stream:
    """Packets over a socket."""

    def __init__(self, connected):
        self.socket, self.sequence = connected, 0
        connected.settimeout(60)
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

    def closed(self, seconds=45):
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


class Zstd:
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
            body = zlib.compress(data) if self.kind == "zlib" else Zstd().compress(data)
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
                body = zlib.decompress(body) if self.kind == "zlib" else Zstd().decompress(body, size)
                assert len(body) == size
            self.here, self.frames = body, self.frames + 1
        out, self.here = self.here[:count], self.here[count:]
        return out
