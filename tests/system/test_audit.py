"""silogate audit: what crosses inside a server. Crossings of every kind are planted on both servers and all
found, with owners; the same things without a crossing are not."""
import json

import pymysql
import pytest

from harness import gate as gates, places, servers

INI = """
[policy]
mode = block
unowned = block
[upstream:main]
address = {address}
account = {account}
[service:front]
user = audit_front
database = au_front
owns = au_front.*
[service:back]
user = audit_back
database = au_back
owns = au_back.*
[service:ledger]
user = audit_ledger
owns = au_ledger.*
[grant:front-reads-names]
service = front
on = au_back.names
access = read
"""
SCHEMA = """
CREATE DATABASE au_front || CREATE DATABASE au_back || CREATE DATABASE au_ledger
|| CREATE TABLE au_front.own (id INT PRIMARY KEY, note TEXT) ENGINE=InnoDB
|| CREATE TABLE au_front.own2 (id INT PRIMARY KEY, note TEXT) ENGINE=InnoDB
|| CREATE TABLE au_front.part (id INT PRIMARY KEY) ENGINE=MyISAM
|| CREATE FUNCTION au_front.g() RETURNS INT DETERMINISTIC RETURN 1
|| CREATE PROCEDURE au_front.h() DO 1
|| CREATE TABLE au_back.people (id INT PRIMARY KEY, note TEXT) ENGINE=InnoDB
|| CREATE TABLE au_back.names (id INT PRIMARY KEY, note TEXT) ENGINE=InnoDB
|| CREATE TABLE au_back.part (id INT PRIMARY KEY) ENGINE=MyISAM
|| CREATE FUNCTION au_back.g() RETURNS INT DETERMINISTIC RETURN 1
|| CREATE PROCEDURE au_back.h() DO 1
|| CREATE TABLE au_ledger.books (id INT PRIMARY KEY, note TEXT) ENGINE=InnoDB
"""
SEQUENCES = "CREATE SEQUENCE au_front.numbers || CREATE SEQUENCE au_back.numbers"
# (statements, kind, name, accesses): {T} is another's table, {S} another's schema. In the clean variant they
# are the owner's own, and nothing is found.
PLANTS = [
    ("CREATE VIEW au_front.v1 AS SELECT id FROM {T}", "view", "v1", "read"),
    ("CREATE VIEW au_front.v2 AS SELECT o.id FROM au_front.own2 o JOIN {T} x ON x.id = o.id", "view", "v2",
     "read"),
    ("CREATE VIEW au_front.v3 AS SELECT id FROM au_front.own2 WHERE id IN (SELECT id FROM {T})", "view", "v3",
     "read"),
    ("CREATE VIEW au_front.v4 AS SELECT id FROM au_front.own2 UNION SELECT id FROM {T}", "view", "v4", "read"),
    ("CREATE VIEW au_front.v5 AS WITH x AS (SELECT id FROM {T}) SELECT id FROM x", "view", "v5", "read"),
    ("CREATE SQL SECURITY INVOKER VIEW au_front.v6 AS SELECT id FROM {T}", "view", "v6", "read"),
    ("CREATE VIEW au_front.v7 AS SELECT (SELECT COUNT(*) FROM {T}) AS n", "view", "v7", "read"),
    ("CREATE VIEW au_front.`v 8` AS SELECT d.id FROM (SELECT id FROM {T}) d", "view", "v 8", "read"),
    ("CREATE VIEW au_front.v9 AS SELECT {S}.g() AS n", "view", "v9", "execute"),
    ("CREATE PROCEDURE au_front.p1() SELECT id FROM {T}", "routine", "p1", "read"),
    ("CREATE PROCEDURE au_front.p2() INSERT INTO {T} VALUES (1, '')", "routine", "p2", "write"),
    ("CREATE PROCEDURE au_front.p3() UPDATE {T} SET note = ''", "routine", "p3", "write"),
    ("CREATE PROCEDURE au_front.p4() DELETE FROM {T}", "routine", "p4", "write"),
    ("CREATE PROCEDURE au_front.p5() BEGIN DECLARE n INT; SELECT id INTO n FROM {T} LIMIT 1; END",
     "routine", "p5", "read"),
    ("CREATE PROCEDURE au_front.p6() BEGIN DECLARE n INT; DECLARE c CURSOR FOR SELECT id FROM {T};"
     " OPEN c; FETCH c INTO n; CLOSE c; END", "routine", "p6", "read"),
    ("CREATE PROCEDURE au_front.p7() BEGIN PREPARE s FROM 'SELECT id FROM {T}'; DEALLOCATE PREPARE s; END",
     "routine", "p7", "read"),
    ("CREATE PROCEDURE au_front.p8(n INT) BEGIN IF n > 0 THEN WHILE n > 0 DO REPLACE INTO {T} VALUES (n, '');"
     " SET n = n - 1; END WHILE; END IF; END", "routine", "p8", "write"),
    ("CREATE PROCEDURE au_front.p9() BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION DELETE FROM {T};"
     " SELECT 1; END", "routine", "p9", "write"),
    ("CREATE PROCEDURE au_front.p10() BEGIN CREATE TEMPORARY TABLE x AS SELECT id FROM {T}; END",
     "routine", "p10", "read"),
    ("CREATE PROCEDURE au_front.p11() SQL SECURITY INVOKER TRUNCATE {T}", "routine", "p11", None),
    ("CREATE PROCEDURE au_front.p12() BEGIN /*!50000 SELECT id FROM {T} */; END", "routine", "p12", "read"),
    ("CREATE PROCEDURE au_front.`p``13`() SELECT id FROM {T}", "routine", "p`13", "read"),
    ("CREATE PROCEDURE au_front.p14() INSERT INTO au_front.own2 SELECT * FROM {T}", "routine", "p14", "read"),
    ("CREATE PROCEDURE au_front.p15() DELETE o FROM au_front.own2 o, {T} x WHERE o.id = x.id", "routine", "p15",
     "read"),
    ("CREATE PROCEDURE au_front.p16() CASE WHEN EXISTS (SELECT 1 FROM {T}) THEN SELECT 1; ELSE SELECT 2;"
     " END CASE", "routine", "p16", "read"),
    ("SET sql_mode = 'ANSI_QUOTES' || CREATE PROCEDURE au_front.p17() SELECT \"id\" FROM {T}",
     "routine", "p17", "read"),
    ("SET sql_mode = 'NO_BACKSLASH_ESCAPES' || CREATE PROCEDURE au_front.p18() SELECT '\\', id FROM {T} -- '",
     "routine", "p18", "read"),
    ("USE au_front || CREATE PROCEDURE p19() CALL {S}.h()", "routine", "p19", "execute"),
    ("CREATE FUNCTION au_front.f1() RETURNS INT READS SQL DATA RETURN (SELECT COUNT(*) FROM {T})",
     "routine", "f1", "read"),
    ("CREATE FUNCTION au_front.f2() RETURNS INT MODIFIES SQL DATA BEGIN UPDATE {T} SET note = NULL;"
     " RETURN 1; END", "routine", "f2", "write"),
    ("CREATE FUNCTION au_front.f3() RETURNS INT DETERMINISTIC RETURN {S}.g() + 1", "routine", "f3", "execute"),
    *[(f"CREATE TRIGGER au_front.t{n} {when} {what} ON au_front.own2 FOR EACH ROW INSERT INTO {{T}}"
       f" VALUES ({row}.id, 'x')", "trigger", f"t{n}", "write")
      for n, (when, what, row) in enumerate([
          ("BEFORE", "INSERT", "NEW"), ("AFTER", "INSERT", "NEW"), ("BEFORE", "UPDATE", "NEW"),
          ("AFTER", "UPDATE", "OLD"), ("BEFORE", "DELETE", "OLD"), ("AFTER", "DELETE", "OLD")])],
    ("CREATE TRIGGER au_front.t7 AFTER INSERT ON au_front.own2 FOR EACH ROW BEGIN IF NEW.id > 1 THEN"
     " UPDATE {T} SET note = NEW.note; END IF; END", "trigger", "t7", "write"),
    ("CREATE TRIGGER au_front.t8 BEFORE INSERT ON au_front.own2 FOR EACH ROW CALL {S}.h()", "trigger", "t8",
     "execute"),
    ("CREATE EVENT au_front.e1 ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM {T}", "event", "e1", "write"),
    ("CREATE EVENT au_front.e2 ON SCHEDULE EVERY 1 DAY DISABLE DO BEGIN INSERT INTO au_front.own2"
     " SELECT * FROM {T}; END", "event", "e2", "read"),
    ("CREATE TABLE au_front.c1 (id INT PRIMARY KEY, x INT, CONSTRAINT fk1 FOREIGN KEY (x) REFERENCES {T} (id))",
     "foreign_key", "fk1", "read"),
    ("CREATE TABLE au_front.c2 (id INT PRIMARY KEY, x INT, CONSTRAINT fk2 FOREIGN KEY (x) REFERENCES {T} (id)"
     " ON DELETE CASCADE)", "foreign_key", "fk2", "read"),
    ("CREATE TABLE au_front.c3 (id INT PRIMARY KEY, x INT, CONSTRAINT fk3 FOREIGN KEY (x) REFERENCES {T} (id)"
     " ON UPDATE CASCADE ON DELETE SET NULL)", "foreign_key", "fk3", "read"),
    ("CREATE TABLE au_front.m1 (id INT PRIMARY KEY) ENGINE=MERGE UNION=({S}.part)",
     "table", "m1", None),
]
MARIADB = [
    ("CREATE TABLE au_front.q1 (id INT DEFAULT (NEXTVAL({S}.numbers)))", "column", "id", None),
    ("CREATE VIEW au_front.q4 AS SELECT PREVIOUS VALUE FOR {S}.numbers AS n", "view", "q4", None),
]

