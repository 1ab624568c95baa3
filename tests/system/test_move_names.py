"""Names follow: what a statement gives before its tables have moved it gives afterwards, mapped. The same texts
are run through silogate on the unmoved and on the moved tables, without any alias that could answer instead; on
both servers, and under both current databases."""
import random

import pymysql

from harness import places
from test_moves import INI, NEW, OLD, make_scene  # noqa: F401: the fixture

SETUP = ["CREATE TABLE {db}.t{i} (id INT PRIMARY KEY, a INT, b VARCHAR(20), KEY k (a)) ENGINE=InnoDB"]
# Statements with all places of a name; each leaves the data as it was, or a later one of the list undoes it.
FIXED = """
SELECT t0.id FROM t0 ORDER BY t0.id
SELECT mv_old.t0.* FROM t0 ORDER BY mv_old.t0.id
SELECT * FROM t0 USE INDEX (k) WHERE mv_old.t0.a > 1 ORDER BY id
SELECT mv_old.x.id, x.b, mv_old.payments.id FROM t0 x LEFT JOIN payments ON mv_old.x.id = mv_old.payments.id ORDER BY 1
SELECT id FROM payments WHERE EXISTS (SELECT 1 FROM t1 WHERE mv_old.t1.id = mv_old.payments.id)
WITH t0 AS (SELECT 7 AS id) SELECT t0.id FROM t0
WITH c AS (SELECT * FROM t0) SELECT COUNT(*) FROM c JOIN mv_old.t0 AS c2 ON c.id = c2.id
SELECT id FROM (SELECT 5 AS id) AS t0
SELECT COUNT(*) FROM payments AS t0 WHERE mv_old.t0.id > 0
SELECT /*+ NO_INDEX(t0 k) */ COUNT(*) FROM t0
SELECT COUNT(*) FROM /*!50000 mv_old.*/t0
SELECT COUNT(*) FROM `mv_old` . `t0`, mv_old./*x*/t1
SELECT id FROM t0 UNION ALL SELECT id FROM (t1) ORDER BY 1
SELECT (SELECT MAX(mv_old.t1.a) FROM t1) FROM t0 ORDER BY 1
SELECT id FROM t0 WHERE id = 1 FOR UPDATE
DO (SELECT COUNT(*) FROM t0)
SET @v = (SELECT mv_old.t0.b FROM t0 WHERE id = 2)
SELECT @v
INSERT INTO t0 VALUES (100, 1, 'n'), (101, 2, 'n')
INSERT INTO mv_old.t0 (mv_old.t0.id, t0.a, b) VALUES (100, 5, 'z') ON DUPLICATE KEY UPDATE mv_old.t0.a = t0.a + 50
INSERT INTO t0 SET mv_old.t0.id = 102, t0.a = 3
INSERT INTO payments SELECT id, NULL FROM t0 WHERE mv_old.t0.id > 99
SELECT COUNT(*) FROM payments
DELETE payments FROM payments JOIN t0 USING (id) WHERE t0.id > 99
REPLACE t0 VALUES (102, 9, 'r')
UPDATE mv_old.t0 SET mv_old.t0.b = CONCAT(mv_old.t0.b, '!') WHERE mv_old.t0.id > 99 ORDER BY mv_old.t0.id LIMIT 2
UPDATE t0 x, t1 SET mv_old.x.b = 'j' WHERE mv_old.x.id = 100 AND t1.id = 1
SELECT * FROM t0 WHERE id > 99 ORDER BY id
DELETE t0 FROM t0 JOIN t1 ON t0.id = 100 AND t1.id = 1
DELETE mv_old.t0.* FROM t0 JOIN t1 ON t0.id = 101 AND t1.id = 1
DELETE x FROM t0 x JOIN t1 ON x.id = 102 AND t1.id = 1
DELETE FROM t0 WHERE mv_old.t0.id > 99
SELECT COUNT(*) FROM t0
HANDLER t0 OPEN
HANDLER t0 READ FIRST
HANDLER t0 CLOSE
LOCK TABLES t0 WRITE, mv_old.t1 AS x READ, payments READ
SELECT COUNT(*) FROM t0
UNLOCK TABLES
SHOW INDEX FROM t0
SHOW COLUMNS FROM t0 FROM mv_old
DESCRIBE mv_old.t0
EXPLAIN t0 id
CREATE TABLE c LIKE t0
DROP TABLE c
CREATE TABLE c AS SELECT * FROM t0
DROP TABLE c
CREATE TABLE c (id INT, FOREIGN KEY (id) REFERENCES t0 (id)) ENGINE=InnoDB
INSERT INTO c VALUES (1)
INSERT INTO c VALUES (999)
DROP TABLE c
CREATE TEMPORARY TABLE t0 (id INT)
SELECT COUNT(*) FROM t0
DROP TEMPORARY TABLE t0
SELECT COUNT(*) FROM t0
CREATE TEMPORARY TABLE c AS SELECT * FROM mv_old.t1
SELECT COUNT(*) FROM c
DROP TEMPORARY TABLE c
ALTER TABLE t0 ADD c INT
ALTER TABLE mv_old.t0 ADD g INT AS (mv_old.t0.a + 1), ADD CONSTRAINT ch CHECK (mv_old.t0.a < 100000)
ALTER TABLE t0 DROP g, DROP CONSTRAINT ch
ALTER TABLE t0 DROP c
CREATE INDEX k2 ON mv_old.t0 (b)
DROP INDEX k2 ON t0
ALTER TABLE t0 RENAME t0x
SELECT COUNT(*) FROM t1
CREATE VIEW v AS SELECT mv_old.t1.id FROM t1
SELECT COUNT(*) FROM v
DROP VIEW v
CREATE TRIGGER tr BEFORE INSERT ON t1 FOR EACH ROW SET NEW.b = 'tr', @au = (SELECT COUNT(*) FROM payments)
INSERT INTO t1 VALUES (200, 1, 'x')
SELECT b FROM t1 WHERE id = 200
DELETE FROM t1 WHERE id = 200
DROP TRIGGER tr
PREPARE s FROM 'SELECT mv_old.t1.id FROM t1 WHERE b <> ''q\\'' AND id = ?'
SET @one = 1
EXECUTE s USING @one
CREATE PROCEDURE p() SELECT COUNT(*) FROM t1
CALL p()
DROP PROCEDURE p
TRUNCATE t1
SELECT COUNT(*) FROM t1
SELECT COUNT(*) FROM nothing
SELECT nothing FROM t1
""".strip().splitlines()


