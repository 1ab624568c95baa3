"""KILL of another instance's session before a server that does not tell whose its threads are: performance_schema is
off, as it is in a MariaDB that nobody has told otherwise. The instances ask each other in a table of silogate's."""
import signal
import threading
import time

import pymysql
import pytest

from harness import places, servers, wire
from test_kill_instances import (ACCOUNT, account, asleep, interrupted, killed, pair,  # noqa: F401: fixtures
                                 refusal, sleeper)

pytestmark = pytest.mark.parametrize("server", ["mariadb"], indirect=True, scope="module")


class Untold(servers.MariaDB):
    def command(self):
        return [one for one in super().command() if not one.startswith("--performance-schema")]


@pytest.fixture(scope="module")
def server():
    one = servers.start_with_example(Untold())
    assert one.sql("SELECT @@performance_schema") == ((0,),)
    yield one
    one.remove()


@pytest.fixture
def met(server, pair):
    """Each knows that the other is there."""
    for gate in pair:
        assert places.wait_for(lambda: gate.metrics().total("instances", upstream="main") == 2, 60, 0.2)
    return pair


def left(server):
    return server.sql("SELECT * FROM silogate.sought")


def test_in_every_way(server, met):
    here, there = met
    killer = wire.connect(here.port, "lab_service", capabilities=wire.USUAL | wire.MULTI_STATEMENTS)
    took = []
    while len(took) < 4 and (not took or min(took) > 3):
        victim = sleeper(there, server, "kill_one")
        begun = time.monotonic()
        killer.query(f"KILL QUERY {victim.thread}")
        took.append(time.monotonic() - begun)
        assert interrupted(victim)
    assert min(took) < 3, took  # else nobody had answered
    victim = sleeper(there, server, "kill_number")
    killer.query(f"KILL QUERY {asleep(server, 'kill_number')[0]}")
    assert interrupted(victim)
    victims = [sleeper(there, server, f"kill_several_{i}") for i in range(3)]
    killer.query("; ".join(f"KILL QUERY {one.thread}" for one in victims))
    assert all(interrupted(one) for one in victims)
    victim = sleeper(there, server, "kill_command")
    killer.ok(b"\x0c" + victim.thread.to_bytes(4, "little"))
    assert places.wait_for(victim.closed, 30)
    driver = there.connect("lab_service")
    here.connect("lab_service").kill(driver.thread_id())
    with pytest.raises(pymysql.err.Error):
        driver.query("SELECT 1")
        driver.query("SELECT 1")
    assert not here.violations() and not there.violations()
    assert places.wait_for(lambda: not left(server), 30)


def test_of_the_same_service_alone(server, met):
    """Another service's session, one that is over, one of an instance that is not there, a thread past silogate."""
    here, there = met
    other = sleeper(there, server, "not_mine", "cds_service")
    over = wire.connect(there.port, "lab_service")
    over.quit()
    past = server.root()
    killer = wire.connect(here.port, "lab_service")
    for number in (other.thread, asleep(server, "not_mine")[0], over.thread, (1 << 30) + (9 << 24) + 1,
                   past.thread_id(), (1 << 31) - 1, (1 << 32) - 1):
        assert refusal(killer, f"KILL {number}") == 1227, number
    assert asleep(server, "not_mine") and past.ping() is None
    past.close()


def test_both_at_once(server, met):
    """Both ask each other many times at once: whoever waits answers. Nobody else waits, and no row is left."""
    victims = [wire.connect(gate.port, "lab_service") for gate in met]
    failures, ended = [], []

    def kill_away(gate, victim):
        try:
            killer = wire.connect(gate.port, "lab_service")
            for _ in range(8):
                killer.query(f"KILL QUERY {victim.thread}")
            ended.append(killer)
        except Exception as failure:
            failures.append(repr(failure))
    threads = [threading.Thread(target=kill_away, args=(gate, victim))
               for gate, victim in zip(met, reversed(victims)) for _ in range(6)]
    for one in threads:
        one.start()
    worker = wire.connect(met[0].port, "lab_service")
    served = 0
    while any(one.is_alive() for one in threads):
        worker.query("SELECT 1")
        served += 1
    for one in threads:
        one.join()
    assert not failures, failures[:3]
    assert served > 50
    assert places.wait_for(lambda: not left(server), 30)
    assert all(gate.metrics().total("meeting_up", upstream="main") == 1 for gate in met)


