"""silogate move on a terminal: what it waits for, by whom, while it waits."""
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

import pytest

from harness import places
from test_moves import INI, NEW, OLD, make_scene  # noqa: F401: the fixture


class Terminal:
    """The mover on a terminal of its own; `text` is what has been written to it until now."""

    def __init__(self, scene, columns=200):
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.process = subprocess.Popen([str(places.SILOGATE), "move", "tables", "-c", str(scene.gate.path),
                                         f"--defaults-file={scene.defaults}"], stdin=theirs, stdout=theirs,
                                        stderr=theirs)
        os.close(theirs)
        self.text, self.ended = "", False

    def read(self):
        """All that is there; at the end of the process the terminal is closed."""
        while not self.ended and select.select([self.ours], [], [], 0.02)[0]:
            try:
                self.text += os.read(self.ours, 65536).decode()
            except OSError:
                self.ended = True
        return self.text

    def wait(self, seconds=90):
        assert places.wait_for(lambda: self.read() and self.ended, seconds), self.text
        os.close(self.ours)
        return self.process.wait(30)


# A line that is replaced by the next one: milliseconds, how many, the first of them.
WAITS = re.compile(r"\r\x1b\[K(\d+) ms left for (\d+) inside:  ?session \d+ of billing \(127\.0\.0\.1[^)]*\): ([a-zA-Z ]+)")


@pytest.mark.long
def test_a_blocker_that_stays(make_scene):  # noqa: F811
    scene = make_scene(ini=INI.replace("hold = 10s", "hold = 8s"))
    with scene.connect() as blocker, blocker.cursor() as cursor, scene.connect() as other, other.cursor() as second:
        cursor.execute("BEGIN")
        cursor.execute("INSERT INTO t1 (client, number) VALUES (1, 1)")
        second.execute("BEGIN")
        second.execute("SELECT COUNT(*) FROM t2")
        mover = Terminal(scene)
        assert places.wait_for(lambda: WAITS.search(mover.read()), 60), mover.text
        assert not mover.ended and "given up" not in mover.text  # while it waits
        second.execute("COMMIT")
        status = mover.wait()
        assert status == 1 and "Nothing has changed" in mover.text, mover.text
        found = [(int(left), int(count), how) for left, count, how in WAITS.findall(mover.text)]
        assert {count for _, count, _ in found} == {1, 2} and found[-1][1] == 1, found  # who leaves is gone from it
        assert {how for _, _, how in found} == {"in a transaction"}
        assert [left for left, _, _ in found] == sorted((left for left, _, _ in found), reverse=True)
        assert all(left <= 4000 for left, _, _ in found)  # half of the hold
        # the last word, in a line that stays
        assert re.search(r"\n  session \d+ of billing \(127\.0\.0\.1[^)]*\): in a transaction, for \d+ s, since the statement"
                         r" [0-9a-f]{16}\r\n", mover.text), mover.text
        assert scene.stand_in(OLD)
        cursor.execute("COMMIT")


def test_a_blocker_that_leaves(make_scene):  # noqa: F811
    scene = make_scene(ini=INI.replace("hold = 10s", "hold = 60s"))
    with scene.connect() as blocker, blocker.cursor() as cursor:
        cursor.execute("LOCK TABLES t0 READ")
        mover = Terminal(scene)
        assert places.wait_for(lambda: WAITS.search(mover.read()), 60), mover.text
        assert WAITS.search(mover.text)[3] == "LOCK TABLES"
        cursor.execute("UNLOCK TABLES")
        assert mover.wait() == 0 and scene.stand_in(NEW), mover.text
        assert "\r\x1b[K4 tables stand in their new database" in mover.text


def test_locks_of_who_comes_past_silogate(make_scene):  # noqa: F811
    scene = make_scene(ini=INI.replace("hold = 10s", "hold = 4s"))
    past = scene.server.root()
    with past.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(f"SELECT COUNT(*) FROM {OLD}.t1")
        mover = Terminal(scene, columns=40)
        status = mover.wait()
        assert status == 1 and "Nothing has changed" in mover.text, mover.text
        # a line that does not fit could not be replaced
        assert all(len(line) < 40 for line in re.findall(r"\x1b\[K(\d+ ms left[^\r\n]*)", mover.text)), mover.text
        if scene.server.name == "mysql":  # MariaDB tells with a plugin alone
            assert re.search(r"\r\x1b\[K\d+ ms left for locks that sess", mover.text), mover.text
        cursor.execute("ROLLBACK")
    past.close()


def test_no_terminal_no_lines_that_are_replaced(make_scene):  # noqa: F811
    scene = make_scene(ini=INI.replace("hold = 10s", "hold = 2s"))
    with scene.connect() as blocker, blocker.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT COUNT(*) FROM t1")
        began = time.monotonic()
        given_up = scene.move()
        assert given_up.returncode == 1 and "\r" not in given_up.stdout and "ms left" not in given_up.stdout
        assert time.monotonic() - began < 45
        cursor.execute("COMMIT")
