"""What silogate sends of its own after a move changes nothing that a client can ask for, and no name stays unmapped because
silogate might be asked about: each program runs directly, and through silogate with a move between its two parts."""
import struct

import pytest

from harness import wire
from test_move_asks import FOUND, OWNS, UPDATE, WARNED
from test_moves import NEW, OLD, make_scene  # noqa: F401: the fixture

WRITE, READ = "INSERT INTO t0 (client, number, note) VALUES ({n}, ?, ?)", "SELECT number FROM t0 WHERE client = {n} ORDER BY id"
ASKING = "SELECT ROW_COUNT(), COUNT(*) FROM t0"
COUNT = "SELECT COUNT(*) FROM t0"


class Session:
    def __init__(self, port, database, number):
        self.client, self.number, self.statements = wire.connect(port, "mv_billing", database), number, []

    def run(self, step):
        """A statement, or a command and its argument. The answer as far as it can be compared."""
        name, argument = step if isinstance(step, tuple) else ("query", step)
        try:
            return [getattr(one, "rows", None) for one in getattr(self, name)(argument) or ()]
        except wire.Error as error:
            return error.code

    def query(self, sql):
        return self.client.query(sql.format(n=self.number))

    def prepare(self, sql):
        self.statements.append(self.client.prepare(sql.format(n=self.number))[0])

    def execute(self, values):
        return self.client.execute(self.statements[0], values)

    def last(self, values):
        return self.client.execute(self.statements[-1], values)

    def long(self, data):
        self.client.command(b"\x18" + struct.pack("<IH", self.statements[0], 1) + data)

    def reset(self, _):
        self.client.ok(b"\x1f")

    def enter(self, database):
        self.client.ok(b"\x02" + database.encode())

    def close(self):
        self.client.query(f"ROLLBACK; DELETE FROM t0 WHERE client = {self.number}; DELETE FROM o WHERE v > 800")
        self.client.close()


