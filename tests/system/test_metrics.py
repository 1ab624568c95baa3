"""Metrics that an SRE reads: how long upstreams take, bytes, what sessions do, TLS failures, reloads, grants' ends, the
process."""
import datetime
import os
import shutil
import socket
import ssl
import subprocess
import time

import pytest

from harness import gate as gates, places, wire


def test_latency_of_upstreams_by_service(mariadb, make_gate):
    gate = make_gate(mariadb, ("proxy", "workers", "2"))
    lab, billing = wire.connect(gate.port, "lab_service"), wire.connect(gate.port, "billing_service")
    for _ in range(5):
        billing.query("SELECT 1")
    lab.query("SELECT SLEEP(1.1)")
    statement = lab.prepare("SELECT SLEEP(1.1)")
    lab.execute(statement[0] if isinstance(statement, tuple) else statement)
    found = gate.metrics()

    def buckets(service):
        return sorted((float(dict(labels)["le"]), value) for (name, labels), value in found.items()
                      if name == "silogate_upstream_latency_seconds_bucket" and ("service", service) in labels)

    for service in ("lab", "billing"):
        counts = [count for _, count in buckets(service)]
        assert counts == sorted(counts) and len(counts) == 19
        assert counts[-1] == found.total("upstream_latency_seconds_count", service=service)
    assert 2.15 < found.total("upstream_latency_seconds_sum", service="lab") < 20
    slow = found.total("upstream_latency_seconds_count", service="lab") - \
        max(count for bound, count in buckets("lab") if bound < 1.1)
    assert slow == 2  # the text one and the prepared one
    assert found.total("upstream_latency_seconds_count", service="billing") >= 5
    # all commands with an answer: COM_QUIT and COM_STMT_CLOSE have none
    assert found.total("upstream_latency_seconds_count") <= found.total("answers_total", outcome="complete")
    for one in (lab, billing):
        one.quit()


def test_bytes(mariadb, make_gate):
    gate = make_gate(mariadb)
    session = wire.connect(gate.port, "lab_service")
    session.query("SELECT 1")  # behind it silogate has no questions of its own
    before = gate.metrics()
    session.query("SELECT REPEAT('x', 1000000)")
    session.query("SELECT LENGTH('" + "y" * 500000 + "')")
    after = gate.metrics()

    def grown(leg, direction):
        return after.total("transferred_bytes_total", leg=leg, direction=direction) - \
            before.total("transferred_bytes_total", leg=leg, direction=direction)
    for leg, down, up in (("client", "sent", "received"), ("upstream", "received", "sent")):
        assert 1000000 < grown(leg, down) < 1003000  # silogate may ask something of its own
        assert 500000 < grown(leg, up) < 503000
    session.quit()


def test_what_sessions_do(mariadb, make_gate):
    gate = make_gate(mariadb, ("proxy", "workers", "2"))
    idle, inside, busy = (wire.connect(gate.port, "lab_service") for _ in range(3))
    inside.query("BEGIN")
    busy.command(busy.query_bytes("SELECT SLEEP(60)"))
    stranger = socket.create_connection(("127.0.0.1", gate.port))
    wanted = {("idle",): 1, ("idle_in_transaction",): 1, ("active",): 1, ("login",): 1}
    assert places.wait_for(lambda: gate.metrics().by("sessions", "state") == wanted), \
        gate.metrics().by("sessions", "state")
    assert sum(gate.metrics().by("sessions", "state").values()) == gate.metrics().total("sessions_open")
    for one in (stranger, busy, inside, idle):
        one.close()


