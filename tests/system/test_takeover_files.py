"""A takeover from a silogate, or by one, that may open no more files, or that fails late: overrides go along, or the one
that runs goes on as if nothing had been."""
import os
import resource
import signal
import socket
import struct
import subprocess
import threading

import pymysql
import pytest

from harness import built, gate as gates, places, wire
from test_takeover import generations, refused  # noqa: F401

FOREIGN = "SELECT 1 FROM clinical_data.patients"


def leave(gate, count):
    """So many files may be opened."""
    opened = {int(name) for name in os.listdir(f"/proc/{gate.process.pid}/fd")}
    limit = count
    while limit - len([one for one in opened if one < limit]) < count:
        limit += 1
    hard = resource.prlimit(gate.process.pid, resource.RLIMIT_NOFILE)[1]
    resource.prlimit(gate.process.pid, resource.RLIMIT_NOFILE, (limit, hard))
    return hard


def preloaded(name):
    """tests/harness/NAME.c as a library that comes before the others."""
    if places.is_sanitized():
        pytest.skip("a sanitizer wants to be the first library")
    source = places.TOP / f"tests/harness/{name}.c"
    return built.once(f"{name}.so", [source], lambda to: subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", to, source],
                                                                        check=True))


@pytest.fixture
def line(mariadb, generations):  # noqa: F811
    made = generations(mariadb, ("service:billing", "mode", "log"), ("proxy", "drain_timeout", "20s"))
    made.gate.uncounted = "one log is written by all of them"
    return made


def blocks(gate):
    client = wire.connect(gate.port, "billing_service")
    with pytest.raises(wire.Error) as error:
        client.query(FOREIGN)
    client.close()
    return error.value.code == 1142


def test_an_override_that_began_before(line):
    gate = line.gate
    begun = gates.ctl(gate, "mode", "billing", "block", "--for", "10m")["id"]
    leave(gate, 2)  # the call of the successor, and one more
    line.upgrade()
    assert [one["id"] for one in gates.ctl(gate, "overrides")["overrides"]] == [begun]
    assert blocks(gate)


def test_an_override_that_began_without_files(line):
    gate = line.gate
    hard = leave(gate, 1)
    begun = gates.ctl(gate, "mode", "billing", "block", "--for", "10m")["id"]
    line.upgrade(code=2)
    assert "a successor would not get the overrides" in gate.log()
    resource.prlimit(gate.process.pid, resource.RLIMIT_NOFILE, (hard, hard))
    assert blocks(gate)
    line.upgrade()
    assert [one["id"] for one in gates.ctl(gate, "overrides")["overrides"]] == [begun]
    assert blocks(gate)


def begin(gate, limit, said):
    """A silogate that may open so many files."""
    def few():
        places.end_with_us()
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    return subprocess.Popen([str(places.SILOGATE), "run", "-c", str(gate.path)], stdin=subprocess.DEVNULL,
                            stdout=said, stderr=said, preexec_fn=few)


def test_a_start_without_files_takes_nothing_away(line, tmp_path):
    """It removed the paths of the one that runs, and libev aborted; then it left the path of its own new `listen`."""
    gate = line.gate
    gate.path.write_text(gates.change(gate.ini, "proxy", "admin", f"unix:{gate.folder}/admin"))
    line.upgrade()
    gate.path.write_text(gates.change(gate.path.read_text(), "proxy", "listen", f"127.0.0.1:{gate.port}",
                                      f"unix:{gate.folder}/new"))
    codes = set()
    for limit in range(8, 100):
        with open(tmp_path / str(limit), "w+", encoding="utf-8") as said:
            process = begin(gate, limit, said)
            line.old.append(process)  # ends with the test
            assert places.wait_for(lambda: process.poll() is not None or " runs: " in (tmp_path / str(limit)).read_text())
        if process.poll() is None:
            break
        words = (tmp_path / str(limit)).read_text()
        codes.add((process.returncode, bool(words)))
        assert "during the start, and has errors" not in words or "Too many open files" in words, words
        assert (gate.folder / "admin").exists() and not (gate.folder / "new").exists(), words
        gates.ctl(gate, "sessions")
    assert codes == {(2, True)} and process.poll() is None


