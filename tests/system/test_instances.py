"""Several silogates before one upstream: what `ctl` changes at one holds at all, they see each other, and neither a
lost store nor a lost instance changes anything for the others' sessions."""
import datetime
import json
import os
import signal
import subprocess
import time

import pymysql
import pytest

from harness import gate as gates, places, wire

FOREIGN = "SELECT 1 FROM clinical_data.patients"
ACCOUNT = "meeting_account"


@pytest.fixture
def account(server, tmp_path):
    """silogate's own account there, with the rights that `silogate audit --sql` gives it on its schema."""
    rights = "CONNECTION ADMIN" if server.dialect == "mariadb" else "CONNECTION_ADMIN"
    server.sql(f"DROP USER IF EXISTS {ACCOUNT}@'%'", f"CREATE USER {ACCOUNT}@'%' IDENTIFIED BY 'meet-secret'",
               f"GRANT {rights} ON *.* TO {ACCOUNT}@'%'", f"GRANT PROCESS ON *.* TO {ACCOUNT}@'%'", f"GRANT ALL ON silogate.* TO {ACCOUNT}@'%'",
               "DROP DATABASE IF EXISTS silogate")
    password = tmp_path / "password"
    password.write_text("meet-secret\n")
    yield (("upstream:main", "account", ACCOUNT), ("upstream:main", "account_password_file", password),
           ("upstream:main", "catalogue", "0"))
    server.sql(f"DROP USER {ACCOUNT}@'%'", "DROP DATABASE IF EXISTS silogate")


@pytest.fixture
def make(server, make_gate, account):
    """make(number, changes...): one of several instances."""
    def make(number, *changes, upstream=None, start=True):
        gate = make_gate(upstream or server, *account, ("proxy", "instance", str(number)), *changes, start=False)
        gate.ini = gates.change(gate.ini, "proxy", "control", f"unix:{gate.folder}/control")
        gate.path.write_text(gate.ini)
        gate.ctl = lambda *words, code=0: ctl(gate, *words, code=code)
        return gate.start() if start else gate
    return make


def ctl(gate, *words, code=0):
    return gates.ctl(gate, *words, code=code)


def others(gate, **wanted):
    """The instances that this one knows, once as many are so."""
    def look():
        found = gate.ctl("instances")["instances"]
        return all(sum(bool(one[key]) for one in found) == count for key, count in wanted.items()) and found
    found = places.wait_for(look, every=0.2)
    assert found, gate.ctl("instances")
    return found


def refused(connection, sql=FOREIGN):
    try:
        connection.query(sql)
    except wire.Error as error:
        return error.code
    return 0


def test_they_meet_behind_an_address_that_is_dead(server, make):
    """What became of the first address was said of the connection to the second: they met nobody, and logged in each second."""
    addresses = ("upstream:main", "address", "127.0.0.1:1", f"127.0.0.1:{server.port}")
    one, two = make(1, addresses), make(2, addresses)
    others(one, alive=2)
    there = wire.connect(two.port, "lab_service")
    begun = one.ctl("mode", "lab", "block", "--for", "10m")
    assert begun["in_force"] == 2 and refused(there) == 1142
    one.ctl("undo", begun["id"])
    assert places.wait_for(lambda: refused(there) == 0)
    there.close()


def test_an_override_holds_at_all(server, make):
    one, two = make(1), make(2)
    others(one, alive=2)
    there = wire.connect(two.port, "lab_service")
    assert refused(there) == 0  # NileCare's lab is in mode log
    begun = one.ctl("mode", "lab", "block", "--for", "10m", "--ticket", "NC-7")
    assert begun["instances"] == "all" and begun["upstream"] == "main"
    assert (begun["alive"], begun["in_force"]) == (2, 2)
    assert refused(there) == 1142  # told: no waiting
    heard = two.ctl("overrides")["overrides"]
    assert [(of["id"], of["who"], of["ticket"]) for of in heard] == [(begun["id"], begun["who"], "NC-7")]
    assert abs(seconds(heard[0]["until"]) - seconds(begun["until"])) < 1.5
    event = places.wait_for(lambda: two.events("override"))[0]
    assert event["action"] == "begun" and "NC-7" in event["reason"]
    # one that starts later takes it over, and undoes it for all
    three = make(3)
    late = wire.connect(three.port, "lab_service")
    assert places.wait_for(lambda: refused(late) == 1142)
    undone = three.ctl("undo", begun["id"])
    assert (undone["undone"], undone["instances"]) == (begun["id"], "all")
    assert undone["alive"] == undone["in_force"] == 3
    assert [refused(one) for one in (there, late)] == [0, 0]
    assert one.ctl("overrides")["overrides"] == []
    text = gates.run("ctl", "-c", one.path, "mode", "lab", "block", "--for", "200ms").stdout
    assert "on 3 of 3 instances before upstream 'main'" in text
    assert places.wait_for(lambda: refused(there) == 0)
    assert places.wait_for(lambda: not two.ctl("overrides")["overrides"])
    for session in (there, late):
        session.quit()


