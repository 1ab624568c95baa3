"""The server as witness: what sessions hold on it against what the policy and the catalogue explain."""
import contextlib
import json
import re
import threading
import time

import pymysql
import pytest

from harness import gate as gates, places, wire

INI = """[proxy]
[policy]
mode = block
undetermined = block
unowned = block
[upstream:main]
account = wi_witness
account_password_file = {password}
witness = 200ms
[service:front]
user = wi_front
owns = wi_front.*
[service:back]
user = wi_back
owns = wi_back.*
[service:logs]
user = wi_logs
owns = wi_logs.*
[grant:front-reads-one]
service = front
on = wi_back.one
on = wi_back.names
access = read
"""
SCHEMA = [
    "CREATE DATABASE wi_front", "CREATE DATABASE wi_back", "CREATE DATABASE wi_logs",
    *[f"CREATE TABLE {name} (id INT PRIMARY KEY, v INT) ENGINE=InnoDB" for name in
      ("wi_back.one", "wi_back.under", "wi_back.inner_t", "wi_back.called", "wi_back.parent", "wi_logs.trail",
       "wi_logs.deep", "wi_front.own")],
    "CREATE VIEW wi_back.names AS SELECT id FROM wi_back.under",
    "CREATE VIEW wi_back.inner_v AS SELECT id FROM wi_back.inner_t",
    "CREATE VIEW wi_front.outer_v AS SELECT id FROM wi_back.inner_v",
    "CREATE PROCEDURE wi_front.p() SELECT COUNT(*) FROM wi_back.called",
    "CREATE TABLE wi_front.child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES wi_back.parent (id)) ENGINE=InnoDB",
    "CREATE TRIGGER wi_front.t1 AFTER INSERT ON wi_front.own FOR EACH ROW INSERT INTO wi_logs.trail VALUES (NEW.id, 1)",
    "CREATE TRIGGER wi_logs.t2 AFTER INSERT ON wi_logs.trail FOR EACH ROW INSERT INTO wi_logs.deep VALUES (NEW.id, 1)",
    "INSERT INTO wi_back.parent VALUES (1, 1)",
]
USERS = ("wi_front", "wi_back", "wi_logs", "wi_witness")
FREE = ["DROP DATABASE IF EXISTS wi_front", "DROP DATABASE IF EXISTS wi_logs", "DROP DATABASE IF EXISTS wi_back",
        *[f"DROP USER IF EXISTS {user}@'%'" for user in USERS]]


STALE = places.BUILD / "tests/harness/silogate-stale"  # tests/harness/stale_execute.c


@pytest.fixture
def witnessed(server, tmp_path):
    with witnessing(server, tmp_path) as one:
        yield one


@contextlib.contextmanager
def witnessing(server, tmp_path):
    """A silogate with a witness before a server with things that reach over silos."""
    password = tmp_path / "password"
    password.write_text("wi_witness-secret\n")
    if server.name == "mariadb":
        server.sql("INSTALL SONAME 'metadata_lock_info'")
    server.sql(*FREE, *SCHEMA, *[f"CREATE USER {user}@'%' IDENTIFIED BY '{user}-secret'" for user in USERS],
               *[f"GRANT ALL ON *.* TO {user}@'%'" for user in USERS])
    try:
        with gates.running(server, ini=INI.format(password=password)) as one:
            yield one
    finally:
        server.sql(*FREE)
        if server.name == "mariadb":
            server.sql("UNINSTALL SONAME 'metadata_lock_info'")


def login(gate):
    client = wire.Wire(gate.port)
    client.login("wi_front", "wi_front", "wi_front-secret")
    return client


def without(gate):
    gate.reload(("grant:front-reads-one", "on", "wi_back.names"))


def held(gate):
    return gate.metrics().total("unexplained", upstream="main")


