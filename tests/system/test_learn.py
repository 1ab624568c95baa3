"""silogate learn: the records out of a server's own logs are those that the gate writes of the same
load. tests/learn/ has logs that real servers have written (tests/learn/record.py); expected.txt is what
is learned from them, to be written anew with

    SILOGATE_BUILD=build SILOGATE_EXPECT=1 pytest tests/system/test_learn.py -k recorded
"""
import collections
import gzip
import json
import os
import pty
import random
import re
import select
import subprocess
import tempfile
import time

import pymysql
import pytest
from pymysql.constants import CLIENT

from harness import gate as gates, places, servers, wire

INI = places.TOP / "examples/nilecare/proxy.ini"
RECORDED = places.TOP / "tests/learn"
EXPECTED = RECORDED / "expected.txt"
SECRETS = ("pw-secret", "INV-1", "it''s", "a'b", "'nope'", "'7'")


def learn(kind, *files, ini=INI, options=(), **run):
    done = gates.run("learn", kind, "-c", ini, *options, *files, **run)
    return [json.loads(line) for line in done.stdout.splitlines()], done


def row(record):
    owners = ",".join(record["owners"])
    return (f"{record['service']} {record['database']} {record['kind']} {record['reason']} {record['action']}"
            f" [{owners}] {record['digest']} {record['statement']}")


def rows(records):
    sums = collections.Counter()
    for record in records:
        sums[row(record)] += record["count"]
    return [f"{count} {one}" for one, count in sorted(sums.items())]


CASES = {f"{server} {name}": (kind, f"{server}-{name}", options)
         for server in (*servers.KINDS, "mariadb11") for kind, name, options in (
             ("general", "general.log", ()), ("slow", "slow.log", ()),
             ("digests", "digests.tsv", ("--dialect", server.rstrip("1"), "--user", "billing_service")),
             ("digests", "digests.json", ("--dialect", server.rstrip("1"), "--user", "billing_service")),
             ("digests", "history.tsv", ("--dialect", server.rstrip("1"))))}
# No server of these is to be had: written as their manuals have it.
CASES |= {f"{server} {name}": (kind, f"written/{server}-{name}", options)
          for server in ("mysql57", "mysql80", "mysql84") for kind, name, options in (
              ("general", "general.log", ()), ("slow", "slow.log", ()),
              ("digests", "digests.tsv", ("--server-version", "5.7.44", "--user", "billing_service")))
          if (RECORDED / f"written/{server}-{name}").exists()}
LOGS = [case for case in CASES if case.endswith(".log")]


def learned(case):
    kind, name, options = CASES[case]
    records, done = learn(kind, RECORDED / name, options=options)
    assert done.returncode == 0, done.stderr
    for secret in SECRETS:
        assert secret not in done.stdout + done.stderr
    return rows(records), [line for line in done.stderr.splitlines() if "silogate learn:" not in line]


@pytest.mark.skipif("SILOGATE_EXPECT" not in os.environ, reason="writes what is expected")
def test_write_recorded():
    text = ""
    for case in CASES:
        records, told = learned(case)
        text += "\n".join([f"== {case}", *records, *told]) + "\n"
    EXPECTED.write_text(text)


@pytest.mark.parametrize("case", CASES)
def test_recorded(case):
    records, told = learned(case)
    expected = EXPECTED.read_text().split(f"== {case}\n")[1].split("\n== ")[0].splitlines()
    assert records + told == expected


def test_versions_agree():
    """The same load, as it is in the logs of each version."""
    for name, count in (("general.log", 9), ("slow.log", 5)):
        written = [learned(f"{server} {name}")[0] for server in ("mysql57", "mysql80", "mysql84")]
        assert written[0] == written[1] == written[2] and sum(int(one.split()[0]) for one in written[0]) == count
    for name in ("general.log", "slow.log", "history.tsv"):
        assert learned(f"mariadb {name}")[0] == learned(f"mariadb11 {name}")[0]


def test_formats_agree():
    """What two sources of one server both show has one digest."""
    for server in ("mysql", "mariadb", "mariadb11"):
        found = [{record["digest"] for record in learn(kind, RECORDED / name, options=options)[0]
                  if record["kind"] in ("select", "insert", "update") and record["service"] == "payment"}
                 for kind, name, options in (CASES[f"{server} general.log"], CASES[f"{server} slow.log"],
                                             CASES[f"{server} history.tsv"])]
        assert len(found[0]) == 3 and found[0] == found[1] and found[0] >= found[2]