def seconds(moment):
    return datetime.datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()


def test_allow_and_hold_hold_at_all(server, make):
    one, two = make(1), make(2)
    others(one, alive=2)
    there = wire.connect(two.port, "billing_service")
    one.ctl("mode", "billing", "block", "--for", "1h")
    assert refused(there) == 1142
    one.ctl("allow", "billing", "on", "clinical_data.patients", "access", "read", "--for", "1h")
    assert refused(there) == 0
    writer = wire.connect(two.port, "lab_service")
    started = one.ctl("hold", "lab", "--writes", "--for", "1m")
    assert started["in_force"] == 2
    writer.command(writer.query_bytes("UPDATE lab_orders SET status = status WHERE 1 = 0"))
    assert places.wait_for(lambda: two.metrics().total("commands_held_total") >= 1)
    one.ctl("undo", started["id"])
    writer.answers()
    writer.quit()
    there.quit()


@pytest.mark.long
def test_killed_the_others_are_right(server, make):
    one, two = make(1), make(2)
    others(two, alive=2)
    session = wire.connect(two.port, "lab_service")
    begun = one.ctl("mode", "lab", "block", "--for", "10m")
    one.process.send_signal(signal.SIGKILL)
    one.process.wait()
    assert refused(session) == 1142
    found = others(two, alive=1)
    assert [other["self"] for other in found if other["alive"]] == [True]
    assert two.metrics().total("instances", upstream="main") == 1
    assert two.ctl("undo", begun["id"])["in_force"] == 1
    assert refused(session) == 0
    one.start()  # with its old socket's path still there
    assert one.ctl("overrides")["overrides"] == []
    session.quit()


def test_calls_do_not_wait_one_behind_the_other_for_a_store_that_hangs(server, make):
    """The socket has one thread: each call that waited four seconds for the store kept all behind it from an answer."""
    gate = make(1)
    others(gate, alive=1)
    with places.stopped(server.process.pid):
        began = time.monotonic()
        calls = [subprocess.Popen([str(places.SILOGATE), "ctl", "-c", str(gate.path), "mode", "lab", "block", "--for", "1m"],
                                  stdout=subprocess.PIPE, text=True) for _ in range(12)]
        assert all("hear of it when that can be reached" in call.communicate(timeout=90)[0] for call in calls)
        assert time.monotonic() - began < 30  # 48 seconds, one after the other
    assert places.wait_for(lambda: gates.run("ctl", "-c", gate.path, "mode", "lab", "block", "--for", "1m").stdout
                           .endswith("on 1 of 1 instance before upstream 'main'\n"), every=0.5)


def test_policies_that_differ_are_seen(server, make):
    one, two = make(1), make(2)
    others(one, alive=2)
    assert one.metrics().total("instances", upstream="main") == 2
    assert one.metrics().total("instances_policies", upstream="main") == 1
    one.reload(("policy", "unowned", "block"))
    assert places.wait_for(lambda: two.metrics().total("instances_policies", upstream="main") == 2)
    assert "differ" in gates.run("ctl", "-c", two.path, "instances").stdout
    page = two.get("/")[2]
    assert "Instances before the same upstreams" in page and "policies differ" in page
    assert f"{one.process.pid}:" in page and "this one" in page
    two.wait_log("instances differ in policy")
    two.reload(("policy", "unowned", "block"))
    assert places.wait_for(lambda: one.metrics().total("instances_policies", upstream="main") == 1)
    assert "differ" not in gates.run("ctl", "-c", one.path, "instances").stdout
    two.wait_log("agree again")
    # an override is no difference: it is everybody's
    one.ctl("mode", "lab", "block", "--for", "10m")
    assert {of["policy"] for of in others(one, alive=2)} == {others(two, alive=2)[0]["policy"]}


