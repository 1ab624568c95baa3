"""Sessions of one upstream at two addresses, as behind a reload of `address`: the numbers of threads, and the names of
XA transactions, are those of one server alone. Both addresses lead to one server here: what must not be done could be."""
import contextlib

import pytest

from harness import gate as gates, places, wire
from harness.relay import Relay
from test_kill_instances import account, asleep, interrupted, refusal, sleeper  # noqa: F401
from test_takeover import generations  # noqa: F401

UNKNOWN, REFUSED, NO_SUCH_XA = 1094, 1227, 1397


@pytest.fixture
def addresses(server):
    """Two addresses of the server, as they stand in the ini."""
    relays = [Relay(server.port, host) for host in ("127.0.0.2", "127.0.0.3")]
    yield [f"{host}:{one.port}" for host, one in zip(("127.0.0.2", "127.0.0.3"), relays)]
    for one in relays:
        one.close()
        one.cut()


def settings(address):
    return (("upstream:main", "address", address), ("policy", "administration", "block"))


def move(gate, address):
    gate.reload(("upstream:main", "address", address))


def met(gate):
    assert places.wait_for(lambda: gate.metrics().total("meeting_up", upstream="main") == 1, 60, 0.2)


def test_kill_of_a_session_at_the_old_address(server, make_gate, addresses):
    old, new = addresses
    gate = make_gate(server, *settings(old))
    victim, beside = sleeper(gate, server, "kill_moved"), wire.connect(gate.port, "lab_service")
    number = int(asleep(server, "kill_moved")[0])
    move(gate, new)
    killer, stranger = wire.connect(gate.port, "lab_service"), wire.connect(gate.port, "billing_service")
    for form in ("KILL QUERY {}", "KILL {}"):
        assert refusal(killer, form.format(victim.thread)) == UNKNOWN  # as one whose session is over
    assert not gate.violations()
    assert refusal(killer, f"KILL QUERY {number}") == REFUSED  # whose that is there, nobody knows
    assert refusal(stranger, f"KILL QUERY {victim.thread}") == REFUSED
    assert asleep(server, "kill_moved")
    beside.query(f"KILL QUERY {victim.thread}")  # it is at the same address, and so are those that came later
    assert interrupted(victim)
    late = sleeper(gate, server, "kill_moved")
    killer.query(f"KILL QUERY {late.thread}")
    assert interrupted(late)
    for one in (victim, beside, killer, stranger, late):
        one.quit()


def test_ctl_and_the_account(server, generations, addresses, account):  # noqa: F811
    """silogate's own connection is where new sessions are."""
    old, new = addresses
    gate = generations(server, *settings(old), *account).gate
    met(gate)
    victim = sleeper(gate, server, "ctl_moved")

    def digest():
        return next(one["digest"] for one in gates.ctl(gate, "sessions")["sessions"] if one["id"] == victim.thread)

    assert digest()
    move(gate, new)
    assert places.wait_for(lambda: "another address" in gates.ctl(gate, "kill", victim.thread, "--query", code=1), 60)
    assert not digest()
    assert asleep(server, "ctl_moved")
    move(gate, old)
    met(gate)
    gates.ctl(gate, "kill", victim.thread, "--query")
    assert interrupted(victim)
    victim.quit()


def test_other_instances(server, make_gate, addresses, account):  # noqa: F811
    """The account asks the server where it is: what it finds is nothing to a session that is at another one."""
    old, new = addresses
    here, there = (make_gate(server, *settings(old), *account, ("proxy", "instance", number)) for number in ("3", "7"))
    met(here)
    met(there)
    victim, beside = sleeper(there, server, "far_moved"), wire.connect(here.port, "lab_service")
    move(here, new)
    killer = wire.connect(here.port, "lab_service")
    met(here)
    assert refusal(beside, f"KILL QUERY {victim.thread}") == REFUSED
    assert asleep(server, "far_moved")
    assert places.wait_for(lambda: not refusal_or_none(killer, f"KILL QUERY {victim.thread}"), 60, 0.2)
    assert interrupted(victim)
    for one in (victim, beside, killer):
        one.quit()


def refusal_or_none(client, sql):
    try:
        client.query(sql)
    except wire.Error as error:
        return error.code
    return None


def test_older_generations(server, generations, addresses):  # noqa: F811
    old, new = addresses
    line = generations(server, *settings(old), ("proxy", "drain_timeout", "120s"))
    gate = line.gate
    gate.uncounted = "one log is written by all of them"
    victims = [sleeper(gate, server, "kin_moved") for _ in range(2)]
    line.upgrade()
    killer = wire.connect(gate.port, "lab_service")
    killer.query(f"KILL QUERY {victims[0].thread}")
    assert interrupted(victims[0])
    move(gate, new)
    moved = wire.connect(gate.port, "lab_service")
    assert refusal(moved, f"KILL QUERY {victims[1].thread}") == UNKNOWN
    assert asleep(server, "kin_moved")
    killer.query(f"KILL QUERY {victims[1].thread}")
    assert interrupted(victims[1])
    for one in (*victims, killer, moved):
        one.quit()
    assert all(one.wait(60) == 0 for one in line.old)


def test_xa(server, make_gate, addresses):
    old, new = addresses
    server.sql("DROP DATABASE IF EXISTS moved_own", "CREATE DATABASE moved_own", "CREATE TABLE moved_own.t (id INT)",
               "DROP USER IF EXISTS moved@'%'", "CREATE USER moved@'%' IDENTIFIED BY 'moved-secret'",
               "GRANT ALL ON *.* TO moved@'%'")
    ini = ("[policy]\nmode = block\nadministration = block\n[upstream:main]\n[service:moved]\nuser = moved\n"
           "upstream = main\ndatabase = moved_own\nowns = moved_own.*\n")
    gate = make_gate(server, *settings(old), ini=ini)

    def login():
        return wire.connect(gate.port, "moved", "moved_own", password="moved-secret")

    try:
        first, beside = login(), login()
        for text in ("XA START 'm'", "INSERT INTO t VALUES (1)", "XA END 'm'", "XA PREPARE 'm'"):
            first.query(text)
        move(gate, new)
        second = login()
        for verb in ("COMMIT", "ROLLBACK"):
            assert refusal(second, f"XA {verb} 'm'") == REFUSED
        first.quit()
        assert places.wait_for(lambda: refusal_or_none(beside, "XA COMMIT 'm'") in (None, NO_SUCH_XA) and
                               server.sql("SELECT id FROM moved_own.t") == ((1,),), 60)
        beside.quit()
        second.quit()
    finally:
        with contextlib.suppress(Exception):
            server.sql("XA ROLLBACK 'm'")
        server.sql("DROP DATABASE moved_own", "DROP USER moved@'%'")
