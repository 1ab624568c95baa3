"""What a DBA, a replica or another version makes of the schema `silogate`: locked, read only, with other columns, dropped
table by table. Sessions notice nothing, ctl answers, nothing piles up on the server, and it heals by itself."""
import os
import threading
import time

import pymysql
import pytest

from harness import places, wire
from test_instances import ACCOUNT, account, make, others, refused  # noqa: F401: the fixtures
from test_takeover import clock  # noqa: F401

LONG = os.environ.get("SILOGATE_LONG") == "1"


def threads(server):
    return server.sql(f"SELECT COUNT(*) FROM information_schema.processlist WHERE user = '{ACCOUNT}'")[0][0]


def broken(server, gate, session):
    """While it lasts: an override holds here all the same, in time, and sessions go on."""
    began = time.monotonic()
    begun = gate.ctl("mode", "lab", "block", "--for", "10m")
    assert time.monotonic() - began < 30
    assert refused(session) == 1142
    return begun


def healed(server, gate, begun):
    def stands():
        try:
            return server.sql(f"SELECT COUNT(*) FROM silogate.overrides WHERE id = '{begun['id']}'") == ((1,),)
        except pymysql.Error:
            return False
    assert places.wait_for(stands, 60, 0.2)
    others(gate, self=1)
    assert places.wait_for(lambda: gate.metrics().total("meeting_up", upstream="main") == 1, 60, 0.2)


@pytest.mark.long
@pytest.mark.parametrize("table", ["instances", "overrides"] if LONG else ["overrides"])
def test_locked_by_somebody(server, make, table):  # noqa: F811
    """LOCK TABLES, which no InnoDB timeout ends: a statement that waits for it is one, and not one more at each try."""
    gate = make(1)
    others(gate, alive=1)
    session = wire.connect(gate.port, "lab_service")
    with server.root() as root:
        cursor = root.cursor()
        cursor.execute(f"LOCK TABLES silogate.{table} WRITE")
        begun = broken(server, gate, session)
        most, until = 0, time.monotonic() + (20 if LONG else 5)
        while time.monotonic() < until:
            most = max(most, threads(server))
            time.sleep(0.5)
        cursor.execute("UNLOCK TABLES")
    assert most <= 4, most
    healed(server, gate, begun)
    session.quit()


def test_read_only(server, make):  # noqa: F811
    """A replica that is not promoted yet, or a server that is being failed over."""
    gate = make(1)
    others(gate, alive=1)
    session = wire.connect(gate.port, "lab_service")
    if server.dialect == "mariadb":
        server.sql("SET GLOBAL read_only = 1")
    else:
        server.sql("SET GLOBAL super_read_only = 1")
    try:
        begun = broken(server, gate, session)
        assert "read" in begun["not_yet"] or "read" in gate.log(), begun
    finally:
        server.sql(*(["SET GLOBAL super_read_only = 0"] if server.dialect != "mariadb" else []), "SET GLOBAL read_only = 0")
    healed(server, gate, begun)
    session.quit()


@pytest.mark.long(short=1)
@pytest.mark.parametrize("rights", ["", "SELECT", "SELECT, INSERT, UPDATE"] if LONG else ["", "SELECT"])
def test_rights_that_are_missing(server, make, rights):  # noqa: F811
    """A DBA takes rights away: who asks is told which, the log says it a few times, and it heals."""
    gate = make(1)
    others(gate, alive=1)
    session = wire.connect(gate.port, "lab_service")
    server.sql(f"REVOKE ALL ON silogate.* FROM {ACCOUNT}@'%'",
               *([f"GRANT {rights} ON silogate.* TO {ACCOUNT}@'%'"] if rights else []))
    begun = broken(server, gate, session)
    if "DELETE" in rights or "INSERT" not in rights:
        assert "denied" in begun["not_yet"] and ACCOUNT in begun["not_yet"], begun
        assert places.wait_for(lambda: gate.metrics().total("meeting_up", upstream="main") == 0, 60, 0.2)
    assert gate.log().count("denied") < 10, gate.log()
    server.sql(f"GRANT ALL ON silogate.* TO {ACCOUNT}@'%'")
    healed(server, gate, begun)
    session.quit()


