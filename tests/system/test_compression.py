"""The compressed protocol on either leg: the same answers as without, frames in order, judged as ever,
and what is no frame ends the session and nothing else."""
import hashlib
import os
import random
import socket
import struct
import time
import zlib

import pytest

from harness import places, wire

LONG = os.environ.get("SILOGATE_LONG")
KINDS = {"zlib": wire.COMPRESS, "zstd": wire.ZSTD, "both": wire.COMPRESS | wire.ZSTD}


@pytest.fixture(scope="module", params=["off", "zlib", "zstd"])
def upstream(request, server):
    if request.param == "zstd" and server.dialect == "mariadb" and not LONG:
        pytest.skip("MariaDB does not offer it")
    return request.param


@pytest.fixture(scope="module")
def gate(server, upstream):
    from harness import gate as gates
    with gates.running(server, changes=(("upstream:main", "compression", upstream),
                                        ("upstream:main", "tls", "off" if upstream == "zlib" else "preferred"))) as one:
        yield one


def login(gate, kind, more=0, **options):
    client = wire.connect(gate.port, "lab_service", capabilities=wire.USUAL | KINDS.get(kind, 0) | more, **options)
    assert isinstance(client.socket, wire.Compressed) == bool(kind)
    return client


@pytest.mark.long(short=6)
@pytest.mark.parametrize("kind", [None, *KINDS])
def test_a_session(server, gate, upstream, kind):
    if not LONG and upstream != "off" and kind == "both":
        pytest.skip("the long form has it")
    client = login(gate, kind)
    if upstream != "off" and not (upstream == "zstd" and server.dialect == "mariadb"):
        assert client.query("SHOW SESSION STATUS LIKE 'Compression'")[0].rows == [["Compression", "ON"]]
    assert client.query("SELECT 1")[0].rows == [["1"]]
    text = "".join(random.Random(5).choices("abcdefgh", k=100000))
    assert client.query(f"SELECT '{text}', LENGTH('{text}')")[0].rows == [[text, "100000"]]
    assert [one.rows for one in client.query("SELECT 1; SELECT REPEAT('x', 70000)")] == [[["1"]], [["x" * 70000]]]
    with pytest.raises(wire.Error) as refused:
        client.query("SELECT * FROM nowhere.nothing")
    assert refused.value.code
    statement, _, _ = client.prepare("SELECT ?, REPEAT(?, 1000)")
    rows = client.execute(statement, ["abc", "d"])[0].rows
    assert rows[0].endswith(b"d" * 1000)
    client.command(b"\x19" + struct.pack("<I", statement))  # unanswered: may share a frame with the next
    assert client.query("SELECT 2")[0].rows == [["2"]]
    client.change_user("lab_service")
    assert client.query("SELECT 3")[0].rows == [["3"]]
    client.ok(b"\x1f")
    assert client.query("SELECT 4")[0].rows == [["4"]]
    client.quit()


@pytest.mark.parametrize("kind", ["zlib", "zstd"])
def test_a_blocked_statement(server, gate, upstream, kind):
    if not LONG and upstream != "off":
        pytest.skip("it does not reach the other leg")
    client = login(gate, kind)
    for _ in range(3):
        with pytest.raises(wire.Error) as refused:
            client.query("SHUTDOWN")
        assert refused.value.code
        assert client.query("SELECT 1")[0].rows == [["1"]]
    client.quit()


@pytest.mark.long(short=1)
@pytest.mark.parametrize("kind", [None, "zlib", "zstd"])
def test_a_large_command_and_a_large_answer(server, gate, upstream, kind):
    """Of several packets each way, of frames of 16 MB and of small ones, from pieces that compress and
    pieces that do not."""
    if not LONG and (upstream == "off") != bool(kind):
        pytest.skip("one compressed leg will do")
    client = login(gate, kind)
    noise = random.Random(7).randbytes(2 << 20).hex()
    text = (noise + "y" * (1 << 20)) * 4
    for piece in (wire.MAX, 50000) if kind else (0,):
        if kind:
            client.socket.piece = piece
        assert client.query(f"SELECT '{text}'")[0].rows == [[text]]
    client.quit()


