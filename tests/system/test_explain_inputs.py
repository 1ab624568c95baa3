"""silogate explain on what files of SQL really have in them, kind by kind: nothing that a server takes is
undetermined, nothing that cannot be known is allowed as if it were."""
import json
import subprocess

import pytest

from harness import places

INI = """
[policy]
mode = block
undetermined = {undetermined}
unowned = {unowned}
[upstream:main]
address = 127.0.0.1:1
[service:billing]
user = billing_user
database = shop
owns = shop.*
[service:clinical]
user = clinical_user
owns = clinic.*
"""
OWN, FOREIGN, SESSION, UNKNOWN = "allow own", "block foreign", "allow session", "block undetermined"
SAVE = "SET @s = @@character_set_client; SET character_set_client = utf8mb4; "
RESTORE = "; SET character_set_client = @s; SELECT 'é' FROM clinic.t"
# (name, text, the last verdicts, in their order)
CASES = [
    # what stands in dumps between SET @s = @@character_set_client and SET character_set_client = @s
    *[(f"restored behind {what.split(' ')[0]} {what.split(' ')[1]}", SAVE + what + RESTORE, [SESSION, FOREIGN]) for what in (
        "CREATE TABLE t (a INT)", "CREATE VIEW v AS SELECT a FROM t", "DROP TABLE IF EXISTS t", "ALTER TABLE t ADD b INT",
        "LOCK TABLES t WRITE", "UNLOCK TABLES; SELECT 1", "ANALYZE TABLE t", "SHOW CREATE TABLE t",
        "SELECT COUNT(*) FROM information_schema.tables", "INSERT INTO t VALUES (1)",
        "CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1",
        "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM t", "CREATE FUNCTION f() RETURNS INT RETURN 1",
        "CREATE TABLE u (a INT REFERENCES t (a))")],
    # what is not understood leaves nobody's database behind it
    ("GARBAGE", "GARBAGE x; SELECT * FROM t", [UNKNOWN, UNKNOWN]),
    ("GARBAGE, USE", "GARBAGE x; USE shop; SELECT * FROM t", [OWN, OWN]),
    ("a procedure of a text", "CREATE PROCEDURE p() EXECUTE s; SELECT * FROM t", None),
    ("EXECUTE of a text", "EXECUTE s; SELECT * FROM t", [UNKNOWN, OWN]),  # no prepared statement changes the database
    # a sql_mode of the file's own
    *[(f"sql_mode {mode}", f"SET sql_mode {mode}; SELECT 'a' FROM t; SELECT 'é' FROM clinic.t", [OWN, FOREIGN]) for mode in (
        "= (SELECT REPLACE(@@sql_mode, 'ONLY_FULL_GROUP_BY', ''))", "= DEFAULT", "= @@global.sql_mode",
        ":= REPLACE(@o := @@sql_mode, 'ONLY_FULL_GROUP_BY', '')", "= REPLACE(@@sql_mode, 'ONLY_FULL_GROUP_BY', '')",
        "= CONCAT(@@sql_mode, ',NO_AUTO_VALUE_ON_ZERO')", "= ''")],
    *[(f"a known sql_mode {mode}", f'SET sql_mode {mode}; SELECT "a" FROM t', [OWN]) for mode in (
        "= (SELECT REPLACE(@@sql_mode, 'ONLY_FULL_GROUP_BY', ''))", ":= REPLACE(@o := @@sql_mode, 'STRICT_ALL_TABLES', '')")],
    *[(f"an unknown sql_mode {mode}", f'SET sql_mode {mode}; SELECT "a" FROM t', [UNKNOWN]) for mode in (
        "= DEFAULT", "= @@global.sql_mode")],
    ("a byte order mark", "\ufeffSELECT * FROM t; SELECT * FROM clinic.t", [OWN, FOREIGN]),
    # the client's own commands take no statement with them
    *[(f"client: {command}", f"{command}\nSELECT * FROM clinic.t;\n{command}\nSELECT * FROM t;", [FOREIGN, OWN]) for command in (
        "prompt my>", "prompt my>;", "warnings", "warnings;", "nowarning", "quit", "exit", "\\W", "\\w", "tee out.txt", "notee",
        "status", "\\s", "rehash", "\\#", "delimiter ;", "charset utf8mb4", "pager less", "nopager", "system ls", "\\! ls")],
    # words of the grammar
    *[(words, f"SELECT a FROM t {words} SELECT a FROM clinic.t", [FOREIGN]) for words in (
        "UNION DISTINCTROW", "EXCEPT DISTINCTROW", "INTERSECT DISTINCTROW", "UNION DISTINCT", "EXCEPT ALL", "INTERSECT ALL")],
    ("SAVEPOINT savepoint", "SAVEPOINT savepoint; ROLLBACK TO savepoint; ROLLBACK TO SAVEPOINT savepoint;"
     " RELEASE SAVEPOINT savepoint", [SESSION] * 4),
    ("NTH_VALUE", "SELECT NTH_VALUE(a, 2) FROM FIRST RESPECT NULLS OVER (ORDER BY b) FROM t;"
     " SELECT NTH_VALUE(a, 2) FROM FIRST RESPECT NULLS OVER w FROM clinic.t WINDOW w AS (ORDER BY b)", [OWN, FOREIGN]),
    # text that is built as it runs, as far as it can be known
    ("PREPARE and EXECUTE in a body", "DELIMITER //\nCREATE PROCEDURE p() BEGIN PREPARE s FROM 'SELECT * FROM clinic.t';"
     " EXECUTE s; DEALLOCATE PREPARE s; END//\nCREATE PROCEDURE q() BEGIN PREPARE s FROM 'SELECT * FROM t'; EXECUTE s; END//\n",
     [FOREIGN, OWN]),
    ("one of two literals", "SET @q = IF(@n > 0, 'SELECT 1', 'ALTER TABLE clinic.t ADD b INT'); PREPARE s FROM @q; EXECUTE s;"
     " DEALLOCATE PREPARE s; SELECT * FROM t", [FOREIGN, FOREIGN, SESSION, OWN]),
    ("one of two literals, by a query", "SET @q = (SELECT IF(COUNT(*) > 0, 'SELECT 1', 'ALTER TABLE t ADD b INT') FROM"
     " information_schema.columns WHERE table_name = 't'); PREPARE s FROM @q; EXECUTE s", [OWN, OWN]),
    ("a text that cannot be known", "SET @q = CONCAT('SELECT * FROM ', @t); PREPARE s FROM @q; EXECUTE s", [UNKNOWN, UNKNOWN]),
]


