"""Every trick we can think of to read one row of another service's table through a silogate that
blocks. The service may do everything as far as the server is concerned: only silogate stands between.
The row's secret must come back in no form and come to rest in no table of the thief's; the statement
that would touch it must not reach the server; and the other service's tables must stay as they were."""
import re
import struct

import pytest

from harness import gate, wire

SECRET = "s3cr3t-4f1d"
INI = """[proxy]
[policy]
mode = block
undetermined = block
unowned = block
administration = block
[log]
statement = normalized
[upstream:main]
[service:thief]
user = thief_service
upstream = main
database = thief
owns = thief.*
[service:vault]
user = vault_service
upstream = main
database = vault
owns = vault.*
"""
SETUP = [
    "DROP DATABASE IF EXISTS vault", "DROP DATABASE IF EXISTS thief",
    "CREATE DATABASE vault", "CREATE DATABASE thief",
    "CREATE TABLE vault.secrets (id INT PRIMARY KEY, word VARCHAR(60)) ENGINE=InnoDB",
    f"INSERT INTO vault.secrets VALUES (1, '{SECRET}')",
    "CREATE TABLE vault.merged (id INT, word VARCHAR(60)) ENGINE=MyISAM",
    f"INSERT INTO vault.merged VALUES (1, '{SECRET}')",
    f"CREATE FUNCTION vault.tell () RETURNS VARCHAR(60) DETERMINISTIC RETURN '{SECRET}'",
    f"CREATE FUNCTION vault.abs (x INT) RETURNS VARCHAR(60) DETERMINISTIC RETURN '{SECRET}'",
    f"CREATE PROCEDURE vault.show_it () SELECT '{SECRET}'",
    "CREATE TABLE thief.own (id INT PRIMARY KEY, word VARCHAR(60)) ENGINE=InnoDB",
    "CREATE TABLE thief.parts (id INT PRIMARY KEY, word VARCHAR(60)) ENGINE=InnoDB"
    " PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (1000))",
    "CREATE TABLE thief.secrets (id INT PRIMARY KEY, word VARCHAR(60)) ENGINE=InnoDB",
    "INSERT INTO thief.own VALUES (1, 'own')",
]
PASSWORDS = {"mariadb": "mysql_native_password", "mysql": "caching_sha2_password"}


class Query:
    """A COM_QUERY. `allowed`: True where it touches nothing of the other's and so may reach the server,
    None where that depends on the server or on what came of the steps before."""

    def __init__(self, text, allowed=False):
        self.text = text if isinstance(text, bytes) else text.encode()
        self.allowed = allowed

    def run(self, client):
        client.command(b"\x03" + self.text)
        drain(client)


class Command(Query):
    """Any other command; its text is what the server's log must not have."""

    def __init__(self, payload, text, allowed=False):
        super().__init__(text, allowed)
        self.payload = payload

    def run(self, client):
        client.command(self.payload)
        if self.payload[:1] == b"\x04":  # COM_FIELD_LIST: definitions without a count before them
            while client.receive()[0] not in (0xfe, 0xff):
                pass
        else:
            drain(client)


class Together(Query):
    """Several COM_QUERY sent at once, before any answer."""

    def __init__(self, *texts, allowed=False):
        super().__init__(texts[-1], allowed)
        self.texts = texts

    def run(self, client):
        client.raw(b"".join(struct.pack("<I", len(text) + 1)[:3] + b"\0\x03" + text.encode()
                            for text in self.texts))
        for _ in self.texts:
            drain(client)


class Prepare(Query):
    """COM_STMT_PREPARE, and COM_STMT_EXECUTE where it was accepted."""

    def run(self, client):
        client.command(b"\x16" + self.text)
        try:
            statement, _, _ = client.prepared()
        except wire.Error:
            return
        client.command(client.execute_bytes(statement))
        drain(client, True)


def drain(client, binary=False):
    try:
        client.answers(binary)
    except wire.Error:
        pass


def ok(text):
    return Query(text, True)


