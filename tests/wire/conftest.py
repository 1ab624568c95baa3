"""The other end of silogate out of a script: fake(script) is a server that is closed behind the test."""
import pytest

from harness import wire


@pytest.fixture
def fake():
    made = []

    def make(script=None, **where):
        made.append(wire.FakeServer(script, **where))
        return made[-1]

    yield make
    for one in made:
        one.close()
