"""Overrides begun and undone at two instances, while these are upgraded, killed, restarted and reloaded and the store is
away at times: after each step every session of every generation is judged by what `ctl` has said, and by nothing else."""
import os
import random

import pytest

from harness import places, wire
from harness.generations import Generations
from test_instances import account, make, others, refused  # noqa: F401: the fixtures
from test_overrides_over import locked

STEPS = 100 if os.environ.get("SILOGATE_LONG") else 15
SEEDS = [20261201, *range(1, 6)]
KINDS = {"allow": ("allow", "lab", "on", "clinical_data.patients", "access", "read"),
         "log": ("mode", "lab", "log"), "block": ("mode", "billing", "block")}
FILE = (("service:lab", "mode", "block"), ("service:billing", "mode", "log"), ("proxy", "drain_timeout", "300s"))


class Line:
    """An instance, and sessions of each of its generations that stay, as a transaction is open."""

    def __init__(self, gate):
        self.gate, self.line, self.sessions = gate, Generations(gate), []
        gate.uncounted = "an older generation has counted some of it"
        self.join()

    def join(self):
        """Of the newest generation; of those before it, the last two keep theirs."""
        pair = [wire.connect(self.gate.port, f"{service}_service") for service in ("lab", "billing")]
        for one in pair:
            one.query("BEGIN")
        self.sessions.append(pair)
        while len(self.sessions) > 3:
            self.leave(0)

    def leave(self, at):
        for one in self.sessions.pop(at):
            one.close()

    def upgrade(self):
        self.line.upgrade()
        self.join()

    def kill(self):
        self.gate.process.kill()
        self.gate.process.wait()
        self.leave(-1)
        self.gate.start()
        self.join()

    def restart(self):
        self.leave(-1)
        self.gate.stop()
        self.gate.start()
        self.join()

    def reload(self):
        self.gate.reload()

    def judged(self):
        """(may lab read what is not its own?, may billing?) of each generation."""
        return {tuple(refused(one) == 0 for one in pair) for pair in self.sessions}

    def listed(self):
        return {one["id"] for one in self.gate.ctl("overrides")["overrides"]}

    def end(self):
        while self.sessions:
            self.leave(0)
        self.line.end()


class Play:
    def __init__(self, server, lines, seed):
        self.server, self.lines, self.chance = server, lines, random.Random(seed)
        self.live, self.done = {}, []

    def begin(self, line):
        kind = self.chance.choice(list(KINDS))
        self.live[line.gate.ctl(*KINDS[kind], "--for", "1h")["id"]] = kind
        return kind

    def undo(self, line):
        if not self.live:
            return self.begin(line)
        gone = self.chance.choice(list(self.live))
        line.gate.ctl("undo", gone)
        return self.live.pop(gone)

    def away(self, line):
        """What is undone while the store cannot be reached stays undone, however its instance is replaced."""
        with locked(self.server):
            done = [self.undo(line) for _ in range(min(len(self.live), 2))]
            done.append(self.change(line))
        return done

    def change(self, line):
        how = self.chance.choice(("upgrade", "upgrade", "kill", "restart", "reload"))
        getattr(line, how)()
        return how

    def step(self):
        line = self.chance.choice(self.lines)
        what = self.chance.choice((self.begin, self.begin, self.undo, self.undo, self.change, self.change, self.away))
        self.done.append((self.lines.index(line), what.__name__, what(line)))
        kinds = set(self.live.values())
        wanted = {(bool(kinds & {"allow", "log"}), "block" not in kinds)}

        def as_wanted():
            return all(one.judged() == wanted and one.listed() == set(self.live) for one in self.lines)
        assert places.wait_for(as_wanted, 90, 0.1), \
            (self.done, wanted, self.live, [(one.judged(), one.listed()) for one in self.lines])


@pytest.mark.long(short=1)
@pytest.mark.parametrize("seed", SEEDS)
def test_each_session_is_judged_by_what_was_said(server, make, seed):  # noqa: F811
    lines = [Line(make(number, *FILE)) for number in (1, 2)]
    try:
        others(lines[0].gate, alive=2)
        play = Play(server, lines, seed)
        for _ in range(STEPS):
            play.step()
    finally:
        for one in lines:
            one.end()
