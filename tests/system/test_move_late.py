"""A mover that is late: the instances open by themselves at the end of the hold, and it must not begin the switch then."""
import re
import signal
import socket
import threading
import time

import pytest

from harness import places
from test_moves import INI, NEW, OLD, TRIGGERS, make_scene  # noqa: F401: the fixture
from test_moves_killed import stop_at

LATE = INI.replace("hold = 10s", "hold = 1s")


@pytest.mark.long(short=1)
@pytest.mark.parametrize("triggers", [False, True])
@pytest.mark.parametrize("step", ["drained", "looked"])
def test_a_mover_that_stands_still(make_scene, monkeypatch, server, step, triggers):  # noqa: F811
    """By its own clock; and where it does not look any more, by the server's."""
    scene = make_scene(ini=LATE, tables=2)
    if triggers:
        server.sql(*TRIGGERS[:2])
    mover = stop_at(scene, monkeypatch, step)
    time.sleep(1.2)
    made = "SELECT TRIGGER_NAME, CREATED FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = 'mv_old'"
    before = server.sql(made)
    mover.send_signal(signal.SIGCONT)
    out, errors = mover.communicate(timeout=60)
    assert mover.returncode == 1 and "too little of the hold is left" in out, out + errors
    assert "Nothing has changed" in out and scene.stand_in(OLD)
    assert server.sql(made) == before and len(before) == 2 * triggers  # they were not dropped for a moment either
    assert scene.move().returncode == 0 and scene.stand_in(NEW)


def test_an_instance_that_has_opened_meanwhile(make_scene, monkeypatch, server):  # noqa: F811
    """The clock of a mover whose machine was paused stands still too."""
    scene = make_scene(tables=1)
    mover = stop_at(scene, monkeypatch, "drained")
    scene.gate.process.send_signal(signal.SIGSTOP)
    server.sql("UPDATE silogate.instances_of_moves SET state = 'left'")
    mover.send_signal(signal.SIGCONT)
    time.sleep(0.5)
    scene.gate.process.send_signal(signal.SIGCONT)
    out, errors = mover.communicate(timeout=60)
    assert mover.returncode == 1 and "not all instances are drained any more" in out, out + errors
    assert scene.stand_in(OLD)


class Listening:
    """A relay to a server that keeps its clients' `commands`: it takes the server's offer of TLS away."""

    def __init__(self, port):
        self.to, self.commands = port, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        try:
            while True:
                near, far = self.listener.accept()[0], socket.create_connection(("127.0.0.1", self.to))
                greeting = bytearray(far.recv(1 << 16))
                greeting[greeting.index(0, 5) + 15] &= ~8  # CLIENT_SSL, in the second byte of the capabilities
                near.sendall(greeting)
                threading.Thread(target=self._carry, args=(near, far, self.commands.append), daemon=True).start()
                threading.Thread(target=self._carry, args=(far, near, lambda data: None), daemon=True).start()
        except OSError:
            pass  # closed

    def _carry(self, source, target, keep):
        try:
            while data := source.recv(1 << 16):
                keep(data)
                target.sendall(data)
            target.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


@pytest.mark.long
def test_no_question_of_one_table(make_scene, server, tmp_path):  # noqa: F811
    """Where the server is far each question of the hold takes as long as the way: one for each table would pass its end."""
    scene = make_scene(tables=20)
    server.sql(*TRIGGERS[:2])
    relay, path = Listening(server.port), tmp_path / "far.ini"
    path.write_text(scene.gate.path.read_text().replace(f"127.0.0.1:{server.port}", f"127.0.0.1:{relay.port}"))
    scene.gate.path = path  # for the mover alone
    try:
        for options, place in (((), NEW), (("--back",), OLD)):
            relay.commands.clear()
            moved = scene.move(*options)
            assert moved.returncode == 0 and scene.stand_in(place), moved.stdout + moved.stderr
            begun = next(i for i, command in enumerate(relay.commands) if b"SET phase = 'closed'" in command)
            ended = max(i for i, command in enumerate(relay.commands) if b"RENAME TABLE" in command)
            for command in relay.commands[begun:ended + 1]:
                made = re.search(rb"CREATE .*TRIGGER `|DROP TRIGGER", command)  # one at a time, on MySQL
                assert made or len(set(re.findall(rb"\bt\d+\b", command))) in (0, 20), command
    finally:
        relay.listener.close()