READ = "SELECT word FROM vault.secrets"
# What is tried in one go on a session of its own.
TRICKS = {
    "plain": [Query(READ)],
    "quoted": [Query("SELECT word FROM `vault`.`secrets`")],
    "blanks around the dot": [Query("SELECT word FROM vault . secrets")],
    "comments around the dot": [Query("SELECT word FROM vault/**/./**/secrets")],
    "executable comment": [Query("SELECT 1 /*! , word FROM vault.secrets */")],
    "executable comment, versioned": [Query("SELECT 1 /*!50000 , word FROM vault.secrets */")],
    "executable comment, a version of the other dialect": [
        Query("SELECT word FROM thief.own /*!50701 UNION SELECT word FROM vault.secrets */", None),
        Query("SELECT word FROM thief.own /*!100100 UNION SELECT word FROM vault.secrets */", None),
        Query("SELECT word FROM thief.own /*M! UNION SELECT word FROM vault.secrets */", None),
        Query("SELECT word FROM thief.own /*M!100100 UNION SELECT word FROM vault.secrets */", None)],
    "executable comment in pieces": [Query("SELECT word FROM /*!vault*/./*!secrets*/")],
    "a comment that is none": [Query("SELECT 5--(SELECT word FROM vault.secrets)+0"),
                               Query("SELECT word FROM thief.own--\x01\n UNION SELECT word FROM vault.secrets")],
    "a nested comment": [Query("SELECT 1 /*!99999 /* */ */ /*! UNION SELECT word FROM vault.secrets */")],
    "carriage return ends no comment": [Query("SELECT 1 # \r\n UNION SELECT word FROM vault.secrets")],
    "a mebibyte of comment before it": [Query("SELECT /*" + "x" * (1 << 20) + "*/ word FROM vault.secrets")],
    "union": [Query("SELECT word FROM own UNION ALL SELECT word FROM vault.secrets")],
    "subqueries": [Query(f"SELECT ({READ})"), Query(f"SELECT 1 WHERE EXISTS ({READ})"), Query(f"SELECT * FROM ({READ}) d"),
                   Query(f"SELECT word FROM own WHERE word < ANY ({READ})"), Query(f"SELECT 1 ORDER BY ({READ})"),
                   Query(f"SELECT word FROM own GROUP BY ({READ})"), Query(f"SELECT IF(({READ}) LIKE 's%', 1, 2)")],
    "joins": [Query("SELECT s.word FROM own o JOIN vault.secrets s USING (id)"),
              Query("SELECT s.word FROM own o NATURAL JOIN vault.secrets s"),
              Query("SELECT s.word FROM own o STRAIGHT_JOIN vault.secrets s"),
              Query("SELECT s.word FROM (own o, vault.secrets s)"),
              Query("SELECT s.word FROM { OJ own o LEFT OUTER JOIN vault.secrets s ON 1 }"),
              Query("SELECT word FROM { any vault.secrets }")],
    "a CTE of the table's name": [Query("WITH secrets AS (SELECT word FROM vault.secrets) SELECT * FROM secrets")],
    "a CTE that does not hide a qualified name": [Query("WITH secrets AS (SELECT 1) SELECT word FROM vault.secrets")],
    "a WITH in brackets takes the place of the one before": [
        ok("USE thief"), Query("WITH x AS (SELECT 1) (WITH y AS (SELECT word FROM vault.secrets) SELECT * FROM y)")],
    "TABLE and VALUES": [Query("TABLE vault.secrets"), Query(f"VALUES ROW(({READ}))"), Query(f"VALUES (({READ}))")],
    "user variables": [Query(f"SET @x = ({READ})"), ok("SELECT @x"), Query("SELECT word INTO @y FROM vault.secrets"), ok("SELECT @y"),
                       Query(f"DO @z := ({READ})"), ok("SELECT @z")],
    "a system variable": [Query("SET SESSION init_connect = (SELECT word FROM vault.secrets)"),
                          Query("SET NAMES utf8mb4, @a = (SELECT word FROM vault.secrets)"), ok("SELECT @a")],
    "an error's message": [Query(f"SELECT EXTRACTVALUE(1, CONCAT('/', ({READ})))"), Query(f"SELECT UPDATEXML(1, CONCAT('~', ({READ})), 1)"),
                           Query(f"DO CAST(({READ}) AS JSON)")],
    "insert into one's own": [Query("INSERT INTO own SELECT id + 10, word FROM vault.secrets"),
                              Query(f"INSERT INTO own VALUES (20, ({READ}))"), Query(f"INSERT INTO own SET id = 21, word = ({READ})"),
                              Query(f"REPLACE INTO own VALUES (22, ({READ}))"),
                              Query(f"INSERT INTO own VALUES (1, 'x') ON DUPLICATE KEY UPDATE word = ({READ})")],
    "update one's own": [Query(f"UPDATE own SET word = ({READ})"),
                         Query("UPDATE own o JOIN vault.secrets s USING (id) SET o.word = s.word"),
                         Query("UPDATE own, vault.secrets s SET own.word = s.word")],
    "delete returning": [Query("DELETE FROM vault.secrets RETURNING word"), Query("DELETE s FROM vault.secrets s JOIN own"),
                         Query(f"DELETE FROM own RETURNING ({READ})")],
    "ANSI_QUOTES by name": [ok("SET sql_mode = 'ANSI_QUOTES'"), Query('SELECT word FROM "vault"."secrets"')],
    "ANSI_QUOTES makes a string a name": [ok("SET sql_mode = 'ANSI_QUOTES'"),
                                          Query('SELECT "a /* " , word FROM vault.secrets -- " */')],
    "ANSI_QUOTES by number": [ok("SET sql_mode = 4"), Query('SELECT word FROM "vault"."secrets"')],
    "ANSI_QUOTES by expression": [Query("SET sql_mode = CONCAT('ANSI', '_QUOTES')", None), Query('SELECT word FROM "vault"."secrets"')],
    "ANSI_QUOTES in the same command": [Query("SET sql_mode = 'ANSI_QUOTES'; SELECT word FROM \"vault\".\"secrets\"")],
    "ANSI_QUOTES behind SET NAMES": [Query("SET NAMES utf8mb4, sql_mode = 'ANSI_QUOTES'", None), Query('SELECT word FROM "vault"."secrets"')],
    "a mode that implies it": [Query("SET sql_mode = 'MSSQL'", None), Query("SELECT word FROM [vault].[secrets]"), Query('SELECT word FROM "vault"."secrets"')],
    "a mode out of a variable": [ok("SET @m = 'ANSI_QUOTES'"), Query("SET sql_mode = @m", None), Query('SELECT word FROM "vault"."secrets"')],
    "NO_BACKSLASH_ESCAPES": [ok("SET sql_mode = 'NO_BACKSLASH_ESCAPES'"), Query(r"SELECT '\', word FROM vault.secrets -- '")],
    "backslashes": [Query(r"SELECT '\'', word FROM vault.secrets -- '"), Query(r"SELECT '\\', word FROM vault.secrets -- '")],
    "gbk": [Query("SET NAMES gbk", None), Query(b"SELECT '\xbf\\', word FROM vault.secrets -- '"), Query(b"SELECT `\xbf`` , word FROM vault.secrets -- `")],
    "sjis": [Query("SET NAMES sjis", None), Query(b"SELECT '\x83\\', word FROM vault.secrets -- '"), Query(b"SELECT 1 `\x83``, word FROM vault.secrets -- `"),
             Query(b"SELECT 1 `\x83`, word FROM vault.secrets -- `", None)],
    "big5 by number": [Query("SET character_set_client = 1", None), Query(b"SELECT '\xa5\\', word FROM vault.secrets -- '")],
    "an introducer": [Query(b"SELECT _gbk'\xbf\\', word FROM vault.secrets -- '", None)],
    "prepared in SQL": [Query(f"PREPARE s FROM '{READ}'"), Query("EXECUTE s", None)],
    "prepared from a variable": [ok(f"SET @q = '{READ}'"), Query("PREPARE s FROM @q"), Query("EXECUTE s", None)],
    "prepared from an expression": [Query("PREPARE s FROM CONCAT('SELECT word FROM vault', '.secrets')"), Query("EXECUTE s", None)],
    "prepared from pieces of variables": [ok("SET @a = 'SELECT word FROM vault'"), Query("SET @q = CONCAT(@a, '.secrets')", None),
                                          Query("PREPARE s FROM @q"), Query("EXECUTE s", None)],
    "execute immediate": [Query(f"EXECUTE IMMEDIATE '{READ}'"), Query("EXECUTE IMMEDIATE CONCAT('SELECT word FROM vault', '.secrets')")],
    "prepared in the protocol": [Prepare(READ), Prepare("SELECT word FROM /*! vault */ . secrets"), Prepare("TABLE vault.secrets")],
    "handler": [Query("HANDLER vault.secrets OPEN"), Query("HANDLER vault.secrets OPEN AS h"), Query("HANDLER h READ FIRST", None),
                Query("HANDLER vault.secrets OPEN AS h; HANDLER h READ FIRST")],
    "a view over it": [Query(f"CREATE VIEW thief.v AS {READ}"), Query("SELECT * FROM thief.v", True)],
    "a view over it, altered": [ok("CREATE VIEW thief.v2 AS SELECT word FROM thief.own"), Query(f"ALTER VIEW thief.v2 AS {READ}"),
                                Query(f"CREATE OR REPLACE VIEW thief.v2 AS {READ}"), ok("SELECT * FROM thief.v2")],
    "a temporary table over it": [Query(f"CREATE TEMPORARY TABLE t1 {READ}"), Query("CREATE TEMPORARY TABLE t2 LIKE vault.secrets"),
                                  Query("CREATE TEMPORARY TABLE t3 (w VARCHAR(60)) AS SELECT word w FROM vault.secrets")],
    "a temporary table of its name elsewhere": [ok("CREATE TEMPORARY TABLE thief.secrets (id INT, word VARCHAR(60))"), Query(READ)],
    "create table as": [Query("CREATE TABLE stolen AS SELECT * FROM vault.secrets"), Query("CREATE TABLE stolen2 LIKE vault.secrets"),
                        Query("CREATE TABLE stolen3 (LIKE vault.secrets)"), Query("CREATE TABLE stolen4 IGNORE SELECT * FROM vault.secrets")],
    "a procedure": [Query(f"CREATE PROCEDURE thief.p () {READ}"), Query("CALL thief.p()", True)],
    "a procedure with a prepared text": [Query("CREATE PROCEDURE thief.p2 () BEGIN SET @q = CONCAT('SELECT word FROM vault', '.secrets');"
                                               " PREPARE s FROM @q; EXECUTE s; END"), Query("CALL thief.p2()", True)],
    "a function": [Query(f"CREATE FUNCTION thief.f () RETURNS TEXT DETERMINISTIC READS SQL DATA RETURN ({READ})"), Query("SELECT thief.f()", True)],
    "the other's routines": [Query("SELECT vault.tell()"), Query("SELECT vault.abs(1)"), Query("SELECT `vault`.`abs` (1)"),
                             Query("CALL vault.show_it()"), Query("CALL vault.show_it"), Query("SELECT vault . tell ()"),
                             Query("SELECT 1 ORDER BY vault.tell()"), Query("CREATE TABLE s5 (w VARCHAR(60) DEFAULT (vault.tell()))", None)],
    "a trigger on one's own table": [Query("CREATE TRIGGER thief.t BEFORE INSERT ON thief.own FOR EACH ROW SET NEW.word = (SELECT word FROM vault.secrets LIMIT 1)"),
                                     ok("INSERT INTO thief.own VALUES (50, 'x')"), ok("SELECT word FROM thief.own")],
    "an event": [Query("CREATE EVENT thief.e ON SCHEDULE AT CURRENT_TIMESTAMP DO INSERT INTO thief.own SELECT 60, word FROM vault.secrets")],
    "rename": [Query("RENAME TABLE vault.secrets TO thief.taken"), Query("RENAME TABLE thief.own TO thief.o2, vault.secrets TO thief.own"),
               Query("ALTER TABLE vault.secrets RENAME thief.taken"), Query("ALTER TABLE vault.secrets RENAME TO taken")],
    "exchange partition": [Query("ALTER TABLE thief.parts EXCHANGE PARTITION p0 WITH TABLE vault.secrets"),
                           Query("ALTER TABLE parts CONVERT TABLE vault.secrets TO PARTITION p1 VALUES LESS THAN (2000)")],
    "a MERGE table": [Query("CREATE TABLE m (id INT, word VARCHAR(60)) ENGINE=MERGE UNION=(vault.merged)"), ok("SELECT 1"),
                      Query("ALTER TABLE own ENGINE=MERGE UNION=(vault.merged)")],
    "a foreign key": [Query("CREATE TABLE fk (id INT, FOREIGN KEY (id) REFERENCES vault.secrets (id))"),
                      Query("ALTER TABLE own ADD FOREIGN KEY (id) REFERENCES vault.secrets (id)")],
    "into a file": [Query("SELECT word INTO OUTFILE '/tmp/sg-stolen' FROM vault.secrets"), Query("SELECT 1 INTO DUMPFILE '/tmp/sg-stolen-2'"),
                    Query("SELECT LOAD_FILE('/etc/hostname')"), Query("LOAD DATA INFILE '/etc/hostname' INTO TABLE own")],
    "load data with a subquery": [Query("LOAD DATA LOCAL INFILE 'x' INTO TABLE own (id, @w) SET word = (SELECT word FROM vault.secrets)")],
    "USE": [Query("USE vault"), Query("USE vault; SELECT word FROM secrets"), Query("/* c */ USE vault"), Query("/*! USE vault */"), ok("SELECT word FROM secrets")],
    "COM_INIT_DB": [Command(b"\x02vault", "vault.secrets"), ok("SELECT word FROM secrets")],
    "COM_FIELD_LIST": [Command(b"\x04secrets\0", "nothing of vault's", True), Command(b"\x04vault.secrets\0", "a name with a dot in it", True)],
    "USE and the query at once": [Together("USE vault", "SELECT word FROM secrets", allowed=True),  # thief's own of the name
                                 Together("USE vault", "SELECT word FROM merged", allowed=True)],
    "a mode and the query at once": [Together("SET sql_mode = 'ANSI_QUOTES'", 'SELECT word FROM "vault"."secrets"')],
    # The servers leave the status flag as the routine has set it, and sql_mode as it was.
    "a flag that a routine leaves behind": [
        ok("CREATE PROCEDURE thief.calm () SET sql_mode = ''"), ok("SET sql_mode = 'NO_BACKSLASH_ESCAPES'"),
        ok("CALL thief.calm()"), Query(f"SELECT 'a\\', ({READ}) -- '"), ok("DROP PROCEDURE thief.calm")],
    "a mode that is told and over": [
        ok("SET session_track_system_variables = '*'"), ok("SET sql_mode = 'NO_BACKSLASH_ESCAPES'"),
        ok("SET STATEMENT sql_mode = '' FOR DO 1"), Query(f"SELECT 'a\\', ({READ}) -- '")],
    "several in one": [Query(f"SELECT 1; {READ}"), Query(f"SELECT 1;;{READ}"), Query(f"SELECT ';'; {READ}")],
    "compound": [Query(f"BEGIN NOT ATOMIC {READ}; END"), Query(f"BEGIN NOT ATOMIC IF 1 THEN {READ}; END IF; END"),
                 Query(f"BEGIN NOT ATOMIC FOR r IN ({READ}) DO SELECT r.word; END FOR; END")],
    "set statement": [Query(f"SET STATEMENT max_statement_time = 5 FOR {READ}"),
                      Query("SET STATEMENT sql_mode = 'ANSI_QUOTES' FOR EXECUTE IMMEDIATE 'SELECT word FROM \"vault\".\"secrets\"'")],
    "explain and describe": [Query("EXPLAIN SELECT * FROM vault.secrets WHERE word = 'a'"), Query(f"EXPLAIN ANALYZE {READ}"), Query(f"ANALYZE {READ}"),
                             Query("DESCRIBE vault.secrets"), Query("DESC vault.secrets word"), Query("EXPLAIN vault.secrets"),
                             Query(f"EXPLAIN FORMAT=JSON {READ}"), Query(f"EXPLAIN FORMAT=TREE {READ}")],
    "show": [Query(f"SHOW VARIABLES WHERE Value = ({READ}) OR 1"), Query("SHOW COLUMNS FROM vault.secrets"), Query("SHOW COLUMNS FROM secrets FROM vault"),
             Query("SHOW INDEX FROM vault.secrets"), Query("SHOW CREATE TABLE vault.secrets"), Query("SHOW TABLE STATUS FROM vault"),
             Query(f"SHOW TABLES WHERE ({READ}) LIKE 's%'"), Query("SHOW CREATE FUNCTION vault.tell"), Query("SHOW CREATE PROCEDURE vault.show_it"),
             Query(f"SHOW STATUS WHERE Variable_name = ({READ})"), Query("SHOW FUNCTION CODE vault.tell"), Query("SHOW TABLES FROM vault")],
    "maintenance": [Query("CHECK TABLE own, vault.secrets"), Query("CHECKSUM TABLE vault.secrets"), Query("ANALYZE TABLE vault.secrets"),
                    Query("OPTIMIZE TABLE vault.secrets"), Query("LOCK TABLES vault.secrets READ"), Query("FLUSH TABLES vault.secrets FOR EXPORT"),
                    Query("REPAIR TABLE vault.merged"), Query("CACHE INDEX vault.merged IN default"), Query("LOAD INDEX INTO CACHE own, vault.merged")],
    "changes of the other's": [Query("TRUNCATE vault.secrets"), Query("DROP TABLE own, vault.secrets"), Query("DELETE FROM vault.secrets"),
                               Query("UPDATE vault.secrets SET word = 'x'"), Query("ALTER TABLE vault.secrets ADD x INT"), Query("DROP DATABASE vault"),
                               Query("CREATE INDEX i ON vault.secrets (word)"), Query("CREATE TABLE vault.x (i INT)"), Query("DROP FUNCTION vault.tell"),
                               Query("CREATE TRIGGER vault.t AFTER INSERT ON vault.secrets FOR EACH ROW SET @a = 1"),
                               Query("CREATE OR REPLACE VIEW vault.v AS SELECT 1"), Query("INSERT INTO vault.secrets VALUES (2, 'x')")],
    "the server's own views of it": [Query("SELECT * FROM performance_schema.events_statements_history"), Query("SELECT * FROM mysql.innodb_table_stats"),
                                     Query("SELECT * FROM sys.statement_analysis"), Query("SELECT * FROM mysql.proc"), Query("SELECT * FROM mysql.general_log")],
    "names from keywords": [Query("SELECT word FROM vault.secrets AS `select`"), Query("SELECT`word`FROM`vault`.`secrets`"),
                            Query("SELECT 1.word FROM vault.secrets"), Query("SELECT word FROM vault.secrets PARTITION (p0)"),
                            Query("SELECT .5word FROM vault.secrets"), Query("SELECT N'a'word FROM vault.secrets"), Query("SELECT 1e1FROM vault.secrets")],
    "hints": [Query("SELECT /*+ SET_VAR(sql_mode='ANSI_QUOTES') */ word FROM vault.secrets"), Query("SELECT word FROM vault.secrets USE INDEX (PRIMARY)"),
              Query("SELECT word FROM vault.secrets FOR UPDATE"), Query("SELECT word FROM vault.secrets LOCK IN SHARE MODE")],
    "other letter case": [Query("sElEcT wOrD fRoM vault.secrets"), Query("SELECT word FROM VAULT.SECRETS", None)],
    "a zero byte": [Query(b"SELECT word\0 FROM vault.secrets"), Query(b"SELECT '\0', word FROM vault.secrets"), Query(b"SELECT 1\0; SELECT word FROM vault.secrets")],
    "JSON_TABLE and LATERAL": [Query("SELECT * FROM JSON_TABLE((SELECT CONCAT('[\"', word, '\"]') FROM vault.secrets), '$[*]' COLUMNS (w TEXT PATH '$')) j"),
                               Query("SELECT * FROM own o, LATERAL (SELECT word FROM vault.secrets) l")],
    "help": [Query(f"HELP ({READ})"), Query("HELP 'vault.secrets'", None)],
    "XA and transactions": [Query("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY; SELECT word FROM vault.secrets"),
                            Query("XA START 'a'; SELECT word FROM vault.secrets")],
    "binlog and clone": [Query("BINLOG 'AAAA'"), Query("CLONE LOCAL DATA DIRECTORY '/tmp/sg-clone'"), Command(b"\x12" + bytes(10) + b"\0", "COM_BINLOG_DUMP"),
                         Query("SHUTDOWN"), Query("SHOW BINLOG EVENTS")],
    "accounts": [Query("GRANT SELECT ON vault.* TO vault_service@'%'"), Query("CREATE USER sneak@'%'"), Query("SET PASSWORD FOR vault_service@'%' = 'x'"),
                 Query("ALTER USER vault_service@'%' IDENTIFIED BY 'x'"), Query("SET ROLE ALL", None)],
    "other ways out": [Query("CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (HOST '127.0.0.1', DATABASE 'vault', USER 'root')"),
                       Query("CREATE TABLE fed (id INT, word VARCHAR(60)) ENGINE=FEDERATED CONNECTION='mysql://root@127.0.0.1/vault/secrets'"),
                       Query("INSTALL PLUGIN x SONAME 'x.so'"), Query("CREATE FUNCTION sys_exec RETURNS INT SONAME 'x.so'"),
                       Query("SET GLOBAL init_connect = 'SET @a = 1'"), Query("SET GLOBAL general_log_file = '/tmp/sg-log'")],
}