def explain(tmp_path, text, undetermined="block", unowned="block"):
    ini = tmp_path / "proxy.ini"
    ini.write_text(INI.format(undetermined=undetermined, unowned=unowned))
    (tmp_path / "file.sql").write_text(text)
    done = subprocess.run([places.SILOGATE, "explain", "-c", ini, "--user", "billing_user", "--json", "file.sql"],
                          cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 1), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("text, expected", [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_input(tmp_path, text, expected):
    rows = explain(tmp_path, text)
    verdicts = [f"{row['verdict']} {row['reason']}" for row in rows]
    if expected is None:  # known or not: what follows is never nobody's
        assert verdicts[-1] in (OWN, UNKNOWN)
    else:
        assert verdicts[-len(expected):] == expected, [(row["kind"], row.get("why")) for row in rows]
    assert not [one for row in rows for one in row["objects"] if one["schema"] is None]


@pytest.mark.parametrize("start", ["GARBAGE x", "EXECUTE s", "CALL p()", "CREATE PROCEDURE p() EXECUTE s"])
def test_what_is_not_known_is_not_nobody_s(tmp_path, start):
    """Where nobody's things are allowed, what follows a text that is not understood is not taken for such a thing."""
    row = explain(tmp_path, f"{start}; SELECT * FROM t", undetermined="block", unowned="allow")[-1]
    assert (row["verdict"], row["reason"]) in (("block", "undetermined"), ("allow", "own"))
