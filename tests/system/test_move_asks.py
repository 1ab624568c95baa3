"""Statements that ask what the one before them has done, as the first ones after a move: nothing that silogate sends may
come between the two."""
import pytest

from harness import places, wire
from test_moves import INI, NEW, OLD, make_scene  # noqa: F401: the fixture

UPDATE = "UPDATE o SET v = v + 1"  # three rows
FOUND = "SELECT SQL_CALC_FOUND_ROWS id FROM o LIMIT 1"
WARNED = "SELECT 1 + 'x', 2 + 'y'"
FAILED = "SELECT nosuch"
# before the move; what asks
CASES = [
    (UPDATE, "INSERT INTO {t} (client, number) VALUES ({n}, ROW_COUNT())"),
    (UPDATE, "INSERT INTO {t} (client, number) VALUES ({n}, ROW_COUNT ())"),
    (UPDATE, "INSERT INTO {t} (client, number) VALUES ({n}, /*!50000 ROW_COUNT( */ ))"),
    (FOUND, "INSERT INTO {t} (client, number) SELECT {n}, FOUND_ROWS()"),
    (FOUND, "INSERT INTO {t} (client, number) SELECT {n}, `found_rows`()"),
    (WARNED, "INSERT INTO {t} (client, number) SELECT {n}, @@warning_count"),
    (WARNED, "INSERT INTO {t} (client, number) SELECT {n}, @@SESSION . warning_count"),
    (FAILED, "INSERT INTO {t} (client, number) SELECT {n}, @@session.error_count"),
    (UPDATE, "CALL p({n}, ROW_COUNT())"),
    (UPDATE, "SET @a = f(ROW_COUNT())"),
    (UPDATE, "SET @a = g()"),
    (UPDATE, "EXECUTE IMMEDIATE 'INSERT INTO {t} (client, number) VALUES ({n}, ROW_COUNT())'"),
]
OWNS = INI.replace("owns = mv_new.*\n", "owns = mv_new.*\n" + "".join(f"owns = mv_old.{name}\n" for name in "opfg"))


@pytest.fixture
def scene(make_scene, server):  # noqa: F811
    scene = make_scene(ini=OWNS, tables=1)
    server.sql("SET GLOBAL log_bin_trust_function_creators = 1")
    server.sql(f"GRANT ALL ON {NEW}.* TO mv_billing@'%'")
    for database in (OLD, NEW):
        server.sql(f"CREATE TABLE {database}.o (id INT AUTO_INCREMENT PRIMARY KEY, v INT)",
                   f"INSERT INTO {database}.o (v) VALUES (1), (2), (3)",
                   f"CREATE PROCEDURE {database}.p(n INT, x INT) INSERT INTO {OLD}.t0 (client, number) VALUES (n, x)",
                   f"CREATE FUNCTION {database}.f(x INT) RETURNS INT NO SQL RETURN x",
                   f"CREATE FUNCTION {database}.g() RETURNS INT NO SQL RETURN ROW_COUNT()")
    return scene


class Session:
    """Of one database, with what a case does in it: all at once directly, or through silogate with a move in between."""

    def __init__(self, port, database, number):
        self.client, self.number = wire.connect(port, "mv_billing", database), number

    def ask(self, sql):
        try:
            return self.client.query(sql.format(t="t0", n=self.number))[0]
        except wire.Error as error:
            if "nosuch" not in sql:
                raise error

    def stored(self, sql):
        answer = self.ask("SELECT @a" if "@a" in sql else f"SELECT number FROM {OLD}.t0 WHERE client = {self.number}")
        return answer.rows


def directly(server, before, sql):
    session = Session(server.port, OLD, -1)
    session.ask(before)
    session.ask(sql)
    value = session.stored(sql)
    session.ask("DELETE FROM t0 WHERE client = -1")
    session.client.close()
    return value


def test_the_first_statement_after_a_move(scene, server):
    """Sessions whose current database has got the table: silogate enters it once more, but not before such a statement."""
    cases = [(*case, directly(server, *case)) for case in CASES if server.name == "mariadb" or "IMMEDIATE" not in case[1]]
    for options, database in (((), NEW), (("--back",), OLD)):
        sessions = [Session(scene.gate.port, database, at + (100 if options else 0)) for at in range(len(cases))]
        for session, (before, *_) in zip(sessions, cases):
            session.ask(before)
        told = scene.move(*options)
        assert told.returncode == 0, told.stdout + told.stderr
        for session, (_, sql, value) in zip(sessions, cases):
            session.ask(sql)
            assert session.stored(sql) == value, (options, sql)
            session.client.close()


