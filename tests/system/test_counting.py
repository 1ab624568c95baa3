"""One counting: the log, the report, the API, the metrics and the pages say the same of each edge, and of
all violations. SILOGATE_LONG=1: 200,000 violations of random shape in place of a few thousand."""
import json
import os
import random
import threading
import time

import pytest

from harness import counts, crowd, gate as gates, places, wire

LONG = os.environ.get("SILOGATE_LONG") == "1"
STATEMENTS = 200000 if LONG else 4000
SENDERS = 4


@pytest.fixture
def make_crowd(mariadb):
    made = []

    def make(services, *changes):
        one = crowd.Crowd(mariadb, services, changes=changes)
        made.append(one.gate)
        one.gate.start()
        return one
    yield make
    for gate in made:
        try:
            gate.stop()
        finally:
            gate.remove()


def random_statement(chance, names):
    """One of any shape: several owners, nobody's, the server's, the system's, several statements, and what
    nobody understands."""
    one, two, three = (chance.choice(names) for _ in range(3))
    word = f"c{chance.randrange(40)}"
    return chance.choice((
        f"SELECT {word} FROM {one}_db.a",
        f"SELECT * FROM {one}_db.a JOIN {two}_db.b USING (id) JOIN {three}_db.c USING (id)",
        f"UPDATE {one}_db.a, {two}_db.{word} SET a.x = 1",
        f"INSERT INTO {one}_db.a SELECT * FROM {two}_db.b WHERE {word} IN ({', '.join('123456')})",
        f"SELECT * FROM nobody.{word}", f"SELECT * FROM nobody.a JOIN {one}_db.{word} USING (id)",
        "SELECT user FROM mysql.user", f"SELECT * FROM mysql.db JOIN {one}_db.{word} USING (id)",
        f"SET GLOBAL max_connections = {chance.randrange(9)}", f"SELECT 'never closed {word}",
        f"SELECT 1; SELECT * FROM {one}_db.a; DELETE FROM {two}_db.{word}",
        f"DROP DATABASE {one}_db", f"CALL {one}_db.{word}(1)",
        f"SELECT {one}_db.f({word}) FROM {two}_db.b",
        " UNION ".join(f"SELECT 1 FROM {name}_db.{word}" for name in names)))


class Sender(threading.Thread):
    def __init__(self, one, number, wanted):
        super().__init__()
        self.one, self.wanted, self.failure = one, wanted, None
        self.chance = random.Random(number)

    def run(self):
        connections = {}
        try:
            for _ in range(self.wanted):
                name = self.chance.choice(self.one.names)
                if name not in connections or self.chance.random() < 0.002:
                    connections[name] = wire.connect(
                        self.one.gate.port, f"crowd_{name}", password="crowd", database=None,
                        capabilities=wire.USUAL | wire.MULTI_STATEMENTS)
                try:
                    connections[name].query(random_statement(self.chance, self.one.names))
                except wire.Error:
                    pass  # of the server, or of silogate
        except BaseException as failure:
            self.failure = repr(failure)
        finally:
            for connection in connections.values():
                connection.close()