def test_a_start_that_fails_late_takes_no_clients_away(line):
    """It accepted clients before it knew that its admin address is in use."""
    gate, ends, done = line.gate, [], threading.Event()

    def come_and_go():
        while not done.is_set():
            try:
                client = wire.connect(gate.port, "billing_service")
                client.query("SELECT 1")
                client.quit()
                ends.append(None)
            except (wire.Error, wire.Closed, OSError) as error:
                ends.append(error)

    with socket.create_server(("127.0.0.1", 0)) as taken:
        # more workers, too: their new sockets are at the same address
        ini = gates.change(gate.ini, "proxy", "admin", f"127.0.0.1:{taken.getsockname()[1]}")
        gate.path.write_text(gates.change(ini, "proxy", "workers", 6))
        clients = [threading.Thread(target=come_and_go) for _ in range(3)]
        for client in clients:
            client.start()
        for _ in range(8):
            line.upgrade(code=2)
        done.set()
        for client in clients:
            client.join()
    assert len(ends) > 20 and not any(ends), [end for end in ends if end][:3]
    assert gate.log().count("Address already in use") == 8


@pytest.mark.long(short=1)
@pytest.mark.parametrize("ends", [signal.SIGINT, signal.SIGTERM])
def test_a_start_that_is_ended_while_it_waits(line, ends):
    """It took over all the same, and then ended: nobody served."""
    gate, sessions = line.gate, []
    for _ in range(4):
        sessions.append(wire.connect(gate.port, "billing_service"))
        sessions[-1].query("BEGIN")
        line.upgrade()
    sessions.append(wire.connect(gate.port, "billing_service"))
    sessions[-1].query("BEGIN")
    before = len(gate.log())
    with open(gate.log_file, "ab") as said:
        waits = begin(gate, 4096, said)
        line.old.append(waits)
        gate.wait_log("waiting for the oldest", start=before)
        waits.send_signal(ends)
        assert waits.wait(60) == 2
    assert "ended by a signal before it served; the silogate that runs goes on" in gate.log()[before:]
    wire.connect(gate.port, "billing_service").quit()
    for session in sessions:
        session.query("COMMIT")
        session.close()


@pytest.mark.parametrize("ends", ["drained", "delayed", "twice"])
def test_the_one_that_runs_ends_while_a_start_waits(line, ends):
    """It took the paths away that the start had already got from it."""
    gate, sessions = line.gate, []
    gate.ini = gates.change(gate.ini, "proxy", "admin", f"unix:{gate.folder}/admin")
    gate.ini = gates.change(gate.ini, "proxy", "listen", f"127.0.0.1:{gate.port}", f"unix:{gate.folder}/listen")
    if ends != "drained":
        gate.ini = gates.change(gate.ini, "proxy", "shutdown_delay", "2s" if ends == "delayed" else "30s")
    gate.path.write_text(gate.ini)
    line.upgrade()
    for _ in range(4):
        sessions.append(wire.connect(gate.port, "billing_service"))
        sessions[-1].query("BEGIN")
        line.upgrade()
    last = wire.connect(gate.port, "billing_service")
    last.query("BEGIN")
    before = len(gate.log())
    gate.process.send_signal(signal.SIGTERM)
    if ends == "drained":
        gate.wait_log("draining: ", start=before)
    with open(gate.log_file, "ab") as said:
        waits = begin(gate, 4096, said)
        gate.wait_log("waiting for the oldest", start=before)
        if ends == "drained":
            last.query("COMMIT")
            last.close()
            assert gate.process.wait(30) == 0
        elif ends == "twice":
            gate.process.send_signal(signal.SIGTERM)
            assert gate.process.wait(30) == 0
        else:
            gate.wait_log("a successor has taken over", start=before)
        line.old.append(gate.process)
        gate.process = waits
        for session in sessions:
            session.close()
        gate.wait_log(" runs: ", start=before)
    gates.ctl(gate, "sessions")
    pymysql.connect(unix_socket=f"{gate.folder}/listen", user="billing_service", password="billing_service-secret").close()
    assert (gate.folder / "admin").exists()


