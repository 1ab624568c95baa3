"""The known attacks and look-alikes, and a short run of sessions that nobody has thought of (`make attack` is the long
one): no canary leaves the other silo, no look-alike is refused."""
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import attack  # noqa: E402
import cases  # noqa: E402
import restarts  # noqa: E402
from harness import gate, servers, wire  # noqa: E402
from silo import CANARY, INI  # noqa: E402

SEED = int(os.environ.get("SEED", 20261128))


@pytest.fixture(scope="module", params=list(servers.KINDS))
def arena(request):
    one = attack.Arena(request.param)
    yield one
    one.close()


def test_the_corpus(arena):
    found = cases.run(arena.silo, arena.gates["block"].port, cases.read(arena.server.name))
    assert found == []


def test_no_capability_changes_what_names_mean(arena):
    """Each flag of the login, offered or not, alone and all of them that leave the packets as they are: with
    CLIENT_NO_SCHEMA both servers read own.patients as the current database's table."""
    framing = wire.COMPRESS | wire.SSL | wire.ZSTD
    every = [1 << bit for bit in range(32) if not 1 << bit & framing]
    for claims in (*every, 0xffffffff & ~framing & ~wire.OPTIONAL_METADATA & ~wire.QUERY_ATTRIBUTES):
        flags = {"claims": claims, "database": "shared", "ends": claims == wire.DEPRECATE_EOF}
        case = {"flags": flags, "steps": ["SELECT MIN(name) FROM own.patients", "SELECT own.f(1)"]}
        error, heard = cases.play(arena.silo, arena.gates["block"].port, case, claims)
        assert CANARY.encode() not in heard, hex(claims)
        assert error or b"own-ada" in heard, hex(claims)


@pytest.mark.parametrize("seconds, least", [(3, 5), pytest.param(10, 10, marks=pytest.mark.long)])
def test_generated_sessions(arena, seconds, least):
    found, number = attack.attack(arena, seconds, SEED, least=least)
    assert found == [], "\n".join(found)
    assert number > 3


@pytest.mark.long
@pytest.mark.parametrize("kind", ["mariadb"] + (["mysql"] if os.environ.get("SILOGATE_LONG") else []))
def test_generated_sessions_where_names_fold(kind):
    arena = attack.Arena(kind, folding=True)
    try:
        found, number = attack.attack(arena, 8, SEED, least=6)
        assert found == [], "\n".join(found)
        assert number > 5
    finally:
        arena.close()


@pytest.mark.parametrize("kind", ["mariadb"] + (["mysql"] if os.environ.get("SILOGATE_LONG") else []))
def test_a_server_that_comes_again(kind):
    """What was the spy's own by its letters is another's after the restart."""
    arena = restarts.RestartArena(kind)
    try:
        steps = ["SELECT name FROM shared.Patients", {"com": "RESTART", "fold": 1, "options": []}, {"com": "LOGIN"},
                 "SELECT name FROM shared.Patients"]
        assert arena.play("block", {}, steps, 9) is None
        arena.gates["block"].reload(("policy", "mode", "log"))
        assert arena.play("block", {}, steps, 9) == "a canary came back"
    finally:
        arena.close()


def test_overrides_are_played(arena):
    """They hold as long as they are in force, and not any longer."""
    allow = ["allow", "spy", "on", "secret.patients", "access", "read", "--for", "5m"]
    over = {"com": "CTL", "words": None, "grants": False}
    for words in (["mode", "spy", "log", "--for", "5m"], allow):
        for told, wanted in ((False, "a canary came back"), (True, None)):
            steps = [{"com": "CTL", "words": words, "grants": told}, "SELECT name FROM secret.patients", over,
                     "SELECT name FROM secret.patients"]
            assert arena.play("block", {}, steps, 8) == wanted, words


def test_what_gets_through_is_seen(arena):
    """A silogate that blocks nothing is found out by each thing that is looked at."""
    one = gate.Gate(arena.server, ini=INI.format(unowned="log").replace("= block", "= log")).start()
    arena.gates["nothing"] = one
    renewed = "SET PASSWORD = " + ("PASSWORD('spy-Pw1')" if arena.silo.mariadb else "'spy-Pw1'")
    theirs = {"com": "THEIRS", "do": "prepare", "xid": "'v'", "stays": False}
    try:
        for steps, wanted in (
                (["SELECT name FROM secret.patients"], "a canary came back"),
                (["UPDATE secret.patients SET n = n + 1"], "another's data have changed"),
                (["INSERT INTO own.sink SELECT id, name FROM secret.patients"], "a canary is in own.sink"),
                (["LOCK TABLES secret.visits READ"], "the session holds secret.visits"),
                (["XA ROLLBACK 'theirs'"], "another's prepared transaction is gone"),
                ([{**theirs, "by": "root"}, "XA COMMIT 0x76"], "another's prepared transaction is gone"),
                ([{**theirs, "by": "victim"}, "XA ROLLBACK 'v'"], "another's prepared transaction is gone"),
                ([{**theirs, "by": "victim"}, {**theirs, "do": "end", "xid": "0x76", "by": "victim"}], None),
                ([{"com": "ADMIN", "texts": ["SET GLOBAL init_connect = 'USE secret'"]}, {"com": "LOGIN"},
                  "SELECT name FROM patients"], "a canary came back"),
                ([{"com": "ADMIN", "texts": ["ALTER USER spy@'%' PASSWORD EXPIRE"]}, {"com": "LOGIN", "expired": True},
                  "SELECT name FROM secret.patients"], None),
                ([{"com": "ADMIN", "texts": ["ALTER USER spy@'%' PASSWORD EXPIRE"]}, {"com": "LOGIN", "expired": True},
                  renewed, "SELECT name FROM secret.patients"], "a canary came back"),
                ([{"com": "CHANGE_USER", "text": "", "user": "victim"}, "SELECT name FROM secret.patients"], None),
                ([{"com": "CHANGE_USER", "text": "", "user": "victim"}, "UPDATE secret.patients SET n = n + 1"], None),
                ([{"com": "CHANGE_USER", "text": "", "user": "victim"}, {"com": "CHANGE_USER", "text": "own"},
                  "UPDATE secret.patients SET n = n + 1"], "another's data have changed"),
                ([{"com": "CHANGE_USER", "text": "", "user": "victim"}, {"com": "CHANGE_USER", "text": "own"},
                  "SELECT name FROM secret.patients"], "a canary came back")):
            assert arena.play("nothing", {}, steps, 7) == wanted, steps
            arena.restore()
    finally:
        del arena.gates["nothing"]
        one.stop()
        one.remove()
