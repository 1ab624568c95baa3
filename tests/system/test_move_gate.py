"""What a session behind silogate sees of moves beside its plain statements: reloads in the middle of a hold, statements
that were prepared before, an instance that has missed the hold."""
import contextlib
import os
import re
import signal
import struct
import threading
import time

import pymysql
import pytest

from harness import gate as gates, places, wire
from test_moves import INI, NEW, OLD, Load, make_scene  # noqa: F401: the fixture


def slow_step(server, step, seconds):
    """The mover stays for so long where it notes the step in its journal."""
    server.sql("DROP TRIGGER IF EXISTS silogate.slow",
               "CREATE TRIGGER silogate.slow BEFORE INSERT ON silogate.journal FOR EACH ROW"
               f" BEGIN IF NEW.step = '{step}' THEN DO SLEEP({seconds}); END IF; END")


def control(gate):
    """Turns silogate's control socket on, by its file; for the next start."""
    gate.ini = gates.change(gate.ini, "proxy", "control", f"unix:{gate.folder}/control")
    gate.path.write_text(gate.ini)


@pytest.mark.long
@pytest.mark.parametrize("step", ["announced", "switching"] if os.environ.get("SILOGATE_LONG") else ["switching"])
def test_a_reload_and_an_override_do_not_end_a_hold(make_scene, step):
    """The door was opened by either while the mover went on: clients saw the tables go."""
    scene = make_scene()
    gate = scene.gate
    control(gate)
    gate.stop()
    gate.start()
    assert places.wait_for(scene.is_followed), gate.log()
    slow_step(scene.server, step, 1)
    other = "[move:another]\nservice = payment\ntable = mv_old.payments\nto = mv_elsewhere\nalias = none\n[move:tables]"
    with Load(scene) as load:
        time.sleep(0.5)
        for options, place in (((), NEW), (("--back",), OLD)):
            mover = scene.start_move(*options)
            assert places.wait_for(lambda: scene.server.sql(
                "SELECT 1 FROM information_schema.processlist WHERE state = 'User sleep'")), mover.communicate()
            # another section before the one that moves: its place in the file is another
            gate.reload(ini=gate.ini.replace("[move:tables]", other) if not options else
                        gate.ini.replace(other, "[move:tables]"))
            done = gates.run("ctl", "-c", gate.path, "mode", "payment", "log", "--for", "1s")
            assert done.returncode == 0, done.stderr
            out, errors = mover.communicate(timeout=120)
            if step == "announced" and mover.returncode:  # nothing was closed yet: it may give up, and is called again
                assert "has another policy meanwhile" in out and scene.stand_in(OLD if place == NEW else NEW), out + errors
                assert scene.move(*options).returncode == 0
            else:
                assert mover.returncode == 0, out + errors + gate.log()[-2000:]
            assert scene.stand_in(place)
            # the configuration that has waited is in force then
            assert places.wait_for(lambda: scene.move("--status").returncode == 0 and scene.is_followed())
            time.sleep(1.5)  # the override is over
    load.check()


# --- statements that were prepared before ---

NONE = INI.replace("hold = 10s", "hold = 10s\nalias = none")


