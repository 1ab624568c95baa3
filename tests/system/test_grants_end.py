"""What a session holds when its grant ends: whatever it has opened, prepared or made under the grant is judged
anew at each use, also where it has another name, or another table behind its name, than when it was judged."""
import pytest

from harness import gate, wire
from test_belief import GRANT, INI, SECRET, granting, login, records_of, refused, vault, without_grant  # noqa: F401


def ends_refused(run):
    with pytest.raises(wire.Error) as error:
        run()
    assert error.value.code in (1142, 1227) and "silogate" in str(error.value), error.value


@pytest.mark.parametrize("protocol", ("binary", "text"))
def test_a_prepared_handler_read(vault, granting, protocol):  # noqa: F811
    """Its handler may be another table's at its execution."""
    if vault.name == "mysql":
        pytest.skip("MySQL does not prepare HANDLER")
    client = login(granting)
    client.query("HANDLER own.t OPEN AS h")
    if protocol == "binary":
        statement = client.prepare("HANDLER h READ FIRST")[0]
        run = lambda: client.execute(statement)[0].rows
    else:
        client.query("PREPARE s FROM 'HANDLER h READ FIRST'")
        run = lambda: client.query("EXECUTE s")[0].rows
    assert run()
    client.query("HANDLER h CLOSE")
    client.query("HANDLER vault.t OPEN AS h")
    assert SECRET in repr(run())
    without_grant(granting)
    ends_refused(run)
    client.query("HANDLER h CLOSE")
    client.query("HANDLER own.t OPEN AS h")
    assert SECRET not in repr(run())
    client.quit()


def fetch(client, statement):
    client.command(b"\x1c" + statement.to_bytes(4, "little") + b"\x0a\0\0\0")
    return client.receive()


@pytest.mark.parametrize("opened", ("in another mode", "without its temporary table"))
def test_a_cursor_over_another_table(vault, granting, opened):  # noqa: F811
    """A FETCH is judged by what the text named at its PREPARE; where it names another table by the time of its
    execution, there is no cursor, and the rows come at once."""
    client = login(granting)
    client.query("SET sql_mode = ''")
    if opened == "in another mode":
        statement = client.prepare('SELECT name "\\" FROM vault.t -- " FROM own.t\n')[0]
        client.query("SET sql_mode = 'ANSI_QUOTES'")
    else:
        client.query("CREATE TEMPORARY TABLE vault.t (name VARCHAR(60))")
        statement = client.prepare("SELECT name FROM vault.t")[0]
        client.query("DROP TEMPORARY TABLE vault.t")
    answer = client.execute(statement, cursor=1)[0]
    assert len(answer.rows) == 1, "a cursor"
    without_grant(granting)
    if opened != "in another mode":
        client.query("CREATE TEMPORARY TABLE vault.t (name VARCHAR(60))")
    client.query("SET sql_mode = ''")
    assert SECRET.encode() not in fetch(client, statement)
    client.socket.close()


def test_a_cursor_over_the_same(granting):  # noqa: F811
    client = login(granting)
    statement = client.prepare("SELECT name FROM vault.t")[0]
    assert client.execute(statement, cursor=1)[0].rows == []
    without_grant(granting)
    assert SECRET.encode() not in fetch(client, statement)
    client.quit()


