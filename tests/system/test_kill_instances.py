"""KILL of a session that stands at another instance of silogate before the same server: found by the connection
attribute that each gives its sessions, among those of the same service alone, while nobody else waits."""
import signal
import threading
import time

import pymysql
import pytest

from harness import gate as gates, places, wire

ACCOUNT = "killing_account"


@pytest.fixture
def account(server, tmp_path):
    """silogate's own account there, with the rights that `silogate audit --sql` gives it."""
    rights = "CONNECTION ADMIN" if server.dialect == "mariadb" else "CONNECTION_ADMIN"
    server.sql(f"DROP USER IF EXISTS {ACCOUNT}@'%'", f"CREATE USER {ACCOUNT}@'%' IDENTIFIED BY 'kill-secret'",
               f"GRANT {rights}, PROCESS ON *.* TO {ACCOUNT}@'%'", f"GRANT ALL ON silogate.* TO {ACCOUNT}@'%'",
               f"GRANT SELECT ON performance_schema.* TO {ACCOUNT}@'%'", "DROP DATABASE IF EXISTS silogate")
    password = tmp_path / "password"
    password.write_text("kill-secret\n")
    yield (("upstream:main", "account", ACCOUNT), ("upstream:main", "account_password_file", password),
           ("upstream:main", "catalogue", "0"))
    server.sql(f"DROP USER {ACCOUNT}@'%'", "DROP DATABASE IF EXISTS silogate")


@pytest.fixture
def pair(server, make_gate, account):
    """Two instances that have met the server, blocking what is administration."""
    made = [make_gate(server, *account, ("proxy", "instance", str(number)), ("policy", "administration", "block"))
            for number in (3, 7)]
    for gate in made:
        assert places.wait_for(lambda: gate.metrics().total("meeting_up", upstream="main") == 1, 60, 0.2)
    return made


def asleep(server, word):
    return [row[0] for row in server.sql(f"SELECT id FROM information_schema.processlist WHERE info LIKE '%{word}%' "
                                         "AND info NOT LIKE '%processlist%'")]


def sleeper(gate, server, word, user="lab_service"):
    client = wire.connect(gate.port, user)
    client.command(client.query_bytes(f"SELECT SLEEP(100) AS {word}"))
    assert places.wait_for(lambda: asleep(server, word), 30)
    return client


def interrupted(client):
    try:
        return client.answers()[0].rows == [["1"]]
    except wire.Error as error:
        return error.code == 1317


def refusal(client, sql):
    with pytest.raises(wire.Error) as refused:
        client.query(sql)
    return refused.value.code


@pytest.mark.parametrize("form", ["KILL QUERY {0}", "KILL QUERY -{1}", "/* x */ kill query {0} ;"])
def test_kill_query(server, pair, form):
    here, there = pair
    victim = sleeper(there, server, "kill_me")
    killer = wire.connect(here.port, "lab_service")
    killer.query(form.format(victim.thread, (1 << 32) - victim.thread))
    assert interrupted(victim)
    assert victim.query("SELECT 1")[0].rows == [["1"]]
    assert not here.violations()
    assert places.wait_for(lambda: here.metrics().total("kills_sought_total") == 1, 30, 0.1)
    assert there.metrics().total("kills_sought_total") == 0


def test_in_every_way(server, pair):
    """COM_PROCESS_KILL, the server's own number, several in one text, by a prepared statement; pipelined."""
    here, there = pair
    killer = wire.connect(here.port, "lab_service", capabilities=wire.USUAL | wire.MULTI_STATEMENTS)
    if server.dialect == "mariadb":  # MySQL 9.7 has no such command any more
        victim = sleeper(there, server, "kill_one")
        killer.ok(b"\x0c" + victim.thread.to_bytes(4, "little"))
        assert places.wait_for(victim.closed, 30)
    victim = sleeper(there, server, "kill_named")
    killer.query(f"SET @id = {victim.thread}")
    killer.query("KILL QUERY @id")
    assert interrupted(victim)
    victim = sleeper(there, server, "kill_two")
    killer.query(f"KILL QUERY {asleep(server, 'kill_two')[0]}")
    assert interrupted(victim)
    victims = [sleeper(there, server, f"kill_several_{i}") for i in range(3)]
    killer.query("; ".join(f"KILL QUERY {one.thread}" for one in victims))
    assert all(interrupted(one) for one in victims)
    victim = sleeper(there, server, "kill_prepared")
    killer.execute(killer.prepare(f"KILL QUERY {victim.thread}")[0])
    assert interrupted(victim)
    victim = sleeper(there, server, "kill_pipelined")
    packets = []
    for sql in ("SELECT 1", f"KILL QUERY {victim.thread}", "SELECT 2"):
        killer.sequence = 0
        packets.append(killer.frame(killer.query_bytes(sql)))
    killer.raw(b"".join(packets))
    answers = []
    for _ in packets:
        killer.sequence = 1
        answers.append(killer.answer())
    assert answers[0].rows == [["1"]] and answers[2].rows == [["2"]]
    assert interrupted(victim)
    assert not here.violations()


