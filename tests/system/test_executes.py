"""EXECUTE of a statement that changes the session: it runs where what it does is known, and what silogate believes
follows it."""
import pytest

from harness import gate
from test_belief import INI, SECRET, blocking, granting, login, refused, vault, without_grant  # noqa: F401

TWO_READINGS = 'SELECT name "\\" FROM vault.t -- " FROM own.t\n'


def prepared(client, text):
    client.query("PREPARE s FROM '" + text.replace("'", "''") + "'")
    client.query("EXECUTE s")


def test_what_is_known_runs(vault, blocking):  # noqa: F811
    client = login(blocking)
    for _ in range(2):
        prepared(client, "CREATE TEMPORARY TABLE own.x AS SELECT 7 AS a")
        assert client.query("SELECT a FROM own.x")[0].rows == [["7"]]
        prepared(client, "ALTER TABLE own.x RENAME TO own.y")
        prepared(client, "DROP TEMPORARY TABLE own.y")
    client.query("PREPARE s FROM 'SET @a = @a + 1'")
    client.query("SET @a = 1")
    client.query("EXECUTE s; EXECUTE s")
    client.query("EXECUTE s")
    assert client.query("SELECT @a")[0].rows == [["4"]]
    prepared(client, "SET NAMES latin1")
    assert client.query("SELECT name FROM t WHERE id = 1")[0].rows == [["own"]]
    if vault.name == "mariadb":
        prepared(client, "USE own")
        assert client.query("SELECT name FROM t WHERE id = 1")[0].rows == [["own"]]
    client.quit()


@pytest.mark.parametrize("way", ("binary", "text"))
def test_scratch_tables_of_drivers_that_prepare_everything(vault, way):  # noqa: F811
    """A service that owns single tables may make temporary ones of any name in its database."""
    with gate.running(vault, ini=INI.replace("owns = own.*", "owns = own.t")) as one:
        client = login(one)
        for _ in range(2):
            if way == "binary":
                client.execute(client.prepare("CREATE TEMPORARY TABLE own.scratch (id INT)")[0])
            else:
                prepared(client, "CREATE TEMPORARY TABLE own.scratch (id INT)")
            if way == "binary":  # after the EXECUTE it is not known as a temporary table
                assert client.query("SELECT * FROM own.scratch")[0].rows == []
                client.query("DROP TEMPORARY TABLE own.scratch")
            client.ok(b"\x1f")
        client.quit()


@pytest.mark.parametrize("way", ("the next command", "the same command"))
def test_the_mode_is_followed(blocking, way):  # noqa: F811
    client = login(blocking)
    client.query("SET sql_mode = 'ANSI_QUOTES'")
    client.query("PREPARE s FROM 'SET sql_mode = '''''")
    client.query("PREPARE q FROM 'SET sql_mode = ''ANSI_QUOTES'''")
    client.query("EXECUTE s")
    assert client.query(TWO_READINGS)[0].rows == [["own"]]
    if way == "the next command":
        client.query("EXECUTE q")
        refused(client, TWO_READINGS)
    else:
        refused(client, "EXECUTE q; " + TWO_READINGS)
    client.quit()


def test_a_temporary_table_is_gone(blocking):  # noqa: F811
    client = login(blocking)
    client.query("PREPARE d FROM 'DROP TEMPORARY TABLE vault.t'")
    client.query("CREATE TEMPORARY TABLE vault.t (name VARCHAR(60))")
    assert client.query("SELECT name FROM vault.t")[0].rows == []
    client.query("EXECUTE d")
    refused(client, "SELECT name FROM vault.t")
    client.query("CREATE TEMPORARY TABLE vault.t (name VARCHAR(60))")
    refused(client, "EXECUTE d; SELECT name FROM vault.t")
    client.quit()


def test_a_variable_is_another(blocking):  # noqa: F811
    client = login(blocking)
    client.query("PREPARE v FROM 'SET @q = ''SELECT name FROM vault.t'''")
    client.query("SET @q = 'SELECT 1'")
    client.query("EXECUTE v")
    refused(client, "PREPARE p FROM @q")
    client.quit()


def test_a_database_is_another(vault, blocking):  # noqa: F811
    if vault.name == "mysql":
        pytest.skip("MySQL does not prepare USE")
    client = login(blocking)
    refused(client, "PREPARE u FROM 'USE vault'")
    client.query("PREPARE u FROM 'USE own'")
    refused(client, "USE vault")
    refused(client, "EXECUTE u; SELECT name FROM t")
    client.query("EXECUTE u")
    assert client.query("SELECT DATABASE()")[0].rows == [["own"]]
    assert client.query("SELECT name FROM t WHERE id = 1")[0].rows == [["own"]]
    client.quit()


@pytest.mark.parametrize("text", ("CREATE TEMPORARY TABLE own.mm (id INT, name VARCHAR(60)) ENGINE=MERGE UNION=(vault.m)",
                                  "CREATE TEMPORARY TABLE own.mm LIKE vault.m"))
def test_a_merge_table_stays_unknown(granting, text):  # noqa: F811
    """Whatever it stands on would have to be remembered."""
    client = login(granting)
    client.query(f"PREPARE s FROM '{text}'")
    refused(client, "EXECUTE s")
    client.quit()


def test_a_grant_that_is_over(granting):  # noqa: F811
    client = login(granting)
    client.query("PREPARE s FROM 'CREATE TEMPORARY TABLE own.z AS SELECT name FROM vault.t'")
    client.query("EXECUTE s")
    client.query("DROP TEMPORARY TABLE own.z")
    without_grant(granting)
    assert SECRET not in repr(refused(client, "EXECUTE s"))
    client.quit()
