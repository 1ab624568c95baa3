"""SIGHUP, SIGTERM, SIGUSR1: nothing is lost, and a bad file changes nothing."""
import re
import signal
import threading
import time

import pymysql
import pytest

from harness import gate as gates, places, wire
from test_takeover import generations  # noqa: F401


def test_bad_file_keeps_the_old_policy(server, make_gate):
    gate = make_gate(server, ("service:billing", "mode", "block"))
    connection = wire.connect(gate.port, "billing_service")
    before = len(gate.log())
    record = gate.reload(ini=gate.ini.replace("[service:billing]", "[service:billing]\nmoed = log"),
                         accepted=False)
    assert "accept" in str(record).lower() or "refus" in str(record).lower()
    line = next(number for number, text in enumerate(gate.path.read_text().splitlines(), 1)
                if text.startswith("moed"))
    gate.wait_log(rf":{line}: ", start=before)
    with pytest.raises(wire.Error) as refused:
        connection.query("SELECT 1 FROM clinical_data.patients")
    assert refused.value.code == 1142
    wire.connect(gate.port, "lab_service").quit()
    gate.reload(("service:billing", "mode", "log"))
    connection.query("SELECT 1 FROM clinical_data.patients")
    connection.quit()


def test_a_team_has_a_file_of_its_own(server, make_gate):
    """include: a file in conf.d holds a grant; an error in it is told as a line of the log, by its
    name and line, and changes nothing."""
    gate = make_gate(server, ("service:billing", "mode", "block"),
                     ("proxy", "include", "conf.d/*.ini"))
    team = gate.folder / "conf.d" / "billing.ini"
    connection = wire.connect(gate.port, "billing_service")
    with pytest.raises(wire.Error):
        connection.query("SELECT 1 FROM clinical_data.patients")
    team.parent.mkdir()
    team.write_text("[grant:patients]\nservice = billing\non = clinical_data.patients\n"
                    "access = read\n")
    gate.reload()
    connection.query("SELECT 1 FROM clinical_data.patients")
    team.write_text(team.read_text().replace("read", "raed"))
    before = len(gate.log())
    gate.reload(accepted=False)
    gate.wait_log(rf"(?m)^20\S+Z error {re.escape(str(team))}:4: access = raed", start=before)
    connection.query("SELECT 1 FROM clinical_data.patients")
    connection.quit()


def test_reload_under_load_loses_no_session(server, make_gate):
    """Sessions work on while the policy changes back and forth; each statement gets one verdict."""
    gate = make_gate(server)
    failures, counts, stop = [], {"answered": 0, "refused": 0}, threading.Event()

    def work(number):
        try:
            connection = wire.connect(gate.port, "billing_service")
            while not stop.wait(0.002):
                assert connection.query(f"SELECT {number}")[0].rows == [[str(number)]]
                try:
                    assert len(connection.query("SELECT id FROM clinical_data.patients")[0].rows) == 3
                    counts["answered"] += 1
                except wire.Error as error:
                    assert error.code == 1142
                    counts["refused"] += 1
            connection.quit()
        except BaseException as failure:
            failures.append(repr(failure))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for number in range(10):
        time.sleep(0.15)
        gate.reload(("service:billing", "mode", ["block", "log"][number % 2]))
    stop.set()
    for thread in threads:
        thread.join(60)
    assert not failures
    assert counts["answered"] and counts["refused"]


def test_what_needs_a_restart_is_named(server, make_gate):
    gate = make_gate(server)
    before = len(gate.log())
    gate.reload(("proxy", "workers", "2"))
    gate.wait_log("workers", start=before)
    wire.connect(gate.port, "lab_service").quit()


def test_a_moved_service_lands_in_its_new_database(server, make_gate):
    """The step of the migration: two lines and SIGHUP, and billing works in nilecare_billing."""
    gate = make_gate(server)
    before = wire.connect(gate.port, "billing_service")
    gate.reload(("service:billing", "database", "nilecare_billing"),
                ("service:billing", "alias", "nilecare"))
    after = wire.connect(gate.port, "billing_service", database="nilecare")
    for connection, database in ((before, "nilecare"), (after, "nilecare_billing")):
        assert connection.query("SELECT DATABASE(), COUNT(*) FROM invoices")[0].rows == [
            [database, "2"]]
        connection.quit()


def test_drain_lets_transactions_end(server, make_gate):
    """SIGTERM: no new sessions, idle ones end, one within a transaction may finish it."""
    gate = make_gate(server)
    idle = wire.connect(gate.port, "lab_service")
    busy = wire.connect(gate.port, "lab_service")
    busy.query("BEGIN")
    busy.query("INSERT INTO lab_samples (order_id, barcode) VALUES ('x', 'drained')")
    gate.process.send_signal(signal.SIGTERM)
    assert idle.closed()
    with pytest.raises((ConnectionError, wire.Closed, wire.Error)):
        wire.connect(gate.port, "lab_service")
    assert busy.query("SELECT 1")[0].rows == [["1"]]
    busy.query("COMMIT")
    assert busy.closed()
    gate.stop()
    assert server.sql("SELECT COUNT(*) FROM nilecare.lab_samples WHERE barcode = 'drained'") == ((1,),)
    server.sql("DELETE FROM nilecare.lab_samples WHERE barcode = 'drained'")


