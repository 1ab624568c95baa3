"""silogate's own question to the server leaves nothing behind that a client can see, and says whose it is.

Each probe is sent directly and through silogate, behind each kind of statement after which silogate no longer
knows how the server reads the next one; the answers are compared whole. What would be answered from the
question's own statement is either asked before it, or the question is undone."""
import itertools

import pytest

from harness import places, wire

UNKNOWN = {  # what the server alone knows after it, and a text that needs to know
    "mode": (["SET SESSION sql_mode = CONCAT(@@SESSION.sql_mode, LOWER(''))"], 'SELECT "x", code FROM lab_tests LIMIT 0'),
    "statement": (["SET @what = CONCAT('SELECT', ' 1')", "PREPARE lab_what FROM @what", "EXECUTE lab_what"],
                  "SELECT code FROM lab_tests LIMIT 0"),
    "charset": (["SET character_set_client = LOWER('UTF8MB4')"], "SELECT `code` FROM lab_tests LIMIT 0"),
    "several": (["SET SESSION sql_mode = CONCAT(@@SESSION.sql_mode, LOWER('')); SELECT nothing_of_that_name"],
                "SELECT `code` FROM lab_tests LIMIT 0"),
}
SETUP = ["CREATE TEMPORARY TABLE lab_traced (a INT AUTO_INCREMENT PRIMARY KEY, b INT)"]
LAST = ["INSERT INTO lab_traced (b) VALUES (1), (2), (3)",
        "SELECT SQL_CALC_FOUND_ROWS CAST('x' AS UNSIGNED), a FROM lab_traced LIMIT 1",
        "SELECT one.code, CAST('x' AS UNSIGNED) FROM lab_tests one, lab_tests two LIMIT 3",
        "SELECT nothing_of_that_name",
        "SET @here = 1"]
PROBES = ["SHOW WARNINGS", "SHOW COUNT(*) WARNINGS", "SHOW ERRORS", "SHOW /* \"mine\" */ WARNINGS LIMIT 5",
          "SELECT @@warning_count, @@error_count", "SELECT @@`warning_count` AS \"n\"",
          "SELECT FOUND_ROWS()", "SELECT FOUND_ROWS() AS \"n\"", "SELECT FOUND_ROWS() `n`, 'a\\\\b'",
          "SELECT ROW_COUNT()", "SELECT 'a\\\\', ROW_COUNT() FROM DUAL", "SELECT LAST_INSERT_ID() AS `n`",
          "SHOW SESSION STATUS LIKE 'Last\\_query\\_%'", "SHOW STATUS WHERE `Variable_name` = \"Last_query_cost\"",
          "SELECT LAST_INSERT_ID(), @@identity, @@insert_id",
          ("GET DIAGNOSTICS @many = NUMBER, @rows = ROW_COUNT", "SELECT @many, @rows"),
          ("SET @rows = ROW_COUNT(), @found = FOUND_ROWS()", "SELECT @rows, @found"),
          ("DO @found := FOUND_ROWS()", "SELECT @found AS `found`")]
PREPARED = ["SELECT FOUND_ROWS()", "SELECT ROW_COUNT()", "SELECT @@warning_count, @@error_count"]
WATCHING = ["SET profiling = 1", "SET optimizer_trace = 'enabled=on'"]
WATCHED = ["SHOW PROFILES", "SELECT QUERY_ID, SEQ, STATE FROM information_schema.PROFILING",
           "SELECT QUERY FROM information_schema.OPTIMIZER_TRACE",
           "SELECT `QUERY` FROM `information_schema`.`OPTIMIZER_TRACE`",
           ("USE information_schema", "SELECT QUERY FROM OPTIMIZER_TRACE", "SELECT \"x\", SEQ FROM PROFILING"),
           "SELECT @@profiling, @@optimizer_trace", "SELECT @silogate_profiling, @silogate_trace"]


@pytest.fixture
def gate(server, make_gate):
    return make_gate(server, ("policy", "mode", "log"), ("service:lab", "mode", "log"))