def test_a_transaction_that_outlives_its_grant(witnessed, server):
    client = login(witnessed)
    client.query("START TRANSACTION")
    client.query("SELECT * FROM wi_back.one")
    client.query("SELECT * FROM own")
    time.sleep(1)
    assert held(witnessed) == 0 and not witnessed.events("unexplained")
    without(witnessed)
    assert places.wait_for(lambda: witnessed.events("unexplained"))
    assert places.wait_for(lambda: held(witnessed) == 1)
    time.sleep(1)  # told of once while it lasts
    event, = witnessed.events("unexplained")
    assert {key: event[key] for key in ("session", "service", "user", "upstream", "schema", "table", "owner")} == {
        "session": f"{client.thread}/0", "service": "front", "user": "wi_front", "upstream": "main",
        "schema": "wi_back", "table": "one", "owner": "back"}
    assert re.search("SHARED_READ", event["lock"]) and event["client"].startswith("127.0.0.1:")
    assert witnessed.metrics().total("unexplained_total", upstream="main") == 1
    client.query("COMMIT")
    assert places.wait_for(lambda: held(witnessed) == 0)
    client.quit()


def test_the_digests_around_it(witnessed, server):
    """They are the gate's own: by them the statements are found in its log. Not those that the server has cut."""
    consumers = [name for name, in server.sql("SELECT name FROM performance_schema.setup_consumers WHERE enabled = 'NO'"
                                              " AND name IN ('events_statements_current', 'events_statements_history')")]
    listed = ", ".join(f"'{name}'" for name in consumers) or "''"
    server.sql(f"UPDATE performance_schema.setup_consumers SET enabled = 'YES' WHERE name IN ({listed})")
    try:
        # logged first, so that the log has their digests
        witnessed.reload(("grant:front-reads-one", "on", "wi_back.names"), ("policy", "mode", "log"))
        texts = [f"SELECT {'v, ' * n}id FROM wi_back.one WHERE id <> {n}" for n in range(12)]
        client = login(witnessed)
        for text in texts:
            client.query(text)
        assert places.wait_for(lambda: len(witnessed.events("violation")) == 12)
        digests = [one["digest"] for one in witnessed.events("violation")]
        assert len(set(digests)) == 12
        client.query("START TRANSACTION")
        for text in (*texts[:5], f"SELECT id FROM wi_back.one WHERE v = {'1' * 2000}", texts[7]):
            client.query(text)
        witnessed.reload(("policy", "mode", "block"))
        assert places.wait_for(lambda: witnessed.events("unexplained"))
        event, = witnessed.events("unexplained")
        shown = [one for one in event["digests"] if one in digests]
        assert shown[:6] == [digests[n] for n in (7, 4, 3, 2, 1, 0)]
        assert len(event["digests"]) <= 8 and "1111" not in json.dumps(event)
        client.quit()
    finally:
        server.sql(f"UPDATE performance_schema.setup_consumers SET enabled = 'NO' WHERE name IN ({listed})")


def test_a_way_past_the_gate_is_seen(server, tmp_path, monkeypatch):
    """A silogate that lets stale prepared statements through, and a transaction over another's rows by one."""
    if not STALE.exists():
        pytest.skip("make unit builds silogate-stale")
    monkeypatch.setattr(places, "SILOGATE", STALE)
    with witnessing(server, tmp_path) as gate:
        client = login(gate)
        read = client.prepare("SELECT * FROM wi_back.one")
        write = client.prepare("UPDATE own SET v = 1")
        gate.reload(("grant:front-reads-one", "on", "wi_back.names"))
        time.sleep(1)
        assert held(gate) == 0 and not gate.events("unexplained")
        client.query("START TRANSACTION")
        client.execute(read[0])
        client.execute(write[0])
        assert places.wait_for(lambda: gate.events("unexplained"))
        event, = gate.events("unexplained")
        assert (event["service"], event["schema"], event["table"], event["owner"]) == ("front", "wi_back", "one", "back")
        client.query("ROLLBACK")
        client.quit()
        gate.uncounted = "what its way past the gate lets through is in no record"


