"""What silogate shows of itself: metrics that add up, health, the dashboard, and who may look."""
import collections
import html.parser
import json
import re
import subprocess
import urllib.parse

import pytest

from harness import gate as gates, places, wire

OWN = "SELECT COUNT(*) FROM invoices"
FOREIGN = "SELECT COUNT(*) FROM clinical_data.patients"


@pytest.fixture
def running(mariadb, make_gate):
    return make_gate(mariadb, ("proxy", "workers", "2"))


def test_metrics_are_what_clients_did(running):
    """Statements by service, reason and action, over several workers."""
    sent = collections.Counter()
    for service, database, statements in (
            ("billing", "nilecare", [(OWN, "own", "allow"), (FOREIGN, "foreign", "log"),
                                     ("SELECT 1", "session", "allow"),
                                     ("SELECT * FROM nobody_owns_this", "unowned", "log"),
                                     ("SHUTDOWN", "administration", "block"),
                                     ("SELECT * FROM mysql.user", "system", "block")]),
            ("main", "nilecare", [(FOREIGN, "foreign", "block")]),
            ("business", "nilecare_business",
             [("SELECT COUNT(*) FROM appointments", "granted", "allow"),
              ("SET @a = 1; PREPARE s FROM @a", "undetermined", "log")])):
        for turn in range(1, 8):
            connection = running.connect(f"{service}_service", database=database,
                                         client_flag=1 << 16)
            for statement, reason, action in statements:
                with connection.cursor() as cursor:
                    try:
                        cursor.execute(statement)
                        while cursor.nextset():
                            pass
                    except Exception:  # some are refused by silogate, some by the server
                        pass
                sent[service, reason, action] += 1
                if ";" in statement:
                    sent[service, "session", "allow"] += 1
            connection.close()
    # What PyMySQL says by itself when it connects.
    assert places.wait_for(lambda: running.metrics().total("sessions_open") == 0)
    counted = running.metrics().by("statements_total", "service", "reason", "action")
    for key, count in sent.items():
        if key[1] != "session":
            assert counted[key] == count, key
    assert {key for key in counted if key[1] != "session"} == \
        {key for key in sent if key[1] != "session"}
    assert counted["billing", "session", "allow"] >= sent["billing", "session", "allow"]
    edges = running.metrics().by("edge_statements_total", "service", "owner", "action")
    assert edges == {("billing", "clinical", "log"): 7, ("main", "clinical", "block"): 7,
                     ("billing", "(unowned)", "log"): 7, ("billing", "(server)", "block"): 7,
                     ("billing", "(system)", "block"): 7, ("business", "(undetermined)", "log"): 7}
    running.check_sums()


def test_sums_per_service_are_the_clients(mariadb, make_gate):
    """A client that counts its own statements finds the same number, and the log's sums are those of
    the metrics."""
    one = make_gate(mariadb, ("log", "repeat", "60s"), ("proxy", "workers", "2"))
    for service, database in (("billing", "nilecare"), ("payment", "nilecare")):
        connection = wire.connect(one.port, f"{service}_service", database=database)
        before = one.metrics().total("statements_total", service=service)
        for i in range(100):
            connection.query("SELECT 1" if i % 2 else FOREIGN)
        assert places.wait_for(  # a look holds for some milliseconds
            lambda: one.metrics().total("statements_total", service=service) == before + 100)
        connection.close()
    metrics = one.metrics()
    assert metrics.total("commands_total") >= 200
    one.check_sums()
    log = one.violations_file
    one.process.terminate()
    one.process.wait(30)
    sums = collections.Counter()
    for record in one.events("violation"):
        sums[record["service"], record["reason"], record["action"]] += record["count"]
    crossing = metrics.by("statements_total", "service", "reason", "action")
    words = {"log": "logged", "block": "blocked"}
    assert sums == {(service, reason, words[action]): count
                    for (service, reason, action), count in crossing.items() if action in words}
    assert log.exists()


def test_a_command_without_an_answer_has_failed(running, mariadb):
    connection = wire.connect(running.port, "billing_service", database="nilecare")
    connection.command(connection.query_bytes("SELECT SLEEP(60)"))
    assert places.wait_for(
        lambda: running.metrics().total("commands_total", outcome="forwarded")
        - running.metrics().total("answers_total") == 1)
    thread = places.wait_for(lambda: mariadb.sql(
        "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP(60)%'"))
    mariadb.sql(f"KILL {thread[0][0]}")
    assert places.wait_for(lambda: running.metrics().total("answers_total", outcome="failed") == 1)
    connection.close()


