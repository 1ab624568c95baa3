"""The forms of silogate report, also of logs whose texts are hostile."""
import collections
import csv
import html.parser
import io
import re

import pytest

from harness.reports import (NILECARE_EDGES, a_record, an_object, as_json, edges_of, lines, log,
                             report)  # noqa: F401: a fixture

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


def test_thousands_of_services_have_no_matrix(tmp_path):
    """3,000 by 3,000 cells were 335 MB of HTML."""
    log = tmp_path / "log"
    log.write_bytes(lines([a_record(f"s{i}", [an_object(f"s{i * 7 % 1000}", f"t{i}")], i, f"SELECT {i}")
                           for i in range(1000)]))
    page = report("--html", log)
    assert "are too many for a matrix" in page and len(page) < 4_000_000
    assert page.count("<h3>") >= 900


def test_an_empty_log(tmp_path):
    log = tmp_path / "empty"
    log.write_bytes(b"")
    for form in ("text", "markdown", "html", "csv", "json"):
        report(f"--{form}", log)
    assert "Nothing crosses." in report(log)


def test_a_byte_order_mark_costs_no_record(tmp_path, log):
    marked = tmp_path / "marked"
    marked.write_bytes(b"\xef\xbb\xbf" + log.read_bytes())
    assert as_json(marked)["records"] == as_json(log)["records"]
    assert as_json(marked)["bad_lines"] == 0


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
