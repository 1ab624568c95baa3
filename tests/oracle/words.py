#!/usr/bin/python3
"""Each word of the lexer's at each place of many statements that have a table, function or sequence of another's service
near it (words_places.py): what `silogate explain` allows is run on the server itself, as the spy, who may do everything
there. Nothing that it answers, and nothing that it leaves behind, may show the canary of tests/attack, and what is
another's must be as before. So must each variable that a session can set, with a call as its value. Called by
`make oracle-words`."""
import argparse
import collections
import itertools
import json
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

import pymysql

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/attack"), str(ROOT / "tests")]
import words_places as at  # noqa: E402
from harness import places, servers  # noqa: E402
from silo import CANARY, INI, PASSWORD, Silo  # noqa: E402

WORDS = re.findall(r'^KEYWORD\(\w+, "(\w+)"', (ROOT / "sql/lexer/keywords.def").read_text(), re.M)
SIGNS = ["", "`x`", "'x'", "@x", "1", "?", ".", ",", "(", "=", ":=", "->", "mine"]
# Who asks for these waits, or ends the server.
WAITS = re.compile("sleep|benchmark|pos_wait|gtid_wait|wait_for_executed|wait_until|shutdown|restart", re.I)
# What makes and changes nothing, if it names nothing of another's.
READS = re.compile(r"(SELECT|SHOW|EXPLAIN|DESC|DESCRIBE|HELP|TABLE|VALUES|WITH|DO|SET|CALL)\b", re.I)
# The current database, another's table and function as they may be called in it.
NEAR = [("own", "secret.patients", "secret.canary()"), ("shared", "patients", "vf()")]
NEAR_FUNCTION = "CREATE FUNCTION vf() RETURNS VARCHAR(60) READS SQL DATA RETURN (SELECT MAX(name) FROM secret.patients)"
THEIRS = {"secret", "shared"}
# Another's function of a word's name. Its number of arguments is an answer too.
FUNCTION = "CREATE FUNCTION shared.`{}`(x INT) RETURNS VARCHAR(60) DETERMINISTIC NO SQL RETURN '" + CANARY + "'"
WRONG_ARGUMENTS, LOST = 1318, (0, 2006, 2013)
BATCH, BETWEEN_LOOKS, READ_TIMEOUT = 4000, 200, 20
MADE = ("DROP TABLE IF EXISTS own.zy, own.zq, own.z1, own.z2, own.q", "DROP VIEW IF EXISTS own.vv", "DROP EVENT IF EXISTS own.e1",
        "DROP EVENT IF EXISTS own.ze", "DROP PROCEDURE IF EXISTS own.zz", "DROP TRIGGER IF EXISTS own.zt", "DROP TRIGGER IF EXISTS own.tt",
        "CREATE TABLE IF NOT EXISTS own.zz (a INT)",
        "CREATE TABLE IF NOT EXISTS own.zp (id INT) PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10))",
        "SELECT 1 FROM own.a, own.dup, own.sink, own.part, own.ft, own.old LIMIT 1")
# What is done with what a statement has made.
THEN = [(re.compile(begin, re.I), text) for begin, text in (
    (r"CREATE PROCEDURE own\.zz", "CALL own.zz()"), (r"CREATE .*VIEW own\.v", "SELECT * FROM own.vv"),
    (r"CREATE TRIGGER", "INSERT INTO own.sink VALUES (7, 'x')"), (r".*@[xya]\b", "SELECT @x, @y, @a"), (r"PREPARE z", "EXECUTE z"),
    (r"CREATE .*own\.zy", "SELECT * FROM own.zy"), (r"ALTER TABLE own\.zz", "SELECT * FROM own.zz"))]

Text = collections.namedtuple("Text", "database mode text")


def fill(place, **what):
    for name, value in what.items():
        place = place.replace("{" + name + "}", value)
    return place


def queries(mariadb):
    for (database, table, function), place, word in itertools.product(NEAR, at.QUERIES, WORDS + SIGNS):
        yield Text(database, "", fill(place, s=table, f=function, w=word))


def bodies(mariadb):
    inside = [one for one in at.QUERIES if one.startswith(("SELECT", "SET", "DO"))]
    for body, place, word in itertools.product(at.BODIES + at.BODIES_MARIADB * mariadb, inside, WORDS + SIGNS):
        yield Text("own", "", fill(body, q=fill(place, s=NEAR[0][1], f=NEAR[0][2], w=word)))


def others(mariadb):
    for place, word in itertools.product(at.OTHERS + at.OTHERS_MARIADB * mariadb, WORDS + SIGNS):
        yield Text("own", "", fill(place, w=word))