@pytest.fixture(scope="module")
def thieves(server):
    """(a silogate between, its server) with the two databases."""
    server.sql("DROP USER IF EXISTS thief_service@'%'", "DROP USER IF EXISTS vault_service@'%'",
               f"CREATE USER thief_service@'%' IDENTIFIED WITH {PASSWORDS[server.name]} BY 'thief_service-secret'"
               if server.name == "mysql" else "CREATE USER thief_service@'%' IDENTIFIED BY 'thief_service-secret'",
               "CREATE USER vault_service@'%' IDENTIFIED BY 'vault_service-secret'",
               "GRANT ALL ON *.* TO thief_service@'%'", "GRANT ALL ON vault.* TO vault_service@'%'")
    one = gate.Gate(server, ini=INI)
    try:
        one.start()
        yield one
        one.stop()
    finally:
        one.remove()
        server.sql("DROP DATABASE IF EXISTS vault", "DROP DATABASE IF EXISTS thief",
                   "DROP USER thief_service@'%'", "DROP USER vault_service@'%'")


def login(port):
    """A session of the thief's that keeps all it is sent."""
    client = wire.Wire(port)
    client.login("thief_service", "thief", "thief_service-secret")
    client.heard = bytearray()
    receive = client.receive

    def listen():
        payload = receive()
        client.heard += payload
        return payload

    client.receive = listen
    return client


