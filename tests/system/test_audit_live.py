"""What crosses inside a server, beside statements: the running silogate reads it with its account, and shows it in
/api/catalogue, /api/matrix, /api/queries (what a statement causes) and /metrics."""
import html
import json
import re

import pytest

from harness import gate as gates, places, wire

INI = """[proxy]
[policy]
mode = log
unowned = log
[log]
repeat = 0
[upstream:main]
account = al_account
account_password_file = {password}
[service:front]
user = al_front
database = al_front
owns = al_front.*
[service:back]
user = al_back
owns = al_back.*
"""
USERS = ("al_front", "al_back", "al_account")
FREE = ["DROP DATABASE IF EXISTS al_front", "DROP DATABASE IF EXISTS al_back",
        *[f"DROP USER IF EXISTS {user}@'%'" for user in USERS]]
SCHEMA = ["CREATE DATABASE al_front", "CREATE DATABASE al_back",
          *[f"CREATE TABLE {name} (id INT PRIMARY KEY, v INT) ENGINE=InnoDB" for name in
            ("al_front.own", "al_back.people", "al_back.trail", "al_back.parent")],
          "CREATE VIEW al_front.`v\"<1>` AS SELECT id FROM al_back.people",
          "CREATE VIEW al_back.names AS SELECT id FROM al_front.own",
          "CREATE TABLE al_front.child (id INT PRIMARY KEY, p INT, CONSTRAINT al_fk FOREIGN KEY (p)"
          " REFERENCES al_back.parent (id)) ENGINE=InnoDB",
          "CREATE TRIGGER al_back.t1 AFTER INSERT ON al_back.people FOR EACH ROW"
          " INSERT INTO al_back.trail VALUES (NEW.id, 1)",
          "CREATE TRIGGER al_back.t2 AFTER UPDATE ON al_back.people FOR EACH ROW"
          " INSERT INTO al_back.trail VALUES (NEW.id + 100, 1)"]


@pytest.fixture
def gate(server, tmp_path):
    password = tmp_path / "password"
    password.write_text("al_account-secret\n")
    server.sql(*FREE, *SCHEMA, *[f"CREATE USER {user}@'%' IDENTIFIED BY '{user}-secret'" for user in USERS],
               *[f"GRANT ALL ON *.* TO {user}@'%'" for user in USERS])
    try:
        with gates.running(server, ini=INI.format(password=password)) as one:
            yield one
    finally:
        server.sql(*FREE)


def api(gate, path):
    return json.loads(gate.get(path)[2])


def crossings(gate):
    sets = api(gate, "/api/catalogue")
    return {(one["finding"], one["name"], one["service"], one["owner"], one["touches"]["name"], one["verdict"])
            for one_set in sets for one in one_set["crossings"] if one["schema"].startswith("al_")}


EXPECTED = {("view", 'v"<1>', "front", "back", "people", "log"), ("view", "names", "back", "front", "own", "log"),
            ("foreign_key", "al_fk", "front", "back", "parent", "log")}


