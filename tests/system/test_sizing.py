"""What docs/deploy.md says of twelve clusters and sixty services, of failing over, and of memory."""
import ssl

import pytest

from harness import gate as gates, places, relay, servers, wire
from harness.generations import Generations

CLUSTERS, SERVICES = 12, 60
MUCH = "SELECT REPEAT('x', 60000) FROM information_schema.collations"  # 20 MB: more than sockets hold
FOREIGN = "SELECT COUNT(*) FROM silo{}.things"


@pytest.fixture
def sixty(mariadb):
    """Accounts size0 to size59, each with rights on all; a database with a table of each one's."""
    names = [f"size{i}" for i in range(SERVICES)]
    mariadb.sql(*[f"CREATE USER {name}@'%' IDENTIFIED BY '{servers.password(name)}'" for name in names],
                *[f"CREATE DATABASE silo{i}" for i in range(SERVICES)],
                *[f"CREATE TABLE silo{i}.things (id INT)" for i in range(SERVICES)],
                *[f"GRANT SELECT ON `silo%`.* TO {name}@'%'" for name in names])
    yield names
    mariadb.sql(*[f"DROP USER {name}@'%'" for name in names], *[f"DROP DATABASE silo{i}" for i in range(SERVICES)])


def upstreams(port):
    return "".join(f"[upstream:cluster{i}]\naddress = 127.0.0.1:{port}\n" for i in range(CLUSTERS))


