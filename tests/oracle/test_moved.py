"""The mapped statement on moved tables is what the unmapped one was on unmoved tables: a short run of each kind of
statement (`make oracle-moves` is the long one)."""
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import moved  # noqa: E402
from harness import servers  # noqa: E402

SEED = int(os.environ.get("SEED", 20261128))


@pytest.mark.parametrize("seconds", [3, pytest.param(6, marks=pytest.mark.long)])
@pytest.mark.parametrize("kind", list(servers.KINDS))
def test_mapped_means_the_same(kind, seconds):
    counts, differs, unmapped = moved.run(kind, seconds, SEED, ahead=kind == "mysql", least=20)
    assert not differs, "\n".join(differs)
    assert counts["statements"] >= 20 and len(unmapped) * 10 <= counts["statements"], unmapped


@pytest.mark.long
def test_what_is_not_mapped_is_seen(monkeypatch):
    """A silogate that has no [move:] section is found out."""
    monkeypatch.setattr(moved, "INI", moved.INI[:moved.INI.index("[move:some]")])
    monkeypatch.setattr(moved.Worlds, "follows", lambda worlds: True)
    monkeypatch.setattr(moved.Worlds, "try_again", lambda worlds, statement, steps: ("differs", worlds.compare(statement, steps)))
    _, differs, _ = moved.run("mariadb", 60, SEED, most=2)
    assert len(differs) >= 2
