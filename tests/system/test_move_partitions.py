"""Servers ignore PARTITION (..) where the name is a view's: a purge of one partition would delete the rows of all. So a table
with partitions leaves no alias, and whoever still has the old name gets error 1146."""
import re
import signal
import struct
import threading
import time

import pymysql
import pytest

from harness import places, wire
from test_moves import INI, OLD, make_scene  # noqa: F401: the fixture
from test_moves_killed import stop_at

PURGE = "DELETE FROM tp PARTITION (p0)"
PARTED = (f"CREATE TABLE {OLD}.tp (id INT PRIMARY KEY, v INT) PARTITION BY RANGE (id)"
          " (PARTITION p0 VALUES LESS THAN (100), PARTITION p1 VALUES LESS THAN (200))",
          f"INSERT INTO {OLD}.tp VALUES (1, 1), (2, 2), (101, 1), (102, 2)")


@pytest.fixture
def scene(make_scene, server):  # noqa: F811
    scene = make_scene(ini=INI, tables=1)
    server.sql(*PARTED)
    return scene


def run(client, text):
    try:
        return [getattr(one, "rows", None) for one in client.query(text)]
    except wire.Error as error:
        return error.code


def execute(client, number):
    try:
        client.execute(number)
        return None
    except wire.Error as error:
        return error.code


def rows(scene):
    return sorted(row[0] for row in scene.server.sql("SELECT id FROM mv_new.tp"))


def views(server):
    return {row[0] for row in server.sql(f"SELECT TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = '{OLD}'")}


def test_it_leaves_no_alias(scene, server):
    for options in (("--dry-run",), ()):
        told = scene.move(*options)
        assert told.returncode == 0 and f"note: {OLD}.tp has partitions, so it leaves no view" in told.stdout, told.stdout
        assert "VIEW `mv_old`.`tp`" not in told.stdout
    assert views(server) == {"t0"}
    with pytest.raises(pymysql.Error) as gone:
        server.sql(f"{PURGE.replace('tp', OLD + '.tp')}")
    assert gone.value.args[0] == 1146
    assert f"{OLD}.tp -> mv_new: moved\n" in scene.move("--status").stdout
    assert scene.move("--back").returncode == 0 and scene.move().returncode == 0
    assert scene.move("--finish", "--unused-for", "0s").returncode == 0 and views(server) == set()


@pytest.mark.parametrize("options, place", [((), "mv_new"), (("--back",), OLD)], ids=["there", "back"])
def test_its_placeholder_is_of_no_use(make_scene, server, monkeypatch, options, place):  # noqa: F811
    """A purge by the name at which nothing stands yet emptied all partitions while the move was prepared. IGNORE makes a
    warning of most errors in MariaDB, so that all rows went of which none was found there."""
    scene = make_scene(ini=INI, tables=0)
    server.sql(*PARTED, f"CREATE TABLE {OLD}.others (id INT)", f"INSERT INTO {OLD}.others VALUES (1), (2)")
    if options:
        assert scene.move().returncode == 0
    mover = stop_at(scene, monkeypatch, "placed", *options)
    for text in ("DELETE FROM {} PARTITION (p0)", "UPDATE {} PARTITION (p0) SET v = 3", "SELECT COUNT(*) FROM {} PARTITION (p0)",
                 "SELECT v FROM {}", "INSERT INTO {} VALUES (5, 5)", "INSERT IGNORE INTO {} VALUES (5, 5)",
                 f"DELETE IGNORE FROM {OLD}.others WHERE id NOT IN (SELECT id FROM {{}})",
                 f"UPDATE IGNORE {OLD}.others SET id = 7 WHERE NOT EXISTS (SELECT 1 FROM {{}} AS t WHERE t.id = others.id)",
                 f"INSERT IGNORE INTO {OLD}.others SELECT id FROM {{}} PARTITION (p0)"):
        with pytest.raises(pymysql.Error):
            server.sql(text.format(f"{place}.tp"))
    mover.kill()
    mover.communicate()
    told = scene.move(*options)
    assert told.returncode == 0 and "dropped, because an earlier mover was stopped" in told.stdout, told.stdout + told.stderr
    assert server.sql(f"SELECT * FROM {place}.tp ORDER BY id") == ((1, 1), (2, 2), (101, 1), (102, 2))
    assert server.sql(f"SELECT id FROM {OLD}.others ORDER BY id") == ((1,), (2,))


def test_one_that_gets_partitions_later(scene, server):
    """Through silogate or past it: the operator is told what the alias does."""
    server.sql(f"CREATE TABLE {OLD}.tq (id INT PRIMARY KEY)")
    assert scene.move().returncode == 0
    server.sql("ALTER TABLE mv_new.tq PARTITION BY HASH (id) PARTITIONS 2")
    assert f"{OLD}.tq -> mv_new: moved, with an alias, beside which servers ignore PARTITION (..)" in \
        scene.move("--status").stdout
    assert scene.move("--finish", "--unused-for", "0s").returncode == 0 and views(server) == set()