def test_twelve_clusters_and_sixty_services(mariadb, make_gate, sixty):
    """A file for each team: every service lands on its own cluster and in its own database, and is kept out of its
    neighbour's; a team's mistake is named by its file, and the others' policy stays in force."""
    gate = make_gate(mariadb, ini="[proxy]\nworkers = 2\ninclude = conf.d/*.ini\n[policy]\nmode = block\n[log]\nrepeat = 0\n"
                     + upstreams(mariadb.port), start=False)
    (gate.folder / "conf.d").mkdir()
    for i, name in enumerate(sixty):
        (gate.folder / f"conf.d/{name}.ini").write_text(
            f"[service:{name}]\nuser = {name}\nupstream = cluster{i % CLUSTERS}\ndatabase = silo{i}\nowns = silo{i}.*\n"
            f"[grant:{name}]\nservice = {name}\non = silo{(i + 2) % SERVICES}.things\naccess = read\n")
    gate.start()
    sessions = [wire.connect(gate.port, name, f"silo{i}") for i, name in enumerate(sixty)]
    for i, session in enumerate(sessions):
        assert session.query("SELECT DATABASE()")[0].rows == [[f"silo{i}"]]
        assert session.query(FOREIGN.format((i + 2) % SERVICES))[0].rows == [["0"]]
        with pytest.raises(wire.Error) as refused:
            session.query(FOREIGN.format((i + 1) % SERVICES))
        assert refused.value.code == 1142
    found = gate.metrics()
    assert found.by("upstream_sessions_open", "upstream") == {
        (f"cluster{i}",): SERVICES // CLUSTERS for i in range(CLUSTERS)}
    assert {(one["service"], one["upstream"]) for one in gate.violations(SERVICES)} == {
        (name, f"cluster{i % CLUSTERS}") for i, name in enumerate(sixty)}
    assert places.is_sanitized() or gate.rss() < 32 * 1024  # KiB: docs/deploy.md says 16 MiB
    bad = gate.folder / "conf.d/size7.ini"
    bad.write_text(bad.read_text().replace("owns =", "owns = silo8.*\nowns ="))
    gate.reload(accepted=False)
    gate.wait_log(r"error \S*conf\.d/size8\.ini:5: owns = silo8\.\* belongs to \[service:size7\]")
    assert sessions[8].query("SELECT COUNT(*) FROM things")[0].rows == [["0"]]
    for session in sessions:
        session.close()


def test_the_next_address_serves_when_the_first_is_gone(mariadb, make_gate):
    """A failover: the sessions of a server that goes away end, as they would directly; new ones go to the next."""
    first = relay.Relay(mariadb.port)
    gate = make_gate(mariadb, ("upstream:main", "address", f"127.0.0.1:{first.port}", f"127.0.0.1:{mariadb.port}"))
    old = wire.connect(gate.port, "lab_service")
    first.close()
    first.cut()
    with pytest.raises((wire.Error, wire.Closed, OSError)):
        old.query("SELECT 1")
    new = wire.connect(gate.port, "lab_service")
    assert new.query("SELECT 1")[0].rows == [["1"]]
    new.close()


@pytest.mark.long
@pytest.mark.skipif(places.is_sanitized(), reason="memory is the sanitizer's")
def test_memory_of_sessions(mariadb, make_gate):
    """Idle ones, and those whose clients do not read what the server sends: docs/deploy.md says 2 and 75 KiB, both
    legs being plain."""
    gate = make_gate(mariadb, ("proxy", "workers", "2"), ("upstream:main", "tls", "off"))
    count, empty = 100, gate.rss()
    sessions = [wire.connect(gate.port, "lab_service") for _ in range(count)]
    assert (gate.rss() - empty) / count < 6  # KiB
    for one in sessions:
        one.command(one.query_bytes(MUCH))
    before = 0

    def is_stuck():
        """All that fits somewhere has come."""
        nonlocal before
        then, before = before, gate.metrics().total("transferred_bytes_total", leg="upstream", direction="received")
        return then == before > count * 100000
    assert places.wait_for(is_stuck, every=1)
    assert gate.metrics().total("sessions", state="active") == count
    assert (gate.rss() - empty) / count < 100, (gate.rss(), empty)
    for one in sessions:
        one.close()


@pytest.mark.long
@pytest.mark.skipif(places.is_sanitized(), reason="memory is the sanitizer's")
def test_memory_of_tls_legs(secure_mariadb, make_gate, certificates):
    """What each adds to an idle session: docs/deploy.md and docs/tls.md say at most 45 KiB."""
    gate = make_gate(secure_mariadb, ("proxy", "workers", "2"), ("upstream:main", "tls", "required"),
                     ("tls", "certificate", certificates / "server.pem"), ("tls", "key", certificates / "server.key"))
    context = ssl.create_default_context(cafile=certificates / "ca.pem")
    sessions, count = [], 100
    for legs, options in ((1, {}), (2, {"tls": context})):
        before = gate.rss()
        for _ in range(count):
            sessions.append(wire.Wire(gate.port))
            sessions[-1].login("lab_service", **options)
        each = (gate.rss() - before) / count
        assert 30 * legs < each < 45 * legs + 6, (legs, each)  # KiB
    for one in sessions:
        one.close()


@pytest.mark.long
def test_a_thousand_services_and_a_takeover(mariadb, make_gate):
    """The counters of older generations were 1 MiB at most, those of 260 services: with more they fell to 0 at a
    takeover, and what the older sessions did was in nobody's /metrics."""
    ini = ("[proxy]\ndrain_timeout = 60s\n[policy]\nmode = log\n[log]\nrepeat = 0\n[upstream:main]\n"
           + "".join(f"[service:number_{i:04}]\nuser = {'billing_service' if i == 0 else f'u{i}'}\nupstream = main\n"
                     f"database = nilecare\nowns = own{i}.*\n" for i in range(1000))
           + "[service:clinical]\nuser = c\nupstream = main\nowns = clinical_data.*\n")
    gate = make_gate(mariadb, ini=ini, start=False)
    gate.path.write_text(gates.change(gate.ini, "proxy", "control", f"unix:{gate.folder}/control"))
    gate.uncounted = "one log is written by all of them"
    gate.start()
    line = Generations(gate)

    def counted(violations, sessions):
        found = gate.metrics()
        return (found.total("violations_total"), found.total("sessions_open")) == (violations, sessions)

    try:
        client = wire.connect(gate.port, "billing_service")
        for done in (10, 20):
            client.query("BEGIN")
            for _ in range(10):
                client.query("SELECT 1 FROM clinical_data.patients")
            assert places.wait_for(lambda: counted(done, 1))
            if done == 10:
                line.upgrade()
                assert counted(10, 1)
        client.close()
        assert line.old[0].wait(60) == 0
        assert places.wait_for(lambda: counted(20, 0))
    finally:
        line.end()