# before the move, after it; the last answers are compared
RESET = ("reset", None)
PROGRAMS = [
    # no name stays unmapped behind a reset
    ([], [RESET, "INSERT INTO t0 (client, number, note) VALUES ({n}, 1, 'status')", READ]),
    ([], [RESET, "SELECT note AS status FROM t0 WHERE client = {n}"]),
    ([], [RESET, "SELECT 'error', COUNT(*) FROM t0 WHERE client = {n}"]),
    ([], [RESET, "INSERT INTO t0 (client, number) VALUES ({n}, 7); SELECT number FROM t0 WHERE ROW_COUNT() = 1 AND id = LAST_INSERT_ID()"]),
    ([], [RESET, ("prepare", "INSERT INTO t0 (client, number, note) VALUES ({n}, ?, 'status')"), ("execute", ("5",)), READ]),
    # the first question behind it
    ([], [RESET, "SELECT ROW_COUNT()"]),
    ([RESET, UPDATE], [("prepare", WRITE), "SELECT ROW_COUNT()"]),
    ([RESET, FOUND], ["INSERT INTO t0 (client, number) VALUES ({n}, 1)", "SELECT FOUND_ROWS()"]),
    # commands that set nothing anew
    ([UPDATE], [("prepare", WRITE), "SELECT ROW_COUNT()"]),
    ([UPDATE], [("prepare", WRITE), ("prepare", "INSERT INTO t0 (client, number) VALUES ({n}, ROW_COUNT() + 500)"), ("last", ()), READ]),
    ([("prepare", ASKING), UPDATE], [("prepare", "SELECT * FROM t0"), "SELECT ROW_COUNT()"]),
    ([("prepare", WRITE), UPDATE], [("long", b"abc"), "SELECT ROW_COUNT()"]),
    ([("prepare", WRITE), WARNED], [("long", b"abc"), "SHOW WARNINGS"]),
    ([("prepare", WRITE), FOUND], [("long", b"abc"), "SELECT FOUND_ROWS()"]),
    ([("prepare", ASKING), WARNED], [("enter", None), "SHOW WARNINGS"]),
    *(([("prepare", WRITE), ("long", b"a"), ("execute", ("1", "2")), UPDATE], [("prepare", other), ("long", b"b"), asks])
      for other in ("SELECT FOUND_ROWS(), COUNT(*) FROM o", "SELECT 1 AS ' r', COUNT(*) FROM o")
      for asks in ("SHOW WARNINGS", "SELECT @@warning_count")),
    ([("prepare", ASKING), WARNED], [("prepare", "SELECT 5"), "SHOW WARNINGS"]),
    *(([("prepare", ASKING), WARNED], [quiet, "SHOW WARNINGS"]) for quiet in ("SET @a = 1", "DO 1", "BEGIN", "SELECT @a")),
    *(([("prepare", ASKING), WARNED], [quiet, "SELECT @@warning_count"]) for quiet in ("SET @a = 1", "PREPARE q FROM 'SELECT 1'")),
    # statements without tables, where there is no warning yet that a preparing could add to
    *(([("prepare", "SELECT FOUND_ROWS(), COUNT(*) FROM t0"), UPDATE], [quiet, "SHOW WARNINGS"]) for quiet in ("SET @a = 1", "DO 1")),
]
MARIADB = [
    (["SET sql_mode = ORACLE", UPDATE], ["INSERT INTO t0 (client, number) VALUES ({n}, SQL%ROWCOUNT + 500)", READ]),
    ([("prepare", ASKING), "PREPARE q FROM 'BEGIN NOT ATOMIC IF @no THEN SELECT COUNT(*) FROM t0; END IF; END'", WARNED],
     ["EXECUTE q", "SHOW WARNINGS"]),
    ([WARNED], ["BEGIN NOT ATOMIC IF @no THEN SELECT COUNT(*) FROM t0; END IF; END", "SHOW WARNINGS"]),
]
# The server refuses to prepare them again: more than it allows, and a transaction that only reads.
INSERTS = "INSERT INTO t0 (client, number) SELECT {n}, ROW_COUNT() + 700"
REFUSED = [
    ([("prepare", INSERTS), UPDATE], ["SELECT ROW_COUNT()"]),
    ([("prepare", INSERTS), UPDATE], ["INSERT INTO o (v) SELECT ROW_COUNT() + 900", "SELECT MAX(v) FROM o"]),
    ([("prepare", INSERTS), UPDATE], ["SHOW WARNINGS"]),
    ([("prepare", INSERTS), "START TRANSACTION READ ONLY", "DO 0"], ["SELECT ROW_COUNT()"]),
    ([("prepare", INSERTS), "START TRANSACTION READ ONLY", "DO 0"], ["SHOW WARNINGS"]),
]
BINARY = "collation_database = utf8mb4_bin"
ENTERED = [  # the character set of the database, however it was set
    [f"PREPARE q FROM 'SET {BINARY}'", "EXECUTE q"],
    [f"SET @any = 1; SET {BINARY}"],
    [("prepare", f"SET {BINARY}"), ("execute", ())],
    [f"EXECUTE IMMEDIATE 'SET {BINARY}'"],
    ["CALL p()"],
]


@pytest.fixture
def scene(make_scene, server):  # noqa: F811
    scene = make_scene(ini=OWNS.replace("to = mv_new", "to = mv_new\nalias = none"), tables=1)
    server.sql(f"GRANT ALL ON {NEW}.* TO mv_billing@'%'")
    if server.name == "mysql":
        server.sql("GRANT SESSION_VARIABLES_ADMIN ON *.* TO mv_billing@'%'")
    for database in (OLD, NEW):
        server.sql(f"CREATE TABLE {database}.o (id INT AUTO_INCREMENT PRIMARY KEY, v INT)",
                   f"INSERT INTO {database}.o (v) VALUES (1), (2), (3)",
                   f"CREATE PROCEDURE {database}.p() SET {BINARY}")
    return scene


def directly(server, before, after):
    session = Session(server.port, OLD, -1)
    answers = [session.run(("enter", OLD) if step == ("enter", None) else step) for step in before + after]
    session.close()
    return answers[-1]


def differences(scene, programs, between=("DO 0",)):
    """Each through silogate, with a move or the way back between its two parts, in both databases."""
    wanted = [directly(scene.server, *program) for program in programs]
    found = []
    for options in ((), ("--back",)):
        scene.server.sql("SET GLOBAL max_prepared_stmt_count = 16382")
        sessions = [(Session(scene.gate.port, database, 2 * at + (database == NEW)), database, program, wanted[at])
                    for at, program in enumerate(programs) for database in (OLD, NEW)]
        for session, _, (before, _), _ in sessions:
            for step in before:
                session.run(step)
        told = scene.move(*options)
        assert told.returncode == 0, told.stdout + told.stderr
        scene.server.sql(*between)
        for session, database, (before, after), value in sessions:
            answers = [session.run(("enter", database) if step == ("enter", None) else step) for step in after]
            if answers[-1] != value:
                found.append((options, database, before, after, answers, value))
            session.close()
    return found


