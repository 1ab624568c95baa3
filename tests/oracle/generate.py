#!/usr/bin/python3
"""Random statements for the oracle: `generate --dialect mysql|mariadb [--seed N] [--count N]
[--mode SQL_MODE] [--family NAME]` prints them, each ended by a NUL byte. The same arguments make the
same statements."""

import argparse
import random
import re
import sys

from families import Statements
from families_rows import FAMILIES
from render import Style

STORED = re.compile(rb"create\b.*?\b(procedure|function|trigger|event|package)\b|alter\b.{0,80}?\bevent\b", re.I | re.S)
# Modes whose grammar differs beyond what the productions know: queries and simple statements alone.
NARROW = {"ORACLE": ("select", "insert", "update", "delete", "do", "session_only", "describe", "lock"),
          "MSSQL": None}


class Statement:
    """undetermined: known to be. stored: its body is kept rather than run, so that the server does not look at what is in it."""

    __slots__ = ("text", "family", "stateful", "stored", "undetermined")

    def __init__(self, text, family, stateful, stored=None, undetermined=False):
        self.undetermined = undetermined
        self.text, self.family, self.stateful = text, family, stateful
        self.stored = STORED.search(text) is not None if stored is None else stored


def statements(dialect, seed, count, mode="", only=None):
    rng = random.Random(f"{dialect} {seed} {mode}")
    narrow = NARROW.get(mode)
    chosen = [f for f in FAMILIES if f[2] in ("both", dialect) and (not narrow or f[0].__name__ in narrow)
              and (not only or f[0].__name__ in only)]
    weights = [f[1] for f in chosen]
    made = 0
    while made < count:
        function, _, _, stateful = rng.choices(chosen, weights)[0]
        grammar = Statements(rng, dialect, mode)
        grammar.budget = rng.choice((6, 12, 12, 20, 40))
        style = Style(rng, dialect, mode)
        text = style.render(function(grammar))
        if rng.random() < 0.05:
            text = rng.choice((" ", "\n", "/* c */", "-- c\n", "#\n", "/*!*/" if dialect == "mysql" else "")) + text
        if rng.random() < 0.05 and not stateful:
            text += rng.choice((";", " ", "; ", " -- end", " # end", "\n", " /* end */"))
        encoded = text.encode()
        if b"\0" in encoded:
            continue
        made += 1
        yield Statement(encoded, function.__name__, stateful)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dialect", choices=("mysql", "mariadb"), required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--mode", default="")
    parser.add_argument("--family", action="append")
    options = parser.parse_args()
    for one in statements(options.dialect, options.seed, options.count, options.mode, options.family):
        sys.stdout.buffer.write(one.text + b"\0")


if __name__ == "__main__":
    main()
