"""Configurations that change while tables of a move are used: overrides that stand, a section that goes or comes."""
import re

import pymysql
import pytest

from harness import gate as gates, places
from test_move_gate import control, moved  # noqa: F401: the fixture
from test_moves import NEW, OLD, make_scene  # noqa: F401: the fixture


@pytest.mark.long
def test_overrides_that_stand_do_not_stop_a_move(make_scene):  # noqa: F811
    """It was refused, as if the instance had another file; a hold of writes holds nobody inside."""
    scene = make_scene()
    gate = scene.gate
    control(gate)
    gate.stop()
    gate.start()
    assert places.wait_for(scene.is_followed), gate.log()
    with scene.connect() as client, client.cursor() as cursor:
        for options, place in (((), NEW), (("--back",), OLD)):
            for words in (("mode", "payment", "log", "--for", "10m"), ("allow", "payment", "on", f"{OLD}.t0", "access", "write", "--for", "10m"),
                          ("hold", "billing", "--writes", "--for", "3s")):
                done = gates.run("ctl", "-c", gate.path, *words)
                assert done.returncode == 0, done.stderr
            moved = scene.move(*options)
            assert moved.returncode == 0 and scene.stand_in(place), moved.stdout + moved.stderr
            cursor.execute("INSERT INTO t0 (client, number) SELECT 1, COUNT(*) FROM t0")
    assert len(scene.server.sql(f"SELECT 1 FROM {OLD}.t0")) == 2


def test_lock_tables_goes_on_by_the_names_it_began_with(moved):  # noqa: F811
    """A reload that takes the section out, or puts it in, changed what a name meant under LOCK TABLES: error 1100."""
    scene = moved()
    whole = scene.gate.ini
    without = re.sub(r"\[move:tables\]\n[^\[]*", "", whole)
    scene.go()
    with scene.connect() as client, client.cursor() as cursor, scene.connect() as other, other.cursor() as asking:

        def is_mapped():
            """A view cannot be forced to an index."""
            try:
                asking.execute("SELECT * FROM t2 FORCE INDEX (client)")
                return True
            except pymysql.Error:
                return False

        for number, (before, after) in enumerate(((whole, without), (without, whole)), 1):
            assert places.wait_for(lambda: is_mapped() == (before is whole), 60)
            cursor.execute("LOCK TABLES t0 WRITE, t1 AS other READ")
            scene.gate.reload(ini=after)
            assert places.wait_for(lambda: is_mapped() == (after is whole), 60)
            cursor.execute(f"INSERT INTO t0 (client, number) VALUES (5, {number})")
            cursor.execute("SELECT COUNT(*) FROM t1 AS other")
            cursor.execute("UNLOCK TABLES")
            assert places.wait_for(lambda: is_mapped() == (after is whole), 60)
            cursor.execute(f"INSERT INTO t0 (client, number) VALUES (6, {number})")
    assert len(scene.server.sql(f"SELECT 1 FROM {NEW}.t0 WHERE client IN (5, 6)")) == 4
