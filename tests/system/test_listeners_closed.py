"""Who starts behind a kill -9 or a SIGTERM binds the addresses that an older process is about to close."""
import contextlib
import ctypes
import os
import pathlib
import signal
import time

import pytest

from harness import gate as gates, places, wire
from harness.generations import Generations

SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17


def accepting(pid, count):
    """The threads that would accept a client, once as many as there should be wait for one."""
    def look():
        with contextlib.suppress(FileNotFoundError):  # what it has closed meanwhile
            now = waiting(pid)
            return now if len(now) == count else None
    found = places.wait_for(look)
    assert found
    return found


def waiting(pid):
    """The threads that wait, and whose epoll looks at a TCP socket that listens."""
    with open("/proc/net/tcp") as file:
        listening = {f"socket:[{line[9]}]" for line in map(str.split, file) if line[3] == "0A"}
    proc = pathlib.Path(f"/proc/{pid}")
    sockets = {one.name for one in (proc / "fd").iterdir() if os.readlink(one) in listening}
    found = []
    for thread in (proc / "task").iterdir():
        call = (thread / "syscall").read_text().split()
        info = proc / "fdinfo" / str(int(call[1], 16)) if len(call) > 2 else None
        if info and info.exists() and not sockets.isdisjoint(
                line.split()[1] for line in info.read_text().splitlines() if line.startswith("tfd:")):
            found.append(int(thread.name))
    return found


@contextlib.contextmanager
def standing_still(threads):
    """These threads of another process get no time, the others do."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long

    def stop(thread):
        assert libc.ptrace(SEIZE, thread, None, None) == 0, os.strerror(ctypes.get_errno())
        assert libc.ptrace(INTERRUPT, thread, None, None) == 0
        os.waitpid(thread, 0x40000000)  # __WALL

    for one in threads:
        stop(one)
    yield
    for one in threads:
        libc.ptrace(DETACH, one, None, None)


@pytest.fixture
def line(mariadb, make_gate):
    gate = make_gate(mariadb, ("proxy", "drain_timeout", "60s"), ("proxy", "workers", "2"), start=False)
    gate.ini = gates.change(gate.ini, "proxy", "control", f"unix:{gate.folder}/control")
    gate.ini = gates.change(gate.ini, "proxy", "listen", f"127.0.0.1:{gate.port}", f"unix:{gate.folder}/listen")
    gate.path.write_text(gate.ini)
    gate.start()
    made = Generations(gate)
    yield made
    made.end()


def starts(line, released):
    """A start now; the listeners are let go of while it waits for them."""
    gate = line.gate
    before = len(gate.log())
    gate.start(ready=False)
    time.sleep(1)
    released()
    assert places.wait_for(lambda: gate.process.poll() is not None or " runs: " in gate.log()[before:])
    assert gate.process.poll() is None, gate.log()[before:]


def works(gate, kept):
    assert gates.run("ctl", "-c", gate.path, "overrides").returncode == 0
    wire.connect(gate.port, "lab_service").quit()
    assert kept.query("SELECT 1")[0].rows == [["1"]]
    kept.query("COMMIT")
    kept.close()


def test_the_youngest_is_killed_at_once(line):
    """kill -9 of the one that has just taken over, while the older one has not closed its listeners yet."""
    gate = line.gate
    kept = wire.connect(gate.port, "lab_service")
    kept.query("BEGIN")
    with contextlib.ExitStack() as stack:
        stack.enter_context(standing_still(accepting(gate.process.pid, 2)))
        line.upgrade()
        os.kill(gate.process.pid, signal.SIGKILL)
        gate.process.wait()
        starts(line, stack.close)
    works(gate, kept)
    assert line.old[0].wait(60) == 0


def test_a_start_as_soon_as_the_old_one_drains(line):
    """SIGTERM, and a start before the listeners are closed."""
    gate = line.gate
    kept = wire.connect(gate.port, "lab_service")
    kept.query("BEGIN")
    with contextlib.ExitStack() as stack:
        stack.enter_context(standing_still(accepting(gate.process.pid, 2)))
        gate.process.send_signal(signal.SIGTERM)
        gate.wait_log("draining: ")
        line.old.append(gate.process)
        gate.process = None
        starts(line, stack.close)
    works(gate, kept)
    assert line.old[0].wait(60) == 0
