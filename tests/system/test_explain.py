"""silogate explain, from outside: options, exit statuses, the JSON form, and what one statement of the
input means for the next. No server is needed."""
import json
import subprocess

import pytest

from harness.places import BUILD, TOP

INI = """
[policy]
mode = log
undetermined = block
unowned = allow
administration = block

[upstream:main]
address = 127.0.0.1:1

[service:billing]
user = billing_user
upstream = main
database = shop_billing
alias = shop
owns = shop_billing.*
owns = shop.invoices
reads = shared.*

[service:clinical]
user = clinical_user
upstream = main
database = clinic
owns = clinic.*
owns = shop.patients

[grant:late]
service = billing
on = clinic.old
access = read
until = 2020-01-01

[edge:billing->clinical]
mode = block
"""


@pytest.fixture(scope="module")
def ini(tmp_path_factory):
    path = tmp_path_factory.mktemp("explain") / "proxy.ini"
    path.write_text(INI)
    return path


def run(ini, text, *options, user="billing_user"):
    if isinstance(text, str):
        text = text.encode()
    return subprocess.run([BUILD / "silogate", "explain", "-c", ini, "--user", user, *options],
                          input=text, capture_output=True, timeout=60)


def explain(ini, text, *options, **named):
    done = run(ini, text, "--json", *options, **named)
    assert done.returncode in (0, 1), done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == (1 if any(line["verdict"] != "allow" for line in lines) else 0)
    return lines


def names(line):
    return [f"{o['schema']}.{o['name']}" if o["name"] else o["schema"] for o in line["objects"]]


def test_the_form_of_a_line(ini):
    done = run(ini, "SELECT * FROM clinic.patients WHERE id = 5", "--json")
    assert done.returncode == 1
    assert done.stdout == (
        b'{"n":1,"part":1,"kind":"select","determined":true,"objects":[{"schema":"clinic","name":'
        b'"patients","type":"table","access":["read"],"owner":"clinical","verdict":"block",'
        b'"reason":"foreign"}],"verdict":"block","reason":"foreign"}\n')
    assert done.stderr == b""


def test_the_form_of_an_undetermined_line(ini):
    done = run(ini, "SELECT * FROM clinic.patients JOIN (nonsense nonsense nonsense", "--json")
    assert done.returncode == 1
    line = json.loads(done.stdout)
    assert list(line) == ["n", "part", "kind", "determined", "why", "objects", "verdict", "reason"]
    assert line["determined"] is False and line["why"]
    assert "clinic.patients" in names(line)
    assert (line["verdict"], line["reason"]) in (("block", "foreign"), ("block", "undetermined"))


@pytest.mark.parametrize("statement, verdict, reason", [
    ("SELECT * FROM invoices", "allow", "own"),
    ("SELECT * FROM shop.invoices", "allow", "own"),
    ("SELECT * FROM shared.codes", "allow", "granted"),
    ("SELECT * FROM clinic.old", "block", "expired_grant"),
    ("SELECT * FROM clinic.visits", "block", "foreign"),
    ("SELECT * FROM nowhere.t", "allow", "unowned"),
    ("SELECT * FROM mysql.user", "block", "system"),
    ("SELECT * FROM information_schema.tables", "allow", "session"),
    ("SELECT 1", "allow", "session"),
    ("SET GLOBAL max_connections = 1", "block", "administration"),
    ("KILL 5", "block", "administration"),  # of a session that is not this one
    ("KILL QUERY 5", "block", "administration"),
    ("nonsense", "block", "undetermined"),
])
def test_verdicts(ini, statement, verdict, reason):
    line, = explain(ini, statement)
    assert (line["verdict"], line["reason"]) == (verdict, reason)


def test_nothing_is_a_violation_of_one_s_own(ini):
    done = run(ini, "SELECT 1; SELECT * FROM invoices;")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == b"1.1 select: allow, session"
    assert done.stdout.splitlines()[2].startswith(b"    shop_billing.invoices (table) read: allow, own")


