"""silogate move: everything that would fail at the end is refused at the beginning, with its remedy; what a DBA should
know is told. On both servers."""
import re
import time

import pymysql
import pytest

from harness import places
from test_moves import INI, NEW, OLD, TABLES, make_scene  # noqa: F401: the fixture

BOTH, MYSQL, MARIADB = ("mariadb", "mysql"), ("mysql",), ("mariadb",)
# What is planted, what takes it out again, what is said of it and what is to be done; where.
PLANTS = [
    (["CREATE VIEW mv_old.tv AS SELECT 1 AS id"], ["DROP VIEW mv_old.tv"],
     "mv_old.tv is a view", "take it out of [move:tables]", BOTH),
    (["CREATE SEQUENCE mv_old.tseq"], ["DROP SEQUENCE mv_old.tseq"],
     "mv_old.tseq is a sequence", "take it out of [move:tables]", MARIADB),
    (["CREATE TABLE mv_new.t2 (id INT)"], ["DROP TABLE mv_new.t2"], "mv_new.t2 exists already", "rename or drop", BOTH),
    (["CREATE VIEW mv_new.t2 AS SELECT 1"], ["DROP VIEW mv_new.t2"], "mv_new.t2 exists already", "rename or drop", BOTH),
    (["ALTER TABLE mv_old.t1 ADD CONSTRAINT fk_x FOREIGN KEY (client) REFERENCES mv_old.t0 (id)",
      "CREATE TABLE mv_new.p (id INT PRIMARY KEY, x INT, CONSTRAINT fk_x FOREIGN KEY (x) REFERENCES mv_new.p (id))"
      " ENGINE=InnoDB"],
     ["DROP TABLE mv_new.p", "ALTER TABLE mv_old.t1 DROP FOREIGN KEY fk_x"],
     "FOREIGN KEY fk_x of t1: p in mv_new has one of that name", "rename one of them", BOTH),
    (["ALTER TABLE mv_old.t1 ADD CONSTRAINT ck CHECK (client > 0)",
      "CREATE TABLE mv_new.p (id INT, CONSTRAINT ck CHECK (id > 0))"],
     ["DROP TABLE mv_new.p", "ALTER TABLE mv_old.t1 DROP CONSTRAINT ck"],
     "CHECK ck of t1: p in mv_new has one of that name", "rename one of them", MYSQL),
    (["ALTER DATABASE mv_new COLLATE utf8mb4_bin"], ["ALTER DATABASE mv_new COLLATE utf8mb4_general_ci"],
     "default collations of mv_old and mv_new differ", "ALTER DATABASE mv_new", BOTH),
    (["ALTER DATABASE mv_new ENCRYPTION = 'Y'"], ["ALTER DATABASE mv_new ENCRYPTION = 'N'"],
     "default encryptions of mv_old and mv_new differ", "ALTER DATABASE mv_new ENCRYPTION", MYSQL),
    (["DROP DATABASE mv_new"], ["CREATE DATABASE mv_new CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"],
     "there is no database mv_new", "CREATE DATABASE", BOTH),
    (["ALTER DATABASE mv_old READ ONLY = 1"], ["ALTER DATABASE mv_old READ ONLY = 0"],
     "is READ ONLY", "READ ONLY = 0", MYSQL),
    (["CREATE DEFINER = ghost@'%' TRIGGER mv_old.g BEFORE INSERT ON mv_old.t1 FOR EACH ROW SET NEW.note = 'g'"],
     ["DROP TRIGGER mv_old.g"], "its definer ghost@% is not an account", "create the account, or create the trigger again", BOTH),
    (["CREATE TRIGGER mv_old.g BEFORE INSERT ON mv_old.t1 FOR EACH ROW SET @@pseudo_thread_id = 1"], ["DROP TRIGGER mv_old.g"],
     "trigger mv_old.g cannot be created again: a body that puts temporary tables out of sight", "drop it", BOTH),
    (["CREATE PROCEDURE mv_old.p() BEGIN CREATE  TEMPORARY\nTABLE if not exists mv_old.`t1` (id INT); END"],
     ["DROP PROCEDURE mv_old.p"], "routine mv_old.p makes or drops a temporary table called t1", "give it another name", BOTH),
    (["CREATE PROCEDURE mv_old.p() BEGIN DROP TEMPORARY TABLE t1; END"], ["DROP PROCEDURE mv_old.p"],
     "a temporary table called t1", "--accept-unmapped", BOTH),
    # the list of a MERGE table does not follow: neither could be opened any more, nor moved back
    (["CREATE TABLE mv_old.part (id INT) ENGINE=MyISAM", "CREATE TABLE mv_old.tm (id INT) ENGINE=MERGE UNION=(mv_old.part)"],
     ["DROP TABLE mv_old.tm, mv_old.part"], "mv_old.tm is a MERGE table", "drop it, and create it again", BOTH),
    (["CREATE TABLE mv_old.tpart (id INT) ENGINE=MyISAM", "CREATE TABLE mv_old.m (id INT) ENGINE=MERGE UNION=(mv_old.tpart)"],
     ["DROP TABLE mv_old.m, mv_old.tpart"], "mv_old.m is a MERGE table with tpart", "drop it, and create it again", BOTH),
    *(([f"CREATE TABLE mv_old._t1{tail} (id INT)"], [f"DROP TABLE mv_old._t1{tail}"],
       f"mv_old._t1{tail} exists: an online schema change of t1", "let it end, or drop", BOTH)
      for tail in ("_gho", "_ghc", "_del", "_new", "_old")),
]