def use(gate, user, *statements, database="nilecare", flags=0):
    connection = pymysql.connect(host="127.0.0.1", port=gate.port, user=user, database=database,
                                 password=servers.password(user), autocommit=True, client_flag=flags)
    try:
        for statement in statements:
            try:
                with connection.cursor() as cursor:
                    cursor.execute(statement)
            except (pymysql.Error, ValueError):
                pass  # that it fails is in no log
    finally:
        if connection.open:
            connection.close()


def load(gate):
    """The crossings of the examples and what is hard to follow in a log."""
    queries = (places.TOP / "examples/nilecare/queries.sql").read_text()
    queries = re.sub(r"^--.*\n", "", queries, flags=re.M)
    lines = [line.strip() for line in queries.split(";") if line.strip()]
    for user in ("billing_service", "payment_service", "clinical_service", "business_service", "lab_service"):
        use(gate, user, *lines, "SELECT * FROM nobodys_table", database=None)
        use(gate, user, *lines * 3)
    use(gate, "business_service", "SELECT p.last_name\n\tFROM claims c\n\n JOIN clinical_data.patients p"
        " ON p.id = c.patient_id", database="business_operations")
    for user in ("billing_service", "payment_service"):  # what a service has prepared, its sessions may end
        use(gate, user, f"XA START '{user}'", f"XA END '{user}'", f"XA PREPARE '{user}'")
    use(gate, "billing_service", "XA COMMIT 'billing_service'", "XA COMMIT 'payment_service'")
    use(gate, "payment_service", "XA ROLLBACK 'payment_service'", "XA ROLLBACK 'never'")
    use(gate, "billing_service", "USE clinical_data", "SELECT last_name FROM patients", "USE nilecare",
        "PREPARE s FROM 'SELECT mrn FROM clinical_data.patients WHERE id = ? -- ''x'''", "SET @x = 1",
        "EXECUTE s USING @x", "EXECUTE s USING @x", "DEALLOCATE PREPARE s",
        "BEGIN", "UPDATE invoices SET status = 'paid' WHERE id = '0'",
        "UPDATE payments SET status = 'failed' WHERE id = '0'", "ROLLBACK",
        "SET SESSION sql_mode = 'ANSI_QUOTES'", 'SELECT "id" FROM "payments"',
        "CREATE TEMPORARY TABLE payments (a INT)", "SELECT * FROM payments", "DROP TEMPORARY TABLE payments",
        "SELECT * FROM payments")
    session = wire.connect(gate.port, "payment_service")
    number, _, _ = session.prepare("SELECT status FROM invoices WHERE invoice_number = ? AND id IN (?, ?)")
    for values in (("a'b\n2", "x", "y"), ("INV-1", None, "\\"), ("INV-1", "u", "v")):
        session.execute(number, values)
    number, _, _ = session.prepare("UPDATE invoices SET status = ?, paid_amount = paid_amount - ? WHERE id = ?")
    session.execute(number, ("paid", "-5", "none"))
    session.quit()


def compared(records):
    """All that a general log can show: not the application, nor the client's port."""
    sums = collections.Counter()
    for one in records:
        if one["event"] == "violation":
            key = {name: one[name] for name in (
                "action", "reason", "service", "user", "upstream", "database", "kind", "objects", "owners",
                "joined", "transaction", "digest", "statement", "policy")}
            sums[json.dumps(key)] += one["count"]
    return sums


def test_equals_the_gate(server, make_gate):
    """The same load: the gate's records, and those out of the general log of the server behind it."""
    gate = make_gate(server, ("policy", "administration", "log"))  # what is blocked is in no server's log
    mark = server.mark()
    load(gate)
    text = server.log(mark)
    live = compared(gate.settle())
    path = gate.folder / "general.log"
    path.write_text(server.log_file.read_text(errors="replace").splitlines(keepends=True)[0] + text)
    records, done = learn("general", path, ini=gate.path)
    assert done.returncode == 0, done.stderr
    found = compared(records)
    assert sum(live.values()) > 60
    assert found == live, "\n".join([*(f"learned {n} {k}" for k, n in (found - live).items()), *(f"live {n} {k}" for k, n in (live - found).items())])
    assert "not understood" not in done.stderr
    lines = [line for line in gate.violations_file.read_text().splitlines(keepends=True) if "settled_" not in line]
    report = [json.loads(gates.run("report", "--json", write(gate.folder / name, text)).stdout)
              for name, text in (("live.jsonl", "".join(lines)), ("learned.jsonl", done.stdout))]
    for one in report:
        for edge in one["edges"]:
            del edge["first"], edge["last"], edge["active"]
    assert report[0]["edges"] == report[1]["edges"] and len(report[0]["edges"]) >= 8