@pytest.mark.parametrize("kind", ["zlib", "zstd"])
def test_local_infile(server, gate, kind):
    client = login(gate, kind)
    client.query("CREATE TEMPORARY TABLE nilecare.lab_loaded (a INT, b TEXT)")
    client.command(client.query_bytes("LOAD DATA LOCAL INFILE 'x' INTO TABLE nilecare.lab_loaded"))
    assert client.receive()[0] == 0xfb
    for number in range(400):
        client.send(b"".join(b"%d\t%s\n" % (number, b"z" * 100) for _ in range(10)))
    client.send(b"")
    assert client.answer().affected == 4000
    assert client.query("SELECT COUNT(*), MAX(a) FROM nilecare.lab_loaded")[0].rows == [["4000", "399"]]
    client.quit()


@pytest.mark.parametrize("kind", ["zlib", "zstd"])
def test_commands_ahead(server, gate, kind):
    """Sent before the last answer is here, in one frame each or many in one: answered in order."""
    client = login(gate, kind)
    for number in range(50):
        client.command(client.query_bytes(f"SELECT {number}, REPEAT('a', {number * 100})"))
    for number in range(50):
        client.socket.next = 1
        assert client.answers()[0].rows == [[str(number), "a" * number * 100]]
    client.quit()


@pytest.mark.parametrize("kind", [None, "zlib", "zstd"])
def test_unanswered_commands_ahead(server, gate, kind):
    """Long data as fast as it goes, closed statements in between: to the server no frame holds two commands,
    or its count is no longer the server's."""
    client = login(gate, kind)
    statement, _, _ = client.prepare("SELECT SHA2(?, 256)")
    number, piece = struct.pack("<I", statement), os.urandom(150000).hex().encode()
    others = [client.prepare("SELECT 1")[0] for _ in range(8)]
    for other in others:
        client.command(b"\x18" + number + b"\0\0" + piece)
        client.command(b"\x19" + struct.pack("<I", other))
    client.command(b"\x17" + number + b"\0\1\0\0\0" + b"\0\1\xfc\0")
    row = client.answers(binary=True)[0].rows[0]
    assert row[3:].decode() == hashlib.sha256(piece * len(others)).hexdigest()
    assert client.query("SELECT 2")[0].rows == [["2"]]
    client.quit()


def test_a_driver_that_was_not_asked(server, gate):
    """PHP's says CLIENT_COMPRESS to every server. So does a server: it takes the flag as said."""
    client = wire.Wire(gate.port, wire.USUAL | wire.COMPRESS).greet()
    client.offered |= wire.COMPRESS
    client.login("lab_service")
    assert client.query("SELECT 'c'")[0].rows == [["c"]]
    client.quit()


PACKERS = {"zlib": zlib.compress, "zstd": wire.Zstd().compress}


def bad_frames(kind):
    pack = PACKERS[kind]
    packet = b"\x09\0\0\0\x03SELECT 1"
    packed = pack(packet * 20)

    def frame(body, sequence, size):
        return struct.pack("<I", len(body))[:3] + bytes([sequence]) + struct.pack("<I", size)[:3] + body

    return {
        "out of order": frame(packet, 3, 0),
        "not packed": frame(b"\x55" * 100, 0, 500),
        "unpacks to less": frame(packed, 0, len(packet) * 20 + 1),
        "unpacks to more": frame(packed, 0, len(packet) * 20 - 1),
        "unpacks to much more": frame(pack(b"a" * 1000000), 0, 100),
        "more behind its end": frame(packed + b"x", 0, len(packet) * 20),
        "cut off": frame(packed[:-3], 0, len(packet) * 20),
        "empty and packed": frame(b"", 0, 7),
        "zeroes that unpack to 16 MB of commands": frame(pack(bytes(0xffffff)), 0, 0xffffff),
        "twice the one, said once": frame(packed + packed, 0, len(packet) * 20),
        "of the other kind": frame(PACKERS["zstd" if kind == "zlib" else "zlib"](packet * 20), 0, len(packet) * 20),
    }