@pytest.fixture
def scene(make_scene):  # noqa: F811
    scene = make_scene()
    scene.server.sql(*(f"ALTER DATABASE {one} COLLATE utf8mb4_general_ci" for one in (OLD, NEW)))
    return scene


def refused(scene, *options):
    before = scene.standing()
    told = scene.move(*options)
    assert told.returncode == 1, told.stdout + told.stderr
    assert scene.standing() == before
    return told.stdout


@pytest.mark.long
def test_what_is_planted(scene):
    for plant, undo, what, remedy, where in PLANTS:
        if scene.server.name not in where:
            continue
        scene.server.sql(*plant)
        for options in (("--dry-run",), ())[:1 + what.startswith("mv_old.tv")]:
            told = refused(scene, *options)
            lines = [line for line in told.splitlines() if line.startswith("refused: ") and what in line]
            assert lines and remedy in lines[0], told
        scene.server.sql(*undo)
    assert scene.move("--dry-run").returncode == 0


def test_a_check_of_the_same_name_is_no_matter_on_mariadb(scene):
    if scene.server.name != "mariadb":
        pytest.skip("MariaDB's CHECKs have their names in their table")
    scene.server.sql("ALTER TABLE mv_old.t1 ADD CONSTRAINT ck CHECK (client > 0)",
                     "CREATE TABLE mv_new.p (id INT, CONSTRAINT ck CHECK (id > 0))")
    moved = scene.move()
    assert moved.returncode == 0 and scene.stand_in(NEW), moved.stdout + moved.stderr


def test_a_prepared_branch(scene):
    """It keeps its locks without a connection. One that is committed at once is no reason."""
    scene.server.sql("XA START 'left'", "INSERT INTO mv_old.t0 (client, number) VALUES (1, 1)", "XA END 'left'",
                     "XA PREPARE 'left'")
    told = refused(scene)
    assert "the XA transaction left is prepared" in told and "XA COMMIT or XA ROLLBACK" in told, told
    with scene.server.root() as root, root.cursor() as cursor:
        cursor.execute("XA ROLLBACK 'left'")
    assert scene.move().returncode == 0


@pytest.mark.long
def test_patterns(make_scene):  # noqa: F811
    scene = make_scene(ini=INI.replace("table = mv_old.t*", "table = mv_old.t*\ntable = mv_old.typo\n"
                                       "table = mv_old.tx*").replace("owns = mv_old.audit", "owns = mv_old.audit\n"
                                                                     "owns = mv_old.tp*"))
    scene.server.sql(f"CREATE TABLE {OLD}.tp1 (id INT)")
    told = refused(scene)
    assert "there is no table mv_old.typo" in told and "correct table = in [move:tables]" in told, told
    assert "note: table = mv_old.tx* matches no table" in told
    assert "note: mv_old.tp1 is left out: it belongs to payment" in told
    scene.server.sql(f"CREATE TABLE {OLD}.typo (id INT)")
    assert scene.move().returncode == 0
    assert scene.standing()["tp1"] == OLD and scene.standing()["t1"] == NEW == scene.standing()["typo"]
    assert scene.move("--back").returncode == 0 and set(scene.standing().values()) == {OLD}