def test_the_statement_at_work_is_shown_and_ended(server, make):
    gate = make(1)
    others(gate, alive=1)
    session = wire.connect(gate.port, "lab_service")
    here = gate.ctl("sessions")["sessions"][0]
    assert here["kind"] is None
    assert "no statement is at work" in gate.ctl("kill", str(here["id"]), "--query", code=1)
    session.command(session.query_bytes(
        "SELECT SLEEP(60), COUNT(*) FROM clinical_data.patients WHERE 'x' <> 'a ''patient'"))
    assert places.wait_for(lambda: gate.ctl("sessions")["sessions"][0]["kind"] == "select")
    shown = gates.run("ctl", "-c", gate.path, "sessions").stdout
    found = gate.ctl("sessions")["sessions"][0]
    assert f"select {found['digest']}" in shown and "patient'" not in shown
    assert [one["digest"] for one in gate.violations(1)] == [found["digest"]]
    assert gate.ctl("kill", str(here["id"]), "--query") == {"killed": here["id"]}
    try:
        session.answers()
    except wire.Error as error:
        assert error.code == 1317
    assert session.query("SELECT 1")[0].rows == [["1"]]  # the session lives
    assert "no session 7 here" in gate.ctl("kill", "7", "--query", code=1)
    session.quit()


def test_the_same_number_twice_is_told(server, make):
    make(5)
    two = make(5)
    others(two, alive=2)
    assert "the same number" in gates.run("ctl", "-c", two.path, "instances").stdout
    two.wait_log("have the same number")


def test_a_store_that_cannot_be_reached_changes_nothing(server, make):
    """No right on the schema at first; then it is there; then it is dropped under them."""
    server.sql(f"REVOKE ALL ON silogate.* FROM {ACCOUNT}@'%'")
    one, two = make(1), make(2)
    here, there = wire.connect(one.port, "lab_service"), wire.connect(two.port, "lab_service")
    begun = one.ctl("mode", "lab", "block", "--for", "10m")
    assert begun["instances"] == "all" and "error" in begun["not_yet"]
    assert [refused(here), refused(there)] == [1142, 0]
    assert one.ctl("instances")["meetings"][0]["met"] is False
    assert one.metrics().total("meeting_up", upstream="main") == 0
    text = gates.run("ctl", "-c", one.path, "instances").stdout
    assert "cannot be met" in text
    server.sql(f"GRANT ALL ON silogate.* TO {ACCOUNT}@'%'")
    assert places.wait_for(lambda: refused(there) == 1142)  # what was begun before is heard of now
    server.sql("DROP DATABASE silogate")

    def there_again():
        try:
            return server.sql("SELECT (SELECT COUNT(*) FROM silogate.instances),"
                              " (SELECT COUNT(*) FROM silogate.overrides)") == ((2, 1),)
        except pymysql.Error:
            return False
    assert places.wait_for(there_again, every=0.1)
    for gate in (one, two):
        others(gate, alive=2)
    assert [refused(here), refused(there)] == [1142, 1142]
    assert two.ctl("undo", begun["id"])["in_force"] == 2
    assert [refused(here), refused(there)] == [0, 0]
    for session in (here, there):
        session.quit()


def test_a_server_that_hangs_holds_nothing_up(mariadb, make, request):
    """The upstream stands still: ctl answers all the same, and SIGTERM ends silogate."""
    if request.getfixturevalue("server") is not mariadb:
        pytest.skip("once is enough")
    gate = make(1)
    others(gate, alive=1)
    with places.stopped(mariadb.process.pid):
        begun = gate.ctl("mode", "lab", "block", "--for", "10m")
        assert "not_yet" in begun
        assert len(gate.ctl("overrides")["overrides"]) == 1
        gate.process.send_signal(signal.SIGTERM)
        assert gate.process.wait(30) == 0


def test_what_somebody_writes_into_the_store_does_no_harm(server, make):
    gate = make(1)
    others(gate, alive=1)
    rows = [("0000000a", "mode", "nobody", 1, 0, ""), ("0000000b", "dance", "lab", 1, 0, ""),
            ("zzzzzzzz", "mode", "lab", 1, 0, ""), ("0000000c", "hold", "lab", 0, 6, ""), ("0000000d", "allow", "lab", 0, 99, "x.y"),
            ("0000000e", "allow", "lab", 0, 1, "a.b.c.d*"), ("0000000f", "allow", "lab", 0, 15, "'\"\\")]
    for number, kind, service, block, rights, target in rows:
        target = pymysql.converters.escape_string(target)
        server.sql(f"INSERT INTO silogate.overrides VALUES ('{number}', '{kind}', '{service}', {block}, {rights},"
                   f" '{target}', 'me', '', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) + INTERVAL 1 DAY, NULL)")
    server.sql("INSERT INTO silogate.overrides VALUES ('00000010', 'mode', 'lab', 1, 0, '', 'me', '',"
               " UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) + INTERVAL 1 DAY, NULL)")
    session = wire.connect(gate.port, "lab_service")
    assert places.wait_for(lambda: refused(session) == 1142)  # that one makes sense
    assert [of["id"] for of in gate.ctl("overrides")["overrides"]][-1:] == ["00000010"]
    assert "hold" not in {of["kind"] for of in gate.ctl("overrides")["overrides"]}  # not for a day
    assert others(gate, alive=1)
    session.quit()


