"""User variables, sql_mode and character sets are believed only where the server sets them: a SET may fail half way,
run in another state than that of its PREPARE, or read what it has changed itself; and the servers evaluate
assignments and functions where nothing is said to run, in a PREPARE, or in MariaDB when a table or view is opened."""

import pytest

from harness import gate, wire
from test_belief import GRANT, INI, REFUSED, SECRET, blocking, login, records_of, refused, vault, without_grant  # noqa: F401

READ = "SELECT name FROM vault.t"
RUN = ["PREPARE s FROM @v", "EXECUTE s"]
# In sjis the backslash becomes another character, and then the text has no string that hides the name.
BACKSLASH = ["SET sql_mode = ''", "SET NAMES utf8mb4", r"SET @v = 'SELECT \'a\\\', name FROM vault.t -- \''"]
ANSI = 'SELECT 1 AS "x\\", name FROM vault.t -- "'  # reads the other silo if the server has ANSI_QUOTES
PLAIN = 'SELECT 1 AS "a\\" /*", name FROM vault.t -- */'  # the same if it does not
HINT = "/*+ SET_VAR(sql_mode = '{}') */"
HINTED = "(SELECT " + HINT.format("ANSI_QUOTES") + " 300000)"
GBK = b"SELECT _binary'\xbf\x5c', name FROM vault.t -- '"  # the same with gbk
EARLY = f"SELECT 1 FROM own.t WHERE (@v := '{READ}') <> ''"
FUNCTION = f"CREATE OR REPLACE FUNCTION own.f() RETURNS INT DETERMINISTIC NO SQL BEGIN SET @v = '{READ}'; RETURN 1; END"
VIEW = "CREATE OR REPLACE VIEW own.vf AS SELECT ROUND(1.234, own.f()) AS x"
SCRATCH = "CREATE OR REPLACE TEMPORARY TABLE own.x (id INT, b VARCHAR(99) "


def prepared(text, *between):
    return [("prepare", text), *between, ("execute",)]


