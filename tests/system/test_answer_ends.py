"""Where an answer ends: every kind of statement, as a prepared one with each cursor flag and as text, in
each form that answers take (CLIENT_DEPRECATE_EOF, optional metadata), with two commands behind it
sent in the same breath. The tracker must find each end: else the session is closed, hangs, or gives
one command the answer of another. SILOGATE_LONG=1: every combination."""
import itertools
import os
import socket

import pytest

from harness import wire

LONG = os.environ.get("SILOGATE_LONG")

SETUP = """
DROP TABLE IF EXISTS lab_ends, lab_made
CREATE TABLE lab_ends (a INT PRIMARY KEY, b VARCHAR(100))
INSERT INTO lab_ends VALUES (1, 'x'), (2, 'y'), (3, 'z')
DROP FUNCTION IF EXISTS lab_cursing
CREATE FUNCTION lab_cursing () RETURNS INT READS SQL DATA BEGIN DECLARE n INT; DECLARE c CURSOR FOR SELECT a FROM lab_ends; OPEN c; FETCH c INTO n; CLOSE c; RETURN n; END
DROP PROCEDURE IF EXISTS lab_several
CREATE PROCEDURE lab_several () BEGIN DECLARE n INT; DECLARE c CURSOR FOR SELECT a FROM lab_ends; OPEN c; SELECT 1; SELECT a, b FROM lab_ends; FETCH c INTO n; CLOSE c; END
DROP PROCEDURE IF EXISTS lab_out
CREATE PROCEDURE lab_out (OUT p INT, INOUT q INT) BEGIN SELECT 7; SET p = 1; SET q = 2; END
DROP PROCEDURE IF EXISTS lab_silent
CREATE PROCEDURE lab_silent () DO 1
""".strip().splitlines()

STATEMENTS = """
SELECT 1
SELECT * FROM lab_ends
SELECT * FROM lab_ends WHERE a = 99
SELECT lab_cursing(), a FROM lab_ends
SELECT a INTO @v FROM lab_ends LIMIT 1
SELECT REPEAT('x', 70000) FROM lab_ends
SELECT 1 AS `{long}`, 2 AS `{long}b`
WITH c AS (SELECT * FROM lab_ends) SELECT * FROM c
(SELECT 1) UNION ALL (SELECT 2)
TABLE lab_ends
VALUES ROW(1, 2), ROW(3, 4)
VALUES (1, 2), (3, 4)
INSERT INTO lab_ends VALUES (10, 'i')
INSERT INTO lab_ends VALUES (10, 'again')
INSERT INTO lab_ends VALUES (11, 'i') RETURNING a
REPLACE INTO lab_ends VALUES (10, 'r')
REPLACE INTO lab_ends VALUES (10, 'r') RETURNING a
UPDATE lab_ends SET b = 'u' WHERE a = 10
DELETE FROM lab_ends WHERE a = lab_cursing() + 9 RETURNING a, lab_cursing()
DELETE FROM lab_ends WHERE a > 9
EXPLAIN SELECT lab_cursing() FROM lab_ends
EXPLAIN SELECT 1 AS `{long}`
EXPLAIN FORMAT=JSON SELECT * FROM lab_ends
EXPLAIN UPDATE lab_ends SET b = '' WHERE a = 1
ANALYZE SELECT * FROM lab_ends
ANALYZE SELECT a AS `{long}`, b AS `{long}b` FROM lab_ends
ANALYZE FORMAT=JSON SELECT * FROM lab_ends
ANALYZE UPDATE lab_ends SET b = 'a' WHERE a = 1
EXPLAIN ANALYZE SELECT * FROM lab_ends
DESCRIBE lab_ends
SHOW PROCESSLIST
SHOW TABLES
SHOW WARNINGS
SHOW CREATE TABLE lab_ends
SHOW VARIABLES LIKE 'sql_mode'
SHOW STATUS LIKE 'Questions'
SHOW ENGINE INNODB STATUS
CALL lab_several()
CALL lab_silent()
CALL lab_out(@p, @q)
CREATE TABLE lab_made AS SELECT * FROM lab_ends
ALTER TABLE lab_made ADD c INT
TRUNCATE lab_made
RENAME TABLE lab_made TO lab_made2, lab_made2 TO lab_made
DROP TABLE lab_made
CHECK TABLE lab_ends
ANALYZE TABLE lab_ends
OPTIMIZE TABLE lab_ends
CHECKSUM TABLE lab_ends
SET @v = 1
DO SLEEP(0)
BEGIN
COMMIT
SAVEPOINT s
HANDLER lab_ends OPEN
HANDLER lab_ends READ FIRST
HANDLER lab_ends CLOSE
LOCK TABLES lab_ends READ
UNLOCK TABLES
SELECT * FROM lab_ends FOR UPDATE
SELECT no_such_column FROM lab_ends
HELP 'select'
XA START 'x'
XA END 'x'
XA ROLLBACK 'x'
SELECT BENCHMARK(1, 1)
EXECUTE IMMEDIATE 'SELECT 5'
BEGIN NOT ATOMIC SELECT 1; SELECT 2; END
SELECT SLEEP(0) FROM lab_ends PROCEDURE ANALYSE()
""".strip().replace("{long}", "l" * 60).splitlines()