def generated(seed, count):
    """SELECT, UPDATE, DELETE and INSERT .. SELECT over two tables that move and one that does not."""
    dice = random.Random(seed)
    statements = []
    for _ in range(count):
        tables, where = [], []
        for name in dice.sample(["t0", "t1", "t2", "payments"], dice.choice([1, 2, 2, 3])):
            alias = dice.choice(["", "", f" AS {name}x", f" {name}y", f" `{name.upper()}q`"])
            called = alias.replace(" AS ", "").strip().strip("`") or name
            tables.append((dice.choice(["", "", "mv_old.", "`mv_old`."]) + name + alias, called, bool(alias), name))

        def column(of, name="id"):
            qualifier = dice.choice(["{}.", "mv_old.{}.", "`mv_old` . `{}` ."])
            return qualifier.format(of[1]) + name

        for one in tables[1:]:
            where.append(f"{column(tables[0])} = {column(one)}")
        where.append(f"{column(dice.choice(tables))} < {dice.randint(1, 6)}")
        if dice.random() < 0.3:
            where.append(f"EXISTS (SELECT 1 FROM t2 AS inner_t WHERE mv_old.inner_t.id = {column(tables[0])})")
        condition, sources = " AND ".join(where), ", ".join(one[0] for one in tables)
        kind = dice.choice(["select", "select", "select", "star", "group", "update", "delete", "insert"])
        mine = [one for one in tables if one[3] != "payments"]
        if kind in ("update", "delete") and not mine:
            kind = "select"
        if kind == "select":
            columns = ", ".join(column(one) for one in tables)
            statements.append(f"SELECT {columns} FROM {sources} WHERE {condition} ORDER BY {column(tables[0])}")
        elif kind == "star":
            statements.append(f"SELECT {column(tables[0], '*')} FROM {sources} WHERE {condition} ORDER BY 1")
        elif kind == "group":
            by = column(tables[0])
            statements.append(f"SELECT {by}, COUNT(*) FROM {sources} WHERE {condition} GROUP BY {by} HAVING {by} > 0"
                              f" ORDER BY {by}")
        elif kind == "update":
            statements.append(f"UPDATE {sources} SET {column(mine[0], 'a')} = {column(mine[0], 'a')} + 1"
                              f" WHERE {condition}")
        elif kind == "delete":
            target = dice.choice(mine)
            named = target[1] if target[2] else dice.choice([target[1], f"mv_old.{target[1]}", f"{target[1]}.*"])
            statements.append(f"DELETE {named} FROM {sources} WHERE {condition}")
        else:
            statements.append(f"INSERT INTO mv_old.t2 (mv_old.t2.id, t2.a) SELECT {column(tables[0])} + 1000, 1 FROM"
                              f" {sources} WHERE {condition} ON DUPLICATE KEY UPDATE mv_old.t2.a = t2.a + 1")
    return statements


