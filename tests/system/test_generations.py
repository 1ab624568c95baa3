"""What is left of a silogate that was taken over from: it ends its sessions, and decides nothing any more. Whoever still
talks to it, over a connection that was kept or over its own socket, is sent to the new one."""
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import time

import pytest

from harness import gate as gates, places, wire
from test_evidence import small_disk  # noqa: F401
from test_takeover import generations, refused  # noqa: F401

FOREIGN = "SELECT 1 FROM clinical_data.patients"


@pytest.fixture
def line(mariadb, generations):  # noqa: F811
    made = generations(mariadb, ("service:billing", "mode", "log"), ("proxy", "drain_timeout", "120s"))
    made.gate.uncounted = "one log is written by all of them"
    return made


def test_an_older_one_is_asked_in_vain(line):
    """An override that only an old one knew was answered with `holds`, and held for the sessions of the old one alone."""
    gate = line.gate
    sessions = [wire.connect(gate.port, "billing_service")]
    sessions[0].query("BEGIN")
    line.upgrade()
    sessions.append(wire.connect(gate.port, "billing_service"))
    old = gate.folder / f"control.{line.old[0].pid}"
    standing = gates.ctl(gate, "allow", "billing", "on", "clinical_data.nothing", "access", "read", "--for", "10m")
    policy = [(refused(one, FOREIGN), refused(one, "SELECT 1 FROM lab_samples LIMIT 1")) for one in sessions]
    for words in (["mode", "billing", "block", "--for", "10m"],
                  ["allow", "billing", "on", "clinical_data.patients", "access", "read", "--for", "10m"],
                  ["hold", "billing", "--writes", "--for", "5s"], ["undo", standing["id"]], ["reload"], ["drain"],
                  ["drain", "--service", "billing"]):
        said = gates.run("ctl", "--socket", old, *words)
        assert said.returncode == 1 and "taken over" in said.stderr, (words, said)
    assert [(refused(one, FOREIGN), refused(one, "SELECT 1 FROM lab_samples LIMIT 1")) for one in sessions] == policy
    assert [one["id"] for one in gates.ctl(gate, "overrides")["overrides"]] == [standing["id"]]
    for one in sessions:
        one.close()


def test_no_connection_is_kept(line):
    """Over one that was kept, a program would go on asking the old one, which is never ready again."""
    gate = line.gate
    session = wire.connect(gate.port, "billing_service")
    session.query("BEGIN")
    admin, control = gates.Admin(gate.folder / "admin"), gates.Admin(gate.folder / "control")

    def ask(connection, path, body=None):
        connection.request("POST" if body else "GET", path, body and json.dumps(body))
        answer = connection.getresponse()
        assert answer.getheader("Connection") == "close"
        return answer.status, answer.read()

    for _ in range(2):
        assert ask(admin, "/readyz") == (200, b"ready\n")
        assert ask(control, "/control/overrides")[0] == 200
    line.upgrade()
    assert ask(admin, "/readyz") == (200, b"ready\n")
    assert ask(control, "/control/mode", {"service": "billing", "mode": "block", "milliseconds": 600000})[0] == 200
    assert places.wait_for(lambda: refused(session, FOREIGN) == 1142)
    session.close()


def test_an_old_one_that_has_not_waited(mariadb, make_gate):
    """A successor that stood still for longer than a minute between being given the sockets and serving: the old one
    goes on, and the new one must end. Both served, and `silogate ctl` reached the one or the other."""
    gate = make_gate(mariadb, start=False)
    control = gate.folder / "control"
    gate.path.write_text(gates.change(gate.ini, "proxy", "control", f"unix:{control}"))
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
            channel.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: silogate-takeover\r\n\r\n")
            for kind, one in ((0, listening), (2, asked), (4, None)):
                record = struct.pack("<BBHI", kind, 0, 0, 7)
                socket.send_fds(channel, [record], [one.fileno()] if one else [])
            assert channel.recv(1) == b"R"
            channel.sendall(b"N")
        assert gate.process.wait(60) == 2
        assert "has not waited, and goes on" in gate.log()
        assert control.exists()
    gate.process = None


