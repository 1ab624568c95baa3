"""What a session may have left on the server keeps it from its boundary: there is no command that tells, so what is not
known counts as there. A session that is ended too early loses a transaction, or a lock that others rely on."""
import concurrent.futures
import signal
import struct
import time

import pytest

from harness import gate as gates, places, wire
from test_control import fetch, refused

INI = """[proxy]
listen = 127.0.0.1:0
[policy]
mode = block
undetermined = log
administration = allow
[upstream:main]
[service:kept]
user = kept_service
upstream = main
database = kept
owns = kept.*
"""
FAILS = "SIGNAL SQLSTATE '45000'"


@pytest.fixture
def kept(server, make_gate):
    server.sql("DROP DATABASE IF EXISTS kept", "CREATE DATABASE kept",
               "CREATE TABLE kept.t (id INT PRIMARY KEY, v INT)", "INSERT INTO kept.t VALUES (1, 1), (2, 2)",
               f"CREATE PROCEDURE kept.debit() BEGIN START TRANSACTION; INSERT INTO kept.t VALUES (500, 1); {FAILS}; END",
               f"CREATE PROCEDURE kept.quiet() BEGIN SET autocommit = 0; INSERT INTO kept.t VALUES (501, 1); {FAILS}; END",
               "CREATE PROCEDURE kept.nothing() DO 1",
               "CREATE PROCEDURE kept.begins() BEGIN COMMIT; START TRANSACTION; END",
               "CREATE FUNCTION kept.fn() RETURNS INT DETERMINISTIC RETURN 1",
               f"CREATE PROCEDURE kept.ends() BEGIN COMMIT; {FAILS}; END",
               "DROP USER IF EXISTS kept_service@'%'",
               "CREATE USER kept_service@'%' IDENTIFIED BY 'kept_service-secret'",
               "GRANT ALL ON *.* TO kept_service@'%'")
    gate = make_gate(server, ini=INI, start=False)
    gate.ini = gates.change(gate.ini, "proxy", "control", f"unix:{gate.folder}/control")
    gate.path.write_text(gate.ini)
    gate.start()
    yield gate
    server.end_sessions("kept_service")
    server.sql("DROP DATABASE kept", "DROP USER kept_service@'%'")


def tell(gate):
    one, = gates.ctl(gate, "sessions")["sessions"]
    return one["kept"]


def run(client, *steps):
    """Their error codes; 0: none. A step in square brackets is prepared and executed, one in round ones only prepared."""
    codes = []
    for step in steps:
        try:
            if isinstance(step, list):
                client.execute(client.prepare(step[0])[0])
            elif isinstance(step, tuple):
                client.prepare(step[0])
            else:
                client.query(step)
            codes.append(0)
        except wire.Error as error:
            codes.append(error.code)
    return codes


class Hold:
    """A hold of writes that lasts until it is known whether a statement waits for it."""

    def __init__(self, gate):
        self.gate, self.id = gate, gates.ctl(gate, "hold", "kept", "--writes", "--for", "60s")["id"]

    def has_held(self):
        return self.gate.metrics().total("commands_held_total") > 0

    def waits(self, client, step):
        """Runs it: (does it wait?, its error code)."""
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            code = pool.submit(run, client, step)
            assert places.wait_for(lambda: code.done() or self.has_held(), 30)
            waits = self.has_held()
            gates.ctl(self.gate, "undo", self.id)
            return waits, code.result()[0]


def stays(gate, client, why):
    """A drain does not end it."""
    assert tell(gate) == why
    gates.ctl(gate, "drain")
    assert client.query("SELECT 5")[0].rows == [["5"]]


DOUBT = "a transaction may be open behind an error"


def goes(gate, client, told=(None, DOUBT)):
    """It is ended at once; where an error came last, the server is asked before."""
    assert tell(gate) in told
    gates.ctl(gate, "drain")
    assert refused(client, "SELECT 5") == 1053
    client.close()


