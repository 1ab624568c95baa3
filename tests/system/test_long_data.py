"""COM_STMT_SEND_LONG_DATA has no answer: where silogate drops a chunk, or refuses the execution that would have used
the ones before, no later execution may write a row with other data than the client has sent for it."""
import struct

import pytest

from harness import wire

INSERT = "INSERT INTO clinical_data.long_chunks VALUES (?)"


class Scene:
    """A session with two statements that were prepared in mode log."""

    def __init__(self, server, gate):
        self.server, self.gate = server, gate
        self.client = wire.connect(gate.port, "billing_service")
        self.first, self.second = (self.client.prepare(INSERT)[0] for _ in range(2))

    def mode(self, word):
        self.gate.reload(("service:billing", "mode", word))

    def chunk(self, data, statement=None):
        self.client.command(b"\x18" + struct.pack("<IH", statement or self.first, 0) + data)
        self.client.ok(b"\x0e")  # a ping: the chunk was judged by the policy of now

    def execute(self, statement=None):
        """The error's code, or 0."""
        self.client.command(b"\x17" + struct.pack("<IBI", statement or self.first, 0, 1) + b"\0\1\xfc\0")
        return self.client.code(binary=True)

    def reset(self):
        self.client.ok(b"\x1a" + struct.pack("<I", self.first))

    def rows(self):
        return [row[0] for row in self.server.sql("SELECT note FROM clinical_data.long_chunks ORDER BY note")]


@pytest.fixture
def scene(server, make_gate):
    server.sql("DROP TABLE IF EXISTS clinical_data.long_chunks",
               "CREATE TABLE clinical_data.long_chunks (note LONGTEXT)")
    made = Scene(server, make_gate(server, ("service:billing", "mode", "log")))
    yield made
    made.client.quit()
    server.sql("DROP TABLE clinical_data.long_chunks")


def test_a_dropped_chunk_is_not_left_out_silently(scene):
    scene.mode("block")
    scene.chunk(b"lost")
    scene.mode("log")
    scene.chunk(b"kept")
    assert scene.execute() == 1210 and scene.rows() == []
    scene.chunk(b"again")  # the server had nothing of it: the next execution is a new one
    assert scene.execute() == 0 and scene.rows() == ["again"]


def test_a_chunk_dropped_between_others(scene):
    scene.chunk(b"one")
    scene.mode("block")
    scene.chunk(b"two")
    scene.mode("log")
    scene.chunk(b"three")
    for _ in range(2):  # the server has the first one, until COM_STMT_RESET
        assert scene.execute() == 1210 and scene.rows() == []
    scene.reset()
    scene.chunk(b"whole")
    assert scene.execute() == 0 and scene.rows() == ["whole"]


def test_chunks_of_a_refused_execution_are_not_in_the_next(scene):
    scene.chunk(b"refused ")
    scene.mode("block")
    assert scene.execute() == 1142
    scene.mode("log")
    scene.chunk(b"next")
    assert scene.execute() == 1210 and scene.rows() == []
    scene.reset()
    scene.chunk(b"next")
    assert scene.execute() == 0 and scene.rows() == ["next"]


def test_a_refused_execution_ends_what_was_dropped(scene):
    """The client has been told, and the server never got it: nothing need be reset."""
    scene.mode("block")
    scene.chunk(b"dropped")
    assert scene.execute() == 1142
    scene.mode("log")
    scene.chunk(b"a")
    scene.chunk(b"b")
    assert scene.execute() == 0 and scene.rows() == ["ab"]
    scene.chunk(b"c")  # an execution that passed has used what was sent
    assert scene.execute() == 0 and scene.rows() == ["ab", "c"]


def test_only_that_statement_until_it_is_closed(scene):
    scene.chunk(b"one")
    scene.mode("block")
    scene.chunk(b"two")
    scene.mode("log")
    scene.chunk(b"other", scene.second)
    assert scene.execute(scene.second) == 0 and scene.rows() == ["other"]
    assert scene.execute() == 1210
    scene.client.command(b"\x19" + struct.pack("<I", scene.first))
    assert scene.execute() == 1243
    anew = scene.client.prepare(INSERT)[0]
    scene.chunk(b"anew", anew)
    assert scene.execute(anew) == 0 and scene.rows() == ["anew", "other"]