def test_an_override_that_cannot_be_read(line, tmp_path):
    """A start without it would let through what is blocked."""
    gate = line.gate
    begun = gates.ctl(gate, "mode", "billing", "block", "--for", "10m")["id"]
    with open(tmp_path / "said", "w+", encoding="utf-8") as said:
        process = subprocess.run([str(places.SILOGATE), "run", "-c", str(gate.path)], stdin=subprocess.DEVNULL, stdout=said,
                                 stderr=said, env=dict(os.environ, LD_PRELOAD=str(preloaded("no_board"))), timeout=60)
        assert process.returncode == 2
    assert "its overrides are unreadable here" in (tmp_path / "said").read_text()
    assert [one["id"] for one in gates.ctl(gate, "overrides")["overrides"]] == [begun]
    assert blocks(gate)


def cut_writes(process):
    """Its lists of overrides (proxy/board.c) are as if it had been killed before the last steps of writing them."""
    lists = 0
    for one in os.listdir(f"/proc/{process.pid}/fd"):
        path = f"/proc/{process.pid}/fd/{one}"
        if "silogate-overrides" not in os.readlink(path):
            continue
        with open(path, "r+b", buffering=0) as board:
            size, number = struct.unpack("<II", os.pread(board.fileno(), 8, 4))
            assert number % 2 == 0
            if number:
                os.pwrite(board.fileno(), struct.pack("<II", number - 1, 0) + bytes(size // 2), 8)
                lists += 1
    return lists


def test_killed_while_it_wrote_the_overrides(line):
    """The next start found none, and ended them in the older generations too."""
    gate = line.gate
    older = wire.connect(gate.port, "billing_service")
    older.query("BEGIN")
    line.upgrade()
    begun = gates.ctl(gate, "mode", "billing", "block", "--for", "10m")["id"]
    assert places.wait_for(lambda: refused(older, FOREIGN) == 1142)
    gate.process.send_signal(signal.SIGSTOP)
    assert cut_writes(gate.process) == 2
    gate.process.kill()
    gate.process.wait()
    gate.start()
    assert [one["id"] for one in gates.ctl(gate, "overrides")["overrides"]] == [begun]
    assert blocks(gate)
    gates.ctl(gate, "reload")  # the older one has read the list again
    assert refused(older, FOREIGN) == 1142
    older.close()


def test_no_takeover_of_containers(line):
    """The kernel ends what runs in a container when its process 1 has ended: a successor there would not live. One in
    another container could not pass on a reload, a SIGUSR1, or the end of the oldest."""
    gate = line.gate
    gate.stop()
    contained = ["unshare", "-p", "-f", "--mount-proc", "--kill-child", str(places.SILOGATE), "run", "-c", str(gate.path)]
    if subprocess.run(["unshare", "-p", "-f", "--mount-proc", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no PID namespace can be made here")
    before = len(gate.log())
    with open(gate.log_file, "ab") as said:
        outside = subprocess.Popen(contained, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                   preexec_fn=places.end_with_us)
        gate.process = outside
        gate.wait_log(" runs: ", start=before)
        children = f"/proc/{outside.pid}/task/{outside.pid}/children"
        with open(children, encoding="ascii") as file:
            one = int(file.read())
        os.kill(one, signal.SIGUSR2)
        gate.wait_log("this is process 1 of a container", start=before)
        def refused_from(command):
            start = len(gate.log())
            second = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, timeout=60, check=False)
            assert second.returncode == 2 and "or in another container" in gate.log()[start:], gate.log()[start:]
            wire.connect(gate.port, "billing_service").quit()

        refused_from(["nsenter", "-t", str(one), "-p", "-m", *contained[5:]])
        refused_from(contained)
        refused_from(contained[5:])
        os.kill(one, signal.SIGTERM)
        assert outside.wait(30) == 0
        gate.process = None
        gate.start()
        refused_from(contained)


def test_one_signal_to_a_generation_that_drains(line):
    """`systemctl stop` sends it to all: it ended the sessions that the successor had left there."""
    gate, sessions = line.gate, []
    for _ in range(3):
        sessions.append(wire.connect(gate.port, "billing_service"))
        sessions[-1].query("BEGIN")
        if len(sessions) < 3:
            line.upgrade()
    for process in (*line.old, gate.process):
        process.send_signal(signal.SIGTERM)
    gate.wait_log("(?s)draining since a successor has.*draining since a successor has")
    for session in sessions[1:]:
        session.query("COMMIT")
        session.close()
    assert [process.wait(60) for process in (line.old[1], gate.process)] == [0, 0]
    assert line.old[0].poll() is None
    line.old[0].send_signal(signal.SIGTERM)  # the second one
    assert line.old[0].wait(60) == 0
    with pytest.raises((wire.Closed, wire.Error)):
        sessions[0].query("SELECT 1")
    gate.process = None
    sessions[0].close()


def test_a_start_that_fails_takes_its_new_path_along(line):
    """It left the path of a new `listen`."""
    gate, left = line.gate, []
    kept, new = f"{gate.folder}/kept", f"{gate.folder}/new"
    gate.ini = gates.change(gate.ini, "proxy", "listen", f"127.0.0.1:{gate.port}", f"unix:{kept}")
    gate.path.write_text(gate.ini)
    line.upgrade()

    with socket.create_server(("127.0.0.1", 0)) as taken:
        ini = gates.change(gate.ini, "proxy", "listen", f"127.0.0.1:{gate.port}", f"unix:{kept}", f"unix:{new}")
        gate.path.write_text(gates.change(ini, "proxy", "admin", f"127.0.0.1:{taken.getsockname()[1]}"))
        for _ in range(4):
            line.upgrade(code=2)
            left.append((os.path.exists(kept), os.path.exists(new)))
    assert left == [(True, False)] * 4
    gate.path.write_text(ini)
    line.upgrade()
    for path in (kept, new):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            assert client.recv(5)


def answers(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(str(path))
        client.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        return client.recv(5)


def test_paths_that_vanish_are_made_again(line):
    """A cleaner has removed them, and whoever took over went on with sockets that nobody can reach."""
    gate, paths = line.gate, [line.gate.folder / name for name in ("clients", "admin")]
    gate.path.write_text(gates.change(gate.ini, "proxy", "listen", f"127.0.0.1:{gate.port}", f"unix:{paths[0]}"))
    line.upgrade()
    for stale in (False, True):
        inodes = [os.stat(path).st_ino for path in paths]
        for path in paths:
            path.unlink()
            if stale:
                with socket.socket(socket.AF_UNIX) as left:
                    left.bind(str(path))
        before = len(gate.log())
        line.upgrade()
        assert gate.log()[before:].count("the path has vanished; it is made again") == 2
        assert all(answers(path) for path in paths)
        before = len(gate.log())
        line.upgrade()  # and they go along
        assert "vanished" not in gate.log()[before:] and all(answers(path) for path in paths)
        assert stale or [os.stat(path).st_ino for path in paths] != inodes
    before = len(gate.log())
    (gate.folder / "control").unlink()
    gate.wait_log("control has vanished", start=before)


def test_an_admin_that_moves_leaves_no_path(line):
    gate = line.gate
    for name in ("admin", "other", "admin"):
        gate.path.write_text(gates.change(gate.ini, "proxy", "admin", f"unix:{gate.folder}/{name}"))
        line.upgrade()
        assert answers(gate.folder / name) == b"HTTP/"
        assert (gate.folder / "admin").exists() + (gate.folder / "other").exists() == 1


@pytest.fixture
def line_without_threads(mariadb, generations, tmp_path, monkeypatch):  # noqa: F811
    """The first of them cannot make any thread while that file is there."""
    monkeypatch.setenv("LD_PRELOAD", str(preloaded("no_thread")))
    monkeypatch.setenv("NO_THREAD", str(tmp_path / "off"))
    line = generations(mariadb)
    monkeypatch.delenv("LD_PRELOAD")
    yield line, tmp_path / "off"


def test_no_thread_for_a_takeover(line_without_threads):
    """Neither of the two said why there was none."""
    line, off = line_without_threads
    off.touch()
    line.upgrade(code=2)
    assert "no thread can be made for it" in line.gate.log()
    off.unlink()
    line.upgrade()
    wire.connect(line.gate.port, "lab_service").quit()


ASKS = """
import socket, sys
asking = socket.socket(socket.AF_UNIX)
asking.settimeout(20)
asking.connect(sys.argv[1])
asking.sendall(f"GET /control/{sys.argv[2]} HTTP/1.1\\r\\nHost: x\\r\\nConnection: Upgrade\\r\\n"
               f"Upgrade: silogate-{sys.argv[2]}\\r\\n\\r\\n".encode())
print(asking.recv(12).decode())
"""


@pytest.mark.parametrize("what", ["takeover", "adoption"])
def test_the_group_gets_no_sockets(line, what):
    """It may call everything else. Whoever has the sockets is sent silogate's clients, and may write its overrides."""
    if os.geteuid():
        pytest.skip("only root can become another user")
    gate, socket_file = line.gate, line.gate.folder / "control"
    os.chown(socket_file, 0, 65534)
    for folder in [gate.folder, *gate.folder.parents]:
        if folder.stat().st_uid == 0 and not folder.stat().st_mode & 1:
            folder.chmod(folder.stat().st_mode | 0o11)
    before = len(gate.log())
    asked = subprocess.run(["/usr/bin/python3", "-c", ASKS, socket_file, what], user=65534, group=65534, extra_groups=[],
                           capture_output=True, text=True, timeout=60, check=True)
    assert asked.stdout.strip() == "HTTP/1.1 403"
    gate.wait_log(r"uid 65534 \(process \d+\) has asked for the sockets", start=before)
    line.upgrade()


def test_nobody_has_no_user_of_its_own(line):
    """In a user namespace each user that it does not know has the number of nobody: all of the socket's group were taken
    for silogate's own user."""
    apart = ["unshare", "-U", "--map-user=65534", "--map-group=0"]
    if os.geteuid() or subprocess.run([*apart, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no user namespace can be made here, or only root can become another user")
    gate, socket_file = line.gate, line.gate.folder / "control"
    gate.stop()
    before = len(gate.log())
    with open(gate.log_file, "ab") as said:
        gate.process = subprocess.Popen([*apart, str(places.SILOGATE), "run", "-c", str(gate.path)],
                                        stdin=subprocess.DEVNULL, stdout=said, stderr=said, preexec_fn=places.end_with_us)
    gate.wait_log(" runs: ", start=before)
    os.chown(socket_file, -1, 65533)
    for folder in [gate.folder, *gate.folder.parents]:
        if folder.stat().st_uid == 0 and not folder.stat().st_mode & 1:
            folder.chmod(folder.stat().st_mode | 0o11)
    for what in ("takeover", "adoption"):
        asked = subprocess.run(["/usr/bin/python3", "-c", ASKS, socket_file, what], user=65533, group=65533,
                               extra_groups=[], capture_output=True, text=True, timeout=60, check=True)
        assert asked.stdout.strip() == "HTTP/1.1 403"
    gate.wait_log("or cannot be told from others", start=before)
    before = len(gate.log())
    line.upgrade(code=2)
    assert "cannot tell its user from others" in gate.log()[before:]
    wire.connect(gate.port, "lab_service").quit()
