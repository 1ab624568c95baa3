"""A prepared statement whose table moves while its session's sql_mode and character sets change: it answers as the
server alone answers when the table was altered. MariaDB then takes the sql_mode of the PREPARE, and all other settings
as they are; MySQL takes all as they are."""
import os
import random
import struct

import pytest

from harness import wire
from test_moves import INI, NEW, OLD, make_scene  # noqa: F401: the fixture

SEEDS = int(os.environ.get("SILOGATE_SEEDS", "1"))
TEXTS = [
    "SELECT '' IS NULL, NOT 1 BETWEEN -5 AND 5, 7 || 8, COUNT(*) FROM {t}",
    "SELECT 'A' = 'a', CHARSET('x'), COLLATION('x'), '' IS NULL, NOT 1 BETWEEN -5 AND 5, COUNT(*) FROM {t}",
    "SELECT HEX('\u00e4'), CHAR_LENGTH('\u00e4'), '' IS NULL, COUNT(*) FROM {t}",
    "SELECT HEX(CONVERT(CONVERT(x'f09f9880' USING utf8mb4) USING utf8)), '' IS NULL, COUNT(*) FROM {t}",
    "SELECT HEX('\U0001f600'), NOT 1 BETWEEN -5 AND 5, COUNT(*) FROM {t}",
]
# MariaDB's EMPTY_STRING_IS_NULL is a word that silogate does not follow
MODES = {"mariadb": ["", "EMPTY_STRING_IS_NULL", "EMPTY_STRING_IS_NULL", "HIGH_NOT_PRECEDENCE,EMPTY_STRING_IS_NULL", "PIPES_AS_CONCAT"],
         "mysql": ["", "HIGH_NOT_PRECEDENCE", "PIPES_AS_CONCAT", "HIGH_NOT_PRECEDENCE,PIPES_AS_CONCAT"]}
SETS = [
    "SET sql_mode = '{mode}'", "SET sql_mode = '{mode}'", "SET SESSION sql_mode = '{mode}', NAMES utf8mb4",
    "SET NAMES utf8mb4, @@sql_mode = '{mode}'", "SET sql_mode = '{mode}', sql_mode = CONCAT(@@sql_mode, ',IGNORE_SPACE')",
    "SET sql_mode = CONCAT(@@sql_mode, ',IGNORE_SPACE')", "SET sql_mode = CONCAT('IGNORE_SPACE,', @@sql_mode)",
    "SET sql_mode = @@sql_mode", "SET sql_mode = DEFAULT", "SET sql_mode = REPLACE(@@sql_mode, 'IGNORE_SPACE', '')",
    "SET @m = '{mode}'", "SET @m = CONCAT('{mode}', '')", "SET sql_mode = @m", "SET sql_mode = (SELECT '{mode}')",
    "SET sql_mode = 65536", "SET sql_mode = IGNORE_SPACE", "SET sql_mode = IF(@m = '', '{mode}', 'IGNORE_SPACE')",
    "SET sql_mode = '{mode}', max_error_count = 'x'", "SET sql_mode = '{mode}'; SELECT nosuch",
    "SET sql_mode = '{mode}'; SELECT 1", "SELECT 1; SET sql_mode = @@sql_mode", "SET sql_mode = ''; SET sql_mode = '{mode}'",
    "PREPARE s1 FROM 'SET sql_mode = ''{mode}'''", "PREPARE s1 FROM 'SET sql_mode = ?'", "EXECUTE s1", "EXECUTE s1 USING @m",
    "SET NAMES utf8mb4", "SET NAMES utf8mb4", "SET NAMES latin1", "SET NAMES utf8mb4 COLLATE utf8mb4_bin", "SET NAMES utf8mb3",
    "SET CHARACTER SET utf8mb4", "SET character_set_results = NULL", "SET collation_connection = utf8mb4_bin", "SET NAMES swe7",
    "SET character_set_connection = latin1", "SET character_set_client = latin1", "SET character_set_client = @c", "SET @c = 'utf8mb4'",
    "SET character_set_connection = utf8mb3", "SET NAMES binary", "SET time_zone = '+05:00'", "SELECT 1", "SELECT nosuch",
    "CALL tmode()", "SELECT tfunction()",
]
MARIADB = [
    "EXECUTE IMMEDIATE 'SET sql_mode = ''{mode}'''", "BEGIN NOT ATOMIC SET sql_mode = '{mode}'; END",
    "SET STATEMENT sql_mode = '{mode}' FOR SELECT 1", "SET STATEMENT sql_mode = '{mode}' FOR SET sql_mode = @@sql_mode",
    "SET STATEMENT max_statement_time = 5 FOR SET sql_mode = '{mode}'", "SET STATEMENT sql_mode = '{mode}' FOR EXECUTE s1",
    "SET old_mode = 'UTF8_IS_UTF8MB3'", "SET old_mode = ''", "SET NAMES utf8", "SET STATEMENT sql_mode = '{mode}' FOR EXECUTE qb",
]