def test_tls_failures_by_reason(mariadb, make_gate, certificates):
    gate = make_gate(mariadb, ("tls", "certificate", certificates / "server.pem"),
                     ("tls", "key", certificates / "server.key"))
    zero = gate.metrics()
    assert ("silogate_tls_failures_total", frozenset({("leg", "client"), ("reason", "protocol")})) in zero
    assert zero.total("tls_failures_total") == 0
    # an SSLRequest, then bytes that are no TLS
    with socket.create_connection(("127.0.0.1", gate.port)) as one:
        one.recv(4096)
        capabilities = 0x1 | 0x200 | 0x800 | 0x8000 | 0x80000
        payload = capabilities.to_bytes(4, "little") + (1 << 24).to_bytes(4, "little") + b"\x2d" + bytes(23)
        request = len(payload).to_bytes(3, "little") + b"\x01" + payload
        one.sendall(request)
        assert places.wait_for(lambda: places.is_read(one))  # with what comes next it would be another failure
        one.sendall(b"GET / HTTP/1.1\r\n\r\n")
        one.settimeout(60)
        try:
            while one.recv(4096):
                pass
        except OSError:
            pass
    # and a client that does not trust the certificate; it waits until its alert is read, because an end with bytes unread
    # would be a reset, which takes the alert with it
    with socket.create_connection(("127.0.0.1", gate.port)) as one:
        one.recv(4096)
        one.sendall(request)
        tls = ssl.create_default_context()
        tls.check_hostname = False
        read, write = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = tls.wrap_bio(read, write)
        with pytest.raises(ssl.SSLCertVerificationError):
            while True:
                try:
                    client.do_handshake()
                except ssl.SSLWantReadError:
                    one.sendall(write.read())
                    read.write(one.recv(65536))
        one.sendall(write.read())
        one.settimeout(60)
        try:
            while one.recv(4096):
                pass
        except ConnectionResetError:
            pass
    assert places.wait_for(lambda: gate.metrics().total("tls_failures_total", leg="client") == 2)
    found = gate.metrics()
    assert found.by("tls_failures_total", "leg", "reason") == {("client", "protocol"): 1, ("client", "refused"): 1}
    gate.wait_log("TLS: the other side refused the handshake: unknown CA")
    assert found.total("tls_handshakes_total", result="failed") == 2


def test_tls_failures_of_the_upstream(mariadb, make_gate, certificates):
    gate = make_gate(mariadb, ("upstream:main", "tls", "verify_ca"),
                     ("upstream:main", "ca", certificates / "other-ca.pem" if
                      (certificates / "other-ca.pem").exists() else certificates / "ca.pem"))
    with pytest.raises(Exception):
        gate.connect("lab_service")
    found = gate.metrics()
    failed = found.by("tls_failures_total", "leg", "reason")
    assert found.total("upstream_tls_failed_total") == sum(failed.values())
    assert {leg for leg, _ in failed} <= {"upstream"}


def test_tls_handshakes(mariadb, make_gate, certificates):
    gate = make_gate(mariadb, ("tls", "certificate", certificates / "server.pem"),
                     ("tls", "key", certificates / "server.key"))
    trusted = ssl.create_default_context(cafile=certificates / "ca.pem")
    trusted.check_hostname = False
    sessions = [gate.connect("lab_service", ssl=trusted) for _ in range(3)]
    plain = gate.connect("lab_service")
    assert gate.metrics().by("tls_handshakes_total", "result") == {("full",): 3}
    for one in (*sessions, plain):
        one.close()


def test_sessions_that_wait(mariadb, make_gate):
    """For a hold; while it lasts they are nothing else, and behind it they are idle."""
    gate = make_gate(mariadb, start=False)
    gate.ini = gates.change(gate.ini, "proxy", "control", f"unix:{gate.folder}/control")
    gate.path.write_text(gate.ini)
    gate.start()
    mariadb.sql("CREATE TABLE IF NOT EXISTS nilecare_billing.hold_marks (id INT)")
    session = wire.connect(gate.port, "billing_service", "nilecare_billing")
    hold = gates.ctl(gate, "hold", "billing", "--writes", "--for", "50s")["id"]
    session.command(session.query_bytes("INSERT INTO nilecare_billing.hold_marks VALUES (1)"))
    assert places.wait_for(lambda: gate.metrics().by("sessions", "state")["waiting",] == 1)
    assert gate.metrics().total("sessions") == gate.metrics().total("sessions_open") == 1
    gates.ctl(gate, "undo", hold)
    session.answers()
    assert places.wait_for(lambda: gate.metrics().by("sessions", "state")["idle",] == 1)
    session.quit()
    mariadb.sql("DROP TABLE nilecare_billing.hold_marks")


