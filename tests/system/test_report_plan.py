"""What is made of a log besides: silogate suggest, audit's findings beside it, plan and stubs."""
import collections
import re

import pytest
import yaml

from harness.reports import (NILECARE_EDGES, a_record, an_object, as_json, edges_of, lines, log, report,
                             silogate)  # noqa: F401: a fixture


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
    assert "- `billing`: 1 foreign key in the catalogue" in lines_of
    assert "- `business` can move: 0 left" in lines_of
    assert "- `clinical`: 1 view in the catalogue; 2 queries of 2 services, last seen Sunday, 2026-11-22" in lines_of
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