def test_no_client_writes_the_store(server, make):
    """Whatever the service's mode and its account's rights: what stands there is policy."""
    gate = make(1, ("service:lab", "mode", "off"))
    others(gate, alive=1)
    server.sql("GRANT ALL ON silogate.* TO 'lab_service'@'%'")
    try:
        session = wire.connect(gate.port, "lab_service")
        for statement in ("DELETE FROM silogate.overrides", "INSERT INTO SILOGATE.overrides SELECT * FROM"
                          " silogate.overrides", "DROP TABLE silogate.instances", "DROP DATABASE silogate"):
            assert refused(session, statement) in (1142, 1044), statement
        assert refused(session, "SELECT COUNT(*) FROM silogate.instances") == 0  # looking is as the mode says
        session.quit()
        assert others(gate, alive=1)
    finally:
        server.sql("REVOKE ALL ON silogate.* FROM 'lab_service'@'%'")


def test_without_an_account_it_is_this_one_alone(server, make_gate):
    gate = make_gate(server, start=False)
    gate.ini = gates.change(gate.ini, "proxy", "control", f"unix:{gate.folder}/control")
    gate.path.write_text(gate.ini)
    gate.start()
    assert ctl(gate, "mode", "lab", "block", "--for", "1m")["instances"] == "this"
    assert "on this instance" in gates.run("ctl", "-c", gate.path, "mode", "lab", "log", "--for", "1m").stdout
    assert ctl(gate, "instances") == {"instances": [], "meetings": []}
    session = wire.connect(gate.port, "lab_service")
    session.command(session.query_bytes("SELECT SLEEP(60)"))
    here = places.wait_for(lambda: [one for one in ctl(gate, "sessions")["sessions"] if one["kind"]])[0]
    assert "has no account" in ctl(gate, "kill", str(here["id"]), "--query", code=1)
    ctl(gate, "kill", str(here["id"]))
    assert "no upstream has an account" in gates.run("ctl", "-c", gate.path, "instances").stdout


@pytest.mark.long
def test_twenty(server, make):
    """They make the schema at the same moment, each hears of what all others begin at once, and half of them are
    killed."""
    gates_ = [make(number, ("proxy", "workers", "1"), start=False) for number in range(20)]
    for gate in gates_:
        gate.start(ready=False)
    for gate in gates_:
        gate.wait_log(" runs: ", 60)
    for gate in (gates_[0], gates_[19]):
        others(gate, alive=20)
    sessions = [wire.connect(gate.port, "lab_service") for gate in gates_]
    begun = gates_[3].ctl("mode", "lab", "block", "--for", "10m")
    assert begun["alive"] == 20
    assert places.wait_for(lambda: [refused(one) for one in sessions] == [1142] * 20, 60)
    calls = [subprocess.Popen([str(places.SILOGATE), "ctl", "-c", str(gate.path), "--json", "allow", "lab", "on",
                               f"clinical_data.x{number}", "access", "read", "--for", "10m"], stdout=subprocess.PIPE, text=True)
             for number, gate in enumerate(gates_)]
    ids = {json.loads(call.communicate(timeout=90)[0])["id"] for call in calls} | {begun["id"]}
    for gate in gates_:
        assert places.wait_for(lambda: {one["id"] for one in gate.ctl("overrides")["overrides"]} == ids, 60, 0.3)  # noqa: B023
    gates_[17].ctl("undo", begun["id"])
    assert places.wait_for(lambda: [refused(one) for one in sessions] == [0] * 20, 60)
    for gate in gates_[:10]:
        gate.kill()
    others(gates_[19], alive=10)
    assert [refused(one) for one in sessions[10:]] == [0] * 10
    for one in sessions:
        one.close()
