"""silogate report and silogate suggest over made-up logs: no server is needed."""
import collections
import csv
import datetime
import gzip
import html.parser
import io
import json
import os
import pathlib
import random
import re
import subprocess

import pytest
import yaml

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


def test_edges_and_queries(log):
    result = as_json(log)
    assert edges_of(result) == NILECARE_EDGES
    assert [e["statements"] for e in result["edges"]] == [12, 11, 3, 1, 1]
    assert result["statements"] == 28 and result["blocked"] == 1
    assert (result["reads"], result["writes"]) == (27, 1)
    first = result["queries"][0]
    assert first["statement"] == "SELECT * FROM clinical_data.patients WHERE id = ?"
    assert first["objects"] == ["nilecare.patients"]
    assert first["sent_by"] == [{"place": "node via mysql2 /bills/:id", "statements": 5}]
    assert (first["first"], first["last"]) == ("2026-11-01T09:00:00Z", "2026-11-22T04:00:00Z")
    active = {(q["service"], q["digest"][-1]): q["active"] for q in result["queries"]}
    assert active == {("billing", "1"): True, ("billing", "2"): True, ("billing", "3"): True,
                      ("payment", "4"): False, ("business", "5"): True}


def test_hardest_first(log):
    text = report(log)
    hard = text[text.index("hardest first"):text.index("Queries to replace")]
    assert hard.index("one transaction") < hard.index("one statement")
    assert "billing, payment" in hard and "USING (patient_id)" in hard


def test_ready_and_blockers(log):
    result = as_json("--ready-since", "2026-11-10", log)
    assert {o["object"] for o in result["ready"]} == {"nilecare.invoices", "nilecare.claims"}
    text = report("--ready-since", "2026-11-10", log)
    blockers = text[text.index("What blocks"):text.index("Ready to move")]
    ready = text[text.index("Ready to move"):text.index("Day by day")]
    assert "nilecare.patients" in blockers and "nilecare.invoices" not in blockers
    assert "nilecare.invoices" in ready and "nilecare.patients" not in ready


def test_days(log):
    days = as_json(log)["days"]
    assert [(d["day"], d["statements"], d["queries"], d["edges"]) for d in days] == [
        ("2026-11-01", 16, 2, 2), ("2026-11-21", 1, 1, 1), ("2026-11-22", 11, 3, 3)]


@pytest.mark.parametrize("since, until, statements", [
    ("2026-11-02", None, 12), (None, "2026-11-01", 16), (None, "2026-11-01T09:30:00Z", 5),
    ("2026-11-22T04:00:00.000000Z", None, 7), ("2026-11-22T05:00:00+01:00", None, 7),
    ("2026-11-01T10:00:00Z", "2026-11-21", 12), ("2026-12-01", None, 0)])
def test_since_and_until(log, since, until, statements):
    arguments = (["--since", since] if since else []) + (["--until", until] if until else [])
    assert as_json(*arguments, log)["statements"] == statements


def test_plain_gz_and_stdin_tell_the_same(log, tmp_path):
    packed = tmp_path / "violations.jsonl.1.gz"
    half = len(log.read_bytes().splitlines()[0]) + 1
    with open(packed, "wb") as to:  # two members, as a log that was appended to after rotation
        to.write(gzip.compress(log.read_bytes()[:half]))
        to.write(gzip.compress(log.read_bytes()[half:]))
    plain = as_json(log)
    assert as_json(packed) == plain
    assert as_json("-", stdin=log.read_bytes()) == plain
    assert as_json("-", stdin=packed.read_bytes()) == plain
    both = as_json(log, packed)
    assert both["logs"] == 2 and both["statements"] == 2 * plain["statements"]
    assert len(both["queries"]) == len(plain["queries"])