# What cannot be told, which is said: texts that are built as they run, and bodies in sql_mode ORACLE.
UNDETERMINED = ["CREATE PROCEDURE au_front.dynamic(q TEXT) BEGIN SET @s = q; PREPARE s FROM @s; EXECUTE s; END"]
UNDETERMINED_MARIADB = [
    "SET sql_mode = 'ORACLE' || CREATE PROCEDURE au_front.ora AS BEGIN INSERT INTO au_back.people VALUES (1, '');"
    " END",
    "SET sql_mode = 'ORACLE' || CREATE PACKAGE au_front.pack AS PROCEDURE q; END || CREATE PACKAGE BODY"
    " au_front.pack AS PROCEDURE q AS BEGIN DELETE FROM au_back.people; END; END"]


def run(server, text, **places):
    """Statements between ||, on a connection of their own."""
    for mark, value in places.items():
        text = text.replace("{%s}" % mark, value)
    connection = server.root()
    try:
        with connection.cursor() as cursor:
            for statement in text.split("||"):
                cursor.execute(statement.strip(" \n"))
    finally:
        connection.close()


def audit(path, *options, status=None):
    done = gates.run("audit", "-c", path, *options)
    assert done.returncode in ((0, 1) if status is None else (status,)), done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def path(server, tmp_path):
    path = tmp_path / "proxy.ini"
    path.write_text(INI.format(address=f"unix:{server.socket}", account="root"))
    return path