def test_drain_ends_at_its_timeout(server, make_gate):
    gate = make_gate(server, ("proxy", "drain_timeout", "1s"))
    busy = wire.connect(gate.port, "lab_service")
    busy.query("BEGIN")
    gate.process.send_signal(signal.SIGTERM)
    assert busy.closed()
    gate.stop()


def test_answer_in_flight_is_delivered_while_draining(server, make_gate):
    gate = make_gate(server)
    busy = wire.connect(gate.port, "lab_service")
    busy.command(busy.query_bytes("SELECT SLEEP(1), 'delivered'"))
    assert places.wait_for(lambda: server.sql(
        "SELECT 1 FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP(1), %'"))
    gate.process.send_signal(signal.SIGTERM)
    assert busy.answers()[0].rows == [["0", "delivered"]]
    gate.stop()


def test_log_rotation_loses_no_record(server, make_gate):
    """The file is moved away and SIGUSR1 sent, while violations are being written."""
    gate = make_gate(server)
    connection = gate.connect("billing_service")
    moved = []
    with connection.cursor() as cursor:
        for number in range(300):
            cursor.execute(f"SELECT {number} AS n{number} FROM clinical_data.patients")
            if number % 100 == 50:
                target = gate.violations_file.with_suffix(f".{number}")
                assert places.wait_for(gate.violations_file.exists)  # the last rotation is done
                gate.rotate(target)
                moved.append(target)
    connection.close()
    gate.stop()
    text = "".join(path.read_text() for path in [*moved, gate.violations_file])
    found = {number for number in range(300) if f" n{number} " in text}
    assert len(found) == 300


def test_repeats_are_summed_up(server, make_gate):
    """With repeat = 60s the same violation is written at first, and the rest in one record."""
    gate = make_gate(server, ("log", "repeat", "60s"))
    connection = gate.connect("billing_service")
    with connection.cursor() as cursor:
        for number in range(50):
            cursor.execute("SELECT mrn FROM clinical_data.patients WHERE id = %s", [str(number)])
    connection.close()
    gate.stop()
    records = [one for one in gate.events("violation")]
    assert sum(one["count"] for one in records) == 50
    assert len(records) == 2 and len({one["digest"] for one in records}) == 1


def test_report_of_what_crossed(server, make_gate):
    gate = make_gate(server)
    connection = gate.connect("billing_service")
    with connection.cursor() as cursor:
        for table in ("clinical_data.patients", "auth_users", "payments", "payments"):
            cursor.execute(f"SELECT COUNT(*) FROM {table}")
    connection.close()
    gate.stop()
    done = gates.run("report", gate.violations_file)
    assert done.returncode == 0, done.stderr
    for owner in ("clinical", "auth", "payment"):
        assert owner in done.stdout
    assert "billing" in done.stdout and "patients" in done.stdout


def test_start_refuses_a_bad_file(tmp_path):
    path = tmp_path / "proxy.ini"
    path.write_text(gates.example() + "\n[service:twice]\nuser = lab_service\nupstream = main\n"
                    "database = x\nowns = nilecare.patients\nnonsense = 1\n")
    for command in ("check", "run"):
        done = gates.run(command, "-c", path)
        assert done.returncode == 2
        assert f"{path}:" in done.stderr
        assert "nonsense" in done.stderr


def test_sessions_end_with_their_upstream_connections(server, make_gate):
    gate = make_gate(server)
    assert places.wait_for(lambda: server.threads() == 0)  # those of other tests may just be ending
    before, files = 0, gate.files()
    connections = [wire.connect(gate.port, "lab_service") for _ in range(20)]
    assert server.threads() >= 20
    for number, connection in enumerate(connections):
        connection.quit() if number % 2 else connection.close()
    assert places.wait_for(lambda: server.threads() <= before)
    assert places.wait_for(lambda: gate.files() <= files + 1)


def test_two_hundred_pymysql_sessions(server, make_gate):
    gate = make_gate(server, ("proxy", "workers", "2"))
    before = server.threads()
    for _ in range(200):
        connection = pymysql.connect(host="127.0.0.1", port=gate.port, user="lab_service",
                                     password="lab_service-secret", database="nilecare")
        connection.close()
    assert places.wait_for(lambda: server.threads() <= before)


def test_a_signal_reaches_each_generation_once(mariadb, generations):  # noqa: F811
    """Each passed it on to all that are older: fourteen reloads of five processes."""
    line = generations(mariadb, ("proxy", "drain_timeout", "120s"))
    gate, sessions = line.gate, []
    gate.uncounted = "one log is written by all of them"
    for _ in range(4):
        sessions.append(wire.connect(gate.port, "billing_service"))
        sessions[-1].query("BEGIN")
        line.upgrade()
    for number, said in ((signal.SIGHUP, "is in force"), (signal.SIGUSR1, "are opened anew")):
        time.sleep(1.2)  # the start's own signal, a second later
        before = len(gate.log())
        gate.process.send_signal(number)
        assert places.wait_for(lambda: gate.log()[before:].count(said) >= 5)
        time.sleep(1)
        assert gate.log()[before:].count(said) == 5
    for session in sessions:
        session.close()