def answer(client, statement):
    try:
        return [one.rows if isinstance(one, wire.Results) else (one.affected, one.insert_id)
                for one in client.query(statement)]
    except wire.Error as error:
        return error.code, error.message


def both(server, gate, run):
    """What run(client) returns, directly and through silogate."""
    answers = []
    for port in (server.port, gate.port):
        client = wire.connect(port, "lab_service")
        answers.append(run(client))
        client.quit()
    return answers


def run_all(client, *lists):
    return [answer(client, statement) for statement in itertools.chain(*lists)]


@pytest.mark.parametrize("unknown", UNKNOWN)
def test_what_tells_of_the_last_statement(server, gate, unknown):
    """Behind each statement, with the loss before it or behind it, each probe is the next command. A backtick may
    be a letter where the character set is not known, so that the server is asked; and before a statement that names a
    table it is, which shows in FOUND_ROWS where that statement leaves it alone."""
    loss, asker = UNKNOWN[unknown]
    known = unknown == "mode"

    def probes(last):
        for probe in PROBES:
            texts = [probe] if isinstance(probe, str) else probe
            if known or "`" not in texts[0] and ("FOUND" not in texts[0] or last.startswith("SELECT")):
                yield texts

    def run(client):
        run_all(client, SETUP)
        for last, late in itertools.product(LAST, (False, True)):
            for texts in probes(last):
                yield (last, texts, late), run_all(client, [asker], *([[last], loss] if late else [loss, [last]]), texts)

    if server.dialect == "mysql":  # for Last_query_cost
        server.one_price()
    both(server, gate, lambda client: run_all(client, SETUP, LAST))  # pages that were read make a query cheaper
    mark = server.mark()
    directly, through = both(server, gate, lambda client: list(run(client)))
    assert not different(directly, through), "\n".join(different(directly, through))
    assert server.log(mark).count("SELECT /* silogate */ CAST(DATABASE()") >= len(through) / 2


@pytest.mark.parametrize("unknown", ["mode", "statement"])
def test_what_was_prepared_tells_of_it_too(server, gate, unknown):
    loss, asker = UNKNOWN[unknown]

    def run(client):
        run_all(client, SETUP)
        texts = PREPARED[:2] if server.dialect == "mysql" else PREPARED  # it does not prepare the last one
        before = {text: client.prepare(text)[0] for text in texts}
        for last, text, late in itertools.product(LAST, texts, (False, True)):
            run_all(client, [asker], loss, [last])
            statement = client.prepare(text)[0] if late else before[text]
            yield (last, text, late), [one.rows for one in client.execute(statement)]

    directly, through = both(server, gate, lambda client: list(run(client)))
    assert not different(directly, through), "\n".join(different(directly, through))


def different(directly, through):
    """One line for each that is answered otherwise."""
    return [f"{case}: {one} {other}" for (case, one), (_, other) in zip(directly, through, strict=True) if one != other]


def without_times(statement, answers):
    return [[row[::2] for row in rows] for rows in answers] if statement == "SHOW PROFILES" else answers


@pytest.mark.long(short=6)
@pytest.mark.parametrize("watching", [WATCHING, WATCHING[:1], WATCHING[1:], WATCHING[::-1]])
@pytest.mark.parametrize("unknown", UNKNOWN)
def test_who_watches_what_it_executes(server, gate, unknown, watching):
    """Profiles and the optimizer's trace have the client's own statements alone, under the same numbers, and stay
    on or off as they were; several traces are kept where the server can."""
    loss, asker = UNKNOWN[unknown]
    several = ["SET optimizer_trace_offset = -20, optimizer_trace_limit = 20"] if server.dialect == "mysql" else []

    def run(client):
        run_all(client, SETUP, several, watching, LAST, loss, [asker], LAST[:2], loss, [asker])
        yield from ((text, without_times(text, answer(client, text)))
                    for probe in WATCHED for text in ([probe] if isinstance(probe, str) else probe))

    mark = server.mark()
    directly, through = both(server, gate, lambda client: list(run(client)))
    assert not different(directly, through), "\n".join(different(directly, through))
    assert server.log(mark).count("SELECT /* silogate */ CAST(DATABASE()") >= 2
    assert directly[0][1] != [[]] or watching == WATCHING[1:]


