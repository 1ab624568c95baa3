"""What the violation log costs: point selects on a table of the service's own, beside the same ones on
the same table when another service owns it, in log mode, so that each query is a violation. Part
`logging` of bench/run."""
import json
import re

ANOTHER = "\n[service:another]\nuser = another\nupstream = main\n"


def silogate(run, upstream, folder, name, repeat=None):
    """With `repeat` every query is a violation."""
    def command(port):
        text = run.policy(port, upstream, folder)
        text = re.sub(r"(?m)^violations\s*=.*$", f"violations = {folder}/{name}.jsonl", text)
        if repeat is not None:
            owns = f"owns = {run.DATABASE}.*\n"
            text = text.replace(f"{owns}mode = block\n", "mode = log\n") + ANOTHER + owns
            text = re.sub(r"(?m)^repeat\s*=.*$", f"repeat = {repeat}", text)
        ini = folder / f"{name}.ini"
        ini.write_text(text)
        return [run.BUILD / "silogate", "run", "-c", ini]
    return run.Target(name, command)


def told_of(folder, name):
    """The statements that a log tells of."""
    with open(folder / f"{name}.jsonl", encoding="utf-8") as lines:
        return sum(json.loads(line)["count"] for line in lines)


def measure(run, server, folder, report):
    targets = [silogate(run, server.port, folder, "allowed"),
               silogate(run, server.port, folder, "repeat_60s", "60s"),
               silogate(run, server.port, folder, "repeat_0", "0")]
    try:
        report["logging"] = run.rounds(targets, lambda target: run.sysbench(
            target, "oltp_point_select", 8, "--db-ps-mode=disable", *run.TABLE))
        run.show("point selects, 8 connections: allowed, and each one a violation", report["logging"],
                 ["cpu_us", "qps", "p99_ms"], "allowed")
    finally:
        for target in targets:
            target.stop()
    for name in ("repeat_60s", "repeat_0"):
        sent = report["logging"][name]["qps"] * run.SECONDS * run.ROUNDS
        if told_of(folder, name) < sent / 2:  # `sent` is made of medians
            raise RuntimeError(f"{name}: not each query was a violation")