def write(path, text):
    path.write_text(text)
    return path


# Where an entry starts. MariaDB's general log has a time only where it is another second, also in a new file:
# of a file without any, the time of its last change counts.
ENTRY = re.compile(r"(?m)^(?=20\d\d-\d\d-\d\dT\S+\t|\d{6} [ \d]\d:\d\d:\d\d\t|# Time: |\t\t +\d+ [A-Z])")


@pytest.mark.parametrize("case", LOGS)
def test_rotated_in_any_order(tmp_path, case):
    """Files are read by their times, compressed or not: a session begins in one and goes on in the next."""
    kind, name, _ = CASES[case]
    text = (RECORDED / name).read_text()
    whole = rows(learn(kind, RECORDED / name)[0])
    cuts = [found.start() for found in ENTRY.finditer(text)]
    second, third = cuts[len(cuts) // 3], cuts[-1 - len(cuts) // 3] if len(cuts) > 3 else cuts[-1]
    head = "".join(text.splitlines(keepends=True)[:3])
    parts = [text[:second], head + text[second:third], head + text[third:]]
    changed = 0
    for number, part in enumerate(parts):
        path = tmp_path / ("a.log.2", "a.log.1.gz", "a.log")[number]
        path.write_bytes(gzip.compress(part.encode()) if path.suffix == ".gz" else part.encode())
        for second in re.findall(r"(?m)^(\d{6} [ \d]\d:\d\d:\d\d)\t", part):
            changed = time.mktime(time.strptime(second, "%y%m%d %H:%M:%S"))
        os.utime(path, (changed, changed + (number + 1) / 10))
    files = sorted(tmp_path.iterdir())
    assert rows(learn(kind, *files)[0]) == whole
    assert rows(learn(kind, *reversed(files))[0]) == whole


def test_what_is_not_understood_is_counted(tmp_path):
    garbage = write(tmp_path / "garbage", "hello\nworld\n" * 10)
    records, done = learn("general", garbage)
    assert done.returncode == 2 and not records
    assert "garbage:1: not understood" in done.stderr and "20  lines not understood" in done.stderr
    assert "no statement was found" in done.stderr
    for kind in ("general", "slow", "digests"):
        _, done = learn(kind, write(tmp_path / "empty", ""))
        assert done.returncode == 2, kind
        _, done = learn(kind, tmp_path / "missing")
        assert done.returncode == 2 and "missing" in done.stderr
        _, done = learn(kind, tmp_path)
        assert done.returncode == 2 and "is a folder" in done.stderr
    cut = gzip.compress((RECORDED / "mysql-general.log").read_bytes())[:-100]
    (tmp_path / "cut.gz").write_bytes(cut)
    records, done = learn("general", tmp_path / "cut.gz")
    assert done.returncode == 2 and records and "ends too soon" in done.stderr


def test_sessions_without_a_login(tmp_path):
    """A log that begins in mid-session: counted, or of the user that is named."""
    text = "2026-11-28T01:00:00.000001Z\t    9 Query\tSELECT * FROM clinical_data.patients\n"
    records, done = learn("general", write(tmp_path / "log", text))
    assert not records and "1  of sessions whose login is not in the log" in done.stderr
    records, done = learn("general", tmp_path / "log", options=("--user", "billing_service"))
    assert [one["service"] for one in records] == ["billing"]
    _, done = learn("general", tmp_path / "log", options=("--user", "nobody"))
    assert done.returncode == 2 and "no service has the user 'nobody'" in done.stderr


def test_full_disk():
    with open("/dev/full", "w") as full:
        done = subprocess.run([places.SILOGATE, "learn", "general", "-c", INI,
                               RECORDED / "mysql-general.log"], stdout=full, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 2 and b"cannot be written" in done.stderr


def many_sessions(path, size):
    """A log of many sessions, kinds of statements and texts of several lines; how many statements."""
    with open(path, "w") as log:
        number = written = 0
        while written < size:
            number += 1
            log.write(f"2026-11-28T01:00:00.000001Z\t{number:5} Connect\tbilling_service@h on nilecare using TCP/IP\n")
            for one in range(50):
                written += log.write(f"2026-11-28T01:00:00.000001Z\t{number:5} Query\tSELECT {number} AS a{number * 50 + one}"
                                     f" FROM clinical_data.patients\n WHERE id = '{'x' * 100}'\n")
            log.write(f"2026-11-28T01:00:00.000001Z\t{number:5} Quit\t\n")
    return number * 50


def most_memory(*command):
    """The most that a program held in memory, in KiB, as the last look at it had it; what it told."""
    with tempfile.TemporaryFile("w+") as told:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=told)
        most = 0
        while process.poll() is None:
            most = next((int(line.split()[1]) for line in open(f"/proc/{process.pid}/status")
                         if line.startswith("VmHWM")), most)
            time.sleep(0.002)
        told.seek(0)
        return most, told.read()


@pytest.mark.long
def test_memory_does_not_grow(tmp_path):
    """A log of many sessions and kinds of statements is read in the memory of one a quarter as long."""
    path = tmp_path / "general.log"
    size = (400 if "SILOGATE_LONG" in os.environ else 40) << 20
    for _ in range(4):  # the last look at a program may come long before its end
        most = []
        for part in (4, 1):
            count = many_sessions(path, size // part)
            used, told = most_memory(places.SILOGATE, "learn", "general", "-c", INI, path)
            assert f"{count:,}  violations" in told, told
            most.append(used)
        print(most)
        if places.is_sanitized() or most[1] < most[0] + 2048:
            return
    raise AssertionError(most)


def test_progress_on_a_terminal(tmp_path):
    """A bar where somebody watches, gone at the end; none in a file."""
    many_sessions(tmp_path / "general.log", 5 << 20)
    ours, theirs = pty.openpty()
    try:
        done = subprocess.Popen([places.SILOGATE, "learn", "general", "-c", INI, tmp_path / "general.log"],
                                stdout=subprocess.DEVNULL, stderr=theirs)
        told = b""
        while b"never in such a log" not in told and select.select([ours], [], [], 60)[0]:
            told += os.read(ours, 65536)
        assert done.wait(60) == 0
    finally:
        os.close(ours)
        os.close(theirs)
    bars = re.findall(rb"\r\x1b\[K *(\d+) % \[#* *\]", told)
    assert len(bars) > 5 and [int(one) for one in bars] == sorted(int(one) for one in bars)
    assert told.split(b"silogate learn:")[0].endswith(b"\r\x1b[K")
    assert "\x1b" not in learn("general", RECORDED / "mysql-general.log")[1].stderr


# What would end the session or the server, or close it to those behind (the last ends MariaDB 10.11 itself: stored
# code with SET STATEMENT around a loop); EXPLAIN FOR SCHEMA is in MySQL's log where the schema is there.
NOT_REPLAYED = re.compile("SHUTDOWN|KILL|CRASH|SET PASSWORD|ALTER USER|READ ONLY ?=|FOR SCHEMA|FOR DATABASE"
                          "|SET STATEMENT.*(WHILE|LOOP|REPEAT|FOR )", re.IGNORECASE)

ENDLESS = "SELECT * FROM information_schema.tables, INFORMATION_SCHEMA.COLUMNS"


def corpus():
    """The statements of the golden corpus, as the applications of a service might send them."""
    for path in sorted((places.TOP / "tests/sql").glob("*.test")):
        for line in path.read_text(errors="replace").splitlines():
            if line and line[0] not in "#>" and not NOT_REPLAYED.search(line):
                # half a million rows of this show no more than one
                line = line.replace(ENDLESS, f"{ENDLESS} LIMIT 1")
                yield line.replace("shop.", "nilecare.").replace("secret.", "clinical_data.")


def whose(statement):
    return "main_service" if "DROP" in statement.upper() else "facility_service"


def logged(server, statements):
    """Those that the server's general log has whole. MySQL's has none with a syntax error, and of a command of
    several statements none behind one that fails, of a PREPARE that fails not its text: each is sent once, past silogate, and the log is looked at."""
    if server.name == "mariadb":
        return statements
    mark, failed, threads = server.mark(), {}, {}
    for statement in statements:
        connection = pymysql.connect(host="127.0.0.1", port=server.port, user=whose(statement), database="nilecare",
                                     password=servers.password(whose(statement)), autocommit=True,
                                     client_flag=CLIENT.MULTI_STATEMENTS)
        threads[statement] = connection.thread_id()
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                while cursor.nextset():
                    pass
        except (pymysql.Error, ValueError):
            failed[statement] = True
        if connection.open:
            connection.close()
    seen = collections.Counter(int(one) for one in re.findall(r"(?m)^\S+Z\t *(\d+) (?:Query|Init DB)\t", server.log(mark)))
    alone = seen[threads["SELECT 1 FROM nilecare.t1 LIMIT 0 -- alone"]]
    return [one for one in statements if seen[threads[one]] >= alone and not (one in failed and re.search(";|PREPARE", one.upper()))]


@pytest.mark.long
def test_equals_the_gate_on_the_corpus(server, make_gate):
    """Statements of every kind, one a session. MariaDB logs also what it does not understand. What the gate
    asks the server about afterwards, and what it sends to ask, is no violation of anybody's."""
    gate = make_gate(server, ("policy", "administration", "log"), ("policy", "undetermined", "log"))
    # MariaDB's log tells the text that such a PREPARE has run, converted, or that it did not come to it: more than the gate knows
    statements = [one for one in corpus() if not ("PREPARE" in one and ("SET character_set_client = " in one or "CREATE VIEW" in one))]
    if server.name == "mysql":  # whose log writes a comment that is skipped as a plain one
        statements = [one for one in statements if "/*!99999 x*/" not in one]
    if "SILOGATE_LONG" not in os.environ:
        statements = statements[::3]
    statements = logged(server, statements + ["SELECT 1 FROM nilecare.t1 LIMIT 0 -- alone"])
    mark = server.mark()
    for statement in statements:
        use(gate, whose(statement), statement, flags=CLIENT.MULTI_STATEMENTS)
    text = server.log(mark)
    live = compared(gate.settle())
    path = gate.folder / "general.log"
    path.write_text(server.log_file.read_text(errors="replace").splitlines(keepends=True)[0] + text)
    records, done = learn("general", path, ini=gate.path)
    found = compared(records)
    print(len(statements), "statements,", sum(live.values()), "violations live,", sum(found.values()), "learned")
    assert done.returncode == 0, done.stderr
    differ = "\n".join([*(f"learned {n} {k}" for k, n in (found - live).items()),
                        *(f"live {n} {k}" for k, n in (live - found).items())])
    assert sum(live.values()) > len(statements) / 2
    assert found == live, differ


@pytest.mark.long
def test_garbage_between_the_lines(tmp_path):
    """Whatever stands in a log, it is read to its end, and every record is one."""
    chance = random.Random(7)
    pieces = ["\n", "\t\t", "'", "`", "...", "EXECUTE s", "PREPARE s FROM ...", "\0", "Access denied", " on ", "use `x",
              "2026-11-28T01:12:44.640000Z\t    9 Query\t", "# User@Host: [", "# Time: x", "SET timestamp=x;"]
    for case, (kind, name, options) in CASES.items():
        text = (RECORDED / name).read_text()
        for _ in range(3):
            for _ in range(20):
                at = chance.randrange(len(text))
                text = text[:at] + chance.choice(pieces) + text[at + chance.choice([0, 0, 1, 30]):]
            path = write(tmp_path / "log", text)
            records, done = learn(kind, path, options=options)
            assert done.returncode in (0, 2), (case, done.stderr)
            assert all(record["event"] == "violation" for record in records)


def test_standard_input():
    path = RECORDED / "mysql-general.log"
    records, done = learn("general", "-", input=path.read_text())
    assert done.returncode == 0 and rows(records) == rows(learn("general", path)[0])


@pytest.mark.skipif("SILOGATE_LONG" not in os.environ, reason="two files of 200 MB")
def test_statements_without_end(tmp_path):
    """A line, and a statement of many lines, longer than the gate takes: left out, counted, and what follows
    is read."""
    end = "2026-11-28T01:00:02.000001Z\t    9 Query\tSELECT * FROM clinical_data.patients\n"
    start = "2026-11-28T01:00:00.000001Z\t    9 Connect\tbilling_service@h on nilecare using TCP/IP\n"
    for long in ("x" * (200 << 20), "x\n" * (100 << 20)):
        path = write(tmp_path / "log", f"{start}2026-11-28T01:00:01.000001Z\t    9 Query\tSELECT '{long}'\n{end}")
        records, done = learn("general", path)
        assert done.returncode == 0 and [record["kind"] for record in records] == ["select"]
        assert "1  of more than 64 MB: left out" in done.stderr
