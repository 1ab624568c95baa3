"""A client that works on its rows reads its answer slowly, and the end of it stays in silogate when the server has long
sent it. Until the client's socket has taken that, no end of its session may take it away: not a drain, a takeover or
a reload, nor the server's own end, a time limit, or the client's, which may have sent its last command already."""
import socket
import time

import pytest

from harness import gate as gates, places, wire
from harness.generations import Generations
from test_boundary import kept  # noqa: F401

SIZE = 8000
PAUSE = 5  # more than the two seconds for which a session without anything to send lingers
OWED = "the end of an answer is not sent yet"


def connect(port):
    """With an Ethernet's segments and a small buffer: of a loopback's the kernel takes megabytes at once."""
    def small(at, timeout):
        one = socket.socket()
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1448)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        one.settimeout(timeout)
        one.connect(at)
        return one

    usual, wire.socket.create_connection = wire.socket.create_connection, small
    try:
        client = wire.Wire(port)
    finally:
        wire.socket.create_connection = usual
    client.login("kept_service", "kept")
    return client


def in_the_kernel(client):
    """How much of what silogate has sent the client has not read."""
    def name(address):
        return "%08X:%04X" % (int.from_bytes(socket.inet_aton(address[0]), "little"), address[1])

    ends, count = [name(client.socket.getsockname()), name(client.socket.getpeername())], 0
    with open("/proc/net/tcp", encoding="ascii") as lines:
        for line in lines:
            words = line.split()
            if words[1:3] == ends:
                count += int(words[4].split(":")[1], 16)
            elif words[1:3] == ends[::-1]:
                count += int(words[4].split(":")[0], 16)
    return count


def ask(client, number):
    client.command(client.query_bytes(f"SELECT {10000 + number}, REPEAT('x', {SIZE})"))


def size_of_an_answer(client):
    counts, exactly = [], client._exactly
    client._exactly = lambda count: counts.append(count) or exactly(count)
    ask(client, 0)
    client.answers()
    client._exactly = exactly
    return sum(counts)


def at_rest(gate):
    one = [one["state"] for one in gates.ctl(gate, "sessions")["sessions"]]
    return one == ["command"]


@pytest.fixture
def slow(kept):  # noqa: F811
    """Makes a client that has read none of its answers, which are complete: their end is in silogate. Returns it with
    their number."""
    made = []

    def make():
        client = connect(kept.port)
        made.append(client)
        one = size_of_an_answer(client)
        count = 0
        while count * one - in_the_kernel(client) < 2 * SIZE or not at_rest(kept):
            while count * one - in_the_kernel(client) < 2 * SIZE:
                count += 1
                assert count < 3000
                ask(client, count)
                time.sleep(.02)
            time.sleep(.3)
        return client, count

    yield make
    for client in made:
        client.close()


def read(client, count):
    for number in range(1, count + 1):
        answer, = client.answers()
        assert answer.rows == [[str(10000 + number), "x" * SIZE]], number
        client.sequence = 0


def drain(gate, _client):
    gates.ctl(gate, "drain")


def reload(gate, _client):
    """It was of no service when it came."""
    gate.reload(("service:kept", "user", "kept_service"))


def kill(gate, _client):
    """As a server that shuts down does it."""
    one, = gates.ctl(gate, "sessions")["sessions"]
    gate.server_of_test.sql(f"KILL {one['thread']}")


def half_close(_gate, client):
    client.socket.shutdown(socket.SHUT_WR)


def quits(_gate, client):
    client.command(b"\x01")


def idles(_gate, _client):
    pass


@pytest.mark.long(short=3)
@pytest.mark.parametrize("end, code", [(drain, 1053), (reload, 1053), (kill, None), (half_close, None), (quits, None), (idles, None)])
def test_reads_all_before_its_session_ends(server, kept, slow, end, code):  # noqa: F811
    kept.server_of_test = server
    if end is idles:
        kept.reload(("proxy", "idle_timeout", "2s"))
    if end is reload:
        kept.reload(("service:kept", "user", "another_service"), ("proxy", "unknown_user", "pass"))
    client, count = slow()
    if end is not idles:
        one, = gates.ctl(kept, "sessions")["sessions"]
        assert one["kept"] == OWED
    end(kept, client)
    time.sleep(PAUSE)
    read(client, count)
    if code:
        with pytest.raises(wire.Error) as error:
            client.query("SELECT 1")
        assert error.value.code == code
    elif end is not idles:
        with pytest.raises((wire.Closed, wire.Error)):
            client.answers()
    assert places.wait_for(lambda: not gates.ctl(kept, "sessions")["sessions"], 15)


@pytest.mark.long
def test_reads_all_from_a_process_that_was_taken_over_from(kept, slow):  # noqa: F811
    line = Generations(kept)
    try:
        client, count = slow()
        line.upgrade()
        time.sleep(PAUSE)
        one, = gates.ctl(kept, "sessions")["sessions"]
        assert one["kept"] == OWED and one["process"] == line.old[0].pid
        read(client, count)
        with pytest.raises(wire.Error) as error:
            client.query("SELECT 1")
        assert error.value.code == 1053
        assert line.old[0].wait(30) == 0
    finally:
        line.end()


@pytest.mark.parametrize("end", [half_close, kill])
def test_one_that_reads_nothing_ends(server, kept, slow, end):  # noqa: F811
    kept.reload(("proxy", "drain_timeout", "3s"))
    kept.server_of_test = server
    client, count = slow()
    end(kept, client)
    assert places.wait_for(lambda: not gates.ctl(kept, "sessions")["sessions"], 20)
    with pytest.raises((wire.Closed, wire.Error)):
        read(client, count + 1)


def test_kill_of_silogate_does_not_wait(kept, slow):  # noqa: F811
    slow()
    one, = gates.ctl(kept, "sessions")["sessions"]
    gates.ctl(kept, "kill", str(one["id"]))
    assert not gates.ctl(kept, "sessions")["sessions"]
