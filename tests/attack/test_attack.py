"""The known attacks and look-alikes, and a short run of sessions that nobody has thought of (`make attack` is the long
one): no canary leaves the other silo, no look-alike is refused."""
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import attack  # noqa: E402
import cases  # noqa: E402
from harness import servers  # noqa: E402

SEED = int(os.environ.get("SEED", 20261128))


@pytest.fixture(scope="module", params=list(servers.KINDS))
def arena(request):
    one = attack.Arena(request.param)
    yield one
    one.close()


def test_the_corpus(arena):
    found = cases.run(arena.silo, arena.gates["block"].port, cases.read(arena.server.name))
    assert found == []


def test_generated_sessions(arena):
    found, number = attack.attack(arena, 15, SEED)
    assert found == [], "\n".join(found)
    assert number > 20