def seen_by_thief(server):
    """All that is in the thief's own tables."""
    found = []
    for name, kind in server.sql("SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'thief'"):
        if kind == "BASE TABLE":
            found.append(repr(server.sql(f"SELECT * FROM thief.`{name}`")))
    return "".join(found)


@pytest.mark.parametrize("trick", TRICKS, ids=lambda name: re.sub(r"\W+", "-", name))
def test_bypass(server, thieves, trick):
    server.sql(*SETUP)
    mark = server.mark()
    client = login(thieves.port)
    try:
        for step in TRICKS[trick]:
            try:
                step.run(client)
            except (wire.Closed, ConnectionError, OSError):
                client.close()  # the session was ended: the next step has one of its own
                kept, client = client.heard, login(thieves.port)
                client.heard += kept
    finally:
        client.close()
    log = server.log(mark)
    assert SECRET.encode() not in client.heard, "the secret came back"
    assert SECRET not in seen_by_thief(server), "the secret lies in the thief's table"
    for step in TRICKS[trick]:
        if step.allowed is False:
            text = step.text.decode("utf-8", "replace")
            assert text[-60:] not in log, f"reached the server: {text[-200:]!r}"
    assert server.sql("SELECT * FROM vault.secrets") == ((1, SECRET),)
    assert server.sql("SELECT * FROM vault.merged") == ((1, SECRET),)


