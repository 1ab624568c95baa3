"""Who does not read makes the other side wait, in every direction, and silogate holds a block or a command
of what is on its way, never more. The sizes leave room for the kernel's buffers and for an allocator."""
import threading
import time

import pytest

from harness import places, wire

MEGA = 1 << 20
PREPARED = b"\0\x01\0\0\0\0\0\x01\0\0\0\0"


class Deaf:
    """A scripted server that, told to, reads no more until it is released; silogate in front."""

    def __init__(self, make_gate, *changes):
        self.released = threading.Event()
        self.server = wire.FakeServer()
        self.server.script = lambda stream, number: self.server.session(stream, self.answer)
        self.gate = make_gate(self.server.address(), *changes)
        self.connection = wire.connect(self.gate.port, "lab_service")
        self.connection.query("DO 0")  # the SQL state is asked for
        self.before = self.gate.rss()

    def answer(self, stream, command):
        if command[:1] == b"\x16":
            stream.send(PREPARED)
            stream.send(wire.COLUMN)
            return True
        if b"LOCAL INFILE" in command:
            stream.send(b"\xfbx")
        elif b"deaf" not in command:
            return None
        self.released.wait(120)
        if b"LOCAL INFILE" in command:
            while stream.receive():
                pass
        return None

    def push(self, data, most=200 * MEGA):
        """Sends `data` again and again until the other side has taken no more for a while: how many
        bytes it took."""
        sent, view = 0, memoryview(data)
        self.connection.socket.settimeout(1)
        try:
            while sent < most:
                sent += self.connection.socket.send(view[sent % len(data):])
        except TimeoutError:
            pass
        self.connection.socket.settimeout(60)
        return sent

    def grown(self):
        return self.gate.rss() - self.before  # KiB

    def close(self):
        self.released.set()
        self.connection.close()
        self.server.close()


@pytest.fixture
def deaf(make_gate):
    made = []

    def make(*changes):
        made.append(Deaf(make_gate, *changes))
        return made[-1]

    yield make
    for one in made:
        one.close()


def frame(sequence, payload):
    return len(payload).to_bytes(3, "little") + bytes([sequence]) + payload


def query(statement):
    return frame(0, b"\x03" + statement.encode())


def test_a_local_file_that_the_server_does_not_read(deaf):
    one = deaf()
    one.connection.command(one.connection.query_bytes("LOAD DATA LOCAL INFILE 'x' INTO TABLE t"))
    one.connection.receive()
    file = b"".join(frame(number & 255, b"x" * 100000) for number in range(2, 258))
    assert one.push(file) < 100 * MEGA
    assert one.grown() < 4096


def test_long_data_that_the_server_does_not_read(deaf):
    one = deaf()
    statement, _, _ = one.connection.prepare("SELECT ?")
    one.connection.raw(query("SELECT 'deaf'"))
    data = frame(0, b"\x18" + statement.to_bytes(4, "little") + b"\0\0" + b"x" * 100000)
    assert one.push(data) < 100 * MEGA
    assert one.grown() < 4096


def test_pipelined_commands_that_the_server_does_not_answer(deaf):
    one = deaf()
    one.connection.raw(query("SELECT 'deaf'"))
    assert one.push(query("SELECT 'x'") * 5000) < 100 * MEGA
    assert one.grown() < 4096


def test_large_commands_that_the_server_does_not_read(deaf):
    """One command of up to max_command is held for judging; those behind it wait outside."""
    one = deaf(("proxy", "max_command", "16M"))
    one.connection.raw(query("SELECT 'deaf'"))
    large = query("SELECT '" + "x" * (12 * MEGA) + "'")
    assert one.push(large) < 100 * MEGA
    assert one.grown() < 20 * 1024


def test_behind_a_large_command_a_usual_block_will_do(deaf):
    """The room of a large command is given back though more commands come behind it without a pause."""
    one = deaf()
    connection = one.connection
    large, small = query("SELECT '" + "x" * (12 * MEGA) + "'"), query("SELECT 'x'") * 2000
    connection.raw(large + query("SELECT 'deaf'"))
    one.push(small)
    if not places.is_sanitized():  # ASan keeps for a while what is given back
        assert one.grown() < 4096
    one.released.set()
    for _ in range(1000):
        assert connection.answers()[0].status & wire.AUTOCOMMIT


def test_results_that_the_client_does_not_read(make_gate):
    """The server waits, and the client gets all of it in the end."""
    server, sent = wire.FakeServer(), []

    def flood(stream, command):
        if b"flood" not in command:
            return None
        stream.send(b"\x01")
        stream.send(wire.COLUMN)
        for _ in range(400):
            stream.send(wire.lenenc(b"x" * 100000))
            sent.append(1)
        stream.send(wire.END_OF_ROWS)
        return True

    server.script = lambda stream, number: server.session(stream, flood)
    gate = make_gate(server.address())
    connection = wire.connect(gate.port, "lab_service")
    connection.query("DO 0")
    before = gate.rss()
    connection.command(connection.query_bytes("SELECT 'flood'"))
    assert places.wait_for(lambda: len(sent) > 20)
    time.sleep(1)
    stopped_at = len(sent)
    assert stopped_at < 400, "the server was never made to wait"
    assert gate.rss() - before < 4096
    assert len(connection.answers()[0].rows) == 400
    connection.quit()
    server.close()


def test_errors_that_the_client_does_not_read(deaf):
    """Refused commands, answered by silogate itself."""
    one = deaf()
    assert one.push(frame(0, b"\x7f") * 10000) < 100 * MEGA
    assert one.grown() < 4096
