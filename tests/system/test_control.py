"""The control socket and `silogate ctl`: each call by what it does to real sessions; who may call."""
import json
import os
import re
import select
import socket
import stat
import struct
import subprocess

import pytest

from harness import gate as gates, places, wire

FOREIGN = "SELECT 1 FROM clinical_data.patients"


@pytest.fixture
def make(make_gate):
    def make(server, *changes):
        gate = make_gate(server, *changes, start=False)
        socket_path = gate.folder / "control"
        gate.ini = gates.change(gate.ini, "proxy", "control", f"unix:{socket_path}")
        gate.path.write_text(gate.ini)
        gate.start()
        gate.ctl = lambda *words, code=0, **options: ctl(gate, *words, code=code, **options)
        return gate
    return make


def ctl(gate, *words, code=0, **options):
    """`silogate ctl --json`, and what it said."""
    return gates.ctl(gate, *words, code=code, **options)


def events(gate, count):
    """The overrides' events, once there are so many: a thread of its own writes them."""
    assert places.wait_for(lambda: len(gate.events("override")) >= count)
    return gate.events("override")


def refused(connection, sql=FOREIGN):
    with pytest.raises(wire.Error) as error:
        connection.query(sql)
    return error.value.code


def test_sessions(server, make):
    gate = make(server)
    idle = wire.connect(gate.port, "lab_service")
    busy = wire.connect(gate.port, "billing_service")
    busy.query("BEGIN")
    busy.query("UPDATE invoices SET status = status WHERE 1 = 0")
    every = gate.ctl("sessions")["sessions"]
    assert {one["service"] for one in every} == {"lab", "billing"}
    one = gate.ctl("sessions", "--service", "billing")["sessions"]
    assert len(one) == 1
    one = one[0]
    assert one["user"] == "billing_service" and one["upstream"] == "main"
    assert one["thread"] == int(busy.query("SELECT CONNECTION_ID()")[0].rows[0][0]) or \
        server.sql(f"SELECT COUNT(*) FROM information_schema.processlist WHERE id = {one['thread']}") \
        == ((1,),)
    assert one["transaction"] and one["owners"] == ["billing"] and one["state"] == "command"
    idle.query("SELECT 1 FROM lab_tests LIMIT 0")
    assert gate.ctl("sessions", "--user", "lab_service")["sessions"][0]["owners"] == []
    idle.query("BEGIN")
    idle.query("SELECT 1 FROM lab_tests LIMIT 0")
    assert gate.ctl("sessions", "--user", "lab_service")["sessions"][0]["owners"] == ["lab"]
    idle.query("SELECT 1 FROM invoices, lab_tests LIMIT 0")
    assert set(gate.ctl("sessions", "--user", "lab_service")["sessions"][0]["owners"]) == \
        {"lab", "billing"}
    idle.query("ROLLBACK")
    assert gate.ctl("sessions", "--user", "lab_service")["sessions"][0]["owners"] == []
    assert one["kept"] == "a transaction is open"
    assert re.fullmatch(r"127\.0\.0\.1:\d+", one["client"])
    assert gate.ctl("sessions", "--user", "lab_service")["sessions"][0]["kept"] is None
    assert [one["service"] for one in gate.ctl("sessions", "--in-transaction")["sessions"]] == \
        ["billing"]
    assert gate.ctl("sessions", "--service", "nobody")["sessions"] == []
    shown = gate.ctl("show", str(one["id"]))["session"]
    assert shown["id"] == one["id"]
    text = gates.run("ctl", "-c", gate.path, "sessions").stdout
    assert "billing" in text and "a transaction is open" in text and "2 sessions" in text
    busy.query("ROLLBACK")
    idle.quit()
    busy.quit()


