"""silogate move and what the server keeps: views, routines, events and triggers of other tables. A call that ends well
breaks none of them without having said so. On both servers."""
import pymysql
import pytest

from test_moves import INI, NEW, OLD, make_scene  # noqa: F401: the fixture

NONE = INI.replace("hold = 10s", "hold = 10s\nalias = none")
PARTED = ("CREATE TABLE mv_old.tp (id INT AUTO_INCREMENT, r INT NOT NULL, PRIMARY KEY (id, r)) ENGINE=InnoDB PARTITION BY"
          " RANGE (r) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN (90))")


def plant(scene, *statements):
    if scene.server.name == "mysql":
        scene.server.sql("SET GLOBAL log_bin_trust_function_creators = 1")
    with scene.server.root() as root, root.cursor() as cursor:
        cursor.execute(f"USE {OLD}")
        for sql in statements:
            cursor.execute(sql)


def works(scene, statement):
    with scene.server.root() as root, root.cursor() as cursor:
        try:
            cursor.execute(statement)
            cursor.fetchall()
            while cursor.nextset():
                pass
            return True
        except pymysql.Error:
            return False


def refused(scene, *words, options=()):
    """It says each of the words in a line of its own with a remedy, and changes nothing."""
    before = scene.standing()
    for more in (["--dry-run"], []):
        told = scene.move(*options, *more)
        assert told.returncode == 1 and scene.standing() == before, told.stdout + told.stderr
        for word in words:
            assert [line for line in told.stdout.splitlines() if line.startswith("refused: ") and word in line
                    and "--accept-unmapped" in line], (word, told.stdout)
    return told.stdout


WAYS = {"view": "SET @n = (SELECT COUNT(*) FROM v)", "view of a view": "SET @n = (SELECT COUNT(*) FROM vv)",
        "function": f"SET @n = {OLD}.f()", "procedure": "CALL q()", "procedure by a function": "SET @n = g()"}


@pytest.mark.long(short=2)
@pytest.mark.parametrize("way", WAYS)
def test_a_trigger_by_way_of_others(make_scene, way):  # noqa: F811
    """It would name nothing by way of a view or a routine: the move left each write to its table with error 1146."""
    scene = make_scene(tables=1, ini=NONE)

    def code(place):
        return (f"CREATE OR REPLACE VIEW v AS SELECT id FROM {place}.t0", "CREATE OR REPLACE VIEW vv AS SELECT id FROM v",
                "DROP FUNCTION IF EXISTS f", "DROP FUNCTION IF EXISTS g", "DROP PROCEDURE IF EXISTS q",
                f"CREATE FUNCTION f() RETURNS INT READS SQL DATA RETURN (SELECT COUNT(*) FROM {place}.t0)",
                f"CREATE PROCEDURE q() SELECT COUNT(*) INTO @n FROM {place}.t0",
                "CREATE FUNCTION g() RETURNS INT READS SQL DATA BEGIN CALL q(); RETURN @n; END")
    plant(scene, *code(OLD), f"CREATE TRIGGER tr BEFORE INSERT ON payments FOR EACH ROW {WAYS[way]}",
          # of the same names elsewhere
          f"CREATE VIEW {NEW}.v AS SELECT 1 AS id", "CREATE TRIGGER other BEFORE INSERT ON audit FOR EACH ROW SET @n ="
          f" (SELECT COUNT(*) FROM {NEW}.v)")
    told = refused(scene, f"trigger {OLD}.tr names {OLD}.t0 by way of")
    assert f"{OLD}.other" not in told, told
    insert = f"REPLACE INTO {OLD}.payments VALUES (1, NULL)"
    assert works(scene, insert)
    told = scene.move("--accept-unmapped")
    assert told.returncode == 0 and scene.stand_in(NEW) and not works(scene, insert), told.stdout
    plant(scene, *code(NEW), "FLUSH TABLES payments")  # MariaDB keeps what it has read of the trigger
    assert works(scene, insert)
    refused(scene, f"trigger {OLD}.tr names {NEW}.t0 by way of", options=("--back",))
    plant(scene, "DROP TRIGGER tr")
    assert scene.move("--back").returncode == 0