def test_whoever_asks(scene):
    """It gets the error once; then it is prepared again."""
    client = wire.connect(scene.gate.port, "mv_billing", OLD)
    number = client.prepare(f"{PURGE} WHERE ROW_COUNT() > -5")[0]
    run(client, f"PREPARE q FROM '{PURGE} WHERE ROW_COUNT() > -5'")
    assert scene.move().returncode == 0
    assert run(client, "EXECUTE q") == 1146 and rows(scene) == [1, 2, 101, 102]
    assert run(client, "EXECUTE q") == [None] and rows(scene) == [101, 102]
    scene.server.sql("REPLACE INTO mv_new.tp VALUES (1, 1), (2, 2)")
    assert [execute(client, number) for _ in range(2)] in ([1146, None], [None, None]) and rows(scene) == [101, 102]
    client.close()


@pytest.mark.long(short=2)
@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("long", [False, True])
def test_whoever_asks_with_parameters(scene, before, long):
    """Drivers bind the types at the first execution alone."""
    client = wire.connect(scene.gate.port, "mv_billing", OLD)
    number = client.prepare("UPDATE tp PARTITION (p0) SET v = LENGTH(?) WHERE ROW_COUNT() > -5")[0]
    packet = b"\x17" + struct.pack("<IBI", number, 0, 1) + b"\0"

    def send(first, value):
        if long:
            client.command(b"\x18" + struct.pack("<IH", number, 0) + value)
            value = b""
        else:
            value = bytes([len(value)]) + value
        client.command(packet + (b"\1\xfc\0" if first else b"\0") + value)
        try:
            client.answers(binary=True)
        except wire.Error as error:
            return error.code
        return None

    for _ in range(before):
        send(True, b"12345")
    for options, place in (((), "mv_new"), (("--back",), OLD)):
        assert scene.move(*options).returncode == 0
        for length in (6, 7):
            run(client, "SELECT COUNT(*) FROM t0")
            if send(before == 0, b"x" * length):  # once, because it asks
                assert send(before == 0, b"x" * length) is None
            before += 1
            assert scene.server.sql(f"SELECT v FROM {place}.tp ORDER BY id") == ((length,), (length,), (1,), (2,))
    client.close()


def test_beside_other_statements(scene):
    client = wire.connect(scene.gate.port, "mv_billing", OLD, wire.USUAL | wire.MULTI_STATEMENTS)
    run(client, f"PREPARE q FROM '{PURGE}'")
    assert scene.move().returncode == 0
    assert run(client, "EXECUTE q; SELECT 1") == 1146
    assert rows(scene) == [1, 2, 101, 102]
    assert run(client, "EXECUTE q") == [None] and rows(scene) == [101, 102]
    scene.server.sql("REPLACE INTO mv_new.tp VALUES (1, 1), (2, 2)")
    assert run(client, "EXECUTE q; EXECUTE q") == [None, None] and rows(scene) == [101, 102]
    moved = scene.move("--back")
    assert moved.returncode == 0, moved.stdout
    client.close()


def test_before_the_move(scene):
    """The section comes after the PREPARE, and nothing has moved yet."""
    whole = scene.gate.ini
    scene.gate.stop()
    scene.gate.path.write_text(re.sub(r"(?ms)^\[move:tables\].*?(?=^\[|\Z)", "", whole))
    scene.gate.start()
    client = wire.connect(scene.gate.port, "mv_billing", OLD, wire.USUAL | wire.MULTI_STATEMENTS)
    counts = "SELECT COUNT(*) FROM tp PARTITION (p0) WHERE ROW_COUNT() > -5"
    number = client.prepare(counts)[0]
    run(client, f"PREPARE q FROM '{counts}'")
    scene.gate.reload(ini=whole)
    assert places.wait_for(scene.is_followed), scene.gate.log()
    assert execute(client, number) is None and run(client, "EXECUTE q") == [[["2"]]]
    assert run(client, "EXECUTE q; SELECT 1") == [[["2"]], [["1"]]]
    client.close()


@pytest.mark.long(short=1)
@pytest.mark.parametrize("text", [PURGE, "INSERT INTO tp PARTITION (p0) VALUES (103, 1)", "UPDATE tp PARTITION (p0) SET v = 9",
                                  "REPLACE INTO tp PARTITION (p0) VALUES (101, 7)",
                                  "DELETE x FROM tp PARTITION (p0) AS x JOIN tp AS y ON x.id = y.id"])
def test_of_another_mode(scene, server, text):
    """MariaDB: such a statement is not prepared again."""
    client = wire.connect(scene.gate.port, "mv_billing", OLD)
    number = client.prepare(text)[0]
    run(client, f"PREPARE q FROM '{text}'")
    run(client, "SET sql_mode = 'PIPES_AS_CONCAT'")
    assert scene.move().returncode == 0
    before = server.sql("SELECT * FROM mv_new.tp")
    codes = execute(client, number), run(client, "EXECUTE q")
    if server.name == "mariadb":
        assert codes == (1146, 1146) and server.sql("SELECT * FROM mv_new.tp") == before
    elif "INSERT" in text or "REPLACE" in text:
        assert codes == (1748, 1748)
    else:
        assert codes == (None, [None]) and len(server.sql("SELECT * FROM mv_new.tp WHERE id > 100 AND v < 9")) == 2
    client.close()