def test_one_that_was_killed(server, met):
    """It does not answer any more: whoever asked is told in time, and again at once when its lease is over. What it has
    left is deleted."""
    here, there = met
    server.sql("INSERT INTO silogate.sought VALUES ('nobody:1:1', 1, '', 0, '', UTC_TIMESTAMP(6) - INTERVAL 2 MINUTE)")
    victim = sleeper(there, server, "orphan")
    there.process.send_signal(signal.SIGKILL)
    there.process.wait()
    there.process = None
    killer = wire.connect(here.port, "lab_service")
    assert refusal(killer, f"KILL {victim.thread}") == 1227
    assert killer.query("SELECT 1")[0].rows == [["1"]]
    assert places.wait_for(lambda: not left(server), 60, 0.2)


def test_what_somebody_writes_into_the_table(server, met):
    """Rows by other hands: an answer that nobody gave, of a service that is none; questions without an end. Two that
    could be meant: neither is hit."""
    here, there = met
    victim = sleeper(there, server, "meant")
    strange = sleeper(there, server, "strange", "cds_service")
    rows = ", ".join(f"('x{i}', {victim.thread}, '', 0, '', UTC_TIMESTAMP(6))" for i in range(400))
    server.sql("INSERT INTO silogate.sought VALUES " + rows,
               "INSERT INTO silogate.sought VALUES ('', 0, '', 4294967295, REPEAT('s', 64), UTC_TIMESTAMP(6))")
    killer = wire.connect(here.port, "lab_service")
    assert places.wait_for(lambda: killed(killer, victim), 60, 0.3)
    assert interrupted(victim)
    victim = sleeper(there, server, "meant_again")
    name = server.sql("SELECT name FROM silogate.instances WHERE number = 3")[0][0]
    thread = asleep(server, "strange")[0]
    server.sql(f"CREATE TRIGGER silogate.liar BEFORE INSERT ON silogate.sought FOR EACH ROW SET NEW.thread ="
               f" IF(NEW.asker = '{name}' AND NEW.answerer <> '', {thread}, NEW.thread), NEW.service ="
               f" IF(NEW.asker = '{name}' AND NEW.answerer <> '', 'nobody', NEW.service)")
    assert refusal(killer, f"KILL QUERY {victim.thread}") == 1227
    server.sql("DROP TRIGGER silogate.liar")
    assert asleep(server, "strange") and asleep(server, "meant_again")
    strange.socket.close()


@pytest.mark.long
def test_a_store_that_is_gone(server, met):
    """Sessions do not notice; KILL is administration until the table is there again."""
    here, there = met
    victim = sleeper(there, server, "lost")
    killer = wire.connect(here.port, "lab_service")
    server.sql(f"REVOKE ALL ON silogate.* FROM {ACCOUNT}@'%'")
    try:
        assert places.wait_for(lambda: here.metrics().total("meeting_up", upstream="main") == 0, 60, 0.2)
        assert refusal(killer, f"KILL QUERY {victim.thread}") == 1227
        assert killer.query("SELECT 1")[0].rows == [["1"]]
    finally:
        server.sql(f"GRANT ALL ON silogate.* TO {ACCOUNT}@'%'")
    assert places.wait_for(lambda: killed(killer, victim), 60, 0.3)
    assert interrupted(victim)


@pytest.mark.long
def test_a_limit_that_is_lowered_meanwhile(server, met):
    """While a KILL is looked for, max_command becomes smaller than it is: it is discarded, and what was looked for is
    forgotten with it, so that the next KILL is looked for, too."""
    here, there = met
    victim = wire.connect(there.port, "lab_service")
    killer = wire.connect(here.port, "lab_service")
    for _ in range(8):
        here.reload(("proxy", "max_command", "64M"))
        sought = here.metrics().total("kills_sought_total")
        there.process.send_signal(signal.SIGSTOP)
        try:
            killer.command(killer.query_bytes(f"KILL {victim.thread} /* {'x' * 2000} */"))
            assert places.wait_for(lambda: here.metrics().total("kills_sought_total") > sought, 30, 0.05)
            here.reload(("proxy", "max_command", "1024"))
            with pytest.raises(wire.Error) as refused:
                killer.answers()
        finally:
            there.process.send_signal(signal.SIGCONT)
        if refused.value.code == 1153:
            break
    assert refused.value.code == 1153
    assert all(places.wait_for(lambda: gate.metrics().total("instances", upstream="main") == 2, 60, 0.2) for gate in met)
    victim = sleeper(there, server, "kill_after")
    killer.query(f"KILL QUERY {victim.thread}")
    assert interrupted(victim)