@pytest.mark.long(short=6)
@pytest.mark.parametrize("kind", list(PACKERS))
@pytest.mark.parametrize("what", list(bad_frames("zlib")))
def test_what_is_no_frame(mariadb, make_gate, what, kind):
    gate = make_gate(mariadb)
    client = login(gate, kind)
    other = login(gate, kind)
    client.socket.plain.sendall(bad_frames(kind)[what])
    client.socket.plain.settimeout(60)
    ended = b""
    try:
        while chunk := client.socket.plain.recv(65536):
            ended += chunk
    except ConnectionError:
        pass
    assert b"\x01" not in ended[7:8] or b"SELECT" not in ended
    assert other.query("SELECT 1")[0].rows == [["1"]]
    other.quit()
    assert gate.rss() < 200000


@pytest.mark.parametrize("kind", list(PACKERS))
def test_byte_by_byte(mariadb, make_gate, kind):
    """Every frame's header and body comes in single bytes, also behind a blocked statement and with a command of
    several frames."""
    client = login(make_gate(mariadb), kind)
    client.socket.piece = 60
    for statement in ("SELECT 'one'", "SHUTDOWN", "SELECT '" + "abc" * 100 + "'"):
        client.sequence = client.socket.next = 0
        data = client.frame(client.query_bytes(statement))
        parts = [data[at:at + 60] for at in range(0, len(data), 60)]
        for byte in b"".join(client.socket.frame(part, packed=len(part) >= 50) for part in parts):
            client.socket.plain.sendall(bytes([byte]))
        if statement == "SHUTDOWN":
            with pytest.raises(wire.Error):
                client.answers()
        else:
            assert client.answers()[0].rows == [[statement[8:-1]]]
    client.quit()


@pytest.mark.long(short=1)
@pytest.mark.parametrize("kind", [None, *PACKERS])
def test_a_file_of_large_packets(server, gate, kind):
    """LOAD DATA LOCAL whose packets are of 16 MB, so that an empty one stands in the file's midst."""
    if not LONG and kind == "zlib":
        pytest.skip("the long form has it")
    client = login(gate, kind, wire.LOCAL_FILES)
    client.query("CREATE TEMPORARY TABLE nilecare.lab_loaded (a TEXT)")
    client.command(client.query_bytes("LOAD DATA LOCAL INFILE 'x' INTO TABLE nilecare.lab_loaded"))
    assert client.receive()[0] == 0xfb
    line = b"x" * 62 + b"\n"  # 16777215 = 63 * 266305: a packet of the greatest length ends at a line's end
    client.send(line * (wire.MAX // 63) + b"y\n")
    client.send(b"")
    assert client.answer().affected == wire.MAX // 63 + 1
    assert client.query("SELECT COUNT(*), MAX(a) FROM nilecare.lab_loaded")[0].rows == [[str(wire.MAX // 63 + 1), "y"]]
    client.quit()


@pytest.mark.parametrize("kind", list(PACKERS))
def test_a_bomb_is_held_back(mariadb, make_gate, kind):
    """Many frames that unpack to 16 MB each, of a client that reads nothing: memory stays."""
    gate = make_gate(mariadb)
    before = gate.rss()
    client = login(gate, kind)
    command = client.query_bytes("SELECT 'x' /*" + "y" * 4000000 + "*/")
    client.sequence = 0
    frame = client.frame(command)
    packed = PACKERS[kind](frame)
    packed = struct.pack("<I", len(packed))[:3] + b"\0" + struct.pack("<I", len(frame))[:3] + packed
    client.socket.plain.settimeout(2)
    try:
        for _ in range(200):  # 800 MB
            client.socket.plain.sendall(packed)
    except (OSError, socket.timeout):
        pass
    time.sleep(1)
    if "asan" not in str(places.SILOGATE):
        assert gate.rss() - before < 60000
    client.socket.plain.close()


def test_an_idle_session_holds_nothing(mariadb, make_gate):
    gate = make_gate(mariadb, ("upstream:main", "tls", "off"))  # a TLS leg has memory of its own
    clients = [login(gate, None) for _ in range(100)]
    for client in clients:
        client.query("SELECT 1")
    time.sleep(0.3)
    plain = gate.rss()
    packed = [login(gate, "zlib" if number % 2 else "zstd") for number in range(100)]
    for client in packed:
        client.query("SELECT REPEAT('a', 30000)")
    if "asan" not in str(places.SILOGATE):
        assert places.wait_for(lambda: gate.rss() - plain < 100 * 8 + 3000), \
            gate.rss() - plain  # KiB; 300 KB of it are the thread's
    for client in clients + packed:
        client.close()