FORMS = [(eof, metadata) for eof in (True, False) for metadata in (None, 0, 1)]
CURSORS = [0, 1, 2, 4, 7] if LONG else [0, 1]


def everything(client, count):
    """All packets until the row with the last marker, in order; each marker once."""
    seen, packets = 0, 0
    while seen < count:
        payload = client.receive()
        packets += 1
        if payload == b"\x07marker" + str(seen).encode():
            seen += 1
        assert packets < 5000
    client.receive()  # the end of rows of the last one
    return packets


@pytest.fixture(scope="module")
def gate(server):
    from harness import gate as gates
    with gates.running(server, changes=(("service:lab", "mode", "off"), ("policy", "administration", "allow"),
                                        ("policy", "undetermined", "allow"))) as one:
        yield one


def connect(gate, server, eof, metadata):
    capabilities = wire.USUAL if eof else wire.USUAL & ~wire.DEPRECATE_EOF
    extended = 0
    if metadata is not None and server.dialect == "mysql":
        capabilities |= wire.OPTIONAL_METADATA
    elif metadata is not None:
        capabilities &= ~wire.LONG_PASSWORD
        extended = wire.MARIADB_CACHE_METADATA
    client = wire.connect(gate.port, "lab_service", capabilities=capabilities, extended=extended)
    if metadata is not None and server.dialect == "mysql":
        client.ok(client.query_bytes(f"SET SESSION resultset_metadata = {('NONE', 'FULL')[metadata]}"))
    return client


@pytest.mark.parametrize("eof, metadata", FORMS)
def test_every_kind(server, gate, eof, metadata):
    if not LONG and metadata == 1:
        pytest.skip("the long form has it")
    for statement in SETUP:
        server.sql("USE nilecare", statement)
    client = connect(gate, server, eof, metadata)
    executed = 0
    for statement, cursor in itertools.product(STATEMENTS, CURSORS):
        try:
            number, _, _ = client.prepare(statement)
        except wire.Error:
            continue  # it cannot be prepared, or the dialect does not know it
        marker = [client.query_bytes(f"SELECT 'marker{i}'") for i in range(2)]
        ahead = b""
        for payload in (client.execute_bytes(number, cursor=cursor), marker[0],
                        client.execute_bytes(number, cursor=cursor), b"\x19" + number.to_bytes(4, "little"),
                        marker[1]):
            client.sequence = 0
            ahead += client.frame(payload)
        client.raw(ahead)
        try:
            everything(client, 2)
        except (wire.Closed, socket.timeout) as failure:
            raise AssertionError(f"{statement!r} with cursor {cursor}: {failure!r}") from None
        executed += 1
    assert executed > 60
    for statement in STATEMENTS:  # the same as text
        ahead = b""
        for text in (statement, "SELECT 'marker0'", "SELECT 'marker1'"):
            client.sequence = 0
            ahead += client.frame(client.query_bytes(text))
        client.raw(ahead)
        try:
            everything(client, 2)
        except (wire.Closed, socket.timeout) as failure:
            raise AssertionError(f"{statement!r} as text: {failure!r}") from None
    client.quit()
    assert server.sql("SELECT 1")


def test_a_cursor_is_for_a_select(server, gate):
    """A SELECT opens one, and its rows come by COM_STMT_FETCH; any other statement gives them at once."""
    for statement in SETUP:
        server.sql("USE nilecare", statement)
    for eof in (True, False):
        client = connect(gate, server, eof, None)
        number, _, _ = client.prepare("SELECT a FROM lab_ends WHERE a < 4 ORDER BY a")
        client.command(client.execute_bytes(number, cursor=1))
        client.receive()
        client.receive()
        end = client.receive()
        assert end[0] == 0xfe
        client.command(b"\x1c" + number.to_bytes(4, "little") + (100).to_bytes(4, "little"))
        rows = [client.receive() for _ in range(4)]
        assert [row[0] for row in rows] == [0, 0, 0, 0xfe]
        number, _, _ = client.prepare("SHOW TABLES LIKE 'lab_ends'")
        assert len(client.execute(number, cursor=1)[0].rows) == 1
        client.quit()
