"""The same script straight to the server and through silogate: all that a client sees, byte for byte.
What may differ is in side_by_side/sides.py's EXPLAINED."""
import os
import random

import pytest

from harness import gate as gates, servers
from side_by_side import cases, sides

LONG = bool(os.environ.get("SILOGATE_LONG"))  # make side-by-side
ALL = [(kind, number) for kind in servers.KINDS for number in range(len(sides.SETS[kind]))]


@pytest.mark.long(short=2)
@pytest.mark.parametrize("server, number", ALL, indirect=["server"], scope="session",
                         ids=[f"{kind}-{number}" for kind, number in ALL])
def test_side_by_side(server, number):
    count, found, varies = sides.differences(server, *sides.SETS[server.name][number],
                                             rounds=5 if LONG else 1)
    assert count > 800
    for asked, direct, through in found[:8]:
        print(f"{asked[:200]!r}\n  direct:  {str(direct)[:600]}\n  through: {str(through)[:600]}")
    assert not found, f"{len(found)} of {count}"
    print(f"{count} answers compared; the server itself varies in: {varies}")
    assert len(varies) < count / 100


# What each client library makes of an answer: rows, or the error's number and message.
FEW = ["SELECT * FROM missing", "SELECT id, name, price, NULL FROM item"]


@pytest.mark.long(short=6)
def test_clients(server, client, shared):
    # A new session of MariaDB's is told the FOUND_ROWS() of the one before it on its thread.
    statements = [one for one in cases.BOTH if one.startswith("SELECT")
                  and "CONNECTION" not in one and "FOUND_ROWS" not in one]
    user = sides.USER[server.name]
    assert client(server.port, user, "SELECT COUNT(*) FROM item", database="side").value == "3"
    for statement in random.Random(client.name).sample(statements, 50) if LONG else FEW:
        seen = [client(port, user, statement, database="side") for port in (server.port, shared.port)]
        assert repr(seen[0]) == repr(seen[1]), statement


@pytest.fixture
def shared(server, _gate):
    """The tests above, which come in between, take the tables away."""
    server.sql(*cases.BEFORE)
    yield _gate
    server.sql(*cases.AFTER)


@pytest.fixture(scope="module")
def _gate(server):
    with gates.running(server, ini=sides.ini(server)) as one:
        yield one