def started(gate, program=places.SILOGATE):
    """A silogate of this file, from that program."""
    with open(gate.log_file, "ab") as out:
        return subprocess.Popen([*places.WITH_US, str(program), "run", "-c", str(gate.path)], stdin=subprocess.DEVNULL,
                                stdout=out, stderr=out, start_new_session=True)


def answers(gate):
    """The process that ctl reaches, or None."""
    said = gates.run("ctl", "-c", gate.path, "--json", "sessions")
    return json.loads(said.stdout)["process"] if said.returncode == 0 else None


@pytest.fixture
def signalled(mariadb, make_gate):
    """A silogate from a program of its own, which is no child's parent of ours: (gate, program)."""
    gate = make_gate(mariadb, ("proxy", "drain_timeout", "60s"), start=False)
    gate.uncounted = "one log is written by all of them"
    gate.ini = gates.change(gate.ini, "proxy", "control", f"unix:{gate.folder}/control")
    gate.path.write_text(gate.ini)
    program = gate.folder / "silogate"
    shutil.copy(places.SILOGATE, program)
    gate.process = started(gate, program)
    yield gate, program
    gate.path.write_text(gate.ini)
    last = answers(gate)
    if last and last != gate.process.pid:
        os.kill(last, signal.SIGTERM)
    gate.process.send_signal(signal.SIGTERM)
    gate.process.wait(60)
    assert places.wait_for(lambda: not (gate.folder / "control").exists(), 60), gate.log()
    gate.process = None


def test_upgrades_by_signal(signalled):
    """SIGUSR2 with nothing at the program's path, nothing in the program, a file that is bad, a port of somebody else's;
    then twice, and the first one's end is no error of the old one's."""
    gate, program = signalled
    assert places.wait_for(lambda: answers(gate) == gate.process.pid, 60)
    session = wire.connect(gate.port, "lab_service")
    session.query("BEGIN")

    def upgrade(said):
        before = len(gate.log())
        gate.process.send_signal(signal.SIGUSR2)
        gate.wait_log(said, start=before)
        return gate.log()[before:]

    good = program.with_name("good")
    program.rename(good)
    upgrade("no successor can be started: .*No such file")
    program.write_bytes(b"")
    upgrade("no successor can be started: .*Permission denied")
    program.chmod(0o755)
    upgrade("no successor can be started|successor has ended with status")
    program.unlink()
    good.rename(program)
    gate.path.write_text(gate.ini + "[nonsense]\n")
    upgrade("the successor has ended with status 2; this silogate goes on")
    with socket.create_server(("127.0.0.1", 0)) as others:
        gate.path.write_text(gates.change(gate.ini, "proxy", "listen", f"127.0.0.1:{others.getsockname()[1]}"))
        upgrade("the successor has ended with status 2; this silogate goes on")
    gate.path.write_text(gate.ini)
    assert answers(gate) == gate.process.pid and session.query("SELECT 1")[0].rows == [["1"]]

    said = upgrade("a successor has taken over")
    child = int(re.search(r"a successor is started: process (\d+)", said)[1])
    assert places.wait_for(lambda: answers(gate) == child, 60)
    before = len(gate.log())
    os.kill(child, signal.SIGUSR2)
    gate.wait_log("stopped", start=before)
    assert places.wait_for(lambda: answers(gate) not in (None, child, gate.process.pid), 60)
    gate.process.send_signal(signal.SIGUSR2)
    gate.wait_log("drains already", start=before)
    assert "has ended" not in gate.log()[before:], gate.log()[before:]
    session.query("COMMIT")
    session.close()
    assert gate.process.wait(60) == 0