def test_nothing_at_all(make_scene):  # noqa: F811
    scene = make_scene(ini=INI.replace("table = mv_old.t*", "table = mv_old.tnothing*"))
    told = scene.move()
    assert told.returncode == 1 and "[move:tables] matches no table" in told.stdout, told.stdout


@pytest.mark.long
def test_an_instance_that_was_reloaded_just_now(scene):
    """It tells the mover its new policy a moment later: no reason to refuse."""
    text = scene.gate.path.read_text()
    for more in ("more", "most") * 5:
        scene.gate.reload(ini=text.replace("owns = mv_old.audit", f"owns = mv_old.audit\nowns = mv_old.{more}"))
        told = scene.move("--dry-run")
        assert told.returncode == 0, told.stdout


@pytest.mark.long
def test_instances(scene):
    other = scene.folder / "other.ini"
    text = scene.gate.path.read_text()
    other.write_text(text.replace("owns = mv_old.audit", "owns = mv_old.audit\nowns = mv_old.more"))
    path, scene.gate.path = scene.gate.path, other
    told = refused(scene)
    assert "has another policy" in told and "reload it, or use its file" in told, told
    scene.gate.path = path
    scene.gate.process.kill()
    scene.gate.process.wait()
    assert places.wait_for(lambda: "was last seen" in scene.move("--dry-run").stdout)
    told = refused(scene)
    assert "may still send statements; end it, or wait" in told, told
    scene.server.sql("DELETE FROM silogate.instances_of_moves")  # as after a minute
    told = refused(scene)
    assert "no instance of silogate takes part; run one" in told, told
    scene.gate.start()
    assert places.wait_for(lambda: scene.move("--dry-run").returncode == 0)


@pytest.mark.long
def test_an_instance_without_the_section(scene, make_gate):
    """Its sessions would not follow. An old process that still has sessions after an upgrade is one too."""
    other = make_gate(scene.server, ini=scene.gate.path.read_text(), start=False)
    without = re.sub(r"\[move:tables\][^[]*", "", other.ini)
    other.path.write_text(without)
    other.start()
    assert places.wait_for(lambda: "does not follow [move:tables]" in scene.move("--dry-run").stdout)
    told = refused(scene)
    assert f":{other.process.pid}:" in told and "write the section into its file and reload it" in told, told
    other.reload(ini=other.ini)
    assert scene.move().returncode == 0
    other.reload(ini=without)
    assert places.wait_for(lambda: "does not follow [move:tables]" in scene.move("--back", "--dry-run").stdout)
    other.stop()
    assert scene.move("--back").returncode == 0


def test_another_mover(scene):
    with scene.server.root() as root, root.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK('silogate.move', 0), CONNECTION_ID()")
        thread = cursor.fetchall()[0][1]
        told = refused(scene)
        assert f"another mover is at work on this server, as its thread {thread}; wait for its end" in told, told
        assert f"a mover is at work, as thread {thread}" in scene.move("--status").stdout or \
            "no call yet" in scene.move("--status").stdout
    assert scene.move().returncode == 0


@pytest.mark.long
def test_the_way_back(scene):
    """Each table stands once, or it is for a person to look."""
    assert scene.move().returncode == 0
    scene.server.sql("DROP VIEW mv_old.t1", "CREATE TABLE mv_old.t1 (id INT)")
    told = scene.move("--back")
    assert told.returncode == 1
    assert "t1 stands in mv_old and in mv_new; find out which is the right one, and rename or drop" in told.stdout
    scene.server.sql("DROP TABLE mv_old.t1")
    scene.server.sql("DROP TABLE mv_new.t2")
    told = scene.move("--back")
    assert told.returncode == 0 and "mv_old.t2 is the alias of a table that no longer exists" in told.stdout, told.stdout
    assert scene.standing() == {f"t{i}": OLD for i in range(TABLES) if i != 2}


