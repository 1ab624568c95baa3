"""The rehearsal of a move: what would keep it back, by service, in --status, metrics, on the dashboard and in the log's report."""
import json
import re
import subprocess

import pymysql
import pytest

from harness import places
from test_moves import INI, make_scene  # noqa: F401: the fixture


def test_a_rehearsal_names_long_transactions(make_scene):  # noqa: F811
    scene = make_scene(ini=INI.replace("hold = 10s", "hold = 500ms"))
    scene.server.sql("SET GLOBAL time_zone = '+05:00'")
    try:
        with scene.connect("mv_payment") as client, client.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("INSERT INTO audit VALUES ('x')")
            told = places.wait_for(lambda: re.search(r"longer than the hold: a transaction of payment for (\d+) s, user"
                                                     r" mv_payment", scene.move("--status").stdout), 60)
            assert told and int(told.group(1)) < 600
            cursor.execute("ROLLBACK")
        assert "longer than the hold" not in scene.move("--status").stdout
    finally:
        scene.server.sql("SET GLOBAL time_zone = 'SYSTEM'")


@pytest.mark.long
def test_the_rehearsal_by_service(make_scene):  # noqa: F811
    """On the dashboard and in the metrics: what cannot be mapped, and transactions longer than the hold when they are over."""
    scene = make_scene(ini=INI.replace("hold = 10s", "hold = 2s"))
    with scene.connect() as billing, billing.cursor() as mine, scene.connect("mv_payment") as payment, \
            payment.cursor() as theirs:
        for text in ("BEGIN", "SELECT COUNT(*) FROM t0", "DO SLEEP(4)", "COMMIT", "BEGIN", "SELECT COUNT(*) FROM t0", "COMMIT"):
            mine.execute(text)
        theirs.execute("SHOW TABLES")
        for text in ("BEGIN", "SELECT COUNT(*) FROM audit", "DO SLEEP(4)", "COMMIT"):  # of no move
            theirs.execute(text)

    def counts():
        metrics = scene.gate.metrics()
        return [metrics.total(f"moves_{what}_total", service=service) for what in ("unmapped", "overlong")
                for service in ("billing", "payment")]

    assert places.wait_for(lambda: counts() == [0, 1, 1, 0]), counts()
    _, _, page = scene.gate.get("/")
    table = page[page.index("What keeps the moves of proxy.ini back"):]
    words = re.sub("<[^>]*>", " ", table[:table.index("</table>")]).split()
    assert words[words.index("billing"):][:3] == ["billing", "0", "1"], words
    assert words[words.index("payment"):][:3] == ["payment", "1", "0"], words

    def told(*options):
        return subprocess.run([str(places.SILOGATE), "report", *options, str(scene.gate.violations_file)],
                              capture_output=True, text=True, timeout=60).stdout

    # and out of the log, when nobody runs any more: of each service what it was, with a digest
    assert places.wait_for(lambda: len(json.loads(told("--json"))["rehearsals"]) == 2, 30), told("--json")
    listed = {(one["service"], one["reason"], one["count"]) for one in json.loads(told("--json"))["rehearsals"]}
    assert listed == {("billing", "a transaction longer than the hold", 1),
                      ("payment", "a list of what stands in a database", 1)}, listed
    assert re.search(r"1 +billing +a transaction longer than the hold +(?!0{16})[0-9a-f]{16} ", told("--text")), told("--text")
    assert "What would keep a move back" in told("--html") and "What would keep a move back" in told("--markdown")


def test_what_is_a_list(make_scene):  # noqa: F811
    """What tells of tables, or acts on all of a database, counts; what does neither does not."""
    scene = make_scene(ini=INI.replace("mode = block", "mode = log").replace("unowned = block", "unowned = allow"))
    scene.server.sql("REVOKE DROP ON mv_old.* FROM mv_billing@'%'")
    tables = ["TABLES", "COLUMNS", "STATISTICS", "KEY_COLUMN_USAGE", "TABLE_CONSTRAINTS", "referential_constraints",
              "CHECK_CONSTRAINTS", "PARTITIONS", "TRIGGERS", "VIEWS"]
    counted = [f"SELECT COUNT(*) FROM information_schema.{name}" for name in tables] + [
        "SHOW TABLES", "SHOW FULL TABLES FROM mv_old LIKE 't%'", "SHOW TABLE STATUS", "SHOW OPEN TABLES FROM mv_old", "SHOW TRIGGERS",
        "GRANT SELECT ON mv_old.* TO nobody_at_all", "DROP DATABASE mv_old"]
    others = ["SHOW CREATE DATABASE mv_old", "SHOW EVENTS", "SHOW EVENTS FROM mv_old", "SHOW TABLES FROM information_schema",
              "SHOW CREATE TABLE t0", "SHOW INDEX FROM t0", "SHOW COLUMNS FROM t0 FROM mv_old", "USE mv_old", "SHOW DATABASES",
              "SELECT COUNT(*) FROM information_schema.SCHEMATA", "DROP DATABASE mv_nothing"]

    def count():
        return scene.gate.metrics().total("moves_unmapped_total", service="billing")

    with scene.connect() as client, client.cursor() as cursor:
        for text in others + counted:  # the account may neither grant nor drop: it is the words that count
            try:
                cursor.execute(text)
                cursor.fetchall()
            except pymysql.err.MySQLError as error:
                assert error.args[0] in (1008, 1044, 1142, 1227, 1410, 1133), (text, error)
            wanted = counted.index(text) + 1 if text in counted else 0
            assert places.wait_for(lambda wanted=wanted: count() == wanted, 30), (text, count(), wanted)
    assert scene.server.sql("SHOW TABLES FROM mv_old LIKE 't0'") == (("t0",),)


def test_more_reasons_than_the_report_tells_apart(tmp_path):
    """It says so, and that it is not complete."""
    log = tmp_path / "log"
    record = {"ts": "2026-11-01T00:00:00.000000Z", "event": "rehearsal", "service": "billing"}
    for count, complete in ((200, True), (201, False)):
        log.write_text("".join(json.dumps({**record, "reason": f"reason {number}"}) + "\n" for number in range(count)))
        for options in (["--text"], ["--markdown"], ["--html"], ["--json"]):
            told = subprocess.run([str(places.SILOGATE), "report", *options, str(log)], capture_output=True, text=True, timeout=60)
            if options == ["--json"]:
                assert json.loads(told.stdout)["complete"] is complete
            else:
                assert ("more services and reasons that would keep a move back" in told.stdout) is not complete, told
