"""What `silogate report` costs: CPU seconds a gigabyte of log, and its memory for one log and for the same
log twice. Called by bench/run."""
import json
import os
import subprocess

RECORD = {
    "ts": "", "event": "violation", "id": "", "action": "logged", "reason": "foreign", "service": "billing",
    "user": "billing_service", "client": "10.0.0.7:51234", "session": 1, "upstream": "main",
    "database": "nilecare_billing", "kind": "select", "objects": [
        {"schema": "clinical_data", "name": "patients", "type": "table", "access": ["read"],
         "owner": "clinical", "verdict": "log", "reason": "foreign"}], "owners": ["clinical"],
    "joined": False, "transaction": None, "digest": "", "statement": "",
    "app": {"program_name": "billing", "client_name": "libmariadb"}, "trace": None, "policy": "00000000",
    "count": 1, "first": "", "last": ""}
DISTINCT, MEGABYTES = 5000, 100


def write(path):
    """Records of `DISTINCT` queries over a month."""
    number = 0
    with open(path, "w", encoding="utf-8") as file:
        while file.tell() < MEGABYTES << 20:
            lines = []
            for _ in range(DISTINCT):
                query = number % DISTINCT
                at = f"2026-11-{number // 7 % 30 + 1:02}T{number % 24:02}:{number % 60:02}:00.000000Z"
                lines.append(json.dumps(RECORD | {
                    "ts": at, "first": at, "last": at, "id": f"{number:016x}", "digest": f"{query:016x}",
                    "statement": f"SELECT c{query} FROM clinical_data.patients WHERE id = ?"},
                    separators=(",", ":")))
                number += 1
            file.write("\n".join(lines) + "\n")


def read(program, paths):
    """(CPU seconds, KiB at the most)"""
    process = subprocess.Popen([program, "report", "--json", *paths], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"silogate report ended with {process.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss


def measure(run, folder, report):
    path = folder / "log.jsonl"
    write(path)
    gigabytes = path.stat().st_size / 1e9
    found = {}
    for name, paths in (("once", [path]), ("twice", [path, path])):
        seconds, kib = min(read(run.BUILD / "silogate", paths) for _ in range(run.ROUNDS))
        found[name] = {"s_GB": seconds / gigabytes / len(paths), "KiB": kib}
    report["report"] = found
    run.show(f"silogate report, a log of {MEGABYTES} MiB with {DISTINCT} queries", found, ["s_GB", "KiB"], "once")
    path.unlink()
