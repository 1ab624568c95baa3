"""An upgrade by takeover while tables move: the new process knows of the move that runs, and so do the sessions that the
old one still has."""
import contextlib
import os
import threading
import time

import pymysql
import pytest

from harness import gate as gates, places
from harness.generations import Generations
from test_move_gate import slow_step
from test_moves import NEW, OLD, make_scene  # noqa: F401: the fixture


class Pools:
    """Clients that write rows as a pool does: one that is told to go (1053) takes another connection and sends the
    statement again, which was not run. Every second one is inside a transaction for a while."""

    def __init__(self, scene, clients=6):
        self.scene, self.clients = scene, clients
        self.stop, self.wrong = threading.Event(), []
        self.acknowledged, self.unknown = set(), set()
        self.threads = [threading.Thread(target=self._run, args=(number,)) for number in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join(120)

    def _run(self, number):
        client, count = None, 0
        while not self.stop.is_set():
            try:
                client = client or self.scene.connect()
                self._write(client, number, count)
                self.acknowledged.add((number, count))
            except (pymysql.Error, OSError) as error:
                with contextlib.suppress(Exception):
                    client.close()
                client = None
                code = error.args[0] if isinstance(error, pymysql.Error) else 0
                if code == 1053:
                    continue
                if code not in (0, 2006, 2013):
                    self.wrong.append((number, count, repr(error)))
                    return
                self.unknown.add((number, count))
            count += 1
            time.sleep(0.02)
        if client:
            client.close()

    def _write(self, client, number, count):
        table = f"t{count % self.scene.tables}"
        with client.cursor() as cursor:
            if number % 2:
                cursor.execute("BEGIN")
                cursor.execute(f"INSERT INTO {table} (client, number) VALUES ({number}, {count})")
                time.sleep(0.03)
                cursor.execute(f"UPDATE {table} SET note = 'y' WHERE client = {number} AND number = {count}")
                cursor.execute("COMMIT")
            else:
                cursor.execute(f"INSERT INTO {table} (client, number) VALUES ({number}, {count})")

    def check(self):
        assert not self.wrong, self.wrong[:3]
        rows = [(int(c), int(n)) for table, schema in self.scene.standing().items()
                for c, n in self.scene.server.sql(f"SELECT client, number FROM {schema}.{table}")]
        assert len(rows) == len({*rows})
        assert self.acknowledged <= {*rows} <= self.acknowledged | self.unknown
        assert len(self.acknowledged) > 50


@pytest.mark.parametrize("step", ["announced", "switching"] if os.environ.get("SILOGATE_LONG") else ["switching"])
def test_an_upgrade_while_tables_move(make_scene, step):  # noqa: F811
    scene = make_scene()
    gate = scene.gate
    gate.uncounted = "one log is written by all of them"
    gate.ini = gates.change(gate.ini, "proxy", "control", f"unix:{gate.folder}/control")
    gate.ini = gates.change(gate.ini, "proxy", "drain_timeout", "20s")
    gate.path.write_text(gate.ini)
    gate.stop()
    gate.start()
    line = Generations(gate)
    try:
        assert places.wait_for(scene.is_followed), gate.log()
        slow_step(scene.server, step, 2)
        with Pools(scene) as load:
            time.sleep(0.3)
            for options, place, back in (((), NEW, OLD), (("--back",), OLD, NEW)):
                mover = scene.start_move(*options)
                assert places.wait_for(lambda: scene.server.sql(  # noqa: B023
                    "SELECT 1 FROM information_schema.processlist WHERE state = 'User sleep'") or mover.poll() is not None)
                line.upgrade()
                out, errors = mover.communicate(timeout=120)
                if mover.returncode:  # it may say that it would not; then nothing has changed, and the next one goes
                    assert scene.stand_in(back), (out, errors)
                    print(out, errors)
                    slow_step(scene.server, "none", 0)
                    assert places.wait_for(lambda: scene.move(*options).returncode == 0, 60, 1)  # noqa: B023
                    slow_step(scene.server, step, 2)
                assert scene.stand_in(place)
                time.sleep(0.5)
        load.check()
    finally:
        line.end()
