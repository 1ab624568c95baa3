"""Transactions that write to what several services own: recorded when they are over, and the report says
which of their statements could run after the commit."""
import json

import pytest

from harness import gate as gates, wire

NAMES = ("shop", "stock", "ledger", "mail")
INI = "\n".join(["[proxy]", "workers = 1", "unknown_user = reject", "default_upstream = main", "[policy]",
                 "mode = log", "unowned = log", "[upstream:main]"] + [
                     line for name in NAMES for line in (
                         f"[service:{name}]", f"user = tx_{name}", "upstream = main", f"owns = {name}_tx.*")]) + "\n"

OWN = "UPDATE shop_tx.t SET n = n + 1 WHERE id = 1"
STOCK, LEDGER = "UPDATE stock_tx.t SET n = 2 WHERE id = 1", "INSERT INTO ledger_tx.t (n) VALUES (3)"
READ = "SELECT n FROM stock_tx.t WHERE id = 1"


@pytest.fixture(scope="module")
def tables(server):
    for name in NAMES:
        server.sql(f"CREATE DATABASE {name}_tx",
                   f"CREATE TABLE {name}_tx.t (id INT AUTO_INCREMENT PRIMARY KEY, n INT) ENGINE=InnoDB",
                   f"INSERT INTO {name}_tx.t (n) VALUES (1)",
                   f"CREATE USER IF NOT EXISTS 'tx_{name}'@'%' IDENTIFIED BY 'tx'",
                   f"GRANT ALL ON *.* TO 'tx_{name}'@'%'")
    yield server
    for name in NAMES:
        server.sql(f"DROP DATABASE {name}_tx", f"DROP USER 'tx_{name}'@'%'")


@pytest.fixture
def make_shop(tables, make_gate):
    def make(*changes, user="shop"):
        gate = make_gate(tables, *changes, ini=INI)
        return gate, wire.connect(gate.port, f"tx_{user}", password="tx", database=None,
                                  capabilities=wire.USUAL | wire.MULTI_STATEMENTS)
    return make


def run(connection, *statements):
    for statement in statements:
        connection.query(statement)


def told(gate):
    """The transactions of the report, the statements by their text; all records are read."""
    gate.stop()
    report = json.loads(gates.run("report", "--json", gate.violations_file).stdout)
    texts = {one["digest"]: one["statement"] for one in report["queries"]}
    return sorted((one["service"], one["owners"], one["transactions"], one["more"],
                   [(texts[step["digest"]].split(" WHERE")[0], step["owner"], step["after_commit"].split(":")[0])
                    for step in one["statements"]]) for one in report["transactions"])


STOCK_STEP, LEDGER_STEP = "UPDATE stock_tx.t SET n = ?", "INSERT INTO ledger_tx.t (n) VALUES (?)"
CASES = {
    # what is written, and whether it can go behind the commit
    "independent": ([OWN, STOCK], ("shop, stock", [(STOCK_STEP, "stock", "yes")])),
    "the other's first": ([STOCK, OWN], ("stock, shop", [(STOCK_STEP, "stock", "yes")])),
    "read again": ([OWN, STOCK, READ], ("shop, stock", [(STOCK_STEP, "stock", "no")])),
    "read before it alone": ([READ, OWN, STOCK], ("shop, stock", [(STOCK_STEP, "stock", "yes")])),
    "read again into its own": ([OWN, STOCK, "INSERT INTO shop_tx.t (n) SELECT n FROM stock_tx.t"],
                                ("shop, stock", [(STOCK_STEP, "stock", "no")])),
    "two updates go together": ([OWN, STOCK, "UPDATE stock_tx.t SET n = n + 1 WHERE n > 5"],
                                ("shop, stock", [(STOCK_STEP, "stock", "yes"),
                                                 ("UPDATE stock_tx.t SET n = n + ?", "stock", "yes")])),
    "one of two": ([OWN, STOCK, LEDGER, READ], ("shop, stock, ledger", [(STOCK_STEP, "stock", "no"),
                                                                         (LEDGER_STEP, "ledger", "yes")])),
    "in one command": ([OWN, f"{STOCK}; {READ}"], ("shop, stock", [(STOCK_STEP, "stock", "no")])),
}


@pytest.mark.parametrize("case", CASES)
def test_what_could_run_after_the_commit(make_shop, case):
    statements, (owners, steps) = CASES[case]
    gate, connection = make_shop(("log", "repeat", "0"))
    run(connection, "BEGIN", *statements, "COMMIT")
    connection.close()
    assert told(gate) == [("shop", owners, 1, False, steps)]


def test_without_begin(make_shop):
    """autocommit = 0, as Python's and Java's drivers have it: the first statement opens it."""
    gate, connection = make_shop(("log", "repeat", "0"))
    run(connection, "SET autocommit = 0", STOCK, OWN, "COMMIT", READ, STOCK, "COMMIT")
    connection.close()
    assert told(gate) == [("shop", "stock, shop", 1, False, [(STOCK_STEP, "stock", "yes")])]