BOTH = {
    "a mode that is saved": ["SET sql_mode = ''", *prepared("SET @v = @@sql_mode", "SET sql_mode = 'ANSI_QUOTES'"), "SET sql_mode = @v", ANSI],
    "a mode out of a variable": ["SET sql_mode = '', @v = ''", "SET @v = ''", *prepared("SET sql_mode = @v", "SET @v = 'ANSI_QUOTES'"), ANSI],
    "a mode and more": ["SET sql_mode = ''", *prepared("SET sql_mode = CONCAT(@@sql_mode, ',STRICT_TRANS_TABLES')",
                                                      "SET sql_mode = 'ANSI_QUOTES'"), ANSI],
    "a mode and less": ["SET sql_mode = ''", *prepared("SET sql_mode = REPLACE(@@sql_mode, 'STRICT_TRANS_TABLES', '')",
                                                      "SET sql_mode = 'ANSI_QUOTES'"), ANSI],
    "a literal": ["SET sql_mode = ''", *prepared("SET @v = 'SELECT 1 -- \\n, name FROM vault.t'", "SET sql_mode = 'NO_BACKSLASH_ESCAPES'"), *RUN],
    "a character set": ["SET session_track_system_variables = ''", "SET NAMES utf8mb4", "SET @v = 'utf8mb4'",
                        *prepared("SET character_set_client = @v", "SET @v = 'gbk'"), GBK],
    "a character set that is saved": ["SET NAMES utf8mb4", *prepared("SET @v = @@character_set_client", "SET NAMES gbk"),
                                      "SET NAMES utf8mb4", "SET character_set_client = @v", GBK],
    "an assignment in the same SET": ["SET sql_mode = ''", "SET @v = ''", "SET @x = (@v := 'ANSI_QUOTES'), sql_mode = @v", ANSI],
    "a character set in the same SET": ["SET @v = 'utf8mb4'", "SET @x = (@v := 'gbk'), character_set_client = @v", GBK],
    "a function in the same SET": ["SET sql_mode = ''", "SET @v = ''", "SET @x = own.ansi(), sql_mode = @v", ANSI],
}
MYSQL = {
    "half of a SET": ["SET sql_mode = ''", "SET sql_mode = 'ANSI_QUOTES', gtid_next = 'x', sql_mode = ''", ANSI],
    "half of a SET in XA": ["SET sql_mode = ''", "SET autocommit = 0", "XA START 'zz'", "INSERT INTO own.t VALUES (6, 'y')",
                            "SET sql_mode = 'ANSI_QUOTES', autocommit = 1, sql_mode = ''", ANSI],
    "half of a SET of character sets": ["SET NAMES utf8mb4", "SET character_set_client = gbk, gtid_next = 'x', character_set_client = utf8mb4", GBK],
    "an assignment behind it in the same SET": ["SET sql_mode = ''", "SET @v = ''", "SET sql_mode = @v, @x = (SELECT 1 WHERE (@v := 'ANSI_QUOTES') <> '')", ANSI],
    "a character set before an assignment": ["SET NAMES utf8mb4", "SET @v = 'utf8mb4'", "SET character_set_client = @v, sort_buffer_size = 300000 +"
                                             " (SELECT 1 WHERE (@v := 'gbk') <> '')", GBK],
    "COM_STMT_PREPARE": ["SET @v = 'SELECT 1'", ("prepare", EARLY), *RUN],
    "COM_STMT_PREPARE that fails": ["SET @v = 'SELECT 1'", ("prepare", f"DELETE FROM own.t WHERE (@v := '{READ}') = '' ORDER BY nothing LIMIT 1"), *RUN],
    "PREPARE": ["SET @v = 'SELECT 1'", "PREPARE p FROM '" + EARLY.replace("'", "''") + "'", *RUN],
}
HINTS = {  # MySQL: the mode before, what is refused, and what would use it
    "a mode is saved": ("", "SET @v = @@sql_mode, sort_buffer_size = " + HINTED, "SET sql_mode = @v"),
    "it is undone behind the SET": ("ANSI_QUOTES", "SET sql_mode = '', sort_buffer_size = " + HINTED),
    "it takes a mode back": ("", "SET NAMES utf8mb4, sql_mode = 'ANSI_QUOTES', @x = (SELECT " + HINT.format("") + " COUNT(*) FROM own.t)"),
    "beside a mode and more": ("", f"SET sort_buffer_size = {HINTED}, sql_mode = CONCAT(@@sql_mode, ',NO_ZERO_DATE')"),
    "in COM_STMT_PREPARE": ("ANSI_QUOTES", ("prepare", "SET sql_mode = '', sort_buffer_size = " + HINTED)),
    "in PREPARE": ("ANSI_QUOTES", "PREPARE p FROM 'SET sql_mode = '''', @x = " + HINTED.replace("'", "''") + "'", "EXECUTE p"),
    "in several statements": ("ANSI_QUOTES", "DO 1; SET sql_mode = '', @x = " + HINTED + "; " + ANSI),
    "in a procedure": ("ANSI_QUOTES", "CREATE PROCEDURE own.ph() BEGIN SET sql_mode = '', @x = " + HINTED + "; END"),
    "an engine": ("", "CREATE TEMPORARY TABLE own.h (id INT) SELECT /*+ SET_VAR(default_tmp_storage_engine = FEDERATED) */ 1 AS id"),
}
MARIADB = {
    "every mode": ["SET sql_mode = ''; SET NAMES utf8mb4; SET sql_mode = ALL; " + ANSI],
    "every mode, told by no flag": ["SET sql_mode = 'NO_BACKSLASH_ESCAPES'", "SET sql_mode = 'ALL'", ANSI],
    "SET STATEMENT": ["SET sql_mode = ''", "SET STATEMENT sql_mode = 'ANSI_QUOTES' FOR SET @v = @@sql_mode", "SET sql_mode = @v", ANSI],
    "SET STATEMENT that assigns": ["SET sql_mode = ''", "SET @v = ''", "SET STATEMENT sort_buffer_size = 300000 + LENGTH(@v := 'ANSI_QUOTES')"
                                   " FOR SET sql_mode = @v", ANSI],
    "COM_STMT_PREPARE of RETURNING": ["SET @v = 'SELECT 1'", ("prepare", f"DELETE FROM own.t WHERE id = 99 OR (@v := '{READ}') = '' RETURNING id"), *RUN],
    "PREPARE of a function": ["SET @v = 'SELECT 1'", "PREPARE p FROM 'SELECT ROUND(1.234, own.f())'", *RUN],
    "COM_STMT_PREPARE of a function": ["SET @v = 'SELECT 1'", ("prepare", "SELECT ROUND(1.234, own.f())"), *RUN],
    **{f"{text} of a view": ["SET @v = 'SELECT 1'", text, *RUN] for text in (
        "DESCRIBE own.vf", "SHOW COLUMNS FROM own.vf", "SHOW CREATE TABLE own.vf", "CHECK TABLE own.vf", "SHOW TABLE STATUS FROM own",
        "CREATE OR REPLACE VIEW own.vv AS SELECT * FROM own.vf", "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = 'own'")},
    "a text for a client in sjis": [*BACKSLASH, "SET character_set_client = sjis", *RUN],
    "a text beside SET NAMES sjis": [*BACKSLASH, "SET NAMES sjis", "SET character_set_connection = utf8mb4", *RUN],
    "EXECUTE IMMEDIATE in sjis": [*BACKSLASH, "SET character_set_client = sjis", "EXECUTE IMMEDIATE @v"],
    "USING": ["SET @v = 'SELECT ?'", "EXECUTE IMMEDIATE @v USING ROUND(1.234, (@v := 'SELECT name FROM vault.t WHERE ?'))"],
    "COM_FIELD_LIST": ["SET @v = 'SELECT 1'", ("field list", "vf"), *RUN],
    "a DEFAULT": ["SET @v = 'SELECT 1'", f"ALTER TABLE own.d ALTER COLUMN id SET DEFAULT ((@v := '{READ}'))", *RUN],
    **{text: ["SET @v = 'SELECT 1'", text, *RUN] for text in (
        "CREATE TABLE own.l1 LIKE own.de", "CREATE TEMPORARY TABLE own.l2 LIKE own.de", "CREATE TRIGGER own.tg BEFORE INSERT ON own.de FOR EACH"
        " ROW SET @z = 1", "DROP TRIGGER own.dt", "TRUNCATE own.de", "LOCK TABLES own.de READ", "ALTER TABLE own.de COMMENT 'x'")},
    "a partition": ["SET @v = 'SELECT 1'", "CREATE OR REPLACE TABLE own.e (id INT) WITH SYSTEM VERSIONING PARTITION BY SYSTEM_TIME INTERVAL"
                    f" LENGTH((@v := '{READ}')) DAY (PARTITION a HISTORY, PARTITION b CURRENT)", *RUN],
    "a temporary table's DEFAULT": [SCRATCH + f"DEFAULT ((@v := '{READ}')))", "SET @v = 'SELECT 1'", "INSERT INTO own.x (id) VALUES (1)", *RUN],
    "a temporary table's column": [SCRATCH + f"AS ((@v := '{READ}')))", "INSERT INTO own.x (id) VALUES (1)", "SET @v = 'SELECT 1'",
                                   "SELECT * FROM own.x", *RUN],
    "one of two readings": ["SET sql_mode = 'NO_BACKSLASH_ESCAPES'", *prepared(
        "SET STATEMENT sort_buffer_size = 300000 + LENGTH('\\') FOR CREATE TEMPORARY TABLE own.zz (id INT) -- '), max_statement_time = 5 FOR"
        " CREATE TEMPORARY TABLE vault.t (id INT)", "SET sql_mode = ''"), "SELECT * FROM vault.t"],
}
CASES = [*(("both", name) for name in BOTH), *(("mysql", name) for name in MYSQL), *(("mariadb", name) for name in MARIADB)]


