"""The attacks with moves open, shortened: `make attack` has the long form."""
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import moving  # noqa: E402
from harness import servers  # noqa: E402

SEED = int(os.environ.get("SEED", 20261128))


@pytest.mark.parametrize("seconds, every", [(3, 30), pytest.param(9, 15, marks=pytest.mark.long)])
@pytest.mark.parametrize("kind", list(servers.KINDS))
def test_sessions_before_during_and_after(kind, seconds, every):
    found, sessions, moved = moving.run(kind, seconds, SEED, every=every, least=6)
    assert found == [], "\n".join(found)
    assert sessions > 15 and moved > 0


def test_a_mover_that_ends_is_seen(monkeypatch):
    """Sessions that are played while nothing moves show nothing of moves."""
    arena = object.__new__(moving.MovingArena)
    monkeypatch.setattr(moving.MovingArena, "go_there_and_back", lambda *_: 1 // 0)
    with pytest.raises(RuntimeError) as failed:
        arena.during(lambda: ([], 1), 1)
    assert isinstance(failed.value.__cause__, ZeroDivisionError)


def test_a_gate_that_judges_one_name_alone_is_seen(monkeypatch):
    """The tables' new names belong to nobody that it knows, and what nobody owns passes."""
    ini = moving.INI.replace("owns = vaults.*\n", "").replace("unowned = {unowned}", "unowned = allow")
    monkeypatch.setattr(moving, "INI", ini[:ini.index("[move:theirs]")] + ini[ini.index("[move:shares]"):])
    monkeypatch.setattr(moving, "MOVES", {"shares": moving.MOVES["shares"]})
    arena = moving.MovingArena("mariadb", ready="shares")
    try:
        arena.silo.ask("RENAME TABLE secret.patients TO vaults.patients")
        assert arena.play("block", {}, ["SELECT name FROM secret.patients"], 1) is None
        assert arena.play("block", {}, ["SELECT name FROM vaults.patients"], 2) == "a canary came back"
    finally:
        arena.close()