def test_what_the_catalogue_explains(witnessed):
    """Open transactions that hold another's tables by something stored that the service may use."""
    without(witnessed)
    clients = []
    for text in ("SELECT * FROM wi_back.names", "SELECT * FROM outer_v", "CALL p()",
                 "INSERT INTO child VALUES (1, 1)", "INSERT INTO own VALUES (1, 1)"):
        client = login(witnessed)
        client.query("START TRANSACTION")
        client.query(text)
        clients.append(client)
    time.sleep(2)
    assert not witnessed.events("unexplained") and held(witnessed) == 0
    for client in clients:
        client.query("ROLLBACK")
    clients[0].query("SELECT table_name, table_rows FROM information_schema.tables")
    for client in clients:
        client.quit()
    assert not witnessed.events("unexplained")


def test_a_stranger_s_locks_are_not_the_gate_s(witnessed, server):
    """Who comes past silogate is counted elsewhere."""
    client = wire.Wire(server.port)
    client.login("wi_front", "wi_front", "wi_front-secret")
    client.query("START TRANSACTION")
    client.query("SELECT * FROM wi_back.one")
    without(witnessed)
    time.sleep(1)
    assert held(witnessed) == 0 and not witnessed.events("unexplained")
    client.quit()


def test_a_witness_that_cannot_see_says_so(witnessed, server):
    if server.name == "mariadb":
        server.sql("UNINSTALL SONAME 'metadata_lock_info'")
        witnessed.wait_log("cannot be sampled at .upstream:main.: the plugin metadata_lock_info is not loaded: "
                           "INSTALL SONAME 'metadata_lock_info'")
        server.sql("INSTALL SONAME 'metadata_lock_info'")
    else:
        server.sql("ALTER USER wi_witness@'%' ACCOUNT LOCK")
        witnessed.reload(("policy", "unowned", "block"), ("log", "repeat", "2s"))
        witnessed.wait_log("cannot be sampled at .upstream:main")
        server.sql("ALTER USER wi_witness@'%' ACCOUNT UNLOCK")
    witnessed.wait_log("is sampled again at .upstream:main")


def test_a_witness_needs_an_account(tmp_path):
    ini = tmp_path / "proxy.ini"
    ini.write_text("[proxy]\n[policy]\n[upstream:main]\naddress = db:3306\nwitness = 1s\n")
    assert "witness without account" in gates.run("check", "-c", ini).stderr


@pytest.mark.long
def test_what_it_waits_for_ends(witnessed, server):
    """Before a DROP that waits, each look at the catalogue would wait too, in the server, for a year after its client
    has gone: no thread of the witness is left behind."""
    if server.name == "mysql":
        pytest.skip("its information_schema waits for nobody")
    witnessed.reload(("upstream:main", "catalogue", "0"))  # the witness alone: what is read for the pages waits longer
    client = login(witnessed)
    client.query("START TRANSACTION")
    client.query("SELECT * FROM wi_back.one")
    dropping = server.root()
    number = dropping.thread_id()

    def drop():
        with contextlib.suppress(pymysql.Error), dropping.cursor() as cursor:
            cursor.execute("DROP TABLE wi_back.called, wi_back.one")  # holds the first, waits for the other

    def waiting():
        rows = server.sql("SELECT id, user FROM information_schema.processlist WHERE state LIKE 'Waiting for%lock'"
                          f" AND (user = 'wi_witness' OR id = {number})")
        return {one for one, user in rows if one != number} if number in {one for one, _ in rows} else set()

    thread = threading.Thread(target=drop)
    thread.start()
    try:
        witnessed.reload(("grant:front-reads-one", "on", "wi_back.names"), ("upstream:main", "catalogue", "0"))
        seen = places.wait_for(waiting, 60)
        assert seen
        assert places.wait_for(lambda: not seen & waiting(), 60)
        assert thread.is_alive()  # so it was not the DROP's end that let it go
    finally:
        server.sql(f"KILL {number}")
        thread.join()
        client.query("ROLLBACK")
        client.quit()
