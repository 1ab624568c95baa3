"""Where a session goes: services on different upstreams, COM_CHANGE_USER from one to the other, and
the PROXY protocol on both sides."""
import collections
import socket
import ssl
import struct

import pytest

from harness import places, wire


@pytest.fixture
def two(mariadb, mysql, make_gate):
    """billing and most others on MariaDB, lab and cds on MySQL."""
    return make_gate(mariadb, ("upstream:other", "address", f"127.0.0.1:{mysql.port}"),
                     ("proxy", "default_upstream", "main"),
                     ("service:lab", "upstream", "other"), ("service:cds", "upstream", "other"))


def version(connection):
    return connection.query("SELECT VERSION()")[0].rows[0][0]


def test_each_service_on_its_own_upstream(two):
    billing, lab = wire.connect(two.port, "billing_service"), wire.connect(two.port, "lab_service")
    assert "MariaDB" in version(billing) and "MariaDB" not in version(lab)
    for connection in (billing, lab):
        assert connection.query("SELECT DATABASE()")[0].rows == [["nilecare"]]
        connection.query("SELECT COUNT(*) FROM clinical_data.patients")
        record, = [one for one in two.settle() if one["kind"] == "select"]
        assert record["upstream"] == ("main" if connection is billing else "other")
        connection.quit()


@pytest.mark.parametrize("before, after", [("billing", "lab"), ("lab", "billing"), ("lab", "cds")])
def test_change_user_goes_to_the_new_services_upstream(two, mariadb, mysql, before, after):
    assert places.wait_for(lambda: mariadb.threads() + mysql.threads() == 0)  # other tests' may just be ending
    connection = wire.connect(two.port, f"{before}_service")
    connection.query("SET @mine = 1")
    statement, _, _ = connection.prepare("SELECT 1")
    connection.change_user(f"{after}_service", "")
    assert ("MariaDB" in version(connection)) == (after == "billing")
    assert connection.query("SELECT @mine, CURRENT_USER()")[0].rows == [[None, f"{after}_service@%"]]
    with pytest.raises(wire.Error) as unknown:
        connection.execute(statement)
    assert unknown.value.code == 1243
    assert places.wait_for(lambda: mariadb.threads() + mysql.threads() == 1)
    connection.quit()


def test_change_user_behind_commands_without_an_answer(two):
    """What was on its way to the old upstream does not go to the new one, whose greeting it would
    spoil; sent with COM_CHANGE_USER in one segment, as connectors that tidy up first do."""
    connection = wire.connect(two.port, "billing_service")
    statements = [connection.prepare("SELECT 1")[0] for _ in range(3)]
    ahead = b"".join(b"\x05\0\0\0\x19" + one.to_bytes(4, "little") for one in statements)
    raw = connection.raw

    def together(data):
        connection.raw = raw
        raw(ahead + data)

    connection.raw = together
    connection.change_user("lab_service", "")
    assert "MariaDB" not in version(connection)
    connection.quit()


def test_kill_does_not_reach_over_upstreams(two, mysql):
    """The same number is another thread there."""
    billing, lab = wire.connect(two.port, "billing_service"), wire.connect(two.port, "lab_service")
    with pytest.raises(wire.Error) as refused:
        billing.query(f"KILL {lab.thread}")
    assert refused.value.code in (1094, 1095, 1227)
    thread = lab.query("SELECT CONNECTION_ID()")[0].rows[0][0]
    if billing.query("SELECT CONNECTION_ID()")[0].rows[0][0] == thread:  # on its server: it would kill itself
        billing = wire.connect(two.port, "billing_service")
    with pytest.raises(wire.Error) as refused:
        billing.query(f"KILL {thread}")
    assert refused.value.code in (1094, 1095, 1227)
    assert lab.query("SELECT 1")[0].rows == [["1"]]
    billing.quit()
    lab.quit()


def test_one_upstream_down_is_that_ones_matter(mariadb, make_gate):
    gate = make_gate(mariadb, ("upstream:other", "address", "127.0.0.1:1"),
                     ("proxy", "default_upstream", "main"), ("service:lab", "upstream", "other"))
    wire.connect(gate.port, "billing_service").quit()
    with pytest.raises(wire.Error) as refused:
        wire.connect(gate.port, "lab_service")
    assert refused.value.code == 2003 and "other" in refused.value.message
    wire.connect(gate.port, "billing_service").quit()