def test_the_text_form_names_rule_and_line(ini):
    out = run(ini, "SELECT * FROM clinic.visits").stdout.decode()
    line = INI.splitlines().index("[edge:billing->clinical]") + 2
    assert "1.1 select: block, foreign" in out
    assert f"owned by clinical, by [edge:billing->clinical] mode = block, line {line}" in out


def test_items_and_parts(ini):
    lines = explain(ini, "SELECT 1; SELECT 2;\n-- only a comment\n;SELECT 3")
    assert [(line["n"], line["part"]) for line in lines] == [(1, 1), (2, 1), (3, 1)]
    lines = explain(ini, "DELIMITER //\nSELECT 1; SELECT 2;//\nSELECT 3//\n")
    assert [(line["n"], line["part"]) for line in lines] == [(1, 1), (1, 2), (2, 1)]


def test_items_that_end_in_nul(ini):
    lines = explain(ini, "SELECT 1; SELECT ';'\0\0SELECT 'a\\\\'", "--null")
    assert [(line["n"], line["part"], line["kind"]) for line in lines] == [
        (1, 1, "select"), (1, 2, "select"), (2, 1, "empty"), (3, 1, "select")]
    assert len(explain(ini, "SELECT 1\0", "--null")) == 1
    assert explain(ini, "", "--null") == []


def test_the_file_may_be_named(ini, tmp_path):
    script = tmp_path / "script.sql"
    script.write_text("SELECT 1; SELECT * FROM clinic.visits;")
    done = subprocess.run([BUILD / "silogate", "explain", "-c", ini, "--user", "billing_user", script],
                          capture_output=True, timeout=60)
    assert done.returncode == 1 and len(done.stdout.splitlines()) == 5
    assert done.stdout.splitlines()[0] == f"{script}:1: select: allow, session".encode()
    done = subprocess.run([BUILD / "silogate", "explain", "-c", ini, "--user", "billing_user",
                           tmp_path / "none.sql"], capture_output=True, timeout=60)
    assert done.returncode == 2 and b"none.sql" in done.stderr


def test_use_counts_for_what_follows(ini):
    lines = explain(ini, "SELECT * FROM t; USE clinic; SELECT * FROM t; DROP DATABASE clinic; SELECT * FROM t")
    assert names(lines[0]) == ["shop_billing.t"] and lines[0]["reason"] == "own"
    assert names(lines[1]) == ["clinic"]
    assert names(lines[2]) == ["clinic.t"] and lines[2]["reason"] == "foreign"
    assert lines[4]["objects"][0]["schema"] is None
    lines = explain(ini, "USE clinic\0SELECT * FROM t", "--null")
    assert names(lines[1]) == ["clinic.t"]
    lines = explain(ini, "use clinic\nSELECT * FROM t")
    assert names(lines[1]) == ["clinic.t"]


def test_an_alias_means_the_service_s_database(ini):
    lines = explain(ini, "USE clinic; USE shop; SELECT * FROM t")
    assert names(lines[1]) == ["shop_billing"] and lines[1]["reason"] == "own"
    assert names(lines[2]) == ["shop_billing.t"]
    assert names(explain(ini, "SELECT * FROM t", "--database", "shop")[0]) == ["shop_billing.t"]


def test_the_database_may_be_given(ini):
    assert names(explain(ini, "SELECT * FROM t", "--database", "clinic")[0]) == ["clinic.t"]


def test_sql_mode_counts_for_what_follows(ini):
    query = 'SELECT * FROM "t"'
    assert not explain(ini, query)[0]["determined"]
    assert names(explain(ini, query, "--sql-mode", "ANSI_QUOTES")[0]) == ["shop_billing.t"]
    assert names(explain(ini, f"SET sql_mode = 'ANSI_QUOTES'; {query}")[1]) == ["shop_billing.t"]
    assert names(explain(ini, f"SET sql_mode = 'ANSI'\0{query}", "--null")[1]) == ["shop_billing.t"]
    lines = explain(ini, r"SET sql_mode = 'NO_BACKSLASH_ESCAPES'; SELECT 'a\'; SELECT * FROM clinic.t")
    assert names(lines[2]) == ["clinic.t"]


