"""40 MB both ways over every kind of leg: {client's compression} x {upstream's compression} x {client's TLS} x
{upstream's TLS} x {as a text, as a prepared statement's value, as long data}, on both servers. The short form takes
20 MB, each pair of compressions once, TLS and ways by turns; SILOGATE_LONG=1 takes all (`make legs`)."""
import itertools
import os
import random
import ssl

import pytest

from harness import gate as gates, servers, wire

LONG = bool(os.environ.get("SILOGATE_LONG"))
KINDS = {"off": 0, "zlib": wire.COMPRESS, "zstd": wire.ZSTD}
OFFERED = {"mariadb": ["off", "zlib"], "mysql": ["off", "zlib", "zstd"]}  # by the server
WAYS = ["text", "prepared", "long"]
MIB = 1 << 20
SIZE = (40 if LONG else 20) * MIB  # more than a packet holds


def all_legs():
    """(server, upstream's compression, upstream's TLS, client's compression, client's TLS, ways)"""
    for kind in servers.KINDS:
        for number, (upstream, client) in enumerate(itertools.product(OFFERED[kind], KINDS)):
            if LONG:
                for above, below in itertools.product(("plain", "tls"), repeat=2):
                    yield kind, upstream, below, client, above, WAYS
            else:
                by_turns = ["plain", "tls"][number % 2], ["tls", "plain"][number // 2 % 2]
                yield kind, upstream, by_turns[0], client, by_turns[1], [WAYS[number % 3]]


LEGS = list(all_legs())


@pytest.fixture(scope="module")
def text():
    """As much ASCII, a quarter of it noise: frames that shrink and frames that hardly do."""
    piece = random.Random(3).randbytes(MIB // 2).hex().encode() + b"y" * (3 * MIB)
    return piece * (SIZE // len(piece))


@pytest.fixture(scope="module")
def lines(request, certificates):
    """lines(server, compression, tls): a silogate whose upstream's leg is so, one at a time."""
    made = {}

    def line(kind, compression, tls):
        if (kind, compression, tls) not in made:
            end()
            server = request.getfixturevalue({"mariadb": "secure_mariadb"}.get(kind, kind))
            made[kind, compression, tls] = gates.Gate(server, changes=[
                ("tls", "certificate", certificates / "server.pem"), ("tls", "key", certificates / "server.key"),
                ("upstream:main", "tls", "required" if tls == "tls" else "off"),
                ("upstream:main", "compression", compression)]).start()
        return made[kind, compression, tls]

    def end():
        for one in list(made.values()):
            made.clear()
            try:
                one.stop()
            finally:
                one.remove()

    yield line
    end()


def by_text(client, text):
    return client.query(b"SELECT '" + text + b"'")[0].rows[0][0].encode()


def by_prepared(client, text):
    statement, _, _ = client.prepare("SELECT ?")
    row = client.execute(statement, [text])[0].rows[0]
    return wire.Reader(row[2:]).text()


def by_long(client, text):
    statement, _, _ = client.prepare("SELECT ?")
    number = statement.to_bytes(4, "little")
    for at in range(0, len(text), MIB):
        client.command(b"\x18" + number + b"\0\0" + text[at:at + MIB])
    client.command(b"\x17" + number + b"\0\x01\0\0\0" + b"\0\x01\xfc\0")
    return wire.Reader(client.answers(binary=True)[0].rows[0][2:]).text()


def status(client, name):
    return client.query(f"SHOW SESSION STATUS LIKE '{name}'")[0].rows[0][1]


@pytest.mark.long(short=3)
@pytest.mark.parametrize("kind, upstream, below, packed, above, ways", LEGS, ids=["-".join(one[:5]) for one in LEGS])
def test_both_ways(lines, certificates, text, kind, upstream, below, packed, above, ways):
    gate = lines(kind, upstream, below)
    context = ssl.create_default_context(cafile=certificates / "ca.pem") if above == "tls" else None
    client = wire.connect(gate.port, "lab_service", capabilities=wire.USUAL | KINDS[packed], tls=context)
    client.socket.settimeout(120)
    assert isinstance(client.socket, wire.Compressed) == (packed != "off")
    assert (status(client, "Compression") == "ON") == (upstream != "off")
    assert bool(status(client, "Ssl_cipher")) == (below == "tls")
    run = {"text": by_text, "prepared": by_prepared, "long": by_long}
    for way in ways:
        got = run[way](client, text)
        assert len(got) == len(text) and got == text, way
        assert client.query("SELECT 1")[0].rows == [["1"]]
    client.quit()