MERGE = "CREATE TEMPORARY TABLE own.mm (id INT, name VARCHAR(60)) ENGINE=MERGE UNION=(vault.m)"
PLAIN = "CREATE TEMPORARY TABLE own.mm (id INT, name VARCHAR(60)) ENGINE=MyISAM"
ALTER = "ALTER TABLE own.mm ENGINE=MERGE UNION=(vault.m)"
READ = "SELECT name FROM own.mm"
# A temporary MERGE table over another's, which is then to be read where nobody looks for it: what is done under
# the grant, and what then reads the other's row.
UNIONS = {
    "altered to another name": (None, [MERGE, "ALTER TABLE own.mm RENAME TO own.m2"], "SELECT name FROM own.m2"),
    "renamed": ("mariadb", [MERGE, "RENAME TABLE own.mm TO own.m2"], "SELECT name FROM own.m2"),
    "altered and renamed in one": (None, [
        "CREATE TEMPORARY TABLE own.mm (id INT, name VARCHAR(60)) ENGINE=MyISAM",
        "ALTER TABLE own.mm ENGINE=MERGE UNION=(vault.m), RENAME TO own.m2"], "SELECT name FROM own.m2"),
    "its likeness": (None, [MERGE, "CREATE TEMPORARY TABLE own.m2 LIKE own.mm", "DROP TEMPORARY TABLE own.mm"],
                     "SELECT name FROM own.m2"),
    "made by a command that fails": (None, [MERGE + "; SELECT nonsense"], READ),
    "not dropped by one that fails": (None, [MERGE, "DROP TEMPORARY TABLE own.not_there, own.mm"], READ),
    "there already": ("mariadb", [
        MERGE, "CREATE TEMPORARY TABLE IF NOT EXISTS own.mm (id INT, name VARCHAR(60)) ENGINE=MyISAM"], READ),
    "forgotten over others": (None, [MERGE, *(f"SET @v{i} = 'SELECT {i}'" for i in range(300))], READ),
    "in a block": ("mariadb", [MERGE], "BEGIN NOT ATOMIC SELECT name FROM own.mm; END"),
    "in a procedure": (None, [
        "CREATE PROCEDURE own.reads () SELECT name FROM own.mm", MERGE], "CALL own.reads()"),
    # ALTER makes one of a temporary table that silogate does not know as one
    "altered after a new name": (None, [PLAIN, "ALTER TABLE own.mm RENAME TO own.m2", ALTER.replace("own.mm", "own.m2")],
                                 "SELECT name FROM own.m2"),
    "altered when forgotten": (None, [PLAIN, *(f"SET @v{i} = 'SELECT {i}'" for i in range(300)), ALTER], READ),
    "altered after a failure": (None, [PLAIN + "; SELECT nonsense", ALTER], READ),
    "altered in an unknown mode": (None, [PLAIN, f"SET sql_mode = LOWER(''); SELECT \"a\"; {ALTER}", "SET sql_mode = ''"],
                                   READ),
    "made by a procedure": (None, [f"CREATE PROCEDURE own.reads () {PLAIN}", "CALL own.reads()", ALTER], READ),
    "made by an EXECUTE": (None, [f"PREPARE s FROM '{PLAIN}'", "EXECUTE s", ALTER], READ),
    "altered at once": ("mariadb", [PLAIN, f"EXECUTE IMMEDIATE '{ALTER}'"], READ),
}


@pytest.mark.long(short=10)
@pytest.mark.parametrize("name", UNIONS)
def test_a_temporary_merge_table(vault, granting, name):  # noqa: F811
    only, before, reads = UNIONS[name]
    if only not in (None, vault.name):
        pytest.skip("MariaDB alone")
    client = login(granting)
    for text in before:
        try:
            client.query(text)
        except wire.Error as error:
            assert "silogate" not in str(error), error
    try:
        seen = SECRET in repr([getattr(one, "rows", None) for one in client.query(reads)])
    except wire.Error as error:
        assert error.code == 1146, error
        seen = False
    assert seen or name == "not dropped by one that fails"
    without_grant(granting)
    ends_refused(lambda: client.query(reads))
    client.query("SELECT 1")
    client.query("DROP PROCEDURE IF EXISTS own.reads")
    client.quit()
    vault.sql("DROP PROCEDURE IF EXISTS own.reads")


