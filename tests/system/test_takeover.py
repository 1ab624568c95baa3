"""An upgrade that no client sees: a new silogate takes the sockets of the one that runs. And the end
of one: readiness, delay, what a boundary is, systemd's side of it."""
import datetime
import json
import os
import re
import signal
import socket
import struct
import subprocess
import time

import pymysql
import pytest

from harness import built, gate as gates, places, servers, wire
from harness.generations import Generations


@pytest.fixture
def generations(make_gate):
    made = []

    def make(server, *changes):
        gate = make_gate(server, *changes, start=False)
        gate.ini = gates.change(gate.ini, "proxy", "control", f"unix:{gate.folder}/control")
        gate.path.write_text(gate.ini)
        gate.start()
        made.append(Generations(gate))
        return made[-1]

    yield make
    for one in made:
        one.end()


def test_admin_and_control_go_along(mariadb, generations):
    line = generations(mariadb, ("proxy", "drain_timeout", "20s"))
    gate = line.gate
    first = gate.process
    busy = wire.connect(gate.port, "lab_service")
    busy.query("BEGIN")
    line.upgrade()
    assert gate.get("/readyz")[0] == 200
    other = wire.connect(gate.port, "lab_service")
    told = {}

    def at_rest():  # silogate has its own question answered behind the login
        told.update(json.loads(gates.run("ctl", "-c", gate.path, "--json", "sessions").stdout))
        return sorted((one["process"], str(one["kept"])) for one in told["sessions"]) == sorted(
            [(first.pid, "a transaction is open"), (gate.process.pid, "None")])

    assert places.wait_for(at_rest), told
    assert told["process"] == gate.process.pid and told["unreached"] == told["late"] == 0
    assert len({one["id"] for one in told["sessions"]}) == 2
    assert first.poll() is None and busy.query("SELECT 7")[0].rows == [["7"]]
    busy.query("COMMIT")
    assert places.wait_for(lambda: refused(busy, "SELECT 1") == 1053)  # two seconds after its login
    busy.close()
    assert first.wait(60) == 0
    assert other.query("SELECT 1")[0].rows == [["1"]]
    assert (gate.folder / "admin").exists() and (gate.folder / "control").exists()
    other.quit()


def test_overrides_go_along(mariadb, generations):
    line = generations(mariadb, ("proxy", "drain_timeout", "5s"))
    gate = line.gate

    def ctl(*words):
        return json.loads(gates.run("ctl", "-c", gate.path, "--json", *words).stdout)

    begun = ctl("mode", "lab", "block", "--for", "10m", "--ticket", "NC-1")
    for seconds in (2, 10, 40):  # until the upgrade was faster than its end
        due = time.monotonic() + seconds
        short = ctl("allow", "lab", "on", "clinical_data.patients", "access", "read", "--for", f"{seconds}s")
        line.upgrade()
        listed = [one["id"] for one in ctl("overrides")["overrides"]]
        if time.monotonic() < due:
            break
    assert listed == [begun["id"], short["id"]]
    session = wire.connect(gate.port, "lab_service")
    assert places.wait_for(lambda: refused(session, "SELECT 1 FROM clinical_data.patients") == 1142)
    assert [one["until"] for one in ctl("overrides")["overrides"]] == [begun["until"]]  # the other's end came
    ctl("undo", begun["id"])
    assert refused(session, "SELECT 1 FROM clinical_data.patients") == 0
    session.quit()


def test_older_generations_hear_of_overrides(mariadb, generations):
    """What is changed after a takeover holds for the sessions that the old one still has, over two generations, and
    what is undone ends for them; a hold too. Each is recorded once."""
    line = generations(mariadb, ("service:billing", "mode", "log"), ("proxy", "drain_timeout", "120s"))
    gate = line.gate
    gate.uncounted = "one log is written by all of them"
    foreign, write = "SELECT 1 FROM clinical_data.patients", "UPDATE invoices SET status = status WHERE 1 = 0"

    def ctl(*words):
        return json.loads(gates.run("ctl", "-c", gate.path, "--json", *words).stdout)

    def soon(code):
        assert places.wait_for(lambda: [refused(one, foreign) for one in sessions] == [code] * 2, 30, 0.1)

    before = ctl("allow", "billing", "on", "clinical_data.nothing", "access", "read", "--for", "10m")
    sessions = []
    for _ in range(2):
        sessions.append(wire.connect(gate.port, "billing_service"))
        sessions[-1].query("BEGIN")
        line.upgrade()
    soon(0)
    block = ctl("mode", "billing", "block", "--for", "10m", "--ticket", "NC-2")
    soon(1142)
    ctl("undo", block["id"])
    soon(0)
    ctl("mode", "billing", "block", "--for", "8s")
    soon(1142)
    soon(0)
    # one that was begun before the takeovers, too
    ctl("undo", before["id"])
    gate.wait_log(f"override {before['id']} undone.*(\n.*)*override {before['id']} undone", 30)
    sessions[0].query("SELECT GET_LOCK('kept', 1)")
    sessions[0].query("COMMIT")  # is kept by its lock alone: none of the two waits, as ever
    ctl("hold", "billing", "--writes", "--for", "1s")
    sessions[1].query(write)
    assert places.wait_for(lambda: len(gate.events("override")) >= 8, 30), gate.events("override")
    for one in sessions:
        one.close()
    assert all(one.wait(30) == 0 for one in line.old)
    assert len(gate.events("override")) == 8, gate.events("override")