def run(connection, statement, values=(), typed=True, cursor=0):
    """An execution with its types, or without, as libmysqlclient sends it from the second on. Its rows."""
    counted = connection.capabilities & wire.QUERY_ATTRIBUTES
    out = b"\x17" + struct.pack("<IBI", statement, cursor | (8 if counted else 0), 1)
    if counted:
        out += wire.lenenc(len(values))
    if values:
        nulls = bytearray((len(values) + 7) // 8)
        for i, value in enumerate(values):
            nulls[i // 8] |= (value is None) << i % 8
        types = (b"\xfd\0" + (b"\0" if counted else b"")) * len(values)
        out += bytes(nulls) + (b"\1" + types if typed else b"\0")
        out += b"".join(wire.lenenc(value) for value in values if value is not None)
    connection.command(out)
    answers = connection.answers(binary=True)
    return answers[0].rows if hasattr(answers[0], "rows") else []


def texts(rows):
    """Rows of an INT and a text in the binary protocol."""
    return [[struct.unpack_from("<I", row, 2)[0], None if row[1] & 1 << 3 else row[7:].decode()] for row in rows]


@pytest.fixture
def moved(make_scene):  # noqa: F811
    """A scene whose moves are checked."""
    def make(**options):
        scene = make_scene(**options)
        scene.server.sql(f"GRANT ALL ON {NEW}.* TO mv_billing@'%'")

        def go(*words):
            done = scene.move(*words, "--accept-unmapped")
            assert done.returncode == 0, done.stdout + done.stderr
        scene.go = go
        return scene
    return make


def prepared_count(server):
    return int(server.sql("SHOW GLOBAL STATUS LIKE 'Prepared_stmt_count'")[0][1])


@pytest.mark.long(short=1)
@pytest.mark.parametrize("extra", [0, wire.QUERY_ATTRIBUTES], ids=["plain", "attributes"])
@pytest.mark.parametrize("alias", ["none", "view"])
def test_prepared_before_a_move_goes_on(moved, alias, extra):
    """With the client's id, the types that were bound before, and nothing in the client's way."""
    scene = moved(ini=NONE if alias == "none" else INI)
    if extra and scene.server.name != "mysql":
        pytest.skip("MariaDB has no query attributes")
    before = prepared_count(scene.server)
    client = wire.connect(scene.gate.port, "mv_billing", OLD, capabilities=wire.USUAL | extra)
    insert = client.prepare("INSERT INTO t0 (client, number, note) VALUES (?, ?, ?)")[0]
    select = client.prepare("SELECT number, note FROM mv_old.t0 WHERE mv_old.t0.client = ? ORDER BY number")[0]
    never = client.prepare("SELECT COUNT(*) FROM t1")[0]
    late = client.prepare("SELECT COUNT(*) FROM t1 WHERE id > ?")[0]  # not executed before the move
    run(client, insert, ("7", "1", "a"))
    run(client, select, ("7",))
    expected, fresh = [[1, "a"]], []
    for turn, words in enumerate(((), ("--back",), ()), 2):
        scene.go(*words)
        run(client, insert, ("7", str(turn), None), typed=False)
        expected.append([turn, None])
        assert texts(run(client, select, ("7",), typed=False)) == expected
        assert run(client, select, ("8",), typed=False) == []
        assert len(run(client, never)) == 1 and len(run(client, late, ("0",))) == 1
        # prepared while the tables stand there: the next move comes behind it, too
        fresh.append(client.prepare("SELECT number FROM t0 WHERE client = ?")[0])
        run(client, fresh[-1], ("7",))
        for statement in fresh:
            assert len(run(client, statement, ("7",), typed=False)) == turn
    every = {insert, select, never, late, *fresh}
    assert len(every) == 7 and prepared_count(scene.server) == before + 7  # the ones before are closed at the server
    for statement in every:
        client.command(b"\x19" + struct.pack("<I", statement))
    with pytest.raises(wire.Error) as unknown:
        run(client, insert, ("7", "9", None))
    assert unknown.value.code == 1243
    assert places.wait_for(lambda: prepared_count(scene.server) == before)
    client.quit()


def long_data(connection, statement, parameter, data):
    connection.command(b"\x18" + struct.pack("<IH", statement, parameter) + data)


@pytest.mark.long
def test_prepared_with_cursors_long_data_and_another_database(moved):
    scene = moved(ini=NONE)
    client = wire.connect(scene.gate.port, "mv_billing", OLD)
    client.query("INSERT INTO t0 (client, number) VALUES (1, 1), (1, 2), (1, 3)")
    cursor = client.prepare("SELECT number FROM t0 WHERE client = ? ORDER BY number")[0]
    insert = client.prepare("INSERT INTO t0 (client, number, note) VALUES (2, ?, ?)")[0]
    here = client.prepare("SELECT DATABASE(), COUNT(*) FROM t0")[0]
    client.cursors = True
    run(client, cursor, ("1",), cursor=1)
    client.cursors = False
    client.query(f"USE {NEW}")  # what is prepared stays in the database of its PREPARE
    scene.go()
    fetch = b"\x1c" + struct.pack("<II", cursor, 2)
    client.command(fetch)  # a cursor that is open goes on
    assert len(fetched(client)) == 2
    # one that is opened anew, after the statement was prepared anew
    client.cursors = True
    run(client, cursor, ("1",), typed=False, cursor=1)
    client.cursors = False
    client.command(fetch)
    assert len(fetched(client)) == 2
    assert OLD.encode() in run(client, here)[0]
    assert client.query("SELECT DATABASE()")[0].rows == [[NEW]]
    long_data(client, insert, 1, b"long")
    long_data(client, insert, 1, b" data")
    nulls_and_types = b"\0\1\xfd\0\xfc\0" + wire.lenenc("5")
    client.command(b"\x17" + struct.pack("<IBI", insert, 0, 1) + nulls_and_types)
    client.answers(binary=True)
    scene.go("--back")
    run(client, insert, ("6", "short"), typed=False)
    assert client.query(f"SELECT number, note FROM {OLD}.t0 WHERE client = 2 ORDER BY 1")[0].rows == \
        [["5", "long data"], ["6", "short"]]
    client.command(b"\x1a" + struct.pack("<I", insert))  # COM_STMT_RESET knows it, too
    client.answers()
    # long data that waits for its execution is inside: no move can come between
    long_data(client, insert, 1, b"before")
    scene.gate.reload(ini=scene.gate.ini.replace("hold = 10s", "hold = 600ms"))
    given_up = scene.move("--accept-unmapped")
    assert given_up.returncode == 1 and "long data was sent" in given_up.stdout, given_up.stdout
    client.command(b"\x17" + struct.pack("<IBI", insert, 0, 1) + b"\0\1\xfd\0\xfc\0" + wire.lenenc("7"))
    client.answers(binary=True)
    assert places.wait_for(lambda: scene.move("--accept-unmapped").returncode == 0)
    assert client.query(f"SELECT note FROM {OLD}.t0 WHERE number = 7")[0].rows == [["before"]]
    client.quit()


def test_long_data_from_before_the_section(moved):
    """A chunk that was sent while no section named the table is in the server's old statement: the statement is not
    prepared anew under it, because the row would be written without that chunk."""
    scene = moved(ini=NONE)
    whole = scene.gate.ini
    scene.gate.stop()
    scene.gate.path.write_text(re.sub(r"(?ms)^\[move:tables\].*?(?=^\[|\Z)", "", whole))
    scene.gate.start()
    client = wire.connect(scene.gate.port, "mv_billing", OLD)
    insert = client.prepare("INSERT INTO t0 (client, number, note) VALUES (2, 1, ?)")[0]
    execute = b"\x17" + struct.pack("<IBI", insert, 0, 1) + b"\0\1\xfc\0"
    long_data(client, insert, 0, b"one")
    client.ok(b"\x0e")
    scene.gate.reload(ini=whole)
    assert places.wait_for(scene.is_followed), scene.gate.log()
    scene.go()
    long_data(client, insert, 0, b"two")
    client.command(execute)
    with pytest.raises(wire.Error) as gone:
        client.answers(binary=True)
    assert gone.value.code == 1146, gone.value
    assert client.query("SELECT COUNT(*) FROM t0 WHERE client = 2")[0].rows == [["0"]]
    long_data(client, insert, 0, b"three")  # the failed execution has used it up: now it can be prepared anew
    client.command(execute)
    client.answers(binary=True)
    assert client.query("SELECT note FROM t0 WHERE client = 2")[0].rows == [["three"]]
    client.quit()


def fetched(client):
    """The rows of a COM_STMT_FETCH."""
    rows = []
    while True:
        payload = client.receive()
        if payload[0] == 0xff:
            raise wire.Error(payload)
        if payload[0] == 0xfe and len(payload) < wire.MAX:
            return rows
        rows.append(payload)


def test_the_last_statement_and_bulk_of_mariadb(moved):
    """Statement id -1 means the last one that the client has prepared, not the last of silogate's; and
    COM_STMT_BULK_EXECUTE with its types and without."""
    scene = moved(ini=NONE)
    if scene.server.name != "mariadb":
        pytest.skip("MariaDB's")
    client = wire.connect(scene.gate.port, "mv_billing", OLD, extended=wire.MARIADB_BULK)
    other = client.prepare("SELECT number FROM t0 WHERE client = 3 ORDER BY number")[0]
    bulk = client.prepare("INSERT INTO t0 (client, number) VALUES (?, ?)")[0]
    last = 0xffffffff

    def many(statement, rows, typed):
        out = b"\xfa" + struct.pack("<IH", statement, 128 if typed else 0) + (b"\xfd\0" * 2 if typed else b"")
        client.command(out + b"".join(b"\0" + wire.lenenc(value) for row in rows for value in row))
        client.answers(binary=True)

    many(bulk, [("3", "1"), ("3", "2")], True)
    scene.go()
    assert len(run(client, other)) == 2  # prepared anew: the server's last one
    many(last, [("3", "3"), ("3", "4")], False)
    scene.go("--back")
    assert len(run(client, other)) == 4
    many(bulk, [("3", "5")], False)
    run(client, last, ("3", "6"))
    assert len(run(client, other)) == 6
    client.quit()


# --- an instance that has missed a hold ---


def rename(server, *tables):
    """A DBA moves them by hand: nobody at silogate is told."""
    for table, source, to in tables:
        server.sql(f"RENAME TABLE {source}.{table} TO {to}.{table}")


def resent(gate):
    return int(gate.metrics().total("commands_resent_total"))


def test_a_table_that_has_moved_unseen_is_found(moved):
    """Error 1146 makes silogate look where the table is, and send the statement once more: of every sort, in a
    transaction too, and nothing is recorded or done twice."""
    scene = moved(ini=NONE)
    client = wire.connect(scene.gate.port, "mv_billing", OLD)
    client.query("INSERT INTO t0 (client, number) VALUES (1, 1)")
    insert = client.prepare("INSERT INTO t0 (client, number) VALUES (?, ?)")[0]
    run(client, insert, ("1", "2"))
    places_of = {0: (OLD, NEW), 1: (NEW, OLD)}
    number = [10]

    def text():
        client.query(f"INSERT INTO t0 (client, number) VALUES (2, {number[0]})")

    def prepared():
        run(client, insert, ("2", str(number[0])), typed=False)

    def preparing():
        run(client, client.prepare("INSERT INTO mv_old.t0 (client, number) VALUES (2, ?)")[0], (str(number[0]),))

    def transaction():
        client.query("BEGIN")
        client.query(f"INSERT INTO t1 (client, number) VALUES (2, {number[0]})")
        client.query(f"INSERT INTO t0 (client, number) VALUES (2, {number[0]})")
        client.query("COMMIT")

    def several():
        client.query(f"INSERT INTO t0 (client, number) VALUES (2, {number[0]}); SELECT COUNT(*) FROM t0")

    client.ok(b"\x1b\0\0")  # COM_SET_OPTION: several statements in one command
    for turn, way in enumerate((prepared, text, preparing, transaction, several, text)):
        source, to = places_of[turn % 2]
        before = resent(scene.gate)
        rename(scene.server, ("t0", source, to))
        way()
        number[0] += 1
        assert places.wait_for(lambda: resent(scene.gate) == before + 1), (turn, way, scene.gate.log()[-500:])
    rows = scene.server.sql(f"SELECT number FROM {OLD}.t0 WHERE client = 2 ORDER BY 1")
    assert [int(row[0]) for row in rows] == list(range(10, number[0]))
    assert len(scene.server.sql(f"SELECT 1 FROM {OLD}.t1 WHERE client = 2")) == 1
    client.quit()


def test_an_alias_in_the_way_of_who_has_missed_the_move(moved):
    """Where a view stands at the old name, what no view can do is answered with 1347 and its kin, not with 1146."""
    scene = moved()
    server = scene.server
    server.sql("CREATE INDEX k ON mv_old.t0 (note)")
    client = wire.connect(scene.gate.port, "mv_billing", OLD)
    before, turns = resent(scene.gate), 0
    for statement, undo in (("ALTER TABLE t0 ADD more INT", "ALTER TABLE t0 DROP more"),
                            ("CREATE INDEX k2 ON mv_old.t0 (client)", "DROP INDEX k2 ON t0"),
                            ("HANDLER t0 OPEN", "HANDLER t0 CLOSE"), ("TRUNCATE t0", None), ("CREATE TABLE tcopy LIKE t0", "DROP TABLE tcopy"),
                            ("SELECT * FROM t0 FORCE INDEX (k) WHERE note = 'x'", None),
                            ("CREATE TABLE tmine (id INT PRIMARY KEY, x INT, FOREIGN KEY (x) REFERENCES t0 (id)) ENGINE=InnoDB",
                             "DROP TABLE tmine")):
        server.sql("CREATE TABLE mv_new.t0 LIKE mv_old.t0", "CREATE VIEW mv_old.v0 AS SELECT * FROM mv_new.t0",
                   "DROP TABLE mv_new.t0", "RENAME TABLE mv_old.t0 TO mv_new.t0, mv_old.v0 TO mv_old.t0")
        client.query(statement)  # an error would be raised
        if undo:
            client.query(undo)
        turns += 1
        # and back, unseen too
        server.sql("DROP VIEW mv_old.t0", "RENAME TABLE mv_new.t0 TO mv_old.t0")
        client.query("SELECT COUNT(*) FROM t0")
    # the watch looks by itself every ten seconds: it may have been first, but not each time
    assert places.wait_for(lambda: resent(scene.gate) > before + turns), (resent(scene.gate), before)
    client.quit()


def quickest_refusal(client, statement):
    """The seconds after which it is told that there is no such table; the least of some, as machines have much to do."""
    took = []
    for _ in range(5):
        began = time.monotonic()
        with pytest.raises(wire.Error) as missing:
            client.query(statement)
        assert missing.value.code == 1146
        took.append(time.monotonic() - began)
    return min(took)


def test_what_is_not_there_is_told_as_ever(moved):
    scene = moved(ini=NONE)
    client = wire.connect(scene.gate.port, "mv_billing", OLD)
    before = resent(scene.gate)
    for statement in ("SELECT * FROM t0 JOIN t9", "SELECT * FROM t9"):
        assert quickest_refusal(client, statement) < 0.2
    scene.server.sql("DROP TABLE mv_old.t3")
    with pytest.raises(wire.Error) as missing:  # it is looked for
        client.query("SELECT * FROM t3")
    assert missing.value.code == 1146
    assert quickest_refusal(client, "SELECT * FROM t3") < 0.2  # and known to be nowhere
    # the server's account is away: nobody can look, and the client has its error within two seconds
    scene.server.sql("ALTER USER mv_account@'%' IDENTIFIED BY 'other'", "RENAME TABLE mv_old.t2 TO mv_new.t2")
    for row in scene.server.sql("SELECT id FROM information_schema.processlist WHERE user = 'mv_account'"):
        with contextlib.suppress(pymysql.err.OperationalError):  # gone by itself
            scene.server.sql(f"KILL {row[0]}")
    began = time.monotonic()
    with pytest.raises(wire.Error) as missing:
        client.query("SELECT * FROM t2")
    assert missing.value.code == 1146 and time.monotonic() - began < 20
    assert client.query("SELECT 1")[0].rows == [["1"]]
    assert resent(scene.gate) == before
    scene.server.sql("ALTER USER mv_account@'%' IDENTIFIED BY 'mv_account-secret'")
    client.quit()


# --- SQL's PREPARE ---

NAMED = [("s", "SELECT number FROM t0 WHERE client = ? AND note <> ''it''''s \\\\\\\\'' AND mv_old.t0.id > 0 ORDER BY 1"),
         ("`Other`", "INSERT INTO mv_old.t0 (client, mv_old.t0.number) VALUES (4, ?)")]


@pytest.mark.long(short=1)
@pytest.mark.parametrize("alias", ["none", "view"])
def test_a_statement_of_sqls_prepare_goes_on(moved, alias):
    """By its name, there and back, out of the database in which it was prepared, in either way to write backslashes."""
    scene = moved(ini=NONE if alias == "none" else INI)
    client = wire.connect(scene.gate.port, "mv_billing", OLD)
    if alias == "none":
        client.query("SET sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'")
    for name, text in NAMED:
        client.query(f"PREPARE {name} FROM '{text}'")
    client.query("SET @four = 4, @number = 0")
    client.query(f"USE {NEW}")
    expected = []
    for turn, words in enumerate(((), ("--back",), ())):
        scene.go(*words)
        client.query(f"SET @number = {turn}")
        client.query("EXECUTE `Other` USING @number")
        expected.append([str(turn)])
        assert client.query("EXECUTE S USING @four")[0].rows == expected
        client.query("PREPARE `late` FROM 'SELECT COUNT(*) FROM mv_old.t0'")
        assert client.query("EXECUTE late")[0].rows == [[str(turn + 1)]]
        assert client.query("SELECT DATABASE()")[0].rows == [[NEW]]
    scene.go("--back")
    assert client.query("EXECUTE late")[0].rows == [["3"]]
    client.query("DEALLOCATE PREPARE late")
    with pytest.raises(wire.Error) as unknown:
        client.query("EXECUTE late")
    assert unknown.value.code in (1243, 1227)
    client.quit()


@pytest.mark.long(short=1)
@pytest.mark.parametrize("alias", ["none", "view"])
def test_names_are_mapped_after_a_reset(moved, alias):
    """COM_RESET_CONNECTION leaves a character set that is not known, in which no name was mapped: error 1146 without an
    alias, and before a move a reason against it."""
    scene = moved(ini=INI.replace("to = mv_new", f"to = mv_new\nalias = {alias}"))
    session = wire.connect(scene.gate.port, "mv_billing", OLD)

    def write(number):
        session.command(b"\x1f")
        session.answers()
        session.query(f"INSERT INTO t0 (client, number) VALUES (1, {number})")
        session.command(b"\x1f")
        session.answers()
        run(session, session.prepare(f"INSERT INTO {OLD}.t0 (client, number) VALUES (2, {number})")[0])

    write(1)
    scene.go()
    write(2)
    session.command(b"\x1f")
    session.answers()
    session.query("CREATE INDEX more ON t0 (note)")  # which the alias could not
    assert sorted(scene.server.sql(f"SELECT client, number FROM {NEW}.t0")) == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert places.wait_for(lambda: " seen " in scene.move("--status").stdout)
    assert "times: " not in scene.move("--status").stdout
    session.quit()


# --- reloads without end ---

@pytest.mark.long
def test_reloads_without_end_do_not_silence_an_instance(make_scene):
    """Each reload began the watch of the moves anew, before it had reported: the instance counted as gone."""
    scene = make_scene()
    over = threading.Event()

    def storm():
        while not over.wait(0.02):
            os.kill(scene.gate.process.pid, signal.SIGHUP)

    def seen():
        return scene.server.sql("SELECT MAX(seen) FROM silogate.instances_of_moves")[0][0]

    thread = threading.Thread(target=storm)
    thread.start()
    try:
        places.wait_for(lambda: "reload" in scene.gate.log(), 30)
        for _ in range(3):
            before = seen()
            assert places.wait_for(lambda: seen() > before, 30), scene.gate.log()[-2000:]
        for options, place in (((), NEW), (("--back",), OLD)):
            moved = scene.move(*options)
            assert moved.returncode == 0, moved.stdout + moved.stderr
            assert scene.stand_in(place)
    finally:
        over.set()
        thread.join()
