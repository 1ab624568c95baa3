"""What tools make of tables that have moved, through silogate and by the old names: dumps, migrations, and ORMs that look
at the schema. It is what docs/moves.md says under "Tools", whether it is welcome or not."""
import re
import subprocess

import pymysql
import pytest

from harness import places
from test_move_names import execute
from test_moves import INI, make_scene  # noqa: F401: the fixture

sqlalchemy = pytest.importorskip("sqlalchemy")
ACCOUNT = "mv_billing", "mv_billing-secret"
DJANGO = """
import pymysql, sys
pymysql.version_info = (2, 2, 0, "final", 0)
pymysql.install_as_MySQLdb()
import django
from django.conf import settings
settings.configure(DATABASES={"default": dict(ENGINE="django.db.backends.mysql", NAME="mv_old", USER="mv_billing",
                                              PASSWORD="mv_billing-secret", HOST="127.0.0.1", PORT=sys.argv[1])})
django.setup()
from django.core.management import call_command
call_command("inspectdb", *sys.argv[2:])
"""
# What Flyway asks and does: is its own table there, a lock, each script, what it has done.
MIGRATION = """
SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'schema_version'
SELECT GET_LOCK('Flyway-7', 10)
SELECT version FROM schema_version ORDER BY version
ALTER TABLE t0 ADD COLUMN due DATE, ADD INDEX by_due (due)
CREATE INDEX by_note ON mv_old.t0 (note)
UPDATE t0 SET due = '2027-01-01'
CREATE TABLE kept2 (id INT PRIMARY KEY, t0_id INT, CONSTRAINT k2 FOREIGN KEY (t0_id) REFERENCES t0 (id)) ENGINE=InnoDB
INSERT INTO kept2 SELECT id, id FROM t0
CREATE TRIGGER t0_due BEFORE INSERT ON t0 FOR EACH ROW SET NEW.note = 'migrated'
INSERT INTO t0 (client, number) VALUES (9, 9)
DROP TRIGGER t0_due
ALTER TABLE t0 DROP INDEX by_note
INSERT INTO schema_version VALUES (2)
SELECT RELEASE_LOCK('Flyway-7')
""".strip().splitlines()


def dump(scene, *what):
    """(exit status, names of tables made, names of tables with rows)"""
    tool = places.mysql_program("mysqldump") + ["--no-defaults", "--set-gtid-purged=OFF", "--no-tablespaces"] \
        if scene.server.name == "mysql" else [*places.mariadb_program("mariadb-dump"), "--no-defaults"]
    done = subprocess.run([*tool, "-h127.0.0.1", f"-P{scene.gate.port}", f"-u{ACCOUNT[0]}", f"-p{ACCOUNT[1]}", *what],
                          capture_output=True, text=True, timeout=60)
    return done.returncode, re.findall(r"^CREATE TABLE `(\w+)`", done.stdout, re.M), \
        re.findall(r"^INSERT INTO `(\w+)`", done.stdout, re.M)