def test_ctl_reaches_older_generations(server, generations):
    """Sessions of three generations are shown and ended by the youngest; a reload holds for all of them; one that was
    killed leaves nothing behind."""
    line = generations(server, ("service:billing", "mode", "log"), ("proxy", "drain_timeout", "120s"))
    gate = line.gate
    gate.uncounted = "one log is written by all of them"
    control = gate.folder / "control"

    def ctl(*words, code=0):
        return gates.ctl(gate, *words, code=code)

    sessions = []
    for generation in range(3):
        for _ in range(2):
            sessions.append(wire.connect(gate.port, "billing_service"))
            sessions[-1].query("BEGIN")
            sessions[-1].query(f"SELECT {generation} FROM invoices LIMIT 1")
        if generation < 2:
            line.upgrade()
    pids = [one.pid for one in line.old] + [gate.process.pid]
    told = ctl("sessions", "--service", "billing", "--in-transaction")["sessions"]
    assert sorted(one["process"] for one in told) == sorted(pids * 2)
    assert ctl("sessions", "--service", "lab")["sessions"] == []
    text = gates.run("ctl", "-c", gate.path, "sessions").stdout
    assert all(str(pid) in text for pid in pids) and "6 sessions" in text
    by_thread = {one["thread"]: one for one in told}
    mine = [by_thread[int(one.query("SELECT CONNECTION_ID()")[0].rows[0][0])] for one in sessions]
    assert [one["process"] for one in mine] == [pid for pid in pids for _ in range(2)]
    for one in mine:
        assert ctl("show", str(one["id"]))["session"]["process"] == one["process"]

    gate.path.write_text(gates.change(gate.ini, "service:billing", "mode", "block"))
    ctl("reload")
    assert places.wait_for(lambda: [refused(one, "SELECT 1 FROM clinical_data.patients") for one in sessions] == [1142] * 6)

    for place in (0, 2, 4):
        ctl("kill", str(mine[place]["id"]))
        assert sessions[place].closed()
        assert "no session" in ctl("kill", str(mine[place]["id"]), code=1)
    assert {one["id"] for one in ctl("sessions")["sessions"]} == {mine[place]["id"] for place in (1, 3, 5)}
    assert "no account" in ctl("kill", str(mine[1]["id"]), "--query", code=1) or \
        "no statement" in ctl("kill", str(mine[1]["id"]), "--query", code=1)

    own = [control.with_name(f"control.{pid}") for pid in pids]
    assert [path.exists() for path in own] == [True, True, False]
    assert own[0].stat().st_mode & 0o777 == 0o660
    line.old[0].kill()
    line.old[0].wait()
    assert places.wait_for(lambda: not own[0].exists())
    assert len(ctl("sessions")["sessions"]) == 2
    places.stop(line.old[1].pid)  # one that hangs is told, and nothing waits for long
    told = json.loads(gates.run("ctl", "-c", gate.path, "--json", "sessions").stdout)
    assert told["unreached"] == 1 and len(told["sessions"]) == 1
    os.kill(line.old[1].pid, signal.SIGCONT)
    assert places.wait_for(lambda: len(ctl("sessions")["sessions"]) == 2)
    sessions[3].quit()  # the last of its generation
    assert places.wait_for(lambda: line.old[1].poll() == 0, 60)
    assert not own[1].exists()
    for one in sessions:
        one.close()