def test_show_a_violation(server, make):
    gate = make(server)
    connection = wire.connect(gate.port, "billing_service")
    connection.query(FOREIGN)
    record = gate.violations(1)[0]
    assert gate.ctl("show", record["id"])["violation"] == record
    assert "no violation" in gate.ctl("show", "0123456789abcdef", code=1)
    gate.ctl("show", "x" * 16, code=1)
    gate.ctl("show", "nonsense", code=2)
    connection.quit()


def test_kill(server, make):
    gate = make(server)
    one, other = (wire.connect(gate.port, "lab_service") for _ in range(2))
    sessions = gate.ctl("sessions")["sessions"]
    thread = int(one.query("SELECT CONNECTION_ID()")[0].rows[0][0])
    mine = [each for each in sessions if thread in (each["id"], each["thread"])][0]
    gate.ctl("kill", str(mine["id"]))
    with pytest.raises((wire.Error, wire.Closed, ConnectionError)):
        one.query("SELECT 1")
    assert other.query("SELECT 1")[0].rows == [["1"]]
    gate.ctl("kill", str(mine["id"]), code=1)
    gate.ctl("kill", "0", code=2)
    # one that works: its connection ends
    other.command(other.query_bytes("SELECT SLEEP(60)"))
    mine = gate.ctl("sessions")["sessions"][0]
    assert places.wait_for(lambda: gate.ctl("sessions")["sessions"][0]["kept"] ==
                           "an answer is in flight")
    gate.ctl("kill", str(mine["id"]))
    assert other.closed()
    assert places.wait_for(
        lambda: gate.metrics().total("sessions_closed_total", reason="killed") == 2)


def test_drain_ends_sessions_at_their_boundary(server, make):
    gate = make(server)
    idle = wire.connect(gate.port, "billing_service")
    busy = wire.connect(gate.port, "billing_service")
    other = wire.connect(gate.port, "lab_service")
    busy.query("BEGIN")
    idle.query("SELECT 1")
    assert gate.ctl("drain", "--service", "billing")["leaving"] == 2
    assert refused(idle, "SELECT 1") == 1053
    assert idle.closed()
    assert busy.query("SELECT 2")[0].rows == [["2"]]
    left = gate.ctl("sessions", "--service", "billing")["sessions"]
    assert [one["leaving"] for one in left] == [True]
    busy.query("COMMIT")
    assert refused(busy, "SELECT 1") == 1053
    assert other.query("SELECT 1")[0].rows == [["1"]]
    other.quit()
    wire.connect(gate.port, "billing_service").quit()  # new ones come in as ever
    said = gate.ctl("drain", "--service", "biling", code=1)
    assert "there is no [service:biling]; there are " in said and "billing" in said and "lab" in said


def test_drain_lets_a_new_session_say_something(server, make):
    """Error 1053 as the first word on a new connection is one that pools hand on, and that MariaDB's driver for Node
    ends the process with. Who says nothing goes all the same."""
    gate = make(server)
    silent, new = wire.connect(gate.port, "lab_service"), wire.Wire(gate.port).greet()
    assert gate.ctl("drain")["leaving"] == 2
    new.login("lab_service")
    assert new.query("SELECT 1")[0].rows == [["1"]]
    new.query("SELECT 1")  # what a driver begins with by itself may be several

    def ended():
        try:
            new.query("SELECT 1")
        except wire.Error as error:
            return error.code == 1053
        return False
    assert places.wait_for(ended, 30)
    with pytest.raises(wire.Error) as error:
        silent.answers()  # comes without a question
    assert error.value.code == 1053 and silent.closed()