@pytest.mark.parametrize("steps", [
    ["CALL debit()"],
    [["CALL debit()"]],
    ["CALL debit()", "SELECT nonsense"],
    ["CALL quiet()"],
    ["SET autocommit = 0", "INSERT INTO t VALUES (1, 1)"],
    [f"BEGIN NOT ATOMIC START TRANSACTION; INSERT INTO t VALUES (500, 1); {FAILS}; END"],
], ids=["call", "prepared", "further error", "autocommit in it", "autocommit", "block"])
@pytest.mark.long(short=4)
def test_an_error_says_nothing_about_the_transaction(server, kept, steps):
    """An ERR packet has no status flags: the transaction was taken for none, and a session was ended that had one."""
    if server.dialect == "mysql" and "NOT ATOMIC" in str(steps):
        pytest.skip("MariaDB's statement")
    client = wire.connect(kept.port, "kept_service", "kept")
    assert run(client, *steps)[-1] in (1644, 1054, 1062)
    one, = gates.ctl(kept, "sessions")["sessions"]
    assert one["transaction"]
    stays(kept, client, DOUBT)
    client.query("ROLLBACK")
    assert refused(client, "SELECT 5") == 1053
    client.close()


@pytest.mark.parametrize("steps", [
    ["SELECT nonsense"],
    ["CALL nonsense()"],
    ["BEGIN", "INSERT INTO t VALUES (3, 3)", "CALL ends()"],
    ["SELECT 1; SELECT nonsense"],
    ["BEGIN", "SELECT nonsense", "ROLLBACK"],
])
def test_an_error_without_a_transaction(kept, steps):
    """None is open, also if the error has ended it: the next answer tells, or the server is asked before the end."""
    client = wire.connect(kept.port, "kept_service", "kept")
    run(client, *steps, "SELECT 4")
    one, = gates.ctl(kept, "sessions")["sessions"]
    assert not one["transaction"]
    run(client, *steps)
    goes(kept, client, (None, DOUBT, "a transaction is open"))


def test_a_hold_after_an_error(kept):
    """A write that follows an error in doubt waits for the hold: the server is asked whether a transaction is open."""
    client = wire.connect(kept.port, "kept_service", "kept")
    run(client, "SELECT 1; SELECT nonsense")
    assert Hold(kept).waits(client, "INSERT INTO t VALUES (77, 7)") == (True, 0)
    client.quit()


def close(client):
    client.command(b"\x19" + struct.pack("<I", client.last))


def long_data(client):
    client.command(b"\x18" + struct.pack("<IH", client.last, 0) + b"abc")


@pytest.mark.parametrize("command", [close, long_data])
def test_commands_without_an_answer_end_no_doubt(kept, command):
    """The error has ended the transaction: what follows without an answer does not say that it goes on."""
    client = wire.connect(kept.port, "kept_service", "kept")
    client.last = client.prepare("SELECT ?")[0]
    run(client, "BEGIN", "INSERT INTO t VALUES (900, 1)", "CALL ends()")
    command(client)
    assert Hold(kept).waits(client, "INSERT INTO t VALUES (901, 1)") == (True, 0)
    run(client, "BEGIN", "INSERT INTO t VALUES (902, 1)", "CALL ends()")
    command(client)
    if command is long_data:  # it would be for an execution that is still to come
        close(client)
    gates.ctl(kept, "drain")
    assert refused(client, "SELECT 5") == 1053
    client.close()


def test_locks_whose_names_differ_in_case(server, kept):
    """One lock in MySQL, two in MariaDB."""
    client = wire.connect(kept.port, "kept_service", "kept")
    run(client, "SELECT GET_LOCK('L', 1)", "SELECT RELEASE_LOCK('l')")
    if server.dialect == "mysql":
        goes(kept, client)
    else:
        stays(kept, client, "a lock of GET_LOCK may be held")
        client.close()