def test_sums_of_random_logs(tmp_path):
    rng = random.Random(7)
    services = ["billing", "clinical", "auth", "payment"]
    sums, paths = collections.Counter(), []
    for part in range(3):
        records = []
        for _ in range(3000):
            service, owner = rng.sample(services, 2)
            digest, count = rng.randrange(300), rng.randrange(1, 100)
            action = rng.choice(["logged", "blocked"])
            records.append(a_record(service, [an_object(owner, f"t{digest % 7}")], digest,
                                    f"SELECT {digest}", hours=rng.randrange(1000), count=count,
                                    action=action))
            sums[service, owner, f"{digest:016x}", action] += count
        paths.append(tmp_path / f"{part}.jsonl")
        paths[-1].write_bytes(lines(records))
    result = as_json(*paths)
    for query in result["queries"]:
        key = query["service"], query["owner"], query["digest"]
        assert query["blocked"] == sums.pop((*key, "blocked"), 0)
        assert query["statements"] - query["blocked"] == sums.pop((*key, "logged"), 0)
    assert not sums
    assert sum(e["statements"] for e in result["edges"]) == result["statements"]
    assert sum(d["statements"] for d in result["days"]) == result["statements"]


def test_records_without_an_owner(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(lines([
        a_record("lab", [an_object(None, "stray")], 1, "SELECT 1", reason="unowned"),
        a_record("lab", [an_object(None, "user", reason="system", schema="mysql")], 2, "SELECT 2",
                 reason="system"),
        a_record("lab", [], 3, "SHUTDOWN", reason="administration"),
        a_record("lab", [], 4, "EXECUTE ?", reason="undetermined"),
        a_record(None, [an_object("auth", "auth_users")], 5, "SELECT 5"),
        {"ts": when(0), "event": "login_refused", "id": "0", "reason": "unknown", "user": "x",
         "client": "y", "count": 4, "first": when(0), "last": when(0)},
        {"ts": when(0), "event": "reload", "id": "0", "action": "accepted", "policy": "0",
         "count": 1, "first": when(0), "last": when(0)},
        {"ts": when(0), "event": "upstream_down", "id": "0", "upstream": "main", "count": 1,
         "first": when(0), "last": when(0)}]))
    result = as_json(log)
    assert edges_of(result) == {
        ("lab", "(unowned)"): 1, ("lab", "(system)"): 1, ("lab", "(server)"): 1,
        ("lab", "(undetermined)"): 1, ("(no service)", "auth"): 1}
    assert (result["logins_refused"], result["reloads"], result["upstream_events"]) == (4, 1, 1)


def test_bad_lines_are_counted(log):
    good = log.read_bytes()
    bad = [b"garbage\n", b"{}\n", b"[1]\n", b'{"ts":"x","event":"violation"}\n', b"\xff\xfe\n",
           b'{"half":\n', b"[" * 100000 + b"\n", b"x" * 3000000 + b"\n", b'"text"\n', b"null\n"]
    log.write_bytes(b"".join(bad) + good + b'{"ts":"2026-')
    done = silogate("report", "--json", log)
    assert done.returncode == 0
    result = json.loads(done.stdout)
    assert result["bad_lines"] == len(bad) + 1
    assert edges_of(result) == NILECARE_EDGES
    assert re.search(rb"violations.jsonl:1: .*left out", done.stderr)
    assert b"11 lines were left out in all" in done.stderr


def test_hostile_types_do_no_harm(tmp_path):
    log = tmp_path / "log"
    record = a_record("billing", [an_object("clinical", "patients")], 1, "SELECT 1")
    bad = [None, 5, -1, 1e300, "x", [], {}, [[]], [None], {"x": []}, True, "\u0000", 2 ** 62]
    records = [dict(record, **{key: value}) for key in record for value in bad
               if key not in ("ts", "event")]
    log.write_bytes(lines(records) + lines([record]))
    for form in ("text", "markdown", "html", "csv", "json"):
        report(f"--{form}", log)


@pytest.mark.parametrize("arguments, code", [
    ([], 2), (["--no-such-option", "LOG"], 2), (["/nonexistent/log"], 2), (["--since", "soon", "LOG"], 2),
    (["--until", "2026-02-30", "LOG"], 2), (["--fail-on-new", "LOG"], 2), (["/"], 2),
    (["--help"], 0), (["LOG"], 0)])
def test_exit_codes(log, arguments, code):
    arguments = [log if a == "LOG" else a for a in arguments]
    done = silogate("report", *arguments)
    assert done.returncode == code
    assert code == 0 or (done.stderr and not done.stdout)


def test_a_truncated_gz_is_told_of(log, tmp_path):
    packed = tmp_path / "cut.gz"
    packed.write_bytes(gzip.compress(log.read_bytes() * 50)[:-20])
    done = silogate("report", "--json", packed)
    assert done.returncode == 2 and b"cut.gz" in done.stderr
    assert json.loads(done.stdout)["statements"] > 0


def test_ratchet(log, tmp_path):
    baseline = tmp_path / "baseline"
    report("--baseline", baseline, log)
    before = baseline.read_bytes()
    assert before.startswith(b"# silogate baseline 1") and before.count(b"\n") == 6
    assert report("--baseline", baseline, "--fail-on-new", log) == "nothing new since the baseline\n"
    with open(log, "ab") as to:
        to.write(lines([a_record("billing", [an_object("clinical", "patients")], 1, "SELECT 1", 501),
                        a_record("billing", [an_object("lab", "lab_orders")], 77,
                                 "SELECT * FROM lab_orders", 501, count=4)]))
    text = report("--baseline", baseline, "--fail-on-new", log, code=1)
    assert "billing -> lab" in text and "SELECT * FROM lab_orders" in text
    assert "patients" not in text
    assert "billing -> lab" in report("--baseline", baseline, log)
    assert baseline.read_bytes() == before
    baseline.write_bytes(b"something else\n")
    report("--baseline", baseline, "--fail-on-new", log, code=2)
    baseline.write_bytes(b"")
    report("--baseline", baseline, "--fail-on-new", log, code=2)
    report("--baseline", baseline, "--fail-on-new", tmp_path / "no-such-log", code=2)


def ratchet(*arguments):
    """Exit status, and the last line on standard error: it says why."""
    done = silogate("report", *arguments)
    return done.returncode, (done.stderr.decode().splitlines() or [""])[-1], done.stdout.decode()


def test_ratchet_fails_where_it_cannot_know(log, tmp_path):
    baseline, empty, garbage = tmp_path / "baseline", tmp_path / "empty", tmp_path / "garbage"
    empty.write_bytes(b"")
    garbage.write_bytes(b"not a record\n" * 3)
    code, why, _ = ratchet("--baseline", baseline, "--fail-on-new", log)
    assert code == 2 and "make the baseline first" in why and not baseline.exists()
    report("--baseline", baseline, log)
    for logs, word in (([empty], "no record at all"), ([garbage], "3 lines of the logs are no records"),
                       ([log, garbage], "3 lines"), ([empty, empty], "no record at all")):
        code, why, _ = ratchet("--baseline", baseline, "--fail-on-new", *logs)
        assert code == 2 and word in why, why
        before = baseline.read_bytes()
        assert ratchet("--baseline", baseline, "--prune", *logs)[0] == 2 and baseline.read_bytes() == before
    code, _, _ = ratchet("--baseline", baseline, "--fail-on-new", empty, log)
    assert code == 0  # one of several instances that had nothing to tell
    assert ratchet("--baseline", baseline, "--fail-on-new", "--since", "2w", log)[0] == 0
    assert ratchet("--prune", log)[0] == 2


def test_ratchet_prunes_and_does_not_come_back(log, tmp_path):
    baseline, later = tmp_path / "baseline", tmp_path / "later"
    report("--baseline", baseline, log)
    entries = [line.split("\t") for line in baseline.read_text().splitlines()[1:]]
    gone = entries[0][:2]
    kept = [line for line in log.read_bytes().splitlines(keepends=True)
            if not (json.loads(line).get("service") == gone[0] and gone[1] in json.loads(line).get("owners", []))]
    later.write_bytes(b"".join(kept))
    code, _, out = ratchet("--baseline", baseline, "--fail-on-new", later)
    assert code == 0 and "in the baseline and not in these logs" in out and f"{gone[0]} -> {gone[1]}" in out
    code, _, out = ratchet("--baseline", baseline, "--fail-on-new", "--prune", later)
    assert code == 0 and "taken out of the baseline" in out
    text = baseline.read_text()
    assert f"# strict {gone[0]}->{gone[1]}\n" in text and f"\n{gone[0]}\t{gone[1]}\t" not in text
    assert ratchet("--baseline", baseline, "--fail-on-new", later)[0] == 0
    # Not even with its lines put back by hand.
    baseline.write_text(text + "".join("\t".join(one) + "\n" for one in entries if one[:2] == gone))
    code, why, out = ratchet("--baseline", baseline, "--fail-on-new", log)
    assert code == 1 and "strict" in why and "(strict)" in out


EVIL = "<script>alert(1)</script> \"' | `x` ``y`` &amp; </title> =cmd() \x1b[2J\u202e\u0085 \\"


@pytest.fixture
def evil_log(tmp_path):
    path = tmp_path / "evil"
    path.write_bytes(lines([
        a_record(EVIL, [an_object(EVIL, EVIL, schema=EVIL)], 1, EVIL, kind=EVIL,
                 app={"program_name": EVIL, "client_name": EVIL}, trace={"route": EVIL},
                 joined=True, owners=[EVIL, "x"]),
        a_record("=1+1", [an_object("@x", "-y")], 2, "+z")]))
    return path


class Page(html.parser.HTMLParser):
    """Collects the tags, their attributes, and the text of a page."""
    VOID = {"meta", "rect", "line", "br"}

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.words, self.open = collections.Counter(), [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += [(tag, *pair) for pair in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def test_html_needs_nothing_and_escapes_all(log, evil_log):
    text = report("--html", log, evil_log)
    page = Page(text)
    assert not page.open and page.tags["html"] == 1 and page.tags["svg"] == 1
    assert not {"script", "link", "img", "iframe", "object", "embed"} & set(page.tags)
    for tag, name, value in page.attributes:
        assert not name.startswith("on"), (tag, name)
        assert name not in ("src", "srcset", "action", "style")
        if name == "href":
            assert value.startswith("#"), value
    assert "url(" not in text and "@import" not in text and "http://" not in text
    assert ("meta", "content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes
    assert "<script>alert(1)</script>" in "".join(page.words)
    assert "\x1b" not in text and "\u202e" not in text and "\u0085" not in text


def test_html_matrix_leads_to_the_queries(log):
    page = Page(report("--html", log))
    ids = {value for _, name, value in page.attributes if name == "id"}
    links = {value[1:] for _, name, value in page.attributes if name == "href"}
    assert links <= ids and sum(i.startswith("edge-") for i in links) == len(NILECARE_EDGES)
    words = "".join(page.words)
    for service, owner in NILECARE_EDGES:
        assert f"{service} → {owner}" in words


def test_terminal_is_not_commanded(evil_log):
    for form in ("text", "markdown", "csv", "json", "html"):
        text = report(f"--{form}", evil_log)
        assert "\x1b" not in text and "\u202e" not in text and "\u0085" not in text


def test_csv(evil_log, log):
    rows = list(csv.DictReader(io.StringIO(report("--csv", log, evil_log), newline="")))
    assert len(rows) == 7
    assert sum(int(row["statements"]) for row in rows) == 30
    assert rows[0]["service"] == "billing" and rows[0]["sent_by"] == "node via mysql2 /bills/:id"
    formula = next(row for row in rows if row["service"].endswith("=1+1"))
    assert (formula["service"], formula["owner"], formula["statement"]) == ("'=1+1", "'@x", "'+z")
    assert any("<script>" in row["statement"] for row in rows)


def test_markdown_keeps_its_tables(log, evil_log):
    """Every row has as many cells as its head, whatever stands in them."""
    head = None
    for line in report("--markdown", log, evil_log).splitlines():
        if not line.startswith("|"):
            head = None
            continue
        cells = len(re.split(r"(?<!\\)\|", line))
        head = head or cells
        assert cells == head, line


def test_an_empty_log(tmp_path):
    log = tmp_path / "empty"
    log.write_bytes(b"")
    for form in ("text", "markdown", "html", "csv", "json"):
        report(f"--{form}", log)
    assert "Nothing crosses." in report(log)


def test_one_statement_on_two_edges(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(lines([a_record(
        "main", [an_object("clinical", "patients"), an_object("auth", "auth_users", ("write",)),
                 an_object("clinical", "encounters")], 9, "SELECT", count=6, joined=True)]))
    result = as_json(log)
    assert edges_of(result) == {("main", "clinical"): 6, ("main", "auth"): 6}
    assert result["statements"] == 6 and result["writes"] == 6
    writes = {q["owner"]: (q["writes"], sorted(q["objects"])) for q in result["queries"]}
    assert writes == {"clinical": (0, ["nilecare.encounters", "nilecare.patients"]),
                      "auth": (6, ["nilecare.auth_users"])}
    text = report(log)
    hard = text[text.index("hardest first"):text.index("Queries to replace")]
    assert hard.count("one statement") == 1


def test_suggest(tmp_path):
    log = tmp_path / "log"

    def touch(service, name, access, count):
        return a_record(service, [an_object(None, name, access)], hash(name) & 0xffff, "x", count=count,
                        reason="unowned")

    log.write_bytes(lines([
        touch("lab", "lab_orders", ("write",), 50), touch("billing", "lab_orders", ("read",), 900),
        touch("lab", "contested", ("write",), 50), touch("billing", "contested", ("write",), 40),
        touch("billing", "read_by_one", ("read",), 3),
        touch("billing", "read_by_two", ("read",), 3), touch("lab", "read_by_two", ("read",), 2),
        touch("lab", "odd ; name", ("write",), 1), touch(None, "nobody", ("write",), 1),
        a_record("lab", [an_object("clinical", "patients", ("write",))], 8, "x")]))
    done = silogate("suggest", log)
    assert done.returncode == 0
    text = done.stdout.decode()
    owns, section = collections.defaultdict(list), None
    for line in text.splitlines():
        if line.startswith("["):
            section = line
        elif not line.startswith(";") and line:
            owns[section].append(line)
    assert owns == {"[service:lab]": ["owns = nilecare.lab_orders"],
                    "[service:billing]": ["owns = nilecare.read_by_one"]}
    assert text.count("AMBIGUOUS") == 2
    assert "writes 50, reads 0; by others: writes 0, reads 900" in text
    ini = tmp_path / "proxy.ini"
    ini.write_text("[upstream:main]\naddress = 127.0.0.1:3307\n" + text)
    checked = silogate("check", "-c", ini)
    assert checked.returncode == 0, checked.stderr.decode()
    ini.write_text("; mine\n[upstream:main]\naddress = 127.0.0.1:3307\n\n"
                   "[service:lab]\nuser = lab_service ; its user\nowns = nilecare.contested\n\n"
                   "; about billing\n[service:billing]\nuser = billing_service\n\n; the end\n")
    done = silogate("suggest", "-c", ini, log)
    assert done.returncode == 0, done.stderr.decode()
    text = done.stdout.decode()
    assert text.index("user = lab_service ; its user") < text.index("\nowns = nilecare.lab_orders")
    assert text.index("\nowns = nilecare.lab_orders") < text.index("; about billing")
    assert text.index("[service:billing]") < text.index("\nowns = nilecare.read_by_one")
    assert text.index("nilecare.read_by_one") < text.index("; the end")
    assert text.count("contested") == 1 and "; mine" in text
    ini.write_text(text)
    checked = silogate("check", "-c", ini)
    assert checked.returncode == 0, checked.stderr.decode()
    assert silogate("suggest", "-c", "/nonexistent.ini", log).returncode == 2
    assert silogate("suggest").returncode == 2
    unread = silogate("suggest", "/nonexistent")
    assert unread.returncode == 2 and unread.stdout == b""  # not: "every table has an owner"


FINDINGS = [
    {"finding": "view", "schema": "nilecare", "name": "v_claims", "owner": "business", "definer": "x@%",
     "determined": True, "touches": [
         {"schema": "nilecare", "name": "patients", "type": "table", "access": ["read"], "owner": "clinical",
          "verdict": "log", "reason": "foreign"},
         {"schema": "nilecare", "name": "claims", "type": "table", "access": ["read"], "owner": "business",
          "verdict": "allow", "reason": "own"}], "verdict": "log", "reason": "foreign"},
    {"finding": "foreign_key", "schema": "nilecare", "name": "fk_invoice", "owner": "payment", "touches": [
        {"schema": "nilecare", "name": "invoices", "type": "table", "access": ["read"], "owner": "billing",
         "verdict": "block", "reason": "foreign"}], "verdict": "block", "reason": "foreign"},
    {"finding": "view", "schema": "nilecare", "name": "v_own", "owner": "auth", "touches": [
        {"schema": "nilecare", "name": "auth_users", "type": "table", "access": ["read"], "owner": "auth",
         "verdict": "allow", "reason": "own"}], "verdict": "allow", "reason": "own"},
    {"finding": "account", "account": "x@%", "owner": None, "missing": [], "excess": []},
    {"finding": "unmatched", "key": "owns", "pattern": "a.b", "owner": "lab"},
]


@pytest.fixture
def findings(tmp_path):
    path = tmp_path / "audit.jsonl"
    path.write_bytes(lines(FINDINGS))
    return path


def test_findings_of_audit_are_edges_of_the_catalogue(log, findings):
    """Beside the statements, which they leave as they are; they block a move whatever its date."""
    plain, result = as_json(log), as_json(log, findings)
    assert result["bad_lines"] == 0 and result["statements"] == plain["statements"]
    assert edges_of(result) == {**NILECARE_EDGES, ("payment", "billing"): 11, ("business", "clinical"): 1}
    assert {(e["service"], e["owner"]): e["catalogue"] for e in result["edges"] if e["catalogue"]} == \
        {("business", "clinical"): 1, ("payment", "billing"): 1}
    shown = [q for q in result["queries"] if q["kind"] == "catalogue"]
    assert sorted(q["statement"] for q in shown) == \
        ["foreign_key nilecare.fk_invoice", "view nilecare.v_claims (definer x@%)"]
    assert result["days"] == plain["days"]
    assert "nilecare.invoices" in {o["object"] for o in as_json("--ready-since", "2026-11-10", log)["ready"]}
    assert "nilecare.invoices" not in \
        {o["object"] for o in as_json("--ready-since", "2026-11-10", log, findings)["ready"]}
    for form in ("--text", "--markdown", "--html", "--csv"):
        assert "v_claims" in report(form, log, findings)
    alone = as_json(findings)
    assert {(e["service"], e["owner"]) for e in alone["edges"]} == \
        {("business", "clinical"), ("payment", "billing")}


def test_only_a_service_an_owner_an_id(log):
    everything = as_json(log)
    assert edges_of(as_json("--service", "billing", log)) == \
        {edge: n for edge, n in NILECARE_EDGES.items() if edge[0] == "billing"}
    assert edges_of(as_json("--owner", "clinical", log)) == \
        {edge: n for edge, n in NILECARE_EDGES.items() if edge[1] == "clinical"}
    assert edges_of(as_json("--service", "billing", "--owner", "clinical", log)) == {("billing", "clinical"): 12}
    assert as_json("--owner", "nobody", log)["edges"] == []
    query = everything["queries"][0]
    assert as_json("--id", query["digest"], log)["statements"] == 12
    assert [q["id"] for q in as_json("--id", query["id"], log)["queries"]] == [query["id"]]
    top = as_json("--top", "2", log)
    assert len(top["edges"]) == len(top["queries"]) == 2 and top["statements"] == everything["statements"]
    for wrong in (("--top", "0"), ("--top", "x"), ("--baseline", "b", "--top", "1"),
                  ("--baseline", "b", "--service", "billing")):
        report(*wrong, log, code=2)


def test_owner_of_what_nobody_owns(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(lines([
        a_record("lab", [an_object(None, "loose")], 1, "SELECT 1 FROM loose"),
        a_record("lab", [], 2, None, reason="administration", kind="set"),
        a_record("lab", [an_object("auth", "auth_users"), an_object(None, "loose")], 3, "SELECT 2")]))
    assert edges_of(as_json("--owner", "(unowned)", path)) == {("lab", "(unowned)"): 2}
    assert edges_of(as_json("--owner", "(server)", path)) == {("lab", "(server)"): 1}
    assert edges_of(as_json("--owner", "auth", path)) == {("lab", "auth"): 1}


def test_plan_of_a_week(log, findings):
    text = report("--plan", "--ready-since", "2026-11-10", log, findings)
    lines_of = text.splitlines()
    assert "- `payment`: 1 query of 1 service, last seen Sunday, 2026-11-22" in lines_of
    assert "- `billing`: 1 in the catalogue" in lines_of
    assert "- `business` can move: 0 left" in lines_of
    assert "- `clinical`: 1 in the catalogue, 2 queries of 2 services, last seen Sunday, 2026-11-22" in lines_of
    assert "### `billing`: 3 to replace" in lines_of
    assert "**in a transaction over owners**" in text and "**joins owners**" in text


def test_stubs_and_openapi(log):
    text = report("--stubs", log)
    assert "| `get /patients` | `*` | `id` | one | 1 | `node via mysql2 /bills/:id` | `0000000000000001` |" in text
    assert "| `get /auth_users` | `email` | `id` | one |" in text
    assert "| `patch /payments` | `status = ?` |" in text
    api = yaml.safe_load(report("--openapi", log))
    assert api["openapi"] == "3.1.0"
    assert set(api["paths"]) == {"/patients", "/auth_users", "/payments", "/invoices", "/encounters"}
    assert api["paths"]["/invoices"]["get"]["parameters"][0]["name"] == "id"
    assert api["paths"]["/invoices"]["get"]["responses"]["200"]["description"] == "one row"


def test_openapi_of_hostile_and_equal_names(tmp_path):
    """Always YAML without a double key."""
    path = tmp_path / "log"
    evil = ["\": x\n  evil:", "a`b", "- - -", "", "ä" * 70, "{{}}", "#", "'", "\\"]
    path.write_bytes(lines(a_record("lab", [an_object("auth", name)], number,
                                    f"SELECT `{name}` FROM `{name}` WHERE `{name}` = ? AND b IN (?)")
                           for number, name in enumerate(evil * 2)))

    class Strict(yaml.SafeLoader):
        pass

    def mapping(loader, node):
        keys = [loader.construct_object(key) for key, _ in node.value]
        assert len(keys) == len(set(keys)), keys
        return {key: loader.construct_object(value, deep=True)
                for key, (_, value) in zip(keys, node.value)}

    Strict.add_constructor("tag:yaml.org,2002:map", mapping)
    assert len(yaml.load(report("--openapi", path), Strict)["paths"]) > 3
    for row in report("--stubs", path).splitlines():
        if row.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", row)) == 8, row