def test_the_move_takes_the_trigger_along_but_not_what_it_calls(make_scene):  # noqa: F811
    scene = make_scene(tables=2, ini=NONE)
    plant(scene, "CREATE FUNCTION f() RETURNS INT READS SQL DATA RETURN (SELECT COUNT(*) FROM t1)",
          "CREATE TRIGGER tr BEFORE INSERT ON t0 FOR EACH ROW SET @n = f() + (SELECT COUNT(*) FROM t1)")
    refused(scene, f"trigger {OLD}.tr names {OLD}.t1 by way of routine {OLD}.f")
    plant(scene, "DROP TRIGGER tr", "CREATE TRIGGER tr BEFORE INSERT ON t0 FOR EACH ROW SET @n = (SELECT COUNT(*) FROM t1)")
    assert scene.move().returncode == 0 and works(scene, f"INSERT INTO {NEW}.t0 (client, number) VALUES (1, 1)")


def test_finish_with_code_that_uses_the_alias(make_scene):  # noqa: F811
    """It dropped the alias, said nothing, and each use ended with error 1356 or 1146."""
    scene = make_scene(tables=1)
    plant(scene, "CREATE VIEW v AS SELECT id FROM t0", "CREATE PROCEDURE q() SELECT COUNT(*) FROM t0",
          "CREATE FUNCTION f() RETURNS INT READS SQL DATA RETURN (SELECT COUNT(*) FROM t0)",
          "CREATE EVENT e ON SCHEDULE EVERY 1 YEAR DO DELETE FROM t0 WHERE id = 0",
          "CREATE TRIGGER tr BEFORE INSERT ON payments FOR EACH ROW SET @n = f()",
          "CREATE PROCEDURE s() SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_NAME = 't0'",
          "CREATE VIEW here AS SELECT 1 AS t0 FROM audit", f"CREATE TABLE {NEW}.z (t0 INT)")
    assert scene.move().returncode == 0
    plant(scene, f"CREATE VIEW new AS SELECT id FROM {NEW}.t0")
    uses = [f"SELECT * FROM {OLD}.v", f"CALL {OLD}.q()", f"SELECT {OLD}.f()", f"INSERT INTO {OLD}.payments VALUES (1, NULL)"]
    words = [f"{what} names {OLD}.t0" for what in (f"view {OLD}.v", f"routine {OLD}.q", f"routine {OLD}.f", f"event {OLD}.e")]
    told = refused(scene, *words, f"trigger {OLD}.tr names {OLD}.t0 by way of routine {OLD}.f",
                   options=("--finish", "--unused-for", "0s"))
    assert f"{OLD}.here" not in told and f"{OLD}.new" not in told, told
    assert f"note: routine {OLD}.s of nobody names t0: may have to be changed" in told, told
    assert all(works(scene, use) for use in uses)
    told = scene.move("--finish", "--unused-for", "0s", "--accept-unmapped")
    assert told.returncode == 0 and f"view {OLD}.v of nobody names t0: must be changed" in told.stdout, told.stdout
    assert not any(works(scene, use) for use in uses)


def test_a_table_without_alias(make_scene):  # noqa: F811
    """One with partitions, since the servers ignore PARTITION beside a view. What names it would fail."""
    scene = make_scene(tables=1)
    plant(scene, PARTED, "CREATE PROCEDURE wipe() DELETE FROM tp PARTITION (p0)",
          "CREATE TRIGGER tr BEFORE INSERT ON payments FOR EACH ROW DELETE FROM tp",
          "CREATE EVENT e ON SCHEDULE EVERY 1 YEAR DO INSERT INTO tp (r) VALUES (1)", "CREATE VIEW v AS SELECT r FROM tp",
          "CREATE VIEW w AS SELECT * FROM v",
          "CREATE PROCEDURE run(s TEXT) BEGIN SET @s = s; PREPARE s FROM @s; EXECUTE s; END",
          "CREATE PROCEDURE hands() CALL run('DELETE FROM tp')", "CREATE PROCEDURE counts() SELECT COUNT(*) FROM t0")
    named = [f"{what} names {OLD}.tp, which has partitions" for what in
             (f"routine {OLD}.wipe", f"trigger {OLD}.tr", f"event {OLD}.e", f"view {OLD}.v")]
    told = refused(scene, *named)
    assert f"{OLD}.hands of nobody names tp: may have to be changed" in told, told
    assert f"routine {OLD}.counts of nobody names t0: the alias keeps it working" in told, told
    told = scene.move("--accept-unmapped", "--dry-run")
    assert told.returncode == 0 and f"routine {OLD}.wipe of nobody names tp: must be changed" in told.stdout, told.stdout
    plant(scene, "DROP TRIGGER tr", "DROP EVENT e", "DROP PROCEDURE wipe", "DROP VIEW v")
    assert scene.move().returncode == 0


