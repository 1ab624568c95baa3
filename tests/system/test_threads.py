"""Thread ids: silogate's own lie where no driver misreads them, KILL with any spelling of one reaches the
right thread of the same service's, and the server's own tables say which session a thread is."""
import time

import pytest

from harness import places, servers, wire


def asleep(server, word):
    return [row[0] for row in server.sql(
        f"SELECT id FROM information_schema.processlist WHERE info LIKE '%{word}%' "
        "AND info NOT LIKE '%processlist%'")]


def sleeper(gate, server, word, user="lab_service"):
    client = wire.connect(gate.port, user)
    client.command(client.query_bytes(f"SELECT SLEEP(60) AS {word}"))
    assert places.wait_for(lambda: asleep(server, word))
    return client


def wake(server, word):
    """Nobody waits for it any longer, least of all silogate when it is to end."""
    for number in asleep(server, word):
        server.sql(f"KILL {number}")


def interrupted(client):
    try:
        return client.answers()[0].rows == [["1"]]
    except wire.Error as error:
        return error.code == 1317


@pytest.mark.parametrize("instance", [0, 1, 63])
def test_ids_hold_the_instance(mariadb, make_gate, instance):
    gate = make_gate(mariadb, ("proxy", "instance", str(instance)))
    ids = []
    for _ in range(3):
        client = wire.connect(gate.port, "lab_service")
        ids.append(client.thread)
        client.quit()
    assert len(set(ids)) == 3
    for number in ids:
        assert 1 << 30 <= number < 1 << 31
        assert number >> 24 & 63 == instance


@pytest.mark.parametrize("form", ["KILL QUERY {0}", "kill query {0} ;", "KILL QUERY -{1}", "KILL QUERY /* x */ - {1}"])
def test_kill_in_any_spelling(server, make_gate, form):
    """A driver that reads ids as signed numbers sends a negative one, which servers take modulo 2^32."""
    gate = make_gate(server)
    victim = sleeper(gate, server, "kill_me")
    killer = wire.connect(gate.port, "lab_service")
    killer.query(form.format(victim.thread, (1 << 32) - victim.thread))
    assert interrupted(victim)
    assert victim.query("SELECT 1")[0].rows == [["1"]]
    stranger = wire.connect(gate.port, "cds_service")
    victim = sleeper(gate, server, "kill_me_not")
    with pytest.raises(wire.Error):
        stranger.query(form.format(victim.thread, (1 << 32) - victim.thread))
    time.sleep(0.2)
    assert asleep(server, "kill_me_not")
    wake(server, "kill_me_not")


def test_kill_of_oneself(server, make_gate):
    gate = make_gate(server, ("policy", "administration", "block"))
    client = wire.connect(gate.port, "lab_service")
    try:
        client.query("KILL QUERY CONNECTION_ID()")
    except wire.Error as error:
        assert error.code == 1317
    assert client.query("SELECT 1")[0].rows == [["1"]]
    try:
        client.query("KILL CONNECTION_ID()")
    except (wire.Error, wire.Closed):
        pass
    assert client.closed()


def test_kill_of_a_variable(server, make_gate):
    """One that the session has set to a number of the service's own sessions; not as it may be later on."""
    gate = make_gate(server, ("policy", "administration", "block"), ("policy", "undetermined", "block"))
    victim, stranger = sleeper(gate, server, "by_name"), sleeper(gate, server, "not_by_name", "cds_service")
    killer = wire.connect(gate.port, "lab_service", capabilities=wire.USUAL | wire.MULTI_STATEMENTS)
    killer.query(f"SET @id = {victim.thread}")
    killer.query("KILL QUERY @id")
    assert interrupted(victim)
    victim.command(victim.query_bytes("SELECT SLEEP(60) AS by_text"))
    assert places.wait_for(lambda: asleep(server, "by_text"))
    killer.query(f"SET @id = '{victim.thread}'; KILL QUERY @`ID`")
    assert interrupted(victim)
    for sql in (f"SET @id = {stranger.thread}; KILL QUERY @id", "KILL QUERY @never_set",
                f"SET @id = {victim.thread}; SET @id = @id + 1; KILL QUERY @id"):
        with pytest.raises(wire.Error) as refused:
            killer.query(sql)
        assert refused.value.code == 1227 or refused.value.code == 1142, sql
    killer.query(f"SET @id = {victim.thread}")
    with pytest.raises(wire.Error):  # it would be another one at its execution
        statement = killer.prepare("KILL QUERY @id")[0]
        killer.query(f"SET @id = {stranger.thread}")
        killer.execute(statement)
    assert asleep(server, "not_by_name")