def test_warnings(scene):
    """What names the tables elsewhere, and whose it is."""
    scene.server.sql(
        "CREATE VIEW mv_old.v AS SELECT id FROM mv_old.t1", "CREATE VIEW mv_new.w AS SELECT id FROM mv_old.t2",
        "CREATE PROCEDURE mv_old.p() SELECT COUNT(*) FROM mv_old.t1",
        "CREATE EVENT mv_old.e ON SCHEDULE EVERY 1 YEAR DO DELETE FROM mv_old.t3",
        "CREATE TRIGGER mv_old.tr AFTER INSERT ON mv_old.payments FOR EACH ROW DELETE FROM mv_old.t0 WHERE id = 0",
        "CREATE VIEW mv_old.no AS SELECT 1 AS t10 FROM mv_old.audit",
        # what the alias refuses, and what only looks like it
        "CREATE VIEW mv_old.hint AS SELECT id FROM mv_old.t1 FORCE INDEX (PRIMARY)",
        "CREATE PROCEDURE mv_old.wipe() TRUNCATE mv_old.t1",
        "CREATE TRIGGER mv_old.tr2 AFTER INSERT ON mv_old.audit FOR EACH ROW"
        " SET @n = (SELECT COUNT(*) FROM mv_old.t0 USE KEY (PRIMARY))",
        "CREATE PROCEDURE mv_old.like_it() SELECT TRUNCATE(1.5, 1), ROW_NUMBER() OVER (PARTITION BY id) FROM mv_old.t1")
    told = scene.move("--dry-run")
    assert told.returncode == 1, told.stdout
    assert "refused: trigger mv_old.tr2 names mv_old.t0 with an index hint" in told.stdout, told.stdout
    assert told.stdout.count("refused: ") == 1, told.stdout
    for words in ("view mv_old.v of nobody names t1: the alias keeps it working",
                  "view mv_new.w of billing names t2: the alias keeps", "routine mv_old.p of nobody names t1: the alias keeps",
                  "event mv_old.e of nobody names t3: the alias keeps", "view mv_old.hint of nobody names t1: must be changed: it has",
                  "routine mv_old.wipe of nobody names t1: must be changed: it has",
                  "routine mv_old.like_it of nobody names t1: the alias keeps",
                  "trigger mv_old.tr2 on mv_old.audit of payment names t0: must be changed: it has",
                  "trigger mv_old.tr on mv_old.payments of payment names t0: the alias keeps"):
        assert f"note: {words}" in told.stdout, told.stdout
    assert "mv_old.no" not in told.stdout
    with scene.server.root() as root, root.cursor() as cursor:  # and they go on
        assert scene.move("--accept-unmapped").returncode == 0
        cursor.execute("CALL mv_old.p()")
        cursor.fetchall()
        while cursor.nextset():
            pass
        cursor.execute("SELECT COUNT(*) FROM mv_old.v, mv_new.w")
        cursor.execute("INSERT INTO mv_old.payments VALUES (7, NULL)")


@pytest.mark.long
def test_a_dry_run_prints_every_statement(scene):
    """What the server sees of the move is what the dry run has printed."""
    scene.server.sql("CREATE TRIGGER mv_old.first BEFORE INSERT ON mv_old.t0 FOR EACH ROW SET NEW.note = 'x'")
    for options in ((), ("--back",)):
        printed = scene.move("--dry-run", *options).stdout.replace("`", "").replace("IF EXISTS ", "")
        mark = scene.server.mark()
        assert scene.move(*options).returncode == 0
        seen = []
        for line in scene.server.log(mark).splitlines():
            text = line.split("\t")[-1].replace("`", "").removeprefix("Query ")
            text = text.split("Query ", 1)[-1].split(" FOR RENAME", 1)
            text = text[0] if len(text) == 1 else "RENAME" + text[1]
            if text.startswith(("RENAME", "LOCK TABLES", "CREATE TRIGGER", "CREATE DEFINER", "DROP TRIGGER", "GRANT",
                                "CREATE OR REPLACE VIEW", "DROP TABLE", "CREATE TABLE mv_")):
                seen.append(text)
        assert len(seen) >= 3
        for text in seen:
            assert text.replace("IF EXISTS ", "") in printed, (text, printed)


