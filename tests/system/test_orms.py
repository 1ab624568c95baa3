"""What drivers, ORMs and migration tools send at connect and to look at the schema (orms.sql) gets the same
answers through silogate, in mode log and in mode block, as directly: nothing is refused that every account may
read by default, and nothing of it is a violation.
The upstream's leg is as plain as the client's is: what `SHOW STATUS LIKE 'Ssl_cipher'` tells is the upstream's."""
import re

import pytest

from harness import places, wire

INI = """[proxy]
listen = 127.0.0.1:1
admin = off
[policy]
mode = {mode}
unowned = block
[upstream:main]
address = 127.0.0.1:1
tls = off
[log]
violations = stdout
repeat = 0
[service:app]
user = lab_service
upstream = main
owns = orms.*
"""
TABLES = ["CREATE TABLE orms.people (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(255), born DATE, CHECK (name <> ''))",
          "CREATE TABLE orms.visits (id INT AUTO_INCREMENT PRIMARY KEY, person INT NOT NULL, note TEXT, KEY person (person),"
          " CONSTRAINT visits_person FOREIGN KEY (person) REFERENCES people (id) ON DELETE CASCADE)",
          "CREATE VIEW orms.named AS SELECT id, name FROM orms.people WHERE name IS NOT NULL",
          "INSERT INTO orms.people (name) VALUES ('a \"quoted\" name'), ('O''Neill'), (NULL)"]
TEXT = (places.TOP / "tests/system/orms.sql").read_text()
SENT = {title: body.strip().splitlines() for title, body in re.findall(r"(?ms)^-- ([^\n]*)\n((?:(?!-- )[^\n]+\n)+)", TEXT)
        if not body.startswith("--")}
TIMES = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?")


@pytest.fixture(scope="module")
def schema(server):
    server.sql("CREATE DATABASE orms CHARACTER SET utf8mb4", *TABLES, "GRANT ALL ON orms.* TO lab_service@'%'")
    if server.dialect == "mysql":  # for EXPLAIN
        server.one_price()
    yield
    if server.sql("SHOW DATABASES LIKE 'orms'"):  # a module's end may have restored all that was there
        server.sql("DROP DATABASE orms", "REVOKE ALL ON orms.* FROM lab_service@'%'")


def answers(port, statements, prepared):
    """One line a statement: all of its answer but times, and whether it can be prepared where it is."""
    client = wire.connect(port, "lab_service", database="orms")
    out = []
    for statement in statements:
        try:
            if prepared:
                number, _, _ = client.prepare(statement)
                said = [(one.columns, one.rows, one.warnings) if isinstance(one, wire.Results) else (one.affected, one.info)
                        for one in client.execute(number)]
            else:
                said = [(one.columns, one.rows, one.warnings) if isinstance(one, wire.Results)
                        else (one.affected, one.insert_id, one.status, one.warnings, one.info) for one in client.query(statement)]
        except wire.Error as error:
            said = (error.code, error.state, error.message)
        out.append(TIMES.sub("", repr(said)))
    client.quit()
    return out


def test_the_list_is_whole():
    assert len(SENT) == 13 and sum(map(len, SENT.values())) == len(re.findall(r"(?m)^(?!-- )\S", TEXT)) > 160


@pytest.mark.parametrize("prepared", [False, True], ids=["text", "prepared"])
@pytest.mark.parametrize("mode", ["log", "block"])
def test_drivers_and_orms_notice_nothing(server, schema, make_gate, mode, prepared):
    gate = make_gate(server, ini=INI.format(mode=mode))
    different = []
    for title, statements in SENT.items():
        directly = answers(server.port, statements, prepared)
        through = answers(gate.port, statements, prepared)
        different += [f"{title}: {statement}\n  {one[:500]}\n  {other[:500]}"
                      for statement, one, other in zip(statements, directly, through, strict=True) if one != other]
        assert sum(one.startswith("[") for one in directly) > len(statements) / 2, title  # they are what servers know
    assert not different, "\n".join(different)
    gate.stop()
    assert not gate.events("violation")
