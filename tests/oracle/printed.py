#!/usr/bin/python3
"""What the servers do not keep as it was written, but print and read again: views, and the expressions of tables. Each
place of a name or literal gets names and literals with signs in them, in several client character sets. Where the
server then reads something else than was written, `silogate explain` must say undetermined. Called by
`make oracle-printed`."""
import argparse
import collections
import json
import pathlib
import subprocess
import sys
import tempfile

import pymysql

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from harness import places, servers  # noqa: E402

INI = """[upstream:main]
address = 127.0.0.1:3306
[service:spy]
user = spy
owns = *.*
[policy]
administration = allow
"""
CHARSETS = ("utf8mb4", "latin1", "gbk", "sjis", "big5", "cp932", "ujis")
NAMES = [b"zq'a b", b"zq#a", b"zq``a", b"zq\\a", b'zq"a', b"zq(a"]
# MySQL reads the values of partitions in the set of whoever opens the table, and they may not be text there.
SYNTAX, UNREADABLE = 1064, 3854
# The first one is harmless: a place that does not take it takes none of this form.
VALUES = [b"lqlq", b"lq'lq", b"lq\\lq", b"lq\\", b'lq"lq', b"lq`lq", b"lq\x84'lq", b"lq\xe0'lq", b"lq\xb3\\"]
# {n}: a name, {s}: a literal. Tables: t; z3 has an index, z4 a column, z5 a partition with the name; q: a JSON path.
VIEWS = [line.strip() for line in """
    SELECT 1 AS {n}
    SELECT {n}.a FROM t {n}
    SELECT {n}.a FROM (SELECT a FROM t) {n}
    WITH {n} AS (SELECT 1 a) SELECT * FROM {n}
    WITH {n} AS (SELECT 1 a) SELECT z.a FROM {n} z
    WITH z ({n}) AS (SELECT 1 a) SELECT {n} FROM z
    WITH RECURSIVE z ({n}) AS (SELECT 1 UNION ALL SELECT {n} + 1 FROM z WHERE {n} < 3) SELECT {n} FROM z
    WITH RECURSIVE z AS (SELECT 1 {n} UNION SELECT {n} + 1 FROM z WHERE {n} < 3) CYCLE {n} RESTRICT SELECT {n} FROM z
    WITH RECURSIVE {n} AS (SELECT 1 a UNION SELECT a + 1 FROM {n} WHERE a < 3) SELECT * FROM {n}
    SELECT {n} FROM (SELECT 1 a) AS z({n})
    SELECT ROW_NUMBER() OVER {n} FROM t WINDOW {n} AS (ORDER BY a)
    SELECT ROW_NUMBER() OVER ({n} ORDER BY a) FROM t WINDOW {n} AS (PARTITION BY b)
    SELECT SUM(a) OVER (PARTITION BY {n} ORDER BY {n}) FROM (SELECT a, a AS {n} FROM t) z
    SELECT a {n} FROM t GROUP BY {n} HAVING {n} > 1 ORDER BY {n}
    SELECT z.{n} FROM JSON_TABLE('[1]', '$[*]' COLUMNS ({n} INT PATH '$')) z
    SELECT {n}.q FROM JSON_TABLE('[1]', '$[*]' COLUMNS (q INT PATH '$')) {n}
    SELECT * FROM JSON_TABLE('[1]', '$[*]' COLUMNS ({n} FOR ORDINALITY, NESTED PATH '$.a' COLUMNS (w INT PATH '$'))) z
    SELECT * FROM JSON_TABLE('[{{}}]', '$[*]' COLUMNS (q VARCHAR(20) PATH '$.x' DEFAULT {s} ON EMPTY)) z
    SELECT * FROM JSON_TABLE('[1]', '$[*]' COLUMNS (q VARCHAR(20) PATH '$."lq\\'lq"')) z
    SELECT * FROM JSON_TABLE('[1]', '$[*]' COLUMNS (q VARCHAR(20) EXISTS PATH '$."lq\\'lq"')) z
    SELECT * FROM JSON_TABLE('[1]', '$."lq\\'lq"' COLUMNS (q VARCHAR(20) PATH '$')) z
    SELECT JSON_VALUE(j, '$."lq\\'lq"' DEFAULT {s} ON EMPTY) FROM t
    SELECT JSON_VALUE(j, '$."lq\\'lq"') FROM t
    SELECT j->>'$."lq\\'lq"' FROM t
    SELECT {s}
    SELECT {s} AS q, 1 AS w
    SELECT {s} {s} AS q
    SELECT CONCAT(b, {s}, {s}) AS q FROM t
    SELECT GROUP_CONCAT(a SEPARATOR {s}) AS q, 2 AS w FROM t
    SELECT b LIKE 'x' ESCAPE '\\'' AS q, 2 AS w FROM t
    SELECT b LIKE {s} ESCAPE '|' AS q FROM t
    SELECT b REGEXP {s} AS q FROM t
    SELECT MATCH(f) AGAINST ({s} IN BOOLEAN MODE) AS q FROM t
    SELECT TRIM(LEADING {s} FROM b) AS q FROM t
    SELECT CONVERT({s} USING latin1) AS q
    SELECT CAST({s} AS CHAR CHARACTER SET latin1) AS q
    SELECT {s} COLLATE utf8mb4_bin AS q
    SELECT b IN ({s}, 'x', 'y') AS q FROM t
    SELECT CASE b WHEN {s} THEN 1 ELSE {s} END AS q FROM t
    SELECT DATE_FORMAT(d, {s}) AS q FROM t
    SELECT d + INTERVAL {s} DAY AS q FROM t
    SELECT JSON_OBJECT({s}, {s}) AS q
    SELECT JSON_ARRAYAGG({s}) AS q FROM t
    SELECT NAME_CONST({s}, 1)
    SELECT COLUMN_GET(COLUMN_CREATE('a', 1), {s} AS CHAR) AS q
    SELECT a FROM z3 USE INDEX ({n})
    SELECT a FROM z5 PARTITION ({n})
    SELECT {n} FROM z4
    SELECT * FROM z4
    SELECT * FROM z6
    SELECT DEFAULT({n}) AS q FROM z4
    SELECT NEXTVAL({n}) > 0 AS q
    SELECT {n}(1) AS q
    SELECT * FROM (VALUES ROW({s}), ROW(2)) AS z(q)
    SELECT * FROM t, LATERAL (SELECT t.a AS w) {n}
    SELECT NTH_VALUE({s}, 1) OVER (ORDER BY a) AS q FROM t
    SELECT /*+ QB_NAME({n}) */ 1
    SELECT CONVERT_TZ(d, {s}, {s}) AS q FROM t
    SELECT 1 AS {s}
""".splitlines() if line.strip()]
TABLES = [line.strip() for line in """
    (a INT, b TEXT DEFAULT (CONCAT({s}, 'y')))
    (a INT, b VARCHAR(100) DEFAULT {s})
    (a INT, b VARCHAR(100) AS (CONCAT(a, {s})))
    (a INT, b VARCHAR(100) AS (CONCAT(a, {s})) STORED)
    (a INT, b VARCHAR(100) CHECK (b <> {s}))
    (a INT, b VARCHAR(100), CONSTRAINT {n} CHECK (b <> {s} AND b LIKE {s}))
    (a INT, {n} VARCHAR(100) CHECK ({n} <> {s}))
    (a INT, {n} INT DEFAULT (a + 1), c INT AS ({n} + 1))
    (a VARCHAR(100) COMMENT {s}) COMMENT {s}
    (a ENUM({s}, 'b'), c SET({s}, 'x'))
    (a INT, KEY {n} (a) COMMENT {s})
    (a VARCHAR(100), b INT, KEY ((CONCAT(a, {s}))))
    (a VARCHAR(100) NOT NULL) PARTITION BY LIST COLUMNS (a) (PARTITION {n} VALUES IN ({s}, 'x'))
    (a VARCHAR(100) NOT NULL) PARTITION BY RANGE COLUMNS (a) (PARTITION {n} VALUES LESS THAN ({s}) COMMENT {s})
    ({n} INT) PARTITION BY HASH ({n} + 1) PARTITIONS 2
    (a INT DEFAULT (NEXTVAL({n})))
    (b TEXT, a JSON DEFAULT (JSON_EXTRACT({s}, '$."lq\\'lq"')))
    (a JSON, b TEXT AS (a->>'$."lq\\'lq"'))
    (a JSON, b TEXT AS (JSON_VALUE(a, '$."lq\\'lq"')))
    (a TEXT DEFAULT (TRIM({s} FROM {s})), b TEXT DEFAULT (DATE_FORMAT(NOW(), {s})))
    (a VARCHAR(9), b INT DEFAULT (a IN ({s}, 'r')), c INT DEFAULT (CASE a WHEN {s} THEN 1 END))
    (a VARCHAR(9), b BLOB DEFAULT (COLUMN_CREATE({s}, {s})))
    (a VARCHAR(9), b TEXT DEFAULT (CONVERT({s} USING latin1)))
""".splitlines() if line.strip()]


