"""Nothing legal is refused: what applications, drivers, ORMs and tools say over tables of their own (a command a line
in applications.sql) passes a gate that blocks everything else, and is understood."""
import pathlib

import pytest

from harness import gate, wire

SQL = pathlib.Path(__file__).with_name("applications.sql")
TABLES = (
    "CREATE TABLE own.orders (id INT PRIMARY KEY AUTO_INCREMENT, customer INT, amount DECIMAL(10,2), at DATETIME"
    " DEFAULT CURRENT_TIMESTAMP, j JSON, parent INT, note TEXT, FULLTEXT(note))",
    "CREATE TABLE own.customers (id INT PRIMARY KEY, name VARCHAR(80), email VARCHAR(80), geo POINT)",
    "INSERT INTO own.customers VALUES (1, 'a', 'a@x', NULL), (2, 'b', 'b@x', NULL)",
    "INSERT INTO own.orders (customer, amount, j, parent, note) VALUES (1, 5, '[{\"a\": 1}]', NULL, 'x'),"
    " (2, 7, '[{\"a\": 2}]', 1, 'y')",
    "CREATE VIEW own.v AS SELECT * FROM own.orders",
    "CREATE FUNCTION own.f (x INT) RETURNS INT DETERMINISTIC RETURN x + 1",
    "CREATE PROCEDURE own.p (IN a INT, OUT b INT) SET b = a",
    "CREATE TABLE own.flyway_schema_history (installed_rank INT PRIMARY KEY, version VARCHAR(50), success BOOL)",
    "CREATE TABLE own.parts (id INT, y INT) PARTITION BY RANGE (y) (PARTITION p0 VALUES LESS THAN (2000),"
    " PARTITION p1 VALUES LESS THAN MAXVALUE)")


def commands(kind):
    found, section = [], None
    for line in SQL.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section = line[3:]
        elif section in ("both", kind):
            found.append(line)
    return found


@pytest.fixture(scope="module")
def own(server):
    server.sql("DROP DATABASE IF EXISTS own", "CREATE DATABASE own", *TABLES,
               "CREATE USER app_service@'%' IDENTIFIED BY 'app_service-secret'",
               "GRANT ALL ON *.* TO app_service@'%'")
    with gate.running(server, ini=gate.spying("app_service", "vault.*", undetermined="block", unowned="block",
                                              administration="block")) as one:
        yield one
    server.sql("DROP DATABASE own", "DROP USER app_service@'%'")


def test_applications(server, own):
    refused, ran = [], 0
    for text in commands(server.name):
        client = wire.connect(own.port, "app_service", "own", password="app_service-secret")
        try:
            client.query(text)
            ran += 1
        except wire.Error as error:  # the server's own are no finding: another version's, or it was done before
            if "silogate" in str(error):
                refused.append((text, str(error)))
        client.close()
    assert not refused
    assert ran > 220
