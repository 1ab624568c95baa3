"""A user variable that holds one of two texts: both are judged, but only one of them runs. What silogate believes of
the session afterwards holds whichever it was."""
import pytest

from harness import wire
from test_belief import SECRET, blocking, granting, login, refused, still_foreign, vault, without_grant  # noqa: F401

NAMES = b"SELECT _binary'\xbf\x5c' FROM own.t -- ', name FROM vault.t"
# What the other text would have brought about, and what then reads the other silo's row.
OTHERS = {
    "a temporary table": ("CREATE TEMPORARY TABLE vault.t (id INT, name VARCHAR(60))", "SELECT * FROM vault.t"),
    "a mode": ("SET sql_mode = ANSI_QUOTES", 'SELECT 1 AS "\\" FROM own.t -- ", name FROM vault.t'),
    "a character set": ("SET NAMES gbk", NAMES),
    "character_set_client": ("SET character_set_client = gbk", NAMES),
    "a statement": ("PREPARE w FROM \"SELECT 1\"", "EXECUTE w"),
    "a database": ("USE own", "SELECT name FROM m"),
}


@pytest.mark.parametrize("place", ("IF(0, %s, 'DO 1')", "IF(1, 'DO 1', %s)", "IF(1, 'DO 1', IF(1, 'DO 2', %s))"))
@pytest.mark.parametrize("name", OTHERS)
def test_what_did_not_run_is_not_believed(vault, blocking, name, place):  # noqa: F811
    if vault.name == "mysql":
        pytest.skip("MySQL knows no EXECUTE IMMEDIATE, and a PREPARE of these remembers nothing")
    text, reads = OTHERS[name]
    client = login(blocking)
    client.query(f"SET @v = {place % (chr(39) + text + chr(39))}")
    refused(client, "EXECUTE IMMEDIATE @v")
    refused(client, "PREPARE s FROM @v; EXECUTE s")
    try:
        client.query(reads)
        raise AssertionError("it passed")
    except wire.Error as error:
        assert error.code == 1142 or name in ("a statement", "a database"), error
    still_foreign(client)
    client.quit()


@pytest.mark.parametrize("texts", ("%s, 'DO 1'", "'DO 1', %s"))
def test_a_variable_of_either_text(vault, blocking, texts):  # noqa: F811
    """It may hold the other text's value, or its own still."""
    client = login(blocking)
    client.query("SET @w = 'SELECT * FROM vault.t'")
    client.query("SET @v = IF(0, " + texts % "'SET @w = \"SELECT 1\"'" + ")")
    client.query("PREPARE s FROM @v")
    client.query("EXECUTE s")
    refused(client, "PREPARE w FROM @w")
    if vault.name == "mariadb":
        client.query("SET @w = 'SELECT * FROM vault.t'")
        client.query("SET @v = IF(0, " + texts % "'SET @w = \"SELECT 1\"'" + ")")
        client.query("EXECUTE IMMEDIATE @v")
        refused(client, "EXECUTE IMMEDIATE @w")
    client.quit()


@pytest.mark.parametrize("text", ("'SELECT 1 AS a # \\0DO \\' \n , name FROM vault.t # \\''", "IF(1, 'SELECT 1 # \\0DO 1', 'DO 1')"))
def test_a_zero_byte_does_not_make_two_texts(blocking, text):  # noqa: F811
    client = login(blocking)
    client.query("SET @v = " + text)
    refused(client, "PREPARE s FROM @v")
    client.quit()


@pytest.mark.parametrize("texts", ("%s, 'DO 1'", "'DO 1', %s"))
def test_marks_of_either_text_count(vault, blocking, texts):  # noqa: F811
    """The server reads the text again after DDL, and in another sql_mode then."""
    client = login(blocking)
    vault.sql("CREATE TABLE IF NOT EXISTS own.again (id INT)")
    client.query("SET sql_mode = ANSI_QUOTES")
    client.query("SET @v = IF(1, " + texts % "'SELECT 1 AS \"\\\\\" FROM own.again -- \", name FROM vault.t'" + ")")
    client.query("PREPARE s FROM @v")
    client.query("EXECUTE s")
    client.query("SET sql_mode = ''")
    vault.sql("DROP TABLE own.again", "CREATE TABLE own.again (q INT)")
    refused(client, "EXECUTE s")
    client.quit()
    vault.sql("DROP TABLE own.again")


def test_a_handler_of_either_text(vault, granting):  # noqa: F811
    if vault.name == "mysql":
        pytest.skip("MySQL does not prepare HANDLER")
    client = login(granting)
    client.query("HANDLER vault.t OPEN AS h")
    client.query("SET @v = IF(0, 'HANDLER own.t OPEN AS h', 'DO 1')")
    refused(client, "EXECUTE IMMEDIATE @v")
    client.query("SET @v = IF(1, 'HANDLER h READ FIRST', 'HANDLER g READ FIRST')")
    refused(client, "PREPARE s FROM @v; EXECUTE s")
    without_grant(granting)
    refused(client, "HANDLER h READ FIRST")
    client.quit()


def test_what_migrations_say_runs(vault, blocking):  # noqa: F811
    """A change of a table or nothing, by what information_schema says."""
    client = login(blocking)
    asks = "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = 'own' AND table_name = 'changed'"
    client.query("CREATE TABLE own.changed (id INT)")
    for text in ("ALTER TABLE own.changed ADD COLUMN a INT", "CREATE INDEX byid ON own.changed (id)",
                 "INSERT INTO own.changed VALUES (1, 2)", "DROP TABLE own.changed"):
        client.query(f"SET @q = IF(({asks}) > 0, '{text}', 'DO 1')")
        client.query("PREPARE s FROM @q")
        client.query("EXECUTE s")
        client.query("DEALLOCATE PREPARE s")
    assert vault.sql(asks) == ((0,),)
    client.query(f"SET @q = IF(({asks}) > 0, 'DROP TABLE vault.t', 'DO 1')")
    refused(client, "PREPARE s FROM @q")
    client.quit()


@pytest.mark.parametrize("count, after", ((512, 0), (650, 250)))
def test_a_command_that_drops_many_tables(blocking, count, after):  # noqa: F811
    """Each name is one thing to forget; `after` of the tables are made in commands of their own."""
    client, other = login(blocking), login(blocking)
    made = [f"CREATE TEMPORARY TABLE own.q{i} (a INT) ENGINE=MEMORY" for i in range(count)]
    for text in made[:after]:
        client.query(text)
    client.query("; ".join(made[after:]) + "; DROP TEMPORARY TABLE " + ", ".join(f"own.q{i}" for i in range(count)))
    assert client.query("SELECT name FROM own.t")[0].rows == [["own"]]
    assert other.query("SELECT name FROM own.t")[0].rows == [["own"]]
    still_foreign(client)
    client.quit()
    other.quit()
