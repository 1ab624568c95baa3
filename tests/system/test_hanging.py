"""Upstreams that take a connection and say nothing, as where a network is cut without a word, and whoever else keeps a
start or an end waiting: the other upstreams' clients do not wait along, and a signal ends it. What hangs here would do so
for minutes."""
import contextlib
import itertools
import signal
import socket
import threading
import time

import pytest

from harness import gate as gates, places, relay, wire
from test_takeover import generations  # noqa: F401
from test_takeover_files import begin

FOREIGN = "SELECT 1 FROM clinical_data.patients"
PATIENT = ("proxy", "connect_timeout", "40s")


@pytest.fixture
def hung():
    with contextlib.ExitStack() as opened:
        yield [opened.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(5)]


def beside(ini, hung, *more):
    """The ini, with an upstream for each of them before its own one."""
    begins = ini.index("[upstream:main]")
    ours = [f"[upstream:hung{number}]\naddress = 127.0.0.1:{one.getsockname()[1]}\n" + "".join(f"{line}\n" for line in more)
            for number, one in enumerate(hung)]
    return ini[:begins] + "\n".join(ours) + "\n" + ini[begins:]


@pytest.fixture(params=["probed", "logged in to"])
def more(request, tmp_path):
    """Keys of those upstreams: the probe is silogate's own, or the client library's."""
    (tmp_path / "password").write_text("secret\n")
    return ["account = probe", f"account_password_file = {tmp_path}/password"] if request.param != "probed" else []


def test_a_start_and_an_end(server, make_gate, hung, more):
    """One after the other was waited for: at the start, and at the end before the sums of `repeat` were written."""
    gate = make_gate(server, PATIENT, ("log", "repeat", "60s"), ("service:billing", "mode", "log"), start=False)
    gate.path.write_text(beside(gate.ini, hung, *more))
    begun = time.monotonic()
    gate.start()
    client = wire.connect(gate.port, "billing_service")
    assert time.monotonic() - begun < 25
    assert gate.get("/readyz")[0] == 200
    for _ in range(3):
        client.query(FOREIGN)
    client.quit()
    gate.process.send_signal(signal.SIGTERM)
    begun = time.monotonic()
    assert gate.process.wait(120) == 0
    assert time.monotonic() - begun < 25
    assert sum(one.get("count", 1) for one in gate.violations(2)) == 3
    assert gate.log().count("stopped") == 1


def test_all_hang(make_gate, hung):
    """It serves, and is not ready."""
    gate = make_gate(("127.0.0.1", hung.pop().getsockname()[1]), PATIENT, start=False)
    gate.path.write_text(beside(gate.ini, hung))
    begun = time.monotonic()
    gate.start()
    assert gate.get("/readyz")[0] == 503 and time.monotonic() - begun < 25


def test_a_takeover(mariadb, generations, hung):  # noqa: F811
    line = generations(mariadb, PATIENT)
    gate = line.gate
    gate.path.write_text(beside(gate.ini, hung))
    begun = time.monotonic()
    line.upgrade()
    wire.connect(gate.port, "lab_service").quit()
    assert time.monotonic() - begun < 25


def test_an_end_while_moves_are_followed(server, make_gate, tmp_path):
    """It waited for each read of the catalogue, up to ten seconds, and the sums of `repeat` were written behind that."""
    (tmp_path / "password").write_text("hanging-secret\n")
    server.sql("DROP USER IF EXISTS hanging_account@'%'",
               "CREATE USER hanging_account@'%' IDENTIFIED BY 'hanging-secret'", "GRANT ALL ON *.* TO hanging_account@'%'")
    held = relay.Relay(server.port)
    try:
        gate = make_gate(server, ("log", "repeat", "60s"), ("service:billing", "mode", "log"), start=False)
        gate.path.write_text(
            beside(gate.ini, [held.listener], "account = hanging_account",
                   f"account_password_file = {tmp_path}/password", "witness = 1s", "tls = off")
            + "[service:held]\nuser = held_service\nupstream = hung0\nowns = held.*\n"
              "[move:held]\nservice = held\ntable = held.a*\nto = heldx\n")
        gate.start()
        client = wire.connect(gate.port, "billing_service")
        for _ in range(3):
            client.query(FOREIGN)
        client.quit()
        # all of them have logged in
        assert places.wait_for(lambda: len(held.connections) > 3 and b"silogate.places" in b"".join(
            bytes(sent) for sent, _ in list(held.connections)))
        held.room = 0
        time.sleep(2)  # they have asked, and get no answer
        gate.process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        assert gate.process.wait(120) == 0
        assert time.monotonic() - begun < 8
        assert sum(one.get("count", 1) for one in gate.violations(2)) == 3
    finally:
        held.room = None
        held.cut()
        held.close()
        server.sql("DROP USER hanging_account@'%'")


@pytest.mark.long(short=1)
@pytest.mark.parametrize("ends", [signal.SIGTERM, signal.SIGINT])
def test_a_start_that_is_ended(mariadb, generations, hung, ends):  # noqa: F811
    """With a silogate that runs it waits until one is up, and a signal did not end that."""
    line = generations(mariadb)
    gate = line.gate
    ini = gates.change(gate.ini, *PATIENT)
    gate.path.write_text(beside(gates.change(ini, "upstream:main", "address", "127.0.0.1:%d" % hung[0].getsockname()[1]),
                                hung[1:]))
    before = len(gate.log())
    with open(gate.log_file, "ab") as said:
        waits = begin(gate, 4096, said)
        line.old.append(waits)
        for one in hung:
            one.settimeout(45)
            one.accept()[0].detach()  # it stays open
        time.sleep(3)  # another start would serve by now
        assert waits.poll() is None
        waits.send_signal(ends)
        begun = time.monotonic()
        assert waits.wait(120) == 2
    assert time.monotonic() - begun < 25
    assert "ended by a signal before it served" in gate.log()[before:]
    wire.connect(gate.port, "lab_service").quit()


@pytest.mark.parametrize("ends", ["by a signal", "by itself"])
def test_a_control_socket_that_says_little(mariadb, make_gate, ends):
    """Each byte of its answer had ten seconds."""
    gate = make_gate(mariadb, start=False)
    gate.path.write_text(gates.change(gate.ini, "proxy", "control", f"unix:{gate.folder}/control"))
    over, asked = threading.Event(), threading.Event()

    def dribble(listener):
        listener.settimeout(0.2)
        while not over.is_set():
            with contextlib.suppress(OSError):
                with listener.accept()[0] as taken:
                    taken.recv(1)
                    for byte in itertools.chain(b"HTTP/1.1 200 OK\r\n", itertools.cycle(b"X: a\r\n")):
                        taken.send(bytes([byte]))
                        asked.set()
                        if over.wait(1):
                            break

    with socket.socket(socket.AF_UNIX) as listener, open(gate.log_file, "ab") as said:
        listener.bind(f"{gate.folder}/control")
        listener.listen()
        talker = threading.Thread(target=dribble, args=(listener,))
        talker.start()
        waits = begin(gate, 4096, said)
        try:
            assert asked.wait(45)
            if ends == "by a signal":
                waits.send_signal(signal.SIGTERM)
            begun = time.monotonic()
            assert waits.wait(120) == 2
            assert time.monotonic() - begun < 40
        finally:
            over.set()
            talker.join()
            waits.kill()
            waits.wait()
    assert ("ended by a signal" if ends == "by a signal" else "gives no answer") in gate.log()
