"""silogate move, cut short while the server is at its RENAME: whoever dies then, all tables stand in one place, and the next
call goes on or back. Five of each with SILOGATE_LONG=1, else one, of the server alone."""
import contextlib
import os
import random
import time

import pymysql
import pytest

from harness import places
from test_moves import INI, NEW, OLD, make_scene  # noqa: F401: the fixture
from test_moves_killed import attempt, stand_somewhere

LONG = os.environ.get("SILOGATE_LONG")
TABLES, TIMES = (60, 5) if LONG else (30, 1)


def begins_to_rename(scene, mark):
    """The RENAME has reached the server: it is in its log before it is run."""
    with open(scene.server.log_file, "rb") as file:
        file.seek(mark)
        return b"RENAME TABLE `mv_old`.`t0` TO" in file.read()


@pytest.mark.long
@pytest.mark.parametrize("what", ["server", "mover", "connection"] if LONG else ["server"])
def test_cut_at_its_rename(make_scene, server, what):  # noqa: F811
    scene = make_scene(ini=INI.replace("hold = 10s", "hold = 10s"), tables=TABLES)
    for _ in range(TIMES):
        mark = server.mark()
        mover = scene.start_move()
        assert places.wait_for(lambda: mover.poll() is not None or begins_to_rename(scene, mark), 60, 0.001)
        time.sleep(random.random() * 0.1)
        if what == "server":
            server.stop(9)
            server.start()
        elif what == "connection":
            number = server.sql("SELECT IS_USED_LOCK('silogate.move')")[0][0]
            if number:
                with contextlib.suppress(pymysql.err.OperationalError):  # it is over
                    server.sql(f"KILL {number}")
            time.sleep(random.random() * 0.2)  # it looks where the tables stand
            mover.kill()
        else:
            mover.kill()
        said = mover.communicate(timeout=120)[0]
        place = stand_somewhere(scene)
        if what == "server" and mover.returncode is not None:
            assert mover.returncode != 0 or place == NEW, said
        assert places.wait_for(scene.is_followed, 60)
        assert places.wait_for(lambda: attempt(scene, ()), 60) and scene.stand_in(NEW)
        assert places.wait_for(lambda: attempt(scene, ("--back",)), 60) and scene.stand_in(OLD)
        assert "nothing is under way" in scene.move("--status").stdout
    assert not server.sql("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_NAME LIKE 'silogate\\_moving%'")
