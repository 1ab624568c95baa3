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

# What backups, monitoring, consoles and replicas do on the server; `SIDE` is a name of each side's own.
ADMINISTRATION = """
FLUSH TABLES WITH READ LOCK
SHOW MASTER STATUS
SHOW BINARY LOG STATUS
SHOW BINLOG STATUS
SHOW BINARY LOGS
SHOW BINLOG EVENTS LIMIT 1
UNLOCK TABLES
FLUSH NO_WRITE_TO_BINLOG TABLES
FLUSH LOCAL TABLES lab_tests FOR EXPORT
UNLOCK TABLES
FLUSH PRIVILEGES
FLUSH ERROR LOGS
FLUSH USER_RESOURCES
LOCK INSTANCE FOR BACKUP
UNLOCK INSTANCE
BACKUP STAGE START
BACKUP STAGE END
SHOW SLAVE STATUS
SHOW ALL SLAVES STATUS
SHOW SLAVE HOSTS
SHOW REPLICAS
STOP SLAVE
STOP REPLICA
PURGE BINARY LOGS BEFORE '2001-01-01'
SET sql_log_bin = 0
SET sql_log_bin = 1
SET SESSION binlog_format = 'ROW'
SET @@GLOBAL.GTID_PURGED = ''
SELECT @@GLOBAL.gtid_executed
SHOW GLOBAL VARIABLES LIKE 'sync_binlog'
SHOW GLOBAL STATUS LIKE 'Max_used_connections_nothing'
SELECT Host, User FROM mysql.user ORDER BY 1, 2
SELECT * FROM mysql.db ORDER BY 1, 2, 3
SELECT COUNT(*) FROM mysql.tables_priv
SELECT COUNT(*) FROM mysql.proc
SELECT COUNT(*) FROM mysql.global_priv
SELECT COUNT(*) FROM mysql.general_log
SHOW TABLES FROM mysql
SHOW CREATE TABLE mysql.db
DESCRIBE mysql.user
CHECK TABLE mysql.db
SHOW TABLES FROM performance_schema LIKE 'threads'
SELECT COUNT(*) > 0 FROM performance_schema.threads
SELECT OBJECT_NAME FROM performance_schema.metadata_locks WHERE OBJECT_NAME = 'nothing'
SELECT COUNT(*) FROM sys.version
CREATE USER log_mode_nobody IDENTIFIED BY 'nobody-1'
GRANT SELECT ON nilecare.lab_tests TO log_mode_nobody
SHOW GRANTS FOR log_mode_nobody
SET PASSWORD FOR log_mode_nobody = 'nobody-2'
SET PASSWORD FOR log_mode_nobody = PASSWORD('nobody-2')
ALTER USER log_mode_nobody IDENTIFIED BY 'nobody-3'
RENAME USER log_mode_nobody TO log_mode_anybody
REVOKE SELECT ON nilecare.lab_tests FROM log_mode_anybody
DROP USER log_mode_anybody
CREATE ROLE log_mode_role
SET DEFAULT ROLE NONE TO lab_service
DROP ROLE log_mode_role
CREATE SERVER log_mode_server FOREIGN DATA WRAPPER mysql OPTIONS (HOST 'nowhere')
DROP SERVER log_mode_server
INSTALL PLUGIN log_mode SONAME 'nothing.so'
UNINSTALL PLUGIN log_mode
SET GLOBAL long_query_time = 10
SET PERSIST long_query_time = 10
RESET PERSIST long_query_time
SHOW PRIVILEGES
SHOW OPEN TABLES FROM mysql LIKE 'nothing'
SELECT id, code, name FROM lab_tests ORDER BY code LIMIT 3 INTO OUTFILE 'SIDE.tsv'
SELECT id, code, name FROM lab_tests ORDER BY code LIMIT 3 INTO OUTFILE 'SIDE.tsv'
SELECT 'one' INTO DUMPFILE 'SIDE.one'
CREATE TEMPORARY TABLE lab_loaded (id VARCHAR(40), code VARCHAR(99), name VARCHAR(199))
LOAD DATA INFILE 'SIDE.tsv' INTO TABLE lab_loaded
SELECT * FROM lab_loaded ORDER BY code
SELECT LOAD_FILE('SIDE.one')
KILL QUERY 4294967295
SELECT 'still here'
""".strip().splitlines()


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
    # a session directly is without TLS too: Ssl_server_not_after tells of the server's leg
    gate = make_gate(server, ("policy", "mode", "log"), ("upstream:main", "tls", "off"), ini=ini)
    statements = [*TOOLS, "START TRANSACTION", *examples(), "ROLLBACK"]
    server.sql("ANALYZE TABLE nilecare.lab_tests")  # else the first of the two sees the statistics of an empty table
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


def administer(server, port, user, side):
    """What the statements answer, the files' names taken out, and the files."""
    path = server.folder / "tmp" / side
    answers = seen(port, user, [statement.replace("SIDE", str(path)) for statement in ADMINISTRATION])
    answers = [repr(one).replace(str(path), "SIDE") for one in answers]
    files = sorted(server.folder.glob(f"tmp/{side}*"))
    texts = [one.read_bytes() for one in files]
    for file in files:
        file.unlink()
    return answers, texts


@pytest.mark.parametrize("right", ["some", "all"])
def test_administration_is_logged_and_done(server, make_gate, right):
    """By an account that may, and by one that may not: the server's own refusals are the only ones. In `block` the
    same statements are refused, the first one first."""
    user = server.extra_users[0] if right == "all" else "lab_service"
    ini = re.sub(r"(?m)^(alias|mode|unowned|undetermined|administration) = .*$", "", gates.example())
    changes = ("service:lab", "user", "lab_service", server.extra_users[0])
    gate = make_gate(server, ("policy", "mode", "log"), changes, ini=ini)
    directly, files = administer(server, server.port, user, "directly")
    through, same = administer(server, gate.port, user, "through")
    for statement, one, other in zip(ADMINISTRATION, directly, through, strict=True):
        assert one == other, statement
    assert files == same and len(files) == (2 if right == "all" else 0)
    done = sum(not answer.startswith("(1227,") for answer in through)
    gate.settle()
    logged = [one for one in gate.events("violation") if one["reason"] in ("administration", "system")]
    assert {one["action"] for one in logged} == {"logged"} and len(logged) > 30
    assert right != "all" or done == len(ADMINISTRATION)
    if right == "all":
        block = make_gate(server, ("policy", "mode", "block"), changes, ini=ini)
        refused, files = administer(server, block.port, user, "blocked")
        assert refused[0].startswith("(1227,") and "silogate" in refused[0] and not files
        assert "still here" in refused[-1]
