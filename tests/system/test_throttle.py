"""Failed logins: after a few within a minute, of one user at one address, the answers take longer and
longer; nobody else waits. Upper limits of time are not asserted: silogate's log tells who waited."""
import re
import struct
import threading
import time

import pymysql
import pytest

from harness import places, wire


def seconds(connect):
    began = time.monotonic()
    try:
        connect()
    except pymysql.Error as error:
        assert error.args[0] == 1045
    return time.monotonic() - began


def waited(gate):
    """The users whose answers had to wait, and how long."""
    return re.findall(r"user '(\w+)': the answer waits for (\d+) s", gate.log())


@pytest.mark.long(short=1)
def test_answers_are_delayed_after_failed_logins(mariadb, make_gate):
    gate = make_gate(mariadb, ("proxy", "max_failed_logins", 3))

    def wrong():
        return seconds(lambda: gate.connect("billing_service", password="wrong"))

    for _ in range(2):
        wrong()
    took = wrong()
    assert waited(gate) == []
    took += wrong()  # a wait counts from the failure before
    assert took >= 0.9
    took += wrong()
    assert took >= 2.9
    gate.connect("lab_service").close()  # another user does not wait
    assert waited(gate) == [("billing_service", "1"), ("billing_service", "2")]
    assert took + seconds(lambda: gate.connect("billing_service").close()) >= 5.9  # the right one waits as well
    wrong()  # then counting starts again
    assert len(waited(gate)) == 3


def test_a_session_goes_on_while_another_waits(mariadb, make_gate):
    gate = make_gate(mariadb, ("proxy", "max_failed_logins", 1))
    with pytest.raises(pymysql.Error):
        gate.connect("billing_service", password="wrong")
    session = gate.connect("lab_service")
    waiting = threading.Thread(
        target=lambda: seconds(lambda: gate.connect("billing_service", password="wrong")))
    waiting.start()
    answered = 0
    with session.cursor() as cursor:
        while waiting.is_alive():
            cursor.execute("SELECT 1")
            answered += 1
    waiting.join()
    assert answered > 10
    session.close()


def test_off(mariadb, make_gate):
    gate = make_gate(mariadb, ("proxy", "max_failed_logins", 0))
    for _ in range(8):
        seconds(lambda: gate.connect("billing_service", password="wrong"))
    assert waited(gate) == []


def test_an_unknown_user_waits_as_long(mariadb, make_gate):
    gate = make_gate(mariadb, ("proxy", "max_failed_logins", 1))
    for user in ("nobody_at_all", "billing_service"):
        # A wait counts from the failure before, which is inside the first of these.
        assert sum(seconds(lambda: gate.connect(user, password="wrong")) for _ in range(2)) >= 0.9
    assert waited(gate) == [("nobody_at_all", "1"), ("billing_service", "1")]


def test_who_has_waited_is_timed_like_all_others(mariadb, make_gate):
    """A session that a timer has woken once used to be woken never again."""
    gate = make_gate(mariadb, ("proxy", "max_failed_logins", 1), ("proxy", "idle_timeout", "1s"))
    with pytest.raises(pymysql.Error):
        gate.connect("billing_service", password="wrong")
    client = wire.connect(gate.port, "billing_service")
    assert waited(gate) == [("billing_service", "1")]
    assert client.closed()
    client.close()


def unfinished(gate, user):
    """A client that never answers the server's question for its password; what it got instead, if anything."""
    one = wire.Wire(gate.port)
    one.greet()
    out = struct.pack("<IIB", one.capabilities & one.offered & ~wire.CONNECT_WITH_DB, 1 << 30, 45) + bytes(23)
    one.send(out + user.encode() + b"\0" + b"\0" + b"no_such_plugin\0" + b"\0")
    return one, one.receive()[0]


@pytest.mark.long
def test_unfinished_logins_take_no_more_than_their_upstream_may(server, make_gate):
    """Who has no password holds connections of the server until login_timeout: as many as [upstream] max_connections,
    and no place of a service. Sessions that are there go on."""
    gate = make_gate(server, ("proxy", "login_timeout", "6s"), ("upstream:main", "max_connections", 8),
                     ("service:billing", "max_connections", 2))
    session = wire.connect(gate.port, "billing_service")
    crowd = [unfinished(gate, "billing_service") for _ in range(4)] + [unfinished(gate, "nobody") for _ in range(8)]
    said = [said for _, said in crowd]
    assert said[:4] == [0xfe] * 4 and said.count(0xff) == 5, said
    assert session.query("SELECT 1")[0].rows == [["1"]]
    with pytest.raises(wire.Error) as refused:
        wire.connect(gate.port, "lab_service")
    assert refused.value.code == 1040
    assert places.wait_for(lambda: all(one.closed() for one, _ in crowd))
    wire.connect(gate.port, "billing_service").quit()  # the crowd was never counted as the service's
    session.quit()
