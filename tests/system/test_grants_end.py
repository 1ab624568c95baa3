"""What a session holds when its grant ends: whatever it has opened, prepared or made under the grant is judged
anew at each use, also where it has another name, or another table behind its name, than when it was judged."""
import pytest

from harness import wire
from test_belief import SECRET, granting, login, refused, vault, without_grant  # noqa: F401


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
