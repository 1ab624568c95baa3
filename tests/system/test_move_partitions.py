"""Servers ignore PARTITION (..) where the name is a view's: nothing that names partitions may go by way of the alias, or it
uses other rows than it says."""
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


@pytest.fixture
def scene(make_scene, server):  # noqa: F811
    scene = make_scene(ini=INI, tables=1)
    server.sql(f"CREATE TABLE {OLD}.tp (id INT PRIMARY KEY, v INT) PARTITION BY RANGE (id)"
               " (PARTITION p0 VALUES LESS THAN (100), PARTITION p1 VALUES LESS THAN (200))",
               f"INSERT INTO {OLD}.tp VALUES (1, 1), (2, 2), (101, 1), (102, 2)")
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


def test_whoever_asks(scene):
    """By COM_STMT_PREPARE it is prepared again at once."""
    client = wire.connect(scene.gate.port, "mv_billing", OLD)
    number = client.prepare(f"{PURGE} WHERE ROW_COUNT() > -5")[0]
    run(client, f"PREPARE q FROM '{PURGE} WHERE ROW_COUNT() > -5'")
    assert scene.move().returncode == 0
    assert run(client, "EXECUTE q") == 1615
    assert rows(scene) == [1, 2, 101, 102]
    assert execute(client, number) is None and rows(scene) == [101, 102]
    run(client, "SELECT COUNT(*) FROM t0")
    assert run(client, "EXECUTE q") == [None]
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
        client.answers(binary=True)

    for _ in range(before):
        send(True, b"12345")
    for options, place in (((), "mv_new"), (("--back",), OLD)):
        assert scene.move(*options).returncode == 0
        for length in (6, 7):
            run(client, "SELECT COUNT(*) FROM t0")
            send(before == 0, b"x" * length)
            before += 1
            assert scene.server.sql(f"SELECT v FROM {place}.tp ORDER BY id") == ((length,), (length,), (1,), (2,))
    client.close()


def test_long_data_of_one_that_was_refused(scene):
    """The server forgets them: each later execution was error 1210, until COM_STMT_RESET, which no driver sends."""
    scene.server.sql("GRANT ALL ON mv_new.* TO mv_billing@'%'")
    client = wire.connect(scene.gate.port, "mv_billing", OLD)
    number = client.prepare("UPDATE tp PARTITION (p0) SET v = LENGTH(?)")[0]

    def send(value):
        client.command(b"\x18" + struct.pack("<IH", number, 0) + value)
        client.command(b"\x17" + struct.pack("<IBI", number, 0, 1) + b"\0\1\xfc\0")
        try:
            return client.answers(binary=True)[0].affected
        except wire.Error as error:
            return error.code

    assert send(b"12345") == 2
    assert scene.move().returncode == 0
    client.command(b"\x02information_schema")  # from there nobody may be sent to the database of the PREPARE and back
    client.answers()
    run(client, "SELECT nosuch")
    assert send(b"123456") in (2, 1615)
    client.command(b"\x02" + OLD.encode())
    client.answers()
    run(client, "SELECT nosuch")
    refused = send(b"1234567")
    run(client, "SELECT COUNT(*) FROM t0")
    assert refused in (2, 1615) and send(b"12345678") == 2
    assert scene.server.sql("SELECT v FROM mv_new.tp ORDER BY id") == ((8,), (8,), (1,), (2,))
    client.close()


def test_beside_other_statements(scene):
    client = wire.connect(scene.gate.port, "mv_billing", OLD, wire.USUAL | wire.MULTI_STATEMENTS)
    run(client, f"PREPARE q FROM '{PURGE}'")
    assert scene.move().returncode == 0
    assert run(client, "EXECUTE q; SELECT 1") == 1227
    assert rows(scene) == [1, 2, 101, 102]
    assert run(client, "EXECUTE q") == [None] and rows(scene) == [101, 102]
    client.close()


def test_who_was_refused_holds_no_move_up(scene):
    client = wire.connect(scene.gate.port, "mv_billing", OLD, wire.USUAL | wire.MULTI_STATEMENTS)
    run(client, f"PREPARE q FROM '{PURGE}'")
    assert scene.move().returncode == 0
    assert run(client, "EXECUTE q; SELECT 1") == 1227
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
def test_of_another_character_set(scene, server, text):
    """MariaDB: such a statement is not prepared again."""
    client = wire.connect(scene.gate.port, "mv_billing", OLD)
    number = client.prepare(text)[0]
    run(client, f"PREPARE q FROM '{text}'")
    run(client, "SET NAMES latin1")
    assert scene.move().returncode == 0
    before = server.sql("SELECT * FROM mv_new.tp")
    codes = execute(client, number), run(client, "EXECUTE q")
    if server.name == "mariadb":
        assert codes == (1615, 1615) and server.sql("SELECT * FROM mv_new.tp") == before
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
        assert said in (1615, 1227, 1146) or rows(scene) == [101, 102], (said, rows(scene))
        client.close()


@pytest.mark.long
def test_mover_and_server_killed_behind_the_rename(make_scene, server, monkeypatch):  # noqa: F811
    """The hold's end opens the doors, and nobody could look yet where the table stands."""
    scene = make_scene(ini=INI.replace("hold = 10s", "hold = 2s"), tables=1)
    server.sql(f"CREATE TABLE {OLD}.tp (id INT PRIMARY KEY, v INT) PARTITION BY RANGE (id)"
               " (PARTITION p0 VALUES LESS THAN (100), PARTITION p1 VALUES LESS THAN (200))",
               f"INSERT INTO {OLD}.tp VALUES (1, 1), (2, 2), (101, 1), (102, 2)")
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