class Twins:
    """One session of the server alone and one of silogate, which do the same."""

    def __init__(self, scene, server):
        self.ports, self.done, self.executes = (scene.gate.port, server.port), [], []
        self.wires = [wire.connect(port, "mv_billing", OLD) for port in self.ports]
        self.statements = {}

    def ask(self, at, payload, binary=False):
        self.wires[at].command(payload)
        try:
            return [getattr(answer, "rows", None) for answer in self.wires[at].answers(binary)]
        except wire.Error as error:
            return error.code, error.message if error.code == 1227 else ""

    def table(self, at):
        return "values_directly" if at else "t0"

    def both(self, make, binary=False):
        """What silogate refuses the other one does not do either; None then."""
        answers = []
        for at in (0, 1):
            answers.append(self.ask(at, make(at), binary))
            if isinstance(answers[0], tuple) and "silogate" in answers[0][1]:
                return None
        return answers

    def run(self, step):
        self.done.append(step)
        self.both(lambda at: step if isinstance(step, bytes) else self.wires[at].query_bytes(step))

    def run_binary(self, step):
        self.done.append(f"binary: {step}")
        for at in (0, 1):
            try:
                number = self.wires[at].prepare(step)[0]
            except wire.Error:
                return
            answer = self.ask(at, self.execution(number), binary=True)
            if isinstance(answer, tuple) and "silogate" in answer[1]:
                return

    @staticmethod
    def execution(number):
        return b"\x17" + struct.pack("<IBI", number, 0, 1)

    def prepare(self, text):
        self.done.append(f"PREPARE {text}")
        quoted = "PREPARE qb FROM '" + text.replace("'", "''") + "'"
        answers = self.both(lambda at: self.wires[at].query_bytes(quoted.format(t=self.table(at))))
        if answers and answers[0] == answers[1] == [None]:
            self.executes.append("qb")
        try:
            self.statements = [self.wires[at].prepare(text.format(t=self.table(at)))[0] for at in (0, 1)]
            self.executes.append("binary")
        except wire.Error:
            for at in (0, 1):  # both or none; each has a session of its own
                self.wires[at].close()
                self.wires[at] = wire.connect(self.ports[at], "mv_billing", OLD)
            self.executes = []

    def answers(self):
        """Each way of executing, and its two answers."""
        for how in self.executes:
            if how == "qb":
                yield how, self.both(lambda at: self.wires[at].query_bytes("EXECUTE qb"))
            else:
                yield how, self.both(lambda at: self.execution(self.statements[at]), binary=True)

    def close(self):
        for one in self.wires:
            one.close()


@pytest.fixture
def scene(make_scene, server):  # noqa: F811
    scene = make_scene(ini=INI.replace("hold = 10s", "hold = 10s\nalias = view"), tables=1)
    server.sql(f"GRANT ALL ON {NEW}.* TO mv_billing@'%'", f"CREATE TABLE {OLD}.values_directly LIKE {OLD}.t0",
               *(f"INSERT INTO {OLD}.{table} (client, number) VALUES (1, 1), (2, 2)" for table in ("t0", "values_directly")),
               f"CREATE PROCEDURE {OLD}.tmode() SET sql_mode = 'HIGH_NOT_PRECEDENCE'",
               f"CREATE FUNCTION {OLD}.tfunction() RETURNS INT DETERMINISTIC BEGIN SET sql_mode = 'HIGH_NOT_PRECEDENCE'; RETURN 1; END")
    return scene


def move(scene, server, twins):
    """Moves the table, and alters the one that the server alone has: what its sessions have prepared, they prepare again."""
    told = scene.move("--accept-unmapped")
    assert told.returncode == 0, told.stdout + told.stderr
    server.sql(f"ALTER TABLE {OLD}.values_directly ADD more INT")
    bad = []
    for one in twins:
        for how, answers in one.answers():
            if answers and answers[0] != answers[1]:
                bad.append((how, one.done, answers))
        one.close()
    assert not bad, "\n".join(map(str, bad))


