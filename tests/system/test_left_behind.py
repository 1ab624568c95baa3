"""What a command, a session or a reload leaves behind for the next one: a record that is missed, memory, another's trace,
the number of an upstream that is another's now."""
import struct

import pytest

from harness import gate, wire
from test_belief import INI, blocking, login, records_of, refused, vault  # noqa: F401


def test_what_is_only_logged_is_recorded(vault, make_gate):  # noqa: F811
    """What stands behind it in the same command changes nothing about it."""
    one = make_gate(vault, ini=gate.change(INI, "policy", "mode", "log"))
    client = login(one)
    client.query("SELECT * FROM vault.t; CREATE TEMPORARY TABLE vault.t (a int)")
    record, = records_of(one, client, 1)
    assert record["action"] == "logged" and record["objects"][0]["name"] == "t"
    client.quit()


def test_a_kill_of_several_packets_ends_the_session(blocking):  # noqa: F811
    """And leaves none of its 16 MB behind."""
    def kill():
        client = login(blocking)
        client.socket.sendall(struct.pack("<I", 0xffffff)[:3] + b"\0" + b"\x0c" + bytes(0xfffffe)
                              + b"\1\0\0\1" + b"\0")
        with pytest.raises((wire.Closed, ConnectionError, OSError)):
            client.receive()
        client.close()

    for _ in range(6):  # what each worker keeps for the next one is there
        kill()
    before = blocking.rss()
    for _ in range(12):
        kill()
    assert blocking.rss() - before < 64 << 10


@pytest.mark.long(short=2)
@pytest.mark.parametrize("size", [0, 3000000], ids=["small", "large"])
def test_the_trace_of_another_session(vault, make_gate, size):  # noqa: F811
    """Both sessions' commands come by the same worker, into the same memory."""
    one = make_gate(vault, ("proxy", "workers", "1"), ini=INI)
    first, second = [login(one, capabilities=wire.USUAL | wire.QUERY_ATTRIBUTES) for _ in range(2)]
    if not first.capabilities & wire.QUERY_ATTRIBUTES:
        pytest.skip("the server has no query attributes")
    for client, digit in ((first, b"a"), (second, b"b")):
        parent = b"00-" + digit * 32 + b"-" + digit * 16 + b"-01"
        client.command(b"\x03\x01\x01\x00\x01\xfd\x00" + wire.lenenc("traceparent") + wire.lenenc(parent)
                       + b"SELECT 1 /*" + b"x" * size + b"*/")
        client.answers()
    with pytest.raises(wire.Error):
        first.ok(b"\x02vault")
    record, = records_of(one, first, 1)
    assert not record["trace"]
    for client in (first, second):
        client.quit()


@pytest.mark.parametrize("instead", ["nothing", "another"])
def test_an_upstream_is_gone_under_a_session(vault, make_gate, instead):  # noqa: F811
    """It is named as it was, however many upstreams there are now, and whatever the server is asked then goes to it."""
    address = f"address = 127.0.0.1:{vault.port}\n"
    head, services = INI.split("[service:spy]\n")
    two = (head + f"[upstream:other]\n{address}[service:spy]\n"
           + services.replace("upstream = main", "upstream = other", 1))
    one = make_gate(vault, ini=two)
    client = login(one)
    text = one.path.read_text().replace("upstream = other", "upstream = main")
    gone = "" if instead == "nothing" else f"[upstream:third]\n{address}"
    one.reload(ini=text.replace(f"[upstream:other]\n{address}", gone))
    refused(client, "SELECT name FROM vault.t")
    client.query("SET sql_mode = LOWER('')")  # it has to be asked for
    assert client.query('SELECT "a" FROM t LIMIT 1')[0].rows == [["a"]]
    refused(client, "SELECT name FROM vault.t")
    assert [record["upstream"] for record in records_of(one, client, 2)] == ["other"] * 2
    client.quit()
