"""Mixed load while everything goes wrong: clients and upstream connections are killed, the upstream
itself now and then (in the long form, `make soak`), the configuration is reloaded each second and the
log moved away. At the end every acknowledged write is there exactly once, every other at most once, and
nothing is left of what was used."""
import json
import os
import random
import re
import resource
import signal
import subprocess
import threading
import time

import pytest

from harness import places, servers, wire

SECONDS = int(os.environ.get("SILOGATE_SOAK", "20"))
LONG = "SILOGATE_SOAK" in os.environ
BUILD = os.environ.get("SILOGATE_BUILD", "build")  # another one has a sanitizer, and its memory
CLIENTS, SHORT = 12, 100_000


class Load:
    """One client after the other, each writes a number of its own a few times."""

    def __init__(self, gate, number):
        self.gate, self.number = gate, number
        self.acknowledged, self.tried, self.failures, self.sessions = [], 0, [], 0
        self.chance, self.socket = random.Random(number), None
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.stop.is_set():
            try:
                self.session()
            except (wire.Closed, wire.Error, OSError):
                time.sleep(0.02)  # it was killed, or there is no upstream just now
            except Exception as failure:  # an answer that is not one
                self.failures.append(repr(failure))
                return

    def session(self):
        connection = wire.connect(self.gate.port, "lab_service")
        self.socket = connection.socket
        self.sessions += 1
        try:
            statement, _, _ = connection.prepare("SELECT ?, 'soak'")
            for _ in range(self.chance.randrange(40)):
                self.one(connection, statement)
                if self.stop.is_set():
                    break
            connection.quit()
        finally:
            connection.close()

    def one(self, connection, statement):
        choice = self.chance.random()
        if choice < 0.4:
            self.tried += 1
            value = self.number * 10_000_000 + self.tried
            connection.query(f"INSERT INTO soak VALUES ({value})")
            self.acknowledged.append(value)
        elif choice < 0.6:
            connection.command(connection.execute_bytes(statement, [str(self.tried)]))
            rows = connection.answers(binary=True)[0].rows
            assert rows[0].endswith(b"\x04soak"), rows
        elif choice < 0.7:
            size = self.chance.randrange(300_000)
            row = connection.query(f"SELECT REPEAT('y', {size})")[0].rows[0][0]
            assert len(row) == size
        elif choice < 0.8:
            connection.query("SELECT COUNT(*) FROM clinical_data.patients")  # a violation, logged
        elif choice < 0.85:
            connection.change_user("lab_service", "nilecare")
            raise wire.Closed()  # its statements are gone
        else:
            assert connection.query("SELECT 1; SELECT 2")[1].rows == [["2"]]


def kill_clients(loads, chance):
    for load in chance.sample(loads, 2):
        try:
            load.socket.shutdown(2)
        except (OSError, AttributeError):
            pass


def kill_upstream_connections(server):
    for number, in server.sql("SELECT id FROM information_schema.processlist WHERE user ="
                              " 'lab_service' ORDER BY RAND() LIMIT 2"):
        try:
            server.sql(f"KILL {number}")
        except Exception:  # it has gone by itself
            pass


def rotate(gate, number):
    if gate.violations_file.exists():
        gate.rotate(gate.violations_file.with_name(f"violations.jsonl.{number}"))


@pytest.mark.long
@pytest.mark.parametrize("kind", servers.KINDS if LONG else ["mariadb"])
def test_soak(make_gate, kind):
    server = servers.new(kind)
    try:
        soak(server, make_gate)
    finally:
        server.remove()


def soak(server, make_gate):
    # no unique key: what is written twice is to be seen
    server.sql("CREATE TABLE nilecare.soak (id BIGINT, KEY (id)) ENGINE=InnoDB",
               "GRANT ALL ON nilecare.soak TO lab_service@'%'",
               "GRANT SELECT ON clinical_data.* TO lab_service@'%'",
               "SET GLOBAL innodb_flush_log_at_trx_commit = 1")
    gate = make_gate(server, ("service:lab", "mode", "log"), ("service:lab", "owns", "nilecare.soak"),
                     ("proxy", "workers", "2"), ("log", "repeat", "1s"))
    wire.connect(gate.port, "lab_service").quit()
    files, chance, turn = gate.files(), random.Random(1), 0
    loads = [Load(gate, number) for number in range(1, CLIENTS + 1)]
    try:
        end, memory = time.monotonic() + SECONDS, None
        while time.monotonic() < end:
            time.sleep(1)
            turn += 1
            kill_clients(loads, chance)
            kill_upstream_connections(server)
            gate.reload(("service:lab", "max_connections", str(50 + turn % 7)))
            rotate(gate, turn)
            memory = memory or (gate.rss() if turn >= 5 else None)
            if turn % 60 == 7 and (LONG or turn == 7):
                server.stop(signal.SIGKILL)
                server.start()
    finally:
        for load in loads:
            load.stop.set()
        for load in loads:
            load.thread.join(60)
    assert not [failure for load in loads for failure in load.failures]
    assert not any(load.thread.is_alive() for load in loads)
    check(server, gate, loads, files, memory)


