"""Nothing is lost: the sums in the logs are what the clients sent, through reload, rotation, drain and
a full disk; and the report tells of it without a value. SILOGATE_STATEMENTS=200000 for the long run."""
import collections
import json
import os
import re
import signal
import subprocess
import threading

import pytest

from harness import gate as gates, places, wire
from test_crossings import CROSSINGS, PATIENT

STATEMENTS = int(os.environ.get("SILOGATE_STATEMENTS", "12000"))
CONNECTIONS, DIGESTS = 16, 500
REACHES = {"billing": ("clinical", "clinical_data.patients"),
           "payment": ("billing", "nilecare.invoices"),
           "business": ("auth", "nilecare.auth_users")}
OWN_DATABASE = collections.defaultdict(lambda: "nilecare", business="nilecare_business")


class Sender(threading.Thread):
    """Sends violating statements until its share is done or the session is closed; counts those that
    were answered, by service, owner, marker and action."""

    def __init__(self, gate, number, wanted):
        super().__init__()
        self.service = sorted(REACHES)[number % len(REACHES)]
        self.owner, self.table = REACHES[self.service]
        self.number, self.wanted, self.failure = number, wanted, None
        self.sums = collections.Counter()
        self.connection = wire.connect(gate.port, f"{self.service}_service",
                                       database=OWN_DATABASE[self.service])

    def run(self):
        try:
            for i in range(self.wanted):
                marker = f"m{(i * CONNECTIONS + self.number) % DIGESTS}"
                try:
                    self.connection.query(f"SELECT 'secret-{i}' AS {marker} FROM {self.table} LIMIT 1")
                    action = "logged"
                except wire.Error as error:
                    if error.code == 1053:  # it drains: this one was not looked at any more
                        break
                    assert error.code == 1142, error
                    action = "blocked"
                self.sums[self.service, self.owner, marker, action] += 1
        except wire.Closed:
            pass
        except BaseException as failure:
            self.failure = repr(failure)
        finally:
            self.connection.close()


def read_log(path):
    sums = collections.Counter()
    for line in path.read_text().splitlines():
        record = json.loads(line)
        if record["event"] != "violation":
            continue
        owner, = {one["owner"] for one in record["objects"] if one["verdict"] != "allow"}
        marker, = re.findall(r"\bm\d+\b", record["statement"])
        sums[record["service"], owner, marker, record["action"]] += record["count"]
    return sums


def sent_by(senders):
    assert not [sender.failure for sender in senders if sender.failure]
    return sum((sender.sums for sender in senders), collections.Counter())


def wait_until_sent(senders, share):
    goal = STATEMENTS * share
    assert places.wait_for(lambda: sum(sum(s.sums.values()) for s in senders) >= goal, 600, 0.05)


