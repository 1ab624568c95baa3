"""What comes with silogate for others: Prometheus' rules, Grafana's dashboard, the unit of systemd."""
import json
import pathlib
import re
import shutil
import subprocess
import time
import urllib.parse
import urllib.request

import pytest

from harness import places

PACKAGING = places.TOP / "packaging"
RULES = PACKAGING / "prometheus/silogate.rules.yml"
BOARD = PACKAGING / "grafana/silogate.json"
METRIC = re.compile(r"\b(?:silogate|process)_[a-z_]+")


def run(*arguments, folder=None):
    return subprocess.run(list(map(str, arguments)), cwd=folder, capture_output=True, text=True,
                          timeout=60)


def board_expressions():
    board = json.loads(BOARD.read_text())
    found = [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    assert len(found) > 20
    return found


def served(text):
    """The names of the series in Prometheus' text."""
    return set(re.findall(r"^([a-z_]+)[{ ]", text, re.MULTILINE))


def test_rules_and_dashboard_name_metrics_that_exist(mariadb, make_gate):
    one = make_gate(mariadb)
    names = served(one.get("/metrics")[2])
    heads = set(re.findall(r"^# TYPE (\S+)", one.get("/metrics")[2], re.MULTILINE))
    wanted = set(METRIC.findall(RULES.read_text()))
    for expression in board_expressions():
        wanted |= set(METRIC.findall(expression))
    assert wanted - names - heads == set()
    tables = (places.TOP / "docs/operations.md").read_text()
    documented = set(re.findall(r"`(silogate_[a-z_]+)", tables))
    endings = tuple(re.findall(r"`(_[a-z_]+)", tables))  # `silogate_sessions_open`, `_accepted_total`
    assert documented <= heads
    assert all(one in documented or one.endswith(endings) for one in heads
               if not one.startswith("process_"))
    # Without TLS there is no certificate, without a crossing no edge: their heads are there.
    assert wanted - names == {"silogate_certificate_days_left", "silogate_edge_statements_total"}


def test_rules_fire_when_they_should():
    checked = run("promtool", "check", "rules", RULES)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    tested = run("promtool", "test", "rules", "silogate.test.yml", folder=RULES.parent)
    assert tested.returncode == 0, tested.stdout + tested.stderr


@pytest.fixture
def prometheus(mariadb, make_gate, tmp_path):
    """A Prometheus that scrapes a silogate with its token; asks it by `ask(path, **parameters)`."""
    port, own = places.free_port(), places.free_port()
    token = tmp_path / "token"
    token.write_text("scrape me\n")
    one = make_gate(mariadb, ("proxy", "admin", f"127.0.0.1:{port}"),
                    ("proxy", "admin_token_file", token))
    connection = one.connect("billing_service")
    connection.query("SELECT COUNT(*) FROM clinical_data.patients")
    connection.close()
    scrape = (PACKAGING / "prometheus/scrape.yml").read_text()
    scrape = scrape.replace("127.0.0.1:6480", f"127.0.0.1:{port}")
    scrape = scrape.replace("# authorization: {credentials_file: /etc/prometheus/silogate.token}",
                            f"authorization: {{credentials_file: {token}}}")
    (tmp_path / "prometheus.yml").write_text("global: {scrape_interval: 1s}\n" + scrape)
    shutil.copy(RULES, tmp_path)
    process = subprocess.Popen(
        ["prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/d",
         f"--web.listen-address=127.0.0.1:{own}"], stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=places.end_with_us)

    def ask(path, **parameters):
        url = f"http://127.0.0.1:{own}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=20) as answer:
            return json.load(answer)["data"]

    def ready():
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{own}/-/ready", timeout=20).status == 200
        except OSError:
            return False

    try:
        assert places.wait_for(ready, 60, 0.2)
        yield ask
    finally:
        process.terminate()
        process.wait(30)


def test_prometheus_scrapes_it_and_every_panel_has_an_answer(prometheus):
    def up():
        result = prometheus("query", query='up{job="silogate"}')["result"]
        return result and result[0]["value"][1] == "1"

    assert places.wait_for(up, 60, 0.5)
    time.sleep(4)  # rates need two scrapes
    groups = prometheus("rules")["groups"]
    assert [len(group["rules"]) for group in groups] == [RULES.read_text().count("- alert:")]
    empty = []
    for expression in board_expressions():
        for name, value in (("$job", "silogate"), ("$instance", ".*"), ("$service", ".*"),
                            ("$__rate_interval", "1m"), ("$__range", "1h")):
            expression = expression.replace(name, value)
        if not prometheus("query", query=expression)["result"]:
            empty.append(expression)
    # Nothing has been closed at a rate, there is no TLS, the one crossing was before the first scrape.
    assert [one for one in empty
            if not re.search("closed_total|certificate|edge_statements_total", one)] == []


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze")
def test_the_unit_is_understood_and_confined(tmp_path):
    unit = tmp_path / "silogate.service"
    text = (PACKAGING / "systemd/silogate.service").read_text()
    unit.write_text(text.replace("/usr/local/bin/silogate", str(places.SILOGATE.resolve())))
    assert pathlib.Path(places.SILOGATE).exists()
    checked = run("systemd-analyze", "security", "--offline=yes", "--threshold=20", unit)
    assert checked.returncode == 0, checked.stdout[-2000:]
    verified = run("systemd-analyze", "verify", unit)
    assert "Unknown" not in verified.stderr and "Failed to parse" not in verified.stderr, \
        verified.stderr