def test_columns_that_the_alias_has_not(make_scene):  # noqa: F811
    """INVISIBLE ones, and those of system versioning: what named them failed from the move on."""
    scene = make_scene(tables=1)
    plant(scene, "CREATE TABLE ti (id INT PRIMARY KEY, a INT, inv INT)",
          f"ALTER TABLE ti MODIFY inv INT {'INVISIBLE DEFAULT 7' if scene.server.name == 'mariadb' else 'DEFAULT 7 INVISIBLE'}",
          "CREATE VIEW v AS SELECT id, inv FROM ti", "CREATE VIEW w AS SELECT id, a FROM ti",
          "CREATE PROCEDURE q() UPDATE ti SET INV = inv + 1", "CREATE PROCEDURE r() SELECT MAX(_rowid) FROM ti",
          "CREATE TRIGGER tr BEFORE INSERT ON payments FOR EACH ROW SET @n = (SELECT MAX(inv) FROM ti)",
          "CREATE TRIGGER by_view BEFORE UPDATE ON payments FOR EACH ROW SET @n = (SELECT MAX(id) FROM v)",
          "CREATE TRIGGER fine BEFORE INSERT ON audit FOR EACH ROW SET @n = (SELECT MAX(a) FROM ti)")
    names = {"v": "view", "q": "routine", "r": "routine"}
    if scene.server.name == "mariadb":
        plant(scene, "CREATE TABLE tv (a INT PRIMARY KEY) WITH SYSTEM VERSIONING",
              "CREATE VIEW vv AS SELECT a, row_start FROM tv")
        names["vv"] = "view"
    else:
        plant(scene, "SET sql_generate_invisible_primary_key = 1", "CREATE TABLE tg (a INT)",
              "CREATE PROCEDURE g() SELECT MAX(my_row_id) FROM tg")
        names["g"] = "routine"
    of = {"vv": "tv", "g": "tg"}
    told = refused(scene, f"trigger {OLD}.tr names {OLD}.ti, where the alias has no column inv",
                   f"trigger {OLD}.by_view names {OLD}.ti by way of view {OLD}.v")
    assert f"{OLD}.w of nobody names ti: the alias keeps it working" in told and f"{OLD}.fine names" not in told, told
    for name, kind in names.items():
        assert f"note: {kind} {OLD}.{name} of nobody names {of.get(name, 'ti')}: must be changed: the alias has no" \
               " column " in told, told
    plant(scene, "DROP TRIGGER tr", "DROP TRIGGER by_view")
    assert scene.move().returncode == 0
    assert works(scene, f"SELECT * FROM {OLD}.w") and works(scene, f"INSERT INTO {OLD}.audit VALUES ('x')")
    assert not works(scene, f"SELECT * FROM {OLD}.v") and not works(scene, f"CALL {OLD}.q()")


def test_a_row_whose_id_the_alias_has_not(make_scene):  # noqa: F811
    """LAST_INSERT_ID() stayed the id of another row behind an INSERT by way of the alias, and was written elsewhere."""
    scene = make_scene(tables=1)
    if scene.server.name == "mysql":
        plant(scene, "SET sql_generate_invisible_primary_key = 1", "CREATE TABLE tg (a INT)")
    else:
        plant(scene, "CREATE TABLE tg (my_row_id INT AUTO_INCREMENT INVISIBLE PRIMARY KEY, a INT)")
    plant(scene, "CREATE PROCEDURE g() INSERT INTO tg (a) VALUES (1)", "CREATE PROCEDURE k() SELECT COUNT(a) FROM tg")
    told = refused(scene, f"routine {OLD}.g names {OLD}.tg in an INSERT, and its AUTO_INCREMENT column is INVISIBLE")
    assert f"{OLD}.k of nobody names tg: the alias keeps it working" in told, told
    plant(scene, "DROP PROCEDURE g")
    assert scene.move().returncode == 0


def test_what_cannot_be_read_to_its_end(make_scene):  # noqa: F811
    """A trigger of sql_mode ORACLE failed at each write, and --finish dropped what such texts name."""
    scene = make_scene(tables=1)
    dynamic = "BEGIN SET @s = CONCAT('SELECT ', '1'); PREPARE s FROM @s; EXECUTE s; DELETE FROM {}; END"
    plant(scene, PARTED, f"CREATE PROCEDURE q() {dynamic.format('tp PARTITION (p0)')}",
          f"CREATE PROCEDURE r() {dynamic.format('mv_old.t0')}")
    told = scene.move()
    assert told.returncode == 0, told.stdout
    for name, table in (("q", "tp"), ("r", "t0")):
        assert f"{OLD}.{name} of nobody names {table}: may have to be changed" in told.stdout, told.stdout
    refused(scene, f"routine {OLD}.r names {OLD}.t0", options=("--finish", "--unused-for", "0s"))
    plant(scene, "DROP PROCEDURE r")
    assert scene.move("--back").returncode == 0