@pytest.mark.parametrize("order", [[signal.SIGUSR2, signal.SIGTERM], [signal.SIGTERM, signal.SIGUSR2],
                                   [signal.SIGUSR2, signal.SIGUSR2, signal.SIGTERM]], ids=["up", "down", "twice"])
def test_upgrade_and_end_at_once(signalled, order):
    """SIGUSR2 and SIGTERM together: whoever is left is whole, and serves where its paths say; or nobody is left."""
    gate, _ = signalled
    assert places.wait_for(lambda: answers(gate) == gate.process.pid, 60)
    session = wire.connect(gate.port, "lab_service")
    session.query("BEGIN")
    for one in order:
        gate.process.send_signal(one)
    gate.wait_log("a successor is started|drains already")
    if "a successor is started" in gate.log():  # what comes at once may be seen in either order
        assert places.wait_for(lambda: answers(gate) not in (None, gate.process.pid), 60), gate.log()
        assert {one["process"] for one in gates.ctl(gate, "sessions")["sessions"]} == {gate.process.pid}
        wire.connect(gate.port, "lab_service").quit()
    assert session.query("SELECT 1")[0].rows == [["1"]]
    session.query("COMMIT")
    session.close()
    assert gate.process.wait(60) == 0


def test_the_youngest_is_killed(line):
    """kill -9 of the one that serves, twice: who is started next has the older ones' sessions and overrides in its care,
    the bound of generations counts them, and what dead ones have left is gone."""
    gate = line.gate
    sessions = []

    def works(code=0):
        assert places.wait_for(lambda: [refused(one, FOREIGN) for one in sessions] == [code] * len(sessions))
        told = gates.ctl(gate, "sessions", "--in-transaction")
        assert told["unreached"] == 0
        assert sorted(one["process"] for one in told["sessions"]) == sorted(
            one.pid for one in line.old if one.poll() is None)
        return {one["process"]: one["id"] for one in told["sessions"]}

    for _ in range(2):
        sessions.append(wire.connect(gate.port, "billing_service"))
        sessions[-1].query("BEGIN")
        line.upgrade()
    block = gates.ctl(gate, "mode", "billing", "block", "--for", "10m")
    works(1142)
    dead = gate.folder / "control.99999999"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(dead))
    (gate.folder / "control.7").write_text("no socket")
    (gate.folder / "control.backup").write_text("not ours")
    for _ in range(2):
        gate.process.kill()
        gate.process.wait()
        before = len(gate.log())
        gate.start()
        gate.wait_log("2 silogates drain that an earlier one had taken over from", start=before)
        assert not dead.exists() and (gate.folder / "control.7").exists() and (gate.folder / "control.backup").exists()
        assert [one["id"] for one in gates.ctl(gate, "overrides")["overrides"]] == [block["id"]]
        works(1142)
    gates.ctl(gate, "undo", block["id"])
    ids = works(0)
    assert len({*ids.values(), *(one["id"] for one in gates.ctl(gate, "sessions")["sessions"])}) >= 2
    gate.reload(("service:billing", "mode", "block"))
    works(1142)
    for one in line.old:
        assert gates.ctl(gate, "show", str(ids[one.pid]))["session"]["process"] == one.pid
    killer = wire.connect(gate.port, "billing_service")
    killer.query(f"KILL {sessions[0].thread}")
    assert places.wait_for(sessions[0].closed)
    assert line.old[0].wait(60) == 0
    gates.ctl(gate, "kill", str(ids[line.old[1].pid]))
    assert sessions[1].closed() and line.old[1].wait(60) == 0
    killer.quit()
    line.upgrade()


def test_one_that_hangs_is_not_waited_for(line):
    """An older generation that stands still: who is started is told, and serves."""
    gate = line.gate
    session = wire.connect(gate.port, "billing_service")
    session.query("BEGIN")
    line.upgrade()
    # its workers let go of the listener one by one, after it was handed over
    assert places.listens(gate.process.pid) and places.wait_for(lambda: not places.listens(line.old[0].pid))
    places.stop(line.old[0].pid)
    gate.process.kill()
    gate.process.wait()
    before = len(gate.log())
    gate.start()
    gate.wait_log("an older silogate gives no answer at", start=before)
    wire.connect(gate.port, "billing_service").quit()
    os.kill(line.old[0].pid, signal.SIGCONT)
    session.query("COMMIT")
    session.close()
    assert line.old[0].wait(60) == 0


