"""Names that clients choose, and what they must not do to those who read them: markup, commands of a
terminal, formulas, line ends, marks that turn the direction of writing, control characters of every kind."""
import csv
import io
import json
import re
import subprocess
import unicodedata

import pytest

from harness import gate as gates, places, wire

EVIL = {
    "html": "<script>alert(1)</script>\"'&<img src=x onerror=alert(1)>",
    "terminal": "\x1b]0;owned\x07\x1b[31m\x9b31mred",
    "formula": "=HYPERLINK(\"http://x\")",
    "plus": "+cmd|' /C calc'!A0",
    "at": "@SUM(1)",
    "tab": "\t=1+1",
    "lines": "one\r\ntwo\n| three | `four` |\u2028five",
    "markdown": "](http://x) `` ` |",
    "bidi": "a\u202eb\u2066c\u061cd\u200ee\ufefff",
    "tags": "a\U000e0041\U000e0042",
    "c1": "a\u0085b\u009bc",
    "metrics": "a\"} 1\nsilogate_violations_total 99",
}
UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff"
                   "\U000e0000-\U000e007f]")


@pytest.fixture(scope="module")
def logged(mariadb):
    """A gate that has seen each of them as identifier, application, trace tag and user."""
    gate = gates.Gate(mariadb, changes=[("log", "repeat", "0")])
    try:
        gate.start()
        for word in EVIL.values():
            connection = wire.connect(gate.port, "billing_service", attributes=(
                (b"program_name", word.encode()), (b"_client_name", word.encode())))
            name = word.replace("`", "``").replace("\0", "")[:60]
            for statement in (f"SELECT `{name}` FROM clinical_data.`{name}` WHERE x = 'secret'",
                              f"SELECT 1 FROM clinical_data.patients /*route='{encoded(word)}'*/"):
                try:
                    connection.query(statement)
                except wire.Error:
                    pass
            connection.close()
            with pytest.raises(wire.Error):
                wire.connect(gate.port, word.replace("\0", "")[:30], password="x")
        yield gate
        gate.stop()
    finally:
        gate.remove()


def encoded(word):
    return "".join(f"%{byte:02X}" for byte in word.encode())


def lines_of(text):
    return text.split("\n")


def harmless(text):
    """No character that a terminal obeys or that hides others."""
    found = UNFIT.findall(text)
    return [f"{ord(c):04x} {unicodedata.category(c)}" for c in found]


def test_log_and_operators_log(logged):
    assert places.wait_for(lambda: len(logged.events("violation")) >= 2 * len(EVIL))
    for path in (logged.violations_file, logged.log_file):
        text = path.read_bytes().decode()  # UTF-8, whatever came
        assert harmless(text) == []
    for line in lines_of(logged.violations_file.read_text())[:-1]:
        json.loads(line)
    apps = {record["app"]["program_name"] for record in logged.events("violation") if record["app"]}
    assert set(EVIL.values()) <= apps, "who reads the JSON gets the names as they were"


@pytest.mark.parametrize("form", ["text", "markdown", "csv", "html", "json"])
def test_report(logged, form):
    done = subprocess.run([places.SILOGATE, "report", f"--{form}", logged.violations_file],
                          capture_output=True, timeout=60)
    assert done.returncode == 0
    text = done.stdout.decode()
    assert harmless(text.replace("\r\n", "\n") if form == "csv" else text) == []
    assert "secret" not in text
    if form == "html":
        assert "<script" not in text and "<img" not in text and "onerror=alert(1)>" not in text
    if form == "csv":
        for row in csv.reader(io.StringIO(text)):
            assert len(row) == 16
            assert not [cell for cell in row if cell.lstrip(" ?")[:1] in tuple("=+-@") and cell], row
    if form == "markdown":
        for line in lines_of(text):
            if line.startswith("|"):
                # no cell more than the head has: bars in names are escaped
                assert len(re.findall(r"(?<!\\)\|", line)) in (4, 8, 9, 10, 11, 12), line
    if form == "json":
        json.loads(text)


@pytest.mark.parametrize("path", ["/", "/queries", "/queries?q=%3Cscript%3E", "/service?service=clinical",
                                  "/query?service=billing", "/query?service=%3Cimg+src%3Dx%3E",
                                  "/service?service=%1b%5b31m%3Cscript%3E", "/policy?q=%22%3E%3Cscript%3E"])
def test_pages(logged, path):
    status, _, text = logged.get(path)
    assert status == 200
    assert harmless(text) == []
    assert "<script>" not in text and "<img" not in text
    assert text.count("<script") == 1


def test_every_query_has_its_page(logged):
    """And what is there to paste holds no line that a name has brought along."""
    queries = json.loads(logged.get("/api/queries?limit=1000")[2])
    assert len(queries) > len(EVIL)
    for query in queries:
        text = logged.get(f"/query?service={query['service']}&digest={query['digest']}")[2]
        grant = re.search(r'<pre id="grant"[^>]*>(.*?)</pre>', text, re.DOTALL)[1]
        assert {line.split(" ")[0].split(":")[0] for line in grant.splitlines() if line} <= \
            {"[grant", "service", "on", "access", "until", ";"}, grant
        explain = re.search(r'<pre id="explain"[^>]*>(.*?)</pre>', text, re.DOTALL)[1]
        assert len(explain.splitlines()) == 3 and explain.splitlines()[2] == "SQL", explain


def test_metrics_and_api(logged):
    text = logged.get("/metrics")[2]
    assert harmless(text) == []
    assert [line for line in lines_of(text) if line.startswith("silogate_violations_total")] == \
        [f"silogate_violations_total {len(logged.events('violation'))}"]
    for path in ("/api/", "/api/queries", "/api/why?user=billing_service&sql=SELECT+%60%1b%60"):
        text = logged.get(path)[2]
        json.loads(text)
        assert harmless(text) == []


def test_refused_logins_are_summed_up(mariadb, make_gate):
    """628 of unknown users in five seconds wrote 272 KB: now ten lines and a sum."""
    gate = make_gate(mariadb, ("log", "repeat", "60s"), ("proxy", "max_failed_logins", "0"))
    before = gate.violations_file.stat().st_size if gate.violations_file.exists() else 0
    for number in range(120):
        with pytest.raises((wire.Error, wire.Closed)):
            wire.connect(gate.port, f"guess{number}", password="x")
    gate.stop()
    refused = gate.events("login_refused")
    assert sum(one["count"] for one in refused) == 120
    assert len(refused) == 11 and refused[-1]["client"] == "127.0.0.1" and "user" not in refused[-1]
    assert gate.violations_file.stat().st_size - before < 6000


@pytest.mark.long
@pytest.mark.parametrize("name", [EVIL["c1"], EVIL["terminal"], EVIL["bidi"], b"a\x9b31mred"], ids=["c1", "terminal", "bidi", "bytes"])
def test_who_has_to_wait_is_named_harmlessly(mariadb, make_gate, name):
    """The operator's log names users whose answers are delayed."""
    gate = make_gate(mariadb, ("proxy", "max_failed_logins", "1"))
    for _ in range(2):
        with pytest.raises((wire.Error, wire.Closed)):
            wire.connect(gate.port, name, password="x")
    assert places.wait_for(lambda: "the answer waits" in gate.log())
    assert harmless(gate.log_file.read_bytes().decode()) == []
