"""A statement that has failed after it had done something is not sent once more when its tables are found elsewhere."""
import time

import pytest

from harness import wire
from test_move_gate import NONE, moved, rename  # noqa: F401: the fixture
from test_moves import INI, NEW, OLD, make_scene  # noqa: F401: the fixture


def test_a_procedure_is_not_called_twice(moved):  # noqa: F811
    """What it has done before it met the table that is not there is done."""
    scene = moved(ini=NONE.replace("mode = block", "mode = log").replace("unowned = block", "unowned = log"))
    scene.server.sql("CREATE TABLE mv_old.done (id INT) ENGINE=InnoDB",
                     "CREATE PROCEDURE mv_old.p() BEGIN INSERT INTO mv_old.done VALUES (1);"
                     " INSERT INTO mv_old.t0 (client, number) VALUES (9, 9); END",
                     "GRANT ALL ON mv_old.* TO mv_billing@'%'")
    client = wire.connect(scene.gate.port, "mv_billing", OLD)
    rename(scene.server, ("t0", OLD, NEW))
    with pytest.raises(wire.Error) as missing:
        client.query("CALL p()")
    assert missing.value.code == 1146
    assert len(scene.server.sql("SELECT 1 FROM mv_old.done")) == 1
    client.quit()


@pytest.mark.long(short=1)
@pytest.mark.parametrize("back", [False, True])
def test_a_table_that_was_at_no_place(moved, back):  # noqa: F811
    """It was made where the move has it to be, past silogate, since the catalogue was read: a statement by its other name
    is sent once more. For one that is not there at all the catalogue is read once a second at most."""
    scene = moved(ini=NONE)
    if not back:
        scene.go()
    client = wire.connect(scene.gate.port, "mv_billing", OLD)
    made, other = (OLD, NEW) if back else (NEW, OLD)
    for number in range(3):
        scene.server.sql(f"CREATE TABLE {made}.t5{number} LIKE {made}.t0")
        client.query(f"INSERT INTO {other}.t5{number} (client, number) VALUES (1, 1)")
        assert len(scene.server.sql(f"SELECT 1 FROM {made}.t5{number}")) == 1
        time.sleep(1)
    began = time.monotonic()
    for _ in range(100):
        with pytest.raises(wire.Error) as missing:
            client.query("SELECT * FROM t60")
        assert missing.value.code == 1146
    assert time.monotonic() - began < 3
    client.quit()


@pytest.mark.parametrize("kind", ["trigger", "index", "second"])
def test_what_a_trigger_has_written_is_not_written_twice(moved, kind):  # noqa: F811
    """The error comes out of a trigger, after it has written to a table that no rollback reaches: sending the statement
    once more would write there again. Its own tables have moved, too, and were read through their alias."""
    scene = moved(ini=INI.replace("mode = block", "mode = log").replace("unowned = block", "unowned = log"))
    server = scene.server
    then = {"trigger": "INSERT INTO mv_old.t0 (client, number) VALUES (8, NEW.id)",
            "index": "SET NEW.id = NEW.id + (SELECT COUNT(*) FROM mv_old.t0 FORCE INDEX (k))"}
    server.sql("CREATE INDEX k ON mv_old.t0 (note)", "CREATE TABLE mv_old.done (id INT) ENGINE=MyISAM",
               "CREATE TABLE mv_old.mine (id INT) ENGINE=InnoDB", "INSERT INTO mv_old.t1 (client, number) VALUES (1, 1)",
               "CREATE TRIGGER mv_old.writes BEFORE INSERT ON mv_old.mine FOR EACH ROW BEGIN"
               f" INSERT INTO mv_old.done VALUES (NEW.id); {then.get(kind, then['trigger'])}; END",
               *("CREATE TABLE mv_new.t1 LIKE mv_old.t1", "CREATE VIEW mv_old.v1 AS SELECT * FROM mv_new.t1",
                 "DROP TABLE mv_new.t1", "CREATE TABLE mv_new.t0 LIKE mv_old.t0",
                 "CREATE VIEW mv_old.v0 AS SELECT * FROM mv_new.t0", "DROP TABLE mv_new.t0"))
    client = wire.connect(scene.gate.port, "mv_billing", OLD)
    client.ok(b"\x1b\0\0")
    client.query("SELECT COUNT(*) FROM t0 JOIN t1")
    server.sql("RENAME TABLE mv_old.t1 TO mv_new.t1, mv_old.v1 TO mv_old.t1, mv_old.t0 TO mv_new.t0"
               + (", mv_old.v0 TO mv_old.t0" if kind == "index" else ""))
    with pytest.raises(wire.Error) as missing:
        client.query("INSERT INTO mine SELECT 5 FROM t1" + ("; SELECT COUNT(*) FROM t0" if kind == "second" else ""))
    assert missing.value.code == (1176 if kind == "index" else 1146), missing.value
    assert len(server.sql("SELECT 1 FROM mv_old.done")) == 1
    client.quit()
