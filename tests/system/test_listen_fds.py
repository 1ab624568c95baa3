"""LISTEN_FDS of a wrong launcher: it counts more sockets than were given. The running silogate was replaced by one that
ended at once, or the new one closed its own violation log."""
import os
import socket
import subprocess

import pytest

from harness import gate as gates, places, wire


@pytest.fixture
def gate(mariadb, make_gate):
    gate = make_gate(mariadb, start=False)
    gate.ini = gates.change(gate.ini, "proxy", "control", f"unix:{gate.folder}/control")
    gate.path.write_text(gate.ini)
    return gate.start()


def launch(gate, count, *sockets):
    """With these sockets from descriptor 3 on."""
    script = ("import os, sys\n"
              "for to, fd in enumerate(map(int, filter(None, sys.argv[1].split(',')))): os.dup2(fd, 3 + to, inheritable=True)\n"
              "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=sys.argv[2])\n"
              "os.execv(sys.argv[3], sys.argv[3:])\n")
    given = [one.fileno() for one in sockets]
    return subprocess.run(["/usr/bin/python3", "-c", script, ",".join(map(str, given)), count, str(places.SILOGATE), "run",
                           "-c", str(gate.path)], pass_fds=given, stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, timeout=60, env=dict(os.environ), preexec_fn=places.end_with_us)


@pytest.mark.parametrize("count", ["3", "256", "257", "9999", "-1", "x", "4294967297"])
def test_more_than_was_given(gate, count):
    before = gate.log()
    session = wire.connect(gate.port, "lab_service")
    ended = launch(gate, count)
    assert ended.returncode == 2, ended
    assert f"LISTEN_FDS={count}" in ended.stderr and len(ended.stderr.splitlines()) == 1, ended
    assert gate.log() == before and gate.process.poll() is None
    session.query("SELECT 1")
    session.quit()
    wire.connect(gate.port, "lab_service").quit()


@pytest.mark.parametrize("kind", ["connected", "datagram", "not_listening"])
def test_another_socket(gate, tmp_path, kind):
    listening = socket.create_server(("127.0.0.1", 0))
    pair = socket.socketpair()
    wrong = {"connected": pair[0], "datagram": socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
             "not_listening": socket.socket()}[kind]
    ended = launch(gate, "2", listening, wrong)
    assert ended.returncode == 2 and "descriptor 4 is no listening socket" in ended.stderr, ended
    assert gate.process.poll() is None
    wire.connect(gate.port, "lab_service").quit()
    for one in (listening, wrong, *pair):
        one.close()
