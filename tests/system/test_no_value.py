"""Values of patients come out nowhere: a value in each form and place that SQL has for one, in `log` and
in `block` mode; then every output is searched for it."""
import re
import urllib.parse

import pytest

from harness import gate as gates, places, wire

WORD, NUMBER, HEX = "Amal4711zx", "4711047110", "416d616c3437"
VALUE = re.compile("|".join((WORD, WORD[:6], "4711zx", NUMBER, HEX, "616d616c34")), re.IGNORECASE)
TABLE = "clinical_data.patients"
STATEMENTS = {
    "string": f"SELECT * FROM {TABLE} WHERE last_name = '{WORD}'",
    "double_quoted": f'SELECT * FROM {TABLE} WHERE last_name = "{WORD}"',
    "escapes": f"SELECT * FROM {TABLE} WHERE last_name = 'a\\'{WORD}''{WORD}\\\\'",
    "adjacent": f"SELECT * FROM {TABLE} WHERE last_name = 'a' '{WORD}'\n\"{WORD}\"",
    "national": f"SELECT * FROM {TABLE} WHERE last_name = N'{WORD}' OR last_name = n'{WORD}'",
    "introducer": f"SELECT * FROM {TABLE} WHERE last_name = _utf8mb4'{WORD}' COLLATE utf8mb4_bin",
    "no_introducer": f"SELECT * FROM {TABLE} WHERE last_name = _nothing'{WORD}'",
    "hex": f"SELECT * FROM {TABLE} WHERE last_name = 0x{HEX} OR last_name = X'{HEX}' OR id = _utf8 0x{HEX}",
    "odd_hex": f"SELECT * FROM {TABLE} WHERE last_name = x'{HEX}4' OR last_name = 0x{HEX}zz",
    "bits": f"SELECT * FROM {TABLE} WHERE last_name = b'0100{NUMBER}' OR last_name = 0b0100",
    "number": f"SELECT * FROM {TABLE} WHERE phone = {NUMBER} OR phone = -{NUMBER}.5e3 OR phone=.{NUMBER}",
    "glued": f"SELECT * FROM {TABLE} WHERE phone={NUMBER}and 1={NUMBER}or 2 IN({NUMBER},{NUMBER})",
    "limit": f"SELECT * FROM {TABLE} LIMIT {NUMBER} OFFSET {NUMBER}",
    "date": f"SELECT * FROM {TABLE} WHERE birth_date = DATE'{WORD}' OR birth_date = {{d '{WORD}'}}",
    "interval": f"SELECT * FROM {TABLE} WHERE NOW() < birth_date + INTERVAL {NUMBER} DAY",
    "list": f"SELECT * FROM {TABLE} WHERE last_name IN ('{WORD}', '{WORD}', {NUMBER}) OR (1, 'x') IN (({NUMBER}, '{WORD}'))",
    "between": f"SELECT * FROM {TABLE} WHERE last_name BETWEEN '{WORD}' AND '{WORD}' AND last_name LIKE '%{WORD}%' ESCAPE '|'",
    "alias": f"SELECT 1 AS '{WORD}', 2 '{WORD}' FROM {TABLE}",
    "function": f"SELECT JSON_EXTRACT(last_name, '$.{WORD}'), last_name->'$.{WORD}', MATCH(last_name) AGAINST ('{WORD}') FROM {TABLE}",
    "insert": f"INSERT INTO {TABLE} (id, last_name) VALUES ('{WORD}', '{WORD}'), ({NUMBER}, N'{WORD}') ON DUPLICATE KEY UPDATE last_name = '{WORD}'",
    "insert_set": f"INSERT INTO {TABLE} SET last_name = '{WORD}', phone = {NUMBER}",
    "update": f"UPDATE {TABLE} SET last_name = '{WORD}' WHERE phone = {NUMBER}",
    "comment": f"SELECT /* {WORD} */ * FROM {TABLE} -- {WORD}\n # {WORD}\n WHERE 1 = 1 /* {WORD} */",
    "comment_with_tags": f"SELECT * FROM {TABLE} /*patient='{WORD}',route='/patients/:id',{WORD}='x'*/",
    "comment_that_is_none": f"SELECT '/*route=', '{WORD}' FROM {TABLE} WHERE 'x' = '*/'",
    "comment_in_a_string": f"SELECT * FROM {TABLE} WHERE last_name = '\\'/*route=' AND 1 = '{WORD}'/**/",
    "executable": f"SELECT * FROM {TABLE} /*!50000 WHERE last_name = '{WORD}' */ /*!99999 AND {WORD} = '{WORD}' */ /*M! AND phone = {NUMBER} */",
    "hint": f"SELECT /*+ MAX_EXECUTION_TIME({NUMBER}) {WORD} */ * FROM {TABLE} WHERE last_name = '{WORD}'",
    "variable": f"SELECT @'{WORD}', @\"{WORD}\" := '{WORD}' FROM {TABLE}",
    "unclosed": f"SELECT * FROM {TABLE} WHERE last_name = '{WORD}",
    "unclosed_name": f"SELECT * FROM {TABLE} WHERE `{WORD}",
    "unclosed_comment": f"SELECT * FROM {TABLE} WHERE last_name = '{WORD}' /* {WORD}",
    "unclosed_executable": f"SELECT * FROM {TABLE} /*!50000 WHERE last_name = '{WORD}'",
    "dollars": f"SELECT * FROM {TABLE} WHERE last_name = $${WORD}$$ OR last_name = $x${WORD} '{WORD}$x$",
    "nonsense": f"SELECT * FROM {TABLE} WHERE ( '{WORD}' ) ) {NUMBER} FROM FROM '{WORD}' ^ \\{NUMBER} \x01",
    "bytes": b"SELECT * FROM clinical_data.patients WHERE last_name = '\xbf\xff" + WORD.encode() + b"\xe4'",
    "a_byte_outside": b"SELECT * FROM clinical_data.patients WHERE last_name = \xff'" + WORD.encode() + b"'",
    "a_zero": f"SELECT * FROM {TABLE} WHERE last_name = '{WORD}\0{WORD}' \0 OR '{WORD}'",
    "long": f"SELECT * FROM {TABLE} WHERE last_name IN (" + ", ".join(
        f"'{WORD}', CONCAT('{WORD}', {NUMBER})" for _ in range(2000)) + ")",
    "dynamic": f"PREPARE p FROM 'SELECT * FROM {TABLE} WHERE last_name = ''{WORD}'''",
    "immediate": f"EXECUTE IMMEDIATE 'SELECT * FROM {TABLE} WHERE last_name = \"{WORD}\"'",
    "undetermined": f"PREPARE p FROM @{'x'}; EXECUTE p USING @y /* {WORD} */",
    "call": f"CALL clinical_data.anonymize('{WORD}', {NUMBER})",
    "routine": f"CREATE FUNCTION clinical_data.f() RETURNS INT RETURN (SELECT {NUMBER} FROM {TABLE} WHERE last_name = '{WORD}')",
    "file": f"LOAD DATA LOCAL INFILE '/nowhere/{WORD}.csv' INTO TABLE {TABLE} FIELDS TERMINATED BY '{WORD}'",
    "show": f"SHOW COLUMNS FROM {TABLE} LIKE '{WORD}%'",
    "describe": f"DESCRIBE {TABLE} '{WORD}'",
    "signal": f"BEGIN NOT ATOMIC SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{WORD}'; SELECT 1 FROM {TABLE}; END",
    "account": f"CREATE USER '{WORD}'@'{WORD}' IDENTIFIED BY '{WORD}'",
    "password": f"SET PASSWORD FOR no_such_user = '{WORD}'",
    "duplicate": f"INSERT INTO {TABLE} (id, last_name) SELECT id, '{WORD}' FROM {TABLE} LIMIT 1",
    "several": f"SELECT '{WORD}'; SELECT * FROM {TABLE} WHERE last_name = '{WORD}'; SELECT {NUMBER}",
}
MULTI = wire.USUAL | wire.MULTI_STATEMENTS


