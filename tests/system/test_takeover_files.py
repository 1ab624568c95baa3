"""A takeover from a silogate that may open no more files: overrides go along, or it goes on and they hold."""
import os
import resource

import pytest

from harness import gate as gates, wire
from test_takeover import generations, refused  # noqa: F401

FOREIGN = "SELECT 1 FROM clinical_data.patients"


def leave(gate, count):
    """So many files may be opened."""
    opened = {int(name) for name in os.listdir(f"/proc/{gate.process.pid}/fd")}
    limit = count
    while limit - len([one for one in opened if one < limit]) < count:
        limit += 1
    hard = resource.prlimit(gate.process.pid, resource.RLIMIT_NOFILE)[1]
    resource.prlimit(gate.process.pid, resource.RLIMIT_NOFILE, (limit, hard))
    return hard


@pytest.fixture
def line(mariadb, generations):  # noqa: F811
    made = generations(mariadb, ("service:billing", "mode", "log"), ("proxy", "drain_timeout", "20s"))
    made.gate.uncounted = "one log is written by all of them"
    return made


def blocks(gate):
    client = wire.connect(gate.port, "billing_service")
    with pytest.raises(wire.Error) as error:
        client.query(FOREIGN)
    client.close()
    return error.value.code == 1142


def test_an_override_that_began_before(line):
    gate = line.gate
    begun = gates.ctl(gate, "mode", "billing", "block", "--for", "10m")["id"]
    leave(gate, 2)  # the call of the successor, and one more
    line.upgrade()
    assert [one["id"] for one in gates.ctl(gate, "overrides")["overrides"]] == [begun]
    assert blocks(gate)


def test_an_override_that_began_without_files(line):
    gate = line.gate
    hard = leave(gate, 1)
    begun = gates.ctl(gate, "mode", "billing", "block", "--for", "10m")["id"]
    line.upgrade(code=2)
    assert "a successor would not get the overrides" in gate.log()
    resource.prlimit(gate.process.pid, resource.RLIMIT_NOFILE, (hard, hard))
    assert blocks(gate)
    line.upgrade()
    assert [one["id"] for one in gates.ctl(gate, "overrides")["overrides"]] == [begun]
    assert blocks(gate)
