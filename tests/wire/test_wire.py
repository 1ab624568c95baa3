"""Both ends out of a script, with raw bytes: what no real client or server does on purpose."""
import socket
import threading
import time

import pytest

from harness import wire

COUNT_ONE = b"\x01"
COLUMN = wire.COLUMN
EOF = b"\xfe\0\0\x02\0"
OK_EOF = wire.END_OF_ROWS


def test_login_is_relayed_byte_for_byte(fake, make_gate):
    """What the client sends as its proof is what the server gets, and silogate names a plugin that
    does not exist."""
    server = fake()
    gate = make_gate(server.address())
    connection = wire.connect(gate.port, "lab_service")
    seen = list(server.seen)  # a probe's login may be in between
    at = next(number for number, one in enumerate(seen) if b"lab_service\0" in one)
    assert b"nilecare\0" in seen[at]
    assert wire.native("lab_service-secret", wire.NONCE) in seen[at + 1:]
    assert connection.ok(b"\x0e").status & wire.AUTOCOMMIT
    connection.quit()


def test_an_upgraded_server_is_noticed(fake, make_gate):
    """silogate's own greeting says what the last greeting of the server has said."""
    server, versions = fake(), ["9.7.4"]
    server.script = lambda stream, number: server.session(stream, version=versions[-1])
    gate = make_gate(server.address())
    for version in ("9.7.4", "9.8.1"):
        versions.append(version)
        wire.connect(gate.port, "lab_service").quit()
        client = wire.Wire(gate.port).greet()
        assert client.version == version
        client.close()


def test_a_server_that_refuses_is_heard(fake, make_gate):
    server = fake()

    def refuse(stream, number):
        stream.sequence = 0
        stream.send(wire.greeting())
        stream.receive()
        stream.send(b"\xfemysql_native_password\0" + wire.NONCE + b"\0")
        stream.receive()
        stream.send(wire.error(1045, "Access denied, says the server", "28000"))

    server.script = refuse
    gate = make_gate(server.address())
    with pytest.raises(wire.Error) as refused:
        wire.connect(gate.port, "lab_service")
    assert refused.value.code == 1045 and refused.value.message == "Access denied, says the server"


def test_a_server_that_is_full_is_heard(fake, make_gate):
    server = fake()

    def full(stream, number):
        stream.sequence = 0
        stream.send(b"\xff\x10\x04Too many connections")

    server.script = full
    gate = make_gate(server.address())
    with pytest.raises(wire.Error) as refused:
        wire.connect(gate.port, "lab_service")
    assert refused.value.code == 1040


GREETINGS = {
    "nothing": b"", "half a header": b"\x4a\0", "http": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "protocol 9": b"\x05\0\0\0\x095.0\0", "cut": b"\x4a\0\0\0\x0a9.7.4\0\x01",
    "a length that lies": b"\x05\0\0\0" + wire.greeting(), "empty": b"\0\0\0\0",
    "no end of the version": b"\x20\0\0\0\x0a" + b"9" * 31,
}


@pytest.mark.parametrize("name", GREETINGS)
def test_garbage_for_a_greeting(fake, make_gate, name):
    server = fake()

    def garbage(stream, number):
        stream.raw(GREETINGS[name])
        time.sleep(0.05)

    server.script = garbage
    gate = make_gate(server.address(), ("proxy", "connect_timeout", "1s"))
    with pytest.raises((wire.Error, wire.Closed)) as lost:
        wire.connect(gate.port, "lab_service")
    if isinstance(lost.value, wire.Error):
        assert lost.value.code in (2003, 1040, 2013, 2027, 1043), lost.value


def test_a_server_that_says_nothing(fake, make_gate):
    """Silent at its greeting: 2003 after connect_timeout."""
    server = fake(lambda stream, number: time.sleep(8))
    gate = make_gate(server.address(), ("proxy", "connect_timeout", "1s"))
    with pytest.raises(wire.Error) as refused:
        wire.connect(gate.port, "lab_service")
    assert refused.value.code == 2003


def login_then(server, then):
    """A script: a login, then `then(stream)` for the first COM_QUERY that names `probe`; OK to all
    else."""
    def each(stream, command):
        if b"probe" not in command:
            return None
        then(stream)
        return True
    server.script = lambda stream, number: server.session(stream, each)


class Heard(threading.Event):
    """Set once the client has some of an answer: what the server does then comes behind it."""

    def by(self, connection):
        connection.socket.recv(1, socket.MSG_PEEK)
        self.set()


def probe(gate, capabilities=wire.USUAL):
    connection = wire.connect(gate.port, "lab_service", capabilities=capabilities)
    connection.command(connection.query_bytes("SELECT 1 AS probe"))
    return connection


def test_answer_byte_by_byte(fake, make_gate):
    """An answer whose bytes come one by one arrives whole, and the next command is answered too."""
    server = fake()

    def slowly(stream):
        data = b"".join(stream.frame(part) for part in
                        (COUNT_ONE, COLUMN, b"\x015", b"\xfb", OK_EOF))
        for byte in data:
            stream.raw(bytes([byte]))

    login_then(server, slowly)
    gate = make_gate(server.address())
    connection = probe(gate)
    assert connection.answers()[0].rows == [["5"], [None]]
    assert connection.ok(b"\x0e").status & wire.AUTOCOMMIT
    connection.quit()