def inspect_db(scene, *tables):
    done = subprocess.run(["/usr/bin/python3", "-c", DJANGO, str(scene.gate.port), *tables], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def make_open_scene(make_scene):  # noqa: F811
    """The tables where they were, with rows and with what refers to them."""
    ini = INI.replace("mode = block", "mode = log").replace("unowned = block", "unowned = allow").replace(
        "owns = mv_old.t*", "owns = mv_old.t*\nowns = mv_old.kept*\nowns = mv_old.schema_version")
    scene = make_scene(ini=ini, tables=2)
    scene.server.sql("INSERT INTO mv_old.t0 (client, number) VALUES (1, 1), (2, 2)",
                     "CREATE TABLE mv_old.schema_version (version INT PRIMARY KEY)",
                     "CREATE TABLE mv_old.kept (id INT PRIMARY KEY, t0_id INT, CONSTRAINT k1 FOREIGN KEY (t0_id) REFERENCES"
                     " mv_old.t0 (id)) ENGINE=InnoDB", "INSERT INTO mv_old.kept VALUES (1, 1)")
    return scene


@pytest.fixture
def scene(make_scene):  # noqa: F811
    scene = make_open_scene(make_scene)
    moved = scene.move()
    assert moved.returncode == 0, moved.stdout + moved.stderr
    return scene


def engine(scene):
    return sqlalchemy.create_engine(f"mysql+pymysql://{':'.join(ACCOUNT)}@127.0.0.1:{scene.gate.port}/mv_old",
                                    poolclass=sqlalchemy.pool.NullPool)


def finish(scene):
    done = scene.move("--finish", "--unused-for", "0s")
    assert done.returncode == 0, done.stdout + done.stderr


def test_dumps(scene):
    """By the old database: the table, and none of its rows. Nothing says so."""
    code, made, filled = dump(scene, "mv_old")
    assert code in (0, 2) and {"t0", "kept"} <= set(made) and "kept" in filled and "t0" not in filled  # 2: a table of 9.7's
    code, made, filled = dump(scene, "mv_old", "t0")
    assert code in (0, 2) and made == ["t0"] and filled == []
    code, made, filled = dump(scene, "mv_new")
    assert code in (0, 2) and made == ["t0", "t1"] and filled == ["t0"]
    finish(scene)
    _, made, _ = dump(scene, "mv_old")
    assert "t0" not in made and "kept" in made
    code, made, _ = dump(scene, "mv_old", "t0")
    assert code != 0 and made == []  # there is no such table in its list


def test_migrations(scene):
    """A migration's statements are mapped; what it makes new beside the table stays in the old database."""
    with scene.connect() as client, client.cursor() as cursor:
        answers = []
        for text in MIGRATION:
            execute(cursor, text)
            answers.append(cursor.fetchall())
        assert answers[0] == ((1,),)
        cursor.execute("SELECT note, due FROM mv_old.t0 ORDER BY id")
        assert [str(row) for row in cursor.fetchall()][:2] == ["('x', datetime.date(2027, 1, 1))"] * 2
        with pytest.raises(pymysql.err.MySQLError) as there:  # what a tool would do that misses it in its list
            cursor.execute("CREATE TABLE t0 (id INT)")
        assert there.value.args[0] == 1050
        cursor.execute("CREATE TABLE IF NOT EXISTS t0 (id INT)")
    server = scene.server
    assert server.sql("SHOW TABLES FROM mv_new") == (("t0",), ("t1",))
    assert server.sql("SELECT referenced_table_schema FROM information_schema.key_column_usage WHERE constraint_name = 'k2'"
                      " AND referenced_table_name = 't0'") == (("mv_new",),)
    with pytest.raises(pymysql.err.MySQLError) as old:  # past silogate, the alias is as it was made
        server.sql("SELECT due FROM mv_old.t0")
    assert old.value.args[0] == 1054
    assert scene.move("--back").returncode == 0 and scene.stand_in("mv_old")  # what was changed goes back as well
    assert server.sql("SELECT COUNT(due) FROM mv_old.t0")[0][0] == 2


def test_sqlalchemy_and_alembic(scene):
    made = engine(scene)
    look = sqlalchemy.inspect(made)
    assert "t0" not in look.get_table_names() and set(look.get_view_names()) == {"t0", "t1"}
    assert look.has_table("t0") and look.get_pk_constraint("t0")["constrained_columns"] == ["id"]
    assert [one["name"] for one in look.get_columns("t0")] == ["id", "client", "number", "note"]
    assert [one["column_names"] for one in look.get_indexes("t0")] == [["client", "number"]]
    key, = look.get_foreign_keys("kept")
    assert (key["referred_schema"], key["referred_table"]) == ("mv_new", "t0")
    whole = sqlalchemy.MetaData()
    whole.reflect(bind=made)
    assert {"kept", "mv_new.t0"} <= set(whole.tables) and "t0" not in whole.tables
    one = sqlalchemy.Table("t0", sqlalchemy.MetaData(), autoload_with=made)
    assert [column.name for column in one.primary_key] == ["id"]
    with made.connect() as connection:
        assert len(connection.execute(one.select()).fetchall()) == 2
    migration = pytest.importorskip("alembic.migration")
    autogenerate = pytest.importorskip("alembic.autogenerate")
    with made.connect() as connection:  # it would make the table anew: error 1050 stops it
        found = autogenerate.compare_metadata(migration.MigrationContext.configure(connection), one.metadata)
    assert ("add_table", "t0") in [(what[0], what[1].name) for what in found if what[0] == "add_table"]
    finish(scene)
    look = sqlalchemy.inspect(made)
    assert look.get_view_names() == [] and look.get_pk_constraint("t0")["constrained_columns"] == ["id"]


@pytest.mark.long
def test_django(scene):
    pytest.importorskip("django")
    assert "db_table = 't0'" not in inspect_db(scene)
    alone = inspect_db(scene, "--include-views", "t0")  # from Django 4 on only so it tells that it is one
    assert "class T0" in alone and "Created from a view" in alone and "primary_key=True" not in alone.split("class T0")[1]
    finish(scene)
    assert "class T0" not in inspect_db(scene, "t0")


def test_what_orms_ask(scene):
    """Sequelize, TypeORM, Prisma and JDBC: by name they see the table, by information_schema of the old database a view."""
    with scene.connect() as client, client.cursor() as cursor:
        def ask(text):
            cursor.execute(text)
            return cursor.fetchall()

        assert [row for row in ask("SHOW FULL TABLES") if row[0] == "t0"] == [("t0", "VIEW")]
        assert [row[4] for row in ask("SHOW FULL COLUMNS FROM `t0`") if row[0] == "id"] == ["PRI"]
        assert {row[2] for row in ask("SHOW INDEX FROM `t0` FROM `mv_old`")} == {"PRIMARY", "client"}
        assert ask("SHOW CREATE TABLE mv_old.t0")[0][1].startswith("CREATE TABLE")
        assert ask("SELECT table_type FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 't0'") \
            == (("VIEW",),)
        assert ask("SELECT column_key FROM information_schema.columns WHERE table_schema = 'mv_old' AND table_name = 't0' AND"
                   " column_name = 'id'") == (("",),)
        assert ask("SELECT constraint_name FROM information_schema.key_column_usage WHERE table_schema = 'mv_old' AND"
                   " table_name = 't0'") == ()
        assert {row[0] for row in ask("SELECT constraint_name FROM information_schema.key_column_usage WHERE table_schema ="
                                      " 'mv_new' AND table_name = 't0'")} == {"PRIMARY", "client"}
    assert places.wait_for(lambda: "information_schema" in scene.move("--status").stdout, 60)