def test_health(mariadb, make_gate):
    """Alive whatever the upstream does; ready only with one that is up."""
    port = places.free_port()
    lonely = make_gate(("127.0.0.1", port))
    assert lonely.get("/healthz")[0] == 200
    assert lonely.get("/readyz")[0] == 503
    assert lonely.metrics().total("upstream_up", upstream="main") == 0
    lonely.reload(("upstream:main", "address", f"127.0.0.1:{mariadb.port}"))
    assert places.wait_for(lambda: lonely.get("/readyz")[0] == 200, every=0.2)
    assert places.wait_for(
        lambda: lonely.metrics().total("upstream_up", upstream="main") == 1)
    assert lonely.metrics().total("reloads_total", result="accepted") == 1


def test_a_refused_reload_is_seen(running):
    running.reload(("policy", "mode", "perhaps"), accepted=False)
    assert places.wait_for(lambda: running.metrics().total("reload_failed") == 1)
    running.reload()
    assert places.wait_for(lambda: running.metrics().total("reload_failed") == 0)


def test_counts_of_a_service_that_is_gone_stay(running):
    connection = running.connect("lab_service")
    connection.query("SELECT 1")
    connection.close()
    before = places.wait_for(
        lambda: running.metrics().total("statements_total", service="lab"))
    assert before > 0
    ini, inside = [], False
    for line in running.ini.splitlines():
        inside = line.startswith("[service:lab]") or (inside and not line.startswith("["))
        ini += [] if inside else [line]
    hash_of = running.reload(ini="\n".join(ini) + "\n")["policy"]
    assert places.wait_for(lambda: running.metrics().total("policy_info", hash=hash_of))
    metrics = running.metrics()
    assert metrics.total("statements_total", service="lab") == before
    assert ("silogate_service_sessions_open", frozenset({("service", "lab")})) not in metrics


@pytest.fixture
def over_tcp(mariadb, make_gate):
    def make(*changes):
        port = places.free_port()
        make_gate(mariadb, ("proxy", "admin", f"127.0.0.1:{port}"), *changes)
        return port
    return make


def ask(port, path="/metrics", method="GET", **headers):
    connection = gates.http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


def test_pages_of_other_sites_get_nothing(over_tcp):
    """DNS rebinding sends the other site's name as Host; a script of another site, its Origin."""
    port = over_tcp()
    assert ask(port)[0] == 200
    assert ask(port, Host=f"localhost:{port}")[0] == 200
    assert ask(port, Host=f"[::1]:{port}")[0] == 200
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "", "[evil]"):
        status, body = ask(port, Host=host)
        assert status == 403 and "silogate_" not in body, host
    assert ask(port, Host=f"localhost:{port}", Origin=f"http://localhost:{port}")[0] == 200
    for origin in ("http://evil.example", "null", f"http://localhost:{port + 1}", "http://"):
        assert ask(port, Host=f"localhost:{port}", Origin=origin)[0] == 403, origin


def test_nothing_can_be_written(over_tcp):
    port = over_tcp()
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        assert ask(port, "/", method)[0] == 405, method
    assert ask(port, "/metrics", "HEAD") == (200, "")
    assert ask(port, "/nothing")[0] == 404


def test_token(over_tcp, tmp_path):
    """With admin_token_file only those who have it are let in, by any name; health is for all. A token
    that is replaced holds at once."""
    file = tmp_path / "token"
    file.write_text("correct horse\n")
    port = over_tcp(("proxy", "admin_token_file", file))
    assert ask(port)[0] == 401
    assert ask(port, "/healthz")[0] == 200
    for wrong in ("Bearer", "Bearer ", "Bearer correct", "Bearer correct horse battery",
                  "Basic Og==", "correct horse"):
        assert ask(port, Authorization=wrong)[0] == 401, wrong
    assert ask(port, Authorization="Bearer correct horse")[0] == 200
    assert ask(port, Authorization="Bearer correct horse", Host="metrics.internal")[0] == 200
    assert ask(port, Authorization="Basic YW55Ym9keTpjb3JyZWN0IGhvcnNl")[0] == 200
    file.write_text("another\n")
    assert ask(port, Authorization="Bearer correct horse")[0] == 401
    assert ask(port, Authorization="Bearer another")[0] == 200
    file.unlink()
    assert ask(port, Authorization="Bearer another")[0] == 401


def test_an_address_that_is_taken_is_an_error_at_start(running):
    """It listens, or it says why not: never silently without."""
    taken = places.free_port()
    with gates.socket.socket() as holder:
        holder.bind(("127.0.0.1", taken))
        holder.listen()
        ini = gates.change(running.ini, "proxy", "listen", f"127.0.0.1:{places.free_port()}")
        path = running.folder / "other.ini"
        path.write_text(gates.change(ini, "proxy", "admin", f"127.0.0.1:{taken}"))
        result = gates.run("run", "-c", path)
    assert result.returncode == 2
    assert f"admin = 127.0.0.1:{taken}" in result.stderr