def test_numbers_go_on(line):
    """/metrics over four generations at work at the same time, and when each has ended: every counter only grows, and
    what was judged, refused and recorded is in it exactly once. Counters began at 0 with each upgrade, and what the
    sessions of older generations did was in nobody's."""
    gate = line.gate
    gate.reload(("service:billing", "mode", "block"))
    before, done = {}, 0

    def look():
        """The numbers, none of which has become smaller."""
        found = gate.metrics()
        counters = {key: value for key, value in found.items() if key[0].startswith("silogate_") and key[0].endswith(
            ("_total", "_count", "_bucket", "_sum")) and key[0] != "silogate_reloads_total"}
        smaller = {key: (before[key], counters.get(key)) for key in before if counters.get(key, 0) < before[key]}
        assert not smaller
        before.update(counters)
        return found

    def exact():
        found = look()
        return found if found.total("violations_total") == done and not found.wrong() else None

    def violate(one):
        nonlocal done
        assert refused(one, FOREIGN) == 1142
        done += 1

    sessions = []
    for _ in range(4):
        sessions.append(wire.connect(gate.port, "billing_service"))
        sessions[-1].query("BEGIN")
        for one in sessions:
            violate(one)
        look()
        line.upgrade()
        look()
        for one in sessions:
            violate(one)
    assert places.wait_for(exact), (look().total("violations_total"), done, look().wrong())
    assert look().total("sessions_open") == 4
    for place, one in enumerate(sessions):
        violate(one)
        one.close()
        assert line.old[place].wait(60) == 0
        look()
    found = places.wait_for(exact)
    assert found, (look().total("violations_total"), done, look().wrong())
    assert found.total("sessions_open") == 0
    assert found.total("statements_total", service="billing", action="block") == done
    assert places.wait_for(lambda: len(gate.events("violation")) == done)

    # one that was killed is in it as it was last seen; numbers do not go back
    sessions = [wire.connect(gate.port, "billing_service")]
    sessions[0].query("BEGIN")
    violate(sessions[0])
    line.upgrade()
    violate(sessions[0])
    assert places.wait_for(exact)
    line.old[-1].kill()
    line.old[-1].wait()
    assert places.wait_for(lambda: look().total("sessions_open") == 0 and exact())
    assert look().total("sessions_closed_total", reason="ended") == 1
    line.upgrade()
    assert look().total("violations_total") == done