def check(server, gate, loads, files, memory):
    there = [number for number, in server.sql("SELECT id FROM nilecare.soak")]
    assert len(there) == len(set(there)), "written twice"
    acknowledged = {number for load in loads for number in load.acknowledged}
    assert acknowledged <= set(there), sorted(acknowledged - set(there))[:5]
    # What was not acknowledged may have been written, once for each that broke off.
    assert len(there) - len(acknowledged) <= sum(load.tried - len(load.acknowledged) for load in loads)
    assert len(acknowledged) > 100 and all(load.sessions > 1 for load in loads)
    assert places.wait_for(lambda: server.threads() == 0 or server.sql(
        "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'lab_service'")[0][0] == 0)
    assert places.wait_for(lambda: gate.files() <= files + 2)
    assert places.wait_for(lambda: gate.metrics().total("sessions_open") == 0)
    check_numbers(gate, loads)
    grown = gate.rss() - memory
    print(f"{server.name}: {sum(load.sessions for load in loads)} sessions, {len(acknowledged)} writes"
          f" acknowledged of {sum(load.tried for load in loads)}, {len(there)} there, {grown} KiB grown")
    # the rings of the log are touched bit by bit, 1 MiB for each worker
    assert grown < (300 if BUILD != "build" else 6) * 1024, grown


def check_numbers(gate, loads):
    """What silogate counts is what the clients, the files of the log and the reloads say."""
    numbers = gate.metrics()
    assert numbers.total("upstream_sessions_open") == 0 == numbers.total("service_sessions_open")
    assert numbers.total("logins_total", result="accepted") >= sum(load.sessions for load in loads)
    assert numbers.total("commands_total", outcome="refused") == 0
    assert numbers.total("commands_total", outcome="forwarded") == numbers.total("answers_total")
    assert numbers.total("violation_log_lost_total") == 0 < numbers.total("violations_total")
    # the last period's sums are still to come
    assert places.wait_for(lambda: logged(gate) == numbers.total("violations_total")), \
        (logged(gate), numbers.total("violations_total"))
    assert {one["action"] for one in all_records(gate) if one["event"] == "reload"} == {"accepted"}


def all_records(gate):
    """Those of the files that were moved away too."""
    return [json.loads(line) for path in gate.folder.glob("violations.jsonl*")
            for line in path.read_text().splitlines()]


def logged(gate):
    return sum(one["count"] for one in all_records(gate) if one["event"] == "violation")


class Crowded(servers.MariaDB):
    """A server for thousands of connections."""

    def command(self):
        left_out = ("--max-connections",)
        return [one for one in super().command() if not one.startswith(left_out)] + [
            "--max-connections=5200", "--thread-handling=pool-of-threads", "--back-log=2000",
            "--open-files-limit=12000", "--general-log=0"]


def short_sessions(gate):
    """Each logs in, asks once and goes."""
    done = subprocess.run(
        ["sysbench", places.TOP / "bench/logins.lua", "--db-driver=mysql", "--mysql-host=127.0.0.1",
         f"--mysql-port={gate.port}", "--mysql-user=lab_service", "--mysql-db=nilecare",
         f"--mysql-password={servers.password('lab_service')}", "--threads=16", "--time=0",
         f"--events={SHORT}", "run"], capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0 and "FATAL" not in done.stdout, done.stdout[-2000:] + done.stderr
    assert re.search(rf"total number of events: +{SHORT}\n", done.stdout), done.stdout


@pytest.mark.skipif(not LONG, reason="make soak runs it")
def test_five_thousand_idle_sessions(make_gate):
    """All are served, all live on while 100,000 short ones come and go, and nothing is left of them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 12000:
        pytest.skip(f"this machine allows {hard} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20000) if hard > 0 else 20000, hard))
    server = Crowded()
    try:
        server.install()
        server.start()
        server.load(servers.EXAMPLE / "schema.sql", servers.EXAMPLE / "users.sql")
        server.sql("CREATE TABLE nilecare.sbtest1 (id INT PRIMARY KEY, c INT)",
                   "INSERT INTO nilecare.sbtest1 VALUES (1, 1)")
        gate = make_gate(server, ("upstream:main", "max_connections", "5100"),
                         ("service:lab", "max_connections", "5100"),
                         ("service:lab", "owns", "nilecare.sbtest1"))
        wire.connect(gate.port, "lab_service").quit()
        files, memory = gate.files(), gate.rss()
        idle = [wire.connect(gate.port, "lab_service") for _ in range(5000)]
        each = (gate.rss() - memory) / len(idle)
        crowded = gate.rss()
        short_sessions(gate)
        assert gate.rss() - crowded < 16 * 1024 or BUILD != "build"
        for connection in idle:
            assert connection.query("SELECT 1")[0].rows == [["1"]]
        for connection in idle:
            connection.close()
        assert places.wait_for(lambda: gate.files() <= files + 2, 60)
        assert places.wait_for(lambda: server.threads() == 0, 60)
        assert gate.metrics().total("sessions_closed_total") == SHORT + len(idle) + 2  # and two first looks
        print(f"{each:.1f} KiB a session")
        assert each < 3 or BUILD != "build"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        server.remove()
