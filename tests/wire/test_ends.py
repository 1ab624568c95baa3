"""Every end of a session has a reason out of proxy/reasons.def, counted where the metrics are: what
clients and servers do wrong, what the client then hears, and which reason is counted."""
import socket
import time

import pytest

from harness import places, wire


class Ends:
    """A silogate in front of a scripted server, and its counts of close reasons."""

    def __init__(self, make_gate, address, *changes):
        self.admin = places.free_port()
        self.gate = make_gate(address, ("proxy", "admin", f"127.0.0.1:{self.admin}"), *changes)
        self.port = self.gate.port
        assert places.wait_for(lambda: places.port_open(self.admin))
        # The harness has looked whether it listens; whether its end or the greeting came first, that
        # one session is over.
        assert places.wait_for(self.quiet), self.counts()
        self.before = self.counts()

    def quiet(self):
        """Sessions have been, and all are over."""
        return self.gate.metrics().total("sessions_open") == 0 and sum(self.counts().values()) >= 1

    def counts(self):
        return {dict(labels)["reason"]: int(value) for (name, labels), value in self.gate.metrics().items()
                if name == "silogate_sessions_closed_total"}

    def expect(self, reason):
        """One more session has ended for this reason since the last call, and none for another."""
        assert reason in self.before, f"{reason} is no reason"

        def one_more():
            now = self.counts()
            return {key: now[key] - self.before[key] for key in now if now[key] != self.before[key]}
        places.wait_for(lambda: one_more())
        assert one_more() == {reason: 1}
        self.before = self.counts()

    def connect(self, **options):
        return wire.connect(self.port, "lab_service", **options)

    def raw(self, data=b""):
        one = wire.Stream(socket.create_connection(("127.0.0.1", self.port)))
        one.raw(data)
        return one


def reset(connection):
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


GARBAGE = {
    "nothing": (b"", "client_gone"), "half a header": (b"\x20\0", "client_gone"),
    "half a packet": (b"\x20\0\0\x01\x85\xa6", "client_gone"),
    "wrong sequence": (b"\x20\0\0\x05" + bytes(32), "client_bad_sequence"),
    "http": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "client_bad_login"),
    "tls hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "client_gone"),
    "a length that lies": (b"\xff\xff\xff\x01" + bytes(100), "client_bad_login"),
    "an empty packet": (b"\0\0\0\x01", "client_bad_login"),
    "an old protocol": (b"\x0a\0\0\x01" + b"\x05\x00\x00\x00\x00user\0", "client_bad_login"),
    "proxy header": (b"PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\n", "proxy_header"),
    "proxy header 2": (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(12), "proxy_header"),
}


@pytest.fixture
def ends(fake, make_gate):
    return Ends(make_gate, fake().address())


@pytest.mark.long(short=4)
@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_before_login(ends, name):
    data, reason = GARBAGE[name]
    one = ends.raw(data)
    one.receive()
    if reason == "client_gone":
        one.close()
    else:
        assert one.closed()
    ends.expect(reason)
    ends.connect().quit()
    ends.expect("client_quit")


def test_the_ends_of_a_client(ends):
    """Gone in each state of the command phase."""
    ends.connect().quit()
    ends.expect("client_quit")
    ends.connect().close()
    ends.expect("client_gone")
    reset(ends.connect())
    ends.expect("client_gone")
    one = ends.connect()
    one.raw(b"\x20\0\0\0\x03SELECT")
    one.close()
    ends.expect("client_gone")
    one = ends.connect()
    one.raw(b"\x01\0\0\x04\x0e")
    assert one.receive()[1:3] == b"\x84\x04"  # 1156
    assert one.closed()
    ends.expect("client_bad_sequence")
    one = ends.connect()
    one.raw(b"\0\0\0\0")
    assert one.closed()
    ends.expect("client_bad_packet")


def test_slowloris(fake, make_gate):
    """A byte now and then is no reason to wait."""
    ends = Ends(make_gate, fake().address(), ("proxy", "login_timeout", "1s"))
    one = ends.raw(b"\xa0\0\0\x01")
    one.receive()
    end = time.monotonic() + 60
    try:
        while time.monotonic() < end:
            one.raw(b"\0")
            time.sleep(0.1)
    except OSError:
        pass
    assert time.monotonic() < end
    ends.expect("login_timeout")


def silent(stream, number):
    time.sleep(12)


def half(stream, number):
    stream.raw(b"\x4a\0\0\0\x0a9.7")
    time.sleep(12)


def drips(stream, number):
    for byte in stream.frame(wire.greeting()) * 50:
        stream.raw(bytes([byte]))
        time.sleep(0.3)


def greets_then_silent(stream, number):
    stream.send(wire.greeting())
    time.sleep(12)


def greets_then_gone(stream, number):
    stream.send(wire.greeting())
    stream.receive()


SERVERS = {
    "silent at its greeting": (silent, 2003, "upstream_refused"),
    "half a greeting": (half, 2003, "upstream_refused"),
    "a greeting in drops": (drips, 2003, "upstream_refused"),
    "gone before its greeting": (lambda stream, number: None, 2003, "upstream_refused"),
    "silent in the login": (greets_then_silent, None, "login_timeout"),
    "gone in the login": (greets_then_gone, 2013, "upstream_gone"),
    "full": (lambda stream, number: stream.send(b"\xff\x10\x04Too many connections"), 1040,
             "upstream_greeting"),
}


