"""What compression on the client's leg costs: point selects and a result of 20 MB of text, plain, with
zlib and with zstd, through silogate. Part `compression` of bench/run."""
import time

KINDS = {"plain": 0, "zlib": 32, "zstd": 1 << 26}
ROWS = 20000
TEXT = f"SELECT CONCAT_WS(',', SHA1(@@version), id, c, pad, REPEAT(pad, 12)) FROM sbtest1 LIMIT {ROWS}"
POINTS = 3000


def connect(run, target, kind):
    return run.wire.connect(target.port, run.USER, run.DATABASE, password=run.PASSWORD,
                            capabilities=run.wire.USUAL | KINDS[kind])


def points(run, target, kind):
    """CPU of silogate a point select, one connection."""
    connection = connect(run, target, kind)
    before = target.cpu()
    for number in range(POINTS):
        connection.query(f"SELECT c FROM sbtest1 WHERE id = {number % 1000 + 1}")
    used = target.cpu() - before
    connection.quit()
    return {"cpu_us": used / 1e3 / POINTS}


def bulk(run, target, kind):
    """MB of rows a second, as one Python client takes them, and the CPU of it; bytes on the wire."""
    connection = connect(run, target, kind)
    before, start, got = target.cpu(), time.monotonic(), 0
    connection.command(connection.query_bytes(TEXT))
    while True:
        payload = connection.receive()
        got += len(payload) + 4
        if payload[:1] == b"\xfe" and len(payload) < 200:
            break
    spent = time.monotonic() - start
    used = target.cpu() - before
    connection.quit()
    return {"MB_s": got / spent / 1e6, "cpu_ms_MB": used / 1e6 / (got / 1e6)}


def measure(run, upstream, folder, report):
    target = run.silogate(upstream, folder, "silogate_packed")
    try:
        for title, what, keys in (("point selects, compressed", points, ["cpu_us"]),
                                  ("20 MB result, compressed", bulk, ["MB_s", "cpu_ms_MB"])):
            results = {}
            for _ in range(run.ROUNDS):
                for kind in KINDS:
                    results.setdefault(kind, []).append(what(run, target, kind))
            report[title] = run.medians(results)
            run.show(title, report[title], keys, "plain")
    finally:
        target.stop()
