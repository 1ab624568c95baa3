"""silogate's own question to the server leaves nothing behind that a client can see, and says whose it is."""
import pytest

from harness import wire

ASKED = "SET SESSION sql_mode = CONCAT(@@SESSION.sql_mode, LOWER(''))"  # where it leads, only the server knows


@pytest.mark.parametrize("statement", [
    "SHOW WARNINGS", "SELECT @@warning_count, @@error_count", "SELECT FOUND_ROWS()", "SELECT ROW_COUNT()",
    "SELECT LAST_INSERT_ID()", "SHOW PROFILES",
    "SELECT QUERY_ID, STATE FROM information_schema.PROFILING WHERE SEQ = 2",
    "SELECT QUERY FROM information_schema.OPTIMIZER_TRACE"])
def test_what_tells_of_the_last_statement(server, silogate, statement):
    answers = []
    for port in (server.port, silogate.port):
        client = wire.connect(port, "lab_service")
        for text in ("SET profiling = 1", "SET optimizer_trace = 'enabled=on'",
                     "CREATE TEMPORARY TABLE lab_traced (a INT AUTO_INCREMENT PRIMARY KEY, b INT)",
                     "INSERT INTO lab_traced (b) VALUES (1), (2), (3)", ASKED):
            client.query(text)
        client.query("SELECT SQL_CALC_FOUND_ROWS CAST('x' AS UNSIGNED) FROM lab_traced LIMIT 1")
        client.query(ASKED)
        try:
            answers.append([row for row in client.query(statement)[0].rows])
        except wire.Error as error:
            answers.append(error.code)
        client.quit()
    if statement == "SHOW PROFILES":  # their times differ
        answers = [[row[2] for row in rows if "silogate" not in row[2]] for rows in answers]
    assert answers[0] == answers[1]


def test_it_says_whose_it_is(server, make_gate):
    gate = make_gate(server)
    client = wire.connect(gate.port, "lab_service")
    mark = server.mark()
    client.query(ASKED)
    client.query("SELECT 'anything'")
    log = server.log(mark)
    assert "SELECT /* silogate */ CAST(DATABASE()" in log
    client.quit()