def test_kill_reaches_older_generations(server, generations):
    """Cancel (Ctrl-C, a driver's timeout) comes on a connection of its own, to the new one: what it names is found at
    the old ones, without an account, of the same service alone, and nobody waits for one that hangs."""
    line = generations(server, ("proxy", "drain_timeout", "120s"), ("policy", "administration", "block"))
    gate = line.gate
    gate.uncounted = "one log is written by all of them"

    def sleeper():
        one = wire.connect(gate.port, "lab_service")
        one.command(one.query_bytes("SELECT SLEEP(100) AS kill_kin"))
        return one

    def interrupted(one):
        try:
            return one.answers()[0].rows == [["1"]]
        except wire.Error as error:
            return error.code == 1317

    asleep = ("SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '%kill_kin%' AND "
              "info NOT LIKE '%processlist%'")
    victims = []
    for _ in range(2):
        victims += [sleeper() for _ in range(2)]
        line.upgrade()
    assert places.wait_for(lambda: server.sql(asleep) == ((4,),))
    killer, stranger = wire.connect(gate.port, "lab_service"), wire.connect(gate.port, "billing_service")
    assert refused(stranger, f"KILL QUERY {victims[0].thread}") in (1094, 1227)  # unknown, or refused
    killer.query(f"KILL QUERY {victims[0].thread}")
    assert interrupted(victims[0])
    killer.query(f"KILL {victims[2].thread}")
    assert places.wait_for(victims[2].closed)
    if server.dialect == "mariadb":
        killer.ok(b"\x0c" + victims[3].thread.to_bytes(4, "little"))
    else:  # its new versions know no COM_PROCESS_KILL
        killer.query(f"KILL {victims[3].thread}")
    assert places.wait_for(victims[3].closed)
    assert refused(killer, "KILL QUERY 1073741999") in (1094, 1227)
    places.stop(line.old[0].pid)
    assert refused(killer, f"KILL QUERY {victims[1].thread}") in (1094, 1227)
    os.kill(line.old[0].pid, signal.SIGCONT)
    killer.query(f"KILL QUERY {victims[1].thread}")
    assert interrupted(victims[1])
    for one in [*victims, killer, stranger]:
        one.close()
    assert all(one.wait(60) == 0 for one in line.old)


@pytest.fixture
def clock(tmp_path, monkeypatch):
    """Sets the wall clock of what is started from here on, by so many seconds."""
    if re.search("asan|tsan", str(places.BUILD)):
        pytest.skip("a sanitizer has the clock's functions to itself")

    def build(library):
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", library, places.TOP / "tests/harness/set_clock.c"],
                       check=True)
    library = built.once("set_clock.so", [places.TOP / "tests/harness/set_clock.c"], build)
    file = tmp_path / "clock"
    file.write_bytes(struct.pack("<q", 0))
    monkeypatch.setenv("SILOGATE_CLOCK", str(file))
    monkeypatch.setenv("LD_PRELOAD", str(library))

    def set_to(seconds):
        with file.open("r+b") as opened:
            opened.write(struct.pack("<q", seconds))
    return set_to


@pytest.mark.long
@pytest.mark.parametrize("step", [-3600, 3600])
def test_a_clock_that_is_set_changes_no_end(mariadb, generations, clock, step):
    """An override lasts as long as it was told to, and shows its end by the clock as it is now; a hold too."""
    line = generations(mariadb, ("service:billing", "mode", "log"))
    gate = line.gate
    gate.uncounted = "one log is written by both of them"

    def ctl(*words):
        return json.loads(gates.run("ctl", "-c", gate.path, "--json", *words).stdout)

    session = wire.connect(gate.port, "billing_service")
    kept = ctl("mode", "billing", "block", "--for", "30m")
    hold = ctl("hold", "billing", "--writes", "--for", "8s")
    began = time.monotonic()
    clock(step)
    assert [one["id"] for one in ctl("overrides")["overrides"]] == [kept["id"], hold["id"]]
    session.query("UPDATE invoices SET status = status WHERE 1 = 0")  # waits for the hold's end
    assert 3 < time.monotonic() - began < 40
    assert refused(session, "SELECT 1 FROM clinical_data.patients") == 1142

    def until(one):
        return datetime.datetime.fromisoformat(one["until"].rstrip("Z"))
    left = ctl("overrides")["overrides"]
    assert [one["id"] for one in left] == [kept["id"]]
    assert abs((until(left[0]) - until(kept)).total_seconds() - step) < 5
    line.upgrade()
    assert [one["id"] for one in ctl("overrides")["overrides"]] == [kept["id"]]
    session.close()


def refused(connection, sql):
    try:
        connection.query(sql)
    except wire.Error as error:
        return error.code
    return 0