@pytest.fixture
def silos(server):
    run(server, SCHEMA)
    if server.dialect == "mariadb":
        run(server, SEQUENCES)
    yield server
    server.sql("SET foreign_key_checks = 0", *[f"DROP DATABASE IF EXISTS {name}" for name in
                                               ("au_front", "au_back", "au_ledger")])


def of_ours(findings):
    return [one for one in findings if str(one.get("schema", "")).startswith("au_")]


def plants(server):
    return PLANTS + (MARIADB if server.dialect == "mariadb" else [])


def touched(plant, schema, table):
    text, _, name, access = plant
    if "{T}" in text:
        return schema, table
    return schema, next(word for word in ("g", "h", "part", "numbers") if "{S}." + word in text)


def test_every_crossing_is_found(silos, path):
    """At least 40 on each server, each with its owner, what it touches and how; nothing else is found."""
    expected = set()
    for plant in plants(silos):
        run(silos, plant[0], T="au_back.people", S="au_back")
        expected.add((plant[1], plant[2], "front", *touched(plant, "au_back", "people"), "back", plant[3]))
    # what the parent's owner deletes is written on into the child
    for key, table in (("fk2", "c2"), ("fk3", "c3")):
        expected.add(("foreign_key", key, "back", "au_front", table, "front", "write"))
    untold = UNDETERMINED + (UNDETERMINED_MARIADB if silos.dialect == "mariadb" else [])
    for text in untold:
        run(silos, text)
    assert len(expected) >= 40
    undetermined, found, accesses = set(), set(), {one[:6]: one[6] for one in expected}
    for one in of_ours(audit(path, "--json", status=1)):
        assert one["verdict"] == "block", one
        if not one["determined"]:
            assert one["reason"] == "undetermined"
            undetermined.add(one["name"])
            continue
        for touch in one["touches"]:
            key = (one["finding"], one["name"], one["owner"], touch["schema"], touch["name"], touch["owner"])
            access = accesses.get(key, "?")
            assert access is None or access in touch["access"], (key, touch)
            found.add((*key, access))
    assert found == expected
    assert len(undetermined) == len(untold)


