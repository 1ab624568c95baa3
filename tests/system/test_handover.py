"""The moment between two silogates: which file is in force, whose ids are whose, which log is written."""
import contextlib
import fcntl
import os
import re
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

from harness import gate as gates, places, wire
from test_takeover import generations, refused  # noqa: F401

FOREIGN = "SELECT 1 FROM clinical_data.patients"
LISTEN, CONTROL, END = 0, 2, 4  # kinds of records: proxy/takeover.h
BLOCK = ("service:billing", "mode", "block")


@pytest.fixture
def line(mariadb, generations):  # noqa: F811
    made = generations(mariadb, ("service:billing", "mode", "log"), ("proxy", "drain_timeout", "60s"))
    made.gate.uncounted = "one log is written by all of them"
    return made


def starting(gate):
    with open(gate.log_file, "ab") as out:
        return subprocess.Popen([*places.WITH_US, str(places.SILOGATE), "run", "-c", str(gate.path)],
                                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)


@contextlib.contextmanager
def waiting(line):
    """A start that has read its file and waits for its turn; it takes over at the end of the block."""
    gate, before = line.gate, len(line.gate.log())
    turn = os.open(gate.folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(turn, fcntl.LOCK_EX)
        new = starting(gate)
        line.old.append(new)
        gate.wait_log("another silogate is starting here", start=before)
        yield new
    finally:
        os.close(turn)
    gate.wait_log("taken over from", start=before)
    line.old[-1], gate.process = gate.process, new


class Successor:
    """Asks for everything, as a new silogate does, and then does what the test wants."""

    def __init__(self, gate):
        self.channel = socket.socket(socket.AF_UNIX)
        self.channel.settimeout(60)
        self.channel.connect(str(gate.folder / "control"))
        self.channel.sendall(b"GET /control/takeover HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
                             b"Upgrade: silogate-takeover\r\n\r\n")
        head, kind = b"", None
        while not head.endswith(b"\r\n\r\n"):
            one = self.channel.recv(1)
            assert one, head
            head += one
        while kind != END:
            record, fds, _, _ = socket.recv_fds(self.channel, 8, 1)
            for fd in fds:
                os.close(fd)
            kind = record[0]


@pytest.fixture
def predecessor(mariadb, make_gate):
    """(gate, start): `start` starts a silogate that asks this test for its sockets, and returns the channel."""
    gate = make_gate(mariadb, ("service:billing", "mode", "log"), start=False)
    gate.ini = gates.change(gate.ini, "proxy", "control", f"unix:{gate.folder}/control")
    gate.path.write_text(gate.ini)
    gate.uncounted = "its log is moved away"
    with contextlib.ExitStack() as stack:
        asked = stack.enter_context(socket.socket(socket.AF_UNIX))
        asked.bind(str(gate.folder / "control"))
        asked.listen()
        asked.settimeout(60)

        def start():
            gate.start(ready=False)
            channel = stack.enter_context(asked.accept()[0])
            channel.settimeout(60)
            read = b""
            while not read.endswith(b"\r\n\r\n"):
                read += channel.recv(4096)
            channel.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: silogate-takeover\r\n\r\n")
            return channel

        def give(channel, ids=1):
            for kind, one in ((CONTROL, asked), (END, None)):
                socket.send_fds(channel, [struct.pack("<BBBBI", kind, 0, ids, 0, 7)], [one.fileno()] if one else [])

        start.give = give
        yield gate, start


def billing(gate):
    """What a new session of billing gets for data of another's."""
    with contextlib.closing(wire.connect(gate.port, "billing_service")) as one:
        return refused(one, FOREIGN)


def test_a_reload_while_a_start_waits(line):
    """What the running one has accepted meanwhile was undone by the file that the new one had read before."""
    gate = line.gate
    assert billing(gate) == 0
    with waiting(line):
        gate.path.write_text(gates.change(gate.ini, *BLOCK))
        gates.ctl(gate, "reload")
        assert billing(gate) == 1142
    assert billing(gate) == 1142
    assert len(gate.events("reload")) == 1  # it started with that file, and needed no reload


@pytest.mark.parametrize("said, reloads, code", [(b"G", 0, 1142), (b"H", 1, 0)])
def test_the_last_file_is_read(predecessor, said, reloads, code):
    """Read when the other one accepts no reload any more; and once more, where SIGHUP came to it after that."""
    gate, start = predecessor
    channel = start()
    gate.path.write_text(gates.change(gate.ini, *BLOCK))
    start.give(channel)
    assert channel.recv(1) == b"R"
    gate.path.write_text(gate.ini)
    waiting = wire.Wire(gate.port)
    waiting.socket.settimeout(1)
    with pytest.raises(TimeoutError):  # clients are the other one's until it says so
        waiting.greet()
    waiting.close()
    channel.sendall(said)
    assert places.wait_for(lambda: len(gate.events("reload")) == reloads and places.port_open(gate.port))
    assert billing(gate) == code


def test_an_older_build_accepts_reloads(predecessor):
    """It does not say that it has, so the file is read once more."""
    gate, start = predecessor
    channel = start()
    start.give(channel, ids=0)
    assert channel.recv(1) == b"R"
    gate.path.write_text(gates.change(gate.ini, *BLOCK))
    channel.sendall(b"G")
    assert places.wait_for(lambda: gate.events("reload"))
    assert billing(gate) == 1142


@pytest.mark.parametrize("change, said", [
    (lambda ini: ini.replace("[service:billing]", "[service:billing]\nmoed = log"), "read again during the start, and has errors: .*moed"),
    (lambda ini: gates.change(ini, "proxy", "workers", "3"), "start again"),
    (lambda ini: gates.change(ini, "log", "violations", "/nonexistent/v.jsonl"), "nonexistent")],
    ids=["wrong", "workers", "log"])
def test_a_file_that_has_become_wrong(predecessor, change, said):
    gate, start = predecessor
    channel = start()
    gate.path.write_text(change(gate.ini))
    start.give(channel)
    assert channel.recv(1) == b""  # the old one goes on
    assert gate.process.wait(60) == 2
    assert re.search(said, gate.log())
    gate.process = None


def test_a_reload_during_the_takeover(line):
    """`ctl reload` says that it was not done; SIGHUP is left to the one that serves in the end."""
    gate = line.gate
    gate.path.write_text(gates.change(gate.ini, *BLOCK))
    new = Successor(gate)
    assert "reload again when it serves" in gates.ctl(gate, "reload", code=1)
    gate.process.send_signal(signal.SIGHUP)
    gate.wait_log("a successor is starting")
    assert billing(gate) == 0 and not gate.events("reload")
    new.channel.close()
    assert places.wait_for(lambda: gate.events("reload"))
    assert billing(gate) == 1142

    kept = wire.connect(gate.port, "lab_service")
    kept.query("BEGIN")
    for signalled in (False, True):
        before = len(gate.log())
        new = Successor(gate)
        if signalled:
            gate.process.send_signal(signal.SIGHUP)
            gate.wait_log("a successor is starting", start=before)
            new.channel.sendall(b"R")
            assert new.channel.recv(1) == b"H"
        new.channel.close()
        gate.wait_log("a successor has taken over" if signalled else "did not start", start=before)
    assert len(gate.events("reload")) == 1
    kept.close()
    assert gate.process.wait(60) == 0
    gate.process = None


def test_no_two_sessions_have_the_same_id(line):
    """The old one's ids went on from where the new one's began, as long as it accepted clients."""
    gate, ids, ended = line.gate, [], threading.Event()

    def log_in():
        while not ended.is_set():
            with contextlib.suppress(wire.Error, wire.Closed, OSError), \
                    contextlib.closing(wire.connect(gate.port, "lab_service")) as one:
                ids.append(one.thread)

    clients = [threading.Thread(target=log_in) for _ in range(3)]
    for one in clients:
        one.start()
    kept = []
    try:
        for _ in range(3):
            kept.append(wire.connect(gate.port, "billing_service"))
            kept[-1].query("BEGIN")
            time.sleep(0.3)
            line.upgrade()
        time.sleep(0.3)
    finally:
        ended.set()
        for one in clients:
            one.join()
    kept.append(wire.connect(gate.port, "billing_service"))
    assert len(ids) > 50 and len(set(ids)) == len(ids), (len(ids), len(set(ids)))
    ranges = {one.thread >> 21 for one in kept}
    assert len(ranges) == 4 and {one >> 9 for one in ranges} == {1}, ranges
    # each process gives ids of its own range, however many
    assert {one >> 21 for one in ids} == ranges
    for one in kept:
        one.close()


def violations(path):
    return sum('"event":"violation"' in one for one in path.read_text().splitlines()) if path.exists() else None


def test_older_generations_rotate_too(line):
    """SIGUSR1 comes to the newest; the others went on in the file that was moved away."""
    gate = line.gate
    sessions = []
    for _ in range(2):
        sessions.append(wire.connect(gate.port, "billing_service"))
        sessions[-1].query("BEGIN")
        line.upgrade()
    sessions.append(wire.connect(gate.port, "billing_service"))
    time.sleep(1.2)  # a silogate that has just started opens its log anew by itself
    before = len(gate.log())
    gate.rotate(gate.folder / "rotated")
    gate.wait_log("(?s)opened anew.*opened anew.*opened anew", start=before)
    for one in sessions:
        one.query(FOREIGN)
    assert places.wait_for(lambda: violations(gate.violations_file) == 3), violations(gate.folder / "rotated")
    assert violations(gate.folder / "rotated") == 0
    for one in sessions:
        one.close()


@pytest.mark.parametrize("killed", [False, True])
def test_older_generations_read_the_file_of_the_newest(line, killed):
    """It was started with another path, which is relative to another folder; a reload of it holds for all."""
    gate, sessions = line.gate, []
    for _ in range(2):
        sessions.append(wire.connect(gate.port, "billing_service"))
        sessions[-1].query("BEGIN")
        line.upgrade()
    sessions.append(wire.connect(gate.port, "billing_service"))
    sessions[-1].query("BEGIN")
    folder = gate.folder / "next"
    folder.mkdir()
    (folder / "next.ini").symlink_to(gate.folder / "next-1.ini")
    (gate.folder / "next-1.ini").write_text(gate.path.read_text())
    for number in range(1 + killed):
        before = len(gate.log())
        line.old.append(gate.process)
        with open(gate.log_file, "ab") as out:
            gate.process = subprocess.Popen(
                [str(places.SILOGATE), "run", "-c", "next.ini"], cwd=folder, stdin=subprocess.DEVNULL, stdout=out,
                stderr=out, start_new_session=True, preexec_fn=places.end_with_us)
        gate.wait_log(" runs: ", start=before)
        if killed and number == 0:
            gate.process.kill()
            gate.process.wait()
    (gate.folder / "next-2.ini").write_text(gates.change(gate.path.read_text(), *BLOCK))
    (folder / "next.ini").unlink()
    (folder / "next.ini").symlink_to(gate.folder / "next-2.ini")
    assert [refused(one, FOREIGN) for one in sessions] == [0, 0, 0]
    gates.ctl(gate, "reload")
    assert places.wait_for(lambda: [refused(one, FOREIGN) for one in sessions] == [1142] * 3), gate.log()
    for one in sessions:
        one.close()


def test_a_rotation_while_a_start_waits(line):
    gate = line.gate
    with waiting(line):
        gate.rotate(gate.folder / "rotated")
        gate.wait_log("opened anew")
    assert billing(gate) == 0
    assert places.wait_for(lambda: violations(gate.violations_file) == 1), violations(gate.folder / "rotated")
    assert violations(gate.folder / "rotated") == 0


@pytest.mark.parametrize("late", [False, True])
def test_a_rotation_while_it_takes_over(predecessor, late):
    """SIGUSR1 went to the old one, before it said that it drains or (`late`) a moment later."""
    gate, start = predecessor
    channel = start()
    start.give(channel)
    assert channel.recv(1) == b"R"
    if not late:
        gate.violations_file.rename(gate.folder / "rotated")
    channel.sendall(b"G")
    gate.wait_log("taken over from")
    if late:
        time.sleep(0.1)
        gate.violations_file.rename(gate.folder / "rotated")
    assert places.wait_for(gate.violations_file.exists)
    assert billing(gate) == 0
    assert places.wait_for(lambda: violations(gate.violations_file) == 1), violations(gate.folder / "rotated")


def test_the_last_moment_is_counted(line):
    """A generation that is ended while its sessions work: what they did after it had left its counts was in the log, and
    in no metric."""
    gate, ended = line.gate, 0

    def work(session):
        with contextlib.suppress(wire.Error, wire.Closed, OSError):
            while True:
                session.query(FOREIGN)

    for _ in range(3):
        sessions = [wire.connect(gate.port, "billing_service") for _ in range(6)]
        for one in sessions:
            one.query("BEGIN")
        before = len(gate.log())
        line.upgrade()
        clients = [threading.Thread(target=work, args=(one,)) for one in sessions]
        for one in clients:
            one.start()
        time.sleep(0.3)
        line.old[-1].terminate()  # it drains already
        gate.wait_log("a second signal ends all sessions", start=before)
        line.old[-1].terminate()
        assert line.old[-1].wait(60) == 0
        for one in clients:
            one.join()
        for one in sessions:
            one.close()
        ended += len(sessions)
        places.wait_for(lambda: gate.metrics().total("violations_total") == violations(gate.violations_file), 20)
        told = gate.metrics()
        assert told.total("violations_total") == violations(gate.violations_file)
        assert told.total("sessions_closed_total") >= ended and told.total("sessions_open") == 0
        assert not told.wrong()


def test_signals_during_a_takeover(mariadb, make_gate):
    """`killall -HUP silogate` reaches the one that starts, too, and ended its waits: it took the one that ran for one
    that hangs, or served before that one had let go."""
    gate = make_gate(mariadb, start=False)
    control = gate.folder / "control"
    gate.path.write_text(gates.change(gate.ini, "proxy", "control", f"unix:{control}"))

    def interrupt():
        for number in (signal.SIGHUP, signal.SIGUSR1):
            time.sleep(0.1)  # it waits again
            gate.process.send_signal(number)
        time.sleep(0.1)

    with socket.socket(socket.AF_UNIX) as asked, socket.create_server(("127.0.0.1", gate.port)) as listening:
        asked.bind(str(control))
        asked.listen()
        gate.start(ready=False)
        asked.settimeout(60)
        channel, _ = asked.accept()
        with channel:
            channel.settimeout(60)
            while not (read := channel.recv(4096)).endswith(b"\r\n\r\n"):
                assert read
            interrupt()
            channel.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: silogate-takeover\r\n\r\n")
            for kind, one in ((0, listening), (2, asked), (4, None)):
                interrupt()
                record = struct.pack("<BBHI", kind, 0, 0, 7)
                socket.send_fds(channel, [record], [one.fileno()] if one else [])
            assert channel.recv(1) == b"R"
            interrupt()
            channel.sendall(b"G")
        gate.wait_log("taken over from")
        assert "did not answer" not in gate.log()
