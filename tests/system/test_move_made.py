"""Tables that a section's wildcard matches and that somebody makes while a move of the others is under way: they are not moved, and
all sessions find them where they are."""
import signal
import threading
import time

import pymysql
import pytest

from test_moves import NEW, OLD, make_scene  # noqa: F401: the fixture
from test_moves_killed import stop_at

MAKE = "CREATE TABLE IF NOT EXISTS {table} (client INT, number INT)"
CASES = [("placed", (), OLD), ("tables", ("--back",), NEW), ("switching", (), OLD), ("closed", ("--back",), NEW)]


class Job(threading.Thread):
    """Makes a table where it is missing, and writes to it, as job frameworks do."""

    def __init__(self, scene, table, number):
        super().__init__()
        self.scene, self.table, self.number = scene, table, number
        self.over, self.rows, self.errors = threading.Event(), set(), []

    def run(self):
        count = 0
        with self.scene.connect() as client, client.cursor() as cursor:
            while not self.over.is_set():
                count += 1
                try:
                    cursor.execute(MAKE.format(table=self.table))
                    cursor.execute(f"INSERT INTO {self.table} VALUES ({self.number}, {count})")
                    self.rows.add((self.number, count))
                except pymysql.Error as error:
                    self.errors.append(error)
                time.sleep(0.002)


@pytest.mark.long(short=1)
@pytest.mark.parametrize("rights", [True, False], ids=["both", "one"])
@pytest.mark.parametrize("step, options, place", CASES)
def test_a_table_that_is_made_after_the_plan(make_scene, monkeypatch, server, step, options, place, rights):  # noqa: F811
    """No row goes to a second table at the other place, and no account needs a right there."""
    scene = make_scene(tables=2)
    if rights:
        server.sql(f"GRANT ALL ON {NEW}.* TO mv_billing@'%'")
    elif options:
        server.sql(f"GRANT ALL ON {NEW}.* TO mv_billing@'%'", f"REVOKE ALL ON {OLD}.* FROM mv_billing@'%'")
    if options:
        assert scene.move().returncode == 0
    mover = stop_at(scene, monkeypatch, step, *options)
    jobs = [Job(scene, f"{place}.t_new", number) for number in range(4)]
    for job in jobs:
        job.start()
    time.sleep(0.3)
    mover.send_signal(signal.SIGCONT)
    out, errors = mover.communicate(timeout=60)
    time.sleep(1)
    for job in jobs:
        job.over.set()
        job.join()
    assert mover.returncode == 0 and f"{place}.t_new was made meanwhile" in out, out + errors
    assert not sum((job.errors for job in jobs), []), jobs[0].errors[:3]
    with scene.connect() as client, client.cursor() as cursor:
        cursor.execute(f"SELECT client, number FROM {place}.t_new")
        assert set(cursor.fetchall()) == set().union(*(job.rows for job in jobs))
    assert server.sql(f"SELECT table_schema FROM information_schema.tables WHERE table_name = 't_new'") == ((place,),)
    assert not server.sql("SELECT 1 FROM silogate.places WHERE name = 't_new' AND db <> %r" % place)
    again = scene.move(*options)
    assert again.returncode == 0 and "1 tables stand" in again.stdout, again.stdout + again.stderr
