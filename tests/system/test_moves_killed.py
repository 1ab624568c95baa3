"""silogate move, killed at each of its steps: the mover, its connection, a silogate, the server. Whatever dies, each table stands at
one place, --status names the state, and the next call goes on or back. SILOGATE_MOVE_STOP=STEP stops the mover there,
so that the kill hits that very step. All steps with SILOGATE_LONG=1 (`make moves`)."""
import os
import pathlib
import random
import signal
import time

import pymysql
import pytest

from harness import places
from test_moves import INI, NEW, OLD, TRIGGERS, Load, make_scene  # noqa: F401: the fixture

LONG = os.environ.get("SILOGATE_LONG")
# In the order in which they come, without triggers and with them.
PLAIN = ["placeholder", "placed", "placeholder_dropped", "announced", "aliases", "switching", "closed", "drained", "renamed",
         "switched", "settled", "checked"]
CARRYING = ["trigger", "drained", "aside", "locked", "dropped", "moved", "unlocked", "renamed", "switched", "settled"]
ON_MYSQL_ALONE = {"aside", "locked", "unlocked"}
# Behind these the tables stand at the target.
MOVED = {"moved", "unlocked", "renamed", "switched", "settled", "checked"}


def cases():
    """(step, with triggers, what is killed); the short form has those in which most is under way."""
    if not LONG:
        return [("renamed", False, "mover"), ("dropped", True, "mover"), ("moved", True, "server"),
                ("dropped", True, "connection")]
    return [(step, triggers, what) for triggers, steps in ((False, PLAIN), (True, CARRYING)) for step in steps
            for what in ("mover", "connection", "silogate", "server")]


class Stubborn(Load):
    """Clients that connect again. What was under way when a connection died is in doubt: there once, or not."""

    def _run(self, number):
        self.doubted = getattr(self, "doubted", {})
        rows, doubted = self.acknowledged.setdefault(number, []), self.doubted.setdefault(number, [])
        ways = [self._text, self._transaction, self._locked, self._xa]
        count, client = 0, None
        while not self.stop.is_set():
            try:
                if client is None:
                    client = self.scene.connect(connect_timeout=5, read_timeout=15)
                    way = ways[number % len(ways)](client, number)
                way(f"t{count % self.scene.tables}", count)
                rows.append(count)
            except (pymysql.err.MySQLError, OSError, AttributeError) as error:
                doubted.append(count)
                self.errors.append((number, repr(error)))
                if client is not None:
                    client._force_close()
                client = None
                time.sleep(0.1)
            count += 1
            time.sleep(self.period)

    def check(self, errors=True):
        assert errors or not self.errors, self.errors[:5]
        server, tables = self.scene.server, self.scene.tables
        for name, schema in self.scene.standing().items():
            rows = sorted((int(c), int(n)) for c, n in server.sql(f"SELECT client, number FROM {schema}.{name}"))
            assert len(rows) == len(set(rows)), "a row is doubled"
            mine = {(c, n) for c, counts in self.acknowledged.items() for n in counts if f"t{n % tables}" == name}
            doubted = {(c, n) for c, counts in self.doubted.items() for n in counts if f"t{n % tables}" == name}
            assert not mine - set(rows), "a row is lost"
            assert set(rows) <= mine | doubted, "a row is there that nobody has written"


def is_stopped(process):
    return pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"


def roll_back_branches(server):
    """XA branches that a kill has left prepared hold their locks, and a move is refused with their names."""
    with server.root() as root, root.cursor() as cursor:
        cursor.execute("XA RECOVER")
        for one in cursor.fetchall():
            try:
                cursor.execute("XA ROLLBACK '%s'" % (one[3].decode() if isinstance(one[3], bytes) else one[3]))
            except pymysql.err.MySQLError:
                pass  # somebody is about to


def stop_at(scene, monkeypatch, step, *options):
    """A mover that stands still at the step."""
    monkeypatch.setenv("SILOGATE_MOVE_STOP", step)
    mover = scene.start_move(*options)
    monkeypatch.delenv("SILOGATE_MOVE_STOP")
    assert places.wait_for(lambda: mover.poll() is not None or is_stopped(mover))
    assert mover.poll() is None, mover.communicate()
    return mover


def kill(scene, what, mover):
    """What the mover says and its exit status; None where it was the one."""
    if what == "mover":
        mover.kill()
        mover.wait()
        return None
    if what == "silogate":
        scene.gate.process.kill()
        scene.gate.process.wait()
    elif what == "connection":
        scene.server.sql("KILL %d" % scene.server.sql("SELECT IS_USED_LOCK('silogate.move')")[0][0])
    else:
        scene.server.stop(signal.SIGKILL)
        scene.server.start()
    mover.send_signal(signal.SIGCONT)
    out, errors = mover.communicate(timeout=90)
    if what == "silogate":
        scene.gate.start()
    return out + errors, mover.returncode