def test_rows_that_were_found_before_other_statements(scene, server):
    """FOUND_ROWS() stays the same over statements that find none; MySQL's DO and SELECT without a table set it."""
    quiet, sql = "DELETE FROM t0 WHERE id = 0", "INSERT INTO {t} (client, number) SELECT {n}, FOUND_ROWS()"
    session = Session(server.port, OLD, 1)
    for one in (FOUND, quiet, sql):
        session.ask(one)
    value = session.stored(sql)
    session.client.close()
    session = Session(scene.gate.port, NEW, 2)
    session.ask(FOUND)
    assert scene.move().returncode == 0
    session.ask(quiet)
    session.ask(sql)
    assert session.stored(sql) == value
    session.client.close()


def test_rights_are_looked_up_before_the_next_statement(scene, server):
    """The statement that asks has put off what the session needs; the next one that does not ask has it."""
    server.sql(f"REVOKE ALL ON {NEW}.* FROM mv_billing@'%'", f"GRANT SELECT, UPDATE ON {NEW}.o TO mv_billing@'%'")
    session = Session(scene.gate.port, NEW, 1)
    session.ask(UPDATE)
    assert scene.move().returncode == 0
    server.sql("GRANT CREATE ON `mv\\_new`.* TO mv_billing@'%'")
    session.ask("INSERT INTO t0 (client, number) VALUES (1, ROW_COUNT())")
    session.ask("CREATE TABLE t_more LIKE t0")
    assert session.stored("") == [["3"]]
    session.client.close()


PREPARED = [case for case in CASES if case[1].startswith("INSERT")]


class Prepared(Session):
    """With a prepared statement."""

    def __init__(self, port, protocol, sql, number):
        super().__init__(port, OLD, number)
        self.statement = None
        if protocol == "binary":
            self.statement = self.client.prepare(sql.format(t="t0", n="?"))
        else:
            self.ask(f"PREPARE q FROM '{sql}'")

    def execute(self):
        if self.statement:
            self.client.execute(self.statement[0], (str(self.number),))
        else:
            self.ask("EXECUTE q")


def prepared_directly(server, protocol, before, sql):
    one = Prepared(server.port, protocol, sql, -1)
    one.ask(before)
    one.execute()
    value = one.stored(sql)
    one.ask("DELETE FROM t0 WHERE client = -1")
    one.client.close()
    return value


@pytest.mark.long(short=1)
@pytest.mark.parametrize("alias", ["view", "none"])
@pytest.mark.parametrize("protocol", ["binary", "sql"])
def test_prepared_statements(scene, server, protocol, alias):
    """Executed by way of the alias, and prepared again before a later statement. Where there is no alias, an error once and
    no other value; with COM_STMT_PREPARE not even that, if another statement came between the move and the execution."""
    if alias == "none":
        scene.gate.reload(("move:tables", "alias", "none"))
        assert places.wait_for(scene.is_followed)
    cases = [(*case, prepared_directly(server, protocol, *case)) for case in PREPARED
             if server.name == "mariadb" or "@@" not in case[1]]  # MySQL does not prepare these
    for options in ((), ("--back",)):
        pairs = [[Prepared(scene.gate.port, protocol, sql, at * 10 + (5 if options else 0) + number) for number in (1, 2)]
                 for at, (_, sql, _) in enumerate(cases)]
        for (early, _), (before, *_) in zip(pairs, cases):
            early.ask(before)
        told = scene.move(*options)
        assert told.returncode == 0, told.stdout + told.stderr
        for (early, late), (before, sql, value) in zip(pairs, cases):
            if alias == "view" and not options:
                early.execute()
                assert early.stored(sql) == value, sql
                early.ask("DELETE FROM t0 WHERE client = {n}")
            else:
                with pytest.raises(wire.Error) as error:
                    early.execute()
                assert error.value.code == 1146 and early.stored(sql) == []
            for one in [early, late] if protocol == "binary" else [early]:
                one.ask(UPDATE)
                one.ask(before)
                one.execute()
                assert one.stored(sql) == value, sql
            early.client.close()
            late.client.close()
    assert "asks what the statement before it has done" in scene.move("--status").stdout