def test_a_server_that_stands_still(server, kept):
    """silogate's own question has no time of its own: the transaction is still there when the server goes on."""
    kept.reload(("proxy", "connect_timeout", "1s"), ("proxy", "drain_timeout", "60s"))
    client = wire.connect(kept.port, "kept_service", "kept")
    assert run(client, "CALL debit()") == [1644]
    server.process.send_signal(signal.SIGSTOP)
    try:
        gates.ctl(kept, "drain")
        time.sleep(3.5)
    finally:
        server.process.send_signal(signal.SIGCONT)
    assert run(client, "INSERT INTO t VALUES (501, 1)", "COMMIT") == [0, 0]
    assert server.sql("SELECT COUNT(*) FROM kept.t WHERE id >= 500")[0][0] == 2
    client.close()


def test_autocommit_of_init_connect(server, kept):
    """The OK of the login is older than it: the first statement, which fails, may have begun a transaction."""
    server.sql("REVOKE ALL ON *.* FROM kept_service@'%'", "GRANT ALL ON kept.* TO kept_service@'%'",
               "SET GLOBAL init_connect = 'SET autocommit = 0'")
    try:
        client = wire.connect(kept.port, "kept_service", "kept")
        assert run(client, "INSERT INTO t VALUES (1, 1)") == [1062]
        assert tell(kept) == DOUBT
        client.close()
    finally:
        server.sql("SET GLOBAL init_connect = ''")


def test_an_error_stays_as_it_was(server, kept):
    """What asks for the transaction does not touch the server's warnings."""
    client = wire.connect(kept.port, "kept_service", "kept")
    direct = wire.connect(server.port, "kept_service", "kept")
    told = []
    for one in (client, direct):
        assert run(one, "CALL debit()") == [1644]
        told.append([one.query(sql)[0].rows for sql in (
            "SHOW WARNINGS", "SHOW ERRORS", "SELECT @@error_count, @@warning_count, LAST_INSERT_ID()")])
        one.query("ROLLBACK")
        one.quit()
    assert told[0] == told[1] and told[0][0]


LOCK = "a lock of GET_LOCK may be held"
MAY_BE = "a temporary table may be there"
UNREAD = "a statement that could not be read may have left something"