V2 = b"\r\n\r\n\x00\r\nQUIT\n"
HEADERS = {
    "v1": b"PROXY TCP4 192.0.2.7 198.51.100.1 41522 3306\r\n",
    "v1 over IPv6": b"PROXY TCP6 2001:db8::7 2001:db8::1 41522 3306\r\n",
    "v2": V2 + b"\x21\x11\x00\x0c" + socket.inet_aton("192.0.2.7") + socket.inet_aton("198.51.100.1")
          + struct.pack(">HH", 41522, 3306),
    "v2 with more": V2 + b"\x21\x11\x00\x11" + socket.inet_aton("192.0.2.7")
                    + socket.inet_aton("198.51.100.1") + struct.pack(">HH", 41522, 3306)
                    + b"\x04\x00\x02ab",
    "v2 over IPv6": V2 + b"\x21\x21\x00\x24" + socket.inet_pton(socket.AF_INET6, "2001:db8::7")
                    + socket.inet_pton(socket.AF_INET6, "2001:db8::1") + struct.pack(">HH", 41522, 3306),
}


def reasons(gate):
    """Why sessions were closed, and how many for each."""
    return collections.Counter({reason: count for (reason,), count in
                                gate.metrics().by("sessions_closed_total", "reason").items()})


def settled(gate):
    """The same, once the harness's own look whether silogate listens is over."""
    assert places.wait_for(lambda: sum(reasons(gate).values()) > 0
                           and gate.metrics().total("sessions_open") == 0)
    return reasons(gate)


def behind(port, header, user="billing_service"):
    """A login behind a PROXY header, which comes byte by byte."""
    connection = wire.Wire(port)
    for byte in header:
        connection.raw(bytes([byte]))
    connection.login(user)
    return connection


@pytest.mark.parametrize("name", HEADERS)
def test_proxy_header_is_who_the_client_is(mariadb, make_gate, name):
    gate = make_gate(mariadb, ("proxy", "proxy_protocol_from", "127.0.0.0/8"))
    connection = behind(gate.port, HEADERS[name])
    connection.query("SELECT COUNT(*) FROM clinical_data.patients")
    record, = gate.violations(1)
    assert record["client"] in ("192.0.2.7:41522", "[2001:db8::7]:41522")
    connection.quit()


@pytest.mark.parametrize("header", [V2 + b"\x20\x00\x00\x00", b"PROXY UNKNOWN\r\n"],
                         ids=["v2 local", "v1 unknown"])
def test_proxy_header_without_an_address(mariadb, make_gate, header):
    """A health check of the balancer's own, which mostly goes again: it is no fault; where it does log
    in, the connection's real address counts."""
    gate = make_gate(mariadb, ("proxy", "proxy_protocol_from", "127.0.0.0/8"))
    before = settled(gate)
    check = wire.Wire(gate.port)
    check.raw(header)
    check.greet()
    check.close()
    assert places.wait_for(lambda: reasons(gate) - before) == {"client_gone": 1}
    connection = behind(gate.port, header)
    connection.query("SELECT COUNT(*) FROM clinical_data.patients")
    record, = gate.violations(1)
    assert record["client"].startswith("127.0.0.1:")
    connection.quit()


@pytest.mark.long(short=1)
@pytest.mark.parametrize("header", [
    b"", b"PROXY TCP4 192.0.2.7\r\n", b"PROXY TCP4 999.0.0.1 1.1.1.1 1 1\r\n", b"PROXY " + b"x" * 200,
    V2 + b"\x31\x11\x00\x0c" + bytes(12), V2 + b"\x21\x11\x00\x04" + bytes(4), b"GET / HTTP/1.1\r\n\r\n",
    V2 + b"\x21\x11\xff\xff" + bytes(300)],
    ids=["none", "cut", "no address", "no end", "version 3", "too short", "http", "huge"])
