"""A silogate that starts while tables stand elsewhere, or in the middle of a hold: its first sessions wait until it knows
where the tables are, and for the end of the hold."""
import signal
import threading
import time

import pymysql
import pytest

from harness import gate as gates, places
from harness.generations import Generations
from test_move_gate import control
from test_moves import INI, NEW, OLD, make_scene  # noqa: F401: the fixture
from test_moves_killed import stop_at


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
