"""Prepared statements executed at random: the parameters' types are sent or left out, in parts or at once, with long data
or NULL, small and large, while executions are refused at times, or the table moves there and back. What is stored must be
what was sent, as the types of then have it: nothing else, nothing twice."""
import os
import random
import struct

import pytest

from harness import wire
from test_large_executions import large  # noqa: F401: the fixture
from test_moves import INI, NEW, OLD, make_scene  # noqa: F401: the fixture

STEPS = 600 if os.environ.get("SILOGATE_LONG") else 60
SEEDS = [20261201, *range(1, 8)]
REFUSED, TOO_LARGE, UNBOUND = 1142, 1153, 1210
INTEGERS = {0x01: "<b", 0x02: "<h", 0x03: "<i", 0x08: "<q"}
STRINGS = (0xfd, 0xfe, 0xfc)
MORE = {"plain": 0, "attributes": wire.QUERY_ATTRIBUTES, "compressed": wire.COMPRESS}


class Statement:
    """As the client and its library know it."""

    def __init__(self, client, text, chance):
        self.client, self.chance, self.number = client, chance, client.prepare(text)[0]
        self.types = self.has = None  # sent last; those that the server has
        self.chunks = None  # what was sent ahead of the next execution
        self.left = False  # the server has chunks of an execution that was refused: silogate waits for a reset
        self.unsure = False  # the server may have missed the types

    def value(self, kind, size):
        """(its bytes, what is stored)."""
        if kind in STRINGS:
            text = bytes(self.chance.choice(b"abcxyz") for _ in range(20)) * (size // 20)
            return wire.lenenc(text), text
        if kind == 0x05:
            number = self.chance.randrange(-999, 999)
            return struct.pack("<d", number), b"%d" % number
        number = self.chance.randrange(-100, 100)
        return struct.pack(INTEGERS[kind], number), b"%d" % number

    def packet(self, anew, size):
        """(COM_STMT_EXECUTE, the row that it is for)."""
        attributes = self.client.capabilities & wire.QUERY_ATTRIBUTES
        if anew or not self.types:
            choice = [*INTEGERS, 0x05, *STRINGS]
            self.types = [self.chance.choice(choice), self.chance.choice(choice)]
            anew = True
            if self.chunks is not None:
                self.types[0] = self.chance.choice(STRINGS)
        bound = b"".join(bytes([kind, 0]) + (b"\0" if attributes else b"") for kind in self.types)
        nulls, values, row = 0, b"", []
        for at, kind in enumerate(self.types):
            data, stored = self.value(kind, size if at == 0 else 20)
            if at == 0 and self.chunks is not None:
                stored = self.chunks
            elif self.chance.random() < 0.15:
                nulls, stored = nulls | 1 << at, None
            else:
                values += data
            row.append(stored)
        head = b"\x17" + struct.pack("<IBI", self.number, 8 if attributes else 0, 1) + (b"\2" if attributes else b"")
        return head + bytes([nulls, anew]) + (bound if anew else b"") + values, tuple(row), anew

    def execute(self, size=20, pieces=1):
        """(error's code or 0, the row, were the types in it?)."""
        packet, row, anew = self.packet(self.chance.random() < 0.3, size)
        if pieces == 1:
            self.client.command(packet)
        else:
            self.client.sequence = 0
            whole = self.client.frame(packet)
            cuts = sorted(self.chance.randrange(1, min(len(whole), 60)) for _ in range(pieces - 1))
            for start, end in zip([0, *cuts], [*cuts, len(whole)]):
                self.client.socket.sendall(whole[start:end])
                if self.chance.random() < 0.5:
                    os.sched_yield()
            self.client.sequence = 1
        return self.client.code(binary=True), row, anew

    def chunk(self):
        data = bytes(self.chance.choice(b"LONG") for _ in range(self.chance.choice((0, 3, 50))))
        self.client.command(b"\x18" + struct.pack("<IH", self.number, 0) + data)
        self.chunks = (self.chunks or b"") + data

    def reset(self):
        self.client.ok(b"\x1a" + struct.pack("<I", self.number))
        self.chunks, self.left = None, False


class Play:
    def __init__(self, client, text, chance, large):  # noqa: F811
        self.client, self.text, self.chance = client, text, chance
        self.sizes = (20, 20, 20, 2000, 70000, 1200000, *([17000000] if large else []))
        self.statements = [Statement(client, text, chance) for _ in range(3)]
        self.rows, self.said = [], []

    def step(self, blocks):
        one = self.chance.choice(self.statements)
        at = self.statements.index(one)
        what = self.chance.random()
        if what < 0.05:
            one.reset()
            self.said.append(f"{at}: reset")
        elif what < 0.08 and not blocks:
            self.client.command(b"\x19" + struct.pack("<I", one.number))
            self.statements[at] = Statement(self.client, self.text, self.chance)
            self.said = [line for line in self.said if not line.startswith(f"{at}:")]
        # MariaDB stores an address in place of long data for a parameter that was a number at the execution before
        elif what < 0.2 and not blocks and all(not types or types[0] in STRINGS for types in (one.types, one.has)):
            one.chunk()
            self.said.append(f"{at}: chunk")
        else:
            self.execute(one, at, blocks)

    def execute(self, one, at, blocks):
        plain = not self.client.capabilities & wire.COMPRESS
        pieces = self.chance.choice((1, 1, 2, 4)) if plain else 1
        size = self.chance.choice(self.sizes)
        had_chunks = one.chunks is not None
        code, row, anew = one.execute(size, pieces if size < 1000000 else 1)
        self.said.append(f"{at}: {size} bytes in {pieces}, types {one.types}{' sent' * anew}"
                         f"{', long data' * had_chunks}{', blocked' * blocks}: {code}")
        one.chunks = None
        if blocks:
            assert code in (REFUSED, TOO_LARGE), self.of(at)
            one.left |= had_chunks
            one.unsure |= code == TOO_LARGE
        elif code == UNBOUND or one.left:
            assert code == UNBOUND and (one.left or one.unsure and not anew), self.of(at)
        else:
            assert code == 0, self.of(at)
            self.rows.append(row)
            one.unsure, one.has = False, one.types

    def of(self, at):
        """What the statement has seen."""
        return "\n".join(line for line in self.said if line.startswith(f"{at}:"))

    def check(self, server, table):
        found = server.sql(f"SELECT HEX(w), HEX(n) FROM {table} ORDER BY id")
        stored = [tuple(None if cell is None else bytes.fromhex(cell) for cell in row) for row in found]
        short = [[cell if cell is None or len(cell) < 60 else (len(cell), hash(cell)) for cell in row]
                 for rows in (stored, self.rows) for row in rows]
        assert stored == self.rows, "\n".join(self.said)
        server.sql(f"TRUNCATE {table}")
        self.rows = []


@pytest.mark.long(short=2)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("more", list(MORE))
def test_some_are_refused(server, make_gate, large, more, seed):  # noqa: F811
    server.sql("DROP TABLE IF EXISTS clinical_data.tl",
               "CREATE TABLE clinical_data.tl (id INT AUTO_INCREMENT PRIMARY KEY, w LONGBLOB, n VARCHAR(60))")
    gate = make_gate(server, ("service:billing", "mode", "log"))
    client = wire.connect(gate.port, "billing_service", capabilities=wire.USUAL | MORE[more])
    chance, blocks = random.Random(f"{more} {seed}"), False
    play = Play(client, "INSERT INTO clinical_data.tl (w, n) VALUES (?, ?)", chance, chance.random() < 0.2)
    for number in range(STEPS):
        if chance.random() < 0.15:
            blocks = not blocks
            client.ok(b"\x0e")  # chunks have no answer: those before this are judged by the policy of then
            gate.reload(("service:billing", "mode", "block" if blocks else "log"))
        play.step(blocks)
        if number % 30 == 29:
            play.check(server, "clinical_data.tl")
    play.check(server, "clinical_data.tl")
    client.quit()
    server.sql("DROP TABLE clinical_data.tl")


@pytest.mark.long(short=1)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("more", list(MORE))
def test_the_table_moves(make_scene, server, large, more, seed):  # noqa: F811
    chance, place = random.Random(f"{more} {seed}"), OLD
    scene = make_scene(ini=INI.replace("hold = 10s", "hold = 10s\nalias = " + chance.choice(("view", "none"))), tables=1)
    server.sql(f"CREATE TABLE {OLD}.tl (id INT AUTO_INCREMENT PRIMARY KEY, w LONGBLOB, n VARCHAR(60))")
    client = wire.connect(scene.gate.port, "mv_billing", OLD, wire.USUAL | MORE[more])
    play = Play(client, "INSERT INTO tl (w, n) VALUES (?, ?)", chance, chance.random() < 0.2)
    for number in range(STEPS):
        if number % 20 == 19 and all(one.chunks is None for one in play.statements):
            play.check(server, f"{place}.tl")
            moved = scene.move(*(() if place == OLD else ("--back",)))
            assert moved.returncode == 0, moved.stdout
            place = NEW if place == OLD else OLD
        play.step(False)
    play.check(server, f"{place}.tl")
    client.quit()