def stand_somewhere(scene):
    """The one database in which all tables stand, once the server has done with a RENAME that goes on without its mover."""
    def look():
        standing = scene.standing()
        return len(standing) == scene.tables and len(set(standing.values())) == 1 and standing["t0"]
    place = places.wait_for(look, 30, 0.1)
    assert place, scene.standing()
    return place


@pytest.mark.long(short=2)
@pytest.mark.parametrize("step,triggers,what", cases())
def test_killed(make_scene, monkeypatch, server, step, triggers, what):  # noqa: F811
    if step in ON_MYSQL_ALONE and server.name != "mysql":
        pytest.skip("MySQL's way with triggers")
    scene = make_scene(ini=INI.replace("hold = 10s", "hold = 1s"), tables=2)
    if triggers:
        server.sql(*TRIGGERS[:2])
    options, source, target = ((), OLD, NEW)
    if step == "aside" or (random.random() < 0.5 and LONG):  # the way back
        assert scene.move().returncode == 0
        options, source, target = (("--back",), NEW, OLD)
        if step.startswith("place"):
            step = "announced"  # the alias stands where one would be
    with Stubborn(scene, clients=4, rate=200) as load:
        time.sleep(0.3)
        mover = stop_at(scene, monkeypatch, step, *options)
        told = kill(scene, what, mover)
        time.sleep(1 if what == "mover" else 0)  # the doors open by themselves
        stood = stand_somewhere(scene)
        assert step in MOVED or what != "mover" or stood == source
        assert step not in MOVED or stood == target
        if told:  # it has said what is so, and ended as it said
            said, status = told
            assert (status == 0) == (stood == target), said
            if what == "connection" and step != "checked":
                assert "the connection to the server is lost; connecting again" in said
            missed = "triggers were missing while the connection was lost" in said
            assert ("The tables have not moved" if missed else "Nothing has changed") in said or stood != source, said
            assert "Nothing has changed" not in said or stood == source, said
            assert missed == ("mover was stopped: trigger" in said), said
        if what == "server":
            roll_back_branches(server)
        assert places.wait_for(scene.is_followed)
        status = scene.move("--status")
        assert status.returncode == 0
        if what == "mover" and step not in ("settled", "checked"):
            assert f"stopped after its step '" in status.stdout, status.stdout
        on, back = ((), ("--back",))
        for again, place in random.choice([((on, NEW), (back, OLD)), ((back, OLD), (on, NEW))]):
            moved = places.wait_for(lambda: attempt(scene, again), 60)
            assert moved, scene.move(*again).stdout
            assert scene.stand_in(place)
            if triggers:
                assert server.sql(f"SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = '{place}'"
                                  " ORDER BY ACTION_ORDER") in ((("first",), ("second",)), [("first",), ("second",)])
        assert "nothing is under way" in scene.move("--status").stdout
    roll_back_branches(server)
    load.check(errors=what != "mover")
    left = server.sql("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_NAME LIKE 'silogate\\_moving%'")
    assert not left


def attempt(scene, options):
    """An instance that was killed is refused until it is gone for a minute; here it is gone sooner."""
    scene.server.sql("DELETE FROM silogate.instances_of_moves WHERE seen < NOW(3) - INTERVAL 3 SECOND",
                     "DELETE FROM silogate.instances WHERE seen < UTC_TIMESTAMP(6) - INTERVAL 3 SECOND")
    moved = scene.move(*options)
    if moved.returncode:
        assert any(why in moved.stdout for why in ("was last seen", "no instance", "not all instances are",
                                                   "is prepared", "in a transaction", "is locked")), \
            moved.stdout + moved.stderr
        roll_back_branches(scene.server)
        time.sleep(0.5)
    return moved.returncode == 0


@pytest.mark.skipif(not LONG, reason="half a minute: SILOGATE_LONG=1")
@pytest.mark.parametrize("step", ["drained", "renamed"])
def test_a_server_that_stays_away(make_scene, monkeypatch, server, step):  # noqa: F811
    """Where nobody can be asked the mover does not say that nothing has changed, once that may be untrue."""
    scene = make_scene(ini=INI.replace("hold = 10s", "hold = 1s"), tables=2)
    mover = stop_at(scene, monkeypatch, step)
    server.stop(signal.SIGKILL)
    mover.send_signal(signal.SIGCONT)
    out, errors = mover.communicate(timeout=90)
    server.start()
    assert mover.returncode == 1, out + errors
    if step == "drained":  # before the RENAME was sent
        assert "The tables have not moved, but rights" in out and stand_somewhere(scene) == OLD, out
    else:
        assert "not known: " in out and "make the same call again" in out and "Nothing" not in out, out
        assert stand_somewhere(scene) == NEW
    assert places.wait_for(scene.is_followed)
    assert places.wait_for(lambda: attempt(scene, ())) and scene.stand_in(NEW)
