"""Which sessions a hold of writes lets through: those that certainly keep others waiting, as the server's answers have told
and no later statement may have ended. One that passes without holding anything breaks the hold's promise."""
import pytest

from harness import wire
from test_boundary import Hold, kept, run  # noqa: F401


def init_db(client):
    client.ok(b"\x02kept")


THROUGH = [  # before the hold, inside of it, whether a write waits
    (["SELECT GET_LOCK(CONCAT('L'), 1)", "SELECT RELEASE_LOCK(CONCAT('L'))"], [], True),
    (["SELECT GET_LOCK('L', 1)", "SELECT RELEASE_LOCK(CONCAT('L'))"], [], True),
    (["SELECT GET_LOCK('L', 1)", "CALL nothing()"], [], True),
    (["SELECT GET_LOCK('L', 1); SELECT 1"], [], True),
    (["CREATE TEMPORARY TABLE a (x INT)"], [], True),
    (["CREATE TEMPORARY TABLE a (x INT)", "CALL nothing()", "DROP TABLE a"], [], True),
    (["HANDLER t OPEN; SELECT nonsense"], [], True),
    (["LOCK TABLES t WRITE; SELECT nonsense", "UNLOCK TABLES; SELECT 1"], [], True),
    ([], ["BEGIN", ("SELECT 1",)], True),
    ([], ["START TRANSACTION", "SAVEPOINT s", "SET @x = 1", "SELECT 1"], True),
    ([], ["BEGIN", init_db], True),
    ([], ["XA START 'h1'"], True),
    (["BEGIN", "INSERT INTO t VALUES (910, 1)"], ["COMMIT AND CHAIN"], True),
    (["SET autocommit = 0", "INSERT INTO t VALUES (910, 1)", "COMMIT"], [], True),
    ([], ["BEGIN", "SELECT * FROM t"], False),
    (["BEGIN", "INSERT INTO t VALUES (911, 1)", "SAVEPOINT s"], ["ROLLBACK TO s"], False),
    (["BEGIN", "INSERT INTO t VALUES (911, 1)"], [("BEGIN",), "SELECT nonsense", ("SELECT nonsense",)], False),
    (["XA START 'h2'", "INSERT INTO t VALUES (911, 1)"], ["BEGIN"], False),
    (["SELECT GET_LOCK('L', 1)", "BEGIN"], [], False),
    ([["SELECT GET_LOCK('L', 1)"], "SELECT 1"], [], False),
    (["HANDLER t OPEN", "BEGIN"], [], True),  # the server closes it where others wait for the table
    (["LOCK TABLES t WRITE", "SELECT 1 FROM t"], [], False),
    (["SET autocommit = 0", "INSERT INTO t VALUES (910, 1)"], [], False),
    (["LOCK TABLES t WRITE", "LOCK TABLES nonsense READ"], [], True),
    (["LOCK TABLES t WRITE; LOCK TABLES nonsense READ"], [], True),
    (["FLUSH TABLES t WITH READ LOCK", "LOCK TABLES nonsense READ"], [], True),
    (["CREATE TABLE x (i INT)", "LOCK TABLES x WRITE", "DROP TABLE x"], [], True),
    (["CREATE TABLE x (i INT)", "LOCK TABLES x WRITE", "ALTER TABLE x RENAME y", "DROP TABLE y"], [], True),
    (["SELECT GET_LOCK('L', 1)", 'SELECT RELEASE_LOCK("L")'], [], True),
    (["UPDATE t SET v = 1 WHERE id = 1; BEGIN"], [], True),
    (["BEGIN; UPDATE t SET v = 1 WHERE id = 1; COMMIT; BEGIN"], [], True),
    (["ANALYZE TABLE t; START TRANSACTION"], [], True),
    (["BEGIN", "INSERT INTO nonsense VALUES (1)"], [], True),
    (["BEGIN", "SELECT 1 FROM nonsense"], [], True),
    (["BEGIN", "CALL nothing()"], [], True),
    (["BEGIN", "UPDATE t SET v = 1 WHERE id = 1", "CALL begins()"], [], True),
    (["BEGIN", "UPDATE t SET v = 1 WHERE id = 1; CALL begins()"], [], True),
    (["BEGIN", "UPDATE t SET v = 1 WHERE id = 1", "COMMIT AND CHAIN; SELECT 1"], [], True),
    (["BEGIN", "UPDATE t SET v = 1 WHERE id = 1", "COMMIT AND CHAIN; SELECT nonsense"], [], True),
    (["BEGIN", "SELECT GET_LOCK('L', 1)", "SELECT RELEASE_LOCK('L')"], [], True),
    (["BEGIN", "SHOW COLUMNS FROM t", "PREPARE p FROM 'SELECT * FROM t'"], [], True),
    (["BEGIN", "SELECT 1 FROM information_schema.schemata LIMIT 1"], [], True),
    (["CREATE TEMPORARY TABLE a (x INT)", "BEGIN", "INSERT INTO a VALUES (1)", "SELECT * FROM a"], [], True),
    (["CREATE TEMPORARY TABLE a (x INT)", "CALL nothing()", "BEGIN", "SELECT * FROM a"], [], True),
    (["CREATE TEMPORARY TABLE a (x INT)", "ALTER TABLE a RENAME b", "BEGIN", "SELECT * FROM b"], [], True),
    (["CREATE TEMPORARY TABLE a (x INT); SELECT nonsense", "BEGIN", "INSERT INTO a VALUES (1)"], [], True),
    (["PREPARE p FROM 'CREATE TEMPORARY TABLE t (x INT)'", "EXECUTE p", "BEGIN", "SELECT * FROM t"], [], True),
    (["SET @s = CONCAT('CREATE TEMPORARY ', 'TABLE t (x INT)')", "PREPARE p FROM @s", "EXECUTE p", "SET autocommit = 0", "SELECT * FROM t"], [], True),
    (["BEGIN", "SAVEPOINT s", "SELECT * FROM t", "ROLLBACK TO s"], [], True),
    (["BEGIN", "SAVEPOINT s", "SELECT * FROM t", "SAVEPOINT r", "ROLLBACK TO s"], [], True),
    (["BEGIN; SAVEPOINT s", "SELECT * FROM t", "SAVEPOINT r", "ROLLBACK TO s"], [], True),
    (["BEGIN", "SAVEPOINT s; SELECT * FROM t; ROLLBACK TO s"], [], True),
    (["SET autocommit = 0", "INSERT INTO t VALUES (910, 1)", "SELECT nonsense", "SELECT 1"], [], True),
    (["SET autocommit = 0", "SELECT * FROM t; ALTER TABLE t COMMENT 'a'"], [], True),
    (["BEGIN; SELECT * FROM t"], [], False),
    (["BEGIN", "SAVEPOINT s", "SELECT * FROM t", "ROLLBACK TO s", "SELECT * FROM t"], [], False),
    (["BEGIN", "SELECT v, fn() FROM t", "SELECT fn()", "SET @x = fn()", "SHOW COLUMNS FROM t"], [], False),
    (["BEGIN", "SELECT * FROM t", "CREATE TEMPORARY TABLE a (x INT)", "DROP TEMPORARY TABLE a"], [], False),
    (["BEGIN", ["SELECT * FROM t"]], [], False),
    (["LOCK TABLES t WRITE", "UPDATE t SET v = 1 WHERE id = 1", "COMMIT", "SELECT nonsense"], [], False),
]