def test_reloads(mariadb, make_gate):
    gate = make_gate(mariadb)

    def times():
        found = gate.metrics()
        return (found.total("last_reload_success_timestamp_seconds"), found.total("last_reload_timestamp_seconds"),
                found.total("reload_failed"))
    good, last, failed = times()
    assert abs(good - time.time()) < 60 and good == last and failed == 0
    gate.reload(("policy", "mode", "nonsense"), accepted=False)
    assert places.wait_for(lambda: times()[2] == 1)
    assert times()[0] == good and times()[1] > last
    gate.reload()
    assert places.wait_for(lambda: times()[2] == 0)
    assert times()[0] == times()[1] > good


def test_days_that_grants_have_left(mariadb, make_gate):
    today = datetime.datetime.now(datetime.timezone.utc).date()
    grants = {"ends-soon": 3, "last-day": 0, "is-over": -2}

    def end(days):
        last = datetime.datetime.combine(today + datetime.timedelta(days), datetime.time(), datetime.timezone.utc)
        return last.timestamp() + 86400
    changes = []
    for name, days in grants.items():
        changes += [(f"grant:{name}", "service", "lab"), (f"grant:{name}", "on", "clinical_data.patients"),
                    (f"grant:{name}", "access", "read"),
                    (f"grant:{name}", "until", (today + datetime.timedelta(days)).isoformat())]
    gate = make_gate(mariadb, *changes, ("grant:for-ever", "service", "lab"),
                     ("grant:for-ever", "on", "clinical_data.encounters"), ("grant:for-ever", "access", "read"))
    found = {dict(labels)["grant"]: value for (name, labels), value in gate.metrics().items()
             if name == "silogate_grant_end_timestamp_seconds" and ("service", "lab") in labels}
    assert found == {name: end(days) for name, days in grants.items()}


def test_the_process(mariadb, make_gate):
    gate = make_gate(mariadb)
    found = {name: value for (name, _), value in gate.metrics().items() if name.startswith("process_")}
    assert set(found) == {"process_" + name for name in (
        "cpu_seconds_total", "virtual_memory_bytes", "virtual_memory_max_bytes", "resident_memory_bytes",
        "start_time_seconds", "open_fds", "max_fds", "threads")}
    assert abs(found["process_open_fds"] - gate.files()) <= 3
    assert abs(found["process_start_time_seconds"] - time.time()) < 120
    sessions = [wire.connect(gate.port, "lab_service") for _ in range(20)]
    for one in sessions:
        for _ in range(20):
            one.query("SELECT 1")
    busy = {name: value for (name, _), value in gate.metrics().items()}
    assert busy["process_open_fds"] >= found["process_open_fds"] + 40
    assert places.wait_for(  # it counts in hundredths
        lambda: gate.metrics()["process_cpu_seconds_total", frozenset()] > found["process_cpu_seconds_total"])
    for one in sessions:
        one.quit()
    assert abs(found["process_threads"] - len(os.listdir(f"/proc/{gate.process.pid}/task"))) <= 1  # one may just end


@pytest.mark.skipif(not shutil.which("promtool"), reason="no promtool")
def test_promtool_has_nothing_to_say(mariadb, make_gate, certificates):
    """Names, units, HELP and TYPE, as Prometheus' own linter wants them; but that days are no base unit."""
    gate = make_gate(mariadb, ("tls", "certificate", certificates / "server.pem"),
                     ("tls", "key", certificates / "server.key"),
                     ("grant:ends", "service", "lab"), ("grant:ends", "on", "clinical_data.patients"),
                     ("grant:ends", "access", "read"), ("grant:ends", "until", "2099-12-31"))
    session = gate.connect("billing_service")
    session.query("SELECT 1 FROM clinical_data.patients")
    status, _, text = gate.get("/metrics")
    session.close()
    assert status == 200
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
    assert done.stdout == "" and done.stderr.splitlines() == [
        'silogate_certificate_days_left use base unit "seconds" instead of "days"'], done