def test_kill_of_many_is_administration(mariadb, make_gate):
    """MariaDB's KILL USER and KILL QUERY ID name no session: blocked where administration is, let by in log mode."""
    gate = make_gate(mariadb, ("policy", "administration", "block"))
    client = wire.connect(gate.port, "lab_service")
    forms = ("KILL USER cds_service", "KILL SOFT QUERY USER 'lab_service'@'127.0.0.1'", "KILL QUERY ID 4000000000",
             "KILL HARD QUERY ID 4000000000")
    for sql in forms:
        with pytest.raises(wire.Error) as refused:
            client.query(sql)
        assert refused.value.code == 1227, sql
    assert [one["reason"] for one in gate.violations(len(forms))] == ["administration"] * len(forms)
    gate.reload(("policy", "administration", "log"))
    direct = wire.connect(mariadb.port, "lab_service")
    for sql in forms[2:]:
        codes = []
        for one in (client, direct):
            with pytest.raises(wire.Error) as refused:
                one.query(sql)
            codes.append(refused.value.code)
        assert codes[0] == codes[1] == 1957, codes
    assert [one["action"] for one in gate.violations(2)] == ["logged"] * 2


def test_kill_stays_at_its_upstream(mariadb, mysql, make_gate):
    """A session stands at the upstream of its login. After its service has moved, its number means
    another thread on the new one: that must not be hit."""
    gate = make_gate(mariadb)
    victim = sleeper(gate, mariadb, "moved_away")
    gate.reload(("upstream:main", "address", f"127.0.0.1:{mysql.port}"),
                ("upstream:old", "address", f"127.0.0.1:{mariadb.port}"), ("proxy", "default_upstream", "main"))
    gate.reload(("service:lab", "upstream", "old"))
    old = wire.connect(gate.port, "lab_service")
    del old
    killer = wire.connect(gate.port, "lab_service")
    number = asleep(mariadb, "moved_away")[0]
    mark = mariadb.mark(), mysql.mark()
    with pytest.raises(wire.Error):
        killer.query(f"KILL {victim.thread}")
    assert f"KILL {number}" not in mysql.log(mark[1]) and f"KILL {number}" not in mariadb.log(mark[0])
    wake(mariadb, "moved_away")


def test_the_server_knows_the_session(server, make_gate):
    """Also where the client sends no attributes of its own, and never by what a client claims."""
    gate = make_gate(server, ("proxy", "instance", "5"))
    plain = wire.connect(gate.port, "lab_service", capabilities=wire.USUAL & ~wire.CONNECT_ATTRS)
    liar = wire.connect(gate.port, "lab_service",
                        attributes=[("silogate_session", "1/1"), ("Silogate_Service", "cds"), ("mine", "yes")])
    for client in (plain, liar):
        rows = dict(server.sql(
            "SELECT ATTR_NAME, ATTR_VALUE FROM performance_schema.session_connect_attrs WHERE PROCESSLIST_ID = "
            + client.query("SELECT CONNECTION_ID()")[0].rows[0][0]))
        assert rows["silogate_session"] == f"{client.thread}/5"
        assert rows["silogate_service"] == "lab"
        assert rows["silogate_client"].startswith("127.0.0.1:")
    assert rows["mine"] == "yes" and len(rows) == 4
    for client in (plain, liar):  # COM_CHANGE_USER says it anew
        client.change_user("cds_service")
        rows = dict(server.sql(
            "SELECT ATTR_NAME, ATTR_VALUE FROM performance_schema.session_connect_attrs WHERE PROCESSLIST_ID = "
            + client.query("SELECT CONNECTION_ID()")[0].rows[0][0]))
        assert rows["silogate_session"] == f"{client.thread}/5" and rows["silogate_service"] == "cds"
        client.quit()


