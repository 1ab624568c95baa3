#!/usr/bin/python3
"""moving.py [--seconds N] [--seed S] [--server mysql|mariadb]: the attacks with moves open. The other silo's tables and
some of the spy's own have two names each, of which silogate maps one; sessions are played before the tables move, while
they go there and back, and after they have moved, and name them by either. Then all known attacks, by their new names.
A third of the seconds goes to each."""
import argparse
import json
import pathlib
import random
import subprocess
import sys
import threading

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parents[1])]

import attack  # noqa: E402
import cases  # noqa: E402
import silo as silos  # noqa: E402
from harness import gate, places, servers  # noqa: E402

# Where the tables go to: database -> (to, tables)
MOVES = {"theirs": ("victim", "secret", "vaults", ("patients", "visits", "log", "exch", "1st")),
         "shares": ("victim", "shared", "pooled", ("patients", "visits")),
         "mine": ("spy", "own", "ego", ("patients", "a", "sink", "dup"))}
NEW = {one[2]: one[1] for one in MOVES.values()}
SECTIONS = "".join(f"[move:{name}]\nservice = {service}\n" + "".join(f"table = {old}.{table}\n" for table in tables)
                   + f"to = {new}\nhold = 500ms\nalias = {'none' if name == 'mine' else 'view'}\n"
                   for name, (service, old, new, tables) in MOVES.items())
INI = silos.INI.replace("[upstream:main]\n", "[upstream:main]\naccount = mover\ncatalogue = 0\naccount_password_file = {{password}}\n") \
    .replace("owns = own2.*\n", "owns = own2.*\nowns = ego.*\n").replace("owns = secret.*\n", "owns = secret.*\nowns = vaults.*\n"
                                                                       "owns = pooled.*\n") + SECTIONS


class MovingSilo(silos.Silo):
    """The silo, whose tables may stand in either of two databases. What is looked at are the tables themselves."""

    THEIRS = ("secret", "vaults", "pooled")

    def __init__(self, server):
        self.busy = threading.Lock()  # who moves tables, or looks at them
        super().__init__(server)

    def _grants(self):
        return []  # a move gives rights as well

    def accounts(self):
        for new in NEW:
            self.ask(f"CREATE DATABASE IF NOT EXISTS {new} CHARACTER SET utf8mb4")
            self.texts = getattr(self, "texts", {})
        super().accounts()
        for new in NEW:
            self.ask(f"GRANT ALL ON {new}.* TO spy@'%' WITH GRANT OPTION")
            self.ask(f"GRANT ALL ON {new}.* TO victim@'%'")
        self.ask("DROP USER IF EXISTS mover@'%'")
        self.ask("CREATE USER mover@'%' IDENTIFIED BY 'mover-Pw1'")
        self.ask("GRANT ALL ON *.* TO mover@'%' WITH GRANT OPTION")

    def sums(self, database, tables=None):
        """Both of the places together, each table by its name alone."""
        among = [database, *(new for new, old in NEW.items() if old == database)]
        found = []
        for schema, name, kind in self.ask("SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE"
                                           f" TABLE_SCHEMA IN ({', '.join(repr(one) for one in among)})"):
            quoted = name.replace("`", "``")
            if kind == "SEQUENCE":
                found.append((name, self.ask(f"SELECT next_not_cached_value FROM `{schema}`.`{quoted}`")))
            elif kind != "VIEW":
                found.append((name, self.ask(f"CHECKSUM TABLE `{schema}`.`{quoted}`")[0][1]))
        return repr(sorted(found, key=repr))

    def look(self):
        return {database: self.sums(database) for database in silos.DATABASES}

    def quick(self):
        with self.busy:
            return super().quick()

    def fill(self, database):
        for new, old in NEW.items():
            if old == database:
                self.ask(f"DROP DATABASE IF EXISTS {new}")
                self.ask(f"CREATE DATABASE {new} CHARACTER SET utf8mb4")
        super().fill(database)


