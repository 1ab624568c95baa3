"""Who is inside: sessions whose statements lock a table of a move only by way of views of views, triggers of triggers,
routines that these call, cascades, and tables of another move."""
import contextlib
import time

import pytest

from harness import places
from test_moves import INI, NEW, OLD, make_scene  # noqa: F401: the fixture

# The service's own rules are not what is asked here.
OPEN = INI.replace("[policy]\nmode = block\nunowned = block", "[policy]\nmode = off\nunowned = allow").replace(
    "table = mv_old.t*", "table = mv_old.t0\ntable = mv_old.t1\ntable = mv_old.t2\ntable = mv_old.t3") + f"""
[move:other]
service = billing
table = {OLD}.tother
to = {NEW}
"""
PLANTS = ["CREATE VIEW mv_old.v1 AS SELECT id FROM mv_old.t0", "CREATE VIEW mv_old.v2 AS SELECT id FROM mv_old.v1",
          "CREATE FUNCTION mv_old.fn() RETURNS INT READS SQL DATA RETURN (SELECT COUNT(*) FROM mv_old.t3)",
          "CREATE VIEW mv_old.vf AS SELECT mv_old.fn() AS n",
          "CREATE TABLE mv_old.x1 (id INT) ENGINE=InnoDB", "CREATE TABLE mv_old.x2 (id INT) ENGINE=InnoDB",
          "CREATE TABLE mv_old.x3 (id INT) ENGINE=InnoDB",
          "CREATE TRIGGER mv_old.first AFTER INSERT ON mv_old.x1 FOR EACH ROW INSERT INTO mv_old.t2 (client, number) VALUES (1, NEW.id)",
          "CREATE TRIGGER mv_old.second AFTER INSERT ON mv_old.x2 FOR EACH ROW INSERT INTO mv_old.x1 VALUES (NEW.id)",
          "CREATE PROCEDURE mv_old.pr() SELECT COUNT(*) INTO @n FROM mv_old.t2",
          "CREATE TRIGGER mv_old.third AFTER INSERT ON mv_old.x3 FOR EACH ROW CALL mv_old.pr()",
          "CREATE TABLE mv_old.upper (id INT PRIMARY KEY) ENGINE=InnoDB",
          "CREATE TABLE mv_old.middle (id INT PRIMARY KEY, u INT, FOREIGN KEY (u) REFERENCES mv_old.upper (id) ON DELETE CASCADE)"
          " ENGINE=InnoDB",
          "ALTER TABLE mv_old.t1 ADD m INT, ADD FOREIGN KEY (m) REFERENCES mv_old.middle (id) ON DELETE CASCADE",
          "CREATE TABLE mv_old.tother (id INT PRIMARY KEY, t INT, FOREIGN KEY (t) REFERENCES mv_old.t3 (id)) ENGINE=InnoDB",
          "CREATE TABLE mv_old.apart (id INT PRIMARY KEY) ENGINE=InnoDB", "CREATE VIEW mv_old.vapart AS SELECT id FROM mv_old.apart"]
INSIDE = ["SELECT * FROM v2", "SELECT * FROM vf", "INSERT INTO x2 VALUES (1)", "INSERT INTO x3 VALUES (1)",
          "DELETE FROM upper WHERE id = 1", "INSERT INTO tother VALUES (1, NULL)"]
OUTSIDE = ["SELECT * FROM vapart", "SELECT * FROM audit", "INSERT INTO apart VALUES (7)"]


def inside(scene, move):
    return int(scene.server.sql(f"SELECT SUM(inside) FROM silogate.instances_of_moves WHERE move = '{move}'")[0][0] or 0)


@pytest.mark.long
def test_by_way_of_others(make_scene):  # noqa: F811
    scene = make_scene(ini=OPEN)
    scene.server.sql(*PLANTS, "GRANT EXECUTE ON mv_old.* TO mv_payment@'%'")

    def are_inside(statements, moves):
        """In a transaction each; by how many sessions the instance knows of, of each move. Two that write the same table
        would wait for InnoDB's gaps."""
        assert places.wait_for(lambda: all(inside(scene, move) == 0 for move in ("tables", "other")), 60)
        with contextlib.ExitStack() as stack:
            for statement in statements:
                cursor = stack.enter_context(stack.enter_context(scene.connect("mv_payment")).cursor())
                cursor.execute("BEGIN")
                cursor.execute(statement)
            if 0 in moves.values():
                time.sleep(2.5)  # it reports each second: what it has said before they came is no answer
            return places.wait_for(lambda: all(inside(scene, move) == count for move, count in moves.items()), 4)

    # the watch looks at the catalogue every ten seconds
    assert places.wait_for(lambda: are_inside(INSIDE, {"tables": 6}), 90), scene.move("--status").stdout
    for one, moves in (([INSIDE[0]], {"tables": 1, "other": 0}), ([INSIDE[5]], {"tables": 1, "other": 1}),
                       (["UPDATE t3 SET note = 'x'"], {"tables": 1, "other": 1}), (OUTSIDE, {"tables": 0, "other": 0})):
        assert are_inside(one, moves), (one, moves, scene.move("--status").stdout)
