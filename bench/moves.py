"""What a move costs those who use its tables: 20 tables there and back 20 times, on both servers, while 8 clients
write 500 rows a second (text, prepared, transactions, LOCK TABLES). Every write is counted. Called by bench/run."""
import pathlib
import sys
import tempfile

from harness import gate, servers

TIMES, TABLES = 20, 20


def measure(report):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/system"))
    import test_moves

    for kind in servers.KINDS:
        server, gates = servers.new(kind), []

        def make_gate(upstream, **options):
            gates.append(gate.Gate(upstream, **options).start())
            return gates[-1]

        try:
            with tempfile.TemporaryDirectory() as folder:
                scene = test_moves.Scene(server, make_gate, pathlib.Path(folder), tables=TABLES)
                with test_moves.Load(scene) as load:
                    holds = []
                    for options in [(), ("--back",)] * TIMES:
                        moved = scene.move(*options)
                        if moved.returncode:
                            raise RuntimeError(moved.stdout + moved.stderr)
                        holds.append(test_moves.hold_of(moved))
                load.check()
        finally:
            for one in gates:
                one.stop()
            server.remove()
        holds.sort()
        writes = sum(map(len, load.acknowledged.values()))
        report[f"moves on {kind}"] = {"tables": TABLES, "moves": len(holds), "hold_median_ms": holds[len(holds) // 2],
                                      "hold_most_ms": holds[-1], "longest_statement_ms": round(load.longest * 1000),
                                      "writes": writes, "errors": 0, "lost_or_doubled": 0}
        print(f"moves on {kind}: {len(holds)} of {TABLES} tables, hold {holds[len(holds) // 2]} ms (median), "
              f"{holds[-1]} ms (most); the longest statement {load.longest * 1000:.0f} ms; {writes} writes, no error, "
              "none lost or doubled")
