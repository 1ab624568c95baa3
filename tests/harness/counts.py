"""One counting: what the log, the report, the API, the metrics and the pages say of the same statements.
Each silogate of the system tests is looked at this way when it ends (gate.Gate.stop)."""
import html
import json
import re
import subprocess

from . import places

PAGE_CELL = re.compile(r'title="([^"]*?) reaches into ([^"]*?): ([\d,]+) statements, ([\d,]+) blocked'
                       r'(?:, ([\d,]+) in mode off)?(?:, and [\d,]+ stored on the servers)?"')


def counted(gate):
    """What the five places say: {place: ({(service, owner): (logged, blocked)}, violations)}."""
    return {**live(gate), **written(gate.log_since_start())}


def agree(gate, seconds=45):
    """The five say the same, as soon as the writer has written and what repeats owe is told."""
    def wrong():
        return differences(counted(gate))
    assert places.wait_for(lambda: not wrong(), seconds, 0.1), "\n".join(wrong()[:20])


def live(gate, metrics=None):
    """What the running silogate says, in three places; `metrics` where they have just been seen."""
    metrics, told = metrics or gate.metrics(), {}
    edges = {}
    for (service, owner, action), count in metrics.by(
            "edge_statements_total", "service", "owner", "action").items():
        logged, blocked = edges.get((service, owner), (0, 0))
        edges[service, owner] = (logged + count * (action == "log"), blocked + count * (action == "block"))
    told["metrics"] = ({k: v for k, v in edges.items() if v != (0, 0)}, metrics.total("violations_total"))
    matrix = json.loads(gate.get("/api/matrix")[2])
    totals = json.loads(gate.get("/api/")[2])
    told["api"] = ({(e["service"] or "", e["owner"]): (e["log"], e["block"]) for e in matrix
                    if e["log"] + e["block"]}, totals["violations"])
    page = gate.get("/")[2]
    told["pages"] = (read_matrix(page), read_tiles(page))
    return told


def written(log):
    """What the lines of a log say, by themselves and in the report."""
    records = [json.loads(line) for line in log.splitlines(keepends=True)
               if line.strip() and line.endswith(b"\n")]
    report = json.loads(subprocess.run([places.SILOGATE, "report", "--json", "-"], input=log, timeout=60,
                                       capture_output=True, check=True).stdout)
    return {"log": read_log(records),
            "report": ({(none(e["service"]), e["owner"]): (e["statements"] - e["blocked"], e["blocked"])
                        for e in report["edges"]}, report["statements"])}


def none(service):
    return "" if service in (None, "(no service)") else service


def read_log(records):
    """Out of the records themselves, by docs/violations.md: each owner of what is not allowed, once."""
    edges, violations = {}, 0
    for one in records:
        if one["event"] != "violation":
            continue
        violations += one["count"]
        owners = {o["owner"] or ("(system)" if o["reason"] == "system" else "(unowned)")
                  for o in one["objects"] if o["verdict"] != "allow"}
        if one["reason"] == "administration":
            owners.add("(server)")
        elif one["reason"] == "undetermined" or not owners:
            owners.add("(undetermined)")
        for owner in owners:
            key = (one["service"] or "", owner)
            logged, blocked = edges.get(key, (0, 0))
            edges[key] = (logged + one["count"] * (one["action"] == "logged"),
                          blocked + one["count"] * (one["action"] == "blocked"))
    return edges, violations


def read_matrix(text):
    """The numbers of the page's matrix, with all their digits."""
    edges = {}
    for service, owner, *numbers in PAGE_CELL.findall(text):
        count, blocked, allowed = (int(number.replace(",", "") or 0) for number in numbers)
        edges[none(html.unescape(service)), html.unescape(owner)] = (count - blocked - allowed, blocked)
    return {edge: counts for edge, counts in edges.items() if counts != (0, 0)}


def read_tiles(text):
    return sum(int(re.search(rf"<li><b>([\d,]+)</b>{word}</li>", text).group(1).replace(",", ""))
               for word in ("logged", "blocked"))


def differences(told, first="log"):
    """What does not agree with the log, or another place: for an assertion's message."""
    edges, violations = told[first]
    wrong = []
    for place, (other, total) in told.items():
        if total != violations:
            wrong.append(f"{place}: {total} violations, the {first} has {violations}")
        for key in sorted(set(edges) | set(other)):
            if edges.get(key) != other.get(key):
                wrong.append(f"{place}: {key} {other.get(key)}, the {first} has {edges.get(key)}")
    return wrong
