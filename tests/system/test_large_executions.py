"""An execution of several packets has the parameters' types only at its first time. If silogate has prepared its statement
anew, or refused the one that had them, the types go into the first packet, and as many bytes of each into the next."""
import struct

import pytest

from harness import wire
from test_moves import INI, OLD, make_scene  # noqa: F401: the fixture

MAX = 0xffffff
SIZES = [MAX, MAX + 5, 2 * MAX + 70000]  # of the whole payload
INSERT = "INSERT INTO tl (w, n) VALUES (?, ?)"


@pytest.fixture
def large(server):
    limit = server.sql("SELECT @@max_allowed_packet")[0][0]
    server.sql("SET GLOBAL max_allowed_packet = 64 * 1024 * 1024")
    yield
    server.sql(f"SET GLOBAL max_allowed_packet = {limit}")


class Large:
    """A client that binds the types once."""

    def __init__(self, client, text):
        self.client, self.number = client, client.prepare(text)[0]
        self.named = client.capabilities & wire.QUERY_ATTRIBUTES

    def packet(self, size, types, number=7):
        """Without a size: for a short value."""
        flags, count, name = (8, b"\2", b"\0") if self.named else (0, b"", b"")
        bound = b"\1\xfc\0" + name + b"\x08\0" + name if types else b"\0"
        head = b"\x17" + struct.pack("<IBI", self.number, flags, 1) + count + b"\0" + bound
        room = size - len(head) - 9 - 8 if size else 3
        return head + b"\xfe" + struct.pack("<Q", room) + b"x" * (room - 3) + b"end" + struct.pack("<q", number)

    def execute(self, size=0, types=False):
        self.client.command(self.packet(size, types))
        try:
            return self.client.answers(binary=True)[0].affected
        except wire.Error as error:
            return error.code


def stored(server, table):
    """The values' lengths, and what is at their ends."""
    found = server.sql(f"SELECT LENGTH(w), RIGHT(w, 3), n FROM {table} ORDER BY id")
    server.sql(f"TRUNCATE {table}")
    assert all(end in ("end", b"end") and number == 7 for _, end, number in found), found
    return [length for length, _, _ in found]


@pytest.mark.long(short=2)
@pytest.mark.parametrize("alias", ["none", "view"])
@pytest.mark.parametrize("more", [0, wire.QUERY_ATTRIBUTES], ids=["plain", "attributes"])
@pytest.mark.parametrize("database", [OLD, "mv_third"], ids=["here", "elsewhere"])
def test_prepared_again(make_scene, server, large, alias, more, database):  # noqa: F811
    """Where there is no alias each was error 1146; in another database, where it is done before, 1210; for ever."""
    ini = INI.replace("hold = 10s", f"hold = 10s\nalias = {alias}")
    scene = make_scene(ini=ini.replace("owns = mv_new.*", "owns = mv_new.*\nowns = mv_third.*"), tables=1)
    server.sql(f"CREATE TABLE {OLD}.tl (id INT AUTO_INCREMENT PRIMARY KEY, w LONGBLOB, n BIGINT)",
               "CREATE DATABASE IF NOT EXISTS mv_third", "GRANT ALL ON mv_third.* TO mv_billing@'%'")
    clients = [Large(wire.connect(scene.gate.port, "mv_billing", OLD, wire.USUAL | more), INSERT) for _ in SIZES]
    for one in clients:
        one.client.ok(b"\x02" + database.encode())
    begun = [one.execute(types=True) for one in clients]
    assert begun == [1] * len(SIZES) and len(stored(server, f"{OLD}.tl")) == len(SIZES)
    for options, place in (((), "mv_new"), (("--back",), OLD)):
        moved = scene.move(*options)
        assert moved.returncode == 0, moved.stdout
        for one, size in zip(clients, SIZES):
            if one is not clients[-1] and place == "mv_new":
                one.client.query(f"SELECT COUNT(*) FROM {OLD}.t0")  # before which it may be prepared again
            assert one.execute(size) == 1
            assert one.execute(size) == 1 and one.execute() == 1
        lengths = stored(server, f"{place}.tl")
        expected = [size - len(clients[0].packet(0, False)) + 3 for size in SIZES for _ in range(2)]
        assert [length for length in lengths if length > 3] == expected and len(lengths) == 3 * len(SIZES)
    for one in clients:
        one.client.quit()
    server.sql("DROP DATABASE mv_third")