def test_the_clean_variant_has_none(silos, path):
    """The same, all of it the owner's own: only what triggers write is told of, and that it is their own."""
    for plant in plants(silos):
        run(silos, plant[0], T="au_front.own", S="au_front")
    found = of_ours(audit(path, "--json"))
    assert {one["finding"] for one in found} == {"trigger"}
    assert {(one["verdict"], one["reason"]) for one in found} == {("allow", "own")}


def test_a_grant_covers_it(silos, path):
    run(silos, "CREATE DEFINER = audit_front@'%' VIEW au_front.v AS SELECT id FROM au_back.names")
    found, = of_ours(audit(path, "--json"))
    assert (found["verdict"], found["reason"], found["touches"][0]["owner"]) == ("allow", "granted", "back")
    run(silos, "CREATE PROCEDURE au_front.w() DELETE FROM au_back.names")
    found = {one["name"]: one["verdict"] for one in of_ours(audit(path, "--json", status=1))}
    assert found == {"v": "allow", "w": "block"}


def test_ownership_against_what_is_there(silos, path, server):
    run(silos, "CREATE DATABASE au_stray || CREATE TABLE au_stray.t (id INT)"
               " || CREATE PROCEDURE au_stray.p() DO 1")
    text = path.read_text().replace("owns = au_ledger.*", "owns = au_ledger.*\nowns = au_nowhere.x\n"
                                    "database = au_absent\nreads = au_back.nam*\nreads = au_back.nothing*")
    path.write_text(text)
    try:
        found = audit(path, "--json")
    finally:
        server.sql("DROP DATABASE au_stray")
    assert {(one["schema"], one["name"]) for one in of_ours(found) if one["finding"] == "unowned"} == {
        ("au_stray", "t"), ("au_stray", "p")}
    assert {(one["owner"], one["key"], one["pattern"]) for one in found if one["finding"] == "unmatched"} == {
        ("ledger", "owns", "au_nowhere.x"), ("ledger", "database", "au_absent"),
        ("ledger", "reads", "au_back.nothing*")}


def test_two_servers_with_one_name(mariadb, mysql, tmp_path):
    """Both have the whole example: everything is there twice."""
    path = tmp_path / "proxy.ini"
    path.write_text(INI.format(address=f"unix:{mariadb.socket}", account="root")
                    + f"[upstream:other]\naddress = unix:{mysql.socket}\naccount = root\n"
                    + "[proxy]\ndefault_upstream = main\n")
    twice = [one for one in audit(path, "--json") if one["finding"] == "duplicate"]
    assert ("nilecare", "invoices", "other") in {(one["schema"], one["name"], one["upstream"]) for one in twice}
    assert not [one for one in audit(path, "--json", "main") if one["finding"] == "duplicate"]


def test_nilecare(server, tmp_path):
    """The foreign keys over owners and the audit trigger, with owners."""
    ini = gates.change(gates.example(), "upstream:main", "address", f"unix:{server.socket}")
    path = tmp_path / "proxy.ini"
    path.write_text(gates.change(ini, "upstream:main", "account", "root"))
    found = {(one["finding"], one["name"]): one for one in audit(path, "--json", status=1)
             if "touches" in one}
    claims = found["foreign_key", "fk_claims_patient_id"]
    assert (claims["owner"], claims["touches"][0]["name"], claims["touches"][0]["owner"]) == (
        "business", "patients", "clinical")
    payments = found["foreign_key", "fk_payments_invoice_id"]
    assert (payments["owner"], payments["touches"][0]["name"], payments["touches"][0]["owner"]) == (
        "payment", "invoices", "billing")
    trigger = found["trigger", "patients_audit_update"]
    assert (trigger["owner"], trigger["touches"][0]["name"], trigger["touches"][0]["owner"]) == (
        "clinical", "audit_log", "clinical")


@pytest.mark.parametrize("form", ["--text", "--markdown", "--sarif"])
def test_forms(silos, path, form):
    run(silos, "CREATE VIEW au_front.`v|<1>` AS SELECT id FROM au_back.people")
    done = gates.run("audit", "-c", path, form)
    assert done.returncode == 1, done.stderr
    if form == "--sarif":
        log = json.loads(done.stdout)
        result = next(one for one in log["runs"][0]["results"] if one["ruleId"] == "view")
        assert result["level"] == "error"
        assert result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "au_front.v|<1>"
    else:
        assert "au_back.people" in done.stdout and "block, foreign" in done.stdout