@pytest.mark.long
def test_odd_names(make_scene):  # noqa: F811
    """Backticks, UTF-8, upper case, dashes: the names of tables, columns, triggers, databases and accounts."""
    ini = INI.replace("mv_new", "mv-Nëw").replace("owns = mv-Nëw.*", "owns = mv-Nëw.*\nowns = mv_old.Ünï*\n"
                                                  "owns = mv_old.a-b*").replace(
        "table = mv_old.t*", "table = mv_old.t*\ntable = mv_old.Ünï*\ntable = mv_old.a-b*")
    scene = make_scene(ini=ini)
    server = scene.server
    names = ["Ünï`code", "a-b c", "tMixed", "t`"]
    try:
        server.sql("DROP DATABASE IF EXISTS `mv-Nëw`", "CREATE DATABASE `mv-Nëw` CHARACTER SET utf8mb4")
        for name in names:
            quoted = name.replace("`", "``")
            server.sql(f"CREATE TABLE mv_old.`{quoted}` (`i``d` INT PRIMARY KEY, v VARCHAR(10), `é` INT DEFAULT 3 COMMENT"
                       " 'REFERENCES `x`', server_id INT)",
                       f"CREATE TRIGGER mv_old.`tr {quoted}` BEFORE INSERT ON mv_old.`{quoted}` FOR EACH ROW"
                       f" SET NEW.v = CONCAT(NEW.v, '✓'), NEW.é = NEW.é, NEW.server_id = 7")
        for options, place in (((), "mv-Nëw"), (("--back",), OLD), ((), "mv-Nëw")):
            moved = scene.move(*options)
            assert moved.returncode == 0, moved.stdout + moved.stderr
            stand = dict(server.sql("SELECT table_name, table_schema FROM information_schema.tables WHERE table_type ="
                                    " 'BASE TABLE' AND table_schema IN ('mv_old', 'mv-Nëw')"))
            assert all(stand[name] == place for name in names), stand
            with scene.connect(charset="utf8mb4") as client, client.cursor() as cursor:
                for number, name in enumerate(names):
                    quoted = name.replace("`", "``")
                    cursor.execute(f"REPLACE INTO `{quoted}` (`i``d`, v) VALUES ({number}, 'é')")
                    cursor.execute(f"SELECT mv_old.`{quoted}`.v, `é` FROM mv_old.`{quoted}` WHERE `i``d` = {number}")
                    assert cursor.fetchall() == (("é✓", 3),)
        with pytest.raises(pymysql.err.MySQLError):
            with scene.connect() as client, client.cursor() as cursor:
                cursor.execute("SELECT COUNT(*) FROM tmixed")  # another table where case counts
        assert scene.move("--back").returncode == 0
    finally:
        server.sql("DROP DATABASE IF EXISTS `mv-Nëw`")


def test_a_service_by_another_upstream(scene):
    """Its sessions stand at the same server, and would neither wait nor be sent to the new place."""
    text = scene.gate.path.read_text()
    address = f"127.0.0.1:{scene.server.port}"
    scene.gate.reload(ini=text.replace("[service:billing]", f"[upstream:more]\naddress = {address}\n[service:billing]\n"
                                       "upstream = main").replace("[service:payment]", "[service:payment]\nupstream = more"))
    told = refused(scene)
    assert "refused: [service:payment] comes to this server by [upstream:more]" in told and "upstream = main" in told
    scene.gate.reload(ini=text)


