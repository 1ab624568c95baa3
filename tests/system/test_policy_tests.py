"""silogate test: expectations of a policy, the rules they touch, and what a change would do to a log."""
import gzip
import json

import pytest

from harness import gate as gates, places

NILECARE = places.TOP / "examples/nilecare"
INI = NILECARE / "proxy.ini"


def run(text, *options, ini=INI):
    return gates.run("test", "-c", ini, *options, "-", input=text)


def test_the_example_holds():
    done = gates.run("test", "-c", INI, NILECARE / "policy.test")
    assert done.returncode == 0 and "15 tests, 0 failed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("line, code", [
    ("billing: SELECT * FROM clinical_data.patients -> log foreign", 0),
    ("billing: SELECT * FROM clinical_data.patients -> log", 0),
    ("  billing_service :  SELECT 1 ;  SELECT * FROM clinical_data.patients   ->   log   foreign  ", 0),
    ("billing: SELECT * FROM clinical_data.patients -> block foreign", 1),
    ("billing: SELECT * FROM clinical_data.patients -> log own", 1),
    ("billing: SELECT * FROM clinical_data.patients -> allow", 1),
    ("billing@clinical_data: SELECT * FROM patients -> log foreign", 0),
    ("billing: SELECT d -> '$.a:b' FROM invoices -> allow own", 0),
    ("billing: GARBAGE -> log undetermined", 0),
    ("billing: USE clinical_data; SELECT * FROM patients -> log foreign", 0),
    ("main: SELECT * FROM payments -> block foreign", 0),
    ("nobody: SELECT 1 -> allow", 2), ("billing: SELECT 1", 2), ("billing SELECT 1 -> allow", 2),
    ("billing: SELECT 1 -> perhaps", 2), ("billing: SELECT 1 -> allow nonsense", 2),
    ("billing: SELECT 1 -> allow own more", 2), ("billing: -> allow", 2), ("->", 2), (":", 2), ("\0", 2),
    ("", 2), ("# only a comment", 2),
])
def test_lines(line, code):
    done = run(f"\n# a comment\n{line}\n")
    assert done.returncode == code, done.stdout + done.stderr
    if code == 1:
        assert "standard input:3: billing: SELECT" in done.stdout and "expected" in done.stdout
    elif code == 2:
        assert "standard input:3: " in done.stderr or "no test in these files" in done.stderr


def test_sessions_are_apart():
    done = run("billing: USE clinical_data -> log\nbilling: SELECT * FROM invoices -> allow own\n")
    assert done.returncode == 0, done.stdout


def test_a_failure_names_the_rule_and_no_value():
    done = run("billing: SELECT * FROM clinical_data.patients WHERE mrn = 'secret-value' -> allow\n")
    assert done.returncode == 1 and "secret-value" not in done.stdout + done.stderr
    assert "found log foreign, by [service:billing] mode = log, line" in done.stdout


def test_coverage(tmp_path):
    ini = tmp_path / "proxy.ini"
    ini.write_text("""[policy]
mode = log
[upstream:main]
address = 127.0.0.1:1
[service:a]
user = a
owns = a.*
[service:b]
user = b
owns = b.x
owns = b.y*
reads = a.open
[grant:g]
service = b
on = a.granted
access = read
[edge:b->a]
mode = block
""")
    done = run("a: SELECT * FROM a.t -> allow own\n", ini=ini)
    assert done.returncode == 0
    assert [line.split(": ", 1)[1] for line in done.stdout.splitlines()[2:]] == [
        "[service:b] owns = b.x", "[service:b] owns = b.y*", "[service:b] reads = a.open",
        "[grant:g] on = a.granted", "[edge:b->a] mode = block"]
    assert f"  {ini}:10: [service:b] owns = b.x" in done.stdout
    done = run("b: SELECT * FROM a.open, a.granted, b.x, b.yy -> allow\nb: SELECT * FROM a.t -> block foreign\n",
               ini=ini)
    assert done.returncode == 0 and "all 6 rules are touched" in done.stdout, done.stdout


@pytest.fixture
def log(tmp_path):
    done = gates.run("learn", "general", "-c", INI, places.TOP / "tests/learn/mysql-general.log")
    path = tmp_path / "violations.jsonl"
    path.write_text(done.stdout)
    return path


def against(old, new, *logs):
    return gates.run("test", "-c", new, "--against", old, *logs)


def test_what_if(log, tmp_path):
    next_ini = tmp_path / "next.ini"
    next_ini.write_text(INI.read_text() + "\n[edge:billing->clinical]\nmode = block\n")
    done = against(INI, next_ini, log)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0].startswith("of 16 statements in the logs")
    assert lines[1:] == ["newly blocked: 2",
                         "  billing -> clinical  2 statements, 1 distinct, last " + lines[2].split("last ")[1],
                         "newly allowed: 0"]
    assert lines[2].endswith(" UTC, by billing_service")
    done = against(next_ini, INI, log)
    assert done.returncode == 0 and "newly allowed: 2\n  billing -> clinical" in done.stdout
    done = against(INI, INI, log)
    assert done.returncode == 0 and "newly blocked: 0\nnewly allowed: 0" in done.stdout
    packed = tmp_path / "log.gz"
    packed.write_bytes(gzip.compress(log.read_bytes()))
    assert "newly blocked: 4" in against(INI, next_ini, log, packed).stdout


def test_what_if_says_the_same_as_the_policy_does(log, tmp_path):
    """Judged out of its record, a statement gets the verdict that was written down."""
    blocking = tmp_path / "blocking.ini"
    blocking.write_text(INI.read_text().replace("mode = log ", "mode = block ").replace("\nmode = log\n",
                                                                                       "\nmode = block\n"))
    learned = gates.run("learn", "general", "-c", blocking, places.TOP / "tests/learn/mysql-general.log").stdout
    blocked = sum(one["count"] for one in map(json.loads, learned.splitlines()) if one["action"] == "blocked")
    assert blocked > 10
    assert f"newly blocked: {blocked}\n" in against(INI, blocking, log).stdout


def test_what_if_fails_where_it_cannot_know(log, tmp_path):
    for text in ("", "garbage\n", '{"event":"reload"}\n', log.read_text() + "garbage\n", "[]\n{}\n5\n"):
        other = tmp_path / "other"
        other.write_text(text)
        assert against(INI, INI, other).returncode == 2, text
    assert against(INI, INI, tmp_path / "missing").returncode == 2
    assert against(tmp_path / "missing.ini", INI, log).returncode == 2
    assert gates.run("test", "-c", INI).returncode == 2
    odd = json.loads(log.read_text().splitlines()[0])
    odd.update(objects=[None, 5, {"access": [None, 7], "type": 5, "schema": 1}] + [{}] * 5000, count=-5, last=7)
    other.write_text(json.dumps(odd) + "\n")
    assert against(INI, INI, other).returncode == 0
