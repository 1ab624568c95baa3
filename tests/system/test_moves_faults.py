"""silogate move, and what comes in between: a DDL, a table that is dropped, an instance that hangs or starts, a second
mover, a server that may not be written to. Each time the tables stand at one place, and what has happened is said."""
import re
import signal

import pymysql
import pytest

from harness import places
from test_move_gate import slow_step
from test_moves import INI, NEW, OLD, TRIGGERS, Load, make_scene  # noqa: F401: the fixture
from test_moves_killed import stop_at


def go_on(mover):
    mover.send_signal(signal.SIGCONT)
    out, errors = mover.communicate(timeout=120)
    return mover.returncode, out + errors


@pytest.mark.long(short=1)
@pytest.mark.parametrize("step", ["announced", "closed"])
def test_a_table_is_altered_meanwhile(make_scene, monkeypatch, step):  # noqa: F811
    """By somebody who was inside, or before the doors were closed: the alias had the columns of before, and the move said
    that its table was not what it had been."""
    scene = make_scene()
    with scene.connect() as client, client.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO t1 (client, number) VALUES (1, 1)")
        if step == "announced":
            cursor.execute("COMMIT")
        mover = stop_at(scene, monkeypatch, step)
        cursor.execute("ALTER TABLE t0 ADD more INT")
        status, said = go_on(mover)
        assert status == 1 and "t0 was altered while the move was prepared; call it again. Nothing has changed" in said, said
        assert scene.stand_in(OLD)
        moved = scene.move()
        assert moved.returncode == 0 and scene.stand_in(NEW), moved.stdout + moved.stderr
        assert scene.server.sql("SELECT COUNT(more) FROM mv_old.t0")[0][0] == 0  # by the alias


def test_a_moved_table_is_dropped_and_made_again(make_scene):  # noqa: F811
    """As a job of every night does. A while after DROP TABLE its alias stood in the way of CREATE TABLE: error 1050."""
    scene = make_scene()
    assert scene.move().returncode == 0
    with scene.connect() as client, client.cursor() as cursor:
        cursor.execute("DROP TABLE t1")
        assert "mv_old.t1 -> mv_new: dropped at the new place; its alias is left" in scene.move("--status").stdout
        for options in ((), ("--back",), ()):
            told = scene.move(*options)
            assert told.returncode == 0 and "mv_old.t1 is the alias of a table that no longer exists" in told.stdout, told.stdout
        scene.gate.reload(ini=scene.gate.ini + "\n")  # it looks at the catalogue
        assert places.wait_for(scene.is_followed)
        cursor.execute("DROP TABLE IF EXISTS t1")
        cursor.execute("CREATE TABLE t1 (id INT AUTO_INCREMENT PRIMARY KEY, client INT NOT NULL, number INT NOT NULL,"
                       " note VARCHAR(40))")
        cursor.execute("INSERT INTO t1 (client, number) VALUES (1, 7)")
        assert scene.stand_in(NEW)
        assert scene.server.sql("SELECT number FROM mv_old.t1")[0][0] == 7
        back = scene.move("--back")
        assert back.returncode == 0 and scene.stand_in(OLD), back.stdout + back.stderr
        cursor.execute("SELECT number FROM t1")
        assert cursor.fetchall() == ((7,),)


@pytest.mark.long
def test_a_mover_that_takes_long_before_its_hold(make_scene):  # noqa: F811
    """It waits for the page cleaner and reads the tables again. After five seconds the instances looked four times a second
    only, so that a short hold was half over before all of them knew of it, or was given up."""
    scene = make_scene(ini=INI.replace("hold = 10s", "hold = 600ms"))
    slow_step(scene.server, "switching", 6)
    for options in ((), ("--back",), (), ("--back",)):
        moved = scene.move(*options)
        assert moved.returncode == 0, moved.stdout + moved.stderr
        assert int(re.search(r"(\d+) ms until nobody was inside", moved.stdout).group(1)) < 150, moved.stdout


@pytest.mark.long
def test_the_server_s_clock_is_set_in_the_hold(make_scene):  # noqa: F811
    """An instance that has sessions inside looked as if it were gone for a minute, and the mover waited for the other one
    alone."""
    scene = make_scene(gates_count=2, ini=INI.replace("hold = 10s", "hold = 2s"))
    assert places.wait_for(lambda: scene.move("--status").stdout.count(" seen ") == 2, 30)
    scene.server.sql("CREATE TRIGGER silogate.clock BEFORE INSERT ON silogate.instances_of_moves FOR EACH ROW SET NEW.seen ="
                     " NOW(3) - INTERVAL (NEW.state = 'held') * 120 SECOND")
    with scene.connect(gate=scene.gates[1]) as blocker, blocker.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT * FROM t0")
        given_up = scene.move()
        assert given_up.returncode == 1 and "not all instances are drained" in given_up.stdout, given_up.stdout
        assert scene.stand_in(OLD)
        cursor.execute("COMMIT")
    assert places.wait_for(lambda: scene.move().returncode == 0)


