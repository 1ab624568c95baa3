"""What a move costs those who use its tables: 20 tables there and back 20 times, on both servers, through one and
through three instances, while 8 clients write 500 rows a second (text, prepared, transactions, LOCK TABLES, XA).
Every write is counted. Called by bench/run; TIMES in the environment makes it shorter."""
import os
import pathlib
import re
import sys
import tempfile
import time

from harness import gate, places, servers

TIMES, TABLES = int(os.environ.get("TIMES", 20)), 20


def percentile(sorted_numbers, share):
    """The number that `share` of all are not above."""
    return sorted_numbers[min(len(sorted_numbers) - 1, int(len(sorted_numbers) * share))]


def measure_one(kind, instances):
    import test_moves

    server, gates = servers.new(kind), []

    def make_gate(upstream, **options):
        gates.append(gate.Gate(upstream, **options).start())
        return gates[-1]

    try:
        with tempfile.TemporaryDirectory() as folder:
            scene = test_moves.Scene(server, make_gate, pathlib.Path(folder), tables=TABLES, gates_count=instances)
            places.wait_for(lambda: scene.move("--status").stdout.count(" seen ") == instances, 15)
            with test_moves.Load(scene) as load:
                holds, switches, began = [], [], time.monotonic()
                for options in [(), ("--back",)] * TIMES:
                    moved = scene.move(*options)
                    if moved.returncode:
                        raise RuntimeError(moved.stdout + moved.stderr)
                    holds.append(test_moves.hold_of(moved))
                    switches.append(int(re.search(r"(\d+) ms for the switch", moved.stdout).group(1)))
                seconds = time.monotonic() - began
            load.check()
    finally:
        for one in gates:
            one.stop()
        server.remove()
    writes = sum(map(len, load.acknowledged.values()))
    holds.sort()
    switches.sort()
    return {"tables": TABLES, "moves": len(holds), "hold_median_ms": percentile(holds, 0.5),
            "hold_p99_ms": percentile(holds, 0.99), "hold_most_ms": holds[-1],
            "rename_median_ms": percentile(switches, 0.5), "rename_most_ms": switches[-1],
            "longest_statement_ms": round(load.longest * 1000), "writes": writes,
            "writes_per_second": round(writes / seconds), "errors": 0, "lost_or_doubled": 0,
            "load_average": round(os.getloadavg()[0], 1)}


def measure(report):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/system"))
    for kind in servers.KINDS:
        for instances in (1, 3):
            name = f"moves on {kind}, {instances} instance{'s' * (instances > 1)}"
            one = report[name] = measure_one(kind, instances)
            print(f"{name}: {one['moves']} of {TABLES} tables; hold {one['hold_median_ms']} ms (median), "
                  f"{one['hold_p99_ms']} ms (p99, must be under 100), of it the server's RENAME {one['rename_median_ms']} "
                  f"and {one['rename_most_ms']} ms; longest statement "
                  f"{one['longest_statement_ms']} ms; {one['writes']} writes, {one['writes_per_second']}/s, no error, "
                  f"none lost or doubled; load average {one['load_average']}", flush=True)