def test_prepared_before_the_merge_table(granting):  # noqa: F811
    """It is executed over the temporary table, which was not there when it was judged."""
    client = login(granting)
    client.query("CREATE TABLE own.real_one (id INT, name VARCHAR(60))")
    statement = client.prepare("SELECT name FROM own.real_one")[0]
    client.query("PREPARE s FROM 'SELECT name FROM own.real_one'")
    client.query(MERGE.replace("own.mm", "own.real_one"))
    assert SECRET in repr(client.execute(statement)[0].rows)
    without_grant(granting)
    ends_refused(lambda: client.execute(statement))
    ends_refused(lambda: client.query("EXECUTE s"))
    client.query("DROP TEMPORARY TABLE own.real_one")
    # a cursor over it may have been left open
    ends_refused(lambda: client.execute(statement))
    client.ok(b"\x1f")
    client.query("PREPARE s FROM 'SELECT name FROM own.real_one'")
    assert client.execute(client.prepare("SELECT name FROM own.real_one")[0])[0].rows == \
        client.query("EXECUTE s")[0].rows == []
    client.query("DROP TABLE own.real_one")
    client.quit()


@pytest.mark.parametrize("prepared", ("over it", "before it"))
def test_a_cursor_over_a_merge_table_that_is_dropped(granting, prepared):  # noqa: F811
    client = login(granting)
    client.query("CREATE TABLE own.real_one (id INT, name VARCHAR(60))")
    made = MERGE.replace("own.mm", "own.real_one")
    if prepared == "over it":
        client.query(made)
    statement = client.prepare("SELECT name FROM own.real_one")[0]
    if prepared == "before it":
        client.query(made)
    assert client.execute(statement, cursor=1)[0].rows == []
    client.query("DROP TEMPORARY TABLE own.real_one")
    without_grant(granting)
    assert SECRET.encode() not in fetch(client, statement)
    client.quit()
    client = login(granting)
    client.query("DROP TABLE own.real_one")
    client.quit()


def test_a_merge_table_that_is_gone_or_the_service_s_own(granting):  # noqa: F811
    """Neither keeps anything from a session, and a pool's reset ends it."""
    client = login(granting)
    client.query("CREATE TABLE IF NOT EXISTS own.part (id INT, name VARCHAR(60)) ENGINE=MyISAM")
    client.query(MERGE.replace("vault.m", "own.part"))
    client.query("ALTER TABLE own.mm RENAME TO own.m2")
    client.query(MERGE)
    client.query("DROP TEMPORARY TABLE own.mm")
    without_grant(granting)
    assert client.query("SELECT name FROM own.m2")[0].rows == []
    assert client.query("SELECT name FROM own.t WHERE id = 1")[0].rows == [["own"]]
    client.query("DROP TEMPORARY TABLE own.m2")
    client.query("DROP TABLE own.part")
    client.quit()


def test_a_reset_ends_it(granting):  # noqa: F811
    client = login(granting)
    client.query(MERGE + "; SELECT 1")
    client.query("ALTER TABLE own.mm RENAME TO own.m2")
    without_grant(granting)
    ends_refused(lambda: client.query("SELECT name FROM own.t"))
    client.ok(b"\x1f")
    assert client.query("SELECT name FROM own.t WHERE id = 1")[0].rows == [["own"]]
    client.quit()


@pytest.mark.parametrize("reads", ("SELECT name FROM own.m2", "CALL own.reads()"))
def test_a_temporary_merge_table_in_log_mode(vault, reads):  # noqa: F811
    """Where nothing is blocked each use is a record: the name says nothing of the tables under it."""
    with gate.running(vault, ini=gate.change(GRANT, "policy", "mode", "log")) as one:
        client = login(one)
        client.query("CREATE PROCEDURE own.reads () SELECT name FROM own.m2")
        client.query(MERGE)
        client.query("ALTER TABLE own.mm RENAME TO own.m2")
        client.query(reads)
        assert not records_of(one, client, 0)
        without_grant(one)
        assert SECRET in repr([getattr(answer, "rows", None) for answer in client.query(reads)])
        found = records_of(one, client, 1)
        assert [(record["action"], record["reason"]) for record in found] == [("logged", "foreign")]
        client.query("DROP TEMPORARY TABLE own.m2")
        client.query("DROP PROCEDURE own.reads")
        client.quit()


LIKENESS = {
    "text": lambda client, text: client.query(text),
    "binary": lambda client, text: client.execute(client.prepare(text)[0]),
    "with others": lambda client, text: client.query(f"SELECT 1; {text}; SELECT 2"),
}