@pytest.fixture(scope="module")
def scene(vault):  # noqa: F811
    vault.sql("CREATE TABLE own.d (id INT)", "CREATE FUNCTION own.ansi() RETURNS INT DETERMINISTIC NO SQL"
              " BEGIN SET @v = 'ANSI_QUOTES'; RETURN 1; END")
    if vault.name == "mariadb":
        vault.sql(FUNCTION, VIEW, f"CREATE TABLE own.de (id INT, b VARCHAR(99) DEFAULT (ROUND(1.234, (@v := '{READ}'))))",
                  "CREATE TRIGGER own.dt AFTER INSERT ON own.de FOR EACH ROW SET @z = 1")
    return vault


def play(client, steps):
    """All that the client gets, and the error of the last step."""
    seen, statement, last = [], None, None
    for step in steps:
        last = None
        try:
            if step[0] == "prepare":
                statement = client.prepare(step[1])[0]
            elif step[0] == "execute":
                seen += client.execute(statement)
            elif step[0] == "execute of":
                seen += client.execute(step[1])
            elif step[0] == "field list":
                client.command(b"\x04" + step[1].encode() + b"\0")
                while client.receive()[0] not in (0xfe, 0xff):
                    pass
            else:
                seen += client.query(step)
        except wire.Error as error:
            last = error
    assert SECRET not in repr([getattr(one, "rows", one) for one in seen])
    return last


@pytest.mark.parametrize("whose, name", CASES)
def test_what_was_set_otherwise_is_not_believed(scene, blocking, whose, name):  # noqa: F811
    if whose not in ("both", scene.name):
        pytest.skip("the other server does it")
    client = login(blocking)
    last = play(client, {"both": BOTH, "mysql": MYSQL, "mariadb": MARIADB}[whose][name])
    assert last is not None and (last.code in REFUSED or last.code == 1243), last  # 1243: the PREPARE before was refused
    client.socket.close()