def calls(mariadb):
    for mode, place, word in itertools.product(("", "IGNORE_SPACE"), at.CALLS, WORDS):
        yield Text("shared", mode, fill(place, w=word))
    for place, word in itertools.product(at.EXPRESSIONS, WORDS):
        yield Text("shared", "", fill(place, c=word + "(1)"))


def spellings(mariadb):
    statements = at.EXPRESSIONS + at.ASSIGNED + at.ASSIGNED_MARIADB * mariadb
    around = ["{q}"] + at.BODIES + at.MORE_BODIES + (at.BODIES_MARIADB + at.MORE_BODIES_MARIADB) * mariadb
    for body in around:
        for place, call in itertools.product(statements + (at.FLOW + at.FLOW_MARIADB * mariadb) * (body != "{q}"),
                                             at.SPELLINGS + at.SPELLINGS_MARIADB * mariadb):
            yield Text("own", "", fill(body, q=fill(place, c=call)))


def froms(mariadb):
    """What may stand between a SELECT and a table, and between two tables, and what may end a query."""
    statements = [f"SELECT (SELECT {' '.join(options)} name FROM {{s}} LIMIT 1)" for number in (1, 2, 3)
                  for options in itertools.product(at.OPTIONS, repeat=number)]
    for table, behind, alias, join in itertools.product(at.TABLES, at.BEHIND, ("", " q", " AS q"), at.JOINS):
        statements += [f"SELECT (SELECT p.name FROM {table}{alias} {behind}{join} LIMIT 1)",
                       f"SELECT (SELECT p.name FROM {table} {behind}{alias}{join} LIMIT 1)"]
    for into, query, union, tail in itertools.product(at.INTO, at.UNITED, at.UNIONS, at.TAILS):
        statements.append(fill(into, q=fill(query, u=union, t=tail)))
    for body, text in itertools.product(["{q}"] + at.BODIES, statements):
        yield Text("own", "", fill(body, q=fill(text, s=NEAR[0][1])))


def variables(mariadb, names):
    for (database, _, function), place, name in itertools.product(NEAR, at.VARIABLES + at.VARIABLES_MARIADB * mariadb, names):
        yield Text(database, "", fill(place, f=function, v=name))


FAMILIES = (queries, bodies, others, calls, spellings, froms)


def allowed(silo, texts):
    """Those that silogate allows. Each is read in a session as it is at the start."""
    items = [f"SET NAMES utf8mb4, sql_mode = '{one.mode}'; USE {one.database}; {one.text}\0" for one in texts]
    with tempfile.NamedTemporaryFile("w", suffix=".ini") as ini:
        ini.write(INI.format(unowned="block").replace("[upstream:main]", "[upstream:main]\naddress = 127.0.0.1:3306"))
        ini.flush()
        told = subprocess.run([places.SILOGATE, "explain", "-c", ini.name, "--user", "spy", "--database", "own", "--null", "--json",
                               "--dialect", silo.server.name, "--server-version", silo.version],
                              input="".join(items).encode(), capture_output=True)
    parts = [json.loads(line) for line in told.stdout.splitlines()]
    assert len({part["n"] for part in parts}) == len(texts), told.stderr[-2000:]
    refused = {part["n"] for part in parts if part["verdict"] != "allow"}
    return [one for number, one in enumerate(texts, 1) if number not in refused]


class Silos(Silo):
    """What the statements need besides."""

    def __init__(self, server, words):
        super().__init__(server)
        self.version = self.ask("SELECT VERSION()")[0][0]
        self.texts["own"] += ["CREATE TABLE old (id INT)" + " WITH SYSTEM VERSIONING" * self.mariadb, "INSERT INTO old VALUES (1)"]
        self.texts["shared"] += [NEAR_FUNCTION, *(FUNCTION.format(word) for word in words)]
        self.restore(["own", "shared"])
        self.mend()

    def mend(self):
        """What a statement has made or taken away of the spy's own."""
        try:
            for text in MADE:
                self.ask(text)
        except pymysql.Error:
            self.fill("own")
            for text in MADE:
                self.ask(text)


