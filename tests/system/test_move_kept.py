"""What MariaDB keeps of triggers and routines meets a view where a table was: before 11.2 that is the end of the server. The
servers are this file's own: who brings one down takes no other test along."""
import threading
import time

import pymysql
import pytest

from harness import servers
from test_moves import INI, NEW, OLD, Scene

OTHERS = INI.replace("owns = mv_old.audit\n", "owns = mv_old.audit\nowns = mv_old.x*\n") \
            .replace("owns = mv_new.*\n", "owns = mv_new.*\nowns = mv_old.f*\n")
READS = {"count": "SET NEW.a = (SELECT COUNT(*) FROM t0)", "row": "SET NEW.a = (SELECT number FROM t0 WHERE id = 1)",
         "exists": "SET NEW.a = EXISTS (SELECT 1 FROM t0 WHERE client = 1)", "function": "SET NEW.a = fcount()"}


@pytest.fixture(scope="module", params=list(servers.KINDS))
def own_server(request):
    server = servers.new(request.param)
    yield server
    server.remove()


@pytest.fixture
def scene(own_server, make_gate, tmp_path):
    one = Scene(own_server, make_gate, tmp_path, ini=OTHERS, tables=1)
    own_server.sql("SET GLOBAL log_bin_trust_function_creators = 1", f"GRANT ALL ON {OLD}.* TO mv_payment@'%'",
                   f"INSERT INTO {OLD}.t0 (client, number) VALUES (1, 1)",
                   f"CREATE FUNCTION {OLD}.fcount() RETURNS INT READS SQL DATA RETURN (SELECT COUNT(*) FROM {OLD}.t0)",
                   f"CREATE PROCEDURE {OLD}.fhow(a INT) SELECT COUNT(*) FROM {OLD}.t0 WHERE client = a")
    yield one
    one.clear()


def moved(scene, *options):
    told = scene.move(*options)
    assert told.returncode == 0, told.stdout + told.stderr
    assert scene.stand_in(OLD if options else NEW)


@pytest.mark.long(short=1)
@pytest.mark.parametrize("reads", READS)
def test_a_trigger_of_another_table(scene, reads):
    """It has fired before, so that the server keeps what it has read of it."""
    scene.server.sql(f"CREATE TABLE {OLD}.xd (id INT PRIMARY KEY, a INT)",
                     f"CREATE TRIGGER {OLD}.xr BEFORE INSERT ON {OLD}.xd FOR EACH ROW {READS[reads]}")
    time.sleep(0.6)  # silogate looks at the catalogue

    def fire(number):
        with scene.connect("mv_payment") as client, client.cursor() as cursor:
            cursor.execute(f"INSERT INTO xd VALUES ({number}, 0)")
            cursor.execute(f"SELECT a FROM xd WHERE id = {number}")
            return cursor.fetchall()

    old = scene.connect("mv_payment")
    with old.cursor() as cursor:
        cursor.execute("INSERT INTO xd VALUES (1, 0)")
        for number, options in enumerate([(), ("--back",)] * 2):
            moved(scene, *options)
            assert fire(10 + number) == ((1,),)
            cursor.execute(f"INSERT INTO xd VALUES ({20 + number}, 0)")
    old.close()


def test_routines_that_sessions_have_called(scene):
    """Several sessions that call one all the time; and one in which it rests during the moves."""
    over, errors, calls = threading.Event(), [], [0] * 4

    def call(number):
        try:
            with scene.connect() as client, client.cursor() as cursor:
                while not over.wait(0.002):
                    cursor.execute("CALL fhow(1)")
                    assert cursor.fetchall() == ((1,),)
                    calls[number] += 1
        except (pymysql.Error, AssertionError) as error:
            errors.append(error)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(len(calls))]
    with scene.connect() as client, client.cursor() as cursor:
        cursor.execute("SELECT fcount()")
        for thread in threads:
            thread.start()
        try:
            for options in [(), ("--back",)] * 2:
                moved(scene, *options)
                cursor.execute("SELECT fcount()")
                assert cursor.fetchall() == ((1,),)
        finally:
            over.set()
            for thread in threads:
                thread.join()
    assert errors == [] and min(calls) > 10


def test_rights_to_forget(scene):
    """Without them nothing begins."""
    scene.server.sql(f"CREATE TABLE {OLD}.xd (id INT PRIMARY KEY, a INT)",
                     f"CREATE TRIGGER {OLD}.xr BEFORE INSERT ON {OLD}.xd FOR EACH ROW {READS['count']}",
                     "REVOKE RELOAD ON *.* FROM mv_account@'%'", *(["REVOKE FLUSH_TABLES ON *.* FROM mv_account@'%'"]
                     if scene.server.dialect == "mysql" else []))
    told = scene.move()
    assert told.returncode == 1 and "the right RELOAD" in told.stdout, told.stdout + told.stderr
    assert scene.stand_in(OLD)


def test_invisible_columns(scene):
    """Other services' stored code reads and writes by position what it always has."""
    scene.server.sql(f"ALTER TABLE {OLD}.t0 ADD secret INT INVISIBLE DEFAULT 7",
                     f"CREATE TABLE {OLD}.xd (id INT PRIMARY KEY, a INT)",
                     f"CREATE TRIGGER {OLD}.xr BEFORE INSERT ON {OLD}.xd FOR EACH ROW"
                     " INSERT INTO t0 VALUES (NULL, 50, NEW.id, 'by position')")
    time.sleep(0.6)
    with scene.connect("mv_payment") as client, client.cursor() as cursor:
        for number, options in enumerate([(), ("--back",)]):
            moved(scene, *options)
            cursor.execute(f"INSERT INTO xd VALUES ({number}, 0)")
    assert scene.server.sql(f"SELECT number, note, secret FROM {OLD}.t0 WHERE client = 50 ORDER BY 1") == (
        (0, "by position", 7), (1, "by position", 7))


def test_a_json_duality_view(scene):
    """MySQL ends with a signal where it writes through one that meets a view in its table's place."""
    if scene.server.dialect == "mariadb":
        pytest.skip("MariaDB has none")
    scene.server.sql(f"CREATE TABLE {OLD}.t1 (id INT PRIMARY KEY, a INT)",
                     f"CREATE JSON RELATIONAL DUALITY VIEW {OLD}.xdv AS SELECT JSON_DUALITY_OBJECT("
                     f"WITH (INSERT, UPDATE, DELETE) '_id': id, 'a': a) FROM {OLD}.t1")
    told = scene.move()
    assert told.returncode == 1 and f"{OLD}.xdv is a JSON duality view over t1" in told.stdout, told.stdout
    scene.server.sql(f"DROP VIEW {OLD}.xdv", f"DROP TABLE {OLD}.t1")