def test_what_tools_save_they_may_restore(ini):
    """As dumps have it: mode and character set are saved in variables, changed, and set back."""
    lines = explain(ini, """
        /*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
        /*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='ANSI_QUOTES' */;
        CREATE TABLE "clinic"."a" (x INT);
        /*!40101 SET @saved_cs_client = @@character_set_client */;
        SET @saved_col_connection = @@collation_connection;
        /*!50503 SET character_set_client = gbk */;
        CREATE TABLE `clinic`.`b` (x INT COMMENT '\xbf\\', y INT);
        /*!40101 SET character_set_client = @saved_cs_client */;
        CREATE TABLE "clinic"."c" (x INT);
        /*!40101 SET SQL_MODE=@OLD_SQL_MODE */;
        CREATE TABLE `clinic`.`d` (x INT COMMENT "x");
        """.encode("latin-1"), "--charset", "gbk")
    assert [names(line) for line in lines if line["kind"] == "create_table"] == [
        ["clinic.a"], ["clinic.b"], ["clinic.c"], ["clinic.d"]]
    assert all(line["determined"] for line in lines)


@pytest.mark.parametrize("between", [
    "SET @old = 'x', @other = 5", "SET @other = @old := 'x'", "SELECT 'x' INTO @old",
    "SET @old = CONCAT('AN', 'SI')", "CALL p()", "INSERT INTO t VALUES (1)", "SELECT f(1)", "nonsense",
    "SET @`old ` = 5", "SET @old = @@global.sql_mode", "SET @OLD = @@sql_mode, @old = 5"])
def test_what_may_have_changed_meanwhile_is_not_believed(ini, between):
    lines = explain(ini, f"SET @old = @@sql_mode; {between}; SET sql_mode = @old; SELECT \"x\" FROM clinic.t")
    assert not lines[-1]["determined"]


def test_dialect_and_version(ini):
    text = "SELECT 1 /*M! FROM clinic.t */"
    assert explain(ini, text)[0]["objects"] == []
    assert names(explain(ini, text, "--dialect", "mariadb")[0]) == ["clinic.t"]
    assert names(explain(ini, text, "--server-version", "10.11.19-MariaDB")[0]) == ["clinic.t"]
    text = "SELECT 1 /*!80100 FROM clinic.t */"
    assert names(explain(ini, text)[0]) == ["clinic.t"]
    assert explain(ini, text, "--server-version", "8.0.45")[0]["objects"] == []
    text = "SELECT 1 /*!90704 FROM clinic.t */"  # of which version of its release the server is, nobody has said
    assert not explain(ini, text)[0]["determined"]
    assert not explain(ini, text, "--server-version", "9.7")[0]["determined"]
    assert explain(ini, text, "--server-version", "9.7.0")[0]["determined"]
    assert names(explain(ini, text, "--server-version", "9.7.4")[0]) == ["clinic.t"]


def test_character_set(ini):
    text = b"SELECT '\xbf\\'; SELECT * FROM clinic.t; -- '"
    assert len(explain(ini, text, "--charset", "gbk")) == 2
    assert names(explain(ini, text, "--charset", "gbk")[1]) == ["clinic.t"]
    assert all("clinic.t" not in names(line) for line in explain(ini, text))


def test_temporary_tables_are_the_session_s_own(ini):
    lines = explain(ini, "CREATE TEMPORARY TABLE clinic.x (a INT); SELECT * FROM clinic.x;"
                         "DROP TEMPORARY TABLE clinic.x; SELECT * FROM clinic.x")
    assert lines[1]["reason"] == "session"
    assert lines[3]["reason"] == "foreign"


def test_prepared_text_counts(ini):
    lines = explain(ini, "SET @a = 'SELECT * FROM clinic.t'; PREPARE s FROM @a; EXECUTE s;"
                         "SET @a = CONCAT('x', 'y'); PREPARE s FROM @a; EXECUTE s")
    assert names(lines[1]) == ["clinic.t"]
    assert names(lines[2]) == ["clinic.t"]
    assert not lines[4]["determined"] and not lines[5]["determined"]