def test_who_should_send_a_header_and_does_not_is_closed(mariadb, make_gate, header):
    gate = make_gate(mariadb, ("proxy", "proxy_protocol_from", "127.0.0.0/8"),
                     ("proxy", "login_timeout", "1s"))
    before = settled(gate)
    stranger = wire.Stream(socket.create_connection(("127.0.0.1", gate.port)))
    try:
        stranger.raw(header + b"\x20\x00\x00\x01" + bytes(32))
    except OSError:
        pass  # closed already
    assert stranger.closed()
    stranger.close()
    assert places.wait_for(lambda: reasons(gate) - before) == {"proxy_header": 1}
    gate.reload(("proxy", "login_timeout", "10s"))
    behind(gate.port, HEADERS["v1"]).quit()


def test_who_must_not_send_a_header_and_does_is_closed(mariadb, make_gate):
    gate = make_gate(mariadb, ("proxy", "proxy_protocol_from", "10.0.0.0/8"))
    for name in ("v1", "v2"):
        before = settled(gate)
        liar = wire.Wire(gate.port)
        liar.greet()
        liar.raw(HEADERS[name])
        assert liar.closed()
        liar.close()
        assert places.wait_for(lambda: reasons(gate) - before) == {"proxy_header": 1}
    wire.connect(gate.port, "billing_service").quit()


@pytest.mark.long(short=1)
@pytest.mark.parametrize("sent", ["v1", "v2"])
@pytest.mark.parametrize("name", HEADERS)
def test_proxy_header_in_clear_before_tls(mariadb, make_gate, certificates, name, sent):
    """On both legs the header comes first, in clear, and TLS behind it."""
    context = ssl.create_default_context(cafile=certificates / "ca.pem")
    mariadb.sql("SET GLOBAL proxy_protocol_networks = '127.0.0.0/8'")
    try:
        gate = make_gate(mariadb, ("proxy", "proxy_protocol_from", "127.0.0.0/8"),
                         ("tls", "certificate", certificates / "server.pem"),
                         ("tls", "key", certificates / "server.key"), ("tls", "client", "required"),
                         ("upstream:main", "proxy_protocol", sent))
        client = wire.Wire(gate.port)
        client.raw(HEADERS[name])
        client.greet()
        client.capabilities |= wire.SSL
        client.send(struct.pack("<IIB", client.capabilities, 1 << 30, 45) + bytes(23))
        client.socket = context.wrap_socket(client.socket, server_hostname="localhost")
        client.login("billing_service")
        address = "2001:db8::7" if "IPv6" in name else "192.0.2.7"
        assert client.query("SELECT USER()")[0].rows == [[f"billing_service@{address}"]]
        assert (f"{address}:41522",) in mariadb.sql("SELECT host FROM information_schema.processlist")
        client.quit()
    finally:
        mariadb.sql("SET GLOBAL proxy_protocol_networks = ''")


@pytest.mark.parametrize("sent", ["v1", "v2"])
def test_proxy_header_sent_to_the_server(mariadb, make_gate, sent):
    """The server sees the client's own address, also behind a balancer and after COM_CHANGE_USER."""
    mariadb.sql("SET GLOBAL proxy_protocol_networks = '127.0.0.0/8'")
    try:
        gate = make_gate(mariadb, ("upstream:main", "proxy_protocol", sent),
                         ("proxy", "proxy_protocol_from", "127.0.0.0/8"))
        for header, address in ((HEADERS["v1"], "192.0.2.7"), (HEADERS["v2 over IPv6"], "2001:db8::7")):
            connection = behind(gate.port, header)
            assert connection.query("SELECT USER()")[0].rows == [[f"billing_service@{address}"]]
            connection.change_user("lab_service")
            assert connection.query("SELECT USER()")[0].rows == [[f"lab_service@{address}"]]
            connection.quit()
        gate.reload(("proxy", "proxy_protocol_from"))
        connection = wire.connect(gate.port, "billing_service")
        assert connection.query("SELECT USER()")[0].rows == [["billing_service@127.0.0.1"]]
        connection.quit()
    finally:
        mariadb.sql("SET GLOBAL proxy_protocol_networks = ''")