def test_a_parameter_that_sets_what_the_text_reads(scene, blocking):  # noqa: F811
    if scene.name != "mariadb":
        pytest.skip("MySQL knows no EXECUTE IMMEDIATE")
    client = login(blocking)
    play(client, ["SET sql_mode = ''", "SET @v = ''"])
    refused(client, "EXECUTE IMMEDIATE 'SET sql_mode = @v, @x = ?' USING ROUND(1.234, (@v := 'ANSI_QUOTES'))")
    assert play(client, [ANSI]) is None  # the mode is the one that is believed
    client.query("EXECUTE IMMEDIATE 'SET sql_mode = @v, @x = ?' USING 1")
    client.quit()


def test_the_scope_of_the_setting_before(vault):  # noqa: F811
    """GLOBAL holds for the next settings too: the session's mode stays, although a mode is set."""
    before = vault.sql("SELECT @@GLOBAL.sort_buffer_size, @@GLOBAL.sql_mode")[0]
    with gate.running(vault, ini=INI.replace("administration = block", "administration = log")) as one:
        client = login(one)
        client.query("SET sql_mode = ''")
        client.query("SET GLOBAL sort_buffer_size = 300000, sql_mode = 'ANSI_QUOTES'")
        refused(client, 'SELECT 1 AS "a\\" /*", name FROM vault.t -- */')
        client.quit()
    vault.sql(f"SET GLOBAL sort_buffer_size = {before[0]}, GLOBAL sql_mode = '{before[1]}'")


@pytest.mark.parametrize("name", HINTS)
def test_a_hint_in_another_statement_than_those_of_rows(scene, blocking, name):  # noqa: F811
    """MySQL does all of the statement with the hint's variables, and then takes them back."""
    if scene.name != "mysql":
        pytest.skip("MariaDB has no SET_VAR")
    client = login(blocking)
    mode, statement, *then = HINTS[name]
    client.query(f"SET sql_mode = '{mode}'")
    error = play(client, [statement])
    assert error is not None and "SET_VAR" in str(error), error
    play(client, [*then, ANSI, PLAIN])
    client.quit()


def test_a_hint_in_a_set_that_is_logged(scene):
    """The SET runs, and silogate asks which mode it has left."""
    if scene.name != "mysql":
        pytest.skip("MariaDB has no SET_VAR")
    with gate.running(scene, ini=INI.replace("undetermined = block", "undetermined = log")) as one:
        client = login(one)
        client.query("SET sql_mode = 'ANSI_QUOTES'")
        client.query("SET sql_mode = '', @v = @@sql_mode, @x = " + HINTED)
        refused(client, ANSI)
        client.query("SET sql_mode = ''")
        client.query("SET @v = @@sql_mode, @x = " + HINTED)
        client.query("SET sql_mode = @v")
        refused(client, ANSI)
        client.quit()


@pytest.mark.parametrize("statement", [
    "CREATE EVENT own.eh ON SCHEDULE AT (SELECT {} NOW() + INTERVAL 1 HOUR) DO ",
    "CREATE EVENT own.eh ON SCHEDULE EVERY 1 DAY STARTS (SELECT {} NOW()) DO ",
    "ALTER EVENT own.ev ON SCHEDULE AT (SELECT {} NOW() + INTERVAL 1 HOUR) DO "])
def test_a_hint_in_a_schedule(scene, blocking, statement):  # noqa: F811
    """The event would be stored with the hint's mode, and its body be read in it."""
    if scene.name != "mysql":
        pytest.skip("MariaDB has no SET_VAR")
    client, hint = login(blocking), HINT.format("ANSI_QUOTES")
    client.query("SET sql_mode = ''")
    client.query("CREATE EVENT IF NOT EXISTS own.ev ON SCHEDULE AT NOW() + INTERVAL 1 HOUR DO INSERT " + hint + " INTO own.d VALUES (1)")
    assert client.query("SHOW CREATE EVENT own.ev")[0].rows[0][1] == ""  # a hint in the body is the body's
    refused(client, statement.format(hint) + "INSERT INTO own.d " + ANSI)
    with pytest.raises(wire.Error, match="silogate"):
        client.execute(client.prepare(statement.format(hint) + "INSERT INTO own.d " + ANSI)[0])
    client.quit()


