"""What silogate sends is judged, not only what was written: a new name goes along with a table that has moved, to a
database in which other names may belong to another service."""
import contextlib
import re

import pymysql
import pytest

from harness import places, wire
from test_move_gate import moved, run  # noqa: F401: the fixture
from test_moves import INI, NEW, OLD, make_scene  # noqa: F401: the fixture

# The new database belongs to another service but for what moves, and then the service's own again.
SHARED = INI.replace("owns = mv_new.*\n", "owns = mv_new.t0\n").replace("owns = mv_old.audit", "owns = mv_old.audit\nowns = mv_new.*") \
    .replace("table = mv_old.t*", "table = mv_old.t0")
OWN = SHARED.replace("owns = mv_new.*", "owns = mv_new.other").replace("owns = mv_new.t0", "owns = mv_new.t*")
RENAMES = ("RENAME TABLE t0 TO tx", f"RENAME TABLE {OLD}.t0 TO {OLD}.tx", "ALTER TABLE t0 RENAME TO tx",
           f"ALTER TABLE {OLD}.t0 ADD more INT, RENAME {OLD}.`tx`", "RENAME TABLE t1 TO t9, t0 TO tx, t9 TO t1",
           "RENAME TABLE t0 TO tx, tx TO ty")
TRIGGER = "CREATE TRIGGER tx BEFORE INSERT ON t0 FOR EACH ROW SET NEW.note = 'y'"


def standing(scene):
    """What stands in the new database."""
    return {row[0] for row in scene.server.sql(f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{NEW}'"
                                               f" UNION SELECT trigger_name FROM information_schema.triggers WHERE"
                                               f" trigger_schema = '{NEW}'")}


def refused(client, statement):
    with pytest.raises((wire.Error, pymysql.MySQLError)) as told:
        client.query(statement)
    return "foreign" in str(told.value) and f"{NEW}." in str(told.value)


def literal(statement):
    return "'" + statement.replace("'", "''") + "'"


def test_a_new_name_is_judged_where_it_goes_to(moved):  # noqa: F811
    scene = moved(ini=SHARED)
    client = wire.connect(scene.gate.port, "mv_billing", OLD)
    before = [client.prepare(text)[0] for text in RENAMES[:3]]
    for number, text in enumerate(RENAMES):
        client.query(f"PREPARE n{number} FROM {literal(text)}")
    scene.go()
    for text in (*RENAMES, TRIGGER):
        assert refused(client, text), text
        assert refused(client, f"PREPARE again FROM {literal(text)}"), text
    for text in RENAMES:
        with pytest.raises(wire.Error) as told:
            client.prepare(text)
        assert "foreign" in str(told.value)
    # what was prepared when the tables stood elsewhere: whatever it does, not there
    for again in (*(lambda one=one: run(client, one) for one in before),
                  *(lambda one=one: client.query(f"EXECUTE n{one}") for one in range(len(RENAMES)))):
        with contextlib.suppress(wire.Error):  # it may have renamed the alias
            again()
    assert standing(scene) == {"t0"}
    assert client.query("SELECT COUNT(*) FROM t0")[0].rows == [["0"]]
    client.quit()


def test_a_new_name_that_came_to_be_anothers(moved):  # noqa: F811
    """Prepared when the name was the service's own; then the policy changes."""
    scene = moved(ini=OWN)
    scene.go()
    client = wire.connect(scene.gate.port, "mv_billing", OLD)
    binary = client.prepare(RENAMES[0])[0]
    run(client, binary)  # it may
    assert "tx" in standing(scene)
    scene.server.sql(f"RENAME TABLE {NEW}.tx TO {NEW}.t0")
    scene.gate.reload(ini=scene.gate.ini.replace("owns = mv_new.t*", "owns = mv_new.t0").replace("owns = mv_new.other",
                                                                                               "owns = mv_new.*"))
    assert refused(client, RENAMES[0])
    with pytest.raises(wire.Error) as told:
        run(client, binary)
    assert "foreign" in str(told.value), told.value
    assert standing(scene) == {"t0"}
    client.quit()


def test_a_section_that_goes_takes_its_names_along(moved):  # noqa: F811
    """LOCK TABLES goes on by the names that it began with; the policy is the new one at once."""
    scene = moved(ini=OWN)
    scene.go()
    client = wire.connect(scene.gate.port, "mv_billing", OLD)
    client.query("LOCK TABLES t0 WRITE, t1 WRITE")
    client.query("INSERT INTO t0 (client, number) VALUES (1, 1)")
    insert = client.prepare("INSERT INTO t0 (client, number) VALUES (?, ?)")[0]
    run(client, insert, ("1", "2"))
    without = re.sub(r"\[move:tables\]\n[^\[]*", "", scene.gate.ini)
    scene.gate.reload(ini=without.replace("owns = mv_new.t*", "owns = mv_new.mine").replace("owns = mv_new.other",
                                                                                          "owns = mv_new.*"))
    other = wire.connect(scene.gate.port, "mv_billing", OLD)
    assert places.wait_for(lambda: refused(other, f"SELECT * FROM {NEW}.t0"))
    for again in (lambda: client.query("INSERT INTO t0 (client, number) VALUES (1, 3)"),
                  lambda: run(client, insert, ("1", "4"))):
        with pytest.raises(wire.Error) as told:
            again()
        assert "foreign" in str(told.value), told.value
    client.query("UNLOCK TABLES")
    assert sorted(scene.server.sql(f"SELECT number FROM {NEW}.t0")) == [(1,), (2,)]
    client.quit()
    other.quit()