def test_what_is_mapped_goes_on(scene, server):
    client = wire.connect(scene.gate.port, "mv_billing", OLD)
    number = client.prepare("SELECT COUNT(*) FROM tp PARTITION (p0)")[0]
    run(client, "PREPARE q FROM 'SELECT COUNT(*) FROM tp PARTITION (p0)'")
    for options in ((), ("--back",)):
        assert scene.move(*options).returncode == 0
        assert execute(client, number) is None
        assert run(client, "EXECUTE q") == [[["2"]]]
        assert run(client, "SELECT COUNT(*) FROM tp PARTITION (p0)") == [[["2"]]]
        assert run(client, "SELECT COUNT(*) FROM tp PARTITION (p0, p1)") == [[["4"]]]
    client.close()


@pytest.mark.parametrize("what", ["text", "prepared", "named"])
def test_a_mover_that_was_killed_behind_its_rename(scene, monkeypatch, what):
    """The next call began another hold, for which the instances opened with the names of before."""
    client = wire.connect(scene.gate.port, "mv_billing", OLD)
    count = "SELECT COUNT(*) FROM tp PARTITION (p0)"
    number = client.prepare(count)[0]
    run(client, f"PREPARE q FROM '{count}'")
    mover = stop_at(scene, monkeypatch, "renamed")
    answers = []

    def ask():
        if what == "prepared":
            answers.append(client.execute(number)[0].rows[0][2])  # of a binary row
        else:
            answers.append(int(run(client, count if what == "text" else "EXECUTE q")[0][0][0]))

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(0.3)
    assert not answers
    mover.kill()
    mover.communicate()
    assert scene.move("--back").returncode == 0
    asking.join(30)
    assert answers == [2]
    client.close()


@pytest.mark.parametrize("database", [OLD, "mv_new"])
def test_by_either_name(scene, database):
    """By the new name it was prepared with the old one: its text stands where it says, and the server's does not."""
    scene.server.sql("GRANT ALL ON mv_new.* TO mv_billing@'%'")
    purge = f"DELETE FROM {database}.tp PARTITION (p0) WHERE "
    long = f"{purge} ROW_COUNT() > -5 AND '{'x' * 5000}' <> ''"

    def session(steps=()):
        client = wire.connect(scene.gate.port, "mv_billing", OLD, wire.USUAL | wire.MULTI_STATEMENTS)
        for step in steps:
            assert isinstance(run(client, step), list), step
        return client

    def prepared(text):
        client = session()
        number = client.prepare(text)[0]
        return client, lambda: execute(client, number)

    def named(text, then="EXECUTE q"):
        client = session([f"PREPARE q FROM '{text}'"])
        return client, lambda: run(client, then)

    crowded = session([f"PREPARE q FROM '{purge}ROW_COUNT() > -5'", *(f"PREPARE q{i} FROM 'SELECT {i} FROM t0'" for i in range(70))])
    made = [prepared(purge + "ROW_COUNT() > -5"), named(purge + "ROW_COUNT() > -5"), named(purge + "1", "EXECUTE q; SELECT 1"),
            named(purge + "1", "SELECT 1; EXECUTE q"), named(long.replace("'", "''")), (crowded, lambda: run(crowded, "EXECUTE q"))]
    both = session([f"PREPARE p FROM '{purge}1'; PREPARE q FROM '{purge}1'"])
    made += [(both, lambda: run(both, "EXECUTE p; EXECUTE q"))]
    assert scene.move().returncode == 0
    for client, use in made:
        scene.server.sql("REPLACE INTO mv_new.tp VALUES (1, 1), (2, 2), (101, 1), (102, 2)")
        said = use()
        assert {101, 102} <= set(rows(scene)), said
        assert said == 1146 or rows(scene) == [101, 102], (said, rows(scene))
        client.close()


@pytest.mark.long
def test_mover_and_server_killed_behind_the_rename(make_scene, server, monkeypatch):  # noqa: F811
    """The hold's end opens the doors, and nobody could look yet where the table stands."""
    scene = make_scene(ini=INI.replace("hold = 10s", "hold = 2s"), tables=1)
    server.sql(*PARTED)
    mover = stop_at(scene, monkeypatch, "renamed")
    mover.kill()
    mover.communicate()
    server.stop(signal.SIGKILL)
    stop, said = threading.Event(), set()

    def ask():
        while not stop.is_set():
            try:
                with scene.connect(connect_timeout=5, read_timeout=10) as client, client.cursor() as cursor:
                    cursor.execute("SELECT COUNT(*) FROM tp PARTITION (p0)")
                    said.add(cursor.fetchone()[0])
            except pymysql.err.MySQLError:
                pass
            time.sleep(0.005)

    asking = [threading.Thread(target=ask) for _ in range(3)]
    for one in asking:
        one.start()
    time.sleep(2.6)
    server.start()
    places.wait_for(lambda: 2 in said)
    stop.set()
    for one in asking:
        one.join(30)
    assert said == {2}
    assert scene.move("--back").returncode == 0
