"""A backup that begins in the middle of a switch: it lets everybody write and nobody create a trigger."""
import re
import signal
import threading
import time

import pymysql
import pytest

from test_moves import INI, NEW, OLD, TRIGGERS, make_scene  # noqa: F401: the fixture
from test_moves_killed import stop_at

SHORT = INI.replace("hold = 10s", "hold = 2s")
BEGIN = {"mysql": ["LOCK INSTANCE FOR BACKUP"],
         "mariadb": ["BACKUP STAGE START", "BACKUP STAGE FLUSH", "BACKUP STAGE BLOCK_DDL"]}
END = {"mysql": ["UNLOCK INSTANCE"], "mariadb": ["BACKUP STAGE BLOCK_COMMIT", "BACKUP STAGE END"]}


class Writer(threading.Thread):
    def __init__(self, scene, number):
        super().__init__()
        self.scene, self.number, self.over, self.count, self.errors = scene, number, threading.Event(), 0, []

    def run(self):
        with self.scene.connect() as client, client.cursor() as cursor:
            while not self.over.is_set():
                try:
                    cursor.execute(f"INSERT INTO t0 (client, number) VALUES ({self.number}, {self.count})")
                    self.count += 1
                except pymysql.Error as error:
                    self.errors.append(error)
                time.sleep(0.01)


@pytest.mark.long(short=1)
@pytest.mark.parametrize("step, place", [("dropped", OLD), ("moved", NEW)])
def test_nobody_writes_without_triggers(make_scene, monkeypatch, server, step, place):  # noqa: F811
    """For as long as the backup lasts, also beyond the hold: everybody waits, and the mover says for whom."""
    scene = make_scene(ini=SHORT, tables=2)
    server.sql(TRIGGERS[0])
    writers = [Writer(scene, number) for number in range(3)]
    mover = stop_at(scene, monkeypatch, step)
    with server.root() as backup, backup.cursor() as cursor:
        for sql in BEGIN[server.name]:
            cursor.execute(sql)
        mover.send_signal(signal.SIGCONT)
        for writer in writers:
            writer.start()
        time.sleep(9)
        written = sum(writer.count for writer in writers)
        for sql in END[server.name]:
            cursor.execute(sql)
        number = backup.thread_id()
    out, errors = mover.communicate(timeout=60)
    time.sleep(0.5)
    for writer in writers:
        writer.over.set()
        writer.join()
    assert written == 0 and all(writer.count for writer in writers)
    assert not sum((writer.errors for writer in writers), []), writers[0].errors[:3]
    rows, bare = server.sql(f"SELECT COUNT(*), SUM(note = 'x') FROM {place}.t0")[0]
    assert (rows, bare) == (sum(writer.count for writer in writers), 0), out + errors
    assert scene.stand_in(place) and mover.returncode == (place == OLD), out + errors
    assert "Nothing has changed" not in out and re.search(r"triggers were missing for \d{4} ms", out), out
    assert server.name != "mysql" or f"thread {number}" in out, out
    assert "keeps new transactions on the tables waiting" in scene.gate.log()
    again = scene.move("--back") if place == NEW else scene.move()
    assert again.returncode == 0, again.stdout + again.stderr


def test_a_mover_that_is_killed_meanwhile(make_scene, monkeypatch, server):  # noqa: F811
    """Then the doors open after some seconds: nobody waits for a mover that is dead."""
    scene = make_scene(ini=SHORT, tables=1)
    server.sql(TRIGGERS[0])
    mover = stop_at(scene, monkeypatch, "dropped")
    with server.root() as backup, backup.cursor() as cursor, scene.connect(read_timeout=30) as client, client.cursor() as write:
        for sql in BEGIN[server.name]:
            cursor.execute(sql)
        mover.send_signal(signal.SIGCONT)
        time.sleep(4)
        mover.kill()
        mover.wait()
        write.execute("INSERT INTO t0 (client, number) VALUES (1, 1)")
        assert "is missing, and writes continue without it" in scene.move("--status").stdout
        for sql in END[server.name]:
            cursor.execute(sql)
    assert scene.move().returncode == 0 and scene.stand_in(NEW)
    assert server.sql(f"SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = '{NEW}'") == ((1,),)


def test_a_backup_that_runs_already(make_scene, server):  # noqa: F811
    """The move is given up before a trigger is dropped."""
    scene = make_scene(ini=SHORT, tables=1)
    server.sql(TRIGGERS[0])
    made = "SELECT TRIGGER_NAME, CREATED FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = 'mv_old'"
    before = server.sql(made)
    with server.root() as backup, backup.cursor() as cursor:
        for sql in BEGIN[server.name]:
            cursor.execute(sql)
        told = scene.move()
        for sql in END[server.name]:
            cursor.execute(sql)
    assert told.returncode == 1 and server.sql(made) == before, told.stdout + told.stderr
    assert scene.move().returncode == 0
