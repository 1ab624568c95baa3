#!/usr/bin/python3
"""attack.py [--seconds N] [--seed S] [--server mysql|mariadb] [--corpus] [--only ID]: plays generated sessions of a spy
through a silogate that blocks, and looks for the canary in what came back, in the spy's own tables, in what has changed
in the other silo, and in the locks that the spy's session holds. What is found is printed, made as small as it gets.

`make attack SECONDS=1800` runs it on both servers. --corpus plays the known cases instead."""
import argparse
import pathlib
import random
import re
import struct
import sys
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parents[1])]

import pymysql  # noqa: E402

import administrator  # noqa: E402
import cases  # noqa: E402
from programs import program  # noqa: E402
from harness import gate, servers, wire  # noqa: E402
from play import Spy  # noqa: E402
from silo import CANARY, GRANT, INI, Silo  # noqa: E402

LOCK_WAIT = 1205


class Arena:
    """A server with the silo, and a silogate before it for each way with what nobody owns; one more where the spy may
    administer, as who has to set a new password must."""

    past, share = ("expired", "init", "branches"), 0.35  # what may happen past silogate, and how often

    def __init__(self, kind, folding=False):
        self.server, self.folding = (servers.FOLDING if folding else servers.KINDS)[kind](), folding
        self.words = " fold" if folding else ""
        self.gates, self.silo = {}, None
        try:
            self.server.install()
            self.server.start()
            self.silo = Silo(self.server)
            self.begin(INI)
        except BaseException:
            self.close()
            raise

    def begin(self, ini):
        self.administrator = administrator.Administrator(self.silo)
        for name in ("block", "log", "administration"):
            self.gates[name] = one = gate.Gate(self.server, ini=ini.format(unowned="log" if name == "log" else "block"))
            one.ini = gate.change(one.ini, "proxy", "control", f"unix:{one.folder}/control")
            if name == "administration":
                one.ini = gate.change(one.ini, "policy", "administration", "allow")
            one.path.write_text(one.ini)
            one.start()

    def close(self):
        for one in self.gates.values():
            one.stop()
            one.remove()
        self.server.remove()

    def reload(self, one, grant):
        one.reload(ini=one.ini.replace(GRANT, "") + (GRANT if grant else ""))

    def override(self, one, words, undone=()):
        """`silogate ctl` words; the id of what it has made."""
        said = [gate.run("ctl", "--socket", one.folder / "control", *call)
                for call in (["undo", each] for each in undone)]
        if words:
            said.append(gate.run("ctl", "--socket", one.folder / "control", *words))
        assert all(each.returncode == 0 for each in said), said
        return re.search(r"override (\w+)", said[-1].stdout)[1] if words else None

    def play(self, unowned, flags, steps, number):
        """What is wrong with it, or None."""
        one, granted, spy, locked = self.gates[unowned], False, None, []
        before, overrides = self.silo.quick(), []
        heard, theirs = b"", "theirs" in repr(steps) or "746865697273" in repr(steps)
        if theirs:
            self.silo.prepare_theirs()
        try:
            spy = Spy(one.port, flags, self.silo.files, number)
            spy.socket.settimeout(5)
            spy.query(f"DO GET_LOCK('spy{number}', 0)")
            thread = self.silo.thread_of(f"spy{number}")
            for step in steps:
                if isinstance(step, dict) and step["com"] == "RELOAD":
                    granted = step["grant"]
                    self.reload(one, granted)
                    continue
                if isinstance(step, dict) and step["com"] == "CTL":
                    words, granted = step["words"], step["grants"]
                    if words:
                        overrides.append(self.override(one, words))
                    else:
                        self.override(one, None, overrides)
                        overrides = []
                    continue
                if isinstance(step, dict) and step["com"] in administrator.COMMANDS:
                    self.administrator.play(step, one.port)
                    continue
                if isinstance(step, dict) and step["com"] == "RESTART":
                    spy.close()
                    thread = None
                    self.restart(step)
                    before = self.silo.quick()
                    continue
                if isinstance(step, dict) and step["com"] == "LOGIN":
                    thread = None  # its locks are gone
                    spy = self.login(spy, one, flags, step)
                    continue
                owner = spy.user_name == "victim"  # also where the way back to the spy is refused
                try:
                    spy.play(step)
                except wire.Error:
                    continue
                finally:
                    if granted or spy.user_name == "victim":
                        spy.heard.clear()  # as long as it is allowed
                    if owner:
                        before = self.silo.quick()  # who owns it may change it
            if thread and not granted and spy.user_name != "victim":
                locked = self.silo.locked(thread)
            heard = bytes(spy.heard)
        except (wire.Closed, OSError, struct.error, IndexError, ValueError):
            heard = bytes(spy.heard) if spy else b""
        except wire.Error:  # it could not log in
            heard = bytes(spy.heard) if spy else b""
        finally:
            if spy:
                spy.close()
            destroyed = theirs and not self.silo.end_theirs()
            missing = self.administrator.missing()
            if any(isinstance(step, dict) and step["com"] in (*administrator.COMMANDS, "RESTART") for step in steps) or \
                    "XA " in repr(steps):
                self.administrator.undo()
            if overrides:
                self.override(one, None, overrides)
            if any(isinstance(step, dict) and step["com"] == "RELOAD" for step in steps):
                self.reload(one, False)
        if CANARY.encode() in heard:
            return "a canary came back"
        if spy and spy.wrong:
            return "an execution had other data than were sent for it"
        if destroyed or missing:
            return "another's prepared transaction is gone"
        if self.silo.quick() != before:
            return "another's data have changed"
        if stolen := self.silo.stolen():
            return "a canary is in " + ", ".join(stolen)
        only_granted = any(isinstance(step, dict) and step["com"] in ("RELOAD", "CTL") for step in steps)
        if locked and not only_granted:
            return "the session holds " + ", ".join(sorted(set(locked)))
        return None

    def login(self, before, one, flags, step):
        """The session that comes after it, which keeps what has been heard."""
        before.close()
        flags = {**flags, **{key: step[key] for key in ("database", "expired") if key in step}}
        spy = Spy(one.port, flags, self.silo.files, before.number, user=step.get("user", "spy"))
        spy.socket.settimeout(5)
        spy.heard += before.heard
        return spy

    def set_right(self):
        self.silo.restore(self.silo.changed())

    def restore(self):
        """Once more where a session ends slowly that holds locks; a server that keeps locks of nobody is started anew."""
        for last in (False, False, True):
            try:
                return self.set_right()
            except pymysql.OperationalError as error:
                if error.args[0] != LOCK_WAIT:
                    raise
                self.administrator.undo()
                if last:
                    print(f"{self.server.name} keeps locks:", self.silo.holders(), file=sys.stderr)
        self.server.stop()
        self.server.start()
        self.silo.begin()
        self.administrator.undo()  # MariaDB lists some prepared transactions only now
        self.set_right()

    def smaller(self, unowned, flags, steps, number):
        """Steps are left out as long as it still gets through."""
        at = 0
        while at < len(steps):
            fewer = steps[:at] + steps[at + 1:]
            if fewer and self.play(unowned, flags, fewer, number + at + 1):
                steps = fewer
            else:
                at += 1
            self.restore()
        return steps