@pytest.mark.parametrize("connection", ["utf8mb4_bin", "ucs2_bin", "swe7_bin"])
@pytest.mark.parametrize("trace", ["enabled=on", "enabled=on,one_line=on", "enabled=off,one_line=on"])
def test_watching_stays_as_it_is(server, gate, trace, connection):
    """Every setting of it, with any character set, and the warnings of before where the server keeps them."""
    loss, asker = UNKNOWN["mode"]

    def run(client):
        run_all(client, [f"SET optimizer_trace = '{trace}'", "SET profiling = 1", f"SET collation_connection = {connection}",
                         *loss, asker, "SELECT CAST('x' AS UNSIGNED)", *loss])
        yield from ((text, without_times(text, answer(client, text)))
                    for text in ("SHOW WARNINGS", "SELECT @@optimizer_trace, @@profiling", asker, "SHOW WARNINGS",
                                 "SELECT QUERY FROM information_schema.OPTIMIZER_TRACE", "SHOW PROFILES"))

    directly, through = both(server, gate, lambda client: list(run(client)))
    assert not different(directly, through), "\n".join(different(directly, through))


def test_watching_that_is_over(server, gate):
    """Whoever stopped watching is not made to watch again, nor is a session that is used anew. (MariaDB goes on with
    profiles behind COM_RESET_CONNECTION, though @@profiling is 0 then: what it lists is not compared.)"""
    loss, asker = UNKNOWN["mode"]

    def run(client):
        run_all(client, WATCHING)
        client.ok(b"\x1f")
        run_all(client, loss, [asker])
        yield "SELECT @@profiling", answer(client, "SELECT @@profiling, @@optimizer_trace")
        client = wire.connect(client.socket.getpeername()[1], "lab_service")
        run_all(client, WATCHING, ["SET profiling = 0, optimizer_trace = 'enabled=off'"], loss, [asker])
        yield from ((text, without_times(text, answer(client, text)))
                    for text in ("SELECT @@profiling, @@optimizer_trace", "SHOW PROFILES"))
        client.quit()

    directly, through = both(server, gate, lambda client: list(run(client)))
    assert not different(directly, through), "\n".join(different(directly, through))


def test_it_says_whose_it_is(server, gate):
    """In the general log, in the slow log and in performance_schema, what stops and starts a trace included."""
    slow = server.data / "no-trace-slow.log"
    loss, asker = UNKNOWN["mode"]
    server.sql("SET GLOBAL slow_query_log = 0", f"SET GLOBAL slow_query_log_file = '{slow}'",
               "SET GLOBAL long_query_time = 0", "SET GLOBAL slow_query_log = 1",
               "UPDATE performance_schema.setup_consumers SET ENABLED = 'YES' WHERE NAME LIKE 'events_statements_%'")
    try:
        client = wire.connect(gate.port, "lab_service")
        mark = server.mark()
        run_all(client, WATCHING, loss, [asker])
        kept = [text for text, in server.sql("SELECT SQL_TEXT FROM performance_schema.events_statements_history"
                                             " WHERE SQL_TEXT LIKE '%@@%'")]
        client.quit()
        own = ("SELECT /* silogate */ CAST(DATABASE()", "SET /* silogate */ @silogate_profiling=",
               "SET /* silogate */ optimizer_trace=@silogate_trace")
        general = server.log(mark)
        assert places.wait_for(lambda: all(one in slow.read_text(errors="replace") for one in own))
        for one in own:
            assert one in general, one
        assert any(own[0] in text for text in kept), kept
    finally:
        server.sql("SET GLOBAL slow_query_log = 0", "SET GLOBAL long_query_time = 10")
        slow.unlink(missing_ok=True)
