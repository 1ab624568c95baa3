"""What comes with silogate for others: Prometheus' rules, Grafana's dashboard, the unit of systemd, what
`make install` leaves, HAProxy."""
import json
import os
import re
import shutil
import subprocess
import urllib.parse
import urllib.request

import pytest

from harness import places, wire

PACKAGING = places.TOP / "packaging"
RULES = PACKAGING / "prometheus/silogate.rules.yml"
BOARD = PACKAGING / "grafana/silogate.json"
METRIC = re.compile(r"\b(?:silogate|process)_[a-z_]+")


def run(*arguments, folder=None):
    return subprocess.run(list(map(str, arguments)), cwd=folder, capture_output=True, text=True,
                          timeout=600)  # a machine that does ten things at once


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
    attributes = {"silogate_session", "silogate_service", "silogate_client"}  # of connections
    documented = set(re.findall(r"`(silogate_[a-z_]+)", tables)) - attributes
    endings = tuple(re.findall(r"`(_[a-z_]+)", tables))  # `silogate_sessions_open`, `_accepted_total`
    assert documented <= heads
    assert all(one in documented or one.endswith(endings) for one in heads
               if not one.startswith("process_"))
    # Without TLS there is no certificate, without a crossing no edge, without an account no other
    # instance, without a witness nothing unexplained: their heads are there.
    assert wanted - names == {"silogate_certificate_days_left", "silogate_edge_statements_total",
                              "silogate_instances", "silogate_instances_policies", "silogate_instances_same_number",
                              "silogate_meeting_up", "silogate_unexplained", "silogate_unexplained_total"}


@pytest.mark.long
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
    def cross(table):
        connection = one.connect("billing_service")
        connection.query(f"SELECT COUNT(*) FROM {table}")
        connection.close()

    cross("clinical_data.patients")
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
        with urllib.request.urlopen(url, timeout=60) as answer:
            return json.load(answer)["data"]

    def ready():
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{own}/-/ready", timeout=60).status == 200
        except OSError:
            return False

    try:
        assert places.wait_for(ready, 60, 0.2)
        ask.cross = cross
        yield ask
    finally:
        process.terminate()
        process.wait(30)


def test_prometheus_scrapes_it_and_every_panel_has_an_answer(prometheus):
    def up():
        result = prometheus("query", query='up{job="silogate"}')["result"]
        return result and result[0]["value"][1] == "1"

    assert places.wait_for(up, 60, 0.5)
    assert places.wait_for(lambda: int(prometheus("query", query='count_over_time(up{job="silogate"}[5m])')["result"][0][
        "value"][1]) >= 3, every=0.5)
    prometheus.cross("payments")  # an edge that is born while Prometheus looks, with a single count
    table, = [one for one in board_expressions() if "$__range" in one]
    assert places.wait_for(lambda: shown(prometheus, table) == {
        ("billing", "clinical", "log"): 1, ("billing", "payment", "log"): 1}, every=0.5), \
        shown(prometheus, table)
    groups = prometheus("rules")["groups"]
    assert [len(group["rules"]) for group in groups] == [RULES.read_text().count("- alert:")]
    empty = [expression for expression in board_expressions()
             if not prometheus("query", query=filled(expression))["result"]]
    # Nothing has been closed at a rate, there is no TLS, no account to meet others by, no grant that ends soon.
    assert [one for one in empty if not re.search("closed_total|certificate|tls_failures|instances|grant_end", one)] \
        == []


def filled(expression):
    """As Grafana would ask."""
    for name, value in (("$job", "silogate"), ("$instance", ".*"), ("$service", ".*"),
                        ("$__rate_interval", "1m"), ("$__range", "1h")):
        expression = expression.replace(name, value)
    return expression