def test_one_that_hangs_holds_no_upgrade_up(line):
    """The socket has one thread. Each call that asked an old one that stands still kept it for three seconds, so a script
    that looks at sessions again and again made an upgrade impossible: the successor gives up after ten."""
    gate = line.gate
    session = wire.connect(gate.port, "billing_service")
    session.query("BEGIN")
    line.upgrade()
    thread = gates.ctl(gate, "sessions")["sessions"][0]["id"]
    places.stop(line.old[0].pid)
    calls = [subprocess.Popen([str(places.SILOGATE), "ctl", "-c", str(gate.path), "--json", "sessions"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(20)]
    line.upgrade()
    told = [call.communicate(timeout=90) for call in calls]
    assert not [errors for _, errors in told if errors]
    assert all(json.loads(out)["unreached"] >= 0 for out, _ in told)
    assert line.old[1].wait(60) == 0  # it has nobody to serve; until it has ended it may be the one that is named
    for words in (["kill", str(thread)], ["show", str(thread)]):
        assert f"process {line.old[0].pid} gave no answer" in gates.ctl(gate, *words, code=1)
    os.kill(line.old[0].pid, signal.SIGCONT)
    gates.ctl(gate, "sessions")  # it answers again
    gates.ctl(gate, "kill", str(thread))
    assert session.closed()


def test_socket_activation_and_takeovers(mariadb, make_gate):
    """systemd's socket is handed on from one to the next, also where each gets it from systemd once more; connections
    that wait in it are served, and it is systemd's at the end."""
    gate = make_gate(mariadb, ("proxy", "drain_timeout", "20s"), start=False)
    gate.uncounted = "one log is written by all of them"
    path = gate.folder / "clients"
    gate.ini = gates.change(gate.ini, "proxy", "control", f"unix:{gate.folder}/control")
    gate.ini = gates.change(gate.ini, "proxy", "listen", f"127.0.0.1:{gate.port}", f"unix:{path}")
    gate.path.write_text(gate.ini)
    script = ('import fcntl,os,sys\n'
              'fds = [fcntl.fcntl(int(fd), fcntl.F_DUPFD_CLOEXEC, 100) for fd in sys.argv[1].split(",")]\n'
              '[os.close(int(fd)) for fd in sys.argv[1].split(",")]\n'
              'for place, fd in enumerate(fds):\n'
              '    os.dup2(fd, 3 + place, inheritable=True)\n'
              'os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)))\n'
              'os.execv(sys.argv[2], sys.argv[2:])\n')
    old = []
    with socket.create_server(("127.0.0.1", gate.port)) as tcp, socket.socket(socket.AF_UNIX) as local:
        local.bind(str(path))
        local.listen(100)
        waiting = socket.create_connection(("127.0.0.1", gate.port), 60)  # before silogate runs
        files = []
        for turn in range(5):
            before = len(gate.log())
            with open(gate.log_file, "ab") as out:
                words = [str(places.SILOGATE), "run", "-c", str(gate.path)]
                given = [tcp.fileno(), local.fileno()] if turn != 2 else []  # that one was started by hand
                if given:
                    words = ["/usr/bin/python3", "-c", script, f"{tcp.fileno()},{local.fileno()}", *words]
                process = subprocess.Popen(words, stdout=out, stderr=out, pass_fds=given,
                                           start_new_session=True, preexec_fn=places.end_with_us)
            if gate.process:
                old.append(gate.process)
            gate.process = process
            gate.wait_log("taken over from" if turn else " runs: ", start=before)
            if waiting:
                assert len(waiting.recv(100)) > 20
                waiting.close()
                waiting = None
            wire.connect(gate.port, "lab_service").quit()
            with socket.socket(socket.AF_UNIX) as knock:
                knock.settimeout(60)
                knock.connect(str(path))
                assert len(knock.recv(100)) > 20
            open_here = places.open_files(process.pid)
            for one in (tcp, local):  # what comes twice is kept once
                assert open_here.count(f"socket:[{os.fstat(one.fileno()).st_ino}]") == 1, (turn, open_here)
            assert all(one.wait(60) == 0 for one in old)
        gate.process.send_signal(signal.SIGTERM)
        assert gate.process.wait(60) == 0
        assert path.exists()
        later = socket.create_connection(("127.0.0.1", gate.port), 60)  # it waits for the next one
        later.close()
    gate.process = None


def test_takeover_with_a_full_disk(mariadb, small_disk, generations):  # noqa: F811
    """Two silogates write one log that takes nothing more, and cut each other's lines: all records are there, whole and
    once, when it has room again; also those of one that ended meanwhile."""
    path = small_disk / "violations.jsonl"
    line = generations(mariadb, ("log", "violations", path), ("service:payment", "mode", "block"),
                       ("proxy", "drain_timeout", "120s"))
    gate = line.gate
    gate.uncounted = "one log is written by all of them"
    sessions, sent = [], 0
    for generation in range(3):
        sessions.append(wire.connect(gate.port, "payment_service"))
        sessions[-1].query("BEGIN")
        for i in range(400):
            assert refused(sessions[i % len(sessions)], f"SELECT {i} AS m{sent} FROM nilecare.invoices") == 1142
            sent += 1
        if generation < 2:
            line.upgrade()
    gate.wait_log("cannot be written: No space left")
    sessions[0].close()
    assert line.old[0].wait(60) == 0  # what no disk takes is on its standard error
    subprocess.run(["mount", "-o", "remount,size=16m", small_disk], check=True)
    assert refused(sessions[1], "SELECT 1 AS last FROM nilecare.invoices") == 1142
    assert refused(sessions[2], "SELECT 1 AS last FROM nilecare.invoices") == 1142

    def written():
        whole, broken = [], 0
        for text in path.read_text().splitlines() + [one for one in gate.log().splitlines() if one.startswith('{"')]:
            try:
                whole.append(json.loads(text))
            except ValueError:
                broken += 1
        found = [one["statement"] for one in whole if one["event"] == "violation"]
        return found if len(found) >= sent + 2 else None
    found = places.wait_for(written, 60, 0.2)
    assert found and len(found) == sent + 2 and len({*found}) == sent + 1
    for one in sessions[1:]:
        one.close()


@pytest.mark.long(short=1)
@pytest.mark.parametrize("how", ["SIGTERM", "takeover"])
def test_what_never_ends_is_bound(server, generations, certificates, how):  # noqa: F811
    """Transactions, locks, statements, prepared XA and logins that come to no end: drain_timeout is their end. The server
    has none of their threads afterwards, and what was prepared is there for whoever recovers it."""
    line = generations(server, ("proxy", "drain_timeout", "3s"), ("proxy", "login_timeout", "60s"),
                       ("tls", "certificate", certificates / "server.pem"), ("tls", "key", certificates / "server.key"))
    gate = line.gate
    gate.uncounted = "sessions are closed in the middle"
    keeps = ["BEGIN", "LOCK TABLES lab_tests READ", "SELECT GET_LOCK('kept', 1)",
             "CREATE TEMPORARY TABLE kept (n INT)", "XA START 'kept'"]
    sessions = [wire.connect(gate.port, "lab_service") for _ in range(len(keeps) + 2)]
    for one, statement in zip(sessions, keeps):
        one.query(statement)
    for statement in ("XA START 'never'", "INSERT INTO lab_samples (order_id, barcode) VALUES ('never', 'never')",
                      "XA END 'never'", "XA PREPARE 'never'"):
        sessions[-2].query(statement)
    sessions[-1].command(sessions[-1].query_bytes("SELECT SLEEP(1000)"))
    silent, greeted = (socket.create_connection(("127.0.0.1", gate.port), 60) for _ in range(2))
    greeted.recv(1000)
    greeted.sendall(b"\x20\x00\x00\x01\x00\x08\x08\x00" + bytes(28) + b"\x16\x03\x01")  # a TLS handshake's first bytes
    old, began = gate.process, time.monotonic()
    if how == "takeover":
        line.upgrade()
        assert all(one.query("SELECT 1")[0].rows == [["1"]] for one in sessions[:4])
        told = gates.ctl(gate, "sessions")["sessions"]
        assert sum(one["process"] == old.pid and bool(one["kept"]) for one in told) >= len(sessions)
    else:
        old.send_signal(signal.SIGTERM)
    assert old.wait(60) == 0
    assert 1 < time.monotonic() - began < 50
    gate.wait_log("drain_timeout is over: [0-9]+ sessions are closed")
    assert all(one.closed() for one in sessions)
    for one in (silent, greeted):
        one.close()
    threads = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'lab_service'"
    assert places.wait_for(lambda: server.sql(threads) == ((0,),), 60)
    assert [row[3] for row in server.sql("XA RECOVER")] in (["never"], [b"never"])
    server.sql("XA ROLLBACK 'never'")
    if how == "takeover":
        wire.connect(gate.port, "lab_service").quit()
