"""Configurations that change while tables of a move are used: overrides that stand, a section that goes or comes."""
import re
import signal

import pymysql
import pytest

from harness import gate as gates, places
from test_move_gate import control, moved  # noqa: F401: the fixture
from test_moves import NEW, OLD, make_scene  # noqa: F401: the fixture
from test_moves_killed import stop_at


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


CHANGED = {"smaller": lambda ini: ini.replace(f"table = {OLD}.t*", f"table = {OLD}.t0"),
           "without": lambda ini: re.sub(r"\[move:tables\]\n[^\[]*", "", ini)}
CASES = [("placed", "reload"), ("placed", "instance"), ("switching", "instance"), ("drained", "instance")]


@pytest.mark.long(short=1)
@pytest.mark.parametrize("changed", CHANGED)
@pytest.mark.parametrize("step, how", CASES)
def test_another_file_since_the_plan(make_scene, make_gate, monkeypatch, step, how, changed):  # noqa: F811
    """The sessions of such an instance would not follow; so each look at the instances is at their policies too."""
    scene = make_scene(tables=2)
    mover_file = scene.folder / "mover.ini"
    mover_file.write_text(scene.gate.path.read_text())
    mover_gate, number = scene.gate, scene.gate.process.pid
    scene.gate = type("File", (), {"path": mover_file})()
    policy = scene.server.sql("SELECT policy FROM silogate.instances_of_moves")[0][0]
    mover = stop_at(scene, monkeypatch, step)
    if how == "reload":
        mover_gate.reload(ini=CHANGED[changed](mover_gate.ini))
    else:
        other = make_gate(scene.server, ini=CHANGED[changed](mover_gate.ini))
        number = other.process.pid
    is_it = f"name LIKE '%:{number}:%' AND policy <> '{policy}'"
    assert places.wait_for(lambda: scene.server.sql(f"SELECT 1 FROM silogate.instances WHERE {is_it}"))
    mover.send_signal(signal.SIGCONT)
    out, errors = mover.communicate(timeout=90)
    assert mover.returncode == 1 and "given up" in out and f":{number}:" in out, out + errors
    assert scene.stand_in(OLD)
    with pymysql.connect(host="127.0.0.1", port=mover_gate.port, user="mv_billing", password="mv_billing-secret",
                         database=OLD, autocommit=True) as client, client.cursor() as cursor:
        cursor.execute("INSERT INTO t1 (client, number) VALUES (1, 1)")