def test_tables_that_a_dba_has_made(server, make):  # noqa: F811
    """An account that may not CREATE meets where the tables are there already."""
    gate = make(1)
    others(gate, alive=1)
    gate.stop()
    server.sql(f"REVOKE ALL ON silogate.* FROM {ACCOUNT}@'%'",
               f"GRANT SELECT, INSERT, UPDATE, DELETE ON silogate.* TO {ACCOUNT}@'%'")
    gate = make(2)
    session = wire.connect(gate.port, "lab_service")
    assert places.wait_for(lambda: gate.metrics().total("meeting_up", upstream="main") == 1, 60, 0.2), gate.log()
    healed(server, gate, broken(server, gate, session))
    session.quit()


@pytest.mark.long
def test_clocks_that_differ(server, make, request):  # noqa: F811
    """An instance whose clock is an hour ahead: each sees the other alive, and an override ends at both when it was told
    to, whichever began it."""
    right = make(1)
    clock = request.getfixturevalue("clock")
    clock(3600)
    wrong = make(2)
    for gate in (right, wrong):
        others(gate, alive=2)
    sessions = [wire.connect(gate.port, "lab_service") for gate in (right, wrong)]
    for gate in (right, wrong):
        for seconds in (4, 15, 60):  # until the machine was fast enough to see it
            due = time.monotonic() + seconds
            gate.ctl("mode", "lab", "block", "--for", f"{seconds}s")
            held = places.wait_for(lambda: [refused(one) for one in sessions] == [1142] * 2, seconds, 0.1)
            now = time.monotonic()
            assert places.wait_for(lambda: [refused(one) for one in sessions] == [0] * 2, 90, 0.1)
            if held and now < due:
                break
        assert held
        assert time.monotonic() > due - 0.5
    for gate in (right, wrong):
        assert gate.ctl("overrides") == {"overrides": []}
        others(gate, alive=2)
    for one in sessions:
        one.quit()


CHANGES = ["ALTER TABLE silogate.overrides ADD more INT NOT NULL", "ALTER TABLE silogate.instances DROP policy",
           "RENAME TABLE silogate.overrides TO silogate.other"]
MORE_CHANGES = ["ALTER TABLE silogate.overrides DROP ticket", "DROP TABLE silogate.instances",
                "ALTER TABLE silogate.overrides MODIFY who VARCHAR(3) NOT NULL", "DROP TABLE silogate.overrides",
                "ALTER TABLE silogate.instances DROP in_force, ADD in_force INT NOT NULL"]


@pytest.mark.long(short=1)
@pytest.mark.parametrize("change", CHANGES + MORE_CHANGES if LONG else CHANGES)
def test_tables_of_another_version(server, make, change):  # noqa: F811
    gate = make(1)
    others(gate, alive=1)
    session = wire.connect(gate.port, "lab_service")
    server.sql(change)
    begun = broken(server, gate, session)
    assert gate.ctl("undo", begun["id"])
    assert refused(session) == 0
    assert threads(server) <= 4
    begun = gate.ctl("mode", "lab", "block", "--for", "10m")
    if not change.startswith(("DROP", "RENAME")):
        server.sql("DROP TABLE silogate.overrides, silogate.instances")  # what is to be done then
    healed(server, gate, begun)
    session.quit()


def test_dropped_again_and_again(server, make):  # noqa: F811
    """Under two instances at work."""
    gates_, stop = [make(1), make(2)], threading.Event()
    others(gates_[0], alive=2)

    def drop():
        while not stop.is_set():
            server.sql("DROP DATABASE IF EXISTS silogate")
            stop.wait(0.2)
    dropper = threading.Thread(target=drop)
    dropper.start()
    try:
        sessions = [wire.connect(gate.port, "lab_service") for gate in gates_]
        for _ in range(5):
            begun = gates_[0].ctl("mode", "lab", "block", "--for", "10m")
            assert refused(sessions[0]) == 1142
            gates_[0].ctl("undo", begun["id"])
            assert refused(sessions[0]) == 0
    finally:
        stop.set()
        dropper.join()
    begun = gates_[1].ctl("mode", "lab", "block", "--for", "10m")
    assert places.wait_for(lambda: [refused(one) for one in sessions] == [1142, 1142], 60, 0.2)
    healed(server, gates_[0], begun)
    for one in sessions:
        one.quit()
