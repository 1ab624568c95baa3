"""Tables of the same name out of two databases into one: the new name is that of the table that stands there, for statements, for
both movers and on the way back."""
import subprocess

import pymysql
import pytest

from harness import places
from test_moves import INI, NEW, OLD, make_scene  # noqa: F401: the fixture
from test_moves_given_up import call

OTHER = "mv_oth"
OTHERS = f"[move:others]\nservice = billing\ntable = {OTHER}.t*\nto = {NEW}\nhold = 10s\n"
TWO = INI.replace("owns = mv_new.*\n", f"owns = mv_new.*\nowns = {OTHER}.*\n") + OTHERS


@pytest.fixture
def make_two(make_scene, server):  # noqa: F811
    """t0 in both databases, t1 in the old one and u alone in the other one."""
    def make(alias="view", ini=TWO):
        server.sql(f"DROP DATABASE IF EXISTS {OTHER}", f"CREATE DATABASE {OTHER} CHARACTER SET utf8mb4",
                   *(f"CREATE TABLE {OTHER}.{name} (id INT AUTO_INCREMENT PRIMARY KEY, client INT NOT NULL, number INT NOT NULL,"
                     f" note VARCHAR(40) DEFAULT 'oth')" for name in ("t0", "tu")))
        scene = make_scene(tables=2, ini=ini.replace("hold = 10s", f"hold = 10s\nalias = {alias}"))
        server.sql(f"GRANT ALL ON {OTHER}.* TO mv_billing@'%'", f"GRANT ALL ON {NEW}.* TO mv_billing@'%'",
                   *(f"INSERT INTO {database}.t0 (client, number) VALUES ({number}, {number})"
                     for number, database in enumerate((OLD, OTHER), 1)))
        return scene

    yield make
    server.sql(f"DROP DATABASE IF EXISTS {OTHER}")


def rows(client, table):
    with client.cursor() as cursor:
        cursor.execute(f"SELECT client FROM {table} ORDER BY id")
        return [number for number, in cursor.fetchall()]


def stand(server, name):
    return {schema for schema, in server.sql(f"SELECT TABLE_SCHEMA FROM information_schema.TABLES WHERE TABLE_NAME = '{name}' AND"
                                             f" TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA LIKE 'mv%'")}


@pytest.mark.long(short=1)
@pytest.mark.parametrize("alias", ["view", "none"])
def test_the_new_name_is_of_the_table_that_stands_there(make_two, server, alias):
    """It was mapped to the other one: its rows were read, written and deleted by the name of the first."""
    scene = make_two(alias)
    with scene.connect() as client, client.cursor() as cursor:
        with pytest.raises(pymysql.err.ProgrammingError) as error:
            rows(client, f"{NEW}.t0")
        assert error.value.args[0] == 1146
        told = scene.move()
        assert told.returncode == 0 and "note: mv_oth.t0 of [move:others] has the same new name" in told.stdout, told.stdout
        cursor.execute(f"INSERT INTO {NEW}.t0 (client, number) VALUES (7, 7)")
        cursor.execute("INSERT INTO t0 (client, number) VALUES (8, 8)")
        cursor.execute(f"INSERT INTO {OTHER}.t0 (client, number) VALUES (9, 9)")
        assert rows(client, f"{NEW}.t0") == rows(client, f"{OLD}.t0") == [1, 7, 8] and rows(client, f"{OTHER}.t0") == [2, 9]
        with pytest.raises(pymysql.err.ProgrammingError):
            rows(client, f"{OTHER}.t1")  # there is none, though a t1 stands in the new database
        for options in ((), ("--dry-run",)):
            told = call(scene, "others", *options)
            assert told.returncode == 1 and f"refused: {NEW}.t0 is the new name of {OLD}.t0 of [move:tables]" in told.stdout, told.stdout
        assert "another section's table has the new name" in call(scene, "others", "--status").stdout
        told = call(scene, "others", "--back")
        assert told.returncode == 0 and "nothing to do" in told.stdout, told.stdout + told.stderr
        server.sql(f"RENAME TABLE {OTHER}.t0 TO {OTHER}.elsewhere")
        told = call(scene, "others")
        assert told.returncode == 0, told.stdout + told.stderr
        assert call(scene, "others", "--back").returncode == 0
        assert stand(server, "t0") == stand(server, "t1") == {NEW} and stand(server, "tu") == {OTHER}
        assert rows(client, f"{NEW}.t0") == rows(client, f"{OLD}.t0") == [1, 7, 8]
        told = scene.move("--back")
        assert told.returncode == 0 and stand(server, "t0") == stand(server, "t1") == {OLD}, told.stdout + told.stderr


def test_the_second_section_moves_first(make_two, server):
    scene = make_two()
    assert call(scene, "others").returncode == 0
    with scene.connect() as client, client.cursor() as cursor:
        cursor.execute(f"DELETE FROM {NEW}.t0")
        assert rows(client, f"{OTHER}.t0") == [] and rows(client, "t0") == [1]
    assert f"is the new name of {OTHER}.t0 of [move:others]" in scene.move().stdout
    assert call(scene, "others", "--back").returncode == 0
    assert scene.move().returncode == 0 and stand(server, "t0") == {NEW, OTHER}


def test_within_one_section(make_two, server):
    scene = make_two(ini=TWO.replace(OTHERS, "").replace("table = mv_old.t*\n", f"table = mv_old.t*\ntable = {OTHER}.t*\n"))
    with scene.connect() as client:
        for options in ((), ("--dry-run",)):
            told = scene.move(*options)
            assert told.returncode == 1 and "would get the same name" in told.stdout, told.stdout
        assert rows(client, "t0") == [1] and rows(client, f"{OTHER}.t0") == [2]
        server.sql(f"DROP TABLE {OTHER}.t0")
        assert scene.move().returncode == 0
        assert rows(client, f"{NEW}.t0") == [1]


def test_names_in_the_file(make_two, tmp_path):
    scene = make_two()
    path = tmp_path / "two.ini"
    path.write_text(scene.gate.path.read_text().replace(f"table = {OTHER}.t*", f"table = {OTHER}.t0")
                    .replace(f"table = {OLD}.t*", f"table = {OLD}.t0"))
    told = subprocess.run([str(places.SILOGATE), "check", "-c", str(path)], capture_output=True, text=True)
    assert told.returncode and f"[move:others] table = {OTHER}.t0 would get the same name in {NEW}" in told.stdout + told.stderr