class MovingArena(attack.Arena):
    """An arena with moves; `move` is the subcommand. `place` is where the tables are to be."""

    def __init__(self, kind, ready="theirs"):
        self.server, self.gates, self.silo, self.folding = servers.KINDS[kind](), {}, None, False
        self.words, self.past = " moving", ("branches",)  # the mover works with the settings that there are
        self.place, self.moving, self.moved = "old", False, 0
        try:
            self.server.install()
            self.server.start()
            self.silo = MovingSilo(self.server)
            self.administrator = attack.administrator.Administrator(self.silo)
            (self.server.folder / "password").write_text("mover-Pw1\n")
            self.defaults = self.server.folder / "mover.cnf"
            self.defaults.write_text("[client]\nuser = mover\npassword = mover-Pw1\n")
            ini = INI.format(unowned="{unowned}").format(unowned="block", password=self.server.folder / "password")
            self.gates["block"] = one = gate.Gate(self.server, ini=ini)
            one.ini = gate.change(one.ini, "proxy", "control", f"unix:{one.folder}/control")
            one.path.write_text(one.ini)
            one.start()
            assert places.wait_for(lambda: " seen " in self.move(ready, "--status").stdout, 60)
        except BaseException:
            self.close()
            raise
        self.gates["log"] = self.gates["block"]

    def close(self):
        self.gates.pop("log", None)
        super().close()

    def move(self, name, *options):
        return subprocess.run([str(places.SILOGATE), "move", name, "-c", str(self.gates["block"].path),
                               f"--defaults-file={self.defaults}", *options], capture_output=True, text=True, timeout=120)

    def put(self, place):
        """All tables where they belong; whatever a session or a mover has left."""
        self.place = place
        for name in MOVES:
            told = None

            def done(name=name):
                nonlocal told
                told = self.move(name, "--accept-unmapped", *(["--back"] if place == "old" else []))
                return told.returncode == 0

            assert places.wait_for(done, 60, 0.5), told.stdout + told.stderr

    def standing(self):
        return {(name, table): tuple(row[0] for row in self.silo.ask(
            f"SELECT TABLE_SCHEMA FROM information_schema.TABLES WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_NAME = '{table}' AND"
            f" TABLE_SCHEMA IN ('{old}', '{new}')")) for name, (_, old, new, tables) in MOVES.items() for table in tables}

    def set_right(self):
        with self.silo.busy:
            changed = self.silo.changed()
            MovingSilo.restore(self.silo, changed)
            if changed and not self.moving:
                self.put(self.place)
                self.silo.prints = self.silo.look()

    def go_there_and_back(self, chooser):
        """Moves that run while sessions are played."""
        while self.moving:
            with self.silo.busy:
                if self.moving:
                    told = self.move(chooser.choice(sorted(MOVES)), "--accept-unmapped", *chooser.choice(((), ("--back",))))
                    self.moved += told.returncode == 0 and "nothing to do" not in told.stdout
            threading.Event().wait(0.05)  # for who looks

    def during(self, work, seed):
        self.moving, failed = True, []

        def go():
            try:
                self.go_there_and_back(random.Random(seed))
            except BaseException as error:  # noqa: BLE001: raised below, where somebody sees it
                failed.append(error)

        thread = threading.Thread(target=go)
        thread.start()
        try:
            found = work()
        finally:
            self.moving = False
            thread.join()
        if failed:
            raise RuntimeError("nobody moved tables any more") from failed[0]
        return found


def renamed(chooser, steps):
    """The same with the new names, or with both."""
    if chooser.random() < 0.4:
        return steps
    every = chooser.random() < 0.6

    def change(value):
        if isinstance(value, dict):
            return {key: change(one) for key, one in value.items()}
        if isinstance(value, (list, tuple)):
            return [change(one) for one in value]
        if not isinstance(value, (str, bytes)):
            return value
        for new, old in NEW.items():
            if isinstance(value, bytes):
                new, old = new.encode(), old.encode()
            parts = value.split(old)
            for at in range(1, len(parts)):
                parts[0] += (new if every or chooser.random() < 0.5 else old) + parts[at]
            value = parts[0]
        return value

    return [step if isinstance(step, dict) and step["com"] in ("RELOAD", "CTL") else
            {key: value if key == "com" else change(value) for key, value in step.items()} if isinstance(step, dict)
            else change(step) for step in steps]


def with_both_names(program):
    def play(chooser, *kind):
        flags, steps = program(chooser, *kind)
        return flags, renamed(chooser, steps)
    return play


def known(kind):
    """The corpus' attacks by the tables' new names; those alone that are one statement, which an unmoved table refuses."""
    found = []
    for case in cases.read(kind):
        if not case["attack"] or case.get("setup") or (case.get("flags") or {}).get("later"):
            continue
        text = json.dumps(case)
        for new, old in NEW.items():
            if old != "own":
                text = text.replace(old, new)
        found.append(json.loads(text))
    return found


def run(kind, seconds, seed, every=1, most=5, least=1):
    """([what was found], how many sessions, how many moves); `every`: each so many of the known attacks; `least`:
    so many sessions a third, also where they take longer."""
    attack.program, program = with_both_names(attack.program), attack.program
    arena, found, sessions = None, [], 0
    try:
        arena = MovingArena(kind)
        for phase in ("before", "during", "after"):
            def work(phase=phase):
                return attack.attack(arena, seconds / 3, f"{seed}-{phase}", most, least)
            some, number = arena.during(work, seed) if phase == "during" else work()
            found += [f"{phase}: {one}" for one in some]
            sessions += number
            if phase != "after":
                arena.restore()
                arena.put("new" if phase == "during" else "old")
                arena.silo.prints = arena.silo.look()
        stray = {table: where for table, where in arena.standing().items() if len(where) != 1}
        found += [f"HOLE {kind}: tables that do not stand once: {stray}"] if stray else []
        arena.silo.restore = lambda databases: arena.restore()
        found += [f"{word} {name}: {why}" for word, name, why in
                  cases.run(arena.silo, arena.gates["block"].port, known(kind)[::every]) if word == "HOLE"]
        return found, sessions, arena.moved
    finally:
        attack.program = program
        if arena:
            arena.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    parser.add_argument("--server", choices=list(servers.KINDS))
    options = parser.parse_args()
    bad = False
    for kind in [options.server] if options.server else servers.KINDS:
        found, sessions, moved = run(kind, options.seconds, options.seed)
        print(f"{kind}: {sessions} sessions, {moved} moves among them, seed {options.seed}, {len(found)} ways past the gate")
        for one in found:
            print(one)
        bad |= bool(found)
    sys.exit(bad)


if __name__ == "__main__":
    main()
