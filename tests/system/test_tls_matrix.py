"""Every client through every pair of legs: {client's leg} x {upstream's leg} x {plugin} x {cold, warm}. Both
legs run through relays that keep each byte: a password never crosses a plain leg in clear, and a TLS leg is
TLS. The table of who got in is printed."""

import pytest

from harness import clients, gate, relay, servers

CLIENTS = [clients.MYSQL_CLI, clients.MARIADB_CLI, clients.PYMYSQL, clients.MYSQL2,
           clients.NODE_MARIADB, clients.C_MARIADB, clients.C_MYSQL]
STATEMENT = "SELECT CURRENT_USER(), 'a row of its own'"
# What a client cannot do by itself, whatever is between it and the server: (client, user) and the error. -1 is
# an error of the client's own, without a number.
CANNOT = {("node-mysql2", "ed25519_user"): -1, ("pymysql", "ed25519_user"): -1,
          ("node-mysql2", "parsec_user"): -1, ("pymysql", "parsec_user"): 2059,
          ("node-mariadb", "parsec_user"): -1}
table = {}


def refusal(caller, kind, user):
    """The error that the client must end with; None where it must log in. Oracle's library of 9.0 and later has no
    plugin that a MariaDB 10.11 asks for."""
    if kind not in caller.servers:
        return 2059
    return CANNOT.get((caller.name, user))


@pytest.fixture(scope="module")
def secure_mysql(mysql):
    mysql.sql("CREATE USER sha256_user@'%' IDENTIFIED WITH sha256_password BY 'sha256_user-secret'",
              "GRANT ALL ON *.* TO sha256_user@'%'")
    yield mysql
    mysql.sql("DROP USER IF EXISTS sha256_user@'%'")


@pytest.fixture(scope="module", autouse=True)
def printed(request):
    yield
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        yes = sum(result == "yes" for result in table.values())
        print(f"\n\n{len(table)} cells: {yes} log in and read a row, {len(table) - yes} are refused")
        print("%-8s %-7s %-8s %-16s %-6s %s" % ("server", "client", "upstream", "user", "", "logs in"))
        rows = {}
        for (*row, client), result in sorted(table.items()):
            rows.setdefault(tuple(row), []).append(f"{client}:{result}")
        for (kind, leg, upstream, user, cache), cells in rows.items():
            print(f"{kind:8} {leg:7} {upstream:8} {user:16} {cache:6} {' '.join(cells)}")


class Legs:
    """A silogate between two relays."""

    def __init__(self, server, upstream, certificates):
        self.server, self.upstream, self.ca = server, upstream, certificates / "ca.pem"
        self.below = relay.Relay(server.port)
        address = f"unix:{server.socket}" if upstream == "unix" else f"127.0.0.1:{self.below.port}"
        self.gate = gate.Gate(server, changes=[
            gate.KEY_OF_ITS_OWN, ("proxy", "max_failed_logins", 0),
            ("tls", "certificate", certificates / "server.pem"),
            ("tls", "key", certificates / "server.key"),
            ("service:accounts", "user", *server.extra_users, "sha256_user"),
            ("service:accounts", "upstream", "main"),
            ("service:accounts", "database", "nilecare_lab"),
            ("upstream:main", "address", address),
            ("upstream:main", "tls", "required" if upstream == "tls" else "off")])
        self.gate.start()
        self.above = relay.Relay(self.gate.port)

    def close(self):
        self.above.close()
        self.below.close()
        try:
            self.gate.stop()
        finally:
            self.gate.remove()


@pytest.fixture(scope="module", params=["mysql-plain", "mysql-tls", "mysql-unix", "mariadb-plain",
                                        "mariadb-tls", "mariadb-unix"])
def legs(request, certificates):
    kind, upstream = request.param.split("-")
    legs = Legs(request.getfixturevalue(f"secure_{kind}"), upstream, certificates)
    try:
        yield legs
    finally:
        legs.close()


def is_tls(data):
    """Behind the packets before it, is this TLS? Its records follow the SSLRequest of 36 bytes."""
    return data[:3] == b"\x20\x00\x00" and data[36:38] == b"\x16\x03"


@pytest.mark.long(short=8)
@pytest.mark.parametrize("caller", CLIENTS, ids=[client.name for client in CLIENTS])
@pytest.mark.parametrize("leg", ["plain", "tls"])
def test_every_client_over_every_pair_of_legs(legs, leg, caller):
    users = ["billing_service", *legs.server.extra_users]
    if legs.server.dialect == "mysql":
        users.append("sha256_user")
    tls = legs.ca if leg == "tls" else False
    for user in users:
        for cache in ("cold", "warm"):
            if legs.server.dialect == "mysql" and cache == "cold":
                legs.server.forget_passwords()
            legs.above.take()
            legs.below.take()
            answer = caller(legs.above.port, user, STATEMENT, database="", tls=tls)
            key = (legs.server.dialect, leg, legs.upstream, user, cache, caller.name)
            expected = refusal(caller, legs.server.dialect, user)
            table[key] = "yes" if answer.rows else f"({answer.error})"
            if expected:
                assert answer.error == expected, (key, answer)
                look_for_password(legs, user)
                continue
            assert answer.rows == [[f"{user}@%", "a row of its own"]], (key, answer)
            look_at_the_wire(legs, leg, user)


def look_for_password(legs, user):
    """A refused login leaves no password in clear on any leg."""
    secret = servers.password(user).encode()
    for sent, answered in legs.above.take() + legs.below.take():
        assert not secret or (secret not in sent and secret not in answered), (user, sent)


def look_at_the_wire(legs, leg, user):
    secret = servers.password(user).encode()
    for name, kept, secure in (("client", legs.above.take(), leg == "tls"),
                               ("upstream", legs.below.take(), legs.upstream == "tls")):
        # Not the health check's, which may have said nothing yet.
        kept = [one for one in kept if one[0] and b"silogate_nobody" not in one[0]]
        if name == "upstream" and legs.upstream == "unix":
            assert not kept
            continue
        [(sent, answered)] = kept
        if secret:
            assert secret not in sent and secret not in answered, (name, sent)
        if secure:
            assert is_tls(sent), (name, sent[:80])
            assert b"a row of its own" not in sent and b"a row of its own" not in answered
        else:
            assert b"a row of its own" in sent and b"a row of its own" in answered, name