def test_a_successor_that_cannot_serve_changes_nothing(mariadb, generations):
    line = generations(mariadb)
    gate = line.gate
    good = gate.ini
    connection = wire.connect(gate.port, "lab_service")
    gate.path.write_text(good.replace("[service:lab]", "[service:lab]\nmoed = log"))
    line.upgrade(code=2)
    gate.path.write_text(gates.change(good, "upstream:main", "address", "127.0.0.1:1"))
    line.upgrade(code=2)
    assert "the silogate that runs goes on" in gate.log()
    gate.path.write_text(gates.change(good, "log", "violations", "/nonexistent/v.jsonl"))
    line.upgrade(code=2)
    gate.path.write_text(good)
    assert connection.query("SELECT 1")[0].rows == [["1"]]
    wire.connect(gate.port, "lab_service").quit()
    assert gate.get("/readyz")[0] == 200
    assert gates.run("ctl", "-c", gate.path, "overrides").returncode == 0
    # one that asks for the sockets and dies, or says nonsense, changes nothing either
    for said in (b"", b"X"):
        before = len(gate.log())
        with socket.socket(socket.AF_UNIX) as knock:
            knock.connect(str(gate.folder / "control"))
            knock.sendall(b"GET /control/takeover HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
                          b"Upgrade: silogate-takeover\r\n\r\n")
            knock.recv(100)
            knock.sendall(said)
        # one takeover at a time: the next may ask once this one is known to have failed
        gate.wait_log("did not start", start=before)
    assert connection.query("SELECT 1")[0].rows == [["1"]]
    line.upgrade()
    connection.close()


def test_an_upgrade_costs_plain_clients_no_second(mysql, generations):
    """silogate's RSA key is there before a successor serves: the first password that needs it does not wait."""
    line = generations(mysql, ("proxy", "drain_timeout", "2s"))
    line.gate.connect("lab_service").close()
    took = []
    while len(took) < 3 or min(took) > 0.8 and len(took) < 12:
        line.upgrade()
        begun = time.monotonic()
        line.gate.connect("lab_service").close()
        took.append(time.monotonic() - begun)
    assert min(took) < 0.8, took  # a session that waits for the key looks once a second


def test_two_starts_at_once(mariadb, make_gate):
    """They take their turns: the second takes over from the first, and none is orphaned."""
    gate = make_gate(mariadb, ("proxy", "drain_timeout", "2s"), start=False)
    gate.ini = gates.change(gate.ini, "proxy", "control", f"unix:{gate.folder}/control")
    gate.path.write_text(gate.ini)
    with open(gate.log_file, "ab") as out:
        started = [subprocess.Popen([str(places.SILOGATE), "run", "-c", str(gate.path)], stdin=subprocess.DEVNULL,
                                    stdout=out, stderr=out, start_new_session=True, preexec_fn=places.end_with_us)
                   for _ in range(4)]
    try:
        assert places.wait_for(lambda: gate.log().count("taken over from") == 3, 60), gate.log()
        assert places.wait_for(lambda: sum(one.poll() is None for one in started) == 1), gate.log()
        assert sorted(one.poll() or 0 for one in started) == [0, 0, 0, 0]
        gate.process, = (one for one in started if one.poll() is None)
        assert gates.run("ctl", "-c", gate.path, "overrides").returncode == 0
        wire.connect(gate.port, "lab_service").quit()
    finally:
        for one in started:
            if one.poll() is None and one is not gate.process:
                one.kill()
                one.wait()


def test_unix_sockets_and_old_generations(mariadb, generations):
    """A Unix socket goes along; more generations than four do not pile up."""
    line = generations(mariadb, ("proxy", "drain_timeout", "300s"))
    gate = line.gate
    path = gate.folder / "clients"
    gate.process.terminate()
    gate.process.wait(60)
    gate.ini = gates.change(gate.ini, "proxy", "listen", f"127.0.0.1:{gate.port}", f"unix:{path}")
    gate.path.write_text(gate.ini)
    gate.log_file.unlink()
    gate.start()
    kept = []
    for _ in range(5):  # the fifth start waits for the first's end, for ten seconds
        connection = pymysql.connect(unix_socket=str(path), user="lab_service", database="nilecare",
                                     password=servers.password("lab_service"))
        connection.cursor().execute("BEGIN")
        connection.cursor().execute("SELECT COUNT(*) FROM lab_samples")
        kept.append(connection)
        line.upgrade()
    assert path.exists()
    assert places.wait_for(lambda: sum(one.poll() is None for one in line.old) == 4), \
        [one.poll() for one in line.old]
    assert line.old[0].poll() == 0
    assert "waiting for the oldest" in gate.log() and "the oldest is ended" in gate.log()
    kept[-1].cursor().execute("SELECT 1")
    for connection in kept:
        try:
            connection.close()
        except pymysql.Error:
            pass
    for process in line.old:
        assert process.wait(60) == 0