UNREADABLE = {
    "an execution that ends too early": lambda statement: b"\x17" + struct.pack("<I", statement),
    "a bulk without data": lambda statement: b"\xfa" + struct.pack("<IH", statement, 128),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_server_that_cannot_read_an_execution_keeps_its_chunks(scene, name):
    """Error 1835. MySQL does not know the second command: 1047; MariaDB only with a capability: 1295."""
    scene.chunk(b"old ")
    scene.client.command(UNREADABLE[name](scene.first))
    with pytest.raises(wire.Error) as refused:
        scene.client.answers()
    assert refused.value.code in (1835, 1047, 1295)
    scene.mode("block")
    assert scene.execute() == 1142
    scene.mode("log")
    scene.chunk(b"new")
    assert scene.execute() == 1210 and scene.rows() == []
    scene.reset()
    scene.chunk(b"new")
    assert scene.execute() == 0 and scene.rows() == ["new"]


def test_a_server_drops_the_chunks_of_an_execution_that_fails(scene):
    """So nothing need be reset then."""
    scene.server.sql("ALTER TABLE clinical_data.long_chunks MODIFY note VARCHAR(3)")
    scene.chunk(b"too long")
    assert scene.execute() == 1406
    scene.mode("block")
    assert scene.execute() == 1142
    scene.mode("log")
    scene.chunk(b"new")
    assert scene.execute() == 0 and scene.rows() == ["new"]


def test_mysql_keeps_the_chunks_of_an_execution_with_too_few_parameters(scene):
    """With query attributes a command says how many parameters it has. Error 1210, as for one that it drops them of."""
    scene.client.close()
    scene.client = client = wire.connect(scene.gate.port, "billing_service",
                                         capabilities=wire.USUAL | wire.QUERY_ATTRIBUTES)
    if not client.capabilities & wire.QUERY_ATTRIBUTES:
        pytest.skip("MySQL alone")
    scene.first = client.prepare(INSERT)[0]

    def execute(count):
        client.command(b"\x17" + struct.pack("<IBIB", scene.first, 8, 1, count) + b"\0\1\xfc\0\0")
        return client.code(binary=True)
    scene.chunk(b"old ")
    assert execute(0) == 1210
    scene.mode("block")
    assert execute(1) == 1142
    scene.mode("log")
    scene.chunk(b"new")
    assert execute(1) == 1210 and scene.rows() == []
    scene.reset()
    scene.chunk(b"new")
    assert execute(1) == 0 and scene.rows() == ["new"]


@pytest.mark.parametrize("bound", [False, True])
def test_types_of_a_refused_execution(scene, bound):
    """Drivers send them once, also where the execution fails: the next one was read by the types of the one before."""
    client, number = scene.client, scene.first

    def execute(kind, value):
        types = b"\0" if kind is None else bytes([1, kind, 0])
        client.command(b"\x17" + struct.pack("<IBI", number, 0, 1) + b"\0" + types + value)
        return client.code(binary=True)

    if bound:
        assert execute(0xfd, b"\5first") == 0
    scene.mode("block")
    assert execute(8, struct.pack("<q", 4)) == 1142 and execute(None, struct.pack("<q", 5)) == 1142
    scene.mode("log")
    assert execute(None, struct.pack("<q", 5)) == 0 and execute(None, struct.pack("<q", 6)) == 0
    assert scene.rows() == ["5", "6"] + ["first"] * bound
    assert execute(0xfd, b"\6second") == 0 and execute(None, b"\5third") == 0
    assert scene.rows() == ["5", "6"] + ["first"] * bound + ["second", "third"]


def test_types_that_cannot_be_added(scene):
    """An execution that comes in parts; and one with a query attribute, which is refused once."""
    client = wire.connect(scene.gate.port, "billing_service", capabilities=wire.USUAL | wire.QUERY_ATTRIBUTES)
    has_attributes = client.capabilities & wire.QUERY_ATTRIBUTES
    number = client.prepare(INSERT)[0]

    def packet(types, attribute=b""):
        flags, count = (8, bytes([1 + bool(attribute)])) if has_attributes else (0, b"")
        named = b"\0" if has_attributes else b""
        bound = (b"\1\x08\0" + named + (b"\xfd\0\1k" if attribute else b"")) if types else b"\0"
        return b"\x17" + struct.pack("<IBI", number, flags, 1) + count + b"\0" + bound + struct.pack("<q", 5) + attribute

    scene.mode("block")
    client.command(packet(True))
    assert client.code(binary=True) == 1142
    scene.mode("log")
    if has_attributes:
        for _ in range(2):
            client.command(packet(False, b"\1z"))
            assert client.code(binary=True) == 1210
    client.sequence = 0
    whole = client.frame(packet(False))
    for part in (whole[:9], whole[9:14], whole[14:]):
        client.socket.sendall(part)
        wire.connect(scene.gate.port, "lab_service").quit()  # meanwhile it is read
    client.sequence = 1
    assert client.code(binary=True) == 0 and scene.rows() == ["5"]
    client.quit()