@pytest.mark.parametrize("steps", [
    ["SELECT GET_LOCK('a', 1)", "SELECT GET_LOCK('b', 1)", "SELECT RELEASE_LOCK('a')", "SELECT RELEASE_LOCK('a')"],
    ["SELECT GET_LOCK(CONCAT('b', id), 1) FROM t", "SELECT RELEASE_LOCK('b1')"],
    ["SELECT GET_LOCK('b', 1)", "SELECT RELEASE_LOCK(NULL)"],
    ["SELECT GET_LOCK('b', 1)", "SELECT RELEASE_LOCK('nothing')"],
    ["SELECT GET_LOCK('b', 1)", "SELECT IF(0, RELEASE_LOCK('b'), 1)"],
    ["SELECT GET_LOCK('b', 1)", "SELECT RELEASE_LOCK('b') FROM t WHERE 1 = 0"],
    ["SELECT GET_LOCK('b', 1)", "SELECT RELEASE_LOCK('b') LIMIT 0"],
    ["SELECT GET_LOCK('b', 1)", "SELECT nonsense, RELEASE_LOCK('b')"],
    ["SELECT GET_LOCK('b', 1)", "SELECT IF(0, RELEASE_ALL_LOCKS(), 1)"],
    ["SELECT GET_LOCK('b', 1)", "EXPLAIN SELECT RELEASE_LOCK('b') FROM t"],
    ["SELECT GET_LOCK('b', 1)", "PREPARE r FROM 'SELECT RELEASE_LOCK(''b'')'"],
    ["SELECT GET_LOCK('b', 1)", "CREATE OR REPLACE VIEW v AS SELECT RELEASE_LOCK('b')"],
    ["SELECT GET_LOCK('b', 1)", "CREATE PROCEDURE r() SELECT RELEASE_LOCK('b')"],
    ["SELECT GET_LOCK('b', 1)", *["SELECT GET_LOCK('a', 1)"] * 270, *["SELECT RELEASE_LOCK('a')"] * 270],
    ["SELECT GET_LOCK('a', 1)", "SELECT GET_LOCK('c', 1)", "DO GET_LOCK('b', 1)", "DO RELEASE_LOCK('a')",
     "DO RELEASE_LOCK('c')", "DO RELEASE_LOCK('c')"],
    ["PREPARE b FROM 'SELECT GET_LOCK(''b'', 1)'", "DO RELEASE_ALL_LOCKS()", "EXECUTE b"],
    [["SELECT GET_LOCK('b', 1)"]],
    ["SELECT GET_LOCK('b', 1)", ("SELECT RELEASE_LOCK('b')",), ("SELECT RELEASE_ALL_LOCKS()",)],
    ["SELECT GET_LOCK('b', 1); SELECT 1"],
    ["SET @x = 1; SELECT GET_LOCK('b', 1)"],
    ["DO GET_LOCK('b', 1); SELECT 1"],
    ["SELECT GET_LOCK('b', 1)", "SET sql_select_limit = 0", "SELECT RELEASE_LOCK('b')"],
    ["SELECT GET_LOCK('b', 1)", "SET sql_select_limit = 0", "SELECT RELEASE_ALL_LOCKS()"],
    ["SELECT GET_LOCK('b', 1)", "SET sql_select_limit = 0", ["SELECT RELEASE_LOCK('b')"]],
    ["SELECT GET_LOCK('b', 1)", "SELECT /*+ SET_VAR(sql_select_limit = 0) */ RELEASE_LOCK('b') FROM t WHERE id = 1"],
    ["SET character_set_connection = swe7", "SELECT GET_LOCK('[', 1)", "SET NAMES utf8mb4", "SELECT RELEASE_LOCK('[')"],
    ["SELECT mariadb_schema.GET_LOCK('b', 1)"],
], ids=str)
@pytest.mark.long(short=8)
def test_a_release_that_is_none(server, kept, steps):
    """Each was counted as the end of one lock, of whatever name: the lock of a leader was free at once."""
    if server.dialect == "mysql" and "mariadb_schema" in str(steps):
        pytest.skip("MariaDB's schema")
    client = wire.connect(kept.port, "kept_service", "kept")
    run(client, *steps)
    assert tell(kept) == LOCK
    client.query("DO RELEASE_ALL_LOCKS()")
    goes(kept, client)


def test_a_lock_of_a_text_of_two_readings(kept):
    """The text is read as it was prepared, and as it would be read now."""
    client = wire.connect(kept.port, "kept_service", "kept")
    statement = client.prepare("""SELECT GET_LOCK('b', 1) AS "x\"""")[0]
    client.query("SET sql_mode = 'ANSI_QUOTES'")
    client.execute(statement)
    assert tell(kept) == LOCK
    client.close()


def test_a_lock_that_another_has(server, kept):
    """A GET_LOCK that is answered with 0 has taken none, and a RELEASE_LOCK that is answered with 0 or NULL says so."""
    direct = wire.connect(server.port, "kept_service", "kept")
    direct.query("SELECT GET_LOCK('b', 1)")
    for steps in (["SELECT GET_LOCK('b', 0)"], [["SELECT GET_LOCK('b', 0)"]],
                  ["DO GET_LOCK('b', 0)", "DO GET_LOCK('b', 0)", ["SELECT RELEASE_LOCK('b')"]],
                  ["DO GET_LOCK('a', 0)", "DO RELEASE_ALL_LOCKS()", "DO GET_LOCK('b', 0)", "SELECT RELEASE_LOCK('b')"]):
        client = wire.connect(kept.port, "kept_service", "kept")
        run(client, *steps)
        assert tell(kept) is None, steps
        client.quit()
    direct.quit()


@pytest.mark.parametrize("steps", [
    ["SELECT GET_LOCK('a', 1)", "SELECT GET_LOCK('a', 1)", "SELECT RELEASE_LOCK('a')", "DO RELEASE_LOCK('a')"],
    ["SELECT GET_LOCK('a', 1) AS locked", "SELECT GET_LOCK('b', -1)", "SELECT RELEASE_LOCK('b')", "SELECT RELEASE_LOCK('a') AS x"],
    [["SELECT GET_LOCK('a', 1)"], ["SELECT RELEASE_LOCK('a')"]],
    ["SELECT GET_LOCK(CONCAT('a'), 1)", "SELECT RELEASE_ALL_LOCKS()"],
], ids=str)
def test_a_release_that_is_certain(kept, steps):
    client = wire.connect(kept.port, "kept_service", "kept")
    assert run(client, *steps) == [0] * len(steps)
    goes(kept, client)