def shown(prometheus, expression):
    """A table's rows."""
    return {tuple(one["metric"][name] for name in ("service", "owner", "action")): float(one["value"][1])
            for one in prometheus("query", query=filled(expression))["result"]}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """What make install leaves with a PREFIX."""
    folder = tmp_path_factory.mktemp("installed")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(["make", "-s", f"BUILD={places.BUILD.relative_to(places.TOP)}", f"DESTDIR={folder}",
                           "PREFIX=/opt/gate", "SYSCONFDIR=/etc", "-o", f"{places.SILOGATE.relative_to(places.TOP)}",
                           "install"], cwd=places.TOP, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr
    return folder


def test_install_leaves_a_unit_with_the_right_path(installed):
    unit = (installed / "opt/gate/lib/systemd/system/silogate.service").read_text()
    assert "/opt/gate/bin/silogate run" in unit and "/usr/local" not in unit
    assert (installed / "opt/gate/bin/silogate").exists()
    assert run(places.SILOGATE, "check", "-c", installed / "etc/silogate/proxy.ini").returncode == 0


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze")
def test_the_unit_is_understood_and_confined(installed, tmp_path):
    """As it is installed for the systemd that is here: exposure at most 1.5."""
    unit = tmp_path / "silogate.service"
    text = (installed / "opt/gate/lib/systemd/system/silogate.service").read_text()
    unit.write_text(text.replace("/opt/gate/bin/silogate", str(places.SILOGATE.resolve())))
    checked = run("systemd-analyze", "security", "--offline=yes", "--threshold=15", unit)
    assert checked.returncode == 0, checked.stdout[-2000:]
    verified = run("systemd-analyze", "verify", unit)
    assert "Unknown" not in verified.stderr and "Failed to parse" not in verified.stderr, \
        verified.stderr


@pytest.mark.parametrize("version, kind, kill", [(252, "notify", 1), (253, "notify-reload", 0)])
def test_the_unit_is_one_for_the_systemd_that_is_there(tmp_path, version, kind, kill):
    said = run("make", "-n", f"BUILD={places.BUILD.relative_to(places.TOP)}", f"DESTDIR={tmp_path}", f"SYSTEMD={version}",
               "install", folder=places.TOP).stdout
    line = next(one for one in said.splitlines() if one.startswith("sed ") and "silogate.service" in one)
    unit = run("sh", "-c", line.split(">")[0], folder=places.TOP).stdout
    assert f"\nType={kind}\n" in unit and unit.count("ExecReload=/bin/kill -HUP $MAINPID") == kill


def test_manual_pages_have_every_subcommand_and_key(installed):
    man = installed / "opt/gate/share/man"
    page = (man / "man1/silogate.1").read_text()
    for name in re.findall(r"(?m)^  ([a-z]+)  ", run(places.SILOGATE, "--help").stdout):
        assert f".SH {name.upper()}\n" in page
    page = (man / "man5/proxy.ini.5").read_text().replace("\\-", "-")
    keys = re.findall(r"(?m)^\| `([a-z_]+)`", run(places.SILOGATE, "check", "--keys").stdout)
    assert len(keys) > 50 and [one for one in keys if f"\\fB{one}\\fR" not in page] == []


def test_completion_is_installed(installed):
    """What it completes: tests/unit/test_options.py."""
    assert (installed / "opt/gate/share/bash-completion/completions/silogate").read_text() == (
        PACKAGING / "completion/silogate.bash").read_text()


def sessions_open(admin):
    with urllib.request.urlopen(f"http://127.0.0.1:{admin}/metrics", timeout=60) as answer:
        return int(re.search(r"(?m)^silogate_sessions_open (\d+)", answer.read().decode()).group(1))


def test_two_behind_haproxy(mariadb, make_gate, tmp_path):
    """Its example as it is but for the ports: sessions at both, each with its client's own address; one that goes
    away is not asked any more."""
    front, admins = places.free_port(), [places.free_port() for _ in range(2)]
    gates = [make_gate(mariadb, ("proxy", "admin", f"127.0.0.1:{admin}"),
                       ("proxy", "proxy_protocol_from", "127.0.0.1/32")) for admin in admins]
    text = (PACKAGING / "haproxy/silogate.cfg").read_text()
    for old, new in zip(("127.0.0.1:3306", "127.0.0.1:3316", "127.0.0.1:3326", "port 6481", "port 6482"),
                        (f"127.0.0.1:{front}", f"127.0.0.1:{gates[0].port}", f"127.0.0.1:{gates[1].port}",
                         f"port {admins[0]}", f"port {admins[1]}")):
        assert old in text
        text = text.replace(old, new)
    config = tmp_path / "haproxy.cfg"
    config.write_text(text)
    balancer = subprocess.Popen(["haproxy", "-db", "-q", "-f", config], stdin=subprocess.DEVNULL,
                                preexec_fn=places.end_with_us)
    try:
        assert places.wait_for(lambda: places.port_open(front))

        def sessions():
            made = [wire.connect(front, "lab_service") for _ in range(6)]
            names = {one.socket.getsockname()[1] for one in made}
            shares = [sessions_open(admin) for gate, admin in zip(gates, admins) if gate.process]
            for one in made:
                assert one.query("SELECT 1")[0].rows == [["1"]]
                one.close()
            return len(names), shares

        def at_both():
            count, shares = sessions()
            return count == 6 and all(shares) and sum(shares) >= 6
        assert places.wait_for(at_both, every=0.1)  # admin shows the same for 50 ms
        gates[1].stop()
        assert places.wait_for(lambda: sessions()[0] == 6)
    finally:
        balancer.terminate()
        balancer.wait(20)