class Player:
    """Runs texts as the spy, past silogate, and notes each that shows or changes what is another's."""

    def __init__(self, silo):
        self.silo, self.server = silo, silo.server
        self.sessions, self.unseen, self.holes = {}, [], []
        self.taken = self.unanswered = 0

    def session(self, one):
        key = one.database, one.mode
        if key not in self.sessions:
            session = pymysql.connect(
                unix_socket=self.server.socket, user="spy", password=PASSWORD, database=one.database, charset="utf8mb4",
                use_unicode=False, conv={}, autocommit=True, local_infile=True, read_timeout=READ_TIMEOUT,
                init_command=f"SET sql_mode = '{one.mode}', lock_wait_timeout = 5")
            session.encoding = "latin-1"  # of texts and of columns' names: any bytes
            self.sessions[key] = session
        return self.sessions[key]

    def leave(self):
        for session in self.sessions.values():
            if session.open:
                session.close()
        self.sessions = {}

    def ask(self, session, text):
        """All that is answered."""
        with session.cursor() as cursor:
            cursor.execute(text)
            heard = repr(cursor.fetchall())
            while cursor.nextset():
                heard += repr(cursor.fetchall())
        return heard

    def hear(self, one):
        """(does the server take it? what it answers)"""
        heard, session = "", self.session(one)
        try:
            heard = self.ask(session, one.text)
            for begin, then in THEN:
                if begin.match(one.text):
                    heard += self.ask(session, then)
        except (pymysql.Error, OSError) as error:
            if isinstance(error, OSError) or error.args[0] in LOST:
                self.lost()
            return heard != "", heard + repr(error)
        return True, heard

    def lost(self):
        self.unanswered += 1
        self.leave()
        try:
            self.server.root().close()
        except pymysql.Error:  # it has ended
            self.server.stop(signal.SIGKILL)
            self.server.start()
            self.silo.begin()

    def play(self, one):
        taken, heard = self.hear(one)
        shown = CANARY in heard or f"({WRONG_ARGUMENTS}," in heard and "shared." in heard
        if shown:
            self.holes.append((one, heard[:160]))
        if not taken:
            return
        self.taken += 1
        self.unseen.append(one)
        if one.text.startswith("SET"):
            self.leave()
        if "secret" in one.text or not READS.match(one.text):
            self.leave()
            self.look(shown)
            self.silo.mend()
        elif len(self.unseen) >= BETWEEN_LOOKS:
            self.look()

    def look(self, known=False):
        """What has been left behind by the texts since the last look."""
        found = sorted(self.silo.changed() & THEIRS), self.silo.stolen()
        if any(found) and not known:
            self.holes.append((self.unseen[-1], f"changed {found[0]}, stolen {found[1]}, it or one of the {len(self.unseen)} before it"))
        if any(found):
            self.leave()
            self.silo.restore({"own", *found[0]})
            self.silo.mend()
        self.unseen = []


class Counts(collections.Counter):
    def __str__(self):
        return ", ".join(f"{self[name]} {name}" for name in ("texts", "allowed", "taken", "unanswered"))


def run(silo, texts, end=None):
    """(counts, holes) of the texts; none begins after `end`."""
    player, counts = Player(silo), Counts()
    for begin in range(0, len(texts), BATCH):
        batch = texts[begin:begin + BATCH]
        if end and time.monotonic() > end:
            break
        passed = allowed(silo, batch)
        counts.update(texts=len(batch), allowed=len(passed))
        for one in passed:
            if not WAITS.search(one.text):
                player.play(one)
    player.look()
    player.leave()
    counts.update(taken=player.taken, unanswered=player.unanswered)
    return counts, player.holes


def families(silo):
    """(name, texts) of each."""
    for family in FAMILIES:
        yield family.__name__, list(dict.fromkeys(family(silo.mariadb)))
    names = [row[0] for row in silo.ask("SHOW SESSION VARIABLES")]
    yield "variables", list(variables(silo.mariadb, names))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dialect", choices=sorted(servers.KINDS), action="append")
    parser.add_argument("--family", choices=[one.__name__ for one in (*FAMILIES, variables)], action="append", help="only these texts")
    parser.add_argument("--seconds", type=float, help="on each server: only a random part of the texts, in random order")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    arguments = parser.parse_args()
    bad = 0
    for kind in arguments.dialect or servers.KINDS:
        server = servers.new(kind)
        try:
            silo = Silos(server, WORDS)
            print(f"{kind} {silo.version}" + f", seed {arguments.seed}" * bool(arguments.seconds))
            for name, texts in families(silo):
                if name not in (arguments.family or name):
                    continue
                end = None
                if arguments.seconds:
                    random.Random(arguments.seed).shuffle(texts)
                    end = time.monotonic() + arguments.seconds / len(arguments.family or (*FAMILIES, variables))
                counts, holes = run(silo, texts, end)
                print(f"  {name}: {counts}, {len(holes)} holes", flush=True)
                for one, heard in holes:
                    print(f"    in {one.database}: {one.text}: {heard}", flush=True)
                bad += len(holes)
        finally:
            server.remove()
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