def test_beside_statements(gate, server):
    assert places.wait_for(lambda: crossings(gate) == EXPECTED), crossings(gate)
    assert [one["upstream"] for one in api(gate, "/api/catalogue")] == ["main"]
    metrics = gate.metrics()
    assert metrics.total("catalogue_crossings", service="front", owner="back") == 2
    assert metrics.total("catalogue_crossings", service="back", owner="front") == 1
    assert metrics.total("catalogue_read_timestamp_seconds", upstream="main") > 1_700_000_000
    edges = {(one["service"], one["owner"]): one for one in api(gate, "/api/matrix")}
    assert edges["front", "back"] == {"service": "front", "owner": "back", "allow": 0, "log": 0, "block": 0,
                                      "first": None, "last": None, "catalogue": 2}
    client = wire.Wire(gate.port)
    client.login("al_front", "al_front", "al_front-secret")
    for text in ("INSERT INTO al_back.people VALUES (1, 1)", "UPDATE al_back.people SET v = 2",
                 "SELECT * FROM al_back.names", "SELECT * FROM al_back.people"):
        client.query(text)
    client.quit()

    def edge():
        one, = [one for one in api(gate, "/api/matrix") if one["service"] == "front"]
        return one["owner"], one["log"], one["catalogue"], (one["first"] or 0) > 0

    assert places.wait_for(lambda: edge() == ("back", 4, 2, True)), edge()
    causes = {query["statement"].split()[0] + " " + query["objects"][0]["name"]: [
        (one["finding"], one["name"], one.get("fires"), one["touches"]["name"], one["touches"]["access"])
        for one in query["causes"]] for query in api(gate, "/api/queries")}
    assert causes == {"INSERT people": [("trigger", "t1", "INSERT", "trail", ["write"]),
                                        ("trigger", "t2", "UPDATE", "trail", ["write"])],
                      "UPDATE people": [("trigger", "t2", "UPDATE", "trail", ["write"])],
                      "SELECT names": [("view", "names", None, "own", ["read"])], "SELECT people": []}


@pytest.mark.parametrize("rules, expected", [
    ("ON DELETE CASCADE", {"DELETE", "REPLACE"}),
    ("ON DELETE SET NULL ON UPDATE CASCADE", {"DELETE", "REPLACE", "UPDATE", "INSERT ON DUPLICATE"}),
    ("ON UPDATE CASCADE", {"UPDATE", "INSERT ON DUPLICATE"})])
def test_a_key_that_carries_on(gate, server, rules, expected):
    """ON DELETE CASCADE writes the child where its parent is written, and only by what it carries on; the child's own
    writes read the parent, but for a DELETE."""
    server.sql("ALTER TABLE al_front.child DROP FOREIGN KEY al_fk", "ALTER TABLE al_front.child ADD CONSTRAINT al_fk"
               f" FOREIGN KEY (p) REFERENCES al_back.parent (id) {rules}")
    gate.reload()
    carried = ("foreign_key", "al_fk", "back", "front", "child", "log")
    assert places.wait_for(lambda: carried in crossings(gate), 45), crossings(gate)
    texts = {"INSERT": "INSERT INTO al_back.parent VALUES (1, NULL)", "UPDATE": "UPDATE al_back.parent SET id = 2",
             "INSERT ON DUPLICATE": "INSERT INTO al_back.parent VALUES (2, NULL) ON DUPLICATE KEY UPDATE id = 3",
             "REPLACE": "REPLACE INTO al_back.parent VALUES (3, NULL)", "DELETE": "DELETE FROM al_back.parent"}
    front, back = wire.Wire(gate.port), wire.Wire(gate.port)
    for client, name in ((front, "al_front"), (back, "al_back")):
        client.login(name, name, f"{name}-secret")
    for text in texts.values():
        front.query(text)
    for text in ("INSERT INTO al_front.child VALUES (1, NULL)", "DELETE FROM al_front.child"):
        back.query(text)
    front.quit()
    back.quit()
    assert places.wait_for(lambda: len(api(gate, "/api/queries")) == len(texts) + 2, 45), api(gate, "/api/queries")
    causes = {}
    for query in api(gate, "/api/queries"):
        word = query["statement"].split()[0] + (" ON DUPLICATE" if "DUPLICATE" in query["statement"] else "")
        causes[query["objects"][0]["name"], word] = [
            (one["finding"], one["touches"]["name"], one.get("fires"), one["parent"]["name"])
            for one in query["causes"]]
    fires = ", ".join(word for word in ("DELETE", "UPDATE") if word in expected)
    assert causes == {**{("parent", kind): [("foreign_key", "child", fires, "parent")] if kind in expected else []
                         for kind in texts},
                      ("child", "INSERT"): [("foreign_key", "parent", None, "parent")], ("child", "DELETE"): []}
    query = next(one for one in api(gate, "/api/queries") if one["causes"] and one["service"] == "front")
    page = gate.get(f"/query?service=front&digest={query['digest']}")[2]
    assert (f"this {query['kind'].upper()} writes al_front.child of front by foreign key al_front.al_fk"
            " on al_back.parent") in html.unescape(page)
    assert "foreign key al_front.al_fk on al_back.parent back writes al_front.child front" in (
        text_of(gate.get("/service?service=front")[2]))