@pytest.fixture
def merged(vault):  # noqa: F811
    vault.sql("CREATE TABLE vault.mg (id INT, name VARCHAR(60)) ENGINE=MERGE UNION=(vault.m)")
    yield vault
    vault.sql("DROP TABLE vault.mg")


@pytest.mark.parametrize("form", ("LIKE vault.mg", "(LIKE vault.mg)"))
@pytest.mark.parametrize("way", LIKENESS)
def test_a_likeness_of_another_s_merge_table(merged, granting, way, form):  # noqa: F811
    """It stands on the same tables; whether a table is a MERGE table, its name does not say."""
    client = login(granting)
    LIKENESS[way](client, f"CREATE TEMPORARY TABLE own.likeness {form}")
    assert client.query("SELECT name FROM own.likeness")[0].rows == [[SECRET]]
    client.query("ALTER TABLE own.likeness RENAME TO own.renamed")
    without_grant(granting)
    ends_refused(lambda: client.query("SELECT name FROM own.renamed"))
    client.ok(b"\x1f")
    assert client.query("SELECT name FROM own.t WHERE id = 1")[0].rows == [["own"]]
    client.quit()


def test_a_likeness_in_log_mode(merged):
    with gate.running(merged, ini=gate.change(GRANT, "policy", "mode", "log")) as one:
        client = login(one)
        client.query("CREATE TEMPORARY TABLE own.likeness LIKE vault.mg")
        without_grant(one)
        assert client.query("SELECT name FROM own.likeness")[0].rows == [[SECRET]]
        assert [record["reason"] for record in records_of(one, client, 1)] == ["foreign"]
        client.quit()


def test_likenesses_of_own_tables_are_not_counted(granting):  # noqa: F811
    """However many there are, nothing has to be judged for them."""
    client = login(granting)
    for i in range(300):
        client.query(f"CREATE TEMPORARY TABLE own.like{i} LIKE own.t")
    statement = client.prepare("CREATE TEMPORARY TABLE own.prepared LIKE own.t")[0]
    client.execute(statement)
    without_grant(granting)
    assert client.query("SELECT name FROM own.t WHERE id = 1")[0].rows == [["own"]]
    assert client.query("SELECT name FROM own.like299")[0].rows == []
    assert client.query("SELECT name FROM own.prepared")[0].rows == []
    client.quit()


# What does not name the rows, but reaches them.
REACHES = ("TRUNCATE TABLE own.m2", "ALTER TABLE own.m2 ENGINE=InnoDB, MODIFY name INT",
           "ALTER TABLE own.m2 ENGINE=InnoDB, ADD UNIQUE (name)")


@pytest.mark.long(short=4)
@pytest.mark.parametrize("text", REACHES)
@pytest.mark.parametrize("way", LIKENESS)
def test_rows_under_a_merge_table_that_are_not_named(merged, granting, way, text):  # noqa: F811
    """TRUNCATE empties another's table; ALTER TABLE says in its error which value does not fit."""
    client = login(granting)
    client.query(MERGE)
    client.query("ALTER TABLE own.mm RENAME TO own.m2")
    without_grant(granting)
    ends_refused(lambda: LIKENESS[way](client, text))
    assert merged.sql("SELECT name FROM vault.m") == ((SECRET,),)
    client.query("DROP TEMPORARY TABLE own.m2")
    client.quit()