@pytest.mark.long(short=1)
@pytest.mark.parametrize("name", SERVERS)
def test_the_ends_of_a_server_before_login(fake, make_gate, name):
    script, code, reason = SERVERS[name]
    short = "login_timeout" if reason == "login_timeout" else "connect_timeout"
    ends = Ends(make_gate, fake(script).address(), ("proxy", short, "1s"))
    with pytest.raises((wire.Error, wire.Closed)) as refused:
        ends.connect()
    if code:
        assert refused.value.code == code, refused.value
    ends.expect(reason)


def test_nobody_listens(make_gate):
    ends = Ends(make_gate, ("127.0.0.1", places.free_port()))
    with pytest.raises(wire.Error) as refused:
        ends.connect()
    assert refused.value.code == 2003
    ends.expect("upstream_refused")


def dies(data):
    def answer(stream, command):
        if b"probe" not in command:
            return None
        stream.raw(data)
        raise wire.Closed()
    return answer


QUERY, PREPARE = b"\x03SELECT 1 AS probe", b"\x16SELECT 1 AS probe"
DEATHS = {
    "nothing said": (QUERY, b"", 2013, "upstream_gone"),
    "nothing said of a statement": (PREPARE, b"", 2013, "upstream_gone"),
    "half a header": (QUERY, b"\x01\0", 2013, "upstream_gone"),
    "half a count": (QUERY, b"\x05\0\0\x01\xfc\x01", 2013, "upstream_gone"),
    "mid-answer": (QUERY, b"\x01\0\0\x01\x01", None, "upstream_gone"),
    "mid-prepare": (PREPARE, b"\x0c\0\0\x01\0\1\0\0\0\1\0\0\0\0\0\0", None, "upstream_gone"),
    "a count for a statement": (PREPARE, b"\x01\0\0\x01\x01", None, "upstream_bad_packet"),
    "an empty packet": (QUERY, b"\0\0\0\x01", None, "upstream_bad_packet"),
}


@pytest.mark.long(short=3)
@pytest.mark.parametrize("name", DEATHS)
def test_the_ends_of_a_server_in_its_answer(fake, make_gate, name):
    command, data, code, reason = DEATHS[name]
    server = fake()
    server.script = lambda stream, number: server.session(stream, dies(data))
    ends = Ends(make_gate, server.address())
    connection = ends.connect()
    connection.command(command)
    with pytest.raises((wire.Error, wire.Closed)) as lost:
        while True:
            payload = connection.receive()
            if payload[:1] == b"\xff":
                raise wire.Error(payload)
    assert getattr(lost.value, "code", None) == code
    assert connection.closed()
    ends.expect(reason)


def test_a_second_address_and_back(fake, make_gate):
    """The first address is tried first, each time: as soon as it is back it is used again, and the
    second as soon as it is down again."""
    port = places.free_port()
    second = fake(lambda stream, number: second.session(stream, version="9.7.2"))
    ends = Ends(make_gate, second.address(), ("upstream:main", "address", f"127.0.0.1:{port}",
                                              f"127.0.0.1:{second.port}"))
    ends.connect().quit()
    assert second.connections >= 1
    first = fake(port=port)
    seen = second.connections
    ends.connect().quit()
    assert first.connections >= 1 and second.connections == seen
    first.close()
    seen = second.connections
    ends.connect().quit()
    assert second.connections > seen  # one more where the health probe has come meanwhile


@pytest.mark.long(short=1)
@pytest.mark.parametrize("how", ["unreachable", "silent", "half a greeting"])
def test_a_second_address_where_the_first_says_nothing(fake, make_gate, how):
    """Each address has connect_timeout; the client waits for them, and is served."""
    second = fake()
    if how == "unreachable":
        dead = socket.socket()
        dead.bind(("127.0.0.1", 0))
        dead.listen(0)
        port = dead.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:  # a queue that is full drops what else would come
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
    else:
        port = fake(silent if how == "silent" else half).port
    ends = Ends(make_gate, second.address(), ("proxy", "login_timeout", "30s"), ("proxy", "connect_timeout", "2s"),
                ("upstream:main", "address", f"127.0.0.1:{port}", f"127.0.0.1:{second.port}"))
    ends.connect().quit()
    ends.expect("client_quit")


def test_login_split_at_every_byte(ends):
    """Each byte of the client's login in a segment of its own."""
    one = wire.Wire(ends.port).greet()
    whole = one.raw
    one.raw = lambda data: [whole(data[i:i + 1]) for i in range(len(data))]
    one.login("lab_service")
    one.raw = whole
    one.quit()
    ends.expect("client_quit")


@pytest.mark.long
def test_a_host_name_that_moves(fake, make_gate, names):
    """Its addresses are asked for every few seconds and at a reload; sessions stay where they are. What
    was known of it holds where it does not resolve just now."""
    old = fake(host="127.0.0.2")
    new = fake(host="127.0.0.3", port=old.port)
    names("127.0.0.2")
    ends = Ends(make_gate, ("moving.test", old.port))
    before = ends.connect()
    assert old.connections >= 1 and new.connections == 0
    names("127.0.0.3")
    assert places.wait_for(lambda: ends.connect().quit() or new.connections > 0, every=0.3), "nobody asked for the name"
    assert before.ok(b"\x0e").status & wire.AUTOCOMMIT and b"\x0e" in old.seen
    names()
    ends.gate.reload()
    ends.gate.wait_log(r"moving\.test:\d+ does not resolve")
    ends.connect().quit()
    names("127.0.0.4", "127.0.0.2")  # nobody listens on the first
    ends.gate.reload()
    seen = old.connections
    ends.connect().quit()
    assert old.connections > seen
    before.quit()