def test_a_right_that_is_missing_is_told(scene):
    """Also where what was begun could not be taken back: DROP is needed for both."""
    server = scene.server
    server.sql("DROP USER IF EXISTS mv_mover@'%'", "CREATE USER mv_mover@'%' IDENTIFIED BY 'x'",
               "GRANT SELECT, PROCESS, RELOAD ON *.* TO mv_mover@'%'", "GRANT ALL ON silogate.* TO mv_mover@'%'",
               *(f"GRANT ALL ON {one}.* TO mv_mover@'%' WITH GRANT OPTION" for one in (OLD, NEW)),
               f"REVOKE DROP ON {NEW}.* FROM mv_mover@'%'")
    kept = scene.defaults.read_text()
    try:
        scene.defaults.write_text("[client]\nuser = mv_mover\npassword = x\n")
        told = scene.move()
        assert told.returncode == 1 and "DROP command denied" in told.stdout + told.stderr, told
        scene.defaults.write_text(kept)
        assert scene.move().returncode == 0 and scene.stand_in(NEW)
    finally:
        server.sql("DROP USER mv_mover@'%'")


def test_what_stands_at_the_meeting_point(scene):
    """Rows of moves that are long forgotten hid the one that was announced; names in rows command no terminal."""
    scene.server.sql("INSERT INTO silogate.moves (name, epoch, phase, hold_ms, in_to, changed) VALUES " + ", ".join(
        f"('forgotten{number}', 1, 'closed', 1000, 1, NOW(3) - INTERVAL 1 HOUR)" for number in range(150)))
    scene.server.sql("INSERT INTO silogate.instances_of_moves (move, instance, epoch, state, policy, inside, blockers,"
                     " unmapped, unmapped_by) VALUES ('tables', 'ghost\x1b[31m', 5, 'bogus', 'zzzzzzzz', -1,"
                     " 'b\x1b[2J', 18446744073709551615, 'u\x9b2J')")
    refused = scene.move()
    assert refused.returncode == 1 and "ghost?[31m" in refused.stdout, refused
    status = scene.move("--status")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", refused.stdout + status.stdout + status.stderr), status
    scene.server.sql("DELETE FROM silogate.instances_of_moves WHERE instance LIKE 'ghost%'")
    for options in ((), ("--back",)):
        moved = scene.move(*options)
        assert moved.returncode == 0, moved.stdout + moved.stderr
    scene.server.sql("DELETE FROM silogate.moves WHERE name LIKE 'forgotten%'")


@pytest.mark.long
def test_what_was_edited_by_hand(scene):
    """Rows of the meeting point that are gone or changed are no reason to guess: the catalogue says where tables stand."""
    server = scene.server
    for options, place, statements in (
            ((), NEW, ["DELETE FROM silogate.moves", "DELETE FROM silogate.journal"]),
            (("--back",), OLD, ["UPDATE silogate.moves SET phase = 'nonsense', hold_ms = -5, in_to = 7"]),
            ((), NEW, ["INSERT INTO silogate.journal (move, epoch, step, detail) VALUES"
                       " ('tables', 0, 'placeholder', 'mv_old.t0'), ('tables', 1, 'aliases', ''),"
                       " ('tables', 5, 'no such step', REPEAT('z', 10000))"]),
            (("--back",), OLD, ["UPDATE silogate.journal SET step = 'switching', epoch = 0", "UPDATE silogate.moves SET epoch = 1"])):
        server.sql(*statements)
        before = scene.standing()
        assert scene.move("--status").returncode == 0 and scene.standing() == before
        moved = places.wait_for(lambda: scene.move(*options).returncode == 0 or scene.stand_in(place), 30)
        assert moved and scene.stand_in(place), (statements, scene.move(*options).stdout, scene.move("--status").stdout)
    # a trigger's text is run as it stands there, with the mover's rights: one that is none of the mover's is refused
    for text in ("DROP TABLE mv_old.audit", "CREATE USER mv_evil@'%' IDENTIFIED BY 'TRIGGER'",
                 "CREATE TRIGGER mv_old.x BEFORE INSERT ON mv_old.audit FOR EACH ROW SET NEW.what = 'x'",
                 "CREATE TRIGGER mv_old.y BEFORE INSERT ON mv_old.t0 FOR EACH ROW SET NEW.note = 'x'",
                 "CREATE TRIGGER mv_old.x BEFORE INSERT ON mv_old.t0 FOR EACH ROW SET NEW.note = 'x'; DROP TABLE mv_old.audit"):
        with server.root() as root, root.cursor() as cursor:
            cursor.execute("DELETE FROM silogate.journal WHERE step = 'trigger'")
            cursor.execute("INSERT INTO silogate.journal (move, epoch, step, detail) VALUES ('tables', 18446744073709551615,"
                           " 'dropping', ''), ('tables', 18446744073709551615, 'trigger', %s)", ("\n".join(("mv_old", "x", "", "utf8mb4", "utf8mb4_bin", text)),))
        told = scene.move()
        assert told.returncode == 1 and "was not written by a mover; look at it, and delete it" in told.stdout + told.stderr, told
        assert scene.stand_in(OLD) and server.sql("SELECT COUNT(*) FROM mv_old.audit")
        assert not server.sql("SELECT 1 FROM mysql.user WHERE user = 'mv_evil'")
        assert not server.sql("SELECT 1 FROM information_schema.triggers WHERE trigger_schema = 'mv_old'")
    server.sql("DROP TABLE silogate.journal, silogate.moves")
    assert places.wait_for(lambda: scene.move().returncode == 0, 30) and scene.stand_in(NEW)


