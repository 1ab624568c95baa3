"""The control socket and takeovers, attacked: crowds, slow and endless callers, kill -9 at each step, paths that are no
place for a socket, files with nothing in them."""
import array
import json
import os
import re
import resource
import signal
import socket
import subprocess
import threading
import time

import pytest

from harness import gate as gates, places, wire
from harness.generations import Generations

ASKS = (b"GET /control/takeover HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: silogate-takeover\r\n\r\n")


@pytest.fixture
def line(mariadb, make_gate):
    gate = make_gate(mariadb, ("proxy", "drain_timeout", "4s"), start=False)
    gate.ini = gates.change(gate.ini, "proxy", "control", f"unix:{gate.folder}/control")
    gate.path.write_text(gate.ini)
    gate.start()
    made = Generations(gate)
    yield made
    made.end()


def open_control(gate):
    one = socket.socket(socket.AF_UNIX)
    one.settimeout(10)
    one.connect(str(gate.folder / "control"))
    return one


def works(gate):
    done = gates.run("ctl", "-c", gate.path, "--json", "overrides")
    session = wire.connect(gate.port, "lab_service")
    assert session.query("SELECT 1")[0].rows == [["1"]]
    session.quit()
    return done.returncode == 0 and json.loads(done.stdout)


def test_a_crowd(line):
    """Two thousand that connect and say nothing, or half of something: sessions notice nothing, and once they are
    gone ctl is answered."""
    gate = line.gate
    files = gate.files()
    crowd = []
    for number in range(2000):
        one = socket.socket(socket.AF_UNIX)
        one.setblocking(False)
        try:
            one.connect(str(gate.folder / "control"))
            one.send([b"", b"G", b"POST /control/mode HTTP/1.1\r\nContent-Length: 60000\r\n\r\n{"][number % 3])
        except OSError:
            pass
        crowd.append(one)
    session = wire.connect(gate.port, "lab_service")
    assert session.query("SELECT 1")[0].rows == [["1"]]
    session.quit()
    assert gate.files() - files < 600
    for one in crowd:
        one.close()
    assert places.wait_for(lambda: gates.run("ctl", "-c", gate.path, "overrides").returncode == 0, every=0.5)
    assert places.wait_for(lambda: gate.files() <= files + 2, every=0.2)