def test_baseline(silos, path, tmp_path):
    """Only what is new fails; a missing, empty or wrong baseline is no baseline."""
    run(silos, "CREATE VIEW au_front.v AS SELECT id FROM au_back.people")
    done = gates.run("audit", "-c", path, "--json")
    baseline = tmp_path / "baseline.jsonl"
    baseline.write_text(done.stdout)
    again = gates.run("audit", "-c", path, "--baseline", baseline, "--fail-on-new")
    assert again.returncode == 0, again.stdout + again.stderr
    path.write_text(path.read_text().replace("mode = block", "mode = log"))
    assert gates.run("audit", "-c", path, "--baseline", baseline, "--fail-on-new").returncode == 0
    run(silos, "CREATE VIEW au_front.w AS SELECT id FROM au_back.people")
    new = gates.run("audit", "-c", path, "--baseline", baseline, "--fail-on-new", "--json")
    assert new.returncode == 1 and "1 finding" in new.stderr
    for wrong in ("{}\n", "garbage\n", ""):
        baseline.write_text(wrong)
        assert gates.run("audit", "-c", path, "--baseline", baseline).returncode == 2
    assert gates.run("audit", "-c", path, "--baseline", tmp_path / "none").returncode == 2
    assert gates.run("audit", "-c", path, "--fail-on-new").returncode == 2


def test_misuse(path, tmp_path):
    assert gates.run("audit").returncode == 2
    assert gates.run("audit", "-c", path, "nowhere").returncode == 2
    assert gates.run("audit", "-c", tmp_path / "none").returncode == 2
    assert gates.run("audit", "-c", path, "--address", "x:y:z").returncode == 2
    lost = gates.run("audit", "-c", path, "--address", f"127.0.0.1:{places.free_port()}")
    assert lost.returncode == 2 and "main (127.0.0.1:" in lost.stderr
    path.write_text(path.read_text().replace("account = root", ""))
    assert "has no account" in gates.run("audit", "-c", path).stderr


def test_who_comes_past(server, make_gate, tmp_path):
    """The sum is right: through silogate, named exceptions, and those who come past it, with host and program."""
    gate = make_gate(server)
    through = [gate.connect(user) for user in ("billing_service", "billing_service", "lab_service")]
    direct = [servers_connect(server, user, program) for user, program in
              (("billing_service", "cron job"), ("payment_service", ""), ("auth_service", "flyway"))]
    ini = gates.change(gates.example(), "upstream:main", "address", f"unix:{server.socket}")
    for key, *values in (("account", "root"), ("direct", "auth_service@local*", "nobody")):
        ini = gates.change(ini, "upstream:main", key, *values)
    path = tmp_path / "proxy.ini"
    path.write_text(ini)
    found = audit(path, "--json", status=1)
    head = next(one for one in found if one["finding"] == "server")
    assert (head["threads"], head["ours"], head["excepted"], head["past"]) == (6, 3, 1, 2)
    assert {(one["account"], one["owner"], one.get("program"), one["threads"])
            for one in found if one["finding"] == "bypass"} == {
        ("billing_service", "billing", "cron job", 1), ("payment_service", "payment", None, 1)}
    assert "6 threads of governed accounts = 3 through silogate + 1 named exceptions + 2 past it" in (
        gates.run("audit", "-c", path).stdout)
    for connection in through + direct:
        connection.close()


def test_accounts_that_several_programs_use(server, make_gate, tmp_path):
    """Named with program and address, behind silogate too; several connections of one program are not."""
    gate = make_gate(server)
    through = [gate.connect("billing_service"), gate.connect("lab_service"), gate.connect("lab_service")]
    direct = [servers_connect(server, "billing_service", program) for program in ("cron \n job", "")]
    ini = gates.change(gates.example(), "upstream:main", "address", f"unix:{server.socket}")
    path = tmp_path / "proxy.ini"
    path.write_text(gates.change(ini, "upstream:main", "account", "root"))
    shared, = [one for one in audit(path, "--json", status=1) if one["finding"] == "shared"]
    shown = gates.run("audit", "-c", path).stdout
    for connection in through + direct:
        connection.close()
    assert (shared["account"], shared["owner"]) == ("billing_service", "billing")
    assert {(one["program"], one["from"], one["threads"]) for one in shared["programs"]} == {
        ("", "localhost", 1), ("cron \n job", "localhost", 1), ("", "127.0.0.1", 1)}, shared
    assert "several programs use" in shown and "lab_service" not in shown.split("several programs use")[1].split("\n\n")[0]


