"""A silogate that starts while tables stand elsewhere, or in the middle of a hold: its first sessions wait until it knows
where the tables are, and for the end of the hold."""
import contextlib
import signal
import threading
import time

import pymysql
import pytest

from harness import gate as gates, places
from harness.generations import Generations
from test_move_gate import control
from test_moves import INI, NEW, OLD, make_scene  # noqa: F401: the fixture
from test_moves_killed import TRIGGERS, stop_at


class Asked:
    """A statement that another thread sends over a connection of its own."""

    def __init__(self, scene, statement):
        self.answer = None
        self.thread = threading.Thread(target=self._run, args=(scene, statement))
        self.thread.start()

    def _run(self, scene, statement):
        try:
            with scene.connect() as client, client.cursor() as cursor:
                cursor.execute(statement)
                self.answer = cursor.fetchall()
        except (pymysql.Error, OSError) as error:
            self.answer = error

    def is_answered(self):
        return not self.thread.is_alive()

    def wait(self):
        self.thread.join(30)
        return self.answer


def test_the_first_statements_wait_for_the_names(make_scene):  # noqa: F811
    scene = make_scene(ini=INI + "alias = none\n")
    moved = scene.move()
    assert moved.returncode == 0, moved.stderr
    scene.gate.stop()
    with scene.server.root() as owner, owner.cursor() as cursor:
        cursor.execute("LOCK TABLES silogate.moves WRITE")  # the first read takes long
        scene.gate.start()
        asked = [Asked(scene, "SELECT COUNT(*) FROM t0"), Asked(scene, f"SELECT COUNT(*) FROM {OLD}.t1")]
        time.sleep(0.7)
        early = [one.is_answered() for one in asked]
        cursor.execute("UNLOCK TABLES")
        assert [one.wait() for one in asked] == [((0,),), ((0,),)]
    assert early == [False, False]


@pytest.mark.long
def test_the_server_comes_later(make_scene, server):  # noqa: F811
    """As after a reboot of a host: the three seconds in which statements wait for the names begin when it is there."""
    scene = make_scene(ini=INI + "alias = none\n")
    assert scene.move().returncode == 0
    scene.gate.stop()
    server.stop(signal.SIGKILL)
    try:
        scene.gate.start(ready=False)
        assert places.wait_for(lambda: places.port_open(scene.gate.port))
        time.sleep(3.5)
    finally:
        server.start()
    answers = []

    def ask():
        answers.append(Asked(scene, "SELECT COUNT(*) FROM t0").wait())
        return answers[-1] == ((0,),)

    assert places.wait_for(ask), answers
    assert not [one for one in answers if isinstance(one, pymysql.Error) and one.args[0] == 1146], answers


def test_they_do_not_wait_for_ever(make_scene):  # noqa: F811
    scene = make_scene()
    assert scene.move().returncode == 0
    scene.gate.stop()
    with scene.server.root() as owner, owner.cursor() as cursor:
        cursor.execute("LOCK TABLES silogate.moves WRITE")
        scene.gate.start()
        began = time.monotonic()
        assert Asked(scene, "SELECT COUNT(*) FROM t0").wait() == ((0,),)  # the alias answers
        assert time.monotonic() - began < 10
        cursor.execute("UNLOCK TABLES")


@pytest.mark.long(short=1)
@pytest.mark.parametrize("step", ["closed", "drained"])
def test_an_upgrade_in_the_hold(make_scene, monkeypatch, step):  # noqa: F811
    scene = make_scene()
    control(scene.gate)
    scene.gate.uncounted = "one log is written by all of them"
    scene.gate.stop()
    scene.gate.start()
    line = Generations(scene.gate)
    try:
        assert places.wait_for(scene.is_followed), scene.gate.log()
        for number, (options, place) in enumerate((((), NEW), (("--back",), OLD))):
            mover = stop_at(scene, monkeypatch, step, *options)
            line.upgrade()
            asked = Asked(scene, f"INSERT INTO t0 (client, number) VALUES (1, {number})")
            time.sleep(0.5)
            early = asked.is_answered()
            mover.send_signal(signal.SIGCONT)
            out, errors = mover.communicate(timeout=60)
            assert mover.returncode == 0, out + errors
            assert asked.wait() == () and not early
            assert scene.stand_in(place)
    finally:
        line.end()


