"""Each golden row of how names are mapped (tests/unit/sql/map_rows.h) on real servers: the text before the tables have
moved, and the mapped text after it, end alike. Database o is the shared one, b the one that invoices and lines go to."""
import re

import pymysql
import pytest

from harness import places

ROWS = places.TOP / "tests/unit/sql/map_rows.h"
WHO = {"BOTH": ("mysql", "mariadb"), "MY": ("mysql",), "MA": ("mariadb",)}
MOVED = ("invoices", "line_items")
COLUMNS = ("(id INT NOT NULL PRIMARY KEY DEFAULT 0, a INT, b INT DEFAULT 2, d INT, n INT, x INT, y INT, KEY k (a)) ENGINE=InnoDB"
           " PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN (20))")
# A table with partitions has no foreign keys, as parent or child.
WHOLE = COLUMNS[:COLUMNS.index(" PARTITION")]
# What leaves nothing behind, once it is rolled back.
ROWS_ONLY = ("SELECT", "WITH", "TABLE", "DO", "SHOW CREATE TABLE", "SHOW COLUMNS",
             "SHOW INDEX", "DESCRIBE", "EXPLAIN invoices", "EXPLAIN SELECT", "INSERT", "REPLACE", "UPDATE", "DELETE", "HANDLER",
             "LOCK", "CHECK", "ANALYZE TABLE", "FLUSH", "PREPARE", "BEGIN", "EXECUTE", "SET")
ROW = "(1, 1, 1, 1, 1, 1, 1), (2, 2, 2, 2, 2, 2, 2)"

def rows():
    """(text, mapped text, servers) of the rows that can be mapped."""
    text = re.sub(r"/\* .*? \*/\n", "", ROWS.read_text())
    literal = r'"(?:[^"\\]|\\.)*"'
    found = []
    for one in re.finditer(rf"\{{((?:{literal}\s*)+),\s*(NULL|(?:{literal}\s*)+),\s*(BOTH|MY|MA)\}}", text):
        before, after = (re.sub(r"\\(.)", r"\1", "".join(part[1:-1] for part in re.findall(literal, side)))
                         for side in one.groups()[:2])
        after = before if one[2] == "NULL" else after
        # lines is a reserved word, but not behind a dot; and a text that is ahead has no table before the move
        if after != "!" and not re.search(r"\bb\.", before):
            found.append((*(re.sub(r"\blines\b", "line_items", text) for text in (before, after)), WHO[one[3]]))
    return found


def fill(server, place, text, with_trigger):
    """What the text names, in databases that are new."""
    made = []
    for database in ("o", "b", "x", "y"):
        made += [f"DROP DATABASE IF EXISTS {database}", f"CREATE DATABASE {database} CHARACTER SET utf8mb4"]
    for name in ("invoices", "line_items", "patients", "i2", "invoices_new", "audit", "p"):
        if not re.search(rf"\b{name}\b", text) and name != "invoices":
            continue
        table = f"{place if name in MOVED else 'o'}.`{name}`"
        made.append(f"CREATE TABLE {table} {'(a INT)' if name == 'audit' else COLUMNS if name == 'p' else WHOLE}")
        if name != "audit":
            made.append(f"INSERT INTO {table} VALUES {ROW}")
    server.sql("SET foreign_key_checks = 0", *made,
               *["CREATE FUNCTION o.f (x INT) RETURNS INT DETERMINISTIC RETURN x"] * (" f(" in text),
               *[f"CREATE TRIGGER {place}.tr BEFORE DELETE ON {place}.invoices FOR EACH ROW SET @tr = 1"] * with_trigger)


def ends(server, text):
    """Its rows without their places, or the number of its error."""
    connection = server.root(client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS, local_infile=True, database="o")
    try:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(text)
            rows = [cursor.fetchall()]
            while cursor.nextset():
                rows.append(cursor.fetchall())
            cursor.execute("ROLLBACK")
            return re.sub(r"`?\b[ob]\b`?\.|datetime\([^)]*\)", "", repr(rows))
    except pymysql.err.MySQLError as error:
        return error.args[0]
    finally:
        connection.close()


def test_each_row_on_the_server(server):
    mine = sorted((row for row in rows() if server.name in row[2]), key=lambda row: not row[0].startswith(ROWS_ONLY))
    assert len(mine) > 90
    ended = {"o": [], "b": []}
    try:
        for place, which in (("o", 0), ("b", 1)):
            fill(server, place, " ".join(row[0] for row in mine), False)
            for row in mine:
                if not row[0].startswith(ROWS_ONLY):
                    fill(server, place, row[0], re.match("(DROP|SHOW CREATE) TRIGGER", row[0]) is not None)
                ended[place].append(ends(server, row[which]))
    finally:
        server.sql(*(f"DROP DATABASE IF EXISTS {database}" for database in ("o", "b", "x", "y")))
    wrong = [f"{row[0]}\n  {one}\n{row[1]}\n  {other}" for row, one, other in zip(mine, ended["o"], ended["b"]) if one != other]
    assert not wrong, "\n".join(wrong)
    failed = [f"{row[0]}: {one}" for row, one in zip(mine, ended["o"]) if isinstance(one, int)]
    assert len(failed) < len(mine) * 0.25, "\n".join(failed)