@pytest.mark.long
def test_nobody_knows_how_long_the_aliases_were_unused(scene):
    """No row of the journal, or one of tomorrow, is no proof that nobody has used them."""
    assert scene.move().returncode == 0
    scene.server.sql("UPDATE silogate.journal SET at = NOW(3) + INTERVAL 1 DAY")  # the server's clock was put back
    told = scene.move("--finish")
    assert told.returncode == 1 and "the tables moved -" in told.stdout, told
    scene.server.sql("DELETE FROM silogate.journal")
    told = scene.move("--finish")
    assert told.returncode == 1 and "the journal does not say when the tables moved" in told.stdout, told
    assert scene.move("--finish", "--unused-for", "0s").returncode == 0


def test_empty_and_odd_sections(scene):
    """An empty [move:] and names that cannot be meant are misuse, told with their line."""
    text = scene.gate.path.read_text()
    path = scene.gate.path
    for section in ("[move:empty]\n", "[move:empty]\nservice = billing\n", "[move:empty]\nservice = billing\nto = x\n",
                    "[move:empty]\nservice = billing\ntable = t\nto = x\n",
                    "[move:empty]\nservice = nobody\ntable = mv_old.t*\nto = x\n",
                    "[move:two]\nservice = billing\ntable = mv_old.t*\nto = mv_new\n",  # both take in the same
                    "[move:two]\nservice = billing\ntable = mv_old.t1\nto = mv_new\n"):
        scene.gate.path = scene.folder / "odd.ini"
        scene.gate.path.write_text(text + section)
        told = scene.move("--status")
        assert told.returncode == 2 and f"{scene.gate.path}:" in told.stderr, (section, told)
    scene.gate.path = path


def test_a_table_without_a_key(make_scene):
    """Triggers are tried on an empty copy, which the server does not create; the mover may turn that off for its session."""
    scene = make_scene(tables=1)
    scene.server.sql("ALTER TABLE mv_old.t0 MODIFY id INT NOT NULL, DROP PRIMARY KEY")
    mysql = scene.server.name == "mysql"
    variable = "sql_require_primary_key" if mysql else "innodb_force_primary_key"
    scene.server.sql(f"SET GLOBAL {variable} = 1")
    try:
        assert scene.move().returncode == 0 and scene.move("--back").returncode == 0
        scene.server.sql("CREATE TRIGGER mv_old.t0_t BEFORE INSERT ON mv_old.t0 FOR EACH ROW SET NEW.note = 'x'")
        if mysql:
            assert scene.move().returncode == 0 and scene.move("--back").returncode == 0
            scene.server.sql("REVOKE SUPER, SYSTEM_VARIABLES_ADMIN, SESSION_VARIABLES_ADMIN ON *.* FROM mv_account@'%'")
        told = scene.move("--dry-run")
        assert told.returncode == 1 and "has no primary key" in told.stdout, told.stdout + told.stderr
    finally:
        scene.server.sql(f"SET GLOBAL {variable} = 0")
    assert scene.move().returncode == 0