def test_the_mover_waits_for_a_successor(make_scene, monkeypatch):  # noqa: F811
    """The last instance has left in the hold, and the one that begins has written nothing yet."""
    scene = make_scene()
    mover = stop_at(scene, monkeypatch, "drained")
    scene.gate.process.kill()
    scene.gate.process.wait()
    for table in ("instances_of_moves", "instances"):
        scene.server.sql(f"DELETE FROM silogate.{table}")
    mover.send_signal(signal.SIGCONT)
    time.sleep(0.2)
    scene.gate.start()
    out, errors = mover.communicate(timeout=60)
    assert mover.returncode == 0, out + errors
    assert scene.stand_in(NEW)


@pytest.mark.long
def test_a_start_whose_first_reads_fail(make_scene, monkeypatch):  # noqa: F811
    """The connection is killed again and again while it reads where the tables are, behind the closed door."""
    scene = make_scene(ini=(INI + "alias = none\n").replace("hold = 10s", "hold = 4s"))
    for number, (options, place) in enumerate((((), NEW), (("--back",), OLD))):
        mover = stop_at(scene, monkeypatch, "drained", *options)
        own = {row[0] for row in scene.server.sql("SELECT IS_USED_LOCK('silogate.move')")}
        scene.gate.process.kill()
        scene.gate.process.wait()
        for table in ("instances_of_moves", "instances"):  # the mover would wait for the dead one
            scene.server.sql(f"DELETE FROM silogate.{table}")
        scene.gate.start()
        asked = Asked(scene, f"INSERT INTO t0 (client, number) VALUES (1, {number})")
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            for thread, in scene.server.sql("SELECT id FROM information_schema.processlist WHERE user = 'mv_account'"):
                if thread not in own:
                    with contextlib.suppress(pymysql.Error):
                        scene.server.sql(f"KILL {thread}")
        mover.send_signal(signal.SIGCONT)
        out, errors = mover.communicate(timeout=60)
        if mover.returncode:  # the new one had not said that nobody is inside of it
            assert "not all instances are drained any more" in out and "Nothing has changed" in out, out + errors
            assert places.wait_for(lambda: scene.move(*options).returncode == 0)  # noqa: B023: called at once
        assert asked.wait() == () and scene.stand_in(place)


def test_a_start_before_a_move_is_undone(make_scene, monkeypatch, server):  # noqa: F811
    """It sees the tables at their new place, where they do not stay: a trigger cannot be made there."""
    if server.name == "mysql":
        pytest.skip("MySQL's way with triggers holds a lock of the server meanwhile")
    scene = make_scene(ini=(INI + "alias = none\n").replace("hold = 10s", "hold = 4s"), tables=2)
    server.sql(*TRIGGERS[:2])
    name = server.sql("SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = 'mv_old' LIMIT 1")[0][0]
    mover = stop_at(scene, monkeypatch, "moved")
    scene.gate.process.kill()
    scene.gate.process.wait()
    server.sql("DELETE FROM silogate.instances_of_moves", f"CREATE TABLE {NEW}.zz (id INT)",
               f"CREATE TRIGGER {NEW}.{name} BEFORE INSERT ON {NEW}.zz FOR EACH ROW SET NEW.id = 1")
    scene.gate.start()
    asked = Asked(scene, f"INSERT INTO t0 (client, number) VALUES (1, 1) /* {'x' * 70000} */")
    time.sleep(0.5)
    mover.send_signal(signal.SIGCONT)
    out, errors = mover.communicate(timeout=60)
    assert mover.returncode == 1 and "Nothing has changed" in out, out + errors
    assert asked.wait() == () and scene.stand_in(OLD)
    assert server.sql(f"SELECT event_object_table FROM information_schema.triggers WHERE trigger_schema = '{NEW}'") == (("zz",),)


