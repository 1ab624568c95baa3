"""What keeps the mover from writing and from connecting in the middle of a switch. MySQL's LOCK TABLES waits for none of it."""
import re
import signal
import time

import pymysql
import pytest

from test_move_backup import BEGIN, END, SHORT, Writer
from test_moves import NEW, OLD, TRIGGERS, make_scene  # noqa: F401: the fixture
from test_moves_killed import stop_at

LOCKS = {"ftwrl": (["FLUSH TABLES WITH READ LOCK"], [], ["UNLOCK TABLES"]),
         "commit": (BEGIN["mariadb"], ["BACKUP STAGE BLOCK_COMMIT"], ["BACKUP STAGE END"])}


def only_mariadb(server):
    if server.name == "mysql":
        pytest.skip("the mover's LOCK TABLES keeps everybody out")


def finish(scene, server, mover, writers, place):
    """Everybody has waited until the triggers were there."""
    out, errors = mover.communicate(timeout=90)
    time.sleep(0.5)
    for writer in writers:
        writer.over.set()
        writer.join()
    assert not sum((writer.errors for writer in writers), []), writers[0].errors[:3]
    rows, bare = server.sql(f"SELECT COUNT(*), SUM(note = 'x') FROM {place}.t0")[0]
    assert (rows, bare) == (sum(writer.count for writer in writers), 0), out + errors
    assert all(writer.count for writer in writers) and scene.stand_in(place), out + errors
    assert mover.returncode == (place == OLD), out + errors
    return out


@pytest.mark.long(short=2)
@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize("step, place", [("dropped", OLD), ("moved", NEW)])
def test_a_lock_that_keeps_the_mover_from_writing(make_scene, monkeypatch, server, lock, step, place):  # noqa: F811
    """It could not write that the instances were to stay closed, so those who waited were before the triggers."""
    only_mariadb(server)
    scene = make_scene(ini=SHORT, tables=2)
    server.sql(TRIGGERS[0])
    writers = [Writer(scene, number) for number in range(3)]
    begin, then, end = LOCKS[lock]
    mover = stop_at(scene, monkeypatch, step)
    with server.root() as locker, locker.cursor() as cursor:
        for sql in begin:
            cursor.execute(sql)
        for writer in writers:
            writer.start()
        mover.send_signal(signal.SIGCONT)
        time.sleep(1.5)
        for sql in then:
            cursor.execute(sql)
        time.sleep(7.5)
        assert not any(writer.count for writer in writers)
        for sql in end:
            cursor.execute(sql)
    out = finish(scene, server, mover, writers, place)
    assert re.search(r"triggers were missing for \d{4,5} ms", out), out
    assert "keeps new transactions on the tables waiting" in scene.gate.log()
    again = scene.move("--back") if place == NEW else scene.move()
    assert again.returncode == 0, again.stdout + again.stderr


@pytest.mark.long
def test_a_server_that_is_full(make_scene, monkeypatch, server):  # noqa: F811
    """The mover needed a second connection to say that triggers were missing."""
    only_mariadb(server)
    scene = make_scene(ini=SHORT, tables=2)
    server.sql(TRIGGERS[0], "REVOKE SUPER, CONNECTION ADMIN ON *.* FROM mv_account@'%'")
    writers = [Writer(scene, number) for number in range(3)]
    mover = stop_at(scene, monkeypatch, "dropped")
    limit, more = server.sql("SELECT @@max_connections")[0][0], []
    with server.root() as backup, backup.cursor() as cursor:
        for sql in BEGIN[server.name]:
            cursor.execute(sql)
        for writer in writers:
            writer.start()
        time.sleep(0.3)
        try:
            cursor.execute("SELECT COUNT(*) FROM information_schema.PROCESSLIST")
            cursor.execute(f"SET GLOBAL max_connections = {max(cursor.fetchone()[0] - 1, 10)}")
            with pytest.raises(pymysql.Error):
                while True:
                    more.append(pymysql.connect(host="127.0.0.1", port=server.port, user="mv_payment",
                                                password="mv_payment-secret"))
            mover.send_signal(signal.SIGCONT)
            time.sleep(8)
            assert not any(writer.count for writer in writers)
        finally:
            cursor.execute(f"SET GLOBAL max_connections = {limit}")
            for one in more:
                one.close()
        for sql in END[server.name]:
            cursor.execute(sql)
    finish(scene, server, mover, writers, OLD)


def test_a_lock_before_the_first_trigger_is_dropped(make_scene, monkeypatch, server):  # noqa: F811
    """`Not all triggers could be made again` was said, though none had been dropped; nobody waits longer than the hold."""
    only_mariadb(server)
    scene = make_scene(ini=SHORT, tables=1)
    server.sql(TRIGGERS[0])
    made = "SELECT TRIGGER_NAME, CREATED FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = 'mv_old'"
    before = server.sql(made)
    mover = stop_at(scene, monkeypatch, "looked")
    with server.root() as locker, locker.cursor() as cursor:
        cursor.execute("FLUSH TABLES WITH READ LOCK")
        mover.send_signal(signal.SIGCONT)
        time.sleep(4)
        cursor.execute("UNLOCK TABLES")
    out, errors = mover.communicate(timeout=60)
    assert mover.returncode == 1 and server.sql(made) == before, out + errors
    assert "given up" in out and "made again" not in out, out + errors
    assert "keeps new transactions" not in scene.gate.log()
    again = scene.move()
    assert again.returncode == 0, again.stdout + again.stderr


def test_an_instance_that_has_opened_closes_again(make_scene, monkeypatch, server):  # noqa: F811
    """A mover whose connection was lost makes the triggers again behind closed doors."""
    only_mariadb(server)
    scene = make_scene(ini=SHORT, tables=1)
    server.sql(TRIGGERS[0])
    mover = stop_at(scene, monkeypatch, "moved")
    with server.root() as backup, backup.cursor() as cursor, scene.connect(read_timeout=60) as client, \
            client.cursor() as write:
        for sql in BEGIN[server.name]:
            cursor.execute(sql)
        server.sql("KILL %d" % server.sql("SELECT IS_USED_LOCK('silogate.move')")[0][0])
        time.sleep(3)  # longer than the hold
        write.execute("INSERT INTO t0 (client, number) VALUES (1, 1)")
        mover.send_signal(signal.SIGCONT)
        time.sleep(2)
        began = time.monotonic()
        writer = Writer(scene, 2)
        writer.start()
        time.sleep(3)
        assert writer.count == 0 and time.monotonic() - began > 2
        for sql in END[server.name]:
            cursor.execute(sql)
    out, errors = mover.communicate(timeout=60)
    time.sleep(0.5)
    writer.over.set()
    writer.join()
    assert mover.returncode == 0 and "look at the rows" in out, out + errors
    assert server.sql(f"SELECT COUNT(*) FROM {NEW}.t0 WHERE client = 2 AND note = 'x'") == ((0,),)
    assert writer.count and not writer.errors
