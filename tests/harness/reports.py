"""Made-up violation logs, and what `silogate report` makes of them: no server is needed."""
import datetime
import json
import os
import pathlib
import random
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
SILOGATE = TOP / os.environ.get("SILOGATE_BUILD", "build") / "silogate"
START = datetime.datetime(2026, 11, 1, 8, 0, 0)


def silogate(*arguments, stdin=None):
    return subprocess.run([SILOGATE, *map(str, arguments)], input=stdin, capture_output=True,
                          timeout=120)


def report(*arguments, stdin=None, code=0):
    done = silogate("report", *arguments, stdin=stdin)
    assert done.returncode == code, done.stderr.decode()
    return done.stdout.decode()


def as_json(*arguments, stdin=None):
    return json.loads(report("--json", *arguments, stdin=stdin))


def when(hours):
    return (START + datetime.timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def an_object(owner, name, access=("read",), verdict="log", reason=None, schema="nilecare"):
    return {"schema": schema, "name": name, "type": "table", "access": list(access),
            "owner": owner, "verdict": verdict, "reason": reason or ("foreign" if owner else "unowned")}


def a_record(service, objects, digest, statement, hours=0, count=1, **fields):
    record = {
        "ts": when(hours), "event": "violation", "id": f"{random.getrandbits(64):016x}",
        "action": "logged", "reason": "foreign", "service": service, "user": f"{service}_service",
        "client": "10.0.0.7:4242", "session": 1, "upstream": "main", "database": "nilecare",
        "kind": "select", "objects": objects,
        "owners": sorted({o["owner"] for o in objects if o["owner"]}), "joined": False,
        "transaction": None, "digest": f"{digest:016x}", "statement": statement, "app": None,
        "trace": None, "policy": "0badcafe", "count": count, "first": when(hours),
        "last": when(hours)}
    record.update(fields)
    return record


def lines(records):
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def nilecare():
    """The crossings of NileCare, and one that has ended long before the others."""
    yield a_record("billing", [an_object("clinical", "patients")], 1,
                   "SELECT * FROM clinical_data.patients WHERE id = ?", hours=1, count=5,
                   app={"program_name": "node", "client_name": "mysql2"},
                   trace={"route": "/bills/:id"})
    yield a_record("billing", [an_object("clinical", "patients")], 1,
                   "SELECT * FROM clinical_data.patients WHERE id = ?", hours=500, count=7)
    yield a_record("billing", [an_object("auth", "auth_users")], 2,
                   "SELECT email FROM auth_users WHERE id = ?", hours=499, count=3)
    yield a_record("billing", [an_object("payment", "payments", ("read", "write"))], 3,
                   "UPDATE payments SET status = ?", hours=498, kind="update", action="blocked",
                   transaction=["billing", "payment"])
    yield a_record("payment", [an_object("billing", "invoices")], 4,
                   "SELECT total FROM invoices WHERE id = ?", hours=2, count=11)
    yield a_record("business", [an_object("clinical", "encounters"),
                                an_object("business", "claims", verdict="allow", reason="own")], 5,
                   "SELECT * FROM encounters JOIN claims USING (patient_id)", hours=490, joined=True)


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "violations.jsonl"
    path.write_bytes(lines(nilecare()))
    return path


def edges_of(result):
    return {(e["service"], e["owner"]): e["statements"] for e in result["edges"]}


NILECARE_EDGES = {("billing", "clinical"): 12, ("payment", "billing"): 11, ("billing", "auth"): 3,
                  ("billing", "payment"): 1, ("business", "clinical"): 1}
