"""Each word at each place, a part of it; `make oracle-words` is the whole."""
import pathlib
import random
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import words  # noqa: E402
from harness import servers  # noqa: E402

SEED = 9
NAMED = [words.Text(*one) for one in (
    ("own", "", "SELECT (SELECT name end FROM secret.patients LIMIT 1)"), ("shared", "", "SELECT vf()"),
    ("own", "", "INSERT INTO secret.log VALUES (77, 'x')"), ("own", "", "CREATE TABLE own.zy AS SELECT name FROM secret.patients"),
    ("own", "", "DROP PROCEDURE secret.p"), ("own", "", "SET collation_connection = secret.canary()"),
    ("own", "", "CREATE PROCEDURE own.zz() SELECT name FROM secret.patients"))]


@pytest.fixture
def server(request):
    """One of the test's own: the silo's accounts and functions would be in the way of others."""
    server = servers.new(request.param)
    yield server
    server.remove()


@pytest.mark.parametrize("sample, taken", [(400, 20), pytest.param(1000, 50, marks=pytest.mark.long)])
def test_each_word_at_each_place(server, sample, taken):
    """`sample` statements of each family, of which so many at least have to be allowed, and `taken` of them run."""
    some = random.Random(SEED)
    called = some.sample(words.WORDS, 40)
    silo = words.Silos(server, called)
    texts = [one for _, family in words.families(silo) for one in some.sample(family, sample)]
    counts, holes = words.run(silo, texts)
    assert counts["allowed"] > sample / 2 and counts["taken"] > taken and counts["unanswered"] == 0, counts
    assert holes == []
    # What names another's is refused, and where it is run all the same it is seen.
    assert words.allowed(silo, NAMED) == []
    player = words.Player(silo)
    for one in NAMED:
        player.play(one)
    assert [one for one, _ in player.holes] == NAMED