def test_a_hint_ends_with_its_statement(scene, blocking):  # noqa: F811
    """In SELECT, INSERT, UPDATE and DELETE a hint is allowed. It leaves no mode behind, and what the server reads while
    the statement runs is read in the session's mode, as after a change of a table."""
    if scene.name != "mysql":
        pytest.skip("MariaDB has no SET_VAR")
    client, hint = login(blocking), HINT.format("ANSI_QUOTES")
    client.query("SET sql_mode = ''")
    again = client.prepare("SELECT " + hint + " id AS " + ANSI[ANSI.index('"'):] + ", @@sql_mode FROM own.t")[0]
    scene.sql("ALTER TABLE own.t COMMENT 'read again'")
    play(client, [("execute of", again)])
    for statement in ("SELECT {} @@sql_mode INTO @v", "EXPLAIN SELECT {} 1", "INSERT {} INTO own.d VALUES (1)", "UPDATE {} own.d SET id = 2",
                      "DELETE {} FROM own.d", "SELECT {} own.ansi()", "SELECT {} * FROM own.t WHERE id = (SELECT 1 UNION SELECT 2)"):
        error = play(client, [statement.format(hint)])
        assert error is None or error.code == 1242  # the last one's
        assert client.query("SELECT @@sql_mode")[0].rows == [[""]]
        assert play(client, [ANSI]) is None
    client.query("SELECT " + hint + " @@sql_mode INTO @v")
    client.query("SET sql_mode = @v")
    refused(client, ANSI)
    client.quit()


def test_what_is_known_goes_on(scene, blocking):  # noqa: F811
    """Scripts save a mode and choose a text, and none of this is refused."""
    client = login(blocking)
    for statement in ("SET @old = @@sql_mode", "SET sql_mode = 'ANSI_QUOTES'", "CREATE TABLE own.k (id INT)", "SET sql_mode = @old",
                      "SET @v := 'SELECT 1 AS a'", "DROP TABLE own.k", *RUN, "SET @w = @@character_set_client", "SET NAMES latin1",
                      "SHOW TABLES", "ALTER TABLE own.d COMMENT 'x'", "SET character_set_client = @w", "SELECT \"it's\", name FROM own.t",
                      "SET @v = (SELECT IF(COUNT(*) > 0, 'SELECT 2', 'SELECT 3') FROM information_schema.tables)", *RUN):
        client.query(statement)
    client.execute(client.prepare("SET sql_mode = 'ANSI_QUOTES'")[0])
    assert client.query('SELECT "name" FROM own.t WHERE id = 1')[0].rows == [["own"]]
    client.execute(client.prepare("SET NAMES utf8mb4")[0])
    assert client.query("SELECT 'ö', name FROM own.t WHERE id = 1")[0].rows == [["ö", "own"]]
    client.quit()


def test_a_function_that_a_prepare_runs_is_recorded(vault):  # noqa: F811
    if vault.name != "mariadb":
        pytest.skip("MySQL does not run functions before the execution")
    vault.sql("CREATE FUNCTION vault.f() RETURNS INT DETERMINISTIC BEGIN SET @leak = (SELECT MAX(name) FROM vault.t); RETURN 1; END")
    with gate.running(vault, ini=INI.replace("block", "log")) as one:
        client = login(one)
        client.prepare("SELECT ROUND(1.234, vault.f())")
        record, = records_of(one, client, 1)
        assert [(found["type"], found["name"]) for found in record["objects"]] == [("routine", "f")]
        assert client.query("SELECT @leak")[0].rows == [[SECRET]]  # it has run
        client.quit()
    vault.sql("DROP FUNCTION vault.f")


@pytest.mark.parametrize("step", ["DESCRIBE own.vg", ("prepare", "SELECT ROUND(1.234, own.g())")])
def test_a_likeness_that_a_description_makes(vault, step):  # noqa: F811
    if vault.name != "mariadb":
        pytest.skip("MySQL does not run functions before the execution")
    vault.sql("CREATE OR REPLACE FUNCTION own.g() RETURNS INT DETERMINISTIC BEGIN CREATE TEMPORARY TABLE own.z LIKE own.q; RETURN 1; END",
              "CREATE TABLE own.q (id INT)", "CREATE OR REPLACE VIEW own.vg AS SELECT ROUND(1.234, own.g()) AS x", "DROP TABLE own.q")
    with gate.running(vault, ini=GRANT) as one:
        client = login(one)
        client.query("CREATE TEMPORARY TABLE own.q (id INT, name VARCHAR(60)) ENGINE=MERGE UNION=(vault.m)")
        play(client, [step, "DROP TEMPORARY TABLE own.q"])
        without_grant(one)
        refused(client, "SELECT * FROM own.z")
        client.socket.close()