def test_a_start_beside_a_rename(make_scene, server):  # noqa: F811
    """MariaDB lists the databases one after the other, and waits at each table for a RENAME that is under way: its tables
    are then in neither list. Here the new database was listed before, and the RENAME ends while silogate waits."""
    scene = make_scene(ini=INI + "alias = none\n")
    server.sql(f"GRANT ALL ON {NEW}.* TO mv_billing@'%'")
    scene.gate.stop()
    names = sorted(scene.standing())
    with server.root() as reader, reader.cursor() as cursor, server.root() as owner:
        cursor.execute("BEGIN")
        cursor.execute(f"SELECT COUNT(*) FROM {OLD}.{names[-1]}")
        rename = "RENAME TABLE " + ", ".join(f"{OLD}.{name} TO {NEW}.{name}" for name in names)
        renaming = threading.Thread(target=lambda: owner.cursor().execute(rename))
        renaming.start()
        waits = "SELECT 1 FROM information_schema.processlist WHERE state LIKE 'Waiting for table%' AND info LIKE '{}%'"
        assert places.wait_for(lambda: server.sql(waits.format("RENAME")))
        scene.gate.start()
        if server.name == "mariadb":
            assert places.wait_for(lambda: server.sql(waits.format("SELECT TABLE_SCHEMA"))), scene.gate.log()
        cursor.execute("COMMIT")
        renaming.join(30)
    answers = [Asked(scene, f"INSERT INTO {name} (client, number) VALUES (1, 1)").wait() for name in names]
    assert answers == [()] * len(names)


def reads(scene, statement="INSERT INTO t0 (client, number) VALUES (1, 1)"):
    began = time.monotonic()
    answer = Asked(scene, statement).wait()
    return answer, time.monotonic() - began


@pytest.mark.long(short=2)
@pytest.mark.parametrize("broken", [
    ("ALTER TABLE silogate.moves DROP COLUMN in_to",),
    ("DROP TABLE silogate.instances_of_moves", "REVOKE ALL PRIVILEGES, GRANT OPTION FROM mv_account@'%'",
     "GRANT SELECT, SHOW VIEW, TRIGGER, REFERENCES, EXECUTE ON *.* TO mv_account@'%'"),
    ("ALTER TABLE silogate.instances_of_moves DROP COLUMN seen", "ALTER TABLE silogate.places DROP COLUMN since"),
], ids=["column", "table", "columns"])
def test_a_start_with_broken_shared_tables(make_scene, server, broken):  # noqa: F811
    """The catalogue says where the tables are, whatever is the matter with the shared tables."""
    scene = make_scene(ini=INI + "alias = none\n")
    assert scene.move().returncode == 0
    scene.gate.stop()
    server.sql(*broken)
    scene.gate.start()
    assert reads(scene)[0] == ()
    assert "its moves cannot be followed" in scene.gate.log()
    server.sql(f"RENAME TABLE {NEW}.t0 TO {OLD}.t0")
    assert reads(scene, "SELECT COUNT(*) FROM t0")[0] == ((1,),)
    with scene.connect("mv_payment") as client, client.cursor() as cursor:
        for database in (OLD, NEW):
            with pytest.raises(pymysql.Error) as refused:
                cursor.execute(f"DELETE FROM {database}.t0")
            assert refused.value.args[0] == 1142


@pytest.mark.long(short=1)
@pytest.mark.parametrize("table", ["moves", "places", "instances_of_moves"])
def test_a_start_with_locked_shared_tables(make_scene, server, table):  # noqa: F811
    """Somebody's lock on one of the shared tables keeps the first statements for no longer than their three seconds."""
    scene = make_scene(ini=INI + "alias = none\n")
    assert scene.move().returncode == 0
    scene.gate.stop()
    with server.root() as owner, owner.cursor() as cursor:
        cursor.execute(f"LOCK TABLES silogate.{table} WRITE")
        scene.gate.start()
        answer, seconds = reads(scene)
        for number in range(2, 5):
            assert answer == () and seconds < 5
            time.sleep(0.5)
            answer, seconds = reads(scene, f"INSERT INTO t0 (client, number) VALUES (1, {number})")
        cursor.execute("UNLOCK TABLES")
    assert places.wait_for(scene.is_followed)
    assert scene.move("--back").returncode == 0


def test_a_hold_is_no_longer_than_in_the_file(make_scene, server):  # noqa: F811
    """Whatever the shared table says."""
    scene = make_scene(ini=(INI + "alias = none\n").replace("hold = 10s", "hold = 1s"))
    assert scene.move().returncode == 0
    scene.gate.stop()
    server.sql("UPDATE silogate.moves SET phase = 'closed', changed = NOW(3) + INTERVAL 5 SECOND, hold_ms = 60000,"
               " epoch = epoch + 1")
    scene.gate.start()
    answer, seconds = reads(scene)
    assert answer == () and seconds < 5, seconds
    server.sql("UPDATE silogate.moves SET phase = 'idle'")