def test_an_endless_body_grows_nothing(line):
    gate = line.gate
    works(gate)
    before = gate.rss()
    with open_control(gate) as one:
        one.sendall(b"POST /control/mode HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        try:
            for _ in range(1000):
                one.sendall(piece)
        except OSError:
            pass
    with open_control(gate) as one:
        try:
            one.sendall(b"GET /control/show?id=" + b"7" * 10_000_000)
        except OSError:
            pass
    with open_control(gate) as one:  # as deep as the body may be
        body = b'{"a":' * 13000
        one.sendall(b"POST /control/mode HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        assert b" 400 " in one.recv(1000)
    works(gate)
    assert gate.rss() - before < (20000 if "asan" not in str(places.BUILD) else 200000)


def take(one):
    """All that a successor is given: (kind, descriptor) in order."""
    one.sendall(ASKS)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += one.recv(1)
    assert b" 101 " in head
    given = []
    while True:
        data, more, _, _ = one.recvmsg(8, socket.CMSG_SPACE(4))
        if len(data) < 8:
            return None
        fds = array.array("i")
        for _, _, content in more:
            fds.frombytes(content[:4])
        given.append((data[0], fds[0] if fds else -1))
        if data[0] == 4:  # the end
            return given


def taken(gate):
    """The connection of a successor that has been given everything; one is served at a time."""
    def ask():
        one = open_control(gate)
        given = take(one)
        if not given:
            one.close()
            return None
        for _, fd in given:
            if fd >= 0:
                os.close(fd)
        return one
    found = places.wait_for(ask, every=0.1)
    assert found
    return found


def test_a_successor_dies_at_each_step(line):
    gate = line.gate
    kept = wire.connect(gate.port, "lab_service")
    for step in range(4):
        before = len(gate.log())
        with open_control(gate) if step < 2 else taken(gate) as one:
            if step == 0:
                one.sendall(ASKS[:40])  # in the middle of its question
            elif step == 1:
                one.sendall(ASKS)  # before it has read anything
            elif step == 3:
                one.sendall(b"X")  # says what means nothing
        if step > 1:  # before that, whether it is noticed at all depends on who is faster
            gate.wait_log("did not start", start=before)
        assert works(gate) == {"overrides": []}
    assert kept.query("SELECT 1")[0].rows == [["1"]]
    line.upgrade()  # and a real one is served
    works(gate)
    kept.close()


def test_real_successors_are_killed(line):
    """kill -9 of the new one at whatever moment of its start: before it has said that it serves, the old one goes on."""
    gate = line.gate
    died = 0
    for wait in (0.001, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06):
        with open(gate.log_file, "ab") as out:
            before = len(gate.log())
            new = subprocess.Popen([str(places.SILOGATE), "run", "-c", str(gate.path)], stdin=subprocess.DEVNULL,
                                   stdout=out, stderr=out, start_new_session=True, preexec_fn=places.end_with_us)
        time.sleep(wait)
        os.kill(new.pid, signal.SIGKILL)
        new.wait()

        def served():
            """By the old one, or where the new one served already by one that is started anew, as any that is killed."""
            if gate.process.poll() is None and "a successor has taken over" in gate.log()[before:]:
                return None  # it ends
            if gate.process.poll() is not None:
                gate.start()
            return gates.run("ctl", "-c", gate.path, "overrides").returncode == 0
        assert places.wait_for(served, 90, 0.2)
        died += "a successor has taken over" not in gate.log()[before:]
        works(gate)
    assert died > 0


def test_the_old_one_is_killed(line):
    """kill -9 of the old one while a new one asks it for its sockets: the new one serves, with what it was given or on
    sockets of its own."""
    gate = line.gate
    old = gate.process
    knocks = socket.create_connection(("127.0.0.1", gate.port))  # greeted by the old one
    places.stop(old.pid)
    with open(gate.log_file, "ab") as out:
        before = len(gate.log())
        new = subprocess.Popen([str(places.SILOGATE), "run", "-c", str(gate.path)], stdin=subprocess.DEVNULL,
                               stdout=out, stderr=out, start_new_session=True, preexec_fn=places.end_with_us)
    time.sleep(0.5)
    assert new.poll() is None  # it waits for the old one
    os.kill(old.pid, signal.SIGKILL)  # which says nothing any more
    old.wait()
    assert places.wait_for(lambda: new.poll() is not None or " runs: " in gate.log()[before:])
    assert new.poll() is None, gate.log()[before:]
    gate.process = new
    works(gate)
    knocks.close()


@pytest.mark.parametrize("what", ["folder", "dangling", "file", "long", "missing"])
def test_paths_that_are_no_place(mariadb, make_gate, what):
    gate = make_gate(mariadb, start=False)
    path = gate.folder / "control"
    if what == "folder":
        path.mkdir()
    elif what == "dangling":
        path.symlink_to(gate.folder / "nowhere")
    elif what == "file":
        path.write_text("kept")
    elif what == "long":
        path = gate.folder / ("x" * 120)
    else:
        path = gate.folder / "none" / "control"
    gate.ini = gates.change(gate.ini, "proxy", "control", f"unix:{path}")
    gate.path.write_text(gate.ini)
    done = gates.run("run", "-c", gate.path)
    assert done.returncode == 2, done.stderr
    assert re.search(r"proxy\.ini:\d+: .*control", done.stderr), done.stderr
    if what == "file":
        assert path.read_text() == "kept"
    if what == "folder":
        assert path.is_dir()
    if what == "dangling":
        assert path.is_symlink() and not (gate.folder / "nowhere").exists()
    asked = gates.run("ctl", "-c", gate.path, "overrides")
    assert asked.returncode == 2 and asked.stderr


@pytest.mark.long(short=1)
@pytest.mark.parametrize("greeting", [b"\x4a\0\0\0\x0a8.0.36\0", b"HTTP/1.1 200 OK\r\n\r\n", b"HTT", None])
def test_another_program_listens_there(mariadb, make_gate, greeting):
    """It is told at once who is there where that can be known, soon where it cannot, and nothing is taken away."""
    gate = make_gate(mariadb, start=False)
    path = gate.folder / "control"
    gate.ini = gates.change(gate.ini, "proxy", "control", f"unix:{path}")
    gate.path.write_text(gate.ini)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        started = subprocess.Popen([str(places.SILOGATE), "run", "-c", str(gate.path)], stdin=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True, preexec_fn=places.end_with_us)
        other.settimeout(30)
        one, _ = other.accept()
        if greeting:
            one.sendall(greeting)
        said = started.communicate(timeout=50)[1]
        assert started.returncode == 2, said
        line = gate.ini.splitlines().index(f"control = unix:{path}") + 1
        what = {None: "gives no answer", b"HTT": "gives no answer"}.get(
            greeting, "would not be taken over" if greeting and greeting.startswith(b"HTTP") else "another program")
        assert f"proxy.ini:{line}: " in said and what in said, said
        one.close()
    assert path.exists()


def test_no_more_open_files(line):
    """Clients without number leave silogate's own files alone: ctl, a reload, admin and a successor find some."""
    gate = line.gate
    held = wire.connect(gate.port, "lab_service")
    soft = resource.prlimit(gate.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(gate.process.pid, resource.RLIMIT_NOFILE, (640, soft[1]))
    crowd = []
    for _ in range(800):
        one = socket.create_connection(("127.0.0.1", gate.port), timeout=30)
        crowd.append((one, one.recv(100)))
    refused = [one for _, one in crowd if b"\xff\x10\x04#08004Too many connections" in one]
    assert 100 < len(refused) < 800
    for _ in range(3):
        assert gates.run("ctl", "-c", gate.path, "sessions").returncode == 0
        assert gates.run("ctl", "-c", gate.path, "reload").returncode == 0
        assert gate.get("/metrics")[0] == 200
    assert held.query("SELECT 1")[0].rows == [["1"]]
    line.upgrade()
    for one, _ in crowd:
        one.close()
    works(gate)
    held.close()


def test_files_with_nothing_in_them(tmp_path):
    empty = tmp_path / "proxy.ini"
    for text in ("", "\n", "[proxy]\n", "\0" * 10, "[", "]"):
        empty.write_text(text)
        for words in (["run", "-c", empty], ["check", "-c", empty], ["ctl", "-c", empty, "overrides"]):
            done = gates.run(*words)
            assert done.returncode in (1, 2) and done.stderr, (text, words, done)
    done = gates.run("ctl", "-c", tmp_path, "overrides")
    assert done.returncode == 2


def test_bad_successors_while_sessions_work(line):
    """A successor whose upstream is down, whose file is bad, whose port is taken by somebody else: exit 2, nothing
    lost."""
    gate = line.gate
    good = gate.ini
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        session = wire.connect(gate.port, "lab_service")
        session.query("BEGIN")
        for change in (("upstream:main", "address", "127.0.0.1:1"), ("policy", "mode", "no"),
                       ("proxy", "listen", f"127.0.0.1:{other.getsockname()[1]}"),
                       ("upstream:main", "ca", "/nonexistent.pem"), ("proxy", "include", "nothing/*.ini")):
            gate.path.write_text(gates.change(good, *change))
            done = gates.run("run", "-c", gate.path) if change[1] != "include" else None
            assert done is None or done.returncode == 2, (change, done.stderr)
            assert session.query("SELECT 1")[0].rows == [["1"]]
        gate.path.write_text(good)
        session.query("COMMIT")
        session.quit()
    assert places.wait_for(lambda: works(gate) == {"overrides": []})
    line.upgrade()
    works(gate)


def greets(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as one:
            return bool(one.recv(10))
    except (ConnectionRefusedError, ConnectionResetError):  # reset: it stood in the queue of a socket that was closed
        return False


def test_addresses_that_the_successor_does_not_have(line):
    """They refuse, as any closed port: a socket that was inherited and not used kept clients waiting for ever."""
    gate = line.gate
    more, path, admin = places.free_port(), gate.folder / "listen", gate.folder / "admin"
    kept = (("proxy", "listen", f"127.0.0.1:{gate.port}"), ("proxy", "admin", "off"))
    gate.ini = gates.change(gate.ini, "proxy", "drain_timeout", "60s")
    gate.path.write_text(gates.change(gate.ini, "proxy", "listen", f"127.0.0.1:{gate.port}", f"127.0.0.1:{more}",
                                      f"unix:{path}"))
    line.upgrade()
    assert greets(more) and path.exists()
    session = wire.connect(gate.port, "lab_service")
    session.query("BEGIN")  # the old one goes on for a while
    for change in kept:
        gate.ini = gates.change(gate.ini, *change)
    gate.path.write_text(gate.ini)
    line.upgrade()
    assert places.wait_for(lambda: not greets(more))
    assert greets(gate.port) and not path.exists() and not admin.exists()
    session.query("COMMIT")
    session.close()


def test_more_sockets_than_a_channel_holds(line):
    """A socket each for 64 workers and five addresses: what was not read yet was taken for a successor that is dead."""
    gate = line.gate
    ports = [gate.port, *(places.free_port() for _ in range(4))]
    gate.ini = gates.change(gate.ini, "proxy", "listen", *(f"127.0.0.1:{port}" for port in ports))
    for workers in (64, 64, 1):
        gate.ini = gates.change(gate.ini, "proxy", "workers", str(workers))
        gate.path.write_text(gate.ini)
        line.upgrade()
    assert all(greets(port) for port in ports)


def test_sigterm_while_a_successor_starts(line):
    """The sockets are the successor's then, and their paths with them: it could not be reached any more, nor taken
    over."""
    gate = line.gate
    path = gate.folder / "listen"
    gate.ini = gates.change(gate.ini, "proxy", "listen", f"127.0.0.1:{gate.port}", f"unix:{path}")
    gate.ini = gates.change(gate.ini, "proxy", "drain_timeout", "60s")
    gate.path.write_text(gate.ini)
    line.upgrade()
    with taken(gate) as successor:
        session = wire.connect(gate.port, "lab_service")
        session.query("BEGIN")
        gate.process.send_signal(signal.SIGTERM)
        gate.wait_log("draining: 1 sessions")
        successor.sendall(b"R")
        assert successor.recv(1) == b"G"
        session.query("COMMIT")
        session.close()
        assert gate.process.wait(30) == 0
    assert path.exists() and (gate.folder / "control").exists() and (gate.folder / "admin").exists()
    gate.start()  # nobody listens there in truth: they are in nobody's way
    works(gate)


def test_a_start_while_the_old_one_ends(line):
    """It does not have to wait for the end of a drain, in which nobody would be served."""
    gate = line.gate
    gate.reload(("proxy", "drain_timeout", "60s"))
    session = wire.connect(gate.port, "lab_service")
    session.query("BEGIN")
    before = len(gate.log())
    gate.process.send_signal(signal.SIGTERM)
    gate.wait_log("draining", start=before)
    assert places.wait_for(lambda: not greets(gate.port))
    line.upgrade()
    assert works(gate) == {"overrides": []}
    session.query("COMMIT")
    session.close()
    assert line.old[-1].wait(30) == 0
    assert works(gate) == {"overrides": []}


def test_fifty_at_once(line):
    """Every call by fifty at the same time, some of whom go away before or in the middle of the answer, while sessions
    come and go and reloads and two upgrades happen: what was answered is so, and what was not is whole or not at all."""
    gate = line.gate
    gate.uncounted = "one log is written by all of them"
    control = gate.folder / "control"
    calls = [("sessions", None), ("overrides", None), ("instances", None), ("show?id=7", None), ("reload", {}),
             ("kill", {"id": 7}), ("undo", {"id": "00000000"}), ("drain", {"service": "payment"}),
             ("mode", {"service": "lab", "mode": "log", "milliseconds": 600000}),
             ("allow", {"service": "lab", "on": "clinical_data.%d", "access": ["read"], "milliseconds": 600000}),
             ("hold", {"owner": "payment", "milliseconds": 300})]
    begun, undone, wrong = set(), set(), []

    def caller(number):
        for turn, (call, body) in enumerate(calls * 2):
            method = "GET" if body is None else "POST"
            text = json.dumps(body).replace("%d", f"t{number}") if body is not None else ""
            leaves = (number + turn) % 5 == 0
            try:
                with socket.socket(socket.AF_UNIX) as one:
                    one.settimeout(60)
                    one.connect(str(control))
                    one.sendall(f"{method} /control/{call} HTTP/1.0\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode())
                    if leaves:
                        one.recv((number % 3) * 10) if number % 3 else None
                        continue
                    answer = b""
                    while got := one.recv(65536):
                        answer += got
            except OSError:
                continue  # it came to the old one in its last moment
            status, found = answer.split(b" ")[1:2], answer.partition(b"\r\n\r\n")[2]
            try:
                found = json.loads(found)
            except ValueError:
                if answer:
                    wrong.append((call, answer))
                continue
            if status == [b"200"] and call in ("mode", "allow"):
                begun.add(found["id"])
                if turn > len(calls):
                    undo(found["id"])
            elif status not in ([b"200"], [b"404"], [b"409"]):
                wrong.append((call, status, found))

    def undo(which):
        said = gates.run("ctl", "--socket", control, "undo", which)
        if said.returncode == 0:
            undone.add(which)

    threads = [threading.Thread(target=caller, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for _ in range(2):
        line.upgrade()
        wire.connect(gate.port, "lab_service").quit()
    for thread in threads:
        thread.join(120)
    assert not wrong, wrong[:3]
    listed = {one["id"] for one in works(gate)["overrides"]}
    assert begun - undone <= listed and not undone & listed, (len(begun), len(undone), len(listed))
    assert len(begun) > 20