def fill(server, database):
    for i in range(3):
        server.sql(f"DROP TABLE IF EXISTS {database}.t{i}", *(text.format(db=database, i=i) for text in SETUP),
                   f"INSERT INTO {database}.t{i} VALUES " + ", ".join(f"({n}, {n * (i + 1)}, 'b{n}')"
                                                                     for n in range(1, 6)))
    server.sql(f"DELETE FROM {OLD}.payments", f"INSERT INTO {OLD}.payments VALUES (1, NULL), (2, NULL), (3, NULL)")


def execute(cursor, statement):
    """A trigger that was just made is not found by DROP TRIGGER at once (docs/moves.md)."""
    if not statement.startswith("DROP TRIGGER"):
        return cursor.execute(statement)

    def dropped():
        try:
            return cursor.execute(statement) + 1
        except pymysql.err.MySQLError as error:
            assert error.args[0] == 1360, error
            return None
    return places.wait_for(dropped, every=0.1) - 1


def run(connection, statements, rolled_back):
    """What each statement gives: rows, or how many it has changed, or the error's number."""
    answers = []
    with connection.cursor() as cursor:
        for statement in statements:
            try:
                if rolled_back:
                    cursor.execute("BEGIN")
                affected = execute(cursor, statement)
                rows = cursor.fetchall()
                if statement.startswith("SHOW INDEX"):  # Cardinality is InnoDB's estimate, made anew when it has time
                    rows = [row[:6] + row[7:] for row in rows]
                answers.append((affected, rows))
                while cursor.nextset():
                    pass
            except pymysql.err.MySQLError as error:
                answers.append(error.args[0])
            if rolled_back:
                cursor.execute("ROLLBACK")
    return answers


def without_places(answers):
    """SHOW CREATE TRIGGER and the like tell where a thing stands: that is what has changed."""
    return [repr(one).replace(f"`{NEW}`.", "").replace(f"`{OLD}`.", "").replace(f"{NEW}.", "").replace(f"{OLD}.", "")
            for one in answers]


def test_mapped_is_as_unmapped(make_scene):  # noqa: F811
    scene = make_scene(ini=INI.replace("hold = 10s", "hold = 10s\nalias = none").replace("mode = block", "mode = log")
                       .replace("unowned = block", "unowned = allow"), tables=3)
    scene.server.sql(f"GRANT ALL ON {NEW}.* TO mv_billing@'%'", "SET GLOBAL log_bin_trust_function_creators = 1")
    statements = generated(7, 250)
    answers = []
    for place in (OLD, NEW):
        fill(scene.server, place)
        with scene.connect() as connection:
            first = run(connection, statements, True)
            second = run(connection, FIXED, False)
            answers.append((first, second))
        if place == OLD:
            for i in range(3):
                scene.server.sql(f"DROP TABLE IF EXISTS {OLD}.t{i}x")
            fill(scene.server, OLD)
            moved = scene.move("--accept-unmapped")
            assert moved.returncode == 0, moved.stdout + moved.stderr
    for texts, before, after in ((statements, answers[0][0], answers[1][0]), (FIXED, answers[0][1], answers[1][1])):
        wrong = [(text, one, other) for text, one, other in
                 zip(texts, without_places(before), without_places(after)) if one != other]
        assert not wrong, "\n".join(f"{text}\n   {one[:300]}\n   {other[:300]}" for text, one, other in wrong)
    good = sum(isinstance(one, tuple) for one in answers[0][0])
    assert good > len(statements) * 0.9  # most of them run at all


def test_a_text_that_the_names_would_make_too_long(make_scene):  # noqa: F811
    """A server ends a session for a packet of max_allowed_packet. Such a text keeps its names: the alias answers."""
    scene = make_scene(tables=1)
    (before,), = scene.server.sql("SELECT @@GLOBAL.max_allowed_packet")
    scene.server.sql("SET GLOBAL max_allowed_packet = 1048576", f"INSERT INTO {OLD}.t0 (client, number) VALUES (1, 1)")
    head, tail = f"SELECT COUNT(*) FROM {OLD}.t0 /* ", " */"
    try:
        assert scene.move().returncode == 0
        unmapped = scene.gate.metrics().total("moves_unmapped_total", service="billing")
        with scene.connect() as client, client.cursor() as cursor:
            for short in (400, 1, 2, 3):  # the packet has a byte before the text, and must be shorter than the limit
                text = head + "x" * (1048576 - 1 - short - len(head) - len(tail)) + tail
                for _ in range(2):
                    cursor.execute(text)
                    assert cursor.fetchall() == ((1,),), short
        assert places.wait_for(lambda: scene.gate.metrics().total("moves_unmapped_total", service="billing") == unmapped + 4, 30)
    finally:
        scene.server.sql(f"SET GLOBAL max_allowed_packet = {before}")