FIRST = "CREATE TEMPORARY TABLE own.m1 LIKE vault.mg"
SECOND = "CREATE TEMPORARY TABLE own.m2 LIKE own.m1"
FILL = "".join(f"SET @v{i} = '{'x' * 3000}'; " for i in range(100))
# Two temporary MERGE tables, the second of which is made where its pattern's name means another table, or where no
# statement names it; then the first is dropped.
SECONDS = {
    "forgotten over others": (None, [FIRST, *(f"SET @v{i} = 'SELECT {i}'" for i in range(300)), SECOND]),
    "in a block": ("mariadb", [FIRST, f"BEGIN NOT ATOMIC {SECOND}; END"]),
    "in a function": (None, [
        f"CREATE FUNCTION own.makes () RETURNS INT DETERMINISTIC BEGIN {SECOND}; RETURN 1; END", FIRST,
        "SELECT own.makes()"]),
    "in a trigger": (None, [
        f"CREATE TRIGGER own.makes BEFORE INSERT ON own.m3 FOR EACH ROW BEGIN {SECOND}; END", FIRST,
        "INSERT INTO own.m3 VALUES (1, 'x')"]),
    "in a trigger of a table that was dropped unseen": (None, [
        "CREATE FUNCTION own.makes () RETURNS INT DETERMINISTIC BEGIN DROP TEMPORARY TABLE own.m3; RETURN 1; END",
        f"CREATE TRIGGER own.fills BEFORE INSERT ON own.m3 FOR EACH ROW BEGIN {SECOND}; END",
        "CREATE TEMPORARY TABLE own.m3 (id INT, name VARCHAR(60))", "SELECT own.makes()", FIRST,
        "INSERT INTO own.m3 VALUES (1, 'x')"]),
    "behind more than is remembered": (None, [FIRST, f"{FILL}{SECOND}"]),
    "behind more statements than are remembered": (None, [FIRST, "SET @v = '1'; " * 520 + SECOND]),
    "in a view's function": (None, [
        f"CREATE FUNCTION own.makes () RETURNS INT DETERMINISTIC BEGIN {SECOND}; RETURN 1; END",
        "CREATE VIEW own.seen AS SELECT own.makes()", FIRST, "SELECT * FROM own.seen"]),
}


@pytest.fixture
def pattern(merged):
    merged.sql(*(f"CREATE TABLE own.{name} (id INT, name VARCHAR(60)) ENGINE=MyISAM" for name in ("m1", "m3")))
    yield merged
    merged.sql("DROP TABLE own.m1, own.m3", "DROP FUNCTION IF EXISTS own.makes", "DROP VIEW IF EXISTS own.seen")


def drop_the_pattern(client, granting):  # noqa: F811
    """What was made like it is read until the grant ends."""
    client.query("DROP TEMPORARY TABLE own.m1")
    assert client.query("SELECT name FROM own.m2")[0].rows == [[SECRET]]
    without_grant(granting)
    ends_refused(lambda: client.query("SELECT name FROM own.m2"))
    client.quit()


@pytest.mark.long(short=4)
@pytest.mark.parametrize("name", SECONDS)
def test_a_likeness_that_outlives_its_pattern(pattern, granting, name):  # noqa: F811
    only, before = SECONDS[name]
    if only not in (None, pattern.name):
        pytest.skip("MariaDB alone")
    client = login(granting)
    for text in before:
        client.query(text)
    drop_the_pattern(client, granting)


@pytest.mark.parametrize("then", ("real", "temporary"))
@pytest.mark.parametrize("first", (FIRST, MERGE.replace("own.mm", "own.m1")))
def test_a_likeness_that_is_prepared_before_its_pattern(pattern, granting, first, then):  # noqa: F811
    """It is judged by what its pattern's name means at the PREPARE: a table of the service's own."""
    client = login(granting)
    if then == "temporary":
        client.query("CREATE TEMPORARY TABLE own.m1 (id INT, name VARCHAR(60)) ENGINE=MyISAM")
    statement = client.prepare(SECOND)[0]
    if then == "temporary":
        client.query("DROP TEMPORARY TABLE own.m1")
    client.query(first)
    client.execute(statement)
    drop_the_pattern(client, granting)


@pytest.mark.parametrize("was", ("a table", "a MERGE table of its own"))
def test_a_likeness_that_is_prepared_of_a_temporary_table(pattern, granting, was):  # noqa: F811
    """At its execution LIKE names the real table, which is another's MERGE table."""
    client = login(granting)
    client.query("CREATE TEMPORARY TABLE vault.mg (id INT, name VARCHAR(60)) "
                 + ("ENGINE=MyISAM" if was == "a table" else "ENGINE=MERGE UNION=(own.m3)"))
    statement = client.prepare("CREATE TEMPORARY TABLE own.m2 LIKE vault.mg")[0]
    client.query("PREPARE s FROM 'CREATE TEMPORARY TABLE own.m2 LIKE vault.mg'")
    client.query("DROP TEMPORARY TABLE vault.mg")
    ends_refused(lambda: client.query("EXECUTE s"))
    client.execute(statement)
    assert client.query("SELECT name FROM own.m2")[0].rows == [[SECRET]]
    without_grant(granting)
    for text in ("SELECT name FROM own.m2", "DELETE FROM own.m2", "TRUNCATE TABLE own.m2"):
        ends_refused(lambda: client.query(text))
    client.quit()