def test_mode_override(server, make):
    """It holds for sessions that are there, over the service's mode, and ends by itself."""
    gate = make(server, ("service:billing", "mode", "log"))
    connection = wire.connect(gate.port, "billing_service")
    connection.query(FOREIGN)
    override = gate.ctl("mode", "billing", "block", "--for", "10m", "--ticket", "NC-77")
    with pytest.raises(wire.Error) as error:
        connection.query(FOREIGN)
    assert error.value.code == 1142
    assert "ctl mode billing block until" in str(error.value) and "NC-77" in str(error.value)
    listed = gate.ctl("overrides")["overrides"]
    assert len(listed) == 1 and listed[0]["id"] == override["id"]
    assert listed[0]["ticket"] == "NC-77" and str(os.getuid()) in listed[0]["who"]
    assert "NC-77" in gate.get("/policy")[2]
    assert json.loads(gate.get("/api/policy")[2])["overrides"][0]["id"] == override["id"]
    gate.ctl("undo", override["id"])
    gate.ctl("mode", "billing", "block", "--for", "500ms")
    assert places.wait_for(lambda: not gate.ctl("overrides")["overrides"])
    connection.query(FOREIGN)
    told = [(event["action"], event["service"]) for event in events(gate, 4)]
    assert told == [("begun", "billing"), ("undone", "billing"), ("begun", "billing"), ("ended", "billing")]
    assert "NC-77" in gate.events("override")[0]["reason"]
    assert gate.events("override")[0]["user"] == listed[0]["who"]
    connection.quit()


def test_allow_override_is_undone(server, make):
    gate = make(server, ("service:billing", "mode", "block"))
    connection = wire.connect(gate.port, "billing_service")
    assert refused(connection) == 1142
    override = gate.ctl("allow", "billing", "on", "clinical_data.patients", "access", "read",
                        "--for", "1h")
    connection.query(FOREIGN)
    assert refused(connection, "DELETE FROM clinical_data.patients WHERE 1 = 0") == 1142
    assert refused(connection, "SELECT 1 FROM clinical_data.referrals") == 1142
    gate.ctl("undo", override["id"])
    assert refused(connection) == 1142
    gate.ctl("undo", override["id"], code=1)
    assert [event["action"] for event in events(gate, 2)] == ["begun", "undone"]
    connection.quit()


def test_overrides_survive_a_reload(server, make):
    gate = make(server, ("service:billing", "mode", "log"))
    connection = wire.connect(gate.port, "billing_service")
    gate.ctl("mode", "billing", "block", "--for", "1h")
    gate.reload(("proxy", "idle_timeout", "7h"))
    assert refused(connection) == 1142
    # a file that does not know the service any more ends it, and says so
    gate.ctl("mode", "payment", "block", "--for", "1h")
    ini = re.sub(r"(?ms)^\[service:payment\].*?(?=^\[)", "", gate.ini)
    ini = "\n".join(line for line in ini.splitlines() if "payment ->" not in line) + "\n"
    done = gates.run("check", "-c", gate.path)
    assert done.returncode == 0
    gate.path.write_text(ini)
    if gates.run("check", "-c", gate.path).returncode == 0:
        gate.reload(ini=ini)
        assert [one["service"] for one in gate.ctl("overrides")["overrides"]] == ["billing"]
        assert events(gate, 3)[-1]["action"] == "ended"
    assert refused(connection) == 1142
    connection.quit()


def test_hold(server, make):
    """Writes of the owner's tables wait at their boundary until the end; reads, other owners' and
    sessions inside a transaction pass."""
    gate = make(server)
    write = "UPDATE invoices SET status = status WHERE 1 = 0"
    inside, fresh, outside, prepared, other = (
        wire.connect(gate.port, "lab_service" if one == 4 else "billing_service")
        for one in range(5))
    inside.query("BEGIN")
    inside.query("SELECT COUNT(*) FROM invoices")
    fresh.query("BEGIN")
    override = gate.ctl("hold", "billing", "--writes", "--for", "60s")
    inside.query(write)
    inside.query("COMMIT")
    outside.query("SELECT COUNT(*) FROM invoices")
    other.query("UPDATE lab_samples SET barcode = barcode WHERE 1 = 0")
    waiting = [outside, fresh, inside]
    for connection in waiting:
        connection.command(connection.query_bytes(write))
    assert places.wait_for(lambda: gate.metrics().total("commands_held_total") >= 3)
    kept = [one["kept"] for one in gate.ctl("sessions", "--service", "billing")["sessions"]]
    assert kept.count("its statement waits for the end of a hold") == 3
    gate.ctl("undo", override["id"])
    for connection in waiting:
        connection.answers()
    gate.ctl("hold", "billing", "--writes", "--for", "500ms")
    outside.query(write)  # its end comes by itself
    for connection in (*waiting, prepared, other):
        connection.quit()


