#!/usr/bin/python3
"""WITH clauses inside of each other that hide and use each other's names: which tables does the server read, and does
silogate list them all? Each table holds a value of its own, so the rows tell. Statements that are undetermined are not
sent: some of them end MariaDB. A few others keep it busy without end, which is counted. Called by `make oracle-with`."""
import argparse
import itertools
import json
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

import pymysql

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from harness import places, servers  # noqa: E402

NAMES, BATCH, LONGEST, READ_TIMEOUT = "abc", 500, 600, 5
INI = """[upstream:main]
address = 127.0.0.1:3306
[service:spy]
user = spy
owns = own.*
"""


class Queries:
    def __init__(self, seed):
        self.random, self.aliases = random.Random(seed), itertools.count()

    def source(self, depth):
        if depth <= 0 or self.random.random() < 0.6:
            return self.random.choice(NAMES), f"x{next(self.aliases)}"
        return f"({self.query(depth - 1)})", f"x{next(self.aliases)}"

    def select(self, depth):
        what, first = self.source(depth)
        text = f"{what} AS {first}"
        if self.random.random() < 0.3:
            what, second = self.source(depth)
            return f"SELECT {self.random.choice((first, second))}.v FROM {text} JOIN {what} AS {second}"
        if depth > 0 and self.random.random() < 0.1:
            text += f" WHERE EXISTS ({self.query(depth - 1)})"
        elif depth > 0 and self.random.random() < 0.05:
            return f"SELECT (SELECT MAX(v) FROM ({self.query(depth - 1)}) x{next(self.aliases)}) AS v FROM {text}"
        return f"SELECT {first}.v FROM {text}"

    def withs(self, depth):
        names = self.random.sample(NAMES, self.random.choice((1, 1, 2, 2, 3)))
        return "WITH " + ", ".join(f"{name}{self.random.choice(('(v)', ''))} AS ({self.query(depth - 1)})" for name in names) + " "

    def query(self, depth):
        text = self.withs(depth) if depth > 0 and self.random.random() < 0.5 else ""
        parts = [self.select(depth)]
        while self.random.random() < 0.3 and len(parts) < 3:
            parts.append(self.select(depth))
        return text + " UNION ALL ".join(parts)

    def batch(self):
        found = []
        while len(found) < BATCH:
            text = self.withs(2) + self.query(2)
            if len(text) < LONGEST:
                found.append(text)
        return found


def listed(kind, texts):
    """Of each text the tables that silogate lists; None: undetermined."""
    with tempfile.NamedTemporaryFile("w", suffix=".ini") as ini:
        ini.write(INI)
        ini.flush()
        told = subprocess.run([places.SILOGATE, "explain", "-c", ini.name, "--user", "spy", "--database", "own", "--dialect", kind,
                               "--null", "--json"], input="\0".join(texts).encode() + b"\0", stdout=subprocess.PIPE).stdout
    facts = [json.loads(line) for line in told.splitlines()]
    assert len(facts) == len(texts), (len(facts), len(texts))
    return [{one["name"] for one in fact["objects"]} if fact["determined"] else None for fact in facts]


def run(kind, seconds, seed):
    """(statements, accepted by the server, undetermined, never answered, [the missed])"""
    server, queries = servers.new(kind), Queries(seed)
    sent = accepted = undetermined = endless = 0
    missed = []
    try:
        server.sql("CREATE DATABASE own", *(f"CREATE TABLE own.{name} (v INT)" for name in NAMES),
                   *(f"INSERT INTO own.{name} VALUES ({number})" for number, name in enumerate(NAMES)))
        root = server.root(database="own", read_timeout=READ_TIMEOUT)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            texts = queries.batch()
            for text, tables in zip(texts, listed(kind, texts)):
                sent += 1
                if tables is None:
                    undetermined += 1
                    continue
                try:
                    with root.cursor() as cursor:
                        cursor.execute(text)
                        rows = cursor.fetchall()
                except pymysql.ProgrammingError:  # not valid
                    continue
                except pymysql.Error:  # no answer: it is busy for ever, or has ended
                    endless += 1
                    server.stop(signal.SIGKILL)
                    server.start()
                    root = server.root(database="own", read_timeout=READ_TIMEOUT)
                    continue
                accepted += 1
                read = {NAMES[row[0]] for row in rows if row[0] is not None}
                if not read <= tables:
                    missed.append(f"{kind}: reads {sorted(read)}, listed are {sorted(tables)}: {text}")
    finally:
        server.remove()
    return sent, accepted, undetermined, endless, missed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120, help="on each server")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    options = parser.parse_args()
    bad = False
    for kind in servers.KINDS:
        sent, accepted, undetermined, endless, missed = run(kind, options.seconds, options.seed)
        print(f"{kind}, seed {options.seed}: {sent} statements, {accepted} accepted by the server, {undetermined} undetermined,"
              f" {endless} never answered, {len(missed)} missed", *missed, sep="\n  ", flush=True)
        bad |= bool(missed)
    sys.exit(bad)


if __name__ == "__main__":
    main()
