"""What silogate shows of itself: metrics that add up, health, the dashboard, and who may look."""
import collections
import shutil
import subprocess

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
    assert edges == {("billing", "clinical", "log"): 7, ("main", "clinical", "block"): 7}
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
            lambda: one.metrics().total("statements_total", service=service) == before + 100, 5)
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
    connection.command(connection.query_bytes("SELECT SLEEP(20)"))
    assert places.wait_for(
        lambda: running.metrics().total("commands_total", outcome="forwarded")
        - running.metrics().total("answers_total") == 1)
    with mariadb.root() as root, root.cursor() as cursor:
        cursor.execute("SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%'")
        cursor.execute(f"KILL {cursor.fetchone()[0]}")
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
    assert places.wait_for(lambda: lonely.get("/readyz")[0] == 200, 30, 0.2)
    assert places.wait_for(
        lambda: lonely.metrics().total("upstream_up", upstream="main") == 1, 5)
    assert lonely.metrics().total("reloads_total", result="accepted") == 1


def test_a_refused_reload_is_seen(running):
    running.reload(("policy", "mode", "perhaps"), accepted=False)
    assert places.wait_for(lambda: running.metrics().total("reload_failed") == 1, 5)
    running.reload()
    assert places.wait_for(lambda: running.metrics().total("reload_failed") == 0, 5)


def test_counts_of_a_service_that_is_gone_stay(running):
    connection = running.connect("lab_service")
    connection.query("SELECT 1")
    connection.close()
    before = places.wait_for(
        lambda: running.metrics().total("statements_total", service="lab"), 5)
    assert before > 0
    ini, inside = [], False
    for line in running.ini.splitlines():
        inside = line.startswith("[service:lab]") or (inside and not line.startswith("["))
        ini += [] if inside else [line]
    hash_of = running.reload(ini="\n".join(ini) + "\n")["policy"]
    assert places.wait_for(lambda: running.metrics().total("policy_info", hash=hash_of), 5)
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
    connection = gates.http.client.HTTPConnection("127.0.0.1", port, timeout=10)
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


@pytest.mark.skipif(not shutil.which("promtool"), reason="no promtool (Debian's prometheus)")
def test_prometheus_reads_it(running):
    running.connect("billing_service").close()
    checked = subprocess.run(["promtool", "check", "metrics"], input=running.get("/metrics")[2],
                             capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
