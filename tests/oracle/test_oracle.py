"""The differential oracle, shortened: the same statements at each run, so that a failure can be met
again. `make oracle` is the long form, with new statements at each run."""
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import oracle  # noqa: E402
from harness import places  # noqa: E402

STATEMENTS = int(os.environ.get("ORACLE_STATEMENTS", "1500"))
FEW = 400  # of which a rare form that stays undetermined may be a larger part than it is of many


@pytest.mark.parametrize("source, count", [
    ("generated", FEW), pytest.param("generated", STATEMENTS, marks=pytest.mark.long), ("golden", 0)])
@pytest.mark.parametrize("dialect", ["mariadb", "mysql"])
def test_the_servers_agree(dialect, source, count, capsys):
    findings = oracle.run(dialect, source, str(places.SILOGATE), 2024, count)
    oracle.report(dialect, source, findings, 20, 0)
    text = capsys.readouterr().out
    assert findings.counts["accepted"] > 0.8 * findings.counts["statements"] > 50, text
    assert findings.counts["whole"] > 20, text
    assert oracle.acceptable(source, findings, 50 if count == FEW else 200), text


def test_the_oracle_sees_what_is_missed():
    """A need that nobody lists is a miss, a list that nobody needs is a phantom."""
    from explain import Facts
    from generate import Statement
    from judge import Need, Outcome

    facts = Facts()
    facts.add({"kind": "select", "determined": True, "reason": "unowned", "objects": [
        {"type": "table", "schema": "shop", "name": "log", "access": ["read"], "verdict": "log", "reason": "unowned"}]})
    outcome, findings = Outcome(), oracle.Findings()
    outcome.whole = True
    outcome.needs = [Need("table", "shop", "users", "SELECT"), Need("table", "shop", "log", "INSERT")]
    statement = Statement(b"SELECT * FROM users", "select", False)
    oracle.compare(statement, facts, outcome, "mysql", False, True, findings)
    assert len(findings.listed["missed"]) == 1 and "users" in findings.listed["missed"][0][1]
    assert "insert" in findings.listed["missed"][0][1]
    outcome.needs = []
    oracle.compare(statement, facts, outcome, "mysql", False, True, findings)
    assert findings.counts["phantom"] == 1 and not oracle.acceptable("generated", findings)
