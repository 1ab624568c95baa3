"""silogate audit, kinds of crossings that are no plain text of a stored thing: what a foreign key carries on, views
that can be written to, tables whose rows are elsewhere, things planted in the server's own schemas."""
import json

import pytest

from harness import gate as gates

INI = """
[policy]
mode = block
unowned = block
[upstream:main]
address = unix:{socket}
account = root
[service:front]
user = audit_front
owns = au_front.*
[service:back]
user = audit_back
owns = au_back.*
[grant:front-reads-names]
service = front
on = au_back.names
access = read
"""
SCHEMA = ["CREATE DATABASE au_front", "CREATE DATABASE au_back",
          *[f"CREATE TABLE {name} (id INT PRIMARY KEY, note TEXT) ENGINE=InnoDB" for name in
            ("au_front.own", "au_back.people", "au_back.names")]]


@pytest.fixture
def path(server, tmp_path):
    path = tmp_path / "proxy.ini"
    path.write_text(INI.format(socket=server.socket))
    return path


@pytest.fixture
def silos(server):
    server.sql(*SCHEMA)
    yield server
    server.sql("SET foreign_key_checks = 0", "DROP DATABASE IF EXISTS au_front", "DROP DATABASE IF EXISTS au_back")


def audit(path, status):
    done = gates.run("audit", "-c", path, "--json")
    assert done.returncode == status, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def run(server, text):
    server.sql(*[statement.strip() for statement in text.split("||")])


def of_ours(findings):
    return [one for one in findings if str(one.get("schema", "")).startswith("au_")]


def test_an_updatable_view_writes(silos, path):
    """By a view that can be written to, another's table is written to with its definer's rights: the gate sees the
    owner's own view alone. A grant to read covers it only where nothing can be written, or its definer is the owner's
    own account, whose rights are compared with the policy."""
    made = {"one": "", "joined": "", "summed": "", "copied": "ALGORITHM = TEMPTABLE", "mine": "DEFINER = audit_front@'%'",
            "invoked": "SQL SECURITY INVOKER"}
    texts = {"joined": "SELECT o.id FROM au_front.own o JOIN au_back.names n ON n.id = o.id",
             "summed": "SELECT COUNT(*) AS n FROM au_back.names"}
    run(silos, "INSERT INTO au_back.names VALUES (1, 'before')")
    silos.sql(*[f"CREATE {how} VIEW au_front.{name} AS {texts.get(name, 'SELECT id, note FROM au_back.names')}"
                for name, how in made.items()], "UPDATE au_front.one SET note = 'after'")
    assert silos.sql("SELECT note FROM au_back.names") == (("after",),)
    found = {one["name"]: one for one in of_ours(audit(path, 1))}
    assert {name: (one.get("updatable", False), one["verdict"], one["touches"][0]["access"])
            for name, one in found.items()} == {
        "one": (True, "block", ["read"]), "joined": (True, "block", ["read"]), "summed": (False, "allow", ["read"]),
        "copied": (False, "allow", ["read"]), "mine": (False, "allow", ["read"]), "invoked": (False, "allow", ["read"])}
    row, = [line for line in gates.run("audit", "-c", path).stdout.splitlines() if "au_front.one" in line]
    assert "DEFINER root@localhost, updatable" in row
    if silos.dialect == "mysql":
        run(silos, "CREATE JSON RELATIONAL DUALITY VIEW au_front.dual AS SELECT JSON_DUALITY_OBJECT("
                   "WITH (INSERT, UPDATE, DELETE) '_id': id, 'note': note) FROM au_back.names")
        dual, = [one for one in of_ours(audit(path, 1)) if one["name"] == "dual"]
        assert (dual["updatable"], dual["verdict"]) == (True, "block")


def test_what_is_put_beside_the_server_s_own(silos, path):
    """Planted by root in mysql and sys, where the server's own is root's too in some versions."""
    planted = {"view": "CREATE VIEW sys.au_planted AS SELECT id FROM au_back.people",
               "routine": "CREATE PROCEDURE mysql.au_planted() DELETE FROM au_back.people",
               "event": "CREATE EVENT mysql.au_planted ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM au_back.people"}
    run(silos, "CREATE PROCEDURE sys.au_clean() SELECT COUNT(*) FROM mysql.user")
    try:
        silos.sql(*planted.values())
        found = [one for one in audit(path, 1) if one.get("name") in ("au_planted", "au_clean")
                 and "touches" in one]
        assert {(one["finding"], one["owner"], one["touches"][0]["name"], one["touches"][0]["owner"]) for one in found} == {
            (kind, None, "people", "back") for kind in planted}
    finally:
        silos.sql("DROP VIEW IF EXISTS sys.au_planted", "DROP PROCEDURE IF EXISTS mysql.au_planted",
                  "DROP EVENT IF EXISTS mysql.au_planted", "DROP PROCEDURE IF EXISTS sys.au_clean")