def spellings(value):
    escaped, doubled = value.replace(b"\\", b"\\\\"), value.replace(b"\\", b"\\\\").replace(b"'", b"''")
    digits = value.hex().encode()
    yield from (prefix + b"'" + escaped.replace(b"'", b"\\'") + b"'" for prefix in (b"", b"_latin1", b"_utf8mb4 ", b"N"))
    yield from (prefix + b"'" + doubled + b"'" for prefix in (b"", b"_latin1", b"_binary"))
    yield from (b"x'" + digits + b"'", b"0x" + digits, b"_latin1 x'" + digits + b"'", b"_utf8mb4 0x" + digits, b"_latin1'l' '" + doubled + b"'")


def outside(text):
    """The text without what is in quotes."""
    kept, at = [], 0
    while at < len(text):
        sign = text[at:at + 1]
        at += 1
        if sign not in (b"'", b"`"):
            kept.append(sign)
            continue
        while text[at:at + 1] != sign or text[at + 1:at + 2] == sign:
            if at >= len(text):
                return b"lq"  # it does not end
            at += 2 if text[at:at + 1] == sign or (sign == b"'" and text[at:at + 1] == b"\\") else 1
        at += 1
    return b"".join(kept)


class Asker:
    """Makes views and tables, and tells of each whether the server reads what was written."""

    def __init__(self, server, charset):
        self.server, self.charset = server, charset
        self.connection = server.root(charset="utf8mb4", use_unicode=False, conv={})
        self.connection.encoding = "latin-1"  # of the names of columns
        self.ask(b"DROP DATABASE IF EXISTS o")
        for text in ("CREATE DATABASE o CHARACTER SET utf8mb4", "USE o", "SET SESSION sql_mode = ''",
                     "CREATE TABLE t (a INT PRIMARY KEY, b VARCHAR(100), d DATETIME, j JSON, f TEXT, FULLTEXT (f), KEY k (b))",
                     "INSERT INTO t VALUES (1, 'lq', '2026-01-02', '{}', 'f')", "CREATE TABLE z6 (`zq\xe9,1 from t#` INT, q INT)"):
            self.ask(text.encode())

    def ask(self, text):
        with self.connection.cursor() as cursor:
            cursor.execute(text)
            return cursor.fetchall()

    def name(self, name):
        """What is called so."""
        self.ask(b"SET NAMES utf8mb4")
        quoted = b"`" + name + b"`"
        self.ask(b"DROP TABLE IF EXISTS z3, z4, z5")
        for text in (b"CREATE TABLE z3 (a INT, KEY %s (a))", b"CREATE TABLE z4 (%s INT DEFAULT 3)",
                     b"CREATE TABLE z5 (a INT) PARTITION BY LIST (a) (PARTITION %s VALUES IN (1))"):
            self.ask(text % quoted)
        if self.server.name == "mariadb":
            self.ask(b"CREATE SEQUENCE IF NOT EXISTS " + quoted)
        self.ask(b"DROP FUNCTION IF EXISTS " + quoted)
        self.ask(b"CREATE FUNCTION " + quoted + b"(x INT) RETURNS INT DETERMINISTIC NO SQL RETURN 1")
        self.ask(b"SET NAMES " + self.charset.encode())
        self.ask(b"SET character_set_results = utf8mb4")
        return quoted

    def view(self, query):
        """None: the server does not take it. True: it reads what was written."""
        try:
            self.ask(query)
            self.ask(b"CREATE OR REPLACE VIEW v AS " + query)
        except pymysql.Error:
            return None
        return self.shows(b"SHOW CREATE VIEW v")

    def shows(self, statement):
        """What it reads again is in quotes where it was."""
        try:
            self.ask(b"FLUSH TABLES")
            shown = outside(self.ask(statement)[0][1])
            return b"lq" not in shown and b"zq" not in shown
        except pymysql.Error as error:
            return error.args[0] == UNREADABLE

    def table(self, definition, literal, benign):
        """`benign`: the same is taken with another literal. MariaDB reads it again at once."""
        self.ask(b"DROP TABLE IF EXISTS x")
        try:
            self.ask(b"SELECT " + literal)
        except pymysql.Error:
            return None
        try:
            self.ask(b"CREATE TABLE x " + definition)
        except pymysql.Error as error:
            return False if benign and error.args[0] == SYNTAX else None
        return self.shows(b"SHOW CREATE TABLE x")


