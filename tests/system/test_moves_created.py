"""Tables of the section that are made while others of it are moved stay where they were made, in all instances, and no row that a
client was told of is lost."""
import contextlib
import signal
import threading
import time

import pymysql
import pytest

from harness import places
from test_moves import NEW, OLD, make_scene  # noqa: F401: the fixture
from test_moves_killed import stop_at

COLUMNS = "(k INT, n INT) ENGINE=InnoDB"
MAKES = {
    "create": (f"CREATE TABLE {{place}}.{{name}} {COLUMNS}",),
    "like": (f"CREATE TABLE {{place}}.pattern {COLUMNS}", "CREATE TABLE {place}.{name} LIKE {place}.pattern"),
    "rename": (f"CREATE TABLE {{place}}.job {COLUMNS}", "RENAME TABLE {place}.job TO {place}.{name}"),
}


class Job(threading.Thread):
    """Makes its tables as it goes on, the next one every `each` rows, and remembers the rows that were acknowledged."""

    def __init__(self, number, scene, gate, place, name, each):
        super().__init__(daemon=True)
        self.number = number
        self.client, self.place, self.name_of, self.each = scene.connect(gate=gate), place, name, each
        self.rows, self.errors, self.ending = {}, [], threading.Event()

    def run(self):
        cursor = self.client.cursor()
        for n in range(1_000_000):
            if self.ending.is_set():
                return
            table = self.name_of(n // self.each)
            try:
                cursor.execute(f"CREATE TABLE IF NOT EXISTS {self.place}.{table} {COLUMNS}")
                cursor.execute(f"INSERT INTO {self.place}.{table} VALUES ({self.number}, {n})")
                self.rows.setdefault(table, set()).add((self.number, n))
            except pymysql.Error as error:
                self.errors.append(str(error))
            time.sleep(0.005)


@contextlib.contextmanager
def jobs(scene, place, names, each=1_000_000):
    """While it lasts, they write; after it, each row can be seen by both names, through each gate."""
    running = [Job(i, scene, scene.gates[i % len(scene.gates)], place, name, each) for i, name in enumerate(names)]
    for job in running:
        job.start()
    yield
    for job in running:
        job.ending.set()
        job.join(60)
    assert not [job.errors[:2] for job in running if job.errors]
    rows = {}
    for job in running:
        for table, written in job.rows.items():
            rows.setdefault(table, set()).update(written)
    assert sum(map(len, rows.values())) > 50
    look(scene, rows)


def look(scene, rows):
    for gate in scene.gates:
        with scene.connect(gate=gate) as client, client.cursor() as cursor:
            for table, written in rows.items():
                for schema in (OLD, NEW):
                    cursor.execute(f"SELECT k, n FROM {schema}.{table}")
                    assert not written - set(cursor.fetchall()), (table, schema)
    for table in rows:
        stands = scene.server.sql(f"SELECT table_schema FROM information_schema.tables WHERE table_name = '{table}' AND table_type ="
                                  " 'BASE TABLE'")
        assert len(stands) == 1, (table, stands)


def go_on(mover):
    mover.send_signal(signal.SIGCONT)
    out, errors = mover.communicate(timeout=60)
    assert mover.returncode == 0, out + errors
    return out


def made(scene):
    scene.server.sql(f"GRANT ALL ON {NEW}.* TO mv_billing@'%'")
    return scene


@pytest.mark.long(short=1)
@pytest.mark.parametrize("step,how", [("placed", "like"), ("placed", "rename"), ("drained", "create")])
def test_stays_where_it_was_made(make_scene, monkeypatch, step, how):  # noqa: F811
    scene = made(make_scene(gates_count=2, tables=2))
    for option, place, name in (((), OLD, "t_job"), (("--back",), NEW, "t_other")):
        # on the way back nothing is granted, and no placeholder is needed
        mover = stop_at(scene, monkeypatch, "announced" if option and step == "placed" else step, *option)
        scene.server.sql(*(sql.format(place=place, name=name) for sql in MAKES[how]))
        with jobs(scene, place, [lambda _, name=name: name] * 4):
            time.sleep(0.3)
            said = go_on(mover)
            time.sleep(1)
        assert f"note: {place}.{name} was made meanwhile, and stands there; call again to move it" in said
        assert scene.standing() == {"t_job": OLD, name: place, **dict.fromkeys(("t0", "t1"), OLD if option else NEW)}


@pytest.mark.long
@pytest.mark.parametrize("place", [OLD, NEW])
def test_jobs_make_tables_all_the_time(make_scene, place):  # noqa: F811
    scene = made(make_scene(gates_count=2, tables=10))
    if place == NEW:
        assert scene.move().returncode == 0
    with jobs(scene, place, [lambda n, i=i: f"t_job_{i}_{min(n, 20)}" for i in range(8)], each=40):
        time.sleep(0.7)
        for _ in range(6):  # on a busy machine the instances may not get to the end of a catalogue that always changes
            told = scene.move(*(["--back"] if place == NEW else []))
            if told.returncode == 0:
                break
            late = "refused: instance" in told.stdout and "was last seen" in told.stdout
            assert late or "Nothing has changed" in told.stdout, told.stdout + told.stderr
        assert told.returncode == 0, told.stdout + told.stderr
        time.sleep(1)


def test_a_second_table_later(make_scene, monkeypatch):  # noqa: F811
    """A table that the last call did not move stays the one that counts when an empty one is made where the call moved others to."""
    scene = made(make_scene(tables=2))
    mover = stop_at(scene, monkeypatch, "drained")
    scene.server.sql(f"CREATE TABLE {OLD}.t_job {COLUMNS}", f"INSERT INTO {OLD}.t_job VALUES (1, 1)")
    scene.gate.process.send_signal(signal.SIGSTOP)  # it does not see the table alone
    mover.send_signal(signal.SIGCONT)
    scene.server.sql("DELETE FROM silogate.places WHERE name = 't_job'")
    assert places.wait_for(lambda: "t0" in scene.standing() and scene.standing()["t0"] == NEW, 20)
    scene.server.sql(f"CREATE TABLE {NEW}.t_job {COLUMNS}")
    scene.gate.process.send_signal(signal.SIGCONT)
    mover.communicate(timeout=60)
    time.sleep(1)
    for _ in range(2):
        with scene.connect() as client, client.cursor() as cursor:
            for schema in (OLD, NEW):
                cursor.execute(f"SELECT k FROM {schema}.t_job")
                assert cursor.fetchall() == ((1,),)
        scene.gate.process.kill()  # so that nothing is known but what all share
        scene.gate.process.wait()
        scene.gate.start()
        assert places.wait_for(scene.is_followed, 20)