@pytest.mark.parametrize("length", [65450, 65500, 65535])
def test_attributes_that_leave_no_room(server, make_gate, length):
    """As many as a login can have: silogate's own are there all the same, a liar's are not."""
    gate = make_gate(server, ("proxy", "instance", "5"))
    attributes = [("silogate_session", "1/1"), *[("k", "v" * 200)] * 320]
    size = sum(len(key) + len(value) + 2 for key, value in attributes)
    attributes.append(("z", "z" * (length - size - 5)))
    client = wire.connect(gate.port, "lab_service", attributes=attributes)
    rows = server.sql(
        "SELECT ATTR_NAME, ATTR_VALUE FROM performance_schema.session_connect_attrs WHERE PROCESSLIST_ID = "
        + client.query("SELECT CONNECTION_ID()")[0].rows[0][0])
    assert {row for row in rows if row[0].startswith("silogate_")} >= {
        ("silogate_session", f"{client.thread}/5"), ("silogate_service", "lab")}
    assert "1/1" not in dict(rows).values()
    client.quit()


def test_change_user_with_a_collation_of_two_bytes(mariadb, make_gate):
    """MariaDB has collations beyond 255: cut to a byte, 2304 is 0."""
    gate = make_gate(mariadb)
    for port in (mariadb.port, gate.port):
        client = wire.connect(port, "lab_service")
        client.change_user("lab_service", collation=2304)
        assert client.query("SELECT @@collation_connection")[0].rows == [["utf8mb4_uca1400_ai_ci"]]
        client.quit()


@pytest.mark.long
def test_a_transfer_that_moves_is_not_idle(server, make_gate):
    """A command that takes longer than idle_timeout to arrive, and a file likewise."""
    gate = make_gate(server, ("proxy", "idle_timeout", "3s"))
    client = wire.connect(gate.port, "lab_service", capabilities=wire.USUAL | wire.LOCAL_FILES)
    client.sequence = 0
    packet = client.frame(client.query_bytes("SELECT LENGTH('" + "x" * 400000 + "')"))
    for i in range(10):
        client.raw(packet[i * len(packet) // 10:(i + 1) * len(packet) // 10])
        time.sleep(0.4)
    assert client.answers()[0].rows == [["400000"]]
    client.query("CREATE TEMPORARY TABLE nilecare.lab_slow (a TEXT)")
    client.command(client.query_bytes("LOAD DATA LOCAL INFILE 'x' INTO TABLE nilecare.lab_slow"))
    assert client.receive()[0] == 0xfb
    for _ in range(10):
        client.send(b"line\n" * 100)
        time.sleep(0.4)
    client.send(b"")
    client.answer()
    assert client.query("SELECT COUNT(*) FROM nilecare.lab_slow")[0].rows == [["1000"]]
    client.quit()


def test_a_dead_upstream_is_known_at_the_next_login(make_gate):
    """In the log and in /readyz, and not first at the next probe, up to 10 s later."""
    server = wire.FakeServer(port=places.free_port())
    gate = make_gate(server.address())
    assert gate.get("/readyz")[0] == 200
    server.close()
    start = len(gate.log())
    with pytest.raises(wire.Error) as refused:
        wire.connect(gate.port, "lab_service")
    assert refused.value.code == 2003
    assert gate.get("/readyz")[0] == 503
    gate.wait_log("upstream 'main' is down", start=start)
    again = wire.FakeServer(port=server.port)
    wire.connect(gate.port, "lab_service").quit()
    assert gate.get("/readyz")[0] == 200
    assert places.wait_for(lambda: gate.events("upstream_up"))
    assert len(gate.events("upstream_down")) == len(gate.events("upstream_up")) == 1
    again.close()