def test_a_table_whose_rows_are_at_a_server(silos, path):
    """FEDERATED: it may well be this server, and another's table."""
    if silos.dialect == "mysql":
        pytest.skip("MySQL starts without FEDERATED")
    try:
        run(silos, "INSTALL SONAME 'ha_federatedx' || CREATE USER au_link@'%' IDENTIFIED BY 'x'"
                   " || GRANT SELECT ON au_back.* TO au_link@'%' || CREATE TABLE au_front.far (id INT PRIMARY KEY, note TEXT)"
                   f" ENGINE=FEDERATED CONNECTION='mysql://au_link:x@127.0.0.1:{silos.port}/au_back/people'")
        found, = [one for one in of_ours(audit(path, 1)) if one["finding"] != "unowned"]
        assert (found["finding"], found["name"], found["owner"], found["determined"], found["reason"]) == (
            "table", "far", "front", False, "undetermined")
        assert "connection" in found["why"] and "secret" not in json.dumps(found)
    finally:
        silos.sql("DROP TABLE IF EXISTS au_front.far", "DROP USER IF EXISTS au_link@'%'",
                  "UNINSTALL SONAME IF EXISTS 'ha_federatedx'")


def test_an_unowned_trigger_does_not_write_its_own_table(silos, path):
    run(silos, "CREATE DATABASE au_stray || CREATE TABLE au_stray.t (id INT) || CREATE TRIGGER au_stray.g AFTER INSERT"
               " ON au_stray.t FOR EACH ROW INSERT INTO au_back.people VALUES (NEW.id, '')")
    try:
        trigger, = [one for one in of_ours(audit(path, 1)) if one["finding"] == "trigger"]
    finally:
        silos.sql("DROP DATABASE au_stray")
    assert [(one["schema"], one["name"]) for one in trigger["touches"]] == [("au_back", "people")]


def test_a_key_that_carries_on_names_its_parent(silos, path, tmp_path):
    """Who deletes a row of the parent sees the child that the server writes to: in each form."""
    run(silos, "CREATE TABLE au_front.c (id INT PRIMARY KEY, x INT, CONSTRAINT fk FOREIGN KEY (x)"
               " REFERENCES au_back.people (id) ON DELETE CASCADE)")
    lines = gates.run("audit", "-c", path, "--json").stdout
    reads, writes = of_ours(json.loads(line) for line in lines.splitlines())
    for one in (reads, writes):
        assert (one["on"], one["parent"]) == ({"schema": "au_front", "name": "c"},
                                              {"schema": "au_back", "name": "people"})
    assert (writes["owner"], writes["fires"], writes["touches"][0]["name"]) == ("back", "DELETE", "c")
    assert "fires" not in reads
    for form, between in (("--text", "  "), ("--markdown", "|")):
        rows = [[cell.strip(" `") for cell in line.split(between) if cell.strip(" `")]
                for line in gates.run("audit", "-c", path, form).stdout.splitlines() if "foreign_key" in line]
        assert [row[1:5] for row in rows] == [
            ["au_front.fk", "au_front.c", "front", "reads au_back.people"],
            ["au_front.fk", "au_back.people", "back", "writes au_front.c"]]
    log, old = tmp_path / "audit.jsonl", tmp_path / "old.jsonl"
    log.write_text(lines)
    report = gates.run("report", log)
    assert "foreign_key au_front.fk on au_front.c by DELETE of au_back.people" in report.stdout
    # a baseline of before they had it still holds
    old.write_text("".join(json.dumps({key: value for key, value in json.loads(line).items() if key != "parent"}) + "\n"
                           for line in lines.splitlines()))
    done = gates.run("audit", "-c", path, "--baseline", old, "--fail-on-new")
    assert done.returncode == 0, done.stdout + done.stderr
