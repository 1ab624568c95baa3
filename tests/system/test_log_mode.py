"""`mode = log` changes nothing: what the examples and tools send gets, through silogate in log mode, the
answers that the server itself gives, and only the log tells of it. Packet by packet, but for numbers that
no two sessions share."""
import re

import pytest

from harness import gate as gates, places, wire

# What drivers, ORMs, pools and consoles send when they connect and look around.
TOOLS = """
SELECT @@version_comment LIMIT 1
SELECT DATABASE(), USER(), CURRENT_USER()
SHOW VARIABLES LIKE 'lower_case_%'
SHOW SESSION VARIABLES WHERE variable_name IN ('tx_isolation', 'transaction_isolation', 'sql_mode')
SELECT @@session.auto_increment_increment, @@character_set_client, @@collation_connection, @@max_allowed_packet
SET NAMES utf8mb4
SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_DATE'
SET autocommit = 1, sql_auto_is_null = 0
SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED
SET character_set_results = NULL
SELECT @@session.transaction_read_only
SHOW WARNINGS
SHOW COLLATION WHERE Charset = 'utf8mb4' AND `Default` = 'Yes'
SHOW ENGINES
SHOW PLUGINS
SHOW FULL TABLES WHERE Table_type = 'BASE TABLE'
SHOW FULL COLUMNS FROM lab_tests
SHOW INDEX FROM lab_tests
SHOW CREATE TABLE lab_tests
SHOW TRIGGERS
SHOW PROCEDURE STATUS WHERE Db = 'nilecare'
SHOW GRANTS
SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1
SELECT COLUMN_NAME, DATA_TYPE FROM information_schema.COLUMNS WHERE TABLE_NAME = 'lab_tests' ORDER BY 1
SELECT CONSTRAINT_NAME FROM information_schema.KEY_COLUMN_USAGE WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1
SELECT COUNT(*) > 0 FROM mysql.time_zone_name
SELECT CONVERT_TZ('2026-01-01 00:00:00', '+00:00', '+02:00')
SELECT * FROM lab_tests ORDER BY code LIMIT 3
EXPLAIN SELECT * FROM lab_tests WHERE id = 1
START TRANSACTION
INSERT INTO lab_tests (code, name) VALUES ('LOGM0DE', 'log mode')
SAVEPOINT one
UPDATE lab_tests SET name = 'changed' WHERE code = 'LOGM0DE'
ROLLBACK TO one
ROLLBACK
LOCK TABLES lab_tests READ
UNLOCK TABLES
CREATE TEMPORARY TABLE lab_log_mode (a INT)
DROP TEMPORARY TABLE lab_log_mode
SELECT * FROM patients LIMIT 1
SELECT COUNT(*) FROM clinical_data.referrals
SELECT * FROM nowhere.nothing
SELEC 1
FLUSH TABLES
FLUSH STATUS
KILL 4294967295
SHOW MASTER STATUS
SHOW BINARY LOGS
SHOW REPLICA STATUS
SHOW PROCESSLIST
SET GLOBAL max_connections = 401
SELECT 1 INTO OUTFILE '/nonexistent/log-mode'
SELECT LOAD_FILE('/nonexistent')
SELECT User FROM mysql.user
CREATE USER log_mode_nobody
SET PASSWORD FOR 'log_mode_nobody' = 'x'
DROP USER log_mode_nobody
SHOW CREATE USER CURRENT_USER()
ANALYZE TABLE lab_tests
CHECK TABLE lab_tests
OPTIMIZE TABLE lab_tests
PREPARE p FROM 'SELECT ?'
SET @a = 1
EXECUTE p USING @a
DEALLOCATE PREPARE p
DO RELEASE_ALL_LOCKS()
XA RECOVER
SHOW STATUS LIKE 'Ssl_server_not_after'
USE information_schema
USE nilecare
""".strip().splitlines()
VARIES = re.compile(r"SHOW PROCESSLIST|SHOW ENGINES")  # they tell of the session itself, or vary


def examples():
    text = (places.TOP / "examples/nilecare/queries.sql").read_text()
    text = re.sub(r"(?m)^\s*--.*$", "", text)
    return [one.strip() for one in text.split(";") if one.strip()]


def seen(port, user, statements):
    client = wire.connect(port, user)
    out = []
    for statement in statements:
        try:
            answers = client.query(statement)
            out.append([(len(one.columns), one.rows, one.warnings) if isinstance(one, wire.Results)
                        else (one.affected, one.insert_id, one.status, one.warnings, one.info) for one in answers])
        except wire.Error as error:
            out.append((error.code, error.state, error.message))
    client.quit()
    return out


@pytest.mark.parametrize("user", ["lab_service", "billing_service"])
def test_no_difference_but_the_log(server, make_gate, user):
    # NileCare's own databases and aliases are what it changes on purpose: each lands where it asks to.
    ini = re.sub(r"(?m)^(database|alias|mode|unowned|undetermined|administration) = .*$", "", gates.example())
    gate = make_gate(server, ("policy", "mode", "log"), ini=ini)
    statements = [*TOOLS, "START TRANSACTION", *examples(), "ROLLBACK"]
    directly = seen(server.port, user, statements)
    through = seen(gate.port, user, statements)
    server.sql("SET GLOBAL max_connections = 400", "DROP USER IF EXISTS log_mode_nobody")
    for statement, one, other in zip(statements, directly, through):
        if VARIES.match(statement):
            assert type(one) is type(other), statement
            continue
        one, other = (re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "", repr(x)) for x in (one, other))
        assert one == other, statement
    assert gate.violations(1)