@pytest.mark.parametrize("mode", ["1", "0"])
def test_a_failed_statement_before_it_is_no_step(make_shop, mode):
    gate, connection = make_shop(("log", "repeat", "0"))
    run(connection, f"SET autocommit = {mode}")
    with pytest.raises(wire.Error):
        connection.query("INSERT INTO ledger_tx.t (id, n) VALUES (1, 1)")
    run(connection, "BEGIN", OWN, STOCK, "COMMIT")
    connection.close()
    assert told(gate) == [("shop", "shop, stock", 1, False, [(STOCK_STEP, "stock", "yes")])]


def test_what_is_none(make_shop):
    """One owner alone, without a transaction, or one that has ended with the session."""
    gate, connection = make_shop(("log", "repeat", "0"))
    run(connection, STOCK, OWN, "BEGIN", STOCK, READ, "COMMIT", "BEGIN", OWN, "COMMIT", "BEGIN", OWN, STOCK)
    connection.close()
    assert told(gate) == []


def test_repeats_are_one_line(make_shop):
    gate, connection = make_shop(("log", "repeat", "60s"))
    for number in range(20):
        run(connection, "BEGIN", OWN, f"UPDATE stock_tx.t SET n = {number} WHERE id = {number}", "COMMIT")
    run(connection, "BEGIN", OWN, STOCK, READ, "ROLLBACK")
    connection.close()
    assert told(gate) == [("shop", "shop, stock", 1, False, [(STOCK_STEP, "stock", "no")]),
                          ("shop", "shop, stock", 20, False, [(STOCK_STEP, "stock", "yes")])]
    lines = gate.events("transaction")
    assert [one["count"] for one in lines] == [1, 1, 19] and "n = 7" not in gate.violations_file.read_text()
    assert list(lines[0]) == ["ts", "event", "id", "service", "user", "client", "session", "upstream", "database",
                              "owners", "read_again", "statements", "more", "policy", "count", "first", "last"]


def test_mode_off_and_block(make_shop):
    """What is not logged is no step, but what it reads again counts; what is blocked never ran."""
    gate, connection = make_shop(("log", "repeat", "0"), ("edge:shop->ledger", "mode", "block"),
                                 ("edge:shop->mail", "mode", "off"))
    run(connection, "BEGIN", OWN, STOCK, "INSERT INTO mail_tx.t (n) SELECT n FROM stock_tx.t")
    with pytest.raises(wire.Error):
        connection.query(LEDGER)
    run(connection, "COMMIT")
    connection.close()
    assert told(gate) == [("shop", "shop, stock, mail", 1, False, [(STOCK_STEP, "stock", "no")])]


def test_a_reload_in_the_middle_tells_nothing_wrong(make_shop):
    gate, connection = make_shop(("log", "repeat", "0"))
    run(connection, "BEGIN", OWN, STOCK)
    gate.reload(("service:aaa", "user", "aaa_service"), ("service:aaa", "owns", "aaa_tx.*"))
    run(connection, LEDGER, "COMMIT")
    connection.close()
    assert all((LEDGER_STEP, "ledger", "yes") in steps and (STOCK_STEP, "stock", "yes") not in steps
               for *_, steps in told(gate))


@pytest.mark.long
def test_more_than_are_kept(make_shop):
    """Thirteen different statements, and 600 sessions with one each: a bound, and it is told of."""
    gate, connection = make_shop(("log", "repeat", "0"))
    run(connection, "BEGIN", OWN, *(f"UPDATE stock_tx.t SET n = 1 WHERE id = 1 AND n {'+ 1' * n} = 0"
                                    for n in range(14)), "COMMIT")
    gate.server.sql("SET GLOBAL max_connections = 800")
    many = [wire.connect(gate.port, "tx_shop", password="tx", database=None) for _ in range(600)]
    for one in many:
        run(one, "BEGIN", "INSERT INTO shop_tx.t (n) VALUES (1)", LEDGER)
    for one in many:
        run(one, "COMMIT")
        one.close()
    connection.close()
    gate.server.sql("SET GLOBAL max_connections = 151")
    first, second = sorted(told(gate), key=lambda one: one[3])
    assert first[2:] == (512, False, [(LEDGER_STEP, "ledger", "yes")])
    assert second[3] and len(second[4]) == 12 and {step[2] for step in second[4]} == {"not known"}


def test_forms_of_the_report(make_shop):
    gate, connection = make_shop(("log", "repeat", "0"))
    run(connection, "BEGIN", OWN, STOCK, LEDGER, READ, "COMMIT")
    connection.close()
    gate.stop()
    for form in ("--text", "--markdown", "--html", "--plan"):
        done = gates.run("report", form, gate.violations_file).stdout
        assert "Transactions over owners" in done and "no: read again before the commit" in done, form
        assert done.count("stock_tx.t SET n") >= 2, form
    assert "Transactions over owners" not in gates.run(
        "report", "--plan", "--service", "ledger", gate.violations_file).stdout
