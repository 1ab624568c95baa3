"""What a move costs those who use its tables: 20 tables there and back 20 times, on both servers, through one and
through three instances, while 8 clients write 500 rows a second (text, prepared, transactions, LOCK TABLES, XA).
Every write is counted. Called by bench/run; TIMES in the environment makes it shorter.

How much of a hold is the server's own, and the disk's? After each move the same RENAME of as many tables and views
that nobody uses is sent past silogate, under the same load: the floor. And the server syncs the target's folder
for each table that it renames, whatever its settings: the same is done by hand, on the same disk. So each is taken
twice, with the server's files on the disk and in memory, where that costs nothing."""
import itertools
import os
import pathlib
import re
import shutil
import sys
import tempfile
import time

from harness import gate, places, servers

TIMES, TABLES = int(os.environ.get("TIMES", 20)), 20


def percentile(sorted_numbers, share):
    """The number that `share` of all are not above."""
    return sorted_numbers[min(len(sorted_numbers) - 1, int(len(sorted_numbers) * share))]


class Floor:
    """Tables and views that nobody uses: what a move's RENAME costs the server without silogate."""

    def __init__(self, server):
        self.there, self.took = False, []
        self.root = server.root()
        names = range(TABLES)
        server.sql("CREATE DATABASE floor_old CHARACTER SET utf8mb4", "CREATE DATABASE floor_new CHARACTER SET utf8mb4",
                   *(f"CREATE TABLE floor_old.t{i} LIKE mv_old.t{i}" for i in names),
                   *(f"CREATE TABLE floor_new.t{i} LIKE mv_old.t{i}" for i in names),
                   *(f"CREATE VIEW floor_old.aside{i} AS SELECT * FROM floor_new.t{i}" for i in names),
                   *(f"DROP TABLE floor_new.t{i}" for i in names))

    def rename(self):
        steps = [f"floor_old.t{i} TO floor_new.t{i}, floor_old.aside{i} TO floor_old.t{i}" if not self.there else
                 f"floor_old.t{i} TO floor_old.aside{i}, floor_new.t{i} TO floor_old.t{i}" for i in range(TABLES)]
        began = time.monotonic()
        with self.root.cursor() as cursor:
            cursor.execute("RENAME TABLE " + ", ".join(steps))
        self.took.append(round((time.monotonic() - began) * 1000))
        self.there = not self.there


def rename_files(folder):
    """Milliseconds for as many files that change their folder, which is synced for each."""
    places_of = [folder / "floor_a", folder / "floor_b"]
    for one in places_of:
        one.mkdir()
    for i in range(TABLES):
        (places_of[0] / str(i)).write_bytes(bytes(4096))
    began = time.monotonic()
    for i in range(TABLES):
        (places_of[0] / str(i)).rename(places_of[1] / str(i))
        at = os.open(places_of[1], os.O_RDONLY)
        os.fsync(at)
        os.close(at)
    took = round((time.monotonic() - began) * 1000)
    for one in places_of:
        shutil.rmtree(one)
    return took


def in_memory():
    """A folder in memory with room for a server's files; None: there is none."""
    folder = pathlib.Path("/dev/shm")
    return str(folder) if folder.is_dir() and shutil.disk_usage(folder).free > 2 << 30 else None


def measure_one(kind, instances, folder):
    before, tempfile.tempdir = tempfile.gettempdir(), folder
    try:
        server = servers.new(kind)
    finally:
        tempfile.tempdir = before
    return measure_on(server, instances)


def measure_on(server, instances):
    import test_moves

    gates = []

    def make_gate(upstream, **options):
        gates.append(gate.Gate(upstream, **options).start())
        return gates[-1]

    try:
        with tempfile.TemporaryDirectory() as folder:
            scene = test_moves.Scene(server, make_gate, pathlib.Path(folder), tables=TABLES, gates_count=instances)
            places.wait_for(lambda: scene.move("--status").stdout.count(" seen ") == instances, 15)
            floor, files = Floor(server), []
            with test_moves.Load(scene) as load:
                holds, parts, began = [], [], time.monotonic()
                for options in [(), ("--back",)] * TIMES:
                    moved = scene.move(*options)
                    if moved.returncode:
                        raise RuntimeError(moved.stdout + moved.stderr)
                    holds.append(test_moves.hold_of(moved))
                    parts.append(list(map(int, re.search(r"(\d+) ms until nobody was inside, (\d+) ms for the switch, "
                                                         r"(\d+) ms to open", moved.stdout).groups())))
                    floor.rename()
                    files.append(rename_files(server.folder))
                seconds = time.monotonic() - began
            load.check()
    finally:
        for one in gates:
            one.stop()
        server.remove()
    writes = sum(map(len, load.acknowledged.values()))
    one = {"tables": TABLES, "moves": len(holds)}
    inside, switches, opening = map(list, zip(*parts))
    for name, taken in (("hold", holds), ("inside", inside), ("rename", switches), ("opening", opening),
                        ("floor", floor.took), ("files", files)):
        taken.sort()
        one |= {f"{name}_median_ms": percentile(taken, 0.5), f"{name}_p99_ms": percentile(taken, 0.99)}
    return one | {"longest_statement_ms": round(load.longest * 1000), "writes": writes,
                  "writes_per_second": round(writes / seconds), "errors": 0, "lost_or_doubled": 0,
                  "load_average": round(os.getloadavg()[0], 1)}


def measure(report):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/system"))
    where = {"on the disk": tempfile.gettempdir(), "in memory": in_memory()}
    if not where["in memory"]:
        print("moves: no room in /dev/shm: not taken with the server's files in memory", flush=True)
    for kind, instances, place in itertools.product(servers.KINDS, (1, 3), where):
        if where[place]:
            name = f"moves on {kind}, its files {place}, {instances} instance{'s' * (instances > 1)}"
            one = report[name] = measure_one(kind, instances, where[place])
            print(f"{name}: {one['moves']} of {TABLES} tables, median and p99 in ms: hold {pair(one, 'hold')} (p99 must be "
                  f"under 100), of it until nobody was inside {pair(one, 'inside')}, the RENAME {pair(one, 'rename')}, until "
                  f"all were let in {pair(one, 'opening')}; the same RENAME without silogate {pair(one, 'floor')}, "
                  f"{TABLES} files renamed and their folder synced {pair(one, 'files')}; longest statement "
                  f"{one['longest_statement_ms']} ms; {one['writes']} writes, {one['writes_per_second']}/s, no error, "
                  f"none lost or doubled; load average {one['load_average']}", flush=True)


def pair(one, name):
    return f"{one[name + '_median_ms']} and {one[name + '_p99_ms']}"