def test_of_the_same_service_alone(server, pair):
    """Another service's session, one that is over, one that never was, and a thread past silogate that claims to be
    one: administration, as ever, and nobody is hit."""
    here, there = pair
    other = sleeper(there, server, "not_mine", "cds_service")
    over = wire.connect(there.port, "lab_service")
    past = server.root()
    killer = wire.connect(here.port, "lab_service")
    thread = over.query("SELECT CONNECTION_ID()")[0].rows[0][0]
    over.quit()
    assert places.wait_for(lambda: not server.sql(
        f"SELECT 1 FROM information_schema.processlist WHERE id = {thread}"), 30)
    liar = wire.connect(server.port, "cds_service", attributes=[("silogate_session", f"{(1 << 30) + (7 << 24) + 9999}/7")])
    for number in (other.thread, asleep(server, "not_mine")[0], over.thread, (1 << 30) + (7 << 24) + 9999,
                   past.thread_id(), (1 << 31) - 1, (1 << 32) - 1, 1 << 40):
        assert refusal(killer, f"KILL {number}") == 1227, number
        if number < 1 << 32:
            with pytest.raises(wire.Error):
                killer.ok(b"\x0c" + number.to_bytes(4, "little"))
    assert killer.query("SELECT 1")[0].rows == [["1"]]
    assert asleep(server, "not_mine")
    assert liar.query("SELECT 1")[0].rows == [["1"]]
    past.close()
    assert {one["reason"] for one in here.violations(15)} == {"administration"}


def test_two_that_could_be_meant(server, pair):
    """Somebody who may come past silogate calls his thread what a session is called: neither is hit."""
    here, there = pair
    victim = sleeper(there, server, "meant")
    liar = wire.connect(server.port, "lab_service", attributes=[("silogate_session", f"{victim.thread}/7")])
    killer = wire.connect(here.port, "lab_service")
    assert refusal(killer, f"KILL QUERY {victim.thread}") == 1227
    liar.quit()
    assert places.wait_for(lambda: killed(killer, victim), 30, 0.3)
    assert interrupted(victim)


def killed(killer, victim):
    try:
        killer.query(f"KILL QUERY {victim.thread}")
        return True
    except wire.Error:
        return False


def test_after_a_kill_9(server, pair):
    """The instance is gone and its sessions with it: the server ends their threads, and nobody else's is hit."""
    here, there = pair
    victim = sleeper(there, server, "orphan")
    there.process.send_signal(signal.SIGKILL)
    there.process.wait()
    there.process = None
    killer = wire.connect(here.port, "lab_service")
    for _ in range(3):
        try:  # the server may not have looked yet whether its client is there: then the thread is found and ended
            killer.query(f"KILL {victim.thread}")
        except wire.Error as error:
            assert error.code in (1227, 1094)  # 1094 is the server's: the thread was found and ended just before
    assert places.wait_for(lambda: not asleep(server, "orphan"), 60, 0.3)
    assert places.wait_for(lambda: not killed(killer, victim), 60, 0.3)  # its thread ends a moment later
    assert refusal(killer, f"KILL {victim.thread}") == 1227
    assert killer.query("SELECT 1")[0].rows == [["1"]]


def test_nobody_else_waits(server, pair):
    """Some clients of one instance do nothing but KILL strangers while the others work; all get their answers."""
    here, there = pair
    victim = wire.connect(there.port, "lab_service")
    failures = []

    def kill_away():
        try:
            killer = wire.connect(here.port, "lab_service")
            for i in range(150):
                assert refusal(killer, f"KILL QUERY {(1 << 30) + (9 << 24) + i}") == 1227
                killer.query(f"KILL QUERY {victim.thread}")
            killer.quit()
        except Exception as failure:
            failures.append(repr(failure))
    threads = [threading.Thread(target=kill_away) for _ in range(4)]
    for one in threads:
        one.start()
    worker = wire.connect(here.port, "lab_service")
    slowest, served = 0, 0
    while any(one.is_alive() for one in threads):
        begun = time.monotonic()
        worker.query("SELECT 1")
        slowest, served = max(slowest, time.monotonic() - begun), served + 1
    for one in threads:
        one.join()
    assert not failures, failures[:3]
    assert served > 100
    here.uncounted = "600 records of one kind"