def send(gate, mode_of_session, statements):
    """Each statement in a session that may have been told a sql_mode; those of them that nothing was
    recorded of, and what clients were told by silogate."""
    silent, told = [], []
    connection = wire.connect(gate.port, "billing_service", capabilities=MULTI)
    for name, statement in statements.items():
        try:
            connection.query(f"SET sql_mode = '{mode_of_session}'")
            before = gate.violations_file.stat().st_size
            connection.command(connection.query_bytes(statement))
            connection.answers()
        except wire.Error as error:
            told += [str(error)] if "silogate" in str(error) else []
        except wire.Closed:
            connection = wire.connect(gate.port, "billing_service", capabilities=MULTI)
        if not places.wait_for(lambda: gate.violations_file.stat().st_size > before, every=0.005):
            silent.append(name)
    connection.close()
    return silent, told


def outputs(gate):
    """All that people and tools get to see, by name."""
    shown = {"the log": gate.violations_file.read_text(), "silogate's own log": gate.log()}
    for form in ("text", "markdown", "html", "csv", "json"):
        shown[f"report --{form}"] = gates.run("report", f"--{form}", gate.violations_file).stdout
    baseline = gate.folder / "baseline"
    gates.run("report", "--baseline", baseline, gate.violations_file)
    shown["the baseline"] = baseline.read_text()
    shown["suggest"] = gates.run("suggest", gate.violations_file).stdout
    return shown