@pytest.mark.long
@pytest.mark.parametrize("repeat", ["1s", "0"])
def test_sums_are_exact(mariadb, make_gate, repeat):
    """With a reload, a rotation and SIGTERM in the middle, half of it in block mode."""
    gate = make_gate(mariadb, ("log", "repeat", repeat), ("service:payment", "mode", "block"),
                     ("service:business", "mode", "log"), ("proxy", "workers", "2"))
    senders = [Sender(gate, number, STATEMENTS // CONNECTIONS * 2) for number in range(CONNECTIONS)]
    for sender in senders:
        sender.start()
    wait_until_sent(senders, 0.2)
    gate.reload(("service:business", "mode", "block"))
    wait_until_sent(senders, 0.5)
    moved = gate.folder / "violations.jsonl.1"
    gate.violations_file.rename(moved)
    gate.process.send_signal(signal.SIGUSR1)
    assert places.wait_for(gate.violations_file.exists)
    wait_until_sent(senders, 1)
    gate.uncounted = "it ends while statements are on their way"
    gate.stop()
    for sender in senders:
        sender.join(60)
    sent = sent_by(senders)
    assert sum(sent.values()) >= STATEMENTS
    assert {action for *_, action in sent} == {"logged", "blocked"}
    assert read_log(moved) + read_log(gate.violations_file) == sent
    logs = moved.read_text() + gate.violations_file.read_text()
    assert "secret" not in logs
    told = json.loads(gates.run("report", "--json", moved, gate.violations_file).stdout)
    assert told["statements"] == sum(sent.values())
    for edge in told["edges"]:
        ours = {key: count for key, count in sent.items()
                if key[:2] == (edge["service"], edge["owner"])}
        assert edge["statements"] == sum(ours.values())
        assert edge["blocked"] == sum(n for key, n in ours.items() if key[3] == "blocked")
        assert edge["queries"] == len({key[2] for key in ours})


@pytest.fixture
def small_disk():
    folder = places.scratch("disk")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder]).returncode:
        places.remove(folder)
        pytest.skip("a tmpfs cannot be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)
    places.remove(folder)


def test_full_disk_loses_nothing(mariadb, make_gate, small_disk):
    """The disk is full before half is sent: blocking goes on, and all is there once it has room."""
    path = small_disk / "violations.jsonl"
    gate = make_gate(mariadb, ("log", "violations", path), ("service:payment", "mode", "block"))
    connection = wire.connect(gate.port, "payment_service")
    for i in range(2000):
        with pytest.raises(wire.Error) as refused:
            connection.query(f"SELECT {i} AS m{i % 500} FROM nilecare.invoices")
        assert refused.value.code == 1142
    gate.wait_log("cannot be written: No space left")
    assert path.stat().st_size <= 256 << 10
    subprocess.run(["mount", "-o", "remount,size=16m", small_disk], check=True)
    gate.wait_log("can be written again, and its backlog is written")
    connection.query("SELECT 1")
    connection.quit()
    gate.stop()
    sums = read_log(path)
    assert sum(sums.values()) == 2000 and set(sums.values()) == {4}


def test_full_disk_at_the_end(mariadb, make_gate):
    """What no disk takes follows on standard error when silogate ends."""
    gate = make_gate(mariadb, ("log", "violations", "/dev/full"), ("log", "repeat", "60s"))
    connection = wire.connect(gate.port, "billing_service")
    for _ in range(5):
        connection.query("SELECT id FROM clinical_data.patients")
    connection.quit()
    gate.stop()
    told = [json.loads(line) for line in gate.log().splitlines() if line.startswith('{"ts"')]
    assert sum(record["count"] for record in told if record["event"] == "violation") == 5


def test_report_of_nilecare(mariadb, make_gate):
    """NileCare's crossings come out as edges with their queries, and no literal in any form."""
    gate = make_gate(mariadb)
    for service, statement, value, _ in CROSSINGS.values():
        connection = gate.connect(f"{service}_service", database=OWN_DATABASE[service],
                                  program_name=f"{service}-app")
        with connection.cursor() as cursor:
            cursor.execute(f"{statement} /*route='%%2F{service}'*/", [value])
        connection.close()
    gate.stop()
    told = json.loads(gates.run("report", "--json", gate.violations_file).stdout)
    edges = {(edge["service"], edge["owner"]) for edge in told["edges"]}
    assert edges == {(service, owner) for service, _, _, (owner, *_) in CROSSINGS.values()}
    for service, _, _, (owner, table, access, kind) in CROSSINGS.values():
        query, = [q for q in told["queries"] if (q["service"], q["owner"]) == (service, owner)]
        assert table in query["objects"] and query["kind"] == kind
        assert bool(query["writes"]) == ("write" in access)
        assert query["sent_by"][0]["place"].endswith(f"/{service}")
    for form in ("text", "markdown", "html", "csv", "json"):
        done = gates.run("report", f"--{form}", gate.violations_file)
        assert done.returncode == 0
        for value in (PATIENT, "REF-0001", "INV-0001", "'confirmed'"):
            assert value not in done.stdout
        assert "patients" in done.stdout