@pytest.mark.long(short=4)
@pytest.mark.parametrize("take, give, why", [
    ("LOCK TABLES invoices READ", "UNLOCK TABLES", "LOCK TABLES is in force"),
    ("SELECT GET_LOCK('drain', 1)", "SELECT RELEASE_LOCK('drain')", "a lock of GET_LOCK may be held"),
    ("SELECT GET_LOCK('drain', 1)", "DO RELEASE_ALL_LOCKS()", "a lock of GET_LOCK may be held"),
    ("CREATE TEMPORARY TABLE t (n INT)", "DROP TEMPORARY TABLE t", "a temporary table is there"),
    ("BEGIN", "COMMIT", "a transaction is open"),
    ("HANDLER invoices OPEN", "HANDLER invoices CLOSE", "a HANDLER is open"),
])
def test_what_keeps_a_session(server, make, take, give, why):
    gate = make(server)
    connection = wire.connect(gate.port, "billing_service")
    connection.query(take)
    gate.ctl("drain")
    assert gate.ctl("sessions")["sessions"][0]["kept"] == why
    assert connection.query("SELECT 5")[0].rows == [["5"]]
    connection.query(give)
    assert refused(connection, "SELECT 1") == 1053
    connection.close()


def fetch(connection, statement, rows):
    connection.command(b"\x1c" + struct.pack("<II", statement, rows))
    while (packet := connection.receive())[0] != 0xfe:
        assert packet[0] != 0xff, packet


@pytest.mark.parametrize("end", ("the last row", "COM_STMT_RESET", "COM_STMT_CLOSE", "another EXECUTE"))
def test_an_open_cursor_keeps_a_session(server, make, end):
    if server.name == "mysql" and end == "another EXECUTE":
        pytest.skip("MySQL 9.7 does not end its answer to an EXECUTE while a cursor is open, without silogate too")
    gate = make(server)
    connection = wire.connect(gate.port, "billing_service")
    statement = connection.prepare("SELECT 1 UNION SELECT 2 UNION SELECT 3")[0]
    connection.command(connection.execute_bytes(statement, cursor=1))
    while connection.receive()[0] not in (0xfe, 0xff):
        pass  # the columns
    gate.ctl("drain")
    assert gate.ctl("sessions")["sessions"][0]["kept"] == "a cursor is open"
    fetch(connection, statement, 1)
    assert gate.ctl("sessions")["sessions"][0]["kept"] == "a cursor is open"
    if end == "the last row":
        fetch(connection, statement, 10)
    elif end == "COM_STMT_RESET":
        connection.ok(b"\x1a" + struct.pack("<I", statement))
    elif end == "another EXECUTE":
        connection.execute(statement)
    else:
        connection.command(b"\x19" + struct.pack("<I", statement))
    assert refused(connection, "SELECT 1") == 1053
    connection.close()


def test_own_log_as_json(mariadb, make):
    gate = make(mariadb, ("log", "format", "json"), ("log", "level", "notice"))
    gate.reload(ini=gate.ini + "[nonsense]\n", accepted=False)
    gate.wait_log("nonsense")
    lines = [json.loads(line) for line in gate.log().splitlines() if line.startswith("{")]
    assert any(line["level"] == "error" and "nonsense" in line["message"] for line in lines)
    assert all(re.match(r"20\S+Z$", line["ts"]) for line in lines)