@pytest.mark.parametrize("steps, why", [
    (["CREATE TEMPORARY TABLE a (n INT)", "ALTER TABLE a RENAME TO b"], MAY_BE),
    (["CREATE TEMPORARY TABLE a (n INT)", "RENAME TABLE a TO b"], MAY_BE),
    (["CREATE TEMPORARY TABLE a (n INT)", "CREATE TEMPORARY TABLE a (n INT)"], MAY_BE),
    (["CREATE TEMPORARY TABLE a (n INT)", "CALL nothing()"], MAY_BE),
    (["CREATE TEMPORARY TABLE a SELECT 1 AS x; SELECT nonsense"], MAY_BE),
    (["CREATE TEMPORARY SEQUENCE a"], MAY_BE),
    (["BEGIN NOT ATOMIC CREATE TEMPORARY TABLE a (n INT); END"], MAY_BE),
    (["PREPARE a FROM 'CREATE TEMPORARY TABLE a (n INT)'", "EXECUTE a"], MAY_BE),
    (["SET @a = CONCAT('CREATE TEMPOR', 'ARY TABLE a (n INT)')", "PREPARE a FROM @a", "EXECUTE a"], UNREAD),
], ids=str)
@pytest.mark.long(short=4)
def test_a_temporary_table_of_an_unknown_name(server, kept, steps, why):
    """Judging forgets a name in every doubt, and takes the table for a real one; so it said that there was none."""
    if server.dialect == "mysql" and any("SEQUENCE" in step or "ATOMIC" in step for step in steps):
        pytest.skip("MariaDB's statement")
    client = wire.connect(kept.port, "kept_service", "kept")
    run(client, *steps)
    stays(kept, client, why)
    client.ok(b"\x1f")  # COM_RESET_CONNECTION
    client.close()


@pytest.mark.parametrize("steps", [
    ["CREATE TEMPORARY TABLE a (n INT)", "DROP TABLE a"],
    ["CREATE TEMPORARY TABLE a (n INT)", "DROP TEMPORARY TABLE IF EXISTS a, b"],
    ["CREATE TEMPORARY TABLE a (nonsense)"],
    ["PREPARE a FROM 'CREATE TEMPORARY TABLE a (n INT)'"],
], ids=str)
def test_a_temporary_table_that_is_gone(kept, steps):
    client = wire.connect(kept.port, "kept_service", "kept")
    run(client, *steps)
    goes(kept, client)


HANDLER = "a HANDLER is open"


@pytest.mark.parametrize("steps, why", [
    (["HANDLER `a-b` OPEN", "HANDLER t OPEN", "HANDLER t CLOSE"], HANDLER),
    (["HANDLER t OPEN AS `h ä`", "HANDLER t OPEN", "HANDLER t CLOSE"], HANDLER),
    (["HANDLER t OPEN", *[f"SET @a{i} = 'x'" for i in range(300)], "HANDLER t OPEN AS h", "HANDLER h CLOSE"], HANDLER),
    (["HANDLER t OPEN", "HANDLER t OPEN AS b", "HANDLER `a-b` OPEN", "HANDLER t CLOSE", "HANDLER B CLOSE"], HANDLER),
    (["HANDLER t OPEN", "HANDLER nonsense CLOSE"], HANDLER),
    (["HANDLER t OPEN; SELECT 1"], HANDLER),
    (["HANDLER `a-b` OPEN", "HANDLER t OPEN", "HANDLER t CLOSE", "HANDLER `a-b` CLOSE"], None),
    (["HANDLER `a-b` OPEN", "DROP TABLE `a-b`", "HANDLER `a-b` CLOSE"], None),
    (["HANDLER nonsense OPEN", "HANDLER t OPEN", "HANDLER t OPEN", "HANDLER t CLOSE"], None),
], ids=str)
def test_handlers_of_any_name(server, kept, steps, why):
    server.sql("CREATE TABLE kept.`a-b` (id INT PRIMARY KEY)")
    client = wire.connect(kept.port, "kept_service", "kept")
    run(client, *steps)
    assert tell(kept) in ((why,) if why else (None, DOUBT))
    client.close()