def test_a_user_without_a_service(ini, tmp_path):
    done = run(ini, "SELECT 1", user="stranger")
    assert done.returncode == 2 and b"stranger" in done.stderr and done.stdout == b""
    passing = tmp_path / "passing.ini"
    passing.write_text("[proxy]\nunknown_user = pass\n" + INI)
    done = run(passing, "SELECT * FROM clinic.t", "--json", user="stranger")
    assert done.returncode == 1 and b"stranger" in done.stderr
    line = json.loads(done.stdout)
    assert (line["verdict"], line["reason"]) == ("log", "foreign")


@pytest.mark.parametrize("options", [
    [], ["-c", "INI"], ["--user", "billing_user"], ["-c", "INI", "--user", "billing_user", "--wrong"],
    ["-c", "INI", "--user", "billing_user", "--dialect", "oracle"],
    ["-c", "INI", "--user", "billing_user", "--server-version", "new"],
    ["-c", "INI", "--user", "billing_user", "--charset", "ucs2"],
    ["-c", "INI", "--user", "billing_user", "--sql-mode", "STRICT_TRANS_TABLES,ANSI_QUOTE"],
    ["-c", "INI", "--user", "billing_user", "a", "b"],
    ["-c", "INI.none", "--user", "billing_user"],
])
def test_misuse(ini, options):
    options = [str(ini) + option[3:] if option.startswith("INI") else option for option in options]
    done = subprocess.run([BUILD / "silogate", "explain", *options], input=b"SELECT 1",
                          capture_output=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr and done.stdout == b""


def test_a_bad_configuration(tmp_path):
    wrong = tmp_path / "wrong.ini"
    wrong.write_text(INI.replace("mode = log", "mode = lag", 1) + "[edge:billing->nobody]\nmode = log\n")
    done = run(wrong, "SELECT 1")
    assert done.returncode == 2
    line = INI.splitlines().index("mode = log") + 1
    assert f"{wrong}:{line}:".encode() in done.stderr
    assert b"there is no [service:nobody]" in done.stderr and done.stdout == b""


def test_help(ini):
    done = subprocess.run([BUILD / "silogate", "explain", "--help"], capture_output=True, timeout=60)
    assert done.returncode == 0 and b"--sql-mode" in done.stdout and done.stderr == b""
    done = subprocess.run([BUILD / "silogate", "--help"], capture_output=True, timeout=60)
    assert b"explain" in done.stdout


def test_output_that_cannot_be_written(ini):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([BUILD / "silogate", "explain", "-c", ini, "--user", "billing_user"],
                              input=b"SELECT 1", stdout=full, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 2 and done.stderr


def test_values_stay_inside(ini):
    text = "SELECT * FROM clinic.t WHERE a = 'secretvalue' AND ('secretvalue"
    for options in ([], ["--json"]):
        done = run(ini, text, *options)
        assert b"secretvalue" not in done.stdout + done.stderr


def test_any_bytes_give_json(ini):
    text = bytes(range(1, 256)) + b"\0SELECT * FROM `\xff\"\\\x01`\0" + b"\xff" * 1000
    for charset in ("utf8mb4", "latin1", "gbk"):
        lines = explain(ini, text, "--null", "--charset", charset)
        assert [line["n"] for line in lines if line["part"] == 1] == [1, 2, 3]


def test_a_statement_larger_than_the_buffer(ini):
    rows = ",".join(["(1, 'abcdefghij')"] * 100000)
    lines = explain(ini, f"INSERT INTO t VALUES {rows}; SELECT * FROM clinic.t")
    assert [line["kind"] for line in lines] == ["insert", "select"]
    assert lines[0]["determined"] and names(lines[1]) == ["clinic.t"]


def test_the_examples_run():
    for example in ("nilecare", "medport"):
        folder = TOP / "examples" / example
        users = [line.split("=")[1].split(";")[0].strip()
                 for line in (folder / "proxy.ini").read_text().splitlines() if line.startswith("user =")]
        done = run(folder / "proxy.ini", (folder / "queries.sql").read_text(), "--json", user=users[0])
        assert done.returncode in (0, 1) and done.stdout, done.stderr
        assert all(json.loads(line)["determined"] for line in done.stdout.splitlines())