def text_of(page):
    """As a reader has it."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


def test_on_the_pages(gate, server):
    """It holds data back: on the service's page, the overview and in the matrix; and a query says what it leads to."""
    assert places.wait_for(lambda: crossings(gate) == EXPECTED), crossings(gate)
    back, front = (gate.get(f"/service?service={name}")[2] for name in ("back", "front"))
    assert ("Cannot move yet: 1 view and 1 foreign key of others reach into it. It uses others itself, by 1 view:"
            " to another server it goes without them.") in text_of(back)
    assert "Cannot move yet: 1 view of others reaches into it. It uses others itself, by 1 view and 1 foreign key:" in (
        text_of(front))
    rows = re.findall(r"<tr>(.*?)</tr>", back.split('id="stored"')[1].split("</table>")[0], re.DOTALL)
    assert [text_of(row) for row in rows[1:]] == [
        'view al_front.v"<1> front reads al_back.people back log foreign',
        "foreign key al_front.al_fk on al_front.child front reads al_back.parent back log foreign",
        "view al_back.names back reads al_front.own front log foreign"]
    overview = gate.get("/")[2]
    assert "can move" not in overview.split('id="services"')[1].split("</table>")[0]
    assert "2 left 1 view and 1 foreign key" in text_of(overview) and "0 of 2 services can move" in text_of(overview)
    assert 'title="front reaches into back: 2 stored on the servers"' in overview
    client = wire.Wire(gate.port)
    client.login("al_front", "al_front", "al_front-secret")
    client.query("INSERT INTO al_back.people VALUES (1, 1)")
    client.quit()
    assert places.wait_for(lambda: api(gate, "/api/queries"))
    query, = api(gate, "/api/queries")
    page = gate.get(f"/query?service=front&digest={query['digest']}")[2]
    causes = html.unescape(re.search(r'<pre id="causes"[^>]*>(.*?)</pre>', page, re.DOTALL)[1])
    assert causes.splitlines() == [
        "this INSERT writes al_back.trail of back by trigger al_back.t1 on al_back.people",
        "this INSERT writes al_back.trail of back by trigger al_back.t2 on al_back.people"]
    assert 'title="front reaches into back: 1 statements, 0 blocked, and 2 stored on the servers"' in gate.get("/")[2]
    assert "1 query of 1 other service" in text_of(gate.get("/service?service=back")[2])


def test_read_anew_at_a_reload_and_told_where_it_cannot(gate, server):
    assert places.wait_for(lambda: crossings(gate) == EXPECTED)
    server.sql("DROP VIEW al_back.names")
    gate.reload(("policy", "mode", "block"))
    after = {(*one[:5], "block") for one in EXPECTED if one[1] != "names"}
    assert places.wait_for(lambda: crossings(gate) == after), crossings(gate)
    server.sql("ALTER USER al_account@'%' ACCOUNT LOCK")
    gate.reload(("policy", "mode", "log"))
    gate.wait_log("what crosses inside .upstream:main. cannot be read: ")
    assert crossings(gate) == after  # as it was last read, and the metric says when
    server.sql("ALTER USER al_account@'%' ACCOUNT UNLOCK")
    gate.reload(("upstream:main", "catalogue", "0"))
    assert places.wait_for(lambda: api(gate, "/api/catalogue") == [])
    assert not gate.metrics().by("catalogue_crossings", "service")