def test_without_an_account(server, make_gate):
    """What is not known here is administration at once."""
    here, there = [make_gate(server, ("proxy", "instance", str(number)), ("policy", "administration", "block"))
                   for number in (3, 7)]
    victim = sleeper(there, server, "far_away")
    killer = wire.connect(here.port, "lab_service")
    assert refusal(killer, f"KILL QUERY {victim.thread}") == 1227
    assert asleep(server, "far_away") and here.metrics().total("kills_sought_total") == 0


def test_an_account_that_may_not_look(server, pair):
    """Without the right to read performance_schema the other instances are asked, in a table of silogate's; where
    that is not to be had either nothing is found, and the log says so once."""
    here, there = pair
    assert places.wait_for(lambda: here.metrics().total("instances", upstream="main") == 2, 60, 0.2)
    server.sql(f"REVOKE SELECT ON performance_schema.* FROM {ACCOUNT}@'%'", f"REVOKE CREATE ON silogate.* FROM {ACCOUNT}@'%'",
               "DROP TABLE silogate.sought")
    victim = sleeper(there, server, "hidden")
    killer = wire.connect(here.port, "lab_service")
    for _ in range(2):
        assert refusal(killer, f"KILL QUERY {victim.thread}") == 1227
    assert here.log().count("KILL does not find sessions of other instances") == 1
    server.sql(f"GRANT CREATE ON silogate.* TO {ACCOUNT}@'%'")
    assert places.wait_for(lambda: killed(killer, victim), 60, 0.3)
    assert interrupted(victim)


def test_while_the_server_hangs(server, pair):
    """Nobody answers: the client waits a moment, not for good; and one that goes away meanwhile leaves nothing."""
    here, there = pair
    victim = sleeper(there, server, "hung")
    killer, leaver = [wire.connect(here.port, "lab_service") for _ in range(2)]
    for one in (leaver, killer):  # silogate's own question about a new session is behind it
        refusal(one, "KILL 1")
    with places.stopped(server.process.pid):
        for one in (leaver, killer):
            one.command(one.query_bytes(f"KILL QUERY {victim.thread}"))
        leaver.socket.close()
        with pytest.raises(wire.Error) as refused:
            killer.answers()
        assert refused.value.code == 1227
    assert places.wait_for(lambda: here.metrics().total("meeting_up", upstream="main") == 1, 60, 0.3)
    killer.query(f"KILL QUERY {victim.thread}")
    assert interrupted(victim)


def test_kill_by_ctl(server, make_gate, account):
    """`silogate ctl kill` at one instance ends a session of another, or its statement; no stranger's thread."""
    made = []
    for number in (3, 7):
        gate = make_gate(server, *account, ("proxy", "instance", str(number)), start=False)
        gate.ini = gates.change(gate.ini, "proxy", "control", f"unix:{gate.folder}/control")
        gate.path.write_text(gate.ini)
        made.append(gate.start())
    here, there = made
    assert places.wait_for(lambda: here.metrics().total("meeting_up", upstream="main") == 1, 60, 0.2)
    victim = sleeper(there, server, "by_ctl")
    done = gates.run("ctl", "-c", here.path, "kill", victim.thread, "--query")
    assert done.returncode == 0, done.stderr
    assert interrupted(victim)
    done = gates.run("ctl", "-c", here.path, "kill", victim.thread)
    assert done.returncode == 0, done.stderr
    assert places.wait_for(victim.closed, 30)
    past = server.root()
    for number in (past.thread_id(), (1 << 30) + (9 << 24) + 1):
        done = gates.run("ctl", "-c", here.path, "kill", number)
        assert done.returncode == 1 and f"no session {number} here" in done.stderr
    assert past.query("SELECT 1") == 1
    past.close()


def test_cancel_of_a_driver(server, pair):
    """PyMySQL's kill, from a connection that a load balancer has brought to the other instance."""
    here, there = pair
    victim = there.connect("lab_service")
    number = victim.thread_id()
    killer = here.connect("lab_service")
    if server.dialect == "mysql":  # 9.7 has no COM_PROCESS_KILL any more
        killer.query(f"KILL {number}")
    else:
        killer.kill(number)
    with pytest.raises(pymysql.err.Error):
        victim.query("SELECT 1")
        victim.query("SELECT 1")