def test_prometheus_reads_it(running):
    running.connect("billing_service").close()
    checked = subprocess.run(["promtool", "check", "metrics"], input=running.get("/metrics")[2],
                             capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


class Page(html.parser.HTMLParser):
    """Tables by the id of their section, each a list of rows of texts; and all tags."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.tags, self.section, self.cell = collections.defaultdict(list), [], None, None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "section":
            self.section = dict(attributes).get("id")
        if tag == "tr":
            self.tables[self.section].append([])
        if tag in ("td", "th"):
            self.cell = ""
        if tag == "br" and self.cell is not None:
            self.cell += " "

    def handle_data(self, text):
        if self.cell is not None:
            self.cell += text

    def handle_endtag(self, tag):
        if tag in ("td", "th") and self.cell is not None:
            self.tables[self.section][-1].append(" ".join(self.cell.split()))
            self.cell = None


def look(one, path="/"):
    status, headers, text = one.get(path)
    assert status == 200, text
    return Page(text), headers, text


EVIL = "<script>alert(1)</script>"
SECRET = "Amal4711"


@pytest.fixture
def crossed(running):
    """After some crossings, with values and names that must not come out as they are."""
    for user, statement, times in (
            ("billing_service", f"SELECT * FROM clinical_data.patients WHERE first_name = '{SECRET}%d'", 7),
            ("billing_service", f"UPDATE payments SET status = '{SECRET}%d'", 2),
            ("billing_service", OWN, 3),
            ("main_service", f"SELECT 1 FROM invoices WHERE id = '{SECRET}'", 4)):
        connection = running.connect(user, program_name=EVIL)
        for i in range(times):
            with connection.cursor() as cursor:
                try:
                    cursor.execute(statement % i if "%d" in statement else statement)
                except Exception:
                    pass
        connection.close()
    assert places.wait_for(lambda: running.metrics().total("sessions_open") == 0)
    return running


def test_dashboard(crossed):
    page, headers, text = look(crossed)
    tables = page.tables
    matrix = {row[0]: dict(zip(tables["matrix"][0][1:], row[1:])) for row in tables["matrix"][1:]}
    assert matrix["billing"] == {"billing": "own", "clinical": "7", "payment": "2"}
    assert matrix["main"] == {"billing": "4⊘ 4", "clinical": "", "payment": ""}
    services = {row[0]: dict(zip(tables["services"][0], row)) for row in tables["services"][1:]}
    assert services["main"]["mode"] == "block" and services["main"]["blocked"] == "4"
    assert services["billing"]["logged"] == "9" and services["billing"]["upstream"] == "main, up"
    reasons = [row for row in tables["reasons"][1:]]
    assert all(int(row[1]) == sum(map(int, row[2:])) for row in reasons)
    assert [row[:3] for row in tables["busiest"][1:]] == [
        ["7", "logged foreign", "billing → clinical"], ["4", "blocked foreign", "main → billing"],
        ["2", "logged foreign", "billing → payment"]]
    assert "touches clinical_data.patients · from <script>" in tables["busiest"][1][3]
    assert sorted(tables["latest"][1:]) == sorted(tables["busiest"][1:])
    assert services["clinical"]["its data"].startswith("1 left of 1 service")
    assert services["lab"]["its data"] == "can move 0 left"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert not [tag for tag, _ in page.tags if tag in ("img", "iframe", "object")]
    assert [has for tag, has in page.tags if tag == "script"] == [{"src": "/live.js", "defer": None}]
    assert SECRET not in text and EVIL not in text and "&lt;script&gt;" in text


def test_no_value_comes_out_anywhere(crossed):
    for path in ("/", "/queries", "/service?service=clinical", "/metrics", "/policy", "/api/", "/api/queries", "/api/violations"):
        assert SECRET not in crossed.get(path)[2], path


def test_values_stay_inside_also_with_full_statements(mariadb, make_gate):
    """`statement = full` is for the log; what is shown here is normalized all the same. With `none` no
    statement is shown at all."""
    one = make_gate(mariadb, ("log", "statement", "full"))
    connection = one.connect("billing_service")
    connection.query(f"SELECT * FROM clinical_data.patients WHERE first_name = '{SECRET}'")
    connection.close()
    _, _, text = look(one)
    assert SECRET not in text and "first_name = ?" in text
    assert places.wait_for(lambda: SECRET in one.violations_file.read_text())
    other = make_gate(mariadb, ("log", "statement", "none"))
    connection = other.connect("billing_service")
    connection.query(f"SELECT * FROM clinical_data.patients WHERE first_name = '{SECRET}'")
    connection.close()
    page, _, text = look(other)
    assert "first_name" not in text and page.tables["busiest"][1][0] == "1"


def test_search(crossed):
    page, _, _ = look(crossed, "/?q=" + urllib.parse.quote_plus("billing > PAYMENT"))
    assert [row[0] for row in page.tables["busiest"][1:]] == ["2"]
    query = json.loads(crossed.get("/api/queries?q=first_name")[2])
    assert [one["count"] for one in query] == [7]
    for word in (query[0]["digest"], query[0]["id"], "clinical_data.patients", "FIRST_NAME"):
        page, _, _ = look(crossed, "/queries?q=" + word)
        assert [row[0] for row in page.tables["queries"][1:]] == ["7"], word
    _, _, text = look(crossed, "/?q=" + urllib.parse.quote_plus('">' + EVIL))
    assert EVIL not in text


def test_policy_tells_where_each_line_came_from(running):
    page, _, _ = look(running, "/policy")
    lines = running.ini.splitlines()
    rows = page.tables["rules"][1:]
    shown = values = 0
    section = None
    for row in rows:
        if len(row) == 1:
            section, = row
            continue
        line, key, value = row
        values += 1
        assert lines[:int(line) if line != "default" else None].count(section)
        if line == "default":
            continue
        shown += 1
        written = "(all|" + re.escape(value) + ")" if key == "access" else re.escape(value)
        assert re.match(rf"{key}\s*=\s*{written}(\s|$)", lines[int(line) - 1]) or \
            lines[int(line) - 1].startswith("[edge:"), (line, key, value)
    assert shown > 60
    rules = json.loads(running.get("/api/policy")[2])
    assert len(rules["rules"]) == values
    filtered = look(running, "/policy?q=nilecare.invoices")[0].tables["rules"][1:]
    assert [row[0] for row in filtered if len(row) == 1] == ["[service:billing]"]
    assert [row[1:] for row in filtered if len(row) > 1] == [["owns", "nilecare.invoices"]]


def ask_why(one, **asked):
    return json.loads(one.get("/api/why?" + urllib.parse.urlencode(asked))[2])


def test_why(running):
    """The same verdicts as on the wire, several statements and USE of an alias included."""
    answer = ask_why(running, user="billing_service",
                     sql=f"SELECT * FROM invoices JOIN clinical_data.patients; {OWN}; DROP TABLE auth_users")
    assert answer["service"] == "billing"
    assert [one["reason"] for one in answer["statements"]] == ["foreign", "own", "foreign"]
    assert [one["verdict"] for one in answer["statements"][0]["objects"]] == ["allow", "log"]
    assert running.ini.splitlines()[answer["statements"][0]["line"] - 1].startswith("mode")
    moved = ask_why(running, user="auth_service", sql="USE nilecare; SELECT * FROM auth_users")
    assert moved["statements"][1]["objects"][0]["schema"] == "nilecare_auth"
    assert "login is refused" in ask_why(running, user="nobody", sql="SELECT 1")["problem"]
    undetermined = ask_why(running, user="billing_service", sql="SELECT 'unclosed")
    assert undetermined["statements"][0]["determined"] is False
    page, _, text = look(running, "/why?" + urllib.parse.urlencode(
        {"user": '"><b>', "sql": "</textarea>" + EVIL}))
    assert EVIL not in text and '"><b>' not in text
    _, _, text = look(running, "/why?" + urllib.parse.urlencode(
        {"user": "billing_service", "sql": FOREIGN}))
    assert "[service:billing] mode = log, line" in text


def test_long_and_odd_requests_are_survived(running):
    long = "SELECT " + ", ".join(f"c{i}" for i in range(6000)) + " FROM invoices"
    assert ask_why(running, user="billing_service", sql=long)["statements"][0]["reason"] == "own"
    assert ask_why(running, user="billing_service", sql=";" * 20000)["statements"]
    assert ask_why(running, user="billing_service", sql="\0\xff`" * 300)["statements"]
    try:
        assert running.get("/?q=" + "a" * 500000)[0] in (413, 414, 431, 400)
    except (BrokenPipeError, ConnectionResetError):
        pass  # it does not read to the end
    for path in ("//", "/../etc/passwd", "/api", "/%00", "/api/why?user&sql"):
        assert running.get(path)[0] in (200, 404), path
    assert running.get("/healthz")[0] == 200


def test_api_is_what_the_dashboard_shows(crossed):
    status = json.loads(crossed.get("/api/")[2])
    assert status["forwarded"] == status["answered"] + status["failed"]
    for service in status["services"]:
        assert service["judged"] == sum(sum(by.values()) for by in service["statements"].values())
    for part in ("services", "matrix", "upstreams", "queries"):
        assert json.loads(crossed.get("/api/" + part)[2]) == status[part], part
    edges = {(edge["service"], edge["owner"]): edge["log"] + edge["block"]
             for edge in status["matrix"]}
    assert edges == {("billing", "clinical"): 7, ("billing", "payment"): 2, ("main", "billing"): 4}
