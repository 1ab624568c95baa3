"""No blocked host: whatever a client does, and whenever it dies, no server counts it against
silogate's host. The servers here shut a host out after three broken handshakes, and see silogate
come from an address that they count (they never count 127.0.0.1)."""
import random
import socket
import struct

import pymysql
import pytest

from harness import places, servers, wire


def own_address():
    """An address of this machine's that is not the loopback's; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        try:
            one.connect(("192.0.2.1", 9))
            address = one.getsockname()[0]
        except OSError:
            address = "127.0.0.1"
    return None if address.startswith("127.") else address


ADDRESS = own_address()
pytestmark = pytest.mark.skipif(not ADDRESS, reason="this machine has no address but the loopback's")


def counting(kind):
    """A class of servers that count."""
    class Counting(kind):
        def command(self):
            left_out = ("--skip-name-resolve", "--bind-address", "--host-cache-size",
                        "--max-connect-errors")
            return [one for one in super().command() if not one.startswith(left_out)] + [
                f"--bind-address={ADDRESS}", "--host-cache-size=100", "--max-connect-errors=3",
                "--connect-timeout=5"]
    return Counting


@pytest.fixture(scope="module", params=list(servers.KINDS))
def strict(request):
    server = servers.start_with_example(counting(servers.KINDS[request.param])())
    yield server
    server.remove()


def errors(server):
    """What the server has counted against this machine."""
    found = server.sql("SELECT COALESCE(SUM(SUM_CONNECT_ERRORS), 0) FROM"
                       f" performance_schema.host_cache WHERE IP = '{ADDRESS}'")
    return int(found[0][0])


def break_off(server):
    """A handshake that breaks off, past silogate."""
    one = socket.create_connection((ADDRESS, server.port))
    one.recv(200)
    one.close()


def test_the_servers_count(strict):
    """The check itself: without silogate the third scanner shuts the host out."""
    strict.sql("FLUSH HOSTS" if strict.name == "mariadb" else
               "TRUNCATE TABLE performance_schema.host_cache")
    # A host is known to the server from its first login on.
    pymysql.connect(host=ADDRESS, port=strict.port, user="lab_service",
                    password=servers.password("lab_service")).close()
    for _ in range(8):
        break_off(strict)
    assert places.wait_for(lambda: errors(strict) >= 3), errors(strict)
    with pytest.raises(pymysql.err.OperationalError) as blocked:
        pymysql.connect(host=ADDRESS, port=strict.port, user="lab_service",
                        password=servers.password("lab_service"))
    assert blocked.value.args[0] == 1129


class Dies(wire.Wire):
    """A client that is gone after so many packets, sent or received; `rude`: with a reset."""

    def __init__(self, port, packets, rude):
        super().__init__(port)
        self.left, self.rude = packets, rude

    def _step(self):
        if self.left == 0:
            if self.rude:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                       struct.pack("ii", 1, 0))
            self.close()
            raise wire.Closed()
        self.left -= 1

    def send(self, payload):
        self._step()
        super().send(payload)

    def receive(self):
        self._step()
        return super().receive()


def die_everywhere(server, port, chance):
    for user in [*server.extra_users, "lab_service", "nobody_knows_me"]:
        if server.name == "mysql":
            server.forget_passwords()  # the full dialogue, with the server's key
        for packets in range(9):
            client = Dies(port, packets, chance.random() < 0.5)
            try:
                client.login(user, "", password=chance.choice(["wrong", None]))
            except (wire.Closed, wire.Error, KeyError, OSError):
                pass
            client.close()
    for garbage in (b"", b"\x20\0\0\x01\x85", b"GET / HTTP/1.0\r\n\r\n", b"\x16\x03\x01\x02\0\x01",
                    b"\x05\0\0\x09hello", b"\xff\xff\xff\xff", b"\0\0\0\x01",
                    b"\x20\0\0\x01" + struct.pack("<IIB", wire.USUAL | wire.SSL, 1 << 24, 45) +
                    bytes(23) + b"garbage where TLS should be"):
        one = socket.create_connection(("127.0.0.1", port))
        one.sendall(garbage)
        one.close()


@pytest.mark.parametrize("tls", ["off", "preferred"])
@pytest.mark.parametrize("greeting", ["own", "upstream"])
def test_dying_clients(strict, make_gate, greeting, tls):
    """Clients die behind each packet of a login, say nonsense, or are nobody: the server counts none
    of it, and the host is let in at the end. The health check that silogate begins with counts too."""
    strict.sql("FLUSH HOSTS" if strict.name == "mariadb" else
               "TRUNCATE TABLE performance_schema.host_cache")
    gate = make_gate((ADDRESS, strict.port), ("proxy", "greeting", greeting),
                     ("proxy", "unknown_user", "pass"), ("upstream:main", "tls", tls),
                     ("proxy", "max_failed_logins", "0"))
    before = strict.threads()
    wire.connect(gate.port, "lab_service").quit()
    die_everywhere(strict, gate.port, random.Random(20260606))
    assert places.wait_for(lambda: strict.threads() <= before), "logins that nobody ended"
    assert errors(strict) == 0
    wire.connect(gate.port, "lab_service").quit()


@pytest.mark.parametrize("greeting", ["own", "upstream"])
def test_logins_that_silogate_refuses(strict, make_gate, greeting):
    """A service that is full, and a user of no service."""
    strict.sql("FLUSH HOSTS" if strict.name == "mariadb" else
               "TRUNCATE TABLE performance_schema.host_cache")
    gate = make_gate((ADDRESS, strict.port), ("proxy", "greeting", greeting),
                     ("service:lab", "max_connections", "1"), ("proxy", "max_failed_logins", "0"))
    before = strict.threads()
    held = wire.connect(gate.port, "lab_service")
    for number in range(10):
        for user in ("lab_service", "nobody_knows_me"):
            with pytest.raises(wire.Error) as refused:
                wire.connect(gate.port, user, password="x" * number)
            assert refused.value.code in (1040, 1045)
    assert errors(strict) == 0
    held.quit()
    assert places.wait_for(lambda: strict.threads() <= before)
    wire.connect(gate.port, "cds_service").quit()


def test_an_account_with_a_wrong_password(strict, make_gate, tmp_path):
    """Whoever of silogate tries it, and however often: the host is not shut out for it."""
    strict.sql("FLUSH HOSTS" if strict.name == "mariadb" else "TRUNCATE TABLE performance_schema.host_cache",
               "DROP USER IF EXISTS blocked_account@'%'", "CREATE USER blocked_account@'%' IDENTIFIED BY 'right'")
    (tmp_path / "password").write_text("wrong\n")
    mark = strict.mark()
    gate = make_gate((ADDRESS, strict.port), ("upstream:main", "account", "blocked_account"),
                     ("upstream:main", "account_password_file", tmp_path / "password"),
                     ("upstream:main", "witness", "1s"))
    for number in range(1, 5):
        assert places.wait_for(lambda: strict.log(mark).count("Access denied for user 'blocked_account") > 3 * number,
                               60, 0.3), strict.log(mark)
        gate.reload()
    assert errors(strict) == 0
    assert gate.get("/readyz")[0] == 200
    wire.connect(gate.port, "lab_service").quit()
    strict.sql("DROP USER blocked_account@'%'")
