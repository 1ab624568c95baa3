"""Mapped statements about as long as a packet can be: with the new names they need one packet more, or one less."""
import os
import struct

import pytest

from harness import wire
from test_moves import OLD, make_scene  # noqa: F401: the fixture

pytestmark = pytest.mark.long
LENGTHS = range(wire.MAX - 14, wire.MAX + 4) if os.environ.get("SILOGATE_LONG") else [wire.MAX - 9, wire.MAX - 1, wire.MAX]


def filled(before, after, length):
    """A statement whose command has so many bytes, and how many of them are in its one long text."""
    count = length - 1 - len(before) - len(after)
    return before + "x" * count + after, str(count)


def test_about_one_full_packet(make_scene):
    scene = make_scene()
    assert scene.move().returncode == 0
    client = wire.connect(scene.gate.port, "mv_billing", OLD)
    for number, length in enumerate(LENGTHS):
        sql, size = filled(f"INSERT INTO t0 (client, number, note) VALUES (1, {number}, LENGTH('", "'))", length)
        client.query(sql)
        assert client.query(f"SELECT note FROM t0 WHERE number = {number}")[0].rows == [[size]]
        sql, size = filled("SELECT COUNT(*), LENGTH('", "') FROM t0 AS b JOIN mv_old.t0 USING (number)", length)
        assert client.query(sql)[0].rows == [[str(number + 1), size]]
        sql, size = filled("SELECT 1 FROM t0 LIMIT 0; SELECT LENGTH('", "'), (SELECT COUNT(*) FROM t0)", length)
        assert client.query(sql)[1].rows == [[size, str(number + 1)]]
        sql, size = filled("SELECT LENGTH('", "'), MAX(number) FROM t0 WHERE number < ?", length)
        ident = client.prepare(sql)[0]
        row, = client.execute(ident, ("1000",))[0].rows
        assert struct.unpack("<i", row[-4:]) == (number,)
        client.command(b"\x19" + struct.pack("<I", ident))
    client.quit()
