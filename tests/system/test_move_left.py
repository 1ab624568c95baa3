"""What a mover leaves behind, and what it must not take for its own."""
import os
import signal
import time

import pytest

from test_moves import NEW, OLD, TRIGGERS, make_scene  # noqa: F401: the fixture
from test_moves_killed import stop_at

TRIAL = "silogate_moving_trial"


def views(server):
    return server.sql(f"SELECT TABLE_SCHEMA FROM information_schema.TABLES WHERE TABLE_SCHEMA = '{NEW}' AND TABLE_NAME = 't0'"
                      " AND TABLE_TYPE = 'VIEW'")


def test_a_connection_that_is_lost_while_the_placeholder_stands(make_scene, monkeypatch, server):  # noqa: F811
    """It stayed, and `Nothing has changed` was said."""
    scene = make_scene(tables=1)
    mover = stop_at(scene, monkeypatch, "placed")
    server.sql("KILL %d" % server.sql("SELECT IS_USED_LOCK('silogate.move')")[0][0])
    mover.send_signal(signal.SIGCONT)
    out, errors = mover.communicate(timeout=60)
    assert mover.returncode == 1 and "Nothing has changed" in out and "is left" not in out, out + errors
    assert not views(server)
    assert scene.move().returncode == 0 and scene.stand_in(NEW)


@pytest.mark.skipif(not os.environ.get("SILOGATE_LONG"), reason="half a minute: SILOGATE_LONG=1")
def test_a_placeholder_that_is_locked(make_scene, monkeypatch, server):  # noqa: F811
    scene = make_scene(tables=1)
    mover = stop_at(scene, monkeypatch, "placed")
    with server.root() as client, client.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(f"SELECT * FROM {NEW}.t0")
        mover.send_signal(signal.SIGCONT)
        out, errors = mover.communicate(timeout=60)
        assert mover.returncode == 1 and f"the placeholder {NEW}.t0 is left" in out and views(server), out + errors
    assert scene.move().returncode == 0 and scene.stand_in(NEW)


def test_a_table_with_the_name_of_the_trial_s(make_scene, server):  # noqa: F811
    """Each of that name on the server was dropped, with its rows."""
    scene = make_scene(tables=1)
    server.sql("CREATE DATABASE mv_third")
    try:
        for schema in ("mv_third", OLD):
            server.sql(f"CREATE TABLE {schema}.{TRIAL} (id INT)", f"INSERT INTO {schema}.{TRIAL} VALUES (1)")
        for options in (["--dry-run"], []):
            told = scene.move(*options)
            assert told.returncode == 1 and f"refused: {OLD} has a table {TRIAL}" in told.stdout, told.stdout
        assert server.sql(f"SELECT * FROM {OLD}.{TRIAL}") and server.sql(f"SELECT * FROM mv_third.{TRIAL}")
        server.sql(f"DROP TABLE {OLD}.{TRIAL}")
        moved = scene.move()
        assert moved.returncode == 0, moved.stdout + moved.stderr
        assert server.sql(f"SELECT * FROM mv_third.{TRIAL}")
    finally:
        server.sql("DROP DATABASE mv_third")


def test_a_mover_that_is_killed_in_its_trial(make_scene, monkeypatch, server):  # noqa: F811
    scene = make_scene(tables=1)
    server.sql(TRIGGERS[0])
    mover = stop_at(scene, monkeypatch, "trying")
    assert server.sql(f"SELECT 1 FROM information_schema.TABLES WHERE TABLE_NAME = '{TRIAL}'")
    mover.kill()
    mover.wait()
    moved = scene.move()
    assert moved.returncode == 0 and scene.stand_in(NEW), moved.stdout + moved.stderr
    assert not server.sql(f"SELECT 1 FROM information_schema.TABLES WHERE TABLE_NAME = '{TRIAL}'")


KINDS = {"another": "CREATE VIEW {new}.t0 AS SELECT id, 'report' AS kind FROM {old}.payments",
         "filtered": "CREATE SQL SECURITY INVOKER VIEW {new}.t0 AS SELECT id, client, number, note FROM {old}.t0 WHERE id > 5",
         "definer": "CREATE VIEW {new}.t0 AS SELECT id, client, number, note FROM {old}.t0"}


@pytest.mark.long(short=2)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("killed", [False, True], ids=["failed", "killed"])
def test_a_view_that_somebody_makes_where_the_placeholder_would_be(make_scene, monkeypatch, server, kind, killed):  # noqa: F811
    """Its text is in no journal, so no call ever drops it."""
    scene = make_scene(tables=1)
    mover = stop_at(scene, monkeypatch, "placeholder")
    server.sql(KINDS[kind].format(new=NEW, old=OLD))
    if killed:
        mover.kill()
        mover.wait()
    else:
        mover.send_signal(signal.SIGCONT)
        out, errors = mover.communicate(timeout=60)
        assert mover.returncode == 1 and "Nothing has changed" in out, out + errors
    before = server.sql(f"SHOW CREATE VIEW {NEW}.t0")
    for options in ((), ("--back",), ()):
        again = scene.move(*options)
        assert ("not dropped: the view" in again.stdout) == killed, again.stdout
        assert options or (again.returncode == 1 and "exists already" in again.stdout), again.stdout
        assert server.sql(f"SHOW CREATE VIEW {NEW}.t0") == before
    server.sql(f"DROP VIEW {NEW}.t0")
    moved = scene.move()
    assert moved.returncode == 0, moved.stdout + moved.stderr


def test_a_table_that_somebody_makes_where_the_placeholder_would_be(make_scene, monkeypatch, server):  # noqa: F811
    """Its rows cannot be seen before they are committed; so a table is never taken for a placeholder."""
    scene = make_scene(tables=1)
    mover = stop_at(scene, monkeypatch, "placeholder")
    mover.kill()
    mover.wait()
    with server.root() as root, root.cursor() as cursor:
        root.autocommit(False)
        cursor.execute(f"CREATE TABLE {NEW}.t0 LIKE {OLD}.t0")
        cursor.execute(f"INSERT INTO {NEW}.t0 (client, number) VALUES (1, 1), (1, 2)")
        again = scene.start_move()
        time.sleep(2)
        root.commit()
    out, errors = again.communicate(timeout=60)
    assert again.returncode == 1 and "exists already" in out, out + errors
    assert server.sql(f"SELECT COUNT(*) FROM {NEW}.t0") == ((2,),)


def test_rows_that_somebody_writes_where_the_trial_s_table_was_left(make_scene, monkeypatch, server):  # noqa: F811
    """Also rows that are committed while the next call is about to drop the table."""
    scene = make_scene(tables=1)
    server.sql(TRIGGERS[0])
    mover = stop_at(scene, monkeypatch, "trying")
    mover.kill()
    mover.wait()
    with server.root() as root, root.cursor() as cursor:
        root.autocommit(False)
        cursor.execute(f"INSERT INTO {NEW}.{TRIAL} (client, number) VALUES (1, 1), (1, 2)")
        again = scene.start_move()
        time.sleep(2)
        root.commit()
    out, errors = again.communicate(timeout=60)
    assert again.returncode == 1 and f"refused: {NEW} has a table {TRIAL}" in out, out + errors
    assert server.sql(f"SELECT COUNT(*) FROM {NEW}.{TRIAL}") == ((2,),)
    server.sql(f"DROP TABLE {NEW}.{TRIAL}")
    moved = scene.move()
    assert moved.returncode == 0, moved.stdout + moved.stderr
