"""A statement of SQL's PREPARE has its tables wherever they go, whatever was set before, and whenever its [move:] section has
come. `alias = none`: one that keeps its old names fails."""
import re

import pytest

from harness import places, wire
from test_moves import INI, OLD, make_scene  # noqa: F401: the fixture

COUNT = "SELECT COUNT(*) FROM t0"
FIRST = [
    ["SET sql_mode = DEFAULT"],
    ["SET sql_mode = DEFAULT", COUNT],
    ["SET sql_mode = CONCAT(@@sql_mode, '')"],
    ["SET sql_mode = 'ANSI_QUOTES'"],
    ["SET NAMES DEFAULT"],
    ["SET NAMES utf8mb4"],
]


class Named:
    """A session with a statement of its own."""

    def __init__(self, scene, first, prepares=("PREPARE q FROM 'SELECT COUNT(*) FROM t0'",)):
        self.client = wire.connect(scene.gate.port, "mv_billing", OLD)
        for step in (*first, *prepares):
            self.client.query(step)

    def run(self, text="EXECUTE q"):
        try:
            return self.client.query(text)[-1].rows
        except wire.Error as error:
            return error.code


def each_way(scene, sessions, *options, again=1):
    """What each answers after the move and after the way back."""
    answers = []
    for way in ((), ("--back",)):
        moved = scene.move(*way, *options)
        assert moved.returncode == 0, moved.stdout + moved.stderr
        answers.append([[one.run() for _ in range(1 + again)] for one in sessions])
    return answers


def test_prepared_in_a_mode_that_was_computed(make_scene):  # noqa: F811
    scene = make_scene(ini=INI + "alias = none\n", tables=1)
    sessions = [Named(scene, first) for first in FIRST]
    for answers in each_way(scene, sessions):
        assert [answer[-1] for answer in answers] == [[["0"]]] * len(sessions), answers
        assert all(answer[0] == [["0"]] for answer in answers), answers


def test_one_that_asks(make_scene):  # noqa: F811
    """It fails once: silogate's own question would change what it asks for."""
    scene = make_scene(ini=INI + "alias = none\n", tables=1)
    one = Named(scene, ["SET sql_mode = DEFAULT"], ["PREPARE q FROM 'SELECT COUNT(*), ROW_COUNT() FROM t0'"])
    assert scene.move().returncode == 0
    assert one.run() == 1146
    one.run(COUNT)
    assert one.run()[0][0] == "0"


def test_a_mode_that_has_changed_meanwhile(make_scene, server):  # noqa: F811
    """MariaDB keeps a statement's sql_mode: it is not prepared again in another one."""
    scene = make_scene(ini=INI, tables=1)
    change = "SET sql_mode = IF(LOCATE('PIPES', @@sql_mode), '', 'PIPES_AS_CONCAT')"
    one = Named(scene, ["SET sql_mode = DEFAULT"], ["PREPARE q FROM 'SELECT COUNT(*), 1 || 0 FROM t0'", change])
    assert scene.move().returncode == 0
    assert one.run() == [["0", "1" if server.name == "mariadb" else "10"]]


SETS = [  # to another mode, by steps of which the last ones are the same
    ["SET @m = '{}'", "SET sql_mode = @m"],
    ["PREPARE s FROM 'SET sql_mode = ?'", "SET @m = '{}'", "EXECUTE s USING @m"],
    ["PREPARE s FROM 'SET sql_mode = \\'{}\\''", "EXECUTE s"],
    ["SET @t = 'SET sql_mode = \\'{}\\''", "PREPARE s FROM @t", "EXECUTE s"],
]


@pytest.mark.long(short=2)
@pytest.mark.parametrize("steps", SETS, ids=range(len(SETS)))
def test_a_mode_that_is_not_in_the_text(make_scene, server, steps):  # noqa: F811
    """The same text sets another mode, of which silogate knows nothing."""
    if server.name == "mysql":
        pytest.skip("it reads a statement anew in the present mode")
    scene = make_scene(ini=INI, tables=1)
    server.sql(f"INSERT INTO {OLD}.t0 (client, number, note) VALUES (1, 1, 'a'), (1, 2, 'b'), (1, 3, 'c')")
    one = Named(scene, [step.format("") for step in steps],
                ["PREPARE q FROM 'SELECT COUNT(*) FROM t0 WHERE \\'\\' IS NULL'"])
    for step in steps:
        one.client.query(step.format("EMPTY_STRING_IS_NULL"))
    assert scene.move().returncode == 0
    assert [one.run(), one.run()] == [[["0"]]] * 2


@pytest.mark.parametrize("names", [1, 70])
def test_prepared_before_the_section_came(make_scene, names):  # noqa: F811
    """The road begins with a reload; and a session may have many statements."""
    scene = make_scene(ini=INI + "alias = none\n", tables=1)
    whole = scene.gate.ini
    scene.gate.stop()
    scene.gate.path.write_text(re.sub(r"(?ms)^\[move:tables\].*?(?=^\[|\Z)", "", whole))
    scene.gate.start()
    prepares = [f"PREPARE q{number} FROM 'SELECT COUNT(*), {number} FROM t0'" for number in range(names - 1)]
    one = Named(scene, [], [*prepares, "PREPARE q FROM 'SELECT COUNT(*) FROM t0'"])
    scene.gate.reload(ini=whole)
    assert places.wait_for(scene.is_followed), scene.gate.log()
    for answers in each_way(scene, [one]):
        assert answers == [[[["0"]], [["0"]]]]
    if names > 1:
        assert scene.move().returncode == 0
        assert [one.run(f"EXECUTE q{number}") for number in range(names - 1)] == \
            [[["0", str(number)]] for number in range(names - 1)]


def test_prepared_of_a_table_that_was_just_made(make_scene, server):  # noqa: F811
    scene = make_scene(ini=INI + "alias = none\n", tables=1)
    server.sql(f"CREATE TABLE {OLD}.t9 LIKE {OLD}.t0")
    one = Named(scene, [], ["PREPARE q FROM 'SELECT COUNT(*) FROM t9'"])
    for answers in each_way(scene, [one]):
        assert answers == [[[["0"]], [["0"]]]]
    server.sql(f"DROP TABLE {OLD}.t9")
