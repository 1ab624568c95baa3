"""What the mover puts at a table's new name while it grants rights there: a view of the table, so that whoever uses that
name in between, or after the mover was killed, reads and writes the table itself. And a second table that somebody makes."""
import signal
import threading
import time

import pymysql
import pytest

from harness import places
from test_moves import INI, NEW, OLD, make_scene  # noqa: F401: the fixture
from test_moves_killed import stop_at


class Writer:
    """Writes rows one after the other, and remembers those that were acknowledged."""

    def __init__(self, number, statement, connect):
        self.number, self.statement, self.connect = number, statement, connect
        self.stop, self.rows, self.errors, self.empty = threading.Event(), set(), set(), 0
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        count = 0
        with self.connect() as client, client.cursor() as cursor:
            while not self.stop.is_set():
                count += 1
                try:
                    cursor.execute(self.statement.format(client=self.number, number=count))
                    self.rows.add((self.number, count))
                except pymysql.Error as error:
                    self.errors.add(error.args[0])
                time.sleep(0.005)

    def end(self):
        self.stop.set()
        self.thread.join(60)


INSERT = "INSERT INTO {table} (client, number) VALUES ({{client}}, {{number}})"


def writers(scene, server):
    """Through silogate; past it by either name, and by a routine that has the old name."""
    direct = lambda: pymysql.connect(host="127.0.0.1", port=server.port, user="mv_billing",  # noqa: E731
                                     password="mv_billing-secret", autocommit=True)
    return [Writer(1, INSERT.format(table="t0"), scene.connect), Writer(2, INSERT.format(table=f"{OLD}.t0"), direct),
            Writer(3, INSERT.format(table=f"{NEW}.t0"), direct), Writer(4, f"CALL {OLD}.addrow({{client}}, {{number}})", direct)]


def rows(server):
    """All rows that stand in tables, wherever."""
    places_ = server.sql("SELECT table_schema FROM information_schema.tables WHERE table_name = 't0' AND table_schema IN"
                         f" ('{OLD}', '{NEW}') AND table_type = 'BASE TABLE'")
    return {tuple(map(int, row)) for schema, in places_ for row in server.sql(f"SELECT client, number FROM {schema}.t0")}


@pytest.fixture
def scene(make_scene, server):  # noqa: F811
    made = make_scene(ini=INI + "alias = none\n", tables=1)
    server.sql(f"GRANT ALL ON {NEW}.* TO mv_billing@'%'",
               f"CREATE PROCEDURE {OLD}.addrow(a INT, b INT) INSERT INTO {OLD}.t0 (client, number) VALUES (a, b)")
    return made


@pytest.mark.long(short=1)
@pytest.mark.parametrize("options", [(), ("--back",)])
@pytest.mark.parametrize("killed", [False, True])
def test_rows_that_are_written_meanwhile(scene, server, monkeypatch, options, killed):
    if options:
        assert scene.move("--accept-unmapped").returncode == 0
    began = writers(scene, server)
    mover = stop_at(scene, monkeypatch, "placed", *options, "--accept-unmapped")
    time.sleep(0.5)
    with scene.connect() as client, client.cursor() as cursor:
        cursor.execute("ALTER TABLE t0 COMMENT ''")  # silogate reads where the tables are
        time.sleep(1)
        cursor.execute("SELECT COUNT(*) FROM t0")
        assert cursor.fetchone()[0] > 0
    if killed:
        mover.kill()
        mover.wait()
        scene.gate.stop()
        scene.gate.start()
        assert places.wait_for(scene.is_followed)
        told = scene.move(*options, "--accept-unmapped")
        assert told.returncode == 0 and "placeholder" in told.stdout, told.stdout + told.stderr
    else:
        mover.send_signal(signal.SIGCONT)
        out, errors = mover.communicate(timeout=60)
        assert mover.returncode == 0, out + errors
    for one in began:
        one.end()
    assert scene.stand_in(OLD if options else NEW)
    for one in began:
        assert one.rows <= rows(server), (one.number, len(one.rows - rows(server)))
        assert one.rows
    assert began[0].errors <= ({0, 2006, 2013, 1053} if killed else set())
    assert not server.sql(f"SELECT table_schema FROM information_schema.tables WHERE table_name = 't0' AND table_type = 'VIEW'")


def test_a_second_table_at_the_other_place(scene, server):
    """A restored dump: the services stay with the table that they had."""
    assert scene.move().returncode == 0
    with scene.connect() as client, client.cursor() as cursor:
        cursor.execute("INSERT INTO t0 (client, number) VALUES (1, 1)")
        server.sql(f"CREATE TABLE {OLD}.t0 LIKE {NEW}.t0")
        cursor.execute("ALTER TABLE t0 COMMENT 'read'")
        assert places.wait_for(lambda: "both" in scene.move("--status").stdout)
        time.sleep(1)
        cursor.execute("SELECT number FROM t0")
        assert cursor.fetchall() == ((1,),)
        cursor.execute("INSERT INTO t0 (client, number) VALUES (1, 2)")
    assert server.sql(f"SELECT COUNT(*) FROM {OLD}.t0") == ((0,),)
    told = scene.move("--back")
    assert told.returncode == 1 and scene.move("--status").stdout.count("both"), told.stdout
    server.sql(f"DROP TABLE {OLD}.t0")
    assert scene.move("--back").returncode == 0


