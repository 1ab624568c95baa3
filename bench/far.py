"""Does a service see the hop at all where the server, and not this machine's cores, is the limit? Called by bench/run."""

DELAY = 2000  # microseconds there and back


def measure(bench, upstream, folder, report):
    program = bench.build("far")
    away = bench.Target("direct", lambda port: [program, str(port), str(upstream), str(DELAY)])
    near = None
    try:
        near = bench.silogate(away.port, folder, "silogate_far")
        near.name = "silogate"
        report["far"] = bench.rounds([away, near],
                                     lambda target: bench.sysbench(target, "oltp_read_write", 8, *bench.TABLE))
        bench.show(f"oltp_read_write, 8 connections, the server {DELAY / 1000:g} ms away", report["far"],
                   ["tps", "avg_ms", "p99_ms"], "direct")
    finally:
        for target in filter(None, (away, near)):
            target.stop()