def test_what_makes_no_sense_is_refused(mariadb, make):
    gate = make(mariadb)
    before = gate.get("/api/policy")[2]
    for words in (
            ("mode", "nobody", "block", "--for", "1m"),
            ("allow", "nobody", "on", "a.b", "access", "read", "--for", "1m"),
            ("hold", "nobody", "--writes", "--for", "1s")):
        gate.ctl(*words, code=1)
    for words in (
            (), ("dance",), ("mode", "billing", "block"), ("kill",), ("kill", "x"), ("undo",),
            ("mode", "billing", "off", "--for", "1m"), ("mode", "billing", "block", "--for", "1"),
            ("mode", "billing", "block", "--for", "40d"), ("sessions", "--frob"),
            ("mode", "billing", "block", "--for", "0"), ("hold", "billing", "--for", "1s"),
            ("hold", "billing", "--writes", "--for", "2m"),
            ("allow", "billing", "on", "nilecare", "access", "read", "--for", "1m"),
            ("allow", "billing", "on", "a.b", "access", "fly", "--for", "1m")):
        gate.ctl(*words, code=2)
    assert gate.ctl("overrides")["overrides"] == []
    assert gate.get("/api/policy")[2] == before


def test_reload(server, make):
    gate = make(server, ("service:billing", "mode", "log"))
    connection = wire.connect(gate.port, "billing_service")
    gate.path.write_text(gates.change(gate.ini, "service:billing", "mode", "block"))
    gate.ctl("reload")
    assert refused(connection) == 1142
    gate.path.write_text(gates.change(gate.ini, "service:billing", "mode", "blok"))
    line = next(number for number, text in enumerate(gate.path.read_text().splitlines(), 1)
                if text == "mode = blok")
    said = gates.run("ctl", "--socket", gate.folder / "control", "reload")
    assert said.returncode == 1 and f"{gate.path}:{line}: mode = blok" in said.stderr
    assert refused(connection) == 1142
    connection.quit()


def test_who_may_call(mariadb, make):
    """The socket is its owner's and group's; the TCP side and admin's socket change nothing."""
    gate = make(mariadb)
    path = gate.folder / "control"
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    if os.geteuid() == 0:  # nobody else can become another user
        os.chmod(gate.folder, 0o755)
        other = subprocess.run(
            ["/usr/bin/setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
             str(places.SILOGATE), "ctl", "--socket", str(path), "overrides"],
            capture_output=True, text=True, timeout=30)
        assert other.returncode == 2 and "Permission denied" in other.stderr, other
    for page in ("/control/overrides", "/control/sessions"):
        assert gate.get(page)[0] == 404
    for call in ("mode", "kill", "drain", "reload", "undo"):
        assert gate.get(f"/control/{call}", method="POST")[0] == 405


@pytest.mark.long
def test_garbage(mariadb, make):
    """Nothing that is said on the socket ends silogate, or is taken for a call."""
    gate = make(mariadb)
    bodies = [b"", b"{", b"[]", b"null", b'{"id":"x"}', b'{"id":-1}', b'{"service":7}',
              b'{"service":"billing","mode":"block","milliseconds":1e99}',
              b'{"service":"bil\\u0000ling","mode":"block","milliseconds":1000}',
              b'{"service":"billing","mode":"block","milliseconds":1000,"ticket":"a\\nb"}',
              b'{"service":"' + b"x" * 500 + b'","mode":"block","milliseconds":1000}',
              b'{"a":' * 3000, b"x" * 100000]
    for call in ("kill", "drainn", "mode", "allow", "hold", "undo"):
        for body in bodies:
            answer = raw(gate, b"POST /control/%s HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s"
                         % (call.encode(), len(body), body))
            assert b" 200 " not in answer.split(b"\r\n")[0], (call, body, answer)
    for request in (b"GET /control/mode HTTP/1.0\r\n\r\n", b"DELETE /control/kill HTTP/1.0\r\n\r\n",
                    b"GET /control/show HTTP/1.0\r\n\r\n", b"\0" * 100 + b"\r\n\r\n"):
        assert b" 200 " not in raw(gate, request).split(b"\r\n")[0]
    with socket.socket(socket.AF_UNIX) as half:  # silogate would wait for the rest half a minute
        half.connect(str(gate.folder / "control"))
        half.sendall(b"POST /control/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n{}")
        assert not select.select([half], [], [], 0.5)[0] or b" 200 " not in half.recv(65536).split(b"\r\n")[0]
    assert gate.events("reload") == [] and gate.ctl("overrides")["overrides"] == []