def second(scene, server):
    """t0 has moved, and somebody makes a second one at the old place, past silogate."""
    done = scene.move("--accept-unmapped")
    assert done.returncode == 0, done.stdout + done.stderr
    assert insert(scene, scene.gate, 1) == ((1,),)
    server.sql(f"CREATE TABLE {OLD}.t0 LIKE {NEW}.t0")


def insert(scene, gate, number):
    """Writes a row, and reads all of them."""
    with scene.connect(gate=gate) as client, client.cursor() as cursor:
        cursor.execute(f"INSERT INTO t0 (client, number) VALUES (1, {number})")
        cursor.execute("SELECT number FROM t0 ORDER BY number")
        return cursor.fetchall()


def logged(gate):
    return [line for line in gate.log().splitlines() if "two tables" in line]


@pytest.mark.long(short=2)
@pytest.mark.parametrize("kept", [True, False], ids=["kept", "upgraded"])
@pytest.mark.parametrize("how", ["reload", "restart", "instance"])
def test_a_second_table_before_a_start(scene, server, make_gate, how, kept):  # noqa: F811
    """A reload, a restart and a second instance stay with the table that was there before, also where only the journal
    of an older silogate says which that is."""
    second(scene, server)
    gates = [scene.gate]
    if not kept:
        server.sql("DELETE FROM silogate.places")
    if how == "reload":
        scene.gate.reload(ini=scene.gate.ini + "\n; changed\n")
    elif how == "restart":
        scene.gate.stop()
        scene.gate.start()
    else:
        gates.append(make_gate(server, ini=scene.gate.ini))
    assert places.wait_for(lambda: logged(gates[-1])), gates[-1].log()
    assert "which was there before" in logged(gates[-1])[0] and f"use the one in {NEW}" in logged(gates[-1])[0]
    for number, gate in enumerate(gates):
        assert insert(scene, gate, 2 + number) == tuple((n,) for n in range(1, 3 + number))
    assert server.sql(f"SELECT COUNT(*) FROM {OLD}.t0") == ((0,),)
    assert "sessions use the one at the new place" in scene.move("--status").stdout
    server.sql(f"DROP TABLE {OLD}.t0")


def test_a_table_that_somebody_else_has_moved(scene, server, make_gate):  # noqa: F811
    """No mover has: a second instance learns from the first where it was."""
    server.sql(f"RENAME TABLE {OLD}.t0 TO {NEW}.t0")
    assert insert(scene, scene.gate, 1) == ((1,),)
    assert places.wait_for(lambda: server.sql("SELECT db FROM silogate.places WHERE name = 't0'") == ((NEW,),))
    server.sql(f"CREATE TABLE {OLD}.t0 LIKE {NEW}.t0")
    other = make_gate(server, ini=scene.gate.ini)
    assert insert(scene, other, 2) == ((1,), (2,)) == insert(scene, scene.gate, 3)[:2]
    server.sql(f"DROP TABLE {NEW}.t0")


def test_two_tables_of_which_nothing_is_known(scene, server):
    """Then the one at the old place counts, and both log and status say so."""
    scene.gate.stop()
    server.sql("DROP DATABASE silogate", f"CREATE TABLE {NEW}.t0 LIKE {OLD}.t0")
    scene.gate.start()
    assert places.wait_for(lambda: logged(scene.gate)), scene.gate.log()
    assert f"{OLD}.t0 and {NEW}.t0; sessions use the one in {OLD}" in logged(scene.gate)[0]
    assert "not known" in logged(scene.gate)[0]
    assert insert(scene, scene.gate, 1) == ((1,),)
    assert server.sql(f"SELECT COUNT(*) FROM {OLD}.t0") == ((1,),)
    assert "which was there first is not known" in scene.move("--status").stdout
    server.sql(f"DROP TABLE {NEW}.t0")


def test_a_reload_without_the_shared_table(scene, server):
    """What the process has seen itself survives a reload, also if the server lets nobody write it down."""
    server.sql("DROP TABLE silogate.places", "CREATE VIEW silogate.places AS SELECT 1 AS x")
    server.sql(f"RENAME TABLE {OLD}.t0 TO {NEW}.t0")
    assert insert(scene, scene.gate, 1) == ((1,),)
    server.sql(f"CREATE TABLE {OLD}.t0 LIKE {NEW}.t0")
    scene.gate.reload(ini=scene.gate.ini + "\n; changed\n")
    assert places.wait_for(lambda: logged(scene.gate)), scene.gate.log()
    assert insert(scene, scene.gate, 2) == ((1,), (2,))
    assert "silogate.places cannot be used" in scene.gate.log()
    server.sql(f"DROP TABLE {NEW}.t0")