SERVER = "FLUSH TABLES WITH READ LOCK is in force"
BACKUP = "a lock of a backup is in force"
TABLES = "LOCK TABLES is in force"


@pytest.mark.parametrize("take, without, why, give", [
    (["FLUSH TABLES WITH READ LOCK"], "BEGIN", SERVER, "UNLOCK TABLES"),
    (["FLUSH TABLES t WITH READ LOCK"], None, TABLES, "UNLOCK TABLES"),
    (["BACKUP STAGE START", "BACKUP STAGE BLOCK_COMMIT"], "BACKUP UNLOCK", BACKUP, "BACKUP STAGE END"),
    (["BACKUP LOCK t"], "UNLOCK TABLES", BACKUP, "BACKUP UNLOCK"),
    (["LOCK INSTANCE FOR BACKUP"], "UNLOCK TABLES", BACKUP, "UNLOCK INSTANCE"),
    (["LOCK TABLES t READ"], "UNLOCK INSTANCE", TABLES, "UNLOCK TABLES"),
    (["EXECUTE IMMEDIATE 'LOCK TABLES t READ'"], None, TABLES, "UNLOCK TABLES"),
    (["BEGIN NOT ATOMIC FLUSH TABLES WITH READ LOCK; SIGNAL SQLSTATE '45000'; END"], None, SERVER, "UNLOCK TABLES"),
], ids=str)
@pytest.mark.long(short=4)
def test_a_lock_of_the_whole_server(server, kept, take, without, why, give):
    """A backup lost its lock in the middle, and writers went on."""
    words = ("BACKUP ", "IMMEDIATE", "ATOMIC") if server.dialect == "mysql" else ("INSTANCE",)
    if any(word in step for step in (*take, without or "") for word in words if "INSTANCE FOR BACKUP" not in step
           or word == "INSTANCE"):
        pytest.skip("the other server's statement")
    client = wire.connect(kept.port, "kept_service", "kept")
    run(client, *take)
    assert tell(kept) == why
    if without:
        run(client, without)
        if without == "BEGIN":
            client.query("COMMIT")
    stays(kept, client, why)
    client.query(give)
    assert refused(client, "SELECT 5") == 1053
    client.close()


def test_an_unlock_that_is_only_prepared(kept, server):
    if server.dialect == "mysql":
        pytest.skip("MySQL does not prepare it")
    client = wire.connect(kept.port, "kept_service", "kept")
    run(client, "LOCK TABLES t READ", ("UNLOCK TABLES",))
    stays(kept, client, TABLES)
    client.close()


def test_a_cursor_releases_once(kept):
    """Its FETCHes run nothing."""
    client = wire.connect(kept.port, "kept_service", "kept")
    run(client, *["SELECT GET_LOCK('b', 1)"] * 3)
    statement = client.prepare("SELECT RELEASE_LOCK('b')")[0]
    client.command(client.execute_bytes(statement, cursor=1))
    while client.receive()[0] not in (0xfe, 0xff):
        pass  # the columns
    fetch(client, statement, 1)
    fetch(client, statement, 1)
    client.command(b"\x19" + struct.pack("<I", statement))
    assert tell(kept) == LOCK
    client.query("DO RELEASE_ALL_LOCKS()")
    goes(kept, client)


def test_a_lock_that_failed(kept):
    """It is not there, and keeps nobody."""
    client = wire.connect(kept.port, "kept_service", "kept")
    assert run(client, "LOCK TABLES nonsense READ", "FLUSH TABLES nonsense WITH READ LOCK") == [1146, 1146]
    goes(kept, client)