def shown(steps):
    return "\n".join("    " + repr(step)[:600] for step in steps)


def attack(arena, seconds, seed, most=5, least=1):
    """Plays for so long, and so many sessions at least; [what was found, as text], how many sessions."""
    kind, found, number = arena.server.name, [], 0
    end = time.monotonic() + seconds
    while (time.monotonic() < end or number < least) and len(found) < most:
        number += 1
        chooser = random.Random(f"{seed}-{kind}-{number}")
        flags, steps = program(chooser, kind == "mariadb", arena.folding, arena.past, arena.share)
        unowned = "administration" if flags.get("administration") else chooser.choice(("block", "log"))
        why = arena.play(unowned, flags, steps, number * 1000)
        if why:
            arena.restore()
            steps = arena.smaller(unowned, flags, steps, number * 1000)
            found.append(f"HOLE {kind}{arena.words} seed {seed} session {number}: {why}; unowned = {unowned}, {flags}\n{shown(steps)}")
        if why or number % 20 == 0:
            arena.restore()
    for one in arena.gates.values():
        assert one.process.poll() is None, f"silogate ended:\n{one.log()[-3000:]}"
    return found, number


def main():
    import restarts  # which stands on this

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    parser.add_argument("--server", choices=list(servers.KINDS))
    parser.add_argument("--most", type=int, default=5, help="end after so many ways past the gate")
    parser.add_argument("--corpus", action="store_true")
    parser.add_argument("--fold", action="store_true", help="with lower_case_table_names = 1")
    parser.add_argument("--restart", action="store_true", help="the server comes again with other letter case")
    parser.add_argument("--past", nargs="*", help="of what happens past silogate, only: expired, init, branches, restarted")
    parser.add_argument("--only")
    options = parser.parse_args()
    bad = False
    for kind in [options.server] if options.server else servers.KINDS:
        arena = restarts.RestartArena(kind) if options.restart else Arena(kind, options.fold)
        if options.past is not None:
            arena.past, arena.share = tuple(options.past), 1
        try:
            if options.corpus:
                known = cases.read(kind, options.only)
                found = [f"{word} {name}: {why}" for word, name, why in
                         cases.run(arena.silo, arena.gates["block"].port, known)]
                print(f"{kind}: {len(known)} cases, {len(found)} not as they should be")
            else:
                found, number = attack(arena, options.seconds, options.seed, options.most)
                print(f"{kind}: {number} sessions, seed {options.seed}, {len(found)} ways past the gate")
        finally:
            arena.close()
        bad |= bool(found)
        for one in found:
            print(one)
    sys.exit(bad)


if __name__ == "__main__":
    main()