@pytest.mark.long(short=1)
@pytest.mark.parametrize("repeat", ["1s", "0"])
def test_random_violations_count_the_same_everywhere(make_crowd, repeat):
    """With a reload in the middle that changes the policy of half of them."""
    one = make_crowd(7, ("log", "repeat", repeat), ("edge:auth->billing", "mode", "off"))
    senders = [Sender(one, number, STATEMENTS // SENDERS // 2) for number in range(SENDERS)]
    for sender in senders:
        sender.start()
    one.gate.reload(("service:payment", "mode", "block"), ("service:auth", "mode", "block"))
    for sender in senders:
        sender.join(900)
    assert not [sender.failure for sender in senders if sender.failure]
    counts.agree(one.gate)
    told = counts.counted(one.gate)
    edges, violations = told["log"]
    assert violations > STATEMENTS / 4 and len(edges) > 40
    assert sum(map(sum, edges.values())) > violations, "those on several edges count on each"
    assert {owner for _, owner in edges} >= {"(unowned)", "(system)", "(server)", "(undetermined)"}
    allowed = one.gate.metrics().by("edge_statements_total", "service", "owner", "action")
    assert {key[:2] for key in allowed if key[2] == "allow"} == {("auth", "billing")}


def test_two_owners_in_one_statement_are_two_edges(make_crowd):
    """The finding that this page began with: the second owner was not counted."""
    one = make_crowd(4, ("log", "repeat", "60s"))
    connection = wire.connect(one.gate.port, "crowd_auth", password="crowd", database=None)
    for _ in range(16):
        with pytest.raises(wire.Error):
            connection.query("SELECT * FROM billing_db.invoices JOIN payment_db.payments USING (id)")
    connection.close()
    edges = one.gate.metrics().by("edge_statements_total", "service", "owner", "action")
    assert edges == {("auth", "billing", "log"): 16, ("auth", "payment", "log"): 16}
    assert one.gate.metrics().total("violations_total") == 16


def test_mode_off_counts_for_each_owner(make_crowd):
    """By the same rule as a violation: one edge for each owner, one statement in the totals, nothing in the
    log; also where only one of the edges is in mode off."""
    one = make_crowd(5, ("service:auth", "mode", "off"), ("edge:payment->business", "mode", "off"))
    join = "SELECT * FROM billing_db.a JOIN payment_db.b USING (id) JOIN business_db.c USING (id)"
    for user in ("auth", "payment"):
        connection = wire.connect(one.gate.port, f"crowd_{user}", password="crowd", database=None)
        for _ in range(3):
            with pytest.raises(wire.Error):
                connection.query(join)
        connection.close()
    edges = one.gate.metrics().by("edge_statements_total", "service", "owner", "action")
    assert edges == {("auth", "billing", "allow"): 3, ("auth", "payment", "allow"): 3,
                     ("auth", "business", "allow"): 3,
                     ("payment", "billing", "log"): 3, ("payment", "business", "allow"): 3}
    assert one.gate.metrics().total("violations_total") == 3
    assert one.gate.metrics().total("statements_total", service="auth", action="allow", reason="foreign") == 3


def test_the_page_shows_the_statement_of_the_log(make_crowd):
    """The same text, lists folded the same way; a long one is its beginning."""
    one = make_crowd(4, ("log", "repeat", "0"))
    connection = wire.connect(one.gate.port, "crowd_auth", password="crowd", database=None)
    columns = ", ".join(f"column_number_{i}" for i in range(200))
    for statement in ("SELECT id FROM billing_db.t WHERE a IN (1, 2, 3) AND b IN ('x', 'y')",
                      "INSERT INTO billing_db.t (a, b) VALUES (1, 'x'), (2, 'y'), (3, 'z')",
                      f"SELECT {columns} FROM billing_db.t"):
        with pytest.raises(wire.Error):
            connection.query(statement)
    connection.close()
    shown = {one["digest"]: one["statement"] for one in json.loads(one.gate.get("/api/queries")[2])}
    logged = {one["digest"]: one["statement"] for one in one.gate.violations(3)}
    assert set(shown) == set(logged) and len(logged) == 3
    for digest, statement in logged.items():
        assert shown[digest] == statement or \
            shown[digest].endswith("…") and statement.startswith(shown[digest][:-1]), statement
    assert sum("IN (?)" in statement for statement in shown.values()) == 1


def test_pages_of_queries(make_crowd):
    """limit, offset, q, service, owner and range are honoured, and the pages reach every query."""
    one = make_crowd(14, ("log", "repeat", "0"))
    one.send(400, most=3)
    total = json.loads(one.gate.get("/api/queries?limit=1000")[2])
    assert len(total) == 400
    report = gates.run("report", one.gate.violations_file).stdout
    assert "400 distinct queries" in report, "also where one stands on two edges"
    paged = [query for offset in range(0, 500, 100)
             for query in json.loads(one.gate.get(f"/api/queries?limit=100&offset={offset}")[2])]
    assert paged == total
    assert len(json.loads(one.gate.get("/api/queries?limit=7")[2])) == 7
    by_edge = {}
    for query in total:
        for owner in query["edges"]:
            by_edge.setdefault((query["service"], owner), []).append(query)
    matrix = json.loads(one.gate.get("/api/matrix")[2])
    assert {(e["service"], e["owner"]): e["log"] + e["block"] for e in matrix} == \
        {edge: sum(query["count"] for query in queries) for edge, queries in by_edge.items()}
    for (service, owner), queries in by_edge.items():
        found = json.loads(one.gate.get(
            f"/api/queries?limit=1000&service={service}&owner={owner}")[2])
        assert found == queries
    assert json.loads(one.gate.get("/api/queries?range=hour&limit=1000")[2]) == total
    assert [query["statement"] for query in total if "c0017" in query["statement"]] == \
        [query["statement"] for query in json.loads(one.gate.get("/api/queries?q=c0017")[2])]
    last = json.loads(one.gate.get("/api/queries?sort=last&limit=50")[2])
    assert [query["last"] for query in last] == sorted((query["last"] for query in total),
                                                       reverse=True)[:50]


@pytest.mark.long
def test_memory_of_many_queries_has_a_bound(make_crowd):
    """5,000 queries of 60 services, and three times as many: what docs/violations.md promises. All are
    counted, also those whose text is forgotten."""
    one = make_crowd(60, ("log", "repeat", "0"))
    sent = one.send(5000, most=1)
    one.gate.get("/queries")
    several = one.gate.rss()
    for seed in (2, 3, 4):  # other statements each
        sent += one.send(5000 if LONG else 1500, seed=seed, most=1)
        one.gate.get("/queries")
    bound = 2 * 27 + 2 * 45  # MiB: of two workers, and of the pages for both
    assert one.gate.rss() < several + 2 * bound * 1024
    assert one.gate.metrics().total("violations_total") == sent


def test_gates_of_other_tests_can_be_asked(mariadb, make_gate):
    """counts.counted works on any gate: NileCare's."""
    gate = make_gate(mariadb)
    for user, statement in (("billing_service", "SELECT * FROM clinical_data.patients"),
                            ("billing_service", "SELECT * FROM invoices"),
                            ("main_service", "SELECT 1 FROM invoices")):
        connection = gate.connect(user)
        with connection.cursor() as cursor:
            try:
                cursor.execute(statement)
            except gates.pymysql.Error:
                pass
        connection.close()
    counts.agree(gate)


def test_ranges_outlive_a_restart(make_crowd):
    """The last hour is read back from the logs; what counts from the start begins anew, and nothing counts
    twice. Lines that are none do no harm."""
    one = make_crowd(7, ("log", "repeat", "0"))
    one.send(60, most=3)
    before = json.loads(one.gate.get("/api/queries?range=hour&limit=1000")[2])
    matrix = json.loads(one.gate.get("/api/matrix?range=day")[2])
    one.gate.stop()
    log = one.gate.violations_file
    half = log.read_text().splitlines(keepends=True)
    log.with_name(log.name + ".1").write_text("".join(half[:20]))
    log.write_text("garbage\n{}\n[]\n{\"event\":\"violation\",\"count\":-1}\n" + "".join(half[20:]) + "{\"cut")
    one.gate.start()
    assert json.loads(one.gate.get("/api/queries?limit=1000")[2]) == []
    assert one.gate.metrics().total("edge_statements_total") == one.gate.metrics().total("violations_total") == 0
    after = json.loads(one.gate.get("/api/queries?range=hour&limit=1000")[2])

    def told(queries):
        return sorted((q["service"], q["digest"], q["action"], q["reason"], q["count"], q["statement"],
                       str(q["objects"]), str(q["edges"])) for q in queries)

    def edges(matrix):
        return {(e["service"], e["owner"]): (e["log"], e["block"]) for e in matrix}
    assert told(after) == told(before)
    assert edges(json.loads(one.gate.get("/api/matrix?range=day")[2])) == edges(matrix)
    one.send(60, most=3)
    time.sleep(0.1)  # looks within a moment of each other are one
    twice = json.loads(one.gate.get("/api/queries?range=hour&limit=1000")[2])
    assert told(twice) == told([{**q, "count": 2 * q["count"]} for q in before])
    assert told(json.loads(one.gate.get("/api/queries?limit=1000")[2])) == told(before)
    assert one.gate.metrics().total("violations_total") == sum(q["count"] for q in before)