def servers_connect(server, user, program):
    """Past silogate, by the socket. PyMySQL always names itself; an empty program is dropped here."""
    connection = pymysql.connect(unix_socket=server.socket, user=user, password=servers.password(user),
                                 defer_connect=True, program_name=program or None)
    if not program:
        connection._connect_attrs.pop("program_name", None)
    connection.connect()
    return connection


def test_report_has_catalogue_edges(silos, path, tmp_path):
    """An audit's lines beside a log: the same matrix, and the same baseline."""
    run(silos, "CREATE TRIGGER au_front.t AFTER INSERT ON au_front.own FOR EACH ROW"
               " INSERT INTO au_back.people VALUES (NEW.id, '')")
    lines = tmp_path / "audit.jsonl"
    lines.write_text(gates.run("audit", "-c", path, "--json").stdout)
    report = gates.run("report", lines)
    assert report.returncode == 0 and not report.stderr, report.stderr
    assert "trigger au_front.t on au_front.own" in report.stdout
    assert "front -> back" in report.stdout or ("front" in report.stdout and "back" in report.stdout)
    assert gates.run("report", "--baseline", tmp_path / "baseline", lines).returncode == 0
    again = gates.run("report", "--baseline", tmp_path / "baseline", "--fail-on-new", lines)
    assert again.returncode == 0, again.stdout + again.stderr
    run(silos, "CREATE VIEW au_front.v AS SELECT id FROM au_back.people")
    lines.write_text(gates.run("audit", "-c", path, "--json").stdout)
    new = gates.run("report", "--baseline", tmp_path / "baseline", "--fail-on-new", lines)
    assert new.returncode == 1 and "au_front.v" in new.stdout


def test_who_may_use_it(silos, path, server):
    """Other services' accounts with a right on the view or routine, directly or by the database."""
    users = ["audit_front", "audit_back", "audit_ledger"]
    run(silos, "CREATE VIEW au_front.v AS SELECT id FROM au_back.people"
               " || CREATE PROCEDURE au_front.p() SELECT id FROM au_back.people")
    server.sql(*[f"CREATE USER {user}@'%' IDENTIFIED BY 'x'" for user in users],
               "GRANT SELECT ON au_front.* TO audit_front@'%', audit_ledger@'%'",
               "GRANT EXECUTE ON PROCEDURE au_front.p TO audit_back@'%'")
    try:
        found = {one["name"]: one for one in of_ours(audit(path, "--json", status=1))}
    finally:
        server.sql(*[f"DROP USER {user}@'%'" for user in users])
    assert (found["v"].get("users"), found["p"].get("users")) == ("audit_ledger@%", "audit_back@%")
    assert (found["v"]["definer"], found["v"]["security"]) == ("root@localhost", "DEFINER")


def test_metrics_of_who_comes_past(server, make_gate, tmp_path):
    """Counted by the running silogate, at its start and after each reload."""
    password = tmp_path / "password"
    password.write_text("gate-secret\n")
    server.sql("CREATE USER gate_metrics@'%' IDENTIFIED BY 'gate-secret'",
               "GRANT SELECT, PROCESS ON *.* TO gate_metrics@'%'")
    direct = [servers_connect(server, "billing_service", "cron job"), servers_connect(server, "auth_service", "x")]
    try:
        assert places.wait_for(lambda: server.threads() == len(direct))  # other tests' may just be ending
        gate = make_gate(server, ("upstream:main", "account", "gate_metrics"),
                         ("upstream:main", "account_password_file", password),
                         ("upstream:main", "direct", "auth_service"))
        through = gate.connect("lab_service")
        gate.reload(("log", "statement", "none"))
        assert places.wait_for(lambda: gate.metrics().by("upstream_threads", "by") == {
            ("silogate",): 1, ("exception",): 1, ("past",): 1}), gate.metrics().by("upstream_threads", "by")
        through.close()
        server.sql("DROP USER gate_metrics@'%'")
        gate.reload(("log", "statement", "full"))
        gate.wait_log("cannot be counted: main .*error 1045")
        assert places.wait_for(lambda: not gate.metrics().by("upstream_threads", "by"))
    finally:
        server.sql("DROP USER IF EXISTS gate_metrics@'%'")
        for connection in direct:
            connection.close()