def test_proxysql_3296_old_eof_to_a_deprecate_eof_client(fake, make_gate):
    """A server that ends rows with the old EOF although DEPRECATE_EOF was agreed (MySQL bug 83346)."""
    server = fake()

    def old(stream):
        for part in (COUNT_ONE, COLUMN, b"\x015", EOF):
            stream.send(part)

    login_then(server, old)
    gate = make_gate(server.address())
    connection = probe(gate)
    assert connection.receive() == COUNT_ONE
    assert connection.receive() == COLUMN
    assert connection.receive() == b"\x015"
    assert connection.receive() == EOF
    assert connection.ok(b"\x0e").status & wire.AUTOCOMMIT
    connection.quit()


@pytest.mark.parametrize("parts", [0, 1, 2, 3])
def test_server_dies_in_mid_answer(fake, make_gate, parts):
    """Nothing of the answer sent yet: 2013. Something sent: the connection closes; no made-up end."""
    server, heard = fake(), Heard()

    def dies(stream):
        for part in (COUNT_ONE, COLUMN, b"\x015")[:parts]:
            stream.send(part)
        assert not parts or heard.wait(60)
        raise wire.Closed()

    login_then(server, dies)
    gate = make_gate(server.address())
    connection = probe(gate)
    if parts:
        heard.by(connection)
    if parts == 0:
        with pytest.raises(wire.Error) as lost:
            connection.answers()
        assert lost.value.code == 2013
    else:
        with pytest.raises(wire.Closed):
            connection.answers()
    assert connection.closed()


def test_server_dies_in_mid_packet(fake, make_gate):
    server, heard = fake(), Heard()

    def dies(stream):
        stream.raw(b"\x01\0\0\x01\x01\x30\0\0\x02def")
        assert heard.wait(60)
        raise wire.Closed()

    login_then(server, dies)
    connection = probe(make_gate(server.address()))
    heard.by(connection)
    with pytest.raises(wire.Closed):
        connection.answers()


@pytest.mark.parametrize("data", [
    b"\x01\0\0\x07\x01", b"\x05\0\0\x01\xfc\x01", b"\0\0\0\x01", b"\x09\0\0\x01\xfe" + b"\xff" * 8,
    b"\x01\0\0\x01\xff", b"\x02\0\0\x01\xff\x10"],
    ids=["sequence", "cut count", "empty", "huge count", "empty error", "short error"])
def test_server_that_talks_nonsense(fake, make_gate, data):
    """Whatever comes for an answer, silogate lives and serves the next client."""
    server = fake()

    def nonsense(stream):
        stream.raw(data)
        time.sleep(0.3)
        raise wire.Closed()

    login_then(server, nonsense)
    gate = make_gate(server.address())
    connection = probe(gate)
    connection.closed()
    connection.close()
    connection = wire.connect(gate.port, "lab_service")
    assert connection.ok(b"\x0e").status & wire.AUTOCOMMIT
    connection.quit()


def test_packet_that_nobody_asked_for(fake, make_gate):
    """A server may say goodbye out of turn (shutdown, killed): the client gets to see it or the
    connection ends, and it is never taken for the answer of the next command."""
    server = fake()

    def goodbye(stream):
        stream.send(wire.OK)
        stream.raw(b"\x1d\0\0\0" + wire.error(1053, "Server shutdown, sorry!")[:29])
        time.sleep(0.5)

    login_then(server, goodbye)
    gate = make_gate(server.address())
    connection = probe(gate)
    connection.answers()
    assert connection.closed()


ANSWERS = {
    "killed": (lambda stream: stream.send(wire.error(1317, "Query execution was interrupted", "70100")),
               1227),
    "killed in its midst": (lambda stream: [stream.send(part) for part in (
        b"\x07", *[COLUMN] * 7, wire.error(1317, "Query execution was interrupted", "70100"))], 1227),
    "expired password": (lambda stream: stream.send(wire.error(1820, "You must reset your password")),
                         1227),
    "an OK": (lambda stream: stream.send(wire.OK), "closed"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_server_that_does_not_say_its_sql_state(fake, make_gate, name):
    """Asked which database and modes it is in, it says something else: what cannot be known is not
    determined, and asked again before the next command."""
    say, outcome = ANSWERS[name]
    server, asked = fake(), []

    def each(stream, command):
        if b"CAST(DATABASE()" not in command:
            return None
        asked.append(command)
        if len(asked) == 1:
            say(stream)
        else:
            server.sql_state(stream, "nilecare_auth")
        return True

    server.script = lambda stream, number: server.session(stream, each)
    gate = make_gate(server.address())
    connection = wire.connect(gate.port, "auth_service", database="nilecare_auth")
    connection.command(connection.query_bytes("SELECT 'm1rk' FROM auth_users"))
    if outcome == "closed":
        assert connection.closed()
    else:
        with pytest.raises(wire.Error) as refused:
            connection.answers()
        assert refused.value.code == outcome and "does not say" in refused.value.message
    assert not any(b"m1rk" in command for command in server.seen)
    if outcome != "closed":
        connection.query("SELECT 'm2rk' FROM auth_users")
        assert len(asked) == 2
        connection.quit()