CHECKOUT = ["SET NAMES utf8mb4"]
FIRST, OTHER = "SET sql_mode = ''", "SET sql_mode = '{mode}'"
FRONT = ["SET sql_mode = CONCAT(@@sql_mode, ',IGNORE_SPACE')"]
CASES = [  # before the PREPARE, between it and the EXECUTE; bytes: a command
    ([FIRST, *CHECKOUT], [OTHER, *CHECKOUT]), ([*CHECKOUT, FIRST, *CHECKOUT], [OTHER, *CHECKOUT]), ([FIRST, *FRONT], [OTHER, *FRONT]),
    ([FIRST, "SET sql_mode = @@sql_mode"], [OTHER, "SET sql_mode = @@sql_mode"]), ([FIRST], [OTHER]), ([OTHER], [FIRST]),
    ([FIRST, "SELECT 1; " + FRONT[0]], [OTHER, "SELECT 1; " + FRONT[0]]), ([FIRST, "SET sql_mode = (SELECT @@sql_mode)"], [OTHER, "SET sql_mode = (SELECT @@sql_mode)"]),
    ([OTHER, b"\x1f", "USE mv_old"], [OTHER]), ([OTHER, b"\x1f", "USE mv_old"], [FIRST, OTHER]),  # COM_RESET_CONNECTION
    ([OTHER + ", max_error_count = 'x'"], [OTHER]), ([FIRST, OTHER + "; SELECT nosuch"], [FIRST]),
    ([FIRST], ["SET character_set_client = @c", OTHER]), (["SET character_set_connection = utf8mb3"], ["SET NAMES utf8mb4"]),
]


def follow(one, server, steps):
    for step in steps:
        one.run(step if isinstance(step, bytes) else step.replace("{mode}", MODES[server.name][1]))


def test_what_is_prepared_in_another_mode(scene, server):
    twins = []
    for before, between in CASES:
        for text in TEXTS:
            twins.append(Twins(scene, server))
            follow(twins[-1], server, before)
            twins[-1].prepare(text)
            follow(twins[-1], server, between)
    move(scene, server, twins)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_what_sets_a_mode(scene, server, seed):
    """Any order of what sets them."""
    rng, twins = random.Random(seed), []
    sets = SETS + (MARIADB if server.name == "mariadb" else [])

    def step(one):
        setting = rng.choice(sets).format(mode=rng.choice(MODES[server.name]))
        (one.run_binary if rng.random() < 0.1 else one.run)(setting)

    for _ in range(60):
        twins.append(Twins(scene, server))
        for _ in range(rng.randrange(5)):
            step(twins[-1])
        if rng.random() < 0.1:
            follow(twins[-1], server, [b"\x1f", f"USE {OLD}"])
        twins[-1].prepare(rng.choice(TEXTS))
        for _ in range(rng.randrange(6)):
            step(twins[-1])
    move(scene, server, twins)


# in the sql_mode of its PREPARE, however the others are set: it is prepared again
SAME = [
    (["SET NAMES utf8mb4"], ["SET NAMES utf8mb4 COLLATE utf8mb4_bin"]), ([OTHER], ["SET NAMES latin1", FIRST, OTHER]),
    ([OTHER, "SET NAMES utf8mb4"], [OTHER + ", NAMES latin1"]), (FRONT, ["SET NAMES latin1"]),
    (FRONT, []), (["SET sql_mode = @@sql_mode"], ["SET character_set_results = NULL"]), ([], []), ([], ["SELECT nosuch"]),
    ([FIRST], [OTHER, "SELECT 1; " + FIRST]), (["SET NAMES swe7"], ["SET NAMES utf8mb4"]), ([], ["SET @c = CONCAT('latin', '1')", "SET character_set_client = @c"]),
]


def test_what_is_prepared_again(scene, server):
    twins = []
    for before, between in SAME:
        twins.append(Twins(scene, server))
        follow(twins[-1], server, before)
        twins[-1].prepare(TEXTS[0])
        follow(twins[-1], server, between)
    assert scene.move().returncode == 0
    server.sql(f"ALTER TABLE {OLD}.values_directly ADD more INT")
    for one in twins:
        mark = server.mark()
        for how, answers in one.answers():
            assert answers[0] == answers[1], (how, one.done, answers)
        prepared = server.log(mark).count(f"`{NEW}`.")
        assert prepared >= len(one.executes), (one.done, server.log(mark))
        one.close()
