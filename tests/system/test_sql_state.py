"""The SQL state that a statement is read in is the server's own: after each of many random steps, silogate
has read quotes, backslashes and bytes as the server has, and takes the same database for the current
one. Told by its records: the statement with its literals replaced, the database, and whether it could
be read at all."""
import os
import random

import pytest

from harness import places, wire

LONG = bool(os.environ.get("SILOGATE_LONG"))  # make side-by-side
SEED = int(os.environ.get("SILOGATE_SEED", "20260707"))
SCHEMAS = ("nilecare", "nilecare_lab", "nilecare_cds")


class StateSession:
    """A session whose steps change the SQL state. Each step may fail: that is a step too. `history` tells a
    failing test's steps."""

    def __init__(self, gate, capabilities, dialect):
        self.gate, self.dialect = gate, dialect
        self.connection = wire.connect(gate.port, "lab_service", capabilities=capabilities)
        self.prepared, self.history = [], []

    def take(self, step):
        name, do = step
        try:
            do()
            self.history.append(name)
        except wire.Error as error:
            self.history.append(f"{name}: {error.code}")

    def text(self, statement):
        return lambda: self.connection.query(statement)

    def prepare(self, statement):
        def step():
            number, _, _ = self.connection.prepare(statement)
            self.prepared.append(number)
            self.connection.command(self.connection.execute_bytes(number))
            self.connection.answers(binary=True)
        return step

    def again(self):
        """Executes one that was prepared in another SQL state."""
        if self.prepared:
            number = self.prepared[len(self.prepared) // 2]
            self.connection.command(self.connection.execute_bytes(number))
            self.connection.answers(binary=True)

    def reset(self):
        self.prepared = []
        self.connection.ok(b"\x1f")

    def change_user(self, database):
        def step():
            self.prepared = []
            self.connection.change_user("lab_service", database)
        return step

    def init_db(self, name):
        return lambda: self.connection.ok(b"\x02" + name.encode())

    def steps(self):
        texts = [
            "USE nilecare", "USE nilecare_lab", "use/**/`nilecare_cds`", "USE no_such",
            "USE nilecare_cds; SELECT * FROM no_such; USE nilecare", "USE nilecare_lab; USE nilecare",
            "SELECT 1; USE no_such; USE nilecare_lab", "SELECT * FROM no_such; USE nilecare_cds",
            "CREATE DATABASE IF NOT EXISTS nilecare_gone; USE nilecare_gone",
            "DROP DATABASE nilecare_gone", "DROP DATABASE IF EXISTS nilecare_gone",
            "SET sql_mode = 'ANSI_QUOTES'", "SET sql_mode = ''", "SET sql_mode = DEFAULT",
            "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'", "SET @@sql_mode = 'ANSI'",
            "SET sql_mode = 4", "SET sql_mode = 1 << 2", "SET sql_mode = 1 << 20",
            "SET sql_mode = @@sql_mode | 4", "SET sql_mode = CONCAT('ANSI', '_QUOTES')",
            "SET sql_mode = (SELECT 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES')", "SET sql_mode = 'nonsense'",
            "SET sql_mode = REPLACE(@@sql_mode, 'ANSI_QUOTES', '')",
            "SET @m = 'ANSI_QUOTES'", "SET @m = ''", "SET sql_mode = @m", "SET @old = @@sql_mode",
            "SET sql_mode = @old", "SET sql_mode = 'ANSI_QUOTES', @m = @@sql_mode",
            "SET NAMES utf8mb4, sql_mode = 'ANSI_QUOTES'", "SET sql_mode = '', NAMES nonsense",
            "SET sql_mode = 'ANSI_QUOTES'; SELECT * FROM no_such; SET sql_mode = ''",
            "SELECT * FROM no_such; SET sql_mode = 'ANSI_QUOTES'",
            "SET GLOBAL sql_mode = @@global.sql_mode", "SET sql_mode = @@global.sql_mode",
            "SET NAMES gbk", "SET NAMES utf8mb4", "SET NAMES latin1", "SET NAMES DEFAULT",
            "SET character_set_client = sjis", "SET character_set_client = 28",
            "SET character_set_client = @@character_set_connection", "SET CHARACTER SET gbk",
            "SET NAMES 'gbk' COLLATE 'gbk_bin'", "SET NAMES gbk; SELECT * FROM no_such",
            "SET @@session.character_set_client = DEFAULT", "SET character_set_connection = gbk",
            "PREPARE p FROM 'SET sql_mode = ''ANSI_QUOTES'''", "EXECUTE p",
            "PREPARE p FROM 'SET sql_mode = '''''", "DEALLOCATE PREPARE p",
            "BEGIN", "ROLLBACK", "SET autocommit = 1", "SELECT 1", "CALL session()",
            "CALL nilecare_lab.session()", "CALL nilecare_lab.moodier()", "CALL nilecare_lab.moodier()",
            "SELECT /*+ SET_VAR(sql_mode = 'ANSI_QUOTES') */ 1",
            "SET session_track_system_variables = ''", "SET session_track_system_variables = '*'",
            "SET session_track_schema = OFF", "SET session_track_schema = ON",
            "SET session_track_state_change = ON",
        ]
        if self.dialect == "mariadb":
            texts += ["SET sql_mode = 'ORACLE'", "SET sql_mode = 'MSSQL'", "SET sql_mode = 'POSTGRESQL'",
                      "EXECUTE IMMEDIATE 'SET sql_mode = ''ANSI_QUOTES'''",
                      "EXECUTE IMMEDIATE 'USE nilecare_cds'", "PREPARE u FROM 'USE nilecare_lab'",
                      "EXECUTE u", "EXECUTE u",
                      "SET STATEMENT sql_mode = 'ANSI_QUOTES' FOR SELECT 1",
                      "BEGIN NOT ATOMIC SET sql_mode = 'ANSI_QUOTES'; END"]
        prepared = ["SET sql_mode = 'ANSI_QUOTES'", "SET sql_mode = ''", "SET NAMES gbk",
                    "USE nilecare_cds"]
        return [(one, self.text(one)) for one in texts] + [
            (f"init_db {one}", self.init_db(one)) for one in ("nilecare", "nilecare_lab", "no_such")] + [
            (f"prepare {one}", self.prepare(one)) for one in prepared] + [
            (f"change_user {one}", self.change_user(one)) for one in ("", "nilecare_cds", "nilecare")
            ] + [("again", self.again)] * 2 + [("reset", self.reset)] * 3

    def sql_state(self):
        """What the server says of them."""
        return self.connection.query("SELECT DATABASE(), @@SESSION.sql_mode, @@character_set_client")[0].rows[0]

    def probe(self, statement):
        """Does the server take it? Its first row's second field, else None."""
        try:
            return self.connection.query(statement)[0].rows[0][1]
        except wire.Error:
            return None

    def record(self, word):
        """What silogate made of the statement with this word in it."""
        found = places.wait_for(lambda: [one for one in self.gate.events("violation")
                                         if word in (one["statement"] or "")])
        assert found and len(found) == 1, f"{word}: {found}"
        return found[0]


@pytest.mark.long(short=1)
@pytest.mark.parametrize("track", [True, False], ids=["track", "no-track"])
def test_sql_state_are_the_servers(server, make_gate, track):
    if server.name == "mysql":
        server.sql("DROP PROCEDURE IF EXISTS nilecare.session")
    server.sql("CREATE DATABASE IF NOT EXISTS nilecare_lab",
               *[f"CREATE OR REPLACE VIEW {schema}.moody_probe AS SELECT 42 AS n" for schema in SCHEMAS],
               "DROP PROCEDURE IF EXISTS nilecare_lab.session",
               "CREATE PROCEDURE nilecare_lab.session() SET sql_mode = 'ANSI_QUOTES'",
               "DROP PROCEDURE IF EXISTS nilecare_lab.moodier",
               "CREATE PROCEDURE nilecare_lab.moodier() BEGIN SET NAMES gbk; SELECT 1;"
               " SET sql_mode = 'NO_BACKSLASH_ESCAPES'; SIGNAL SQLSTATE '45000'; END",
               "GRANT ALL ON nilecare_cds.* TO lab_service@'%'",
               "GRANT ALL ON nilecare_lab.* TO lab_service@'%'",
               "GRANT ALL ON nilecare_gone.* TO lab_service@'%'",
               *[f"GRANT SELECT ON {schema}.moody_probe TO lab_service@'%'" for schema in SCHEMAS])
    gate = make_gate(server, ("service:lab", "owns", "nilecare.lab_*"), ("service:lab", "mode", "log"),
                     ("service:cds", "owns", "nilecare.cds_*"), ("policy", "administration", "log"),
                     ("policy", "undetermined", "log"), ("policy", "unowned", "log"))
    capabilities = wire.USUAL if track else wire.USUAL & ~wire.SESSION_TRACK
    session = StateSession(gate, capabilities, server.name)
    chance, steps = random.Random(SEED + track), session.steps()
    for number in range(500 if LONG else 60):
        for _ in range(chance.randrange(1, 4)):
            session.take(chance.choice(steps))
        try:
            check(session, number)
        except AssertionError as wrong:
            raise AssertionError(f"SILOGATE_SEED={SEED}, step {number}, the server says {session.sql_state()}"
                                 f" after {session.history[-12:]}: {wrong}") from wrong
    session.connection.quit()


def check(session, number):
    """Asks the server, and has it read three statements that mean something else, or nothing, in
    another SQL state; silogate has to have read them as the server says it does."""
    database, mode, charset = session.sql_state()
    if database not in SCHEMAS:
        session.connection.query("USE nilecare")
        database = "nilecare"
    word = f"q{number}x"
    quoted = session.probe(f'SELECT 1 AS {word}, "n" FROM moody_probe')
    assert quoted in ("42", "n") and (quoted == "42") == ("ANSI_QUOTES" in mode), (quoted, mode)
    record = session.record(word)
    assert record["database"] == database, (database, record)
    assert [one["schema"] for one in record["objects"]] == [database]
    assert ('"n"' in record["statement"] or "`n`" in record["statement"]) == (quoted == "42"), \
        (quoted, record["statement"])
    word = f"b{number}x"
    taken = session.probe(rf"SELECT 1 AS {word}, 'a\'', 'b' FROM moody_probe") is not None
    assert taken == ("NO_BACKSLASH_ESCAPES" not in mode), (taken, mode)
    record = session.record(word)
    assert (record["reason"] != "undetermined") == taken, (taken, record)
    word = f"c{number}x"
    bytes_ = b"SELECT 1 AS " + word.encode() + b", LENGTH('\x81\\'), 'b' FROM moody_probe"
    taken = session.probe(bytes_) is not None
    assert taken == (charset in ("gbk", "sjis") or "NO_BACKSLASH_ESCAPES" in mode), (taken, charset)
    record = session.record(word)
    assert (record["reason"] != "undetermined") == taken, (taken, record)