@pytest.mark.long
def test_an_instance_that_is_late(make_scene):  # noqa: F811
    """On a slow disk its round takes some seconds: the mover waits for it. One that stays away is a reason to refuse."""
    scene = make_scene()
    for late, code, *options in ((4, 0), (600, 1, "--back")):
        scene.server.sql("CREATE TABLE silogate.since AS SELECT NOW(3) AS at",
                         "CREATE TRIGGER silogate.late BEFORE INSERT ON silogate.instances_of_moves FOR EACH ROW SET NEW.seen ="
                         f" IF(NOW(3) < (SELECT at FROM silogate.since) + INTERVAL {late} SECOND,"
                         " NOW(3) - INTERVAL 5 SECOND, NEW.seen)")
        assert places.wait_for(lambda: re.search(r"seen [5-9]\.\d s ago", scene.move("--status").stdout), 30)
        moved = scene.move(*options)
        assert moved.returncode == code, moved.stdout + moved.stderr
        assert code == 0 or re.search(r"was last seen [5-9]\.\d s ago", moved.stdout)
        scene.server.sql("DROP TRIGGER silogate.late", "DROP TABLE silogate.since")


SETTINGS = ["sql_quote_show_create = 0", "sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT'", "autocommit = 0",
            "lc_messages = 'de_DE'", "wait_timeout = 1"]


def test_odd_settings_of_the_server(make_scene):  # noqa: F811
    """With names that SHOW CREATE TABLE wrote without quotes, a foreign key that names its table's database after the move
    was taken for another one."""
    scene = make_scene()
    server = scene.server
    server.sql("ALTER TABLE mv_old.t1 ADD CONSTRAINT `o``dd` FOREIGN KEY (client) REFERENCES mv_old.payments (id)", TRIGGERS[0])
    try:
        server.sql(*(f"SET GLOBAL {one}" for one in SETTINGS))
        for options, place in (((), NEW), (("--back",), OLD)):
            moved = scene.move(*options)
            assert moved.returncode == 0 and scene.stand_in(place), moved.stdout + moved.stderr
    finally:
        server.sql(*(f"SET GLOBAL {one.split(' =')[0]} = DEFAULT" for one in SETTINGS),
                   *(f"ALTER TABLE {schema}.{name} DROP FOREIGN KEY `o``dd`" for name, schema in scene.standing().items()
                     if name == "t1"))


def test_back_after_weeks(make_scene):  # noqa: F811
    """The tables were altered, got an index and rows, one of them is gone, another has come: they go back as they are."""
    scene = make_scene()
    scene.server.sql("GRANT ALL ON mv_new.* TO mv_billing@'%'")
    assert scene.move().returncode == 0
    with scene.connect() as client, client.cursor() as cursor:
        for statement in ("ALTER TABLE t0 ADD more INT DEFAULT 5, DROP note", "CREATE INDEX k ON t2 (note)",
                          "INSERT INTO t0 (client, number) VALUES (1, 1)", "CREATE TABLE mv_new.tlate (id INT PRIMARY KEY)",
                          "INSERT INTO mv_new.tlate VALUES (1)", "DROP TABLE t3"):
            cursor.execute(statement)
        scene.server.sql("DROP VIEW mv_old.t3")
        for _ in range(2):  # the second has nothing to do
            back = scene.move("--back")
            assert back.returncode == 0, back.stdout + back.stderr
            assert scene.standing() == {name: OLD for name in ("t0", "t1", "t2", "tlate")}
        assert "nothing to do" in back.stdout
        cursor.execute("SELECT more FROM mv_old.t0 JOIN mv_new.tlate USE INDEX (PRIMARY) ON tlate.id = client")
        assert cursor.fetchall() == ((5,),)
    for _ in range(2):
        assert scene.move().returncode == 0 and set(scene.standing().values()) == {NEW}


def test_a_trigger_whose_file_is_gone(make_scene):  # noqa: F811
    """MariaDB's DROP TRIGGER on a full disk: the trigger can neither be read nor dropped. The remedy is tried, too."""
    scene = make_scene()
    server = scene.server
    if server.name != "mariadb":
        pytest.skip("MariaDB keeps triggers in files")
    server.sql(*TRIGGERS[:2])
    for file in (server.data / OLD).glob("*.TRN"):
        file.unlink()
    told = scene.move()
    assert told.returncode == 1 and "trigger mv_old.first is in the catalogue, but its file is gone" in told.stdout, told.stdout
    assert "RENAME TABLE mv_old.t0 to another name and back by one statement" in told.stdout
    server.sql("RENAME TABLE mv_old.t0 TO mv_old.other, mv_old.other TO mv_old.t0")
    moved = scene.move()
    assert moved.returncode == 0 and scene.stand_in(NEW), moved.stdout + moved.stderr