@pytest.mark.long(short=3)
@pytest.mark.parametrize("rest", [-1, -4, -5], ids=["full", "just full", "not full"])
@pytest.mark.parametrize("more", [0, wire.COMPRESS], ids=["plain", "compressed"])
def test_a_last_packet_that_is_full(server, make_gate, large, rest, more):
    """Its types were in an execution that was refused: they cannot be added, or the answer would be out of order."""
    server.sql("DROP TABLE IF EXISTS clinical_data.tl",
               "CREATE TABLE clinical_data.tl (id INT AUTO_INCREMENT PRIMARY KEY, w LONGBLOB, n BIGINT)")
    gate = make_gate(server, ("service:billing", "mode", "log"))
    client = wire.connect(gate.port, "billing_service", capabilities=wire.USUAL | more)
    one = Large(client, INSERT.replace("tl", "clinical_data.tl"))
    gate.reload(("service:billing", "mode", "block"))
    assert one.execute(MAX + 50, types=True) == 1142
    gate.reload(("service:billing", "mode", "log"))
    if rest == -5:
        assert one.execute(2 * MAX + rest) == 1 and one.execute(MAX + 9) == 1
        assert len(stored(server, "clinical_data.tl")) == 2
        client.quit()
    else:
        assert one.execute(2 * MAX + rest) == 1210 and stored(server, "clinical_data.tl") == []
        with pytest.raises((wire.Closed, ConnectionError)):
            client.ok(b"\x0e")
    server.sql("DROP TABLE clinical_data.tl")


def test_types_that_were_cut_off(server, make_gate):
    """MySQL: names of parameters are longer than what silogate has read of an execution that is too long for it."""
    server.sql("DROP TABLE IF EXISTS clinical_data.tl",
               "CREATE TABLE clinical_data.tl (id INT AUTO_INCREMENT PRIMARY KEY, v LONGTEXT)")
    gate = make_gate(server, ("service:billing", "mode", "log"), ("proxy", "max_command", "1M"))
    client = wire.connect(gate.port, "billing_service", capabilities=wire.USUAL | wire.QUERY_ATTRIBUTES)
    if not client.capabilities & wire.QUERY_ATTRIBUTES:
        client.quit()
        pytest.skip("MySQL alone")
    number = client.prepare("INSERT INTO clinical_data.tl (v) VALUES (?)")[0]

    def packet(kind, value):
        types = b"\0" if kind is None else bytes([1, kind, 0]) + wire.lenenc(b"n" * 40)
        return b"\x17" + struct.pack("<IBI", number, 8, 1) + b"\1\0" + types + value

    client.command(packet(0xfd, b"\5first"))
    assert client.code(binary=True) == 0
    gate.reload(("service:billing", "mode", "block"))
    client.sequence = 0
    whole = client.frame(packet(8, b"x" * 1200000))
    client.socket.sendall(whole[:30])
    wire.connect(gate.port, "lab_service").quit()  # meanwhile it is read
    client.socket.sendall(whole[30:])
    client.sequence = 1
    assert client.code(binary=True) == 1153
    gate.reload(("service:billing", "mode", "log"))
    for _ in range(2):
        client.command(packet(None, struct.pack("<q", 5)))
        assert client.code(binary=True) == 1210
    client.command(packet(8, struct.pack("<q", 6)))
    assert client.code(binary=True) == 0
    client.command(packet(None, struct.pack("<q", 7)))
    assert client.code(binary=True) == 0
    assert [value for value, in server.sql("SELECT v FROM clinical_data.tl ORDER BY id")] == ["first", "6", "7"]
    client.quit()
    server.sql("DROP TABLE clinical_data.tl")