def test_a_trigger_of_another_dialect(make_scene, server):  # noqa: F811
    if server.name == "mysql":
        pytest.skip("it has no sql_mode ORACLE")
    scene = make_scene(tables=1, ini=NONE)
    plant(scene, "SET sql_mode = ORACLE", "CREATE TRIGGER tr BEFORE INSERT ON payments FOR EACH ROW BEGIN"
          " SELECT COUNT(*) INTO @n FROM t0; END")
    refused(scene, f"trigger {OLD}.tr names {OLD}.t0")


MUST, MAY, KEPT = "must be changed", "may have to be changed", "the alias keeps it working"
BODIES = {
    "ALTER TABLE tp DROP PARTITION p0": MUST, "ALTER TABLE tp ADD COLUMN z INT": MUST, "CREATE INDEX iz ON tp (r)": MUST,
    "ANALYZE TABLE tp": MUST, "OPTIMIZE TABLE tp": MUST, "CHECKSUM TABLE tp": MUST, "REPAIR TABLE tp": MUST,
    "CREATE TABLE made LIKE tp": MUST, "RENAME TABLE tp TO tp2": MUST, "DROP TABLE tp": MUST, "DROP TABLE IF EXISTS tp": MUST,
    "TRUNCATE TABLE tp": MUST, "ALTER TABLE payments ADD FOREIGN KEY (t_id) REFERENCES t0 (id)": MUST,
    "SELECT COUNT(*) FROM tp USE/**/INDEX (PRIMARY)": MUST, "SELECT COUNT(*) FROM tp x FORCE -- x\n KEY (PRIMARY)": MUST,
    "SHOW INDEX FROM tp": MUST, "SELECT COUNT(*) FROM tp WHERE r IN (SELECT client FROM t0 IGNORE INDEX (client))": MUST,
    "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'mv_old' AND TABLE_NAME = 'tp'": MAY,
    "BEGIN SET @s = CONCAT('DELETE FROM ', 'tp'); PREPARE s FROM @s; EXECUTE s; END": MAY,
    "SELECT TRUNCATE(r, 1) FROM tp": KEPT, "INSERT INTO tp (r) SELECT r FROM tp": KEPT, "REPLACE INTO tp (r) VALUES (1)": KEPT,
    "UPDATE tp JOIN t0 USING (id) SET tp.r = 1": KEPT, "DELETE FROM tp WHERE r = 1": KEPT, "SELECT 1 AS tp FROM audit": None,
    "SELECT 1 /* tp */": None, "SELECT * FROM elsewhere.tp": None,
}


def test_what_the_alias_keeps_working(make_scene):  # noqa: F811
    """Only that is said to."""
    scene = make_scene(tables=1)
    made = []
    plant(scene, PARTED[:PARTED.index(" PARTITION")])
    for number, body in enumerate(BODIES):
        plant(scene, f"CREATE PROCEDURE q{number}() {body}")
        made.append(f"{OLD}.q{number}")
    told = scene.move("--dry-run")
    assert told.returncode == 0, told.stdout
    for name, (body, said) in zip(made, BODIES.items()):
        lines = [line for line in told.stdout.splitlines() if f" {name} " in line]
        assert len(lines) == (said is not None) and (said is None or said in lines[0]), (body, lines)
    assert scene.move().returncode == 0
    for name, said in zip(made, BODIES.values()):
        assert said != KEPT or works(scene, f"CALL {name}()"), name


def test_a_text_that_cannot_be_read(make_scene):  # noqa: F811
    """A package of MariaDB's Oracle mode: it is told, and refuses nothing."""
    scene = make_scene(tables=1)
    if scene.server.dialect != "mariadb":
        return
    plant(scene, "SET sql_mode = 'ORACLE'", "CREATE PACKAGE pk AS FUNCTION f RETURN INT; END",
          "CREATE PACKAGE BODY pk AS FUNCTION f RETURN INT AS BEGIN RETURN (SELECT COUNT(*) FROM t0); END; END",
          "CREATE TRIGGER tr BEFORE INSERT ON payments FOR EACH ROW BEGIN SET @n = pk.f(); END")
    told = scene.move()
    assert told.returncode == 0 and f"routine {OLD}.pk of nobody names t0: may have to be changed" in told.stdout, told.stdout
    assert works(scene, f"INSERT INTO {OLD}.payments VALUES (1, NULL)")