@pytest.mark.long(short=1)
def test_a_trigger_that_cannot_be_dropped(make_scene, monkeypatch):  # noqa: F811
    """MariaDB on a full disk: DROP TRIGGER has removed one of its two files. The mover created it again, although it fired
    still: then it fired twice for each row."""
    scene = make_scene()
    server = scene.server
    if server.name != "mariadb":
        pytest.skip("MariaDB keeps triggers in files")
    server.sql(*TRIGGERS[:2])
    in_the_way = server.data / OLD / "t0.TRG~"  # what the server writes first
    in_the_way.mkdir()
    mover = stop_at(scene, monkeypatch, "dropped")
    in_the_way.rmdir()
    status, said = go_on(mover)
    assert status == 1 and scene.stand_in(OLD), said
    server.sql("FLUSH TABLES", "INSERT INTO mv_old.t0 (client, number) VALUES (1, 1)")
    assert server.sql("SELECT note FROM mv_old.t0")[0][0] == "x12", said
    told = scene.move()
    assert told.returncode == 1 and "its file is gone" in told.stdout, told.stdout
    server.sql("RENAME TABLE mv_old.t0 TO mv_old.other, mv_old.other TO mv_old.t0")
    moved = scene.move()
    assert moved.returncode == 0 and scene.stand_in(NEW), moved.stdout + moved.stderr


@pytest.mark.long(short=1)
@pytest.mark.parametrize("step", ["announced", "closed", "drained", "renamed"])
def test_an_instance_hangs(make_scene, monkeypatch, step):  # noqa: F811
    """Before it has said that nobody is inside, the move is given up; afterwards the tables move without it. Its clients
    wait as long as it hangs, and see no error: no write is lost or doubled."""
    scene = make_scene(gates_count=2, ini=INI.replace("hold = 10s", "hold = 2s"))
    assert places.wait_for(lambda: scene.move("--status").stdout.count(" seen ") == 2)
    with Load(scene, clients=5, rate=100) as load:
        mover = stop_at(scene, monkeypatch, step)
        hanging = scene.gates[1].process
        hanging.send_signal(signal.SIGSTOP)
        try:
            status, said = go_on(mover)
        finally:
            hanging.send_signal(signal.SIGCONT)
        # where a session was inside when it stopped, its locks are there still: it is given up later, too
        assert (status == 0) == scene.stand_in(NEW) and (status == 1) == scene.stand_in(OLD), said
        assert step != "announced" or status == 1, said
        assert status == 0 or "Nothing has changed" in said, said
        assert places.wait_for(lambda: scene.move().returncode == 0, 60)
        assert scene.stand_in(NEW)
    load.check()


def test_an_instance_starts_in_the_hold(make_scene, make_gate, monkeypatch):  # noqa: F811
    """It has not held anybody: its clients go on all the same, at the old name or the new one."""
    scene = make_scene()
    mover = stop_at(scene, monkeypatch, "drained")
    scene.gates.append(make_gate(scene.server, ini=scene.gate.ini))
    with Load(scene, clients=4, rate=100) as load:
        assert places.wait_for(lambda: sum(map(len, load.acknowledged.values())) > 20 or load.errors, 60)
        status, said = go_on(mover)
        assert (status == 0) == scene.stand_in(NEW) and (status == 1) == scene.stand_in(OLD), said
        assert places.wait_for(lambda: scene.move().returncode == 0, 60) and scene.stand_in(NEW)
    load.check()


@pytest.mark.long
def test_a_second_mover_and_a_server_that_is_read_only(make_scene, monkeypatch):  # noqa: F811
    scene = make_scene()
    mover = stop_at(scene, monkeypatch, "announced")
    for options in ((), ("--back",), ("--finish",), ("--dry-run",)):
        told = scene.move(*options)
        assert told.returncode == 1 and "another mover is at work on this server" in told.stdout, told.stdout
    assert "a mover is at work, as thread" in scene.move("--status").stdout
    status, said = go_on(mover)
    assert status == 0 and scene.stand_in(NEW), said
    name = "super_read_only" if scene.server.name == "mysql" else "read_only"
    user = pymysql.connect(host="127.0.0.1", port=scene.server.port, user="mv_account", password="mv_account-secret")
    user.close()
    if scene.server.name == "mariadb":
        scene.server.sql("REVOKE READ_ONLY ADMIN ON *.* FROM mv_account@'%'")
        for number, in scene.server.sql("SELECT id FROM information_schema.processlist WHERE user = 'mv_account'"):
            scene.server.sql(f"KILL {number}")
    scene.server.sql(f"SET GLOBAL {name} = 1")
    try:
        told = scene.move("--back")
        assert told.returncode == 1 and "read" in told.stdout + told.stderr, told.stdout + told.stderr
        assert scene.stand_in(NEW)
    finally:
        scene.server.sql("SET GLOBAL read_only = 0")
    assert places.wait_for(lambda: scene.move("--back").returncode == 0, 60) and scene.stand_in(OLD)