def test_shutdown_delay(mariadb, make_gate):
    """Not ready at once, but clients are still taken until the delay is over."""
    for delay in ("1500ms", "10s", "40s"):  # until a client was there before its end
        gate = make_gate(mariadb, ("proxy", "shutdown_delay", delay))
        begun = time.monotonic()
        gate.process.send_signal(signal.SIGTERM)
        assert places.wait_for(lambda: gate.get("/readyz")[0] == 503)  # noqa: B023: called at once
        try:
            late = wire.connect(gate.port, "lab_service")
            break
        except (OSError, wire.Error, wire.Closed):
            assert time.monotonic() - begun > float(delay.replace("500ms", ".5").rstrip("s"))
    assert late.query("BEGIN")
    assert places.wait_for(lambda: not places.port_open(gate.port))
    assert gate.get("/healthz")[0] == 200  # admin answers until the last session is gone
    late.query("COMMIT")
    gate.stop()


def test_second_signal_ends_at_once(mariadb, make_gate):
    gate = make_gate(mariadb, ("proxy", "drain_timeout", "60s"))
    busy = wire.connect(gate.port, "billing_service")
    busy.query("BEGIN")
    busy.query("SELECT 1 FROM clinical_data.patients")
    gate.process.send_signal(signal.SIGTERM)
    gate.wait_log("draining")
    gate.process.send_signal(signal.SIGTERM)
    assert gate.process.wait(60) == 0
    assert len(gate.events("violation")) == 1  # records are written before the end


def test_idle_sessions_end_one_after_the_other(mariadb, make_gate):
    gate = make_gate(mariadb, ("proxy", "drain_timeout", "8s"), ("proxy", "workers", "1"))
    idle = [wire.connect(gate.port, "lab_service") for _ in range(20)]
    gate.process.send_signal(signal.SIGTERM)
    gate.wait_log("draining")
    working = 0
    for connection in reversed(idle):
        try:
            connection.query("SELECT 1")
            working += 1
        except wire.Error as error:
            assert error.code == 1053
    assert working > 0
    assert all(connection.closed() for connection in idle)
    gate.stop()


class Notified:
    def __init__(self, folder):
        self.path = str(folder / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(60)

    def until(self, word):
        while True:
            said = self.socket.recv(4096).decode()
            if word in said:
                return said


def test_systemd(mariadb, make_gate, monkeypatch):
    """Socket activation and Type=notify-reload, without systemd."""
    gate = make_gate(mariadb, start=False)
    told = Notified(gate.folder)
    listening = socket.create_server(("127.0.0.1", gate.port))
    waiting = socket.create_connection(("127.0.0.1", gate.port), 20)  # before silogate runs
    script = ('import os,sys\n'
              'os.dup2(int(sys.argv[1]), 3, inheritable=True)\n'
              'os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")\n'
              'os.execv(sys.argv[2], sys.argv[2:])\n')
    with open(gate.log_file, "ab") as out:
        gate.process = subprocess.Popen(
            ["/usr/bin/python3", "-c", script, str(listening.fileno()), str(places.SILOGATE), "run",
             "-c", str(gate.path)], stdout=out, stderr=out, pass_fds=[listening.fileno()],
            env=dict(os.environ, NOTIFY_SOCKET=told.path), start_new_session=True)
    ready = told.until("READY=1")
    assert f"MAINPID={gate.process.pid}" in ready
    waiting.settimeout(60)
    assert len(waiting.recv(100)) > 20
    waiting.close()
    wire.connect(gate.port, "lab_service").quit()
    gate.process.send_signal(signal.SIGHUP)
    assert "MONOTONIC_USEC=" in told.until("RELOADING=1")
    told.until("READY=1")
    gate.path.write_text(gate.ini + "[nonsense]\n")
    gate.process.send_signal(signal.SIGHUP)
    told.until("RELOADING=1")
    assert "refused" in told.until("READY=1")
    gate.process.send_signal(signal.SIGTERM)
    told.until("STOPPING=1")
    assert gate.process.wait(60) == 0
    listening.close()
    gate.process = None
