"""silogate report over made-up logs: its numbers, and the ratchet."""
import collections
import gzip
import json
import random
import re

import pytest

from harness.reports import (NILECARE_EDGES, a_record, an_object, as_json, edges_of, lines, log, report,
                             silogate, when)  # noqa: F401: a fixture


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


def test_other_events(tmp_path):
    """An override is no change of an upstream."""
    names = ["upstream_down", "upstream_up", *["override"] * 5, "reload", "login_refused", "unexplained", "of_a_later_one"]
    path = tmp_path / "events.jsonl"
    path.write_text("".join(json.dumps({"ts": f"2026-11-01T09:00:{i:02}.000000Z", "id": f"{i:016x}", "event": name}) + "\n"
                            for i, name in enumerate(names)))
    assert "1 refused login, 1 reload, 2 upstream changes" in report(path)
    assert as_json(path)["upstream_events"] == 2


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


def test_a_log_that_is_there_twice_counts_once(log, tmp_path):
    """Plain and packed, as a copy that is older, and cut in mid line; other logs are read as they are."""
    packed, older, cut = tmp_path / "1.gz", tmp_path / "older", tmp_path / "cut"
    content = log.read_bytes()
    packed.write_bytes(gzip.compress(content))
    older.write_bytes(b"".join(content.splitlines(keepends=True)[:3]))
    cut.write_bytes(content[:-40])
    plain = as_json(log)
    for logs in ((log, packed), (log, log, packed), (older, log), (log, older), (packed, older, log)):
        twice = as_json(*logs)
        assert {**twice, "logs": 1} == plain, logs
    assert "counted once" in silogate("report", "--json", log, packed).stderr.decode()
    assert as_json(cut, log)["statements"] == plain["statements"]
    other = tmp_path / "other"
    other.write_bytes(b"".join(content.splitlines(keepends=True)[1:]))
    assert as_json(log, other)["statements"] > plain["statements"]


def test_odd_clocks_and_old_records(log, tmp_path):
    """Lines out of order, and records without the fields that were added since."""
    content = log.read_bytes().splitlines(keepends=True)
    backwards = tmp_path / "backwards"
    backwards.write_bytes(b"".join(reversed(content)))
    plain, turned = as_json(log), as_json(backwards)
    for key in ("statements", "first", "last", "edges", "days", "ready"):
        assert turned[key] == plain[key], key
    old = tmp_path / "old"
    kept = ("ts", "event", "action", "reason", "service", "objects", "digest", "statement")
    old.write_bytes(b"".join(
        json.dumps({key: value for key, value in json.loads(line).items() if key in kept}).encode() + b"\n"
        for line in content))
    told = as_json(old)
    assert told["bad_lines"] == plain["bad_lines"]
    assert sorted((e["service"], e["owner"]) for e in told["edges"]) \
        == sorted((e["service"], e["owner"]) for e in plain["edges"])


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


def test_a_file_without_a_record_is_no_log(log, tmp_path):
    """Its report would say that nothing crosses. An empty log does, and one whose first record is half written."""
    other = tmp_path / "other"
    for content in (b"garbage", b"[proxy]\nlisten = x\n", b'{"ts":"2026-11-29T03:54:51Z","level":"notice"}\n',
                    b"x" * 3000000, b"\n\ngarbage\n\n"):
        other.write_bytes(content)
        for form in ("--json", "--text"):
            done = silogate("report", form, other)
            assert done.returncode == 2 and f"{other}:1: holds no record;".encode() in done.stderr, content[:80]
            assert done.stdout == b"", content[:80]
        assert silogate("suggest", other).returncode == 2
        both = silogate("report", "--json", log, other)
        assert both.returncode == 2 and edges_of(json.loads(both.stdout)) == NILECARE_EDGES
    for content in (b"", b"\n", b'{"ts":"2026-'):
        other.write_bytes(content)
        assert silogate("report", other).returncode == 0, content
    other.write_bytes(log.read_bytes())
    assert silogate("report", log, other).returncode == 0  # counted once, but a log


def test_a_wrong_option_is_told_by_silogate_and_subcommand():
    for name in ("audit", "check", "ctl", "explain", "learn", "move", "report", "run", "suggest", "test"):
        done = silogate(name, "--bogus")
        assert done.returncode == 2 and done.stderr.startswith(f"silogate {name}: ".encode()), done.stderr[:200]


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
    baseline, empty, garbage, mixed = (tmp_path / name for name in ("baseline", "empty", "garbage", "mixed"))
    empty.write_bytes(b"")
    garbage.write_bytes(b"not a record\n" * 3)
    mixed.write_bytes(log.read_bytes() + b"not a record\n" * 3)
    code, why, _ = ratchet("--baseline", baseline, "--fail-on-new", log)
    assert code == 2 and "make the baseline first" in why and not baseline.exists()
    report("--baseline", baseline, log)
    for logs, word in (([empty], "no record at all"), ([garbage], "holds no record"),
                       ([mixed], "3 lines of the logs are not records"), ([log, garbage], "holds no record"), ([empty, empty], "no record at all")):
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