def raw(gate, bytes_):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(str(gate.folder / "control"))
        try:
            connection.sendall(bytes_)
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            while True:
                got = connection.recv(65536)
                if not got:
                    return answer
                answer += got
        except OSError:
            return answer if "answer" in locals() else b""


def test_what_a_call_does_not_know_is_refused(mariadb, make):
    """A member or an option that is written wrongly would end everybody's sessions, or more than the statement."""
    gate = make(mariadb)
    session = wire.connect(gate.port, "lab_service")
    ident = gate.ctl("sessions")["sessions"][0]["id"]
    for call, body in (("drain", b'{"service":7}'), ("drain", b'{"service":null}'), ("drain", b'{"Service":"billing"}'),
                       ("drain", b'{"service":["billing"]}'), ("drain", b'{"":1}'), ("drain", b'{"service:s":"x"}'),
                       ("kill", b'{"id":%d,"query":"true"}' % ident), ("kill", b'{"id":%d,"querry":true}' % ident),
                       ("kill", b'{"id":%d.0}' % ident), ("reload", b'{"force":true}')):
        answer = raw(gate, b"POST /control/%s HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s"
                     % (call.encode(), len(body), body))
        assert b" 400 " in answer.split(b"\r\n")[0], (call, body, answer)
    for words in (("drain", "--user", "nobody"), ("drain", "--in-transaction"), ("drain", "--for", "1s"),
                  ("kill", str(ident), "--service", "billing"), ("undo", "1", "--ticket", "x"), ("reload", "--query")):
        gate.ctl(*words, code=2)
    assert session.query("SELECT 1")[0].rows == [["1"]]
    session.quit()


def test_names_command_no_terminal(mariadb, make):
    """What clients call themselves is shown without what a terminal obeys; a ticket with such is refused."""
    gate = make(mariadb)
    evil = "x\x1b]0;t\x07\x1b[31m\u009b31m\u202ey\u00e9"
    session = gate.connect("billing_service", program_name=evil)
    with session.cursor() as cursor:
        cursor.execute(FOREIGN)
    one = gate.ctl("sessions")["sessions"][0]
    assert one["program"] == evil  # in JSON it is told whole, escaped
    for words in (("show", gate.violations(1)[0]["id"]), ("show", str(one["id"])), ("sessions",), ("undo", evil)):
        done = gates.run("ctl", "-c", gate.path, *words)
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", done.stdout + done.stderr), (words, done)
        assert "y\u00e9" in done.stdout or words[0] in ("sessions", "undo")
    for bad in ("T\u009b31m", "T\u202e", "T\x7f"):
        gate.ctl("mode", "billing", "block", "--for", "1m", "--ticket", bad, code=2)
    session.close()


def test_nobody_answers(tmp_path):
    done = gates.run("ctl", "--socket", tmp_path / "none", "overrides")
    assert done.returncode == 2 and "No such file" in done.stderr
    ini = tmp_path / "proxy.ini"
    ini.write_text("[upstream:main]\naddress = 127.0.0.1:1\n")
    done = gates.run("ctl", "-c", ini, "overrides")
    assert done.returncode == 2 and "control" in done.stderr
    assert gates.run("ctl", "--help").returncode == 0