def test_what_a_client_can_ask_for(scene, server):
    assert not differences(scene, PROGRAMS + MARIADB if server.name == "mariadb" else PROGRAMS)


def test_a_server_that_prepares_nothing_more(scene, server):
    """What it said of that was told to the client, and counted by its next statement."""
    try:
        assert not differences(scene, REFUSED, ["SET GLOBAL max_prepared_stmt_count = 1"])
    finally:
        server.sql("SET GLOBAL max_prepared_stmt_count = 16382")


def test_a_database_that_is_gone(scene, server):
    """The session is in it, and its statement was prepared in another one: it was ended."""
    server.sql("CREATE DATABASE mv_third", "GRANT ALL ON mv_third.* TO mv_billing@'%'")
    session = Session(scene.gate.port, OLD, 1)
    session.run(("prepare", "SELECT COUNT(*) FROM t0"))
    session.run("USE mv_third")
    assert scene.move().returncode == 0
    server.sql("DROP DATABASE mv_third")
    answer = session.run(("execute", ()))
    assert answer == 1146 or isinstance(answer, list)
    assert session.run("SELECT 1") == [[["1"]]]
    session.close()


def test_not_sent_again_if_it_asks(scene, server):
    """A DBA has renamed the table: the second sending was told of the first."""
    session = Session(scene.gate.port, NEW, 1)
    session.run(UPDATE)
    server.sql(f"RENAME TABLE {OLD}.t0 TO {NEW}.t0")
    insert = f"INSERT INTO {OLD}.t0 (client, number) "
    assert session.run(insert + "SELECT {n}, ROW_COUNT() + 500") == 1146
    session.run(insert + "VALUES ({n}, 4)")
    assert session.run(READ) == [[["4"]]]
    session.close()


def test_the_character_set_of_the_database(scene, server):
    """It was set back where silogate had not seen that the session had set it; nothing of silogate's is left."""
    ways = [way for way in ENTERED if server.name == "mariadb" or "IMMEDIATE" not in str(way)]
    assert not differences(scene, [(way, [COUNT, what]) for way in ways
                                   for what in ("SELECT @@collation_database", "SELECT @silogate_collation")])


@pytest.mark.long
def test_the_character_set_without_the_right_to_set_it(scene, server):
    if server.name == "mysql":
        server.sql("REVOKE SESSION_VARIABLES_ADMIN ON *.* FROM mv_billing@'%'")
    assert not differences(scene, [([], [COUNT, "SELECT @@collation_database, @silogate_collation"]),
                                   ([], [COUNT, "SHOW WARNINGS"])])


@pytest.mark.long(short=2)
@pytest.mark.parametrize("between", [None, "SELECT ROW_COUNT()", "SHOW WARNINGS"])
@pytest.mark.parametrize("protocol", ["binary", "sql"])
def test_whoever_asks_only_fails_once(scene, protocol, between):
    """Executions of one statement that asks, and nothing else that does not: error 1146 for good."""
    for options, database in (((), OLD), (("--back",), NEW)):
        session = Session(scene.gate.port, database, 1)
        session.run(("prepare", ASKING) if protocol == "binary" else f"PREPARE q FROM '{ASKING}'")
        session.run(WARNED)
        told = scene.move(*options)
        assert told.returncode == 0, told.stdout + told.stderr
        answers = []
        for _ in range(3):
            answers.append(session.run(("execute", ()) if protocol == "binary" else "EXECUTE q"))
            if between:
                session.run(between)
        assert answers[0] == 1146 and 1146 not in answers[1:], answers
        session.close()


def test_long_data_with_warnings(scene):
    """Not prepared again before the data, which would empty the list; but once an execution has failed for it."""
    session = Session(scene.gate.port, OLD, 1)
    session.run(("prepare", WRITE))
    session.run(WARNED)
    assert scene.move().returncode == 0
    answers = []
    for number in (1, 2):
        session.run(("long", b"abc"))
        answers.append(session.run(("execute", (str(number), ""))))
    assert answers[0] == 1146 and session.run(READ) == [[["2"]]], answers
    session.close()
