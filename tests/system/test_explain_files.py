"""silogate explain on the files people have: folders, dumps, migrations with placeholders, and for CI."""
import gzip
import json
import os
import re
import subprocess
import time
import xml.etree.ElementTree

import pytest

from harness import gate as gates, places

INI = places.TOP / "examples/nilecare/proxy.ini"


def explain(*arguments, user="billing_service", folder=None, **options):
    return gates.run("explain", "-c", INI, "--user", user, *arguments, cwd=folder, **options)


def rows(*arguments, **options):
    done = explain("--json", *arguments, **options)
    return [json.loads(line) for line in done.stdout.splitlines()], done


def names(row):
    return [f"{one['schema']}.{one['name']}" for one in row["objects"]]


@pytest.fixture
def folder(tmp_path):
    """A Flyway folder, as people keep them."""
    (tmp_path / "sub").mkdir()
    files = {
        "V1__start.sql": "\ufeff-- the first\n\nSELECT 1;\n  /* two\n lines */ SELECT *\nFROM invoices;\n",
        "V2__crossing.sql": "SELECT last_name FROM clinical_data.patients WHERE mrn = 'secret-value';\n",
        "V10__late.sql": "USE clinical_data;\nSELECT * FROM patients;\n",
        "sub/R__again.sql": "SELECT * FROM patients;\n",
        "notes.txt": "SELECT * FROM nothing;\n",
        ".hidden.sql": "SELECT * FROM hidden;\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "old.sql.gz").write_bytes(gzip.compress(b"SELECT 1;\nSELECT * FROM payments;"))
    return tmp_path


def test_folders_with_files_and_lines(folder):
    found, done = rows(".", folder=folder)
    assert done.returncode == 1 and done.stderr == ""
    assert [(row["file"], row["line"], names(row)) for row in found] == [
        ("V1__start.sql", 3, []), ("V1__start.sql", 5, ["nilecare.invoices"]),
        ("V2__crossing.sql", 1, ["clinical_data.patients"]),
        ("V10__late.sql", 1, ["clinical_data."]), ("V10__late.sql", 2, ["clinical_data.patients"]),
        ("old.sql.gz", 1, []), ("old.sql.gz", 2, ["nilecare.payments"]),
        # a file has a session of its own: no USE is left from the one before
        ("sub/R__again.sql", 1, ["nilecare.patients"])]
    text = explain(folder / "V2__crossing.sql").stdout
    assert text.startswith(f"{folder}/V2__crossing.sql:1: select: log, foreign\n"
                           "    SELECT last_name FROM clinical_data.patients WHERE mrn = ?\n")
    done = explain(folder / "V1__start.sql", folder / "sub")
    assert done.returncode == 1 and "R__again.sql:1" in done.stdout and "V1__start.sql:5" in done.stdout
    done = explain(folder / "V1__start.sql", folder / "missing.sql")
    assert done.returncode == 2 and "missing.sql" in done.stderr and "V1__start.sql:5" in done.stdout
    (folder / "empty").mkdir()
    assert "no *.sql" in explain(folder / "empty").stderr


def test_source_is_followed_within_the_folder(folder):
    outside = folder.parent / "outside.sql"
    outside.write_text("SELECT * FROM outside;")
    (folder / "sub/b.sql").write_text("USE clinical_data;\nSELECT * FROM b;\n\\. c.sql\n")
    (folder / "sub/c.sql").write_text("SELECT * FROM c;")
    (folder / "a.sql").write_text(
        "prompt my>\nsource sub/b.sql\nSELECT * FROM after;\nwarnings\nSELECT 3;\nSOURCE b.sql;\nquit\n")
    found, done = rows("a.sql", folder=folder)
    assert [(row["file"], row["line"], names(row)) for row in found] == [
        ("sub/b.sql", 1, ["clinical_data."]), ("sub/b.sql", 2, ["clinical_data.b"]),
        ("sub/c.sql", 1, ["clinical_data.c"]), ("a.sql", 3, ["clinical_data.after"]), ("a.sql", 5, [])]
    assert done.returncode == 2  # SOURCE b.sql: there is none beside a.sql
    assert done.stderr.splitlines() == [
        "a.sql:1: prompt: a command of the client; skipped",
        "a.sql:4: warnings: a command of the client; skipped",
        "a.sql:6: SOURCE: not followed: the file is not there, or outside of the folder",
        "a.sql:7: quit: a command of the client; skipped"]
    for escape in ("../outside.sql", str(outside), "sub/link.sql"):
        if not (folder / "sub/link.sql").is_symlink():
            (folder / "sub/link.sql").symlink_to(outside)
        (folder / "a.sql").write_text(f"source {escape}\n")
        found, done = rows("a.sql", folder=folder)
        assert not found and done.returncode == 2 and "outside of the folder" in done.stderr, escape
    (folder / "a.sql").write_text("SELECT 1;\nsource a.sql\n")
    found, done = rows("a.sql", folder=folder)
    assert "too deep" in done.stderr and len(found) == 17


def test_placeholders(folder):
    (folder / "p.sql").write_text(
        "SELECT * FROM ${schema}.patients;\nSELECT * FROM `{{ schema }}`.patients;\n"
        "SELECT * FROM invoices WHERE id = :id AND t > '10:00:aa' AND s = %s AND u = %(user)s -- ${no}\n;\n"
        "SELECT '${text}', ':b' FROM invoices;\nSELECT * FROM :table;\n"
        "SELECT * FROM clinical_data.patients JOIN ${other}.x ON 1 /* :c */;\n")
    found, done = rows("p.sql", folder=folder)
    assert [row["determined"] for row in found] == [False, False, True, True, False, False]
    assert "${schema}" in found[0]["why"] and "{{ schema }}" in found[1]["why"]
    assert "${other}" in found[5]["why"] and names(found[5]) == ["clinical_data.patients"]
    assert not names(found[0]) and not names(found[1])
    found, done = rows("p.sql", "--set", "schema=clinical_data", "--set", "table=invoices", "--set",
                       "other=nilecare", folder=folder)
    assert names(found[0]) == names(found[1]) == ["clinical_data.patients"]
    assert found[0]["reason"] == "foreign"
    assert names(found[4]) == ["nilecare.invoices"]
    assert names(found[5]) == ["clinical_data.patients", "nilecare.x"]
    assert explain("p.sql", "--set", "novalue", folder=folder).returncode == 2


def test_a_label_is_no_placeholder(folder):
    (folder / "l.sql").write_text("DELIMITER //\nCREATE PROCEDURE nilecare.p () again :LOOP LEAVE again; END LOOP//\n")
    found, _ = rows("l.sql", folder=folder)
    assert [row["determined"] for row in found] == [True]


def test_sarif(folder):
    log = json.loads(explain("--sarif", ".", folder=folder).stdout)
    assert log["version"] == "2.1.0"
    run, = log["runs"]
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    places_of = []
    for result in run["results"]:
        assert result["ruleId"] in rules and result["level"] in ("warning", "error") and result["message"]["text"]
        place = result["locations"][0]["physicalLocation"]
        places_of.append((place["artifactLocation"]["uri"], place["region"]["startLine"]))
    assert places_of == [("V2__crossing.sql", 1), ("V10__late.sql", 1), ("V10__late.sql", 2), ("old.sql.gz", 2),
                         ("sub/R__again.sql", 1)]
    assert json.loads(explain("--sarif", "V1__start.sql", folder=folder).stdout)["runs"][0]["results"] == []
    (folder / "odd name%.sql").write_text("SELECT * FROM payments")
    assert "odd%20name%25.sql" in explain("--sarif", ".", folder=folder).stdout


def test_junit(folder):
    suites = xml.etree.ElementTree.fromstring(explain("--junit", ".", folder=folder).stdout)
    failures = {suite.get("name"): len(suite.findall("testcase/failure")) for suite in suites}
    assert failures == {"V1__start.sql": 0, "V2__crossing.sql": 1, "V10__late.sql": 2, "old.sql.gz": 1,
                        "sub/R__again.sql": 1}
    for suite in suites:
        assert int(suite.get("tests")) == len(suite.findall("testcase")) > 0
        assert int(suite.get("failures")) == failures[suite.get("name")]
        assert suite.get("errors") == suite.get("skipped") == "0"
    (folder / "odd.sql").write_text("SELECT * FROM payments WHERE a < 5 && b = `\x01<>&\"`;")
    xml.etree.ElementTree.fromstring(explain("--junit", "odd.sql", folder=folder).stdout)


def test_github(folder):
    lines = explain("--github", ".", folder=folder).stdout.splitlines()
    assert lines[0] == ("::warning file=V2__crossing.sql,line=1,title=silogate foreign::service 'billing' reads"
                        " table clinical_data.patients, which clinical owns: log (foreign, by [service:billing]"
                        " mode = log)")
    assert len(lines) == 5
    lines = explain("--github", "V2__crossing.sql", user="main_service", folder=folder).stdout.splitlines()
    assert lines[0].startswith("::error file=V2__crossing.sql,line=1,")


@pytest.mark.parametrize("form", ["--json", "--github", "--junit", "--sarif", None])
def test_no_value_is_printed(folder, form):
    done = explain(*filter(None, [form]), ".", folder=folder)
    assert "secret-value" not in done.stdout + done.stderr and done.returncode == 1


@pytest.mark.parametrize("log", [str(path.relative_to(places.TOP / "tests/learn"))
                                 for path in sorted(places.TOP.glob("tests/learn/**/*.log"))])
def test_a_log_is_recognized(log):
    done = explain(places.TOP / "tests/learn" / log)
    kind = re.search(r"-(\w+)\.log", log)[1]
    assert done.returncode == 2 and f"write: silogate learn {kind}" in done.stderr and not done.stdout


def test_utf_16_is_told_of(tmp_path):
    (tmp_path / "a.sql").write_text("SELECT 1;", encoding="utf-16")
    done = explain(tmp_path / "a.sql")
    assert done.returncode == 2 and "UTF-16" in done.stderr


def test_a_large_dump(tmp_path):
    """Constant memory: a dump of many INSERTs of half a megabyte."""
    dump = tmp_path / "dump.sql"
    values = ",".join(f"({n},'name {n}','2026-11-20 10:00:00',NULL,_binary 'x\\'y')" for n in range(9000))
    size = (200 if "SILOGATE_LONG" in os.environ else 20) << 20
    with open(dump, "w") as to:
        while to.tell() < size:
            to.write(f"INSERT INTO `invoices` VALUES {values};\n")
    limit = "" if places.is_sanitized() else "ulimit -v 100000; "
    start = time.monotonic()
    done = subprocess.run(["sh", "-c", f'{limit}exec "$@"', "sh", places.SILOGATE, "explain", "-c", INI, "--user",
                           "billing_service", "--json", dump], capture_output=True, text=True, timeout=300)
    print(f"{size >> 20} MB in {time.monotonic() - start:.2f} s")
    assert done.returncode == 0, done.stderr
    assert all(json.loads(line)["determined"] for line in done.stdout.splitlines())


def test_learn_reads_the_same_files(folder):
    done = gates.run("learn", "explain", "-c", INI, "--user", "billing_service", ".", cwd=folder)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert [record["objects"][0]["name"] for record in records] == ["patients", "", "patients", "payments", "patients"]
    assert gates.run("learn", "explain", "-c", INI, ".", cwd=folder).returncode == 2


def dump(server, to, *options):
    """By the server's own tool."""
    tool = (places.mysql_program("mysqldump") + ["--no-defaults", "--set-gtid-purged=OFF", "--no-tablespaces"]
            if server.name == "mysql" else ["mariadb-dump", "--no-defaults"])
    with open(to, "wb") as out:
        subprocess.run([*tool, "-uroot", f"-S{server.socket}", *options], stdout=out, check=True, timeout=60)


def test_dumps_are_determined(server, tmp_path):
    """Each server's own tool, with all that makes dumps hard: views, triggers, foreign keys, stored code."""
    names = ("CREATE PROCEDURE clinical_data.dumped(x INT) BEGIN DECLARE n INT; SELECT COUNT(*) INTO n FROM patients;"
             " UPDATE patients SET phone = 'a;b' WHERE id = x; END",
             "CREATE EVENT clinical_data.dumped ON SCHEDULE EVERY 1 YEAR DISABLE DO DELETE FROM clinical_data.audit_log"
             " WHERE id = 'x'",
             "CREATE FUNCTION clinical_data.dumped() RETURNS INT DETERMINISTIC RETURN 5")
    databases = [one for one, in server.sql("SHOW DATABASES") if one.startswith(("nilecare", "clinical", "business"))]
    server.sql(*names)
    try:
        for name, options in (("one", ["clinical_data"]), ("all", ["--databases", *databases]),
                              ("stored", ["--routines", "--events", "--hex-blob", "clinical_data"]),
                              ("rows", ["--no-create-info", "--complete-insert", "--skip-extended-insert",
                                        "clinical_data"])):
            dump(server, tmp_path / f"{name}.sql", *options)
    finally:
        server.sql("DROP PROCEDURE clinical_data.dumped", "DROP FUNCTION clinical_data.dumped",
                   "DROP EVENT clinical_data.dumped")
    found, done = rows("--dialect", server.dialect, "--database", "clinical_data", tmp_path,
                       user="clinical_service")
    assert len(found) > 500 and done.stderr == ""
    assert [row for row in found if not row["determined"]] == []
    own = [row for row in found if row["file"].endswith("/one.sql") and row["objects"]]
    assert own and {row["verdict"] for row in own} == {"allow"}, own


# How files begin that another program has packed, and who unpacks them.
PACKED = [(b"\xfd7zXZ\x00", "xz"), (b"\x28\xb5\x2f\xfd\x24", "zstd"), (b"BZh91AY&SY", "bzip2"),
          (b"\x04\x22\x4d\x18\x40", "lz4"), (b"PK\x03\x04\x14", "unzip")]


@pytest.mark.parametrize("start, program", PACKED)
def test_a_packed_file_is_told_of(start, program, tmp_path):
    """Its bytes are neither statements nor records: no reader may come back with a result of them."""
    (tmp_path / "packed").write_bytes(start + bytes(range(256)) + b"\n" * 3)
    for call in (["explain", "-c", INI, "--user", "billing_service"], ["report"], ["suggest"],
                 ["learn", "general", "-c", INI], ["learn", "slow", "-c", INI], ["learn", "digests", "-c", INI],
                 ["learn", "explain", "-c", INI, "--user", "billing_service"],
                 ["test", "-c", INI, "--against", INI]):
        done = gates.run(*call, "packed", cwd=tmp_path)
        assert f"packed:1: is packed; unpack it with {program}," in done.stderr, call
        assert done.returncode == 2 and "left out" not in done.stderr, call


ODD = [b"\xed\xa0\x80", b"\xe0\x80\x80", b"\xf4\x90\x80\x80", b"\xc2\x9b31m", b"\xe2\x80\xa8", b"\xe2\x80\xae",
       b"\xef\xbf\xbe", b"\xef\xbf\xbf", b"\xf0\x9f\x98\x80", b"\x7f", b"\x1b[31m", b"]]>", b"\x01", b"\xff"]


@pytest.mark.parametrize("form", ["--json", "--github", "--junit", "--sarif", None])
def test_output_is_utf_8_whatever_comes_in(tmp_path, form):
    """Also the file's name; and no form commands a terminal or turns the direction of writing."""
    with open(os.fsencode(tmp_path) + b"/a\xff\x1b\xe9.sql", "wb") as file:
        for odd in ODD:
            file.write(b"SELECT * FROM `n%s`.t;\nSELECT `a%s` FROM nilecare.patients;\n" % (odd, odd))
    done = subprocess.run([places.SILOGATE, "explain", "-c", INI, "--user", "billing_service",
                           *filter(None, [form]), "."], cwd=tmp_path, capture_output=True, timeout=60)
    text = done.stdout.decode("utf-8", "strict")
    assert done.returncode == 1 and "nilecare.patients" in text or '"patients"' in text
    assert not set(text) & set("\x1b\x7f\x9b\u2028\u202e\x01")
    if form == "--junit":
        xml.etree.ElementTree.fromstring(done.stdout)
    elif form == "--json":
        assert len([json.loads(line) for line in text.split("\n") if line]) == 2 * len(ODD)
    elif form == "--sarif":
        assert len(json.loads(text)["runs"][0]["results"]) == 2 * len(ODD)