def test_the_thief_may_use_its_own(server, thieves):
    """The tricks fail for what they reach for, not for who tries them."""
    server.sql(*SETUP)
    client = login(thieves.port)
    assert client.query("SELECT word FROM own; SELECT word FROM thief.own")[1].rows == [["own"]]
    client.query("CREATE TABLE mine LIKE own")
    client.query("INSERT INTO mine SELECT id, word FROM own")
    client.query("CREATE VIEW w AS SELECT word FROM mine")
    client.query("CREATE PROCEDURE q () SELECT word FROM w")
    assert client.query("CALL q()")[0].rows == [["own"]]
    client.quit()


def test_the_secret_is_there_to_be_stolen(server, thieves):
    """Without silogate the thief reads it: what holds the tricks off is silogate."""
    server.sql(*SETUP)
    client = wire.Wire(server.port)
    client.login("thief_service", "thief", "thief_service-secret")
    assert client.query(READ)[0].rows == [[SECRET]]
    client.quit()


def test_change_user_does_not_carry_the_other_s_rights(server, thieves):
    """COM_CHANGE_USER to and fro: each time the policy is that of who one is now."""
    server.sql(*SETUP)
    client = login(thieves.port)
    client.plugin = client.plugin or PASSWORDS[server.name]
    with pytest.raises(wire.Error):
        client.query(READ)
    try:
        client.change_user("vault_service", "vault", "vault_service-secret")
    except wire.Error:
        pytest.fail("the change of user was refused")
    assert client.query("SELECT word FROM secrets")[0].rows == [[SECRET]]
    client.change_user("thief_service", "thief", "thief_service-secret")
    heard = len(client.heard)
    for text in (READ, "SELECT word FROM secrets"):
        try:
            client.query(text)
        except wire.Error:
            pass
    assert SECRET.encode() not in client.heard[heard:]
    client.quit()


def test_kill_reaches_nobody_else(server, thieves):
    """Another service's session can not be ended, by whatever number it is called."""
    server.sql(*SETUP)
    victim = wire.Wire(thieves.port)
    victim.login("vault_service", "vault", "vault_service-secret")
    upstream = server.sql("SELECT id FROM information_schema.processlist WHERE user = 'vault_service'")[0][0]
    client = login(thieves.port)
    for number in (victim.thread, upstream):
        for text in (f"KILL {number}", f"KILL QUERY {number}", f"KILL CONNECTION {number}", f"KILL ({number} + 0)"):
            Query(text).run(client)
        Command(b"\x0c" + struct.pack("<I", number & 0xffffffff), "KILL").run(client)
    Query("KILL USER vault_service").run(client)
    assert victim.query("SELECT word FROM secrets")[0].rows == [[SECRET]]
    victim.quit()
    client.quit()