ALTERS = ("COMMENT = 'spied' UNION = ()", "DROP COLUMN name, UNION = (own.m1)", "RENAME TO own.stolen, UNION = ()")


@pytest.mark.parametrize("text", ALTERS)
def test_an_alter_that_is_prepared_of_a_temporary_table(pattern, text):  # noqa: F811
    """At its execution it is the real table, which is another's."""
    with gate.running(pattern, ini=INI) as one:
        client = login(one)
        client.query("CREATE TEMPORARY TABLE vault.t (id INT, name VARCHAR(60)) ENGINE=MyISAM")
        statement = client.prepare(f"ALTER TABLE vault.t {text}")[0]
        client.query("DROP TEMPORARY TABLE vault.t")
        ends_refused(lambda: client.execute(statement))
        ends_refused(lambda: client.query("SELECT name FROM vault.t"))
        client.quit()
    assert pattern.sql("SELECT name FROM vault.t") == ((SECRET,),)


def test_an_alter_of_a_real_table_makes_no_temporary_one(pattern, granting):  # noqa: F811
    client = login(granting)
    client.query("CREATE TEMPORARY TABLE vault.t (id INT, name VARCHAR(60)) ENGINE=MyISAM")
    statement = client.prepare("ALTER TABLE vault.t COMMENT = 'mine' UNION = ()")[0]
    client.query("DROP TEMPORARY TABLE vault.t")
    client.execute(statement)
    without_grant(granting)
    ends_refused(lambda: client.query("SELECT name FROM vault.t"))
    client.quit()


# Commands of which silogate remembers nothing else.
HARD = {
    "in an unknown mode": "SET sql_mode = LOWER(''); SELECT \"a\"; %s",
    "before an unknown mode decides": "SET sql_mode = LOWER(''); %s; SELECT \"a\"",
    "behind more than is remembered": FILL + "%s",
}


@pytest.mark.long(short=4)
@pytest.mark.parametrize("made", (FIRST, MERGE.replace("own.mm", "own.m1")))
@pytest.mark.parametrize("name", HARD)
def test_a_merge_table_of_a_command_that_is_not_followed(merged, granting, name, made):  # noqa: F811
    client = login(granting)
    client.query(HARD[name] % made)
    client.query("SET sql_mode = ''")
    client.ok(b"\x0e")
    without_grant(granting)
    ends_refused(lambda: client.query("SELECT name FROM own.m1"))
    client.ok(b"\x1f")
    assert client.query("SELECT name FROM own.t WHERE id = 1")[0].rows == [["own"]]
    client.quit()


def test_a_name_that_is_lost_with_the_mode(merged, granting):  # noqa: F811
    """The MERGE table has another name by then; a table that has its old one is dropped."""
    client = login(granting)
    client.query(FIRST)
    client.query("SET sql_mode = LOWER(''); SELECT \"a\"; ALTER TABLE own.m1 RENAME TO own.m2")
    client.query("CREATE TEMPORARY TABLE own.m1 (id INT)")
    drop_the_pattern(client, granting)


def test_many_merge_tables_of_one_kind(merged, granting):  # noqa: F811
    """A session that makes, uses and drops them all day is not refused for their number."""
    client = login(granting)
    for i in range(100):
        client.query(FIRST.replace("m1", f"m{i}"))
        assert client.query(f"SELECT m.name FROM own.m{i} AS m, own.t")[0].rows == [[SECRET]]
        client.query(f"DROP TEMPORARY TABLE own.m{i}")
    client.quit()