def statements(asker, share):
    """(text, True: read as it was written) of all that the server takes. `share`: only each so many-th."""
    number = 0
    for name in NAMES:
        quoted = asker.name(name)
        for is_view, template in [(True, one) for one in VIEWS] + [(False, one) for one in TABLES]:
            named, spelt = "{n}" in template, "{s}" in template
            if not named and name != NAMES[0]:
                continue
            benign = set()
            values = VALUES if spelt and name == NAMES[0] else VALUES[:1]
            for value in values:
                for form, literal in enumerate(spellings(value) if spelt else [b"''"]):
                    number += 1
                    if number % share and value != VALUES[0]:
                        continue
                    text = template.replace("{{}}", "{}").encode().replace(b"{n}", quoted).replace(b"{s}", literal)
                    same = asker.view(text) if is_view else asker.table(text, literal, form in benign)
                    if same and value == VALUES[0]:
                        benign.add(form)
                    if same is not None:
                        yield (b"CREATE OR REPLACE VIEW v AS " if is_view else b"CREATE TABLE x ") + text, same


def explained(asker, texts):
    """Of each text: is it determined?"""
    version = asker.ask(b"SELECT VERSION()")[0][0].decode()
    with tempfile.NamedTemporaryFile("w", suffix=".ini") as ini:
        ini.write(INI)
        ini.flush()
        told = subprocess.run([places.SILOGATE, "explain", "-c", ini.name, "--user", "spy", "--database", "o", "--null", "--json",
                               "--dialect", asker.server.name, "--server-version", version, "--charset", asker.charset],
                              input=b"".join(one + b"\0" for one in texts), capture_output=True, timeout=300)
    determined = collections.defaultdict(lambda: True)
    for line in told.stdout.splitlines():
        part = json.loads(line)
        determined[part["n"]] &= part["determined"]
    assert len(determined) == len(texts), told.stderr[-2000:]
    return [determined[number + 1] for number in range(len(texts))]


def compare(server, charset, share=1):
    """(texts that were taken, those of them that the server reads otherwise, those that silogate did not see as such,
    those that it refuses to understand although they are read as written)"""
    asker = Asker(server, charset)
    tried = list(statements(asker, share))
    known = explained(asker, [text for text, _ in tried])
    asker.connection.close()
    return (len(tried), sum(not same for _, same in tried), [text for (text, same), one in zip(tried, known) if one and not same],
            [text for (text, same), one in zip(tried, known) if same and not one])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--charset", choices=CHARSETS, action="append")
    parser.add_argument("--show", action="store_true", help="also what is refused although it is read as written")
    arguments = parser.parse_args()
    bad = 0
    for kind in servers.KINDS:
        server = servers.new(kind)
        try:
            for charset in arguments.charset or CHARSETS:
                taken, otherwise, missed, refused = compare(server, charset)
                print(f"{kind}, {charset}: {taken} taken, {otherwise} read otherwise, {len(missed)} of them missed; "
                      f"{len(refused)} read as written and undetermined", flush=True)
                for text in missed[:20] + (refused if arguments.show else []):
                    print("   ", text)
                bad += len(missed)
        finally:
            server.remove()
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
