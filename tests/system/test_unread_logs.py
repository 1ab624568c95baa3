"""A standard error or output that nobody reads keeps no session, no call of ctl and not the end waiting; once it is read
all is there, or its number is told."""
import json
import os
import re
import resource
import signal
import subprocess
import time

import pytest

from harness import gate as gates, places, wire

FOREIGN = "SELECT 1 FROM clinical_data.patients"


class Unread:
    """silogate with one of its outputs in a pipe that is read only by `read`."""

    def __init__(self, gate, which):
        self.gate, self.got = gate, b""
        self.end, into = os.pipe()
        other = open(gate.folder / "other", "wb")
        outputs = {"stdout": other, "stderr": other, which: into} if which != "both" else {"stdout": into, "stderr": into}
        self.process = subprocess.Popen([places.SILOGATE, "run", "-c", gate.path], stdin=subprocess.DEVNULL, **outputs)
        os.close(into)
        other.close()
        assert places.wait_for(lambda: places.port_open(gate.port), 30)

    def read(self):
        """All, until it ends."""
        while piece := os.read(self.end, 1 << 20):
            self.got += piece
        return self.got.decode().splitlines()

    def remove(self):
        os.close(self.end)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@pytest.fixture
def unread(make_gate):
    every = []

    def unread(server, which, *changes):
        gate = make_gate(server, *changes, ("log", "repeat", "0"), ("service:lab", "mode", "block"),
                         ("proxy", "drain_timeout", "2s"), start=False)
        gate.ini = gates.change(gate.ini, "proxy", "control", f"unix:{gate.folder}/control")
        gate.path.write_text(gate.ini)
        every.append(Unread(gate, which))
        return every[-1]
    yield unread
    for one in every:
        one.remove()


def refuse(gate, times):
    client = wire.connect(gate.port, "lab_service")
    for _ in range(times):
        with pytest.raises(wire.Error):
            client.query(FOREIGN)
    client.quit()


@pytest.mark.long
def test_a_standard_error_that_is_not_read(mariadb, unread):
    """No worker waits for it, nor the end."""
    one = unread(mariadb, "stderr", ("log", "level", "debug"))
    for _ in range(3000):  # each login and end is a line
        wire.connect(one.gate.port, "lab_service").quit()
    assert gates.ctl(one.gate, "sessions")["sessions"] == []
    one.process.send_signal(signal.SIGTERM)
    assert one.process.wait(30) == 0


def test_lines_that_were_left_out_are_counted(mariadb, unread):
    one = unread(mariadb, "stderr", ("log", "level", "debug"))
    for _ in range(4500):
        wire.connect(one.gate.port, "lab_service").quit()
    began = os.read(one.end, 1 << 20)  # the next lines have room
    assert began
    time.sleep(.3)
    refuse(one.gate, 1)
    one.process.send_signal(signal.SIGTERM)
    one.got = began
    lines = one.read()
    assert one.process.wait(30) == 0
    left, = [re.search(r"warning (\d+) lines of this log were left out here", line) for line in lines if "left out" in line]
    ended = sum("closed in state" in line for line in lines)
    assert int(left[1]) > 0
    assert ended < 4501 <= ended + int(left[1])
    assert "stopped" in lines[-1]


def test_a_standard_output_that_is_not_read(mariadb, unread):
    """Its records wait in memory, and are all there once it is read."""
    one = unread(mariadb, "stdout", ("log", "violations", "stdout"))
    refuse(one.gate, 1500)
    one.process.send_signal(signal.SIGTERM)
    time.sleep(1)
    records = [json.loads(line) for line in one.read()]
    assert sum(record["event"] == "violation" for record in records) == 1500
    assert one.process.wait(30) == 0


def test_the_end_does_not_wait_for_a_reader(mariadb, unread):
    """Not for ever: what standard output does not take goes to standard error."""
    one = unread(mariadb, "stdout", ("log", "violations", "stdout"))
    refuse(one.gate, 1500)
    one.process.send_signal(signal.SIGTERM)
    assert one.process.wait(40) == 0
    lines = one.read() + (one.gate.folder / "other").read_text().splitlines()
    assert sum('"event":"violation"' in line for line in lines) == 1500


LINE = re.compile(r"20\d\d-\d\d-\d\dT\S+Z (error|warning|notice|debug) [^{]*")


def test_one_pipe_for_records_and_lines(mariadb, unread):
    """Neither stands inside the other."""
    one = unread(mariadb, "both", ("log", "violations", "stdout"), ("log", "level", "debug"))
    for _ in range(2500):
        wire.connect(one.gate.port, "lab_service").quit()
    refuse(one.gate, 500)
    for _ in range(60):  # little by little, so that both find room at the same time
        one.got += os.read(one.end, 4096)
        time.sleep(.02)
    one.process.send_signal(signal.SIGTERM)
    lines = one.read()
    assert one.process.wait(30) == 0
    records = [line for line in lines if line.startswith("{")]
    assert sum(json.loads(line)["event"] == "violation" for line in records) == 500
    assert not [line for line in lines if not line.startswith("{") and not LINE.fullmatch(line)]


def test_a_standard_error_without_room(mariadb, make_gate):
    """A file that may not become larger is like a full disk: what is left out is counted, and no line is cut for good."""
    gate = make_gate(mariadb, ("log", "level", "debug"), start=False)
    log = gate.folder / "own"
    with open(log, "ab") as out:
        process = subprocess.Popen([places.SILOGATE, "run", "-c", gate.path], stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=out, restore_signals=False)  # Python ignores SIGXFSZ
    try:
        assert places.wait_for(lambda: places.port_open(gate.port), 30)
        hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (20_000, hard))
        for _ in range(400):
            wire.connect(gate.port, "lab_service").quit()
        assert places.wait_for(lambda: log.stat().st_size == 20_000, 10)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        for _ in range(100):
            wire.connect(gate.port, "lab_service").quit()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    lines = log.read_text().splitlines()
    left = [int(re.search(r"warning (\d+) lines of this log were left out here", line)[1]) for line in lines if "left out" in line]
    whole = [line for line in lines if re.search(r"closed in state [^:]*: .*COM_QUIT$", line) and LINE.fullmatch(line)]
    assert left and len(whole) < 500
    assert len(whole) + sum(left) >= 500
    assert len([line for line in lines if not LINE.fullmatch(line)]) <= 1  # the first part of one
