"""Sessions that were open before somebody granted the rights by which a moved table is used then. Servers keep a session's global
rights from its login on, and those on its current database from USE on; silogate move may not count what the sessions do not have."""
import pymysql
import pytest

from test_moves import INI, NEW, OLD, make_scene  # noqa: F401: the fixture

USER = "mv_a"
READ, ADD = "SELECT COUNT(*) FROM {}", "INSERT INTO {} (client, number) SELECT {}, COALESCE(MAX(number), 0) + 1 FROM {} AS z"
GIVEN = {  # by whom, how
    "database": f"GRANT ALL ON `mv\\_new`.* TO {USER}@'%'",
    "role": "GRANT ALL ON `mv\\_new`.* TO mv_r",
    "everything": f"GRANT SELECT, INSERT, UPDATE, LOCK TABLES ON *.* TO {USER}@'%'",
    "nothing": "DO 0",
    "nothing, by a role": "DO 0",
}


class Opened:
    """A session of mv_a with this current database, and a statement that it has prepared."""

    def __init__(self, scene, database, number):
        self.client = pymysql.connect(host="127.0.0.1", port=scene.gate.port, user=USER, password="x-secret", database=database,
                                      autocommit=True)
        self.cursor, self.database, self.number = self.client.cursor(), database, number
        self.cursor.execute(f"PREPARE p FROM 'SELECT COUNT(*) FROM {OLD}.t0'")

    def use(self):
        """What the server denies."""
        denied = []
        for table in ("t0", f"{OLD}.t0", f"{NEW}.t0"):
            if table == "t0" and self.database not in (OLD, NEW):
                continue
            for text in (READ.format(table), ADD.format(table, self.number, table), "EXECUTE p", f"LOCK TABLES {table} WRITE",
                         "UNLOCK TABLES"):
                try:
                    self.cursor.execute(text)
                except pymysql.Error as error:
                    denied.append((text, error.args))
        return denied


@pytest.fixture
def scene(make_scene):  # noqa: F811
    made = make_scene(tables=1, ini=INI.replace("user = mv_billing\n", f"user = mv_billing\nuser = {USER}\nowns = mv_third.*\n"))
    made.server.sql(f"DROP USER IF EXISTS {USER}@'%'", "DROP ROLE IF EXISTS mv_r", f"CREATE USER {USER}@'%' IDENTIFIED BY 'x-secret'",
                    "CREATE ROLE mv_r", "CREATE DATABASE IF NOT EXISTS mv_third",
                    f"GRANT CREATE ON mv_third.* TO {USER}@'%'", f"GRANT CREATE ON `mv\\_new`.* TO {USER}@'%'")
    yield made
    made.server.sql(f"DROP USER IF EXISTS {USER}@'%'", "DROP ROLE IF EXISTS mv_r", "DROP DATABASE IF EXISTS mv_third")


def default_role(server):
    to = "TO" if server.name == "mysql" else "FOR"
    server.sql(f"GRANT mv_r TO {USER}@'%'", f"SET DEFAULT ROLE mv_r {to} {USER}@'%'")


@pytest.mark.long(short=1)
@pytest.mark.parametrize("given", GIVEN)
def test_granted_while_sessions_were_open(scene, given):
    server = scene.server
    by_role = given.endswith("role")
    server.sql(f"GRANT SELECT, INSERT, UPDATE, LOCK TABLES ON `mv\\_old`.* TO {'mv_r' if by_role else USER}")
    if by_role:
        server.sql(f"GRANT CREATE ON `mv\\_old`.* TO {USER}@'%'")
        default_role(server)
    sessions = [Opened(scene, database, number) for number, database in enumerate((OLD, NEW, "mv_third"))]
    assert [one.use() for one in sessions] == [[], [], []]
    server.sql(GIVEN[given])
    assert [one.use() for one in sessions] == [[], [], []]
    told = scene.move()
    assert told.returncode == 0 and scene.stand_in(NEW), told.stdout + told.stderr
    assert [one.use() for one in sessions] == [[], [], []]
    back = scene.move("--back")
    assert back.returncode == 0 and scene.stand_in(OLD), back.stdout + back.stderr
    assert [one.use() for one in sessions] == [[], [], []]
    assert server.sql(f"SELECT COUNT(DISTINCT client) FROM {OLD}.t0") == ((3,),)


def test_within_a_transaction(scene):
    """The transaction, its locks and what it has written are as before."""
    server = scene.server
    server.sql(f"GRANT SELECT, INSERT, UPDATE, LOCK TABLES ON `mv\\_old`.* TO {USER}@'%'",
               f"GRANT SELECT, INSERT ON `mv\\_new`.* TO {USER}@'%'", f"CREATE TABLE {NEW}.other (id INT PRIMARY KEY) ENGINE=InnoDB")
    cursor = Opened(scene, NEW, 1).cursor
    cursor.execute("BEGIN")
    cursor.execute("INSERT INTO other VALUES (1)")
    server.sql(f"GRANT UPDATE ON `mv\\_new`.* TO {USER}@'%'")
    told = scene.move()
    assert told.returncode == 0, told.stdout + told.stderr
    cursor.execute("UPDATE t0 SET note = 'y' WHERE FALSE")
    cursor.execute("INSERT INTO t0 (client, number) VALUES (LAST_INSERT_ID(7), 7)")
    assert server.sql(f"SELECT COUNT(*) FROM {NEW}.other") == ((0,),)
    cursor.execute("COMMIT")
    assert server.sql(f"SELECT COUNT(*) FROM {NEW}.other") == ((1,),)


def test_rights_beside_global_ones_are_taken_back(scene):
    """What the move grants although a global right is there goes when it is given up."""
    server, what = scene.server, f"SELECT Db, Table_name, Table_priv FROM mysql.tables_priv WHERE User = '{USER}'"
    server.sql(f"GRANT SELECT, LOCK TABLES ON `mv\\_old`.* TO {USER}@'%'", f"GRANT SELECT, LOCK TABLES ON *.* TO {USER}@'%'")
    with scene.connect() as client, client.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO t0 (client, number) VALUES (5, 5)")
        told = scene.move()
        assert told.returncode == 1 and f"GRANT SELECT ON `{NEW}`.`t0`" in scene.move("--dry-run").stdout, told.stdout
    assert server.sql(what) == ()
    told = scene.move()
    assert told.returncode == 0 and server.sql(what) == ((NEW, "t0", "Select"),), told.stdout + told.stderr
