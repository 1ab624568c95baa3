"""sd_notify's protocol with something in systemd's place: what Type=notify-reload asks for, word by word, and sockets that
are odd, gone, or that nobody reads."""
import contextlib
import re
import signal
import socket
import threading
import time

import pytest

from harness import gate as gates, places, wire
from harness.generations import Generations


class Manager:
    """A NOTIFY_SOCKET, and what comes through it."""

    def __init__(self, name):
        self.name = name
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(name.replace("@", "\0", 1))
        self.socket.settimeout(60)

    def next(self):
        """The next message as a dictionary; each line is NAME=VALUE."""
        text = "X=1"
        while text == "X=1":
            text = self.socket.recv(4096).decode()
        assert re.fullmatch(r"([A-Z_]+=[^\n]*\n?)+", text), text
        return dict(line.split("=", 1) for line in text.splitlines())

    def until(self, *names):
        while not set(names) <= set(found := self.next()):
            pass
        return found


@pytest.fixture
def manager(make_gate, monkeypatch):
    """manager(name): a silogate of mode log that tells it, and its Manager."""
    made = []

    def make(server, name):
        gate = make_gate(server, ("policy", "mode", "log"), start=False)
        gate.ini = gates.change(gate.ini, "proxy", "control", f"unix:{gate.folder}/control")
        gate.path.write_text(gate.ini)
        made.append(Manager(name or str(gate.folder / "notify")))
        monkeypatch.setenv("NOTIFY_SOCKET", made[-1].name)
        return gate.start(), made[-1]

    yield make
    for one in made:
        one.socket.close()


@pytest.mark.parametrize("name", ["", "@silogate-test-{}"])
def test_the_protocol(mariadb, manager, name):
    gate, told = manager(mariadb, name.format(places.free_port()))
    first = told.until("READY")
    assert first["READY"] == "1" and first["MAINPID"] == str(gate.process.pid)
    assert re.fullmatch(r"policy [0-9a-f]+", first["STATUS"])
    # a reload: RELOADING with the time at which it began, by the clock that systemd compares it with, then READY
    statuses = [first["STATUS"]]
    for change, accepted in ((("policy", "mode", "block"), True), (("policy", "mode", "nonsense"), False)):
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        gate.reload(change, accepted=accepted)
        begun = told.until("RELOADING")
        assert begun["RELOADING"] == "1" and "READY" not in begun
        assert before <= int(begun["MONOTONIC_USEC"]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        ready = told.until("READY")
        assert ready["READY"] == "1"
        statuses.append(ready["STATUS"])
    assert len(set(statuses)) == 3 and "refused" in statuses[2]
    gate.process.send_signal(signal.SIGTERM)
    assert told.until("STOPPING")["STOPPING"] == "1"
    assert gate.process.wait(60) == 0
    gate.process = None


def fill(told):
    """Until its queue takes no more."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                other.sendto(b"X=1", told.name)


@pytest.mark.parametrize("silence", [1, 7])
def test_a_manager_that_is_busy_for_a_while(mariadb, manager, silence):
    """At a takeover: it would end the service if it were not told the new process."""
    gate, told = manager(mariadb, "")
    told.until("READY")
    line, heard = Generations(gate), []

    def listen():
        time.sleep(silence)
        while heard[-1:] != [str(gate.process.pid)]:
            heard.append(told.until("READY", "MAINPID")["MAINPID"])

    listening = threading.Thread(target=listen)
    try:
        fill(told)
        listening.start()
        line.upgrade()
        listening.join()
        assert heard
    finally:
        line.end()


def test_a_socket_that_nobody_reads(mariadb, manager):
    """systemd hangs or is gone: reloads and sessions go on, and it ends."""
    gate, told = manager(mariadb, "")
    for i in range(40):  # a socket holds some ten datagrams
        before = gate.log().count("is in force")
        gate.process.send_signal(signal.SIGHUP)
        assert places.wait_for(lambda: gate.log().count("is in force") > before)
    wire.connect(gate.port, "lab_service").quit()
    told.socket.close()
    (gate.folder / "notify").unlink()
    gate.reload()
    gate.stop()


@pytest.mark.parametrize("name", ["/nowhere/at/all", "relative", "/", "@", "", "/" + "x" * 200, "vsock:2:1234"])
def test_what_is_no_socket(mariadb, make_gate, monkeypatch, name):
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    gate = make_gate(mariadb)
    gate.reload()
    gate.stop()