def found_in(shown):
    return {name: sorted({text[max(0, one.start() - 90):one.end() + 20]
                          for one in VALUE.finditer(text)})[:3]
            for name, text in shown.items() if VALUE.search(text)}


@pytest.mark.long(short=2)
@pytest.mark.parametrize("mode", ["log", "block"])
@pytest.mark.parametrize("sql_mode", ["", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES"])
def test_no_value_comes_out(server, make_gate, mode, sql_mode):
    gate = make_gate(server, ("policy", "unowned", "log"), ("policy", "administration", mode),
                     ("service:billing", "mode", mode), ("log", "repeat", "0"))
    silent, told = send(gate, sql_mode, STATEMENTS)
    assert silent == []
    assert bool(told) == (mode == "block")
    pages = {path: gate.get(path)[2] for path in (
        "/", "/metrics", "/policy", "/api/", "/api/queries", "/api/violations", "/api/matrix")}
    told_of = gate.metrics().total("violations_total")
    assert places.wait_for(lambda: len(gate.events("violation")) == told_of)
    assert found_in({**outputs(gate), **pages, "errors": "\n".join(told)}) == {}


def test_asking_why_leaves_no_trace(mariadb, make_gate):
    """The page shows again what was asked; nothing keeps it."""
    gate = make_gate(mariadb)
    for statement in STATEMENTS.values():
        if isinstance(statement, str) and len(statement) < 5000:
            asked = urllib.parse.urlencode({"user": "billing_service", "sql": statement})
            assert gate.get(f"/api/why?{asked}")[0] == 200
            assert not VALUE.search(gate.get(f"/api/why?{asked}")[2]), statement
    assert found_in({**outputs(gate), "/": gate.get("/")[2], "/metrics": gate.get("/metrics")[2]}) == {}


@pytest.mark.parametrize("dialect", ["mariadb", "mysql"])
def test_explain_tells_no_value(tmp_path, dialect):
    file = tmp_path / "statements"
    file.write_bytes(b"\0".join(one if isinstance(one, bytes) else one.replace("\0", "").encode()
                                for one in STATEMENTS.values()))
    for more in ([], ["--json"], ["--sql-mode", "ANSI_QUOTES"]):
        done = gates.run("explain", "-c", gates.servers.EXAMPLE / "proxy.ini", "--user",
                         "billing_service", "--dialect", dialect, "--null", *more, file)
        assert done.returncode == 1 and "clinical_data" in done.stdout
        assert found_in({"explain": done.stdout, "errors": done.stderr}) == {}