@pytest.mark.long(short=24)
@pytest.mark.parametrize("before, inside, waits", THROUGH, ids=range(len(THROUGH)))
def test_what_goes_through_a_hold(kept, before, inside, waits):  # noqa: F811
    """Only a transaction that has done something, or a lock that is certainly held: others may wait for these."""
    client = wire.connect(kept.port, "kept_service", "kept")
    run(client, *before)
    hold = Hold(kept)
    for step in inside:
        if callable(step):
            step(client)
        else:
            run(client, step)
    assert not hold.has_held()
    assert hold.waits(client, "INSERT INTO t VALUES (77, 7)")[0] == waits
    client.close()


DYNAMIC = "EXECUTE IMMEDIATE CONCAT('UPDATE t ', 'SET v = 6')"
WAITS = [  # the last one is what waits, or does not
    (["CALL nothing()"], True),
    ([["CALL nothing()"]], True),
    (["SELECT fn()"], True),
    (["DO fn()"], True),
    (["SET @x = fn()"], True),
    (["SELECT * FROM t WHERE fn() = 1"], True),
    (["PREPARE p FROM 'CALL nothing()'", "EXECUTE p"], True),
    (["SET @s = CONCAT('UPDATE t ', 'SET v = 6')", "PREPARE p FROM @s", "EXECUTE p"], True),
    ([DYNAMIC], True),
    (["SELECT * FROM t"], False),
    (["SELECT CONCAT(UPPER('a'), COUNT(*)) FROM t"], False),
    (["SHOW CREATE PROCEDURE nothing"], False),
]


@pytest.mark.long(short=8)
@pytest.mark.parametrize("steps, waits", WAITS, ids=range(len(WAITS)))
def test_what_a_hold_takes_for_a_write(server, kept, steps, waits):  # noqa: F811
    """Beside the tables that a statement writes: a routine of the owner's may write, and what is not understood."""
    if steps == [DYNAMIC] and server.dialect == "mysql":
        pytest.skip("MariaDB's statement")
    client = wire.connect(kept.port, "kept_service", "kept")
    run(client, *steps[:-1])
    assert Hold(kept).waits(client, steps[-1]) == (waits, 0)
    client.close()
